//! Round trips to providers that are under way. Each answer is taken once.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::{ChallengeId, ProviderId, TestLinkId, UserId};
use muster_domain::reauth::Sent;
use muster_domain::session::SessionKey;
use sea_orm::{ColumnTrait, EntityTrait, IntoActiveModel, QueryFilter};
use serde::{Deserialize, Serialize};

use crate::entities::challenges::{Column, Entity, Model};
use crate::failure::fail;
use crate::reader::sealed::Source as _;
use crate::row::{from_json, from_word, instant, json, millis, word};
use crate::{Db, Quiet, Reader, Tx, sql};

/// What a round trip is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChallengeKind {
    /// Signing in.
    SignIn,
    /// Testing a sign-in: makes no session and no user.
    Test,
    /// Linking an identity to the signed-in person.
    Link,
    /// Proving presence.
    Reauth,
}

/// Which step of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nothing is forced.
    Plain,
    /// The control probe: no interaction wanted.
    Control,
    /// A new sign-in is forced.
    Force,
}

/// One round trip as it is remembered. Nonce and verifier are sealed; the state is kept as its hash alone.
#[derive(Clone, PartialEq, Debug)]
pub struct PendingChallenge {
    /// Its id.
    pub id: ChallengeId,
    /// SHA-256 of the state, in hexadecimal.
    pub state_hash: String,
    /// What it is for.
    pub kind: ChallengeKind,
    /// Which step of it.
    pub stage: Stage,
    /// The provider that was asked.
    pub provider: ProviderId,
    /// The browser session that asked.
    pub session: SessionKey,
    /// The signed-in person, if one was.
    pub user: Option<UserId>,
    /// The nonce, sealed.
    pub nonce_sealed: String,
    /// The PKCE verifier, sealed.
    pub verifier_sealed: String,
    /// What was sent to force.
    pub sent: Sent,
    /// Whatever else the service that asked wants back.
    pub context: serde_json::Value,
    /// Where to go afterwards.
    pub return_to: String,
    /// The action that asked for presence, to be resumed.
    pub action: Option<String>,
    /// The test link it was begun by.
    pub test_link: Option<TestLinkId>,
    /// When it was begun.
    pub created_at: DateTime<Utc>,
    /// When the browser was sent away.
    pub asked_at: DateTime<Utc>,
    /// When it is no longer answered.
    pub expires_at: DateTime<Utc>,
    /// When its answer was taken.
    pub consumed_at: Option<DateTime<Utc>>,
}

/// What came of taking an answer.
#[derive(Clone, PartialEq, Debug)]
#[must_use]
pub enum Taken {
    /// It was waiting; nobody else will get it.
    Yes(Box<PendingChallenge>),
    /// It waits, but for another browser session than the one that brought the answer. It goes on waiting.
    Elsewhere(Box<PendingChallenge>),
    /// It was answered before: a replay, a double click, or the back button.
    Before(Box<PendingChallenge>),
    /// It waited too long.
    Expired(Box<PendingChallenge>),
    /// No such state was ever given out, or it was swept away.
    Unknown,
}

/// Remembers a round trip.
///
/// # Errors
/// `DB-020` when the state was used before.
pub async fn insert(tx: &Tx, challenge: &PendingChallenge) -> Result<(), Error> {
    let inserted = Entity::insert(to_row(challenge)?.into_active_model());
    inserted
        .exec_without_returning(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// Takes the round trip of a state, once, in a transaction of its own: taken stays taken, whatever becomes of the
/// answer. Of two at the same moment one gets it. Only the browser session that asked takes it: whoever else brings
/// the answer burns nothing.
///
/// # Errors
/// Why the database cannot serve now; nothing is taken then.
pub async fn take(
    db: &Db,
    state_hash: &str,
    browser: Option<&SessionKey>,
    now: DateTime<Utc>,
) -> Result<Taken, Error> {
    let tx = db.begin().await?;
    let sql = "UPDATE challenges SET consumed_at = $1 \
               WHERE state_hash = $2 AND consumed_at IS NULL AND expires_at > $1 AND session_key = $3";
    // No session has the empty name.
    let browser = browser.map(|key| key.0.as_str()).unwrap_or_default();
    let values = [millis(now).into(), state_hash.into(), browser.into()];
    let won = sql::change(&tx, sql::ask(&tx, sql, values)).await? > 0;
    let row = by_state(&tx, state_hash).await?;
    if won {
        tx.commit_quiet(Quiet::SignInPending).await?;
    } else {
        tx.rollback().await?;
    }
    Ok(match row {
        None => Taken::Unknown,
        Some(challenge) if won => Taken::Yes(Box::new(challenge)),
        Some(challenge) if challenge.consumed_at.is_some() => Taken::Before(Box::new(challenge)),
        Some(challenge) if challenge.expires_at <= now => Taken::Expired(Box::new(challenge)),
        Some(challenge) => Taken::Elsewhere(Box::new(challenge)),
    })
}

/// One round trip.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get(reader: &impl Reader, id: ChallengeId) -> Result<Option<PendingChallenge>, Error> {
    let row = Entity::find_by_id(id.0)
        .one(&reader.source())
        .await
        .map_err(fail)?;
    row.map(to_challenge).transpose()
}

async fn by_state(
    reader: &impl Reader,
    state_hash: &str,
) -> Result<Option<PendingChallenge>, Error> {
    let row = Entity::find()
        .filter(Column::StateHash.eq(state_hash))
        .one(&reader.source())
        .await
        .map_err(fail)?;
    row.map(to_challenge).transpose()
}

/// Sweeps away what expired before `before`. How many there were.
///
/// # Errors
/// Why the database refused.
pub async fn sweep(tx: &Tx, before: DateTime<Utc>) -> Result<u64, Error> {
    let sql = "DELETE FROM challenges WHERE expires_at < $1";
    sql::change(tx, sql::ask(tx, sql, [millis(before).into()])).await
}

fn to_row(challenge: &PendingChallenge) -> Result<Model, Error> {
    Ok(Model {
        id: challenge.id.0,
        state_hash: challenge.state_hash.clone(),
        kind: word(challenge.kind)?,
        stage: word(challenge.stage)?,
        provider_id: challenge.provider.0,
        session_key: challenge.session.0.clone(),
        user_id: challenge.user.map(|id| id.0),
        nonce_sealed: challenge.nonce_sealed.clone(),
        verifier_sealed: challenge.verifier_sealed.clone(),
        sent: json(&challenge.sent)?,
        context: json(&challenge.context)?,
        return_to: challenge.return_to.clone(),
        action: challenge.action.clone(),
        test_link_id: challenge.test_link.map(|id| id.0),
        created_at: millis(challenge.created_at),
        asked_at: millis(challenge.asked_at),
        expires_at: millis(challenge.expires_at),
        consumed_at: challenge.consumed_at.map(millis),
    })
}

fn to_challenge(row: Model) -> Result<PendingChallenge, Error> {
    const TABLE: &str = "challenges";
    Ok(PendingChallenge {
        id: ChallengeId(row.id),
        state_hash: row.state_hash,
        kind: from_word(TABLE, &row.kind)?,
        stage: from_word(TABLE, &row.stage)?,
        provider: ProviderId(row.provider_id),
        session: SessionKey(row.session_key),
        user: row.user_id.map(UserId),
        nonce_sealed: row.nonce_sealed,
        verifier_sealed: row.verifier_sealed,
        sent: from_json(TABLE, &row.sent)?,
        context: from_json(TABLE, &row.context)?,
        return_to: row.return_to,
        action: row.action,
        test_link: row.test_link_id.map(TestLinkId),
        created_at: instant(row.created_at),
        asked_at: instant(row.asked_at),
        expires_at: instant(row.expires_at),
        consumed_at: row.consumed_at.map(instant),
    })
}
