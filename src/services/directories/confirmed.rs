//! When a directory last confirmed who is in it.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_storage::accounts;
use muster_storage::directories::Directory;

use super::{INTERNAL, JIT};
use crate::Services;
use crate::sync::views;

/// When a directory last confirmed who is in it. What is read confirms everybody in it, whether or not anything changed:
/// then it is when it was last read as a whole. Where people bring their account along, it is when the last one did. What is
/// kept here is confirmed by nobody.
///
/// # Errors
/// Why the database cannot answer.
pub(crate) async fn confirmed_at(
    services: &Services,
    directory: &Directory,
) -> Result<Option<DateTime<Utc>>, Error> {
    match directory.kind.as_str() {
        INTERNAL => Ok(None),
        JIT | "scim" => accounts::last_confirmed_of_directory(services.db(), directory.id).await,
        _ => Ok(views::recent(services, directory.id).await?.read_at),
    }
}
