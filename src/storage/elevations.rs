//! Secure admin sessions, as they were earned and dropped. One that is dropped within the minute after its end counts no
//! more for forms either ([`muster_domain::session::GRACE`]).

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::{ElevationId, ProviderId, UserId};
use muster_domain::session::{Elevation, SessionKey, StoredElevation};
use sea_orm::{EntityTrait, FromQueryResult, IntoActiveModel};
use uuid::Uuid;

use crate::entities::elevations::{Entity, Model};
use crate::failure::fail;
use crate::reader::sealed::Source as _;
use crate::row::{from_openers, from_word, instant, millis, openers, word};
use crate::{Reader, Tx, sql};

/// A running secure admin session with its person's name.
#[derive(Clone, PartialEq, Debug)]
pub struct RunningElevation {
    /// The session.
    pub elevation: StoredElevation,
    /// Whose it is.
    pub username: String,
    /// From which address the browser session last came.
    pub address: Option<String>,
}

/// Stores one.
///
/// # Errors
/// Why the database refused.
pub async fn insert(tx: &Tx, elevation: &Elevation) -> Result<(), Error> {
    let row = elevation.to_row();
    let row = Model {
        id: row.id.0,
        session_key: row.session.0,
        user_id: row.user.0,
        kind: word(row.kind)?,
        provider_id: row.provider.map(|id| id.0),
        granted_at: millis(row.granted_at),
        ends_at: millis(row.ends_at),
        dropped_at: None,
        idle_seconds: row.idle_seconds.map(i64::from),
        network: row.network,
        opened_by: openers(&row.opened_by)?,
        used_at: row.used_at.map(millis),
    };
    let inserted = Entity::insert(row.into_active_model());
    inserted
        .exec_without_returning(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// The one that runs in a browser session at `now`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn running_of_session(
    reader: &impl Reader,
    session: &SessionKey,
    now: DateTime<Utc>,
) -> Result<Option<Elevation>, Error> {
    let sql = "SELECT id, session_key, user_id, kind, provider_id, granted_at, ends_at, dropped_at, idle_seconds, network, opened_by, used_at \
               FROM elevations \
               WHERE session_key = $1 AND ends_at > $2 AND dropped_at IS NULL ORDER BY ends_at DESC LIMIT 1";
    let values = [session.0.as_str().into(), millis(now).into()];
    let row: Option<Model> = sql::one(reader, sql::ask(reader, sql, values)).await?;
    row.map(|row| to_stored(row).map(Elevation::recall))
        .transpose()
}

/// Notes that one was used. Callers do it at most once a minute.
///
/// # Errors
/// Why the database refused.
pub async fn used(tx: &Tx, id: ElevationId, at: DateTime<Utc>) -> Result<(), Error> {
    let sql = "UPDATE elevations SET used_at = $1 WHERE id = $2";
    sql::change(tx, sql::ask(tx, sql, [millis(at).into(), id.0.into()])).await?;
    Ok(())
}

/// Ends every secure session of a browser session. How many ran.
///
/// # Errors
/// Why the database refused.
pub async fn drop_of_session(
    tx: &Tx,
    session: &SessionKey,
    at: DateTime<Utc>,
) -> Result<u64, Error> {
    let sql = "UPDATE elevations SET dropped_at = $1 WHERE session_key = $2 AND dropped_at IS NULL AND ends_at > $1 - 60000";
    let values = [millis(at).into(), session.0.as_str().into()];
    sql::change(tx, sql::ask(tx, sql, values)).await
}

/// Ends one. Whether it ran.
///
/// # Errors
/// Why the database refused.
pub async fn drop_one(tx: &Tx, id: ElevationId, at: DateTime<Utc>) -> Result<bool, Error> {
    let sql = "UPDATE elevations SET dropped_at = $1 WHERE id = $2 AND dropped_at IS NULL AND ends_at > $1 - 60000";
    let values = [millis(at).into(), id.0.into()];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? > 0)
}

/// Ends every secure session of a person. How many ran.
///
/// # Errors
/// Why the database refused.
pub async fn drop_of_user(tx: &Tx, user: UserId, at: DateTime<Utc>) -> Result<u64, Error> {
    let sql = "UPDATE elevations SET dropped_at = $1 WHERE user_id = $2 AND dropped_at IS NULL AND ends_at > $1 - 60000";
    sql::change(tx, sql::ask(tx, sql, [millis(at).into(), user.0.into()])).await
}

/// Ends every secure session of a person that was proven at this provider. How many ran.
///
/// # Errors
/// Why the database refused.
pub async fn drop_of_user_at(
    tx: &Tx,
    user: UserId,
    provider: ProviderId,
    at: DateTime<Utc>,
) -> Result<u64, Error> {
    let sql = "UPDATE elevations SET dropped_at = $1 WHERE user_id = $2 AND provider_id = $3 AND dropped_at IS NULL \
               AND ends_at > $1 - 60000";
    let values = [millis(at).into(), user.0.into(), provider.0.into()];
    sql::change(tx, sql::ask(tx, sql, values)).await
}

/// Ends every secure session that was proven at a provider. How many ran.
///
/// # Errors
/// Why the database refused.
pub async fn drop_of_provider(
    tx: &Tx,
    provider: ProviderId,
    at: DateTime<Utc>,
) -> Result<u64, Error> {
    let sql = "UPDATE elevations SET dropped_at = $1 WHERE provider_id = $2 AND dropped_at IS NULL AND ends_at > $1 - 60000";
    sql::change(
        tx,
        sql::ask(tx, sql, [millis(at).into(), provider.0.into()]),
    )
    .await
}

#[derive(FromQueryResult)]
struct Listed {
    id: Uuid,
    session_key: String,
    user_id: Uuid,
    kind: String,
    provider_id: Option<Uuid>,
    granted_at: i64,
    ends_at: i64,
    idle_seconds: Option<i64>,
    network: Option<String>,
    opened_by: Option<String>,
    used_at: Option<i64>,
    username: String,
    address: Option<String>,
}

/// Every one that runs at `now`, newest first.
///
/// # Errors
/// Why the database cannot answer.
pub async fn list_running(
    reader: &impl Reader,
    now: DateTime<Utc>,
) -> Result<Vec<RunningElevation>, Error> {
    let sql = "SELECT e.id, e.session_key, e.user_id, e.kind, e.provider_id, e.granted_at, e.ends_at, \
               e.idle_seconds, e.network, e.opened_by, e.used_at, u.username, s.address FROM elevations e \
               JOIN sessions s ON s.id_hash = e.session_key AND s.user_id = e.user_id \
               JOIN users u ON u.id = e.user_id \
               WHERE e.ends_at > $1 AND e.dropped_at IS NULL AND s.expires_at > $1 ORDER BY e.granted_at DESC, e.id";
    let rows: Vec<Listed> = sql::all(reader, sql::ask(reader, sql, [millis(now).into()])).await?;
    rows.into_iter()
        .map(|row| {
            Ok(RunningElevation {
                username: row.username,
                address: row.address,
                elevation: to_stored(Model {
                    id: row.id,
                    session_key: row.session_key,
                    user_id: row.user_id,
                    kind: row.kind,
                    provider_id: row.provider_id,
                    granted_at: row.granted_at,
                    ends_at: row.ends_at,
                    dropped_at: None,
                    idle_seconds: row.idle_seconds,
                    network: row.network,
                    opened_by: row.opened_by,
                    used_at: row.used_at,
                })?,
            })
        })
        .collect()
}

fn to_stored(row: Model) -> Result<StoredElevation, Error> {
    Ok(StoredElevation {
        id: ElevationId(row.id),
        session: SessionKey(row.session_key),
        user: UserId(row.user_id),
        kind: from_word("elevations", &row.kind)?,
        provider: row.provider_id.map(ProviderId),
        granted_at: instant(row.granted_at),
        ends_at: instant(row.ends_at),
        idle_seconds: row.idle_seconds.map(seconds),
        network: row.network,
        opened_by: from_openers("elevations", row.opened_by.as_deref())?,
        used_at: row.used_at.map(instant),
    })
}

/// Seconds from their column.
pub(crate) fn seconds(number: i64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}
