//! Wishes: a run that is asked for, a plan that is approved or put away, a run that is stopped.

use muster_domain::audit::AuditEvent;
use muster_domain::id::{DirectoryId, PlanId, RunId};
use muster_domain::plan::{Approval, Identity, PlanState, Purpose, StoredPlan};
use muster_domain::role::Permission;
use muster_domain::run::{Progress, Run, RunState, Wish};
use muster_domain::{Error, Kind};
use muster_storage::directories::{self, Directory};
use muster_storage::{Reader, Tx, directory_states, plans, runs};
use serde_json::json;

use super::what_if;
use crate::sync::rules::{is_on, off};
use crate::sync::shadowing;
use crate::{Call, Services, guard};

/// The longest name that is looked for, in bytes.
const LONGEST: usize = 256;

/// Asks for a run of a directory: a plan alone, or a sync.
///
/// # Errors
/// Without permission; `RUN-001` when one is under way, `RUN-002` when the directory is switched off, `DIR-004` when
/// nothing is read from it, `PLAN-004` for a plan that was made before: that is approved, `RUN-013` for a mapping to try:
/// that is asked for with it, `SHD-005` for a sync while the directory changes places with another one.
pub async fn ask(
    services: &Services,
    call: &Call,
    directory: DirectoryId,
    wish: Wish,
) -> Result<RunId, Error> {
    call.may(Permission::ManageDirectories)?;
    if wish == Wish::WhatIf {
        return Err(what_if::gone());
    }
    if wish == Wish::Apply {
        return Err(
            Error::new("PLAN-004", Kind::Conflict, "The plan waits for a person.")
                .next("Look at the plan and approve it."),
        );
    }
    let tx = services.db().begin().await?;
    let (run, directory) = wished(services, call, &tx, directory, wish, None).await?;
    tx.commit(&[asked(call, &run, &directory, None)]).await?;
    Ok(run.id)
}

/// Asks for a run about one person, by the name they sign in with over there. It adds, changes, keeps out and lets in again;
/// nobody goes by it.
///
/// # Errors
/// As [`ask`]; `RUN-012` for a name that nobody can bear, `SHD-001` while the directory is in shadow.
pub async fn ask_for(
    services: &Services,
    call: &Call,
    directory: DirectoryId,
    person: &str,
) -> Result<RunId, Error> {
    call.may(Permission::ManageDirectories)?;
    let person = person.trim();
    if person.is_empty() || person.len() > LONGEST || person.chars().any(char::is_control) {
        return Err(
            Error::new("RUN-012", Kind::Invalid, "Nobody can bear this name.")
                .field("person", "Enter the name the person signs in with."),
        );
    }
    let tx = services.db().begin().await?;
    let (run, directory) = wished(
        services,
        call,
        &tx,
        directory,
        Wish::Sync,
        Some(person.to_owned()),
    )
    .await?;
    shadowing::is_active(&directory)?;
    tx.commit(&[asked(call, &run, &directory, None)]).await?;
    Ok(run.id)
}

/// That a run was asked for: about whom alone, and which mapping it tries, where it does.
pub(crate) fn asked(
    call: &Call,
    run: &Run,
    directory: &Directory,
    mapping: Option<&str>,
) -> AuditEvent {
    let mut detail = json!({ "run": run.id, "wish": run.wish });
    for (key, value) in [("person", run.person.as_deref()), ("mapping", mapping)] {
        if let (Some(detail), Some(value)) = (detail.as_object_mut(), value) {
            detail.insert(key.to_owned(), json!(value));
        }
    }
    let id = Some(directory.id.0);
    call.event("directory.run.ask", &directory.name, id, detail)
}

/// Asks for a run, or finds the one that is under way with the same wish: whoever wants that follows it.
///
/// # Errors
/// As [`ask`]; `RUN-001` while one with another wish is under way: whoever wants to look at a plan carries nothing out.
pub async fn ask_or_follow(
    services: &Services,
    call: &Call,
    directory: DirectoryId,
    wish: Wish,
) -> Result<(RunId, Followed), Error> {
    call.may(Permission::ManageDirectories)?;
    match runs::open_of(services.db(), directory).await? {
        // One about a single person is not what was asked for.
        Some(open) if open.wish == wish && open.person.is_none() => Ok((open.id, Followed::Yes)),
        Some(open) if !what_if::gives_way(&open, wish) => Err(under_way(&open)),
        _ => Ok((ask(services, call, directory, wish).await?, Followed::No)),
    }
}

/// Whether a run was under way before it was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Followed {
    /// It was: somebody else asked.
    Yes,
    /// It is new.
    No,
}

/// Writes a wish for a run.
///
/// # Errors
/// As [`ask`]. But for a lock nothing is written then.
pub(crate) async fn wished(
    services: &Services,
    call: &Call,
    tx: &Tx,
    id: DirectoryId,
    wish: Wish,
    person: Option<String>,
) -> Result<(Run, Directory), Error> {
    let missing = || Error::not_found("directory");
    let directory = directories::get(tx, id).await?.ok_or_else(missing)?;
    services.directory_kind(&directory.kind)?;
    if !directory.enabled {
        return Err(off());
    }
    if wish.changes() {
        directory_states::lock(tx, id).await?;
        shadowing::keeps_its_place(tx, &directory).await?;
    }
    let run = queue(services, call, tx, (id, person), wish, None).await?;
    Ok((run, directory))
}

/// One open run a directory. One that only shows something gives way to one that is to change something.
async fn queue(
    services: &Services,
    call: &Call,
    tx: &Tx,
    (directory, person): (DirectoryId, Option<String>),
    wish: Wish,
    plan: Option<PlanId>,
) -> Result<Run, Error> {
    directory_states::lock(tx, directory).await?;
    if let Some(open) = runs::open_of(tx, directory).await? {
        if !what_if::gives_way(&open, wish) {
            return Err(under_way(&open));
        }
        what_if::give_way(call, tx, open).await?;
    }
    let run = Run {
        id: services.id(),
        directory,
        wish,
        person,
        plan,
        started_by: call.actor().to_owned(),
        state: RunState::Queued,
        progress: Progress::default(),
        problem: None,
        cancel_asked: false,
        created_at: call.at,
        started_at: None,
        heartbeat_at: None,
        ended_at: None,
    };
    runs::insert(tx, &run).await?;
    Ok(run)
}

fn under_way(open: &Run) -> Error {
    Error::new(
        "RUN-001",
        Kind::Conflict,
        "A run of this directory is under way already.",
    )
    .next(format!(
        "{} asked for {} at {} (run {}). Wait for its end, or stop it.",
        open.started_by,
        match open.wish {
            Wish::Plan => "a comparison",
            Wish::Sync => "a sync",
            Wish::Apply => "a plan to be carried out",
            Wish::WhatIf => "what another mapping would change",
        },
        open.created_at.format("%Y-%m-%d %H:%M UTC"),
        open.id
    ))
}

/// The run of a directory that is not over.
///
/// # Errors
/// Without permission.
pub async fn open_run(
    services: &Services,
    call: &Call,
    directory: DirectoryId,
) -> Result<Option<RunId>, Error> {
    call.may(Permission::ViewDirectories)?;
    let open = runs::open_of(services.db(), directory).await?;
    Ok(open.map(|run| run.id))
}

/// Approves a plan: exactly the one that was seen. It is carried out by whoever takes the run that this asks for.
///
/// # Errors
/// Without permission or presence; `RUN-002` when its directory is switched off, `PLAN-001` when another plan was seen, `PLAN-002` when something changed since it was made,
/// `RUN-006` when somebody approved it before, `RUN-007` when it is none that is carried out, `RUN-001` when another run
/// is under way, `SHD-001` when the directory is in shadow and this is not its switch, `SHD-005` while it changes places
/// with another one, and as a switch cannot be made or taken back. Nothing is changed then.
pub async fn approve(
    services: &Services,
    call: &Call,
    id: PlanId,
    seen: &Identity,
) -> Result<RunId, Error> {
    call.may(Permission::ManageDirectories)?;
    let elevated = guard::proven(call)?;
    let tx = services.db().begin().await?;
    let mut plan = locked(&tx, id).await?;
    waits(&tx, &plan).await?;
    let directory = find(&tx, plan.directory).await?;
    is_on(&directory, plan.purpose)?;
    shadowing::may_be_carried_out(&tx, &directory, &plan).await?;
    shadowing::keeps_its_place(&tx, &directory).await?;
    shadowing::can_switch(&tx, call, &plan).await?;
    let revision = directory_states::revision(&tx, plan.directory).await?;
    let identity = plan.identity.clone().ok_or_else(|| unusable(&plan))?;
    let approval = Approval {
        identity: seen.clone(),
        by: call.actor().to_owned(),
        at: call.at,
    };
    approval.covers(&identity, plan.base_revision, revision)?;
    let run = queue(
        services,
        call,
        &tx,
        (plan.directory, None),
        Wish::Apply,
        Some(plan.id),
    )
    .await?;
    plan.approved_by = Some(approval.by);
    plan.approved_at = Some(approval.at);
    plans::update(&tx, &plan).await?;
    let detail = json!({
        "elevation": elevated.map(|elevated| elevated.id()),
        "plan": plan.id,
        "identity": identity,
        "purpose": plan.purpose,
        "counts": plan.counts,
        "run": run.id,
    });
    let event = call.event(
        "directory.plan.approve",
        &directory.name,
        Some(plan.directory.0),
        detail,
    );
    tx.commit(&[event]).await?;
    Ok(run.id)
}

/// Puts a plan away.
///
/// # Errors
/// Without permission; `RUN-006` when somebody approved it before, `RUN-007` when there is nothing to put away.
pub async fn discard(services: &Services, call: &Call, id: PlanId) -> Result<(), Error> {
    call.may(Permission::ManageDirectories)?;
    let tx = services.db().begin().await?;
    let mut plan = locked(&tx, id).await?;
    if plan.state == PlanState::Making || plan.purpose != Purpose::WhatIf {
        waits(&tx, &plan).await?;
    }
    plan.state = PlanState::Discarded;
    plans::update(&tx, &plan).await?;
    let name = find(&tx, plan.directory).await?.name;
    let detail = json!({ "plan": plan.id, "purpose": plan.purpose, "counts": plan.counts });
    let event = call.event(
        "directory.plan.discard",
        &name,
        Some(plan.directory.0),
        detail,
    );
    tx.commit(&[event]).await
}

/// Stops a run: at once while nobody works on it, otherwise after what is being written now. What was done stays done.
///
/// # Errors
/// Without permission; `RUN-010` when it is over, `SHD-003` while two directories change places.
pub async fn cancel(services: &Services, call: &Call, id: RunId) -> Result<(), Error> {
    call.may(Permission::ManageDirectories)?;
    let tx = services.db().begin().await?;
    let run = runs::get(&tx, id)
        .await?
        .ok_or_else(|| Error::not_found("run"))?;
    directory_states::lock(&tx, run.directory).await?;
    let name = find(&tx, run.directory).await?.name;
    match stop(call, &tx, run, &name).await? {
        Some(event) => tx.commit(&[event]).await,
        None => Err(
            Error::new("RUN-010", Kind::Conflict, "This run is over already.")
                .next("What it did can be taken back."),
        ),
    }
}

/// Stops the run of a directory that is under way; none: there is none. The directory's state is locked.
pub(crate) async fn stop_open(
    call: &Call,
    tx: &Tx,
    directory: &Directory,
) -> Result<Option<AuditEvent>, Error> {
    match runs::open_of(tx, directory.id).await? {
        Some(run) => stop(call, tx, run, &directory.name).await,
        None => Ok(None),
    }
}

/// None: it is over.
async fn stop(call: &Call, tx: &Tx, mut run: Run, name: &str) -> Result<Option<AuditEvent>, Error> {
    shadowing::may_be_stopped(tx, run.id).await?;
    let taken = directory_states::is_taken(tx, run.directory, call.at).await?;
    if !runs::ask_to_stop(tx, run.id).await? {
        return Ok(None);
    }
    if run.state == RunState::Queued && !taken {
        run.state = RunState::Cancelled;
        run.ended_at = Some(call.at);
        runs::update(tx, &run).await?;
    }
    let detail = json!({ "run": run.id, "state": run.state });
    let directory = Some(run.directory.0);
    Ok(Some(call.event(
        "directory.run.cancel",
        name,
        directory,
        detail,
    )))
}

/// A plan, with its directory's state kept from everybody else; of two that change places by it those of both.
async fn locked(tx: &Tx, id: PlanId) -> Result<StoredPlan, Error> {
    let missing = || Error::not_found("plan");
    let plan = plans::get(tx, id).await?.ok_or_else(missing)?;
    directory_states::ensure(tx, plan.directory).await?;
    let mut all = shadowing::places(tx, &plan).await?;
    all.insert(plan.directory);
    directory_states::lock_all(tx, &all).await?;
    plans::get(tx, id).await?.ok_or_else(missing)
}

/// Goes on only while a plan waits for a person.
async fn waits(reader: &impl Reader, plan: &StoredPlan) -> Result<(), Error> {
    let is_open = runs::of_plan(reader, plan.id)
        .await?
        .iter()
        .any(|run| run.wish == Wish::Apply && run.ended_at.is_none());
    match plan.state {
        PlanState::Begun | PlanState::Done => Err(approved_before(plan)),
        PlanState::Clear | PlanState::Held if is_open => Err(approved_before(plan)),
        PlanState::Clear | PlanState::Held if plan.purpose != Purpose::WhatIf => Ok(()),
        _ => Err(unusable(plan)),
    }
}

fn approved_before(plan: &StoredPlan) -> Error {
    let told = match (&plan.approved_by, plan.approved_at) {
        (Some(by), Some(at)) => format!(
            "{by} approved it at {}. Look at its run for what became of it.",
            at.format("%Y-%m-%d %H:%M UTC")
        ),
        _ => "It was carried out by itself. Look at its run for what became of it.".to_owned(),
    };
    Error::new(
        "RUN-006",
        Kind::Conflict,
        "This plan is carried out already.",
    )
    .next(told)
}

fn unusable(plan: &StoredPlan) -> Error {
    let why = match (plan.state, plan.purpose) {
        (PlanState::Making, _) => "It is being made. Wait for its end.",
        (PlanState::Discarded, _) => "It was put away. Make a new one.",
        _ => "It shows what other settings would change. Save them and make a plan.",
    };
    Error::new(
        "RUN-007",
        Kind::Conflict,
        "This plan cannot be carried out.",
    )
    .next(why)
}

/// The directory of a plan or a run, also when it was removed since.
pub(super) async fn find(reader: &impl Reader, id: DirectoryId) -> Result<Directory, Error> {
    crate::directories::ever(reader, id).await
}
