//! Users and groups in groups, each membership with the origin that put it there.
//!
//! [`Graph`] answers who is in what through nested groups, and by which path. Circles end: every group is visited once.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::id::{DirectoryId, GroupId, ProviderId, UserId};

/// Who can be in a group.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Member {
    /// A person.
    User(UserId),
    /// Another group: its members are members too.
    Group(GroupId),
}

/// What put a member into a group. Two origins are two rows; one ends without the other.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "id")]
pub enum Origin {
    /// Somebody, here.
    Manual,
    /// Claims at sign-in through this provider.
    Claims(ProviderId),
    /// A default group of this provider's rules.
    Default(ProviderId),
    /// This directory's source.
    Directory(DirectoryId),
}

impl Member {
    /// The stable name of its kind in the database: `user` or `group`.
    #[must_use]
    pub const fn kind(self) -> &'static str {
        match self {
            Self::User(_) => "user",
            Self::Group(_) => "group",
        }
    }

    /// Its id, of whichever kind.
    #[must_use]
    pub const fn id(self) -> Uuid {
        match self {
            Self::User(user) => user.0,
            Self::Group(group) => group.0,
        }
    }

    /// Reads one back from its two columns.
    #[must_use]
    pub fn from_columns(kind: &str, id: Uuid) -> Option<Self> {
        match kind {
            "user" => Some(Self::User(UserId(id))),
            "group" => Some(Self::Group(GroupId(id))),
            _ => None,
        }
    }

    /// The person, if it is one.
    #[must_use]
    pub const fn user(self) -> Option<UserId> {
        match self {
            Self::User(user) => Some(user),
            Self::Group(_) => None,
        }
    }

    /// The group, if it is one.
    #[must_use]
    pub const fn group(self) -> Option<GroupId> {
        match self {
            Self::Group(group) => Some(group),
            Self::User(_) => None,
        }
    }
}

impl Origin {
    /// The stable text in the database: `manual`, `claims:<uuid>`, `default:<uuid>`, `directory:<uuid>`.
    #[must_use]
    pub fn key(self) -> String {
        match self {
            Self::Manual => "manual".to_owned(),
            Self::Claims(provider) => format!("claims:{provider}"),
            Self::Default(provider) => format!("default:{provider}"),
            Self::Directory(directory) => format!("directory:{directory}"),
        }
    }

    /// Reads one back from its text.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        if key == "manual" {
            return Some(Self::Manual);
        }
        let (kind, id) = key.split_once(':')?;
        match kind {
            "claims" => id.parse().ok().map(Self::Claims),
            "default" => id.parse().ok().map(Self::Default),
            "directory" => id.parse().ok().map(Self::Directory),
            _ => None,
        }
    }

    /// What put it there, in words; `source` is the name of the provider or directory.
    #[must_use]
    pub fn words(self, source: &str) -> String {
        match self {
            Self::Manual => "By hand".to_owned(),
            Self::Claims(_) => format!("Claims of {source}"),
            Self::Default(_) => format!("Default group of {source}"),
            Self::Directory(_) => format!("Directory {source}"),
        }
    }

    /// The provider whose rules put it there, if one did.
    #[must_use]
    pub const fn provider(self) -> Option<ProviderId> {
        match self {
            Self::Claims(provider) | Self::Default(provider) => Some(provider),
            Self::Manual | Self::Directory(_) => None,
        }
    }
}

/// One direct membership: one row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Membership {
    /// The group.
    pub group: GroupId,
    /// Who is in it.
    pub member: Member,
    /// What put them there.
    pub origin: Origin,
}

/// That somebody is in a group, directly or through nested groups.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Effective<T> {
    /// The group they are in ([`Graph::groups_of`]), or the member who is in it ([`Graph::members_of`]).
    pub of: T,
    /// A shortest path upwards: first the group they are in directly, last the group in question. Never empty;
    /// one entry means a direct membership. Beyond [`LONGEST_PATH`] the groups before the last are left out.
    pub path: Vec<GroupId>,
    /// What put them into the first group of the path.
    pub origins: Vec<Origin>,
}

impl<T> Effective<T> {
    /// Whether no nested group is in between.
    #[must_use]
    pub const fn is_direct(&self) -> bool {
        self.path.len() == 1
    }
}

/// How many groups of a path are told. Membership itself is followed to any depth; but ten thousand nested groups
/// with every path in full would take most of a gigabyte.
pub const LONGEST_PATH: usize = 64;

fn told(mut path: Vec<GroupId>) -> Vec<GroupId> {
    if path.len() > LONGEST_PATH {
        path.remove(path.len() - 2);
    }
    path
}

type Origins = BTreeSet<Origin>;

/// Direct memberships, ready to be followed both ways. Answers are in a stable order.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Graph {
    above: BTreeMap<Member, BTreeMap<GroupId, Origins>>,
    below: BTreeMap<GroupId, BTreeSet<Member>>,
}

impl FromIterator<Membership> for Graph {
    fn from_iter<I: IntoIterator<Item = Membership>>(rows: I) -> Self {
        let mut graph = Self::default();
        graph.extend(rows);
        graph
    }
}

impl Extend<Membership> for Graph {
    fn extend<I: IntoIterator<Item = Membership>>(&mut self, rows: I) {
        for row in rows {
            let groups = self.above.entry(row.member).or_default();
            groups.entry(row.group).or_default().insert(row.origin);
            self.below.entry(row.group).or_default().insert(row.member);
        }
    }
}

impl Graph {
    /// Every group that `member` is in, nearest first, each with a shortest path. A group is not reported as a
    /// member of itself, even where a circle makes it one.
    #[must_use]
    pub fn groups_of(&self, member: Member) -> Vec<Effective<GroupId>> {
        let mut seen: BTreeSet<GroupId> = member.group().into_iter().collect();
        let mut found: Vec<Effective<GroupId>> = Vec::new();
        for (group, origins) in self.above.get(&member).into_iter().flatten() {
            if seen.insert(*group) {
                found.push(Effective {
                    of: *group,
                    path: vec![*group],
                    origins: origins.iter().copied().collect(),
                });
            }
        }
        let mut at = 0;
        while let Some(reached) = found.get(at).cloned() {
            at += 1;
            let above = self.above.get(&Member::Group(reached.of));
            for group in above.into_iter().flat_map(BTreeMap::keys) {
                if seen.insert(*group) {
                    let mut path = reached.path.clone();
                    path.push(*group);
                    found.push(Effective {
                        of: *group,
                        path: told(path),
                        origins: reached.origins.clone(),
                    });
                }
            }
        }
        found
    }

    /// Everybody and every group in `group`, nearest first, each with a shortest path. The group itself is not
    /// reported as its own member, even where a circle makes it one.
    #[must_use]
    pub fn members_of(&self, group: GroupId) -> Vec<Effective<Member>> {
        let mut seen = BTreeSet::from([Member::Group(group)]);
        let mut found = Vec::new();
        let mut open = VecDeque::from([vec![group]]);
        while let Some(path) = open.pop_front() {
            let Some(nearest) = path.first() else {
                continue;
            };
            for member in self.below.get(nearest).into_iter().flatten() {
                if !seen.insert(*member) {
                    continue;
                }
                found.push(Effective {
                    of: *member,
                    path: path.clone(),
                    origins: self.origins(*nearest, *member),
                });
                if let Member::Group(nested) = member {
                    open.push_back(told([&[*nested], path.as_slice()].concat()));
                }
            }
        }
        found
    }

    /// What put `member` directly into `group`; empty: nothing did.
    #[must_use]
    pub fn origins(&self, group: GroupId, member: Member) -> Vec<Origin> {
        let groups = self.above.get(&member);
        let origins = groups.and_then(|groups| groups.get(&group));
        origins.into_iter().flatten().copied().collect()
    }
}

/// Every group a person is in, with the path through nested groups: [`Graph::groups_of`] for a single question.
#[must_use]
pub fn effective(rows: &[Membership], user: UserId) -> Vec<Effective<GroupId>> {
    let graph: Graph = rows.iter().copied().collect();
    graph.groups_of(Member::User(user))
}

/// Whether putting group `child` into group `parent` would close a circle. `edges` are the direct memberships of
/// groups in groups, as (group, group in it).
///
/// Some: the shortest way by which `parent` is in `child` already, from `parent` to `child`; one entry means that
/// both are the same group.
#[must_use]
pub fn would_cycle<I>(edges: I, parent: GroupId, child: GroupId) -> Option<Vec<GroupId>>
where
    I: IntoIterator<Item = (GroupId, GroupId)>,
{
    if parent == child {
        return Some(vec![parent]);
    }
    let graph: Graph = edges
        .into_iter()
        .map(|(group, member)| Membership {
            group,
            member: Member::Group(member),
            origin: Origin::Manual,
        })
        .collect();
    let ways = graph.groups_of(Member::Group(parent));
    let way = ways.into_iter().find(|way| way.of == child)?;
    Some([&[parent], way.path.as_slice()].concat())
}

#[cfg(test)]
#[path = "membership_tests.rs"]
mod tests;
