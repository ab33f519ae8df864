//! The end of a removal: the directory itself goes, when nothing refers to it any more. Its plans and runs stay, and can
//! bring it back.

use muster_domain::Error;
use muster_domain::membership::Origin;
use muster_domain::plan::{PlanState, Purpose, StoredPlan};
use muster_storage::directories::{self, Directory};
use muster_storage::{Reader, Tx, directory_states, memberships, plans, removed_directories, runs};
use serde_json::json;

use super::INTERNAL;
use crate::sync::shadowing;
use crate::{Call, Services};

/// Removes the directories whose removal was carried out and to which nothing refers any more. Gives how many went. What
/// could not be done keeps its directory: the next plan takes care of the rest.
///
/// # Errors
/// Why the database cannot serve.
pub async fn sweep_removed(services: &Services, call: &Call) -> Result<u64, Error> {
    let mut removed = 0;
    for directory in directories::list(services.db()).await? {
        if directory.kind == INTERNAL || directory.enabled {
            continue;
        }
        if !is_carried_out(services.db(), &directory).await? {
            continue;
        }
        let tx = services.db().begin().await?;
        directory_states::lock(&tx, directory.id).await?;
        match shadowing::keeps_its_place(&tx, &directory).await {
            Err(error) if error.code == shadowing::CHANGES_PLACES => {
                tx.rollback().await?;
                continue;
            }
            kept => kept?,
        }
        if !is_carried_out(&tx, &directory).await?
            || !removed_directories::remove(&tx, directory.id, call.at).await?
        {
            tx.rollback().await?;
            continue;
        }
        memberships::remove_origin(&tx, Origin::Directory(directory.id)).await?;
        put_away(&tx, &directory).await?;
        let detail = json!({ "kind": directory.kind, "settings": directory.settings });
        let id = Some(directory.id.0);
        let event = call.event("directory.remove", &directory.name, id, detail);
        tx.commit(&[event]).await?;
        removed += 1;
    }
    Ok(removed)
}

/// Whether its removal was carried out, and nothing after it.
async fn is_carried_out(reader: &impl Reader, directory: &Directory) -> Result<bool, Error> {
    let done = plans::list(reader, Some(directory.id), Some(PlanState::Done), None, 20).await?;
    // The newest that was carried out; whoever used the directory again after its removal keeps it.
    let newest = done.first().map(|plan| plan.created_at);
    let is_removal = done
        .iter()
        .any(|plan| plan.purpose == Purpose::Removal && Some(plan.created_at) == newest);
    Ok(is_removal && runs::open_of(reader, directory.id).await?.is_none())
}

async fn takes_a_removal_back(tx: &Tx, plan: &StoredPlan) -> Result<bool, Error> {
    let Some(inverse_of) = plan.inverse_of else {
        return Ok(false);
    };
    let removal = plans::get(tx, inverse_of).await?;
    Ok(removal.is_some_and(|removal| removal.purpose == Purpose::Removal))
}

/// Plans that wait are of a directory that is not there any more.
async fn put_away(tx: &Tx, directory: &Directory) -> Result<(), Error> {
    for state in [PlanState::Held, PlanState::Clear] {
        for mut plan in plans::upkeep::in_state(tx, Some(directory.id), state, None).await? {
            // The removal may be taken back already, by a plan that waits.
            if takes_a_removal_back(tx, &plan).await? {
                continue;
            }
            plan.state = PlanState::Discarded;
            plans::update(tx, &plan).await?;
        }
    }
    Ok(())
}
