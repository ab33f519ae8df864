//! By what sign a sync knows, without looking closer, that nothing is to be done: the fingerprint of what is here, in the
//! shape in which a source says it.
//!
//! It says nothing about a source: where the source states exactly what is here, nothing is to be done, on whatever terms.
//! So it may be kept whenever what is here is known, and is worth nothing once that changed.
//!
//! Kept beside an account or a group it is a text. When something changes by other hands than a sync of that directory, it
//! becomes worthless, and stays readable behind a mark: that tells a change here from one at the source. Each mark is
//! different, so that whoever looked before cannot keep a fingerprint of what is no longer so.

use sha2::{Digest as _, Sha256};

use crate::membership::Member;
use crate::record::Attributes;

/// How many characters a mark has, those that begin and end it included.
pub const MARK: usize = 18;

/// Of a person's account: its attributes, and whether the person may come in.
#[must_use]
pub fn of_person(attributes: &Attributes, active: bool) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"person 1");
    hasher.update([u8::from(active)]);
    for (name, value) in attributes {
        part(&mut hasher, name);
        part(&mut hasher, value);
    }
    text(hasher)
}

/// Of a group: its name, and who is in it by the directory, in order and each once.
#[must_use]
pub fn of_group<'m>(name: &str, members: impl IntoIterator<Item = &'m Member>) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"group 1");
    part(&mut hasher, name);
    for member in members {
        hasher.update([u8::from(member.group().is_some())]);
        hasher.update(member.id().as_bytes());
    }
    text(hasher)
}

/// A mark; `unique` makes it different from others.
#[must_use]
pub fn mark(unique: u64) -> String {
    format!("~{unique:016x}~")
}

/// The last fingerprint, whether it is worth something or not.
#[must_use]
pub fn last(kept: &str) -> &str {
    if kept.starts_with('~') {
        kept.get(MARK..).unwrap_or_default()
    } else {
        kept
    }
}

fn part(hasher: &mut Sha256, text: &str) {
    hasher.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
    hasher.update(text);
}

/// Half of a SHA-256 is enough to tell records apart, whoever writes them.
fn text(hasher: Sha256) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(32);
    for byte in hasher.finalize().iter().take(16) {
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_runs_together_is_told_apart() {
        let of = |pairs: &[(&str, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
            of_person(&pairs.collect(), true)
        };
        assert_ne!(of(&[("a", "bc")]), of(&[("ab", "c")]));
        assert_ne!(of(&[("a", ""), ("b", "")]), of(&[("a", "b")]));
        assert_ne!(of(&[]), of_person(&Attributes::new(), false));
        assert_eq!(of(&[("a", "b")]).len(), 32);
    }

    #[test]
    fn a_mark_leaves_the_last_fingerprint_readable() {
        assert_eq!(mark(7).len(), MARK);
        assert_eq!(last(&format!("{}abc", mark(u64::MAX))), "abc");
        assert_eq!(last("abc"), "abc");
        assert_eq!(last("~"), "");
    }
}
