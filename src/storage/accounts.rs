//! Accounts: one person's record in one directory, with its attributes as last applied.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::{AccountId, DirectoryId, UserId};
use muster_domain::plan::fingerprint;
use muster_domain::record::{Attributes, ExternalId};
use muster_domain::shadow;
use sea_orm::{
    ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder, QuerySelect,
};

pub use crate::source_digests::{
    KnownAccount, close, directories_of, known_of, known_page, mark, remember, remember_if,
    remember_raw,
};

use crate::directories::{self, Directory};
use crate::entities::accounts::{ActiveModel, Column, Entity, Model};
use crate::failure::fail;
use crate::reader::sealed::Source as _;
use crate::row::{from_json, instant, json, millis};
use crate::sql::{self, BATCH};
use crate::{Reader, Tx};

/// One account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Account {
    /// Its id here.
    pub id: AccountId,
    /// Whose it is.
    pub user: UserId,
    /// Where it lives.
    pub directory: DirectoryId,
    /// Its immutable id there.
    pub external_id: ExternalId,
    /// Its attributes as last applied.
    pub attributes: Attributes,
    /// Whether the directory holds it active.
    pub active: bool,
    /// When it was first seen.
    pub first_seen_at: DateTime<Utc>,
    /// When the directory last confirmed it: a sync, a sign-in, an edit.
    pub last_confirmed_at: DateTime<Utc>,
    /// Digest of what the directory said before any mapping ([`muster_domain::plan::raw`]) when it was last applied; none:
    /// nobody saw.
    pub raw: Option<String>,
}

/// Writes an account: new, or known by directory and external id (then its id and first time stay).
///
/// # Errors
/// `DIR-002` when that account belongs to another user.
pub async fn upsert(tx: &Tx, account: &Account) -> Result<(), Error> {
    let row = to_row(account)?;
    let Some(known) = by_external(tx, account.directory, &account.external_id).await? else {
        let inserted = Entity::insert(row.into_active_model());
        inserted
            .exec_without_returning(&tx.source())
            .await
            .map_err(fail)?;
        return Ok(());
    };
    if known.user != account.user {
        return Err(Error::new(
            "DIR-002",
            muster_domain::Kind::Conflict,
            "This account of the directory belongs to a user already.",
        ));
    }
    let changed = ActiveModel {
        // Whoever changes it by hand did not see the source.
        raw_digest: row
            .raw_digest
            .map_or(ActiveValue::NotSet, |raw| ActiveValue::Set(Some(raw))),
        attributes: ActiveValue::Set(row.attributes),
        active: ActiveValue::Set(row.active),
        last_confirmed_at: ActiveValue::Set(row.last_confirmed_at),
        ..ActiveModel::default()
    };
    Entity::update_many()
        .set(changed)
        .filter(Column::Id.eq(known.id.0))
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// Many new accounts at once, of new people: they may come in, which is part of the fingerprint that is kept with each.
///
/// # Errors
/// `DIR-002` when one exists.
pub async fn insert_many(tx: &Tx, accounts: &[Account]) -> Result<(), Error> {
    // 10 columns a row.
    for some in accounts.chunks(BATCH / 10) {
        let rows = some
            .iter()
            .map(|account| {
                let mut row = to_row(account)?;
                row.source_digest = Some(fingerprint::of_person(&account.attributes, true));
                Ok(row.into_active_model())
            })
            .collect::<Result<Vec<ActiveModel>, Error>>()?;
        let inserted = Entity::insert_many(rows);
        inserted
            .exec_without_returning(&tx.source())
            .await
            .map_err(fail)?;
    }
    Ok(())
}

/// A person's accounts, in the order of their directories: the first that states an attribute wins.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_user(reader: &impl Reader, user: UserId) -> Result<Vec<Account>, Error> {
    let order = directories::list(reader).await?;
    in_order(reader, user, &order).await
}

/// Those accounts of a person that say who they are, in the order of directories: one of a directory in shadow does only for
/// whom no other one names ([`shadow::leading`]).
///
/// # Errors
/// Why the database cannot answer.
pub async fn leading(reader: &impl Reader, user: UserId) -> Result<Vec<Account>, Error> {
    let order = directories::list(reader).await?;
    let all = in_order(reader, user, &order).await?;
    let in_shadow = |account: &Account| {
        let known = order.iter().find(|known| known.id == account.directory);
        known.is_some_and(|known| shadow::is_on(&known.settings))
    };
    Ok(shadow::leading(all, in_shadow, |account| {
        &account.attributes
    }))
}

async fn in_order(
    reader: &impl Reader,
    user: UserId,
    order: &[Directory],
) -> Result<Vec<Account>, Error> {
    let rows = Entity::find()
        .filter(Column::UserId.eq(user.0))
        .all(&reader.source())
        .await
        .map_err(fail)?;
    let mut accounts = rows
        .into_iter()
        .map(to_account)
        .collect::<Result<Vec<_>, _>>()?;
    accounts.sort_by_key(|account| {
        let position = order.iter().position(|known| known.id == account.directory);
        (position, account.id)
    });
    Ok(accounts)
}

/// The account with this id at its directory.
///
/// # Errors
/// Why the database cannot answer.
pub async fn by_external(
    reader: &impl Reader,
    directory: DirectoryId,
    external_id: &ExternalId,
) -> Result<Option<Account>, Error> {
    let row = Entity::find()
        .filter(Column::DirectoryId.eq(directory.0))
        .filter(Column::ExternalId.eq(external_id.0.as_str()))
        .one(&reader.source())
        .await
        .map_err(fail)?;
    row.map(to_account).transpose()
}

/// Accounts of a directory in the order of their ids there, after one of them: a page of at most `limit`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn page_of_directory(
    reader: &impl Reader,
    directory: DirectoryId,
    after: Option<&ExternalId>,
    limit: u64,
) -> Result<Vec<Account>, Error> {
    let mut question = Entity::find().filter(Column::DirectoryId.eq(directory.0));
    if let Some(after) = after {
        question = question.filter(Column::ExternalId.gt(after.0.as_str()));
    }
    let rows = question
        .order_by_asc(Column::ExternalId)
        .limit(limit)
        .all(&reader.source())
        .await
        .map_err(fail)?;
    rows.into_iter().map(to_account).collect()
}

/// Every account of these people, in no order.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_users(reader: &impl Reader, users: &[UserId]) -> Result<Vec<Account>, Error> {
    let mut accounts = Vec::with_capacity(users.len());
    for some in users.chunks(BATCH) {
        let rows = Entity::find()
            .filter(Column::UserId.is_in(some.iter().map(|user| user.0)))
            .all(&reader.source())
            .await
            .map_err(fail)?;
        for row in rows {
            accounts.push(to_account(row)?);
        }
    }
    Ok(accounts)
}

/// How many people who may come in have an account of a directory.
///
/// # Errors
/// Why the database cannot answer.
pub async fn count_active(reader: &impl Reader, directory: DirectoryId) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM accounts a JOIN users u ON u.id = a.user_id \
               WHERE a.directory_id = $1 AND u.state = 'active'";
    let asked = sql::ask(reader, sql, [directory.0.into()]);
    Ok(crate::row::count(sql::number(reader, asked).await?))
}

/// How many accounts a directory holds.
///
/// # Errors
/// Why the database cannot answer.
pub async fn count_of_directory(
    reader: &impl Reader,
    directory: DirectoryId,
) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM accounts WHERE directory_id = $1";
    let found = sql::number(reader, sql::ask(reader, sql, [directory.0.into()])).await?;
    Ok(crate::row::count(found))
}

/// When a directory last confirmed any of its accounts; none while it holds none.
///
/// # Errors
/// Why the database cannot answer.
pub async fn last_confirmed_of_directory(
    reader: &impl Reader,
    directory: DirectoryId,
) -> Result<Option<DateTime<Utc>>, Error> {
    let sql = "SELECT COALESCE(MAX(last_confirmed_at), 0) FROM accounts WHERE directory_id = $1";
    let found = sql::number(reader, sql::ask(reader, sql, [directory.0.into()])).await?;
    Ok((found > 0).then(|| instant(found)))
}

/// Removes an account; the user stays.
///
/// # Errors
/// `WEB-404` when there is no such account.
pub async fn delete(tx: &Tx, id: AccountId) -> Result<(), Error> {
    let done = Entity::delete_by_id(id.0)
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    if done.rows_affected == 0 {
        return Err(Error::not_found("account"));
    }
    Ok(())
}

fn to_row(account: &Account) -> Result<Model, Error> {
    Ok(Model {
        id: account.id.0,
        user_id: account.user.0,
        directory_id: account.directory.0,
        external_id: account.external_id.0.clone(),
        attributes: json(&account.attributes)?,
        active: account.active,
        first_seen_at: millis(account.first_seen_at),
        last_confirmed_at: millis(account.last_confirmed_at),
        source_digest: None,
        raw_digest: account.raw.clone(),
    })
}

pub(crate) fn to_account(row: Model) -> Result<Account, Error> {
    Ok(Account {
        id: AccountId(row.id),
        user: UserId(row.user_id),
        directory: DirectoryId(row.directory_id),
        external_id: ExternalId(row.external_id),
        attributes: from_json("accounts", &row.attributes)?,
        active: row.active,
        first_seen_at: instant(row.first_seen_at),
        last_confirmed_at: instant(row.last_confirmed_at),
        raw: row.raw_digest,
    })
}

#[derive(sea_orm::FromQueryResult)]
struct OfUser {
    user_id: uuid::Uuid,
}

/// The people who have an account in both directories.
///
/// # Errors
/// Why the database cannot answer.
pub async fn shared(
    reader: &impl Reader,
    one: DirectoryId,
    other: DirectoryId,
) -> Result<Vec<UserId>, Error> {
    let sql = "SELECT DISTINCT a.user_id FROM accounts a JOIN accounts b ON b.user_id = a.user_id \
               WHERE a.directory_id = $1 AND b.directory_id = $2";
    let rows: Vec<OfUser> = sql::all(
        reader,
        sql::ask(reader, sql, [one.0.into(), other.0.into()]),
    )
    .await?;
    Ok(rows.into_iter().map(|row| UserId(row.user_id)).collect())
}

/// The other directories in which people of this one have an account, too.
///
/// # Errors
/// Why the database cannot answer.
pub async fn neighbours(
    reader: &impl Reader,
    directory: DirectoryId,
) -> Result<BTreeSet<DirectoryId>, Error> {
    #[derive(sea_orm::FromQueryResult)]
    struct Found {
        directory_id: uuid::Uuid,
    }
    let sql = "SELECT DISTINCT b.directory_id FROM accounts a JOIN accounts b ON b.user_id = a.user_id \
               WHERE a.directory_id = $1 AND b.directory_id <> $1";
    let rows: Vec<Found> = sql::all(reader, sql::ask(reader, sql, [directory.0.into()])).await?;
    let rows = rows.into_iter();
    Ok(rows.map(|row| DirectoryId(row.directory_id)).collect())
}

/// How many active people have an account in a directory of this kind and neither came in nor were made since.
///
/// # Errors
/// Why the database cannot answer.
pub async fn count_unseen(
    reader: &impl Reader,
    kind: &str,
    since: DateTime<Utc>,
) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM users u WHERE u.state = 'active' AND u.last_sign_in_at < $1 AND u.created_at < $1 \
               AND u.id IN (SELECT a.user_id FROM accounts a JOIN directories d ON d.id = a.directory_id WHERE d.kind = $2)";
    let values = [millis(since).into(), kind.into()];
    Ok(crate::row::count(
        sql::number(reader, sql::ask(reader, sql, values)).await?,
    ))
}
