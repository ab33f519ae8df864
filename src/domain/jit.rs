//! Just-in-time provisioning: the rules, and the pure decision taken at each sign-in.
//!
//! [`decide`] looks at who arrives, at what is known here and at the rules, and says who signs in, who is created,
//! who stays out, and every change with its cause. A person is matched by issuer and subject alone: an e-mail
//! address or a username never opens somebody else's account.
//!
//! One principle runs through it: **an absent claim says nothing, an empty one removes.**

mod decision;
mod groups;
mod known;
mod person;
mod refusal;
mod told;

use serde::{Deserialize, Serialize};

pub use crate::name::matches_pattern as pattern_matches;
pub use decision::{AttributeChange, Decision, Outcome, decide, external_id};
pub use groups::{Effect, GroupStep};
pub use known::{Arrival, Known, KnownGroup, KnownMembership, KnownUser, Taken};
pub use person::{Wanted, wanted};
pub use refusal::Refusal;
pub use told::{About, Note};

/// How users and groups come to be at sign-in through one provider.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct JitRules {
    /// Whether somebody unknown is created.
    pub create: Create,
    /// Whether attributes of a known person follow the claims at each sign-in.
    pub update: Update,
    /// Claim that names the user: `preferred_username` by default.
    pub username_claim: String,
    /// Claim that lists groups: `groups` by default.
    pub groups_claim: String,
    /// Groups whose membership follows the groups claim, both ways; only those listed. One name each; `*` suffix as prefix match.
    pub managed_groups: Vec<String>,
    /// Groups everybody who signs in through this provider is in.
    pub default_groups: Vec<String>,
    /// Whether managed and default groups that do not exist yet are created.
    pub create_groups: CreateGroups,
}

/// Whether somebody unknown is created at sign-in.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Create {
    /// Everybody the provider lets in.
    #[default]
    Everybody,
    /// Only people with a verified e-mail in one of the provider's domains.
    OnlyDomains,
    /// Nobody: they must exist and be linked.
    Nobody,
}

/// Whether attributes follow the claims.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Update {
    /// At each sign-in.
    #[default]
    Always,
    /// Only when the user is created.
    OnCreate,
}

/// Whether missing managed and default groups are created.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CreateGroups {
    /// They are ignored and reported.
    #[default]
    No,
    /// They are created as local groups.
    Yes,
}

impl Default for JitRules {
    fn default() -> Self {
        Self {
            create: Create::default(),
            update: Update::default(),
            username_claim: "preferred_username".to_owned(),
            groups_claim: "groups".to_owned(),
            managed_groups: Vec::new(),
            default_groups: Vec::new(),
            create_groups: CreateGroups::default(),
        }
    }
}

impl JitRules {
    /// Whether membership of the group with this name follows the groups claim.
    #[must_use]
    pub fn manages(&self, name: &str) -> bool {
        self.managed_groups
            .iter()
            .any(|pattern| crate::name::matches_pattern(pattern, name))
    }
}

#[cfg(test)]
mod tests;
