//! LDAP and Active Directory.

mod census;
mod connect;
mod dn;
mod entry;
mod filter;
mod groups;
mod kind;
mod mark;
mod people;
mod probe;
mod read;
mod references;
mod root;
mod schema;
mod search;
mod settings;
mod sign_in;
mod source;
mod standing;
mod still;
mod trust;
mod wire;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::census::Census;
use muster_domain::clock::Clock;
use muster_domain::directory::{Cursor, Directory, Finding, Probe, Vouched};
use muster_domain::record::{ExternalId, SourceValues, UserRecord};
use muster_domain::snapshot::{Completeness, Entry, Intake};
use secrecy::SecretString;

pub use kind::LdapKind;
pub use schema::{Mark, Schema, Vendor};
pub use settings::{Bind, LdapSettings, Limits, Roots, Security};

/// A directory that speaks LDAP (RFC 4511), version 3.
#[derive(Clone)]
pub struct Ldap {
    settings: Arc<LdapSettings>,
    clock: Option<Arc<dyn Clock>>,
}

impl fmt::Debug for Ldap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ldap")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Ldap {
    /// A directory with these settings; nothing is connected yet.
    ///
    /// # Errors
    /// `LDAP-010` when the settings contradict themselves, with what to change.
    pub fn new(settings: LdapSettings) -> Result<Self, Error> {
        settings.check()?;
        Ok(Self {
            settings: Arc::new(settings),
            clock: None,
        })
    }

    /// The same with a clock, which servers need that find changes by date alone ([`Mark::Time`]): without one they are read
    /// whole every time.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self {
            clock: Some(clock),
            ..self
        }
    }

    fn now(&self) -> Option<DateTime<Utc>> {
        self.clock.as_ref().map(|clock| clock.now())
    }
}

#[async_trait]
impl Directory for Ldap {
    async fn probe(&self, probe: Probe) -> Finding {
        probe::probe(&self.settings, probe).await
    }

    async fn person(&self, username: &str) -> Result<Option<UserRecord>, Error> {
        let found = self.person_said(username).await?;
        Ok(found.map(|(record, _)| record))
    }

    async fn person_said(
        &self,
        username: &str,
    ) -> Result<Option<(UserRecord, SourceValues)>, Error> {
        people::one(&self.settings, self.now(), username).await
    }

    async fn person_entry(&self, username: &str) -> Result<Option<Entry>, Error> {
        people::said(&self.settings, self.now(), username).await
    }

    async fn authenticate(
        &self,
        who: &ExternalId,
        password: &SecretString,
    ) -> Result<Vouched, Error> {
        sign_in::vouch(&self.settings, who, password).await
    }

    async fn read(&self, intake: &mut dyn Intake) -> Completeness {
        read::everything(&self.settings, self.now(), intake).await
    }

    async fn read_whole(&self, intake: &mut dyn Intake) -> (Completeness, Option<Cursor>) {
        read::whole(&self.settings, self.now(), intake).await
    }

    async fn read_changes(
        &self,
        since: &Cursor,
        intake: &mut dyn Intake,
    ) -> (Completeness, Option<Cursor>) {
        read::changes(&self.settings, self.now(), since, intake).await
    }

    async fn still_in(
        &self,
        group: &ExternalId,
        who: &[ExternalId],
    ) -> Result<BTreeSet<ExternalId>, Error> {
        still::still_in(&self.settings, group, who).await
    }

    async fn read_ids(&self, census: &mut dyn Census) -> Completeness {
        census::everybody(&self.settings, census).await
    }
}
