//! Who is left without a way to sign in when nobody signs in by a directory any more.

use std::collections::BTreeSet;

use muster_domain::Error;
use muster_domain::id::{DirectoryId, UserId};
use muster_storage::{accounts, directories, users};

use crate::sync::rules;
use crate::{Services, lockout};

/// Those of these people who may come in and have no way but the passwords of this directory: no password of this console
/// that counts, no identity at a provider that is on, and no account of another directory by which people sign in, or of the
/// one that `comes`.
pub(super) async fn without(
    services: &Services,
    people: &[UserId],
    former: DirectoryId,
    comes: Option<DirectoryId>,
) -> Result<BTreeSet<UserId>, Error> {
    let db = services.db();
    let all = users::get_many(db, people).await?.into_iter();
    let active = all.filter(|user| user.is_active()).map(|user| user.id);
    let active: Vec<UserId> = active.collect();
    let mut without = lockout::shut_out(services, &active).await?;
    let all = directories::list(db).await?;
    let mut answer: BTreeSet<DirectoryId> = all
        .iter()
        .filter(|one| one.id != former && one.enabled && rules::signs_in(&one.settings))
        .filter(|one| services.directory_kind(&one.kind).is_ok())
        .map(|one| one.id)
        .collect();
    answer.extend(comes);
    for account in accounts::of_users(db, &active).await? {
        if answer.contains(&account.directory) {
            without.remove(&account.user);
        }
    }
    Ok(without)
}
