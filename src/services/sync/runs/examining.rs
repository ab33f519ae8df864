//! What must hold of runs and plans at every moment, whatever was killed when.

use std::collections::BTreeSet;

use chrono::TimeDelta;
use muster_domain::Error;
use muster_domain::id::UserId;
use muster_domain::membership::{Member, Membership, Origin};
use muster_domain::plan::unchanged::Put;
use muster_domain::plan::{PlanState, Purpose, Step, StoredPlan};
use muster_domain::run::{Run, RunState, Wish};
use muster_storage::plans::{self, REFUSED, upkeep};
use muster_storage::{directories, directory_states, memberships, runs, users};

use super::applying::tried_up_to;
use crate::Services;

/// Runs and plans of a directory that are looked at, the newest.
const NEWEST: u64 = 100;
/// Steps that are looked at together.
const AT_ONCE: u64 = 500;
/// How long a plan that is no run's may be in the making.
const MAKING: TimeDelta = TimeDelta::hours(24);

/// Looks at the newest runs and plans of every directory. Gives how many were looked at, and what does not add up.
///
/// # Errors
/// When the database cannot be read.
pub async fn examine(services: &Services) -> Result<(u64, Vec<String>), Error> {
    let db = services.db();
    let (mut looked, mut wrong) = (0, Vec::new());
    for directory in directories::list(db).await? {
        let open = runs::open_of(db, directory.id).await?;
        let newest = runs::list(db, Some(directory.id), None, NEWEST).await?;
        let more_open = newest.iter().filter(|run| run.ended_at.is_none()).count();
        if more_open > 1 {
            wrong.push(format!(
                "{} has {more_open} runs at once; one may be",
                directory.name
            ));
        }
        for run in &newest {
            looked += 1;
            wrong.extend(of_run(services, run).await?);
        }
        for plan in plans::list(db, Some(directory.id), None, None, NEWEST).await? {
            looked += 1;
            let makes = open.as_ref().is_some_and(|run| {
                run.state == RunState::Planning && run.plan.is_none_or(|id| id == plan.id)
            });
            wrong.extend(of_plan(services, &plan, makes).await?);
        }
        if let Some(last) = newest
            .iter()
            .find(|run| run.progress.reached.is_some() && run.ended_at.is_some())
            && open.is_none()
        {
            wrong.extend(of_what_was_done(services, last).await?);
        }
    }
    Ok((looked, wrong))
}

async fn of_run(services: &Services, run: &Run) -> Result<Vec<String>, Error> {
    let db = services.db();
    let mut wrong = Vec::new();
    if run.state.is_over() != run.ended_at.is_some() {
        wrong.push(format!("run {} is over and is not", run.id));
    }
    let progress = &run.progress;
    if let Some(behind) = tried_up_to(db, run).await?
        && behind != progress.tried
    {
        wrong.push(format!(
            "run {} says that it tried {} steps, and {behind} stand where it came to",
            run.id, progress.tried
        ));
    }
    let failed = runs::count_exceptions(db, run.id).await?;
    if failed != progress.failed {
        wrong.push(format!(
            "run {} says that {} steps failed, and {failed} are written down",
            run.id, progress.failed
        ));
    }
    let plan = match run.plan {
        Some(plan) => plans::get(db, plan).await?,
        None => None,
    };
    if run.state == RunState::Applying
        && plan
            .as_ref()
            .is_none_or(|plan| plan.state != PlanState::Begun)
    {
        wrong.push(format!(
            "run {} carries out a plan that is not begun",
            run.id
        ));
    }
    // A sync of a directory in shadow compares; another run may have carried out what it found.
    let carries = |plan: &StoredPlan| run.wish == Wish::Apply || plan.purpose == Purpose::Sync;
    if let (RunState::Done, Some(plan)) = (run.state, &plan)
        && plan.state == PlanState::Done
        && run.wish.changes()
        && carries(plan)
        && progress.tried != plan.counts.all()
    {
        wrong.push(format!(
            "run {} is done after {} of {} steps",
            run.id,
            progress.tried,
            plan.counts.all()
        ));
    }
    Ok(wrong)
}

async fn of_plan(
    services: &Services,
    plan: &StoredPlan,
    is_made_now: bool,
) -> Result<Vec<String>, Error> {
    let db = services.db();
    if plan.state == PlanState::Making {
        let is_of_a_run = matches!(
            plan.purpose,
            Purpose::Sync | Purpose::Drift | Purpose::WhatIf | Purpose::Shadow
        );
        let is_left = match is_of_a_run {
            true => !is_made_now,
            false => services.now() - plan.created_at > MAKING,
        };
        return Ok(match is_left {
            true => vec![format!("nobody makes plan {} any more", plan.id)],
            false => Vec::new(),
        });
    }
    let mut wrong = Vec::new();
    let mut rows = upkeep::rows_by_kind(db, plan.id).await?;
    let refused = rows.remove(REFUSED).unwrap_or_default();
    let counted = &plan.counts;
    let differs = rows.iter().any(|(kind, many)| counted.of(kind) != *many)
        || rows.values().sum::<u64>() != counted.all()
        || refused != counted.refused();
    if differs {
        wrong.push(format!(
            "plan {} holds other rows than it counts: {} steps and {refused} refusals, not {} and {}",
            plan.id,
            rows.values().sum::<u64>(),
            counted.all(),
            counted.refused()
        ));
    }
    let runs = runs::of_plan(db, plan.id).await?;
    let at_work = runs.iter().any(|run| run.state == RunState::Applying);
    if plan.state == PlanState::Begun && !at_work {
        wrong.push(format!("nobody carries plan {} out any more", plan.id));
    }
    Ok(wrong)
}

/// Whoever was made is here, whoever was put into a group is in it: while nothing changed since.
async fn of_what_was_done(services: &Services, run: &Run) -> Result<Vec<String>, Error> {
    let db = services.db();
    let (Some(id), Some(reached)) = (run.plan, run.progress.reached) else {
        return Ok(Vec::new());
    };
    let Some(plan) = plans::get(db, id).await? else {
        return Ok(Vec::new());
    };
    if directory_states::revision(db, run.directory).await? != plan.base_revision + 1 {
        return Ok(Vec::new());
    }
    let (mut after, mut missing) = (None, 0_u64);
    loop {
        let steps = plans::steps(db, id, after, AT_ONCE).await?;
        let (Some((first, _)), Some((last, _))) = (steps.first(), steps.last()) else {
            break;
        };
        let failed: BTreeSet<i64> = runs::failed_between(db, run.id, *first, *last)
            .await?
            .into_iter()
            .map(|one| one.position)
            .collect();
        after = Some(*last);
        let is_done =
            |(position, _): &&(i64, Step)| *position <= reached && !failed.contains(position);
        let done = steps.iter().filter(is_done);
        let put = Put::by(done.map(|(_, step)| &step.change.action));
        let (people, rows) = (put.people, put.memberships);
        let ids: Vec<UserId> = people.into_iter().collect();
        let here = users::get_many(db, &ids).await?.len();
        missing += u64::try_from(ids.len().saturating_sub(here)).unwrap_or_default();
        let members: BTreeSet<Member> = rows.iter().map(|row: &Membership| row.member).collect();
        let members: Vec<Member> = members.into_iter().collect();
        let inside: BTreeSet<Membership> = memberships::of_members(db, &members)
            .await?
            .into_iter()
            .collect();
        // What is of another directory, or of somebody here, changes without this one: a switch and a removal leave such.
        let own = Origin::Directory(run.directory);
        let gone = rows
            .iter()
            .filter(|row| row.origin == own && !inside.contains(row))
            .count();
        missing += u64::try_from(gone).unwrap_or_default();
    }
    Ok(match missing {
        0 => Vec::new(),
        many => vec![format!(
            "{many} people or memberships that run {} put here are not here, and nothing changed since",
            run.id
        )],
    })
}
