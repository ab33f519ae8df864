//! The methods of provisioning as they are measured on this installation.

use chrono::TimeDelta;
use muster_domain::Error;
use muster_domain::membership::Origin;
use muster_domain::methods::Method;
use muster_domain::methods::measured::{Measured, Took, UNSEEN_DAYS};
use muster_domain::plan::{PlanState, StoredPlan};
use muster_domain::provider::Provider;
use muster_domain::role::Permission;
use muster_storage::directories::Directory;
use muster_storage::{accounts, counters, coverage, directories, newest, providers};

use crate::directories::{INTERNAL, JIT};
use crate::sync::views;
use crate::{Call, Services};

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
        _ => recent.whole.as_ref().map(taken_out),
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
    let last = newest::reading(db, id).await?.map(|run| Took {
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

/// People whom the source does not hold any more and who are in here still, by the newest plan of everything: what that
/// reading found, until somebody carried it out. A plan that was put away left them here.
fn taken_out(plan: &StoredPlan) -> u64 {
    match plan.state {
        PlanState::Begun | PlanState::Done => 0,
        _ => ["deactivate", "remove_account", "delete_user"]
            .iter()
            .map(|kind| plan.counts.of(kind))
            .sum(),
    }
}
