//! Plans and runs as pages show them: lists, one page of rows with the names of whom they are about and what became of
//! them, differences between a source and here, files. Reading alone: nothing is decided or changed.

mod drift;
mod export;
mod named;

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::drift::Class;
use muster_domain::guard::Hold;
use muster_domain::id::{DirectoryId, PlanId, RunId};
use muster_domain::listing::{At, Count, Page};
use muster_domain::plan::stored::Row;
use muster_domain::plan::{PlanState, StoredPlan};
use muster_domain::role::Permission;
use muster_domain::run::{Run, RunState, Wish};
use muster_storage::directories::Directory;
use muster_storage::plan_pages::{self, Wanted};
use muster_storage::runs::Exception;
use muster_storage::{Paging, directory_states, plans, removed_directories, runs};
use uuid::Uuid;

use super::both::COUNTED;
use crate::directories::{ever, name_ever, names_ever};
use crate::{Call, Services};

pub use drift::{Compared, Drifting, Shadow, drift, drifting};
pub use export::{Format, export};
pub use muster_storage::plan_pages::PlanFilter;
pub use named::{Member, Whom};

/// A plan in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlanLine {
    /// The plan.
    pub plan: StoredPlan,
    /// The name of its directory.
    pub directory: String,
}

/// One page of plans; pass `Direction::Desc` for the newest first.
///
/// # Errors
/// Without permission.
pub async fn plan_list(
    services: &Services,
    call: &Call,
    filter: PlanFilter,
    paging: &Paging<()>,
) -> Result<Page<PlanLine>, Error> {
    call.may(Permission::ViewDirectories)?;
    let names = Names::read(services).await?;
    let page = plan_pages::plans(services.db(), filter, paging).await?;
    Ok(each(page, |plan| PlanLine {
        directory: names.of(plan.directory),
        plan,
    }))
}

/// A run in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunLine {
    /// The run.
    pub run: Run,
    /// The name of its directory.
    pub directory: String,
}

/// One page of runs; pass `Direction::Desc` for the newest first.
///
/// # Errors
/// Without permission.
pub async fn run_list(
    services: &Services,
    call: &Call,
    directory: Option<DirectoryId>,
    paging: &Paging<()>,
) -> Result<Page<RunLine>, Error> {
    call.may(Permission::ViewDirectories)?;
    let names = Names::read(services).await?;
    let page = plan_pages::runs(services.db(), directory, paging).await?;
    Ok(each(page, |run| RunLine {
        directory: names.of(run.directory),
        run,
    }))
}

/// The names of directories.
struct Names(BTreeMap<DirectoryId, String>);

impl Names {
    async fn read(services: &Services) -> Result<Self, Error> {
        Ok(Self(names_ever(services.db()).await?))
    }

    fn of(&self, id: DirectoryId) -> String {
        self.0.get(&id).cloned().unwrap_or_default()
    }
}

fn each<A, B>(page: Page<A>, to: impl FnMut(A) -> B) -> Page<B> {
    Page {
        rows: page.rows.into_iter().map(to).collect(),
        before: page.before,
        total: page.total,
        previous: page.previous,
        next: page.next,
    }
}

/// One plan with what is around it.
#[derive(Clone, PartialEq, Debug)]
pub struct PlanView {
    /// The plan.
    pub plan: StoredPlan,
    /// Its directory; the name of one that was removed says so.
    pub directory: Directory,
    /// Its runs, the newest first.
    pub runs: Vec<Run>,
    /// Whether the directory's accounts changed since it was made: then it cannot be carried out any more.
    pub is_stale: bool,
    /// Whether its directory is read by something this installation has, so that another plan can be made.
    pub is_read: bool,
}

impl PlanView {
    /// The run that carried it out or does so, the newest.
    #[must_use]
    pub fn carried_by(&self) -> Option<&Run> {
        self.runs.iter().find(|run| {
            run.progress.reached.is_some()
                || run.state == RunState::Applying
                || run.progress.applying_ms > 0
        })
    }
}

/// One plan.
///
/// # Errors
/// Without permission, for an unknown plan.
pub async fn plan_view(services: &Services, call: &Call, id: PlanId) -> Result<PlanView, Error> {
    call.may(Permission::ViewDirectories)?;
    let plan = plans::get(services.db(), id)
        .await?
        .ok_or_else(|| Error::not_found("plan"))?;
    around(services, plan).await
}

async fn around(services: &Services, plan: StoredPlan) -> Result<PlanView, Error> {
    let db = services.db();
    let mut directory = ever(db, plan.directory).await?;
    directory.name = name_ever(db, plan.directory).await?;
    let is_removed = removed_directories::is_one(db, plan.directory).await?;
    let waits = matches!(plan.state, PlanState::Clear | PlanState::Held);
    let revision = directory_states::revision(db, plan.directory).await?;
    Ok(PlanView {
        runs: runs::of_plan(db, plan.id).await?,
        is_stale: waits && revision != plan.base_revision,
        is_read: !is_removed && services.directory_kind(&directory.kind).is_ok(),
        directory,
        plan,
    })
}

/// Which rows of a plan are asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RowsAsked {
    /// Of this kind alone.
    pub kind: Option<String>,
    /// Of this cause alone.
    pub cause: Option<String>,
    /// Of this class of differences alone.
    pub class: Option<Class>,
    /// About this person or group alone.
    pub whom: Option<Uuid>,
    /// Whose subject holds this.
    pub q: Option<String>,
    /// Those alone that failed.
    pub failed: bool,
}

/// What became of a row.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Became {
    /// It is done.
    Done,
    /// It is not.
    Failed {
        /// The error's code.
        code: String,
        /// What happened and what to do.
        words: String,
    },
    /// The run ended before.
    NotReached,
    /// Its turn comes.
    Waits,
}

/// A row with what is known around it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RowView {
    /// The row.
    pub row: Row,
    /// Whom it is about, where that is known here.
    pub whom: Option<Whom>,
    /// The group that somebody joins or leaves.
    pub group: Option<Member>,
    /// What became of it; none: nobody began to carry the plan out.
    pub became: Option<Became>,
}

/// One page of a plan's rows, in the order in which they are carried out.
///
/// # Errors
/// Without permission.
pub async fn rows(
    services: &Services,
    call: &Call,
    view: &PlanView,
    asked: &RowsAsked,
    paging: &Paging<()>,
) -> Result<Page<RowView>, Error> {
    call.may(Permission::ViewDirectories)?;
    let db = services.db();
    let wanted = wanted(view, asked);
    if nothing_is(&wanted, view, asked) {
        return Ok(none());
    }
    let plan = view.plan.id;
    let page = match known(view, asked, &wanted) {
        Some(known) => plan_pages::rows(db, plan, &wanted, paging, Count::Exact(known)).await?,
        None if paging.at == At::First => {
            let mut page = plan_pages::rows(db, plan, &wanted, paging, Count::Exact(0)).await?;
            page.total = match &page.next {
                // One page is all there is: nobody has to count.
                None => Count::Exact(page.rows.len() as u64),
                Some(_) => plan_pages::count_rows(db, plan, &wanted, COUNTED).await?,
            };
            page
        }
        None => {
            let counted = plan_pages::count_rows(db, plan, &wanted, COUNTED).await?;
            plan_pages::rows(db, plan, &wanted, paging, counted).await?
        }
    };
    let exceptions = exceptions(services, view, &page.rows).await?;
    let names = named::names(services, view.plan.id, &page.rows).await?;
    Ok(each(page, |row| {
        let (whom, group) = names.of(&row);
        RowView {
            became: became(view, &row, &exceptions),
            whom,
            group,
            row,
        }
    }))
}

fn wanted(view: &PlanView, asked: &RowsAsked) -> Wanted {
    let counts = &view.plan.counts;
    let steps = counts
        .steps
        .iter()
        .flat_map(|(kind, causes)| causes.keys().map(move |cause| (kind, cause)));
    let refused = plans::REFUSED.to_owned();
    let sorts = steps
        .map(|(kind, cause)| (kind.clone(), cause.clone()))
        .chain(
            counts
                .refusals
                .keys()
                .map(|reason| (refused.clone(), reason.clone())),
        )
        .filter(|(kind, cause)| {
            asked.kind.as_ref().is_none_or(|wanted| wanted == kind)
                && asked.cause.as_ref().is_none_or(|wanted| wanted == cause)
        });
    let is_narrowed = asked.kind.is_some() || asked.cause.is_some() || asked.class.is_some();
    // A name is looked for in every sort by itself, because the index of sorts holds names, too.
    let is_searched = asked.q.is_some() && view.plan.state != PlanState::Making;
    let of_class = asked.class.map(|class| class.sorts(counts));
    Wanted {
        sorts: if is_narrowed || is_searched {
            sorts
                .filter(|sort| of_class.as_ref().is_none_or(|some| some.contains(sort)))
                .collect()
        } else {
            Vec::new()
        },
        subject: asked.whom,
        q: asked.q.clone(),
        failed_in: view.carried_by().filter(|_| asked.failed).map(|run| run.id),
        of_both: (asked.class == Some(Class::Both))
            .then(|| (Class::There.causes(counts), Class::Here.causes(counts))),
    }
}

/// Whether the filter leaves nothing over, so that nobody has to ask.
fn nothing_is(wanted: &Wanted, view: &PlanView, asked: &RowsAsked) -> bool {
    let is_narrowed = asked.kind.is_some() || asked.cause.is_some() || asked.class.is_some();
    (is_narrowed && wanted.sorts.is_empty()) || (asked.failed && view.carried_by().is_none())
}

const fn none() -> Page<RowView> {
    Page {
        rows: Vec::new(),
        before: 0,
        total: Count::Exact(0),
        previous: None,
        next: None,
    }
}

/// How many rows match, where the plan's counts say so.
fn known(view: &PlanView, asked: &RowsAsked, wanted: &Wanted) -> Option<u64> {
    let counts = &view.plan.counts;
    let is_searched = asked.whom.is_some() || asked.q.is_some() || wanted.of_both.is_some();
    // A plan that is being made has rows that its counts do not have yet.
    if is_searched || view.plan.state == PlanState::Making {
        return None;
    }
    if asked.failed {
        return (wanted.sorts.is_empty())
            .then(|| view.carried_by().map_or(0, |run| run.progress.failed));
    }
    if wanted.sorts.is_empty() {
        return Some(counts.all() + counts.refused());
    }
    Some(
        wanted
            .sorts
            .iter()
            .filter_map(|(kind, cause)| {
                if kind == plans::REFUSED {
                    counts.refusals.get(cause)
                } else {
                    counts.steps.get(kind).and_then(|causes| causes.get(cause))
                }
            })
            .sum(),
    )
}

async fn exceptions(
    services: &Services,
    view: &PlanView,
    rows: &[Row],
) -> Result<Vec<Exception>, Error> {
    match (view.carried_by(), rows.first(), rows.last()) {
        (Some(run), Some(first), Some(last)) => {
            runs::failed_between(services.db(), run.id, first.position, last.position).await
        }
        _ => Ok(Vec::new()),
    }
}

fn became(view: &PlanView, row: &Row, exceptions: &[Exception]) -> Option<Became> {
    let run = view.carried_by()?;
    if matches!(row.line, muster_domain::plan::stored::Line::Refusal(_)) {
        return None;
    }
    if let Some(failed) = exceptions.iter().find(|one| one.position == row.position) {
        return Some(Became::Failed {
            code: failed.code.clone(),
            words: failed.words.clone(),
        });
    }
    Some(if run.progress.reached >= Some(row.position) {
        Became::Done
    } else if run.state.is_over() {
        Became::NotReached
    } else {
        Became::Waits
    })
}

/// The first steps of a run that failed, each with whom it is about; the page of its plan shows them all.
///
/// # Errors
/// Without permission, or when the plan is gone.
pub async fn failures(
    services: &Services,
    call: &Call,
    run: &Run,
    most: u64,
) -> Result<Vec<RowView>, Error> {
    call.may(Permission::ViewDirectories)?;
    let Some(plan) = run.plan.filter(|_| run.progress.failed > 0) else {
        return Ok(Vec::new());
    };
    let mut view = plan_view(services, call, plan).await?;
    view.runs.retain(|other| other.id == run.id);
    let asked = RowsAsked {
        failed: true,
        ..RowsAsked::default()
    };
    let paging = Paging {
        rows: most,
        ..Paging::default()
    };
    Ok(rows(services, call, &view, &asked, &paging).await?.rows)
}

/// Runs that are looked through for one that read its source as a whole.
const LOOKED_AT: u64 = 20;

/// When a directory was last read as a whole: the newest plan of a run that nothing was missing for.
///
/// # Errors
/// Why the database cannot answer.
pub(crate) async fn read_at(
    services: &Services,
    directory: DirectoryId,
) -> Result<Option<DateTime<Utc>>, Error> {
    let db = services.db();
    for run in runs::list(db, Some(directory), None, LOOKED_AT).await? {
        let Some(plan) = run.plan.filter(|_| run.wish != Wish::Apply) else {
            continue;
        };
        let Some(plan) = plans::get(db, plan).await? else {
            continue;
        };
        let is_part = |hold: &Hold| matches!(hold, Hold::Incomplete { .. });
        if plan.state != PlanState::Making && !plan.holds.iter().any(is_part) {
            return Ok(Some(plan.created_at));
        }
    }
    Ok(None)
}

/// How far a run is: what a page that watches it asks again and again.
///
/// # Errors
/// Without permission, for an unknown run.
pub async fn progress(services: &Services, call: &Call, id: RunId) -> Result<Run, Error> {
    call.may(Permission::ViewDirectories)?;
    runs::get(services.db(), id)
        .await?
        .ok_or_else(|| Error::not_found("run"))
}
