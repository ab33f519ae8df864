//! Questions to passkeys that wait for their answer: each is bound to a person, a browser session and what it is for, and
//! is taken once.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::{CeremonyId, UserId};
use muster_domain::session::SessionKey;
use sea_orm::FromQueryResult;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::row::{from_word, instant, millis, word};
use crate::{Place, Reader, Tx, sql};

/// What a passkey is asked for. An answer counts for nothing else.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// To be added.
    Add,
    /// For the second step of a sign-in.
    SignIn,
    /// To start a secure session, alone or beside a password.
    Elevate,
    /// To confirm an answer of a provider that proved nothing.
    Confirm,
}

/// One question. Its Debug output leaves the sealed state out.
#[derive(Clone, PartialEq, Eq)]
pub struct Ceremony {
    /// Its id.
    pub id: CeremonyId,
    /// Whose passkey is asked.
    pub user: UserId,
    /// The browser session that asks.
    pub session: SessionKey,
    /// What for.
    pub purpose: Purpose,
    /// What the owner calls the passkey that is to be added; empty otherwise.
    pub name: String,
    /// What the answer is checked against, sealed for [`place`].
    pub sealed: String,
    /// When it was asked.
    pub begun_at: DateTime<Utc>,
}

impl std::fmt::Debug for Ceremony {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ceremony")
            .field("id", &self.id)
            .field("user", &self.user)
            .field("purpose", &self.purpose)
            .finish_non_exhaustive()
    }
}

/// Where the state of a question is sealed for.
#[must_use]
pub const fn place(id: CeremonyId) -> Place<'static> {
    Place {
        table: "ceremonies",
        column: "state_sealed",
        id: id.0,
    }
}

/// Asks. What this browser session asked before for the same purpose is forgotten.
///
/// # Errors
/// `DB-021` when there is no such user.
pub async fn begin(tx: &Tx, asked: &Ceremony) -> Result<(), Error> {
    let purpose = word(asked.purpose)?;
    let sql = "DELETE FROM ceremonies WHERE session_key = $1 AND purpose = $2";
    let values = [asked.session.0.as_str().into(), purpose.as_str().into()];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    let sql = "INSERT INTO ceremonies (id, user_id, session_key, purpose, name, state_sealed, begun_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values = [
        asked.id.0.into(),
        asked.user.0.into(),
        asked.session.0.as_str().into(),
        purpose.into(),
        asked.name.as_str().into(),
        asked.sealed.as_str().into(),
        millis(asked.begun_at).into(),
    ];
    sql::change(tx, sql::ask(tx, sql, values)).await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    user_id: Uuid,
    session_key: String,
    purpose: String,
    name: String,
    state_sealed: String,
    begun_at: i64,
}

/// Looks at a question that this browser session asked this person's passkey for this purpose, after `since`.
///
/// # Errors
/// Why the database cannot answer.
pub async fn find(
    reader: &impl Reader,
    id: CeremonyId,
    (user, session, purpose): (UserId, &SessionKey, Purpose),
    since: DateTime<Utc>,
) -> Result<Option<Ceremony>, Error> {
    let sql = "SELECT id, user_id, session_key, purpose, name, state_sealed, begun_at FROM ceremonies \
               WHERE id = $1 AND user_id = $2 AND session_key = $3 AND purpose = $4 AND begun_at > $5";
    let values = [
        id.0.into(),
        user.0.into(),
        session.0.as_str().into(),
        word(purpose)?.into(),
        millis(since).into(),
    ];
    let row: Option<Row> = sql::one(reader, sql::ask(reader, sql, values)).await?;
    row.map(|row| {
        Ok(Ceremony {
            id: CeremonyId(row.id),
            user: UserId(row.user_id),
            session: SessionKey(row.session_key),
            purpose: from_word("ceremonies", &row.purpose)?,
            name: row.name,
            sealed: row.state_sealed,
            begun_at: instant(row.begun_at),
        })
    })
    .transpose()
}

/// Uses a question up. False: it was before; of two at the same moment one gets `true`.
///
/// # Errors
/// Why the database refused.
pub async fn use_up(tx: &Tx, id: CeremonyId) -> Result<bool, Error> {
    let sql = "DELETE FROM ceremonies WHERE id = $1";
    Ok(sql::change(tx, sql::ask(tx, sql, [id.0.into()])).await? > 0)
}

/// Sweeps away what was asked before `before`. How many there were.
///
/// # Errors
/// Why the database refused.
pub async fn sweep(tx: &Tx, before: DateTime<Utc>) -> Result<u64, Error> {
    let sql = "DELETE FROM ceremonies WHERE begun_at <= $1";
    sql::change(tx, sql::ask(tx, sql, [millis(before).into()])).await
}
