//! Every way in, and every session, that somebody beside its owner could use ([`muster_domain::opener`]).

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::UserId;
use muster_domain::opener::Openers;
use sea_orm::FromQueryResult;
use serde::Deserialize;
use uuid::Uuid;

use crate::Reader;
use crate::row::{from_openers, from_word, millis};
use crate::sql::{self, BATCH, Where};

/// What was opened.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A password here.
    Password,
    /// A password here that was set by a link that was mailed.
    MailedPassword,
    /// An identity at a provider.
    Identity,
    /// A second factor.
    Factor,
    /// Recovery codes.
    Codes,
    /// Leave to add a first factor.
    Permit,
    /// A browser session that somebody is signed in with.
    Session,
}

/// One way in, or session, that others could use.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Opened {
    /// Whose.
    pub user: UserId,
    /// What.
    pub what: What,
    /// What its owner calls it, if it has a name.
    pub name: Option<String>,
    /// Who opened it with their own hands, by name, if it was not the owner.
    pub by_hand_of: Option<String>,
    /// Who could use it.
    pub opened_by: Openers,
}

#[derive(FromQueryResult)]
struct Row {
    user_id: Uuid,
    what: String,
    name: Option<String>,
    by_hand_of: Option<String>,
    opened_by: Option<String>,
}

/// Those of these people that count at `now`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_users(
    reader: &impl Reader,
    users: &[UserId],
    now: DateTime<Utc>,
) -> Result<Vec<Opened>, Error> {
    let mut found = Vec::new();
    for some in users.chunks(BATCH) {
        let mut values = Where::on(reader);
        let at = values.bind(millis(now));
        let ids: Vec<String> = some.iter().map(|user| values.bind(user.0)).collect();
        let theirs = format!("opened_by IS NOT NULL AND user_id IN ({})", ids.join(", "));
        let none = "CAST(NULL AS TEXT)";
        let sql = format!(
            "SELECT user_id, CASE WHEN mailed THEN 'mailed_password' ELSE 'password' END AS what, {none} AS name, \
             set_by AS by_hand_of, opened_by FROM credentials WHERE {theirs} \
             UNION ALL SELECT user_id, 'identity', {none}, linked_by, opened_by FROM idp_subjects WHERE {theirs} \
             UNION ALL SELECT user_id, 'factor', name, permitted_by, opened_by FROM factors \
             WHERE confirmed_at IS NOT NULL AND {theirs} \
             UNION ALL SELECT user_id, 'codes', {none}, {none}, opened_by FROM recovery_codes \
             WHERE used_at IS NULL AND {theirs} GROUP BY user_id, opened_by \
             UNION ALL SELECT user_id, 'permit', {none}, granted_by, opened_by FROM factor_permits \
             WHERE expires_at > {at} AND {theirs} \
             UNION ALL SELECT user_id, 'session', {none}, {none}, opened_by FROM sessions \
             WHERE expires_at > {at} AND {theirs} GROUP BY user_id, opened_by"
        );
        for row in sql::all::<Row>(reader, values.statement(sql)).await? {
            found.push(to_opened(row)?);
        }
    }
    Ok(found)
}

fn to_opened(row: Row) -> Result<Opened, Error> {
    Ok(Opened {
        user: UserId(row.user_id),
        what: from_word("opened", &row.what)?,
        name: row.name,
        by_hand_of: row.by_hand_of,
        opened_by: from_openers("opened", row.opened_by.as_deref())?,
    })
}
