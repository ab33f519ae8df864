//! The second factor of a person: something they have, beside what they know. Several per person, each with a name.
//!
//! One kind today, codes of an authenticator app ([`totp`]); [`recovery`] codes stand in for a lost one. Nothing here
//! remembers: which step or code was used is kept by storage, which accepts each of them once.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::error::FieldError;
use crate::id::{FactorId, UserId};

pub mod recovery;
pub mod totp;

/// What kind of thing it is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    /// An app that shows codes (RFC 6238).
    Totp,
}

impl FactorKind {
    /// The name people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Totp => "Authenticator app",
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
}

/// Whether a person has a second factor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Enrolled {
    /// They have one at least.
    Yes,
    /// They have none.
    No,
}

/// With what a person answered when a second factor was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answered {
    /// A code of an app.
    Totp,
    /// A recovery code.
    Recovery,
}

/// Witness that a person's second factor was checked, used up and right, a moment ago. Made where codes are compared.
#[derive(Debug)]
pub struct FactorChecked {
    user: UserId,
    by: Answered,
}

impl FactorChecked {
    /// For the one service that compares codes (a wall test sees to it).
    #[must_use]
    pub const fn witness(user: UserId, by: Answered) -> Self {
        Self { user, by }
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
