//! Uses of break-glass accounts: when, from where, what for, and who has taken note.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::{BreakGlassUseId, UserId};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::row::{instant, millis};
use crate::{Reader, Tx, sql};

/// One use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Use {
    /// Its id.
    pub id: BreakGlassUseId,
    /// Whose account.
    pub user: UserId,
    /// Its username.
    pub username: String,
    /// When somebody signed in with it.
    pub at: DateTime<Utc>,
    /// From which address.
    pub address: Option<String>,
    /// What for; none: they have not said yet.
    pub reason: Option<String>,
    /// Whether it was to find out whether it works.
    pub is_drill: bool,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    user_id: Uuid,
    username: String,
    at: i64,
    address: Option<String>,
    reason: Option<String>,
    is_drill: bool,
}

/// Keeps one.
///
/// # Errors
/// `DB-021` when there is no such user.
pub async fn insert(
    tx: &Tx,
    id: BreakGlassUseId,
    user: UserId,
    at: DateTime<Utc>,
    address: Option<&str>,
) -> Result<(), Error> {
    let sql = "INSERT INTO break_glass_uses (id, user_id, at, address, is_drill) VALUES ($1, $2, $3, $4, FALSE)";
    let values = [
        id.0.into(),
        user.0.into(),
        millis(at).into(),
        address.map(str::to_owned).into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

/// The use that began with the sign-in of this instant and whose reason is still owed.
///
/// # Errors
/// Why the database cannot answer.
pub async fn owed(
    reader: &impl Reader,
    user: UserId,
    signed_in_at: DateTime<Utc>,
) -> Result<Option<BreakGlassUseId>, Error> {
    #[derive(FromQueryResult)]
    struct Found {
        id: Uuid,
    }
    let sql =
        "SELECT id FROM break_glass_uses WHERE user_id = $1 AND at = $2 AND reason IS NULL LIMIT 1";
    let values = [user.0.into(), millis(signed_in_at).into()];
    let row: Option<Found> = sql::one(reader, sql::ask(reader, sql, values)).await?;
    Ok(row.map(|row| BreakGlassUseId(row.id)))
}

/// Writes down what a person's sign-in of this instant was for. How many uses that told of.
///
/// # Errors
/// Why the database refused.
pub async fn tell(
    tx: &Tx,
    user: UserId,
    signed_in_at: DateTime<Utc>,
    reason: &str,
    is_drill: bool,
) -> Result<u64, Error> {
    let sql = "UPDATE break_glass_uses SET reason = $1, is_drill = $2 WHERE user_id = $3 AND at = $4 AND reason IS NULL";
    let values = [
        reason.into(),
        is_drill.into(),
        user.0.into(),
        millis(signed_in_at).into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await
}

/// Uses that nobody has taken note of, newest first, at most `most`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn open(reader: &impl Reader, most: u64) -> Result<Vec<Use>, Error> {
    let sql = format!(
        "SELECT b.id, b.user_id, u.username, b.at, b.address, b.reason, b.is_drill \
         FROM break_glass_uses b JOIN users u ON u.id = b.user_id \
         WHERE b.acknowledged_at IS NULL ORDER BY b.at DESC, b.id LIMIT {most}"
    );
    let rows: Vec<Row> = sql::all(reader, sql::ask(reader, &sql, [])).await?;
    Ok(rows
        .into_iter()
        .map(|row| Use {
            id: BreakGlassUseId(row.id),
            user: UserId(row.user_id),
            username: row.username,
            at: instant(row.at),
            address: row.address,
            reason: row.reason,
            is_drill: row.is_drill,
        })
        .collect())
}

/// Takes note of every use up to `until`, but of the account `own`. How many there were.
///
/// # Errors
/// Why the database refused.
pub async fn acknowledge(
    tx: &Tx,
    own: Option<UserId>,
    by: &str,
    until: DateTime<Utc>,
    at: DateTime<Utc>,
) -> Result<u64, Error> {
    let sql = "UPDATE break_glass_uses SET acknowledged_by = $1, acknowledged_at = $2 \
               WHERE acknowledged_at IS NULL AND user_id <> $3 AND at <= $4";
    let values = [
        by.into(),
        millis(at).into(),
        // Nobody has the nil id.
        own.map_or(Uuid::nil(), |own| own.0).into(),
        millis(until).into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await
}

/// A break-glass account, and when it last showed that it works.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Who.
    pub user: UserId,
    /// Its username.
    pub username: String,
    /// When somebody last signed in with it, or when it was made.
    pub worked_at: DateTime<Utc>,
}

/// The active break-glass accounts.
///
/// # Errors
/// Why the database cannot answer.
pub async fn accounts(reader: &impl Reader) -> Result<Vec<Account>, Error> {
    #[derive(FromQueryResult)]
    struct Found {
        id: Uuid,
        username: String,
        created_at: i64,
        last_sign_in_at: i64,
        used_at: Option<i64>,
    }
    let sql = "SELECT u.id, u.username, u.created_at, u.last_sign_in_at, \
               (SELECT MAX(b.at) FROM break_glass_uses b WHERE b.user_id = u.id) AS used_at \
               FROM users u WHERE u.break_glass AND u.state = 'active' ORDER BY u.sort_key, u.id";
    let rows: Vec<Found> = sql::all(reader, sql::ask(reader, sql, [])).await?;
    Ok(rows
        .into_iter()
        .map(|row| Account {
            user: UserId(row.id),
            username: row.username,
            worked_at: instant(
                row.used_at
                    .unwrap_or(row.last_sign_in_at)
                    .max(row.created_at),
            ),
        })
        .collect())
}
