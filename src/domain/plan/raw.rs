//! What a source said of somebody before any mapping, as a digest that is kept with the account when it was last applied.
//! Where an account differs and the digest does not, the source says what it always did: the mapping changed.
//!
//! A rule that looks at an attribute which no rule looked at before makes the source say more, so the first plan after it
//! calls its cause a change at the source.

use sha2::{Digest as _, Sha256};

use crate::record::{SourceValues, UserRecord};

/// Half of a SHA-256 over the source's values, in hex; over the record itself where a source tells no values.
#[must_use]
pub fn of(source: &SourceValues, record: &UserRecord) -> String {
    use std::fmt::Write as _;
    let mut hasher = Sha256::new();
    hasher.update(b"raw 1");
    let mut part = |text: &str| {
        hasher.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(text);
    };
    if source.is_empty() {
        for (name, value) in &record.attributes {
            part(name);
            part(value);
        }
        part(if record.active { "active" } else { "inactive" });
    } else {
        for (name, values) in source {
            part(name);
            part(&values.len().to_string());
            values.iter().for_each(|value| part(value));
        }
    }
    let mut text = String::with_capacity(32);
    for byte in hasher.finalize().iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::record::{Attributes, ExternalId};

    #[test]
    fn what_was_said_counts_and_what_was_made_of_it_does_not() {
        let record = |title: &str| UserRecord {
            external_id: ExternalId("1".to_owned()),
            attributes: Attributes::from([("title".to_owned(), title.to_owned())]),
            active: true,
        };
        let said = |pairs: &[(&str, &[&str])]| -> SourceValues {
            let owned = |values: &[&str]| values.iter().map(|one| (*one).to_owned()).collect();
            let pairs = pairs.iter();
            pairs
                .map(|(name, values)| ((*name).to_owned(), owned(values)))
                .collect()
        };
        let one = said(&[("title", &["Clerk"])]);
        assert_eq!(of(&one, &record("a")), of(&one, &record("b")));
        assert_eq!(of(&one, &record("a")).len(), 32);
        assert_ne!(
            of(&one, &record("a")),
            of(&said(&[("title", &["Cle", "rk"])]), &record("a"))
        );
        assert_ne!(
            of(&said(&[("a", &["b", "c"])]), &record("a")),
            of(&said(&[("a", &["b"]), ("c", &[])]), &record("a"))
        );
        let nothing = SourceValues::new();
        assert_ne!(of(&nothing, &record("a")), of(&nothing, &record("b")));
    }
}
