//! Recovery codes, by their hashes ([`muster_domain::factor::recovery`]).

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::UserId;
use muster_domain::opener::Openers;
use sea_orm::FromQueryResult;

use crate::row::{count, from_openers, millis, openers};
use crate::{Reader, Tx, sql};

/// Gives a person new codes; those from before are worth nothing.
///
/// # Errors
/// `DB-021` when there is no such user.
pub async fn replace(
    tx: &Tx,
    user: UserId,
    hashes: &[String],
    opened_by: &Openers,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    remove(tx, user).await?;
    let sql = "INSERT INTO recovery_codes (user_id, code_hash, opened_by, created_at) VALUES ($1, $2, $3, $4)";
    let opened_by = openers(opened_by)?;
    for hash in hashes {
        let values = [
            user.0.into(),
            hash.as_str().into(),
            opened_by.clone().into(),
            millis(at).into(),
        ];
        sql::change(tx, sql::ask(tx, sql, values)).await?;
    }
    Ok(())
}

/// Uses one up. False: there is none, or it was used before; of two at the same moment one gets `true`.
///
/// # Errors
/// Why the database refused.
pub async fn use_up(tx: &Tx, user: UserId, hash: &str, at: DateTime<Utc>) -> Result<bool, Error> {
    let sql = "UPDATE recovery_codes SET used_at = $1 WHERE user_id = $2 AND code_hash = $3 AND used_at IS NULL";
    let values = [millis(at).into(), user.0.into(), hash.into()];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? > 0)
}

/// How many a person has left.
///
/// # Errors
/// Why the database cannot answer.
pub async fn left(reader: &impl Reader, user: UserId) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM recovery_codes WHERE user_id = $1 AND used_at IS NULL";
    Ok(count(
        sql::number(reader, sql::ask(reader, sql, [user.0.into()])).await?,
    ))
}

/// Who, beside the person, may have their codes; codes are made together and have the same.
///
/// # Errors
/// Why the database cannot answer.
pub async fn opened_by(reader: &impl Reader, user: UserId) -> Result<Openers, Error> {
    #[derive(FromQueryResult)]
    struct Row {
        opened_by: Option<String>,
    }
    let sql = "SELECT opened_by FROM recovery_codes WHERE user_id = $1 LIMIT 1";
    let row: Option<Row> = sql::one(reader, sql::ask(reader, sql, [user.0.into()])).await?;
    let text = row.and_then(|row| row.opened_by);
    from_openers("recovery_codes", text.as_deref())
}

/// Takes a person's codes away.
///
/// # Errors
/// Why the database refused.
pub async fn remove(tx: &Tx, user: UserId) -> Result<(), Error> {
    let sql = "DELETE FROM recovery_codes WHERE user_id = $1";
    sql::change(tx, sql::ask(tx, sql, [user.0.into()])).await?;
    Ok(())
}
