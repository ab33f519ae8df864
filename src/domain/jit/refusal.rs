//! Why somebody stays out although the provider let them in.

use serde::{Deserialize, Serialize};

use super::told::shown;
use crate::error::{Error, Kind};
use crate::id::UserId;
use crate::user::Deactivation;

/// Why somebody stays out. Each has a stable code and its words.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "refusal")]
pub enum Refusal {
    /// `JIT-001`: known, but deactivated; no way of signing in revives them.
    Deactivated {
        /// Who.
        user: UserId,
        /// Their username.
        username: String,
        /// By whom, when, why.
        by: Deactivation,
    },
    /// `JIT-002`: unknown, and the rules create nobody.
    NotCreated {
        /// The provider's name.
        provider: String,
    },
    /// `JIT-003`: only verified addresses are let in, and this one is missing or not stated to be verified.
    EmailNotVerified {
        /// The provider's name.
        provider: String,
        /// The address, if one was stated.
        email: Option<String>,
    },
    /// `JIT-004`: the address belongs to none of the provider's domains.
    DomainNotAllowed {
        /// The provider's name.
        provider: String,
        /// The domain of the address.
        domain: String,
    },
    /// `JIT-005`: somebody else here has the same username.
    UsernameTaken {
        /// The username that the provider states.
        username: String,
        /// The username as it is written here.
        here: String,
        /// Who has it.
        by: UserId,
    },
    /// `JIT-006`: nothing in the claims can be a username.
    UsernameMissing {
        /// The provider's name.
        provider: String,
        /// The claim that should hold it.
        claim: String,
    },
    /// `JIT-007`: the stated username cannot be accepted.
    UsernameInvalid {
        /// The username, fit to be shown.
        username: String,
        /// What it needs, in a sentence.
        why: String,
    },
    /// `JIT-008`: the stated username belongs to the activity log.
    UsernameReserved {
        /// The username.
        username: String,
    },
    /// `JIT-009`: Google vouches for the address, but not for the organisation (`hd` missing or of another one).
    NotOfOrganisation {
        /// The provider's name.
        provider: String,
    },
}

impl Refusal {
    /// The stable code.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Deactivated { .. } => "JIT-001",
            Self::NotCreated { .. } => "JIT-002",
            Self::EmailNotVerified { .. } => "JIT-003",
            Self::DomainNotAllowed { .. } => "JIT-004",
            Self::UsernameTaken { .. } => "JIT-005",
            Self::UsernameMissing { .. } => "JIT-006",
            Self::UsernameInvalid { .. } => "JIT-007",
            Self::UsernameReserved { .. } => "JIT-008",
            Self::NotOfOrganisation { .. } => "JIT-009",
        }
    }

    /// What happened and why.
    #[must_use]
    pub fn public(&self) -> String {
        match self {
            Self::Deactivated { username, by, .. } => deactivated(username, by),
            Self::NotCreated { provider } => format!(
                "Nobody here is linked to this identity, and the rules of {provider} create nobody at sign-in."
            ),
            Self::EmailNotVerified { provider, email } => match email {
                Some(email) => format!(
                    "{provider} does not state that the e-mail address {} is verified, and only verified addresses are let in.",
                    shown(email)
                ),
                None => format!(
                    "{provider} states no e-mail address, and only verified addresses of certain domains are let in."
                ),
            },
            Self::DomainNotAllowed { provider, domain } => format!(
                "The e-mail domain {} is not among those that {provider} may bring in.",
                shown(domain)
            ),
            Self::UsernameTaken { username, here, .. } => format!(
                "The provider states the username “{}”, and there is a user “{}” here already, who is not linked to this identity.",
                shown(username),
                shown(here)
            ),
            Self::UsernameMissing { provider, claim } => format!(
                "{provider} states nothing that can be a username: neither the claim “{}” nor an e-mail address.",
                shown(claim)
            ),
            Self::UsernameInvalid { username, why } => {
                format!(
                    "The username “{username}” that the provider states cannot be accepted. {why}"
                )
            }
            Self::UsernameReserved { username } => format!(
                "The username “{}” that the provider states is a name that the activity log uses itself.",
                shown(username)
            ),
            Self::NotOfOrganisation { provider } => format!(
                "{provider} does not state that this account belongs to one of the allowed organisations (claim “hd”)."
            ),
        }
    }

    /// What to do next.
    #[must_use]
    pub const fn next(&self) -> &'static str {
        match self {
            Self::Deactivated { .. } => {
                "If that was not meant, ask an administrator to reactivate the user. Another way to sign in does not help."
            }
            Self::NotCreated { .. } => {
                "Ask an administrator to create a user and link this identity to it."
            }
            Self::EmailNotVerified { .. } => {
                "An administrator can have the provider send the claims “email” and “email_verified”, or choose another creation rule."
            }
            Self::DomainNotAllowed { .. } => {
                "Sign in with an account of your organisation, or ask an administrator to add the domain."
            }
            Self::UsernameTaken { .. } => {
                "If both are the same person, ask an administrator to link this identity to that user. If not, one of the two needs another username."
            }
            Self::UsernameMissing { .. } => {
                "An administrator can choose another username claim, or have the provider send this one. Test sign-in shows what it sends."
            }
            Self::UsernameInvalid { .. } | Self::UsernameReserved { .. } => {
                "An administrator can choose another username claim, or change the username at the provider."
            }
            Self::NotOfOrganisation { .. } => {
                "Sign in with the account of your organisation, not with a private Google account of the same address."
            }
        }
    }

    /// As the error that a page shows.
    #[must_use]
    pub fn to_error(&self) -> Error {
        let kind = match self {
            Self::UsernameTaken { .. } => Kind::Conflict,
            _ => Kind::Forbidden,
        };
        Error::new(self.code(), kind, self.public()).next(self.next())
    }
}

fn deactivated(username: &str, by: &Deactivation) -> String {
    let at = by.at.format("%-d %B %Y, %H:%M UTC");
    let mut text = format!(
        "The user “{}” was deactivated by {} on {at}.",
        shown(username),
        shown(&by.by)
    );
    if let Some(reason) = by.reason.as_deref().map(str::trim) {
        let reason = reason.trim_end_matches('.');
        if !reason.is_empty() {
            text.push_str(&format!(" Reason: {}.", shown(reason)));
        }
    }
    text
}
