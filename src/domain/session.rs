//! A signed-in browser session, and the secure admin session inside it.
//!
//! [`ElevatedSession`] is a proof by type: sensitive services demand one in their signature, and there is no
//! way to make one but to hold an [`Elevation`] that is neither over nor dropped.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::credential::Imprint;
use crate::factor::Enrolled;
use crate::id::{DirectoryId, ElevationId, ProviderId, UserId};
use crate::opener::Openers;
use crate::policy::{Address, ElevationPolicy};

mod proof;

pub use proof::{Proof, ProofKind, Unproven};

/// The stored name of a browser session: the SHA-256 of its cookie value, in hexadecimal. Not a secret.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionKey(pub String);

/// By what means a person signed in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by")]
pub enum Means {
    /// A password of the internal directory.
    Password,
    /// An identity provider.
    Provider {
        /// Which.
        provider: ProviderId,
        /// The issuer that answered.
        issuer: String,
        /// The subject it named.
        subject: String,
        /// When, as the provider stated it.
        stated: Option<DateTime<Utc>>,
    },
    /// A password that a directory answered for.
    Directory {
        /// Which.
        directory: DirectoryId,
    },
}

/// How somebody came in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Entry {
    /// By what means.
    pub means: Means,
    /// Who else could have come in so.
    pub opened_by: Openers,
    /// Which password was compared: the session comes about only if it still is theirs. None for every other means.
    pub password: Option<Imprint>,
}

impl Entry {
    /// By a password, together with a second factor where one was asked for.
    #[must_use]
    pub const fn by_password(opened_by: Openers, password: Imprint) -> Self {
        Self {
            means: Means::Password,
            opened_by,
            password: Some(password),
        }
    }

    /// By a password that a directory answered for, together with a second factor where one was asked for.
    #[must_use]
    pub const fn by_directory(opened_by: Openers, directory: DirectoryId) -> Self {
        Self {
            means: Means::Directory { directory },
            opened_by,
            password: None,
        }
    }
}

/// A signed-in browser session.
#[derive(Clone, PartialEq, Debug)]
pub struct Session {
    /// Its stored name.
    pub key: SessionKey,
    /// Who is signed in.
    pub user: UserId,
    /// Since when.
    pub signed_in_at: DateTime<Utc>,
    /// By what means.
    pub means: Means,
    /// Who else could have come in so.
    pub opened_by: Openers,
    /// The secure admin session inside it, if one was earned (it may be over).
    pub elevation: Option<Elevation>,
}

/// How long after its end a secure session counts for a form that was on the screen while it ran: nobody types for
/// nothing. It lengthens nothing that was dropped, revoked or ended for another reason.
pub const GRACE: TimeDelta = TimeDelta::seconds(60);

impl Session {
    /// Lets the secure session count [`GRACE`] longer, for a form that was on the screen while it ran. For the one
    /// service that opens the seal such a form carries (a wall test sees to it).
    pub fn form_was_on_screen(&mut self, during: ElevationId) {
        let own = self.elevation.as_mut();
        if let Some(elevation) = own.filter(|elevation| elevation.id == during) {
            elevation.grace = GRACE;
        }
    }

    /// The secure admin session, if one runs at `now`.
    #[must_use]
    pub fn elevated(&self, now: DateTime<Utc>) -> Option<ElevatedSession<'_>> {
        let elevation = self.elevation.as_ref()?;
        let runs = elevation.session == self.key
            && elevation.user == self.user
            && elevation.granted_at <= now
            && now < elevation.counts_until();
        runs.then_some(ElevatedSession {
            session: self,
            elevation,
        })
    }
}

/// A secure admin session as it is stored.
#[derive(Clone, PartialEq, Debug)]
pub struct Elevation {
    id: ElevationId,
    session: SessionKey,
    user: UserId,
    kind: ProofKind,
    provider: Option<ProviderId>,
    granted_at: DateTime<Utc>,
    ends_at: DateTime<Utc>,
    idle_seconds: Option<u32>,
    network: Option<String>,
    opened_by: Openers,
    used_at: Option<DateTime<Utc>>,
    /// Never stored: it is the form's, not the session's.
    grace: TimeDelta,
}

/// The plain columns of an [`Elevation`], for storage.
#[derive(Clone, PartialEq, Debug)]
pub struct StoredElevation {
    /// Its id.
    pub id: ElevationId,
    /// The browser session it belongs to.
    pub session: SessionKey,
    /// Whose it is.
    pub user: UserId,
    /// How it was earned.
    pub kind: ProofKind,
    /// At which provider, if at one.
    pub provider: Option<ProviderId>,
    /// When.
    pub granted_at: DateTime<Utc>,
    /// Until when.
    pub ends_at: DateTime<Utc>,
    /// After how many seconds without a request it ends before that, if policy says so.
    pub idle_seconds: Option<u32>,
    /// The only network it runs from, if policy binds it to one.
    pub network: Option<String>,
    /// Who else could have brought what proved presence.
    pub opened_by: Openers,
    /// When somebody last used it; none: not since it was granted.
    pub used_at: Option<DateTime<Utc>>,
}

/// Everything that decides whether a proof is exchanged for a secure session.
#[derive(Clone, Copy, Debug)]
pub struct Terms<'a> {
    /// The policy of the person's roles.
    pub policy: &'a ElevationPolicy,
    /// Whether they have a second factor.
    pub enrolled: Enrolled,
    /// The network they come from.
    pub network: &'a str,
}

impl Elevation {
    /// Exchanges a proof for a secure admin session, if policy accepts such a proof. The session id rotates at that
    /// moment: `rotated` is its new stored name, and the old one is worth nothing from then on.
    #[must_use]
    pub fn earn(
        id: ElevationId,
        proof: Proof,
        rotated: SessionKey,
        terms: Terms<'_>,
    ) -> Option<Self> {
        let Terms {
            policy,
            enrolled,
            network,
        } = terms;
        policy.accepts(proof.kind(), enrolled).then(|| Self {
            id,
            session: rotated,
            user: proof.user(),
            kind: proof.kind(),
            provider: proof.provider(),
            opened_by: proof.opened_by().clone(),
            granted_at: proof.at(),
            ends_at: proof.at() + TimeDelta::seconds(i64::from(policy.lifetime_seconds())),
            idle_seconds: policy.idle_seconds,
            network: (policy.address == Address::Stays).then(|| network.to_owned()),
            used_at: None,
            grace: TimeDelta::zero(),
        })
    }

    /// Reads one back from its row. For the storage crate alone (a wall test sees to it).
    #[must_use]
    pub fn recall(row: StoredElevation) -> Self {
        let StoredElevation {
            id,
            session,
            user,
            kind,
            provider,
            granted_at,
            ends_at,
            idle_seconds,
            network,
            opened_by,
            used_at,
        } = row;
        Self {
            id,
            session,
            user,
            kind,
            provider,
            granted_at,
            ends_at,
            idle_seconds,
            network,
            opened_by,
            used_at,
            grace: TimeDelta::zero(),
        }
    }

    /// Its columns.
    #[must_use]
    pub fn to_row(&self) -> StoredElevation {
        StoredElevation {
            id: self.id,
            session: self.session.clone(),
            user: self.user,
            kind: self.kind,
            provider: self.provider,
            granted_at: self.granted_at,
            ends_at: self.ends_at,
            idle_seconds: self.idle_seconds,
            network: self.network.clone(),
            opened_by: self.opened_by.clone(),
            used_at: self.used_at,
        }
    }

    /// Until when it counts for the request at hand.
    fn counts_until(&self) -> DateTime<Utc> {
        self.ends_at + self.grace
    }

    /// When somebody last used it, its grant included.
    #[must_use]
    pub fn last_used_at(&self) -> DateTime<Utc> {
        self.used_at
            .map_or(self.granted_at, |used| used.max(self.granted_at))
    }

    /// Whether policy ends it when nobody uses it.
    #[must_use]
    pub const fn may_idle(&self) -> bool {
        self.idle_seconds.is_some()
    }

    /// Whether it ended because nobody used it. What a browser asks for by itself is no use: that a session was seen does
    /// not say that anybody sat there.
    #[must_use]
    pub fn is_idle(&self, now: DateTime<Utc>) -> bool {
        let since = self.last_used_at();
        self.idle_seconds
            .is_some_and(|idle| now - since > TimeDelta::seconds(i64::from(idle)))
    }

    /// Whether it runs from this network too.
    #[must_use]
    pub fn runs_from(&self, network: &str) -> bool {
        self.network.as_deref().is_none_or(|bound| bound == network)
    }
}

/// A running secure admin session: what sensitive services demand.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct ElevatedSession<'a> {
    session: &'a Session,
    elevation: &'a Elevation,
}

impl ElevatedSession<'_> {
    /// The session that is elevated.
    #[must_use]
    pub const fn session(&self) -> &Session {
        self.session
    }

    /// Whether it counts at `now`.
    #[must_use]
    pub fn counts_at(&self, now: DateTime<Utc>) -> bool {
        now < self.elevation.counts_until()
    }

    /// When it ends.
    #[must_use]
    pub const fn ends_at(&self) -> DateTime<Utc> {
        self.elevation.ends_at
    }

    /// How it was earned.
    #[must_use]
    pub const fn kind(&self) -> ProofKind {
        self.elevation.kind
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> ElevationId {
        self.elevation.id
    }

    /// Who else could have brought what proved presence: they open with it whatever is opened here.
    #[must_use]
    pub const fn opened_by(&self) -> &Openers {
        &self.elevation.opened_by
    }

    /// What is stored of it.
    #[must_use]
    pub const fn elevation(&self) -> &Elevation {
        self.elevation
    }
}
