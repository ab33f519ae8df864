//! An identity provider as it is configured here.

use chrono::{DateTime, Utc};

use crate::calibration::Calibration;
use crate::id::{DirectoryId, ProviderId};
use crate::jit::JitRules;
use crate::settings::Values;
use crate::vendor::Vendor;

/// A configured identity provider. Its client secret is not here: it stays sealed in storage.
#[derive(Clone, PartialEq, Debug)]
pub struct Provider {
    /// Its id.
    pub id: ProviderId,
    /// Its short name in addresses: `/signin/{slug}/callback`. Lower-case letters, digits, dashes.
    pub slug: String,
    /// The name people read.
    pub name: String,
    /// Which preset and instructions fit.
    pub vendor: Vendor,
    /// Protocol kind: `oidc` for now. Names an entry in the list of kinds.
    pub kind: String,
    /// Whether people can sign in through it.
    pub enabled: bool,
    /// Values of the kind's settings schema, without secrets.
    pub settings: Values,
    /// Whether a client secret is stored.
    pub secret_is_set: bool,
    /// The directory that holds the accounts made at sign-in through it.
    pub directory: DirectoryId,
    /// E-mail domains routed to it on the sign-in page, lower case.
    pub domains: Vec<String>,
    /// How users and groups come to be at sign-in.
    pub jit: JitRules,
    /// What its time stamps are worth.
    pub calibration: Calibration,
    /// When it was connected.
    pub created_at: DateTime<Utc>,
    /// When anything of it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Provider {
    /// A setting's value; empty counts as none.
    #[must_use]
    pub fn setting(&self, key: &str) -> Option<&str> {
        self.settings
            .get(key)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }
}

/// Makes a short name for addresses out of a name: `Lab: honest` becomes `lab-honest`.
#[must_use]
pub fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_ascii_alphanumeric() {
            slug.push(c);
        } else if !slug.ends_with('-') && !slug.is_empty() {
            slug.push('-');
        }
    }
    let slug: String = slug.trim_end_matches('-').chars().take(40).collect();
    if slug.is_empty() {
        "provider".to_owned()
    } else {
        slug.trim_end_matches('-').to_owned()
    }
}
