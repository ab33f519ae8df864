//! Signing in with a password of a directory: the directory that somebody is from is asked whether it is right.
//!
//! It is asked for people alone whose accounts come from it: accounts of the internal directory and break-glass accounts
//! never leave the house, and a password that was given here counts here. The password is kept nowhere. Whoever is asked
//! for over there costs the work of a comparison here at the same time, so that the time tells a stranger nothing (W50);
//! failures are counted at the same door as all others.

use muster_domain::directory::Vouched;
use muster_domain::factor::{Enrolled, FactorChecked};
use muster_domain::id::{DirectoryId, UserId};
use muster_domain::opener::Openers;
use muster_domain::record::ExternalId;
use muster_domain::session::Entry;
use muster_domain::throttle;
use muster_domain::user::User;
use muster_domain::{Error, Kind, credential};
use muster_storage::directories::{self, Directory};
use muster_storage::sign_ins;
use muster_storage::{Reader, accounts, credentials, factors, throttle as failures, users};
use secrecy::SecretString;
use serde_json::json;

use super::{Door, Entered, admit, kept, record, too_many, wrong};
use crate::directories::INTERNAL;
use crate::second_step::Half;
use crate::sync::{at_sign_in, rules};
use crate::{Call, Services, sign_in_policy};

/// Somebody whose password a directory answers for.
pub(super) struct Asked {
    user: User,
    directory: Directory,
    external_id: ExternalId,
}

/// Whether people of any directory sign in here with its passwords, for the sign-in page.
///
/// # Errors
/// When the database cannot be read.
pub async fn is_offered(services: &Services) -> Result<bool, Error> {
    let all = directories::list(services.db()).await?;
    Ok(all
        .iter()
        .any(|directory| directory.enabled && rules::signs_in(&directory.settings)))
}

/// Who answers for the password of this name, if it is a directory.
pub(super) async fn asked(
    services: &Services,
    reader: &impl Reader,
    username: &str,
) -> Result<Option<Asked>, Error> {
    match users::by_username(reader, username).await? {
        Some(user) => of_user(services, reader, user).await,
        None => Ok(None),
    }
}

/// The first directory in the order that has an account of theirs and answers for passwords.
async fn of_user(
    services: &Services,
    reader: &impl Reader,
    user: User,
) -> Result<Option<Asked>, Error> {
    if user.break_glass {
        return Ok(None);
    }
    let theirs = accounts::of_user(reader, user.id).await?;
    let order = directories::list(reader).await?;
    let is_of = |directory: &&Directory| {
        let mut all = theirs.iter();
        all.any(|account| account.directory == directory.id)
    };
    let mut of_them = order.iter().filter(is_of);
    if of_them.clone().any(|directory| directory.kind == INTERNAL) {
        return Ok(None);
    }
    let given = credentials::password(reader, user.id).await?;
    if given.is_some() && sign_in_policy::admits(reader, user.id).await?.is_ok() {
        return Ok(None);
    }
    let answers = |directory: &&Directory| {
        directory.enabled
            && rules::signs_in(&directory.settings)
            && services.directory_kind(&directory.kind).is_ok()
    };
    let Some(directory) = of_them.find(answers) else {
        return Ok(None);
    };
    let account = theirs
        .iter()
        .find(|account| account.directory == directory.id);
    Ok(account.map(|account| Asked {
        external_id: account.external_id.clone(),
        directory: directory.clone(),
        user,
    }))
}

/// Whether this directory still answers for this person.
pub(crate) async fn still_answers(
    services: &Services,
    reader: &impl Reader,
    user: UserId,
    directory: DirectoryId,
) -> Result<bool, Error> {
    let Some(user) = users::get(reader, user).await?.filter(User::is_active) else {
        return Ok(false);
    };
    let asked = of_user(services, reader, user).await?;
    Ok(asked.is_some_and(|asked| asked.directory.id == directory))
}

/// Asks the directory, and signs in.
pub(super) async fn sign_in(
    services: &Services,
    call: &Call,
    door: &Door,
    asked: Asked,
    password: &str,
) -> Result<Entered, Error> {
    let (user, name) = (&asked.user, &asked.user.username);
    if password.is_empty() || password.len() > credential::LONGEST {
        return Err(wrong());
    }
    if !admit(services, call, door).await? {
        record(services, call, name, Some(user), "too many failures").await?;
        return Err(too_many());
    }
    let given = SecretString::from(password.to_owned());
    let (work, vouched) = futures::join!(
        services.hashing().matches(password, None),
        vouched(services, &asked, &given),
    );
    work?;
    let why = match vouched {
        Ok(Vouched::Yes) if user.is_active() => None,
        Ok(Vouched::Yes) => Some("deactivated"),
        Ok(Vouched::No) => Some("wrong name or password"),
        Ok(Vouched::Expired) => {
            record(services, call, name, Some(user), "expired there").await?;
            return Err(if user.is_active() {
                expired(&asked.directory)
            } else {
                wrong()
            });
        }
        Err(error) => {
            tracing::warn!(%error, directory = asked.directory.name, "a directory could not be asked for a password");
            record(
                services,
                call,
                name,
                Some(user),
                "the directory does not answer",
            )
            .await?;
            return Err(unanswered(&asked.directory, &error));
        }
    };
    if let Some(why) = why {
        record(services, call, name, Some(user), why).await?;
        return Err(wrong());
    }
    let brought = at_sign_in::bring(services, call, user.id).await?;
    let fresh = users::get(services.db(), user.id).await?;
    let Some(user) = fresh.filter(|user| user.is_active() && brought.off.is_none()) else {
        record(services, call, name, Some(user), "deactivated over there").await?;
        return Err(wrong());
    };
    let user = &user;
    if factors::enrolled(services.db(), user.id).await? == Enrolled::Yes {
        super::record_half(services, call, user).await?;
        return Ok(Entered::Half(Half::of_directory(
            call,
            user.id,
            asked.directory.id,
            brought.notes,
        )));
    }
    let came = Came {
        directory: asked.directory.id,
        factor: None,
        notes: brought.notes,
    };
    let entry = enter(services, call, user, came).await?;
    Ok(Entered::In(Box::new(user.clone()), entry))
}

async fn vouched(
    services: &Services,
    asked: &Asked,
    password: &SecretString,
) -> Result<Vouched, Error> {
    let source = crate::directories::open(services, services.db(), &asked.directory).await?;
    source.authenticate(&asked.external_id, password).await
}

/// How somebody came in.
pub(crate) struct Came<'a> {
    /// Which directory answered for the password.
    pub directory: DirectoryId,
    /// The second factor, where there is one.
    pub factor: Option<&'a FactorChecked>,
    /// What the record of the sign-in tells besides.
    pub notes: Vec<String>,
}

/// Puts a sign-in on record whose password a directory answered for, and whose second factor was checked where there is one.
///
/// # Errors
/// `AUTH-001` when it answers for this person no more.
pub(crate) async fn enter(
    services: &Services,
    call: &Call,
    user: &User,
    came: Came<'_>,
) -> Result<Entry, Error> {
    let Came {
        directory,
        factor,
        notes,
    } = came;
    let door = Door::sign_in(call, &user.username);
    let tx = services.db().begin().await?;
    if !still_answers(services, &tx, user.id, directory).await? {
        tx.rollback().await?;
        return Err(wrong());
    }
    if let Some(address) = call.address {
        failures::remember_network(&tx, user.id, &throttle::network_of(address), call.at).await?;
    }
    failures::clear(&tx, &door.key, &door.network).await?;
    users::touch_sign_in(&tx, user.id, call.at).await?;
    let mut row = kept(services, call, user);
    row.means = "directory".to_owned();
    row.notes = notes;
    sign_ins::insert(&tx, &row).await?;
    let detail = json!({
        "directory": directory, "second_factor": factor.map(FactorChecked::by),
    });
    let mut event = call.event("signin.directory", &user.username, Some(user.id.0), detail);
    event.actor.clone_from(&user.username);
    event.actor_id = Some(user.id.0);
    tx.commit(&[event]).await?;
    let known_to = match factor {
        Some(factor) => Openers::nobody().beside(factor.opened_by().clone()),
        None => Openers::nobody(),
    };
    Ok(Entry::by_directory(known_to, directory))
}

fn unanswered(directory: &Directory, error: &Error) -> Error {
    Error::new(
        "AUTH-022",
        Kind::Unavailable,
        format!("{} does not answer, so nobody can say whether the password is right.", directory.name),
    )
    .next("Try again in a moment. Administrators find the reason with the tests on the directory's page.")
    .internal(error)
}

fn expired(directory: &Directory) -> Error {
    Error::new(
        "AUTH-023",
        Kind::Invalid,
        format!(
            "Your password of {} has expired or has to be changed.",
            directory.name
        ),
    )
    .next("Change it there, then sign in here.")
}
