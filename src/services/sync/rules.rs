//! On what terms a directory is synced.

use muster_domain::guard::Guard;
use muster_domain::plan::{Leavers, Revival};
use muster_storage::directories::Directory;

/// The terms of one directory, as they are set.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Rules {
    /// What happens with leavers.
    pub leavers: Leavers,
    /// Whom it may bring back.
    pub revival: Revival,
    /// How much may go by itself.
    pub guard: Guard,
}

/// Reads the terms out of a directory's settings.
#[must_use]
pub fn of(_directory: &Directory) -> Rules {
    Rules::default()
}
