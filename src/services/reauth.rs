//! Re-authenticate with SSO: ask a provider to make the person sign in again, judge what comes back, keep the receipt.
//!
//! A trip has up to two legs. First the *control*, without force: what the provider states when nobody can type
//! anything tells what its time stamps are worth. Then the *force*, and [`muster_domain::reauth::judge`] decides.

use chrono::TimeDelta;
use muster_domain::calibration::{Probe, Watched, Worth};
use muster_domain::id::{ProviderId, ReceiptId};
use muster_domain::opener::Openers;
use muster_domain::protocol::Purpose;
use muster_domain::provider::Provider;
use muster_domain::reauth::{Answer, Arrival, Challenge as Question, ReauthPolicy, judge};
use muster_domain::return_to::ReturnTo;
use muster_domain::role::Permission;
use muster_domain::session::{Means, Proof, SessionKey};
use muster_domain::{Error, Kind};
use muster_storage::challenges::{ChallengeKind, Stage};
use muster_storage::{providers as rows, subjects};
use serde_json::json;

use crate::roundtrip::{Back, End, Luggage, depart, switched_off};
use crate::watching::watched;
use crate::{Call, Services, providers};

mod confirm;
mod control;
mod intent;
mod kept;

pub use confirm::{Confirmable, Takes, confirm, confirmable};
use control::control;
pub use intent::{ControlSeen, Goal, Intent, Leg, Seen};
pub(crate) use kept::sid_of;
pub use kept::{Receipt, ReceiptPurpose, Told, of_provider, receipt, told};
use kept::{keep, stated_before, worth};

/// How long a control's result counts before it is made again.
const CONTROL_LASTS: TimeDelta = TimeDelta::days(30);
/// Stated times are whole seconds: within this after a sign-in, old and new cannot be told apart.
const TOO_SOON: TimeDelta = TimeDelta::milliseconds(2500);

/// Begins a re-authentication at a provider.
///
/// # Errors
/// When nobody is signed in; without permission for a test; `ELV-004` when the person is not known at that provider.
pub async fn begin(
    services: &Services,
    call: &Call,
    slug: &str,
    goal: Goal,
    seen: Option<&Seen>,
    return_to: &str,
    action: Option<&str>,
) -> Result<Intent, Error> {
    let person = call.signed_in()?;
    if goal == Goal::Test {
        call.may(Permission::ManageProviders)?;
    }
    let provider = providers::find(services, slug).await?;
    if goal == Goal::Elevate && !provider.enabled {
        return Err(switched_off(&provider));
    }
    let identities = subjects::of_user(services.db(), person.user.id).await?;
    let is_linked = |issuer: &str, subject: &str| {
        identities
            .iter()
            .any(|s| s.provider == provider.id && s.issuer == issuer && s.subject == subject)
    };
    // An identity that was unlinked since the sign-in speaks for nobody here any more.
    let by_session = match person.session.means.clone() {
        Means::Provider {
            provider: p,
            issuer,
            subject,
            stated,
        } if p == provider.id && is_linked(&issuer, &subject) => Some(Seen {
            provider: p,
            issuer,
            subject,
            stated,
        }),
        _ => None,
    };
    // A test sign-in of this browser tells when the linked person was last signed in there: a bounce repeats that.
    let stated = |issuer: &str, subject: &str| {
        seen.filter(|seen| {
            seen.provider == provider.id && seen.issuer == issuer && seen.subject == subject
        })
        .and_then(|seen| seen.stated)
    };
    let linked = identities
        .iter()
        .find(|s| s.provider == provider.id)
        .map(|s| Seen {
            provider: provider.id,
            stated: stated(&s.issuer, &s.subject),
            issuer: s.issuer.clone(),
            subject: s.subject.clone(),
        });
    let by_test = seen
        .filter(|seen| goal == Goal::Test && seen.provider == provider.id)
        .cloned();
    let known = by_session.or(linked).or(by_test);
    if known.is_none() && goal == Goal::Elevate {
        return Err(Error::new(
            "ELV-004",
            Kind::Invalid,
            format!("Your account is not known at {}.", provider.name),
        )
        .next("Use another way to prove presence."));
    }
    if known.is_none() {
        return Err(Error::new(
            "ELV-005",
            Kind::Invalid,
            format!("Nobody is known at {} in this browser yet.", provider.name),
        )
        .next("Make a test sign-in there first: then there is a person to ask again."));
    }
    Ok(Intent {
        id: services.id(),
        slug: slug.to_owned(),
        goal,
        return_to: ReturnTo::new(return_to).as_str().to_owned(),
        action: action.map(|action| {
            action
                .chars()
                .filter(|c| !c.is_control())
                .take(200)
                .collect()
        }),
        signed_in: known
            .as_ref()
            .and_then(|known| known.stated)
            .max(stated_before(services, person.user.id, provider.id).await?),
        expected: known.map(|known| (known.issuer, known.subject)),
        control: None,
        reason: None,
        probe: None,
    })
}

/// Starts the next leg.
///
/// # Errors
/// When the provider cannot be asked.
pub async fn next(services: &Services, call: &Call, intent: &Intent) -> Result<Leg, Error> {
    let person = call.signed_in()?;
    let provider = providers::find(services, &intent.slug).await?;
    let control = match intent.probe {
        Some(probe) => probe == Probe::Control,
        None => {
            intent.control.is_none() && control_is_due(services, call, &provider, intent).await?
        }
    };
    if control
        && intent
            .signed_in
            .is_some_and(|at| services.now() - at < TOO_SOON)
    {
        return Ok(Leg::Wait(2));
    }
    let luggage = Luggage {
        trip: ChallengeKind::Reauth,
        purpose: if control {
            Purpose::Control
        } else {
            Purpose::Force
        },
        browser: person.session.key.clone(),
        user: Some(person.user.id),
        return_to: intent.return_to.clone(),
        action: intent.action.clone(),
        context: json!(intent),
        login_hint: person.user.email.clone(),
    };
    let (to, _) = depart(services, call, &provider, luggage).await?;
    Ok(Leg::To(to))
}

async fn control_is_due(
    services: &Services,
    call: &Call,
    provider: &Provider,
    intent: &Intent,
) -> Result<bool, Error> {
    if provider.setting("control_probe") == Some("no") {
        return Ok(false);
    }
    let settled = matches!(
        provider.calibration.standing(),
        Worth::Informative | Worth::Uninformative
    ) && provider
        .calibration
        .tested_at
        .is_some_and(|at| call.at - at < CONTROL_LASTS);
    // Without a time from before, a bounce within the clock allowance would pass for a new sign-in.
    if intent.goal == Goal::Test || !settled || intent.signed_in.is_none() {
        return Ok(true);
    }
    // What contradicts a control is settled by another one.
    Ok(watched(services.db(), provider)
        .await?
        .contradiction
        .is_some())
}

/// What an answer led to.
#[derive(Debug)]
pub enum Outcome {
    /// The control is done; the forced leg follows.
    Next(Box<Intent>),
    /// A control that was asked for by itself is done.
    Probed(Box<Intent>),
    /// Judged.
    Judged {
        /// The kept receipt.
        receipt: ReceiptId,
        /// Proof that may be exchanged for a secure session; only of a Fresh answer to [`Goal::Elevate`].
        proof: Option<Proof>,
        /// What it was for, and where to go on.
        intent: Box<Intent>,
    },
}

/// The id that the provider's session has now, if this answer is about the very person who signed in here through it: a
/// forced sign-in may have begun another session there. Whatever the answer proves, a sign-out there will name the new id.
pub(crate) fn learnt_sid(call: &Call, back: &Back) -> Option<String> {
    let Ok(End::Answered(evidence)) = &back.end else {
        return None;
    };
    let Means::Provider {
        provider,
        issuer,
        subject,
        ..
    } = &call.session()?.means
    else {
        return None;
    };
    let own = *provider == back.provider.id
        && issuer == evidence.issuer()
        && subject == evidence.subject();
    sid_of(evidence).filter(|_| own)
}

/// Judges an answer that came back from a re-authentication.
pub(crate) async fn arrived(
    services: &Services,
    call: &Call,
    back: Back,
) -> Result<Outcome, Error> {
    let person = call.signed_in()?;
    if back.challenge.user != Some(person.user.id) {
        return Err(Error::new(
            "AUTH-014",
            Kind::Forbidden,
            "This answer belongs to another person's question.",
        )
        .next("Begin again."));
    }
    let intent: Intent =
        serde_json::from_value(back.challenge.context.clone()).map_err(|error| {
            Error::new(
                "AUTH-015",
                Kind::Internal,
                "The question cannot be read back.",
            )
            .internal(error)
        })?;
    if intent.goal == Goal::Elevate && !back.provider.enabled {
        return Err(switched_off(&back.provider));
    }
    if back.challenge.stage == Stage::Control {
        let intent = Box::new(control(services, call, &back, intent).await?);
        return Ok(match intent.probe {
            Some(_) => Outcome::Probed(intent),
            None => Outcome::Next(intent),
        });
    }
    forced(services, call, &back, intent, &person.session.key).await
}

async fn forced(
    services: &Services,
    call: &Call,
    back: &Back,
    intent: Intent,
    session: &SessionKey,
) -> Result<Outcome, Error> {
    let person = call.signed_in()?;
    let answer = match &back.end {
        Ok(End::Answered(evidence)) => Answer::Evidence(evidence.clone()),
        Ok(End::Refused { error, .. }) => Answer::Refused(error.clone()),
        Err(error) if error.kind == Kind::Unavailable => return Err(error.clone()),
        Err(error) => Answer::Rejected {
            code: error.code.to_owned(),
            reason: error.public.to_string(),
        },
    };
    let (expected, opened_by) = still_expected(services, call, back, &intent).await?;
    let question = Question {
        id: back.challenge.id,
        session: back.challenge.session.clone(),
        user: person.user.id,
        provider: back.provider.id,
        expected,
        opened_by,
        // Another trip that was under way may have used this sign-in up meanwhile.
        signed_in: intent
            .signed_in
            .max(stated_before(services, person.user.id, back.provider.id).await?),
        asked_at: back.challenge.asked_at,
        sent: back.challenge.sent.clone(),
        required_acr: back.provider.setting("required_acr").map(str::to_owned),
    };
    let arrival = Arrival {
        session: session.clone(),
        user: person.user.id,
        at: services.now(),
    };
    let watched = watched(services.db(), &back.provider).await?;
    let calibration = worth(&back.provider, &intent, &watched, arrival.at);
    let judgement = judge(
        &question,
        &answer,
        &arrival,
        &calibration,
        &policy(&back.provider, &watched),
    );
    let receipt = keep(
        services,
        call,
        back,
        &intent,
        &answer,
        &judgement,
        &calibration,
    )
    .await?;
    let proof = if intent.goal == Goal::Elevate {
        judgement.proof().map(|proof| proof.kept_as(receipt))
    } else {
        None
    };
    Ok(Outcome::Judged {
        receipt,
        proof,
        intent: Box::new(intent),
    })
}

/// Whom the answer must name, and who else opened that identity. An identity that was unlinked since the question earns its former owner nothing.
async fn still_expected(
    services: &Services,
    call: &Call,
    back: &Back,
    intent: &Intent,
) -> Result<(Option<(String, String)>, Openers), Error> {
    let person = call.signed_in()?;
    let Some((issuer, subject)) = intent.expected.clone() else {
        return Ok((None, Openers::nobody()));
    };
    if intent.goal == Goal::Test {
        return Ok((Some((issuer, subject)), Openers::nobody()));
    }
    let linked = subjects::find(services.db(), back.provider.id, &issuer, &subject).await?;
    Ok(linked
        .filter(|linked| linked.user == person.user.id)
        .map_or((None, Openers::nobody()), |linked| {
            (Some((issuer, subject)), linked.opened_by)
        }))
}

/// Who switches the control off believes stated times untested: elevated, on record, and for this provider alone.
fn policy(provider: &Provider, watched: &Watched) -> ReauthPolicy {
    ReauthPolicy {
        measured: watched.measured,
        believes_untested: provider.setting("control_probe") == Some("no"),
        ..ReauthPolicy::default()
    }
}

/// Providers at which the signed-in person could prove presence: the one of this session first.
///
/// # Errors
/// When nobody is signed in.
pub async fn ways(services: &Services, call: &Call) -> Result<Vec<Provider>, Error> {
    let person = call.signed_in()?;
    let mut ids: Vec<ProviderId> = Vec::new();
    if let Means::Provider { provider, .. } = person.session.means {
        ids.push(provider);
    }
    ids.extend(
        subjects::of_user(services.db(), person.user.id)
            .await?
            .into_iter()
            .map(|subject| subject.provider),
    );
    let mut ways = Vec::new();
    for id in ids {
        if ways.iter().any(|known: &Provider| known.id == id) {
            continue;
        }
        ways.extend(
            rows::get(services.db(), id)
                .await?
                .filter(|provider| provider.enabled),
        );
    }
    Ok(ways)
}
