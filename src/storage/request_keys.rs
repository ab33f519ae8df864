//! Keys that requests to a provider are signed with, sealed. The newest signs.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::{ProviderId, RequestKeyId};

use crate::row::millis;
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

/// A provider's keys, the newest first.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_provider(
    reader: &impl Reader,
    provider: ProviderId,
) -> Result<Vec<(RequestKeyId, String)>, Error> {
    #[derive(sea_orm::FromQueryResult)]
    struct Found {
        id: uuid::Uuid,
        key_sealed: String,
    }
    let sql = "SELECT id, key_sealed FROM request_keys WHERE provider_id = $1 ORDER BY created_at DESC, id DESC";
    let rows: Vec<Found> = sql::all(reader, sql::ask(reader, sql, [provider.0.into()])).await?;
    Ok(rows
        .into_iter()
        .map(|row| (RequestKeyId(row.id), row.key_sealed))
        .collect())
}
