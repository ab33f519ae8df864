//! Who is in a group after all: whoever is renamed or moved while everything is read, is read under one name and listed under
//! another. So where a group lists somebody whom nobody knows, those who seem to have left it are asked for once more.

use std::collections::BTreeSet;

use muster_domain::Error;
use muster_domain::directory::Directory as Source;
use muster_domain::id::UserId;
use muster_domain::membership::Member;
use muster_domain::plan::Here;
use muster_domain::record::ExternalId;
use muster_domain::snapshot::Snapshot;
use muster_storage::accounts;

use super::Making;
use super::subjects::Grouped;

/// A source that is asked again, until it does not answer.
pub(super) struct Again<'s> {
    source: &'s dyn Source,
    is_silent: bool,
}

impl<'s> Again<'s> {
    pub(super) const fn of(source: &'s dyn Source) -> Self {
        Self {
            source,
            is_silent: false,
        }
    }

    /// Who of these is in the group; none: nobody can say.
    async fn still_in(
        &mut self,
        group: &ExternalId,
        who: &[ExternalId],
    ) -> Option<BTreeSet<ExternalId>> {
        if who.is_empty() {
            return Some(BTreeSet::new());
        }
        if self.is_silent {
            return None;
        }
        let found = self.source.still_in(group, who).await;
        self.is_silent = found.is_err();
        found.ok()
    }
}

impl Making<'_> {
    /// Who is in a group although they seem to have left it; none: nobody can say.
    pub(super) async fn still_in(
        &self,
        group: &Grouped,
        stated: &BTreeSet<Member>,
        inside: &BTreeSet<Member>,
        again: &mut Again<'_>,
    ) -> Result<Option<BTreeSet<Member>>, Error> {
        let left = || inside.difference(stated);
        let people: Vec<UserId> = left().filter_map(|one| one.user()).collect();
        let groups: BTreeSet<_> = left().filter_map(|one| one.group()).collect();
        let ours = |group: &&Grouped| {
            let then = group.then.as_ref();
            then.is_some_and(|then| groups.contains(&then.group))
        };
        let groups = self.subjects.groups.iter().filter(ours);
        let mut who: Vec<ExternalId> = groups.map(|one| one.external_id.clone()).collect();
        for account in accounts::of_users(self.services.db(), &people).await? {
            if account.directory == self.terms.directory {
                who.push(account.external_id);
            }
        }
        who.extend(people.iter().filter_map(|user| self.adopted_by(*user)));
        let found = again.still_in(&group.external_id, &who).await;
        Ok(found.map(|found| {
            let keys = found.iter().map(|id| self.subjects.id(id));
            keys.filter_map(|key| self.member(key)).collect()
        }))
    }
}

/// The same for a snapshot in memory.
pub(super) async fn in_memory(source: &dyn Source, snapshot: &mut Snapshot, here: &Here) {
    let mut again = Again::of(source);
    for id in std::mem::take(&mut snapshot.strangers) {
        let (Some(group), Some(record)) = (here.groups.get(&id), snapshot.groups.get_mut(&id))
        else {
            continue;
        };
        if snapshot.unread.contains(&id) {
            continue;
        }
        let people = here.people.iter();
        let people = people.map(|(id, one)| (id, Member::User(one.user)));
        let groups = here.groups.iter();
        let groups = groups.map(|(id, one)| (id, Member::Group(one.group)));
        let has_left = |(id, member): &(&ExternalId, Member)| {
            here.members.contains(&(group.group, *member)) && !record.members.contains(id)
        };
        let left = people.chain(groups).filter(has_left);
        let who: Vec<ExternalId> = left.map(|(id, _)| id.clone()).collect();
        match again.still_in(&id, &who).await {
            Some(found) => record.members.extend(found),
            None => {
                snapshot.unread.insert(id);
            }
        }
    }
}
