//! Taking back what a run did: an inverse plan of the steps that were done, the last first. A person approves it.

use std::collections::BTreeSet;

use muster_domain::change::Action;
use muster_domain::id::{PlanId, RunId};
use muster_domain::plan::identity::Digest as Counting;
use muster_domain::plan::stored::{Line, REFUSALS, Row};
use muster_domain::plan::{PlanState, Purpose, Refusal, Step, StoredPlan};
use muster_domain::role::Permission;
use muster_domain::run::Run;
use muster_domain::{Error, Kind};
use muster_storage::{Quiet, Reader, directory_states, plans, removed_directories, runs};
use serde_json::json;

use super::asking::find;
use super::inverting::Inverting;
use crate::sync::shadowing;
use crate::{Call, Services, guard};

/// Steps that are turned round together.
const AT_ONCE: u64 = 500;

/// Makes the plan that takes back what a run did, as far as it is as the run left it. It waits for a person. Undoing an
/// undo does again what was undone.
///
/// # Errors
/// Without permission or presence; `RUN-001` while a run of the directory is under way, `RUN-008` when this one did nothing that
/// could be taken back, `RUN-009` when that was done, `RUN-014` when its directory was removed since, `SHD-001` when it is
/// in shadow by now, `SHD-004` when directories changed places by it and something was carried out since.
pub async fn undo(services: &Services, call: &Call, id: RunId) -> Result<PlanId, Error> {
    call.may(Permission::ManageDirectories)?;
    guard::proven(call)?;
    let run = runs::get(services.db(), id)
        .await?
        .ok_or_else(|| Error::not_found("run"))?;
    let (of, reached) = undoable(services, &run).await?;
    if let Some(plan) = plans::get(services.db(), of).await? {
        let directory = find(services.db(), run.directory).await?;
        shadowing::may_be_carried_out(services.db(), &directory, &plan).await?;
        shadowing::can_switch_back(services.db(), call, &plan).await?;
    }
    let mut plan = StoredPlan {
        inverse_of: Some(of),
        ..StoredPlan::begun(
            services.id(),
            run.directory,
            Purpose::Undo,
            call.actor(),
            call.at,
        )
    };
    let tx = services.db().begin().await?;
    directory_states::lock(&tx, run.directory).await?;
    plan.base_revision = directory_states::revision(&tx, run.directory).await?;
    plans::insert(&tx, &plan).await?;
    tx.commit_quiet(Quiet::Working).await?;
    let made = turned(services, call, &run, reached, plan.clone()).await;
    if made.is_err() {
        let tx = services.db().begin().await?;
        plans::upkeep::forget(&tx, plan.id).await?;
        tx.commit_quiet(Quiet::Expired).await?;
    }
    made
}

/// The plan that a run carried out, and how far, if that can be taken back.
async fn undoable(services: &Services, run: &Run) -> Result<(PlanId, i64), Error> {
    let db = services.db();
    let nothing = || {
        Error::new(
            "RUN-008",
            Kind::Conflict,
            "This run did nothing that could be taken back.",
        )
    };
    if run.ended_at.is_none() {
        return Err(nothing().next("It is under way: wait for its end, or stop it."));
    }
    let (Some(of), Some(reached)) = (run.plan, run.progress.reached) else {
        return Err(nothing());
    };
    if run.progress.tried <= run.progress.failed {
        return Err(nothing());
    }
    if let Some(open) = runs::open_of(db, run.directory).await? {
        return Err(Error::new(
            "RUN-001",
            Kind::Conflict,
            "A run of this directory is under way already.",
        )
        .next(format!("Wait for the end of run {}, or stop it.", open.id)));
    }
    if !is_within_reach(db, run).await? {
        return Err(Error::new(
            "RUN-014",
            Kind::Conflict,
            "The directory of this run was removed since.",
        )
        .next("Take the removal back first: then this can be taken back, too."));
    }
    if is_taken_back(services, of).await? {
        return Err(Error::new(
            "RUN-009",
            Kind::Conflict,
            "What this run did was taken back already.",
        )
        .next("Undo that one to do it again."));
    }
    Ok((of, reached))
}

/// Whether what a plan did is undone: by an inverse that was not undone in turn, however often that went on.
pub(super) async fn is_taken_back(services: &Services, plan: PlanId) -> Result<bool, Error> {
    for inverse in plans::upkeep::inverses(services.db(), plan).await? {
        let did = matches!(inverse.state, PlanState::Begun | PlanState::Done);
        if did && inverse.counts.all() > 0 && !Box::pin(is_taken_back(services, inverse.id)).await?
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether what a run did is still where it did it: of a directory that was removed, the removal alone is taken back.
pub(super) async fn is_within_reach(reader: &impl Reader, run: &Run) -> Result<bool, Error> {
    if !removed_directories::is_one(reader, run.directory).await? {
        return Ok(true);
    }
    let plan = match run.plan {
        Some(plan) => plans::get(reader, plan).await?,
        None => None,
    };
    Ok(plan.is_some_and(|plan| plan.purpose == Purpose::Removal))
}

/// Writes the inverses of all steps that were done, the last first; but for what has to come before or after all others.
async fn turned(
    services: &Services,
    call: &Call,
    run: &Run,
    reached: i64,
    mut plan: StoredPlan,
) -> Result<PlanId, Error> {
    let missing = || Error::not_found("plan");
    let of = plan.inverse_of.ok_or_else(missing)?;
    let done = plans::get(services.db(), of).await?.ok_or_else(missing)?;
    let name = find(services.db(), plan.directory).await?.name;
    let begun = plan.clone();
    let inverting = Inverting {
        services,
        call,
        run,
        of: &done,
        plan: &begun,
        name: &name,
    };
    let mut counting = Counting::new(plan.directory, plan.base_revision);
    let mut before = reached.saturating_add(1);
    let mut numbering = Numbering::default();
    let mut absent = BTreeSet::new();
    // Two directories change back before anything else, as they changed places before anything else: it is one step of one
    // transaction, so that at every moment one of them is in front; and where it fails nobody has changed hands.
    if let Some(switch) = switched(services.db(), &done, run, reached).await? {
        let (steps, refusals) = inverting.of(vec![switch], &mut absent).await?;
        steps.iter().for_each(|step| counting.add(step));
        let rows = numbering.rows(&mut plan, steps, refusals);
        written(services, &plan, &rows).await?;
    }
    // Whose membership changes hands has the account of the one it goes to by then.
    let mut last = Vec::new();
    loop {
        let steps = done_before(services.db(), of, run.id, before).await?;
        let Some((first, mut steps)) = steps else {
            break;
        };
        before = first;
        steps.retain(|step| !switches(step));
        let (steps, refusals) = inverting.of(steps, &mut absent).await?;
        let (members, steps): (Vec<Step>, Vec<Step>) = steps.into_iter().partition(moves_members);
        last.extend(members);
        steps.iter().for_each(|step| counting.add(step));
        let rows = numbering.rows(&mut plan, steps, refusals);
        written(services, &plan, &rows).await?;
    }
    last.iter().for_each(|step| counting.add(step));
    let rows = numbering.rows(&mut plan, last, Vec::new());
    written(services, &plan, &rows).await?;
    plan.identity = Some(counting.finish());
    plan.state = PlanState::Held;
    let tx = services.db().begin().await?;
    // Another one that waits takes back the same: this one is of now.
    for mut old in plans::upkeep::inverses(&tx, of).await? {
        if old.id != plan.id && matches!(old.state, PlanState::Clear | PlanState::Held) {
            old.state = PlanState::Discarded;
            plans::update(&tx, &old).await?;
        }
    }
    plans::update(&tx, &plan).await?;
    let detail = json!({ "run": run.id, "plan": plan.id, "counts": plan.counts });
    let event = call.event("directory.plan.undo", &name, Some(plan.directory.0), detail);
    tx.commit(&[event]).await?;
    Ok(plan.id)
}

/// Where the next rows of a plan stand.
struct Numbering {
    step: i64,
    refusal: i64,
}

impl Default for Numbering {
    fn default() -> Self {
        Self {
            step: 0,
            refusal: REFUSALS,
        }
    }
}

impl Numbering {
    /// The rows, which the plan counts.
    fn rows(
        &mut self,
        plan: &mut StoredPlan,
        steps: Vec<Step>,
        refusals: Vec<Refusal>,
    ) -> Vec<Row> {
        let mut rows = Vec::with_capacity(steps.len() + refusals.len());
        for step in steps {
            plan.counts.add(&step.change);
            rows.push(Row {
                position: self.step,
                line: Line::Step(step),
            });
            self.step += 1;
        }
        for refusal in refusals {
            let word = refusal.reason.word().to_owned();
            *plan.counts.refusals.entry(word).or_default() += 1;
            rows.push(Row {
                position: self.refusal,
                line: Line::Refusal(refusal),
            });
            self.refusal += 1;
        }
        rows
    }
}

async fn written(services: &Services, plan: &StoredPlan, rows: &[Row]) -> Result<(), Error> {
    let tx = services.db().begin().await?;
    plans::insert_rows(&tx, plan.id, rows).await?;
    tx.commit_quiet(Quiet::Working).await
}

const fn moves_members(step: &Step) -> bool {
    matches!(step.change.action, Action::MoveMembers { .. })
}

const fn switches(step: &Step) -> bool {
    matches!(step.change.action, Action::SwitchDirectory { .. })
}

/// The step by which two directories changed places, if a run did it.
async fn switched(
    reader: &impl Reader,
    plan: &StoredPlan,
    run: &Run,
    reached: i64,
) -> Result<Option<Step>, Error> {
    if plan.counts.of("switch_directory") == 0 {
        return Ok(None);
    }
    let found = plans::upkeep::switch_of(reader, plan.id).await?;
    let Some((at, step)) = found.filter(|(at, _)| *at <= reached) else {
        return Ok(None);
    };
    let failed = runs::failed_between(reader, run.id, at, at).await?;
    Ok(failed.is_empty().then_some(step))
}

/// Steps before a position that were done, in their order, and the position of the first that was looked at.
async fn done_before(
    reader: &impl Reader,
    plan: PlanId,
    run: RunId,
    before: i64,
) -> Result<Option<(i64, Vec<Step>)>, Error> {
    let mut steps = plans::upkeep::steps_back(reader, plan, before, AT_ONCE).await?;
    steps.reverse();
    let (Some((first, _)), Some((last, _))) = (steps.first(), steps.last()) else {
        return Ok(None);
    };
    let (first, last) = (*first, *last);
    let failed: BTreeSet<i64> = runs::failed_between(reader, run, first, last)
        .await?
        .into_iter()
        .map(|exception| exception.position)
        .collect();
    let done = steps
        .into_iter()
        .filter(|(position, _)| !failed.contains(position))
        .map(|(_, step)| step)
        .collect();
    Ok(Some((first, done)))
}
