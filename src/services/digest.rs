//! The one way secrets that strangers bring are compared with what is kept: by hash.

use sha2::{Digest as _, Sha256};

/// SHA-256 of a text, in lower-case hexadecimal.
#[must_use]
pub(crate) fn sha256_hex(text: &str) -> String {
    Sha256::digest(text.as_bytes())
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::sha256_hex;

    /// The example of FIPS 180-2, appendix B.1.
    #[test]
    fn it_is_the_hash_of_the_standard() {
        assert_eq!(
            sha256_hex("abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
