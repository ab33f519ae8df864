//! The question: the address the browser is sent to, or the request pushed ahead of it (RFC 9126).

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::protocol::{Ask, Connection, Departure, Purpose};
use muster_domain::reauth::Sent;
use openidconnect::core::{CoreAuthPrompt, CoreAuthenticationFlow, CoreClient};
use openidconnect::{
    AuthUrl, AuthenticationContextClass, ClientId, CsrfToken, IssuerUrl, JsonWebKeySet, LoginHint,
    Nonce, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, Scope,
};
use serde_json::json;
use std::time::Duration;
use url::Url;

use crate::codes;
use crate::discovery::Metadata;
use crate::http::Http;
use crate::profile::{Profile, Push};
use crate::request_object;
use crate::token;
use crate::words::{revealed, scrubbed};

/// One year in seconds: no session at a provider is older, so it forces nothing.
const CONTROL_AGE: u64 = 31_536_000;

/// Builds the question and, where the provider takes it, pushes it.
pub(crate) async fn depart(
    http: &Http,
    metadata: &Metadata,
    profile: &Profile<'_>,
    connection: &Connection<'_>,
    ask: &Ask,
    now: DateTime<Utc>,
) -> Result<Departure, Error> {
    if profile.push == Push::Always && metadata.push.is_none() {
        return Err(codes::PUSH_MISSING.error());
    }
    let mut sent = forcing(metadata, profile, ask.purpose);
    let to = address(metadata, profile, connection, ask, &sent)?;
    let asked = parameters(metadata, &to);
    let endpoint = metadata
        .push
        .as_ref()
        .filter(|_| profile.push != Push::Never);
    let form = if profile.signs {
        let key = profile.request_key.ok_or_else(no_key)?;
        let claims = request_object::claims(&metadata.issuer, profile.client_id, &asked, now);
        sent.signed = request_object::shown(&claims);
        let object = request_object::sign(&claims, key)?;
        // Beside a pushed object nothing else may stand (RFC 9126 section 3).
        let beside = if endpoint.is_some() {
            &[]
        } else {
            asked.as_slice()
        };
        request_object::around(object, profile.client_id, beside)
    } else {
        asked
    };
    let Some(endpoint) = endpoint else {
        sent.carried = masked(&form);
        return Ok(Departure {
            to: with(metadata, &form),
            sent,
        });
    };
    sent.pushed = true;
    sent.ahead = masked(&form);
    let request_uri = push(http, metadata, profile, endpoint, form).await?;
    let carried = [
        ("client_id", profile.client_id),
        ("request_uri", &request_uri),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    sent.carried = masked(&carried);
    Ok(Departure {
        to: with(metadata, &carried),
        sent,
    })
}

fn no_key() -> Error {
    codes::SETTINGS
        .saying("Requests to this provider are to be signed, but there is no key for it.")
        .next("Save the provider's settings once more: that makes one.")
}

/// The provider's own address with these parameters.
fn with(metadata: &Metadata, parameters: &[(String, String)]) -> Url {
    let mut to = metadata.authorization.clone();
    to.query_pairs_mut().extend_pairs(parameters);
    to
}

/// What ties an answer to its question stays between the two: shown by its beginning alone.
const MASKED: [&str; 5] = ["state", "nonce", "code_challenge", "request", "request_uri"];

/// Parameters as they may be kept and shown.
pub(crate) fn masked(parameters: &[(String, String)]) -> Vec<(String, String)> {
    parameters
        .iter()
        .map(|(name, value)| {
            let shown = if MASKED.contains(&name.as_str()) {
                let beginning: String = value.chars().take(6).collect();
                format!("{beginning}…")
            } else {
                value.clone()
            };
            (name.clone(), shown)
        })
        .collect()
}

/// What is sent to force, by purpose. `auth_time` is asked for at every purpose, so that a later answer can
/// be compared with the first; where discovery does not promise to understand the `claims` parameter, only
/// when forcing (Google understands it and does not say so).
///
/// The control carries a `max_age` that nobody exceeds: with it stating `auth_time` is a duty (Core 3.1.2.1), and many
/// providers state it only then.
fn forcing(metadata: &Metadata, profile: &Profile<'_>, purpose: Purpose) -> Sent {
    let forces = purpose == Purpose::Force;
    let acr_values = match (profile.acr_values.as_slice(), profile.required_acr) {
        ([], Some(required)) => Some(required.to_owned()),
        ([], None) => None,
        (values, _) => Some(values.join(" ")),
    };
    Sent {
        prompt: match purpose {
            Purpose::SignIn => None,
            Purpose::Control => Some("none".to_owned()),
            Purpose::Force => profile.prompt.map(str::to_owned),
        },
        max_age: match purpose {
            Purpose::SignIn => None,
            Purpose::Control => profile.max_age.map(|_| CONTROL_AGE),
            Purpose::Force => profile.max_age,
        },
        acr_values: acr_values.filter(|_| forces),
        auth_time_essential: profile.asks_auth_time && (forces || metadata.takes_claims),
        ..Sent::default()
    }
}

fn address(
    metadata: &Metadata,
    profile: &Profile<'_>,
    connection: &Connection<'_>,
    ask: &Ask,
    sent: &Sent,
) -> Result<Url, Error> {
    let issuer =
        IssuerUrl::new(metadata.issuer.clone()).map_err(|error| codes::SETTINGS.because(error))?;
    let client = CoreClient::new(
        ClientId::new(profile.client_id.to_owned()),
        issuer,
        JsonWebKeySet::default(),
    )
    .set_auth_uri(AuthUrl::from_url(metadata.authorization.clone()))
    .set_redirect_uri(RedirectUrl::from_url(connection.redirect.clone()));
    let (state, nonce) = (ask.state.clone(), ask.nonce.clone());
    let mut request = client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            move || CsrfToken::new(state),
            move || Nonce::new(nonce),
        )
        .set_pkce_challenge(challenge(&ask.verifier)?);
    // The crate asks for `openid` by itself.
    for scope in profile.scopes.iter().filter(|scope| **scope != "openid") {
        request = request.add_scope(Scope::new((*scope).to_owned()));
    }
    match sent.prompt.as_deref() {
        Some("none") => request = request.add_prompt(CoreAuthPrompt::None),
        Some("select_account") => request = request.add_prompt(CoreAuthPrompt::SelectAccount),
        Some("consent") => request = request.add_prompt(CoreAuthPrompt::Consent),
        Some(_) => request = request.add_prompt(CoreAuthPrompt::Login),
        None => {}
    }
    if let Some(seconds) = sent.max_age {
        request = request.set_max_age(Duration::from_secs(seconds));
    }
    for acr in sent.acr_values.iter().flat_map(|values| values.split(' ')) {
        request = request.add_auth_context_value(AuthenticationContextClass::new(acr.to_owned()));
    }
    if let Some(claims) = claims(profile, ask.purpose, sent) {
        request = request.add_extra_param("claims", claims);
    }
    if let Some(hint) = ask.login_hint.as_deref().filter(|hint| !hint.is_empty()) {
        request = request.set_login_hint(LoginHint::new(hint.to_owned()));
    }
    Ok(request.url().0)
}

/// The `claims` parameter (Core section 5.5), if anything is asked for by it.
fn claims(profile: &Profile<'_>, purpose: Purpose, sent: &Sent) -> Option<String> {
    let mut wanted = serde_json::Map::new();
    if sent.auth_time_essential {
        wanted.insert("auth_time".to_owned(), json!({"essential": true}));
    }
    if let Some(acr) = profile.required_acr
        && purpose == Purpose::Force
        && profile.asks_acr
    {
        wanted.insert(
            "acr".to_owned(),
            json!({"essential": true, "values": [acr]}),
        );
    }
    (!wanted.is_empty()).then(|| json!({ "id_token": wanted }).to_string())
}

/// S256, never plain (O10). The crate panics on a verifier of wrong length, hence the look beforehand.
fn challenge(verifier: &str) -> Result<PkceCodeChallenge, Error> {
    let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    if !(43..=128).contains(&verifier.len()) || !verifier.bytes().all(is_unreserved) {
        return Err(codes::SETTINGS.because("the PKCE verifier is not one (RFC 7636 section 4.1)"));
    }
    Ok(PkceCodeChallenge::from_code_verifier_sha256(
        &PkceCodeVerifier::new(verifier.to_owned()),
    ))
}

/// The parameters of the question: all that was added to the provider's own address.
fn parameters(metadata: &Metadata, to: &Url) -> Vec<(String, String)> {
    let own = metadata.authorization.query_pairs().count();
    to.query_pairs()
        .skip(own)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect()
}

async fn push(
    http: &Http,
    metadata: &Metadata,
    profile: &Profile<'_>,
    endpoint: &Url,
    form: Vec<(String, String)>,
) -> Result<String, Error> {
    let answer = token::post(http, metadata, profile, endpoint, form).await?;
    let object = answer.object().unwrap_or_default();
    let text = |name: &str| object.get(name).and_then(serde_json::Value::as_str);
    if matches!(answer.status, 200 | 201)
        && let Some(request_uri) = text("request_uri")
    {
        return Ok(request_uri.to_owned());
    }
    let secret = revealed(profile.secret);
    Err(match text("error") {
        Some(error) => {
            let description = text("error_description").unwrap_or_default();
            codes::PUSH_REFUSED.saying(format!(
                "The provider refused the pushed sign-in request: {}.",
                scrubbed(&format!("{error} {description}"), &[secret]).trim_end_matches('.')
            ))
        }
        None => codes::PUSH_REFUSED.saying(format!(
            "The provider answered the pushed sign-in request with {}.",
            answer.described()
        )),
    })
}
