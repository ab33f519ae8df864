//! Keys that requests to a provider are signed with, sealed. The newest that was not retired signs; a retired one is
//! published for a while, for requests that are on their way.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::{ProviderId, RequestKeyId};

use crate::row::{instant, millis};
use crate::{Place, Reader, Tx, sql};

/// Where a key is sealed for.
#[must_use]
pub const fn place(id: RequestKeyId) -> Place<'static> {
    Place {
        table: "request_keys",
        column: "key_sealed",
        id: id.0,
    }
}

/// A key, sealed for its [`place`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RequestKey {
    /// Its id.
    pub id: RequestKeyId,
    /// The key.
    pub sealed: String,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When another took its place; none: it signs.
    pub retired_at: Option<DateTime<Utc>>,
}

/// Keeps one, sealed for its [`place`].
///
/// # Errors
/// Why the database refused.
pub async fn insert(
    tx: &Tx,
    id: RequestKeyId,
    provider: ProviderId,
    sealed: &str,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let sql = "INSERT INTO request_keys (id, provider_id, key_sealed, created_at) VALUES ($1, $2, $3, $4)";
    let values = [
        id.0.into(),
        provider.0.into(),
        sealed.into(),
        millis(at).into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

/// A provider's keys: the one that signs, then the retired, the newest first.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_provider(
    reader: &impl Reader,
    provider: ProviderId,
) -> Result<Vec<RequestKey>, Error> {
    #[derive(sea_orm::FromQueryResult)]
    struct Found {
        id: uuid::Uuid,
        key_sealed: String,
        created_at: i64,
        retired_at: Option<i64>,
    }
    let sql = "SELECT id, key_sealed, created_at, retired_at FROM request_keys WHERE provider_id = $1 \
               ORDER BY CASE WHEN retired_at IS NULL THEN 0 ELSE 1 END, created_at DESC, id DESC";
    let rows: Vec<Found> = sql::all(reader, sql::ask(reader, sql, [provider.0.into()])).await?;
    Ok(rows
        .into_iter()
        .map(|row| RequestKey {
            id: RequestKeyId(row.id),
            sealed: row.key_sealed,
            created_at: instant(row.created_at),
            retired_at: row.retired_at.map(instant),
        })
        .collect())
}

/// Retires every key of a provider. How many signed until then.
///
/// # Errors
/// Why the database refused.
pub async fn retire(tx: &Tx, provider: ProviderId, at: DateTime<Utc>) -> Result<u64, Error> {
    let sql =
        "UPDATE request_keys SET retired_at = $1 WHERE provider_id = $2 AND retired_at IS NULL";
    sql::change(
        tx,
        sql::ask(tx, sql, [millis(at).into(), provider.0.into()]),
    )
    .await
}

/// Sweeps away keys that were retired before `before`. How many there were.
///
/// # Errors
/// Why the database refused.
pub async fn sweep(tx: &Tx, before: DateTime<Utc>) -> Result<u64, Error> {
    let sql = "DELETE FROM request_keys WHERE retired_at < $1";
    sql::change(tx, sql::ask(tx, sql, [millis(before).into()])).await
}
