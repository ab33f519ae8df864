//! Runs and plans, as pages and the command line read them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::id::{DirectoryId, PlanId, RunId};
use muster_domain::plan::stored::Row;
use muster_domain::plan::{Identity, PlanState, StoredPlan};
use muster_domain::role::Permission;
use muster_domain::run::Run;
use muster_storage::plans::RowFilter;
use muster_storage::runs::Exception;
use muster_storage::{Reader, directory_states, plans as rows, removed_directories, runs};

use super::undoing::is_within_reach;
use crate::{Call, Services, directories};

/// Failed steps that are shown with a run.
const FAILED: u64 = 200;

/// A run in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunRow {
    /// The run.
    pub run: Run,
    /// Its directory's name.
    pub directory: String,
}

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
    /// Whether it did anything that could be taken back and was not.
    pub can_be_undone: bool,
}

/// A plan in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlanRow {
    /// The plan.
    pub plan: StoredPlan,
    /// Its directory's name.
    pub directory: String,
}

/// A plan with what belongs to it; its rows are read by [`plan_rows`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlanDetail {
    /// The plan.
    pub plan: StoredPlan,
    /// Its directory's name.
    pub directory: String,
    /// Its runs, the newest first.
    pub runs: Vec<Run>,
    /// Whether something changed since it was made: an approval would be refused. False once it was begun.
    pub is_stale: bool,
}

async fn names(reader: &impl Reader) -> Result<BTreeMap<DirectoryId, String>, Error> {
    directories::names_ever(reader).await
}

/// Runs, the newest first: of one directory or of all, asked for before `before`.
///
/// # Errors
/// Without permission.
pub async fn list(
    services: &Services,
    call: &Call,
    directory: Option<DirectoryId>,
    before: Option<DateTime<Utc>>,
    limit: u64,
) -> Result<Vec<RunRow>, Error> {
    call.may(Permission::ViewDirectories)?;
    let names = names(services.db()).await?;
    let found = runs::list(services.db(), directory, before, limit).await?;
    Ok(found
        .into_iter()
        .map(|run| RunRow {
            directory: names.get(&run.directory).cloned().unwrap_or_default(),
            run,
        })
        .collect())
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
    let (plan, undone_by) = match run.plan {
        Some(plan) => (
            rows::get(db, plan).await?,
            rows::upkeep::inverses(db, plan).await?,
        ),
        None => (None, Vec::new()),
    };
    let mut can_be_undone =
        run.ended_at.is_some() && run.plan.is_some() && run.progress.tried > run.progress.failed;
    for inverse in &undone_by {
        if matches!(inverse.state, PlanState::Begun | PlanState::Done) {
            let again = rows::upkeep::inverses(db, inverse.id).await?;
            can_be_undone &= again
                .iter()
                .any(|one| matches!(one.state, PlanState::Begun | PlanState::Done));
        }
    }
    can_be_undone &= is_within_reach(db, &run).await?;
    Ok(RunDetail {
        directory: directories::name_ever(db, run.directory).await?,
        is_there: !removed_directories::is_one(db, run.directory).await?,
        plan,
        failed: runs::exceptions(db, id, None, FAILED).await?,
        undone_by,
        can_be_undone,
        run,
    })
}

/// Plans, the newest first: of one directory or of all, in one state or in all, made before `before`.
///
/// # Errors
/// Without permission.
pub async fn plans(
    services: &Services,
    call: &Call,
    directory: Option<DirectoryId>,
    state: Option<PlanState>,
    before: Option<DateTime<Utc>>,
    limit: u64,
) -> Result<Vec<PlanRow>, Error> {
    call.may(Permission::ViewDirectories)?;
    let names = names(services.db()).await?;
    let found = rows::list(services.db(), directory, state, before, limit).await?;
    Ok(found
        .into_iter()
        .map(|plan| PlanRow {
            directory: names.get(&plan.directory).cloned().unwrap_or_default(),
            plan,
        })
        .collect())
}

/// One plan.
///
/// # Errors
/// Without permission, or when there is none.
pub async fn plan(services: &Services, call: &Call, id: PlanId) -> Result<PlanDetail, Error> {
    call.may(Permission::ViewDirectories)?;
    let db = services.db();
    let plan = rows::get(db, id)
        .await?
        .ok_or_else(|| Error::not_found("plan"))?;
    let revision = directory_states::revision(db, plan.directory).await?;
    let waits = matches!(plan.state, PlanState::Clear | PlanState::Held);
    Ok(PlanDetail {
        directory: directories::name_ever(db, plan.directory).await?,
        runs: runs::of_plan(db, id).await?,
        is_stale: waits && plan.base_revision != revision,
        plan,
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
