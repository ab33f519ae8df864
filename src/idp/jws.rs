//! A signed token in its compact form (RFC 7515), read but not yet believed.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use muster_domain::Error;
use openidconnect::core::CoreJwsSigningAlgorithm as Alg;
use serde_json::{Map, Value};

use crate::codes;
use crate::json::{self, JsonFault};
use crate::words::clean;

/// Larger than any token a sign-in needs; a person in some thousand groups stays below it (O69).
const LARGEST: usize = 100_000;

/// The algorithms that are accepted, whatever a token or a discovery document says (O18, O19). Neither
/// `none` (O15) nor any with a shared secret (O16, O17) is among them; ES512 is not, because the crate
/// has no P-521.
pub(crate) const ACCEPTED: [(&str, Alg); 9] = [
    ("RS256", Alg::RsaSsaPkcs1V15Sha256),
    ("RS384", Alg::RsaSsaPkcs1V15Sha384),
    ("RS512", Alg::RsaSsaPkcs1V15Sha512),
    ("PS256", Alg::RsaSsaPssSha256),
    ("PS384", Alg::RsaSsaPssSha384),
    ("PS512", Alg::RsaSsaPssSha512),
    ("ES256", Alg::EcdsaP256Sha256),
    ("ES384", Alg::EcdsaP384Sha384),
    ("EdDSA", Alg::EdDsa),
];

/// A token, taken apart.
#[derive(Debug)]
pub(crate) struct Jws<'a> {
    pub(crate) alg: Alg,
    pub(crate) kid: Option<String>,
    pub(crate) message: &'a str,
    pub(crate) signature: Vec<u8>,
    payload: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Takes a token apart. Keys and addresses in its header (`jwk`, `jku`, `x5u`, `x5c`) are not even
    /// looked at (O21).
    pub(crate) fn read(token: &'a str) -> Result<Self, Error> {
        Self::read_as(token, &["jwt", "jose"])
    }

    /// The same for a logout token, which may say that it is one.
    pub(crate) fn read_logout(token: &'a str) -> Result<Self, Error> {
        Self::read_as(token, &["jwt", "jose", "logout+jwt"])
    }

    fn read_as(token: &'a str, kinds: &[&str]) -> Result<Self, Error> {
        if token.len() > LARGEST {
            return Err(codes::TOKEN_MALFORMED.saying(format!(
                "The provider's token is larger than {LARGEST} bytes."
            )));
        }
        let (message, signature) = token
            .rsplit_once('.')
            .ok_or_else(|| codes::TOKEN_MALFORMED.error())?;
        match token.matches('.').count() {
            2 => {}
            4 => return Err(codes::TOKEN_ENCRYPTED.error()),
            _ => return Err(codes::TOKEN_MALFORMED.error()),
        }
        let (header, payload) = message
            .split_once('.')
            .ok_or_else(|| codes::TOKEN_MALFORMED.error())?;
        let header = object(&decoded(header)?)?;
        let alg = accepted_header(&header, kinds)?;
        let kid = match header.get("kid") {
            None | Some(Value::Null) => None,
            Some(Value::String(kid)) => Some(kid.clone()),
            Some(_) => return Err(codes::TOKEN_MALFORMED.because("kid is no text")),
        };
        Ok(Self {
            alg,
            kid,
            message,
            signature: decoded(signature)?,
            payload: decoded(payload)?,
        })
    }

    /// What it says. Believe it only after its signature was verified.
    pub(crate) fn claims(&self) -> Result<Map<String, Value>, Error> {
        object(&self.payload)
    }
}

fn decoded(part: &str) -> Result<Vec<u8>, Error> {
    URL_SAFE_NO_PAD
        .decode(part)
        .map_err(|error| codes::TOKEN_MALFORMED.because(error))
}

fn object(bytes: &[u8]) -> Result<Map<String, Value>, Error> {
    json::object(bytes).map_err(|fault| match fault {
        JsonFault::Repeated => codes::CLAIM_REPEATED.error(),
        JsonFault::Unreadable => codes::TOKEN_MALFORMED.because("no JSON object"),
    })
}

fn accepted_header(header: &Map<String, Value>, kinds: &[&str]) -> Result<Alg, Error> {
    if header.contains_key("crit") || header.contains_key("b64") || header.contains_key("zip") {
        return Err(codes::HEADER_CRITICAL.error());
    }
    if header.contains_key("enc") {
        return Err(codes::TOKEN_ENCRYPTED.error());
    }
    let kind = header
        .get("typ")
        .map(|typ| typ.as_str().unwrap_or("?").to_ascii_lowercase());
    // RFC 8725 section 3.11: an access token (at+jwt) or logout token (logout+jwt) is no ID token (O37, O38).
    if let Some(kind) = kind
        && !kinds.contains(&kind.trim_start_matches("application/"))
    {
        return Err(codes::TOKEN_TYPE.because(clean(&kind)));
    }
    let stated = header
        .get("alg")
        .and_then(Value::as_str)
        .unwrap_or_default();
    ACCEPTED
        .into_iter()
        .find(|(name, _)| *name == stated)
        .map(|(_, alg)| alg)
        .ok_or_else(|| refused(stated))
}

fn refused(stated: &str) -> Error {
    let why = match stated.to_ascii_lowercase().as_str() {
        "" => "names no algorithm".to_owned(),
        "none" => "is not signed at all (alg “none”)".to_owned(),
        name if name.starts_with("hs") => {
            format!("is signed with a shared secret ({})", clean(stated))
        }
        _ => format!("is signed with {}, which is not accepted", clean(stated)),
    };
    codes::ALGORITHM.saying(format!("The provider's token {why}."))
}
