//! Messages that wait to leave. Written in the transaction of what they tell; leased by the node that tries one, so that
//! no two do at once.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::{LetterId, UserId};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::row::{count, instant, millis};
use crate::{Reader, Tx, sql};

/// A message that waits.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Waiting {
    /// Its id.
    pub id: LetterId,
    /// What it is about, as a stable word.
    pub kind: String,
    /// Whom it is about.
    pub user: Option<UserId>,
    /// The message, sealed.
    pub letter: String,
    /// When it was written.
    pub created_at: DateTime<Utc>,
    /// When it is no use any more.
    pub expires_at: DateTime<Utc>,
    /// How often it was tried.
    pub attempts: u32,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    kind: String,
    user_id: Option<Uuid>,
    letter: String,
    created_at: i64,
    expires_at: i64,
    attempts: i64,
}

/// Keeps one, to be tried at once.
///
/// # Errors
/// `DB-021` when there is no such user.
pub async fn insert(tx: &Tx, message: &Waiting) -> Result<(), Error> {
    let sql = "INSERT INTO outbox (id, kind, user_id, letter, created_at, next_at, expires_at, attempts) \
               VALUES ($1, $2, $3, $4, $5, $5, $6, 0)";
    let values = [
        message.id.0.into(),
        message.kind.as_str().into(),
        message.user.map(|user| user.0).into(),
        message.letter.as_str().into(),
        millis(message.created_at).into(),
        millis(message.expires_at).into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

/// Messages that may be tried at `now`, the longest due first, at most `many`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn due(
    reader: &impl Reader,
    now: DateTime<Utc>,
    many: u32,
) -> Result<Vec<Waiting>, Error> {
    let sql = "SELECT id, kind, user_id, letter, created_at, expires_at, attempts FROM outbox \
               WHERE next_at <= $1 AND dropped_at IS NULL AND (leased_until IS NULL OR leased_until <= $1) \
               ORDER BY next_at, id LIMIT $2";
    let values = [millis(now).into(), i64::from(many).into()];
    let rows: Vec<Row> = sql::all(reader, sql::ask(reader, sql, values)).await?;
    Ok(rows
        .into_iter()
        .map(|row| Waiting {
            id: LetterId(row.id),
            kind: row.kind,
            user: row.user_id.map(UserId),
            letter: row.letter,
            created_at: instant(row.created_at),
            expires_at: instant(row.expires_at),
            attempts: u32::try_from(row.attempts).unwrap_or(u32::MAX),
        })
        .collect())
}

/// Leases one to whoever is named `lease`, until `until`. False: somebody else has it, or it left. Each lease is a try.
///
/// # Errors
/// Why the database refused.
pub async fn lease(
    tx: &Tx,
    id: LetterId,
    lease: &str,
    now: DateTime<Utc>,
    until: DateTime<Utc>,
) -> Result<bool, Error> {
    let sql = "UPDATE outbox SET lease = $1, leased_until = $2, attempts = attempts + 1 WHERE id = $3 \
               AND next_at <= $4 AND dropped_at IS NULL AND (leased_until IS NULL OR leased_until <= $4)";
    let values = [
        lease.into(),
        millis(until).into(),
        id.0.into(),
        millis(now).into(),
    ];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? > 0)
}

/// It left. False: the lease was somebody else's by then.
///
/// # Errors
/// Why the database refused.
pub async fn sent(tx: &Tx, id: LetterId, lease: &str) -> Result<bool, Error> {
    let sql = "DELETE FROM outbox WHERE id = $1 AND lease = $2";
    Ok(sql::change(tx, sql::ask(tx, sql, [id.0.into(), lease.into()])).await? > 0)
}

/// It did not leave and is tried again.
///
/// # Errors
/// Why the database refused.
pub async fn again(
    tx: &Tx,
    id: LetterId,
    lease: &str,
    next: DateTime<Utc>,
    why: &str,
) -> Result<bool, Error> {
    let sql = "UPDATE outbox SET next_at = $1, last_error = $2, lease = NULL, leased_until = NULL WHERE id = $3 AND lease = $4";
    let values = [millis(next).into(), why.into(), id.0.into(), lease.into()];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? > 0)
}

/// It will never leave: what it says is forgotten, that it was there is kept a while.
///
/// # Errors
/// Why the database refused.
pub async fn drop_one(
    tx: &Tx,
    id: LetterId,
    lease: &str,
    at: DateTime<Utc>,
    why: &str,
) -> Result<bool, Error> {
    let sql = "UPDATE outbox SET dropped_at = $1, last_error = $2, letter = '', lease = NULL, leased_until = NULL \
               WHERE id = $3 AND lease = $4";
    let values = [millis(at).into(), why.into(), id.0.into(), lease.into()];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? > 0)
}

/// Takes back what waits for a person under one kind: a newer message says it better.
///
/// # Errors
/// Why the database refused.
pub async fn take_back(tx: &Tx, user: UserId, kind: &str) -> Result<u64, Error> {
    let sql = "DELETE FROM outbox WHERE user_id = $1 AND kind = $2 AND dropped_at IS NULL";
    sql::change(tx, sql::ask(tx, sql, [user.0.into(), kind.into()])).await
}

/// How things stand.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Queue {
    /// Messages that wait.
    pub waiting: u64,
    /// When the oldest of them was written.
    pub oldest: Option<DateTime<Utc>>,
    /// Why the one that failed most often has not left.
    pub last_error: Option<String>,
    /// Messages that were given up lately.
    pub dropped: u64,
    /// Why the last of those was given up.
    pub dropped_error: Option<String>,
}

#[derive(FromQueryResult)]
struct Counted {
    waiting: i64,
    oldest: Option<i64>,
    dropped: i64,
}

#[derive(FromQueryResult)]
struct Why {
    last_error: Option<String>,
}

/// How things stand.
///
/// # Errors
/// Why the database cannot answer.
pub async fn queue(reader: &impl Reader) -> Result<Queue, Error> {
    let sql = "SELECT COUNT(CASE WHEN dropped_at IS NULL THEN 1 END) AS waiting, \
               MIN(CASE WHEN dropped_at IS NULL THEN created_at END) AS oldest, \
               COUNT(dropped_at) AS dropped FROM outbox";
    let counted: Option<Counted> = sql::one(reader, sql::ask(reader, sql, [])).await?;
    let Some(counted) = counted else {
        return Ok(Queue::default());
    };
    let sql = "SELECT last_error FROM outbox WHERE dropped_at IS NULL AND last_error IS NOT NULL \
               ORDER BY attempts DESC, id LIMIT 1";
    let why: Option<Why> = sql::one(reader, sql::ask(reader, sql, [])).await?;
    let sql = "SELECT last_error FROM outbox WHERE dropped_at IS NOT NULL ORDER BY dropped_at DESC, id LIMIT 1";
    let dropped: Option<Why> = sql::one(reader, sql::ask(reader, sql, [])).await?;
    Ok(Queue {
        waiting: count(counted.waiting),
        oldest: counted.oldest.map(instant),
        last_error: why.and_then(|why| why.last_error),
        dropped: count(counted.dropped),
        dropped_error: dropped.and_then(|why| why.last_error),
    })
}

/// Sweeps away what was given up before `before`. How many there were.
///
/// # Errors
/// Why the database refused.
pub async fn sweep(tx: &Tx, before: DateTime<Utc>) -> Result<u64, Error> {
    let sql = "DELETE FROM outbox WHERE dropped_at < $1";
    sql::change(tx, sql::ask(tx, sql, [millis(before).into()])).await
}

#[derive(FromQueryResult)]
struct Tried {
    user_id: Uuid,
    many: i64,
}

/// Accounts with at least `many` wrong passwords since `since` whose owners were not told since `told`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn attempted(
    reader: &impl Reader,
    since: DateTime<Utc>,
    many: u32,
    told: DateTime<Utc>,
) -> Result<Vec<(UserId, u64)>, Error> {
    let sql = "SELECT u.id AS user_id, CAST(SUM(f.failures) AS BIGINT) AS many FROM password_failures f \
               JOIN users u ON u.username_key = f.account_key \
               LEFT JOIN told_of_attempts t ON t.user_id = u.id \
               WHERE f.bucket_at >= $1 AND (t.told_at IS NULL OR t.told_at < $3) \
               GROUP BY u.id HAVING CAST(SUM(f.failures) AS BIGINT) >= $2";
    let values = [
        millis(since).into(),
        i64::from(many).into(),
        millis(told).into(),
    ];
    let rows: Vec<Tried> = sql::all(reader, sql::ask(reader, sql, values)).await?;
    Ok(rows
        .into_iter()
        .map(|row| (UserId(row.user_id), count(row.many)))
        .collect())
}

/// Notes that somebody is told of attempts now. False: they were told since `told`, maybe by another node.
///
/// # Errors
/// Why the database refused.
pub async fn tell_of_attempts(
    tx: &Tx,
    user: UserId,
    at: DateTime<Utc>,
    told: DateTime<Utc>,
) -> Result<bool, Error> {
    let sql = "INSERT INTO told_of_attempts (user_id, told_at) VALUES ($1, $2) \
               ON CONFLICT (user_id) DO UPDATE SET told_at = excluded.told_at WHERE told_of_attempts.told_at < $3";
    let values = [user.0.into(), millis(at).into(), millis(told).into()];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? > 0)
}
