//! What an ID token must say (OpenID Connect Core 1.0 section 3.1.3.7), checked after its signature was.
//! Pure: the time arrives as an argument.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Error;
use openidconnect::JsonWebKey as _;
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm};
use serde_json::{Map, Value};
use subtle::ConstantTimeEq as _;

use crate::codes;
use crate::words::clean;

/// How much the clocks of provider and server may differ: what most relying parties allow.
pub(crate) const SKEW: TimeDelta = TimeDelta::seconds(60);
/// How far the provider's clock may be ahead: two minutes are followed once they are measured, no more (see
/// [`muster_domain::calibration::meter`]).
pub(crate) const AHEAD: TimeDelta = TimeDelta::seconds(120);

/// What it is held against.
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) nonce: &'a str,
    pub(crate) now: DateTime<Utc>,
}

/// What was found out on the way.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) subject: String,
    pub(crate) issued_at: DateTime<Utc>,
}

/// Checks every claim that sign-in rests on.
pub(crate) fn check(
    claims: &Map<String, Value>,
    expected: &Expected<'_>,
) -> Result<Checked, Error> {
    issuer(claims, expected.issuer)?;
    audience(claims, expected.client_id)?;
    let issued_at = times(claims, expected.now)?;
    nonce(claims, expected.nonce)?;
    Ok(Checked {
        subject: subject(claims)?,
        issued_at,
    })
}

/// Compared letter by letter: a slash or the case of a letter makes another issuer (O27).
pub(crate) fn issuer(claims: &Map<String, Value>, expected: &str) -> Result<(), Error> {
    match claims.get("iss").and_then(Value::as_str) {
        Some(stated) if stated == expected => Ok(()),
        Some(stated) => Err(codes::TOKEN_ISSUER.saying(format!(
            "The ID token names the issuer {}, but {expected} is configured here.",
            clean(stated)
        ))),
        None => Err(codes::TOKEN_ISSUER.saying("The ID token names no issuer.")),
    }
}

/// `aud` must hold our client; with other audiences beside it, `azp` must say that it was issued to us,
/// and wherever `azp` is stated, it must be us (O24 to O26).
pub(crate) fn audience(claims: &Map<String, Value>, client_id: &str) -> Result<(), Error> {
    let audiences: Vec<&str> = match claims.get("aud") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(many)) if many.iter().all(Value::is_string) => {
            many.iter().filter_map(Value::as_str).collect()
        }
        _ => {
            return Err(codes::TOKEN_AUDIENCE
                .saying("The ID token does not say for which application it is meant."));
        }
    };
    if !audiences.contains(&client_id) {
        return Err(codes::TOKEN_AUDIENCE.because(clean(&audiences.join(" "))));
    }
    match claims.get("azp") {
        Some(Value::String(party)) if party == client_id => Ok(()),
        None if audiences.len() == 1 => Ok(()),
        None => Err(codes::TOKEN_PARTY.saying(
            "The ID token is meant for several applications and does not say to which it was issued (azp).",
        )),
        Some(other) => Err(codes::TOKEN_PARTY.because(clean(&other.to_string()))),
    }
}

fn times(claims: &Map<String, Value>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
    let issued_at =
        instant(claims.get("iat"))?.ok_or_else(|| codes::TOKEN_TIMES.because("no iat"))?;
    let ends_at =
        instant(claims.get("exp"))?.ok_or_else(|| codes::TOKEN_TIMES.because("no exp"))?;
    if ends_at <= now - SKEW {
        return Err(codes::TOKEN_EXPIRED.because(format!("exp {ends_at}, now {now}")));
    }
    let begins_at = instant(claims.get("nbf"))?;
    for (name, at) in [("iat", Some(issued_at)), ("nbf", begins_at)] {
        let Some(at) = at.filter(|at| *at > now + AHEAD) else {
            continue;
        };
        let error = codes::TOKEN_EARLY.because(format!("{name} lies after {now}"));
        let ahead = (at - now).num_seconds();
        return Err(if name == "iat" {
            Error {
                public: format!("The provider's clock is {ahead} s ahead of ours, so its ID token is not valid yet.").into(),
                ..error
            }
        } else {
            error
        });
    }
    Ok(issued_at)
}

/// A NumericDate (RFC 7519 section 2): seconds, with or without fraction.
pub(crate) fn instant(value: Option<&Value>) -> Result<Option<DateTime<Utc>>, Error> {
    let Some(value) = value.filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let malformed = || codes::TOKEN_TIMES.because(clean(&value.to_string()));
    let seconds = if value.is_number() {
        value.as_f64()
    } else {
        None
    };
    // Beyond the year 5138 it can only be milliseconds.
    let seconds = seconds
        .filter(|s| (0.0..1e11).contains(s))
        .ok_or_else(malformed)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the range is checked above; milliseconds fit i64"
    )]
    let millis = (seconds * 1000.0).round() as i64;
    DateTime::from_timestamp_millis(millis)
        .map(Some)
        .ok_or_else(malformed)
}

fn nonce(claims: &Map<String, Value>, expected: &str) -> Result<(), Error> {
    match claims.get("nonce").and_then(Value::as_str) {
        _ if expected.is_empty() => Err(codes::TOKEN_NONCE.because("nothing was asked")),
        Some(stated) if bool::from(stated.as_bytes().ct_eq(expected.as_bytes())) => Ok(()),
        Some(_) => Err(codes::TOKEN_NONCE.because("another nonce")),
        None => Err(codes::TOKEN_NONCE.because("no nonce")),
    }
}

/// Core section 2: at most 255 characters, case-sensitive. Control characters have no place in a name (O31).
pub(crate) fn subject(claims: &Map<String, Value>) -> Result<String, Error> {
    match claims.get("sub").and_then(Value::as_str) {
        Some(sub) if sub.trim().is_empty() => Err(codes::TOKEN_SUBJECT.because("empty")),
        Some(sub) if sub.len() > 255 => {
            Err(codes::TOKEN_SUBJECT.because(format!("{} bytes", sub.len())))
        }
        Some(sub) if sub.chars().any(char::is_control) => {
            Err(codes::TOKEN_SUBJECT.because("control character"))
        }
        Some(sub) => Ok(sub.to_owned()),
        None => Err(codes::TOKEN_SUBJECT.because("absent or no text")),
    }
}

/// Checks `at_hash` or `c_hash` (Core 3.1.3.6, 3.3.2.11) when it is stated: left half of the hash (O34, O35).
pub(crate) fn hash(
    claims: &Map<String, Value>,
    name: &str,
    of: &str,
    key: &CoreJsonWebKey,
    alg: &CoreJwsSigningAlgorithm,
) -> Result<(), Error> {
    let Some(stated) = claims.get(name).filter(|value| !value.is_null()) else {
        return Ok(());
    };
    let full = key
        .hash_bytes(of.as_bytes(), alg)
        .map_err(|error| codes::TOKEN_HASH.because(error))?;
    let half = full.get(..full.len() / 2).unwrap_or_default();
    let is_same = stated
        .as_str()
        .is_some_and(|stated| stated.trim_end_matches('=') == URL_SAFE_NO_PAD.encode(half));
    if is_same {
        Ok(())
    } else {
        Err(codes::TOKEN_HASH.because(name))
    }
}
