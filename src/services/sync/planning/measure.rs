//! The plan of a directory that fits in memory, made by [`plan::make`]: the measure for the one that is made page by page.

use std::collections::BTreeMap;

use muster_domain::directory::Directory as Source;
use muster_domain::id::DirectoryId;
use muster_domain::plan::{self, Limits, Now, Plan};
use muster_domain::role::Permission;
use muster_domain::snapshot::{Gathered, RefusedRecord};
use muster_domain::{Error, record};
use muster_storage::{directories, drafts};

use super::lens::{Lens, Seen};
use super::{LATELY, Rules};
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
    lens: &dyn Lens,
) -> Result<Plan, Error> {
    call.may(Permission::ManageDirectories)?;
    let directory = directories::get(services.db(), id)
        .await?
        .ok_or_else(|| Error::not_found("directory"))?;
    let mut gathered = Gathered::default();
    let completeness = source.read(&mut gathered).await;
    let mut snapshot = gathered.finish(completeness);
    let mut filtered = BTreeMap::new();
    let refuse = |id: &record::ExternalId, why: String| RefusedRecord {
        external_id: Some(id.clone()),
        about: id.0.clone(),
        why,
        locators: Vec::new(),
    };
    for (id, record) in std::mem::take(&mut snapshot.users) {
        match lens.person(record, &record::SourceValues::new()) {
            Seen::Record(record) => {
                snapshot.users.insert(id, record);
            }
            Seen::FilteredOut(filter) => {
                filtered.insert(id, filter);
            }
            // What the source itself could not say counts first.
            Seen::Refused(why) => snapshot.refused.insert(0, refuse(&id, why)),
        }
    }
    for (id, mut group) in std::mem::take(&mut snapshot.groups) {
        match lens.group(&id, std::mem::take(&mut group.name)) {
            Seen::Record(name) => {
                group.name = name;
                snapshot.groups.insert(id, group);
            }
            Seen::FilteredOut(filter) => {
                filtered.insert(id, filter);
            }
            Seen::Refused(why) => {
                snapshot.refused.insert(0, refuse(&id, why));
                snapshot.groups.insert(id, group);
            }
        }
    }
    let here = here::of(services.db(), id, &snapshot).await?;
    let mut terms = super::terms(call, &directory, rules);
    terms.may_remove = true;
    let now = Now {
        snapshot: &snapshot,
        filtered: &filtered,
        records: &BTreeMap::new(),
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
