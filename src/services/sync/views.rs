//! Plans and runs as pages show them: lists, one page of rows with the names of whom they are about and what became of
//! them, differences between a source and here, files. Reading alone: nothing is decided or changed.

mod drift;
mod export;
mod named;
mod recent;
mod shadow;

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::Error;
use muster_domain::drift::Class;
use muster_domain::id::{DirectoryId, PlanId, RunId};
use muster_domain::listing::{Count, Page};
use muster_domain::plan::stored::Row;
use muster_domain::plan::{PlanState, StoredPlan};
use muster_domain::role::Permission;
use muster_domain::run::{Run, RunState};
use muster_storage::directories::Directory;
use muster_storage::plan_pages;
use muster_storage::plan_rows::{self, Sort, Wanted};
use muster_storage::runs::Exception;
use muster_storage::{Paging, directory_states, plans, removed_directories, runs};
use uuid::Uuid;

use super::both::{self, COUNTED};
use super::shadowing;
use crate::directories::{ever, name_ever, names_ever};
use crate::{Call, Services};

pub use crate::chunks::Format;
pub use drift::{Compared, Drifting, Shadow, drift, drifting};
pub use export::export;
pub use muster_storage::plan_pages::PlanFilter;
pub use named::{Member, Whom};
pub(crate) use recent::recent;
pub use shadow::{Beside, shadow};

/// A plan in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlanLine {
    /// The plan.
    pub plan: StoredPlan,
    /// The name of its directory.
    pub directory: String,
    /// Whether something changed since it was made: then it cannot be carried out any more.
    pub is_stale: bool,
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
    let stale = stale(services, &page.rows).await?;
    Ok(each(page, |plan| PlanLine {
        directory: names.of(plan.directory),
        is_stale: stale.contains(&plan.id),
        plan,
    }))
}

/// Which of these plans wait and cannot be carried out any more.
async fn stale(services: &Services, plans: &[StoredPlan]) -> Result<BTreeSet<PlanId>, Error> {
    let (db, mut revisions, mut stale) = (services.db(), BTreeMap::new(), BTreeSet::new());
    for plan in plans.iter().filter(|plan| plan.is_open()) {
        let revision = match revisions.get(&plan.directory) {
            Some(known) => *known,
            None => {
                let asked = directory_states::revision(db, plan.directory).await?;
                revisions.insert(plan.directory, asked);
                asked
            }
        };
        if is_stale(services, plan, revision).await? {
            stale.insert(plan.id);
        }
    }
    Ok(stale)
}

/// Whether a plan that waits cannot be carried out any more, its directory being at this revision.
async fn is_stale(services: &Services, plan: &StoredPlan, revision: u64) -> Result<bool, Error> {
    let is_of_another = plan.identity.as_ref().is_some_and(|it| !it.is_of_now());
    Ok(revision != plan.base_revision
        || is_of_another
        || shadowing::is_stale(services.db(), plan).await?)
}

/// A run in a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RunLine {
    /// The run.
    pub run: Run,
    /// The name of its directory.
    pub directory: String,
    /// Its plan, where a person is to look at it, or was.
    pub held: Option<PlanLine>,
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
    let db = services.db();
    let page = plan_pages::runs(db, directory, paging).await?;
    let held = page.rows.iter().filter(|run| run.state == RunState::Held);
    let held: Vec<PlanId> = held.filter_map(|run| run.plan).collect();
    let held = plans::get_many(db, &held).await?;
    let stale = stale(services, &held).await?;
    let plan_of = |run: &Run| {
        let plan = held.iter().find(|plan| Some(plan.id) == run.plan)?;
        Some(PlanLine {
            directory: names.of(plan.directory),
            is_stale: stale.contains(&plan.id),
            plan: plan.clone(),
        })
    };
    Ok(each(page, |run| RunLine {
        directory: names.of(run.directory),
        held: plan_of(&run),
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
    let revision = directory_states::revision(db, plan.directory).await?;
    Ok(PlanView {
        runs: runs::of_plan(db, plan.id).await?,
        is_stale: plan.is_open() && is_stale(services, &plan, revision).await?,
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
    /// Of these kinds with these causes alone.
    pub sorts: Option<Vec<(String, String)>>,
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
    let known = known(view, asked, &wanted);
    if nothing_is(&wanted, view, asked) || known == Some(Count::Exact(0)) {
        return Ok(none());
    }
    let plan = view.plan.id;
    let page = match known {
        Some(known) => plan_rows::page(db, plan, &wanted, paging, known).await?,
        None => plan_rows::found(db, plan, &wanted, paging, COUNTED).await?,
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
    let is_narrowed = is_narrowed(asked);
    // A name is looked for in every sort by itself, because the index of sorts holds names, too.
    let is_searched = asked.q.is_some() && view.plan.state != PlanState::Making;
    let of_class = asked.class.map(|class| class.sorts(counts));
    let of_class = of_class.as_ref().or(asked.sorts.as_ref());
    Wanted {
        sorts: if is_narrowed || is_searched {
            sorts
                .filter(|sort| of_class.is_none_or(|some| some.contains(sort)))
                .collect()
        } else {
            Vec::new()
        },
        subject: asked.whom,
        q: asked.q.clone(),
        failed_in: view.carried_by().filter(|_| asked.failed).map(|run| run.id),
        of_both: (asked.class == Some(Class::Both)).then(|| both::sides(counts)),
    }
}

const fn is_narrowed(asked: &RowsAsked) -> bool {
    asked.kind.is_some() || asked.cause.is_some() || asked.class.is_some() || asked.sorts.is_some()
}

/// Whether the filter leaves nothing over, so that nobody has to ask.
fn nothing_is(wanted: &Wanted, view: &PlanView, asked: &RowsAsked) -> bool {
    (is_narrowed(asked) && wanted.sorts.is_empty()) || (asked.failed && view.carried_by().is_none())
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
fn known(view: &PlanView, asked: &RowsAsked, wanted: &Wanted) -> Option<Count> {
    let counts = &view.plan.counts;
    let is_searched = asked.whom.is_some() || asked.q.is_some();
    // A plan that is being made has rows that its counts do not have yet.
    if is_searched || view.plan.state == PlanState::Making {
        return None;
    }
    if asked.failed {
        let failed = || view.carried_by().map_or(0, |run| run.progress.failed);
        return (wanted.sorts.is_empty()).then(|| Count::Exact(failed()));
    }
    if wanted.of_both.is_some() {
        // Kind and cause would narrow what was counted.
        let is_whole = asked.kind.is_none() && asked.cause.is_none();
        return both::known(counts).filter(|_| is_whole);
    }
    if wanted.sorts.is_empty() {
        return Some(Count::Exact(counts.all() + counts.refused()));
    }
    let of_sort = |(kind, cause): &Sort| {
        if kind == plans::REFUSED {
            counts.refusals.get(cause)
        } else {
            counts.steps.get(kind).and_then(|causes| causes.get(cause))
        }
    };
    Some(Count::Exact(wanted.sorts.iter().filter_map(of_sort).sum()))
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
