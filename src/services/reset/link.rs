//! Links to choose a password: made, opened in a browser, used once.

use chrono::{DateTime, Utc};
use muster_domain::id::UserId;
use muster_domain::mail::letters::{About, Link};
use muster_domain::opener::Openers;
use muster_domain::role::{Permission, Role};
use muster_domain::session::ElevatedSession;
use muster_domain::user::User;
use muster_domain::{Error, Kind, name};
use muster_storage::password_links::{self, PasswordLink, Purpose};
use muster_storage::{Reader, Tx, credentials, elevations, sessions, throttle, users};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use super::{LASTS, SENT_LASTS, post, readers, refused};
use crate::digest::sha256_hex;
use crate::forced::{self, By, not_oneself};
use crate::refusals::{self, Concerns};
use crate::{Call, Services, mail, password, roles, sign_in_policy, site, users as people};

/// What a link was made for, and when it is void before its time.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Detail {
    /// Where it was sent; another address of the person voids it. None: it was handed over.
    pub(super) address: Option<String>,
    /// The administrator who made it. None: the person asked for it.
    pub(super) by: Option<String>,
    /// The roles the person held then: whoever made the link was let do that for these, and for no other.
    pub(super) roles: Vec<Role>,
    /// Who, beside the person, may read it where it goes.
    pub(super) opened_by: Openers,
}

pub(super) async fn make(
    services: &Services,
    call: &Call,
    tx: &Tx,
    user: UserId,
    purpose: Purpose,
    detail: Detail,
) -> Result<(Url, DateTime<Utc>), Error> {
    let token = services.token();
    let lasts = if detail.by.is_some() {
        SENT_LASTS
    } else {
        LASTS
    };
    let link = PasswordLink {
        token_hash: sha256_hex(&token),
        user,
        purpose,
        detail: json!(detail),
        created_at: call.at,
        expires_at: call.at + lasts,
    };
    password_links::replace(tx, &link).await?;
    let base = site::url_in(services, tx).await?;
    Ok((
        site::join(&base, &format!("reset?code={token}"))?,
        link.expires_at,
    ))
}

/// A link that an administrator made for somebody.
#[derive(Debug)]
pub enum Made {
    /// It is on its way to this address.
    Sent(String),
    /// It is to be handed over: no messages are sent, or the person has no address. Shown once.
    Handed {
        /// The link. Whoever has it sets the password.
        link: SecretString,
        /// Until when it counts.
        until: DateTime<Utc>,
    },
}

/// Sends somebody a link to choose a password, or gives one to hand over.
///
/// # Errors
/// Without permission or, for somebody who holds a role, presence; for a superadmin the caller does not outrank; for
/// oneself; `PWD-003` for somebody deactivated; `PWD-004` for a break-glass account; where policy allows no password.
pub async fn make_for(
    services: &Services,
    call: &Call,
    elevated: Option<&ElevatedSession<'_>>,
    id: UserId,
) -> Result<Made, Error> {
    call.may(Permission::EditPeople)?;
    not_oneself(call, id)?;
    let tx = services.db().begin().await?;
    let user = users::get(&tx, id)
        .await?
        .ok_or_else(|| Error::not_found("user"))?;
    let standing = roles::standing_in(&tx).await?;
    people::ways_in(call, &standing, elevated, id)?;
    if !user.is_active() {
        return Err(
            Error::new("PWD-003", Kind::Conflict, "This person is deactivated.")
                .next("Reactivate them first."),
        );
    }
    if user.break_glass {
        return Err(Error::new(
            "PWD-004",
            Kind::Conflict,
            "No link is made for a break-glass account.",
        )
        .next("Somebody on the server's shell makes a way in with “muster admin recover”."));
    }
    sign_in_policy::may_have(&tx, id).await?;
    let address = match mail::is_configured(&tx).await? {
        true => user.email.clone(),
        false => None,
    };
    let by = call.actor().to_owned();
    let mut opened_by = call.opens_for(id);
    if address.is_some() {
        opened_by = opened_by.or(readers(&tx, &user).await?);
    }
    let detail = Detail {
        address: address.clone(),
        by: Some(by.clone()),
        roles: standing.roles_of(id),
        opened_by,
    };
    let purpose = if address.is_some() {
        Purpose::Sent
    } else {
        Purpose::Handed
    };
    password_links::remove_choosing(&tx, id).await?;
    let (url, until) = make(services, call, &tx, id, purpose, detail).await?;
    let made = match address {
        Some(address) => {
            let link = Link {
                url: url.into(),
                until,
            };
            post(
                services,
                call,
                &tx,
                (&user, &address),
                &About::Sent { link, by },
            )
            .await?;
            Made::Sent(address)
        }
        None => Made::Handed {
            link: String::from(url).into(),
            until,
        },
    };
    let detail = json!({"sent": matches!(made, Made::Sent(_)), "until": until});
    tx.commit(&[call.event("user.password.link", &user.username, Some(id.0), detail)])
        .await?;
    Ok(made)
}

/// A link that was opened in a browser: what its session keeps instead of the token.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Opened(String);

/// Opens a link. Opening uses nothing up: what fetches addresses ahead ends no link.
///
/// # Errors
/// `RST-010` when it does not count (any more).
pub async fn open(services: &Services, call: &Call, token: &str) -> Result<Opened, Error> {
    let opened = Opened(sha256_hex(token));
    look(services, call, &opened).await.map(|_| opened)
}

/// Whose password an opened link sets.
///
/// # Errors
/// `RST-010` when it does not count (any more).
pub async fn look(services: &Services, call: &Call, opened: &Opened) -> Result<User, Error> {
    match find(services.db(), call, opened).await {
        Ok((_, _, user)) => Ok(user),
        Err(error) if error.kind == Kind::NotFound => {
            let event = call.event(
                "password.refused",
                "link",
                None,
                json!({"code": error.code}),
            );
            let kept = refusals::put(services, call, Concerns::of(call), event).await;
            Err(kept.err().unwrap_or(error))
        }
        Err(error) => Err(error),
    }
}

async fn find(
    reader: &impl Reader,
    call: &Call,
    opened: &Opened,
) -> Result<(PasswordLink, Detail, User), Error> {
    let link = password_links::find(reader, &opened.0, call.at)
        .await?
        .filter(|link| link.purpose != Purpose::Recovery)
        .ok_or_else(over)?;
    let detail: Detail =
        serde_json::from_value(link.detail.clone()).map_err(|error| over().internal(error))?;
    let user = users::get(reader, link.user).await?.ok_or_else(over)?;
    let same_address = detail.address.is_none() || detail.address == user.email;
    if !user.is_active() || user.break_glass || !same_address {
        return Err(over());
    }
    Ok((link, detail, user))
}

/// No link was opened here, or it does not count any more.
#[must_use]
pub fn over() -> Error {
    Error::new("RST-010", Kind::NotFound, "This link does not count, or not any more.")
        .next("It counts once and not for long, and a newer one takes its place. Ask for a new one on the sign-in page, or ask an administrator.")
}

/// A link is not opened in the middle of a session.
#[must_use]
pub fn signed_in() -> Error {
    Error::new(
        "RST-011",
        Kind::Conflict,
        "You are signed in here, and a link for a new password is for somebody who is not.",
    )
    .next("Sign out first, then open the link again. It still counts.")
}

/// Uses an opened link: sets the password, ends every session of the account. Signs nobody in.
///
/// # Errors
/// `RST-010` when it does not count (any more); with a message beside the field `password`, and then it still counts.
pub async fn redeem(
    services: &Services,
    call: &Call,
    opened: &Opened,
    new: &SecretString,
) -> Result<User, Error> {
    let user = look(services, call, opened).await?;
    let hash = password::make(services, new.expose_secret(), &user.names()).await?;
    let tx = services.db().begin().await?;
    let standing = roles::standing_in(&tx).await?;
    let (link, detail, user) = find(&tx, call, opened).await?;
    let refused = match &detail.by {
        None => refused(&tx, &user).await?.is_some(),
        Some(_) => {
            let policy = sign_in_policy::may_have(&tx, user.id).await.is_err();
            let gained = |role| !detail.roles.contains(role);
            policy || standing.roles_of(user.id).iter().any(gained)
        }
    };
    let once = !refused && password_links::use_up(&tx, &link.token_hash, call.at).await?;
    if !once {
        return Err(over());
    }
    // Who handed a link over could have opened it: it is their way in until the person sets a password themselves.
    let set_by = detail
        .by
        .as_deref()
        .filter(|_| link.purpose == Purpose::Handed);
    credentials::set_password(&tx, user.id, &hash, set_by, &detail.opened_by, call.at).await?;
    if link.purpose != Purpose::Handed {
        credentials::set_mailed(&tx, user.id).await?;
    }
    forced::settled(services, call, &tx, &user, By::Owner).await?;
    let ended = sessions::revoke_of_user(&tx, user.id, None).await?;
    elevations::drop_of_user(&tx, user.id, call.at).await?;
    throttle::clear_account(&tx, &name::key(&user.username)).await?;
    let mut event = call.event(
        "password.reset",
        &user.username,
        Some(user.id.0),
        json!({"asked_by": detail.by, "handed": link.purpose == Purpose::Handed, "sessions_ended": ended}),
    );
    event.actor.clone_from(&user.username);
    event.actor_id = Some(user.id.0);
    tx.commit(&[event]).await?;
    Ok(user)
}
