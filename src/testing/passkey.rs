//! A passkey in software, which answers as it is told to: truly, or as an attacker or a broken device would.
//!
//! Keys are on the curve P-256 (ES256), answers as in W3C Web Authentication, level 2, sections 5.8.1 (client data) and
//! 6.1 (authenticator data), without attestation.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use muster_domain::{Error, Kind};
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::sign::Signer;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The passkey, and the browser around it.
#[derive(Clone)]
pub struct SoftPasskey {
    key: EcKey<Private>,
    /// Its id.
    pub id: Vec<u8>,
    /// Where the browser says that it is.
    pub origin: String,
    /// For which name the passkey answers; none: the one it is asked for.
    pub party: Option<String>,
    /// Whether it checked who holds it.
    pub verifies: bool,
    /// Whether somebody touched it.
    pub present: bool,
    /// How often it was used, as it will tell next; 0 stays 0, for those that do not count.
    pub count: u32,
    /// Whom it was made for, as it says; none: it does not say.
    pub user: Option<Vec<u8>>,
    /// The challenge it answers instead of the one it is asked.
    pub challenge: Option<String>,
}

impl std::fmt::Debug for SoftPasskey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SoftPasskey")
            .field("origin", &self.origin)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::new(
        "TEST-003",
        Kind::Internal,
        "The passkey in software failed.",
    )
    .internal(error)
}

impl SoftPasskey {
    /// One in a browser at this address. `number` makes its id.
    ///
    /// # Errors
    /// When no key can be made.
    pub fn at(origin: &str, number: u8) -> Result<Self, Error> {
        let curve = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).map_err(broken)?;
        Ok(Self {
            key: EcKey::generate(&curve).map_err(broken)?,
            id: vec![number; 32],
            origin: origin.to_owned(),
            party: None,
            verifies: true,
            present: true,
            count: 1,
            user: None,
            challenge: None,
        })
    }

    /// The answer to options of `navigator.credentials.create`.
    ///
    /// # Errors
    /// When the options cannot be read.
    pub fn creates(&mut self, options: &str) -> Result<String, Error> {
        let asked = question(options)?;
        let mut data =
            self.authenticator_data(asked.pointer("/rp/id").and_then(Value::as_str), 0x40)?;
        data.extend([0_u8; 16]);
        data.extend(u16::try_from(self.id.len()).map_err(broken)?.to_be_bytes());
        data.extend(&self.id);
        data.extend(self.public()?);
        // {"fmt": "none", "attStmt": {}, "authData": …} in CBOR (RFC 8949).
        let mut attestation = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59".to_vec();
        attestation.extend(u16::try_from(data.len()).map_err(broken)?.to_be_bytes());
        attestation.extend(data);
        let client = self.client_data("webauthn.create", &asked);
        Ok(self.answer(&json!({
            "clientDataJSON": text(client.as_bytes()),
            "attestationObject": text(&attestation),
            "transports": ["internal", "made-up"],
        })))
    }

    /// The answer to options of `navigator.credentials.get`.
    ///
    /// # Errors
    /// When the options cannot be read.
    pub fn answers(&mut self, options: &str) -> Result<String, Error> {
        let asked = question(options)?;
        let data = self.authenticator_data(asked.get("rpId").and_then(Value::as_str), 0)?;
        let client = self.client_data("webauthn.get", &asked);
        let key = PKey::from_ec_key(self.key.clone()).map_err(broken)?;
        let mut signer = Signer::new(MessageDigest::sha256(), &key).map_err(broken)?;
        signer.update(&data).map_err(broken)?;
        signer
            .update(&Sha256::digest(client.as_bytes()))
            .map_err(broken)?;
        let signature = signer.sign_to_vec().map_err(broken)?;
        Ok(self.answer(&json!({
            "clientDataJSON": text(client.as_bytes()),
            "authenticatorData": text(&data),
            "signature": text(&signature),
            "userHandle": self.user.as_deref().map(text),
        })))
    }

    fn answer(&self, response: &Value) -> String {
        let id = text(&self.id);
        json!({"id": id, "rawId": id, "type": "public-key", "response": response}).to_string()
    }

    fn client_data(&self, kind: &str, asked: &Value) -> String {
        let challenge = match &self.challenge {
            Some(other) => json!(other),
            None => asked.get("challenge").cloned().unwrap_or_default(),
        };
        json!({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false})
            .to_string()
    }

    fn authenticator_data(&mut self, party: Option<&str>, flags: u8) -> Result<Vec<u8>, Error> {
        let party = self.party.as_deref().or(party);
        let party = party.ok_or_else(|| broken("the options name no party"))?;
        let mut data = Sha256::digest(party.as_bytes()).to_vec();
        data.push(flags | u8::from(self.present) | (u8::from(self.verifies) << 2));
        data.extend(self.count.to_be_bytes());
        if self.count > 0 {
            self.count += 1;
        }
        Ok(data)
    }

    /// The public key as COSE writes it (RFC 9053 section 7.1.1).
    fn public(&self) -> Result<Vec<u8>, Error> {
        let mut context = BigNumContext::new().map_err(broken)?;
        let (mut x, mut y) = (
            BigNum::new().map_err(broken)?,
            BigNum::new().map_err(broken)?,
        );
        self.key
            .public_key()
            .affine_coordinates(self.key.group(), &mut x, &mut y, &mut context)
            .map_err(broken)?;
        let mut key = b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20".to_vec();
        key.extend(x.to_vec_padded(32).map_err(broken)?);
        key.extend(b"\x22\x58\x20");
        key.extend(y.to_vec_padded(32).map_err(broken)?);
        Ok(key)
    }
}

/// The options inside of what the server asks.
fn question(options: &str) -> Result<Value, Error> {
    let options: Value = serde_json::from_str(options).map_err(broken)?;
    let asked = options.get("publicKey").cloned();
    asked.ok_or_else(|| broken("the options ask for no passkey"))
}

fn text(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
