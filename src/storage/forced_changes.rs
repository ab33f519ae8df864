//! Passwords that their owners must change at their next sign-in.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::UserId;
use sea_orm::FromQueryResult;

use crate::row::{instant, millis};
use crate::{Reader, Tx, sql};

/// Since when a password must be changed, and who wants it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Forced {
    /// Since when.
    pub since: DateTime<Utc>,
    /// The name of whoever wants it.
    pub wanted_by: String,
}

#[derive(FromQueryResult)]
struct Row {
    since: i64,
    wanted_by: String,
}

/// Wants a change.
///
/// # Errors
/// `DB-021` when there is no such user.
pub async fn want(tx: &Tx, user: UserId, by: &str, at: DateTime<Utc>) -> Result<(), Error> {
    let sql = "INSERT INTO forced_changes (user_id, since, wanted_by) VALUES ($1, $2, $3) \
               ON CONFLICT (user_id) DO UPDATE SET since = excluded.since, wanted_by = excluded.wanted_by";
    let values = [user.0.into(), millis(at).into(), by.into()];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

/// Whether this person's password must be changed.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_user(reader: &impl Reader, user: UserId) -> Result<Option<Forced>, Error> {
    let sql = "SELECT since, wanted_by FROM forced_changes WHERE user_id = $1";
    let row: Option<Row> = sql::one(reader, sql::ask(reader, sql, [user.0.into()])).await?;
    Ok(row.map(|row| Forced {
        since: instant(row.since),
        wanted_by: row.wanted_by,
    }))
}

/// It was changed. Whether it had to be.
///
/// # Errors
/// Why the database refused.
pub async fn done(tx: &Tx, user: UserId) -> Result<bool, Error> {
    let sql = "DELETE FROM forced_changes WHERE user_id = $1";
    Ok(sql::change(tx, sql::ask(tx, sql, [user.0.into()])).await? > 0)
}
