//! Settings by name, as JSON.

use muster_domain::Error;
use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait, IntoActiveModel};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::entities::settings::{Column, Entity, Model};
use crate::failure::fail;
use crate::reader::sealed::Source as _;
use crate::row::{from_json, json};
use crate::{Reader, Tx, sql};

/// Name of the policies of secure sessions: every request reads them along with its session.
pub const ELEVATION_POLICY: &str = "policy.elevation";

/// A setting's value, if it was set.
///
/// # Errors
/// `DB-011` when the stored value is of another shape; otherwise why the database cannot answer.
pub async fn get<T: DeserializeOwned>(
    reader: &impl Reader,
    name: &str,
) -> Result<Option<T>, Error> {
    let row = Entity::find_by_id(name)
        .one(&reader.source())
        .await
        .map_err(fail)?;
    row.map(|row| from_json("settings", &row.value)).transpose()
}

/// Sets a value.
///
/// # Errors
/// Why the database refused.
pub async fn set<T: Serialize + Sync>(tx: &Tx, name: &str, value: &T) -> Result<(), Error> {
    let row = Model {
        name: name.to_owned(),
        value: json(value)?,
    };
    Entity::insert(row.into_active_model())
        .on_conflict(
            OnConflict::column(Column::Name)
                .update_column(Column::Value)
                .to_owned(),
        )
        .exec_without_returning(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// Sets a value if there is none. Of two at the same moment one gets `true`; the other waits for it, and gets
/// `false` when it committed.
///
/// # Errors
/// Why the database refused.
pub async fn claim<T: Serialize + Sync>(tx: &Tx, name: &str, value: &T) -> Result<bool, Error> {
    let sql = "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    let values = [name.into(), json(value)?.into()];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? > 0)
}

/// Forgets a setting. Whether there was one.
///
/// # Errors
/// Why the database refused.
pub async fn remove(tx: &Tx, name: &str) -> Result<bool, Error> {
    let done = Entity::delete_by_id(name)
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    Ok(done.rows_affected > 0)
}
