//! From where a directory's source is read on: kept when a sync ended well, forgotten before anything is changed.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::directory::Cursor;
use muster_domain::id::DirectoryId;
use sea_orm::FromQueryResult;

use crate::row::{instant, millis};
use crate::sql;
use crate::{Reader, Tx};

/// A reading that is good to go on from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Kept {
    /// Where it began, in the words of the source.
    pub cursor: Cursor,
    /// When it began.
    pub began_at: DateTime<Utc>,
    /// When everything was read last.
    pub whole_at: DateTime<Utc>,
    /// When it was looked last who is there.
    pub census_at: DateTime<Utc>,
    /// A digest of what decides what a reading means.
    pub terms: String,
    /// Whether records were refused because of others, which may change.
    pub unsettled: bool,
    /// Whether somebody came by changes alone since everything was read.
    pub newcomers: bool,
    /// The key of the roll.
    pub salt: String,
}

#[derive(FromQueryResult)]
struct Row {
    cursor: String,
    began_at: i64,
    whole_at: i64,
    census_at: i64,
    terms: String,
    unsettled: bool,
    newcomers: bool,
    salt: String,
}

#[derive(FromQueryResult)]
struct Whole {
    whole_at: i64,
}

#[derive(FromQueryResult)]
struct Rolled {
    roll: String,
}

/// What is kept of a directory; none: everything has to be read.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get(reader: &impl Reader, directory: DirectoryId) -> Result<Option<Kept>, Error> {
    let sql = "SELECT cursor, began_at, whole_at, census_at, terms, unsettled, newcomers, salt FROM directory_readings \
               WHERE directory_id = $1 AND cursor <> ''";
    let row: Option<Row> = sql::one(reader, sql::ask(reader, sql, [directory.0.into()])).await?;
    Ok(row.map(|row| Kept {
        cursor: Cursor(row.cursor),
        began_at: instant(row.began_at),
        whole_at: instant(row.whole_at),
        census_at: instant(row.census_at),
        terms: row.terms,
        unsettled: row.unsettled,
        newcomers: row.newcomers,
        salt: row.salt,
    }))
}

/// When everything was read last, as far as that is kept: also where nothing is good to go on from.
///
/// # Errors
/// Why the database cannot answer.
pub async fn whole_at(
    reader: &impl Reader,
    directory: DirectoryId,
) -> Result<Option<DateTime<Utc>>, Error> {
    let sql = "SELECT whole_at FROM directory_readings WHERE directory_id = $1";
    let row: Option<Whole> = sql::one(reader, sql::ask(reader, sql, [directory.0.into()])).await?;
    Ok(row.map(|row| instant(row.whole_at)))
}

/// Who was there, as it was kept.
///
/// # Errors
/// Why the database cannot answer.
pub async fn roll(reader: &impl Reader, directory: DirectoryId) -> Result<String, Error> {
    let sql = "SELECT roll FROM directory_readings WHERE directory_id = $1";
    let row: Option<Rolled> = sql::one(reader, sql::ask(reader, sql, [directory.0.into()])).await?;
    Ok(row.map(|row| row.roll).unwrap_or_default())
}

/// Keeps a reading, with who was there; without a roll the kept one stays.
///
/// # Errors
/// `DB-021` when there is no such directory.
pub async fn keep(
    tx: &Tx,
    directory: DirectoryId,
    kept: &Kept,
    roll: Option<&str>,
) -> Result<(), Error> {
    let known = match roll {
        Some(_) => ", roll = excluded.roll",
        None => "",
    };
    let sql = format!(
        "INSERT INTO directory_readings (directory_id, cursor, began_at, whole_at, census_at, terms, unsettled, newcomers, \
         salt, roll) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (directory_id) DO UPDATE SET \
         cursor = excluded.cursor, began_at = excluded.began_at, whole_at = excluded.whole_at, \
         census_at = excluded.census_at, terms = excluded.terms, unsettled = excluded.unsettled, \
         newcomers = excluded.newcomers, salt = excluded.salt{known}"
    );
    let values = [
        directory.0.into(),
        kept.cursor.0.as_str().into(),
        millis(kept.began_at).into(),
        millis(kept.whole_at).into(),
        millis(kept.census_at).into(),
        kept.terms.as_str().into(),
        kept.unsettled.into(),
        kept.newcomers.into(),
        kept.salt.as_str().into(),
        roll.unwrap_or_default().into(),
    ];
    sql::change(tx, sql::ask(tx, &sql, values)).await?;
    Ok(())
}

/// Forgets from where to go on: unless it is kept again, the next sync reads everything. Who was there stays: what is kept
/// again is mostly about the same people.
///
/// # Errors
/// Why the database refused.
pub async fn forget(tx: &Tx, directory: DirectoryId) -> Result<(), Error> {
    let sql = "UPDATE directory_readings SET cursor = '' WHERE directory_id = $1";
    sql::change(tx, sql::ask(tx, sql, [directory.0.into()])).await?;
    Ok(())
}
