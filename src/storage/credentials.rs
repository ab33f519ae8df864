//! Password hashes of internal accounts (PHC strings). Other kinds of credentials come beside them.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::UserId;
use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait, IntoActiveModel};

use crate::entities::credentials::{Column, Entity, Model};
use crate::failure::fail;
use crate::reader::sealed::Source as _;
use crate::row::{instant, millis};
use crate::{Reader, Tx};

const PASSWORD: &str = "password";

/// A stored password hash. Its Debug output leaves the hash out.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    /// The hash with its parameters, as a PHC string.
    pub phc: String,
    /// When it was set.
    pub changed_at: DateTime<Utc>,
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Password")
            .field("changed_at", &self.changed_at)
            .finish_non_exhaustive()
    }
}

/// Sets a password, replacing the one before.
///
/// # Errors
/// `DB-021` when there is no such user.
pub async fn set_password(
    tx: &Tx,
    user: UserId,
    phc: &str,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let row = Model {
        user_id: user.0,
        kind: PASSWORD.to_owned(),
        secret: phc.to_owned(),
        changed_at: millis(at),
    };
    Entity::insert(row.into_active_model())
        .on_conflict(
            OnConflict::columns([Column::UserId, Column::Kind])
                .update_columns([Column::Secret, Column::ChangedAt])
                .to_owned(),
        )
        .exec_without_returning(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// A person's password hash, if they have one here.
///
/// # Errors
/// Why the database cannot answer.
pub async fn password(reader: &impl Reader, user: UserId) -> Result<Option<Password>, Error> {
    let row = Entity::find_by_id((user.0, PASSWORD.to_owned()))
        .one(&reader.source())
        .await
        .map_err(fail)?;
    Ok(row.map(|row| Password {
        phc: row.secret,
        changed_at: instant(row.changed_at),
    }))
}

/// Takes a person's password away. Whether there was one.
///
/// # Errors
/// Why the database refused.
pub async fn remove_password(tx: &Tx, user: UserId) -> Result<bool, Error> {
    let done = Entity::delete_by_id((user.0, PASSWORD.to_owned()))
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    Ok(done.rows_affected > 0)
}
