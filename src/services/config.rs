//! Configuration as one TOML file: export it, see what it would change, apply it. Applying twice changes nothing.
//!
//! Secrets never stand in the file: `client_secret = "env:NAME"` or `"file:PATH"` names where to read them.

use std::collections::BTreeMap;

use muster_domain::jit::JitRules;
use muster_domain::membership::Member;
use muster_domain::policy::ElevationPolicy;
use muster_domain::provider::{Provider, slug_of};
use muster_domain::vendor::Vendor;
use muster_domain::{Error, Kind};
use muster_storage::{providers, roles, users};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::providers::{Draft, Enabled};
use crate::{Call, Services, Who, site};

mod applications;
mod differences;
mod directories;
mod foretold;
mod holders;
mod mail;
mod policies;

pub use applications::ApplicationConfig;
use differences::{compare, compare_all, compare_lists, flatten};
pub use directories::DirectoryConfig;
pub use foretold::foretell;
pub use mail::MailConfig;

/// The whole file.
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Settings of the site.
    pub site: Site,
    /// Identity providers by short name.
    pub providers: BTreeMap<String, ProviderConfig>,
    /// Roles by name: who holds them.
    pub roles: BTreeMap<String, Holders>,
    /// What starts a secure session, by role.
    pub policies: BTreeMap<String, ElevationPolicy>,
    /// Applications behind a proxy, by address.
    pub applications: BTreeMap<String, ApplicationConfig>,
    /// Directories that are read, by name.
    pub directories: BTreeMap<String, DirectoryConfig>,
    /// Through which server messages leave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mail: Option<mail::MailConfig>,
}

/// Settings of the site.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Site {
    /// The public address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}

/// One identity provider.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// The name people read.
    pub name: String,
    /// Whose product it is.
    pub vendor: Vendor,
    /// Protocol kind.
    #[serde(default = "oidc")]
    pub kind: String,
    /// Whether people can sign in through it.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// E-mail domains routed to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub domains: Vec<String>,
    /// Where the client secret is read from: `env:NAME` or `file:PATH`. Absent: the stored one stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<String>,
    /// Values of the kind's schema.
    #[serde(default)]
    pub settings: BTreeMap<String, String>,
    /// How users and groups come to be at sign-in.
    #[serde(default)]
    pub jit: JitRules,
}

/// Who holds a role.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Holders {
    /// Usernames.
    pub users: Vec<String>,
    /// Group names.
    pub groups: Vec<String>,
}

fn oidc() -> String {
    "oidc".to_owned()
}

const fn yes() -> bool {
    true
}

/// One difference between the file and this installation.
#[derive(Clone, PartialEq, Eq, Debug, Serialize)]
pub struct Difference {
    /// Where: `providers.keycloak.settings.issuer`.
    pub path: String,
    /// As it is here; none: not there.
    pub here: Option<String>,
    /// As the file wants it; none: not to be there.
    pub wanted: Option<String>,
}

/// Reads a file's text.
///
/// # Errors
/// `CFG-010` with the place of the mistake.
pub fn parse(text: &str) -> Result<Config, Error> {
    toml::from_str(text).map_err(|error| {
        Error::new(
            "CFG-010",
            Kind::Invalid,
            format!("The file cannot be read: {error}"),
        )
        .next("Correct the place it names. Nothing was changed.")
    })
}

/// This installation as a file.
///
/// # Errors
/// When called by a person, or the database cannot be read.
pub async fn export(services: &Services, call: &Call) -> Result<String, Error> {
    let config = here(services, call).await?;
    let head = "# Muster configuration. Secrets are not in this file: add client_secret = \"env:NAME\" or \"file:PATH\" where one is to be set, bind_password = … under a directory, and password = … under mail.\n\n";
    toml::to_string_pretty(&config)
        .map(|text| format!("{head}{text}"))
        .map_err(|error| {
            Error::new(
                "CFG-011",
                Kind::Internal,
                "The configuration cannot be written.",
            )
            .internal(error)
        })
}

async fn here(services: &Services, call: &Call) -> Result<Config, Error> {
    let Who::System(_) = call.who else {
        return Err(Error::new(
            "WEB-403",
            Kind::Forbidden,
            "Configuration files are for the server's shell.",
        ));
    };
    let mut config = Config {
        site: Site {
            url: site::stored(services).await?.map(|url| url.to_string()),
        },
        ..Config::default()
    };
    for provider in providers::list(services.db()).await? {
        config
            .providers
            .insert(provider.slug.clone(), of_provider(provider));
    }
    for row in roles::list(services.db()).await? {
        let holders = config
            .roles
            .entry(row.assignment.role.key().to_owned())
            .or_default();
        match row.assignment.principal {
            Member::User(id) => holders.users.extend(
                users::get(services.db(), id)
                    .await?
                    .map(|user| user.username),
            ),
            Member::Group(_) => holders.groups.push(row.name),
        }
    }
    config.policies = policies::here(services).await?;
    config.applications = applications::here(services, call).await?;
    config.directories = directories::here(services).await?;
    config.mail = mail::here(services).await?;
    for holders in config.roles.values_mut() {
        holders.users.sort();
        holders.groups.sort();
    }
    Ok(config)
}

fn of_provider(provider: Provider) -> ProviderConfig {
    let Provider {
        name,
        vendor,
        kind,
        enabled,
        settings,
        domains,
        jit,
        ..
    } = provider;
    ProviderConfig {
        name,
        vendor,
        kind,
        enabled,
        domains,
        client_secret: None,
        settings,
        jit,
    }
}

/// What applying the file would change. Providers, roles, policies and applications the file does not name stay as they are.
///
/// # Errors
/// When called by a person, or the database cannot be read.
pub async fn diff(
    services: &Services,
    call: &Call,
    wanted: &Config,
) -> Result<Vec<Difference>, Error> {
    let here = here(services, call).await?;
    let mut differences = Vec::new();
    if wanted.site.url.is_some() {
        compare(
            "site.url",
            here.site.url.as_deref(),
            wanted.site.url.as_deref(),
            &mut differences,
        );
    }
    for (slug, provider) in &wanted.providers {
        check_slug(slug)?;
        let flat_wanted = flatten(&effective(services, provider)?);
        let flat_here = here.providers.get(slug).map(flatten).unwrap_or_default();
        let path = format!("providers.{slug}");
        compare_all(&path, &flat_here, &flat_wanted, &mut differences);
        if let Some(reference) = &provider.client_secret {
            differences.push(Difference {
                path: format!("providers.{slug}.client_secret"),
                here: None,
                wanted: Some(format!("read from {reference}")),
            });
        }
    }
    for (role, holders) in &wanted.roles {
        let held = here.roles.get(role).cloned().unwrap_or_default();
        compare_lists(
            &format!("roles.{role}.users"),
            &held.users,
            &holders.users,
            &mut differences,
        );
        compare_lists(
            &format!("roles.{role}.groups"),
            &held.groups,
            &holders.groups,
            &mut differences,
        );
    }
    policies::diff(&here, wanted, &mut differences);
    applications::diff(&here, wanted, &mut differences)?;
    directories::diff(services, &here, wanted, &mut differences).await?;
    mail::diff(&here, wanted, &mut differences)?;
    Ok(differences)
}

/// A short name stands in addresses exactly as the file spells it.
fn check_slug(slug: &str) -> Result<(), Error> {
    if slug_of(slug) == slug {
        return Ok(());
    }
    Err(Error::new(
        "CFG-016",
        Kind::Invalid,
        format!("“{slug}” cannot be the short name of a provider: it stands in addresses."),
    )
    .next("Use up to 40 lower-case letters, digits and dashes. Nothing was changed."))
}

/// The provider with its settings as they will be stored: defaults filled in, unknown keys refused by the schema.
fn effective(services: &Services, provider: &ProviderConfig) -> Result<ProviderConfig, Error> {
    let schema = services.kind(&provider.kind)?.schema();
    let mut effective = provider.clone();
    effective.settings = schema
        .check(&provider.settings, &["client_secret"])
        .map_err(Error::form)?;
    effective.settings.remove("client_secret");
    effective.client_secret = None;
    Ok(effective)
}

/// Applies the file and tells what changed. `resolve` reads `env:NAME` and `file:PATH`.
///
/// # Errors
/// When something the file names does not exist or does not hold; then that part is not changed, parts before it are.
/// `LOCK-001` when no superadmin would be known to get in: as [`foretell`] says, before anything is changed.
pub async fn apply(
    services: &Services,
    call: &Call,
    wanted: &Config,
    resolve: &(dyn Fn(&str) -> Result<SecretString, Error> + Sync),
) -> Result<Vec<Difference>, Error> {
    let differences = diff(services, call, wanted).await?;
    holders::check(services, wanted).await?;
    policies::check(wanted)?;
    if let Some(refused) = foretell(services, call, wanted).await? {
        return Err(refused);
    }
    applications::check(services, call, wanted).await?;
    mail::check(wanted)?;
    // Every secret is read before anything is changed.
    let mut secrets = BTreeMap::new();
    for (slug, provider) in &wanted.providers {
        if let Some(reference) = &provider.client_secret {
            secrets.insert(slug, resolve(reference)?);
        }
    }
    let password = mail::secret(wanted, resolve)?;
    let passwords = directories::secrets(wanted, resolve)?;
    if let Some(url) = &wanted.site.url {
        site::declare(services, call, url).await?;
    }
    for (slug, provider) in &wanted.providers {
        let draft = Draft {
            slug: slug.clone(),
            name: provider.name.clone(),
            vendor: provider.vendor,
            kind: provider.kind.clone(),
            settings: provider.settings.clone(),
            secret: secrets.remove(slug),
            domains: provider.domains.clone(),
        };
        let mut kept =
            crate::providers::declare(services, call, &draft, provider.jit.clone()).await?;
        if kept.enabled != provider.enabled {
            let enabled = if provider.enabled {
                Enabled::Yes
            } else {
                Enabled::No
            };
            let (tx, detail) = (services.db().begin().await?, json!({"by": "file"}));
            crate::providers::switch(services, tx, call, &mut kept, enabled, detail).await?;
        }
    }
    holders::apply(services, call, wanted).await?;
    policies::apply(services, call, wanted).await?;
    applications::apply(services, call, wanted).await?;
    directories::apply(services, call, wanted, passwords).await?;
    mail::apply(services, call, wanted, password.as_ref()).await?;
    Ok(differences)
}
