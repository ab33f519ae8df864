//! Who is there, by ids alone: a complete snapshot of nothing but presence, cheap enough to take often.
//!
//! A whole census may remove those absent; it can add or change nobody.

use std::collections::BTreeSet;

use async_trait::async_trait;

use crate::Error;
use crate::record::ExternalId;
use crate::snapshot::{Completeness, Doubt, Entry, Intake};

/// One that is there.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Present {
    /// A person.
    Person(ExternalId),
    /// A group.
    Group(ExternalId),
    /// A record that cannot be used, whatever it is: neither a person nor a group of this id is gone.
    Unusable(ExternalId),
    /// A record without an id that can be read: it may be anybody.
    Nameless,
}

/// Takes a census, page by page.
#[async_trait]
pub trait Census: Send {
    /// Keeps a page. The same id may come again.
    ///
    /// # Errors
    /// When it cannot be kept; the census ends then.
    async fn page(&mut self, present: Vec<Present>) -> Result<(), Error>;
}

/// Hands a census on and counts what speaks against believing it: nobody in it, and records without an id.
pub struct Tally<'a> {
    census: &'a mut dyn Census,
    has_people: bool,
    nameless: u64,
}

impl<'a> Tally<'a> {
    /// Counts what goes to this census.
    pub fn new(census: &'a mut dyn Census) -> Self {
        Self {
            census,
            has_people: false,
            nameless: 0,
        }
    }

    /// The same with what was counted.
    pub fn judged(&self, completeness: Completeness) -> Completeness {
        let mut completeness = completeness;
        if self.nameless > 0 {
            completeness = completeness.doubting(Doubt::WithoutId(self.nameless));
        }
        if !self.has_people {
            completeness = completeness.doubting(Doubt::Empty);
        }
        completeness
    }
}

#[async_trait]
impl Census for Tally<'_> {
    async fn page(&mut self, present: Vec<Present>) -> Result<(), Error> {
        for one in &present {
            match one {
                Present::Person(_) => self.has_people = true,
                Present::Nameless => self.nameless += 1,
                Present::Group(_) | Present::Unusable(_) => {}
            }
        }
        self.census.page(present).await
    }
}

/// A census out of a whole reading, for sources that know no shorter way.
pub struct OfWhole<'a>(Tally<'a>);

impl<'a> OfWhole<'a> {
    /// For this census.
    pub fn new(census: &'a mut dyn Census) -> Self {
        Self(Tally::new(census))
    }

    /// See [`Tally::judged`].
    pub fn judged(&self, completeness: Completeness) -> Completeness {
        self.0.judged(completeness)
    }
}

#[async_trait]
impl Intake for OfWhole<'_> {
    async fn page(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        let present = entries.into_iter().filter_map(|entry| match entry {
            Entry::User { record, .. } => Some(Present::Person(record.external_id)),
            Entry::Group { external_id, .. } => Some(Present::Group(external_id)),
            Entry::Refused(record) => Some(
                record
                    .external_id
                    .map_or(Present::Nameless, Present::Unusable),
            ),
            // Whom a filter leaves out is not to be here.
            Entry::Filtered { .. } | Entry::Members { .. } | Entry::MembersUnread { .. } => None,
        });
        self.0.page(present.collect()).await
    }
}

/// A [`Census`] that keeps everything in memory.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Counted {
    /// Everyone and everything that is there.
    pub present: BTreeSet<Present>,
}

#[async_trait]
impl Census for Counted {
    async fn page(&mut self, present: Vec<Present>) -> Result<(), Error> {
        self.present.extend(present);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::record::UserRecord;
    use crate::snapshot::RefusedRecord;

    fn id(text: &str) -> ExternalId {
        ExternalId(text.to_owned())
    }

    fn refused(external_id: Option<ExternalId>) -> Entry {
        Entry::Refused(RefusedRecord {
            external_id,
            about: "x".to_owned(),
            why: "x".to_owned(),
            locators: Vec::new(),
            off: false,
        })
    }

    fn person(text: &str) -> Entry {
        Entry::User {
            record: UserRecord {
                external_id: id(text),
                attributes: Default::default(),
                active: false,
            },
            source: Default::default(),
            locators: Vec::new(),
        }
    }

    fn taken(entries: Vec<Entry>) -> (BTreeSet<Present>, Completeness) {
        let mut counted = Counted::default();
        let mut whole = OfWhole::new(&mut counted);
        let mut context = Context::from_waker(Waker::noop());
        // It waits for nothing: everything is in memory.
        let Poll::Ready(Ok(())) = whole.page(entries).as_mut().poll(&mut context) else {
            panic!("it is kept at once");
        };
        let completeness = whole.judged(Completeness::Complete);
        (counted.present, completeness)
    }

    #[test]
    fn l24_whoever_is_there_counts_usable_or_not() {
        let group = Entry::Group {
            external_id: id("g"),
            name: "staff".to_owned(),
            locators: Vec::new(),
        };
        let entries = vec![person("a"), group, refused(Some(id("r")))];
        let (present, completeness) = taken(entries);
        assert_eq!(
            present.into_iter().collect::<Vec<_>>(),
            [
                Present::Person(id("a")),
                Present::Group(id("g")),
                Present::Unusable(id("r"))
            ]
        );
        assert!(completeness.may_remove());
    }

    #[test]
    fn l24_a_census_of_nobody_or_with_records_without_id_removes_nobody() {
        assert_eq!(
            taken(Vec::new()).1,
            Completeness::Incomplete(vec![Doubt::Empty])
        );
        let (_, nameless) = taken(vec![person("a"), refused(None), refused(None)]);
        assert_eq!(
            nameless,
            Completeness::Incomplete(vec![Doubt::WithoutId(2)])
        );
    }
}
