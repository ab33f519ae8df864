//! A mail server that takes what it is given, or does what it is told to do instead.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;
use muster_domain::error::FieldError;
use muster_domain::mail::{Delivered, Fate, Letter, Postman, Server, Undelivered};
use muster_domain::{Error, Kind};
use secrecy::{ExposeSecret as _, SecretString};

/// What the server does with a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answers {
    /// It takes it.
    Takes,
    /// It does not take it now.
    Later,
    /// It never takes it.
    Never,
    /// It takes it, and the connection is gone before it can say so.
    TakesAndIsCutOff,
}

/// A mail server without a network. One made by default takes everything.
#[derive(Debug, Default)]
pub struct FakePostman {
    told: Mutex<VecDeque<Answers>>,
    kept: Mutex<Vec<Letter>>,
    shown: Mutex<Vec<(String, Option<String>)>>,
}

impl FakePostman {
    /// What it does with the next messages; after that it takes everything.
    pub fn answers(&self, next: &[Answers]) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = next.iter().copied().collect();
    }

    /// Every message it took, oldest first.
    #[must_use]
    pub fn kept(&self) -> Vec<Letter> {
        self.kept
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Every message it took since it was last asked.
    #[must_use]
    pub fn taken(&self) -> Vec<Letter> {
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The host of every conversation, and the password it was shown there.
    #[must_use]
    pub fn shown(&self) -> Vec<(String, Option<String>)> {
        self.shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn keep(&self, letter: &Letter) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.push(letter.clone());
    }
}

fn refused(code: &'static str, fate: Fate) -> Undelivered {
    let error = Error::new(code, Kind::Upstream, "The mail server says something else.");
    Undelivered { error, fate }
}

#[async_trait]
impl Postman for FakePostman {
    fn examine(&self, _: &Server) -> Result<(), FieldError> {
        Ok(())
    }

    async fn deliver(
        &self,
        server: &Server,
        password: Option<&SecretString>,
        letter: &Letter,
    ) -> Result<Delivered, Undelivered> {
        let password = password.map(|password| password.expose_secret().to_owned());
        self.shown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push((server.host.clone(), password));
        let next = self
            .told
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop_front();
        match next.unwrap_or(Answers::Takes) {
            Answers::Takes => {
                self.keep(letter);
                Ok(Delivered {
                    code: 250,
                    words: "2.0.0 kept".to_owned(),
                    tls: Some("TLS 1.3".to_owned()),
                })
            }
            Answers::Later => Err(refused("MAIL-016", Fate::Again)),
            Answers::Never => Err(refused("MAIL-015", Fate::Never)),
            Answers::TakesAndIsCutOff => {
                self.keep(letter);
                Err(refused("MAIL-017", Fate::Again))
            }
        }
    }
}
