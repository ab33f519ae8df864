//! Which changes of a run go on record one by one. What a run does stands in its plan, and one event for each batch tells so;
//! but plans are forgotten one day, and the record is not. So whoever is kept out, let in again or deleted, and whatever gives
//! or takes a role, is told by an event of its own, in the transaction that does it.

use std::collections::BTreeSet;

use muster_domain::Error;
use muster_domain::audit::AuditEvent;
use muster_domain::change::{Action, Change};
use muster_domain::id::GroupId;
use muster_domain::membership::{Member, Membership, Origin};
use muster_domain::standing::Standing;
use muster_storage::{Tx, memberships, roles as grants};

use super::{Door, Names, rows};
use crate::{Call, Services, roles};

/// What happens to people, and that directories change places, is told whatever else happens.
const TOLD: [&str; 4] = [
    "user.deactivate",
    "user.reactivate",
    "user.delete",
    "directory.switch",
];

/// What has to be known before some changes are carried out, to tell of them afterwards.
#[derive(Default)]
pub(crate) struct Telling {
    /// Groups that give a role, or will when the changes are carried out.
    giving: BTreeSet<GroupId>,
    /// Changes of who is in them.
    changes: Vec<Change>,
    /// Which of these memberships there are.
    there: BTreeSet<Membership>,
    /// Who is called what, also those who are deleted.
    names: Names,
}

impl Telling {
    /// Looks at what is here, before.
    ///
    /// # Errors
    /// Why the database cannot answer.
    pub(crate) async fn before(
        services: &Services,
        call: &Call,
        tx: &Tx,
        changes: &[Change],
    ) -> Result<Self, Error> {
        if !changes.iter().any(is_about_a_group) || !some_group_gives_a_role(tx).await? {
            return Ok(Self::default());
        }
        let standing = roles::standing(tx).await?;
        let giving = giving(standing, changes);
        let is_told = |change: &&Change| match &change.action {
            Action::AddMember { group, .. } | Action::RemoveMember { group, .. } => {
                giving.contains(group)
            }
            _ => false,
        };
        let changes: Vec<Change> = changes.iter().filter(is_told).cloned().collect();
        let wanted = rows(&changes);
        let door = Door {
            services,
            call,
            tx,
            tells: true,
        };
        let names = door.names(&wanted).await?;
        let there = there(tx, &wanted).await?;
        Ok(Self {
            giving,
            there,
            names,
            changes,
        })
    }

    /// What goes on record, after they were carried out; `events` is what the door says of them.
    ///
    /// # Errors
    /// Why the database cannot answer.
    pub(crate) async fn after(
        mut self,
        services: &Services,
        call: &Call,
        tx: &Tx,
        events: Vec<AuditEvent>,
    ) -> Result<Vec<AuditEvent>, Error> {
        let mut told = events;
        told.retain(|event| self.is_told(event));
        let wanted = rows(&self.changes);
        if wanted.is_empty() {
            return Ok(told);
        }
        let door = Door {
            services,
            call,
            tx,
            tells: true,
        };
        let Names { groups, users } = door.names(&wanted).await?;
        self.names.groups.extend(groups);
        self.names.users.extend(users);
        let now = there(tx, &wanted).await?;
        for (row, change) in &wanted {
            // Told once, however often it was asked for.
            let action = match (self.there.contains(row), now.contains(row)) {
                (false, true) if self.there.insert(*row) => "group.member.add",
                (true, false) if self.there.remove(row) => "group.member.remove",
                _ => continue,
            };
            told.push(door.member_event(action, row, change, &self.names)?);
        }
        Ok(told)
    }

    fn is_told(&self, event: &AuditEvent) -> bool {
        let is_of_a_group =
            event.action.starts_with("group.") && !event.action.starts_with("group.member.");
        TOLD.contains(&event.action.as_str())
            || is_of_a_group
                && event
                    .target_id
                    .is_some_and(|id| self.giving.contains(&GroupId(id)))
    }
}

const fn is_about_a_group(change: &Change) -> bool {
    matches!(
        change.action,
        Action::AddMember { .. }
            | Action::RemoveMember { .. }
            | Action::MoveMembers { .. }
            | Action::LinkGroup { .. }
            | Action::UnlinkGroup { .. }
            | Action::RenameGroup { .. }
            | Action::DeleteGroup { .. }
    )
}

async fn some_group_gives_a_role(tx: &Tx) -> Result<bool, Error> {
    let rows = grants::list(tx).await?;
    Ok(rows
        .iter()
        .any(|row| matches!(row.assignment.principal, Member::Group(_))))
}

/// Groups that give a role before or after these changes.
fn giving(mut standing: Standing, changes: &[Change]) -> BTreeSet<GroupId> {
    let mut giving = standing.privileged_groups();
    let nested = changes.iter().filter_map(|change| match change.action {
        Action::AddMember {
            group,
            member: Member::Group(inner),
            origin,
        } => Some((group, inner, origin)),
        _ => None,
    });
    let nested: Vec<(GroupId, GroupId, Origin)> = nested.collect();
    if !nested.is_empty() {
        standing.nesting.extend(nested);
        giving.extend(standing.privileged_groups());
    }
    giving
}

/// Which of these memberships there are.
async fn there(tx: &Tx, wanted: &[(Membership, &Change)]) -> Result<BTreeSet<Membership>, Error> {
    let members: BTreeSet<Member> = wanted.iter().map(|(row, _)| row.member).collect();
    let members: Vec<Member> = members.into_iter().collect();
    let known = memberships::of_members(tx, &members).await?;
    let wanted: BTreeSet<Membership> = wanted.iter().map(|(row, _)| *row).collect();
    Ok(known
        .into_iter()
        .filter(|row| wanted.contains(row))
        .collect())
}
