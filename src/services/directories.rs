//! Directories in their order: where accounts live, and which of them wins.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use muster_domain::directory::Directory as Source;
use muster_domain::id::DirectoryId;
use muster_domain::mapping::Mapping;
use muster_domain::role::Permission;
use muster_domain::{Error, name};
use muster_storage::directories;
pub use muster_storage::directories::Directory;
use muster_storage::{Reader, Tx, accounts, directory_states, mappings};
use serde_json::json;

use crate::sync::mapped::{MappedSource, Work};
use crate::{Call, Services};

mod carried;
mod confirmed;
mod draft;
mod keeping;
mod ordering;
mod past;
mod probing;
mod removed;
mod removing;

pub use carried::{carried, carry};
pub(crate) use confirmed::confirmed_at;
pub use draft::{Draft, schema, secret_field, seldom, usual};
pub use keeping::{Enabled, Offered, Shown, add, declare, get, kinds, save, set_enabled};
pub(crate) use keeping::{declarable, out_of_date, switch};
pub use ordering::{Against, Step, order_mark, shift};
pub(crate) use past::{bring_back, ever, name_ever, names_ever};
pub use probing::{OnePerson, Target, person, probe};
pub use removed::sweep_removed;
pub use removing::{Choice, Groups, People, remove_plan};

/// The kind of the directory whose accounts are made and kept here.
pub const INTERNAL: &str = "internal";

/// The kind of directories that hold accounts made at sign-in.
pub const JIT: &str = "jit";

/// A directory in the list.
#[derive(Clone, PartialEq, Debug)]
pub struct DirectoryRow {
    /// The directory.
    pub directory: Directory,
    /// How accounts arrive in it, in words.
    pub method: &'static str,
    /// How many accounts it holds.
    pub accounts: u64,
    /// When it last confirmed who is in it: when it was last read as a whole, or somebody last came from it.
    pub last_confirmed_at: Option<DateTime<Utc>>,
    /// Its place, counted from one.
    pub place: usize,
}

/// How accounts arrive in a directory of this kind.
#[must_use]
pub fn method_of(kind: &str) -> &'static str {
    match kind {
        INTERNAL => "Manual",
        JIT => "Just in time, at sign-in",
        "ldap" => "LDAP sync",
        "crowd" => "Crowd sync",
        "scim" => "SCIM",
        "demo" => "Demo data",
        _ => "API connector",
    }
}

/// Every directory in order, with how many accounts it holds.
///
/// # Errors
/// Without permission.
pub async fn list(services: &Services, call: &Call) -> Result<Vec<DirectoryRow>, Error> {
    call.may(Permission::ViewDirectories)?;
    let mut rows = Vec::new();
    for (index, directory) in directories::list(services.db())
        .await?
        .into_iter()
        .enumerate()
    {
        rows.push(DirectoryRow {
            method: method_of(&directory.kind),
            accounts: accounts::count_of_directory(services.db(), directory.id).await?,
            last_confirmed_at: confirmed_at(services, &directory).await?,
            place: index + 1,
            directory,
        });
    }
    Ok(rows)
}

/// One directory, with how many accounts it holds.
///
/// # Errors
/// Without permission, or `WEB-404`.
pub async fn row(services: &Services, call: &Call, id: DirectoryId) -> Result<DirectoryRow, Error> {
    let rows = list(services, call).await?;
    let found = rows.into_iter().find(|row| row.directory.id == id);
    found.ok_or_else(|| Error::not_found("directory"))
}

/// Names and ids of all directories in order, for filters.
///
/// # Errors
/// Without permission.
pub async fn names(services: &Services, call: &Call) -> Result<Vec<(DirectoryId, String)>, Error> {
    if !call.can(Permission::ViewDirectories) {
        call.may(Permission::ViewPeople)?;
    }
    let all = directories::list(services.db()).await?;
    Ok(all
        .into_iter()
        .map(|directory| (directory.id, directory.name))
        .collect())
}

/// Gives a directory another name.
///
/// # Errors
/// Without permission, for an unknown directory, or with a message beside the field `name`.
pub async fn rename(
    services: &Services,
    call: &Call,
    id: DirectoryId,
    name: &str,
) -> Result<(), Error> {
    call.may(Permission::ManageDirectories)?;
    let name = name::check_group_name(name).map_err(|field| Error::form(vec![field]))?;
    let tx = services.db().begin().await?;
    // Nobody else changes it from here on, so what they change is not written over.
    find(&tx, id).await?;
    directory_states::lock(&tx, id).await?;
    let mut directory = find(&tx, id).await?;
    keeping::is_free(&tx, &name, Some(id)).await?;
    let before = std::mem::replace(&mut directory.name, name);
    directory.updated_at = call.at;
    directories::update(&tx, &directory).await?;
    let detail = json!({ "before": before, "after": directory.name });
    let event = call.event("directory.rename", &directory.name, Some(id.0), detail);
    tx.commit(&[event]).await
}

/// Opens the source behind a directory, with its secret; nothing is connected yet.
///
/// # Errors
/// `DIR-004` for a directory that nothing is read from; when its settings cannot be used or its secret not opened.
pub(crate) async fn open(
    services: &Services,
    reader: &impl Reader,
    directory: &Directory,
) -> Result<Box<dyn Source>, Error> {
    let kept = mappings::get(reader, directory.id).await?;
    open_mapped(services, reader, directory, &kept.mapping).await
}

/// The same through another mapping than the one that is kept.
pub(crate) async fn open_mapped(
    services: &Services,
    reader: &impl Reader,
    directory: &Directory,
    mapping: &Mapping,
) -> Result<Box<dyn Source>, Error> {
    if mapping.is_empty() {
        return open_asking(services, reader, directory, &BTreeSet::new()).await;
    }
    let work = Work::new(directory.id, mapping)?;
    let source = open_asking(services, reader, directory, &work.asked()).await?;
    Ok(Box::new(MappedSource::new(
        source,
        work,
        services.db().clone(),
    )))
}

/// The source as it is, before any mapping, asked for these attributes besides.
pub(crate) async fn open_asking(
    services: &Services,
    reader: &impl Reader,
    directory: &Directory,
    asked: &BTreeSet<String>,
) -> Result<Box<dyn Source>, Error> {
    let kind = services.directory_kind(&directory.kind)?;
    let sealed = directories::secret(reader, directory.id).await?;
    let secret = sealed
        .map(|sealed| services.sealer().open(&sealed, secret_place(directory.id)))
        .transpose()?;
    kind.open_asking(&directory.settings, secret.as_ref(), asked)
}

/// Where the secret of a directory stands.
pub(crate) fn secret_place(id: DirectoryId) -> muster_storage::Place<'static> {
    muster_storage::Place {
        table: "directories",
        column: "secret_sealed",
        id: id.0,
    }
}

/// The internal directory; made first in the order when it is not there yet.
///
/// # Errors
/// Why the database cannot serve.
pub(crate) async fn internal(
    services: &Services,
    call: &Call,
    tx: &Tx,
) -> Result<Directory, Error> {
    ensure(services, call, tx, INTERNAL, "Internal", Place::First).await
}

/// Where a directory that is made joins the order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// Before all others.
    First,
    /// After all others.
    Last,
}

/// The first directory of this kind; made when there is none.
pub(crate) async fn ensure(
    services: &Services,
    call: &Call,
    tx: &Tx,
    kind: &str,
    name: &str,
    place: Place,
) -> Result<Directory, Error> {
    let all = directories::list(tx).await?;
    if let Some(found) = all.iter().find(|directory| directory.kind == kind) {
        return Ok(found.clone());
    }
    let position = match place {
        Place::First => all.first().map_or(0, |first| first.position - 1),
        Place::Last => all.last().map_or(0, |last| last.position + 1),
    };
    let taken = |name: &str| {
        all.iter()
            .any(|other| name::key(&other.name) == name::key(name))
    };
    let name = if taken(name) {
        format!("{name} ({kind})")
    } else {
        name.to_owned()
    };
    let directory = Directory {
        id: services.id(),
        name,
        kind: kind.to_owned(),
        position,
        enabled: true,
        settings: muster_domain::settings::Values::new(),
        created_at: call.at,
        updated_at: call.at,
    };
    directories::insert(tx, &directory).await?;
    Ok(directory)
}

async fn find(tx: &Tx, id: DirectoryId) -> Result<Directory, Error> {
    directories::get(tx, id)
        .await?
        .ok_or_else(|| Error::not_found("directory"))
}
