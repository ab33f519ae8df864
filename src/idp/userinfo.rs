//! Userinfo (Core section 5.3): more about the person, when the ID token says too little.
//!
//! It is asked with the access token over TLS and mostly unsigned: it may add names, addresses and
//! groups, never anything about *when and how* the person signed in.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;
use url::Url;

use crate::codes;
use crate::http::{Answer, Http, Proof};
use crate::id_token;
use crate::json::{self, JsonFault};
use crate::jws::Jws;
use crate::known::Known;

/// Claims whose absence makes asking worthwhile.
const WANTED: [&str; 4] = ["email", "name", "preferred_username", "groups"];

/// What only a signed ID token may say.
const RESERVED: [&str; 17] = [
    "iss",
    "aud",
    "azp",
    "exp",
    "iat",
    "nbf",
    "jti",
    "nonce",
    "auth_time",
    "acr",
    "acrs",
    "amr",
    "at_hash",
    "c_hash",
    "s_hash",
    "sid",
    "events",
];

/// Whether an ID token says too little.
pub(crate) fn is_wanted(claims: &Map<String, Value>) -> bool {
    WANTED
        .iter()
        .any(|name| claims.get(*name).is_none_or(Value::is_null))
}

/// Asks, and adds to the ID token's claims what they do not say. Fails rather than going on with half the
/// claims: absent groups would look like groups that were left.
pub(crate) async fn add(
    http: &Http,
    known: &Known,
    client_id: &str,
    token: &SecretString,
    now: DateTime<Utc>,
    claims: &mut Map<String, Value>,
) -> Result<(), Error> {
    let Some(url) = &known.metadata.userinfo else {
        return Ok(());
    };
    let answer = ask(http, url, token).await?;
    let told = read(http, known, client_id, now, &answer).await?;
    same_subject(&told, claims)?;
    for (name, value) in told {
        if !RESERVED.contains(&name.as_str()) && claims.get(&name).is_none_or(Value::is_null) {
            claims.insert(name, value);
        }
    }
    Ok(())
}

/// By header (RFC 6750 section 2.1); by form (section 2.2) where the endpoint takes POST only.
async fn ask(http: &Http, url: &Url, token: &SecretString) -> Result<Answer, Error> {
    let answer = http.get(url, Proof::Bearer(token)).await?;
    if answer.status != 405 {
        return Ok(answer);
    }
    let form = [("access_token".to_owned(), token.expose_secret().to_owned())];
    http.post(url, &form, Proof::Form).await
}

async fn read(
    http: &Http,
    known: &Known,
    client_id: &str,
    now: DateTime<Utc>,
    answer: &Answer,
) -> Result<Map<String, Value>, Error> {
    if answer.status != 200 {
        return Err(codes::USERINFO.saying(format!(
            "The provider did not tell who signed in when it was asked (userinfo): {}.",
            answer.described()
        )));
    }
    if !answer.content_type.starts_with("application/jwt") {
        return json::object(&answer.body).map_err(|fault| match fault {
            JsonFault::Repeated => codes::USERINFO.because("a name occurs twice"),
            JsonFault::Unreadable => codes::USERINFO.because(answer.described()),
        });
    }
    let text = std::str::from_utf8(&answer.body).map_err(|error| codes::USERINFO.because(error))?;
    let jws = Jws::read(text.trim())?;
    known.verify(http, now, &jws).await?;
    let told = jws.claims()?;
    if told.contains_key("iss") {
        id_token::issuer(&told, &known.metadata.issuer)?;
    }
    if told.contains_key("aud") {
        id_token::audience(&told, client_id)?;
    }
    Ok(told)
}

/// Core section 5.3.2: the same `sub`, exactly, or nothing of it is used (O32, O33).
fn same_subject(told: &Map<String, Value>, claims: &Map<String, Value>) -> Result<(), Error> {
    let sub = |map: &Map<String, Value>| map.get("sub").and_then(Value::as_str).map(str::to_owned);
    match (sub(told), sub(claims)) {
        (Some(told), Some(signed)) if bool::from(told.as_bytes().ct_eq(signed.as_bytes())) => {
            Ok(())
        }
        (None, _) => Err(codes::USERINFO_SUBJECT
            .saying("The provider did not say about whom it told (userinfo without sub).")),
        _ => Err(codes::USERINFO_SUBJECT.error()),
    }
}
