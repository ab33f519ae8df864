//! Applications behind a proxy that asks this console who may come in: where they are, who may enter, and where a
//! secure session is demanded. Who comes in is decided in [`crate::forward`].

use muster_domain::application::{Application, Entry, Origin, Prefix, is_safe};
use muster_domain::error::FieldError;
use muster_domain::id::{ApplicationId, GroupId};
use muster_domain::role::{Permission, Role};
use muster_domain::session::ElevatedSession;
use muster_domain::{Error, Kind, name};
use muster_storage::{Tx, applications, groups};
use serde_json::{Value, json};
use url::Url;

use crate::{Call, Services, Who, guard, site};

/// Most prefixes of one application.
const MOST: usize = 50;

/// An application as its form holds it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Draft {
    /// The name people read.
    pub name: String,
    /// Its address: scheme, host, port, and perhaps a path.
    pub address: String,
    /// Whether everybody who is signed in may enter.
    pub everybody: bool,
    /// Stable names of roles that may.
    pub roles: Vec<String>,
    /// Names of groups that may.
    pub groups: Vec<String>,
    /// Paths that demand a secure session.
    pub elevated: Vec<String>,
}

/// Every application, by address.
///
/// # Errors
/// Without permission.
pub async fn list(services: &Services, call: &Call) -> Result<Vec<Application>, Error> {
    call.may(Permission::ViewSettings)?;
    applications::list(services.db()).await
}

/// One application.
///
/// # Errors
/// Without permission; `WEB-404` when there is none.
pub async fn get(
    services: &Services,
    call: &Call,
    id: ApplicationId,
) -> Result<Application, Error> {
    call.may(Permission::ViewSettings)?;
    applications::get(services.db(), id)
        .await?
        .ok_or_else(|| Error::not_found("application"))
}

/// An application as its form holds it. Groups that are gone are left out: saving it forgets them.
///
/// # Errors
/// Without permission.
pub async fn draft(
    services: &Services,
    call: &Call,
    application: &Application,
) -> Result<Draft, Error> {
    call.may(Permission::ViewSettings)?;
    let (everybody, roles, ids) = match &application.entry {
        Entry::Everybody => (true, Vec::new(), Vec::new()),
        Entry::Listed { roles, groups } => (false, roles.clone(), groups.clone()),
    };
    let mut names = Vec::new();
    for id in ids {
        names.extend(
            groups::get(services.db(), id)
                .await?
                .map(|group| group.name),
        );
    }
    Ok(Draft {
        name: application.name.clone(),
        address: application.address(),
        everybody,
        roles: roles.iter().map(|role| role.key().to_owned()).collect(),
        groups: names,
        elevated: application
            .elevated
            .iter()
            .map(|prefix| prefix.as_str().to_owned())
            .collect(),
    })
}

/// Adds one.
///
/// # Errors
/// Without permission or presence; with messages beside the fields of [`Draft`].
pub async fn add(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    draft: &Draft,
) -> Result<Application, Error> {
    call.may(Permission::ManageSettings)?;
    guard::present(call, Some(elevated))?;
    let tx = services.db().begin().await?;
    let application = Application {
        id: services.id(),
        created_at: call.at,
        ..checked(services, &tx, call, draft, None).await?
    };
    applications::insert(&tx, &application).await?;
    let detail = json!({ "after": told(&application), "elevation": elevated.id() });
    let event = call.event(
        "application.add",
        &application.name,
        Some(application.id.0),
        detail,
    );
    tx.commit(&[event]).await?;
    Ok(application)
}

/// Changes one. It counts for the next request at the proxy.
///
/// # Errors
/// Without permission or presence; `WEB-404` when there is none; with messages beside the fields of [`Draft`].
pub async fn change(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    id: ApplicationId,
    draft: &Draft,
) -> Result<Application, Error> {
    call.may(Permission::ManageSettings)?;
    guard::present(call, Some(elevated))?;
    let tx = services.db().begin().await?;
    let before = applications::get(&tx, id)
        .await?
        .ok_or_else(|| Error::not_found("application"))?;
    let after = Application {
        id,
        created_at: before.created_at,
        ..checked(services, &tx, call, draft, Some(id)).await?
    };
    applications::update(&tx, &after).await?;
    let detail =
        json!({ "before": told(&before), "after": told(&after), "elevation": elevated.id() });
    let event = call.event("application.change", &after.name, Some(id.0), detail);
    tx.commit(&[event]).await?;
    Ok(after)
}

/// Whether an application could be as a draft says.
///
/// # Errors
/// Without permission; with messages beside the fields of [`Draft`].
pub(crate) async fn check(services: &Services, call: &Call, draft: &Draft) -> Result<(), Error> {
    call.may(Permission::ManageSettings)?;
    let tx = services.db().begin().await?;
    let known = at(&tx, &draft.address).await?;
    let checked = checked(services, &tx, call, draft, known.map(|one| one.id)).await;
    tx.rollback().await?;
    checked.map(drop)
}

/// Adds or changes the application at an address, as a configuration file declares it. For parts of this program only.
///
/// # Errors
/// When a person calls it; with messages beside the fields of [`Draft`].
pub(crate) async fn declare(services: &Services, call: &Call, draft: &Draft) -> Result<(), Error> {
    let Who::System(_) = call.who else {
        return Err(Error::new(
            "WEB-403",
            Kind::Forbidden,
            "Only a part of this program may declare applications.",
        ));
    };
    let tx = services.db().begin().await?;
    let known = at(&tx, &draft.address).await?;
    let own = known.as_ref().map(|known| known.id);
    let checked = checked(services, &tx, call, draft, own).await?;
    let (action, after) = match &known {
        Some(known) => {
            let after = Application {
                id: known.id,
                created_at: known.created_at,
                ..checked
            };
            applications::update(&tx, &after).await?;
            ("application.change", after)
        }
        None => {
            let after = Application {
                id: services.id(),
                ..checked
            };
            applications::insert(&tx, &after).await?;
            ("application.add", after)
        }
    };
    let detail = json!({ "before": known.as_ref().map(told), "after": told(&after), "by": "file" });
    tx.commit(&[call.event(action, &after.name, Some(after.id.0), detail)])
        .await
}

/// The application at an address, if there is one.
async fn at(tx: &Tx, typed: &str) -> Result<Option<Application>, Error> {
    let Ok((origin, prefix)) = address(typed) else {
        return Ok(None);
    };
    let all = applications::list(tx).await?;
    Ok(all
        .into_iter()
        .find(|one| one.origin == origin && one.prefix == prefix))
}

/// An address as it is stored.
///
/// # Errors
/// What is wrong with it.
pub(crate) fn plain_address(typed: &str) -> Result<String, &'static str> {
    address(typed).map(|(origin, prefix)| format!("{}{}", origin.as_str(), prefix.as_str()))
}

/// Removes one: from then on nobody comes in there.
///
/// # Errors
/// Without permission or presence; `WEB-404` when there is none.
pub async fn remove(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    id: ApplicationId,
) -> Result<Application, Error> {
    call.may(Permission::ManageSettings)?;
    guard::present(call, Some(elevated))?;
    let tx = services.db().begin().await?;
    let before = applications::get(&tx, id)
        .await?
        .ok_or_else(|| Error::not_found("application"))?;
    applications::remove(&tx, id).await?;
    let detail = json!({ "before": told(&before), "elevation": elevated.id() });
    let event = call.event("application.remove", &before.name, Some(id.0), detail);
    tx.commit(&[event]).await?;
    Ok(before)
}

fn told(application: &Application) -> Value {
    json!({
        "name": application.name, "address": application.address(), "entry": application.entry,
        "elevated": application.elevated,
    })
}

async fn checked(
    services: &Services,
    tx: &Tx,
    call: &Call,
    draft: &Draft,
    own: Option<ApplicationId>,
) -> Result<Application, Error> {
    let mut wrong = Vec::new();
    let name = name::check_display_name(&draft.name)
        .map_err(|error| wrong.push(beside("name", &error.message)))
        .unwrap_or_default();
    let address = address(&draft.address).map_err(|words| wrong.push(beside("address", words)));
    let entry = match entry(tx, draft).await? {
        Ok(entry) => entry,
        Err(error) => {
            wrong.push(error);
            Entry::Everybody
        }
    };
    let elevated = elevated(draft, address.as_ref().ok().map(|(_, prefix)| prefix))
        .map_err(|words| wrong.push(beside("elevated", &words)))
        .unwrap_or_default();
    if let Ok((origin, prefix)) = &address {
        let taken = applications::list(tx).await?.into_iter().find(|other| {
            Some(other.id) != own && other.origin == *origin && other.prefix == *prefix
        });
        let is_console = Origin::of(&site::url(services).await?).as_ref() == Some(origin)
            && *prefix == Prefix::root();
        if let Some(other) = taken {
            let words = format!("{} is at this address already.", other.name);
            wrong.push(beside("address", &words));
        } else if is_console {
            wrong.push(beside(
                "address",
                "That is this console itself. Name the path where the application begins.",
            ));
        }
    }
    match address {
        Ok((origin, prefix)) if wrong.is_empty() => Ok(Application {
            id: ApplicationId(uuid::Uuid::nil()),
            name,
            origin,
            prefix,
            entry,
            elevated,
            created_at: call.at,
            updated_at: call.at,
        }),
        _ => Err(Error::form(wrong)),
    }
}

fn beside(field: &str, message: &str) -> FieldError {
    FieldError {
        field: field.to_owned(),
        message: message.to_owned(),
    }
}

fn address(typed: &str) -> Result<(Origin, Prefix), &'static str> {
    let url = Url::parse(typed.trim())
        .map_err(|_| "Enter the full address, such as https://grafana.example.org.")?;
    let origin = Origin::of(&url).ok_or("Enter an https address.")?;
    if !is_safe(&url) {
        return Err(
            "Use https: without it, anyone on the way could come in as somebody else. http works on this machine only.",
        );
    }
    let is_bare = url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none();
    let prefix = Prefix::new(url.path())
        .filter(|_| is_bare && !typed.contains("/..") && !typed.contains("/./"))
        .ok_or("Enter scheme, host and port, and perhaps a plain path such as /grafana.")?;
    Ok((origin, prefix))
}

async fn entry(tx: &Tx, draft: &Draft) -> Result<Result<Entry, FieldError>, Error> {
    if draft.everybody {
        return Ok(Ok(Entry::Everybody));
    }
    let roles: Option<Vec<Role>> = draft.roles.iter().map(|key| Role::from_key(key)).collect();
    let Some(roles) = roles else {
        return Ok(Err(beside("roles", "Choose among the roles shown.")));
    };
    let mut ids: Vec<GroupId> = Vec::new();
    for name in draft.groups.iter().map(|name| name.trim()) {
        match groups::by_name(tx, name).await? {
            Some(group) if !ids.contains(&group.id) => ids.push(group.id),
            Some(_) => {}
            None => {
                let words = format!(
                    "There is no group “{name}”. Write each name as it stands under People → Groups."
                );
                return Ok(Err(beside("groups", &words)));
            }
        }
    }
    if roles.is_empty() && ids.is_empty() {
        return Ok(Err(beside(
            "groups",
            "Name a group or choose a role: as it is, nobody could enter.",
        )));
    }
    Ok(Ok(Entry::Listed { roles, groups: ids }))
}

fn elevated(draft: &Draft, within: Option<&Prefix>) -> Result<Vec<Prefix>, String> {
    let mut all: Vec<Prefix> = Vec::new();
    for typed in &draft.elevated {
        let prefix = Prefix::new(typed)
            .ok_or_else(|| format!("“{typed}” is no plain path. Write one such as /admin."))?;
        if within.is_some_and(|within| !within.contains(&prefix)) {
            return Err(format!(
                "“{typed}” is outside of the application. Write the path as it stands in the address."
            ));
        }
        if !all.contains(&prefix) {
            all.push(prefix);
        }
    }
    if all.len() > MOST {
        return Err(format!("Write at most {MOST} paths."));
    }
    Ok(all)
}

/// Refuses what is registered for nobody, in words for whoever set up the proxy.
pub(crate) fn unknown(origin: &str) -> Error {
    Error::new(
        "FWD-003",
        Kind::Forbidden,
        "There is no application at this address.",
    )
    .next("Add it under Sources → Applications, with the address people open.")
    .internal(origin)
}
