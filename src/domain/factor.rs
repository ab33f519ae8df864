//! The second factor of a person: something they have, beside what they know. Several per person, each with a name.
//!
//! Two kinds: codes of an authenticator app ([`totp`]), and passkeys, which check that it is their owner and cannot be
//! tricked into answering another site; [`recovery`] codes stand in for a lost one. Nothing here remembers: which step,
//! code or question was used is kept by storage, which accepts each of them once.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::error::FieldError;
use crate::id::{FactorId, UserId};
use crate::opener::Openers;

pub mod recovery;
pub mod totp;

/// What kind of thing it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    /// An app that shows codes (RFC 6238).
    Totp,
    /// A passkey that verifies its user (W3C Web Authentication, level 2).
    Passkey,
}

impl FactorKind {
    /// The name people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Totp => "Authenticator app",
            Self::Passkey => "Passkey",
        }
    }
}

/// A second factor that counts: its owner showed that they have it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Factor {
    /// Its id.
    pub id: FactorId,
    /// Whose it is.
    pub user: UserId,
    /// What it is.
    pub kind: FactorKind,
    /// What its owner calls it.
    pub name: String,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When it was last used.
    pub last_used_at: Option<DateTime<Utc>>,
    /// The name of this console that a passkey answers to. It answers to no other.
    pub bound_to: Option<String>,
    /// When an answer showed that there may be a copy of it. It is not accepted from then on.
    pub suspected_at: Option<DateTime<Utc>>,
    /// Who let its owner add it without a secure session.
    pub permitted_by: Option<String>,
    /// Who else may have it.
    pub opened_by: Openers,
}

impl Factor {
    /// Whether its answers are taken, as far as can be told without one: a passkey of another name of this console, or
    /// one of which there may be a copy, is not asked.
    #[must_use]
    pub fn answers_to(&self, name: Option<&str>) -> bool {
        match self.kind {
            FactorKind::Totp => true,
            FactorKind::Passkey => {
                self.suspected_at.is_none() && name.is_some() && self.bound_to.as_deref() == name
            }
        }
    }
}

/// Leave to add one's first second factor without a secure session, given by an admin. It counts once.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Permit {
    /// For whom.
    pub user: UserId,
    /// Who gave it, by name.
    pub granted_by: String,
    /// Them, and whoever opened the session they gave it in.
    pub opened_by: Openers,
    /// When.
    pub granted_at: DateTime<Utc>,
    /// Until when.
    pub expires_at: DateTime<Utc>,
}

/// How long a permit counts: the next working day is within it.
pub const PERMIT: TimeDelta = TimeDelta::hours(24);

/// Whether a person has a second factor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Enrolled {
    /// They have one at least.
    Yes,
    /// They have none.
    No,
}

/// The second factors a person has, as far as getting in depends on them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kit {
    /// Whether they have any, usable or not: then the password alone is not enough.
    pub enrolled: Enrolled,
    /// Whether one of them is an app.
    pub app: bool,
    /// The names of this console that their passkeys answer to; those of which there may be a copy left out.
    pub passkeys: BTreeSet<String>,
    /// Whether a recovery code is left.
    pub codes: bool,
}

impl Kit {
    /// Of somebody who has none.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            enrolled: Enrolled::No,
            app: false,
            passkeys: BTreeSet::new(),
            codes: false,
        }
    }

    /// Whether they can type a code: of an app, or a recovery code.
    #[must_use]
    pub fn has_code(&self) -> bool {
        self.enrolled == Enrolled::Yes && (self.app || self.codes)
    }

    /// Whether a passkey of theirs answers to this name of the console; none: passkeys answer nowhere.
    #[must_use]
    pub fn has_passkey(&self, name: Option<&str>) -> bool {
        name.is_some_and(|name| self.passkeys.contains(name))
    }
}

/// With what a person answered when a second factor was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    /// A code of an app.
    Totp,
    /// A recovery code.
    Recovery,
    /// A passkey, which verified its user.
    Passkey,
}

/// What confirmed something, as it goes on record.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Confirmed {
    /// Its kind.
    pub by: Answered,
    /// What its owner calls it; none for a recovery code.
    pub name: Option<String>,
    /// When.
    pub at: DateTime<Utc>,
}

impl Confirmed {
    /// In words: "a code of “Phone”".
    #[must_use]
    pub fn words(&self) -> String {
        let named = |what: &str| match &self.name {
            Some(name) => format!("{what} “{name}”"),
            None => what.to_owned(),
        };
        match self.by {
            Answered::Totp => named("a code of"),
            Answered::Recovery => "a recovery code".to_owned(),
            Answered::Passkey => named("the passkey"),
        }
    }
}

/// Witness that a person's second factor was checked, used up and right, a moment ago. Made where codes are compared.
#[derive(Debug)]
pub struct FactorChecked {
    user: UserId,
    by: Answered,
    name: Option<String>,
    opened_by: Openers,
}

impl FactorChecked {
    /// For the services that compare codes and check answers of passkeys (a wall test sees to it). `opened_by`: who else
    /// may have it.
    #[must_use]
    pub const fn witness(user: UserId, by: Answered, opened_by: Openers) -> Self {
        Self {
            user,
            by,
            name: None,
            opened_by,
        }
    }

    /// Who else may have it.
    #[must_use]
    pub const fn opened_by(&self) -> &Openers {
        &self.opened_by
    }

    /// The same with what its owner calls the factor.
    #[must_use]
    pub fn called(self, name: &str) -> Self {
        Self {
            name: Some(name.to_owned()),
            ..self
        }
    }

    /// As it goes on record.
    #[must_use]
    pub fn confirmed(&self, at: DateTime<Utc>) -> Confirmed {
        Confirmed {
            by: self.by,
            name: self.name.clone(),
            at,
        }
    }

    /// Whose factor it was.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }

    /// With what they answered.
    #[must_use]
    pub const fn by(&self) -> Answered {
        self.by
    }
}

/// Most factors of one person: a phone, a spare, a key or two, and room.
pub const MOST: usize = 10;
/// Longest name of a factor, in characters.
pub const LONGEST_NAME: usize = 60;

/// Checks what somebody wants to call a factor; `taken` are the names of their others.
///
/// # Errors
/// A message for the field `name`.
pub fn name(typed: &str, taken: &[String]) -> Result<String, FieldError> {
    let refuse = |message: &str| {
        Err(FieldError {
            field: "name".to_owned(),
            message: message.to_owned(),
        })
    };
    let name = typed.trim();
    if name.is_empty() {
        return refuse("Enter a name by which you will know it again, such as “Phone”.");
    }
    if name.chars().count() > LONGEST_NAME {
        return refuse("Use at most 60 characters.");
    }
    if name.chars().any(char::is_control) {
        return refuse("Remove the line break or control character.");
    }
    if taken
        .iter()
        .any(|other| other.to_lowercase() == name.to_lowercase())
    {
        return refuse("You have one of this name already.");
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_factor_has_a_name_of_its_own() {
        let taken = ["Phone".to_owned()];
        assert_eq!(name("  Old phone ", &taken).unwrap(), "Old phone");
        for bad in ["", "  ", "phone", "PHONE ", "a\nb", &"x".repeat(61)] {
            assert_eq!(name(bad, &taken).unwrap_err().field, "name", "{bad:?}");
        }
    }
}
