//! Directories that were removed. Nothing is of them any more and no list holds them; their plans and runs are kept, name
//! them, and can bring them back.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::DirectoryId;
use muster_domain::name;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::row::millis;
use crate::sql;
use crate::{Reader, Tx};

/// Whether it was removed.
///
/// # Errors
/// Why the database cannot answer.
pub async fn is_one(reader: &impl Reader, id: DirectoryId) -> Result<bool, Error> {
    let sql = "SELECT COUNT(*) FROM directories WHERE id = $1 AND removed_at IS NOT NULL";
    Ok(sql::number(reader, sql::ask(reader, sql, [id.0.into()])).await? > 0)
}

#[derive(FromQueryResult)]
struct Named {
    id: Uuid,
    name: String,
}

/// The names of all of them.
///
/// # Errors
/// Why the database cannot answer.
pub async fn names(reader: &impl Reader) -> Result<BTreeMap<DirectoryId, String>, Error> {
    let sql = "SELECT id, name FROM directories WHERE removed_at IS NOT NULL";
    let rows: Vec<Named> = sql::all(reader, sql::ask(reader, sql, [])).await?;
    Ok(rows
        .into_iter()
        .map(|row| (DirectoryId(row.id), row.name))
        .collect())
}

/// Takes a directory out of all lists, if no account, group or provider refers to it; says whether. Its secret is forgotten,
/// its name free for another.
///
/// # Errors
/// Why the database refused.
pub async fn remove(tx: &Tx, id: DirectoryId, at: DateTime<Utc>) -> Result<bool, Error> {
    // In capitals: the key of no name is, so it is in nobody's way.
    let nobodys = format!("REMOVED {id}");
    let sql = "UPDATE directories SET removed_at = $2, updated_at = $2, name_key = $3, enabled = $4, secret_sealed = NULL \
               WHERE id = $1 AND removed_at IS NULL \
               AND NOT EXISTS (SELECT 1 FROM accounts WHERE directory_id = directories.id) \
               AND NOT EXISTS (SELECT 1 FROM groups WHERE directory_id = directories.id) \
               AND NOT EXISTS (SELECT 1 FROM group_sources WHERE directory_id = directories.id) \
               AND NOT EXISTS (SELECT 1 FROM identity_providers WHERE directory_id = directories.id)";
    let values = [id.0.into(), millis(at).into(), nobodys.into(), false.into()];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? == 1)
}

/// Brings one back under a name that is free, switched off and without a secret.
///
/// # Errors
/// `WEB-404` when there is no such removed directory, `DIR-001` when the name is taken.
pub async fn bring_back(
    tx: &Tx,
    id: DirectoryId,
    named: &str,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let sql = "UPDATE directories SET removed_at = NULL, updated_at = $2, name = $3, name_key = $4 \
               WHERE id = $1 AND removed_at IS NOT NULL";
    let values = [
        id.0.into(),
        millis(at).into(),
        named.into(),
        name::key(named).into(),
    ];
    match sql::change(tx, sql::ask(tx, sql, values)).await? {
        0 => Err(Error::not_found("directory")),
        _ => Ok(()),
    }
}

/// Forgets those removed before `before` of which no plan and no run is left. Gives how many went.
///
/// # Errors
/// Why the database refused.
pub async fn forget_before(tx: &Tx, before: DateTime<Utc>) -> Result<u64, Error> {
    let sql = "DELETE FROM directories WHERE removed_at < $1 \
               AND NOT EXISTS (SELECT 1 FROM plans WHERE directory_id = directories.id) \
               AND NOT EXISTS (SELECT 1 FROM runs WHERE directory_id = directories.id)";
    sql::change(tx, sql::ask(tx, sql, [millis(before).into()])).await
}
