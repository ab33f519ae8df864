//! Break-glass accounts in use: every sign-in with one, by whatever means, is told to the other admins, and whoever does
//! it says what for before anything else.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::audit::AuditEvent;
use muster_domain::id::{BreakGlassUseId, UserId};
use muster_domain::role::{Permission, Role};
use muster_domain::session::ElevatedSession;
use muster_domain::user::User;
use muster_domain::{Error, Kind};
use muster_storage::{Reader, Tx, break_glass as rows, roles};
use serde_json::json;

use crate::{Call, Services, guard, notices};

pub use rows::{Account, Use};

/// Days after which an account should show again that it works.
pub const DRILL_DAYS: i64 = 90;
/// Longest reason, in characters.
const LONGEST_REASON: usize = 300;
/// Uses that are told one by one.
const TOLD: u64 = 20;

/// Raises the alert: somebody signed in with the account now, by password, provider or link. The use stands on the
/// overview until it is noted, and its reason is owed. Gives what goes on record.
pub(crate) async fn used(
    services: &Services,
    call: &Call,
    tx: &Tx,
    user: &User,
) -> Result<AuditEvent, Error> {
    let id = services.id::<BreakGlassUseId>();
    let address = call.address.map(|address| address.to_string());
    rows::insert(tx, id, user.id, call.at, address.as_deref()).await?;
    notices::break_glass_used(services, call, tx, user).await?;
    let detail = json!({"use": id});
    let mut event = call.event("break_glass.use", &user.username, Some(user.id.0), detail);
    event.actor.clone_from(&user.username);
    event.actor_id = Some(user.id.0);
    Ok(event)
}

/// Whether the caller came in by a break-glass account and has not said what for.
///
/// # Errors
/// When the database cannot be read.
pub async fn owes_reason(services: &Services, call: &Call) -> Result<bool, Error> {
    let Some(person) = call.person().filter(|person| person.user.break_glass) else {
        return Ok(false);
    };
    let (user, since) = (person.user.id, person.session.signed_in_at);
    if services.answered().holds(user, since) {
        return Ok(false);
    }
    let owes = rows::owed(services.db(), user, since).await?.is_some();
    if !owes {
        services.answered().keep(user, since);
    }
    Ok(owes)
}

/// Sign-ins that owe no reason (any more), so that their pages need not ask the database. The use is kept before the
/// session begins, so none comes to owe one later.
#[derive(Debug, Default)]
pub(crate) struct Answered(Mutex<BTreeSet<(UserId, DateTime<Utc>)>>);

/// Sign-ins remembered at once.
const REMEMBERED: usize = 1000;

impl Answered {
    pub(crate) fn holds(&self, user: UserId, since: DateTime<Utc>) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.contains(&(user, since))
    }

    pub(crate) fn keep(&self, user: UserId, since: DateTime<Utc>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert((user, since));
    }
}

/// Whether a use is to find out whether the account works.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Drill {
    /// It is.
    Yes,
    /// Something happened.
    No,
}

/// Writes down what the caller came in for.
///
/// # Errors
/// When nobody is signed in; with a message beside the field `reason`; `BRK-002` when nothing was to be said.
pub async fn tell(
    services: &Services,
    call: &Call,
    typed: &str,
    drill: Drill,
) -> Result<(), Error> {
    let person = call.signed_in()?;
    let reason: String = typed.trim().chars().filter(|c| !c.is_control()).collect();
    let refuse = |words: &str| Err(Error::form(Vec::new()).field("reason", words));
    if reason.is_empty() {
        return refuse("Write down what happened. It goes on record.");
    }
    if reason.chars().count() > LONGEST_REASON {
        return refuse("Use at most 300 characters.");
    }
    let tx = services.db().begin().await?;
    let is_drill = drill == Drill::Yes;
    let told = rows::tell(
        &tx,
        person.user.id,
        person.session.signed_in_at,
        &reason,
        is_drill,
    )
    .await?;
    if told == 0 {
        return Err(Error::new(
            "BRK-002",
            Kind::Conflict,
            "What this sign-in was for is on record already.",
        ));
    }
    let detail = json!({"reason": reason, "drill": is_drill});
    tx.commit(&[call.event(
        "break_glass.reason",
        &person.user.username,
        Some(person.user.id.0),
        detail,
    )])
    .await
}

/// Uses that no other admin has taken note of, newest first.
///
/// # Errors
/// Without permission.
pub async fn open(services: &Services, call: &Call) -> Result<Vec<Use>, Error> {
    call.may(Permission::ViewSecurity)?;
    alerts(services).await
}

pub(crate) async fn alerts(services: &Services) -> Result<Vec<Use>, Error> {
    rows::open(services.db(), TOLD).await
}

/// Takes note of every use up to `until`. Uses of the caller's own account are left to the others, unless there is nobody
/// else who could: an alert that nobody can ever take away hides the next one.
///
/// # Errors
/// Without permission or presence; `BRK-003` when there is none of anybody else's.
pub async fn acknowledge(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    until: DateTime<Utc>,
) -> Result<u64, Error> {
    call.may(Permission::ManageProviders)?;
    guard::present(call, Some(elevated))?;
    let person = call.signed_in()?;
    let tx = services.db().begin().await?;
    let own = (!is_alone(&tx, person.user.id).await?).then_some(person.user.id);
    let many = rows::acknowledge(&tx, own, &person.user.username, until, call.at).await?;
    if many == 0 {
        return Err(Error::new(
            "BRK-003",
            Kind::Conflict,
            "There is no use of somebody else's break-glass account left to take note of.",
        )
        .next("Your own uses stay on the overview until another admin takes note of them."));
    }
    let detail = json!({
        "uses": many, "until": until, "own_too": own.is_none(), "elevation": elevated.id(),
    });
    tx.commit(&[call.event("break_glass.acknowledge", "break-glass", None, detail)])
        .await?;
    Ok(many)
}

/// Whether the caller may take note of the uses of their own account: nobody else could.
///
/// # Errors
/// When nobody is signed in.
pub async fn notes_own(services: &Services, call: &Call) -> Result<bool, Error> {
    is_alone(services.db(), call.signed_in()?.user.id).await
}

/// Whether nobody else who may come in may take note.
async fn is_alone(reader: &impl Reader, own: UserId) -> Result<bool, Error> {
    let may_note = |role: &Role| role.allows(Permission::ManageProviders);
    for role in Role::ALL.into_iter().filter(may_note) {
        let holders = roles::holders(reader, role).await?;
        if holders.into_iter().any(|holder| holder != own) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Accounts that nobody has tried for [`DRILL_DAYS`] days.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn untried(
    services: &Services,
    now: DateTime<Utc>,
) -> Result<Vec<Account>, Error> {
    let all = rows::accounts(services.db()).await?;
    let is_old = |account: &Account| now - account.worked_at > TimeDelta::days(DRILL_DAYS);
    Ok(all.into_iter().filter(is_old).collect())
}
