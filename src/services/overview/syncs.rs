//! What of directories needs attention: changes that wait for a person or are under way, runs that failed, sources not read
//! for long.

use chrono::TimeDelta;
use muster_domain::Error;
use muster_domain::id::{DirectoryId, PlanId, RunId};
use muster_domain::methods::measured::UNCONFIRMED_DAYS;
use muster_domain::number::grouped;
use muster_domain::plan::told;
use muster_domain::plan::{PlanState, Purpose, StoredPlan};
use muster_domain::protocol::Level;
use muster_domain::run::{Run, RunState, Wish};
use muster_storage::{directories, directory_states, newest, plans, removed_directories, runs};

use super::attention::{Attention, item};
use crate::Services;
use crate::sync::views;

/// Held plans of a directory that are looked at, the newest.
const MOST: u64 = 50;

/// A directory of which something waits, failed or is old.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sync {
    /// Which.
    pub id: DirectoryId,
    /// Its name.
    pub name: String,
    /// The newest plan that waits for a person.
    pub held: Option<Held>,
    /// A plan that was approved and is being carried out.
    pub under_way: Option<(RunId, What)>,
    /// The newest run, if it failed, and why.
    pub failed: Option<(RunId, String)>,
    /// Days since it was last read as a whole, where that is long ago; none: it is not, or nothing reads it.
    pub unread_days: Option<i64>,
}

/// What a plan is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// It brings what the source says.
    Sync,
    /// It takes back what a run did.
    Undo,
    /// It brings a directory back that was removed.
    BringBack,
    /// It removes the directory.
    Removal,
}

/// A plan that waits for a person.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// Which.
    pub plan: PlanId,
    /// What it is for.
    pub what: What,
    /// What it would do; none: its source was not read as a whole, and nothing is known.
    pub doing: Option<String>,
    /// Why it waits.
    pub why: String,
    /// Whether something changed since it was made: it waits still, and cannot be carried out.
    pub is_out_of_date: bool,
}

/// Directories of which something waits, failed or is old; those that were removed, where that is being taken back.
pub(super) async fn facts(services: &Services) -> Result<Vec<Sync>, Error> {
    let db = services.db();
    let mut found = Vec::new();
    for directory in directories::list(db).await? {
        let is_read = directory.enabled && services.directory_kind(&directory.kind).is_ok();
        let recent = views::recent(services, directory.id).await?;
        let since = recent.read_at.unwrap_or(directory.created_at);
        let days = (services.now() - since).num_days();
        let is_old = is_read && TimeDelta::days(days) >= TimeDelta::days(UNCONFIRMED_DAYS);
        let one = (directory.id, directory.name);
        found.push(Sync {
            unread_days: is_old.then_some(days),
            ..of(services, one, recent.whole, is_read).await?
        });
    }
    for removed in removed_directories::names(db).await? {
        found.push(of(services, removed, None, false).await?);
    }
    Ok(found)
}

/// What waits, is under way or failed. `is_read`: its source is asked.
async fn of(
    services: &Services,
    (id, name): (DirectoryId, String),
    whole: Option<StoredPlan>,
    is_read: bool,
) -> Result<Sync, Error> {
    let db = services.db();
    let open = runs::open_of(db, id).await?;
    let open = open.filter(|run| run.wish == Wish::Apply);
    let carried = open.as_ref().and_then(|run| run.plan);
    let under_way = match (&open, carried) {
        (Some(run), Some(plan)) => what(services, plan).await?.map(|what| (run.id, what)),
        _ => None,
    };
    let mut failed = newest::run(db, id).await?;
    failed = failed.filter(|run| run.state == RunState::Failed);
    if let Some(run) = failed.take_if(|_| !is_read)
        && is_by_hand(services, &run).await?
    {
        failed = Some(run);
    }
    Ok(Sync {
        held: held(services, id, carried, whole).await?,
        under_way,
        failed: failed.map(|run| (run.id, run.problem.unwrap_or_default())),
        unread_days: None,
        id,
        name,
    })
}

/// The newest plan that waits. One that is out of date waits still: until everybody was read again, where it is about what
/// the source says, and until somebody puts it away otherwise.
async fn held(
    services: &Services,
    id: DirectoryId,
    carried: Option<PlanId>,
    whole: Option<StoredPlan>,
) -> Result<Option<Held>, Error> {
    let db = services.db();
    let mut waiting = plans::list(db, Some(id), Some(PlanState::Held), None, MOST).await?;
    // What is only shown waits for nobody: a comparison of a directory in shadow may stand for months.
    let is_shown = |purpose: Purpose| matches!(purpose, Purpose::WhatIf | Purpose::Shadow);
    waiting.retain(|plan| !is_shown(plan.purpose) && Some(plan.id) != carried);
    if waiting.is_empty() {
        return Ok(None);
    }
    let revision = directory_states::revision(db, id).await?;
    let is_over = |plan: &StoredPlan| {
        let whole = whole.as_ref();
        let is_read_again = whole.is_some_and(|whole| whole.created_at > plan.created_at);
        matches!(plan.purpose, Purpose::Sync | Purpose::Drift) && is_read_again
    };
    let fresh = waiting.iter().find(|plan| plan.base_revision == revision);
    let Some(plan) = fresh.or_else(|| waiting.iter().find(|plan| !is_over(plan))) else {
        return Ok(None);
    };
    let why: Vec<String> = plan
        .holds
        .iter()
        .map(muster_domain::guard::Hold::words)
        .collect();
    Ok(what(services, plan.id).await?.map(|what| Held {
        plan: plan.id,
        what,
        doing: (!plan.knows_nothing()).then(|| told::doing(&plan.counts, grouped)),
        why: why.join(" "),
        is_out_of_date: plan.base_revision != revision,
    }))
}

async fn what(services: &Services, plan: PlanId) -> Result<Option<What>, Error> {
    let Some(plan) = plans::get(services.db(), plan).await? else {
        return Ok(None);
    };
    let inverse_of = match plan.inverse_of {
        Some(of) => plans::get(services.db(), of).await?,
        None => None,
    };
    let takes_back = inverse_of.map(|plan| plan.purpose);
    Ok(Some(match (plan.purpose, takes_back) {
        (Purpose::Removal, _) => What::Removal,
        (Purpose::Undo, Some(Purpose::Removal)) => What::BringBack,
        (Purpose::Undo, _) => What::Undo,
        (Purpose::Sync | Purpose::Drift | Purpose::WhatIf | Purpose::Shadow, _) => What::Sync,
    }))
}

/// Whether a run carries out what a person asked for of a directory, whatever its source says.
async fn is_by_hand(services: &Services, run: &Run) -> Result<bool, Error> {
    Ok(match run.plan {
        Some(plan) => what(services, plan)
            .await?
            .is_some_and(|what| what != What::Sync),
        None => false,
    })
}

/// What of one directory needs attention.
pub(super) fn attention(sync: &Sync) -> Vec<Attention> {
    let name = &sync.name;
    let mut found = Vec::new();
    if let Some(held) = &sync.held {
        let (doing, why) = (held.doing.as_deref(), &held.why);
        let unread = doing.is_none();
        let doing = doing.unwrap_or("change nothing");
        let mut words = match held.what {
            What::Removal => format!("Removing {name} would {doing}. It waits for you."),
            What::Undo => format!("Taking a run of {name} back would {doing}. It waits for you."),
            What::BringBack => {
                format!("Taking the removal of {name} back would {doing}. It waits for you.")
            }
            What::Sync if unread => format!("{name} was not read as a whole. {why}"),
            What::Sync => format!("{name} is held: its plan would {doing}. {why}"),
        };
        words.truncate(words.trim_end().len());
        if held.is_out_of_date {
            words.push_str(" It is out of date, because something changed since: make a new one.");
        }
        found.push(item(
            Level::Caution,
            words,
            "Look at the plan",
            format!("/plans/{}", held.plan),
        ));
    }
    if let Some((run, what)) = &sync.under_way {
        let what = match what {
            What::Removal => format!("Removing {name}"),
            What::Undo => format!("Taking a run of {name} back"),
            What::BringBack => format!("Taking the removal of {name} back"),
            What::Sync => format!("A plan of {name}"),
        };
        found.push(item(
            Level::Note,
            format!("{what} was approved and is carried out."),
            "Follow it",
            format!("/runs/{run}"),
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
            under_way: None,
            failed: None,
            unread_days: None,
        }
    }

    fn waiting(what: What) -> Held {
        Held {
            plan: PlanId(Uuid::nil()),
            what,
            doing: Some("deactivate 412 people".to_owned()),
            why: "412 of 1518 people would go.".to_owned(),
            is_out_of_date: false,
        }
    }

    #[test]
    fn what_is_out_of_date_waits_still_and_says_so_behind_its_reason() {
        let words = |what: What| {
            let held = Held {
                is_out_of_date: true,
                ..waiting(what)
            };
            let sync = Sync {
                held: Some(held),
                ..calm()
            };
            attention(&sync).remove(0).text
        };
        assert_eq!(
            words(What::Sync),
            "Corporate is held: its plan would deactivate 412 people. 412 of 1518 people would go. It is out of date, \
             because something changed since: make a new one."
        );
        assert!(words(What::Undo).contains("It waits for you. It is out of date"));
    }

    #[test]
    fn a_calm_directory_asks_for_nothing() {
        assert!(attention(&calm()).is_empty());
    }

    #[test]
    fn what_waits_what_failed_and_what_is_old_is_told_with_the_way_to_it() {
        let sync = Sync {
            held: Some(waiting(What::Sync)),
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
