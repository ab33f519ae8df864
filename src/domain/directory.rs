//! A source of accounts and groups, as the console sees it: it can be tried step by step, and read.

use std::time::Duration;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::record::UserRecord;
use crate::settings::{SettingsSchema, Values};
use crate::snapshot::{Completeness, Intake};

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

    /// Reads everything, page by page. What cannot be read is told in the answer: there is no other failure.
    async fn read(&self, intake: &mut dyn Intake) -> Completeness;
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
}

/// A kind of directory: how one is declared, and how one is opened.
pub trait DirectoryKind: Send + Sync {
    /// Its stable word, as it stands in `directories.kind` and in configuration: `ldap`.
    fn key(&self) -> &'static str;

    /// What people call it.
    fn name(&self) -> &'static str;

    /// The systems it reads, each with what its form begins with. At least one.
    fn presets(&self) -> Vec<Preset>;

    /// The form that declares one. At most one field of it is a secret. [`Probe::Connect`], [`Probe::Bind`] and
    /// [`Probe::Search`] try what its first, second and third section say.
    fn schema(&self) -> SettingsSchema;

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
        secret: Option<&secrecy::SecretString>,
    ) -> Result<Box<dyn Directory>, Error>;
}
