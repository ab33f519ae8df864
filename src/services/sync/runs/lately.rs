//! What went lately, as the guard counts it.

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Error;
use muster_domain::guard::Tally;
use muster_domain::id::DirectoryId;
use muster_storage::{Reader, plans, runs};

/// How far back is "lately".
const LATELY: TimeDelta = TimeDelta::hours(24);

/// What runs of a directory took away in the last 24 hours, without what failed. What a person approved does not count:
/// somebody looked, and after a large removal every small one would wait for a day.
pub(crate) async fn lately(
    reader: &impl Reader,
    directory: DirectoryId,
    at: DateTime<Utc>,
) -> Result<Tally, Error> {
    let mut tally = Tally::default();
    for run in runs::alive_since(reader, directory, at - LATELY).await? {
        let (Some(id), Some(reached)) = (run.plan, run.progress.reached) else {
            continue;
        };
        let Some(plan) = plans::get(reader, id).await? else {
            continue;
        };
        if plan.approved_by.is_some() {
            continue;
        }
        for (kind, many) in plans::upkeep::taken_away(reader, id, run.id, reached).await? {
            let counted = match kind.as_str() {
                "remove_member" => &mut tally.memberships,
                "unlink_group" | "delete_group" => &mut tally.groups,
                _ => &mut tally.people,
            };
            *counted = counted.saturating_add(many);
        }
    }
    Ok(tally)
}
