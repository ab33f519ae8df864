//! How long runs and plans are kept.

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Error;
use muster_domain::plan::{PlanState, Purpose};
use muster_storage::{Quiet, plans, removed_directories, runs};

use crate::Services;

/// How long a run is kept, with the plan it carried out.
pub const KEPT: TimeDelta = TimeDelta::days(366);
/// How long a plan is kept that was put away, or found nothing to do.
pub const SHOWN: TimeDelta = TimeDelta::days(30);
/// After how long nobody makes a plan any more that is no run's.
const MAKING: TimeDelta = TimeDelta::hours(6);
/// Plans and runs that go in one transaction.
const AT_ONCE: u64 = 20;
/// Transactions in one sweep: the rest goes with the next.
const ROUNDS: usize = 50;

/// Forgets what is kept long enough, a little at a time. Gives how many plans, runs and removed directories went.
///
/// # Errors
/// When the database cannot be used.
pub async fn sweep(services: &Services, now: DateTime<Utc>) -> Result<u64, Error> {
    let db = services.db();
    let mut gone = 0;
    for _ in 0..ROUNDS {
        let mut some = plans::upkeep::idle(db, now - SHOWN, AT_ONCE).await?;
        some.extend(plans::upkeep::orphans(db, now - KEPT, AT_ONCE).await?);
        let tx = db.begin().await?;
        let runs = runs::forget_before(&tx, now - KEPT, AT_ONCE).await?;
        for plan in &some {
            plans::upkeep::forget(&tx, *plan).await?;
        }
        tx.commit_quiet(Quiet::Expired).await?;
        let went = runs + u64::try_from(some.len()).unwrap_or_default();
        gone += went;
        if went == 0 {
            break;
        }
    }
    // Directories that were removed go with the last that names them.
    let tx = db.begin().await?;
    gone += removed_directories::forget_before(&tx, now - KEPT).await?;
    tx.commit_quiet(Quiet::Expired).await?;
    let half = plans::upkeep::in_state(db, None, PlanState::Making, Some(now - MAKING)).await?;
    for plan in half {
        // Those of a run are for whoever takes it up.
        if matches!(
            plan.purpose,
            Purpose::Sync | Purpose::Drift | Purpose::WhatIf | Purpose::Shadow
        ) && runs::open_of(db, plan.directory).await?.is_some()
        {
            continue;
        }
        let tx = db.begin().await?;
        plans::upkeep::forget(&tx, plan.id).await?;
        tx.commit_quiet(Quiet::Expired).await?;
        gone += 1;
    }
    Ok(gone)
}
