//! What becomes of a record before anything is decided: filters and mapping.

use muster_domain::record::{ExternalId, SourceValues, UserRecord};

use crate::sync::Rules;

/// What becomes of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Seen<R> {
    /// This.
    Record(R),
    /// A filter leaves it out: the filter's words.
    FilteredOut(String),
    /// It cannot be used: why, in a sentence.
    Refused(String),
}

/// How a directory's records are seen.
pub trait Lens: Send + Sync {
    /// What becomes of a person's record: `record` as the source's own default makes it out of `source`.
    fn person(&self, record: UserRecord, source: &SourceValues) -> Seen<UserRecord>;

    /// What becomes of a group of this name.
    fn group(&self, external_id: &ExternalId, name: String) -> Seen<String>;
}

/// Everything as the source's own default makes it.
#[derive(Clone, Copy, Debug)]
pub struct Plain;

impl Lens for Plain {
    fn person(&self, record: UserRecord, _: &SourceValues) -> Seen<UserRecord> {
        Seen::Record(record)
    }

    fn group(&self, _: &ExternalId, name: String) -> Seen<String> {
        Seen::Record(name)
    }
}

/// How records of a directory with these terms are seen.
pub(super) fn of(_: &Rules) -> Box<dyn Lens> {
    Box::new(Plain)
}
