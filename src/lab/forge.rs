//! Applies a tamper to an ID token that is otherwise true.

use chrono::{DateTime, Utc};
use openssl::error::ErrorStack;
use serde_json::{Map, Value, json};

use crate::id_token::{Draft, Proof, access_token_hash};
use crate::keys::{KeySet, SigningKey};
use crate::options::Options;
use crate::tamper::Tamper;

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// What a forger knows of the world around the token.
pub(crate) struct Surroundings<'a> {
    pub(crate) options: &'a Options,
    pub(crate) now: DateTime<Utc>,
    /// The id of a person who did not sign in.
    pub(crate) somebody_else: String,
}

/// Changes `draft` as `tamper` says; a key rotation also changes `keys`.
pub(crate) fn forge(
    draft: &mut Draft,
    tamper: Tamper,
    keys: &mut KeySet,
    around: &Surroundings<'_>,
) -> Result<(), ErrorStack> {
    if tamper == Tamper::KeyRotation {
        return keys.rotate();
    }
    if tamper == Tamper::DuplicateClaim {
        draft.extra_subject = Some(around.somebody_else.clone());
    }
    forge_identity(&mut draft.claims, tamper, around);
    forge_times(&mut draft.claims, tamper, around.now.timestamp());
    forge_proof(draft, tamper, keys, around.options)
}

fn forge_identity(claims: &mut Map<String, Value>, tamper: Tamper, around: &Surroundings<'_>) {
    let client = &around.options.client_id;
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    match tamper {
        Tamper::WrongIssuer => set("iss", json!("http://other-issuer.example")),
        Tamper::WrongAudience => set("aud", json!("another-client")),
        Tamper::SeveralAudiences => set("aud", json!([client, "another-client"])),
        Tamper::WrongAuthorizedParty => {
            set("aud", json!([client, "another-client"]));
            set("azp", json!("another-client"))
        }
        Tamper::WrongNonce => set("nonce", json!("not-the-nonce-that-was-sent")),
        Tamper::EmptySubject => set("sub", json!("")),
        Tamper::LongSubject => set("sub", json!("x".repeat(256))),
        Tamper::OtherSubject => set("sub", json!(around.somebody_else)),
        Tamper::WrongAccessTokenHash => set("at_hash", json!(access_token_hash("another"))),
        Tamper::EmailVerifiedString => set("email_verified", json!("false")),
        Tamper::IssuerWithSlash => {
            let issuer = claims
                .get("iss")
                .and_then(Value::as_str)
                .unwrap_or_default();
            claims.insert("iss".to_owned(), json!(format!("{issuer}/")))
        }
        Tamper::MissingNonce => claims.remove("nonce"),
        Tamper::MissingSubject => claims.remove("sub"),
        _ => None,
    };
}

fn forge_times(claims: &mut Map<String, Value>, tamper: Tamper, now: i64) {
    let stated = claims
        .get("auth_time")
        .and_then(Value::as_i64)
        .unwrap_or(now);
    let mut set = |name: &str, value: Value| claims.insert(name.to_owned(), value);
    match tamper {
        Tamper::Expired => {
            set("iat", json!(now - 2 * HOUR));
            set("exp", json!(now - HOUR))
        }
        Tamper::IssuedInFuture => {
            set("iat", json!(now + DAY));
            set("exp", json!(now + DAY + HOUR))
        }
        Tamper::NotYetValid => set("nbf", json!(now + DAY)),
        Tamper::AuthTimeString => set("auth_time", json!(stated.to_string())),
        Tamper::AuthTimeFuture => set("auth_time", json!(now + DAY)),
        Tamper::AuthTimeMilliseconds => set("auth_time", json!(stated * 1000)),
        Tamper::AuthTimeFloat => {
            // Whole seconds up to the year 285 million are exact in a double.
            #[expect(clippy::cast_precision_loss, reason = "see above")]
            let seconds = stated as f64 + 0.25;
            set("auth_time", json!(seconds))
        }
        Tamper::MissingIssueTime => claims.remove("iat"),
        Tamper::MissingAuthTime => claims.remove("auth_time"),
        _ => None,
    };
}

fn forge_proof(
    draft: &mut Draft,
    tamper: Tamper,
    keys: &KeySet,
    options: &Options,
) -> Result<(), ErrorStack> {
    let mut set = |name: &str, value: Value| draft.header.insert(name.to_owned(), value);
    match tamper {
        Tamper::AlgNone => {
            set("alg", json!("none"));
            draft.proof = Proof::Absent;
        }
        Tamper::BadSignature => draft.proof = Proof::Broken,
        Tamper::Hs256PublicKey => {
            set("alg", json!("HS256"));
            draft.proof = Proof::Hmac(keys.signing.public_pem()?);
        }
        Tamper::Hs256ClientSecret => {
            set("alg", json!("HS256"));
            draft.proof = Proof::Hmac(options.client_secret.clone().into_bytes());
        }
        Tamper::UnknownKid | Tamper::EmbeddedKey | Tamper::ForeignKey => {
            let key = SigningKey::generate(keys.signing.algorithm)?;
            if tamper != Tamper::ForeignKey {
                set("kid", json!(key.kid));
            }
            if tamper == Tamper::EmbeddedKey {
                set("jwk", key.jwk.clone());
            }
            draft.proof = Proof::Foreign(Box::new(key));
        }
        Tamper::MissingKid => {
            set("kid", Value::Null);
        }
        Tamper::CriticalHeader => {
            set("crit", json!(["urn:muster-lab:unknown"]));
            set("urn:muster-lab:unknown", json!(true));
        }
        _ => {}
    }
    Ok(())
}
