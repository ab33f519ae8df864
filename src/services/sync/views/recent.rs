//! What the newest readings of a directory tell of it.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::DirectoryId;
use muster_domain::plan::StoredPlan;
use muster_storage::{newest, readings};

use crate::Services;

/// The last time that a directory was read as a whole.
pub(crate) struct Recent {
    /// The newest plan of a reading that nothing was missing for, whatever became of it.
    pub(crate) whole: Option<StoredPlan>,
    /// When the directory was last read as a whole.
    pub(crate) read_at: Option<DateTime<Utc>>,
}

/// Asks for it.
///
/// # Errors
/// Why the database cannot answer.
pub(crate) async fn recent(services: &Services, directory: DirectoryId) -> Result<Recent, Error> {
    let db = services.db();
    let whole = newest::whole(db, directory).await?;
    let read_at = whole.as_ref().map(|plan| plan.created_at);
    let read_at = read_at.max(readings::whole_at(db, directory).await?);
    // One in shadow is read to be compared, and that alone.
    let read_at = read_at.max(newest::compared_at(db, directory).await?);
    Ok(Recent { whole, read_at })
}
