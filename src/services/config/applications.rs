//! Applications behind a proxy, as the file says them: a table an address. One that the file does not name stays as it is;
//! to shut one, let nobody's group in, or remove it in the console.

use std::collections::BTreeMap;

use muster_domain::{Error, Kind};
use serde::{Deserialize, Serialize};

use super::differences::{compare, compare_lists};
use super::{Config, Difference};
use crate::applications::{self, Draft};
use crate::{Call, Services};

/// An application, by its address.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplicationConfig {
    /// The name people read.
    pub name: String,
    /// Whether everybody who is signed in may enter.
    #[serde(default)]
    pub everybody: bool,
    /// Roles that may, by stable name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    /// Groups that may, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// Paths that demand a secure session.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub elevated: Vec<String>,
}

impl ApplicationConfig {
    fn of(draft: Draft) -> Self {
        let Draft {
            name,
            everybody,
            roles,
            groups,
            elevated,
            address: _,
        } = draft;
        Self {
            name,
            everybody,
            roles,
            groups,
            elevated,
        }
    }

    fn draft(&self, address: &str) -> Draft {
        Draft {
            name: self.name.clone(),
            address: address.to_owned(),
            everybody: self.everybody,
            roles: self.roles.clone(),
            groups: self.groups.clone(),
            elevated: self.elevated.clone(),
        }
    }
}

/// The applications of this installation.
pub(super) async fn here(
    services: &Services,
    call: &Call,
) -> Result<BTreeMap<String, ApplicationConfig>, Error> {
    let mut all = BTreeMap::new();
    for application in applications::list(services, call).await? {
        let draft = applications::draft(services, call, &application).await?;
        all.insert(application.address(), ApplicationConfig::of(draft));
    }
    Ok(all)
}

/// The applications of the file by their addresses as they are stored.
fn named(wanted: &Config) -> Result<BTreeMap<String, &ApplicationConfig>, Error> {
    let mut named = BTreeMap::new();
    for (typed, application) in &wanted.applications {
        let address = applications::plain_address(typed).map_err(|words| refused(typed, words))?;
        if named.insert(address, application).is_some() {
            return Err(refused(typed, "The file names this address twice."));
        }
    }
    Ok(named)
}

fn refused(address: &str, words: &str) -> Error {
    Error::new(
        "CFG-018",
        Kind::Invalid,
        format!("The application “{address}” does not hold: {words}"),
    )
    .next("Correct it in the file. Nothing was changed.")
}

/// Everything the file says of applications must hold before anything is changed.
pub(super) async fn check(services: &Services, call: &Call, wanted: &Config) -> Result<(), Error> {
    for (address, application) in named(wanted)? {
        let draft = application.draft(&address);
        if let Err(error) = applications::check(services, call, &draft).await {
            return Err(match error.fields.first() {
                Some(field) => refused(&address, &format!("{}: {}", field.field, field.message)),
                None => error,
            });
        }
    }
    Ok(())
}

pub(super) fn diff(
    here: &Config,
    wanted: &Config,
    into: &mut Vec<Difference>,
) -> Result<(), Error> {
    for (address, application) in named(wanted)? {
        into.extend(differences(here, &address, application));
    }
    Ok(())
}

fn differences(here: &Config, address: &str, wanted: &ApplicationConfig) -> Vec<Difference> {
    let known = here.applications.get(address);
    let path = |part: &str| format!("applications.{address}.{part}");
    let mut found = Vec::new();
    let name = known.map(|known| known.name.trim());
    compare(&path("name"), name, Some(wanted.name.trim()), &mut found);
    let told = |one: &ApplicationConfig| if one.everybody { "true" } else { "false" };
    compare(
        &path("everybody"),
        known.map(told),
        Some(told(wanted)),
        &mut found,
    );
    // Whoever lets everybody in lists nobody.
    let lists = |one: &ApplicationConfig| {
        [
            ("roles", one.roles.clone()),
            ("groups", one.groups.clone()),
            ("elevated", one.elevated.clone()),
        ]
    };
    let held = lists(&known.cloned().unwrap_or_default());
    for ((part, held), (_, wanted_here)) in held.into_iter().zip(lists(wanted)) {
        if part == "elevated" || !wanted.everybody {
            compare_lists(&path(part), &held, &wanted_here, &mut found);
        }
    }
    found
}

pub(super) async fn apply(services: &Services, call: &Call, wanted: &Config) -> Result<(), Error> {
    let here = Config {
        applications: here(services, call).await?,
        ..Config::default()
    };
    for (address, application) in named(wanted)? {
        if !differences(&here, &address, application).is_empty() {
            applications::declare(services, call, &application.draft(&address)).await?;
        }
    }
    Ok(())
}
