//! Receipts: every judged answer is kept with what it rests on. Those of proofs made here: [`crate::elevation`].

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::calibration::{Calibration, Finding, Probe, Watched, Worth};
use muster_domain::evidence::AuthEvidence;
use muster_domain::id::{ProviderId, ReceiptId, UserId};
use muster_domain::listing::Direction;
use muster_domain::provider::Provider;
use muster_domain::reauth::{Answer, Judgement, Verdict};
use muster_domain::role::Permission;
use muster_storage::Paging;
use muster_storage::probes::{self, Probed};
use muster_storage::receipts::{self, ReceiptFilter};
pub use muster_storage::receipts::{Receipt, ReceiptPurpose};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::control::times;
use super::intent::{Goal, Intent};
use crate::roundtrip::Back;
use crate::{Call, Services};

/// Longest id of a session at a provider, in bytes.
const LONGEST_SID: usize = 255;

/// What a receipt remembers of the provider as it stood when it was judged.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Told {
    /// The provider's name.
    pub provider: String,
    /// What its stamps were worth.
    pub worth: Worth,
    /// What the control showed, in words.
    pub seen: String,
    /// When a control last told something.
    pub tested_at: Option<DateTime<Utc>>,
    /// The time of authentication stated before, at sign-in.
    pub signed_in: Option<DateTime<Utc>>,
}

/// What a receipt remembers of its provider.
#[must_use]
pub fn told(receipt: &Receipt) -> Option<Told> {
    receipt
        .control
        .clone()
        .and_then(|control| serde_json::from_value(control).ok())
}

/// One kept result: one's own, or anybody's for those who may see secure sessions.
///
/// # Errors
/// `WEB-404` when there is none, or it is somebody else's and not to be seen; `ELV-001` where policy asks for a secure
/// session to look at other people's.
pub async fn receipt(services: &Services, call: &Call, id: ReceiptId) -> Result<Receipt, Error> {
    let person = call.signed_in()?;
    let receipt = receipts::get(services.db(), id)
        .await?
        .ok_or_else(|| Error::not_found("receipt"))?;
    if receipt.user != person.user.id {
        if !call.can(Permission::ViewSecurity) {
            return Err(Error::not_found("receipt"));
        }
        call.may(Permission::ViewSecurity)?;
    }
    Ok(receipt)
}

/// The newest results at a provider.
///
/// # Errors
/// Without permission.
pub async fn of_provider(
    services: &Services,
    call: &Call,
    provider: ProviderId,
    most: u64,
) -> Result<Vec<Receipt>, Error> {
    call.may(Permission::ViewProviders)?;
    let filter = ReceiptFilter {
        provider: Some(provider),
        ..ReceiptFilter::default()
    };
    let page = receipts::list(
        services.db(),
        &filter,
        &Paging {
            direction: Direction::Desc,
            rows: most,
            ..Paging::default()
        },
    )
    .await?;
    Ok(page.rows)
}

/// The latest sign-in that answers about this person stated before: each counts once (W21), a new proof needs a later one.
pub(super) async fn stated_before(
    services: &Services,
    user: UserId,
    provider: ProviderId,
) -> Result<Option<DateTime<Utc>>, Error> {
    let newest = Paging {
        direction: Direction::Desc,
        rows: 10,
        ..Paging::default()
    };
    let mut latest = None;
    // The others are about somebody else, or state what cannot be. Asked one by one, so that no number of answers that
    // were called off hides one that counted.
    for verdict in [
        Verdict::Fresh,
        Verdict::Stale,
        Verdict::Unprovable,
        Verdict::WeakContext,
    ] {
        let filter = ReceiptFilter {
            provider: Some(provider),
            user: Some(user),
            verdict: Some(verdict),
            ..ReceiptFilter::default()
        };
        let page = receipts::list(services.db(), &filter, &newest).await?;
        let stated = page
            .rows
            .into_iter()
            .filter_map(|receipt| receipt.stated_at);
        latest = latest.max(stated.max());
    }
    Ok(latest)
}

/// The calibration as it counts for this trip: its own control is the newest, and what refutes the provider stays.
pub(super) fn worth(
    provider: &Provider,
    intent: &Intent,
    watched: &Watched,
    at: DateTime<Utc>,
) -> Calibration {
    let mut calibration = watched.over(&provider.calibration, at);
    if let Some(seen) = intent
        .control
        .as_ref()
        .filter(|seen| seen.worth != Worth::Unknown)
    {
        calibration.worth = seen.worth;
    }
    calibration
}

pub(super) async fn keep(
    services: &Services,
    call: &Call,
    back: &Back,
    intent: &Intent,
    answer: &Answer,
    judgement: &Judgement,
    calibration: &Calibration,
) -> Result<ReceiptId, Error> {
    let (person, at) = (call.signed_in()?, judgement.answered_at());
    let named = match answer {
        Answer::Evidence(evidence) => Some(evidence.as_ref()),
        _ => None,
    };
    let stated = named.and_then(|evidence| evidence.stated().instant());
    let refuted = calibration.refuted.as_ref();
    let seen = match (refuted, &intent.control) {
        (Some(refuted), _) => refuted.why.clone(),
        (None, Some(control)) => control.words.clone(),
        (None, None) => calibration.seen.clone(),
    };
    let receipt = Receipt {
        id: services.id(),
        challenge: Some(back.challenge.id),
        provider: Some(back.provider.id),
        user: person.user.id,
        username: person.user.username.clone(),
        session: person.session.key.clone(),
        at,
        purpose: if intent.goal == Goal::Test {
            ReceiptPurpose::Test
        } else {
            ReceiptPurpose::Elevation
        },
        verdict: judgement.verdict(),
        reasons: judgement.reasons().to_vec(),
        rows: judgement.rows().to_vec(),
        sent: back.challenge.sent.clone(),
        asked_at: back.challenge.asked_at,
        left_at: back.challenge.asked_at,
        stated_at: stated,
        back_at: at,
        control: Some(json!(Told {
            provider: back.provider.name.clone(),
            worth: calibration.standing(),
            seen,
            tested_at: calibration.tested_at,
            signed_in: intent.signed_in,
        })),
        action: intent.action.clone(),
        confirmed: None,
        subject: named.map(|evidence| evidence.subject().to_owned()),
        sid: named.and_then(sid_of),
        earned: None,
        signed_out_at: None,
    };
    let action = if intent.goal == Goal::Test {
        "reauth.test"
    } else {
        "reauth.elevate"
    };
    let detail = json!({"verdict": receipt.verdict, "provider": back.provider.name, "receipt": receipt.id, "for": receipt.action});
    let tx = services.db().begin().await?;
    receipts::insert(&tx, &receipt).await?;
    if intent.goal == Goal::Test {
        let probed = probed(services, back.provider.id, &receipt, intent, answer);
        probes::insert(&tx, &probed).await?;
    }
    tx.commit(&[call.event(action, &person.user.username, Some(receipt.id.0), detail)])
        .await?;
    Ok(receipt.id)
}

/// The session at the provider that an answer names (OpenID Connect Back-Channel Logout 1.0 section 2.1), if it is one to
/// remember.
pub(crate) fn sid_of(evidence: &AuthEvidence) -> Option<String> {
    let sid = evidence.claims().text("sid")?;
    (!sid.is_empty() && sid.len() <= LONGEST_SID).then(|| sid.to_owned())
}

/// A test as a probe of the provider's calibration.
fn probed(
    services: &Services,
    provider: ProviderId,
    receipt: &Receipt,
    intent: &Intent,
    answer: &Answer,
) -> Probed {
    let probe = intent.probe.unwrap_or(Probe::Forced);
    let evidence = match answer {
        Answer::Evidence(evidence) => Some(evidence.as_ref()),
        _ => None,
    };
    let finding = match (probe, answer) {
        (Probe::Cancelled, Answer::Refused(code)) if !is_called_off(code) => Finding::Nothing,
        (Probe::Cancelled, _) => Finding::of_cancelled(receipt.verdict),
        _ => Finding::of_forced(receipt.verdict, receipt.stated_at.is_some()),
    };
    let reason = receipt.reasons.first().cloned().unwrap_or_default();
    Probed {
        id: services.id(),
        provider,
        at: receipt.at,
        probe,
        user: receipt.user,
        username: receipt.username.clone(),
        receipt: Some(receipt.id),
        finding,
        seen: match finding {
            Finding::Nothing | Finding::NewTime | Finding::SentBack | Finding::Weak => reason,
            other => other.sentence().to_owned(),
        },
        sent: receipt.sent.clone(),
        times: times(receipt.asked_at, receipt.back_at, evidence),
        said: None,
    }
}

/// Errors by which a provider says that a person did not sign in (RFC 6749 section 4.1.2.1, OIDC Core 3.1.2.6).
fn is_called_off(code: &str) -> bool {
    [
        "access_denied",
        "login_required",
        "interaction_required",
        "consent_required",
    ]
    .contains(&code)
}
