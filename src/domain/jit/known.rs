//! Who arrives, and what is known of them here.

use std::collections::BTreeMap;

use crate::claims::Claims;
use crate::id::{GroupId, UserId};
use crate::membership::Origin;
use crate::provider::Provider;
use crate::record::Attributes;
use crate::user::State;

/// Who arrives: a verified answer of a provider.
#[derive(Clone, Copy, Debug)]
pub struct Arrival<'a> {
    /// The provider they come through.
    pub provider: &'a Provider,
    /// The issuer that answered.
    pub issuer: &'a str,
    /// The subject it named.
    pub subject: &'a str,
    /// What it says about the person.
    pub claims: &'a Claims,
}

/// What is known here, as far as it matters for one arrival; [`super::wanted`] says what to look up.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Known {
    /// The user linked to exactly this issuer and subject.
    pub linked: Option<KnownUser>,
    /// Who has the wanted username already.
    pub username_taken_by: Option<Taken>,
    /// Usernames of the other users who state the same e-mail address.
    pub same_email: Vec<String>,
    /// Groups by [`name::key`], as far as they exist.
    pub groups_by_key: BTreeMap<String, KnownGroup>,
}

/// The user linked to an identity.
#[derive(Clone, PartialEq, Debug)]
pub struct KnownUser {
    /// Their id.
    pub id: UserId,
    /// Their username here.
    pub username: String,
    /// Whether they may come in.
    pub state: State,
    /// What was last applied from the provider's directory; none: they have no account in it yet.
    pub attributes: Option<Attributes>,
    /// Their direct memberships, at least those with an origin of this provider.
    pub memberships: Vec<KnownMembership>,
}

/// Who has a username.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Taken {
    /// Who.
    pub user: UserId,
    /// The username as it is written here.
    pub username: String,
}

/// A group that exists here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownGroup {
    /// Its id.
    pub id: GroupId,
    /// Its name.
    pub name: String,
}

/// A direct membership of a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct KnownMembership {
    /// The group.
    pub group: GroupId,
    /// Its name.
    pub name: String,
    /// What put them there.
    pub origin: Origin,
}
