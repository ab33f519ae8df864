//! Links that let somebody without an account test a sign-in. They expire, and only their token's hash is kept.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::{ProviderId, TestLinkId};
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};

use crate::entities::test_links::{Column, Entity, Model};
use crate::failure::fail;
use crate::reader::sealed::Source as _;
use crate::row::{count, instant, millis};
use crate::{Reader, Tx, sql};

/// One link.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TestLink {
    /// Its id.
    pub id: TestLinkId,
    /// SHA-256 of its token, in hexadecimal.
    pub token_hash: String,
    /// The provider it tests.
    pub provider: ProviderId,
    /// Who made it, by name.
    pub created_by: String,
    /// When.
    pub created_at: DateTime<Utc>,
    /// Until when it works.
    pub expires_at: DateTime<Utc>,
    /// How often it was used.
    pub used: u64,
}

/// Keeps a new link.
///
/// # Errors
/// Why the database refused.
pub async fn insert(tx: &Tx, link: &TestLink) -> Result<(), Error> {
    let row = Model {
        id: link.id.0,
        token_hash: link.token_hash.clone(),
        provider_id: link.provider.0,
        created_by: link.created_by.clone(),
        created_at: millis(link.created_at),
        expires_at: millis(link.expires_at),
        used_count: 0,
    };
    let inserted = Entity::insert(row.into_active_model());
    inserted
        .exec_without_returning(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// The link with this token, if it still works at `now`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn find(
    reader: &impl Reader,
    token_hash: &str,
    now: DateTime<Utc>,
) -> Result<Option<TestLink>, Error> {
    let row = Entity::find()
        .filter(Column::TokenHash.eq(token_hash))
        .filter(Column::ExpiresAt.gt(millis(now)))
        .one(&reader.source())
        .await
        .map_err(fail)?;
    Ok(row.map(to_link))
}

/// One link, whether it still works or not.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get(reader: &impl Reader, id: TestLinkId) -> Result<Option<TestLink>, Error> {
    let row = Entity::find_by_id(id.0)
        .one(&reader.source())
        .await
        .map_err(fail)?;
    Ok(row.map(to_link))
}

/// The links of a provider, newest first.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_provider(
    reader: &impl Reader,
    provider: ProviderId,
) -> Result<Vec<TestLink>, Error> {
    let rows = Entity::find()
        .filter(Column::ProviderId.eq(provider.0))
        .order_by_desc(Column::CreatedAt)
        .all(&reader.source())
        .await
        .map_err(fail)?;
    Ok(rows.into_iter().map(to_link).collect())
}

/// Counts a use.
///
/// # Errors
/// Why the database refused.
pub async fn use_once(tx: &Tx, id: TestLinkId) -> Result<(), Error> {
    let sql = "UPDATE test_links SET used_count = used_count + 1 WHERE id = $1";
    sql::change(tx, sql::ask(tx, sql, [id.0.into()])).await?;
    Ok(())
}

/// Takes a link back. Whether there was one.
///
/// # Errors
/// Why the database refused.
pub async fn delete(tx: &Tx, id: TestLinkId) -> Result<bool, Error> {
    let done = Entity::delete_by_id(id.0)
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    Ok(done.rows_affected > 0)
}

/// Sweeps away what expired before `before`. How many there were.
///
/// # Errors
/// Why the database refused.
pub async fn sweep(tx: &Tx, before: DateTime<Utc>) -> Result<u64, Error> {
    let sql = "DELETE FROM test_links WHERE expires_at < $1";
    sql::change(tx, sql::ask(tx, sql, [millis(before).into()])).await
}

fn to_link(row: Model) -> TestLink {
    TestLink {
        id: TestLinkId(row.id),
        token_hash: row.token_hash,
        provider: ProviderId(row.provider_id),
        created_by: row.created_by,
        created_at: instant(row.created_at),
        expires_at: instant(row.expires_at),
        used: count(row.used_count),
    }
}
