//! Who may use a password of the internal directory: one policy for the whole installation.
//!
//! It is asked at every door a password opens: signing in, starting a secure session, setting one, and the link that
//! makes a new one. A break-glass account is never kept out by it: it is what is left when everything else is down.

use serde::{Deserialize, Serialize};

use crate::factor::Enrolled;

/// Whose passwords count.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Passwords {
    /// Everybody's who has one.
    #[default]
    Everybody,
    /// Those of break-glass accounts. Everybody else signs in through an identity provider.
    BreakGlassOnly,
}

/// Whether people whom an identity provider brought may have a password here.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProvidedPasswords {
    /// They may not: it would be a way around their identity provider.
    #[default]
    Forbidden,
    /// They may.
    Allowed,
    /// It counts only together with a second factor.
    WithFactor,
}

/// The policy.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct SignInPolicy {
    /// Whose passwords count.
    pub passwords: Passwords,
    /// Whether people whom a provider brought may have one.
    pub provided: ProvidedPasswords,
}

/// What the policy looks at in a person.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Holder {
    /// Whether the account is break-glass.
    pub break_glass: bool,
    /// Whether they have an account in the internal directory.
    pub internal: bool,
    /// Whether they have a second factor.
    pub enrolled: Enrolled,
}

/// Why a password does not count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shut {
    /// Passwords are switched off.
    SwitchedOff,
    /// A provider brought the person, and such people have no password.
    Provided,
    /// A provider brought the person, and their password needs a second factor beside it.
    WithoutFactor,
}

impl Shut {
    /// Why, in words that follow "The password does not count:".
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::SwitchedOff => "passwords are switched off",
            Self::Provided => "people from an identity provider have none here",
            Self::WithoutFactor => "it needs a second factor",
        }
    }
}

impl SignInPolicy {
    /// Whether this person's password counts now.
    ///
    /// # Errors
    /// Why not.
    pub fn admits(&self, holder: Holder) -> Result<(), Shut> {
        self.may_have(holder)?;
        let needs_factor = !holder.break_glass
            && !holder.internal
            && self.provided == ProvidedPasswords::WithFactor;
        if needs_factor && holder.enrolled == Enrolled::No {
            return Err(Shut::WithoutFactor);
        }
        Ok(())
    }

    /// Whether this person may be given a password: one that could never count is no help to anybody.
    ///
    /// # Errors
    /// Why not.
    pub fn may_have(&self, holder: Holder) -> Result<(), Shut> {
        if holder.break_glass {
            return Ok(());
        }
        if self.passwords == Passwords::BreakGlassOnly {
            return Err(Shut::SwitchedOff);
        }
        if !holder.internal && self.provided == ProvidedPasswords::Forbidden {
            return Err(Shut::Provided);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVERY: [(Passwords, ProvidedPasswords); 6] = [
        (Passwords::Everybody, ProvidedPasswords::Forbidden),
        (Passwords::Everybody, ProvidedPasswords::Allowed),
        (Passwords::Everybody, ProvidedPasswords::WithFactor),
        (Passwords::BreakGlassOnly, ProvidedPasswords::Forbidden),
        (Passwords::BreakGlassOnly, ProvidedPasswords::Allowed),
        (Passwords::BreakGlassOnly, ProvidedPasswords::WithFactor),
    ];

    fn outcomes(break_glass: bool, internal: bool, enrolled: Enrolled) -> Vec<Result<(), Shut>> {
        let holder = Holder {
            break_glass,
            internal,
            enrolled,
        };
        let every = EVERY.into_iter();
        every
            .map(|(passwords, provided)| {
                SignInPolicy {
                    passwords,
                    provided,
                }
                .admits(holder)
            })
            .collect()
    }

    #[test]
    fn a_break_glass_password_counts_under_every_policy() {
        for internal in [true, false] {
            assert!(
                outcomes(true, internal, Enrolled::No)
                    .iter()
                    .all(Result::is_ok)
            );
        }
    }

    #[test]
    fn each_policy_shuts_out_whom_it_says() {
        let (off, provided, factor) = (
            Err(Shut::SwitchedOff),
            Err(Shut::Provided),
            Err(Shut::WithoutFactor),
        );
        assert_eq!(
            outcomes(false, true, Enrolled::No),
            [Ok(()), Ok(()), Ok(()), off, off, off]
        );
        assert_eq!(
            outcomes(false, false, Enrolled::No),
            [provided, Ok(()), factor, off, off, off]
        );
        assert_eq!(
            outcomes(false, false, Enrolled::Yes),
            [provided, Ok(()), Ok(()), off, off, off]
        );
    }
}
