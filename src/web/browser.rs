//! The browser's session: found, looked up and saved around every page request.
//!
//! `tower-sessions` keeps the session (lazily: pages that need nothing of it load nothing); the layer here stands in
//! for its own because the cookie's name and `Secure` follow the public address, which setup can change while we run,
//! and because a failed save must end in words. Signing in and elevating change the id (W1 to W3); signing out
//! deletes the row, so a kept cookie is worth nothing (W4).

use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::FromRequestParts;
use chrono::{DateTime, Utc};
use http::request::Parts;
use muster_domain::id::UserId;
use muster_domain::session::{Entry, Means, SessionKey};
use muster_domain::{Error, Kind};
use muster_services::setup::Entered;
use muster_services::visit::{self, key_of, keys};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;
use tower_sessions::session::Id;
use tower_sessions::{Expiry, Session, SessionStore};

use crate::failure::{Failure, defect};
use crate::flash::{Flash, Tone};

/// That this browser entered the setup code.
const SETUP: &str = "setup";
const FLASH: &str = "flash";

/// The browser's session, as an argument of a handler. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Browser(Arc<Inner>);

struct Inner {
    /// Under its newest id.
    session: Mutex<Session>,
    /// The session of an id, from the same store.
    open: Box<dyn Fn(Id, Option<Expiry>) -> Session + Send + Sync>,
    /// Changed since it was last saved.
    unsaved: AtomicBool,
    /// Whether the browser says that a sentence waits for it.
    may_have_flash: AtomicBool,
    now: DateTime<Utc>,
    address: Option<IpAddr>,
    user_agent: Option<String>,
}

impl std::fmt::Debug for Inner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inner").finish_non_exhaustive()
    }
}

impl<S: Sync> FromRequestParts<S> for Browser {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| defect("no browser session: the router was not hardened"))
    }
}

/// What is known about the request that a session belongs to.
pub(crate) struct Arrival {
    pub id: Option<Id>,
    pub may_have_flash: bool,
    pub expires_at: DateTime<Utc>,
    pub now: DateTime<Utc>,
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
}

impl Browser {
    pub(crate) fn new(store: Arc<impl SessionStore>, arrival: Arrival) -> Self {
        let expiry = expiry(arrival.expires_at);
        Self(Arc::new(Inner {
            session: Mutex::new(Session::new(arrival.id, Arc::clone(&store), Some(expiry))),
            open: Box::new(move |id, expiry| Session::new(Some(id), Arc::clone(&store), expiry)),
            unsaved: AtomicBool::new(false),
            may_have_flash: AtomicBool::new(arrival.may_have_flash),
            now: arrival.now,
            address: arrival.address,
            user_agent: arrival.user_agent,
        }))
    }

    /// Signs a person in: nothing of the session before remains, and its id changes. Returns its new stored name.
    ///
    /// # Errors
    /// When the session cannot be saved; `WEB-401` when the password was replaced since it was compared. Then nobody is
    /// signed in.
    pub async fn signed_in(&self, user: UserId, entry: &Entry) -> Result<SessionKey, Error> {
        // Cleared unread, an id that the store does not know would stay.
        let known = self.is_known().await?;
        if entry.means == Means::Password && entry.password.is_none() {
            return Err(defect("a sign-in by a password does not say by which").0);
        }
        let (inner, session) = (&self.0, self.session());
        session.clear().await;
        let data = [
            (keys::USER, json!(user.to_string())),
            (keys::SIGNED_IN_AT, json!(inner.now.timestamp_millis())),
            (keys::MEANS, json!(entry.means)),
            (keys::ADDRESS, json!(inner.address)),
            (keys::USER_AGENT, json!(inner.user_agent)),
        ];
        for (name, value) in data {
            session.insert_value(name, value).await.map_err(failed)?;
        }
        if !entry.opened_by.is_nobody() {
            let openers = json!(entry.opened_by);
            session
                .insert_value(keys::OPENED_BY, openers)
                .await
                .map_err(failed)?;
        }
        if let Some(compared) = &entry.password {
            let compared = json!(compared);
            session
                .insert_value(keys::CHECKED, compared)
                .await
                .map_err(failed)?;
        }
        session.set_expiry(Some(expiry(inner.now + visit::LONGEST)));
        let key = self.rotate().await?;
        match self.id() {
            // Whether there is a new one is up to the store.
            Some(id) if !known => self.turn(id).await,
            _ => Ok(key),
        }
    }

    /// Changes the session's id because a secure session begins in it. Returns its new stored name.
    ///
    /// # Errors
    /// When the session cannot be saved; `WEB-401` when it was ended meanwhile. Then the person has to sign in again.
    pub async fn elevated(&self) -> Result<SessionKey, Error> {
        if self.is_known().await? {
            self.rotate().await
        } else {
            Err(ended())
        }
    }

    /// Keeps the first of two steps of a sign-in, under a new id: who knew the id before knows none of it (W1).
    ///
    /// # Errors
    /// When the session cannot be saved.
    pub async fn half_signed_in(
        &self,
        name: &str,
        half: impl Serialize,
    ) -> Result<SessionKey, Error> {
        self.session().insert(name, half).await.map_err(failed)?;
        self.rotate().await
    }

    /// Remembers that the setup code was entered here, under a new id.
    ///
    /// # Errors
    /// When the session cannot be saved.
    pub async fn entered_setup(&self, entered: &Entered) -> Result<SessionKey, Error> {
        self.session()
            .insert(SETUP, entered)
            .await
            .map_err(failed)?;
        self.rotate().await
    }

    /// Ends the session on the server.
    ///
    /// # Errors
    /// When it cannot be deleted; then it still runs.
    pub async fn sign_out(&self) -> Result<(), Error> {
        self.session().flush().await.map_err(failed)?;
        self.0.unsaved.store(false, Ordering::Release);
        Ok(())
    }

    /// The stored name of this session, making one if there is none: what a round trip to a provider is bound to.
    ///
    /// # Errors
    /// When it cannot be saved.
    pub async fn hold(&self) -> Result<SessionKey, Error> {
        self.is_known().await?;
        match self.key() {
            Some(key) => Ok(key),
            None => self.save().await,
        }
    }

    /// The stored name of this session, if there is one.
    #[must_use]
    pub fn key(&self) -> Option<SessionKey> {
        self.session().id().map(|id| key_of(&id.to_string()))
    }

    /// Keeps a value in the session.
    ///
    /// # Errors
    /// When the session cannot be read, or the value not written as JSON.
    pub async fn keep(&self, name: &str, value: impl Serialize) -> Result<(), Error> {
        self.session().insert(name, value).await.map_err(failed)?;
        self.0.unsaved.store(true, Ordering::Release);
        Ok(())
    }

    /// A kept value.
    ///
    /// # Errors
    /// When the session cannot be read.
    pub async fn kept<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        self.session().get(name).await.map_err(failed)
    }

    /// Removes a kept value and returns it.
    ///
    /// # Errors
    /// When the session cannot be read.
    pub async fn take<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Error> {
        let value = self.session().remove(name).await.map_err(failed)?;
        if value.is_some() {
            self.0.unsaved.store(true, Ordering::Release);
        }
        Ok(value)
    }

    /// Leaves a sentence for the next page.
    ///
    /// # Errors
    /// When the session cannot be read.
    pub async fn flash(&self, text: impl Into<String>, tone: Tone) -> Result<(), Error> {
        self.0.may_have_flash.store(true, Ordering::Release);
        self.keep(
            FLASH,
            Flash {
                text: text.into(),
                tone,
            },
        )
        .await
    }

    /// The sentence left for this page, once. Asks the database only if the browser says that there is one.
    ///
    /// # Errors
    /// When the session cannot be read.
    pub async fn take_flash(&self) -> Result<Option<Flash>, Error> {
        if !self.0.may_have_flash.swap(false, Ordering::AcqRel) {
            return Ok(None);
        }
        self.take(FLASH).await
    }

    /// What it was given when it entered the setup code, if it did. Whether that still counts is asked elsewhere.
    pub(crate) async fn setup(&self) -> Result<Option<Entered>, Error> {
        self.kept(SETUP).await
    }

    pub(crate) fn id(&self) -> Option<Id> {
        self.session().id()
    }

    pub(crate) fn may_have_flash(&self) -> bool {
        self.0.may_have_flash.load(Ordering::Acquire)
    }

    pub(crate) async fn save_if_changed(&self) -> Result<(), Error> {
        if self.0.unsaved.load(Ordering::Acquire) {
            self.save().await?;
        }
        Ok(())
    }

    fn session(&self) -> Session {
        let session = self.0.session.lock();
        session.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether the store knows the id that came in. Reading finds that out; a made-up one is forgotten (W44).
    async fn is_known(&self) -> Result<bool, Error> {
        let session = self.session();
        session.get_value(FLASH).await.map_err(failed)?;
        Ok(session.id().is_some())
    }

    /// Saves the session under a new id. One that was ended since it was read stays ended: deleting its row and making
    /// another, as tower-sessions does it, would bring it back.
    async fn rotate(&self) -> Result<SessionKey, Error> {
        if !self.is_known().await? {
            return self.save().await;
        }
        let (session, next) = (self.session(), Id::default());
        session
            .insert(keys::NEXT, next.to_string())
            .await
            .map_err(failed)?;
        session.save().await.map_err(failed)?;
        self.turn(next).await
    }

    /// Goes on under this id, if the store knows it.
    async fn turn(&self, id: Id) -> Result<SessionKey, Error> {
        let turned = (self.0.open)(id, self.session().expiry());
        *self
            .0
            .session
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = turned;
        self.0.unsaved.store(false, Ordering::Release);
        if self.is_known().await? {
            self.key()
                .ok_or_else(|| defect("a saved session has no id").0)
        } else {
            Err(ended())
        }
    }

    async fn save(&self) -> Result<SessionKey, Error> {
        self.session().save().await.map_err(failed)?;
        self.0.unsaved.store(false, Ordering::Release);
        self.key()
            .ok_or_else(|| defect("a saved session has no id").0)
    }
}

fn expiry(at: DateTime<Utc>) -> Expiry {
    let at = time::OffsetDateTime::from_unix_timestamp(at.timestamp())
        .unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    Expiry::AtDateTime(at)
}

fn ended() -> Error {
    Error::new("WEB-401", Kind::SignInNeeded, "Sign in to see this.")
}

fn failed(error: tower_sessions::session::Error) -> Error {
    Error::new(
        "WEB-010",
        Kind::Unavailable,
        "Your session cannot be read or saved right now. Nothing was changed.",
    )
    .next("Wait a moment and try again.")
    .internal(error)
}
