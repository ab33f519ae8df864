//! The control: what a provider states when nobody can type anything.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::calibration::{Control, Finding, Probe, Worth, judge_control};
use muster_domain::evidence::AuthEvidence;
use muster_domain::role::Permission;
use muster_storage::probes::{self, Probed, Times};
use serde_json::json;

use super::intent::{ControlSeen, Goal, Intent};
use crate::roundtrip::{Back, End};
use crate::{Call, Services, providers};

pub(super) async fn control(
    services: &Services,
    call: &Call,
    back: &Back,
    mut intent: Intent,
) -> Result<Intent, Error> {
    let told = match &back.end {
        Ok(End::Answered(evidence)) => {
            judge_control(back.challenge.asked_at, intent.signed_in, evidence)
        }
        Ok(End::Refused { error, .. }) => Control::Refused(format!(
            "It would not answer without interaction ({error}), so nothing is known."
        )),
        Err(error) => Control::Refused(format!(
            "Its answer did not hold: {} ({})",
            error.public, error.code
        )),
    };
    intent.control = Some(match told {
        Control::Answered(worth, words) => ControlSeen { worth, words },
        Control::TooSoon => ControlSeen {
            worth: Worth::Unknown,
            words: "The sign-in was only a moment ago, so times could not be told apart."
                .to_owned(),
        },
        Control::Refused(words) => ControlSeen {
            worth: Worth::Unknown,
            words,
        },
    });
    let is_invented = intent
        .control
        .as_ref()
        .is_some_and(|seen| seen.worth == Worth::Uninformative);
    if let Ok(End::Answered(evidence)) = &back.end
        && !is_invented
    {
        // Nobody typed anything for the control: what it states was so before the forced question, which must be later.
        intent.signed_in = intent.signed_in.max(evidence.stated().instant());
    }
    let person = call.signed_in()?;
    let Some(seen) = intent.control.clone() else {
        return Ok(intent);
    };
    let evidence = match &back.end {
        Ok(End::Answered(evidence)) => Some(evidence),
        _ => None,
    };
    // Whoever strips the prompt and signs in makes any provider look worthless: that counts for their own trip
    // alone, or anybody could keep everybody else from proving presence. So it does for whoever got hold of an
    // administrator's browser: it takes a secure session.
    let counts = seen.worth == Worth::Informative
        || (seen.worth != Worth::Unknown
            && call.can(Permission::ManageProviders)
            && call.elevated().is_ok());
    if !counts && intent.goal != Goal::Test {
        return Ok(intent);
    }
    let (tx, at) = (services.db().begin().await?, call.at);
    let probed = Probed {
        id: services.id(),
        provider: back.provider.id,
        at,
        probe: Probe::Control,
        user: person.user.id,
        username: person.user.username.clone(),
        receipt: None,
        finding: Finding::of_control(seen.worth),
        seen: seen.words.clone(),
        sent: back.challenge.sent.clone(),
        times: times(back.challenge.asked_at, at, evidence.map(AsRef::as_ref)),
        said: None,
    };
    probes::insert(&tx, &probed).await?;
    let mut action = "provider.probe";
    let mut detail =
        json!({"probe": Probe::Control, "finding": probed.finding, "seen": probed.seen});
    if counts && let Some(evidence) = evidence {
        // As it stands inside the transaction: what refuted it meanwhile stays.
        let known = providers::within_id(&tx, back.provider.id).await?;
        let ahead = evidence.clock_ahead().num_milliseconds();
        let calibration = known
            .calibration
            .with_control(seen.worth, &seen.words, at, ahead);
        providers::keep_calibration(&tx, known.id, &calibration).await?;
        action = "provider.calibrate";
        detail = json!(calibration);
    }
    let event = call.event(
        action,
        &back.provider.name,
        Some(back.provider.id.0),
        detail,
    );
    tx.commit(&[event]).await?;
    Ok(intent)
}

/// The times an answer rests on.
pub(super) fn times(
    asked_at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    evidence: Option<&AuthEvidence>,
) -> Times {
    Times {
        asked_at,
        received_at: evidence.map_or(received_at, AuthEvidence::received_at),
        issued_at: evidence.map(AuthEvidence::issued_at),
        stated: evidence.and_then(|evidence| evidence.stated().instant()),
    }
}
