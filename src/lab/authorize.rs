//! The authorization endpoint, and the endpoint where requests are pushed to it beforehand
//! (RFC 9126).

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect, Response};
use chrono::TimeDelta;
use serde_json::json;

use crate::answer;
use crate::behaviour::Decision;
use crate::client;
use crate::failure::Failure;
use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::request::{AuthorizationRequest, Fault};
use crate::sign_in;
use crate::world::Lab;

/// How long a pushed request waits for its browser.
const PUSHED_LIFETIME: TimeDelta = TimeDelta::seconds(90);
/// How long a person may take to type the password.
const INTERACTION_LIFETIME: TimeDelta = TimeDelta::minutes(10);
const URN: &str = "urn:ietf:params:oauth:request_uri:";

pub(crate) async fn by_query(
    State(lab): State<Lab>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Failure> {
    authorize(&lab, &slug, &headers, query.unwrap_or_default().as_bytes())
}

pub(crate) async fn by_form(
    State(lab): State<Lab>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    authorize(&lab, &slug, &headers, &body)
}

fn authorize(
    lab: &Lab,
    slug: &str,
    headers: &HeaderMap,
    encoded: &[u8],
) -> Result<Response, Failure> {
    let provider = lab
        .provider(slug)
        .ok_or_else(|| Failure::unknown_provider(slug))?;
    let request = Parameters::parse(encoded)
        .map_err(|twice| Fault::Untrusted(format!("“{}” was sent more than once.", twice.0)))
        .and_then(|sent| unfold(lab, provider, sent))
        .and_then(|sent| AuthorizationRequest::read(&sent, lab.options()));
    let request = match request {
        Ok(request) => request,
        Err(fault) => return Ok(answer::fault(provider, fault)),
    };
    let session = sign_in::session(lab, provider, headers);
    let signed_in = session.as_ref().map(|session| session.signed_in);
    let now = lab.now();
    let decision = provider
        .character
        .behaviour
        .decide(&request, signed_in, now);
    Ok(match (decision, session) {
        (Decision::Refuse(error, description), _) => {
            let (target, state) = (&request.redirect_uri, request.state.as_deref());
            answer::refuse(provider, target, state, error, description)
        }
        (Decision::Answer, Some(session)) => answer::succeed(lab, provider, &request, session),
        (Decision::Ask | Decision::Answer, _) => {
            let key = lab.random();
            let until = now + INTERACTION_LIFETIME;
            provider.interactions.put(key.clone(), request, now, until);
            Redirect::to(&format!("/{slug}/sign-in/{key}")).into_response()
        }
    })
}

/// Replaces a reference to a pushed request by that request. Whatever else the browser sent
/// beside the reference counts for nothing, so nobody can strip a demand from the address.
fn unfold(lab: &Lab, provider: &Provider, sent: Parameters) -> Result<Parameters, Fault> {
    let Some(reference) = sent.get("request_uri") else {
        return Ok(sent);
    };
    let unknown = || {
        Fault::Untrusted("This request_uri is unknown, used or expired. Start again.".to_owned())
    };
    let key = reference.strip_prefix(URN).ok_or_else(unknown)?;
    if sent.get("client_id") != Some(lab.options().client_id.as_str()) {
        return Err(Fault::Untrusted(
            "The client_id does not belong to this request_uri.".to_owned(),
        ));
    }
    provider.pushed.take(key, lab.now()).ok_or_else(unknown)
}

/// `POST /{provider}/par`
pub(crate) async fn push(
    State(lab): State<Lab>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let provider = lab
        .provider(&slug)
        .ok_or_else(|| Failure::unknown_provider(&slug))?;
    let mut sent = Parameters::parse(&body)?;
    client::authenticate(&headers, &sent, lab.options())?;
    if sent.get("request_uri").is_some() {
        let text = "A pushed request cannot refer to another one.";
        return Err(Failure::bad_request("invalid_request", text));
    }
    sent.remove("client_secret");
    sent.set_if_missing("client_id", &lab.options().client_id);
    match AuthorizationRequest::read(&sent, lab.options()) {
        Ok(_) => {}
        Err(Fault::Untrusted(text)) => {
            return Err(Failure::bad_request("invalid_request", text));
        }
        Err(Fault::Refused {
            error, description, ..
        }) => return Err(Failure::bad_request(error, description)),
    }
    let (key, now) = (lab.random(), lab.now());
    let reference = format!("{URN}{key}");
    provider.pushed.put(key, sent, now, now + PUSHED_LIFETIME);
    let body = json!({ "request_uri": reference, "expires_in": PUSHED_LIFETIME.num_seconds() });
    let headers = [(header::CACHE_CONTROL, "no-store")];
    Ok((StatusCode::CREATED, headers, Json(body)).into_response())
}
