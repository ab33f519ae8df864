//! The way back in when nobody gets in: somebody on the server's shell makes a link that sets a superadmin's password.
//!
//! The link counts once and for fifteen minutes; its token is kept as a hash. Making it changes no way in: what it does
//! happens when it is used, in one step. Whoever comes in by it holds a break-glass account from then on, so that no
//! sign-in policy keeps out whom the shell let in, and says what for, like every user of one.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::credential::Imprint;
use muster_domain::id::UserId;
use muster_domain::membership::Member;
use muster_domain::opener::Openers;
use muster_domain::role::Role;
use muster_domain::session::Entry;
use muster_domain::user::{State, User};
use muster_domain::{Error, Kind, name};
use muster_storage::password_links::{self, PasswordLink, Purpose};
use muster_storage::{
    Reader, Tx, credentials, elevations, factors, recovery_codes, sessions, throttle, users,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use crate::digest::sha256_hex;
use crate::forced::{self, By};
use crate::refusals::{self, Concerns};
use crate::roles::Declared;
use crate::users::BreakGlass;
use crate::{Call, Services, Who, break_glass, password, roles, site, users as people};

/// How long a link counts.
pub const LASTS: TimeDelta = TimeDelta::minutes(15);

/// For whom a link is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum For {
    /// Somebody who is superadmin.
    Superadmin,
    /// Somebody who is here, and is to be superadmin from now on.
    Grant,
    /// Somebody new.
    New,
}

/// What becomes of the second factors.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Factors {
    /// They stay: whoever uses the link needs one of them.
    Kept,
    /// They go, when the link is used.
    Removed,
}

#[derive(Serialize, Deserialize)]
struct Detail {
    factors: Factors,
}

/// A link that was made.
#[derive(Debug)]
pub struct Made {
    /// The link. Whoever has it gets in.
    pub link: Url,
    /// Whom it lets in.
    pub user: User,
    /// Until when.
    pub until: DateTime<Utc>,
    /// Whether they will be asked for a second factor after it.
    pub asks_factor: bool,
}

/// Makes a link. For the server's shell alone.
///
/// # Errors
/// `WEB-403` for anybody else; `REC-001` for a name that nobody has, `REC-002` for one that several have, `REC-003` for
/// somebody who is no superadmin, `REC-004` for somebody deactivated, `REC-005` for a new one whose name is taken.
pub async fn make(
    services: &Services,
    call: &Call,
    name: &str,
    wanted: For,
    factors: Factors,
) -> Result<Made, Error> {
    if !matches!(call.who, Who::System(_)) {
        return Err(Error::new(
            "WEB-403",
            Kind::Forbidden,
            "Only somebody on the server's shell may do that.",
        ));
    }
    let token = services.token();
    let base = site::url(services).await?;
    let tx = services.db().begin().await?;
    let mut events = Vec::new();
    let user = match wanted {
        For::New => {
            let (user, made) = newcomer(services, call, &tx, name).await?;
            events.extend(made);
            user
        }
        For::Superadmin | For::Grant => known(&tx, name).await?,
    };
    if let State::Deactivated(by) = &user.state {
        return Err(Error::new(
            "REC-004",
            Kind::Conflict,
            format!("{} was deactivated by {}.", user.username, by.by),
        )
        .next("Make a link for another superadmin, or a new one with --create and another name. They can reactivate this person."));
    }
    let holds = roles::standing_in(&tx)
        .await?
        .superadmins()
        .contains(&user.id);
    if !holds && wanted == For::Superadmin {
        return Err(Error::new(
            "REC-003",
            Kind::Conflict,
            format!("{} is no superadmin.", user.username),
        )
        .next(format!(
            "{} To make {} one, say so with --grant.",
            superadmins(&tx).await?,
            user.username
        )));
    }
    if !holds {
        let grant = Declared::Grant(Role::Superadmin, Member::User(user.id));
        events.push(roles::declare(services, call, &tx, grant).await?);
    }
    let link = PasswordLink {
        token_hash: sha256_hex(&token),
        user: user.id,
        purpose: Purpose::Recovery,
        detail: json!(Detail { factors }),
        created_at: call.at,
        expires_at: call.at + LASTS,
    };
    password_links::replace(&tx, &link).await?;
    let detail = json!({
        "until": link.expires_at, "new": wanted == For::New, "granted": !holds, "factors": factors,
    });
    events.push(call.event("recover.link", &user.username, Some(user.id.0), detail));
    let enrolled = factors_of(&tx, user.id).await?;
    tx.commit(&events).await?;
    Ok(Made {
        link: site::join(&base, &format!("recover?code={token}"))?,
        until: link.expires_at,
        asks_factor: enrolled && factors == Factors::Kept,
        user,
    })
}

async fn factors_of(reader: &impl Reader, user: UserId) -> Result<bool, Error> {
    use muster_domain::factor::Enrolled;
    Ok(factors::enrolled(reader, user).await? == Enrolled::Yes)
}

async fn newcomer(
    services: &Services,
    call: &Call,
    tx: &Tx,
    name: &str,
) -> Result<(User, Vec<muster_domain::audit::AuditEvent>), Error> {
    let fields = people::checked_fields(name, name, "")?;
    if let Some(other) = users::by_username(tx, &fields.username).await? {
        return Err(Error::new(
            "REC-005",
            Kind::Conflict,
            format!("There is a user {} already.", other.username),
        )
        .next("Leave --create out to let them in, with --grant if they are no superadmin; or choose another name."));
    }
    people::insert_internal(services, call, tx, &fields, BreakGlass::No).await
}

/// Whoever has this username or e-mail address.
async fn known(tx: &Tx, name: &str) -> Result<User, Error> {
    let mut found: BTreeMap<UserId, User> = BTreeMap::new();
    for user in users::by_username(tx, name)
        .await?
        .into_iter()
        .chain(users::by_email(tx, name).await?)
    {
        found.insert(user.id, user);
    }
    if found.len() > 1 {
        let mut names: Vec<&str> = found.values().map(|user| user.username.as_str()).collect();
        names.sort_unstable();
        return Err(Error::new(
            "REC-002",
            Kind::Conflict,
            format!(
                "Several people go by “{}”: {}.",
                shown(name),
                names.join(", ")
            ),
        )
        .next("Name one of them by their username."));
    }
    match found.into_values().next() {
        Some(user) => Ok(user),
        None => Err(Error::new(
            "REC-001",
            Kind::NotFound,
            format!("Nobody here goes by “{}”.", shown(name)),
        )
        .next(format!(
            "{} To make a new superadmin of this name, add --create.",
            superadmins(tx).await?
        ))),
    }
}

fn shown(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).take(100).collect()
}

/// Who is superadmin, in a sentence: whoever reads it has the database anyway.
async fn superadmins(tx: &Tx) -> Result<String, Error> {
    let ids: Vec<UserId> = roles::standing(tx)
        .await?
        .superadmins()
        .into_iter()
        .collect();
    let mut names: Vec<String> = users::get_many(tx, &ids)
        .await?
        .into_iter()
        .map(|user| user.username)
        .collect();
    names.sort();
    Ok(match names.as_slice() {
        [] => "There is no superadmin who may sign in.".to_owned(),
        [one] => format!("The superadmin is {one}."),
        many => format!("The superadmins are {}.", many.join(", ")),
    })
}

/// Whom a link lets in. Looking uses nothing up: what fetches addresses ahead ends no link.
///
/// # Errors
/// `REC-010` when it does not count (any more).
pub async fn look(services: &Services, call: &Call, token: &str) -> Result<User, Error> {
    match open(services.db(), call, token).await {
        Ok((_, user)) => Ok(user),
        Err(error) => Err(refused(services, call, error).await),
    }
}

async fn open(
    reader: &impl Reader,
    call: &Call,
    token: &str,
) -> Result<(PasswordLink, User), Error> {
    let link = password_links::find(reader, &sha256_hex(token), call.at)
        .await?
        .filter(|link| link.purpose == Purpose::Recovery)
        .ok_or_else(over)?;
    let user = users::get(reader, link.user)
        .await?
        .filter(User::is_active)
        .ok_or_else(over)?;
    Ok((link, user))
}

async fn refused(services: &Services, call: &Call, error: Error) -> Error {
    if error.kind != Kind::NotFound {
        return error;
    }
    let event = call.event("recover.refused", "recovery link", None, json!({}));
    let kept = refusals::put(services, call, Concerns::of(call), event).await;
    kept.err().unwrap_or(error)
}

fn over() -> Error {
    Error::new(
        "REC-010",
        Kind::NotFound,
        "This link does not count, or not any more.",
    )
    .next("It counts once and for fifteen minutes. Make a new one on the server's shell with “muster admin recover”.")
}

/// How the link let somebody in.
#[derive(Debug)]
pub enum Recovered {
    /// All the way, and how.
    In(Box<User>, Entry),
    /// Their password is set; they sign in with it and their second factor.
    AskFactor(Box<User>),
}

/// Uses a link: sets the password, ends every session of the account, makes it break-glass.
///
/// # Errors
/// `REC-010` when the link does not count (any more), or the person holds the role no more; with a message beside the
/// field `password`, and then the link still counts.
pub async fn redeem(
    services: &Services,
    call: &Call,
    token: &str,
    new: &SecretString,
) -> Result<Recovered, Error> {
    let user = look(services, call, token).await?;
    let hash = password::make(services, new.expose_secret(), &user.names()).await?;
    let tx = services.db().begin().await?;
    let standing = roles::standing_in(&tx).await?;
    let (link, mut user) = open(&tx, call, token).await?;
    let once = password_links::use_up(&tx, &link.token_hash, call.at).await?;
    if !once || !standing.superadmins().contains(&user.id) {
        return Err(over());
    }
    let Detail { factors } =
        serde_json::from_value(link.detail).map_err(|error| over().internal(error))?;
    password_links::remove_of_user(&tx, user.id).await?;
    let nobody = Openers::nobody();
    credentials::set_password(&tx, user.id, &hash, None, &nobody, call.at).await?;
    forced::settled(services, call, &tx, &user, By::Owner).await?;
    sessions::revoke_of_user(&tx, user.id, None).await?;
    elevations::drop_of_user(&tx, user.id, call.at).await?;
    throttle::clear_account(&tx, &name::key(&user.username)).await?;
    let mut removed = 0_u64;
    if factors == Factors::Removed {
        for factor in factors::of_user(&tx, user.id).await? {
            removed += u64::from(factors::remove(&tx, user.id, factor.id).await?);
        }
        recovery_codes::remove(&tx, user.id).await?;
    }
    user.break_glass = true;
    user.updated_at = call.at;
    users::update(&tx, &user).await?;
    let asks_factor = factors_of(&tx, user.id).await?;
    let mut event = call.event(
        "recover.use",
        &user.username,
        Some(user.id.0),
        json!({"factors_removed": removed, "asks_factor": asks_factor}),
    );
    event.actor.clone_from(&user.username);
    event.actor_id = Some(user.id.0);
    let mut events = vec![event];
    if !asks_factor {
        users::touch_sign_in(&tx, user.id, call.at).await?;
        events.push(break_glass::used(services, call, &tx, &user).await?);
    }
    tx.commit(&events).await?;
    Ok(if asks_factor {
        Recovered::AskFactor(Box::new(user))
    } else {
        // The link of the shell just set the password: nobody else knows it.
        let entry = Entry::by_password(Openers::nobody(), Imprint::of(&hash));
        Recovered::In(Box::new(user), entry)
    })
}
