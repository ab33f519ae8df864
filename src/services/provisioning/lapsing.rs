//! Whoever was left alone by syncs and is so no more: nothing changes at the source by that, so the next sync of theirs
//! looks at everybody.

use std::collections::BTreeSet;

use muster_domain::Error;
use muster_domain::id::{DirectoryId, GroupId, UserId};
use muster_storage::{Reader, Tx, accounts, directories, directory_states, groups, readings};

use crate::standing::Standing;

/// People and groups that were protected by a role, and are not after a change.
///
/// # Errors
/// Why the database refused.
pub(crate) async fn roles(tx: &Tx, before: &Standing, after: &Standing) -> Result<(), Error> {
    let is = after.privileged_people();
    let people = before.privileged_people().into_iter();
    let people: Vec<UserId> = people.filter(|user| !is.contains(user)).collect();
    let is = after.privileged_groups();
    let known = before.privileged_groups().into_iter();
    let known: Vec<GroupId> = known.filter(|group| !is.contains(group)).collect();
    if people.is_empty() && known.is_empty() {
        return Ok(());
    }
    let mut all = accounts::directories_of(tx, &people).await?;
    all.extend(groups::directories_of(tx, &known).await?);
    look_again(tx, all.into_iter().collect()).await
}

/// Somebody who was protected for themselves.
///
/// # Errors
/// Why the database refused.
pub(crate) async fn person(tx: &Tx, user: UserId) -> Result<(), Error> {
    let all = accounts::directories_of(tx, &[user]).await?;
    look_again(tx, all.into_iter().collect()).await
}

/// People who have no account in this directory any more: those behind it decide about them now.
///
/// # Errors
/// Why the database refused.
pub(super) async fn accounts_in(
    tx: &Tx,
    front: DirectoryId,
    people: &[UserId],
) -> Result<(), Error> {
    let theirs = accounts::directories_of(tx, people).await?;
    let order = directories::list(tx).await?;
    let all = order.iter().map(|one| one.id);
    let behind = all.skip_while(|one| *one != front).skip(1);
    let behind = behind.filter(|one| theirs.contains(one)).collect();
    look_again(tx, behind).await
}

/// The directories behind one that lead its people once it is in shadow, and do so no more once it comes out.
///
/// # Errors
/// Why the database cannot answer.
pub(crate) async fn behind(
    reader: &impl Reader,
    front: DirectoryId,
) -> Result<BTreeSet<DirectoryId>, Error> {
    let theirs = accounts::neighbours(reader, front).await?;
    let order = directories::list(reader).await?;
    let all = order.into_iter().map(|one| one.id);
    let behind = all.skip_while(|one| *one != front).skip(1);
    Ok(behind.filter(|one| theirs.contains(one)).collect())
}

/// A directory that was put into shadow, or taken out: those behind it ([`behind`]) decide about its people now, or did.
///
/// # Errors
/// Why the database refused.
pub(crate) async fn shadow(tx: &Tx, front: DirectoryId) -> Result<(), Error> {
    let behind = behind(tx, front).await?;
    look_again(tx, behind).await
}

/// Plans that are made now are out of date, and a sync at work keeps nothing to go on from.
async fn look_again(tx: &Tx, all: BTreeSet<DirectoryId>) -> Result<(), Error> {
    let all: Vec<DirectoryId> = all.into_iter().collect();
    directory_states::changed(tx, &all).await?;
    for directory in all {
        readings::forget(tx, directory).await?;
    }
    Ok(())
}
