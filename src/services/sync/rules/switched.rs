//! What a directory that is switched off does not do.

use muster_domain::plan::Purpose;
use muster_domain::{Error, Kind};
use muster_storage::directories::Directory;

/// The code of what is refused because a directory is switched off.
pub(crate) const OFF: &str = "RUN-002";

pub(crate) fn off() -> Error {
    Error::new(
        OFF,
        Kind::Conflict,
        "This directory is switched off: nothing is read from it.",
    )
    .next("Switch it on first.")
}

/// Goes on only while the directory is switched on, where it is for its source to say what is done: what people decided,
/// to take something back or to remove it, is done all the same.
///
/// # Errors
/// `RUN-002` when it is off.
pub(crate) fn is_on(directory: &Directory, purpose: Purpose) -> Result<(), Error> {
    match purpose {
        Purpose::Sync | Purpose::Drift | Purpose::Shadow if !directory.enabled => Err(off()),
        _ => Ok(()),
    }
}
