//! Probes of providers: what was sent, what was seen, by whom, and what they said about it. Kept for good.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::calibration::{Finding, Probe, Said};
use muster_domain::id::{ProbeId, ProviderId, ReceiptId, UserId};
use muster_domain::reauth::Sent;
use sea_orm::{EntityTrait, IntoActiveModel};
use serde::{Deserialize, Serialize};

use crate::entities::probes::{Entity, Model};
use crate::failure::fail;
use crate::reader::sealed::Source as _;
use crate::row::{from_json, from_word, instant, json, millis, word};
use crate::{Reader, Tx, sql};

/// One kept probe.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Probed {
    /// Its id.
    pub id: ProbeId,
    /// The provider.
    pub provider: ProviderId,
    /// When its answer came.
    pub at: DateTime<Utc>,
    /// Which of the three.
    pub probe: Probe,
    /// Who made it.
    pub user: UserId,
    /// Their username at the time.
    pub username: String,
    /// The receipt of the judged answer, if there is one.
    pub receipt: Option<ReceiptId>,
    /// What it found.
    pub finding: Finding,
    /// The same in a sentence.
    pub seen: String,
    /// What was sent.
    pub sent: Sent,
    /// The times it rests on.
    pub times: Times,
    /// What the person said about it, and when.
    pub said: Option<(Said, DateTime<Utc>)>,
}

/// The times of one answer.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Times {
    /// When we asked, by our clock.
    pub asked_at: DateTime<Utc>,
    /// When the answer came, by ours.
    pub received_at: DateTime<Utc>,
    /// When it was made, by the provider's.
    pub issued_at: Option<DateTime<Utc>>,
    /// The stated time of authentication, by the provider's.
    pub stated: Option<DateTime<Utc>>,
}

/// Keeps one.
///
/// # Errors
/// Why the database refused.
pub async fn insert(tx: &Tx, probed: &Probed) -> Result<(), Error> {
    let row = Model {
        id: probed.id.0,
        provider_id: probed.provider.0,
        at: millis(probed.at),
        probe: word(probed.probe)?,
        user_id: probed.user.0,
        username: probed.username.clone(),
        receipt_id: probed.receipt.map(|id| id.0),
        finding: word(probed.finding)?,
        seen: probed.seen.clone(),
        sent: json(&probed.sent)?,
        times: json(&probed.times)?,
        said: probed.said.map(|(said, _)| word(said)).transpose()?,
        said_at: probed.said.map(|(_, at)| millis(at)),
    };
    Entity::insert(row.into_active_model())
        .exec_without_returning(&tx.source())
        .await
        .map_err(fail)?;
    Ok(())
}

/// One of a provider.
///
/// # Errors
/// Why the database cannot answer.
pub async fn get(
    reader: &impl Reader,
    provider: ProviderId,
    id: ProbeId,
) -> Result<Option<Probed>, Error> {
    let sql = "SELECT * FROM probes WHERE id = $1 AND provider_id = $2";
    let row: Option<Model> = sql::one(
        reader,
        sql::ask(reader, sql, [id.0.into(), provider.0.into()]),
    )
    .await?;
    row.map(to_probed).transpose()
}

/// The newest of a provider, the newest first.
///
/// # Errors
/// Why the database cannot answer.
pub async fn of_provider(
    reader: &impl Reader,
    provider: ProviderId,
    most: u32,
) -> Result<Vec<Probed>, Error> {
    let sql = "SELECT * FROM probes WHERE provider_id = $1 ORDER BY at DESC, id DESC LIMIT $2";
    let values = [provider.0.into(), i64::from(most).into()];
    let rows: Vec<Model> = sql::all(reader, sql::ask(reader, sql, values)).await?;
    rows.into_iter().map(to_probed).collect()
}

/// Keeps what the person who made it said, once. False: they, or somebody else, said something before.
///
/// # Errors
/// Why the database refused.
pub async fn say(
    tx: &Tx,
    id: ProbeId,
    said: Said,
    (finding, seen): (Finding, &str),
    at: DateTime<Utc>,
) -> Result<bool, Error> {
    let sql = "UPDATE probes SET said = $1, said_at = $2, finding = $3, seen = $4 \
               WHERE id = $5 AND said IS NULL";
    let values = [
        word(said)?.into(),
        millis(at).into(),
        word(finding)?.into(),
        seen.into(),
        id.0.into(),
    ];
    Ok(sql::change(tx, sql::ask(tx, sql, values)).await? > 0)
}

fn to_probed(row: Model) -> Result<Probed, Error> {
    const TABLE: &str = "probes";
    let said = match (row.said, row.said_at) {
        (Some(said), Some(at)) => Some((from_word(TABLE, &said)?, instant(at))),
        _ => None,
    };
    Ok(Probed {
        id: ProbeId(row.id),
        provider: ProviderId(row.provider_id),
        at: instant(row.at),
        probe: from_word(TABLE, &row.probe)?,
        user: UserId(row.user_id),
        username: row.username,
        receipt: row.receipt_id.map(ReceiptId),
        finding: from_word(TABLE, &row.finding)?,
        seen: row.seen,
        sent: from_json(TABLE, &row.sent)?,
        times: from_json(TABLE, &row.times)?,
        said,
    })
}
