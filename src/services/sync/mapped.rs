//! A source behind its directory's mapping: whoever reads it sees what passes the filters, with the attributes that the
//! rules make. What a rule fails on is refused with its reason, and the rest goes on.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use muster_domain::census::{Census, OfWhole};
use muster_domain::directory::{Cursor, Directory as Source, Finding, Probe, Vouched};
use muster_domain::id::DirectoryId;
use muster_domain::mapping::{Compiled, LeftOut, Mapped as Made, Mapping};
use muster_domain::record::{Attributes, ExternalId, SourceValues, UserRecord};
use muster_domain::snapshot::{Completeness, Doubt, Entry, Intake, RefusedRecord};
use muster_domain::{Error, Kind};
use muster_storage::{Db, mappings};
use secrecy::SecretString;

/// After so many records others get their turn: each record may take as many steps as a mapping may have.
const RECORDS_AT_ONCE: usize = 20;

/// A mapping at work on one directory.
#[derive(Clone, Debug)]
pub struct Work {
    directory: DirectoryId,
    compiled: Arc<Compiled>,
    identity: String,
    filters: bool,
}

impl Work {
    /// Reads a mapping.
    ///
    /// # Errors
    /// `MAP-003` when the mapping is wrong: one that was saved by another version.
    pub fn new(directory: DirectoryId, mapping: &Mapping) -> Result<Self, Error> {
        let compiled = mapping
            .check()
            .map_err(|wrong| crate::mapping::unusable(&wrong))?;
        Ok(Self {
            directory,
            compiled: Arc::new(compiled),
            identity: mapping.identity(),
            filters: mapping.filter.is_some() || mapping.groups.is_some(),
        })
    }

    /// The source's attributes that it looks at.
    #[must_use]
    pub fn asked(&self) -> BTreeSet<String> {
        self.compiled.asked()
    }

    /// What one page becomes.
    ///
    /// # Errors
    /// When the database cannot say what is known here.
    pub async fn page(&self, db: &Db, entries: Vec<Entry>) -> Result<Vec<Entry>, Error> {
        let known = self.known(db, &entries).await?;
        let mut made = Vec::with_capacity(entries.len());
        for (nth, entry) in entries.into_iter().enumerate() {
            if nth % RECORDS_AT_ONCE == RECORDS_AT_ONCE - 1 {
                tokio::task::yield_now().await;
            }
            made.push(self.entry(entry, &known));
        }
        Ok(made)
    }

    /// A cursor that counts for this mapping alone: under another everybody has to be read again.
    fn sign(&self, cursor: &Cursor) -> Cursor {
        Cursor(format!("{}:{}", self.identity, cursor.0))
    }

    /// The source's own cursor, if it was signed for this mapping.
    fn signed(&self, cursor: &Cursor) -> Option<Cursor> {
        let (identity, theirs) = cursor.0.split_once(':')?;
        (identity == self.identity).then(|| Cursor(theirs.to_owned()))
    }

    /// What the accounts hold here, where a rule asks for that.
    async fn known(
        &self,
        db: &Db,
        entries: &[Entry],
    ) -> Result<BTreeMap<ExternalId, Attributes>, Error> {
        if !self.compiled.asks_for_known() {
            return Ok(BTreeMap::new());
        }
        let ids: Vec<&ExternalId> = entries
            .iter()
            .filter_map(|entry| match entry {
                Entry::User { record, .. } => Some(&record.external_id),
                _ => None,
            })
            .collect();
        mappings::known(db, self.directory, &ids).await
    }

    fn entry(&self, entry: Entry, known: &BTreeMap<ExternalId, Attributes>) -> Entry {
        match entry {
            Entry::User {
                record,
                source,
                locators,
            } => self.person(record, source, locators, known),
            Entry::Group {
                external_id,
                name,
                locators,
            } => match self.compiled.group(&external_id, &name) {
                Ok(()) => Entry::Group {
                    external_id,
                    name,
                    locators,
                },
                Err(LeftOut::Filtered(words)) => Entry::Filtered {
                    external_id,
                    words,
                    locators,
                },
                Err(LeftOut::Refused(why)) => Entry::Refused(RefusedRecord {
                    external_id: Some(external_id),
                    about: name,
                    why,
                    locators,
                    off: false,
                }),
            },
            other => other,
        }
    }

    fn person(
        &self,
        record: UserRecord,
        source: SourceValues,
        locators: Vec<String>,
        known: &BTreeMap<ExternalId, Attributes>,
    ) -> Entry {
        let external_id = record.external_id.clone();
        // Whoever corrects it has to find it: without a name, by where it stands.
        let named = record.attributes.get("username");
        let place = || locators.first().map(|locator| place(locator));
        let about = named.cloned().or_else(place);
        let about = about.unwrap_or_else(|| external_id.0.clone());
        let here = known.get(&external_id);
        let (active, default) = (
            record.active,
            self.compiled.admits().then(|| record.clone()),
        );
        let made = self
            .compiled
            .apply_to(&external_id, &source, record, here, &mut |_, _| {});
        match made {
            Made::Record(record) => Entry::User {
                record,
                source,
                locators,
            },
            Made::FilteredOut(words) => Entry::Filtered {
                external_id,
                words,
                locators,
            },
            Made::Refused(why) => Entry::Refused(RefusedRecord {
                external_id: Some(external_id),
                about,
                why,
                locators,
                off: match default {
                    Some(default) => !self.compiled.admitted(&source, default, here),
                    None => !active,
                },
            }),
        }
    }
}

/// Where a record stands at its source, of a locator as `dn:cn=…`: printable, and short.
fn place(locator: &str) -> String {
    let place = locator.split_once(':').map_or(locator, |(_, place)| place);
    let printable = place.chars().map(|c| if c.is_control() { ' ' } else { c });
    printable.take(200).collect()
}

/// An intake that hands on what a mapping makes.
pub struct Mapped<'a> {
    work: &'a Work,
    db: &'a Db,
    inner: &'a mut dyn Intake,
}

impl<'a> Mapped<'a> {
    /// Hands on to `inner`.
    pub fn new(work: &'a Work, db: &'a Db, inner: &'a mut dyn Intake) -> Self {
        Self { work, db, inner }
    }
}

#[async_trait]
impl Intake for Mapped<'_> {
    async fn page(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        let made = self.work.page(self.db, entries).await?;
        self.inner.page(made).await
    }
}

/// A source that is read through a mapping.
pub struct MappedSource {
    inner: Box<dyn Source>,
    work: Work,
    db: Db,
}

impl MappedSource {
    /// The source, seen through the mapping.
    #[must_use]
    pub fn new(inner: Box<dyn Source>, work: Work, db: Db) -> Self {
        Self { inner, work, db }
    }
}

#[async_trait]
impl Source for MappedSource {
    async fn probe(&self, probe: Probe) -> Finding {
        self.inner.probe(probe).await
    }

    async fn person(&self, username: &str) -> Result<Option<UserRecord>, Error> {
        let found = self.person_said(username).await?;
        Ok(found.map(|(record, _)| record))
    }

    async fn person_said(
        &self,
        username: &str,
    ) -> Result<Option<(UserRecord, SourceValues)>, Error> {
        let Some((record, source)) = self.inner.person_said(username).await? else {
            return Ok(None);
        };
        let entry = Entry::User {
            record,
            source,
            locators: Vec::new(),
        };
        match self.work.page(&self.db, vec![entry]).await?.pop() {
            Some(Entry::User { record, source, .. }) => Ok(Some((record, source))),
            Some(Entry::Filtered { words, .. }) => Err(left_out(&words)),
            Some(Entry::Refused(record)) => Err(Error::new("MAP-006", Kind::Upstream, record.why)
                .next("Change the directory's mapping, or the person's entry there.")),
            _ => Ok(None),
        }
    }

    async fn person_entry(&self, username: &str) -> Result<Option<Entry>, Error> {
        match self.inner.person_entry(username).await? {
            Some(entry) => Ok(self.work.page(&self.db, vec![entry]).await?.pop()),
            None => Ok(None),
        }
    }

    // Whose password it is says the source alone: they are asked for by their id, which no mapping changes.
    async fn authenticate(
        &self,
        who: &ExternalId,
        password: &SecretString,
    ) -> Result<Vouched, Error> {
        self.inner.authenticate(who, password).await
    }

    async fn read(&self, intake: &mut dyn Intake) -> Completeness {
        let mut mapped = Mapped::new(&self.work, &self.db, intake);
        self.inner.read(&mut mapped).await
    }

    async fn read_whole(&self, intake: &mut dyn Intake) -> (Completeness, Option<Cursor>) {
        let mut mapped = Mapped::new(&self.work, &self.db, intake);
        let (completeness, cursor) = self.inner.read_whole(&mut mapped).await;
        (completeness, cursor.map(|cursor| self.work.sign(&cursor)))
    }

    async fn read_changes(
        &self,
        since: &Cursor,
        intake: &mut dyn Intake,
    ) -> (Completeness, Option<Cursor>) {
        let Some(theirs) = self.work.signed(since) else {
            return (Completeness::Complete.doubting(Doubt::Partial), None);
        };
        let mut mapped = Mapped::new(&self.work, &self.db, intake);
        let (completeness, cursor) = self.inner.read_changes(&theirs, &mut mapped).await;
        (completeness, cursor.map(|cursor| self.work.sign(&cursor)))
    }

    async fn still_in(
        &self,
        group: &ExternalId,
        who: &[ExternalId],
    ) -> Result<BTreeSet<ExternalId>, Error> {
        self.inner.still_in(group, who).await
    }

    async fn read_ids(&self, census: &mut dyn Census) -> Completeness {
        if !self.work.filters {
            return self.inner.read_ids(census).await;
        }
        // Whom a filter leaves out shows in their attributes alone.
        let mut whole = OfWhole::new(census);
        let completeness = self.read(&mut whole).await;
        whole.judged(completeness)
    }
}

/// Whoever is asked for alone is left out by the filter.
pub(super) fn left_out(filter: &str) -> Error {
    Error::new(
        "MAP-005",
        Kind::Conflict,
        "The directory's filter leaves this person out.",
    )
    .next(format!("It lets in: {filter}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_without_a_name_is_found_by_where_it_stands() {
        assert_eq!(place("dn:cn=x,dc=example"), "cn=x,dc=example");
        assert_eq!(place("cn=x\u{1b}[2J"), "cn=x [2J");
        assert_eq!(place(&format!("dn:{}", "x".repeat(300))).len(), 200);
    }
}
