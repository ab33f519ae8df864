//! The lab as a whole: its providers, its people and what they share.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use crate::character::CHARACTERS;
use crate::keys::encode;
use crate::options::Options;
use crate::people::{Person, people};
use crate::provider::{LabProvider, Provider};
use crate::shelf::locked;
use crate::tamper::{Hold, Tamper};

/// Why a lab cannot be made or used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// The address can be reached from other machines.
    #[error("the lab listens on loopback only, and {0} is not; use 127.0.0.1 or [::1]")]
    NotLoopback(SocketAddr),
    /// There is no provider of that name.
    #[error("the lab has no provider “{0}”")]
    UnknownProvider(String),
}

/// The lab. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Lab {
    world: Arc<World>,
}

struct World {
    options: Options,
    base: String,
    providers: Vec<Provider>,
    people: Vec<Person>,
}

impl Lab {
    /// Makes the lab, with nobody signed in.
    ///
    /// # Errors
    /// [`LabError::NotLoopback`] if `options.listen` can be reached from other machines.
    pub fn new(options: Options) -> Result<Self, LabError> {
        if !options.listen.ip().is_loopback() {
            return Err(LabError::NotLoopback(options.listen));
        }
        let base = format!("http://{}", options.listen);
        let providers = CHARACTERS
            .iter()
            .map(|character| Provider::new(character, &base))
            .collect();
        Ok(Self {
            world: Arc::new(World {
                options,
                base,
                providers,
                people: people(),
            }),
        })
    }

    /// Every provider with its issuer and the verdict it must lead to.
    #[must_use]
    pub fn providers(&self) -> Vec<LabProvider> {
        self.all_providers().map(Provider::describe).collect()
    }

    /// Everyone who can sign in, in the order of their ids.
    #[must_use]
    pub fn people(&self) -> &[Person] {
        &self.world.people
    }

    /// The address of the index page, without a slash at the end.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.world.base
    }

    /// What the lab was made from.
    #[must_use]
    pub fn options(&self) -> &Options {
        &self.world.options
    }

    /// Falsifies the next answer of provider `slug` that `tamper` applies to.
    ///
    /// # Errors
    /// [`LabError::UnknownProvider`].
    pub fn tamper(&self, slug: &str, tamper: Tamper) -> Result<(), LabError> {
        self.arm(slug, tamper, Hold::Once)
    }

    /// Like [`Lab::tamper`], for as long as `hold` says.
    ///
    /// # Errors
    /// [`LabError::UnknownProvider`].
    pub fn arm(&self, slug: &str, tamper: Tamper, hold: Hold) -> Result<(), LabError> {
        locked(&self.known(slug)?.armed).add(tamper, hold);
        Ok(())
    }

    /// Makes provider `slug` answer truly again (as far as its character allows).
    ///
    /// # Errors
    /// [`LabError::UnknownProvider`].
    pub fn disarm(&self, slug: &str) -> Result<(), LabError> {
        locked(&self.known(slug)?.armed).clear();
        Ok(())
    }

    /// The tampers waiting at provider `slug`.
    ///
    /// # Errors
    /// [`LabError::UnknownProvider`].
    pub fn armed(&self, slug: &str) -> Result<Vec<Tamper>, LabError> {
        Ok(locked(&self.known(slug)?.armed).list())
    }

    fn known(&self, slug: &str) -> Result<&Provider, LabError> {
        self.provider(slug)
            .ok_or_else(|| LabError::UnknownProvider(slug.to_owned()))
    }

    pub(crate) fn provider(&self, slug: &str) -> Option<&Provider> {
        self.all_providers()
            .find(|provider| provider.character.slug == slug)
    }

    pub(crate) fn all_providers(&self) -> impl Iterator<Item = &Provider> {
        self.world.providers.iter()
    }

    pub(crate) fn person(&self, username: &str) -> Option<&Person> {
        let typed = username.trim().to_lowercase();
        self.people().iter().find(|person| person.username == typed)
    }

    /// Somebody who is not `person`.
    pub(crate) fn other_person(&self, person: &Person) -> Option<&Person> {
        self.people().iter().find(|candidate| *candidate != person)
    }

    /// The id of a person other than `person`, for answers about the wrong one.
    pub(crate) fn somebody_else(&self, person: &Person) -> String {
        let other = self.other_person(person);
        other.map_or_else(|| "lab-0000".to_owned(), |other| other.id.clone())
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        (self.world.options.clock)()
    }

    /// An unguessable string of 43 characters.
    pub(crate) fn random(&self) -> String {
        let mut bytes = [0; 32];
        (self.world.options.entropy)(&mut bytes);
        encode(&bytes)
    }
}

impl fmt::Debug for Lab {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Lab")
            .field("base", &self.world.base)
            .finish_non_exhaustive()
    }
}
