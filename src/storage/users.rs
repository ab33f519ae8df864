//! People: one row each, with the keys they are found and sorted by.

use chrono::{DateTime, Utc};
use muster_domain::id::UserId;
use muster_domain::name;
use muster_domain::opener::Openers;
use muster_domain::user::{Deactivation, State, User};
use muster_domain::{Error, Kind};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait, EntityTrait, FromQueryResult, IntoActiveModel, QueryFilter,
};

use crate::entities::users::{ActiveModel, Column, Entity, Model};
use crate::failure::fail;
use crate::reader::sealed::Source as _;
use crate::row::{from_json, from_openers, instant, json, millis, openers};
use crate::sql::{self, BATCH};
use crate::{Reader, Tx};

pub use crate::user_list::{
    GroupReach, Shown, UserFilter, UserRow, UserSort, count, ids, list, show,
};

pub(crate) const ACTIVE: &str = "active";
pub(crate) const DEACTIVATED: &str = "deactivated";

/// A new user.
///
/// # Errors
/// `USR-001` when the username is taken.
pub async fn insert(tx: &Tx, user: &User) -> Result<(), Error> {
    insert_many(tx, std::slice::from_ref(user)).await
}

/// Many new users at once.
///
/// # Errors
/// `USR-001` when a username is taken; none is inserted then.
pub async fn insert_many(tx: &Tx, users: &[User]) -> Result<(), Error> {
    // 14 columns a row.
    for some in users.chunks(BATCH / 14) {
        let rows = some
            .iter()
            .map(|user| Ok(to_row(user)?.into_active_model()))
            .collect::<Result<Vec<ActiveModel>, Error>>()?;
        Entity::insert_many(rows)
            .exec_without_returning(&tx.source())
            .await
            .map_err(fail)?;
        for user in some {
            tx.count(counter(&user.state), 1);
        }
    }
    Ok(())
}

/// One user.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get(reader: &impl Reader, id: UserId) -> Result<Option<User>, Error> {
    let row = Entity::find_by_id(id.0)
        .one(&reader.source())
        .await
        .map_err(fail)?;
    row.map(to_user).transpose()
}

/// How many of these users there are; each is given once.
///
/// # Errors
/// Why the database cannot answer.
pub async fn count_of(reader: &impl Reader, wanted: &[UserId]) -> Result<usize, Error> {
    sql::count_of(reader, "users", wanted.iter().map(|id| id.0)).await
}

/// Several users, in no order; those that are gone are left out.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get_many(reader: &impl Reader, wanted: &[UserId]) -> Result<Vec<User>, Error> {
    let mut users = Vec::with_capacity(wanted.len());
    for some in wanted.chunks(BATCH) {
        let rows = Entity::find()
            .filter(Column::Id.is_in(some.iter().map(|id| id.0)))
            .all(&reader.source())
            .await
            .map_err(fail)?;
        for row in rows {
            users.push(to_user(row)?);
        }
    }
    Ok(users)
}

/// The user with this username, compared by [`name::key`].
///
/// # Errors
/// Why the database cannot answer.
pub async fn by_username(reader: &impl Reader, username: &str) -> Result<Option<User>, Error> {
    let row = Entity::find()
        .filter(Column::UsernameKey.eq(name::key(username)))
        .one(&reader.source())
        .await
        .map_err(fail)?;
    row.map(to_user).transpose()
}

/// The users of these usernames, given as [`name::key`]s, in no order; names without a user are left out.
///
/// # Errors
/// Why the database cannot answer.
pub async fn by_keys(reader: &impl Reader, keys: &[String]) -> Result<Vec<User>, Error> {
    let mut users = Vec::new();
    for some in keys.chunks(BATCH) {
        let rows = Entity::find()
            .filter(Column::UsernameKey.is_in(some.iter().map(String::as_str)))
            .all(&reader.source())
            .await
            .map_err(fail)?;
        for row in rows {
            users.push(to_user(row)?);
        }
    }
    Ok(users)
}

/// Those who state this e-mail address: several may.
///
/// # Errors
/// Why the database cannot answer.
pub async fn by_email(reader: &impl Reader, email: &str) -> Result<Vec<User>, Error> {
    let rows = Entity::find()
        .filter(Column::EmailKey.eq(name::key(email)))
        .all(&reader.source())
        .await
        .map_err(fail)?;
    rows.into_iter().map(to_user).collect()
}

/// Writes what accounts state of a user: who they are called, and their address. What else is written of them meanwhile stays.
///
/// # Errors
/// `WEB-404` when there is no such user, `USR-001` when the new username is taken.
pub async fn follow(tx: &Tx, user: &User) -> Result<(), Error> {
    let mut row = to_row(user)?.into_active_model().reset_all();
    row.id = sea_orm::ActiveValue::NotSet;
    row.state = sea_orm::ActiveValue::NotSet;
    row.deactivation = sea_orm::ActiveValue::NotSet;
    row.break_glass = sea_orm::ActiveValue::NotSet;
    row.last_sign_in_at = sea_orm::ActiveValue::NotSet;
    row.created_at = sea_orm::ActiveValue::NotSet;
    written(tx, user.id, row).await
}

/// Writes every column of a user but the state, which [`set_state`] changes.
///
/// # Errors
/// `WEB-404` when there is no such user, `USR-001` when the new username is taken.
pub async fn update(tx: &Tx, user: &User) -> Result<(), Error> {
    let mut row = to_row(user)?.into_active_model().reset_all();
    row.id = sea_orm::ActiveValue::NotSet;
    row.state = sea_orm::ActiveValue::NotSet;
    row.deactivation = sea_orm::ActiveValue::NotSet;
    written(tx, user.id, row).await
}

async fn written(tx: &Tx, id: UserId, row: ActiveModel) -> Result<(), Error> {
    let done = Entity::update_many()
        .set(row)
        .filter(Column::Id.eq(id.0))
        .exec(&tx.source())
        .await
        .map_err(fail)?;
    changed(done.rows_affected)
}

/// Lets a person in again, or keeps them out.
///
/// # Errors
/// `WEB-404` when there is no such user.
pub async fn set_state(tx: &Tx, id: UserId, state: &State, at: DateTime<Utc>) -> Result<(), Error> {
    let Some(before) = get(tx, id).await? else {
        return Err(Error::not_found("user"));
    };
    let (word, deactivation) = state_columns(state)?;
    let sql = "UPDATE users SET state = $1, deactivation = $2, updated_at = $3 WHERE id = $4";
    let values = [
        word.into(),
        deactivation.into(),
        millis(at).into(),
        id.0.into(),
    ];
    changed(sql::change(tx, sql::ask(tx, sql, values)).await?)?;
    tx.count(counter(&before.state), -1);
    tx.count(counter(state), 1);
    Ok(())
}

#[derive(FromQueryResult)]
struct Entered {
    email_opened_by: Option<String>,
}

/// Who, beside the person, could read what is mailed to the address that was entered for them here.
///
/// # Errors
/// Why the database cannot answer.
pub async fn email_opened_by(reader: &impl Reader, id: UserId) -> Result<Openers, Error> {
    let sql = "SELECT email_opened_by FROM users WHERE id = $1";
    let row: Option<Entered> = sql::one(reader, sql::ask(reader, sql, [id.0.into()])).await?;
    from_openers("users", row.and_then(|row| row.email_opened_by).as_deref())
}

/// Keeps who could. No other change of a person touches it.
///
/// # Errors
/// `WEB-404` when there is no such user.
pub async fn set_email_opened_by(tx: &Tx, id: UserId, by: &Openers) -> Result<(), Error> {
    let sql = "UPDATE users SET email_opened_by = $1 WHERE id = $2";
    let values = [openers(by)?.into(), id.0.into()];
    changed(sql::change(tx, sql::ask(tx, sql, values)).await?)
}

/// Notes a sign-in.
///
/// # Errors
/// Why the database refused.
pub async fn touch_sign_in(tx: &Tx, id: UserId, at: DateTime<Utc>) -> Result<(), Error> {
    let sql = "UPDATE users SET last_sign_in_at = $1 WHERE id = $2";
    sql::change(tx, sql::ask(tx, sql, [millis(at).into(), id.0.into()])).await?;
    Ok(())
}

/// Removes a user with their accounts, identities, credentials, memberships, roles and sessions.
///
/// # Errors
/// `WEB-404` when there is no such user.
pub async fn delete(tx: &Tx, id: UserId) -> Result<(), Error> {
    let Some(user) = get(tx, id).await? else {
        return Err(Error::not_found("user"));
    };
    for sql in [
        "DELETE FROM memberships WHERE member_kind = 'user' AND member_id = $1",
        "DELETE FROM role_assignments WHERE principal_kind = 'user' AND principal_id = $1",
        "DELETE FROM sessions WHERE user_id = $1",
        "DELETE FROM elevations WHERE user_id = $1",
        "DELETE FROM users WHERE id = $1",
    ] {
        sql::change(tx, sql::ask(tx, sql, [id.0.into()])).await?;
    }
    tx.count(counter(&user.state), -1);
    Ok(())
}

fn changed(rows: u64) -> Result<(), Error> {
    if rows == 0 {
        return Err(Error::not_found("user"));
    }
    Ok(())
}

fn counter(state: &State) -> &'static str {
    match state {
        State::Active => "users_active",
        State::Deactivated(_) => "users_deactivated",
    }
}

fn state_columns(state: &State) -> Result<(&'static str, Option<String>), Error> {
    Ok(match state {
        State::Active => (ACTIVE, None),
        State::Deactivated(by) => (DEACTIVATED, Some(json(by)?)),
    })
}

/// What a search looks through: a line each for username, name and e-mail, folded as [`name::key`] folds.
fn search_text(user: &User) -> String {
    let email = user.email.as_deref().unwrap_or_default();
    [&user.username, &user.display_name, email]
        .map(name::key)
        .join("\n")
}

pub(crate) fn to_row(user: &User) -> Result<Model, Error> {
    let (state, deactivation) = state_columns(&user.state)?;
    let sort_key = match name::key(&user.display_name) {
        none if none.is_empty() => name::key(&user.username),
        key => key,
    };
    Ok(Model {
        id: user.id.0,
        username: user.username.clone(),
        username_key: name::key(&user.username),
        display_name: user.display_name.clone(),
        sort_key,
        email: user.email.clone(),
        email_key: user.email.as_deref().map(name::key).unwrap_or_default(),
        state: state.to_owned(),
        deactivation,
        break_glass: user.break_glass,
        search: search_text(user),
        created_at: millis(user.created_at),
        updated_at: millis(user.updated_at),
        last_sign_in_at: user.last_sign_in_at.map_or(0, millis),
    })
}

pub(crate) fn to_user(row: Model) -> Result<User, Error> {
    Ok(User {
        id: UserId(row.id),
        username: row.username,
        display_name: row.display_name,
        email: row.email,
        state: read_state(&row.state, row.deactivation.as_deref())?,
        break_glass: row.break_glass,
        created_at: instant(row.created_at),
        updated_at: instant(row.updated_at),
        last_sign_in_at: (row.last_sign_in_at != 0).then(|| instant(row.last_sign_in_at)),
    })
}

/// Reads a state; anything but `active` keeps the person out, whatever else cannot be read.
pub(crate) fn read_state(state: &str, deactivation: Option<&str>) -> Result<State, Error> {
    if state == ACTIVE {
        return Ok(State::Active);
    }
    let by: Deactivation = from_json("users", deactivation.unwrap_or("null"))?;
    Ok(State::Deactivated(by))
}

/// The error of a username that is taken, for callers that look before they write.
#[must_use]
pub fn username_taken() -> Error {
    Error::new("USR-001", Kind::Conflict, "This username is taken.")
        .field("username", "This username is taken. Choose another one.")
}
