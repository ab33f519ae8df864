//! The provider's published signing keys (RFC 7517).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use muster_domain::Error;
use openidconnect::core::{CoreJsonWebKey, CoreJwsSigningAlgorithm};
use openidconnect::{JsonWebKey as _, JwsSigningAlgorithm as _};
use serde_json::{Map, Value};
use url::Url;

use crate::codes;
use crate::http::{Http, Proof, shown};

/// More keys than any provider has (Microsoft's shared address: about ten). Each may have to be tried (O62).
const MOST: usize = 100;
/// RSA keys below this can be broken (NIST SP 800-131A; RFC 7518 section 3.3).
const RSA_BITS: usize = 2048;

/// Whether a key may be relied on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Strength {
    Enough,
    Weak,
}

#[derive(Clone, Debug)]
struct Key {
    kid: Option<String>,
    strength: Strength,
    key: CoreJsonWebKey,
}

/// The usable keys of a provider.
#[derive(Clone, Debug, Default)]
pub(crate) struct KeySet {
    keys: Vec<Key>,
}

/// Why no key verifies.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KeyFault {
    /// No key has this identifier and suits this algorithm.
    Unknown,
    /// Keys fit, but the signature is by none of them.
    Wrong,
    /// Only keys fit that are too weak.
    Weak,
}

/// How many keys there are of which sort, for the examination.
pub(crate) struct Census {
    pub(crate) usable: usize,
    pub(crate) weak: usize,
}

impl KeySet {
    /// Fetches the set.
    pub(crate) async fn fetch(http: &Http, url: &Url) -> Result<Self, Error> {
        let answer = http.get(url, Proof::Form).await?;
        if answer.status != 200 {
            return Err(codes::KEYS_UNREADABLE.saying(format!(
                "The provider's signing keys cannot be read: {} answered with {}.",
                shown(url),
                answer.described()
            )));
        }
        Self::read(&answer.body)
    }

    /// Reads a set. Keys of unknown kinds and keys without public part are passed over.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Error> {
        let map: Map<String, Value> =
            serde_json::from_slice(bytes).map_err(|error| codes::KEYS_UNREADABLE.because(error))?;
        let Some(published) = map.get("keys").and_then(Value::as_array) else {
            return Err(codes::KEYS_UNREADABLE.because("no list named keys"));
        };
        if published.len() > MOST {
            return Err(codes::KEYS_UNREADABLE.saying(format!(
                "The provider publishes {} keys; more than {MOST} are not read.",
                published.len()
            )));
        }
        Ok(Self {
            keys: published.iter().filter_map(key).collect(),
        })
    }

    /// The keys by sort.
    pub(crate) fn census(&self) -> Census {
        let weak = self
            .keys
            .iter()
            .filter(|key| key.strength == Strength::Weak)
            .count();
        Census {
            usable: self.keys.len() - weak,
            weak,
        }
    }

    /// The key that made a signature. With a `kid`, keys of that name are tried (two may share one while
    /// keys change, O64) and keys without a name; without, all that suit the algorithm.
    pub(crate) fn verify(
        &self,
        kid: Option<&str>,
        alg: &CoreJwsSigningAlgorithm,
        message: &[u8],
        signature: &[u8],
    ) -> Result<&CoreJsonWebKey, KeyFault> {
        let mut fault = KeyFault::Unknown;
        for Key {
            kid: name,
            strength,
            key,
        } in &self.keys
        {
            let is_named = kid.is_none() || name.is_none() || kid == name.as_deref();
            if !is_named || alg.key_type().as_ref() != Some(key.key_type()) {
                continue;
            }
            if *strength == Strength::Weak {
                if fault == KeyFault::Unknown {
                    fault = KeyFault::Weak;
                }
                continue;
            }
            match key.verify_signature(alg, message, signature) {
                Ok(()) => return Ok(key),
                Err(_) => fault = KeyFault::Wrong,
            }
        }
        Err(fault)
    }
}

/// One published key, if it is a public key for signatures. A symmetric key in a public document is
/// no secret, so that it is never used (O16).
fn key(published: &Value) -> Option<Key> {
    let text = |name: &str| published.get(name).and_then(Value::as_str);
    let strength = match text("kty")? {
        "RSA" if modulus_bits(text("n")?)? < RSA_BITS => Strength::Weak,
        "RSA" => Strength::Enough,
        "EC" | "OKP" => {
            text("x")?;
            Strength::Enough
        }
        _ => return None,
    };
    if text("use").is_some_and(|usage| usage != "sig") {
        return None;
    }
    Some(Key {
        kid: text("kid").map(str::to_owned),
        strength,
        key: serde_json::from_value(published.clone()).ok()?,
    })
}

fn modulus_bits(encoded: &str) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(encoded.trim_end_matches('=')).ok()?;
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let first = *bytes.get(zeros)?;
    Some((bytes.len() - zeros) * 8 - first.leading_zeros() as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o62_a_set_of_ten_thousand_keys_is_not_read() {
        let keys = vec![serde_json::json!({"kty": "EC"}); 10_000];
        let error =
            KeySet::read(serde_json::json!({ "keys": keys }).to_string().as_bytes()).unwrap_err();
        assert_eq!(error.code, "OIDC-012");
        assert!(error.public.contains("10000 keys"), "{error}");
    }

    #[test]
    fn odd_keys_are_passed_over_and_never_an_oracle() {
        let set = serde_json::json!({"keys": [
            {"kty": "oct", "k": "AAAA", "kid": "a"}, {"kty": 3}, null, 7, {}, {"kty": "RSA", "n": "!!", "e": "AQAB"},
            {"kty": "RSA", "n": "", "e": ""}, {"kty": "EC", "crv": "P-256", "x": "AA"}, {"kty": "quantum", "x": "AA"},
            {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "use": "enc"},
        ]});
        let set = KeySet::read(set.to_string().as_bytes()).unwrap();
        let alg = CoreJwsSigningAlgorithm::EcdsaP256Sha256;
        assert_eq!(set.verify(None, &alg, b"m", &[0; 64]), Err(KeyFault::Wrong));
        assert_eq!(
            set.verify(Some("a"), &CoreJwsSigningAlgorithm::HmacSha256, b"m", b"s"),
            Err(KeyFault::Unknown)
        );
    }
}
