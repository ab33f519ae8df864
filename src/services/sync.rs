//! Bringing a directory's accounts here: read it, make the plan, and carry the plan out.
//!
//! A plan that the guard holds is carried out only with an approval of exactly that plan. Steps go through the door in
//! short transactions; a step that fails is told and the others go on.

pub(crate) mod at_sign_in;
mod both;
mod here;
pub mod mapped;
pub mod planning;
pub mod rules;
pub mod runs;
mod since;
pub mod views;

use muster_domain::guard::Guarded;
use muster_domain::id::DirectoryId;
use muster_domain::plan::{self, Approval, Plan, Step};
use muster_domain::role::Permission;
use muster_domain::{Error, Kind};
use muster_storage::{directories, directory_states};
use serde_json::json;

use crate::{Call, Services, provisioning};

pub use rules::Rules;

/// Steps that are committed together.
const AT_ONCE: usize = 100;

/// What became of one step.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// It is done.
    Done,
    /// It is not, and why.
    Failed(Error),
    /// The run ended before.
    NotReached,
}

/// Carries a plan out. One outcome for each of its steps.
///
/// # Errors
/// Without permission; `PLAN-004` when it is held and nobody approved it, `PLAN-001` when another plan was approved,
/// `PLAN-002` when the directory's accounts changed since it was made. Nothing is changed then.
pub async fn apply(
    services: &Services,
    call: &Call,
    plan: &Plan,
    approval: Option<&Approval>,
) -> Result<Vec<Outcome>, Error> {
    call.may(Permission::ManageDirectories)?;
    begin(services, call, plan, approval).await?;
    let mut outcomes = Vec::with_capacity(plan.steps.len());
    let mut is_over = false;
    for some in plan.steps.chunks(AT_ONCE) {
        if is_over {
            outcomes.extend(some.iter().map(|_| Outcome::NotReached));
            continue;
        }
        if carry(services, call, some, plan.directory).await.is_ok() {
            outcomes.extend(some.iter().map(|_| Outcome::Done));
            continue;
        }
        // One of them fails: each by itself, so that the others are done.
        for step in some {
            let outcome =
                match carry(services, call, std::slice::from_ref(step), plan.directory).await {
                    _ if is_over => Outcome::NotReached,
                    Ok(()) => Outcome::Done,
                    Err(error) => {
                        is_over = error.kind == Kind::Unavailable;
                        Outcome::Failed(error)
                    }
                };
            outcomes.push(outcome);
        }
    }
    end(services, call, plan, &outcomes).await?;
    Ok(outcomes)
}

/// Whether it may be carried out; if so, no other plan of the same state may be any more.
async fn begin(
    services: &Services,
    call: &Call,
    plan: &Plan,
    approval: Option<&Approval>,
) -> Result<(), Error> {
    let tx = services.db().begin().await?;
    let revision = directory_states::revision(&tx, plan.directory).await?;
    let identity = plan.identity();
    match (&plan.guarded, approval) {
        (_, Some(approval)) => approval.covers(&identity, plan.base_revision, revision)?,
        (Guarded::Held(holds), None) => {
            let why: Vec<String> = holds
                .iter()
                .map(muster_domain::guard::Hold::words)
                .collect();
            return Err(
                Error::new("PLAN-004", Kind::Conflict, "The plan waits for a person.")
                    .next(format!("Nothing was changed. {}", why.join(" "))),
            );
        }
        (Guarded::Clear, None) => {}
    }
    if !directory_states::advance(&tx, plan.directory, plan.base_revision).await? {
        return Err(plan::out_of_date());
    }
    let detail = json!({
        "plan": identity,
        "steps": plan.steps.len(),
        "refusals": plan.refusals.len(),
        "approved_by": approval.map(|approval| &approval.by),
    });
    tx.commit(&[call.event(
        "directory.sync.begin",
        &name(services, plan).await?,
        Some(plan.directory.0),
        detail,
    )])
    .await
}

async fn carry(
    services: &Services,
    call: &Call,
    steps: &[Step],
    directory: DirectoryId,
) -> Result<(), Error> {
    let changes: Vec<_> = steps.iter().map(|step| step.change.clone()).collect();
    let tx = services.db().begin().await?;
    let events = provisioning::carry(services, call, &tx, &changes, directory).await?;
    if events.is_empty() {
        return tx.rollback().await;
    }
    tx.commit(&events).await
}

async fn end(
    services: &Services,
    call: &Call,
    plan: &Plan,
    outcomes: &[Outcome],
) -> Result<(), Error> {
    let count =
        |wanted: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| wanted(outcome)).count();
    let detail = json!({
        "done": count(|outcome| matches!(outcome, Outcome::Done)),
        "failed": count(|outcome| matches!(outcome, Outcome::Failed(_))),
        "not_reached": count(|outcome| matches!(outcome, Outcome::NotReached)),
    });
    let tx = services.db().begin().await?;
    tx.commit(&[call.event(
        "directory.sync.end",
        &name(services, plan).await?,
        Some(plan.directory.0),
        detail,
    )])
    .await
}

async fn name(services: &Services, plan: &Plan) -> Result<String, Error> {
    let directory = directories::get(services.db(), plan.directory).await?;
    Ok(directory
        .map(|directory| directory.name)
        .unwrap_or_default())
}
