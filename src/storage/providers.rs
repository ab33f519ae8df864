//! Identity providers as they are configured. The client secret is stored sealed, and read apart.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::calibration::Calibration;
use muster_domain::id::{DirectoryId, ProviderId};
use muster_domain::provider::Provider;
use sea_orm::{ActiveValue, ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QueryOrder};

use crate::entities::identity_providers::{ActiveModel, Column, Entity, Model};
use crate::failure::fail;
use crate::reader::sealed::Source as _;
use crate::row::{from_json, from_word, instant, json, millis, word};
use crate::{Reader, Tx};

/// A new provider, with its sealed secret if it has one. `secret_is_set` of `provider` is not looked at.
///
/// # Errors
/// `IDP-001` when the short name is taken.
pub async fn insert(
    tx: &Tx,
    provider: &Provider,
    secret_sealed: Option<String>,
) -> Result<(), Error> {
    let mut row = to_row(provider)?;
    row.secret_sealed = secret_sealed;
    let inserted = Entity::insert(row.into_active_model());
    inserted
        .exec_without_returning(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// Writes every column but the secret and the calibration.
///
/// # Errors
/// `WEB-404` when there is no such provider, `IDP-001` when the new short name is taken.
pub async fn update(tx: &Tx, provider: &Provider) -> Result<(), Error> {
    let mut row = sea_orm::ActiveModelTrait::reset_all(to_row(provider)?.into_active_model());
    row.id = ActiveValue::NotSet;
    row.secret_sealed = ActiveValue::NotSet;
    row.calibration = ActiveValue::NotSet;
    write(tx, provider.id, row).await
}

/// Opens or closes a provider for sign-in.
///
/// # Errors
/// `WEB-404` when there is no such provider.
pub async fn set_enabled(
    tx: &Tx,
    id: ProviderId,
    enabled: bool,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let row = ActiveModel {
        enabled: ActiveValue::Set(enabled),
        updated_at: ActiveValue::Set(millis(at)),
        ..ActiveModel::default()
    };
    write(tx, id, row).await
}

/// Keeps what a control probe showed.
///
/// # Errors
/// `WEB-404` when there is no such provider.
pub async fn set_calibration(
    tx: &Tx,
    id: ProviderId,
    calibration: &Calibration,
) -> Result<(), Error> {
    let row = ActiveModel {
        calibration: ActiveValue::Set(json(calibration)?),
        ..ActiveModel::default()
    };
    write(tx, id, row).await
}

/// Stores a sealed secret, or none.
///
/// # Errors
/// `WEB-404` when there is no such provider.
pub async fn set_secret(
    tx: &Tx,
    id: ProviderId,
    secret_sealed: Option<String>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let row = ActiveModel {
        secret_sealed: ActiveValue::Set(secret_sealed),
        updated_at: ActiveValue::Set(millis(at)),
        ..ActiveModel::default()
    };
    write(tx, id, row).await
}

/// The sealed secret, if one is stored.
///
/// # Errors
/// Why the database cannot answer.
pub async fn secret(reader: &impl Reader, id: ProviderId) -> Result<Option<String>, Error> {
    let row = Entity::find_by_id(id.0)
        .one(&reader.source())
        .await
        .map_err(fail)?;
    Ok(row.and_then(|row| row.secret_sealed))
}

/// One provider.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get(reader: &impl Reader, id: ProviderId) -> Result<Option<Provider>, Error> {
    let row = Entity::find_by_id(id.0)
        .one(&reader.source())
        .await
        .map_err(fail)?;
    row.map(to_provider).transpose()
}

/// The provider of this short name.
///
/// # Errors
/// Why the database cannot answer.
pub async fn by_slug(reader: &impl Reader, slug: &str) -> Result<Option<Provider>, Error> {
    let row = Entity::find()
        .filter(Column::Slug.eq(slug))
        .one(&reader.source())
        .await
        .map_err(fail)?;
    row.map(to_provider).transpose()
}

/// Every provider, oldest first.
///
/// # Errors
/// Why the database cannot answer.
pub async fn list(reader: &impl Reader) -> Result<Vec<Provider>, Error> {
    let rows = Entity::find()
        .order_by_asc(Column::CreatedAt)
        .order_by_asc(Column::Id)
        .all(&reader.source())
        .await
        .map_err(fail)?;
    rows.into_iter().map(to_provider).collect()
}

/// Removes a provider with the identities, test links and open round trips at it. What was recorded stays.
///
/// # Errors
/// `WEB-404` when there is no such provider.
pub async fn delete(tx: &Tx, id: ProviderId) -> Result<(), Error> {
    let done = Entity::delete_by_id(id.0)
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    if done.rows_affected == 0 {
        return Err(Error::not_found("identity provider"));
    }
    Ok(())
}

async fn write(tx: &Tx, id: ProviderId, row: ActiveModel) -> Result<(), Error> {
    let done = Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(id.0))
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    if done.rows_affected == 0 {
        return Err(Error::not_found("identity provider"));
    }
    Ok(())
}

fn to_row(provider: &Provider) -> Result<Model, Error> {
    Ok(Model {
        id: provider.id.0,
        slug: provider.slug.clone(),
        name: provider.name.clone(),
        vendor: word(provider.vendor)?,
        kind: provider.kind.clone(),
        enabled: provider.enabled,
        settings: json(&provider.settings)?,
        secret_sealed: None,
        directory_id: provider.directory.0,
        domains: json(&provider.domains)?,
        jit: json(&provider.jit)?,
        calibration: json(&provider.calibration)?,
        created_at: millis(provider.created_at),
        updated_at: millis(provider.updated_at),
    })
}

fn to_provider(row: Model) -> Result<Provider, Error> {
    const TABLE: &str = "identity_providers";
    Ok(Provider {
        id: ProviderId(row.id),
        slug: row.slug,
        name: row.name,
        vendor: from_word(TABLE, &row.vendor)?,
        kind: row.kind,
        enabled: row.enabled,
        settings: from_json(TABLE, &row.settings)?,
        secret_is_set: row.secret_sealed.is_some(),
        directory: DirectoryId(row.directory_id),
        domains: from_json(TABLE, &row.domains)?,
        jit: from_json(TABLE, &row.jit)?,
        calibration: from_json(TABLE, &row.calibration)?,
        created_at: instant(row.created_at),
        updated_at: instant(row.updated_at),
    })
}
