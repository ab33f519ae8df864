//! The second half of a run: the plan is carried out in short transactions. Each writes some steps, how far the run is,
//! and one event; so a run that is cut anywhere goes on behind the last position that was written.

use std::time::Instant;

use chrono::{DateTime, Utc};
use muster_domain::audit::AuditEvent;
use muster_domain::change::{Action, Change};
use muster_domain::plan::identity::{self, Digest as Counting};
use muster_domain::plan::{Counts, Identity, PlanState, Purpose, Step, StoredPlan, out_of_date};
use muster_domain::run::{Run, RunState};
use muster_domain::{Error, Kind};
use muster_storage::runs::Exception;
use muster_storage::{Reader, directory_states, plans, readings, runs};
use serde_json::json;

use super::asking::find;
use super::block::{self, Block, broke};
use super::lease::{Worker, again};
use super::making::millis;
use super::{LOST, passes, words};
use crate::directories::bring_back;
use crate::provisioning::{self, Telling};
use crate::sync::rules::{OFF, is_on};
use crate::sync::{planning, shadowing};

/// Steps that are read together to be hashed.
const READ: u64 = 16_000;
/// So many steps may have made other tables of those that the database knew.
const MANY: u64 = 10_000;

impl Worker {
    /// Begins to carry a plan out: exactly the one that was approved or let pass, from exactly the state it was made from.
    pub(super) async fn begin(&self, run: Run) -> Result<(), Error> {
        let run = again(|| self.begin_once(run.clone())).await?;
        match run.ended_at {
            Some(_) => Ok(()),
            None => self.apply(run).await,
        }
    }

    async fn begin_once(&self, mut run: Run) -> Result<Run, Error> {
        let call = self.call();
        let missing = || Error::not_found("plan");
        let id = run.plan.ok_or_else(missing)?;
        let seen = plans::get(self.services.db(), id)
            .await?
            .ok_or_else(missing)?;
        // Before the transaction: it may take seconds, and rows of a plan that is made change no more.
        let is_of_now = seen.identity.as_ref().is_none_or(Identity::is_of_now);
        if seen.approved_by.is_some() && is_of_now {
            self.is_what_was_approved(&seen).await?;
        }
        let both = shadowing::places(self.services.db(), &seen).await?;
        let tx = self.tx_beside(&both).await?;
        let mut plan = plans::get(&tx, id).await?.ok_or_else(missing)?;
        let may = match plan.state {
            PlanState::Clear => true,
            PlanState::Held => plan.approved_by.is_some(),
            _ => false,
        };
        if !may || plan.identity != seen.identity {
            return Err(
                Error::new("PLAN-004", Kind::Conflict, "The plan waits for a person.")
                    .next("Nothing was changed. Look at the plan and approve it."),
            );
        }
        let known = find(&tx, self.directory).await?;
        is_on(&known, plan.purpose)?;
        shadowing::may_be_carried_out(&tx, &known, &plan).await?;
        run.started_at = run.started_at.or(Some(call.at));
        run.heartbeat_at = Some(call.at);
        if plan.counts.all() == 0 {
            tx.rollback().await?;
            self.confirm().await;
            self.finish(run.clone(), RunState::Done).await?;
            run.ended_at = Some(call.at);
            return Ok(run);
        }
        shadowing::keeps_its_place(&tx, &known).await?;
        if !is_of_now || !directory_states::advance(&tx, self.directory, plan.base_revision).await?
        {
            plan.state = PlanState::Discarded;
            plans::update(&tx, &plan).await?;
            self.commit(tx, &[]).await?;
            return Err(out_of_date());
        }
        if !both.is_empty() {
            shadowing::begun(&tx, &plan, &both).await?;
        }
        // Until all of it is done, and done well, nothing is good to go on from.
        let comes = plan.counts.of("create_user") + plan.counts.of("reactivate");
        if run.person.is_none() || comes > 0 {
            readings::forget(&tx, self.directory).await?;
        }
        plan.state = PlanState::Begun;
        plans::update(&tx, &plan).await?;
        run.state = RunState::Applying;
        run.progress.planned = plan.counts.all();
        runs::update(&tx, &run).await?;
        let back = match plan.purpose {
            Purpose::Undo => bring_back(&call, &tx, self.directory).await?,
            _ => None,
        };
        let directory = find(&tx, self.directory).await?;
        let detail = json!({
            "plan": plan.id,
            "run": run.id,
            "identity": plan.identity,
            "steps": plan.counts.all(),
            "refusals": plan.counts.refused(),
            "approved_by": plan.approved_by,
        });
        let event = call.event(
            "directory.sync.begin",
            &directory.name,
            Some(directory.id.0),
            detail,
        );
        let events: Vec<AuditEvent> = back.into_iter().chain([event]).collect();
        self.commit(tx, &events).await?;
        Ok(run)
    }

    /// Whether the rows are those whose identity was approved.
    async fn is_what_was_approved(&self, plan: &StoredPlan) -> Result<(), Error> {
        let mut counting = Counting::new(plan.directory, plan.base_revision);
        let mut after = None;
        loop {
            let some = plans::steps(self.services.db(), plan.id, after, READ).await?;
            let Some((last, _)) = some.last() else { break };
            after = Some(*last);
            some.iter().for_each(|(_, step)| counting.add(step));
        }
        if plan.identity.as_ref() == Some(&counting.finish()) {
            return Ok(());
        }
        Err(Error::new(
            "PLAN-001",
            Kind::Conflict,
            "This is not the plan that was approved.",
        )
        .next("Nothing was changed. Somebody changed the plan in the database: look into that, and make a new one."))
    }

    /// Carries out what is left of a plan.
    pub(super) async fn apply(&self, mut run: Run) -> Result<(), Error> {
        let missing = || Error::not_found("plan");
        let id = run.plan.ok_or_else(missing)?;
        let db = self.services.db();
        let plan = plans::get(db, id).await?.ok_or_else(missing)?;
        let name = find(db, self.directory).await?.name;
        let about = (name.as_str(), &plan);
        let mut block = Block::read(db.clone(), id, run.progress.reached).await?;
        while let Some(last) = block.last() {
            // The next is read while this one is written, on another core where there is one.
            let next = tokio::spawn(Block::read(db.clone(), id, Some(last)));
            self.all(&mut run, about, &block).await?;
            block = next.await.map_err(broke)??;
        }
        again(|| self.done(&run)).await
    }

    async fn all(
        &self,
        run: &mut Run,
        about: (&str, &StoredPlan),
        block: &Block,
    ) -> Result<(), Error> {
        for (some, proof) in block.parts() {
            self.goes_on().await?;
            self.some(run, about, some, proof).await?;
        }
        Ok(())
    }

    /// Keeps what need not be looked at closer by the next run. It may as well not be kept.
    pub(super) async fn confirm(&self) {
        if let Err(error) = planning::confirm(&self.services, self.directory).await {
            tracing::debug!(%error, "the next run looks closer");
        }
    }

    async fn done(&self, run: &Run) -> Result<(), Error> {
        self.confirm().await;
        if run.progress.tried >= MANY
            && let Err(error) = self.services.db().count_anew().await
        {
            tracing::debug!(%error, "the database counts by itself, later");
        }
        self.finish(run.clone(), RunState::Done).await
    }

    /// Carries out some steps. Where one of them fails, the others are done: halves are tried, and halves of them.
    async fn some(
        &self,
        run: &mut Run,
        about: (&str, &StoredPlan),
        steps: &[(i64, Step)],
        proof: &str,
    ) -> Result<(), Error> {
        let mut left = vec![(steps, Some(proof))];
        while let Some((steps, proof)) = left.pop() {
            let Some((first, rest)) = steps.split_first() else {
                continue;
            };
            let begun = Instant::now();
            match again(|| self.written(run.clone(), about, (steps, proof), begun)).await {
                Ok(further) => *run = further,
                Err(error)
                    if passes(&error)
                        || matches!(error.code, LOST | OFF | shadowing::IN_SHADOW) =>
                {
                    return Err(error);
                }
                Err(error) if rest.is_empty() => {
                    let is_noted =
                        again(|| self.failed(run.clone(), about.0, first, &error, begun));
                    *run = is_noted.await?;
                    // Nobody changes hands between two directories that do not change places: it is the first step, also
                    // of what takes a switch back.
                    if matches!(first.1.change.action, Action::SwitchDirectory { .. }) {
                        return Err(error);
                    }
                }
                Err(_) => {
                    let (early, late) = steps.split_at(steps.len() / 2);
                    left.push((late, None));
                    left.push((early, None));
                }
            }
        }
        Ok(())
    }

    /// Writes some steps, how far the run is, and what goes on record, with what proves them if that is known already.
    async fn written(
        &self,
        mut run: Run,
        (name, plan): (&str, &StoredPlan),
        (steps, known): (&[(i64, Step)], Option<&str>),
        begun: Instant,
    ) -> Result<Run, Error> {
        let call = self.call();
        let changes: Vec<Change> = steps.iter().map(|(_, step)| step.change.clone()).collect();
        let tx = self.tx_to_carry(&changes).await?;
        let decided: Vec<&Step> = steps.iter().map(|(_, step)| step).collect();
        provisioning::still(&tx, plan, &decided).await?;
        let telling = Telling::before(&self.services, &call, &tx, &changes).await?;
        let of = (self.directory, plan.purpose);
        // What most of them would put on record stands in the plan: one event tells of all.
        let door = provisioning::carry(&self.services, &call, &tx, &changes, of).await?;
        let mut events = telling.after(&self.services, &call, &tx, door).await?;
        let proof = known.map_or_else(|| block::proof(steps), ToOwned::to_owned);
        went_on(&mut run, steps, 0, begun, call.at);
        runs::update(&tx, &run).await?;
        let event = call.event(
            "directory.sync.applied",
            name,
            Some(self.directory.0),
            told(&run, steps, &proof),
        );
        events.push(event);
        self.commit(tx, &events).await?;
        Ok(run)
    }

    /// Writes that a step failed, and why.
    async fn failed(
        &self,
        mut run: Run,
        name: &str,
        step: &(i64, Step),
        error: &Error,
        begun: Instant,
    ) -> Result<Run, Error> {
        let call = self.call();
        let tx = self.tx().await?;
        let exception = Exception {
            position: step.0,
            code: error.code.to_owned(),
            words: words(error),
        };
        runs::insert_exceptions(&tx, run.id, &[exception], call.at).await?;
        went_on(&mut run, std::slice::from_ref(step), 1, begun, call.at);
        runs::update(&tx, &run).await?;
        let detail = json!({
            "plan": run.plan,
            "run": run.id,
            "position": step.0,
            "subject": step.1.subject,
            "code": error.code,
        });
        let event = call.event(
            "directory.sync.failed",
            name,
            Some(self.directory.0),
            detail,
        );
        self.commit(tx, &[event]).await?;
        Ok(run)
    }
}

fn went_on(run: &mut Run, steps: &[(i64, Step)], failed: u64, begun: Instant, at: DateTime<Utc>) {
    run.progress.tried += u64::try_from(steps.len()).unwrap_or(u64::MAX);
    run.progress.failed += failed;
    run.progress.reached = steps.last().map(|(position, _)| *position);
    run.progress.applying_ms += millis(begun);
    run.heartbeat_at = Some(at);
}

/// What goes on record of some steps: which of which plan, how many of what, and the proof of them.
fn told(run: &Run, steps: &[(i64, Step)], proof: &str) -> serde_json::Value {
    let mut counts = Counts::default();
    for (_, step) in steps {
        counts.add(&step.change);
    }
    json!({
        "plan": run.plan,
        "run": run.id,
        "from": steps.first().map(|(position, _)| position),
        "to": steps.last().map(|(position, _)| position),
        "counts": counts.steps,
        "scheme": identity::SCHEME,
        "sha256": proof,
    })
}

/// Whether all rows of a plan up to `reached` were tried, as far as counting tells.
pub(super) async fn tried_up_to(reader: &impl Reader, run: &Run) -> Result<Option<u64>, Error> {
    let (Some(plan), Some(reached)) = (run.plan, run.progress.reached) else {
        return Ok(None);
    };
    Ok(Some(
        plans::upkeep::steps_up_to(reader, plan, reached).await?,
    ))
}
