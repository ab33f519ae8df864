//! The single door: whatever way a person arrives (a form, a sign-in, a sync) ends as [`Change`]s, and [`apply`]
//! turns them into rows, keeping effective attributes, counts and sessions right. The caller commits with the
//! events it gets back.
//!
//! Precedence is explicit: attributes follow directory order, memberships of different origins are separate rows,
//! and who was deactivated comes back by [`Action::Reactivate`] alone.

mod groups;
mod known;
pub(crate) mod lapsing;
mod leaving;
pub mod merge;
mod people;
mod protecting;
mod switching;
mod unchanged;

use std::collections::BTreeSet;

use muster_domain::Error;
use muster_domain::audit::AuditEvent;
use muster_domain::change::{Action, Change};
use muster_domain::id::DirectoryId;
use muster_domain::plan::Purpose;
use muster_storage::{Tx, accounts, directories, users};

use crate::sync::{rules, shadowing};
use crate::{Call, Services, lockout, roles};
pub(crate) use groups::Telling;
use known::Touched;
use protecting::Touches;

pub(crate) use unchanged::{look as still, present};

/// Applies changes in their order; gives one event for each that made a difference. Runs of one kind are batched.
/// Whoever loses a role with a membership loses the secure session with it, whatever ended the membership.
/// Whether the caller may do this is decided before: here nobody is asked for permission.
///
/// # Errors
/// When a change contradicts what is here: a taken name, an unknown person or group, a circle of groups made by
/// hand. The transaction must not be committed then.
pub async fn apply(
    services: &Services,
    call: &Call,
    tx: &Tx,
    changes: &[Change],
) -> Result<Vec<AuditEvent>, Error> {
    pass(services, call, tx, changes, None).await
}

/// The same for steps of a plan of this directory, made for this purpose, that a run carries out. Whoever came under
/// protection after it was made is left alone, and where it is about anybody who holds a role, somebody gets in afterwards.
/// A directory that was switched off changes nothing by what its source says. Plans of other directories are out of date by
/// these changes ([`touched`]): whoever carries them out has written that before, with the lease of this one. What is here
/// is then what its source says, as far as the steps went, and the next sync need not look closer. What went on is told by the plan: of memberships nothing else tells it.
///
/// # Errors
/// As [`apply`]; `PLAN-005` when one of the steps is about somebody or something protected, `RUN-002` when the directory
/// is switched off, `SHD-001` when it is in shadow.
pub(crate) async fn carry(
    services: &Services,
    call: &Call,
    tx: &Tx,
    changes: &[Change],
    (directory, purpose): (DirectoryId, Purpose),
) -> Result<Vec<AuditEvent>, Error> {
    let known = directories::get(tx, directory)
        .await?
        .ok_or_else(|| Error::not_found("directory"))?;
    rules::is_on(&known, purpose)?;
    if matches!(purpose, Purpose::Sync | Purpose::Drift) {
        shadowing::is_active(&known)?;
    }
    let touches = protecting::look(tx, purpose, &rules::of(&known), changes).await?;
    let before = match touches {
        Touches::Roles => Some(lockout::before(services, tx).await?),
        Touches::NoRole => None,
    };
    let events = pass(services, call, tx, changes, Some(directory)).await?;
    if let Some(before) = before {
        before.holds(tx).await?;
    }
    Ok(events)
}

async fn pass(
    services: &Services,
    call: &Call,
    tx: &Tx,
    changes: &[Change],
    worker: Option<DirectoryId>,
) -> Result<Vec<AuditEvent>, Error> {
    let door = Door {
        services,
        call,
        tx,
        tells: worker.is_none(),
    };
    let touched = Touched::by(changes);
    if worker.is_none() {
        door.announce(&touched).await?;
    }
    let may_lose = |change: &Change| {
        matches!(
            change.action,
            Action::RemoveMember { .. } | Action::DeleteUser { .. } | Action::DeleteGroup { .. }
        )
    };
    let before = match changes.iter().any(may_lose) {
        true => Some(roles::standing_in(tx).await?),
        false => None,
    };
    let same = |a: &Change, b: &Change| {
        std::mem::discriminant(&a.action) == std::mem::discriminant(&b.action)
    };
    let mut events = Vec::with_capacity(changes.len());
    for run in changes.chunk_by(same) {
        events.append(&mut door.pass(run).await?);
    }
    if let Some(before) = before {
        roles::end_lost(call, tx, &before, &roles::standing(tx).await?).await?;
    }
    door.doubt(&touched, worker).await?;
    Ok(events)
}

/// The directories of which plans that were made before are out of date by these changes. Asked before anything changes:
/// what goes is here still.
///
/// # Errors
/// Why the database cannot answer.
pub(crate) async fn touched(tx: &Tx, changes: &[Change]) -> Result<BTreeSet<DirectoryId>, Error> {
    Touched::by(changes).all_directories(tx).await
}

/// Merges the people anew who have accounts in both directories, after their order changed. Gives how many changed.
///
/// # Errors
/// When the new order makes two people share a username.
pub(crate) async fn remerge(
    services: &Services,
    call: &Call,
    tx: &Tx,
    swapped: (DirectoryId, DirectoryId),
) -> Result<u64, Error> {
    let door = Door {
        services,
        call,
        tx,
        tells: true,
    };
    let mut changed = 0;
    let shared = accounts::shared(tx, swapped.0, swapped.1).await?;
    let touched = Touched::people(&shared, [swapped.0, swapped.1]);
    door.announce(&touched).await?;
    for mut person in users::get_many(tx, &shared).await? {
        if door.refresh(&mut person).await? {
            changed += 1;
        }
    }
    door.doubt(&touched, None).await?;
    Ok(changed)
}

/// What every step needs.
#[derive(Clone, Copy)]
struct Door<'a> {
    services: &'a Services,
    call: &'a Call,
    tx: &'a Tx,
    /// Whether each change of a membership and each new person is told by an event of its own.
    tells: bool,
}

impl Door<'_> {
    /// Lets a run of changes of one kind pass.
    async fn pass(self, run: &[Change]) -> Result<Vec<AuditEvent>, Error> {
        match run.first().map(|change| &change.action) {
            None => Ok(Vec::new()),
            Some(Action::CreateUser { .. }) => self.create_users(run).await,
            Some(Action::UpdateAccount { .. }) => self.update_accounts(run).await,
            Some(Action::LinkIdentity { .. }) => self.link_identities(run).await,
            Some(Action::Deactivate { .. }) => self.deactivate(run).await,
            Some(Action::Reactivate { .. }) => self.reactivate(run).await,
            Some(Action::RemoveAccount { .. }) => self.remove_accounts(run).await,
            Some(Action::MoveAccount { .. }) => self.move_accounts(run).await,
            Some(Action::DeleteUser { .. }) => self.delete_users(run).await,
            Some(Action::CreateGroup { .. }) => self.create_groups(run).await,
            Some(Action::LinkGroup { .. } | Action::UnlinkGroup { .. }) => {
                self.point_groups(run).await
            }
            Some(Action::RenameGroup { .. }) => self.rename_groups(run).await,
            Some(Action::DeleteGroup { .. }) => self.delete_groups(run).await,
            Some(Action::AddMember { .. }) => self.add_members(run).await,
            Some(Action::RemoveMember { .. }) => self.remove_members(run).await,
            Some(Action::MoveMembers { .. }) => self.move_members(run).await,
            Some(Action::SwitchDirectory { .. }) => self.switch_directories(run).await,
        }
    }
}
