//! Wrong passwords, and the networks people are known to sign in from.
//!
//! Failures are counted in stretches of ten seconds, so that a flood makes few rows.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::UserId;
use muster_domain::throttle::Failures;
use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait, FromQueryResult, IntoActiveModel};

use crate::entities::known_networks;
use crate::failure::fail;
use crate::reader::sealed::Source as _;
use crate::row::millis;
use crate::{Reader, Tx, sql};

/// Length of a stretch in milliseconds.
const STRETCH: i64 = 10_000;

/// Notes a wrong password. `account_key` is the typed name folded by [`muster_domain::name::key`], whether such a
/// user exists or not; `network` comes from [`muster_domain::throttle::network_of`].
///
/// # Errors
/// Why the database refused.
pub async fn record_failure(
    tx: &Tx,
    account_key: &str,
    network: &str,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let sql = "INSERT INTO password_failures (network, account_key, bucket_at, failures) VALUES ($1, $2, $3, 1) \
               ON CONFLICT (network, account_key, bucket_at) DO UPDATE SET failures = password_failures.failures + 1";
    let bucket = millis(at) - millis(at).rem_euclid(STRETCH);
    let values = [network.into(), account_key.into(), bucket.into()];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Counted {
    pair: i64,
    network: i64,
    strangers: i64,
    known: i64,
}

/// Failures since `since`, as [`muster_domain::throttle::may_try`] wants them.
///
/// # Errors
/// Why the database cannot answer.
pub async fn failures(
    reader: &impl Reader,
    account_key: &str,
    network: &str,
    since: DateTime<Utc>,
) -> Result<Failures, Error> {
    let sum = "SELECT CAST(COALESCE(SUM(f.failures), 0) AS BIGINT) FROM password_failures f";
    let known = "SELECT k.network FROM known_networks k JOIN users u ON u.id = k.user_id WHERE u.username_key = $1";
    let sql = format!(
        "SELECT ({sum} WHERE f.account_key = $1 AND f.network = $2 AND f.bucket_at >= $3) AS pair, \
         ({sum} WHERE f.network = $2 AND f.bucket_at >= $3) AS network, \
         ({sum} WHERE f.account_key = $1 AND f.bucket_at >= $3 AND f.network NOT IN ({known})) AS strangers, \
         (SELECT COUNT(*) FROM ({known} AND k.network = $2) found) AS known"
    );
    let from = millis(since) - millis(since).rem_euclid(STRETCH);
    let values = [account_key.into(), network.into(), from.into()];
    let row: Option<Counted> = sql::one(reader, sql::ask(reader, &sql, values)).await?;
    let small = |number: i64| u32::try_from(number).unwrap_or(u32::MAX);
    Ok(row.map_or_else(Failures::default, |row| Failures {
        pair: small(row.pair),
        network: small(row.network),
        account_from_strangers: small(row.strangers),
        network_is_known: row.known > 0,
    }))
}

/// Forgets the failures of an account from a network, after a right password.
///
/// # Errors
/// Why the database refused.
pub async fn clear(tx: &Tx, account_key: &str, network: &str) -> Result<(), Error> {
    let sql = "DELETE FROM password_failures WHERE network = $1 AND account_key = $2";
    sql::change(tx, sql::ask(tx, sql, [network.into(), account_key.into()])).await?;
    Ok(())
}

/// Forgets every failure of an account.
///
/// # Errors
/// Why the database refused.
pub async fn clear_account(tx: &Tx, account_key: &str) -> Result<(), Error> {
    let sql = "DELETE FROM password_failures WHERE account_key = $1";
    sql::change(tx, sql::ask(tx, sql, [account_key.into()])).await?;
    Ok(())
}

/// Remembers that a person signed in from a network.
///
/// # Errors
/// Why the database refused.
pub async fn remember_network(
    tx: &Tx,
    user: UserId,
    network: &str,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let row = known_networks::Model {
        user_id: user.0,
        network: network.to_owned(),
        last_at: millis(at),
    };
    known_networks::Entity::insert(row.into_active_model())
        .on_conflict(
            OnConflict::columns([
                known_networks::Column::UserId,
                known_networks::Column::Network,
            ])
            .update_column(known_networks::Column::LastAt)
            .to_owned(),
        )
        .exec_without_returning(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// Sweeps away failures older than `before`. How many rows there were.
///
/// # Errors
/// Why the database refused.
pub async fn sweep(tx: &Tx, before: DateTime<Utc>) -> Result<u64, Error> {
    let sql = "DELETE FROM password_failures WHERE bucket_at < $1";
    sql::change(tx, sql::ask(tx, sql, [(millis(before) - STRETCH).into()])).await
}
