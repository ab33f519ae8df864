//! A signed-in browser session, and the secure admin session inside it.
//!
//! [`ElevatedSession`] is a proof by type: sensitive services demand one in their signature, and there is no
//! way to make one but to hold an [`Elevation`] that is neither over nor dropped.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{ElevationId, ProviderId, UserId};

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
    /// The secure admin session inside it, if one was earned (it may be over).
    pub elevation: Option<Elevation>,
}

impl Session {
    /// The secure admin session, if one runs at `now`.
    #[must_use]
    pub fn elevated(&self, now: DateTime<Utc>) -> Option<ElevatedSession<'_>> {
        let elevation = self.elevation.as_ref()?;
        let runs = elevation.session == self.key
            && elevation.user == self.user
            && elevation.granted_at <= now
            && now < elevation.ends_at;
        runs.then_some(ElevatedSession {
            session: self,
            elevation,
        })
    }
}

/// How presence was proven.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofKind {
    /// A provider proved a fresh sign-in.
    Fresh,
    /// The password of an internal account.
    Password,
}

/// Proof of presence of one person in one session at one instant. Made by [`crate::reauth::judge`] and by
/// [`Proof::password`] alone.
#[derive(Clone, PartialEq, Debug)]
pub struct Proof {
    kind: ProofKind,
    session: SessionKey,
    user: UserId,
    provider: Option<ProviderId>,
    at: DateTime<Utc>,
}

impl Proof {
    pub(crate) const fn fresh(
        session: SessionKey,
        user: UserId,
        provider: ProviderId,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            kind: ProofKind::Fresh,
            session,
            user,
            provider: Some(provider),
            at,
        }
    }

    /// Proof by the password of an internal account. Needs the witness that the password was checked just now.
    #[must_use]
    pub fn password(
        session: &Session,
        checked: crate::credential::PasswordChecked,
        at: DateTime<Utc>,
    ) -> Option<Self> {
        (checked.user() == session.user).then(|| Self {
            kind: ProofKind::Password,
            session: session.key.clone(),
            user: session.user,
            provider: None,
            at,
        })
    }
}

impl Proof {
    /// The browser session in which presence was proven (its name before rotation).
    #[must_use]
    pub const fn session(&self) -> &SessionKey {
        &self.session
    }

    /// Whose presence.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }
}

/// How long secure admin sessions last.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ElevationPolicy {
    /// From grant to end, in seconds. 600 by default, as administrators know it from comparable systems.
    pub lifetime_seconds: u32,
}

impl Default for ElevationPolicy {
    fn default() -> Self {
        Self {
            lifetime_seconds: 600,
        }
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
}

impl Elevation {
    /// Exchanges a proof for a secure admin session. The session id rotates at that moment: `rotated` is its new
    /// stored name, and the old one is worth nothing from then on.
    #[must_use]
    pub fn earn(
        id: ElevationId,
        proof: Proof,
        rotated: SessionKey,
        policy: ElevationPolicy,
    ) -> Self {
        let Proof {
            kind,
            session: _,
            user,
            provider,
            at,
        } = proof;
        let ends_at = at + TimeDelta::seconds(i64::from(policy.lifetime_seconds));
        Self {
            id,
            session: rotated,
            user,
            kind,
            provider,
            granted_at: at,
            ends_at,
        }
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
        } = row;
        Self {
            id,
            session,
            user,
            kind,
            provider,
            granted_at,
            ends_at,
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
        }
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
}
