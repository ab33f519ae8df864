//! Making ID tokens: the true claims, and the compact form they are sent in.

use chrono::{DateTime, Utc};
use openssl::error::ErrorStack;
use openssl::sha::sha256;
use serde_json::{Map, Value, json};

use crate::keys::{KeySet, SigningKey, encode, hmac};
use crate::provider::{Grant, Provider};

/// How long an ID token is valid, in seconds. Short, as an application reads it at once.
const LIFETIME: i64 = 300;

/// How the third part of the token is made.
pub(crate) enum Proof {
    /// By the provider's signing key.
    Published,
    /// By another key.
    Foreign(Box<SigningKey>),
    /// By HMAC-SHA256 with this secret.
    Hmac(Vec<u8>),
    /// By the signing key, then one bit is flipped.
    Broken,
    /// Not at all.
    Absent,
}

/// An ID token before it is signed.
pub(crate) struct Draft {
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
    /// A value of `sub` to write before the real one.
    pub(crate) extra_subject: Option<String>,
    pub(crate) proof: Proof,
}

impl Draft {
    /// The true token for `grant`: whatever is false in it comes from the provider's behaviour.
    pub(crate) fn new(
        provider: &Provider,
        client_id: &str,
        grant: &Grant,
        access_token: &str,
        now: DateTime<Utc>,
    ) -> Self {
        let session = &grant.session;
        let behaviour = provider.character.behaviour;
        let stated = behaviour.auth_time(session.signed_in, now, grant.request.is_forced());
        let now = behaviour.clock(now);
        let mut claims = session.person.claims(&grant.request.scopes);
        let mut add = |name: &str, value: Value| claims.insert(name.to_owned(), value);
        add("iss", json!(provider.issuer));
        add("sub", json!(session.person.id));
        add("aud", json!(client_id));
        add("iat", json!(now.timestamp()));
        add("exp", json!(now.timestamp() + LIFETIME));
        add("at_hash", json!(access_token_hash(access_token)));
        if let Some(acr) = behaviour.acr() {
            add("acr", json!(acr));
        }
        add("amr", json!(["pwd"]));
        add("sid", json!(session.sid));
        if let Some(nonce) = &grant.request.nonce {
            add("nonce", json!(nonce));
        }
        if let Some(time) = stated {
            add("auth_time", json!(time));
        }
        Self {
            header: Map::from_iter([("typ".to_owned(), json!("JWT"))]),
            claims,
            extra_subject: None,
            proof: Proof::Published,
        }
    }

    /// The compact form (RFC 7515, section 3.1), signed as the draft says.
    pub(crate) fn seal(mut self, keys: &KeySet) -> Result<String, ErrorStack> {
        self.name_key(keys);
        let mut claims = Value::Object(self.claims).to_string();
        if let Some(subject) = self.extra_subject {
            claims = claims.replacen('{', &format!(r#"{{"sub":{},"#, json!(subject)), 1);
        }
        let header = Value::Object(self.header).to_string();
        let input = format!(
            "{}.{}",
            encode(header.as_bytes()),
            encode(claims.as_bytes())
        );
        let signature = match self.proof {
            Proof::Published => keys.signing.sign(input.as_bytes())?,
            Proof::Foreign(key) => key.sign(input.as_bytes())?,
            Proof::Hmac(secret) => hmac(&secret, input.as_bytes())?,
            Proof::Broken => {
                let mut signature = keys.signing.sign(input.as_bytes())?;
                if let Some(byte) = signature.last_mut() {
                    *byte ^= 1;
                }
                signature
            }
            Proof::Absent => Vec::new(),
        };
        Ok(format!("{input}.{}", encode(&signature)))
    }

    /// Fills in `alg` and `kid` unless a tamper already did; a `kid` of null is left out.
    fn name_key(&mut self, keys: &KeySet) {
        let header = &mut self.header;
        header
            .entry("alg")
            .or_insert_with(|| json!(keys.signing.algorithm.name()));
        header
            .entry("kid")
            .or_insert_with(|| json!(keys.signing.kid));
        header.retain(|_, value| !value.is_null());
    }
}

/// What binds an access token to an ID token: half of its hash (OIDC Core 3.1.3.6).
pub(crate) fn access_token_hash(token: &str) -> String {
    let hash = sha256(token.as_bytes());
    encode(hash.first_chunk::<16>().unwrap_or(&[0; 16]))
}

/// The claims of a token this provider signed itself, whether or not it has expired.
pub(crate) fn read_own(keys: &KeySet, token: &str) -> Option<Value> {
    let (input, signature) = token.rsplit_once('.')?;
    let signature = crate::keys::decode(signature)?;
    let good = keys.signing.verifies(input.as_bytes(), &signature);
    if !good.unwrap_or(false) {
        return None;
    }
    let (_, claims) = input.split_once('.')?;
    serde_json::from_slice(&crate::keys::decode(claims)?).ok()
}
