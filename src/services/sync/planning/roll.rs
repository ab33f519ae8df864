//! Who was at the source when it was last read: 8 bytes of each id's keyed hash, the lowest bit of which says whether they
//! are here for it. Whoever was there and is not here, or was not there and is here, may be in groups that did not change.

use std::collections::{BTreeSet, HashMap};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use muster_domain::Error;
use muster_domain::census::{Census, Present};

use super::subjects::{Key, Subjects};

/// So many are kept at most: beyond, everything is read every time.
const MOST: usize = 2_000_000;

/// The roll.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Roll(HashMap<u64, bool>);

impl Roll {
    /// As it was kept.
    pub(super) fn read(text: &str) -> Self {
        let bytes = STANDARD_NO_PAD.decode(text).unwrap_or_default();
        let (numbers, _) = bytes.as_chunks::<8>();
        let numbers = numbers.iter().map(|bytes| u64::from_be_bytes(*bytes));
        Self(
            numbers
                .map(|number| (number & !1, number & 1 == 1))
                .collect(),
        )
    }

    /// As it is kept: the same for the same people.
    pub(super) fn write(&self) -> Option<String> {
        if self.0.len() > MOST {
            return None;
        }
        let numbers: BTreeSet<u64> = self
            .0
            .iter()
            .map(|(number, is_in)| number | u64::from(*is_in))
            .collect();
        let bytes: Vec<u8> = numbers.into_iter().flat_map(u64::to_be_bytes).collect();
        Some(STANDARD_NO_PAD.encode(bytes))
    }

    pub(super) fn note(&mut self, key: Key, is_in: bool) {
        self.0.insert(short(key), is_in);
    }

    /// Whether they were there.
    pub(super) fn has(&self, key: Key) -> bool {
        self.0.contains_key(&short(key))
    }

    /// Whether they were there, and are here for it.
    pub(super) fn is_in(&self, key: Key) -> bool {
        self.0.get(&short(key)).copied().unwrap_or_default()
    }

    /// Whether those counted are exactly those who were there.
    pub(super) fn is(&self, counted: &Counted<'_>) -> bool {
        let all = &counted.all;
        all.len() == self.0.len() && all.iter().all(|one| self.0.contains_key(one))
    }
}

/// Half of a half: to take one for another by chance takes billions.
const fn short(key: Key) -> u64 {
    // The lower half.
    key as u64 & !1
}

/// Counts who is there.
pub(super) struct Counted<'a> {
    subjects: &'a Subjects,
    all: BTreeSet<u64>,
}

impl<'a> Counted<'a> {
    pub(super) const fn with(subjects: &'a Subjects) -> Self {
        Self {
            subjects,
            all: BTreeSet::new(),
        }
    }
}

#[async_trait]
impl Census for Counted<'_> {
    async fn page(&mut self, present: Vec<Present>) -> Result<(), Error> {
        for one in present {
            if let Present::Person(id) | Present::Group(id) | Present::Unusable(id) = one {
                self.all.insert(short(self.subjects.id(&id)));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_roll_is_read_as_it_was_written() {
        let mut roll = Roll::default();
        roll.note(7 << 1, true);
        roll.note(9 << 1, false);
        let again = Roll::read(&roll.write().unwrap());
        assert_eq!(again, roll);
        assert!(again.is_in(7 << 1) && again.has(9 << 1) && !again.is_in(9 << 1));
        assert!(!again.has(11 << 1));
        assert_eq!(Roll::read("junk!"), Roll::default());
    }
}
