//! Second factors of people. One that its owner has not confirmed yet is pending: it counts for nothing.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::factor::{Enrolled, Factor, FactorKind};
use muster_domain::id::{FactorId, UserId};
use muster_domain::opener::Openers;
use sea_orm::{EntityTrait, IntoActiveModel};

use crate::entities::factors::{Entity, Model};
use crate::failure::fail;
use crate::reader::sealed::Source as _;
use crate::row::{count, from_openers, from_word, instant, millis, openers, word};
use crate::{Place, Reader, Tx, sql};

const COLUMNS: &str = "id, user_id, kind, name, secret_sealed, counter, created_at, confirmed_at, last_used_at, \
                       credential, bound_to, suspected_at, permitted_by, opened_by";

/// A factor with what it is checked by. Its Debug output leaves the secret out.
#[derive(Clone, PartialEq, Eq)]
pub struct Keyed {
    /// The factor.
    pub factor: Factor,
    /// What it is checked by, sealed for [`place`].
    pub sealed: String,
    /// The last accepted step of an app, or the last number of use a passkey told.
    pub counter: Option<u64>,
    /// The id of a passkey, in base 64 for addresses. No two have the same.
    pub credential: Option<String>,
}

impl std::fmt::Debug for Keyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyed")
            .field("factor", &self.factor)
            .field("counter", &self.counter)
            .finish_non_exhaustive()
    }
}

/// Where a factor's secret is sealed for.
#[must_use]
pub const fn place(id: FactorId) -> Place<'static> {
    Place {
        table: "factors",
        column: "secret_sealed",
        id: id.0,
    }
}

/// Begins one. Whatever of this person was pending before is forgotten.
///
/// # Errors
/// `DB-021` when there is no such user.
pub async fn begin(tx: &Tx, pending: &Keyed) -> Result<(), Error> {
    let factor = &pending.factor;
    let sql = "DELETE FROM factors WHERE user_id = $1 AND confirmed_at IS NULL";
    sql::change(tx, sql::ask(tx, sql, [factor.user.0.into()])).await?;
    insert(tx, pending, None).await
}

/// Adds a passkey. It counts at once: its owner showed it to have it made.
///
/// # Errors
/// `DB-020` when one of this id is known, `DB-021` when there is no such user.
pub async fn add(tx: &Tx, passkey: &Keyed) -> Result<(), Error> {
    insert(tx, passkey, Some(millis(passkey.factor.created_at))).await
}

async fn insert(tx: &Tx, keyed: &Keyed, confirmed_at: Option<i64>) -> Result<(), Error> {
    let factor = &keyed.factor;
    let row = Model {
        id: factor.id.0,
        user_id: factor.user.0,
        kind: word(factor.kind)?,
        name: factor.name.clone(),
        secret_sealed: keyed.sealed.clone(),
        counter: keyed.counter.map(number),
        created_at: millis(factor.created_at),
        confirmed_at,
        last_used_at: None,
        credential: keyed.credential.clone(),
        bound_to: factor.bound_to.clone(),
        suspected_at: factor.suspected_at.map(millis),
        permitted_by: factor.permitted_by.clone(),
        opened_by: openers(&factor.opened_by)?,
    };
    Entity::insert(row.into_active_model())
        .exec_without_returning(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// One that this person began after `since` and has not confirmed.
///
/// # Errors
/// Why the database cannot answer.
pub async fn pending(
    reader: &impl Reader,
    user: UserId,
    id: FactorId,
    since: DateTime<Utc>,
) -> Result<Option<Keyed>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM factors WHERE id = $1 AND user_id = $2 AND confirmed_at IS NULL AND created_at > $3"
    );
    let values = [id.0.into(), user.0.into(), millis(since).into()];
    let row: Option<Model> = sql::one(reader, sql::ask(reader, &sql, values)).await?;
    row.map(to_keyed).transpose()
}

/// Lets one count from now on; the step it was confirmed with is used up. Whether it was pending.
///
/// # Errors
/// Why the database refused.
pub async fn confirm(
    tx: &Tx,
    id: FactorId,
    step: u64,
    (permitted_by, opened_by): (Option<&str>, &Openers),
    at: DateTime<Utc>,
) -> Result<bool, Error> {
    let sql = "UPDATE factors SET confirmed_at = $1, last_used_at = $1, counter = $2, permitted_by = $3, \
               opened_by = $4 WHERE id = $5 AND confirmed_at IS NULL";
    let values = [
        millis(at).into(),
        number(step).into(),
        permitted_by.map(str::to_owned).into(),
        openers(opened_by)?.into(),
        id.0.into(),
    ];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? > 0)
}

/// A person's factors that count, oldest first, with what they are checked by.
///
/// # Errors
/// Why the database cannot answer.
pub async fn keyed(reader: &impl Reader, user: UserId) -> Result<Vec<Keyed>, Error> {
    let sql = format!(
        "SELECT {COLUMNS} FROM factors WHERE user_id = $1 AND confirmed_at IS NOT NULL ORDER BY created_at, id"
    );
    let rows: Vec<Model> = sql::all(reader, sql::ask(reader, &sql, [user.0.into()])).await?;
    rows.into_iter().map(to_keyed).collect()
}

/// A person's factors that count, oldest first.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_user(reader: &impl Reader, user: UserId) -> Result<Vec<Factor>, Error> {
    let keyed = keyed(reader, user).await?;
    Ok(keyed.into_iter().map(|keyed| keyed.factor).collect())
}

/// Whether a person has a factor that counts.
///
/// # Errors
/// Why the database cannot answer.
pub async fn enrolled(reader: &impl Reader, user: UserId) -> Result<Enrolled, Error> {
    let sql = "SELECT COUNT(*) FROM factors WHERE user_id = $1 AND confirmed_at IS NOT NULL";
    let many = sql::number(reader, sql::ask(reader, sql, [user.0.into()])).await?;
    Ok(if many > 0 {
        Enrolled::Yes
    } else {
        Enrolled::No
    })
}

/// Uses a step up. False: it, or a later one, was used before; of two at the same moment one gets `true`.
///
/// # Errors
/// Why the database refused.
pub async fn use_step(tx: &Tx, id: FactorId, step: u64, at: DateTime<Utc>) -> Result<bool, Error> {
    let sql = "UPDATE factors SET counter = $1, last_used_at = $2 \
               WHERE id = $3 AND confirmed_at IS NOT NULL AND (counter IS NULL OR counter < $1)";
    let values = [number(step).into(), millis(at).into(), id.0.into()];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? > 0)
}

/// Writes the use of a passkey down. False: an answer with this number of use, or a later one, was taken before. Passkeys
/// that do not count tell 0 every time.
///
/// # Errors
/// Why the database refused.
pub async fn use_passkey(
    tx: &Tx,
    id: FactorId,
    sealed: &str,
    count: u64,
    at: DateTime<Utc>,
) -> Result<bool, Error> {
    let sql = "UPDATE factors SET counter = $1, secret_sealed = $2, last_used_at = $3 \
               WHERE id = $4 AND confirmed_at IS NOT NULL AND suspected_at IS NULL \
               AND (counter < $1 OR (counter = 0 AND $1 = 0))";
    let values = [
        number(count).into(),
        sealed.into(),
        millis(at).into(),
        id.0.into(),
    ];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? > 0)
}

/// Takes no answer of this passkey any more: there may be a copy of it. Whether it was trusted until now.
///
/// # Errors
/// Why the database refused.
pub async fn suspect(tx: &Tx, id: FactorId, at: DateTime<Utc>) -> Result<bool, Error> {
    let sql = "UPDATE factors SET suspected_at = $1 WHERE id = $2 AND suspected_at IS NULL";
    Ok(sql::change(tx, sql::ask(tx, sql, [millis(at).into(), id.0.into()])).await? > 0)
}

/// How many passkeys there are of which there may be a copy.
///
/// # Errors
/// Why the database cannot answer.
pub async fn suspected(reader: &impl Reader) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM factors WHERE suspected_at IS NOT NULL";
    Ok(count(sql::number(reader, sql::ask(reader, sql, [])).await?))
}

/// How many passkeys answer to this name of the console alone.
///
/// # Errors
/// Why the database cannot answer.
pub async fn bound(reader: &impl Reader, name: &str) -> Result<u64, Error> {
    let sql = "SELECT COUNT(*) FROM factors WHERE bound_to = $1";
    let asked = sql::ask(reader, sql, [name.into()]);
    Ok(count(sql::number(reader, asked).await?))
}

/// Whether a passkey of this id is known, whoever it belongs to.
///
/// # Errors
/// Why the database cannot answer.
pub async fn knows(reader: &impl Reader, credential: &str) -> Result<bool, Error> {
    let sql = "SELECT COUNT(*) FROM factors WHERE credential = $1";
    let asked = sql::ask(reader, sql, [credential.into()]);
    Ok(sql::number(reader, asked).await? > 0)
}

/// Renames one of a person's. Whether there was one.
///
/// # Errors
/// Why the database refused.
pub async fn rename(tx: &Tx, user: UserId, id: FactorId, name: &str) -> Result<bool, Error> {
    let sql =
        "UPDATE factors SET name = $1 WHERE id = $2 AND user_id = $3 AND confirmed_at IS NOT NULL";
    let values = [name.into(), id.0.into(), user.0.into()];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? > 0)
}

/// Removes one of a person's. Whether there was one.
///
/// # Errors
/// Why the database refused.
pub async fn remove(tx: &Tx, user: UserId, id: FactorId) -> Result<bool, Error> {
    let sql = "DELETE FROM factors WHERE id = $1 AND user_id = $2 AND confirmed_at IS NOT NULL";
    Ok(sql::change(tx, sql::ask(tx, sql, [id.0.into(), user.0.into()])).await? > 0)
}

/// Sweeps away what was begun before `before` and never confirmed. How many there were.
///
/// # Errors
/// Why the database refused.
pub async fn sweep(tx: &Tx, before: DateTime<Utc>) -> Result<u64, Error> {
    let sql = "DELETE FROM factors WHERE confirmed_at IS NULL AND created_at <= $1";
    sql::change(tx, sql::ask(tx, sql, [millis(before).into()])).await
}

fn number(step: u64) -> i64 {
    i64::try_from(step).unwrap_or(i64::MAX)
}

fn to_keyed(row: Model) -> Result<Keyed, Error> {
    let kind: FactorKind = from_word("factors", &row.kind)?;
    Ok(Keyed {
        factor: Factor {
            id: FactorId(row.id),
            user: UserId(row.user_id),
            kind,
            name: row.name,
            created_at: instant(row.created_at),
            last_used_at: row.last_used_at.map(instant),
            bound_to: row.bound_to,
            suspected_at: row.suspected_at.map(instant),
            permitted_by: row.permitted_by,
            opened_by: from_openers("factors", row.opened_by.as_deref())?,
        },
        sealed: row.secret_sealed,
        counter: row.counter.and_then(|counter| u64::try_from(counter).ok()),
        credential: row.credential,
    })
}
