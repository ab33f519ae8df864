//! Making the plan of a directory: its source is read, and what it would change is written down, step by step.

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

/// Is told how far the making of a plan is, and may stop it.
#[async_trait]
pub trait Watch: Send {
    /// Called after each page that was read and each batch that was written.
    ///
    /// # Errors
    /// Why it shall stop: somebody cancelled it, or the lease was lost. Nothing of the plan is left then.
    async fn went_on(&mut self, progress: &Progress) -> Result<(), Error>;
}

/// Reads the source of a directory and writes the plan of what it would change. `plan` is new, in the state
/// [`PlanState::Making`]; what comes back is [`PlanState::Clear`] or [`PlanState::Held`].
///
/// # Errors
/// When `watch` stops it or the database cannot serve; no plan is left then. What the source could not say is in the
/// plan: it is held.
pub(crate) async fn make(
    services: &Services,
    call: &Call,
    directory: &Directory,
    source: &dyn Source,
    rules: &Rules,
    mut plan: StoredPlan,
    watch: &mut dyn Watch,
) -> Result<StoredPlan, Error> {
    let made = super::plan(services, call, directory.id, source, rules).await?;
    let mut progress = Progress::default();
    plan.base_revision = made.base_revision;
    let mut rows = Vec::new();
    let mut nth = [0_u64; 7];
    for step in &made.steps {
        let phase = Phase::of(&step.change);
        if let Some(nth) = nth.get_mut(phase as usize) {
            rows.push(Row {
                position: position(phase, *nth),
                line: Line::Step(step.clone()),
            });
            *nth += 1;
        }
        plan.counts.add(&step.change);
        progress.planned += 1;
    }
    for (at, refusal) in (0..).zip(&made.refusals) {
        let refused = &mut plan.counts.refusals;
        *refused.entry(refusal.reason.word().to_owned()).or_default() += 1;
        rows.push(Row {
            position: REFUSALS + at,
            line: Line::Refusal(refusal.clone()),
        });
    }
    plan.identity = Some(made.identity());
    (plan.state, plan.holds) = match made.guarded {
        Guarded::Clear => (PlanState::Clear, Vec::new()),
        Guarded::Held(holds) => (PlanState::Held, holds),
    };
    watch.went_on(&progress).await?;
    let tx = services.db().begin().await?;
    plans::insert(&tx, &plan).await?;
    plans::insert_rows(&tx, plan.id, &rows).await?;
    tx.commit_quiet(Quiet::Counted).await?;
    watch.went_on(&progress).await?;
    Ok(plan)
}
