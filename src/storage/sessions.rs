//! Browser sessions, by the hash of their id. The id itself is in the browser's cookie alone.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::{ElevationId, ProviderId, UserId};
use muster_domain::listing::{Count, Page};
use muster_domain::policy::Policies;
use muster_domain::role::{Level, Role};
use muster_domain::session::{Elevation, Means, Session, SessionKey, StoredElevation};
use muster_domain::user::User;
use sea_orm::FromQueryResult;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::elevations::seconds;
use crate::entities::users::Model as UserModel;
use crate::keyset::{Order, Paging, Tie, by_number};
use crate::row::{count, from_json, from_json_option, from_openers, from_word, instant, millis};
use crate::sql::{self, Where};
use crate::users::to_user;
use crate::{Reader, Tx};

pub mod keys;
mod ways;

pub use ways::{came_by, of_directory, of_identity};

/// The stored name of a session: SHA-256 of the cookie's value, in hexadecimal.
#[must_use]
pub fn key_of(cookie: &str) -> SessionKey {
    let digest = Sha256::digest(cookie.as_bytes());
    SessionKey(digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// A signed-in session with everything a request needs to know about its person.
#[derive(Clone, PartialEq, Debug)]
pub struct SignedIn {
    /// The session, with the secure session inside it if one runs.
    pub session: Session,
    /// Who. May be deactivated: look before letting them do anything.
    pub user: User,
    /// The roles they hold everywhere, directly and through groups, weakest first.
    pub roles: Vec<Role>,
    /// From which level on their roles ask for a secure session.
    pub secured_from: Level,
    /// When the session was last seen.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

/// A session in a list.
#[derive(Clone, PartialEq, Debug)]
pub struct SessionRow {
    /// Its stored name.
    pub key: SessionKey,
    /// Who is signed in.
    pub user: UserId,
    /// Their username.
    pub username: String,
    /// The name people read.
    pub display_name: String,
    /// Since when.
    pub signed_in_at: DateTime<Utc>,
    /// By what means.
    pub means: Option<Means>,
    /// From which address.
    pub address: Option<String>,
    /// With which browser, as it calls itself.
    pub user_agent: Option<String>,
    /// When the browser session began; its id may have rotated since.
    pub created_at: DateTime<Utc>,
    /// When it was last seen.
    pub last_seen_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
    /// Until when it is a secure admin session, if it is one.
    pub elevated_until: Option<DateTime<Utc>>,
}

#[derive(FromQueryResult)]
pub(crate) struct Hot {
    id: Uuid,
    username: String,
    username_key: String,
    display_name: String,
    sort_key: String,
    email: Option<String>,
    email_key: String,
    state: String,
    deactivation: Option<String>,
    break_glass: bool,
    created_at: i64,
    updated_at: i64,
    last_sign_in_at: i64,
    signed_in_at: Option<i64>,
    means: Option<String>,
    opened_by: Option<String>,
    last_seen_at: i64,
    expires_at: i64,
    own_roles: Option<String>,
    group_roles: Option<String>,
    elevation_id: Option<Uuid>,
    elevation_kind: Option<String>,
    elevation_provider_id: Option<Uuid>,
    granted_at: Option<i64>,
    ends_at: Option<i64>,
    idle_seconds: Option<i64>,
    network: Option<String>,
    proof_opened_by: Option<String>,
    used_at: Option<i64>,
    policies: Option<String>,
}

/// Session, user, roles and running secure session in one question: every request asks it. None: nobody is signed
/// in there, or it is over.
///
/// # Errors
/// Why the database cannot answer.
pub async fn load_signed_in(
    reader: &impl Reader,
    key: &SessionKey,
    now: DateTime<Utc>,
) -> Result<Option<SignedIn>, Error> {
    let values = [key.0.as_str().into(), millis(now).into()];
    let sql = signed_in_sql(reader, "", "$1");
    let row: Option<Hot> = sql::one(reader, sql::ask(reader, &sql, values)).await?;
    row.map_or(Ok(None), |row| hot(row, key))
}

/// The session of a row of [`signed_in_sql`].
pub(crate) fn hot(row: Hot, key: &SessionKey) -> Result<Option<SignedIn>, Error> {
    let mut roles: Vec<Role> = [&row.own_roles, &row.group_roles]
        .into_iter()
        .flatten()
        .flat_map(|keys| keys.split(','))
        .filter_map(Role::from_key)
        .collect();
    roles.sort_unstable();
    roles.dedup();
    let policies: Option<Policies> = from_json_option("settings", row.policies.as_deref())?;
    let Some(signed_in_at) = row.signed_in_at else {
        return Ok(None);
    };
    Ok(Some(SignedIn {
        session: Session {
            key: key.clone(),
            user: UserId(row.id),
            signed_in_at: instant(signed_in_at),
            means: from_json("sessions", row.means.as_deref().unwrap_or_default())?,
            opened_by: from_openers("sessions", row.opened_by.as_deref())?,
            elevation: hot_elevation(&row, key)?,
        },
        secured_from: policies.unwrap_or_default().of_roles(&roles).from,
        roles,
        last_seen_at: instant(row.last_seen_at),
        expires_at: instant(row.expires_at),
        user: hot_user(row)?,
    }))
}

/// Every page asks this, so nothing in it makes SQLite build a table for the time being unless a group holds a role: no
/// union, no sorting, no list. Of several secure sessions the one that lasts longest counts; one that ended within the last
/// minute is there too, for forms that were on the screen ([`muster_domain::session::GRACE`]). `more` are further columns,
/// `key` says which session; `$1` is theirs to use, `$2` is now.
pub(crate) fn signed_in_sql(reader: &impl Reader, more: &str, key: &str) -> String {
    let roles = if Where::on(reader).is_sqlite() {
        "group_concat(r.role)"
    } else {
        "string_agg(r.role, ',')"
    };
    format!(
        "SELECT u.id, u.username, u.username_key, u.display_name, u.sort_key, u.email, u.email_key, u.state, \
         u.deactivation, u.break_glass, u.created_at, u.updated_at, u.last_sign_in_at, \
         s.signed_in_at, s.means, s.opened_by, s.last_seen_at, s.expires_at, \
         (SELECT {roles} FROM role_assignments r WHERE r.scope = '' AND r.principal_kind = 'user' \
         AND r.principal_id = s.user_id) AS own_roles, \
         CASE WHEN EXISTS (SELECT 1 FROM role_assignments r WHERE r.scope = '' AND r.principal_kind = 'group') \
         THEN ({} SELECT {roles} FROM role_assignments r WHERE r.scope = '' AND r.principal_kind = 'group' \
         AND r.principal_id IN (SELECT id FROM above)) END AS group_roles, \
         e.id AS elevation_id, e.kind AS elevation_kind, e.provider_id AS elevation_provider_id, \
         e.granted_at, e.ends_at, e.idle_seconds, e.network, e.opened_by AS proof_opened_by, e.used_at, \
         (SELECT value FROM settings WHERE name = '{policy}') AS policies{more} \
         FROM sessions s JOIN users u ON u.id = s.user_id \
         LEFT JOIN elevations e ON e.id = (SELECT x.id FROM elevations x WHERE x.session_key = s.id_hash \
         AND x.user_id = s.user_id AND x.ends_at > $2 - 60000 AND x.dropped_at IS NULL ORDER BY x.ends_at DESC LIMIT 1) \
         WHERE s.id_hash = {key} AND s.expires_at > $2",
        crate::nested::above_sql(reader, "s.user_id"),
        policy = crate::settings::ELEVATION_POLICY,
    )
}

fn hot_elevation(row: &Hot, key: &SessionKey) -> Result<Option<Elevation>, Error> {
    let (Some(id), Some(kind), Some(granted_at), Some(ends_at)) = (
        row.elevation_id,
        row.elevation_kind.as_deref(),
        row.granted_at,
        row.ends_at,
    ) else {
        return Ok(None);
    };
    Ok(Some(Elevation::recall(StoredElevation {
        id: ElevationId(id),
        session: key.clone(),
        user: UserId(row.id),
        kind: from_word("elevations", kind)?,
        provider: row.elevation_provider_id.map(ProviderId),
        granted_at: instant(granted_at),
        ends_at: instant(ends_at),
        idle_seconds: row.idle_seconds.map(seconds),
        network: row.network.clone(),
        opened_by: from_openers("elevations", row.proof_opened_by.as_deref())?,
        used_at: row.used_at.map(instant),
    })))
}

fn hot_user(row: Hot) -> Result<User, Error> {
    to_user(UserModel {
        id: row.id,
        username: row.username,
        username_key: row.username_key,
        display_name: row.display_name,
        sort_key: row.sort_key,
        email: row.email,
        email_key: row.email_key,
        state: row.state,
        deactivation: row.deactivation,
        break_glass: row.break_glass,
        search: String::new(),
        created_at: row.created_at,
        updated_at: row.updated_at,
        last_sign_in_at: row.last_sign_in_at,
    })
}

#[derive(FromQueryResult)]
struct Listed {
    id_hash: String,
    user_id: Uuid,
    username: String,
    display_name: String,
    signed_in_at: Option<i64>,
    means: Option<String>,
    address: Option<String>,
    user_agent: Option<String>,
    created_at: i64,
    last_seen_at: i64,
    expires_at: i64,
    elevated_until: Option<i64>,
}

/// Signed-in sessions that are not over at `now`, of one person or of everybody, by when they were last seen. Pass
/// `Direction::Desc` for the latest first.
///
/// # Errors
/// Why the database cannot answer.
pub async fn list(
    reader: &impl Reader,
    user: Option<UserId>,
    now: DateTime<Utc>,
    paging: &Paging<()>,
) -> Result<Page<SessionRow>, Error> {
    let counted = conditions(reader, user, now);
    let total = format!("SELECT COUNT(*) FROM sessions s{}", counted.clause());
    let total = sql::number(reader, counted.statement(total)).await?;
    let mut conditions = conditions(reader, user, now);
    let at = conditions.bind(millis(now));
    let order = Order {
        column: "s.last_seen_at",
        tie: Tie::Digits("substr(s.id_hash, 1, 32)"),
        numeric: true,
    };
    let tail = paging.apply(order, &mut conditions);
    let sql = format!(
        "SELECT s.id_hash, s.user_id, u.username, u.display_name, s.signed_in_at, s.means, s.address, s.user_agent, \
         s.created_at, s.last_seen_at, s.expires_at, \
         (SELECT MAX(e.ends_at) FROM elevations e WHERE e.session_key = s.id_hash AND e.user_id = s.user_id \
         AND e.dropped_at IS NULL AND e.ends_at > {at}) AS elevated_until \
         FROM sessions s JOIN users u ON u.id = s.user_id{}{tail}",
        conditions.clause()
    );
    let rows: Vec<Listed> = sql::all(reader, conditions.statement(sql)).await?;
    let page = paging.page(rows, Count::Exact(count(total)), |row| {
        by_number(row.last_seen_at, digits(&row.id_hash))
    });
    Ok(Page {
        rows: page
            .rows
            .into_iter()
            .map(to_listed)
            .collect::<Result<_, _>>()?,
        before: page.before,
        total: page.total,
        previous: page.previous,
        next: page.next,
    })
}

fn conditions(reader: &impl Reader, user: Option<UserId>, now: DateTime<Utc>) -> Where {
    let mut conditions = Where::on(reader);
    let at = conditions.bind(millis(now));
    conditions.and(format!("s.expires_at > {at}"));
    match user {
        Some(user) => {
            let id = conditions.bind(user.0);
            conditions.and(format!("s.user_id = {id}"));
        }
        None => conditions.and("s.user_id IS NOT NULL".to_owned()),
    }
    conditions
}

/// The first half of a key as the tie-breaker of a cursor.
fn digits(key: &str) -> Uuid {
    key.get(..32)
        .and_then(|half| Uuid::parse_str(half).ok())
        .unwrap_or_default()
}

fn to_listed(row: Listed) -> Result<SessionRow, Error> {
    Ok(SessionRow {
        key: SessionKey(row.id_hash),
        user: UserId(row.user_id),
        username: row.username,
        display_name: row.display_name,
        signed_in_at: instant(row.signed_in_at.unwrap_or(row.created_at)),
        means: from_json_option("sessions", row.means.as_deref())?,
        address: row.address,
        user_agent: row.user_agent,
        created_at: instant(row.created_at),
        last_seen_at: instant(row.last_seen_at),
        expires_at: instant(row.expires_at),
        elevated_until: row.elevated_until.map(instant),
    })
}

/// Ends a session. Whether there was one.
///
/// # Errors
/// Why the database refused.
pub async fn revoke(tx: &Tx, key: &SessionKey) -> Result<bool, Error> {
    let sql = "DELETE FROM sessions WHERE id_hash = $1";
    Ok(sql::change(tx, sql::ask(tx, sql, [key.0.as_str().into()])).await? > 0)
}

/// Ends every session of a person, but `except`. How many there were.
///
/// # Errors
/// Why the database refused.
pub async fn revoke_of_user(
    tx: &Tx,
    user: UserId,
    except: Option<&SessionKey>,
) -> Result<u64, Error> {
    let sql = "DELETE FROM sessions WHERE user_id = $1 AND id_hash <> $2";
    let kept = except.map(|key| key.0.clone()).unwrap_or_default();
    sql::change(tx, sql::ask(tx, sql, [user.0.into(), kept.into()])).await
}

/// The sessions that signed in through a provider, each with its ids there, as far as the provider stated them.
///
/// # Errors
/// Why the database cannot answer.
pub async fn by_provider(
    reader: &impl Reader,
    provider: ProviderId,
) -> Result<Vec<(SessionKey, Means, Vec<String>)>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id_hash: String,
        means: Option<String>,
        data: String,
    }
    let sql = "SELECT id_hash, means, data FROM sessions WHERE means LIKE $1";
    let like = format!("%{}%", provider.0);
    let mut found = Vec::new();
    for row in sql::all::<Row>(reader, sql::ask(reader, sql, [like.into()])).await? {
        let means: Option<Means> = from_json_option("sessions", row.means.as_deref())?;
        let data: serde_json::Value = crate::row::from_json("sessions", &row.data)?;
        if let Some(
            means @ Means::Provider {
                provider: through, ..
            },
        ) = means
            && through == provider
        {
            let sids = keys::sids(data.get(keys::SID));
            found.push((SessionKey(row.id_hash), means, sids));
        }
    }
    Ok(found)
}

#[derive(FromQueryResult)]
struct ByMeans {
    id_hash: String,
    means: Option<String>,
}

/// The sessions that signed in through a provider.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_provider(
    reader: &impl Reader,
    provider: ProviderId,
) -> Result<Vec<SessionKey>, Error> {
    // The id stands somewhere in the means; where it stands is looked at after.
    let sql = "SELECT id_hash, means FROM sessions WHERE means LIKE $1";
    let like = format!("%{}%", provider.0);
    let rows: Vec<ByMeans> = sql::all(reader, sql::ask(reader, sql, [like.into()])).await?;
    let mut found = Vec::new();
    for row in rows {
        let means: Option<Means> = from_json_option("sessions", row.means.as_deref())?;
        if matches!(means, Some(Means::Provider { provider: through, .. }) if through == provider) {
            found.push(SessionKey(row.id_hash));
        }
    }
    Ok(found)
}

/// The sessions that signed in with a password, each with whose it is.
///
/// # Errors
/// Why the database cannot answer.
pub async fn by_password(reader: &impl Reader) -> Result<Vec<(SessionKey, UserId)>, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        id_hash: String,
        user_id: Uuid,
        means: Option<String>,
    }
    let sql = "SELECT id_hash, user_id, means FROM sessions WHERE user_id IS NOT NULL AND means LIKE '%password%'";
    let mut found = Vec::new();
    for row in sql::all::<Row>(reader, sql::ask(reader, sql, [])).await? {
        if from_json_option("sessions", row.means.as_deref())? == Some(Means::Password) {
            found.push((SessionKey(row.id_hash), UserId(row.user_id)));
        }
    }
    Ok(found)
}

/// Notes that a session was seen. Callers do it at most once a minute.
///
/// # Errors
/// Why the database refused.
pub async fn touch(tx: &Tx, key: &SessionKey, at: DateTime<Utc>) -> Result<(), Error> {
    let sql = "UPDATE sessions SET last_seen_at = $1 WHERE id_hash = $2";
    let values = [millis(at).into(), key.0.as_str().into()];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

/// Sweeps away sessions that are over at `now`. How many there were.
///
/// # Errors
/// Why the database refused.
pub async fn sweep(tx: &Tx, now: DateTime<Utc>) -> Result<u64, Error> {
    let sql = "DELETE FROM sessions WHERE expires_at <= $1";
    sql::change(tx, sql::ask(tx, sql, [millis(now).into()])).await
}

/// How many sessions these people have that are not over at `now`; people without any are left out.
///
/// # Errors
/// Why the database cannot answer.
pub async fn count_of_users(
    reader: &impl Reader,
    users: &[UserId],
    now: DateTime<Utc>,
) -> Result<Vec<(UserId, u64)>, Error> {
    #[derive(FromQueryResult)]
    struct Counted {
        user_id: Uuid,
        many: i64,
    }
    let mut counts = Vec::new();
    for some in users.chunks(sql::BATCH - 1) {
        let mut conditions = Where::on(reader);
        let at = conditions.bind(millis(now));
        conditions.and(format!("s.expires_at > {at}"));
        let ids: Vec<String> = some.iter().map(|user| conditions.bind(user.0)).collect();
        conditions.and(format!("s.user_id IN ({})", ids.join(", ")));
        let sql = format!(
            "SELECT s.user_id, COUNT(*) AS many FROM sessions s{} GROUP BY s.user_id",
            conditions.clause()
        );
        let rows: Vec<Counted> = sql::all(reader, conditions.statement(sql)).await?;
        counts.extend(
            rows.into_iter()
                .map(|row| (UserId(row.user_id), count(row.many))),
        );
    }
    Ok(counts)
}
