//! Passwords of internal accounts: what is accepted, and the witness that one was checked.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::FieldError;
use crate::id::UserId;
use crate::opener::Openers;

/// Tells one stored password from every other, without being one: SHA-256 of its salted hash, in hexadecimal. It goes
/// along with whatever a comparison leads to, so that nothing comes of a password that was replaced meanwhile.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Imprint(String);

impl Imprint {
    /// Of the stored hash (a PHC string).
    #[must_use]
    pub fn of(phc: &str) -> Self {
        let digest = Sha256::digest(phc.as_bytes());
        Self(digest.iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

/// Witness that a person's password was compared and right, a moment ago. Made where hashes are compared.
#[derive(Debug)]
pub struct PasswordChecked {
    user: UserId,
    opened_by: Openers,
    imprint: Imprint,
}

impl PasswordChecked {
    /// For the one service that compares hashes (a wall test sees to it). `opened_by`: who else knows the password;
    /// `imprint`: which one was compared.
    #[must_use]
    pub const fn witness(user: UserId, opened_by: Openers, imprint: Imprint) -> Self {
        Self {
            user,
            opened_by,
            imprint,
        }
    }

    /// Who else knows it.
    #[must_use]
    pub const fn opened_by(&self) -> &Openers {
        &self.opened_by
    }

    /// Which password was compared.
    #[must_use]
    pub const fn imprint(&self) -> &Imprint {
        &self.imprint
    }

    /// Whose password it was.
    #[must_use]
    pub const fn user(&self) -> UserId {
        self.user
    }
}

/// Shortest accepted password in characters (NIST SP 800-63B-4: 15 for a password alone).
pub const SHORTEST: usize = 15;
/// Longest accepted password in bytes. Longer input is refused before it is hashed.
pub const LONGEST: usize = 1024;

/// Checks length; strength is measured by the caller's estimator (0 to 4) and must reach 3.
///
/// # Errors
/// A message for the password field.
pub fn acceptable(password: &str, score: u8) -> Result<(), FieldError> {
    let refuse = |message: &str| {
        Err(FieldError {
            field: "password".to_owned(),
            message: message.to_owned(),
        })
    };
    if password.len() > LONGEST {
        return refuse("Use at most 1024 bytes.");
    }
    if password.chars().count() < SHORTEST {
        return refuse(
            "Use at least 15 characters. A sentence of a few unrelated words is easy to remember.",
        );
    }
    if score < 3 {
        return refuse(
            "This could be guessed. Add unrelated words, or let a password manager make one.",
        );
    }
    Ok(())
}
