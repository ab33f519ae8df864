//! Directories in shadow: what of them may be carried out, and the plan by which one takes the place of another.

mod places;

use std::collections::BTreeSet;

use muster_domain::change::Action;
use muster_domain::id::{DirectoryId, RunId};
use muster_domain::plan::{Adopt, Purpose, StoredPlan, out_of_date};
use muster_domain::role::Permission;
use muster_domain::run::{Run, RunState, Wish};
use muster_domain::shadow::MatchKey;
use muster_domain::{Error, Kind};
use muster_storage::directories::{self, Directory};
use muster_storage::{Reader, Tx, directory_states, plans, runs as rows, shadows};
use serde_json::json;

use super::{rules, runs};
use crate::{Call, Services};

pub use muster_storage::shadows::Choice;
use places::are_there;
pub(crate) use places::{CHANGES_PLACES, gone, keeps_its_place, places};

/// The code of what is refused because a directory is in shadow.
pub(crate) const IN_SHADOW: &str = "SHD-001";

/// Runs that are looked through for what a directory carried out last.
const SINCE: u64 = 200;
/// Undos of undos that are followed at most, to see what was done first.
const DEPTH: usize = 100;

/// The directory that a plan switches from, and its state when the plan was made.
struct Switch {
    from: DirectoryId,
    to: DirectoryId,
    by: MatchKey,
    revision: u64,
}

/// Sets a directory in shadow beside the one whose place it shall take, and asks for their comparison.
///
/// # Errors
/// Without permission; `SHD-002` when it is not in shadow, with a message beside `beside` for a directory whose place it
/// cannot take, and as [`runs::ask`] fails. Nothing is chosen then.
pub async fn set_beside(
    services: &Services,
    call: &Call,
    id: DirectoryId,
    choice: Choice,
) -> Result<RunId, Error> {
    call.may(Permission::ManageDirectories)?;
    let tx = services.db().begin().await?;
    let missing = || Error::not_found("directory");
    directories::get(&tx, id).await?.ok_or_else(missing)?;
    directory_states::lock(&tx, id).await?;
    let directory = directories::get(&tx, id).await?.ok_or_else(missing)?;
    if !rules::in_shadow(&directory.settings) {
        return Err(Error::new(
            "SHD-002",
            Kind::Conflict,
            format!("“{}” is not in shadow.", directory.name),
        )
        .next("Switch its shadow on in its settings first."));
    }
    let other = directories::get(&tx, choice.beside).await?;
    let Some(other) = other.filter(|other| can_be_replaced(services, other)) else {
        return Err(Error::form(Vec::new()).field(
            "beside",
            "Choose a directory that is read and is not in shadow itself.",
        ));
    };
    let (run, directory) = runs::wished(services, call, &tx, id, Wish::Plan, None).await?;
    let mut events = Vec::new();
    if shadows::get(&tx, id).await? != Some(choice) {
        shadows::put(&tx, id, choice).await?;
        let detail = json!({ "beside": other.name, "matched_by": choice.by });
        events.push(call.event("directory.shadow", &directory.name, Some(id.0), detail));
    }
    events.push(runs::asked(call, &run, &directory, None));
    tx.commit(&events).await?;
    Ok(run.id)
}

/// That a directory is not in shadow.
///
/// # Errors
/// `SHD-001`.
pub(crate) fn is_active(directory: &Directory) -> Result<(), Error> {
    if !rules::in_shadow(&directory.settings) {
        return Ok(());
    }
    Err(Error::new(
        IN_SHADOW,
        Kind::Conflict,
        format!("“{}” is in shadow: nothing it says is carried out.", directory.name),
    )
    .next("Nothing was changed. Set it beside the directory whose place it shall take, and switch by that plan."))
}

/// The directory whose place one in shadow shall take; none: it is not in shadow, or nobody chose one that it can take
/// the place of.
///
/// # Errors
/// Why the database cannot serve.
pub(super) async fn beside(
    services: &Services,
    reader: &impl Reader,
    directory: &Directory,
) -> Result<Option<Adopt>, Error> {
    if !rules::in_shadow(&directory.settings) {
        return Ok(None);
    }
    let Some(choice) = shadows::get(reader, directory.id).await? else {
        return Ok(None);
    };
    let other = directories::get(reader, choice.beside).await?;
    Ok(other
        .filter(|other| can_be_replaced(services, other))
        .map(|other| Adopt {
            from: other.id,
            signs_in: rules::would_sign_in(&other.settings) && other.enabled,
            answered_for: rules::would_sign_in(&directory.settings) && directory.enabled,
            name: other.name,
            by: choice.by,
        }))
}

/// Whether another directory can take the place of this one: it is read from somewhere, and it is active.
pub(crate) fn can_be_replaced(services: &Services, directory: &Directory) -> bool {
    services.directory_kind(&directory.kind).is_ok() && !rules::in_shadow(&directory.settings)
}

/// That this plan of this directory may be carried out: of one in shadow, its switch and its removal alone, and what takes
/// these back.
///
/// # Errors
/// `SHD-001`.
pub(super) async fn may_be_carried_out(
    reader: &impl Reader,
    directory: &Directory,
    plan: &StoredPlan,
) -> Result<(), Error> {
    match purpose_of(reader, plan).await? {
        Purpose::Shadow | Purpose::Removal => Ok(()),
        _ => is_active(directory),
    }
}

/// That a run may be stopped: two directories that change places are not left half way. The directory's state is locked.
///
/// # Errors
/// `SHD-003`.
pub(super) async fn may_be_stopped(tx: &Tx, run: RunId) -> Result<(), Error> {
    let Some(run) = rows::get(tx, run).await? else {
        return Ok(());
    };
    let plan = match run.plan.filter(|_| run.state == RunState::Applying) {
        Some(plan) => plans::get(tx, plan).await?,
        None => None,
    };
    match plan {
        Some(plan) if !places(tx, &plan).await?.is_empty() => Err(Error::new(
            "SHD-003",
            Kind::Conflict,
            "Two directories are changing places: that is not left half way.",
        )
        .next("Wait for the end of the run. Then all of it can be taken back.")),
        _ => Ok(()),
    }
}

/// What a plan is for; of one that takes something back, what that was for.
async fn purpose_of(reader: &impl Reader, plan: &StoredPlan) -> Result<Purpose, Error> {
    let mut purpose = plan.purpose;
    let mut before = plan.inverse_of;
    for _ in 0..DEPTH {
        let Some(id) = before else { break };
        let Some(plan) = plans::get(reader, id).await? else {
            break;
        };
        purpose = plan.purpose;
        before = plan.inverse_of;
    }
    Ok(purpose)
}

/// What a comparison would switch: its first step.
async fn switch_of(reader: &impl Reader, plan: &StoredPlan) -> Result<Option<Switch>, Error> {
    if plan.purpose != Purpose::Shadow {
        return Ok(None);
    }
    let first = plans::steps(reader, plan.id, None, 1).await?;
    Ok(first
        .into_iter()
        .find_map(|(_, step)| match step.change.action {
            Action::SwitchDirectory {
                from,
                to,
                by,
                revision,
                ..
            } => Some(Switch {
                from,
                to,
                by,
                revision,
            }),
            _ => None,
        }))
}

/// Whether something of the directory that goes changed since the comparison was made.
///
/// # Errors
/// Why the database cannot answer.
pub(super) async fn is_stale(reader: &impl Reader, plan: &StoredPlan) -> Result<bool, Error> {
    let Some(switch) = switch_of(reader, plan).await? else {
        return Ok(false);
    };
    let is_chosen = is_chosen(reader, &switch).await?;
    Ok(!is_chosen || directory_states::revision(reader, switch.from).await? != switch.revision)
}

/// Whether the directory that would go and how people are matched are still what was chosen.
async fn is_chosen(reader: &impl Reader, switch: &Switch) -> Result<bool, Error> {
    let choice = shadows::get(reader, switch.to).await?;
    let compared = Choice {
        beside: switch.from,
        by: switch.by,
    };
    Ok(choice == Some(compared))
}

/// That a switch that a plan made can be taken back: nothing else was carried out by either directory since, both stand
/// as it left them, nobody works on the one that comes back, and whoever asks may say who answers for people's passwords.
/// Plans that switched nothing: nothing is asked.
///
/// # Errors
/// `SHD-004`, `RUN-001`, `DIR-006`.
pub(super) async fn can_switch_back(
    reader: &impl Reader,
    call: &Call,
    plan: &StoredPlan,
) -> Result<(), Error> {
    let Some((active, shadowed)) = left_by(reader, plan).await? else {
        return Ok(());
    };
    let all = directories::list(reader).await?;
    let is_in_shadow = |id| {
        let found = all.iter().find(|one: &&Directory| one.id == id)?;
        Some(rules::in_shadow(&found.settings))
    };
    let stands = is_in_shadow(active) == Some(false) && is_in_shadow(shadowed) == Some(true);
    let mut is_last = false;
    if let Some(last) = did_last(reader, plan.directory).await? {
        let other = if plan.directory == active {
            shadowed
        } else {
            active
        };
        let theirs = did_last(reader, other).await?;
        let is_before = theirs.is_none_or(|theirs| theirs.created_at <= last.created_at);
        is_last = last.plan == Some(plan.id) && is_before;
    }
    if !stands || !is_last {
        return Err(Error::new(
            "SHD-004",
            Kind::Conflict,
            "Something was carried out after these directories changed places.",
        )
        .next("Set the one in shadow beside the other, and switch by that comparison."));
    }
    nobody_works_on(reader, shadowed).await?;
    let comes = all.iter().find(|one| one.id == shadowed);
    may_answer(call, comes)
}

/// The run by which a directory carried something out last, as far back as is looked.
async fn did_last(reader: &impl Reader, id: DirectoryId) -> Result<Option<Run>, Error> {
    let newest = rows::list(reader, Some(id), None, SINCE).await?;
    let mut did = newest
        .into_iter()
        .filter(|run| run.progress.reached.is_some());
    Ok(did.next())
}

/// Which directory a plan left active and which in shadow; none: it switched nothing.
async fn left_by(
    reader: &impl Reader,
    plan: &StoredPlan,
) -> Result<Option<(DirectoryId, DirectoryId)>, Error> {
    let (mut first, mut turns) = (plan.clone(), 0);
    while let Some(id) = first.inverse_of.filter(|_| turns < DEPTH) {
        let Some(before) = plans::get(reader, id).await? else {
            break;
        };
        (first, turns) = (before, turns + 1);
    }
    let switch = switch_of(reader, &first).await?;
    Ok(switch.map(|switch| match turns % 2 {
        0 => (switch.to, switch.from),
        _ => (switch.from, switch.to),
    }))
}

/// That the switch of a plan can be made now: nothing changed on the other side, nobody works on it, and whoever asks may
/// say who answers for people's passwords. The states of both are locked. Other plans: nothing is asked.
///
/// # Errors
/// `PLAN-002` when something changed, `SHD-006` when one of both is gone, `RUN-001` when a run of the other directory is
/// under way, `DIR-006` without the right to grant roles where people sign in by the new one; of what takes a switch back,
/// as [`can_switch_back`].
pub(super) async fn can_switch(tx: &Tx, call: &Call, plan: &StoredPlan) -> Result<(), Error> {
    let Some(switch) = switch_of(tx, plan).await? else {
        return match (plan.purpose, plan.inverse_of) {
            (Purpose::Shadow, _) => Err(out_of_date()),
            (Purpose::Undo, Some(of)) => match plans::get(tx, of).await? {
                Some(of) => can_switch_back(tx, call, &of).await,
                None => Ok(()),
            },
            _ => Ok(()),
        };
    };
    are_there(tx, [switch.from, switch.to]).await?;
    let is_as_seen = directory_states::revision(tx, switch.from).await? == switch.revision;
    if !is_as_seen || !is_chosen(tx, &switch).await? {
        return Err(out_of_date());
    }
    nobody_works_on(tx, switch.from).await?;
    let to = directories::get(tx, switch.to).await?;
    may_answer(call, to.as_ref())
}

async fn nobody_works_on(reader: &impl Reader, other: DirectoryId) -> Result<(), Error> {
    match rows::open_of(reader, other).await? {
        None => Ok(()),
        Some(open) => Err(Error::new(
            "RUN-001",
            Kind::Conflict,
            "A run of this directory is under way already.",
        )
        .next(format!(
            "It is one of the other directory (run {}). Wait for its end, or stop it.",
            open.id
        ))),
    }
}

/// That whoever asks may say that a directory answers for people's passwords, if it would.
fn may_answer(call: &Call, comes: Option<&Directory>) -> Result<(), Error> {
    let answers = comes.is_some_and(|comes| rules::would_sign_in(&comes.settings));
    if answers && !call.can(Permission::ManageRoles) {
        return Err(Error::new(
            "DIR-006",
            Kind::Forbidden,
            "People sign in through this directory: whoever says which server answers for them could come in as anybody of it.",
        )
        .next("Ask a superadmin to approve this plan, or switch signing in through it off first."));
    }
    Ok(())
}

/// Makes what was planned for the other directory out of date, once a switch begins or is taken back. The states of both
/// are locked.
///
/// # Errors
/// `SHD-006` when one of both is gone, `PLAN-002` when something changed since.
pub(super) async fn begun(
    tx: &Tx,
    plan: &StoredPlan,
    both: &BTreeSet<DirectoryId>,
) -> Result<(), Error> {
    are_there(tx, both.iter().copied()).await?;
    if let Some(switch) = switch_of(tx, plan).await? {
        let is_as_seen = is_chosen(tx, &switch).await?
            && directory_states::advance(tx, switch.from, switch.revision).await?;
        return match is_as_seen {
            true => Ok(()),
            false => Err(out_of_date()),
        };
    }
    let others = both.iter().filter(|one| **one != plan.directory);
    let others: Vec<DirectoryId> = others.copied().collect();
    directory_states::changed(tx, &others).await
}
