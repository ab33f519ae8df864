//! The end of a removal: the directory itself goes, when nothing refers to it any more.

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Error;
use muster_domain::membership::Origin;
use muster_domain::plan::{PlanState, Purpose};
use muster_storage::directories::{self, Directory};
use muster_storage::{Reader, accounts, groups, memberships, plans, runs};
use serde_json::json;

use super::INTERNAL;
use crate::{Call, Services};

/// How long whoever watches the run can read how it ended: it goes with the directory. The record keeps it.
const SHOWN: TimeDelta = TimeDelta::seconds(20);

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
        if !is_empty(services.db(), &directory, call.at).await? {
            continue;
        }
        let tx = services.db().begin().await?;
        if !is_empty(&tx, &directory, call.at).await? {
            tx.rollback().await?;
            continue;
        }
        memberships::remove_origin(&tx, Origin::Directory(directory.id)).await?;
        directories::delete(&tx, directory.id).await?;
        let detail = json!({ "kind": directory.kind, "settings": directory.settings });
        let id = Some(directory.id.0);
        let event = call.event("directory.remove", &directory.name, id, detail);
        tx.commit(&[event]).await?;
        removed += 1;
    }
    Ok(removed)
}

/// Whether its removal was carried out and left nothing.
async fn is_empty(
    reader: &impl Reader,
    directory: &Directory,
    at: DateTime<Utc>,
) -> Result<bool, Error> {
    let done = plans::list(reader, Some(directory.id), Some(PlanState::Done), None, 20).await?;
    // The newest that was carried out; whoever used the directory again after its removal keeps it.
    let newest = done.first().map(|plan| plan.created_at);
    let removal = done
        .iter()
        .find(|plan| plan.purpose == Purpose::Removal && Some(plan.created_at) == newest);
    let Some(plan) = removal else {
        return Ok(false);
    };
    let ended = runs::of_plan(reader, plan.id).await?;
    let ended = ended.iter().filter_map(|run| run.ended_at).max();
    if ended.is_none_or(|ended| ended + SHOWN > at)
        || runs::open_of(reader, directory.id).await?.is_some()
    {
        return Ok(false);
    }
    let groups = groups::page_of_directory(reader, directory.id, None, 1).await?;
    Ok(groups.is_empty() && accounts::count_of_directory(reader, directory.id).await? == 0)
}
