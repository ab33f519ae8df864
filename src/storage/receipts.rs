//! Kept results of proofs of presence: tests and earned secure sessions alike, at a provider or made here.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::factor::Confirmed;
use muster_domain::id::{ChallengeId, ElevationId, ProviderId, ReceiptId, UserId};
use muster_domain::listing::{Count, Page};
use muster_domain::reauth::{Row, Sent, Verdict};
use muster_domain::session::{ProofKind, SessionKey};
use sea_orm::{EntityTrait, FromQueryResult, IntoActiveModel};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::entities::receipts::{Entity, Model};
use crate::failure::{fail, unreadable};
use crate::keyset::{Order, Paging, Tie, by_number};
use crate::reader::sealed::Source as _;
use crate::row::{count, from_json, from_json_option, from_word, instant, json, millis, word};
use crate::sql::{self, Where};
use crate::user_list::escaped;
use crate::{Reader, Tx};

/// What a re-authentication was for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptPurpose {
    /// The test button.
    Test,
    /// Earning a secure admin session.
    Elevation,
}

/// One kept result.
#[derive(Clone, PartialEq, Debug)]
pub struct Receipt {
    /// Its id.
    pub id: ReceiptId,
    /// The round trip it judges.
    pub challenge: Option<ChallengeId>,
    /// The provider; none: presence was proven here, by password or second factor.
    pub provider: Option<ProviderId>,
    /// Who was asked.
    pub user: UserId,
    /// Their username at the time.
    pub username: String,
    /// The browser session that asked.
    pub session: SessionKey,
    /// When it was judged.
    pub at: DateTime<Utc>,
    /// What it was for.
    pub purpose: ReceiptPurpose,
    /// What is proven.
    pub verdict: Verdict,
    /// Why.
    pub reasons: Vec<String>,
    /// The evidence table.
    pub rows: Vec<Row>,
    /// What was sent to force.
    pub sent: Sent,
    /// Time line: when presence was asked for.
    pub asked_at: DateTime<Utc>,
    /// Time line: when the browser left.
    pub left_at: DateTime<Utc>,
    /// Time line: when the person signed in, as the provider states.
    pub stated_at: Option<DateTime<Utc>>,
    /// Time line: when the browser came back.
    pub back_at: DateTime<Utc>,
    /// What the control probe before it showed, as the service keeps it.
    pub control: Option<serde_json::Value>,
    /// The action that asked.
    pub action: Option<String>,
    /// The second factor that stood in where the answer proved nothing, or that was used here.
    pub confirmed: Option<Confirmed>,
    /// Whom the provider's answer named.
    pub subject: Option<String>,
    /// The session at the provider that its answer named (`sid`).
    pub sid: Option<String>,
    /// The secure session it was exchanged for, and as what kind of proof.
    pub earned: Option<Earned>,
    /// When the provider announced that the person signed out there.
    pub signed_out_at: Option<DateTime<Utc>>,
}

/// The secure session that a result was exchanged for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Earned {
    /// Its id.
    pub elevation: ElevationId,
    /// As what kind of proof the result counted.
    pub proof: ProofKind,
}

/// Which results.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ReceiptFilter {
    /// At this provider.
    pub provider: Option<ProviderId>,
    /// Of this person.
    pub user: Option<UserId>,
    /// With this verdict.
    pub verdict: Option<Verdict>,
    /// For this purpose.
    pub purpose: Option<ReceiptPurpose>,
    /// With this in the username.
    pub q: Option<String>,
}

/// Keeps one.
///
/// # Errors
/// Why the database refused.
pub async fn insert(tx: &Tx, receipt: &Receipt) -> Result<(), Error> {
    let inserted = Entity::insert(to_row(receipt)?.into_active_model());
    inserted
        .exec_without_returning(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// Writes down what confirmed an answer that proved nothing. Whether there was one that nothing confirmed yet.
///
/// # Errors
/// Why the database refused.
pub async fn confirm(tx: &Tx, id: ReceiptId, by: &Confirmed) -> Result<bool, Error> {
    let sql = "UPDATE receipts SET confirmed = $1 WHERE id = $2 AND confirmed IS NULL";
    let values = [json(by)?.into(), id.0.into()];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? > 0)
}

/// Writes down for which secure session a result was exchanged. Whether it could be: it is this person's, of this browser
/// session, was exchanged for none yet, and nobody signed out at the provider meanwhile.
///
/// # Errors
/// Why the database refused.
pub async fn exchange(
    tx: &Tx,
    id: ReceiptId,
    (user, session): (UserId, &SessionKey),
    earned: Earned,
) -> Result<bool, Error> {
    let sql = "UPDATE receipts SET elevation_id = $1, proof = $2 \
               WHERE id = $3 AND user_id = $4 AND session_key = $5 AND elevation_id IS NULL AND signed_out_at IS NULL";
    let values = [
        earned.elevation.0.into(),
        word(earned.proof)?.into(),
        id.0.into(),
        user.0.into(),
        session.0.as_str().into(),
    ];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? > 0)
}

/// A recent answer of a provider: whom and which session there it named, and what it was exchanged for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answered {
    /// Its receipt.
    pub receipt: ReceiptId,
    /// Whom it named.
    pub subject: Option<String>,
    /// The session it named.
    pub sid: Option<String>,
    /// The secure session it was exchanged for.
    pub elevation: Option<ElevationId>,
}

/// The answers of a provider since `since` after which nobody signed out there yet.
///
/// # Errors
/// Why the database cannot answer.
pub async fn answered_since(
    reader: &impl Reader,
    provider: ProviderId,
    since: DateTime<Utc>,
) -> Result<Vec<Answered>, Error> {
    #[derive(FromQueryResult)]
    struct Found {
        id: Uuid,
        subject: Option<String>,
        idp_sid: Option<String>,
        elevation_id: Option<Uuid>,
    }
    let sql = "SELECT id, subject, idp_sid, elevation_id FROM receipts \
               WHERE provider_id = $1 AND at > $2 AND signed_out_at IS NULL ORDER BY at, id";
    let values = [provider.0.into(), millis(since).into()];
    let rows: Vec<Found> = sql::all(reader, sql::ask(reader, sql, values)).await?;
    Ok(rows
        .into_iter()
        .map(|row| Answered {
            receipt: ReceiptId(row.id),
            subject: row.subject,
            sid: row.idp_sid,
            elevation: row.elevation_id.map(ElevationId),
        })
        .collect())
}

/// Writes down that the person signed out at the provider after this answer.
///
/// # Errors
/// Why the database refused.
pub async fn sign_out(tx: &Tx, id: ReceiptId, at: DateTime<Utc>) -> Result<(), Error> {
    let sql = "UPDATE receipts SET signed_out_at = $1 WHERE id = $2";
    sql::change(tx, sql::ask(tx, sql, [millis(at).into(), id.0.into()])).await?;
    Ok(())
}

/// One result.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get(reader: &impl Reader, id: ReceiptId) -> Result<Option<Receipt>, Error> {
    let row = Entity::find_by_id(id.0)
        .one(&reader.source())
        .await
        .map_err(fail)?;
    row.map(to_receipt).transpose()
}

/// One page, by when they were judged. `Paging::default()` is oldest first: pass `Direction::Desc` for newest first.
///
/// # Errors
/// Why the database cannot answer.
pub async fn list(
    reader: &impl Reader,
    filter: &ReceiptFilter,
    paging: &Paging<()>,
) -> Result<Page<Receipt>, Error> {
    let counted = conditions(reader, filter)?;
    let total = format!("SELECT COUNT(*) FROM receipts r{}", counted.clause());
    let total = sql::number(reader, counted.statement(total)).await?;
    let mut conditions = conditions(reader, filter)?;
    let order = Order {
        column: "r.at",
        tie: Tie::Id("r.id"),
        numeric: true,
    };
    let tail = paging.apply(order, &mut conditions);
    let sql = format!("SELECT r.* FROM receipts r{}{tail}", conditions.clause());
    let rows: Vec<Model> = sql::all(reader, conditions.statement(sql)).await?;
    let page = paging.page(rows, Count::Exact(count(total)), |row| {
        by_number(row.at, row.id)
    });
    Ok(Page {
        rows: page
            .rows
            .into_iter()
            .map(to_receipt)
            .collect::<Result<_, _>>()?,
        before: page.before,
        total: page.total,
        previous: page.previous,
        next: page.next,
    })
}

fn conditions(reader: &impl Reader, filter: &ReceiptFilter) -> Result<Where, Error> {
    let mut conditions = Where::on(reader);
    if let Some(provider) = filter.provider {
        let id = conditions.bind(provider.0);
        conditions.and(format!("r.provider_id = {id}"));
    }
    if let Some(user) = filter.user {
        let id = conditions.bind(user.0);
        conditions.and(format!("r.user_id = {id}"));
    }
    if let Some(verdict) = filter.verdict {
        let verdict = conditions.bind(verdict.key());
        conditions.and(format!("r.verdict = {verdict}"));
    }
    if let Some(purpose) = filter.purpose {
        let purpose = conditions.bind(word(purpose)?);
        conditions.and(format!("r.purpose = {purpose}"));
    }
    if let Some(q) = filter.q.as_deref().filter(|q| !q.trim().is_empty()) {
        let like = conditions.bind(format!("%{}%", escaped(&q.trim().to_lowercase())));
        conditions.and(format!("LOWER(r.username) LIKE {like} ESCAPE '\\'"));
    }
    Ok(conditions)
}

fn to_row(receipt: &Receipt) -> Result<Model, Error> {
    Ok(Model {
        id: receipt.id.0,
        challenge_id: receipt.challenge.map(|id| id.0),
        provider_id: receipt.provider.map(|id| id.0),
        user_id: receipt.user.0,
        username: receipt.username.clone(),
        session_key: receipt.session.0.clone(),
        at: millis(receipt.at),
        purpose: word(receipt.purpose)?,
        verdict: receipt.verdict.key().to_owned(),
        reasons: json(&receipt.reasons)?,
        evidence_rows: json(&receipt.rows)?,
        sent: json(&receipt.sent)?,
        asked_at: millis(receipt.asked_at),
        left_at: millis(receipt.left_at),
        stated_at: receipt.stated_at.map(millis),
        back_at: millis(receipt.back_at),
        control: receipt.control.as_ref().map(json).transpose()?,
        action: receipt.action.clone(),
        confirmed: receipt.confirmed.as_ref().map(json).transpose()?,
        subject: receipt.subject.clone(),
        idp_sid: receipt.sid.clone(),
        proof: receipt
            .earned
            .map(|earned| word(earned.proof))
            .transpose()?,
        elevation_id: receipt.earned.map(|earned| earned.elevation.0),
        signed_out_at: receipt.signed_out_at.map(millis),
    })
}

fn to_receipt(row: Model) -> Result<Receipt, Error> {
    const TABLE: &str = "receipts";
    Ok(Receipt {
        id: ReceiptId(row.id),
        challenge: row.challenge_id.map(ChallengeId),
        provider: row.provider_id.map(ProviderId),
        user: UserId(row.user_id),
        username: row.username,
        session: SessionKey(row.session_key),
        at: instant(row.at),
        purpose: from_word(TABLE, &row.purpose)?,
        verdict: Verdict::from_key(&row.verdict).ok_or_else(|| unreadable(TABLE, &row.verdict))?,
        reasons: from_json(TABLE, &row.reasons)?,
        rows: from_json(TABLE, &row.evidence_rows)?,
        sent: from_json(TABLE, &row.sent)?,
        asked_at: instant(row.asked_at),
        left_at: instant(row.left_at),
        stated_at: row.stated_at.map(instant),
        back_at: instant(row.back_at),
        control: from_json_option(TABLE, row.control.as_deref())?,
        action: row.action,
        confirmed: from_json_option(TABLE, row.confirmed.as_deref())?,
        subject: row.subject,
        sid: row.idp_sid,
        earned: match (row.elevation_id, row.proof) {
            (Some(elevation), Some(proof)) => Some(Earned {
                elevation: ElevationId(elevation),
                proof: from_word(TABLE, &proof)?,
            }),
            _ => None,
        },
        signed_out_at: row.signed_out_at.map(instant),
    })
}
