//! Names of files by their content.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The address of a file with this content: `/a/<stem>.<first 16 digits of its SHA-256>.<extension>`.
pub fn hashed(path: &str, bytes: &[u8]) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    let digest: String = digest(bytes).chars().take(16).collect();
    match name.rsplit_once('.') {
        Some((stem, extension)) => format!("/a/{stem}.{digest}.{extension}"),
        None => format!("/a/{name}.{digest}"),
    }
}

/// SHA-256 in hexadecimal.
pub fn digest(bytes: &[u8]) -> String {
    let mut text = String::new();
    for byte in Sha256::digest(bytes) {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
