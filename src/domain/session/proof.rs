//! Proofs of presence, and what falls short of one. There is no way to make one but to earn it.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Session, SessionKey};
use crate::credential::{Imprint, PasswordChecked};
use crate::factor::{Answered, Confirmed, FactorChecked};
use crate::id::{ProviderId, ReceiptId, UserId};
use crate::opener::Openers;
use crate::reauth::Verdict;

/// How presence was proven.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofKind {
    /// A provider proved a fresh sign-in.
    Fresh,
    /// A provider's answer proved nothing either way, and a second factor stood in.
    UnprovableAndFactor,
    /// The password of an internal account.
    Password,
    /// The password of an internal account, and a second factor.
    PasswordAndFactor,
    /// As [`Self::UnprovableAndFactor`], and the factor was a passkey.
    UnprovableAndPasskey,
    /// As [`Self::PasswordAndFactor`], and the factor was a passkey.
    PasswordAndPasskey,
    /// A passkey of an internal account, which verified its user, and nothing beside it.
    Passkey,
}

impl ProofKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [
        Self::Fresh,
        Self::UnprovableAndFactor,
        Self::Password,
        Self::PasswordAndFactor,
        Self::UnprovableAndPasskey,
        Self::PasswordAndPasskey,
        Self::Passkey,
    ];
}

/// Proof of presence of one person in one session at one instant. Made by [`crate::reauth::judge`], by
/// [`Proof::password`], by [`Proof::passkey`], and out of something checked together with a second factor.
#[derive(Clone, PartialEq, Debug)]
pub struct Proof {
    kind: ProofKind,
    session: SessionKey,
    user: UserId,
    provider: Option<ProviderId>,
    confirmed: Option<Confirmed>,
    opened_by: Openers,
    password: Option<Imprint>,
    receipt: Option<ReceiptId>,
    at: DateTime<Utc>,
}

impl Proof {
    pub(crate) const fn fresh(
        session: SessionKey,
        user: UserId,
        provider: ProviderId,
        opened_by: Openers,
        at: DateTime<Utc>,
    ) -> Self {
        Self {
            kind: ProofKind::Fresh,
            session,
            user,
            provider: Some(provider),
            confirmed: None,
            opened_by,
            password: None,
            receipt: None,
            at,
        }
    }

    /// Proof by the password of an internal account. Needs the witness that the password was checked just now.
    #[must_use]
    pub fn password(
        session: &Session,
        checked: PasswordChecked,
        at: DateTime<Utc>,
    ) -> Option<Self> {
        (checked.user() == session.user).then(|| Self {
            kind: ProofKind::Password,
            session: session.key.clone(),
            user: session.user,
            provider: None,
            confirmed: None,
            opened_by: checked.opened_by().clone(),
            password: Some(checked.imprint().clone()),
            receipt: None,
            at,
        })
    }

    /// Proof by a passkey alone. Needs the witness that it was checked just now, and that it was one.
    #[must_use]
    pub fn passkey(session: &Session, checked: &FactorChecked, at: DateTime<Utc>) -> Option<Self> {
        let own = checked.user() == session.user && checked.by() == Answered::Passkey;
        own.then(|| Self {
            kind: ProofKind::Passkey,
            session: session.key.clone(),
            user: session.user,
            provider: None,
            confirmed: Some(checked.confirmed(at)),
            opened_by: checked.opened_by().clone(),
            password: None,
            receipt: None,
            at,
        })
    }

    /// The same proof with a second factor beside it: of use for a password alone.
    #[must_use]
    pub fn with_factor(self, checked: FactorChecked) -> Option<Self> {
        let own = checked.user() == self.user;
        (own && self.kind == ProofKind::Password).then(|| Self {
            kind: match checked.by() {
                Answered::Passkey => ProofKind::PasswordAndPasskey,
                Answered::Totp | Answered::Recovery => ProofKind::PasswordAndFactor,
            },
            confirmed: Some(checked.confirmed(self.at)),
            opened_by: self.opened_by.beside(checked.opened_by().clone()),
            ..self
        })
    }

    /// The same proof with the receipt of the answer it rests on.
    #[must_use]
    pub fn kept_as(self, receipt: ReceiptId) -> Self {
        Self {
            receipt: Some(receipt),
            ..self
        }
    }

    /// The receipt of the provider's answer that it rests on; none for a proof made here.
    #[must_use]
    pub const fn receipt(&self) -> Option<ReceiptId> {
        self.receipt
    }

    /// Which password it rests on, if on one.
    #[must_use]
    pub const fn password_compared(&self) -> Option<&Imprint> {
        self.password.as_ref()
    }

    /// The second factor beside it, or the passkey it is.
    #[must_use]
    pub const fn confirmed(&self) -> Option<&Confirmed> {
        self.confirmed.as_ref()
    }

    /// Who else could have brought it.
    #[must_use]
    pub const fn opened_by(&self) -> &Openers {
        &self.opened_by
    }

    /// How presence was proven.
    #[must_use]
    pub const fn kind(&self) -> ProofKind {
        self.kind
    }

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

    /// At which provider, if at one.
    #[must_use]
    pub const fn provider(&self) -> Option<ProviderId> {
        self.provider
    }

    /// When.
    #[must_use]
    pub const fn at(&self) -> DateTime<Utc> {
        self.at
    }
}

/// A provider's answer about one person in one session that was judged [`Verdict::Unprovable`]: no proof, but with a
/// second factor it may become one. No other verdict can be taken for it.
#[derive(Clone, PartialEq, Debug)]
pub struct Unproven {
    session: SessionKey,
    user: UserId,
    provider: ProviderId,
}

impl Unproven {
    /// What was judged so. None for every other verdict: what is refuted is not made good by a code.
    pub(crate) fn of(
        verdict: Verdict,
        session: &SessionKey,
        user: UserId,
        provider: ProviderId,
    ) -> Option<Self> {
        (verdict == Verdict::Unprovable).then(|| Self {
            session: session.clone(),
            user,
            provider,
        })
    }

    /// Reads one back from its receipt, whose verdict decides. For the one service that asks for the factor afterwards
    /// (a wall test sees to it).
    #[must_use]
    pub fn recall(
        verdict: Verdict,
        session: &SessionKey,
        user: UserId,
        provider: ProviderId,
    ) -> Option<Self> {
        Self::of(verdict, session, user, provider)
    }

    /// Proof, now that the person's own second factor was checked. The answer proved nothing, so it is the factor alone
    /// that says who else could have brought it.
    #[must_use]
    pub fn with_factor(self, checked: FactorChecked, at: DateTime<Utc>) -> Option<Proof> {
        (checked.user() == self.user).then(|| Proof {
            kind: match checked.by() {
                Answered::Passkey => ProofKind::UnprovableAndPasskey,
                Answered::Totp | Answered::Recovery => ProofKind::UnprovableAndFactor,
            },
            confirmed: Some(checked.confirmed(at)),
            opened_by: checked.opened_by().clone(),
            password: None,
            receipt: None,
            session: self.session,
            user: self.user,
            provider: Some(self.provider),
            at,
        })
    }
}
