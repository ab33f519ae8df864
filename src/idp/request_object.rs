//! Signed requests (RFC 9101; OpenID Connect Core section 6.1): the parameters of a question as the claims of a token
//! that Muster signs with a key of its own for each provider. A browser cannot change what is signed; it can still leave
//! it away, unless the provider takes signed requests alone or they are pushed to it.
//!
//! The key is kept as a private JWK (RFC 7518 section 6.2) for ES256. Signing is deterministic (RFC 6979), so that it
//! needs no randomness.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use muster_domain::{Entropy, Error};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::authorize::masked;
use crate::codes;

/// How requests are signed.
pub(crate) const ALGORITHM: &str = "ES256";
/// How long a signed request counts, in seconds: the browser goes there at once.
const LASTS: i64 = 300;
/// Parameters that RFC 9101 keeps out of the object.
const OUTSIDE: [&str; 2] = ["request", "request_uri"];

/// A new key as a private JWK.
pub(crate) fn make_key(entropy: &dyn Entropy) -> Option<SecretString> {
    // One in 2^32 drawings is no key of the curve: a few drawings are more than enough.
    (0..8).find_map(|_| {
        let mut bytes = zeroize::Zeroizing::new([0_u8; 32]);
        entropy.fill(bytes.as_mut());
        let key = SigningKey::from_slice(bytes.as_ref()).ok()?;
        let mut jwk = coordinates(&key)?;
        jwk.insert(
            "d".to_owned(),
            json!(URL_SAFE_NO_PAD.encode(bytes.as_ref())),
        );
        Some(SecretString::from(Value::Object(jwk).to_string()))
    })
}

/// The members that make up the public key (RFC 7638 section 3.2).
fn coordinates(key: &SigningKey) -> Option<Map<String, Value>> {
    let point = key.verifying_key().to_sec1_point(false);
    let encoded = |part: &[u8]| json!(URL_SAFE_NO_PAD.encode(part));
    let members = [
        ("kty", json!("EC")),
        ("crv", json!("P-256")),
        ("x", encoded(point.x()?)),
        ("y", encoded(point.y()?)),
    ];
    Some(
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

fn read(key: &SecretString) -> Result<SigningKey, Error> {
    let broken = || codes::SETTINGS.because("the key for signed requests is none");
    let jwk: Value = serde_json::from_str(key.expose_secret()).map_err(|_| broken())?;
    let d = jwk.get("d").and_then(Value::as_str).ok_or_else(broken)?;
    let bytes = zeroize::Zeroizing::new(URL_SAFE_NO_PAD.decode(d).map_err(|_| broken())?);
    SigningKey::from_slice(&bytes).map_err(|_| broken())
}

/// The public half of a key as a JWK with its thumbprint as its name (RFC 7638).
pub(crate) fn public(key: &SecretString) -> Result<Value, Error> {
    let key = read(key)?;
    let mut jwk = coordinates(&key)
        .ok_or_else(|| codes::SETTINGS.because("the key for signed requests has no point"))?;
    jwk.insert("kid".to_owned(), json!(thumbprint(&jwk)));
    jwk.insert("use".to_owned(), json!("sig"));
    jwk.insert("alg".to_owned(), json!(ALGORITHM));
    Ok(Value::Object(jwk))
}

/// RFC 7638: the required members in lexical order, without spaces. A JSON map here keeps that order by itself.
fn thumbprint(jwk: &Map<String, Value>) -> String {
    let members: std::collections::BTreeMap<&str, &Value> = ["crv", "kty", "x", "y"]
        .into_iter()
        .filter_map(|name| jwk.get(name).map(|value| (name, value)))
        .collect();
    let text = json!(members).to_string();
    URL_SAFE_NO_PAD.encode(Sha256::digest(text.as_bytes()))
}

/// The claims of the object: every parameter, and for whom and how long it counts. `claims` is an object and `max_age` a
/// number in it (Core section 6.1).
pub(crate) fn claims(
    issuer: &str,
    client_id: &str,
    parameters: &[(String, String)],
    now: DateTime<Utc>,
) -> Map<String, Value> {
    let at = now.timestamp();
    let mut claims: Map<String, Value> = parameters
        .iter()
        .filter(|(name, _)| !OUTSIDE.contains(&name.as_str()))
        .map(|(name, value)| {
            let value = match name.as_str() {
                "claims" => serde_json::from_str(value).unwrap_or_else(|_| json!(value)),
                "max_age" => value
                    .parse::<u64>()
                    .map_or_else(|_| json!(value), |age| json!(age)),
                _ => json!(value),
            };
            (name.clone(), value)
        })
        .collect();
    for (name, value) in [
        ("iss", json!(client_id)),
        ("aud", json!(issuer)),
        ("iat", json!(at)),
        ("nbf", json!(at - 60)),
        ("exp", json!(at + LASTS)),
    ] {
        claims.insert(name.to_owned(), value);
    }
    claims
}

/// The claims as they may be kept and shown.
pub(crate) fn shown(claims: &Map<String, Value>) -> Vec<(String, String)> {
    let texts: Vec<(String, String)> = claims
        .iter()
        .map(|(name, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), text)
        })
        .collect();
    masked(&texts)
}

/// Signs the claims.
pub(crate) fn sign(claims: &Map<String, Value>, key: &SecretString) -> Result<String, Error> {
    let signing = read(key)?;
    let kid = coordinates(&signing).map(|jwk| thumbprint(&jwk));
    let header = json!({"alg": ALGORITHM, "typ": "oauth-authz-req+jwt", "kid": kid});
    let part = |value: &str| URL_SAFE_NO_PAD.encode(value);
    let message = format!(
        "{}.{}",
        part(&header.to_string()),
        part(&json!(claims).to_string())
    );
    let signature: Signature = signing.sign(message.as_bytes());
    Ok(format!(
        "{message}.{}",
        URL_SAFE_NO_PAD.encode(signature.to_bytes())
    ))
}

/// What is sent around the object: RFC 9101 section 5 wants the client, and OpenID Connect Core section 6.1 the two
/// parameters that OAuth requires.
pub(crate) fn around(
    object: String,
    client_id: &str,
    parameters: &[(String, String)],
) -> Vec<(String, String)> {
    let outer = |name: &str| {
        parameters
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| (name.to_owned(), value.clone()))
    };
    let mut around = vec![("client_id".to_owned(), client_id.to_owned())];
    around.extend(outer("response_type"));
    around.extend(outer("scope"));
    around.push(("request".to_owned(), object));
    around
}
