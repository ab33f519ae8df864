//! In which state a directory's accounts are here: every run makes a new one, so that a plan made from an old one shows.

use muster_domain::Error;
use muster_domain::id::DirectoryId;

use crate::sql;
use crate::{Reader, Tx};

/// The state a directory is in; 0 before its first run.
///
/// # Errors
/// Why the database cannot answer.
pub async fn revision(reader: &impl Reader, directory: DirectoryId) -> Result<u64, Error> {
    let sql = "SELECT revision FROM directory_states WHERE directory_id = $1";
    let found = sql::number(reader, sql::ask(reader, sql, [directory.0.into()])).await?;
    Ok(u64::try_from(found).unwrap_or_default())
}

/// Goes on to the next state, if the directory is in this one. Says whether it was: of two who try at once, one is told no.
///
/// # Errors
/// Why the database cannot answer.
pub async fn advance(tx: &Tx, directory: DirectoryId, from: u64) -> Result<bool, Error> {
    let first = "INSERT INTO directory_states (directory_id, revision) VALUES ($1, 0) ON CONFLICT (directory_id) DO NOTHING";
    sql::change(tx, sql::ask(tx, first, [directory.0.into()])).await?;
    let next = "UPDATE directory_states SET revision = revision + 1 WHERE directory_id = $1 AND revision = $2";
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let changed = sql::change(tx, sql::ask(tx, next, [directory.0.into(), from.into()])).await?;
    Ok(changed == 1)
}

/// Makes sure that a directory has a state that others can go on from.
///
/// # Errors
/// `DB-021` when there is no such directory.
pub async fn ensure(tx: &Tx, directory: DirectoryId) -> Result<(), Error> {
    let sql = "INSERT INTO directory_states (directory_id, revision) VALUES ($1, 0) ON CONFLICT (directory_id) DO NOTHING";
    sql::change(tx, sql::ask(tx, sql, [directory.0.into()])).await?;
    Ok(())
}

/// Notes that something of these directories changed by other hands: plans made before are out of date. Directories that
/// no plan was ever made of have no state. Give them in the order of their ids: two who change at once wait in turn.
///
/// # Errors
/// Why the database refused.
pub async fn changed(tx: &Tx, directories: &[DirectoryId]) -> Result<(), Error> {
    for directory in directories {
        let sql = "UPDATE directory_states SET revision = revision + 1 WHERE directory_id = $1";
        sql::change(tx, sql::ask(tx, sql, [directory.0.into()])).await?;
    }
    Ok(())
}
