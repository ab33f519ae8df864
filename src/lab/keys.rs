//! Signing keys: made in memory when first needed (an RSA key takes a moment), published as JWKs, gone when it ends.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::sha::sha256;
use openssl::sign::{Signer, Verifier};
use serde_json::{Value, json};

/// How ID tokens are signed (RFC 7518, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// RSA with SHA-256, 2048 bit keys.
    Rs256,
    /// ECDSA on P-256 with SHA-256.
    Es256,
}

impl Algorithm {
    /// The name used in headers and discovery.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es256 => "ES256",
        }
    }
}

impl Algorithm {
    /// What a provider that signs with this one offers, its own first. Discovery has to offer
    /// RS256 (OpenID Connect Discovery 1.0, section 3).
    pub(crate) fn offered(self) -> &'static [Self] {
        match self {
            Self::Rs256 => &[Self::Rs256],
            Self::Es256 => &[Self::Es256, Self::Rs256],
        }
    }
}

/// A private key with its public description.
pub(crate) struct SigningKey {
    pub(crate) algorithm: Algorithm,
    pub(crate) kid: String,
    pub(crate) jwk: Value,
    key: PKey<Private>,
}

impl SigningKey {
    pub(crate) fn generate(algorithm: Algorithm) -> Result<Self, ErrorStack> {
        let (key, mut jwk) = match algorithm {
            Algorithm::Rs256 => generate_rsa()?,
            Algorithm::Es256 => generate_ec()?,
        };
        // RFC 7638: the thumbprint covers exactly the members the generators put in, sorted.
        let kid = encode(&sha256(jwk.to_string().as_bytes()));
        if let Some(members) = jwk.as_object_mut() {
            members.insert("kid".to_owned(), json!(kid));
            members.insert("use".to_owned(), json!("sig"));
            members.insert("alg".to_owned(), json!(algorithm.name()));
        }
        Ok(Self {
            algorithm,
            kid,
            jwk,
            key,
        })
    }

    /// A JWS signature over `input`.
    pub(crate) fn sign(&self, input: &[u8]) -> Result<Vec<u8>, ErrorStack> {
        let mut signer = Signer::new(MessageDigest::sha256(), &self.key)?;
        let signature = signer.sign_oneshot_to_vec(input)?;
        match self.algorithm {
            Algorithm::Rs256 => Ok(signature),
            Algorithm::Es256 => {
                let pair = EcdsaSig::from_der(&signature)?;
                let mut raw = pair.r().to_vec_padded(32)?;
                raw.extend(pair.s().to_vec_padded(32)?);
                Ok(raw)
            }
        }
    }

    /// Whether `signature` over `input` was made with this key.
    pub(crate) fn verifies(&self, input: &[u8], signature: &[u8]) -> Result<bool, ErrorStack> {
        let mut verifier = Verifier::new(MessageDigest::sha256(), &self.key)?;
        match self.algorithm {
            Algorithm::Rs256 => verifier.verify_oneshot(signature, input),
            Algorithm::Es256 => {
                let Some((r, s)) = signature.split_at_checked(32) else {
                    return Ok(false);
                };
                let pair = EcdsaSig::from_private_components(
                    BigNum::from_slice(r)?,
                    BigNum::from_slice(s)?,
                )?;
                verifier.verify_oneshot(&pair.to_der()?, input)
            }
        }
    }

    /// The public half in PEM, as an attacker would use it for an HMAC.
    pub(crate) fn public_pem(&self) -> Result<Vec<u8>, ErrorStack> {
        self.key.public_key_to_pem()
    }
}

/// HMAC-SHA256, for tokens that pretend (attack rows O16 and O17).
pub(crate) fn hmac(secret: &[u8], input: &[u8]) -> Result<Vec<u8>, ErrorStack> {
    let key = PKey::hmac(secret)?;
    Signer::new(MessageDigest::sha256(), &key)?.sign_oneshot_to_vec(input)
}

fn generate_rsa() -> Result<(PKey<Private>, Value), ErrorStack> {
    let rsa = Rsa::generate(2048)?;
    let (e, n) = (encode(&rsa.e().to_vec()), encode(&rsa.n().to_vec()));
    let jwk = json!({ "e": e, "kty": "RSA", "n": n });
    Ok((PKey::from_rsa(rsa)?, jwk))
}

fn generate_ec() -> Result<(PKey<Private>, Value), ErrorStack> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
    let ec = EcKey::generate(&group)?;
    let (mut x, mut y) = (BigNum::new()?, BigNum::new()?);
    let mut context = BigNumContext::new()?;
    ec.public_key()
        .affine_coordinates(&group, &mut x, &mut y, &mut context)?;
    let (x, y) = (encode(&x.to_vec_padded(32)?), encode(&y.to_vec_padded(32)?));
    let jwk = json!({ "crv": "P-256", "kty": "EC", "x": x, "y": y });
    Ok((PKey::from_ec_key(ec)?, jwk))
}

/// base64url without padding.
pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The reverse of [`encode`].
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// What a provider publishes; the first key signs.
pub(crate) struct KeySet {
    pub(crate) signing: SigningKey,
    others: Vec<SigningKey>,
}

impl KeySet {
    pub(crate) fn generate(signing: Algorithm) -> Result<Self, ErrorStack> {
        let others = signing.offered().iter().skip(1);
        Ok(Self {
            signing: SigningKey::generate(signing)?,
            others: others
                .map(|other| SigningKey::generate(*other))
                .collect::<Result<_, _>>()?,
        })
    }

    /// Puts a new signing key in place of the present one, which is no longer published.
    pub(crate) fn rotate(&mut self) -> Result<(), ErrorStack> {
        self.signing = SigningKey::generate(self.signing.algorithm)?;
        Ok(())
    }

    pub(crate) fn jwks(&self) -> Value {
        let all: Vec<&Value> = self.all().map(|key| &key.jwk).collect();
        json!({ "keys": all })
    }

    fn all(&self) -> impl Iterator<Item = &SigningKey> {
        std::iter::once(&self.signing).chain(&self.others)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_verify_with_the_key_that_made_them_and_no_other() {
        for algorithm in [Algorithm::Rs256, Algorithm::Es256] {
            let key = SigningKey::generate(algorithm).unwrap();
            let other = SigningKey::generate(algorithm).unwrap();
            let signature = key.sign(b"text").unwrap();
            assert!(key.verifies(b"text", &signature).unwrap());
            assert!(!key.verifies(b"test", &signature).unwrap());
            assert!(!other.verifies(b"text", &signature).unwrap_or(false));
            assert_ne!(key.kid, other.kid);
        }
    }

    #[test]
    fn the_key_id_is_the_rfc_7638_thumbprint() {
        let key = SigningKey::generate(Algorithm::Rs256).unwrap();
        let (e, n) = (
            key.jwk["e"].as_str().unwrap(),
            key.jwk["n"].as_str().unwrap(),
        );
        let canonical = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
        assert_eq!(key.kid, encode(&sha256(canonical.as_bytes())));
    }

    #[test]
    fn rotation_removes_the_old_key() {
        let mut keys = KeySet::generate(Algorithm::Es256).unwrap();
        let old = keys.signing.kid.clone();
        keys.rotate().unwrap();
        assert!(!keys.jwks().to_string().contains(&old));
        let published = keys.jwks()["keys"].as_array().unwrap().len();
        assert_eq!(published, Algorithm::Es256.offered().len());
    }
}
