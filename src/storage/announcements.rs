//! Announced sign-outs that were taken, so that each counts once.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::ProviderId;

use crate::row::millis;
use crate::{Tx, sql};

/// Remembers one until it ends by itself. False: it was taken before; of two at the same moment one gets `true`.
///
/// # Errors
/// `DB-021` when there is no such provider.
pub async fn once(
    tx: &Tx,
    provider: ProviderId,
    jti_hash: &str,
    ends_at: DateTime<Utc>,
) -> Result<bool, Error> {
    let sql = "INSERT INTO logout_tokens (provider_id, jti_hash, expires_at) VALUES ($1, $2, $3) \
               ON CONFLICT (provider_id, jti_hash) DO NOTHING";
    let values = [provider.0.into(), jti_hash.into(), millis(ends_at).into()];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? > 0)
}

/// Sweeps away what ended before `before`. How many there were.
///
/// # Errors
/// Why the database refused.
pub async fn sweep(tx: &Tx, before: DateTime<Utc>) -> Result<u64, Error> {
    let sql = "DELETE FROM logout_tokens WHERE expires_at < $1";
    sql::change(tx, sql::ask(tx, sql, [millis(before).into()])).await
}
