//! Keys of the evil provider, made once per test binary, and signatures with them.

use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::{Padding, Rsa};
use openssl::sign::{RsaPssSaltlen, Signer};
use serde_json::{Value, json};

pub type Pair = PKey<Private>;

macro_rules! keys {
    ($($name:ident = $make:expr;)+) => {$(
        pub fn $name() -> &'static Pair {
            static KEY: OnceLock<Pair> = OnceLock::new();
            KEY.get_or_init(|| $make)
        }
    )+};
}

keys! {
    rsa = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    other_rsa = PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap();
    weak_rsa = PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap();
    p256 = ec(Nid::X9_62_PRIME256V1);
    p384 = ec(Nid::SECP384R1);
    ed25519 = PKey::generate_ed25519().unwrap();
}

fn ec(curve: Nid) -> Pair {
    PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(curve).unwrap()).unwrap()).unwrap()
}

pub fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The public part as a JSON Web Key.
pub fn jwk(key: &Pair, kid: &str) -> Value {
    if let Ok(rsa) = key.rsa() {
        return json!({"kty": "RSA", "use": "sig", "kid": kid, "n": b64(rsa.n().to_vec()), "e": b64(rsa.e().to_vec())});
    }
    if let Ok(ec) = key.ec_key() {
        let (crv, size) = match ec.group().curve_name() {
            Some(Nid::SECP384R1) => ("P-384", 48),
            _ => ("P-256", 32),
        };
        let (mut x, mut y) = (BigNum::new().unwrap(), BigNum::new().unwrap());
        let mut context = BigNumContext::new().unwrap();
        ec.public_key()
            .affine_coordinates(ec.group(), &mut x, &mut y, &mut context)
            .unwrap();
        let (x, y) = (
            x.to_vec_padded(size).unwrap(),
            y.to_vec_padded(size).unwrap(),
        );
        return json!({"kty": "EC", "use": "sig", "kid": kid, "crv": crv, "x": b64(x), "y": b64(y)});
    }
    json!({"kty": "OKP", "use": "sig", "kid": kid, "crv": "Ed25519", "x": b64(key.raw_public_key().unwrap())})
}

/// A signature by a JOSE algorithm name.
pub fn sign(alg: &str, key: &Pair, message: &[u8]) -> Vec<u8> {
    let digest = match alg.get(2..) {
        Some("384") => MessageDigest::sha384(),
        Some("512") => MessageDigest::sha512(),
        _ => MessageDigest::sha256(),
    };
    if alg == "EdDSA" {
        return Signer::new_without_digest(key)
            .unwrap()
            .sign_oneshot_to_vec(message)
            .unwrap();
    }
    let mut signer = Signer::new(digest, key).unwrap();
    if alg.starts_with("PS") {
        signer.set_rsa_padding(Padding::PKCS1_PSS).unwrap();
        signer
            .set_rsa_pss_saltlen(RsaPssSaltlen::DIGEST_LENGTH)
            .unwrap();
    }
    signer.update(message).unwrap();
    let signature = signer.sign_to_vec().unwrap();
    if !alg.starts_with("ES") {
        return signature;
    }
    let size = if alg == "ES384" { 48 } else { 32 };
    let pair = EcdsaSig::from_der(&signature).unwrap();
    [
        pair.r().to_vec_padded(size).unwrap(),
        pair.s().to_vec_padded(size).unwrap(),
    ]
    .concat()
}

/// A message authentication code with a shared secret.
pub fn hmac(secret: &[u8], message: &[u8]) -> Vec<u8> {
    sign("HS256", &PKey::hmac(secret).unwrap(), message)
}

/// A token with this header, these claims (as written) and this key.
pub fn token(header: &Value, claims: &str, key: &Pair) -> String {
    let message = format!("{}.{}", b64(header.to_string()), b64(claims));
    let alg = header["alg"].as_str().unwrap();
    format!("{message}.{}", b64(sign(alg, key, message.as_bytes())))
}
