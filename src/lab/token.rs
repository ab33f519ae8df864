//! The token endpoint: a code becomes an access token and an ID token, once.

use std::time::Duration;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{Html, IntoResponse, Response};
use chrono::TimeDelta;
use openssl::sha::sha256;
use serde_json::{Value, json};

use crate::behaviour::{Keys, Speaks};
use crate::client;
use crate::failure::Failure;
use crate::forge::{Surroundings, forge};
use crate::id_token::Draft;
use crate::keys::{KeySet, encode};
use crate::parameters::Parameters;
use crate::provider::{Access, Grant, Provider};
use crate::tamper::{Stage, Tamper};
use crate::world::Lab;

/// How long an access token opens the userinfo endpoint.
const ACCESS_LIFETIME: TimeDelta = TimeDelta::minutes(5);
/// How long a spent code is remembered, to notice when it comes again.
const SPENT_LIFETIME: TimeDelta = TimeDelta::minutes(10);
/// More than a megabyte.
const HUGE: usize = 1_100_000;

/// `POST /{provider}/token`
pub(crate) async fn exchange(
    State(lab): State<Lab>,
    Path(slug): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let provider = lab
        .provider(&slug)
        .ok_or_else(|| Failure::unknown_provider(&slug))?;
    let sent = Parameters::parse(&body)?;
    client::authenticate(&headers, &sent, lab.options())?;
    if sent.get("grant_type") != Some("authorization_code") {
        let text = "Only grant_type=authorization_code is supported.";
        return Err(Failure::bad_request("unsupported_grant_type", text));
    }
    let code = sent
        .get("code")
        .ok_or_else(|| Failure::bad_request("invalid_request", "The request has no code."))?;
    let mut grant = redeem(&lab, provider, code)?;
    check_binding(&grant, &sent)?;

    let behaviour = provider.character.behaviour;
    if grant.request.is_forced()
        && behaviour.speaks == Speaks::OfSomebodyElse
        && let Some(other) = lab.other_person(&grant.session.person)
    {
        grant.session.person = other.clone();
    }
    if behaviour.slow > 0 {
        tokio::time::sleep(Duration::from_secs(behaviour.slow.into())).await;
    }
    let access_token = lab.random();
    let id_token = issue(&lab, provider, &grant, &access_token)?;
    let now = lab.now();
    let access = Access {
        person: grant.session.person.clone(),
        scopes: grant.request.scopes.clone(),
    };
    let until = now + ACCESS_LIFETIME;
    provider
        .access
        .put(access_token.clone(), access, now, until);
    let scope = joined(&grant);
    grant.spent = Some(access_token.clone());
    let until = now + SPENT_LIFETIME;
    provider.codes.put(code.to_owned(), grant, now, until);

    let answer = json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": ACCESS_LIFETIME.num_seconds(),
        "scope": scope,
        "id_token": id_token,
    });
    Ok(present(answer, provider.tamper(Stage::TokenResponse)))
}

/// Takes the code out of circulation. A code that comes a second time also closes what the
/// first time opened (RFC 6749, section 4.1.2).
fn redeem(lab: &Lab, provider: &Provider, code: &str) -> Result<Grant, Failure> {
    let now = lab.now();
    let refusal = |text: &str| Failure::bad_request("invalid_grant", text);
    let grant = provider
        .codes
        .take(code, now)
        .ok_or_else(|| refusal("The code is unknown, used or expired."))?;
    match &grant.spent {
        None => Ok(grant),
        Some(access_token) => {
            provider.access.take(access_token, now);
            Err(refusal("The code was used before."))
        }
    }
}

fn check_binding(grant: &Grant, sent: &Parameters) -> Result<(), Failure> {
    let refusal = |text: &str| Err(Failure::bad_request("invalid_grant", text));
    if sent.get("redirect_uri") != grant.request.redirect_uri_as_sent.as_deref() {
        return refusal("The redirect_uri is not the one of the authorization request.");
    }
    match (&grant.request.code_challenge, sent.get("code_verifier")) {
        (None, None) => Ok(()),
        (None, Some(_)) => refusal("There was no code_challenge for this code_verifier."),
        (Some(_), None) => refusal("The code_verifier is missing."),
        (Some(challenge), Some(verifier)) => {
            if encode(&sha256(verifier.as_bytes())) == *challenge {
                Ok(())
            } else {
                refusal("The code_verifier does not match the code_challenge.")
            }
        }
    }
}

fn issue(
    lab: &Lab,
    provider: &Provider,
    grant: &Grant,
    access_token: &str,
) -> Result<String, Failure> {
    let now = lab.now();
    let client_id = &lab.options().client_id;
    let mut draft = Draft::new(provider, client_id, grant, access_token, now);
    if grant.request.is_forced() && provider.character.behaviour.keys == Keys::Rotated {
        provider.with_keys(KeySet::rotate)?;
    }
    if let Some(tamper) = provider.tamper(Stage::IdToken) {
        let around = Surroundings {
            options: lab.options(),
            now,
            somebody_else: lab.somebody_else(&grant.session.person),
        };
        provider.with_keys(|keys| forge(&mut draft, tamper, keys, &around))?;
    }
    Ok(provider.with_keys(|keys| draft.seal(keys))?)
}

fn joined(grant: &Grant) -> String {
    let scopes: Vec<&str> = grant.request.scopes.iter().map(String::as_str).collect();
    scopes.join(" ")
}

fn present(mut answer: Value, tamper: Option<Tamper>) -> Response {
    let no_store = [(header::CACHE_CONTROL, "no-store")];
    match tamper {
        Some(Tamper::TokenServerError) => {
            let body = Json(json!({ "error": "server_error" }));
            return (StatusCode::INTERNAL_SERVER_ERROR, no_store, body).into_response();
        }
        Some(Tamper::TokenHtml) => {
            let page = "<!doctype html><title>Gateway</title><h1>Sign in to the network</h1>";
            return (no_store, Html(page)).into_response();
        }
        Some(Tamper::TokenRefused) => {
            return Failure::bad_request("invalid_grant", "Tampered refusal.").into_response();
        }
        _ => {}
    }
    if let Some(fields) = answer.as_object_mut() {
        if tamper == Some(Tamper::MissingIdToken) {
            fields.remove("id_token");
        }
        if tamper == Some(Tamper::TokenHuge) {
            fields.insert("padding".to_owned(), json!("x".repeat(HUGE)));
        }
    }
    (no_store, Json(answer)).into_response()
}
