//! Password hashes of internal accounts (PHC strings). Other kinds of credentials come beside them.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::credential::Imprint;
use muster_domain::id::UserId;
use muster_domain::opener::Openers;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter, QuerySelect};

use crate::entities::credentials::{Column, Entity, Model};
use crate::failure::fail;
use crate::reader::sealed::Source as _;
use crate::row::{from_openers, instant, millis, openers};
use crate::{Reader, Tx};

const PASSWORD: &str = "password";

/// A stored password hash. Its Debug output leaves the hash out.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    /// The hash with its parameters, as a PHC string.
    pub phc: String,
    /// When it was set.
    pub changed_at: DateTime<Utc>,
    /// Who set it, by name; none: the person whose it is.
    pub set_by: Option<String>,
    /// Who, beside the person whose it is, may know it.
    pub opened_by: Openers,
}

impl Password {
    /// What tells it from every other.
    #[must_use]
    pub fn imprint(&self) -> Imprint {
        Imprint::of(&self.phc)
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Password")
            .field("changed_at", &self.changed_at)
            .finish_non_exhaustive()
    }
}

/// Sets a password, replacing the one before. `set_by` names whoever set it, unless it is the person whose it is,
/// and `opened_by` are all who may know it beside them.
///
/// # Errors
/// `DB-021` when there is no such user.
pub async fn set_password(
    tx: &Tx,
    user: UserId,
    phc: &str,
    set_by: Option<&str>,
    opened_by: &Openers,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let row = Model {
        user_id: user.0,
        kind: PASSWORD.to_owned(),
        secret: phc.to_owned(),
        changed_at: millis(at),
        set_by: set_by.map(str::to_owned),
        opened_by: openers(opened_by)?,
        mailed: None,
    };
    Entity::insert(row.into_active_model())
        .on_conflict(
            OnConflict::columns([Column::UserId, Column::Kind])
                .update_columns([
                    Column::Secret,
                    Column::ChangedAt,
                    Column::SetBy,
                    Column::OpenedBy,
                    Column::Mailed,
                ])
                .to_owned(),
        )
        .exec_without_returning(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// Notes that the password that was set last was set by a link that was mailed.
///
/// # Errors
/// Why the database refused.
pub async fn set_mailed(tx: &Tx, user: UserId) -> Result<(), Error> {
    Entity::update_many()
        .col_expr(Column::Mailed, true.into())
        .filter(Column::UserId.eq(user.0))
        .filter(Column::Kind.eq(PASSWORD))
        .exec(&tx.source())
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
    row.map(|row| {
        Ok(Password {
            opened_by: from_openers("credentials", row.opened_by.as_deref())?,
            phc: row.secret,
            changed_at: instant(row.changed_at),
            set_by: row.set_by,
        })
    })
    .transpose()
}

/// Whether the password that was compared still is that person's. Waits for whoever sets another one right now, and
/// whoever comes later waits for this transaction: so they find, and end, what it made.
///
/// # Errors
/// Why the database cannot answer.
pub async fn is_still(tx: &Tx, user: UserId, compared: &Imprint) -> Result<bool, Error> {
    let row = Entity::find_by_id((user.0, PASSWORD.to_owned()))
        .lock_shared()
        .one(&tx.source())
        .await
        .map_err(fail)?;
    Ok(row.is_some_and(|row| Imprint::of(&row.secret) == *compared))
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
