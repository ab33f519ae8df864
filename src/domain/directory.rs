//! A source of accounts and groups, as the console sees it: it can be tried step by step, and read in three ways.
//!
//! | reading | shows | may add and change | may remove |
//! |---|---|---|---|
//! | [`Directory::read`], [`Directory::read_whole`] | everything | yes | yes, when complete |
//! | [`Directory::read_changes`] | what changed since a [`Cursor`] | yes | **never**: it is [`Doubt::Partial`] |
//! | [`Directory::read_ids`] | the ids of all who are there | no | those absent, when complete |
//!
//! Between two whole readings a sync reads changes, often and cheaply, and takes a census now and then, because nothing
//! shows in the changes when somebody is deleted, leaves the base, or stops to match a filter. A census that holds an id
//! nobody knows here (a whole unit was moved into the base, which changes none of those in it) calls for a whole reading,
//! as does a reading that gives no cursor to go on from.

use std::collections::BTreeSet;
use std::time::Duration;

use async_trait::async_trait;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use crate::census::{Census, OfWhole};
use crate::record::{ExternalId, SourceValues, UserRecord};
use crate::settings::{SettingsSchema, Values};
use crate::snapshot::{Completeness, Doubt, Entry, Intake};
use crate::{Error, Kind};

/// Where a reading began, in the words of the source that gave it: a later one goes on from there. It holds no secret, and
/// nothing but its own source can read it. At most 4 KiB.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Cursor(pub String);

/// One step of trying a directory. Each presumes the one before.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// A server is reached, encrypted as asked for.
    Connect,
    /// It lets us in.
    Bind,
    /// It shows people and groups.
    Search,
}

/// What a step of trying showed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Finding {
    /// Which step.
    pub probe: Probe,
    /// What happened, in a sentence, or why it failed and what to do.
    pub outcome: Result<String, Error>,
    /// How long it took.
    pub took: Duration,
}

/// What a source says of a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Vouched {
    /// It is theirs, and counts.
    Yes,
    /// It is not, or they are kept out there, or there is nobody of that id.
    No,
    /// It was theirs, and has to be changed there first.
    Expired,
}

/// A directory that can be tried and read.
#[async_trait]
pub trait Directory: Send + Sync {
    /// Tries one step, and those before it, on a connection of its own.
    async fn probe(&self, probe: Probe) -> Finding;

    /// Reads one person by the name they sign in with; none: there is no such person.
    ///
    /// # Errors
    /// Why the source cannot say; also when two people bear the name.
    async fn person(&self, username: &str) -> Result<Option<UserRecord>, Error>;

    /// The same, with what the source said before its own mapping, for sources that tell it.
    ///
    /// # Errors
    /// As [`Self::person`].
    async fn person_said(
        &self,
        username: &str,
    ) -> Result<Option<(UserRecord, SourceValues)>, Error> {
        let record = self.person(username).await?;
        Ok(record.map(|record| (record, SourceValues::new())))
    }

    /// The same as an entry of a reading: of whoever's record cannot be used it is told what is known of them, whether they
    /// are kept out there before all ([`Entry::Refused`], where a reading would refuse them too).
    ///
    /// # Errors
    /// As [`Self::person`]. Sources that do not tell say why a record cannot be used in an error.
    async fn person_entry(&self, username: &str) -> Result<Option<Entry>, Error> {
        let found = self.person_said(username).await?;
        Ok(found.map(|(record, source)| Entry::User {
            record,
            source,
            locators: Vec::new(),
        }))
    }

    /// Whether this is the password of whoever has this id there. It is asked on the way and kept nowhere.
    ///
    /// # Errors
    /// Why the source cannot say; `DIR-010` when it answers for no passwords at all.
    async fn authenticate(
        &self,
        who: &ExternalId,
        password: &SecretString,
    ) -> Result<Vouched, Error> {
        let _ = (who, password);
        Err(Error::new(
            "DIR-010",
            Kind::Conflict,
            "This kind of directory answers for no passwords.",
        ))
    }

    /// Reads everything, page by page. What cannot be read is told in the answer: there is no other failure.
    async fn read(&self, intake: &mut dyn Intake) -> Completeness;

    /// The same, and from where [`Self::read_changes`] goes on; none: this source tells no changes, or not now. The cursor is
    /// taken before the first page, so that what changes during the reading is read again rather than missed. It counts only
    /// once everything that was read has its effect: keep it in the transaction that ends the sync, and only if the reading
    /// was complete.
    async fn read_whole(&self, intake: &mut dyn Intake) -> (Completeness, Option<Cursor>) {
        (self.read(intake).await, None)
    }

    /// Reads who was added or changed since a cursor, and groups likewise, in the same entries as a whole reading, but with
    /// members by [`Reference::Id`](crate::snapshot::Reference::Id) alone, since those they point to are mostly not among
    /// the entries. The same change may come again. Members that are listed are in the group. Of a group whose own entry is
    /// among the changes all members are listed, unless [`Entry::MembersUnread`] says
    /// otherwise; of another one nothing is said of those who are not listed.
    ///
    /// Always [`Completeness::Incomplete`] with [`Doubt::Partial`]: what is missing is missing for no reason. With further
    /// doubts something failed, and the cursor is the one that was given: try again. No cursor: the source cannot say what
    /// changed since then (it is another server, or one restored; the settings changed; too much changed): a whole reading
    /// is due.
    async fn read_changes(
        &self,
        since: &Cursor,
        intake: &mut dyn Intake,
    ) -> (Completeness, Option<Cursor>) {
        let _ = (since, intake);
        (Completeness::Complete.doubting(Doubt::Partial), None)
    }

    /// Who of these is in a group after all, directly: asked when they seem to have left it, and it lists somebody by a name
    /// that nobody bore in the same reading. Whoever is renamed or moved while everything is read, is read under one name
    /// and listed under another. Sources whose members are told by id alone need not answer.
    ///
    /// # Errors
    /// Why the source cannot say. Nobody leaves the group then.
    async fn still_in(
        &self,
        group: &ExternalId,
        who: &[ExternalId],
    ) -> Result<BTreeSet<ExternalId>, Error> {
        let _ = (group, who);
        Ok(BTreeSet::new())
    }

    /// Reads the ids of everybody who is there, and of every group. Complete: who is not among them is gone. Whoever cannot
    /// be used is there all the same.
    async fn read_ids(&self, census: &mut dyn Census) -> Completeness {
        let mut whole = OfWhole::new(census);
        let completeness = self.read(&mut whole).await;
        whole.judged(completeness)
    }
}

/// A system that a kind of directory reads.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Preset {
    /// Its stable word within the kind.
    pub key: &'static str,
    /// What people call it.
    pub name: &'static str,
    /// A line about it.
    pub note: &'static str,
    /// What the form begins with.
    pub values: Values,
    /// What is done over there first, step by step.
    pub steps: Vec<&'static str>,
    /// What an empty field means there, by the field's key, for those that have such a thing.
    pub usual: Values,
}

/// A kind of directory: how one is declared, and how one is opened.
pub trait DirectoryKind: Send + Sync {
    /// Its stable word, as it stands in `directories.kind` and in configuration: `ldap`.
    fn key(&self) -> &'static str;

    /// What people call it.
    fn name(&self) -> &'static str;

    /// The systems it reads, each with what its form begins with. At least one.
    fn presets(&self) -> Vec<Preset> {
        vec![Preset {
            key: self.key(),
            name: self.name(),
            note: "",
            values: Values::new(),
            steps: Vec::new(),
            usual: Values::new(),
        }]
    }

    /// The form that declares one. At most one field of it is a secret. [`Probe::Connect`], [`Probe::Bind`] and
    /// [`Probe::Search`] try what its first, second and third section say.
    fn schema(&self) -> SettingsSchema;

    /// Fields of the form that few installations need: they are folded away until they hold something.
    fn seldom(&self) -> &'static [&'static str] {
        &[]
    }

    /// The settings that say to whom the secret is shown: whoever changes one of them has to know the secret. None: all.
    fn secret_is_for(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// The settings that say who answers for people there, and who is whom: where people sign in through it, changing one
    /// of them takes the right to grant roles. None: all.
    fn answers_by(&self) -> Option<&'static [&'static str]> {
        None
    }

    /// A directory with these settings; nothing is connected yet.
    ///
    /// # Errors
    /// When the settings contradict themselves, with what to change.
    fn open(
        &self,
        settings: &Values,
        secret: Option<&SecretString>,
    ) -> Result<Box<dyn Directory>, Error>;

    /// The same, asking for these attributes of people besides, named in lower case: those that a mapping looks at. What is
    /// no attribute there, or holds a secret, is not asked for.
    ///
    /// # Errors
    /// As [`Self::open`].
    fn open_asking(
        &self,
        settings: &Values,
        secret: Option<&secrecy::SecretString>,
        asked: &BTreeSet<String>,
    ) -> Result<Box<dyn Directory>, Error> {
        let _ = asked;
        self.open(settings, secret)
    }
}
