//! The token endpoint: a code becomes an ID token (RFC 6749 section 4.1.3, Core section 3.1.3).

use muster_domain::Error;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;
use url::{Url, form_urlencoded};

use crate::codes;
use crate::discovery::Metadata;
use crate::http::{Answer, Http, Proof};
use crate::profile::{ClientAuth, Profile};
use crate::words::{revealed, scrubbed};

/// What the provider handed out. Neither is kept or logged.
pub(crate) struct Tokens {
    pub(crate) id: SecretString,
    pub(crate) access: Option<SecretString>,
}

/// Exchanges a code.
pub(crate) async fn exchange(
    http: &Http,
    metadata: &Metadata,
    profile: &Profile<'_>,
    redirect: &Url,
    code: &str,
    verifier: &str,
) -> Result<Tokens, Error> {
    let form = [
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect.as_str()),
        ("code_verifier", verifier),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let answer = post(http, metadata, profile, &metadata.token, form.into()).await?;
    read(&answer, &[revealed(profile.secret), code, verifier])
}

/// Posts a form as our client: by header, by form, or by its identifier alone if it has no secret.
pub(crate) async fn post(
    http: &Http,
    metadata: &Metadata,
    profile: &Profile<'_>,
    endpoint: &Url,
    mut form: Vec<(String, String)>,
) -> Result<Answer, Error> {
    let secret = profile
        .secret
        .filter(|secret| !secret.expose_secret().is_empty());
    let proof = match (secret, uses_form(metadata, profile.client_auth)) {
        (Some(secret), false) => Proof::Basic(
            encoded(profile.client_id),
            encoded(secret.expose_secret()).into(),
        ),
        (secret, _) => {
            // A pushed request names the client already (RFC 9126 section 2.1).
            if !form.iter().any(|(name, _)| name == "client_id") {
                form.push(("client_id".to_owned(), profile.client_id.to_owned()));
            }
            if let Some(secret) = secret {
                form.push((
                    "client_secret".to_owned(),
                    secret.expose_secret().to_owned(),
                ));
            }
            Proof::Form
        }
    };
    http.post(endpoint, &form, proof).await
}

/// Without a statement, `client_secret_basic` is meant (Discovery 1.0 section 3).
fn uses_form(metadata: &Metadata, choice: ClientAuth) -> bool {
    let offers = |method: &str| {
        metadata
            .client_auth
            .as_ref()
            .is_some_and(|list| list.iter().any(|one| one == method))
    };
    match choice {
        ClientAuth::Basic => false,
        ClientAuth::Post => true,
        ClientAuth::Auto => !offers("client_secret_basic") && offers("client_secret_post"),
    }
}

/// RFC 6749 section 2.3.1: identifier and secret are form-encoded before they become a basic credential.
fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn read(answer: &Answer, hidden: &[&str]) -> Result<Tokens, Error> {
    let Some(object) = answer.object() else {
        return Err(codes::TOKEN_UNREADABLE.saying(format!(
            "The provider's answer to the sign-in cannot be read: {}.",
            answer.described()
        )));
    };
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    if let Some(error) = text("error") {
        return Err(refusal(
            error,
            text("error_description").unwrap_or_default(),
            hidden,
        ));
    }
    if answer.status != 200 {
        return Err(codes::TOKEN_UNREADABLE.saying(format!(
            "The provider's answer to the sign-in cannot be read: {}.",
            answer.described()
        )));
    }
    Ok(Tokens {
        id: text("id_token")
            .ok_or_else(|| codes::ID_TOKEN_MISSING.error())?
            .to_owned()
            .into(),
        access: text("access_token")
            .filter(|token| is_header_safe(token))
            .map(|token| token.to_owned().into()),
    })
}

/// RFC 6750 section 2.1: what may stand in an `Authorization` header, with some lenience.
fn is_header_safe(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

fn refusal(error: &str, description: &str, hidden: &[&str]) -> Error {
    let words = scrubbed(&format!("{error} {description}"), hidden);
    match error {
        "invalid_client" | "unauthorized_client" => codes::CLIENT_REFUSED.because(words),
        "invalid_grant" => codes::CODE_REFUSED.because(words),
        _ => codes::TOKEN_REFUSED.saying(format!(
            "The provider refused to complete the sign-in: {}.",
            words.trim_end_matches('.')
        )),
    }
}
