//! The newest runs of a directory, asked for once, and what they tell of it.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::guard::Hold;
use muster_domain::id::{DirectoryId, PlanId};
use muster_domain::plan::{PlanState, StoredPlan};
use muster_domain::reading::Reading;
use muster_domain::run::{Run, Wish};
use muster_storage::{plans, readings, runs};

use crate::Services;

/// Runs that are looked through.
const LOOKED_AT: u64 = 20;

/// The newest runs of a directory.
pub(crate) struct Recent {
    /// The newest first, at most 20.
    pub(crate) runs: Vec<Run>,
    /// When the directory was last read as a whole: the newest plan of a run that nothing was missing for.
    pub(crate) read_at: Option<DateTime<Utc>>,
}

/// Asks for them.
///
/// # Errors
/// Why the database cannot answer.
pub(crate) async fn recent(services: &Services, directory: DirectoryId) -> Result<Recent, Error> {
    let db = services.db();
    let runs = runs::list(db, Some(directory), None, LOOKED_AT).await?;
    let read: Vec<PlanId> = runs
        .iter()
        .filter(|run| matches!(run.wish, Wish::Plan | Wish::Sync))
        .filter(|run| is_of_everything(run))
        .filter_map(|run| run.plan)
        .collect();
    let read_at = plans::get_many(db, &read)
        .await?
        .into_iter()
        .filter(is_whole)
        .map(|plan| plan.created_at)
        .max();
    let kept = readings::get(db, directory).await?;
    let read_at = read_at.max(kept.map(|kept| kept.whole_at));
    Ok(Recent { runs, read_at })
}

fn is_of_everything(run: &Run) -> bool {
    let told = run.progress.told;
    told.is_none_or(|told| told.reading == Reading::Whole)
}

fn is_whole(plan: &StoredPlan) -> bool {
    let is_part = |hold: &Hold| matches!(hold, Hold::Incomplete { .. });
    plan.state != PlanState::Making && !plan.holds.iter().any(is_part)
}
