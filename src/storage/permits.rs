//! Permits for a first second factor: one a person at most, used once.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::factor::Permit;
use muster_domain::id::UserId;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::row::{from_openers, instant, millis, openers};
use crate::{Reader, Tx, sql};

#[derive(FromQueryResult)]
struct Row {
    user_id: Uuid,
    granted_by: String,
    opened_by: Option<String>,
    granted_at: i64,
    expires_at: i64,
}

fn to_permit(row: Row) -> Result<Permit, Error> {
    Ok(Permit {
        opened_by: from_openers("factor_permits", row.opened_by.as_deref())?,
        user: UserId(row.user_id),
        granted_by: row.granted_by,
        granted_at: instant(row.granted_at),
        expires_at: instant(row.expires_at),
    })
}

/// Gives one, in the place of an earlier one.
///
/// # Errors
/// `DB-021` when there is no such user.
pub async fn grant(tx: &Tx, permit: &Permit) -> Result<(), Error> {
    let sql = "INSERT INTO factor_permits (user_id, granted_by, opened_by, granted_at, expires_at) VALUES ($1, $2, $3, $4, $5) \
               ON CONFLICT (user_id) DO UPDATE SET granted_by = excluded.granted_by, opened_by = excluded.opened_by, \
               granted_at = excluded.granted_at, expires_at = excluded.expires_at";
    let values = [
        permit.user.0.into(),
        permit.granted_by.as_str().into(),
        openers(&permit.opened_by)?.into(),
        millis(permit.granted_at).into(),
        millis(permit.expires_at).into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

/// The one that counts for a person at `now`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_user(
    reader: &impl Reader,
    user: UserId,
    now: DateTime<Utc>,
) -> Result<Option<Permit>, Error> {
    let sql = "SELECT user_id, granted_by, opened_by, granted_at, expires_at FROM factor_permits \
               WHERE user_id = $1 AND expires_at > $2";
    let values = [user.0.into(), millis(now).into()];
    let row: Option<Row> = sql::one(reader, sql::ask(reader, sql, values)).await?;
    row.map(to_permit).transpose()
}

/// Every one that counts at `now`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn list(reader: &impl Reader, now: DateTime<Utc>) -> Result<Vec<Permit>, Error> {
    let sql = "SELECT user_id, granted_by, opened_by, granted_at, expires_at FROM factor_permits \
               WHERE expires_at > $1 ORDER BY expires_at, user_id";
    let rows: Vec<Row> = sql::all(reader, sql::ask(reader, sql, [millis(now).into()])).await?;
    rows.into_iter().map(to_permit).collect()
}

/// Uses one up, or takes it back. Whether one counted; of two at the same moment one gets `true`.
///
/// # Errors
/// Why the database refused.
pub async fn remove(tx: &Tx, user: UserId, now: DateTime<Utc>) -> Result<bool, Error> {
    let sql = "DELETE FROM factor_permits WHERE user_id = $1 AND expires_at > $2";
    let values = [user.0.into(), millis(now).into()];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? > 0)
}

/// Sweeps away what counts no more. How many there were.
///
/// # Errors
/// Why the database refused.
pub async fn sweep(tx: &Tx, now: DateTime<Utc>) -> Result<u64, Error> {
    let sql = "DELETE FROM factor_permits WHERE expires_at <= $1";
    sql::change(tx, sql::ask(tx, sql, [millis(now).into()])).await
}
