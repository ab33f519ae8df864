//! On what terms a directory changes people here.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::change::Cause;
use crate::id::DirectoryId;
use crate::shadow::MatchKey;

/// What happens with people whom the source no longer has, or whom a filter leaves out.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "leavers")]
pub enum Leavers {
    /// They may no longer come in; everything else stays. Whoever comes back to the source may come in again.
    #[default]
    Deactivate,
    /// They are deleted, unless another directory has them too.
    Delete,
    /// Nothing.
    Keep,
    /// They stay, and leave the groups this directory put them into.
    LeaveGroups {
        /// Groups they stay in: names, or prefixes that end in `*`.
        except: Vec<String>,
    },
}

/// Whom a directory may bring back.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Revival {
    /// Those it deactivated itself.
    #[default]
    OwnOnly,
    /// Everybody whom it holds active, whoever deactivated them.
    Everybody,
}

/// Why something may not be touched by a source.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Protection {
    /// Holds a role here, or gives one.
    Administrator,
    /// Gets in when everything else fails.
    BreakGlass,
    /// Somebody chose so.
    Chosen,
}

impl Protection {
    /// Why, in a sentence.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Administrator => {
                "Who holds a role here, and a group that gives one, is not changed by a source. Do it by hand."
            }
            Self::BreakGlass => "A break-glass account is not changed by a source. Do it by hand.",
            Self::Chosen => "This is protected against changes by sources.",
        }
    }
}

/// Which directory decides whether a person may come in: the first in the order that has an account of theirs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owner {
    /// This one.
    Own,
    /// One that stands before it.
    Before(DirectoryId),
}

/// The terms of one directory at one moment.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// The directory.
    pub directory: DirectoryId,
    /// Its name, for the record.
    pub name: String,
    /// What happens with leavers.
    pub leavers: Leavers,
    /// Whom it may bring back.
    pub revival: Revival,
    /// Whether what is missing may be taken as gone.
    pub may_remove: bool,
    /// When the plan is made.
    pub at: DateTime<Utc>,
    /// The directory whose place this one takes, if it takes one's: its people are handed over.
    pub adopt: Option<Adopt>,
}

/// A directory whose place another one takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Adopt {
    /// The directory.
    pub from: DirectoryId,
    /// Its name, for the record.
    pub name: String,
    /// By what its people are found among those of the other.
    pub by: MatchKey,
    /// Whether its people sign in with its passwords.
    pub signs_in: bool,
    /// Whether they do by the one that takes its place.
    pub answered_for: bool,
}

/// What the source says about a subject.
#[derive(PartialEq, Eq, Debug)]
pub enum Stated<'a, R> {
    /// It is there.
    Present(&'a R),
    /// It is there, and this filter leaves it out.
    FilteredOut(&'a str),
    /// It is there and cannot be used.
    Refused {
        /// For this reason.
        why: &'a str,
        /// Whether it says nevertheless that its person may not come in.
        off: bool,
    },
    /// It is not there.
    Absent,
}

impl<R> Clone for Stated<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Stated<'_, R> {}

impl<R> Stated<'_, R> {
    /// Why the subject goes, if it does. What is filtered out was seen, so it goes even when others were not seen.
    #[must_use]
    pub fn leaves(&self, terms: &Terms) -> Option<Cause> {
        match self {
            Self::FilteredOut(filter) => Some(Cause::FilteredOut((*filter).to_owned())),
            Self::Absent if terms.may_remove => Some(Cause::GoneFromSource),
            Self::Present(_) | Self::Refused { .. } | Self::Absent => None,
        }
    }
}
