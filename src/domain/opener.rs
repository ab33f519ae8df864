//! Openers: who, beside its owner, could use a way in.
//!
//! An admin who sets somebody's password, links an identity to them, lets them add a factor or enters the address that a
//! link for a password is mailed to can use what they opened. So can whoever came in by it use what is added from there:
//! an app, a passkey, recovery codes, another password, a linked identity. Openers are handed on from the way to the
//! session that came in by it, from what proved presence to the secure session, and from there to everything that is
//! opened in it ([`Openers::of_what`]). Conferring a role asks first while any way in of the person has an opener
//! (`ROLE-006`).
//!
//! A mark ends with what carries it: the way in is removed, or opened anew by somebody who proved presence by something
//! that nobody else opened. Removing or replacing the first link of a chain ends the mark of no other.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::id::UserId;

/// Who, beside its owner, could use a way in, a session or a proof of presence. Mostly nobody.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Openers(BTreeSet<UserId>);

impl Openers {
    /// Its owner alone can use it.
    #[must_use]
    pub const fn nobody() -> Self {
        Self(BTreeSet::new())
    }

    /// Of what `by` opens for `owner`, in a session whose own openers are `through`: whoever may have been sitting there.
    #[must_use]
    pub fn of_what(by: UserId, owner: UserId, through: &Self) -> Self {
        let mut all = through.0.clone();
        all.insert(by);
        all.remove(&owner);
        Self(all)
    }

    /// Of what needs two things at once, such as a password and a code: whoever opened one of them alone cannot use it,
    /// so it is as clean as the cleaner of the two.
    #[must_use]
    pub fn beside(self, other: Self) -> Self {
        if self.is_nobody() || other.is_nobody() {
            Self::nobody()
        } else {
            self.or(other)
        }
    }

    /// Of what either of two things leads to.
    #[must_use]
    pub fn or(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// Whether its owner alone can use it.
    #[must_use]
    pub fn is_nobody(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether they have one in common.
    #[must_use]
    pub fn meets(&self, other: &Self) -> bool {
        !self.0.is_disjoint(&other.0)
    }

    /// Everybody among them whom `granter` has to be told of before they confer a role: all but themselves.
    pub fn to_tell(&self, granter: Option<UserId>) -> impl Iterator<Item = UserId> + '_ {
        self.0
            .iter()
            .copied()
            .filter(move |opener| Some(*opener) != granter)
    }
}

impl FromIterator<UserId> for Openers {
    fn from_iter<I: IntoIterator<Item = UserId>>(all: I) -> Self {
        Self(all.into_iter().collect())
    }
}

#[cfg(test)]
#[path = "opener_tests.rs"]
mod tests;
