//! Applications behind a proxy.

use muster_domain::Error;
use muster_domain::application::{Application, Origin, Prefix};
use muster_domain::id::ApplicationId;
use sea_orm::{
    ActiveModelTrait as _, ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder,
};

use crate::entities::applications::{Column, Entity, Model};
use crate::failure::fail;
use crate::reader::sealed::Source as _;
use crate::row::{from_json, instant, json, millis};
use crate::{Reader, Tx};

/// A new one.
///
/// # Errors
/// `DB-020` when there is one at this address.
pub async fn insert(tx: &Tx, application: &Application) -> Result<(), Error> {
    Entity::insert(to_row(application)?.into_active_model())
        .exec_without_returning(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// Writes every column.
///
/// # Errors
/// `WEB-404` when there is no such application, `DB-020` when another one is at this address.
pub async fn update(tx: &Tx, application: &Application) -> Result<(), Error> {
    let mut row = to_row(application)?.into_active_model().reset_all();
    row.id = ActiveValue::NotSet;
    row.created_at = ActiveValue::NotSet;
    let done = Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(application.id.0))
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    if done.rows_affected == 0 {
        return Err(Error::not_found("application"));
    }
    Ok(())
}

/// Removes one. Whether there was one.
///
/// # Errors
/// Why the database refused.
pub async fn remove(tx: &Tx, id: ApplicationId) -> Result<bool, Error> {
    let done = Entity::delete_by_id(id.0)
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    Ok(done.rows_affected > 0)
}

/// One.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get(reader: &impl Reader, id: ApplicationId) -> Result<Option<Application>, Error> {
    let row = Entity::find_by_id(id.0)
        .one(&reader.source())
        .await
        .map_err(fail)?;
    row.map(to_application).transpose()
}

/// All of them, by address.
///
/// # Errors
/// Why the database cannot answer.
pub async fn list(reader: &impl Reader) -> Result<Vec<Application>, Error> {
    let rows = Entity::find()
        .order_by_asc(Column::Origin)
        .order_by_asc(Column::Prefix)
        .all(&reader.source())
        .await
        .map_err(fail)?;
    rows.into_iter().map(to_application).collect()
}

fn to_row(application: &Application) -> Result<Model, Error> {
    Ok(Model {
        id: application.id.0,
        name: application.name.clone(),
        origin: application.origin.as_str().to_owned(),
        prefix: application.prefix.as_str().to_owned(),
        entry: json(&application.entry)?,
        elevated: json(&application.elevated)?,
        created_at: millis(application.created_at),
        updated_at: millis(application.updated_at),
    })
}

fn to_application(row: Model) -> Result<Application, Error> {
    Ok(Application {
        id: ApplicationId(row.id),
        name: row.name,
        origin: Origin::recall(row.origin),
        prefix: Prefix::recall(row.prefix),
        entry: from_json("applications", &row.entry)?,
        elevated: from_json("applications", &row.elevated)?,
        created_at: instant(row.created_at),
        updated_at: instant(row.updated_at),
    })
}
