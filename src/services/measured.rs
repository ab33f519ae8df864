//! The methods of provisioning as they are measured on this installation.

use chrono::TimeDelta;
use muster_domain::Error;
use muster_domain::guard::Hold;
use muster_domain::membership::Origin;
use muster_domain::methods::Method;
use muster_domain::methods::measured::{Measured, Took, UNSEEN_DAYS};
use muster_domain::plan::{PlanState, Purpose, StoredPlan};
use muster_domain::provider::Provider;
use muster_domain::reading::Reading;
use muster_domain::role::Permission;
use muster_domain::run::{Run, RunState, Wish};
use muster_storage::directories::Directory;
use muster_storage::{accounts, counters, coverage, directories, plans, providers};

use crate::directories::{INTERNAL, JIT};
use crate::sync::views;
use crate::{Call, Services};

/// Plans of a directory that are looked through for one of a whole reading.
const LOOKED_AT: u64 = 20;

/// Every directory in order, measured.
///
/// # Errors
/// Without permission.
pub async fn measured(services: &Services, call: &Call) -> Result<Vec<Measured>, Error> {
    call.may(Permission::ViewDirectories)?;
    let everybody = counters::users(services.db()).await?.total();
    let providers = providers::list(services.db()).await?;
    let mut found = Vec::new();
    for directory in directories::list(services.db()).await? {
        found.push(one(services, call, directory, &providers, everybody).await?);
    }
    Ok(found)
}

async fn one(
    services: &Services,
    call: &Call,
    directory: Directory,
    providers: &[Provider],
    everybody: u64,
) -> Result<Measured, Error> {
    let (db, id) = (services.db(), directory.id);
    let method = method_of(&directory.kind);
    let through: Vec<&Provider> = providers
        .iter()
        .filter(|provider| provider.directory == id)
        .collect();
    let recent = views::recent(services, id).await?;
    let leavers = match method {
        Method::Manual => None,
        Method::Jit => {
            let since = call.at - TimeDelta::days(UNSEEN_DAYS);
            Some(coverage::unseen(db, id, since).await?)
        }
        _ => {
            let mut newest = plans::list(db, Some(id), None, None, LOOKED_AT).await?;
            // What a part of the source says tells nothing of the rest.
            let of_parts: Vec<_> = recent.runs.iter().filter(|run| is_part(run)).collect();
            newest.retain(|plan| of_parts.iter().all(|run| run.plan != Some(plan.id)));
            taken_out(&newest)
        }
    };
    let confirmed_at = match method {
        Method::Jit | Method::Scim => accounts::last_confirmed_of_directory(db, id).await?,
        Method::Manual => None,
        _ => recent.read_at,
    };
    let mut nested = coverage::nested(db, Origin::Directory(id)).await?;
    for provider in &through {
        nested += coverage::nested(db, Origin::Claims(provider.id)).await?;
    }
    // One that read everything, where there is one among them.
    let last = recent
        .runs
        .into_iter()
        .filter(|run| {
            run.state == RunState::Done && run.progress.calls > 0 && run.wish != Wish::WhatIf
        })
        .min_by_key(is_part)
        .map(|run| Took {
            millis: run.progress.planning_ms + run.progress.applying_ms,
            calls: run.progress.calls,
        });
    Ok(Measured {
        name: directory.name,
        method,
        accounts: accounts::count_of_directory(db, id).await?,
        everybody,
        confirmed_at,
        leavers,
        nested,
        last,
    })
}

/// Whether a run read only a part of its source.
fn is_part(run: &Run) -> bool {
    let told = run.progress.told;
    told.is_some_and(|told| told.reading != Reading::Whole)
}

/// How accounts arrive in a directory of this kind, as methods are compared.
fn method_of(kind: &str) -> Method {
    match kind {
        INTERNAL => Method::Manual,
        JIT => Method::Jit,
        "ldap" | "demo" => Method::Ldap,
        "crowd" => Method::Crowd,
        "scim" => Method::Scim,
        _ => Method::ApiConnector,
    }
}

/// People whom the source does not hold any more and who are in here still, by the newest plans of a directory, the newest
/// first: what the last whole reading found, until somebody carried it out. A plan that was put away left them here. None:
/// it was not read as a whole.
fn taken_out(plans: &[StoredPlan]) -> Option<u64> {
    let is_part = |hold: &Hold| matches!(hold, Hold::Incomplete { .. });
    let newest = plans
        .iter()
        .filter(|plan| matches!(plan.purpose, Purpose::Sync | Purpose::Drift))
        .filter(|plan| plan.state != PlanState::Making)
        .find(|plan| !plan.holds.iter().any(is_part))?;
    Some(match newest.state {
        PlanState::Begun | PlanState::Done => 0,
        _ => ["deactivate", "remove_account", "delete_user"]
            .iter()
            .map(|kind| newest.counts.of(kind))
            .sum(),
    })
}
