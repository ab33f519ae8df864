//! Bringing a person up to date when they sign in: their directory is asked for them alone, and what differs is carried out
//! by a run like any other, before the session begins.
//!
//! A directory that cannot say in time keeps nobody out, and that is told; one that says that they are switched off does,
//! even while the run that keeps them out has to wait.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::change::Cause;
use muster_domain::id::{AccountId, DirectoryId, UserId};
use muster_domain::record::{Attributes, ExternalId};
use muster_domain::run::RunState;
use muster_domain::snapshot::{Entry, RefusedRecord};
use muster_domain::user::{Deactivation, User};
use muster_domain::{Error, Kind};
use muster_storage::accounts::{self, Account};
use muster_storage::directories::{self, Directory};
use muster_storage::{runs as rows, users};
use serde_json::json;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::{rules, runs, shadowing};
use crate::{Call, Services};

/// How often a directory is asked for one person at most.
const AGAIN: TimeDelta = TimeDelta::minutes(1);
/// People a directory is asked for at once.
const AT_ONCE: usize = 8;
/// Accounts that are remembered; beyond, whoever was asked for longest ago is asked for again.
const REMEMBERED: usize = 10_000;
/// How long the run may take that brings somebody up to date; it goes on without the sign-in.
const RUN: Duration = Duration::from_secs(5);

/// Who was asked for lately.
#[derive(Default)]
pub(crate) struct Asked {
    lately: Mutex<BTreeMap<AccountId, Arc<Turn>>>,
    doors: Mutex<BTreeMap<DirectoryId, Arc<Semaphore>>>,
}

/// One after the other is asked for: who comes meanwhile waits for what is said.
type Turn = tokio::sync::Mutex<Last>;

/// What was said last.
#[derive(Clone, Copy, Default)]
struct Last {
    at: Option<DateTime<Utc>>,
    /// They are switched off over there, and that was not carried out.
    is_off: bool,
}

impl Last {
    fn is_over(self, now: DateTime<Utc>) -> bool {
        self.at.is_none_or(|at| at > now || now - at >= AGAIN)
    }
}

impl Asked {
    fn turn(&self, account: AccountId, now: DateTime<Utc>) -> Arc<Turn> {
        let mut lately = self.lately.lock().unwrap_or_else(PoisonError::into_inner);
        if lately.len() >= REMEMBERED {
            lately.retain(|_, turn| turn.try_lock().map_or(true, |last| !last.is_over(now)));
        }
        if lately.len() >= REMEMBERED {
            lately.retain(|_, turn| turn.try_lock().is_err());
        }
        lately.entry(account).or_default().clone()
    }

    fn door(&self, directory: DirectoryId) -> Arc<Semaphore> {
        let mut doors = self.doors.lock().unwrap_or_else(PoisonError::into_inner);
        let door = || Arc::new(Semaphore::new(AT_ONCE));
        doors.entry(directory).or_insert_with(door).clone()
    }
}

/// What became of it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Brought {
    /// What the sign-in's record tells, a sentence each.
    pub notes: Vec<String>,
    /// A directory switched them off, and that is not carried out yet.
    pub off: Option<Deactivation>,
}

/// Whether any directory wants it.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn is_wanted(services: &Services) -> Result<bool, Error> {
    let all = directories::list(services.db()).await?;
    Ok(all.iter().any(wants))
}

/// Of one in shadow nothing is carried out, and nobody is kept out by its word.
fn wants(directory: &Directory) -> bool {
    let wants = directory.enabled && rules::at_sign_in(&directory.settings).is_some();
    wants && shadowing::is_active(directory).is_ok()
}

/// Brings a person up to date in every directory that wants it and has an account of theirs.
///
/// # Errors
/// When the database cannot be used. What a directory cannot say is told in the notes.
pub(crate) async fn bring(
    services: &Services,
    call: &Call,
    user: UserId,
) -> Result<Brought, Error> {
    let mut brought = Brought::default();
    let theirs = accounts::of_user(services.db(), user).await?;
    let mut is_first = true;
    for account in &theirs {
        let Some(directory) = directories::get(services.db(), account.directory).await? else {
            continue;
        };
        // One in shadow leads nobody.
        if rules::in_shadow(&directory.settings) {
            continue;
        }
        let leads = std::mem::take(&mut is_first);
        if !wants(&directory) || services.directory_kind(&directory.kind).is_err() {
            continue;
        }
        let turn = services.asked_at_sign_in().turn(account.id, call.at);
        let mut last = turn.lock().await;
        let Some(user) = users::get(services.db(), user).await? else {
            break;
        };
        let mut missed = None;
        if last.is_over(call.at) {
            last.at = Some(call.at);
            missed = one(services, call, &directory, account, &user).await?.err();
            last.is_off = missed.as_ref().is_some_and(|missed| missed.is_off);
        }
        // The first in the order decides whether they may come in.
        if last.is_off && leads && !user.break_glass {
            brought.off = Some(Deactivation {
                by: directory.name.clone(),
                directory: Some(directory.id),
                at: call.at,
                reason: Some(Cause::DisabledAtSource.label().to_owned()),
            });
        }
        if let Some(missed) = missed {
            put_on_record(services, call, &directory, &user, &missed.why).await?;
            let note = format!("{}: {}", directory.name, missed.why);
            brought.notes.push(note);
        }
    }
    Ok(brought)
}

/// Why somebody was not brought up to date.
struct Missed {
    why: String,
    is_off: bool,
}

impl Missed {
    fn because(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            is_off: false,
        }
    }
}

async fn one(
    services: &Services,
    call: &Call,
    directory: &Directory,
    account: &Account,
    user: &User,
) -> Result<Result<(), Missed>, Error> {
    let door = services.asked_at_sign_in().door(directory.id);
    let Ok(_turn) = door.try_acquire() else {
        let why = "many people signed in at once, and it was not asked for this one.";
        return Ok(Err(Missed::because(why)));
    };
    let Some(name) = account.attributes.get("username") else {
        return Ok(Err(Missed::because(
            "the account bears no name to ask for.",
        )));
    };
    let said = match asked(services, directory, name).await {
        Err(why) => return Ok(Err(Missed::because(why))),
        Ok(said) => said,
    };
    if said.external_id != account.external_id {
        let why = format!("somebody else bears the name {name} there now.");
        return Ok(Err(Missed::because(why)));
    }
    let is_off = said.is_off;
    match &said.attributes {
        Some(theirs) if *theirs == account.attributes && is_off != user.is_active() => {
            return Ok(Ok(()));
        }
        Some(_) => {}
        None if !is_off => {
            let why = "its record there cannot be used; the next sync of everybody says why.";
            return Ok(Err(Missed::because(why)));
        }
        // Nothing of it is followed but that they are kept out.
        None if !user.is_active() => return Ok(Ok(())),
        None => {}
    }
    let missed = |why: String| Ok(Err(Missed { why, is_off }));
    let by = Call {
        request_id: call.request_id.clone(),
        ..Call::system("sign-in", services.now())
    };
    let run = match runs::ask_for(services, &by, directory.id, name).await {
        Ok(run) => run,
        Err(error) if error.kind == Kind::Unavailable => return Err(error),
        Err(error) => {
            return missed(format!("the account was not looked at ({}).", error.code));
        }
    };
    // On a task of its own: it goes on, and gives its lease back, when the sign-in does not wait for it any more.
    let node = services.clone();
    let work = tokio::spawn(async move { runs::carry(&node, &by, run).await });
    if let Ok(Ok(Err(error))) = timeout(RUN, work).await {
        return Err(error);
    }
    let ended = rows::get(services.db(), run).await?;
    match ended.map(|run| (run.state, run.progress.failed)) {
        Some((RunState::Done, 0)) => Ok(Ok(())),
        Some((RunState::Held, _)) => missed("what changed waits for a person (Plans).".to_owned()),
        Some((state, _)) if state.is_over() => missed(format!("run {run} did not end well.")),
        _ => missed(format!("run {run} is under way still.")),
    }
}

/// What a directory says of somebody.
struct Said {
    external_id: ExternalId,
    /// None: the record cannot be used.
    attributes: Option<Attributes>,
    is_off: bool,
}

/// What is said of the person there, or why nothing is.
async fn asked(services: &Services, directory: &Directory, name: &str) -> Result<Said, String> {
    let limit = rules::at_sign_in(&directory.settings).unwrap_or_default();
    let asked = async {
        let source = crate::directories::open(services, services.db(), directory).await?;
        source.person_entry(name).await
    };
    match timeout(limit, asked).await {
        Err(_) => Err(format!(
            "it did not answer within {} seconds.",
            limit.as_secs()
        )),
        Ok(Err(error)) => Err(format!("it could not say ({}).", error.code)),
        Ok(Ok(Some(Entry::User { record, .. }))) => Ok(Said {
            external_id: record.external_id,
            attributes: Some(record.attributes),
            is_off: !record.active,
        }),
        Ok(Ok(Some(Entry::Refused(RefusedRecord {
            external_id: Some(external_id),
            off,
            ..
        })))) => Ok(Said {
            external_id,
            attributes: None,
            is_off: off,
        }),
        Ok(Ok(Some(Entry::Filtered { .. }))) => {
            Err("its filter leaves this person out.".to_owned())
        }
        Ok(Ok(_)) => Err(format!(
            "it has nobody of the name {name}; the next sync of everybody decides."
        )),
    }
}

/// Nobody comes in on an old record without a trace.
async fn put_on_record(
    services: &Services,
    call: &Call,
    directory: &Directory,
    user: &User,
    why: &str,
) -> Result<(), Error> {
    let detail = json!({ "directory": directory.name, "why": why });
    let event = call.event(
        "signin.account.old",
        &user.username,
        Some(user.id.0),
        detail,
    );
    services.db().begin().await?.commit(&[event]).await
}
