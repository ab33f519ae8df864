//! Which two directories a plan lets change places, and that nobody takes one of them away meanwhile.

use std::collections::BTreeSet;

use muster_domain::id::DirectoryId;
use muster_domain::plan::{Purpose, StoredPlan};
use muster_domain::run::Wish;
use muster_domain::{Error, Kind};
use muster_storage::directories::{self, Directory};
use muster_storage::{Reader, plans, runs};

use super::left_by;

/// The code of what is refused because a directory is changing places.
pub(crate) const CHANGES_PLACES: &str = "SHD-005";

/// The two directories that change places by a plan, or change back; empty: it is about no such thing.
///
/// # Errors
/// Why the database cannot answer.
pub(crate) async fn places(
    reader: &impl Reader,
    plan: &StoredPlan,
) -> Result<BTreeSet<DirectoryId>, Error> {
    if !matches!(plan.purpose, Purpose::Shadow | Purpose::Undo) {
        return Ok(BTreeSet::new());
    }
    let both = left_by(reader, plan).await?;
    Ok(both.into_iter().flat_map(|(a, b)| [a, b]).collect())
}

/// That no run of another directory was approved by which this one changes places. Its state is locked.
///
/// # Errors
/// `SHD-005`, with that run.
pub(crate) async fn keeps_its_place(
    reader: &impl Reader,
    directory: &Directory,
) -> Result<(), Error> {
    for run in runs::open(reader).await? {
        if run.directory == directory.id || run.wish != Wish::Apply {
            continue;
        }
        let plan = match run.plan {
            Some(plan) => plans::get(reader, plan).await?,
            None => None,
        };
        let Some(plan) = plan else { continue };
        if places(reader, &plan).await?.contains(&directory.id) {
            return Err(Error::new(
                CHANGES_PLACES,
                Kind::Conflict,
                format!(
                    "“{}” is changing places with another directory.",
                    directory.name
                ),
            )
            .next(format!(
                "Nothing was changed. Wait for the end of run {}, or stop it while it has not begun; then do this again.",
                run.id
            )));
        }
    }
    Ok(())
}

/// That both directories are there which are to change places.
///
/// # Errors
/// `SHD-006`.
pub(super) async fn are_there(
    reader: &impl Reader,
    both: impl IntoIterator<Item = DirectoryId>,
) -> Result<(), Error> {
    for id in both {
        if directories::get(reader, id).await?.is_none() {
            return Err(gone());
        }
    }
    Ok(())
}

/// One of two directories that were to change places is gone.
pub(crate) fn gone() -> Error {
    Error::new(
        "SHD-006",
        Kind::Conflict,
        "One of the two directories that were to change places is not there any more.",
    )
    .next("Nothing was changed. Set the one in shadow beside another directory, or switch its shadow off in its settings.")
}
