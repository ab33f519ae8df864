//! What an identity provider returned about *when and how* a person signed in.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::claims::Claims;
use crate::id::ProviderId;

/// The time of authentication as the provider states it (`auth_time`, OIDC Core section 2; `AuthnInstant`, SAML core 2.7.2).
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "value")]
pub enum StatedTime {
    /// The provider said nothing.
    Absent,
    /// A readable instant.
    At(DateTime<Utc>),
    /// Something that is no time: its text, and it proves nothing.
    Malformed(String),
}

impl StatedTime {
    /// Seconds since 1970 above which a number can only be milliseconds.
    const TOO_LARGE: f64 = 1e11;

    /// Reads an `auth_time` claim: an integer, or a float as some providers send. Texts, milliseconds and
    /// negative numbers are [`Self::Malformed`].
    #[must_use]
    pub fn from_claim(value: Option<&serde_json::Value>) -> Self {
        let Some(value) = value.filter(|value| !value.is_null()) else {
            return Self::Absent;
        };
        let seconds = if value.is_number() {
            value.as_f64()
        } else {
            None
        };
        match seconds {
            Some(seconds) if seconds.is_finite() && (0.0..Self::TOO_LARGE).contains(&seconds) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "the range is checked above; milliseconds fit i64"
                )]
                let millis = (seconds * 1000.0).round() as i64;
                DateTime::from_timestamp_millis(millis)
                    .map_or_else(|| Self::Malformed(value.to_string()), Self::At)
            }
            _ => Self::Malformed(value.to_string().chars().take(60).collect()),
        }
    }

    /// The instant, if one is stated.
    #[must_use]
    pub const fn instant(&self) -> Option<DateTime<Utc>> {
        match self {
            Self::At(at) => Some(*at),
            _ => None,
        }
    }
}

/// An answer whose signature, issuer, audience, expiry and nonce were verified. Only a protocol crate builds one.
#[derive(Clone, PartialEq, Debug)]
pub struct AuthEvidence {
    provider: ProviderId,
    issuer: String,
    subject: String,
    stated: StatedTime,
    acr: Option<String>,
    amr: Vec<String>,
    issued_at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    claims: Claims,
}

/// What a protocol crate hands over to make [`AuthEvidence`], after it verified the answer.
#[derive(Clone, Debug)]
pub struct Verified {
    /// The provider that answered.
    pub provider: ProviderId,
    /// Its issuer, exactly as configured and stated.
    pub issuer: String,
    /// The subject: unique and never reassigned within the issuer.
    pub subject: String,
    /// When the answer was made, by the provider's clock (`iat`).
    pub issued_at: DateTime<Utc>,
    /// When it reached us, by ours.
    pub received_at: DateTime<Utc>,
    /// Everything it says.
    pub claims: Claims,
}

impl AuthEvidence {
    /// Evidence from a **verified** answer. Called by protocol crates alone (a wall test sees to it).
    #[must_use]
    pub fn verified(answer: Verified) -> Self {
        let stated = StatedTime::from_claim(answer.claims.get("auth_time"));
        let acr = answer.claims.text("acr").map(str::to_owned);
        let amr = answer.claims.texts("amr");
        let Verified {
            provider,
            issuer,
            subject,
            issued_at,
            received_at,
            claims,
        } = answer;
        Self {
            provider,
            issuer,
            subject,
            stated,
            acr,
            amr,
            issued_at,
            received_at,
            claims,
        }
    }

    /// The provider that answered.
    #[must_use]
    pub const fn provider(&self) -> ProviderId {
        self.provider
    }

    /// Its issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The subject within the issuer.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.subject
    }

    /// The stated time of authentication.
    #[must_use]
    pub const fn stated(&self) -> &StatedTime {
        &self.stated
    }

    /// Authentication context class reference.
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        self.acr.as_deref()
    }

    /// Authentication methods (RFC 8176).
    #[must_use]
    pub fn amr(&self) -> &[String] {
        &self.amr
    }

    /// When the answer was made, by the provider's clock.
    #[must_use]
    pub const fn issued_at(&self) -> DateTime<Utc> {
        self.issued_at
    }

    /// When it reached us.
    #[must_use]
    pub const fn received_at(&self) -> DateTime<Utc> {
        self.received_at
    }

    /// How far the provider's clock is ahead of ours (negative: behind), as far as this answer tells.
    #[must_use]
    pub fn clock_ahead(&self) -> chrono::TimeDelta {
        self.issued_at - self.received_at
    }

    /// Everything it says.
    #[must_use]
    pub const fn claims(&self) -> &Claims {
        &self.claims
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn integer_and_float_are_read_and_text_and_milliseconds_are_not() {
        let at =
            |s: i64, ms: u32| StatedTime::At(DateTime::from_timestamp(s, ms * 1_000_000).unwrap());
        assert_eq!(
            StatedTime::from_claim(Some(&json!(1_795_285_795))),
            at(1_795_285_795, 0)
        );
        assert_eq!(
            StatedTime::from_claim(Some(&json!(1_795_285_795.545_688))),
            at(1_795_285_795, 546)
        );
        assert_eq!(StatedTime::from_claim(None), StatedTime::Absent);
        assert_eq!(
            StatedTime::from_claim(Some(&json!(null))),
            StatedTime::Absent
        );
        for bad in [
            json!("1795285795"),
            json!(1_795_285_795_000_i64),
            json!(-1),
            json!(true),
            json!([1]),
        ] {
            assert!(
                matches!(StatedTime::from_claim(Some(&bad)), StatedTime::Malformed(_)),
                "{bad}"
            );
        }
    }
}
