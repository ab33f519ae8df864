//! Directories that were removed. Their plans and runs are kept as long as those of others, and name them; and the removal
//! can be taken back: then the directory is here again.

use std::collections::BTreeMap;

use muster_domain::Error;
use muster_domain::audit::AuditEvent;
use muster_domain::id::DirectoryId;
use muster_storage::directories::{self, Directory};
use muster_storage::{Reader, Tx, removed_directories};
use serde_json::json;

use crate::Call;

/// One directory, also one that was removed: what goes on record of its plans and runs names it.
///
/// # Errors
/// `WEB-404` when there never was one, or nothing of it is kept any more.
pub(crate) async fn ever(reader: &impl Reader, id: DirectoryId) -> Result<Directory, Error> {
    directories::ever(reader, id)
        .await?
        .ok_or_else(|| Error::not_found("directory"))
}

/// How a directory is called on pages about what was done: one that was removed says so.
///
/// # Errors
/// As [`ever`].
pub(crate) async fn name_ever(reader: &impl Reader, id: DirectoryId) -> Result<String, Error> {
    let name = ever(reader, id).await?.name;
    match removed_directories::is_one(reader, id).await? {
        true => Ok(called(&name)),
        false => Ok(name),
    }
}

/// The same of all directories.
///
/// # Errors
/// Why the database cannot answer.
pub(crate) async fn names_ever(
    reader: &impl Reader,
) -> Result<BTreeMap<DirectoryId, String>, Error> {
    let here = directories::list(reader).await?;
    let gone = removed_directories::names(reader).await?;
    Ok(here
        .into_iter()
        .map(|one| (one.id, one.name))
        .chain(gone.into_iter().map(|(id, name)| (id, called(&name))))
        .collect())
}

fn called(name: &str) -> String {
    format!("{name} (removed)")
}

/// Brings a directory back whose removal is taken back: under its name, or under the first like it that is free. It is
/// switched off, and its secret has to be entered again. None: it was not removed.
///
/// # Errors
/// Why the database refused.
pub(crate) async fn bring_back(
    call: &Call,
    tx: &Tx,
    id: DirectoryId,
) -> Result<Option<AuditEvent>, Error> {
    if !removed_directories::is_one(tx, id).await? {
        return Ok(None);
    }
    let before = ever(tx, id).await?.name;
    let mut name = before.clone();
    let mut number = 2_u32;
    while directories::by_name(tx, &name).await?.is_some() {
        name = format!("{before} ({number})");
        number += 1;
    }
    removed_directories::bring_back(tx, id, &name, call.at).await?;
    let detail = json!({ "before": before, "after": name });
    Ok(Some(call.event(
        "directory.bring_back",
        &name,
        Some(id.0),
        detail,
    )))
}
