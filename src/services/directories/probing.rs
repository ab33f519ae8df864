//! Trying a directory: connect, bind, search, one person.

use std::time::Duration;

use muster_domain::directory::{Directory as Source, Finding, Probe};
use muster_domain::id::DirectoryId;
use muster_domain::plan::person::usable;
use muster_domain::record::UserRecord;
use muster_domain::role::Permission;
use muster_domain::{Error, name};
use muster_storage::directories;
use serde_json::json;

use super::draft::{Draft, for_probe};
use super::keeping::known;
use crate::{Call, Services};

/// What is tried.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// A directory as it is kept.
    Kept(DirectoryId),
    /// A directory as it would be, and of which kept one it is the change.
    Draft(Option<DirectoryId>, &'a Draft),
}

/// What looking for one person showed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OnePerson {
    /// The name that was looked for.
    pub username: String,
    /// The person as the source describes them; none: there is nobody of that name. Or why it cannot say.
    pub outcome: Result<Option<UserRecord>, Error>,
    /// Why a sync would refuse the record all the same, in a sentence.
    pub unusable: Option<String>,
    /// How long it took.
    pub took: Duration,
}

/// Tries one step, and those before it. What comes of it is in the finding, and on record.
///
/// # Errors
/// Without permission, for an unknown directory, or with messages beside fields.
pub async fn probe(
    services: &Services,
    call: &Call,
    target: Target<'_>,
    probe: Probe,
) -> Result<Finding, Error> {
    let (name, source) = opened(services, call, target, probe).await?;
    let finding = source.probe(probe).await;
    let code = finding.outcome.as_ref().err().map(|error| error.code);
    let detail = json!({ "probe": probe, "refused": code });
    put_on_record(services, call, target, &name, detail).await?;
    Ok(finding)
}

/// Looks for one person by the name they sign in with. Changes nothing.
///
/// # Errors
/// Without permission, for an unknown directory, or with messages beside fields.
pub async fn person(
    services: &Services,
    call: &Call,
    target: Target<'_>,
    username: &str,
) -> Result<OnePerson, Error> {
    let username = username.trim();
    if username.is_empty() || username.len() > 300 {
        return Err(Error::form(Vec::new()).field("person", "Enter a username."));
    }
    let (name, source) = opened(services, call, target, Probe::Search).await?;
    let begun = services.now();
    let outcome = source.person(username).await;
    let took = (services.now() - begun).to_std().unwrap_or_default();
    let code = outcome.as_ref().err().map(|error| error.code);
    let detail = json!({ "probe": "person", "username": username, "refused": code });
    put_on_record(services, call, target, &name, detail).await?;
    Ok(OnePerson {
        username: username.to_owned(),
        unusable: match &outcome {
            Ok(Some(record)) => usable(record).err(),
            _ => None,
        },
        outcome,
        took,
    })
}

/// The source behind a target, as far as a test needs it, and its name.
async fn opened(
    services: &Services,
    call: &Call,
    target: Target<'_>,
    probe: Probe,
) -> Result<(String, Box<dyn Source>), Error> {
    call.may(Permission::ManageDirectories)?;
    match target {
        Target::Kept(id) => {
            let directory = directories::get(services.db(), id)
                .await?
                .ok_or_else(|| Error::not_found("directory"))?;
            let source = super::open(services, services.db(), &directory).await?;
            Ok((directory.name, source))
        }
        Target::Draft(id, draft) => {
            let known = match id {
                None => None,
                Some(id) => {
                    let tx = services.db().begin().await?;
                    let known = known(services, &tx, id).await?;
                    tx.rollback().await?;
                    Some(known)
                }
            };
            let source = for_probe(services, draft, known.as_ref(), probe)?;
            // A test needs no name yet.
            let name = name::check_group_name(&draft.name);
            Ok((name.unwrap_or_else(|_| draft.kind.clone()), source))
        }
    }
}

/// Who had this server connect where is answerable.
async fn put_on_record(
    services: &Services,
    call: &Call,
    target: Target<'_>,
    name: &str,
    mut detail: serde_json::Value,
) -> Result<(), Error> {
    let (id, servers) = match target {
        Target::Kept(id) => (Some(id), None),
        Target::Draft(id, draft) => (id, draft.settings.get("servers")),
    };
    if let (Some(map), Some(servers)) = (detail.as_object_mut(), servers) {
        map.insert("servers".to_owned(), json!(servers));
    }
    let event = call.event("directory.test", name, id.map(|id| id.0), detail);
    services.db().begin().await?.commit(&[event]).await
}
