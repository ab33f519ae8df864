//! Taking back what a run did: an inverse plan of the steps that were done, the last first. A person approves it.

use std::collections::BTreeSet;

use muster_domain::id::{PlanId, RunId};
use muster_domain::plan::identity::Digest as Counting;
use muster_domain::plan::stored::{Line, REFUSALS, Row};
use muster_domain::plan::{PlanState, Purpose, Step, StoredPlan};
use muster_domain::role::Permission;
use muster_domain::run::Run;
use muster_domain::{Error, Kind};
use muster_storage::{Quiet, Reader, directory_states, plans, runs};
use serde_json::json;

use super::asking::find;
use super::inverting::Inverting;
use crate::{Call, Services, guard};

/// Steps that are turned round together.
const AT_ONCE: u64 = 500;

/// Makes the plan that takes back what a run did, as far as it is as the run left it. It waits for a person. Undoing an
/// undo does again what was undone.
///
/// # Errors
/// Without permission or presence; `RUN-001` while a run of the directory is under way, `RUN-008` when this one did nothing that
/// could be taken back, `RUN-009` when that was done.
pub async fn undo(services: &Services, call: &Call, id: RunId) -> Result<PlanId, Error> {
    call.may(Permission::ManageDirectories)?;
    guard::proven(call)?;
    let run = runs::get(services.db(), id)
        .await?
        .ok_or_else(|| Error::not_found("run"))?;
    let (of, reached) = undoable(services, &run).await?;
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

/// Writes the inverses of all steps that were done, the last first.
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
    let (mut before, mut position) = (reached.saturating_add(1), 0_i64);
    let mut refused = REFUSALS;
    loop {
        let steps = done_before(services.db(), of, run.id, before).await?;
        let Some((first, steps)) = steps else { break };
        before = first;
        let (steps, refusals) = inverting.of(steps).await?;
        let mut rows = Vec::with_capacity(steps.len());
        for step in steps {
            counting.add(&step);
            plan.counts.add(&step.change);
            rows.push(Row {
                position,
                line: Line::Step(step),
            });
            position += 1;
        }
        for refusal in refusals {
            let word = refusal.reason.word().to_owned();
            *plan.counts.refusals.entry(word).or_default() += 1;
            rows.push(Row {
                position: refused,
                line: Line::Refusal(refusal),
            });
            refused += 1;
        }
        let tx = services.db().begin().await?;
        plans::insert_rows(&tx, plan.id, &rows).await?;
        tx.commit_quiet(Quiet::Working).await?;
    }
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
