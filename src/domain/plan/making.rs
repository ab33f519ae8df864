//! A whole plan in memory: for directories that fit, and the measure for whatever makes it in pages.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::group::{self, Group, HereGroup};
use super::member::{self, Pair, Reading, Standing};
use super::names::{Names, Outcome};
use super::person::{self, HerePerson, NameStanding, Person};
use super::roster::Roster;
use super::terms::{Stated, Terms};
use super::{Phase, Plan, Reason, Refusal, Verdict};
use crate::change::Action;
use crate::guard::{self, Guard, Hold, Tally};
use crate::id::{GroupId, UserId};
use crate::membership::Member;
use crate::record::{ExternalId, GroupRecord, UserRecord};
use crate::snapshot::Snapshot;
use crate::user::State;

/// What is here of one directory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Here {
    /// The state it is in; every run makes a new one.
    pub revision: u64,
    /// People with an account of the directory, by its id.
    pub people: BTreeMap<ExternalId, HerePerson>,
    /// Its groups, by their id there.
    pub groups: BTreeMap<ExternalId, HereGroup>,
    /// Memberships that this directory put.
    pub members: BTreeSet<(GroupId, Member)>,
    /// Everybody's effective username, of all directories: key to person and name.
    pub usernames: BTreeMap<String, (UserId, String)>,
    /// Every group's name, of all directories: key to group and name.
    pub group_names: BTreeMap<String, (GroupId, String)>,
    /// Usernames that the source states and may give to nobody, as it states them.
    pub protected_usernames: BTreeSet<String>,
    /// The same of groups.
    pub protected_group_names: BTreeSet<String>,
}

/// What the source says, after mapping and filters.
#[derive(Clone, Copy, Debug)]
pub struct Now<'a> {
    /// What is there, without what filters leave out.
    pub snapshot: &'a Snapshot,
    /// What filters leave out: id to the filter's words.
    pub filtered: &'a BTreeMap<ExternalId, String>,
    /// Digests of people's records before mapping.
    pub records: &'a BTreeMap<ExternalId, String>,
}

/// How much may go.
#[derive(Clone, Copy, Debug)]
pub struct Limits<'a> {
    /// The directory's guard.
    pub guard: &'a Guard,
    /// What went lately.
    pub lately: Tally,
}

/// Makes the plan of a directory. `ids` makes the ids of what is new.
pub fn make(
    now: Now<'_>,
    here: &Here,
    terms: &Terms,
    limits: Limits<'_>,
    ids: &mut dyn FnMut() -> Uuid,
) -> Plan {
    let mut terms = terms.clone();
    terms.may_remove &= now.snapshot.completeness.may_remove();
    let mut refused: BTreeMap<ExternalId, (&str, bool)> = BTreeMap::new();
    for record in &now.snapshot.refused {
        if let Some(id) = &record.external_id {
            // Who may come in by any record of theirs is not kept out.
            let is_in = now.snapshot.users.get(id).is_some_and(|user| user.active);
            let off = record.off && !is_in && refused.get(id).is_none_or(|(_, off)| *off);
            refused.insert(id.clone(), (record.why.as_str(), off));
        }
    }
    let people = here
        .people
        .values()
        .map(|one| (Member::User(one.user), one.protected));
    let groups = here
        .groups
        .values()
        .map(|one| (Member::Group(one.group), one.protected));
    let protected = people
        .chain(groups)
        .filter_map(|(member, why)| why.map(|_| member))
        .collect();
    let making = Making {
        now,
        here,
        terms: &terms,
        refused,
        protected,
    };
    let mut made = making.people(ids);
    made.extend(making.groups(ids));
    made.extend(making.members(&made));
    for record in now
        .snapshot
        .refused
        .iter()
        .filter(|record| record.external_id.is_none())
    {
        made.refusals.push(Refusal {
            subject: record.about.clone(),
            external_id: None,
            reason: Reason::Unusable {
                why: record.why.clone(),
            },
        });
    }
    // Stable: within a phase the order of decisions stays, which is the order in which names are passed on.
    made.steps.sort_by_key(|step| Phase::of(&step.change));
    let mut taken = Tally::default();
    made.steps.iter().for_each(|step| taken.count(&step.change));
    let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let is_active = |person: &&HerePerson| person.state == State::Active;
    let there = Tally {
        people: count(here.people.values().filter(is_active).count()),
        memberships: count(here.members.len()),
        groups: count(here.groups.len()),
    };
    let completeness = &now.snapshot.completeness;
    let mut guarded = guard::judge(limits.guard, completeness, taken, there, limits.lately);
    if taken.groups + taken.memberships > 0 && making.shows_no_group() {
        guarded = guarded.holding(Hold::NoGroups { here: there.groups });
    }
    Plan {
        directory: terms.directory,
        base_revision: here.revision,
        steps: made.steps,
        refusals: made.refusals,
        guarded,
    }
}

pub(super) struct Making<'a> {
    now: Now<'a>,
    pub(super) here: &'a Here,
    pub(super) terms: &'a Terms,
    refused: BTreeMap<ExternalId, (&'a str, bool)>,
    protected: BTreeSet<Member>,
}

impl Making<'_> {
    fn stated<'b, R>(
        &'b self,
        id: &ExternalId,
        records: &'b BTreeMap<ExternalId, R>,
    ) -> Stated<'b, R> {
        if let Some((why, off)) = self.refused.get(id) {
            return Stated::Refused { why, off: *off };
        }
        match (records.get(id), self.now.filtered.get(id)) {
            (_, Some(filter)) => Stated::FilteredOut(filter),
            (Some(record), None) => Stated::Present(record),
            (None, None) => Stated::Absent,
        }
    }

    pub(super) fn user(&self, id: &ExternalId) -> Stated<'_, UserRecord> {
        self.stated(id, &self.now.snapshot.users)
    }

    pub(super) fn group(&self, id: &ExternalId) -> Stated<'_, GroupRecord> {
        self.stated(id, &self.now.snapshot.groups)
    }

    /// That the name of a record is protected, if it is.
    fn name_of(&self, id: &ExternalId) -> Option<NameStanding> {
        let name = self
            .now
            .snapshot
            .users
            .get(id)?
            .attributes
            .get("username")?;
        let is_protected = self.here.protected_usernames.contains(name);
        is_protected.then_some(NameStanding::Protected)
    }

    fn group_name_of(&self, id: &ExternalId) -> Option<Reason> {
        let name = self.now.snapshot.groups.get(id)?.name.clone();
        let is_protected = self.here.protected_group_names.contains(&name);
        is_protected.then_some(Reason::NameProtected { name })
    }

    /// Whether groups are here and the source showed none: nothing that can be told from others, or of here.
    fn shows_no_group(&self) -> bool {
        let is_shown =
            |id: &ExternalId| self.refused.contains_key(id) || self.now.filtered.contains_key(id);
        let here = &self.here.groups;
        self.now.snapshot.groups.is_empty() && !here.is_empty() && !here.keys().any(is_shown)
    }

    fn person<'b>(&'b self, id: &'b ExternalId, name: NameStanding) -> Person<'b> {
        Person {
            external_id: id,
            stated: self.user(id),
            record: self.now.records.get(id).map(String::as_str),
            here: self.here.people.get(id),
            name,
        }
    }

    fn people(&self, ids: &mut dyn FnMut() -> Uuid) -> Verdict {
        let snapshot = &self.now.snapshot.users;
        let groups = &self.now.snapshot.groups;
        let no_group =
            |id: &&ExternalId| !self.here.groups.contains_key(*id) && !groups.contains_key(*id);
        let refused = self.refused.keys().filter(no_group);
        let all: BTreeSet<&ExternalId> = snapshot
            .keys()
            .chain(self.here.people.keys())
            .chain(refused)
            .collect();
        let mut names = Names::default();
        for id in &all {
            let trial = self.person(id, self.name_of(id).unwrap_or(NameStanding::Free));
            let trial = person::decide(&trial, self.terms, &mut Uuid::nil);
            let here = self.here.people.get(*id);
            let takes = trial.steps.iter().any(|step| {
                matches!(
                    step.change.action,
                    Action::CreateUser { .. } | Action::UpdateAccount { .. }
                )
            });
            let goes = trial
                .steps
                .iter()
                .any(|step| matches!(step.change.action, Action::DeleteUser { .. }));
            let wanted = match self.user(id) {
                Stated::Present(record) if takes => person::wants(record, here),
                _ => None,
            };
            names.note(id, here.map(|here| here.user), wanted, goes);
        }
        let settled = names.settle(|key| self.here.usernames.get(key).map(|(user, _)| *user));
        let mut made = Verdict::default();
        for id in settled.in_order(&all) {
            let name = match settled.of(id) {
                Outcome::Free => self.name_of(id).unwrap_or(NameStanding::Free),
                Outcome::Contended => NameStanding::Contended,
                Outcome::Circle => NameStanding::Circle,
                Outcome::Held(key) => match self.here.usernames.get(key) {
                    Some((user, username)) => NameStanding::HeldBy {
                        user: *user,
                        username: username.clone(),
                    },
                    None => NameStanding::Free,
                },
            };
            made.extend(person::decide(&self.person(id, name), self.terms, ids));
        }
        made
    }

    fn groups(&self, ids: &mut dyn FnMut() -> Uuid) -> Verdict {
        let all: BTreeSet<&ExternalId> = self
            .now
            .snapshot
            .groups
            .keys()
            .chain(self.here.groups.keys())
            .collect();
        let held: BTreeMap<&ExternalId, HereGroup> = self
            .here
            .groups
            .iter()
            .map(|(id, group)| (id, self.with_those_who_stay(id, group)))
            .collect();
        let decide = |id: &ExternalId, name: Option<Reason>, ids: &mut dyn FnMut() -> Uuid| {
            let stated = self.group(id);
            group::decide(
                &Group {
                    external_id: id,
                    stated,
                    here: held.get(id),
                    name,
                },
                self.terms,
                ids,
            )
        };
        let mut names = Names::default();
        for id in &all {
            let trial = decide(id, self.group_name_of(id), &mut Uuid::nil);
            let here = held.get(id);
            let takes = trial.steps.iter().any(|step| {
                matches!(
                    step.change.action,
                    Action::CreateGroup { .. } | Action::RenameGroup { .. }
                )
            });
            let goes = trial
                .steps
                .iter()
                .any(|step| matches!(step.change.action, Action::DeleteGroup { .. }));
            let wanted = match self.group(id) {
                Stated::Present(record) if takes => group::wants(record, here),
                _ => None,
            };
            names.note(id, here.map(|here| here.group), wanted, goes);
        }
        let settled = names.settle(|key| self.here.group_names.get(key).map(|(group, _)| *group));
        let mut made = Verdict::default();
        for id in settled.in_order(&all) {
            let name = self
                .now
                .snapshot
                .groups
                .get(id)
                .map(|record| record.name.clone())
                .unwrap_or_default();
            let reason = match settled.of(id) {
                Outcome::Free => self.group_name_of(id),
                Outcome::Contended => Some(Reason::NameContended { name }),
                Outcome::Circle => Some(Reason::NamesInACircle { name }),
                Outcome::Held(key) => {
                    self.here
                        .group_names
                        .get(key)
                        .map(|(_, by)| Reason::NameTaken {
                            name,
                            by: format!("the group “{by}”"),
                        })
                }
            };
            made.extend(decide(id, reason, ids));
        }
        made
    }

    /// Whether nobody may be taken out of a group.
    fn keeps_members(&self, outer: GroupId) -> bool {
        let id = self
            .here
            .groups
            .iter()
            .find(|(_, group)| group.group == outer)
            .map(|(id, _)| id);
        let is_partial = id.is_none_or(|id| self.reading(id) == Reading::Partial);
        is_partial || self.protected.contains(&Member::Group(outer))
    }

    /// A group that leaves while somebody may not be taken out of it, or it out of another, stays as a local one.
    fn with_those_who_stay(&self, id: &ExternalId, group: &HereGroup) -> HereGroup {
        let mut group = group.clone();
        if self.group(id).leaves(self.terms).is_some() {
            group.held |= self.here.members.iter().any(|(outer, member)| {
                *outer == group.group && self.protected.contains(member)
                    || *member == Member::Group(group.group) && self.keeps_members(*outer)
            });
        }
        group
    }

    fn members(&self, made: &Verdict) -> Verdict {
        let known = Roster::of(self, made);
        let mut verdict = Verdict::default();
        let ids: BTreeSet<&ExternalId> = self
            .now
            .snapshot
            .groups
            .keys()
            .chain(self.here.groups.keys())
            .collect();
        for id in ids {
            let Some(here) = known.groups.get(id) else {
                continue;
            };
            let stated: BTreeSet<Member> = match self.group(id) {
                Stated::Present(record) => record
                    .members
                    .iter()
                    .filter_map(|member| known.members.get(member).copied())
                    .collect(),
                _ => BTreeSet::new(),
            };
            let from = (here.group, Member::User(UserId(Uuid::nil())));
            let inside: BTreeSet<Member> = self
                .here
                .members
                .range(from..)
                .take_while(|(group, _)| *group == here.group)
                .map(|(_, member)| *member)
                .collect();
            for member in stated.union(&inside) {
                let facts = known.facts.get(member);
                let pair = Pair {
                    group: here.group,
                    group_name: &here.name,
                    group_protected: here.protected,
                    reading: self.reading(id),
                    member: *member,
                    member_name: facts.map_or("somebody", |facts| facts.name.as_str()),
                    member_protected: facts.and_then(|facts| facts.protected),
                    standing: facts.map_or(Standing::Left, |facts| facts.standing),
                    stated: stated.contains(member),
                    here: inside.contains(member),
                };
                verdict.extend(member::decide(&pair, self.terms));
            }
        }
        verdict
    }

    fn reading(&self, id: &ExternalId) -> Reading {
        let stated = self.group(id);
        if stated.leaves(self.terms).is_some() {
            return Reading::GroupLeaves;
        }
        match stated {
            Stated::Present(_) if !self.now.snapshot.unread.contains(id) => Reading::Whole,
            _ => Reading::Partial,
        }
    }
}

impl Verdict {
    fn extend(&mut self, more: Self) {
        self.steps.extend(more.steps);
        self.refusals.extend(more.refusals);
    }
}
