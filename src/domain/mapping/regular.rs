//! Regular expressions of bounded size. Their library looks at each byte of a value a bounded number of times, whatever the
//! expression (<https://docs.rs/regex>, "untrusted input").

use regex::{Regex, RegexBuilder};

/// Longest regular expression, in bytes.
const LONGEST: usize = 512;
/// Largest program that a regular expression may become, in bytes.
const SIZE: usize = 1 << 18;

/// Compiles a regular expression within bounds; else why not.
pub(super) fn checked(text: &str) -> Result<Regex, String> {
    if text.len() > LONGEST {
        return Err(format!(
            "The regular expression is longer than {LONGEST} bytes."
        ));
    }
    compiled(text)
}

/// Compiles a regular expression within the size that one may take.
pub(super) fn compiled(text: &str) -> Result<Regex, String> {
    RegexBuilder::new(text)
        .size_limit(SIZE)
        .dfa_size_limit(SIZE)
        .nest_limit(30)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => {
                "The regular expression becomes too large: repeat less often.".to_owned()
            }
            other => {
                let shown = other.to_string();
                let last = shown.lines().last().unwrap_or_default();
                let why = last.trim().trim_start_matches("error: ");
                format!("The regular expression cannot be read: {why}.")
            }
        })
}
