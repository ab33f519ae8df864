//! Wishes for a new password, as people typed them: sealed, and looked at after the answer was given.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::WishId;
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::row::{instant, millis};
use crate::{Reader, Tx, sql};

/// One wish.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wish {
    /// Its id.
    pub id: WishId,
    /// What was typed, sealed.
    pub typed: String,
    /// From which address.
    pub address: Option<String>,
    /// When.
    pub created_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    typed: String,
    address: Option<String>,
    created_at: i64,
}

/// Keeps one.
///
/// # Errors
/// Why the database refused.
pub async fn insert(tx: &Tx, wish: &Wish) -> Result<(), Error> {
    let sql = "INSERT INTO reset_wishes (id, typed, address, created_at) VALUES ($1, $2, $3, $4)";
    let values = [
        wish.id.0.into(),
        wish.typed.as_str().into(),
        wish.address.clone().into(),
        millis(wish.created_at).into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

/// The newest ones, newest first, at most `many`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn newest(reader: &impl Reader, many: u32) -> Result<Vec<Wish>, Error> {
    let sql = "SELECT id, typed, address, created_at FROM reset_wishes ORDER BY created_at DESC, id DESC LIMIT $1";
    let rows: Vec<Row> = sql::all(reader, sql::ask(reader, sql, [i64::from(many).into()])).await?;
    Ok(rows
        .into_iter()
        .map(|row| Wish {
            id: WishId(row.id),
            typed: row.typed,
            address: row.address,
            created_at: instant(row.created_at),
        })
        .collect())
}

/// Takes one away. Of two at the same moment one gets `true`: the other waits for it, and gets `false` when it
/// committed.
///
/// # Errors
/// Why the database refused.
pub async fn take(tx: &Tx, id: WishId) -> Result<bool, Error> {
    let sql = "DELETE FROM reset_wishes WHERE id = $1";
    Ok(sql::change(tx, sql::ask(tx, sql, [id.0.into()])).await? > 0)
}

/// Forgets those from before `before`. How many there were.
///
/// # Errors
/// Why the database refused.
pub async fn forget(tx: &Tx, before: DateTime<Utc>) -> Result<u64, Error> {
    let sql = "DELETE FROM reset_wishes WHERE created_at < $1";
    sql::change(tx, sql::ask(tx, sql, [millis(before).into()])).await
}
