//! Who came under protection after a plan was made: a plan may wait for days, and what it does is done to those it was
//! about then. So each batch looks once more, in its own transaction.

use std::collections::BTreeSet;

use muster_domain::change::{Action, Change};
use muster_domain::id::UserId;
use muster_domain::membership::Member;
use muster_domain::plan::{Protection, Purpose};
use muster_domain::{Error, Kind};
use muster_storage::{Tx, roles as grants, users};

use crate::roles;

/// Goes on only while nobody whom these changes keep out or delete holds a role or is a break-glass account, and no group
/// that they fill or empty gives a role. The removal of a directory is chosen by a person with everything that comes
/// from it: its groups are looked past.
///
/// # Errors
/// `PLAN-005`: one of them is protected now.
pub(super) async fn look(tx: &Tx, purpose: Purpose, changes: &[Change]) -> Result<(), Error> {
    let kept_out: BTreeSet<UserId> = changes.iter().filter_map(keeps_out).collect();
    let alters_groups = purpose != Purpose::Removal && changes.iter().any(is_about_a_group);
    if kept_out.is_empty() && !(alters_groups && some_group_gives_a_role(tx).await?) {
        return Ok(());
    }
    let standing = match kept_out.is_empty() {
        true => roles::standing(tx).await?,
        false => roles::standing_in(tx).await?,
    };
    let kept_out: Vec<UserId> = kept_out.into_iter().collect();
    let privileged = standing.privileged_people();
    for user in users::get_many(tx, &kept_out).await? {
        if user.break_glass {
            return Err(protected(&user.username, Protection::BreakGlass));
        }
        if privileged.contains(&user.id) {
            return Err(protected(&user.username, Protection::Administrator));
        }
    }
    let giving = standing.privileged_groups();
    let given = changes.iter().any(|change| match &change.action {
        Action::AddMember { group, .. }
        | Action::RemoveMember { group, .. }
        | Action::RenameGroup { group, .. }
        | Action::DeleteGroup { group } => giving.contains(group),
        _ => false,
    });
    if alters_groups && given {
        return Err(protected("The group", Protection::Administrator));
    }
    Ok(())
}

const fn keeps_out(change: &Change) -> Option<UserId> {
    match &change.action {
        Action::Deactivate { user, .. } | Action::DeleteUser { user } => Some(*user),
        _ => None,
    }
}

const fn is_about_a_group(change: &Change) -> bool {
    matches!(
        change.action,
        Action::AddMember { .. }
            | Action::RemoveMember { .. }
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

fn protected(who: &str, why: Protection) -> Error {
    Error::new(
        "PLAN-005",
        Kind::Conflict,
        format!("{who} came under protection after the plan was made."),
    )
    .next(why.words())
}
