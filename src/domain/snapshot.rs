//! What a source says at one moment, and whether it said everything.
//!
//! A source is read page by page and handed on as [`Entry`]s: nobody holds a whole directory in memory to read it. An
//! [`Intake`] keeps them; [`Gathered`] is the one that keeps them in memory, for small sources and for tests.
//! Only a [`Completeness::Complete`] snapshot may ever remove anything.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::plan::raw;
use crate::record::{ExternalId, GroupRecord, SourceValues, UserRecord};

/// A pointer to a person or group, as sources make them.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "by", content = "is")]
pub enum Reference {
    /// By the immutable id.
    Id(ExternalId),
    /// By a name that holds for this one reading only: a normalised DN, `sid:S-1-5-…`.
    Locator(String),
}

/// One thing a source says. Members may come before or after those they point to, in several parts, and repeatedly.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "entry")]
pub enum Entry {
    /// A person, and what others call them in this reading.
    User {
        /// The person, in the words of the source's own default mapping.
        record: UserRecord,
        /// What the source said of them before mapping.
        source: SourceValues,
        /// Names by which [`Reference::Locator`] finds them.
        locators: Vec<String>,
    },
    /// A group without its members, and what others call it in this reading.
    Group {
        /// Immutable id at the source.
        external_id: ExternalId,
        /// Its name.
        name: String,
        /// Names by which [`Reference::Locator`] finds it.
        locators: Vec<String>,
    },
    /// Some members of a group.
    Members {
        /// The group.
        group: Reference,
        /// Who is in it.
        members: Vec<Reference>,
    },
    /// The rest of a group's members could not be read: none may be removed from it.
    MembersUnread {
        /// The group.
        group: Reference,
        /// Why.
        why: String,
    },
    /// Somebody who is there but cannot be used.
    Refused(RefusedRecord),
    /// A person or a group that is there and that a filter of ours leaves out.
    Filtered {
        /// Immutable id at the source.
        external_id: ExternalId,
        /// The filter's words.
        words: String,
        /// Names by which [`Reference::Locator`] finds it.
        locators: Vec<String>,
    },
}

/// A record that is at the source and cannot be used. It counts as present: nobody leaves because of it.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct RefusedRecord {
    /// Its id, where that can be read.
    pub external_id: Option<ExternalId>,
    /// What people know it by: a DN, made printable and short.
    pub about: String,
    /// What is wrong with it, in a sentence.
    pub why: String,
    /// Names by which [`Reference::Locator`] finds it.
    pub locators: Vec<String>,
    /// Whether it says, as far as it can be read, that its person may not come in: that counts whatever is wrong with the
    /// rest, or nobody could be kept out whose record cannot be used.
    #[serde(default)]
    pub off: bool,
}

/// Whether a source said everything.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "completeness", content = "doubts")]
#[must_use]
pub enum Completeness {
    /// It did.
    Complete,
    /// It did not, or nobody can tell.
    Incomplete(Vec<Doubt>),
}

impl Completeness {
    /// Whether what is missing may be taken as gone.
    #[must_use]
    pub const fn may_remove(&self) -> bool {
        matches!(self, Self::Complete)
    }

    /// The same with one more doubt.
    pub fn doubting(self, doubt: Doubt) -> Self {
        match self {
            Self::Complete => Self::Incomplete(vec![doubt]),
            Self::Incomplete(mut doubts) => {
                if !doubts.contains(&doubt) {
                    doubts.push(doubt);
                }
                Self::Incomplete(doubts)
            }
        }
    }
}

/// Why a snapshot is not everything.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "doubt", content = "detail")]
pub enum Doubt {
    /// Nobody was in it. An account that lost its right to read sees an empty directory, too.
    Empty,
    /// The server stopped at its size limit.
    SizeLimit,
    /// The server stopped at its time limit.
    TimeLimit,
    /// The connection ended before the last page.
    CutOff(String),
    /// The server refused or failed: its words.
    Refused(String),
    /// More pages than are read from one source.
    PageCap(u32),
    /// The server gave the same page token twice.
    CyclingToken,
    /// So many records bear no id that can be read: which of those missing they are, nobody can tell.
    WithoutId(u64),
    /// The server left the question to another one, which is not asked.
    ReferredElsewhere,
    /// Only a part was asked for: one person, or what changed.
    Partial,
    /// So many records cannot be used: whom of the directory that this one shall replace they are, nobody can tell.
    Unmatched(u64),
    /// Somebody stopped it.
    Cancelled,
}

impl Doubt {
    /// What happened, in a sentence.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Empty => "The source showed nobody at all.".to_owned(),
            Self::SizeLimit => "The server stopped at its size limit.".to_owned(),
            Self::TimeLimit => "The server stopped at its time limit.".to_owned(),
            Self::CutOff(why) => format!("The connection ended before the last page: {why}"),
            Self::Refused(why) => format!("The server did not answer the question: {why}"),
            Self::PageCap(pages) => format!("There were more than {pages} pages."),
            Self::CyclingToken => "The server gave the same page again and again.".to_owned(),
            Self::WithoutId(count) => format!("{count} records bear no id that can be read."),
            Self::ReferredElsewhere => {
                "The server refers to another one, and that one is not asked.".to_owned()
            }
            Self::Partial => "Only a part of the source was asked for.".to_owned(),
            Self::Unmatched(count) => format!(
                "{count} records cannot be used: which of the missing people they are, nobody can tell."
            ),
            Self::Cancelled => "It was stopped.".to_owned(),
        }
    }
}

/// Takes what a source says, page by page.
#[async_trait]
pub trait Intake: Send {
    /// Keeps a page.
    ///
    /// # Errors
    /// When it cannot be kept; the reading ends then.
    async fn page(&mut self, entries: Vec<Entry>) -> Result<(), Error>;
}

/// A whole snapshot in memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Snapshot {
    /// Whether it is everything.
    pub completeness: Completeness,
    /// People by their ids at the source.
    pub users: BTreeMap<ExternalId, UserRecord>,
    /// Groups by their ids at the source.
    pub groups: BTreeMap<ExternalId, GroupRecord>,
    /// Groups of which not all members were read: none leaves them.
    pub unread: BTreeSet<ExternalId>,
    /// Groups that list somebody by a name that nobody in this reading bore: somebody who is not read at all, or somebody
    /// who was renamed meanwhile ([`Directory::still_in`](crate::directory::Directory::still_in)).
    pub strangers: BTreeSet<ExternalId>,
    /// Records that are there and cannot be used.
    pub refused: Vec<RefusedRecord>,
}

/// An [`Intake`] that keeps everything in memory.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    users: BTreeMap<ExternalId, UserRecord>,
    groups: BTreeMap<ExternalId, GroupRecord>,
    located: BTreeMap<String, ExternalId>,
    members: Vec<(Reference, Vec<Reference>)>,
    unread: Vec<Reference>,
    refused: Vec<RefusedRecord>,
    filtered: BTreeMap<ExternalId, String>,
    raw: BTreeMap<ExternalId, String>,
    repeated: BTreeSet<ExternalId>,
    /// Of those whose record came again and differed: who may come in by the earlier one.
    were_in: BTreeSet<ExternalId>,
}

#[async_trait]
impl Intake for Gathered {
    async fn page(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        for entry in entries {
            self.take(entry);
        }
        Ok(())
    }
}

impl Gathered {
    /// Keeps one entry. The same record twice is one (entries move between pages); two records of one id are refused.
    pub fn take(&mut self, entry: Entry) {
        match entry {
            Entry::User {
                record,
                source,
                locators,
            } => {
                let id = record.external_id.clone();
                let raw = || raw::of(&source, &record);
                self.raw.entry(id.clone()).or_insert_with(raw);
                self.locate(locators, &id);
                let differs = self.users.get(&id).is_some_and(|known| *known != record);
                if differs || self.groups.contains_key(&id) {
                    self.repeated.insert(id.clone());
                }
                let before = self.users.insert(id.clone(), record);
                if before.is_some_and(|before| before.active) {
                    self.were_in.insert(id);
                }
            }
            Entry::Group {
                external_id,
                name,
                locators,
            } => {
                self.locate(locators, &external_id);
                let differs = self
                    .groups
                    .get(&external_id)
                    .is_some_and(|known| known.name != name);
                if differs || self.users.contains_key(&external_id) {
                    self.repeated.insert(external_id.clone());
                }
                let members = Vec::new();
                let id = external_id.clone();
                self.groups.insert(
                    id,
                    GroupRecord {
                        external_id,
                        name,
                        members,
                    },
                );
            }
            Entry::Members { group, members } => self.members.push((group, members)),
            Entry::MembersUnread { group, .. } => self.unread.push(group),
            Entry::Refused(record) => {
                if let Some(id) = &record.external_id {
                    self.locate(record.locators.clone(), id);
                }
                self.refused.push(record);
            }
            Entry::Filtered {
                external_id,
                words,
                locators,
            } => {
                self.locate(locators, &external_id);
                self.filtered.insert(external_id, words);
            }
        }
    }

    /// What filters of ours leave out: ids, and the filters' words. What was let in elsewhere in the same reading is
    /// refused by [`Self::finish`], and not left out.
    #[must_use]
    pub const fn filtered(&self) -> &BTreeMap<ExternalId, String> {
        &self.filtered
    }

    /// Digests of what was said of people before any mapping ([`raw`]).
    #[must_use]
    pub const fn raw(&self) -> &BTreeMap<ExternalId, String> {
        &self.raw
    }

    fn locate(&mut self, locators: Vec<String>, id: &ExternalId) {
        for locator in locators {
            self.located.insert(locator, id.clone());
        }
    }

    /// Follows the pointers and judges the whole. Pointers to nobody known here are left out: they point outside of what
    /// was read.
    #[must_use]
    pub fn finish(mut self, completeness: Completeness) -> Snapshot {
        let mut completeness = completeness;
        let both = |id: &&ExternalId| self.users.contains_key(*id) || self.groups.contains_key(*id);
        self.repeated
            .extend(self.filtered.keys().filter(both).cloned());
        for id in &self.repeated {
            let last = self.users.remove(id);
            let off = last.is_some_and(|last| !last.active) && !self.were_in.contains(id);
            self.groups.remove(id);
            self.refused.push(RefusedRecord {
                external_id: Some(id.clone()),
                about: id.0.clone(),
                why: "Two different records bear this id.".to_owned(),
                locators: Vec::new(),
                off,
            });
        }
        let mut inside: BTreeMap<ExternalId, BTreeSet<ExternalId>> = BTreeMap::new();
        let mut strangers = BTreeSet::new();
        for (group, members) in std::mem::take(&mut self.members) {
            if let Some(group) = self.find(&group) {
                let found: Vec<_> = members.iter().map(|member| self.find(member)).collect();
                if found.iter().any(Option::is_none) {
                    strangers.insert(group.clone());
                }
                inside
                    .entry(group)
                    .or_default()
                    .extend(found.into_iter().flatten());
            }
        }
        for (id, group) in &mut self.groups {
            group.members = inside.remove(id).unwrap_or_default().into_iter().collect();
        }
        let unread = self
            .unread
            .iter()
            .filter_map(|group| self.find(group))
            .collect();
        let nameless = self
            .refused
            .iter()
            .filter(|record| record.external_id.is_none())
            .count();
        if nameless > 0 {
            completeness =
                completeness.doubting(Doubt::WithoutId(nameless.try_into().unwrap_or(u64::MAX)));
        }
        if self.users.is_empty() {
            completeness = completeness.doubting(Doubt::Empty);
        }
        Snapshot {
            completeness,
            users: self.users,
            groups: self.groups,
            unread,
            strangers,
            refused: self.refused,
        }
    }

    fn find(&self, reference: &Reference) -> Option<ExternalId> {
        match reference {
            Reference::Id(id) => Some(id.clone()),
            Reference::Locator(name) => self.located.get(name).cloned(),
        }
    }
}

#[cfg(test)]
#[path = "snapshot_tests.rs"]
mod tests;
