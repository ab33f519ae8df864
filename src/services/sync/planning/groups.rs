//! Groups, members apart. There are few enough of them to be in memory together.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::Error;
use muster_domain::change::Action;
use muster_domain::id::{DirectoryId, GroupId, UserId};
use muster_domain::membership::{Member, Origin};
use muster_domain::name;
use muster_domain::plan::group::{self, Group, HereGroup};
use muster_domain::plan::member::{Reading, Standing};
use muster_domain::plan::names::{Names, Outcome};
use muster_domain::plan::terms::Stated;
use muster_domain::plan::{Protection, Reason, Verdict, fingerprint};
use muster_domain::record::{ExternalId, GroupRecord};
use muster_storage::{Quiet, groups, memberships, users};

use super::subjects::{Grouped, Known, Then};
use super::{Making, PAGE};
use crate::Services;

/// A group with what the source says of it.
struct Told {
    at: usize,
    record: Option<GroupRecord>,
    here: Option<HereGroup>,
}

impl Making<'_> {
    /// Decides about every group.
    pub(super) async fn decide_groups(&mut self) -> Result<(), Error> {
        self.sort_out();
        let mut all: BTreeMap<ExternalId, Told> = BTreeMap::new();
        for (at, group) in self.subjects.groups.iter().enumerate() {
            if group.name.is_none() && group.here.is_none() {
                continue;
            }
            let record = group.name.clone().map(|name| GroupRecord {
                external_id: group.external_id.clone(),
                name,
                members: Vec::new(),
            });
            let here = group.here.as_ref().map(|known| HereGroup {
                group: known.group.id,
                name: known.group.name.clone(),
                description: known.group.description.clone(),
                held: false,
                protected: self.group_protection(known),
            });
            let told = Told { at, record, here };
            all.insert(group.external_id.clone(), told);
        }
        for told in all.values_mut() {
            if let Some(here) = &mut told.here
                && let Some(group) = self.subjects.groups.get(told.at)
                && self
                    .stated(group, told.record.as_ref())
                    .leaves(&self.terms)
                    .is_some()
            {
                here.held = self.is_held(group, here).await?;
            }
        }
        let mut wishes: Names<GroupId> = Names::default();
        for (id, told) in &all {
            let trial = self.decide_group(id, told, self.name_kept(told), true);
            let takes = |action: &Action| {
                matches!(
                    action,
                    Action::CreateGroup { .. } | Action::RenameGroup { .. }
                )
            };
            let takes = trial.steps.iter().any(|step| takes(&step.change.action));
            let goes = |action: &Action| matches!(action, Action::DeleteGroup { .. });
            let goes = trial.steps.iter().any(|step| goes(&step.change.action));
            let here = told.here.as_ref();
            let wanted = match &told.record {
                Some(record) if takes => group::wants(record, here),
                _ => None,
            };
            wishes.note(id, here.map(|here| here.group), wanted, goes);
        }
        let keys: Vec<String> = wishes.wanted().map(str::to_owned).collect();
        let mut holders: BTreeMap<String, (GroupId, String)> = BTreeMap::new();
        for group in groups::by_keys(self.services.db(), &keys).await? {
            holders.insert(name::key(&group.name), (group.id, group.name));
        }
        let settled = wishes.settle(|key| holders.get(key).map(|(group, _)| *group));
        let ids: BTreeSet<&ExternalId> = all.keys().collect();
        for id in settled.in_order(&ids) {
            let Some(told) = all.get(id) else { continue };
            let record = told.record.as_ref();
            let name = record.map(|record| record.name.clone()).unwrap_or_default();
            let reason = match settled.of(id) {
                Outcome::Free => self.name_kept(told),
                Outcome::Contended => Some(Reason::NameContended { name }),
                Outcome::Circle => Some(Reason::NamesInACircle { name }),
                Outcome::Held(key) => holders.get(key).map(|(_, by)| Reason::NameTaken {
                    name,
                    by: format!("the group “{by}”"),
                }),
            };
            let decided = self.decide_group(id, told, reason, false);
            self.settle_group(told, &decided);
            decided.steps.into_iter().for_each(|step| {
                self.writer.step(step);
            });
            decided.refusals.into_iter().for_each(|refusal| {
                self.writer.refuse(refusal);
            });
            self.flush_some().await?;
        }
        Ok(())
    }

    /// Follows pointers to groups.
    fn sort_out(&mut self) {
        for (pointer, parts) in std::mem::take(&mut self.subjects.members) {
            let key = self.subjects.follow(pointer);
            if let Some(group) = self.subjects.group_of_mut(key) {
                group.members.extend(parts);
            }
        }
        for pointer in std::mem::take(&mut self.subjects.unread) {
            let key = self.subjects.follow(pointer);
            if let Some(group) = self.subjects.group_of_mut(key) {
                group.is_unread = true;
            }
        }
    }

    fn stated<'b>(
        &'b self,
        group: &'b Grouped,
        record: Option<&'b GroupRecord>,
    ) -> Stated<'b, GroupRecord> {
        let refused = self.subjects.refused.get(&group.external_id);
        match (refused, &group.filter, record) {
            (Some(why), _, _) => Stated::Refused { why, off: false },
            (None, Some(filter), _) => Stated::FilteredOut(filter),
            (None, None, Some(record)) => Stated::Present(record),
            (None, None, None) => Stated::Absent,
        }
    }

    fn decide_group(
        &self,
        id: &ExternalId,
        told: &Told,
        name: Option<Reason>,
        is_trial: bool,
    ) -> Verdict {
        let Some(group) = self.subjects.groups.get(told.at) else {
            return Verdict::default();
        };
        let group = Group {
            external_id: id,
            stated: self.stated(group, told.record.as_ref()),
            here: told.here.as_ref(),
            name,
        };
        group::decide(&group, &self.terms, &mut || match is_trial {
            true => uuid::Uuid::nil(),
            false => self.services.id(),
        })
    }

    /// That the stated name is protected, if it is.
    fn name_kept(&self, told: &Told) -> Option<Reason> {
        let name = told.record.as_ref()?.name.clone();
        let is_protected = self.rules.protects_group(&name);
        is_protected.then_some(Reason::NameProtected { name })
    }

    /// What the group is once this is done.
    fn settle_group(&mut self, told: &Told, decided: &Verdict) {
        let Some(group) = self.subjects.groups.get(told.at) else {
            return;
        };
        let stated = self.stated(group, told.record.as_ref());
        let standing = match (&stated, stated.leaves(&self.terms)) {
            (_, Some(_)) => Standing::Left,
            (Stated::Present(_), None) => Standing::There,
            (_, None) => Standing::Unknown,
        };
        let mut then = told.here.as_ref().map(|here| Then {
            group: here.group,
            name: here.name.clone(),
            protected: here.protected,
            standing,
        });
        for step in &decided.steps {
            match &step.change.action {
                Action::LinkGroup { group, .. } => {
                    then = Some(Then {
                        group: *group,
                        name: step.subject.clone(),
                        protected: None,
                        standing,
                    });
                }
                Action::RenameGroup { name, .. } => {
                    if let Some(then) = &mut then {
                        then.name.clone_from(name);
                    }
                }
                _ => {}
            }
        }
        if let Some(group) = self.subjects.groups.get_mut(told.at) {
            group.then = then;
        }
    }

    pub(super) fn group_protection(&self, known: &Known) -> Option<Protection> {
        if self.groups.contains(&known.group.id) {
            Some(Protection::Administrator)
        } else {
            let is_chosen = self.rules.protects_group(&known.group.name);
            is_chosen.then_some(Protection::Chosen)
        }
    }

    fn known_group(&self, id: GroupId) -> Option<(&Grouped, &Known)> {
        self.subjects.groups.iter().find_map(|group| {
            let known = group.here.as_ref().filter(|known| known.group.id == id)?;
            Some((group, known))
        })
    }

    /// How much of a group was read.
    pub(super) fn reading(&self, group: &Grouped) -> Reading {
        let record = group.name.as_ref().map(|_| GroupRecord {
            external_id: group.external_id.clone(),
            name: String::new(),
            members: Vec::new(),
        });
        let stated = self.stated(group, record.as_ref());
        if stated.leaves(&self.terms).is_some() {
            return Reading::GroupLeaves;
        }
        match stated {
            Stated::Present(_) if !group.is_unread => Reading::Whole,
            _ => Reading::Partial,
        }
    }

    /// Whether anything but this directory holds on to a group that leaves: what others put into it, another directory, a
    /// role; or somebody in it, or it in another, who may not be taken out.
    async fn is_held(&self, group: &Grouped, here: &HereGroup) -> Result<bool, Error> {
        let Some(known) = &group.here else {
            return Ok(false);
        };
        let is_ours = known.group.directory == Some(self.terms.directory);
        if known.elsewhere || !is_ours || here.protected.is_some() {
            return Ok(true);
        }
        let (db, ours) = (self.services.db(), self.origin());
        let around = memberships::of_members(db, &[Member::Group(here.group)]).await?;
        if around.iter().any(|row| row.origin != ours) {
            return Ok(true);
        }
        if memberships::is_put_by_others(db, here.group, ours).await? {
            return Ok(true);
        }
        let keeps = |outer: GroupId| {
            self.known_group(outer).is_none_or(|(outer, known)| {
                self.reading(outer) == Reading::Partial || self.group_protection(known).is_some()
            })
        };
        if around.iter().any(|row| keeps(row.group)) {
            return Ok(true);
        }
        let inside = memberships::put_by(db, here.group, ours).await?;
        let ours_and_protected = |inner: &GroupId| {
            let found = self.known_group(*inner);
            found.is_some_and(|(_, known)| self.group_protection(known).is_some())
        };
        if inside
            .iter()
            .filter_map(|one| one.group())
            .any(|inner| ours_and_protected(&inner))
        {
            return Ok(true);
        }
        let here: BTreeSet<UserId> = self.subjects.people_known().map(|(user, _)| user).collect();
        let people: Vec<UserId> = inside
            .iter()
            .filter_map(|one| one.user())
            .filter(|user| here.contains(user))
            .collect();
        for some in people.chunks(PAGE) {
            let found = users::get_many(db, some).await?;
            if found.iter().any(|user| self.protection(user).is_some()) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// Keeps with every group of a directory what is here of it, where nothing is kept that is worth something: when a run
/// ends, so that the next plan need not look at who is in them.
///
/// # Errors
/// Why the database cannot serve.
pub async fn confirm(services: &Services, directory: DirectoryId) -> Result<(), Error> {
    let db = services.db();
    let mut after = String::new();
    loop {
        let page = groups::undigested(db, directory, &after, 100).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after.clone_from(&last.external_id.0);
        let mut kept = Vec::new();
        for group in page {
            let origin = Origin::Directory(directory);
            let inside = memberships::put_by(db, group.group, origin).await?;
            let inside: BTreeSet<Member> = inside.into_iter().collect();
            let digest = fingerprint::of_group(&group.name, &inside);
            kept.push((group.external_id, group.digest, digest));
        }
        let tx = db.begin().await?;
        for (id, was, digest) in kept {
            groups::remember_if(&tx, directory, &id, was.as_deref(), &digest).await?;
        }
        tx.commit_quiet(Quiet::Working).await?;
    }
}
