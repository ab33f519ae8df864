//! How far each directory reaches, as it is measured: whom it holds, whom nobody has seen, what is nested.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::DirectoryId;
use muster_domain::membership::Origin;
use sea_orm::FromQueryResult;

use crate::Reader;
use crate::row::{count, instant, millis};
use crate::sql;

/// Active people with an account in this directory.
///
/// # Errors
/// Why the database cannot answer.
pub async fn active(reader: &impl Reader, directory: DirectoryId) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM accounts a JOIN users u ON u.id = a.user_id \
               WHERE a.directory_id = $1 AND u.state = 'active'";
    number(reader, sql::ask(reader, sql, [directory.0.into()])).await
}

/// Active people with an account in this directory who were made before a moment and have not come in since, by any way.
///
/// # Errors
/// Why the database cannot answer.
pub async fn unseen(
    reader: &impl Reader,
    directory: DirectoryId,
    since: DateTime<Utc>,
) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM accounts a JOIN users u ON u.id = a.user_id \
               WHERE a.directory_id = $1 AND u.state = 'active' AND u.last_sign_in_at < $2 AND u.created_at < $2";
    let values = [directory.0.into(), millis(since).into()];
    number(reader, sql::ask(reader, sql, values)).await
}

/// Groups that are members of groups because this origin says so.
///
/// # Errors
/// Why the database cannot answer.
pub async fn nested(reader: &impl Reader, origin: Origin) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM memberships WHERE member_kind = 'group' AND origin = $1";
    let values = [origin.key().into()];
    number(reader, sql::ask(reader, sql, values)).await
}

/// When a directory was last read as a whole.
///
/// # Errors
/// Why the database cannot answer.
pub async fn read_at(
    reader: &impl Reader,
    directory: DirectoryId,
) -> Result<Option<DateTime<Utc>>, Error> {
    #[derive(FromQueryResult)]
    struct Found {
        snapshot_at: Option<i64>,
    }
    let sql = "SELECT snapshot_at FROM directory_states WHERE directory_id = $1";
    let found: Option<Found> =
        sql::one(reader, sql::ask(reader, sql, [directory.0.into()])).await?;
    Ok(found.and_then(|found| found.snapshot_at).map(instant))
}

async fn number(reader: &impl Reader, question: sea_orm::Statement) -> Result<u64, Error> {
    Ok(count(sql::number(reader, question).await?))
}
