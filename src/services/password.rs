//! Signing in with a password of the internal directory.
//!
//! Who does not exist, has no password, or is deactivated costs the same work and gets the same words as a wrong
//! password (W50). Failures count so that nobody can lock somebody else out (domain::throttle).

pub mod directory;

use chrono::TimeDelta;
use muster_domain::credential::{self, Imprint, PasswordChecked};
use muster_domain::error::FieldError;
use muster_domain::factor::{Enrolled, FactorChecked};
use muster_domain::opener::Openers;
use muster_domain::session::{Entry, Proof, Session};
use muster_domain::throttle::{self, ThrottlePolicy};
use muster_domain::user::User;
use muster_domain::{Error, Kind, name};
use muster_storage::sign_ins::{self, Outcome, SignIn};
use muster_storage::{Quiet, credentials, factors, throttle as failures, users};
use serde_json::json;

use crate::refusals::{self, Concerns};
use crate::second_step::Half;
use crate::{Call, Services, break_glass, forced, sign_in_policy};

/// Checks name and password of somebody who wants to sign in.
///
/// # Errors
/// `AUTH-001` when they do not fit together, `AUTH-002` after too many failures; `AUTH-022` when the directory that answers
/// for this password cannot be asked, `AUTH-023` when it has to be changed there.
pub async fn sign_in(
    services: &Services,
    call: &Call,
    username: &str,
    password: &str,
) -> Result<Entered, Error> {
    let door = Door::sign_in(call, username);
    if let Some(asked) = directory::asked(services, services.db(), username).await? {
        return directory::sign_in(services, call, &door, asked, password).await;
    }
    let checked = attempt(services, call, &door, username, password).await?;
    let Some((user, witness)) = checked else {
        return Err(wrong());
    };
    if !user.is_active() {
        // It stays counted like a wrong one: otherwise the throttle would tell that this password was right (W50).
        record(services, call, username, Some(&user), "deactivated").await?;
        return Err(wrong());
    }
    if factors::enrolled(services.db(), user.id).await? == Enrolled::Yes {
        // It stays counted like a wrong one until the second step: who knows a password alone gets few tries.
        record_half(services, call, &user).await?;
        return Ok(Entered::Half(Half::of(call, &witness)));
    }
    let entry = enter(
        services,
        call,
        &user,
        (witness.opened_by(), witness.imprint(), None),
    )
    .await?;
    Ok(Entered::In(Box::new(user), entry))
}

/// How far name and password led.
#[derive(Clone, PartialEq, Debug)]
pub enum Entered {
    /// All the way, and how.
    In(Box<User>, Entry),
    /// To the second step: this person has a second factor.
    Half(Half),
}

async fn record_half(services: &Services, call: &Call, user: &User) -> Result<(), Error> {
    let event = call.event("signin.half", &user.username, Some(user.id.0), json!({}));
    services.db().begin().await?.commit(&[event]).await
}

/// Puts a sign-in on record whose password, and second factor where there is one, was checked. `known_to`: who else
/// knows the password; `compared`: which it was. Gives how they came in: whoever else could have, has what it takes, the factor too.
///
/// # Errors
/// `AUTH-001` when the password was replaced since. The session is made later, so its store looks once more.
pub(crate) async fn enter(
    services: &Services,
    call: &Call,
    user: &User,
    (known_to, compared, factor): (&Openers, &Imprint, Option<&FactorChecked>),
) -> Result<Entry, Error> {
    let door = Door::sign_in(call, &user.username);
    let tx = services.db().begin().await?;
    let current = credentials::password(&tx, user.id).await?;
    if current.is_none_or(|current| current.imprint() != *compared) {
        tx.rollback().await?;
        return Err(wrong());
    }
    if let Some(address) = call.address {
        failures::remember_network(&tx, user.id, &throttle::network_of(address), call.at).await?;
    }
    failures::clear(&tx, &door.key, &door.network).await?;
    users::touch_sign_in(&tx, user.id, call.at).await?;
    sign_ins::insert(&tx, &kept(services, call, user)).await?;
    let mut event = call.event(
        "signin.password",
        &user.username,
        Some(user.id.0),
        json!({"break_glass": user.break_glass, "second_factor": factor.map(FactorChecked::by)}),
    );
    event.actor.clone_from(&user.username);
    event.actor_id = Some(user.id.0);
    let mut events = vec![event];
    if user.break_glass {
        events.push(break_glass::used(services, call, &tx, user).await?);
    }
    tx.commit(&events).await?;
    let known_to = known_to.clone();
    let known_to = match factor {
        Some(factor) => known_to.beside(factor.opened_by().clone()),
        None => known_to,
    };
    Ok(Entry::by_password(known_to, compared.clone()))
}

fn kept(services: &Services, call: &Call, user: &User) -> SignIn {
    SignIn {
        id: services.id(),
        provider: None,
        user: Some(user.id),
        name: user.username.clone(),
        at: call.at,
        outcome: Outcome::SignedIn,
        means: "password".to_owned(),
        address: call.address.map(|address| address.to_string()),
        claims: None,
        evidence: None,
        notes: Vec::new(),
    }
}

/// Checks the password of the person who is signed in, as proof of presence. Failures count for this session alone:
/// strangers who guess at the sign-in page keep nobody from it.
///
/// # Errors
/// `AUTH-001` when it is wrong, `AUTH-002` after too many failures, `ELV-003` when the person has no password here.
pub async fn prove(services: &Services, call: &Call, password: &str) -> Result<Proof, Error> {
    let person = call.signed_in()?;
    if credentials::password(services.db(), person.user.id)
        .await?
        .is_none()
    {
        return Err(Error::new(
            "ELV-003",
            Kind::Invalid,
            "This account has no password here.",
        )
        .next("Prove presence at your identity provider instead."));
    }
    forced::none_for(services, person.user.id).await?;
    let door = Door::presence(&person.session);
    let checked = attempt(services, call, &door, &person.user.username, password).await?;
    let Some((_, witness)) = checked else {
        return Err(wrong());
    };
    forgive(services, &door).await?;
    Proof::password(&person.session, witness, call.at).ok_or_else(wrong)
}

/// What failures are counted under.
struct Door {
    key: String,
    network: String,
}

impl Door {
    /// The sign-in page: the typed name, from the caller's network.
    fn sign_in(call: &Call, username: &str) -> Self {
        Self {
            key: key_of(username),
            network: call
                .address
                .map_or_else(|| "unknown".to_owned(), throttle::network_of),
        }
    }

    /// The secure session: this person in this browser session. Folded names have no upper case, so nobody can type
    /// a name that counts here.
    fn presence(session: &Session) -> Self {
        let key = format!("PRESENCE {} {}", session.user, session.key.0);
        Self {
            network: key.clone(),
            key,
        }
    }
}

/// One attempt: throttled, constant in work, recorded.
async fn attempt(
    services: &Services,
    call: &Call,
    door: &Door,
    username: &str,
    password: &str,
) -> Result<Option<(User, PasswordChecked)>, Error> {
    if password.len() > credential::LONGEST {
        return Err(wrong());
    }
    let user = users::by_username(services.db(), username).await?;
    if !admit(services, call, door).await? {
        record(services, call, username, user.as_ref(), "too many failures").await?;
        return Err(too_many());
    }
    let stored = match &user {
        Some(user) => credentials::password(services.db(), user.id).await?,
        None => None,
    };
    let right = services
        .hashing()
        .matches(password, stored.as_ref().map(|stored| stored.phc.as_str()))
        .await?;
    let (Some(user), Some(stored), true) = (user.as_ref(), stored, right) else {
        let why = "wrong name or password";
        record(services, call, username, user.as_ref(), why).await?;
        return Ok(None);
    };
    if sign_in_policy::admits(services.db(), user.id)
        .await?
        .is_err()
    {
        // The same words as for a wrong one: the policy tells strangers nothing about anybody.
        let why = "the sign-in policy takes no password of theirs";
        record(services, call, username, Some(user), why).await?;
        return Ok(None);
    }
    let imprint = stored.imprint();
    let witness = PasswordChecked::witness(user.id, stored.opened_by, imprint);
    Ok(Some((user.clone(), witness)))
}

/// Lets an attempt through to the comparison, counted as a failure until it turns out to be right. Guesses sent at
/// once are thereby counted one after the other, before the first of them is compared (W49). Whether it may go on.
async fn admit(services: &Services, call: &Call, door: &Door) -> Result<bool, Error> {
    let policy = ThrottlePolicy::default();
    let since = call.at - TimeDelta::seconds(i64::from(policy.window_seconds));
    let tx = services.db().begin().await?;
    let before = failures::failures(&tx, &door.key, &door.network, since).await?;
    if !throttle::may_try(&policy, &before) {
        tx.rollback().await?;
        return Ok(false);
    }
    failures::record_failure(&tx, &door.key, &door.network, call.at).await?;
    tx.commit_quiet(Quiet::Counted).await?;
    Ok(true)
}

/// Takes back what [`admit`] counted, together with earlier slips at the same door.
async fn forgive(services: &Services, door: &Door) -> Result<(), Error> {
    let tx = services.db().begin().await?;
    failures::clear(&tx, &door.key, &door.network).await?;
    tx.commit_quiet(Quiet::Counted).await
}

/// Longer than any username, so that it can be no name cut short: what strangers type fills no table.
pub(crate) fn key_of(username: &str) -> String {
    name::key(username)
        .chars()
        .take(2 * name::LONGEST_USERNAME)
        .collect()
}

/// Puts a refusal on record. `user` is whom the name belongs to, if to anybody.
async fn record(
    services: &Services,
    call: &Call,
    username: &str,
    user: Option<&User>,
    why: &str,
) -> Result<(), Error> {
    let concerns = match user {
        Some(user) if user.break_glass => Concerns::SomebodyHere,
        _ => Concerns::of(call),
    };
    refusals::put(services, call, concerns, refusal(call, username, why)).await
}

fn refusal(call: &Call, username: &str, why: &str) -> muster_domain::audit::AuditEvent {
    let target: String = username
        .chars()
        .filter(|c| !c.is_control())
        .take(150)
        .collect();
    call.event(
        "signin.refused",
        &target,
        None,
        json!({"by": "password", "why": why}),
    )
}

fn too_many() -> Error {
    Error::new(
        "AUTH-002",
        Kind::TooMany,
        "There were too many wrong passwords.",
    )
    .next(
        "Wait 15 minutes, or sign in through an identity provider. Other people are not affected.",
    )
}

pub(crate) fn wrong() -> Error {
    Error::new(
        "AUTH-001",
        Kind::Invalid,
        "Name and password do not fit together.",
    )
    .next("Check both. If you sign in through your company, choose its button instead.")
}

/// Hashes a new password after measuring its strength. `about` are words it must not be built from.
///
/// # Errors
/// With a message beside the field `password` when it is too weak.
pub async fn make(services: &Services, password: &str, about: &[&str]) -> Result<String, Error> {
    check(password, about).map_err(|field| Error::form(vec![field]))?;
    services.hashing().hash(password, services.entropy()).await
}

/// Whether a password will do for somebody whose names are `about`.
///
/// # Errors
/// What is wrong with it, for its field.
pub fn check(password: &str, about: &[&str]) -> Result<(), FieldError> {
    let score = if password.len() > credential::LONGEST {
        0
    } else {
        strength(password, about)
    };
    credential::acceptable(password, score)
}

/// How hard to guess, 0 to 4 (zxcvbn; Wheeler, USENIX Security 2016). Looks at the first 100 characters only.
#[must_use]
pub fn strength(password: &str, about: &[&str]) -> u8 {
    let head: String = password.chars().take(100).collect();
    // Names are guessed whole, run together, and word by word.
    let words: Vec<String> = about
        .iter()
        .flat_map(|name| {
            let parts = name.split(|letter: char| !letter.is_alphanumeric());
            let joined: String = name.split_whitespace().collect();
            [(*name).to_owned(), joined].into_iter().chain(
                parts
                    .filter(|part| part.chars().count() > 2)
                    .map(str::to_owned),
            )
        })
        .collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    zxcvbn::zxcvbn(&head, &words).score() as u8
}
