//! The provisioning methods of the field compared: how accounts can arrive, what each way needs, and which fits.
//!
//! [`recommend`] answers from a few plain facts, with a reason for everything it says and no score.

mod facts;
mod fit;
pub mod measured;

use serde::{Deserialize, Serialize};

use crate::vendor::Vendor;

pub use fit::recommend;

/// A way in which accounts and groups arrive.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// By hand, here.
    Manual,
    /// At sign-in, from the claims.
    Jit,
    /// Read from LDAP or Active Directory.
    Ldap,
    /// Read from Crowd.
    Crowd,
    /// Read from the API of a cloud directory.
    ApiConnector,
    /// Pushed by the identity provider (RFC 7644).
    Scim,
}

/// Whether this installation can do it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Availability {
    /// Ready to be used.
    Here,
    /// Not in this version.
    NotYet,
}

impl Availability {
    /// The words on its badge.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Here => "Available",
            Self::NotYet => "Not in this version yet",
        }
    }
}

impl Method {
    /// Every method, in the order in which they are compared.
    pub const ALL: [Self; 6] = [
        Self::Manual,
        Self::Jit,
        Self::Ldap,
        Self::Crowd,
        Self::ApiConnector,
        Self::Scim,
    ];

    /// The stable name in configuration and database.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Manual => "manual",
            Self::Jit => "jit",
            Self::Ldap => "ldap",
            Self::Crowd => "crowd",
            Self::ApiConnector => "api_connector",
            Self::Scim => "scim",
        }
    }

    /// The method with this stable name.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.key() == key)
    }

    /// The name people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Manual => "By hand",
            Self::Jit => "Just in time, at sign-in",
            Self::Ldap => "LDAP or Active Directory sync",
            Self::Crowd => "Crowd sync",
            Self::ApiConnector => "API connector",
            Self::Scim => "SCIM",
        }
    }

    /// Whether this version can do it.
    #[must_use]
    pub const fn availability(self) -> Availability {
        match self {
            Self::Manual | Self::Jit | Self::Ldap => Availability::Here,
            Self::Crowd | Self::ApiConnector | Self::Scim => Availability::NotYet,
        }
    }
}

/// What an administrator tells about their world.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Answers {
    /// How many people there are.
    pub size: Size,
    /// Whether somebody who left must vanish here without anybody's doing.
    pub leavers_must_vanish: bool,
    /// Whether a cloud provider can reach this server.
    pub inbound_possible: bool,
    /// A directory that this server can read.
    pub directory: OnPremises,
    /// The identity provider, if there is one.
    pub cloud_idp: Option<Vendor>,
    /// Whether groups in groups must arrive as such.
    pub nested_groups: bool,
}

/// How many people there are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// Up to about fifty.
    Dozens,
    /// Up to about a thousand.
    #[default]
    Hundreds,
    /// More.
    Thousands,
}

/// A directory that this server can read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnPremises {
    /// None.
    #[default]
    None,
    /// An LDAP directory.
    Ldap,
    /// Active Directory.
    ActiveDirectory,
    /// Atlassian Crowd.
    Crowd,
}

/// How a method fits the answers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fits {
    /// It does what the answers ask for.
    Well,
    /// It does, with something to know.
    Partly,
    /// It does not.
    Not,
}

impl Fits {
    /// The words on its badge.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Well => "Fits well",
            Self::Partly => "Fits in part",
            Self::Not => "Does not fit",
        }
    }
}

/// How one method fits, and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Fit {
    /// The method.
    pub method: Method,
    /// How it fits. Says nothing about whether this version can do it: [`Method::availability`] does.
    pub fits: Fits,
    /// Why, a sentence each; what speaks most against it first.
    pub because: Vec<String>,
}

#[cfg(test)]
mod tests;
