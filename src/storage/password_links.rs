//! Links that let one person set a password once, by the hash of their token.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::UserId;
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::row::{from_json, from_word, instant, json, millis, word};
use crate::{Reader, Tx, sql};

/// What made a link.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Somebody on the server's shell, because nobody gets in.
    Recovery,
    /// Whoever asked for it on the sign-in page. It goes to the person's address.
    Reset,
    /// An administrator, who had it sent to the person's address.
    Sent,
    /// An administrator who hands it over. They can open it themselves.
    Handed,
}

/// One link.
#[derive(Clone, PartialEq, Debug)]
pub struct PasswordLink {
    /// SHA-256 of its token, in hexadecimal.
    pub token_hash: String,
    /// Whose password it sets.
    pub user: UserId,
    /// What made it.
    pub purpose: Purpose,
    /// What else it does, as its service wrote it down.
    pub detail: serde_json::Value,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    pub expires_at: DateTime<Utc>,
}

#[derive(FromQueryResult)]
struct Row {
    token_hash: String,
    user_id: Uuid,
    purpose: String,
    detail: String,
    created_at: i64,
    expires_at: i64,
}

/// Makes one; those of the same person and purpose from before are worth nothing.
///
/// # Errors
/// `DB-021` when there is no such user.
pub async fn replace(tx: &Tx, link: &PasswordLink) -> Result<(), Error> {
    let purpose = word(link.purpose)?;
    let sql = "DELETE FROM password_links WHERE user_id = $1 AND purpose = $2";
    let values = [link.user.0.into(), purpose.as_str().into()];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    let sql = "INSERT INTO password_links (token_hash, user_id, purpose, detail, created_at, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6)";
    let values = [
        link.token_hash.as_str().into(),
        link.user.0.into(),
        purpose.into(),
        json(&link.detail)?.into(),
        millis(link.created_at).into(),
        millis(link.expires_at).into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

/// The link of this token, if it counts at `now`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn find(
    reader: &impl Reader,
    token_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<PasswordLink>, Error> {
    let sql = "SELECT token_hash, user_id, purpose, detail, created_at, expires_at FROM password_links \
               WHERE token_hash = $1 AND used_at IS NULL AND expires_at > $2 AND created_at <= $2";
    let values = [token_hash.into(), millis(now).into()];
    let row: Option<Row> = sql::one(reader, sql::ask(reader, sql, values)).await?;
    row.map(|row| {
        Ok(PasswordLink {
            token_hash: row.token_hash,
            user: UserId(row.user_id),
            purpose: from_word("password_links", &row.purpose)?,
            detail: from_json("password_links", &row.detail)?,
            created_at: instant(row.created_at),
            expires_at: instant(row.expires_at),
        })
    })
    .transpose()
}

/// Uses one up. False: it was used before; of two at the same moment one gets `true`.
///
/// # Errors
/// Why the database refused.
pub async fn use_up(tx: &Tx, token_hash: &str, at: DateTime<Utc>) -> Result<bool, Error> {
    let sql = "UPDATE password_links SET used_at = $1 WHERE token_hash = $2 AND used_at IS NULL AND expires_at > $1";
    let values = [millis(at).into(), token_hash.into()];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? > 0)
}

/// Takes every open link of a person back. How many there were.
///
/// # Errors
/// Why the database refused.
pub async fn remove_of_user(tx: &Tx, user: UserId) -> Result<u64, Error> {
    let sql = "DELETE FROM password_links WHERE user_id = $1 AND used_at IS NULL";
    sql::change(tx, sql::ask(tx, sql, [user.0.into()])).await
}

/// Takes back the open links of a person that choose a password, whoever made them; the shell's stays.
///
/// # Errors
/// Why the database refused.
pub async fn remove_choosing(tx: &Tx, user: UserId) -> Result<u64, Error> {
    let sql = "DELETE FROM password_links WHERE user_id = $1 AND used_at IS NULL AND purpose <> $2";
    let values = [user.0.into(), word(Purpose::Recovery)?.into()];
    sql::change(tx, sql::ask(tx, sql, values)).await
}

/// Sweeps away what ended before `before`. How many there were.
///
/// # Errors
/// Why the database refused.
pub async fn sweep(tx: &Tx, before: DateTime<Utc>) -> Result<u64, Error> {
    let sql = "DELETE FROM password_links WHERE expires_at < $1";
    sql::change(tx, sql::ask(tx, sql, [millis(before).into()])).await
}
