//! Directories, in their order: the first that states an attribute wins. Those that were removed are in
//! [`crate::removed_directories`]; here [`ever`] alone finds them.

use chrono::{DateTime, Utc};
use muster_domain::id::DirectoryId;
use muster_domain::settings::Values;
use muster_domain::{Error, name};
use sea_orm::{
    ActiveModelTrait as _, ActiveValue, ColumnTrait, ConnectionTrait as _, DbBackend, EntityTrait,
    IntoActiveModel, QueryFilter, QueryOrder,
};

use crate::entities::directories::{ActiveModel, Column, Entity, Model};
use crate::failure::fail;
use crate::reader::sealed::Source as _;
use crate::row::{from_json, instant, json, millis};
use crate::{Reader, Tx, sql};

/// One directory.
#[derive(Clone, PartialEq, Debug)]
pub struct Directory {
    /// Its id.
    pub id: DirectoryId,
    /// The name people read; unique after [`name::key`].
    pub name: String,
    /// `internal`, `jit`, and later `ldap`, `crowd`, a connector's kind, `scim`.
    pub kind: String,
    /// Its place in the order, the first lowest.
    pub position: i64,
    /// Whether it is asked at all.
    pub enabled: bool,
    /// Values of its kind's settings schema, without secrets.
    pub settings: Values,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When anything of it last changed.
    pub updated_at: DateTime<Utc>,
}

/// A new directory.
///
/// # Errors
/// `DIR-001` when the name is taken.
pub async fn insert(tx: &Tx, directory: &Directory) -> Result<(), Error> {
    let inserted = Entity::insert(to_row(directory)?.into_active_model());
    inserted
        .exec_without_returning(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// Writes every column but the secret and the place in the order, which [`set_position`] alone writes.
///
/// # Errors
/// `WEB-404` when there is no such directory, or no more, `DIR-001` when the new name is taken.
pub async fn update(tx: &Tx, directory: &Directory) -> Result<(), Error> {
    let mut row = to_row(directory)?.into_active_model().reset_all();
    row.id = ActiveValue::NotSet;
    row.secret_sealed = ActiveValue::NotSet;
    row.position = ActiveValue::NotSet;
    row.removed_at = ActiveValue::NotSet;
    let done = Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(directory.id.0))
        .filter(Column::RemovedAt.is_null())
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    if done.rows_affected == 0 {
        return Err(Error::not_found("directory"));
    }
    Ok(())
}

/// Writes the place of a directory in the order, and nothing else of it.
///
/// # Errors
/// Why the database refused.
pub async fn set_position(
    tx: &Tx,
    id: DirectoryId,
    position: i64,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let row = ActiveModel {
        position: ActiveValue::Set(position),
        updated_at: ActiveValue::Set(millis(at)),
        ..Default::default()
    };
    Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(id.0))
        .filter(Column::RemovedAt.is_null())
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// Waits until no other transaction that called this is under way: whoever changes the order sees the one that is. SQLite
/// has one writer anyway. Call it before anything is read.
///
/// # Errors
/// Why the database cannot serve now.
pub async fn take_turns(tx: &Tx) -> Result<(), Error> {
    /// Any number that no other lock of this database uses: "order" in ASCII.
    const TURN: i64 = 0x6f_72_64_65_72;
    if tx.source().get_database_backend() == DbBackend::Postgres {
        let sql = "SELECT pg_advisory_xact_lock($1)";
        sql::change(tx, sql::ask(tx, sql, [TURN.into()])).await?;
    }
    Ok(())
}

/// Stores a sealed secret, or none.
///
/// # Errors
/// Why the database refused.
pub async fn set_secret(
    tx: &Tx,
    id: DirectoryId,
    secret_sealed: Option<String>,
) -> Result<(), Error> {
    let row = ActiveModel {
        secret_sealed: ActiveValue::Set(secret_sealed),
        ..Default::default()
    };
    Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(id.0))
        .filter(Column::RemovedAt.is_null())
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// The sealed secret, if one is stored.
///
/// # Errors
/// Why the database cannot answer.
pub async fn secret(reader: &impl Reader, id: DirectoryId) -> Result<Option<String>, Error> {
    let row = Entity::find_by_id(id.0)
        .one(&reader.source())
        .await
        .map_err(fail)?;
    Ok(row.and_then(|row| row.secret_sealed))
}

/// One directory.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get(reader: &impl Reader, id: DirectoryId) -> Result<Option<Directory>, Error> {
    let row = Entity::find_by_id(id.0)
        .filter(Column::RemovedAt.is_null())
        .one(&reader.source())
        .await
        .map_err(fail)?;
    row.map(to_directory).transpose()
}

/// One directory, also one that was removed: its plans, its runs and what goes on record of them name it.
///
/// # Errors
/// Why the database cannot answer.
pub async fn ever(reader: &impl Reader, id: DirectoryId) -> Result<Option<Directory>, Error> {
    let row = Entity::find_by_id(id.0)
        .one(&reader.source())
        .await
        .map_err(fail)?;
    row.map(to_directory).transpose()
}

/// The directory of this name, compared by [`name::key`].
///
/// # Errors
/// Why the database cannot answer.
pub async fn by_name(reader: &impl Reader, wanted: &str) -> Result<Option<Directory>, Error> {
    let row = Entity::find()
        .filter(Column::NameKey.eq(name::key(wanted)))
        .filter(Column::RemovedAt.is_null())
        .one(&reader.source())
        .await
        .map_err(fail)?;
    row.map(to_directory).transpose()
}

/// Every directory, in order.
///
/// # Errors
/// Why the database cannot answer.
pub async fn list(reader: &impl Reader) -> Result<Vec<Directory>, Error> {
    let rows = Entity::find()
        .filter(Column::RemovedAt.is_null())
        .order_by_asc(Column::Position)
        .order_by_asc(Column::Id)
        .all(&reader.source())
        .await
        .map_err(fail)?;
    rows.into_iter().map(to_directory).collect()
}

fn to_row(directory: &Directory) -> Result<Model, Error> {
    Ok(Model {
        id: directory.id.0,
        name: directory.name.clone(),
        name_key: name::key(&directory.name),
        kind: directory.kind.clone(),
        position: directory.position,
        enabled: directory.enabled,
        settings: json(&directory.settings)?,
        secret_sealed: None,
        created_at: millis(directory.created_at),
        updated_at: millis(directory.updated_at),
        removed_at: None,
    })
}

fn to_directory(row: Model) -> Result<Directory, Error> {
    Ok(Directory {
        id: DirectoryId(row.id),
        name: row.name,
        kind: row.kind,
        position: row.position,
        enabled: row.enabled,
        settings: from_json("directories", &row.settings)?,
        created_at: instant(row.created_at),
        updated_at: instant(row.updated_at),
    })
}
