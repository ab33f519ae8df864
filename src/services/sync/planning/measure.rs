//! The plan of a directory that fits in memory, made by [`plan::make`]: the measure for the one that is made page by page.

use muster_domain::Error;
use muster_domain::directory::Directory as Source;
use muster_domain::id::DirectoryId;
use muster_domain::plan::{self, Limits, Now, Plan};
use muster_domain::role::Permission;
use muster_domain::snapshot::Gathered;
use muster_storage::{directories, drafts};

use super::{LATELY, Rules, again};
use crate::sync::here;
use crate::{Call, Services};

/// Reads a directory into memory and makes its plan there. Changes nothing, keeps nothing.
///
/// # Errors
/// Without permission, for an unknown directory, or when the database cannot be read.
pub async fn plan(
    services: &Services,
    call: &Call,
    id: DirectoryId,
    source: &dyn Source,
    rules: &Rules,
) -> Result<Plan, Error> {
    call.may(Permission::ManageDirectories)?;
    let directory = directories::get(services.db(), id)
        .await?
        .ok_or_else(|| Error::not_found("directory"))?;
    let mut gathered = Gathered::default();
    let completeness = source.read(&mut gathered).await;
    let filtered = gathered.filtered().clone();
    let records = gathered.raw().clone();
    let mut snapshot = gathered.finish(completeness);
    let here = here::of(services.db(), id, &snapshot, rules).await?;
    again::in_memory(source, &mut snapshot, &here).await;
    let mut terms = super::terms(call, &directory, rules);
    terms.may_remove = true;
    let now = Now {
        snapshot: &snapshot,
        filtered: &filtered,
        records: &records,
    };
    let lately = drafts::taken_since(services.db(), id, call.at - LATELY).await?;
    let limits = Limits {
        guard: &rules.guard,
        lately,
    };
    Ok(plan::make(now, &here, &terms, limits, &mut || {
        services.id()
    }))
}
