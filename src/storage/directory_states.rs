//! In which state a directory's accounts are here: every run makes a new one, so that a plan made from an old one shows.
//! And who works on it: the lease is time limited, on the clock of whoever asks, and every commit of a worker renews it,
//! so that a worker whose lease was taken over can write nothing more, whatever clocks say.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Error;
use muster_domain::id::DirectoryId;

use crate::row::millis;
use crate::sql;
use crate::{Reader, Tx};

/// No lease is given for so long, whatever the clocks of nodes differ by: one that would end later was given by a clock
/// that was set back since, and counts as ended.
const FAR: TimeDelta = TimeDelta::minutes(10);

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
    ensure(tx, directory).await?;
    let next = "UPDATE directory_states SET revision = revision + 1 WHERE directory_id = $1 AND revision = $2";
    let from = i64::try_from(from).unwrap_or(i64::MAX);
    let changed = sql::change(tx, sql::ask(tx, next, [directory.0.into(), from.into()])).await?;
    Ok(changed == 1)
}

/// Keeps everybody else from this directory's state until the transaction ends. The first lock that a transaction takes,
/// where it takes several.
///
/// # Errors
/// `DB-021` when there is no such directory.
pub async fn lock(tx: &Tx, directory: DirectoryId) -> Result<(), Error> {
    ensure(tx, directory).await?;
    let held = "UPDATE directory_states SET revision = revision WHERE directory_id = $1";
    sql::change(tx, sql::ask(tx, held, [directory.0.into()])).await?;
    Ok(())
}

/// The same of several that have a state. In the order of their ids, as whoever needs more than one takes them: so of two
/// neither holds what the other waits for.
///
/// # Errors
/// Why the database refused.
pub async fn lock_all(tx: &Tx, directories: &BTreeSet<DirectoryId>) -> Result<(), Error> {
    for directory in directories {
        let held = "UPDATE directory_states SET revision = revision WHERE directory_id = $1";
        sql::change(tx, sql::ask(tx, held, [directory.0.into()])).await?;
    }
    Ok(())
}

/// Takes the lease of a directory until `until`, if nobody holds it at `now`. Of several who try, one gets it.
///
/// # Errors
/// `DB-021` when there is no such directory.
pub async fn take(
    tx: &Tx,
    directory: DirectoryId,
    owner: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<bool, Error> {
    ensure(tx, directory).await?;
    let sql = "UPDATE directory_states SET lease_owner = $2, lease_until = $3 \
               WHERE directory_id = $1 \
               AND (lease_owner IS NULL OR lease_until IS NULL OR lease_until <= $4 OR lease_until > $5)";
    let values = [
        directory.0.into(),
        owner.into(),
        millis(until).into(),
        millis(now).into(),
        millis(now + FAR).into(),
    ];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? == 1)
}

/// Holds the lease until `until`, if `owner` has it still. Whoever is told no must not commit: another one works.
///
/// # Errors
/// Why the database refused.
pub async fn renew(
    tx: &Tx,
    directory: DirectoryId,
    owner: &str,
    until: DateTime<Utc>,
) -> Result<bool, Error> {
    let sql =
        "UPDATE directory_states SET lease_until = $3 WHERE directory_id = $1 AND lease_owner = $2";
    let values = [directory.0.into(), owner.into(), millis(until).into()];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? == 1)
}

/// Gives the lease back, if `owner` has it still.
///
/// # Errors
/// Why the database refused.
pub async fn release(tx: &Tx, directory: DirectoryId, owner: &str) -> Result<(), Error> {
    let sql = "UPDATE directory_states SET lease_owner = NULL, lease_until = NULL WHERE directory_id = $1 AND lease_owner = $2";
    sql::change(tx, sql::ask(tx, sql, [directory.0.into(), owner.into()])).await?;
    Ok(())
}

/// Whether somebody holds the lease of a directory at `now`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn is_taken(
    reader: &impl Reader,
    directory: DirectoryId,
    now: DateTime<Utc>,
) -> Result<bool, Error> {
    let sql = "SELECT COUNT(*) FROM directory_states \
               WHERE directory_id = $1 AND lease_owner IS NOT NULL AND lease_until > $2 AND lease_until <= $3";
    let values = [
        directory.0.into(),
        millis(now).into(),
        millis(now + FAR).into(),
    ];
    Ok(sql::number(reader, sql::ask(reader, sql, values)).await? > 0)
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
