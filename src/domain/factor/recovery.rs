//! Recovery codes: ten, for the day the phone is gone. Each counts once.
//!
//! A code holds 120 random bits, so that a plain hash keeps it (OWASP ASVS 5.0, 6.5.2 wants 112 bits for that).

use secrecy::SecretString;
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use crate::Entropy;
use crate::id::UserId;

/// How many there are.
pub const COUNT: usize = 10;
/// Characters of a code, without its dashes: five bits each.
const LENGTH: usize = 24;
/// Characters between two dashes.
const GROUP: usize = 6;
/// Digits and letters that nobody mistakes for each other (Crockford's base 32).
const LETTERS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// New codes as they are shown, once.
#[must_use]
pub fn make(entropy: &dyn Entropy) -> Vec<SecretString> {
    (0..COUNT).map(|_| one(entropy)).collect()
}

fn one(entropy: &dyn Entropy) -> SecretString {
    let mut bytes = Zeroizing::new([0_u8; LENGTH]);
    entropy.fill(bytes.as_mut());
    let mut code = String::with_capacity(LENGTH + LENGTH / GROUP);
    for (at, byte) in bytes.iter().enumerate() {
        if at > 0 && at % GROUP == 0 {
            code.push('-');
        }
        // 256 is a multiple of 32: every letter is as likely as another.
        let letter = LETTERS.get(usize::from(byte % 32)).copied();
        code.push(char::from(letter.unwrap_or(b'0')));
    }
    SecretString::from(code)
}

/// What is stored of a typed code of this person: 64 hexadecimal digits. None: it has not the shape of a code.
/// Dashes, blanks and case do not count; O is read as 0, I and L as 1.
#[must_use]
pub fn hash(user: UserId, typed: &str) -> Option<String> {
    if typed.len() > 4 * LENGTH {
        return None;
    }
    let plain: Zeroizing<String> = Zeroizing::new(
        typed
            .chars()
            .filter(|c| !c.is_whitespace() && *c != '-')
            .map(|c| match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            })
            .collect(),
    );
    let shaped = plain.len() == LENGTH && plain.bytes().all(|byte| LETTERS.contains(&byte));
    shaped.then(|| {
        let mut digest = Sha256::new();
        digest.update(b"muster recovery code");
        // Bound to its owner: the hash of one person's code is worth nothing in another's row.
        digest.update(user.0.as_bytes());
        digest.update(plain.as_bytes());
        digest
            .finalize()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect()
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::sync::atomic::{AtomicU64, Ordering};

    use secrecy::ExposeSecret as _;
    use uuid::Uuid;

    use super::*;

    /// Bytes that look random and are the same every time.
    struct Mixed(AtomicU64);

    impl Entropy for Mixed {
        fn fill(&self, bytes: &mut [u8]) {
            for byte in bytes {
                let number = self.0.fetch_add(1, Ordering::Relaxed);
                *byte = Sha256::digest(number.to_le_bytes())[0];
            }
        }
    }

    fn user(number: u128) -> UserId {
        UserId(Uuid::from_u128(number))
    }

    #[test]
    fn ten_codes_are_made_and_no_two_are_alike_or_hash_to_what_they_say() {
        let codes = make(&Mixed(AtomicU64::new(3)));
        assert_eq!(codes.len(), COUNT);
        let hashes: BTreeSet<_> = codes
            .iter()
            .map(|code| hash(user(1), code.expose_secret()).unwrap())
            .collect();
        assert_eq!(hashes.len(), COUNT);
        for code in &codes {
            let code = code.expose_secret();
            assert_eq!(code.len(), LENGTH + 3, "{code}");
            assert!(!hashes.iter().any(|hash| hash.contains(code)));
        }
    }

    #[test]
    fn how_it_is_typed_does_not_matter_and_whose_it_is_does() {
        let code = "0123AB-CDEFGH-JKMNPQ-RSTVWX";
        let stored = hash(user(1), code).unwrap();
        for typed in [
            "o123ab cdefgh jkmnpq rstvwx",
            "OI23ABCDEFGHJKMNPQRSTVWX",
            " 0l23ab-cdefgh-jkmnpq-rstvwx\n",
        ] {
            assert_eq!(hash(user(1), typed).as_ref(), Some(&stored), "{typed}");
        }
        assert_ne!(hash(user(2), code).unwrap(), stored);
    }

    #[test]
    fn what_has_not_the_shape_of_a_code_is_none() {
        for typed in [
            "",
            "123456",
            "0123AB-CDEFGH-JKMNPQ-RSTVW",
            "0123AB-CDEFGH-JKMNPQ-RSTVWXY",
        ] {
            assert_eq!(hash(user(1), typed), None, "{typed}");
        }
        assert_eq!(
            hash(user(1), "0123AB-CDEFGH-JKMNPQ-RSTVWU"),
            None,
            "U is no letter of it"
        );
        assert_eq!(hash(user(1), &"-".repeat(1_000_000)), None);
    }
}
