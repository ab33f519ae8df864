//! One run with what belongs to it, and the rows of a plan one behind the other; lists and pages are in [`crate::sync::views`].

use std::collections::BTreeMap;

use muster_domain::Error;
use muster_domain::id::{DirectoryId, PlanId, RunId};
use muster_domain::plan::stored::Row;
use muster_domain::plan::{Identity, StoredPlan};
use muster_domain::role::Permission;
use muster_domain::run::Run;
use muster_storage::plans::RowFilter;
use muster_storage::runs::Exception;
use muster_storage::{plans as rows, removed_directories, runs};

use super::undoing::{is_taken_back, is_within_reach};
use crate::sync::shadowing;
use crate::{Call, Services, directories};

/// Failed steps that are shown with a run.
const FAILED: u64 = 200;

/// A run with what belongs to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunDetail {
    /// The run.
    pub run: Run,
    /// Its directory's name.
    pub directory: String,
    /// Whether the directory is there still.
    pub is_there: bool,
    /// Its plan, as far as there is one.
    pub plan: Option<StoredPlan>,
    /// Steps that failed, the first 200.
    pub failed: Vec<Exception>,
    /// Plans that take back what it did, the newest first.
    pub undone_by: Vec<StoredPlan>,
    /// Whether two directories change places by it: that is not stopped half way.
    pub changes_places: bool,
    /// Whether it did anything that could be taken back and was not.
    pub can_be_undone: bool,
}

/// One run.
///
/// # Errors
/// Without permission, or when there is none.
pub async fn show(services: &Services, call: &Call, id: RunId) -> Result<RunDetail, Error> {
    call.may(Permission::ViewDirectories)?;
    let db = services.db();
    let run = runs::get(db, id)
        .await?
        .ok_or_else(|| Error::not_found("run"))?;
    let is_taken_back = match run.plan {
        Some(plan) => is_taken_back(services, plan).await?,
        None => false,
    };
    let (plan, undone_by) = match run.plan {
        Some(plan) => (
            rows::get(db, plan).await?,
            rows::upkeep::inverses(db, plan).await?,
        ),
        None => (None, Vec::new()),
    };
    let did = run.plan.is_some() && run.progress.tried > run.progress.failed;
    let can_be_undone =
        run.ended_at.is_some() && did && !is_taken_back && is_within_reach(db, &run).await?;
    let changes_places = match &plan {
        Some(plan) => !shadowing::places(db, plan).await?.is_empty(),
        None => false,
    };
    Ok(RunDetail {
        changes_places,
        directory: directories::name_ever(db, run.directory).await?,
        is_there: !removed_directories::is_one(db, run.directory).await?,
        plan,
        failed: runs::exceptions(db, id, None, FAILED).await?,
        undone_by,
        can_be_undone,
        run,
    })
}

/// Rows of a plan in the order in which they are carried out, behind a position; beside each what became of it, where the
/// newest run that carried it out failed to.
///
/// # Errors
/// Without permission.
pub async fn plan_rows(
    services: &Services,
    call: &Call,
    id: PlanId,
    filter: &RowFilter,
    after: Option<i64>,
    limit: u64,
) -> Result<Vec<(Row, Option<Exception>)>, Error> {
    call.may(Permission::ViewDirectories)?;
    let db = services.db();
    let found = rows::rows(db, id, filter, after, limit).await?;
    let (Some(first), Some(last)) = (found.first(), found.last()) else {
        return Ok(Vec::new());
    };
    let tried = runs::of_plan(db, id).await?;
    let tried = tried.iter().find(|run| run.progress.failed > 0);
    let mut failed: BTreeMap<i64, Exception> = BTreeMap::new();
    if let Some(run) = tried {
        let some = runs::failed_between(db, run.id, first.position, last.position).await?;
        failed.extend(some.into_iter().map(|one| (one.position, one)));
    }
    Ok(found
        .into_iter()
        .map(|row| {
            let exception = failed.remove(&row.position);
            (row, exception)
        })
        .collect())
}

/// The newest plan of a directory with this identity.
///
/// # Errors
/// Without permission, or when there is none.
pub async fn by_identity(
    services: &Services,
    call: &Call,
    directory: DirectoryId,
    identity: &Identity,
) -> Result<StoredPlan, Error> {
    call.may(Permission::ViewDirectories)?;
    rows::upkeep::by_identity(services.db(), directory, &identity.0)
        .await?
        .ok_or_else(|| Error::not_found("plan"))
}

/// A directory by its name.
///
/// # Errors
/// Without permission, or when there is none.
pub async fn directory_by_name(
    services: &Services,
    call: &Call,
    name: &str,
) -> Result<DirectoryId, Error> {
    call.may(Permission::ViewDirectories)?;
    muster_storage::directories::by_name(services.db(), name)
        .await?
        .map(|directory| directory.id)
        .ok_or_else(|| Error::not_found("directory"))
}
