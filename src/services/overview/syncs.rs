//! What of directories needs attention: changes that wait for a person, runs that failed, sources not read for long.

use chrono::TimeDelta;
use muster_domain::Error;
use muster_domain::id::{DirectoryId, PlanId, RunId};
use muster_domain::methods::measured::UNCONFIRMED_DAYS;
use muster_domain::plan::told;
use muster_domain::plan::{PlanState, Purpose};
use muster_domain::protocol::Level;
use muster_domain::run::{RunState, Wish};
use muster_storage::{directories, directory_states, plans};

use super::attention::{Attention, item};
use crate::Services;
use crate::sync::views;

/// Held plans that are looked at.
const MOST: u64 = 50;

/// A directory of which something waits, failed or is old.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sync {
    /// Which.
    pub id: DirectoryId,
    /// Its name.
    pub name: String,
    /// The newest plan that waits for a person and can still be carried out: what it would do, and why it waits.
    pub held: Option<(PlanId, Purpose, String, String)>,
    /// The newest run, if it failed, and why.
    pub failed: Option<(RunId, String)>,
    /// Days since it was last read as a whole, where that is long ago; none: it is not, or nothing reads it.
    pub unread_days: Option<i64>,
}

/// Directories of which something waits, failed or is old.
pub(super) async fn facts(services: &Services) -> Result<Vec<Sync>, Error> {
    let db = services.db();
    let held = plans::list(db, None, Some(PlanState::Held), None, MOST).await?;
    let mut found = Vec::new();
    for directory in directories::list(db).await? {
        let is_read = directory.enabled && services.directory_kind(&directory.kind).is_ok();
        let waiting = held
            .iter()
            .find(|plan| plan.directory == directory.id && plan.purpose != Purpose::WhatIf);
        if waiting.is_none() && !is_read {
            continue;
        }
        let revision = directory_states::revision(db, directory.id).await?;
        let waiting = waiting.filter(|plan| plan.base_revision == revision);
        let recent = views::recent(services, directory.id).await?;
        let since = recent.read_at.unwrap_or(directory.created_at);
        let newest = recent
            .runs
            .into_iter()
            .find(|run| run.wish != Wish::WhatIf && run.person.is_none());
        let failed = newest.filter(|run| run.state == RunState::Failed);
        let days = (services.now() - since).num_days();
        found.push(Sync {
            id: directory.id,
            name: directory.name,
            held: waiting.map(|plan| {
                let why: Vec<String> = plan
                    .holds
                    .iter()
                    .map(muster_domain::guard::Hold::words)
                    .collect();
                let doing = told::doing(&plan.counts, |count| count.to_string());
                (plan.id, plan.purpose, doing, why.join(" "))
            }),
            failed: failed.map(|run| (run.id, run.problem.unwrap_or_default())),
            unread_days: (is_read && TimeDelta::days(days) >= TimeDelta::days(UNCONFIRMED_DAYS))
                .then_some(days),
        });
    }
    Ok(found)
}

/// What of one directory needs attention.
pub(super) fn attention(sync: &Sync) -> Vec<Attention> {
    let name = &sync.name;
    let mut found = Vec::new();
    if let Some((plan, purpose, doing, why)) = &sync.held {
        let what = match purpose {
            Purpose::Removal => format!("Removing {name} would {doing}. It waits for you."),
            Purpose::Undo => {
                format!("Taking a run of {name} back would {doing}. It waits for you.")
            }
            Purpose::Sync | Purpose::Drift | Purpose::WhatIf => {
                let why = if why.is_empty() {
                    String::new()
                } else {
                    format!(" {why}")
                };
                format!("{name} is held: its plan would {doing}.{why}")
            }
        };
        found.push(item(
            Level::Caution,
            what,
            "Look at the plan",
            format!("/plans/{plan}"),
        ));
    }
    if let Some((run, problem)) = &sync.failed {
        found.push(item(
            Level::Problem,
            format!("The last run of {name} failed. {problem}")
                .trim_end()
                .to_owned(),
            "See what happened",
            format!("/runs/{run}"),
        ));
    }
    if let Some(days) = sync.unread_days {
        found.push(item(
            Level::Caution,
            format!("{name} was not read as a whole for {days} days. Whoever left it since is still in here."),
            "Compare now",
            format!("/drift/{}", sync.id),
        ));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn calm() -> Sync {
        Sync {
            id: DirectoryId(Uuid::nil()),
            name: "Corporate".to_owned(),
            held: None,
            failed: None,
            unread_days: None,
        }
    }

    #[test]
    fn a_calm_directory_asks_for_nothing() {
        assert!(attention(&calm()).is_empty());
    }

    #[test]
    fn what_waits_what_failed_and_what_is_old_is_told_with_the_way_to_it() {
        let sync = Sync {
            held: Some((
                PlanId(Uuid::nil()),
                Purpose::Sync,
                "deactivate 412 people".to_owned(),
                "412 of 1518 people would go.".to_owned(),
            )),
            failed: Some((RunId(Uuid::nil()), "The server did not answer.".to_owned())),
            unread_days: Some(3),
            ..calm()
        };
        let found = attention(&sync);
        let texts: Vec<&str> = found.iter().map(|item| item.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "Corporate is held: its plan would deactivate 412 people. 412 of 1518 people would go.",
                "The last run of Corporate failed. The server did not answer.",
                "Corporate was not read as a whole for 3 days. Whoever left it since is still in here.",
            ]
        );
        assert!(found[0].href.starts_with("/plans/") && found[1].href.starts_with("/runs/"));
        assert_eq!(found[1].level, Level::Problem);
    }
}
