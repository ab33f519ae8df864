//! The work itself: who takes a run carries it to its end.

use std::time::Duration;

use muster_domain::Error;
use muster_domain::id::RunId;
use muster_domain::plan::{PlanState, StoredPlan};
use muster_domain::role::Permission;
use muster_domain::run::{Run, RunState, Wish};
use muster_storage::{Tx, directory_states, plans, readings, runs};
use serde_json::json;
use tokio::sync::watch;

use super::asking::find;
use super::lease::{Worker, again};
use super::{LOST, STOPPED, passes, words};
use crate::{Call, Services};

/// How often somebody who waits for a run looks at it.
const LOOK: Duration = Duration::from_millis(250);

/// Tells those who work to leave what they do to others.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<bool>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(false))
    }
}

impl Stop {
    /// Tells everybody to stop.
    pub fn tell(&self) {
        self.0.send_replace(true);
    }

    /// Waits until it is told.
    pub async fn told(&self) {
        let mut heard = self.0.subscribe();
        // It cannot go away while it is borrowed.
        let _ = heard.wait_for(|told| *told).await;
    }
}

/// One round of a worker: takes a run that waits or was left and carries it to its end. False: there was none to take.
///
/// # Errors
/// When the database cannot be used. The run stays for the next round.
pub async fn work(services: &Services) -> Result<bool, Error> {
    work_until(services, &Stop::default()).await
}

/// The same, until it is told to stop: what is being written then is not, and the run is left for the next who comes.
///
/// # Errors
/// As [`work`].
pub async fn work_until(services: &Services, stop: &Stop) -> Result<bool, Error> {
    for run in runs::open(services.db()).await? {
        if let Some((worker, run)) = Worker::take(services, &run).await? {
            worker.through(run, stop).await?;
            return Ok(true);
        }
    }
    Ok(false)
}

/// Carries a run to its end in this process, or waits while another one does.
///
/// # Errors
/// Without permission; when the database cannot be used. The run's own failure is in the run.
pub async fn carry(services: &Services, call: &Call, id: RunId) -> Result<(), Error> {
    call.may(Permission::ManageDirectories)?;
    loop {
        let run = runs::get(services.db(), id)
            .await?
            .ok_or_else(|| Error::not_found("run"))?;
        if run.ended_at.is_some() {
            return Ok(());
        }
        match Worker::take(services, &run).await? {
            Some((worker, run)) => worker.through(run, &Stop::default()).await?,
            None => tokio::time::sleep(LOOK).await,
        }
    }
}

impl Worker {
    async fn through(&self, run: Run, stop: &Stop) -> Result<(), Error> {
        // Whatever is under way when one of the others is heard is dropped, and its transaction with it.
        let done = tokio::select! {
            done = self.on(run) => done.map(|()| true),
            lost = self.beat() => Err(lost),
            () = stop.told() => Ok(false),
        };
        match done {
            Ok(true) => Ok(()),
            Ok(false) => self.leave().await,
            Err(error) if error.code == LOST => {
                tracing::warn!(run = %self.run, "another node took over a run");
                Ok(())
            }
            Err(error) if passes(&error) => {
                if let Err(error) = self.leave().await {
                    tracing::debug!(%error, "the lease ends by itself");
                }
                Err(error)
            }
            Err(error) => {
                let ended = again(|| self.end(&error)).await;
                match ended {
                    Err(error) if error.code == LOST => Ok(()),
                    ended => ended,
                }
            }
        }
    }

    async fn on(&self, run: Run) -> Result<(), Error> {
        self.goes_on().await?;
        match (run.state, run.wish) {
            (RunState::Applying, _) => self.apply(run).await,
            (_, Wish::Apply) => self.begin(run).await,
            (_, Wish::Plan | Wish::Sync | Wish::WhatIf) => self.plan(run).await,
        }
    }

    /// Ends a run that cannot go on. A plan half made goes; one half carried out is over, and what it did can be taken
    /// back.
    async fn end(&self, error: &Error) -> Result<(), Error> {
        let call = self.call();
        let tx = self.tx().await?;
        let mut run = runs::get(&tx, self.run)
            .await?
            .ok_or_else(|| Error::not_found("run"))?;
        if run.ended_at.is_some() {
            // It gave way to another one, and says so.
            self.forget_half_plans(&tx).await?;
            self.forget_former_answers(&tx, &run).await?;
            return self.commit_and_leave(tx, &[]).await;
        }
        run.state = match error.code == STOPPED {
            true => RunState::Cancelled,
            false => RunState::Failed,
        };
        run.problem = (error.code != STOPPED).then(|| words(error));
        run.ended_at = Some(call.at);
        if self.forget_former_answers(&tx, &run).await? {
            run.plan = None;
        }
        if let Some(id) = run.plan
            && let Some(mut plan) = plans::get(&tx, id).await?
        {
            match plan.state {
                PlanState::Making => {
                    plans::upkeep::forget(&tx, id).await?;
                    run.plan = None;
                }
                PlanState::Begun => {
                    plan.state = PlanState::Done;
                    plans::update(&tx, &plan).await?;
                }
                PlanState::Clear if run.wish == Wish::Sync => {
                    plan.state = PlanState::Discarded;
                    plans::update(&tx, &plan).await?;
                }
                _ => {}
            }
        }
        self.forget_half_plans(&tx).await?;
        runs::update(&tx, &run).await?;
        let directory = find(&tx, run.directory).await?;
        let detail = json!({
            "run": run.id,
            "plan": run.plan,
            "state": run.state,
            "tried": run.progress.tried,
            "failed": run.progress.failed,
            "code": error.code,
        });
        let event = call.event(
            "directory.run.end",
            &directory.name,
            Some(directory.id.0),
            detail,
        );
        if let Some(internal) = &error.internal {
            tracing::warn!(run = %run.id, code = error.code, %internal, "a run ended");
        }
        self.commit_and_leave(tx, &[event]).await
    }

    /// Ends a run that came as far as it was to come, and with it the plan that it carried out.
    pub(super) async fn finish(&self, mut run: Run, state: RunState) -> Result<(), Error> {
        let call = self.call();
        let tx = self.tx().await?;
        if let (RunState::Done, Some(id)) = (state, run.plan)
            && run.wish.changes()
            && let Some(mut plan) = plans::get(&tx, id).await?
            && (plan.state == PlanState::Begun || plan.counts.all() == 0)
        {
            plan.state = PlanState::Done;
            plans::update(&tx, &plan).await?;
            if run.wish == Wish::Sync && run.progress.failed == 0 {
                self.keep(&tx, &plan).await?;
            }
        }
        run.state = state;
        run.ended_at = Some(call.at);
        run.heartbeat_at = Some(call.at);
        runs::update(&tx, &run).await?;
        let directory = find(&tx, run.directory).await?;
        // What found nothing to do and nobody asked for in person changed nothing: its row says that it was.
        let is_told = run.progress.planned > 0 || state != RunState::Done;
        let detail = json!({
            "run": run.id,
            "plan": run.plan,
            "state": run.state,
            "planned": run.progress.planned,
            "done": run.progress.tried - run.progress.failed.min(run.progress.tried),
            "failed": run.progress.failed,
        });
        let event = call.event(
            "directory.run.end",
            &directory.name,
            Some(directory.id.0),
            detail,
        );
        let events = [event];
        self.commit_and_leave(tx, if is_told { &events } else { &[] })
            .await
    }

    /// Keeps from where the next sync goes on, unless something changed by other hands since the plan was made: then who
    /// was left alone may be so no more.
    async fn keep(&self, tx: &Tx, plan: &StoredPlan) -> Result<(), Error> {
        let begun = plan.base_revision + u64::from(plan.counts.all() > 0);
        if directory_states::revision(tx, self.directory).await? != begun {
            return Ok(());
        }
        match self.gained() {
            Some(gained) => {
                let roll = gained.roll.as_deref();
                readings::keep(tx, self.directory, &gained.kept, roll).await
            }
            None => Ok(()),
        }
    }
}
