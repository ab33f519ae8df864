//! What comes due by itself: one row for each, claimed by one node of several.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::row::{instant, millis};
use crate::sql;
use crate::{Reader, Tx};

/// Something that comes due.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Job {
    /// What it is and of whom: there is one of each.
    pub key: String,
    /// By what it was set; whoever finds another text here sets it anew.
    pub payload: String,
    /// When it is due next.
    pub due_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Row {
    unique_key: Option<String>,
    payload: String,
    due_at: i64,
}

/// Every job of a kind.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_kind(reader: &impl Reader, kind: &str) -> Result<Vec<Job>, Error> {
    let sql = "SELECT unique_key, payload, due_at FROM jobs WHERE kind = $1 ORDER BY unique_key";
    let rows: Vec<Row> = sql::all(reader, sql::ask(reader, sql, [kind.into()])).await?;
    let job = |row: Row| {
        Some(Job {
            key: row.unique_key?,
            payload: row.payload,
            due_at: instant(row.due_at),
        })
    };
    Ok(rows.into_iter().filter_map(job).collect())
}

/// Sets a job, whether it was there or not.
///
/// # Errors
/// Why the database refused.
pub async fn set(tx: &Tx, id: Uuid, kind: &str, job: &Job, at: DateTime<Utc>) -> Result<(), Error> {
    let sql = "INSERT INTO jobs (id, kind, unique_key, payload, state, due_at, attempts, created_at) \
               VALUES ($1, $2, $3, $4, 'waiting', $5, 0, $6) \
               ON CONFLICT (unique_key) DO UPDATE SET payload = excluded.payload, due_at = excluded.due_at";
    let values = [
        id.into(),
        kind.into(),
        job.key.as_str().into(),
        job.payload.as_str().into(),
        millis(job.due_at).into(),
        millis(at).into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

/// Claims a job that is due: it is due again at `next`. Of several nodes that try, one is told yes.
///
/// # Errors
/// Why the database refused.
pub async fn claim(tx: &Tx, job: &Job, next: DateTime<Utc>) -> Result<bool, Error> {
    let sql = "UPDATE jobs SET due_at = $3 WHERE unique_key = $1 AND due_at = $2";
    let values = [
        job.key.as_str().into(),
        millis(job.due_at).into(),
        millis(next).into(),
    ];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? == 1)
}

/// Forgets a job.
///
/// # Errors
/// Why the database refused.
pub async fn forget(tx: &Tx, key: &str) -> Result<(), Error> {
    let sql = "DELETE FROM jobs WHERE unique_key = $1";
    sql::change(tx, sql::ask(tx, sql, [key.into()])).await?;
    Ok(())
}
