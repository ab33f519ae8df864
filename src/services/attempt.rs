//! One attempt to sign in or to test that: how it leaves, what is kept of it, and a provider's refusal in words.

use chrono::{DateTime, Utc};
use muster_domain::evidence::AuthEvidence;
use muster_domain::jit::Decision;
use muster_domain::protocol::Purpose;
use muster_domain::provider::Provider;
use muster_domain::return_to::ReturnTo;
use muster_domain::session::SessionKey;
use muster_domain::user::User;
use muster_domain::{Error, Kind};
use muster_storage::challenges::ChallengeKind;
use muster_storage::sign_ins::{Outcome as Ended, SignIn};
use serde_json::json;
use url::Url;

use crate::roundtrip::{Luggage, depart};
use crate::{Call, Services};

pub(crate) async fn leave(
    services: &Services,
    call: &Call,
    provider: &Provider,
    trip: ChallengeKind,
    browser: SessionKey,
    return_to: &str,
    login_hint: Option<String>,
) -> Result<Url, Error> {
    let luggage = Luggage {
        trip,
        purpose: Purpose::SignIn,
        browser,
        user: call.user().map(|user| user.id),
        return_to: ReturnTo::new(return_to).as_str().to_owned(),
        action: None,
        context: serde_json::Value::Null,
        login_hint,
    };
    depart(services, call, provider, luggage)
        .await
        .map(|(url, _)| url)
}

/// The provider's error response, in words with the way out.
pub(crate) fn provider_error(provider: &Provider, error: &str, description: Option<&str>) -> Error {
    let name = &provider.name;
    let (words, next) = match error {
        "access_denied" => (
            format!("The sign-in at {name} was cancelled, or {name} does not let you use Muster."),
            "Try again. If it happens again, ask whoever runs the provider to assign you to this application.",
        ),
        "login_required" | "interaction_required" | "account_selection_required" => (
            format!("{name} wants to ask you something first."),
            "Begin the sign-in again.",
        ),
        "consent_required" => (
            format!("{name} wants somebody to agree to what Muster asks for."),
            "An administrator of the provider can grant consent for everybody.",
        ),
        "unauthorized_client" | "invalid_client" => (
            format!("{name} does not accept this client."),
            "Check client ID and allowed redirect addresses at the provider.",
        ),
        "invalid_scope" => (
            format!("{name} does not know one of the scopes that were asked for."),
            "Check the scopes in this provider's settings.",
        ),
        "temporarily_unavailable" | "server_error" => (
            format!("{name} has a fault of its own right now."),
            "Try again in a moment, or choose another way to sign in.",
        ),
        "unmet_authentication_requirements" => (
            format!("{name} cannot sign you in as strongly as was asked for."),
            "Check the acr values in this provider's settings.",
        ),
        _ => (
            format!("{name} refused the sign-in."),
            "Try again. If it happens again, ask an administrator to look at the activity log.",
        ),
    };
    let said = description
        .map(|said| format!(" It said: “{said}”"))
        .unwrap_or_default();
    Error::new("AUTH-020", Kind::Forbidden, format!("{words}{said}"))
        .next(next)
        .internal(error)
}

pub(crate) fn bare(
    services: &Services,
    call: &Call,
    provider: &Provider,
    outcome: Ended,
) -> SignIn {
    SignIn {
        id: services.id(),
        provider: Some(provider.id),
        user: None,
        name: String::new(),
        at: call.at,
        outcome,
        means: provider.kind.clone(),
        address: call.address.map(|address| address.to_string()),
        claims: None,
        evidence: None,
        notes: Vec::new(),
    }
}

/// Keeps with an attempt when it was asked for: what a provider's answers tell about its clock and its times.
pub(crate) fn asked_at(
    mut row: SignIn,
    asked_at: DateTime<Utc>,
    evidence: &AuthEvidence,
) -> SignIn {
    if let Some(kept) = row.evidence.as_mut().and_then(|kept| kept.as_object_mut()) {
        kept.insert("asked_at".to_owned(), json!(asked_at));
        kept.insert("received_at".to_owned(), json!(evidence.received_at()));
    }
    row
}

pub(crate) fn record(
    services: &Services,
    call: &Call,
    provider: &Provider,
    evidence: &AuthEvidence,
    decision: &Decision,
    outcome: Ended,
    user: Option<&User>,
) -> SignIn {
    SignIn {
        user: user.map(|user| user.id),
        name: decision.username.clone().unwrap_or_default(),
        claims: Some(evidence.claims().redacted()),
        evidence: Some(json!({
            "issuer": evidence.issuer(),
            "subject": evidence.subject(),
            "auth_time": evidence.stated(),
            "acr": evidence.acr(),
            "amr": evidence.amr(),
            "issued_at": evidence.issued_at(),
            "clock_ahead_ms": evidence.clock_ahead().num_milliseconds(),
        })),
        notes: decision.explain(),
        ..bare(services, call, provider, outcome)
    }
}
