//! Groups of the former directory: found by their names, and tied to the new one.

use std::collections::BTreeMap;

use muster_domain::Error;
use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::DirectoryId;
use muster_domain::membership::Member;
use muster_domain::name;
use muster_domain::plan::{Reason, Refusal, Step};
use muster_domain::record::ExternalId;
use muster_storage::groups::Sourced;

use super::super::Making;
use super::super::subjects::{Known, Then};

impl Making<'_> {
    /// Finds the groups of the former directory among those that were read, by their names, and ties them.
    pub(in crate::sync::planning) async fn adopt_groups(&mut self) -> Result<(), Error> {
        let Some(adopting) = &self.adopting else {
            return Ok(());
        };
        let mut wanted: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (at, group) in self.subjects.groups.iter().enumerate() {
            let is_out =
                group.filter.is_some() || self.subjects.refused.contains_key(&group.external_id);
            if let Some(name) = group
                .name
                .as_ref()
                .filter(|_| group.here.is_none() && !is_out)
            {
                wanted.entry(name::key(name)).or_default().push(at);
            }
        }
        let from = adopting.adopt.from;
        let (mut tied, mut left_alone) = (Vec::new(), Vec::new());
        for (key, places) in &wanted {
            let Some(former) = adopting.groups.get(key) else {
                continue;
            };
            match places.as_slice() {
                [at] => tied.push((*at, former.clone())),
                // Which of them is meant, nobody can tell: both are refused, because both want the name.
                _ => left_alone.push(former.group.id),
            }
        }
        for (at, former) in tied {
            let known = Known {
                group: former.group.clone(),
                elsewhere: former.elsewhere,
                digest: None,
            };
            let protected = self.group_protection(&known);
            let Some(group) = self.subjects.groups.get_mut(at) else {
                continue;
            };
            if let Some(why) = protected {
                group.name = None;
                let refusal = Refusal {
                    subject: former.group.name.clone(),
                    external_id: Some(group.external_id.clone()),
                    reason: Reason::Protected { why },
                };
                left_alone.push(former.group.id);
                self.writer.refuse(refusal);
                continue;
            }
            group.here = Some(known);
            let there = group.external_id.clone();
            for step in tie(&former, from, self.terms.directory, &there) {
                self.writer.step(step);
            }
            if let Some(adopting) = &mut self.adopting {
                adopting.adopted.insert(former.group.id);
            }
        }
        if let Some(adopting) = &mut self.adopting {
            let left = left_alone.into_iter().map(Member::Group);
            adopting.stays.extend(left);
        }
        self.flush_some().await
    }

    /// Whether a group is handed over.
    pub(in crate::sync::planning) fn is_adopted(&self, then: &Then) -> bool {
        let adopting = self.adopting.as_ref();
        adopting.is_some_and(|adopting| adopting.adopted.contains(&then.group))
    }

    /// Groups of the former directory that nobody takes over and that are not left alone.
    pub(in crate::sync::planning) fn former_groups(&self) -> Vec<Sourced> {
        let Some(adopting) = &self.adopting else {
            return Vec::new();
        };
        let left = adopting.groups.values().filter(|known| {
            let group = known.group.id;
            !adopting.adopted.contains(&group) && !adopting.keeps(Member::Group(group))
        });
        left.cloned().collect()
    }
}

/// The steps that make a group of one directory that of another.
fn tie(former: &Sourced, from: DirectoryId, to: DirectoryId, there: &ExternalId) -> [Step; 2] {
    let group = former.group.id;
    let link = |directory, external_id: &ExternalId| Action::LinkGroup {
        group,
        directory,
        external_id: external_id.clone(),
    };
    let unlink = |directory, external_id: &ExternalId| Action::UnlinkGroup {
        group,
        directory,
        external_id: external_id.clone(),
    };
    let step = |action, undo| Step {
        change: Change::new(action, Cause::HandedOver),
        subject: former.group.name.clone(),
        undo: vec![Change::new(undo, Cause::Undone)],
    };
    [
        step(
            unlink(from, &former.external_id),
            link(from, &former.external_id),
        ),
        step(link(to, there), unlink(to, there)),
    ]
}
