//! The first half of a run: the source is read and the plan made, with signs of life.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use chrono::TimeDelta;
use muster_domain::Error;
use muster_domain::plan::{PlanState, Purpose, StoredPlan};
use muster_domain::reading::Reading;
use muster_domain::run::{Progress, Run, RunState, Wish};
use muster_storage::{Tx, plans, runs};

use super::asking::find;
use super::lease::{Worker, again};
use super::{OUT_OF_DATE, passes};
use crate::sync::planning::{self, Watch};
use crate::sync::rules::{self, Rules};
use crate::sync::{shadowing, since};

/// How often a plan is made that is out of date as soon as it is.
const TRIES: u32 = 6;
/// How often progress is written while it is made.
const TELL: Duration = Duration::from_millis(500);

impl Worker {
    /// Reads the source, makes the plan, and goes on with it where that was asked for. Where something changed while it was
    /// made, it is made again: a change that anybody may make is no way to hold a sync off.
    pub(super) async fn plan(&self, run: Run) -> Result<(), Error> {
        for _ in 1..TRIES {
            match self.plan_once(run.clone()).await {
                Err(error) if run.wish == Wish::Sync && error.code == OUT_OF_DATE => {
                    tracing::info!(run = %self.run, "a plan was out of date when it was made: it is made again");
                }
                done => return done,
            }
            self.goes_on().await?;
        }
        self.plan_once(run).await
    }

    async fn plan_once(&self, mut run: Run) -> Result<(), Error> {
        let begun = Instant::now();
        let call = self.call();
        // The state first, and then what it is made from: whatever changes from now on shows.
        let revision = planning::revision(&self.services, self.directory).await?;
        let directory = find(self.services.db(), self.directory).await?;
        let tx = self.tx_unless_stopped().await?;
        run.state = RunState::Planning;
        run.plan = None;
        run.progress = Progress::default();
        run.started_at = run.started_at.or(Some(call.at));
        run.heartbeat_at = Some(call.at);
        runs::update(&tx, &run).await?;
        self.forget_half_plans(&tx).await?;
        self.forget_former_answers(&tx, &run).await?;
        self.commit(tx, &[]).await?;
        let in_shadow = rules::in_shadow(&directory.settings);
        if run.person.is_some() {
            shadowing::is_active(&directory)?;
        }
        let adopt = match run.wish {
            Wish::WhatIf => None,
            _ => shadowing::beside(&self.services, self.services.db(), &directory).await?,
        };
        let purpose = match run.wish {
            Wish::WhatIf => Purpose::WhatIf,
            _ if adopt.is_some() => Purpose::Shadow,
            _ if in_shadow => Purpose::Drift,
            Wish::Plan => Purpose::Drift,
            Wish::Sync | Wish::Apply => Purpose::Sync,
        };
        rules::is_on(&directory, purpose)?;
        let plan = StoredPlan {
            base_revision: revision,
            ..StoredPlan::begun(
                self.services.id(),
                self.directory,
                purpose,
                &run.started_by,
                call.at,
            )
        };
        let source = self.source(&run, &directory).await?;
        let rules = Rules {
            adopt,
            ..rules::of(&directory)
        };
        let mut watched = Watched {
            worker: self,
            run,
            plan: plan.clone(),
            begun,
            told: None,
        };
        let asked = since::asked(
            self.services.db(),
            &directory,
            &rules,
            &watched.run,
            call.at,
        )
        .await?;
        let made = planning::make_from(
            &self.services,
            planning::terms(&call, &directory, &rules),
            source.as_ref(),
            &rules,
            plan,
            asked,
            &mut watched,
        )
        .await?;
        let (mut run, plan) = (watched.run, made.plan);
        run.progress.told = Some(made.told);
        self.keep_in_mind(made.gained.filter(|_| !in_shadow));
        run.plan = Some(plan.id);
        run.progress.planned = plan.counts.all();
        run.progress.planning_ms = millis(begun);
        again(|| self.made(&run, &plan)).await?;
        match (run.wish, plan.state) {
            // Whatever was asked: nothing that a directory in shadow says is carried out.
            _ if in_shadow => self.finish(run, RunState::Done).await,
            (Wish::Sync, PlanState::Held) => self.finish(run, RunState::Held).await,
            (Wish::Sync, _) => self.begin(run).await,
            _ => self.finish(run, RunState::Done).await,
        }
    }

    /// Writes that the plan is made; it stands in for those made before it to the same purpose, which wait still.
    async fn made(&self, run: &Run, plan: &StoredPlan) -> Result<(), Error> {
        let tx = self.tx_unless_stopped().await?;
        runs::update(&tx, run).await?;
        if plan.purpose == Purpose::WhatIf {
            // It waits for nobody: nobody can approve it.
            let shown = StoredPlan {
                state: PlanState::Discarded,
                ..plan.clone()
            };
            plans::update(&tx, &shown).await?;
        }
        // A plan of a part says nothing of the rest of one that waits.
        let is_whole = run
            .progress
            .told
            .is_none_or(|told| told.reading == Reading::Whole);
        if plan.purpose == Purpose::Shadow {
            self.forget_former_comparisons(&tx).await?;
        }
        let states = [PlanState::Clear, PlanState::Held];
        for state in states.into_iter().filter(|_| is_whole) {
            let some = plans::upkeep::in_state(&tx, Some(self.directory), state, None).await?;
            for mut old in some {
                if old.id != plan.id && old.purpose == plan.purpose {
                    old.state = PlanState::Discarded;
                    plans::update(&tx, &old).await?;
                }
            }
        }
        self.commit(tx, &[]).await
    }

    /// Comparisons that others stood in for long ago: one is made at every reading while a directory is in shadow. The last
    /// one stays, for whoever looks at it still.
    async fn forget_former_comparisons(&self, tx: &Tx) -> Result<(), Error> {
        let all = plans::upkeep::of_purpose(tx, self.directory, Purpose::Shadow).await?;
        for old in all {
            if old.state == PlanState::Discarded && old.approved_by.is_none() {
                plans::upkeep::forget(tx, old.id).await?;
            }
        }
        Ok(())
    }

    /// What a run that was cut left: only one of a directory is at work at a time.
    pub(super) async fn forget_half_plans(&self, tx: &Tx) -> Result<(), Error> {
        let half =
            plans::upkeep::in_state(tx, Some(self.directory), PlanState::Making, None).await?;
        for plan in half {
            if matches!(
                plan.purpose,
                Purpose::Sync | Purpose::Drift | Purpose::WhatIf | Purpose::Shadow
            ) {
                plans::upkeep::forget(tx, plan.id).await?;
            }
        }
        Ok(())
    }
}

pub(super) fn millis(since: Instant) -> u64 {
    let passed = TimeDelta::from_std(since.elapsed()).unwrap_or_default();
    u64::try_from(passed.num_milliseconds()).unwrap_or_default()
}

/// Keeps the run's row up to date, and hears when somebody wants it to stop.
struct Watched<'a> {
    worker: &'a Worker,
    run: Run,
    plan: StoredPlan,
    begun: Instant,
    told: Option<Instant>,
}

#[async_trait]
impl Watch for Watched<'_> {
    async fn went_on(&mut self, progress: &Progress) -> Result<(), Error> {
        self.worker.goes_on().await?;
        self.run.progress = Progress {
            planning_ms: millis(self.begun),
            ..progress.clone()
        };
        if self.told.is_some_and(|told| told.elapsed() < TELL) {
            return Ok(());
        }
        self.told = Some(Instant::now());
        match self.write().await {
            // How far it is can be told later.
            Err(error) if passes(&error) => Ok(()),
            written => written,
        }
    }
}

impl Watched<'_> {
    async fn write(&mut self) -> Result<(), Error> {
        self.run.heartbeat_at = Some(self.worker.services.now());
        let tx = self.worker.tx_unless_stopped().await?;
        if self.run.plan.is_none() && plans::get(&tx, self.plan.id).await?.is_some() {
            self.run.plan = Some(self.plan.id);
        }
        runs::update(&tx, &self.run).await?;
        self.worker.commit(tx, &[]).await
    }
}
