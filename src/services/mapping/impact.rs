//! What a mapping would change, before it is saved: the plan that would be made through it, to be looked at and never to
//! be carried out.

use async_trait::async_trait;
use muster_domain::Error;
use muster_domain::id::{DirectoryId, PlanId};
use muster_domain::mapping::Mapping;
use muster_domain::plan::{Counts, PlanState, Purpose, StoredPlan};
use muster_domain::role::Permission;
use muster_domain::run::Progress;
use muster_storage::{Quiet, plans};

use super::{find, misread};
use crate::sync::planning::{self, Watch};
use crate::sync::rules;
use crate::{Call, Services, directories};

/// What a mapping would change.
#[derive(Clone, PartialEq, Debug)]
pub struct Impact {
    /// The plan, to be looked at.
    pub plan: PlanId,
    /// How much it holds.
    pub counts: Counts,
    /// Why the guard would hold it.
    pub holds: Vec<String>,
}

/// Makes the plan that a mapping would lead to. Nothing but that plan is written, and nobody can carry it out.
///
/// # Errors
/// Without permission, for an unknown directory, `MAP-001` with messages beside the parts that are wrong.
pub async fn impact(
    services: &Services,
    call: &Call,
    id: DirectoryId,
    mapping: &Mapping,
) -> Result<Impact, Error> {
    call.may(Permission::ManageDirectories)?;
    mapping.check().map_err(|wrong| misread(&wrong))?;
    let directory = find(services, services.db(), id).await?;
    forget_former(services, id).await?;
    let plan = StoredPlan {
        base_revision: planning::revision(services, id).await?,
        ..StoredPlan::begun(services.id(), id, Purpose::WhatIf, call.actor(), call.at)
    };
    let source = directories::open_mapped(services, services.db(), &directory, mapping).await?;
    let terms = rules::of(&directory);
    let made = planning::make(
        services,
        call,
        &directory,
        source.as_ref(),
        &terms,
        plan,
        &mut Patient,
    )
    .await?;
    let mut plan = made;
    let impact = Impact {
        plan: plan.id,
        counts: plan.counts.clone(),
        holds: plan
            .holds
            .iter()
            .map(muster_domain::guard::Hold::words)
            .collect(),
    };
    plan.state = PlanState::Discarded;
    let tx = services.db().begin().await?;
    plans::update(&tx, &plan).await?;
    tx.commit_quiet(Quiet::Working).await?;
    Ok(impact)
}

/// Only the newest is of use.
async fn forget_former(services: &Services, id: DirectoryId) -> Result<(), Error> {
    let tx = services.db().begin().await?;
    for state in [PlanState::Discarded, PlanState::Making] {
        for old in plans::list(&tx, Some(id), Some(state), None, 100).await? {
            if old.purpose == Purpose::WhatIf {
                plans::delete(&tx, old.id).await?;
            }
        }
    }
    tx.commit_quiet(Quiet::Working).await
}

/// Lets it go on.
struct Patient;

#[async_trait]
impl Watch for Patient {
    async fn went_on(&mut self, _: &Progress) -> Result<(), Error> {
        Ok(())
    }
}
