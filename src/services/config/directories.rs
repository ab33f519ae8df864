//! Directories, as the file says them. Those the file does not name stay as they are.

use std::collections::BTreeMap;

use muster_domain::error::FieldError;
use muster_domain::mapping::Mapping;
use muster_domain::settings::Values;
use muster_domain::{Error, Kind, name};
use muster_storage::directories as rows;
use muster_storage::mappings;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::differences::{compare_all, flatten};
use super::{Config, Difference};
use crate::directories::{self, Against, Draft, Enabled};
use crate::mapping;
use crate::sync::rules;
use crate::{Call, Services};

/// One directory; its name is the table's.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DirectoryConfig {
    /// Its kind.
    pub kind: String,
    /// Whether it is asked at all.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Its place in the order of all directories, counted from one. Absent: it stays where it is, a new one comes last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<usize>,
    /// Where the password of the account to read with is read from: `env:NAME` or `file:PATH`. Absent: the stored one stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bind_password: Option<String>,
    /// Values of the kind's own form.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub settings: Values,
    /// The terms: what happens with leavers, how much may go, when it is synced.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rules: Values,
    /// Who comes here, and what each of them is called here. Absent: it stays as it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mapping: Option<Mapping>,
}

const fn yes() -> bool {
    true
}

/// The directories of this installation that are read from somewhere, by name.
pub(super) async fn here(services: &Services) -> Result<BTreeMap<String, DirectoryConfig>, Error> {
    let all = rows::list(services.db()).await?;
    let mut here = BTreeMap::new();
    for (index, directory) in all.into_iter().enumerate() {
        if services.directory_kind(&directory.kind).is_err() {
            continue;
        }
        let of_rules = |(key, _): &(&String, &String)| rules::is_term(key);
        let (terms, own): (Vec<_>, Vec<_>) = directory.settings.iter().partition(of_rules);
        let owned = |pairs: Vec<(&String, &String)>| -> Values {
            let said = pairs.into_iter().filter(|(_, value)| !value.is_empty());
            said.map(|(key, value)| (key.clone(), value.clone()))
                .collect()
        };
        let config = DirectoryConfig {
            kind: directory.kind.clone(),
            enabled: directory.enabled,
            place: Some(index + 1),
            bind_password: None,
            settings: owned(own),
            rules: owned(terms),
            mapping: Some(mappings::get(services.db(), directory.id).await?.mapping)
                .filter(|mapping| *mapping != Mapping::default()),
        };
        here.insert(directory.name, config);
    }
    Ok(here)
}

/// The directory with its values as they will be stored: defaults filled in, what is unknown refused.
fn effective(
    services: &Services,
    name: &str,
    wanted: &DirectoryConfig,
    held: Option<&DirectoryConfig>,
) -> Result<DirectoryConfig, Error> {
    let schema = directories::schema(services, &wanted.kind)?;
    let secret = directories::secret_field(&schema);
    let mut unknown = Vec::new();
    for (table, values, of_rules) in [
        ("settings", &wanted.settings, false),
        ("rules", &wanted.rules, true),
    ] {
        for key in values.keys() {
            let is_known = schema.fields().any(|field| field.key == key)
                && rules::is_term(key) == of_rules
                && secret != Some(key.as_str());
            if !is_known {
                unknown.push(FieldError {
                    field: format!("{table}.{key}"),
                    message: "There is no such setting.".to_owned(),
                });
            }
        }
    }
    if wanted.bind_password.is_some() && secret.is_none() {
        unknown.push(FieldError {
            field: "bind_password".to_owned(),
            message: "This kind has no password.".to_owned(),
        });
    }
    if !unknown.is_empty() {
        return Err(wrong(name, &unknown));
    }
    // One that is here as it is was saved knowingly: it stays what it is.
    let mapping = wanted.mapping.as_ref();
    let is_new = mapping != held.and_then(|held| held.mapping.as_ref());
    if let Some(Err(error)) = mapping.filter(|_| is_new).map(mapping::holds) {
        return Err(wrong(name, &error.fields));
    }
    let set: Vec<&str> = secret.into_iter().collect();
    let sent = together(wanted);
    let checked = schema
        .check(&sent, &set)
        .map_err(|fields| wrong(name, &fields))?;
    let problems = rules::problems(&checked);
    if !problems.is_empty() {
        return Err(wrong(name, &problems));
    }
    let (terms, own): (Values, Values) = checked
        .into_iter()
        .filter(|(key, value)| secret != Some(key.as_str()) && !value.is_empty())
        .partition(|(key, _)| rules::is_term(key));
    Ok(DirectoryConfig {
        settings: own,
        rules: terms,
        bind_password: None,
        ..wanted.clone()
    })
}

fn together(config: &DirectoryConfig) -> Values {
    let both = config.settings.iter().chain(&config.rules);
    both.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn wrong(name: &str, fields: &[FieldError]) -> Error {
    let words: Vec<String> = fields
        .iter()
        .map(|field| format!("directories.{name}.{}: {}", field.field, field.message))
        .collect();
    Error::new("CFG-021", Kind::Invalid, words.join(" "))
        .next("Correct what it names. Nothing about this directory was changed.")
}

/// That applying it would hold; whether a secret is stored for it already. A secret that the file names is read only when
/// it is applied: here another stands for it.
async fn holds(services: &Services, name: &str, wanted: &DirectoryConfig) -> Result<bool, Error> {
    let stand_in = || SecretString::from("stands for the one that is read".to_owned());
    let draft = Draft {
        kind: wanted.kind.clone(),
        name: name.to_owned(),
        settings: together(wanted),
        secret: wanted.bind_password.as_ref().map(|_| stand_in()),
        seen: None,
    };
    let kept = directories::declarable(services, &draft).await;
    kept.map_err(|error| refused(services, name, wanted, error))
}

/// What the forms would say, in the words of the file.
fn refused(services: &Services, name: &str, wanted: &DirectoryConfig, error: Error) -> Error {
    if error.fields.is_empty() {
        return error;
    }
    let schema = directories::schema(services, &wanted.kind).ok();
    let secret = schema.as_ref().and_then(directories::secret_field);
    let fields: Vec<FieldError> = error
        .fields
        .into_iter()
        .map(|field| match secret == Some(field.field.as_str()) {
            true => FieldError {
                field: "bind_password".to_owned(),
                message: format!(
                    "{} In the file: bind_password = \"env:NAME\" or \"file:PATH\".",
                    field.message
                ),
            },
            false => FieldError {
                field: match field.field.as_str() {
                    "name" => field.field,
                    key if rules::is_term(key) => format!("rules.{key}"),
                    key => format!("settings.{key}"),
                },
                ..field
            },
        })
        .collect();
    wrong(name, &fields)
}

/// The directory of this name that is here.
fn held<'a>(
    here: &'a BTreeMap<String, DirectoryConfig>,
    name: &str,
) -> Option<(&'a String, &'a DirectoryConfig)> {
    let key = name::key(name);
    here.iter().find(|(known, _)| name::key(known) == key)
}

pub(super) async fn diff(
    services: &Services,
    here: &Config,
    wanted: &Config,
    into: &mut Vec<Difference>,
) -> Result<(), Error> {
    for (name, directory) in &wanted.directories {
        let held = held(&here.directories, name);
        let of_here = held.map(|(_, held)| held);
        let mut flat_wanted = flatten(&effective(services, name, directory, of_here)?);
        let is_kept = holds(services, name, directory).await?;
        let mut flat_here = held.map(|(_, held)| flatten(held)).unwrap_or_default();
        if directory.place.is_none() {
            flat_here.remove("place");
            flat_wanted.remove("place");
        }
        if directory.mapping.is_none() {
            flat_here.retain(|key, _| !key.starts_with("mapping"));
        }
        if let Some((known, _)) = held.filter(|(known, _)| *known != name) {
            flat_here.insert("name".to_owned(), known.clone());
            flat_wanted.insert("name".to_owned(), name.clone());
        }
        let path = format!("directories.{name}");
        compare_all(&path, &flat_here, &flat_wanted, into);
        if let Some(reference) = &directory.bind_password {
            into.push(Difference {
                path: format!("{path}.bind_password"),
                here: is_kept.then(|| "(stored)".to_owned()),
                wanted: Some(format!("read from {reference}")),
            });
        }
    }
    Ok(())
}

/// Reads the passwords that the file names.
pub(super) fn secrets(
    wanted: &Config,
    resolve: &(dyn Fn(&str) -> Result<SecretString, Error> + Sync),
) -> Result<BTreeMap<String, SecretString>, Error> {
    let mut secrets = BTreeMap::new();
    for (name, directory) in &wanted.directories {
        if let Some(reference) = &directory.bind_password {
            secrets.insert(name.clone(), resolve(reference)?);
        }
    }
    Ok(secrets)
}

pub(super) async fn apply(
    services: &Services,
    call: &Call,
    wanted: &Config,
    mut secrets: BTreeMap<String, SecretString>,
) -> Result<(), Error> {
    let (mut places, here) = (Vec::new(), here(services).await?);
    for (name, directory) in &wanted.directories {
        let of_here = held(&here, name).map(|(_, held)| held);
        effective(services, name, directory, of_here)?;
        let draft = Draft {
            kind: directory.kind.clone(),
            name: name.clone(),
            settings: together(directory),
            secret: secrets.remove(name),
            seen: None,
        };
        let kept = directories::declare(services, call, &draft).await;
        let id = kept.map_err(|error| refused(services, name, directory, error))?;
        let enabled = if directory.enabled {
            Enabled::Yes
        } else {
            Enabled::No
        };
        let detail = json!({ "by": "file" });
        directories::switch(services, call, id, enabled, detail).await?;
        if let Some(wanted) = &directory.mapping {
            mapping::declare(services, call, id, wanted).await?;
        }
        places.extend(directory.place.map(|place| (place, id)));
    }
    // From the first place to the last, so that none moves another away again.
    places.sort_by_key(|(place, _)| *place);
    for (place, id) in places {
        let step = directories::Step::To(place);
        directories::shift(services, call, None, id, step, Against::Nothing).await?;
    }
    Ok(())
}
