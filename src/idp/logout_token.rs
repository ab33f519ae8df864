//! What a logout token must say (OpenID Connect Back-Channel Logout 1.0 section 2.6), checked after its signature was.
//! Pure: the time arrives as an argument.

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Error;
use muster_domain::protocol::SignedOut;
use serde_json::{Map, Value};

use crate::codes;
use crate::id_token::{self, SKEW};
use crate::words::clean;

/// The member of `events` that makes a token one (section 2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How old one may be: the specification suggests two minutes of validity at most; providers repeat for a while (O47).
const OLDEST: TimeDelta = TimeDelta::minutes(10);

/// Checks every claim, and says whose sessions are over.
pub(crate) fn check(
    claims: &Map<String, Value>,
    issuer: &str,
    client_id: &str,
    now: DateTime<Utc>,
) -> Result<SignedOut, Error> {
    id_token::issuer(claims, issuer)?;
    id_token::audience(claims, client_id)?;
    let ends_at = times(claims, now)?;
    // An ID token has none of it, and a logout token no nonce: neither is ever taken for the other (O40, O41, O44).
    let is_event = claims
        .get("events")
        .and_then(Value::as_object)
        .and_then(|events| events.get(EVENT))
        .is_some_and(Value::is_object);
    if !is_event {
        return Err(codes::LOGOUT_EVENT.error());
    }
    if claims.contains_key("nonce") {
        return Err(codes::LOGOUT_NONCE.error());
    }
    let text = |name: &str| match claims.get(name) {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() && text.len() <= 255 => {
            Ok(Some(text.clone()))
        }
        Some(other) => {
            Err(codes::LOGOUT_WHO.because(format!("{name} is {}", clean(&other.to_string()))))
        }
    };
    let subject = match claims.get("sub") {
        None => None,
        Some(_) => Some(id_token::subject(claims)?),
    };
    let session = text("sid")?;
    if subject.is_none() && session.is_none() {
        return Err(codes::LOGOUT_WHO.because("neither sub nor sid"));
    }
    let id = text("jti")?.ok_or_else(|| codes::LOGOUT_WHO.because("no jti"))?;
    Ok(SignedOut {
        subject,
        session,
        id,
        ends_at,
    })
}

/// Until when the token could be presented again.
fn times(claims: &Map<String, Value>, now: DateTime<Utc>) -> Result<DateTime<Utc>, Error> {
    let issued_at = id_token::instant(claims.get("iat"))?
        .ok_or_else(|| codes::TOKEN_TIMES.because("no iat"))?;
    if issued_at > now + SKEW {
        return Err(codes::TOKEN_EARLY.because(format!("iat lies after {now}")));
    }
    // Stated by every newer provider; older drafts had none.
    let exp = id_token::instant(claims.get("exp"))?;
    let ends_at = exp.map_or(issued_at + OLDEST, |exp| exp.min(issued_at + OLDEST)) + SKEW;
    if ends_at <= now {
        return Err(codes::TOKEN_EXPIRED.because(format!("ended {ends_at}, now {now}")));
    }
    Ok(ends_at)
}
