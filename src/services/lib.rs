//! What the console does: one file per use-case noun. Every function takes [`Services`] and a [`Call`] and reads
//! the same way: permission, load, rule, one transaction (write, record), commit.
//!
//! It speaks no HTTP and names no vendor: protocols arrive as [`muster_domain::protocol::IdentityProvider`]s, time
//! and randomness by argument. Look first at [`call::Call`].

pub mod activity;
pub mod announcements;
pub mod applications;
mod arrival;
mod attempt;
pub mod break_glass;
pub mod calibration;
pub mod call;
mod chunks;
mod conferral;
pub mod config;
pub mod demo;
mod digest;
pub mod directories;
pub mod elevation;
pub mod factors;
pub mod forced;
pub mod forward;
pub mod groups;
pub mod guard;
pub mod hashing;
pub mod lockout;
pub mod mail;
pub mod mapping;
pub mod measured;
mod notices;
pub mod outbox;
pub mod overview;
pub mod password;
pub mod policies;
pub mod providers;
pub mod provisioning;
pub mod reauth;
pub mod receipts;
pub mod recover;
mod refusals;
pub mod reset;
pub mod roles;
mod roundtrip;
pub mod second_step;
pub mod sessions;
pub mod setup;
pub mod sign_in_policy;
pub mod signin;
pub mod simulator;
pub mod site;
pub mod sync;
pub mod trial;
pub mod users;
pub mod visit;
mod watching;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use muster_domain::directory::DirectoryKind;
use muster_domain::mail::Postman;
use muster_domain::protocol::IdentityProvider;
use muster_domain::{Clock, Entropy, Error, Ids, Kind};
use muster_storage::{Db, Sealer};

pub use call::{Call, Who};
pub use conferral::Knowingly;
pub use muster_domain::standing;

/// Everything a use case needs, shared by all requests. Cheap to clone.
#[derive(Clone)]
pub struct Services(Arc<Inner>);

struct Inner {
    parts: Parts,
    refusals: refusals::Refusals,
    answered: break_glass::Answered,
    unforced: break_glass::Answered,
    glimpses: mapping::Glimpses,
    pace: mapping::Pace,
    asked_at_sign_in: sync::at_sign_in::Asked,
}

/// The parts, plugged together by the composition root.
pub struct Parts {
    /// The database.
    pub db: Db,
    /// Where "now" comes from.
    pub clock: Arc<dyn Clock>,
    /// Where unpredictable bytes come from.
    pub entropy: Arc<dyn Entropy>,
    /// Seals secrets at rest.
    pub sealer: Sealer,
    /// The sign-in protocols this installation speaks.
    pub kinds: Vec<Arc<dyn IdentityProvider>>,
    /// The kinds of directories this installation reads.
    pub directories: Vec<Arc<dyn DirectoryKind>>,
    /// Carries messages.
    pub postman: Arc<dyn Postman>,
    /// Compares and makes password hashes without starving other work.
    pub hashing: hashing::Hashing,
    /// The address people use, when it is given by flag or variable; otherwise the stored setting counts.
    pub fixed_url: Option<url::Url>,
    /// The address this process listens on, for defaults.
    pub listen: std::net::SocketAddr,
}

impl Services {
    /// Plugs the parts together.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            parts,
            refusals: refusals::Refusals::default(),
            answered: break_glass::Answered::default(),
            unforced: break_glass::Answered::default(),
            glimpses: mapping::Glimpses::default(),
            pace: mapping::Pace::default(),
            asked_at_sign_in: sync::at_sign_in::Asked::default(),
        }))
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> &Db {
        &self.0.parts.db
    }

    /// Now.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        self.0.parts.clock.now()
    }

    /// A fresh unguessable text of 43 URL-safe characters.
    #[must_use]
    pub fn token(&self) -> String {
        self.0.parts.entropy.token()
    }

    /// A new id of any kind.
    #[must_use]
    pub fn id<T: From<uuid::Uuid>>(&self) -> T {
        Ids::new(self.0.parts.clock.as_ref(), self.0.parts.entropy.as_ref()).make()
    }

    /// Unpredictable bytes.
    #[must_use]
    pub fn entropy(&self) -> &dyn Entropy {
        self.0.parts.entropy.as_ref()
    }

    /// Seals and opens secrets.
    #[must_use]
    pub fn sealer(&self) -> &Sealer {
        &self.0.parts.sealer
    }

    /// The password hashing room.
    #[must_use]
    pub fn hashing(&self) -> &hashing::Hashing {
        &self.0.parts.hashing
    }

    /// Carries messages.
    #[must_use]
    pub fn postman(&self) -> &dyn Postman {
        self.0.parts.postman.as_ref()
    }

    /// The protocol of this kind.
    ///
    /// # Errors
    /// `IDP-002` when this installation does not speak it.
    pub fn kind(&self, kind: &str) -> Result<&dyn IdentityProvider, Error> {
        self.0
            .parts
            .kinds
            .iter()
            .find(|k| k.kind() == kind)
            .map(AsRef::as_ref)
            .ok_or_else(|| {
                Error::new(
                    "IDP-002",
                    Kind::Invalid,
                    format!("This installation does not speak the protocol “{kind}”."),
                )
            })
    }

    /// Every kind of directory that is read, in the order in which they are offered.
    #[must_use]
    pub fn directory_kinds(&self) -> &[Arc<dyn DirectoryKind>] {
        &self.0.parts.directories
    }

    /// The kind of directory of this word.
    ///
    /// # Errors
    /// `DIR-004` when this installation does not read it.
    pub fn directory_kind(&self, key: &str) -> Result<&dyn DirectoryKind, Error> {
        self.directory_kinds()
            .iter()
            .find(|kind| kind.key() == key)
            .map(AsRef::as_ref)
            .ok_or_else(|| {
                Error::new(
                    "DIR-004",
                    Kind::Invalid,
                    format!("This installation reads no directories of the kind “{key}”."),
                )
            })
    }

    /// The address given by flag or variable, if any.
    #[must_use]
    pub fn fixed_url(&self) -> Option<&url::Url> {
        self.0.parts.fixed_url.as_ref()
    }

    pub(crate) fn answered(&self) -> &break_glass::Answered {
        &self.0.answered
    }

    pub(crate) fn unforced(&self) -> &break_glass::Answered {
        &self.0.unforced
    }

    pub(crate) fn glimpses(&self) -> &mapping::Glimpses {
        &self.0.glimpses
    }

    pub(crate) fn pace(&self) -> &mapping::Pace {
        &self.0.pace
    }

    pub(crate) fn asked_at_sign_in(&self) -> &sync::at_sign_in::Asked {
        &self.0.asked_at_sign_in
    }

    pub(crate) fn refusals(&self) -> &refusals::Refusals {
        &self.0.refusals
    }

    /// The address this process listens on.
    #[must_use]
    pub fn listen(&self) -> std::net::SocketAddr {
        self.0.parts.listen
    }
}
