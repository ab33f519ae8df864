//! Passwords that somebody else knows, or that an administrator wants changed: whoever signs in with one chooses another
//! before anything else. So what an administrator typed does not last (ASVS 6.4.6); what comes of a link
//! that they handed over keeps them as its opener.
//!
//! What marks a password ends the sessions of its owner in the same transaction. So a session that was found to owe no
//! change never comes to owe one, and need not be asked about again.

use muster_domain::id::UserId;
use muster_domain::mail::letters::About;
use muster_domain::role::Permission;
use muster_domain::session::{ElevatedSession, Means};
use muster_domain::user::User;
use muster_domain::{Error, Kind};
use muster_storage::{
    Quiet, Tx, credentials, forced_changes as rows, password_links, sessions, users,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::{Call, Services, notices, password, roles, sign_in_policy, users as people};

/// Who set a password.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum By {
    /// The person whose it is.
    Owner,
    /// Somebody else: it lets in to nothing but the choice of another.
    Other,
}

impl By {
    /// Who this call is to the person of this id. A part of the program acts for whoever is on the server's shell.
    pub(crate) fn of(call: &Call, id: UserId) -> Self {
        match call.user() {
            Some(caller) if caller.id != id => Self::Other,
            _ => Self::Owner,
        }
    }
}

/// What goes along with a new password, in its transaction: links are void, its owner is told, and has to choose
/// another one if it was not them.
pub(crate) async fn settled(
    services: &Services,
    call: &Call,
    tx: &Tx,
    user: &User,
    by: By,
) -> Result<(), Error> {
    password_links::remove_choosing(tx, user.id).await?;
    let about = match by {
        By::Owner => {
            rows::done(tx, user.id).await?;
            About::PasswordChanged
        }
        By::Other => {
            rows::want(tx, user.id, call.actor(), call.at).await?;
            About::PasswordSetBy(call.actor().to_owned())
        }
    };
    notices::tell(services, call, tx, user, about).await
}

/// What goes along with taking a password away.
pub(crate) async fn removed(
    services: &Services,
    call: &Call,
    tx: &Tx,
    user: &User,
) -> Result<(), Error> {
    password_links::remove_choosing(tx, user.id).await?;
    rows::done(tx, user.id).await?;
    notices::tell(services, call, tx, user, About::PasswordRemoved).await
}

/// Whether the caller came in by a password that they have to change first.
///
/// # Errors
/// When the database cannot be read.
pub async fn owes_change(services: &Services, call: &Call) -> Result<bool, Error> {
    let Some(person) = call.person() else {
        return Ok(false);
    };
    if person.session.means != Means::Password {
        return Ok(false);
    }
    let (user, since) = (person.user.id, person.session.signed_in_at);
    if services.unforced().holds(user, since) {
        return Ok(false);
    }
    let owes = rows::of_user(services.db(), user).await?.is_some();
    if !owes {
        services.unforced().keep(user, since);
    }
    Ok(owes)
}

/// A password that must be changed proves nothing but who may change it.
///
/// # Errors
/// `PWD-005` when this person's must be changed.
pub(crate) async fn none_for(services: &Services, user: UserId) -> Result<(), Error> {
    match rows::of_user(services.db(), user).await? {
        None => Ok(()),
        Some(forced) => Err(Error::new(
            "PWD-005",
            Kind::Conflict,
            format!("Your password has to be changed first: {} wants it.", forced.wanted_by),
        )
        .next("Sign in with it in a new window: you are led to the change. Or prove presence another way.")),
    }
}

/// Sets the caller's password in the place of one that had to be changed. This session stays, the others end.
///
/// # Errors
/// `PWD-006` when nothing has to be changed; `WEB-401` when this session came by another password than the one to be
/// replaced: then it is over; with a message beside the field `password`.
pub async fn change(services: &Services, call: &Call, new: &SecretString) -> Result<(), Error> {
    let person = call.signed_in()?;
    let user = &person.user;
    if !owes_change(services, call).await? {
        return Err(nothing_owed());
    }
    let before = credentials::password(services.db(), user.id).await?;
    let current = before.as_ref().map(credentials::Password::imprint);
    let key = &person.session.key;
    if current.is_some() && sessions::came_by(services.db(), key).await? != current {
        let tx = services.db().begin().await?;
        sessions::revoke(&tx, key).await?;
        tx.commit_quiet(Quiet::SessionData).await?;
        return Err(Error::new(
            "WEB-401",
            Kind::SignInNeeded,
            "Sign in to see this.",
        ));
    }
    let before = before.as_ref().map(|stored| stored.phc.as_str());
    if services
        .hashing()
        .matches(new.expose_secret(), before)
        .await?
    {
        return Err(Error::form(Vec::new()).field(
            "password",
            "This is the password that has to be changed. Choose another one.",
        ));
    }
    let hash = password::make(services, new.expose_secret(), &user.names()).await?;
    let tx = services.db().begin().await?;
    sign_in_policy::may_have(&tx, user.id).await?;
    let still = rows::of_user(&tx, user.id).await?.is_some();
    // Whoever took the password away or set another one meanwhile has the last word.
    let same = credentials::password(&tx, user.id)
        .await?
        .map(|stored| stored.phc);
    if !still || same.as_deref() != before {
        return Err(nothing_owed());
    }
    // Whoever set the password before may be the one who sits here.
    let opened_by = call.opens_for(user.id);
    credentials::set_password(&tx, user.id, &hash, None, &opened_by, call.at).await?;
    settled(services, call, &tx, user, By::Owner).await?;
    sessions::revoke_of_user(&tx, user.id, Some(&person.session.key)).await?;
    let detail = json!({"own": true, "forced": true});
    tx.commit(&[call.event("user.password.set", &user.username, Some(user.id.0), detail)])
        .await
}

fn nothing_owed() -> Error {
    Error::new(
        "PWD-006",
        Kind::Conflict,
        "Your password does not have to be changed.",
    )
    .next("Your account page changes it when you want to.")
}

/// Has somebody choose another password at their next sign-in. Their sessions end.
///
/// # Errors
/// Without permission or, for somebody who holds a role, presence; for a superadmin the caller does not outrank; for
/// oneself; `USR-016` for somebody without a password.
pub async fn want(
    services: &Services,
    call: &Call,
    elevated: Option<&ElevatedSession<'_>>,
    id: UserId,
) -> Result<(), Error> {
    call.may(Permission::EditPeople)?;
    not_oneself(call, id)?;
    let tx = services.db().begin().await?;
    let user = users::get(&tx, id)
        .await?
        .ok_or_else(|| Error::not_found("user"))?;
    people::ways_in(call, &roles::standing_in(&tx).await?, elevated, id)?;
    if credentials::password(&tx, id).await?.is_none() {
        return Err(Error::new(
            "USR-016",
            Kind::NotFound,
            "This person has no local password.",
        ));
    }
    rows::want(&tx, id, call.actor(), call.at).await?;
    sessions::revoke_of_user(&tx, id, None).await?;
    notices::tell(
        services,
        call,
        &tx,
        &user,
        About::MustChange(call.actor().to_owned()),
    )
    .await?;
    tx.commit(&[call.event(
        "user.password.expire",
        &user.username,
        Some(id.0),
        json!({}),
    )])
    .await
}

/// Whether a person's password must be changed, for whoever may see the person.
///
/// # Errors
/// When the database cannot be read.
pub(crate) async fn is_wanted(services: &Services, id: UserId) -> Result<bool, Error> {
    Ok(rows::of_user(services.db(), id).await?.is_some())
}

pub(crate) fn not_oneself(call: &Call, id: UserId) -> Result<(), Error> {
    if call.user().is_some_and(|caller| caller.id == id) {
        return Err(Error::new(
            "PWD-007",
            Kind::Invalid,
            "This is for other people's passwords.",
        )
        .next("Change your own on your account page."));
    }
    Ok(())
}
