//! Makes a stored plan.

use async_trait::async_trait;
use muster_domain::Error;
use muster_domain::directory::Directory as Source;
use muster_domain::guard::Guarded;
use muster_domain::plan::stored::{Line, REFUSALS, Row, position};
use muster_domain::plan::{Phase, PlanState, StoredPlan};
use muster_domain::run::Progress;
use muster_storage::directories::Directory;
use muster_storage::{Quiet, plans};

use super::Rules;
use crate::{Call, Services};

/// Hears how the making goes on.
#[async_trait]
pub(crate) trait Watch: Send {
    /// After each page and each batch. An error stops the making.
    async fn went_on(&mut self, progress: &Progress) -> Result<(), Error>;
}

/// Reads a directory and writes the plan of what it would change.
pub(crate) async fn make(
    services: &Services,
    call: &Call,
    directory: &Directory,
    source: &dyn Source,
    rules: &Rules,
    mut plan: StoredPlan,
    watch: &mut dyn Watch,
) -> Result<StoredPlan, Error> {
    let tx = services.db().begin().await?;
    plans::insert(&tx, &plan).await?;
    tx.commit_quiet(Quiet::Working).await?;
    let mut progress = Progress::default();
    watch.went_on(&progress).await?;
    let made = super::plan(services, call, directory.id, source, rules).await?;
    let mut rows = Vec::new();
    for (nth, step) in made.steps.iter().enumerate() {
        let nth = u64::try_from(nth).unwrap_or(u64::MAX);
        plan.counts.add(&step.change);
        rows.push(Row {
            position: position(Phase::of(&step.change), nth),
            line: Line::Step(step.clone()),
        });
    }
    for (nth, refusal) in made.refusals.iter().enumerate() {
        let word = refusal.reason.word().to_owned();
        *plan.counts.refusals.entry(word).or_default() += 1;
        rows.push(Row {
            position: REFUSALS + i64::try_from(nth).unwrap_or_default(),
            line: Line::Refusal(refusal.clone()),
        });
    }
    for some in rows.chunks(500) {
        let tx = services.db().begin().await?;
        plans::insert_rows(&tx, plan.id, some).await?;
        tx.commit_quiet(Quiet::Working).await?;
        progress.planned += u64::try_from(some.len()).unwrap_or_default();
        watch.went_on(&progress).await?;
    }
    plan.identity = Some(made.identity());
    plan.base_revision = made.base_revision;
    (plan.state, plan.holds) = match made.guarded {
        Guarded::Clear => (PlanState::Clear, Vec::new()),
        Guarded::Held(holds) => (PlanState::Held, holds),
    };
    let tx = services.db().begin().await?;
    plans::update(&tx, &plan).await?;
    tx.commit_quiet(Quiet::Working).await?;
    Ok(plan)
}
