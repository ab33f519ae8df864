//! Words of strangers: what a provider says about itself or an error, made fit to be shown and logged.

use secrecy::{ExposeSecret, SecretString};

/// Longest text of a provider that is shown.
const LONGEST: usize = 300;

/// Without control and direction characters, in one line, at most 300 characters.
pub(crate) fn clean(text: &str) -> String {
    let mut shown = String::new();
    for (count, c) in text
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .filter(|c| is_plain(*c))
        .enumerate()
    {
        if count == LONGEST {
            shown.push('…');
            break;
        }
        shown.push(c);
    }
    shown
}

/// [`clean`], and without the values that nobody may see: a provider could echo them.
pub(crate) fn scrubbed(text: &str, hidden: &[&str]) -> String {
    let mut text = text.to_owned();
    for secret in hidden.iter().filter(|secret| secret.len() >= 4) {
        text = text.replace(secret, "[hidden]");
    }
    clean(&text)
}

/// The text of an optional secret; empty without one.
pub(crate) fn revealed(secret: Option<&SecretString>) -> &str {
    secret.map_or("", |secret| secret.expose_secret())
}

fn is_plain(c: char) -> bool {
    // Bidirectional overrides and isolates can make a page read differently from what it says.
    !c.is_control()
        && !matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o53_control_and_direction_characters_go_and_length_is_cut() {
        assert_eq!(clean("a\r\nb\u{202e}c\u{0}d \u{1b}[31m"), "a bcd [31m");
        assert_eq!(clean(&"x".repeat(1000)).chars().count(), 301);
    }

    #[test]
    fn o82_an_echoed_secret_is_hidden() {
        assert_eq!(
            scrubbed("bad secret s3cr3t-value!", &["s3cr3t-value"]),
            "bad secret [hidden]!"
        );
    }
}
