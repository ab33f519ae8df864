//! What getting in depends on: what people have to sign in with, and what is known of the connections to providers.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::factor::{Enrolled, FactorKind, Kit};
use muster_domain::id::{ProviderId, UserId};
use sea_orm::FromQueryResult;
use uuid::Uuid;

use crate::row::{from_word, millis};
use crate::sql::{self, BATCH, Where};
use crate::{Reader, Tx};

/// What one person has to sign in with, identities at providers excepted ([`crate::subjects`]).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// Who.
    pub user: UserId,
    /// Their username.
    pub username: String,
    /// Whether the account is break-glass.
    pub break_glass: bool,
    /// Whether they have an account in the internal directory.
    pub internal: bool,
    /// Whether they have a password here.
    pub password: bool,
    /// Their second factors.
    pub kit: Kit,
}

#[derive(FromQueryResult)]
struct HeldRow {
    id: Uuid,
    username: String,
    break_glass: bool,
    internal: i64,
    passwords: i64,
    codes: i64,
}

#[derive(FromQueryResult)]
struct FactorRow {
    user_id: Uuid,
    kind: String,
    bound_to: Option<String>,
    suspected_at: Option<i64>,
}

/// What these people have to sign in with. Unknown ones are left out.
///
/// # Errors
/// Why the database cannot answer.
pub async fn held(reader: &impl Reader, users: &[UserId]) -> Result<Vec<Held>, Error> {
    let mut found = Vec::new();
    for some in users.chunks(BATCH) {
        let mut conditions = Where::on(reader);
        let ids: Vec<String> = some.iter().map(|user| conditions.bind(user.0)).collect();
        conditions.and(format!("u.id IN ({})", ids.join(", ")));
        let sql = format!(
            "SELECT u.id, u.username, u.break_glass, \
             (SELECT COUNT(*) FROM accounts a JOIN directories d ON d.id = a.directory_id \
              WHERE a.user_id = u.id AND d.kind = 'internal') AS internal, \
             (SELECT COUNT(*) FROM credentials c WHERE c.user_id = u.id AND c.kind = 'password') AS passwords, \
             (SELECT COUNT(*) FROM recovery_codes r WHERE r.user_id = u.id AND r.used_at IS NULL) AS codes \
             FROM users u{}",
            conditions.clause()
        );
        let rows: Vec<HeldRow> = sql::all(reader, conditions.statement(sql)).await?;
        let mut kits = kits(reader, some).await?;
        found.extend(rows.into_iter().map(|row| Held {
            user: UserId(row.id),
            username: row.username,
            break_glass: row.break_glass,
            internal: row.internal > 0,
            password: row.passwords > 0,
            kit: Kit {
                codes: row.codes > 0,
                ..kits.remove(&row.id).unwrap_or_else(Kit::none)
            },
        }));
    }
    Ok(found)
}

async fn kits(reader: &impl Reader, users: &[UserId]) -> Result<BTreeMap<Uuid, Kit>, Error> {
    let mut conditions = Where::on(reader);
    let ids: Vec<String> = users.iter().map(|user| conditions.bind(user.0)).collect();
    conditions.and(format!("user_id IN ({})", ids.join(", ")));
    conditions.and("confirmed_at IS NOT NULL".to_owned());
    let sql = format!(
        "SELECT user_id, kind, bound_to, suspected_at FROM factors{}",
        conditions.clause()
    );
    let mut kits: BTreeMap<Uuid, Kit> = BTreeMap::new();
    for row in sql::all::<FactorRow>(reader, conditions.statement(sql)).await? {
        let kit = kits.entry(row.user_id).or_insert_with(Kit::none);
        kit.enrolled = Enrolled::Yes;
        match from_word("factors", &row.kind)? {
            FactorKind::Totp => kit.app = true,
            FactorKind::Passkey if row.suspected_at.is_none() => kit.passkeys.extend(row.bound_to),
            FactorKind::Passkey => {}
        }
    }
    Ok(kits)
}

/// What is known of the connection to a provider since it was last changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Seen {
    /// Somebody signed in through it.
    pub signed_in: bool,
    /// An answer of it proved presence.
    pub proved: bool,
}

#[derive(FromQueryResult)]
struct SeenRow {
    id: Uuid,
    changed_at: Option<i64>,
    signed_in_at: Option<i64>,
    proved_at: Option<i64>,
}

/// What is known of each provider's connection.
///
/// # Errors
/// Why the database cannot answer.
pub async fn seen(reader: &impl Reader) -> Result<BTreeMap<ProviderId, Seen>, Error> {
    let sql = "SELECT p.id, (SELECT c.changed_at FROM changed_connections c WHERE c.provider_id = p.id) AS changed_at, \
               (SELECT MAX(s.last_used_at) FROM idp_subjects s WHERE s.provider_id = p.id) AS signed_in_at, \
               (SELECT MAX(r.at) FROM receipts r WHERE r.provider_id = p.id AND r.verdict = 'fresh') AS proved_at \
               FROM identity_providers p";
    let rows: Vec<SeenRow> = sql::all(reader, sql::ask(reader, sql, [])).await?;
    let since = |row: &SeenRow, at: Option<i64>| {
        at.is_some_and(|at| row.changed_at.is_none_or(|changed| at > changed))
    };
    let rows = rows.into_iter();
    Ok(rows
        .map(|row| {
            let seen = Seen {
                signed_in: since(&row, row.signed_in_at),
                proved: since(&row, row.proved_at),
            };
            (ProviderId(row.id), seen)
        })
        .collect())
}

/// Notes that the connection to a provider was changed: what was seen of it before tells nothing any more.
///
/// # Errors
/// `DB-021` when there is no such provider.
pub async fn changed(tx: &Tx, provider: ProviderId, at: DateTime<Utc>) -> Result<(), Error> {
    let sql = "INSERT INTO changed_connections (provider_id, changed_at) VALUES ($1, $2) \
               ON CONFLICT (provider_id) DO UPDATE SET changed_at = $2";
    sql::change(
        tx,
        sql::ask(tx, sql, [provider.0.into(), millis(at).into()]),
    )
    .await?;
    Ok(())
}
