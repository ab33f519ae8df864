//! LDAP and Active Directory.

mod connect;
mod dn;
mod entry;
mod filter;
mod groups;
mod kind;
mod people;
mod probe;
mod read;
mod schema;
mod search;
mod settings;
mod wire;

use std::sync::Arc;

use async_trait::async_trait;
use muster_domain::Error;
use muster_domain::directory::{Directory, Finding, Probe};
use muster_domain::record::UserRecord;
use muster_domain::snapshot::{Completeness, Intake};

pub use kind::LdapKind;
pub use schema::{Schema, Vendor};
pub use settings::{Bind, LdapSettings, Limits, Roots, Security};

/// A directory that speaks LDAP (RFC 4511), version 3.
#[derive(Clone, Debug)]
pub struct Ldap {
    settings: Arc<LdapSettings>,
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
        })
    }
}

#[async_trait]
impl Directory for Ldap {
    async fn probe(&self, probe: Probe) -> Finding {
        probe::probe(&self.settings, probe).await
    }

    async fn person(&self, username: &str) -> Result<Option<UserRecord>, Error> {
        people::one(&self.settings, username).await
    }

    async fn read(&self, intake: &mut dyn Intake) -> Completeness {
        read::everything(&self.settings, intake).await
    }
}
