//! Secrets at rest: sealed under a master key that is not in the database.
//!
//! XChaCha20-Poly1305 (random 192-bit nonces may be used without counting). The place of a secret is authenticated
//! with it, so a sealed text moved to another row or column does not open. Text form: `keyid:base64(nonce|sealed)`.
//! A key file holds `keyid base64` lines; the first seals, all open. To rotate, put a new line first.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use muster_domain::{Entropy, Error, Kind};
use secrecy::SecretString;
use zeroize::Zeroizing;

const NONCE: usize = 24;

/// Where a secret is stored; it opens nowhere else.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The column.
    pub column: &'a str,
    /// The row.
    pub id: uuid::Uuid,
}

impl Place<'_> {
    fn text(self) -> String {
        format!("{}/{}/{}", self.table, self.column, self.id)
    }
}

/// Seals and opens. Its Debug output names keys, and shows none.
pub struct Sealer {
    keys: Vec<Key>,
}

struct Key {
    id: String,
    cipher: XChaCha20Poly1305,
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ids: Vec<&str> = self.keys.iter().map(|key| key.id.as_str()).collect();
        f.debug_struct("Sealer")
            .field("keys", &ids)
            .finish_non_exhaustive()
    }
}

impl Sealer {
    /// Reads the keys of a key file. Empty lines and lines that begin with `#` are passed over.
    ///
    /// # Errors
    /// `KEY-001` when a line is no key, an id stands twice, or there is none. The text is not repeated.
    pub fn from_key_file_text(text: &str) -> Result<Self, Error> {
        let mut keys: Vec<Key> = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let key = read_key(line)
                .ok_or_else(|| unusable(&format!("Line {} is no key.", number + 1)))?;
            if keys.iter().any(|known| known.id == key.id) {
                return Err(unusable(&format!("Line {} repeats a key id.", number + 1)));
            }
            keys.push(key);
        }
        if keys.is_empty() {
            return Err(unusable("It holds no key."));
        }
        Ok(Self { keys })
    }

    /// A new key, and the text of the key file that holds it.
    ///
    /// # Errors
    /// Never in practice: the text is read back to be sure.
    pub fn generate(entropy: &dyn Entropy) -> Result<(Self, SecretString), Error> {
        let mut id = [0_u8; 4];
        entropy.fill(&mut id);
        let mut key = Zeroizing::new([0_u8; 32]);
        entropy.fill(key.as_mut());
        let id: String = id.iter().map(|byte| format!("{byte:02x}")).collect();
        let encoded = Zeroizing::new(STANDARD.encode(key.as_ref()));
        let text = format!(
            "# Master key of Muster. Keep a copy apart from the database: without it stored secrets are lost.\n\
             {id} {}\n",
            encoded.as_str()
        );
        Ok((Self::from_key_file_text(&text)?, SecretString::from(text)))
    }

    /// Seals a secret for its place.
    ///
    /// # Errors
    /// `KEY-003` when it is longer than the cipher takes (never in practice).
    pub fn seal(
        &self,
        secret: &str,
        place: Place<'_>,
        entropy: &dyn Entropy,
    ) -> Result<String, Error> {
        let failed = || Error::new("KEY-003", Kind::Internal, "The secret could not be sealed.");
        let key = self.keys.first().ok_or_else(failed)?;
        let mut nonce = [0_u8; NONCE];
        entropy.fill(&mut nonce);
        let aad = place.text();
        let payload = Payload {
            msg: secret.as_bytes(),
            aad: aad.as_bytes(),
        };
        let sealed = key
            .cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| failed())?;
        let bytes = [nonce.as_slice(), &sealed].concat();
        Ok(format!("{}:{}", key.id, STANDARD.encode(bytes)))
    }

    /// Opens a secret at its place.
    ///
    /// # Errors
    /// `KEY-002` when its key is missing, or it was changed or moved.
    pub fn open(&self, sealed: &str, place: Place<'_>) -> Result<SecretString, Error> {
        let closed = |why: &str| {
            Error::new(
                "KEY-002",
                Kind::Internal,
                "A stored secret cannot be opened with the master key of this server.",
            )
            .next("Check that the key file is the one this database was used with, or enter the secret again.")
            .internal(format!("{}: {why}", place.text()))
        };
        let (id, encoded) = sealed.split_once(':').ok_or_else(|| closed("no key id"))?;
        let key = self
            .keys
            .iter()
            .find(|key| key.id == id)
            .ok_or_else(|| closed("its key is not in the key file"))?;
        let bytes = STANDARD.decode(encoded).map_err(|_| closed("no base64"))?;
        let (nonce, msg) = bytes
            .split_first_chunk::<NONCE>()
            .ok_or_else(|| closed("too short"))?;
        let aad = place.text();
        let payload = Payload {
            msg,
            aad: aad.as_bytes(),
        };
        let opened = key
            .cipher
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| closed("changed, or moved from another place"))?;
        let text = String::from_utf8(opened).map_err(|_| closed("no text"))?;
        Ok(SecretString::from(text))
    }

    /// Whether a sealed text was sealed by another key than the one that seals now.
    #[must_use]
    pub fn needs_reseal(&self, sealed: &str) -> bool {
        let id = sealed.split_once(':').map(|(id, _)| id);
        self.keys.first().map(|key| key.id.as_str()) != id
    }
}

fn read_key(line: &str) -> Option<Key> {
    let (id, encoded) = line.split_once(' ')?;
    let plain = id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    let bytes = Zeroizing::new(STANDARD.decode(encoded.trim()).ok()?);
    if id.is_empty() || !plain {
        return None;
    }
    Some(Key {
        id: id.to_owned(),
        cipher: XChaCha20Poly1305::new_from_slice(&bytes).ok()?,
    })
}

fn unusable(why: &str) -> Error {
    Error::new(
        "KEY-001",
        Kind::Unavailable,
        format!("The master key file cannot be used. {why}"),
    )
    .next("Each line holds a key id, a space, and 32 bytes as base64. Restore the file from a copy if it was changed.")
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU8, Ordering};

    use secrecy::ExposeSecret as _;

    use super::*;

    struct Counting(AtomicU8);

    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                *byte = self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    fn entropy() -> Counting {
        Counting(AtomicU8::new(7))
    }

    const PLACE: Place<'_> = Place {
        table: "identity_providers",
        column: "secret_sealed",
        id: uuid::Uuid::nil(),
    };

    #[test]
    fn a_secret_opens_where_it_was_sealed_and_nowhere_else() {
        let entropy = entropy();
        let (sealer, text) = Sealer::generate(&entropy).unwrap();
        let sealed = sealer.seal("s3cret", PLACE, &entropy).unwrap();
        assert!(!sealed.contains("s3cret"));
        let again = Sealer::from_key_file_text(text.expose_secret()).unwrap();
        assert_eq!(
            again.open(&sealed, PLACE).unwrap().expose_secret(),
            "s3cret"
        );
        let moved = Place {
            column: "nonce_sealed",
            ..PLACE
        };
        assert_eq!(sealer.open(&sealed, moved).unwrap_err().code, "KEY-002");
        let moved = Place {
            id: uuid::Uuid::max(),
            ..PLACE
        };
        assert_eq!(sealer.open(&sealed, moved).unwrap_err().code, "KEY-002");
    }

    #[test]
    fn any_changed_character_keeps_it_closed() {
        let entropy = entropy();
        let (sealer, _) = Sealer::generate(&entropy).unwrap();
        let sealed = sealer.seal("s3cret", PLACE, &entropy).unwrap();
        for at in 0..sealed.len() {
            let mut bytes = sealed.clone().into_bytes();
            bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(bytes).unwrap();
            assert!(sealer.open(&changed, PLACE).is_err(), "character {at}");
        }
    }

    #[test]
    fn the_same_secret_never_seals_alike() {
        let entropy = entropy();
        let (sealer, _) = Sealer::generate(&entropy).unwrap();
        let first = sealer.seal("s3cret", PLACE, &entropy).unwrap();
        assert_ne!(first, sealer.seal("s3cret", PLACE, &entropy).unwrap());
    }

    #[test]
    fn after_rotation_old_secrets_open_and_ask_to_be_sealed_again() {
        let entropy = entropy();
        let (old, old_text) = Sealer::generate(&entropy).unwrap();
        let (_, new_text) = Sealer::generate(&entropy).unwrap();
        let sealed = old.seal("s3cret", PLACE, &entropy).unwrap();
        let both = format!("{}{}", new_text.expose_secret(), old_text.expose_secret());
        let both = Sealer::from_key_file_text(&both).unwrap();
        assert_eq!(both.open(&sealed, PLACE).unwrap().expose_secret(), "s3cret");
        assert!(both.needs_reseal(&sealed));
        assert!(!both.needs_reseal(&both.seal("s3cret", PLACE, &entropy).unwrap()));
    }

    #[test]
    fn debug_shows_no_key_and_errors_repeat_none() {
        let (sealer, text) = Sealer::generate(&entropy()).unwrap();
        let line = text.expose_secret().lines().last().unwrap().to_owned();
        let (_, key) = line.split_once(' ').unwrap();
        assert!(!format!("{sealer:?}").contains(key));
        let error = Sealer::from_key_file_text(&format!("id {key}AAAA")).unwrap_err();
        assert!(!format!("{error:?}{error}").contains(key));
        for bad in ["", "# nothing\n", "nokey", "id !!!!", "id AAAA", " AAAA"] {
            assert_eq!(
                Sealer::from_key_file_text(bad).unwrap_err().code,
                "KEY-001",
                "{bad:?}"
            );
        }
        let twice = format!("{line}\n{line}");
        assert_eq!(
            Sealer::from_key_file_text(&twice).unwrap_err().code,
            "KEY-001"
        );
    }
}
