//! Who came under protection after a plan was made: a plan may wait for days, and what it does is done to those it was
//! about then. So each batch looks once more, in its own transaction.

use std::collections::BTreeSet;

use muster_domain::change::{Action, Change};
use muster_domain::id::{GroupId, UserId};
use muster_domain::membership::{Member, Membership};
use muster_domain::plan::{Protection, Purpose};
use muster_domain::{Error, Kind};
use muster_storage::users::UserFilter;
use muster_storage::{Tx, groups, memberships, users};

use crate::roles;
use crate::standing::Standing;
use crate::sync::Rules;

/// Whether changes are about anybody who holds a role, or a group that gives one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Touches {
    /// They are not.
    NoRole,
    /// They are: who gets in is to be looked at, before and after.
    Roles,
}

/// Goes on only while nobody whom these changes are about holds a role, is a break-glass account or was chosen to be
/// left alone, and no group they are about gives a role or was chosen. The removal of a directory is chosen by a person
/// with everything that comes from it: accounts and groups go over into other hands, but nobody who is protected is kept
/// out, and no protected group gains or loses anybody.
///
/// # Errors
/// `PLAN-005`: one of them is protected now.
pub(super) async fn look(
    tx: &Tx,
    purpose: Purpose,
    rules: &Rules,
    changes: &[Change],
) -> Result<Touches, Error> {
    let (mut about, mut members, mut known) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for change in changes {
        about.extend(person_of(change));
        known.extend(groups_of(change));
        if let Action::AddMember { member, .. } | Action::RemoveMember { member, .. } =
            change.action
        {
            members.extend(member.user());
        }
    }
    if about.is_empty() && known.is_empty() {
        return Ok(Touches::NoRole);
    }
    let protected = Protected {
        standing: roles::standing_in(tx).await?,
        rules,
    };
    let mut touches = protected.people(tx, purpose, &about, changes).await?;
    if purpose != Purpose::Removal {
        protected.members(tx, &members).await?;
    }
    if protected.groups(tx, purpose, &known, changes).await? == Touches::Roles {
        touches = Touches::Roles;
    }
    Ok(touches)
}

/// Who is protected now.
struct Protected<'a> {
    standing: Standing,
    rules: &'a Rules,
}

impl Protected<'_> {
    async fn people(
        &self,
        tx: &Tx,
        purpose: Purpose,
        about: &BTreeSet<UserId>,
        changes: &[Change],
    ) -> Result<Touches, Error> {
        let mut touches = Touches::NoRole;
        let privileged = self.standing.privileged_people();
        let about: Vec<UserId> = about.iter().copied().collect();
        for user in users::get_many(tx, &about).await? {
            let why = if user.break_glass {
                Protection::BreakGlass
            } else if privileged.contains(&user.id) {
                Protection::Administrator
            } else if self.rules.protects_user(&user.username) {
                Protection::Chosen
            } else {
                continue;
            };
            let is_kept_out = |change: &Change| {
                let keeps_out = matches!(
                    change.action,
                    Action::Deactivate { .. } | Action::DeleteUser { .. }
                );
                keeps_out && person_of(change) == Some(user.id)
            };
            if purpose != Purpose::Removal || changes.iter().any(is_kept_out) {
                return Err(protected(&user.username, why));
            }
            touches = Touches::Roles;
        }
        Ok(touches)
    }

    /// People who join and leave groups: many, so that only those are loaded of whom it matters.
    async fn members(&self, tx: &Tx, members: &BTreeSet<UserId>) -> Result<(), Error> {
        let break_glass = UserFilter {
            break_glass: Some(true),
            ..UserFilter::default()
        };
        let mut wanted: BTreeSet<UserId> = users::ids(tx, &break_glass, 1_000)
            .await?
            .into_iter()
            .chain(self.standing.privileged_people())
            .filter(|user| members.contains(user))
            .collect();
        if !self.rules.protected_users.is_empty() {
            wanted.clone_from(members);
        }
        let wanted: Vec<UserId> = wanted.into_iter().collect();
        let privileged = self.standing.privileged_people();
        for user in users::get_many(tx, &wanted).await? {
            if user.break_glass {
                return Err(protected(&user.username, Protection::BreakGlass));
            }
            if privileged.contains(&user.id) {
                return Err(protected(&user.username, Protection::Administrator));
            }
            if self.rules.protects_user(&user.username) {
                return Err(protected(&user.username, Protection::Chosen));
            }
        }
        Ok(())
    }

    async fn groups(
        &self,
        tx: &Tx,
        purpose: Purpose,
        about: &BTreeSet<GroupId>,
        changes: &[Change],
    ) -> Result<Touches, Error> {
        let giving = self.standing.privileged_groups();
        let wanted: Vec<GroupId> = match self.rules.protected_groups.is_empty() {
            true => about.intersection(&giving).copied().collect(),
            false => about.iter().copied().collect(),
        };
        let mut touches = Touches::NoRole;
        for group in groups::get_many(tx, &wanted).await? {
            let why = if giving.contains(&group.id) {
                Protection::Administrator
            } else if self.rules.protects_group(&group.name) {
                Protection::Chosen
            } else {
                continue;
            };
            if purpose != Purpose::Removal || !keeps_everybody(tx, group.id, changes).await? {
                return Err(protected(&format!("The group {}", group.name), why));
            }
            touches = Touches::Roles;
        }
        Ok(touches)
    }
}

/// Whether everybody who is in a group stays in it, and nobody else joins: what one origin ends, another holds.
async fn keeps_everybody(tx: &Tx, group: GroupId, changes: &[Change]) -> Result<bool, Error> {
    let mut is: BTreeSet<Membership> = memberships::in_group(tx, group)
        .await?
        .into_iter()
        .collect();
    let members = |rows: &BTreeSet<Membership>| -> BTreeSet<Member> {
        rows.iter().map(|row| row.member).collect()
    };
    let before = members(&is);
    for change in changes {
        match &change.action {
            Action::DeleteGroup { group: one } if *one == group => return Ok(false),
            Action::AddMember {
                group: one,
                member,
                origin,
            } if *one == group => {
                is.insert(Membership {
                    group,
                    member: *member,
                    origin: *origin,
                });
            }
            Action::RemoveMember {
                group: one,
                member,
                origin,
            } if *one == group => {
                is.remove(&Membership {
                    group,
                    member: *member,
                    origin: *origin,
                });
            }
            _ => {}
        }
    }
    Ok(members(&is) == before)
}

const fn person_of(change: &Change) -> Option<UserId> {
    match &change.action {
        Action::Deactivate { user, .. }
        | Action::DeleteUser { user }
        | Action::UpdateAccount { user, .. }
        | Action::RemoveAccount { user, .. }
        | Action::MoveAccount { user, .. }
        | Action::Reactivate { user, .. } => Some(*user),
        _ => None,
    }
}

/// The groups that a change is about: of one in another both.
fn groups_of(change: &Change) -> impl Iterator<Item = GroupId> {
    let (group, inner) = match &change.action {
        Action::AddMember { group, member, .. } | Action::RemoveMember { group, member, .. } => {
            (Some(*group), member.group())
        }
        Action::RenameGroup { group, .. }
        | Action::DeleteGroup { group }
        | Action::MoveMembers { group, .. }
        | Action::LinkGroup { group, .. }
        | Action::UnlinkGroup { group, .. } => (Some(*group), None),
        _ => (None, None),
    };
    group.into_iter().chain(inner)
}

fn protected(who: &str, why: Protection) -> Error {
    Error::new(
        "PLAN-005",
        Kind::Conflict,
        format!("{who} came under protection after the plan was made."),
    )
    .next(why.words())
}
