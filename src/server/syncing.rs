//! Syncs of directories: those that come due, those that people ask for, and on the shell.

use std::process::ExitCode;
use std::time::Duration;

use muster_domain::Error;
use muster_domain::guard::Hold;
use muster_domain::id::{DirectoryId, PlanId, RunId};
use muster_domain::plan::stored::KINDS;
use muster_domain::plan::{Identity, Reason, StoredPlan};
use muster_domain::run::{RunState, Wish};
use muster_services::sync::runs::{self, Followed, RunDetail, Stop};
use muster_services::{Call, Services, directories};
use muster_storage::plans::RowFilter;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, timeout};

use crate::settings::Settings;
use crate::{Stop as Why, logs, say, wiring};

/// How long a wish waits at most before somebody looks.
const LOOK: Duration = Duration::from_secs(1);
/// Rounds of looking between two looks at schedules.
const SCHEDULES: u32 = 5;
/// Rounds of looking between two looks at directories whose removal another process carried out.
const REMOVED: u32 = 60;
/// Rounds of looking between two sweeps.
const SWEEPS: u32 = 3600;
/// Directories that are worked on at once: one that hangs keeps the others not waiting.
const AT_ONCE: usize = 4;
/// How long a batch that is being written may take when the server is told to stop.
const LAST: Duration = Duration::from_secs(10);
/// Subjects of each kind that are listed.
const LISTED: u64 = 20;

/// Works on runs until it is told to stop; what is under way then is left for the next who comes.
pub(crate) async fn run(services: Services, stop: Stop) {
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut workers = JoinSet::new();
    let mut round: u32 = 0;
    loop {
        tokio::select! {
            () = stop.told() => break,
            _ = look.tick() => {}
        }
        if round.is_multiple_of(SCHEDULES)
            && let Err(error) = runs::ask_what_is_due(&services).await
        {
            tracing::warn!(%error, "schedules could not be looked at; the next round tries again");
        }
        if round.is_multiple_of(SWEEPS)
            && let Err(error) = runs::sweep(&services, services.now()).await
        {
            tracing::warn!(%error, "old runs could not be swept away; the next sweep tries again");
        }
        if round.is_multiple_of(REMOVED) {
            sweep_removed(&services).await;
        }
        round = round.wrapping_add(1);
        while workers.try_join_next().is_some() {}
        // One looks, and takes whatever there is; another one looks while it works.
        if workers.len() < AT_ONCE {
            let (services, stop) = (services.clone(), stop.clone());
            workers.spawn(async move {
                match runs::work_until(&services, &stop).await {
                    Ok(true) => sweep_removed(&services).await,
                    Ok(false) => {}
                    Err(error) => {
                        tracing::warn!(%error, "a run could not be worked on; it is tried again");
                    }
                }
            });
        }
    }
    let ended = timeout(LAST, async { while workers.join_next().await.is_some() {} });
    if ended.await.is_err() {
        tracing::warn!("a run did not stop in time; it is taken up when its lease ends");
    }
}

/// Directories whose removal was carried out go.
async fn sweep_removed(services: &Services) {
    let call = Call::system("removal", services.now());
    if let Err(error) = directories::sweep_removed(services, &call).await {
        tracing::warn!(%error, "a directory could not be removed; it is tried again");
    }
}

/// What was asked on the shell.
pub(crate) struct Asked {
    /// A directory's name.
    pub directory: String,
    /// To make the plan and show it, no more.
    pub plan: bool,
    /// To carry out this very plan.
    pub approve: Option<String>,
    /// Only this person.
    pub person: Option<String>,
}

/// Exit code where nothing is left to do.
const DONE: u8 = 0;
/// Exit code where a plan waits for a person.
const HELD: u8 = 2;

/// Syncs a directory in this process, or follows the process that does. What goes wrong on the way is told on standard error.
///
/// # Errors
/// When it cannot be asked for, or the run failed.
pub(crate) async fn once(settings: Settings, asked: Asked) -> Result<ExitCode, Why> {
    logs::start(&settings, logs::SHELL)?;
    let services = wiring::services(&settings, settings.listen).await?;
    let ended = asked_for(&services, &asked).await;
    services.db().close().await?;
    ended
}

async fn asked_for(services: &Services, asked: &Asked) -> Result<ExitCode, Why> {
    let call = wiring::shell(services);
    let directory = runs::directory_by_name(services, &call, &asked.directory)
        .await
        .map_err(|error| match error.code {
            "WEB-404" => Why::new(format!(
                "There is no directory “{}”. Its name stands under Directories.",
                asked.directory
            )),
            _ => error.into(),
        })?;
    let run = match &asked.approve {
        Some(identity) => approved(services, &call, directory, identity).await?,
        None => wished(services, &call, directory, asked).await?,
    };
    runs::carry(services, &call, run).await?;
    let detail = runs::show(services, &call, run).await?;
    if let Some(told) = detail.run.progress.told {
        say(format_args!("{}", told.words()));
    }
    if let Some(plan) = &detail.plan {
        tell(services, &call, plan, &detail.directory).await?;
    }
    sweep_removed(services).await;
    outcome(&detail).map(ExitCode::from)
}

async fn wished(
    services: &Services,
    call: &Call,
    directory: DirectoryId,
    asked: &Asked,
) -> Result<RunId, Why> {
    if let Some(person) = &asked.person {
        return Ok(runs::ask_for(services, call, directory, person).await?);
    }
    let wish = if asked.plan { Wish::Plan } else { Wish::Sync };
    let (run, followed) = runs::ask_or_follow(services, call, directory, wish).await?;
    if followed == Followed::Yes {
        say(format_args!(
            "A run is under way already: this is run {run}."
        ));
    }
    Ok(run)
}

async fn approved(
    services: &Services,
    call: &Call,
    directory: DirectoryId,
    identity: &str,
) -> Result<RunId, Why> {
    let identity = Identity(identity.trim().to_lowercase());
    let plan = match runs::by_identity(services, call, directory, &identity).await {
        Err(error) if error.code == "WEB-404" => {
            return Err(Why::new(
                "This directory has no plan of that identity. Make the plan again with --plan and look at it.",
            ));
        }
        found => found?,
    };
    Ok(runs::approve(services, call, plan.id, &identity).await?)
}

fn outcome(detail: &RunDetail) -> Result<u8, Why> {
    let (run, progress) = (&detail.run, &detail.run.progress);
    let is_refused = run.person.is_some()
        && progress.tried == 0
        && detail
            .plan
            .as_ref()
            .is_some_and(|plan| plan.counts.refused() > 0);
    let is_unread = detail.plan.as_ref().is_some_and(StoredPlan::knows_nothing);
    let waits = detail.plan.as_ref().is_some_and(StoredPlan::waits);
    match run.state {
        RunState::Done if progress.failed > 0 => {
            for failed in &detail.failed {
                say(format_args!("  failed: {}", failed.words));
            }
            Err(Why::new(format!(
                "{} of {} steps failed; the others are done.",
                progress.failed, progress.tried
            )))
        }
        RunState::Held | RunState::Done if is_unread => Err(Why::new(
            "The source was not read as a whole: nothing was changed, and what would change is not known.",
        )),
        RunState::Held => Ok(HELD),
        RunState::Done if waits => Ok(HELD),
        RunState::Done if is_refused => Err(Why::new(
            "They were not brought here: what stands above says why.",
        )),
        RunState::Done if progress.tried > 0 => {
            say(format_args!("{} steps are done.", progress.tried));
            Ok(DONE)
        }
        RunState::Done => Ok(DONE),
        RunState::Cancelled => Err(Why::new("Somebody stopped the run.")),
        _ => Err(Why::new(
            run.problem
                .clone()
                .unwrap_or_else(|| "The run could not go on.".to_owned()),
        )),
    }
}

/// Prints a plan by kind, with causes, what is not done, and what holds it.
async fn tell(
    services: &Services,
    call: &Call,
    plan: &StoredPlan,
    directory: &str,
) -> Result<(), Error> {
    match plan.counts.all() {
        0 if plan.knows_nothing() => say(format_args!(
            "{directory} was not read as a whole: whether something is to be done is not known."
        )),
        0 => say(format_args!("{directory}: nothing is to be done.")),
        1 => say(format_args!("{directory}: 1 step.")),
        many => say(format_args!("{directory}: {many} steps.")),
    }
    for (kind, label) in KINDS {
        let Some(causes) = plan.counts.steps.get(kind) else {
            continue;
        };
        let causes: Vec<String> = causes
            .iter()
            .map(|(cause, many)| format!("{} {many}", cause.replace('_', " ")))
            .collect();
        say(format_args!(
            "{label}: {} ({})",
            plan.counts.of(kind),
            causes.join(", ")
        ));
        list(services, call, plan.id, kind, plan.counts.of(kind)).await?;
    }
    if plan.counts.refused() > 0 {
        say(format_args!("Not done: {}", plan.counts.refused()));
        refusals(services, call, plan).await?;
    }
    for hold in &plan.holds {
        say(format_args!("Held: {}", Hold::words(hold)));
    }
    if plan.knows_nothing() {
        say(format_args!(
            "Correct the source, or the settings by which it is read, then sync again."
        ));
    } else if let (true, Some(identity)) = (plan.waits(), &plan.identity) {
        say(format_args!(
            "The plan waits for a person. To carry out exactly this one: muster sync {directory:?} --approve {}",
            identity.0
        ));
    }
    Ok(())
}

async fn list(
    services: &Services,
    call: &Call,
    plan: PlanId,
    kind: &str,
    all: u64,
) -> Result<(), Error> {
    let filter = RowFilter {
        kind: Some(kind.to_owned()),
        ..RowFilter::default()
    };
    let rows = runs::plan_rows(services, call, plan, &filter, None, LISTED).await?;
    for (row, _) in &rows {
        if let muster_domain::plan::stored::Line::Step(step) = &row.line {
            say(format_args!(
                "  {} ({})",
                step.subject,
                step.change.cause.label()
            ));
        }
    }
    and_more(all, rows.len());
    Ok(())
}

async fn refusals(services: &Services, call: &Call, plan: &StoredPlan) -> Result<(), Error> {
    let filter = RowFilter {
        kind: Some(muster_storage::plans::REFUSED.to_owned()),
        ..RowFilter::default()
    };
    let rows = runs::plan_rows(services, call, plan.id, &filter, None, LISTED).await?;
    for (row, _) in &rows {
        if let muster_domain::plan::stored::Line::Refusal(refusal) = &row.line {
            say(format_args!(
                "  {}: {}",
                refusal.subject,
                Reason::words(&refusal.reason)
            ));
        }
    }
    and_more(plan.counts.refused(), rows.len());
    Ok(())
}

fn and_more(all: u64, listed: usize) {
    let more = all.saturating_sub(u64::try_from(listed).unwrap_or(u64::MAX));
    if more > 0 {
        say(format_args!("  and {more} more"));
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use muster_domain::plan::{Counts, PlanState, Purpose};
    use muster_domain::run::{Progress, Run};

    use super::*;

    fn ended(state: PlanState, steps: u64, run: RunState, wish: Wish) -> RunDetail {
        let (id, at) = (uuid::Uuid::from_u128(1), DateTime::UNIX_EPOCH);
        let mut counts = Counts::default();
        if steps > 0 {
            let causes = [("new_at_source".to_owned(), steps)];
            counts.steps.insert("create_user".to_owned(), causes.into());
        }
        let plan = StoredPlan {
            id: id.into(),
            directory: id.into(),
            purpose: Purpose::Drift,
            base_revision: 0,
            state,
            holds: Vec::new(),
            counts,
            identity: Some(Identity("a".to_owned())),
            inverse_of: None,
            created_by: "shell".to_owned(),
            created_at: at,
            approved_by: None,
            approved_at: None,
        };
        let tried = if state == PlanState::Done { steps } else { 0 };
        RunDetail {
            run: Run {
                id: id.into(),
                directory: id.into(),
                wish,
                person: None,
                plan: Some(plan.id),
                started_by: "shell".to_owned(),
                state: run,
                progress: Progress {
                    planned: steps,
                    tried,
                    ..Progress::default()
                },
                problem: None,
                cancel_asked: false,
                created_at: at,
                started_at: None,
                heartbeat_at: None,
                ended_at: Some(at),
            },
            directory: "Office".to_owned(),
            is_there: true,
            plan: Some(plan),
            failed: Vec::new(),
            undone_by: Vec::new(),
            changes_places: false,
            can_be_undone: false,
        }
    }

    #[test]
    fn a_plan_with_steps_that_nobody_carried_out_waits_and_says_so_to_scripts() {
        let code = |state, steps, run, wish| outcome(&ended(state, steps, run, wish)).ok();
        let (clear, held, done) = (PlanState::Clear, PlanState::Held, PlanState::Done);
        assert_eq!(code(clear, 3, RunState::Done, Wish::Plan), Some(HELD));
        assert_eq!(code(held, 3, RunState::Done, Wish::Plan), Some(HELD));
        assert_eq!(code(held, 3, RunState::Held, Wish::Sync), Some(HELD));
        assert_eq!(
            code(held, 0, RunState::Done, Wish::Plan),
            Some(HELD),
            "something was missing"
        );
        assert_eq!(code(clear, 0, RunState::Done, Wish::Plan), Some(DONE));
        assert_eq!(code(done, 3, RunState::Done, Wish::Sync), Some(DONE));
        assert_eq!(code(done, 0, RunState::Done, Wish::Sync), Some(DONE));
        let gone = ended(PlanState::Discarded, 3, RunState::Failed, Wish::Sync);
        assert!(outcome(&gone).is_err());
    }
}
