//! Password hashes of internal accounts (PHC strings). Other kinds of credentials come beside them.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::UserId;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};

use crate::entities::credentials::{Column, Entity, Model};
use crate::failure::fail;
use crate::reader::sealed::Source as _;
use crate::row::{instant, millis};
use crate::sql::BATCH;
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
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Password")
            .field("changed_at", &self.changed_at)
            .finish_non_exhaustive()
    }
}

/// Sets a password, replacing the one before. `set_by` names whoever set it, unless it is the person whose it is.
///
/// # Errors
/// `DB-021` when there is no such user.
pub async fn set_password(
    tx: &Tx,
    user: UserId,
    phc: &str,
    set_by: Option<&str>,
    at: DateTime<Utc>,
) -> Result<(), Error> {
    let row = Model {
        user_id: user.0,
        kind: PASSWORD.to_owned(),
        secret: phc.to_owned(),
        changed_at: millis(at),
        set_by: set_by.map(str::to_owned),
    };
    Entity::insert(row.into_active_model())
        .on_conflict(
            OnConflict::columns([Column::UserId, Column::Kind])
                .update_columns([Column::Secret, Column::ChangedAt, Column::SetBy])
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
        set_by: row.set_by,
    }))
}

/// Which of these people have a password that somebody else set, and who that was.
///
/// # Errors
/// Why the database cannot answer.
pub async fn set_by_others(
    reader: &impl Reader,
    users: &[UserId],
) -> Result<Vec<(UserId, String)>, Error> {
    let mut found = Vec::new();
    for some in users.chunks(BATCH) {
        let rows = Entity::find()
            .filter(Column::UserId.is_in(some.iter().map(|id| id.0)))
            .filter(Column::SetBy.is_not_null())
            .all(&reader.source())
            .await
            .map_err(fail)?;
        let rows = rows.into_iter();
        found.extend(rows.filter_map(|row| Some((UserId(row.user_id), row.set_by?))));
    }
    Ok(found)
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
