//! A person's ways in: local password, identities at providers, break-glass.

use std::collections::BTreeSet;

use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::{ProviderId, UserId};
use muster_domain::mail::letters::About;
use muster_domain::role::Permission;
use muster_domain::session::{ElevatedSession, SessionKey};
use muster_domain::user::User;
use muster_domain::{Error, Kind};
use muster_storage::users::UserFilter;
use muster_storage::{
    Reader, Tx, accounts, credentials, elevations, providers, sessions, subjects, users,
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::find;
use crate::forced::{self, By};
use crate::provisioning::lapsing;
use crate::standing::Standing;
use crate::{
    Call, Services, directories, guard, lockout, notices, password, provisioning, roles,
    sign_in_policy,
};

/// Whether an account is break-glass: internal superadmin that works when every provider is down.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BreakGlass {
    /// It is.
    Yes,
    /// It is not.
    No,
}

/// An identity at a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The provider.
    pub provider: ProviderId,
    /// Its issuer.
    pub issuer: String,
    /// The subject within the issuer.
    pub subject: String,
}

/// Sets a person's local password. Sessions of anybody else whose password is set end with it.
///
/// # Errors
/// Without permission (one's own takes a secure session instead); for somebody without an internal account; for a
/// superadmin you do not outrank; `ELV-001` for somebody who holds a role, without a secure session; with a message
/// beside the field `password`.
pub async fn set_local_password(
    services: &Services,
    call: &Call,
    elevated: Option<&ElevatedSession<'_>>,
    id: UserId,
    password: &SecretString,
) -> Result<(), Error> {
    let own = may_change(call, id)?;
    let standing = roles::standing(services.db()).await?;
    ways_in(call, &standing, elevated, id)?;
    let user = users::get(services.db(), id)
        .await?
        .ok_or_else(|| Error::not_found("user"))?;
    let about = [
        &user.username,
        &user.display_name,
        user.email.as_ref().unwrap_or(&user.username),
    ];
    let hash = password::make(
        services,
        password.expose_secret(),
        &about.map(String::as_str),
    )
    .await?;
    let tx = services.db().begin().await?;
    sign_in_policy::may_have(&tx, id).await?;
    ways_in(call, &roles::standing_in(&tx).await?, elevated, id)?;
    let set_by = (!own).then(|| call.actor());
    credentials::set_password(&tx, id, &hash, set_by, &call.opens_for(id), call.at).await?;
    forced::settled(services, call, &tx, &user, By::of(call, id)).await?;
    // Whoever knew the old one is out; the session that changed it stays.
    let kept = call.session().filter(|_| own).map(|session| &session.key);
    sessions::revoke_of_user(&tx, id, kept).await?;
    let event = call.event(
        "user.password.set",
        &user.username,
        Some(id.0),
        json!({ "own": own }),
    );
    tx.commit(&[event]).await
}

/// Takes a person's local password away. Sessions that came by it end.
///
/// # Errors
/// As [`set_local_password`]; for a break-glass account, which needs it; when it is the last superadmin's only way in.
pub async fn remove_local_password(
    services: &Services,
    call: &Call,
    elevated: Option<&ElevatedSession<'_>>,
    id: UserId,
) -> Result<(), Error> {
    call.may(Permission::EditPeople)?;
    let tx = services.db().begin().await?;
    let user = find(&tx, id).await?;
    let before = lockout::before(services, &tx).await?;
    let standing = before.standing();
    ways_in(call, standing, elevated, id)?;
    if user.break_glass {
        return Err(Error::new(
            "USR-013",
            Kind::Conflict,
            "A break-glass account needs its password.",
        )
        .next("Make another account break-glass first."));
    }
    let other_ways = subjects::of_user(&tx, id).await?.len();
    keeps_a_way_in(standing, id, other_ways)?;
    if !credentials::remove_password(&tx, id).await? {
        return Err(Error::new(
            "USR-016",
            Kind::NotFound,
            "This person has no local password.",
        ));
    }
    before.holds(&tx).await?;
    forced::removed(services, call, &tx, &user).await?;
    let mut came_by_it = sessions::by_password(&tx).await?;
    came_by_it.retain(|(_, whose)| *whose == id);
    let came_by_it: Vec<_> = came_by_it.into_iter().map(|(key, _)| key).collect();
    let ended = end(&tx, call, &came_by_it).await?;
    let detail = json!({ "sessions_ended": ended });
    tx.commit(&[call.event("user.password.remove", &user.username, Some(id.0), detail)])
        .await
}

/// Ties an identity at a provider to a person. By hand and never by an e-mail address that somebody states.
///
/// # Errors
/// Without permission or, for somebody who holds a role, presence; for a superadmin you do not outrank; when the
/// identity belongs to somebody already; when the provider or the subject is missing.
pub async fn link_identity(
    services: &Services,
    call: &Call,
    elevated: Option<&ElevatedSession<'_>>,
    id: UserId,
    identity: &Identity,
) -> Result<(), Error> {
    call.may(Permission::EditPeople)?;
    let issuer = identity.issuer.trim();
    // A subject is compared byte by byte (OIDC Core section 2): it is taken as typed, blanks at its ends excepted.
    let subject = identity.subject.trim();
    if subject.is_empty() || subject.len() > 255 {
        return Err(Error::form(Vec::new()).field(
            "subject",
            "Enter the subject (sub), at most 255 characters.",
        ));
    }
    if issuer.is_empty() {
        return Err(Error::form(Vec::new()).field("issuer", "Enter the provider's issuer."));
    }
    let tx = services.db().begin().await?;
    find(&tx, id).await?;
    ways_in(call, &roles::standing_in(&tx).await?, elevated, id)?;
    providers::get(&tx, identity.provider)
        .await?
        .ok_or_else(|| Error::not_found("identity provider"))?;
    if let Some(known) = subjects::find(&tx, identity.provider, issuer, subject).await? {
        let owner = users::get(&tx, known.user)
            .await?
            .map(|user| user.username)
            .unwrap_or_default();
        return Err(Error::new(
            "USR-017",
            Kind::Conflict,
            format!("This identity belongs to {owner} already."),
        )
        .next("Unlink it there first."));
    }
    let action = Action::LinkIdentity {
        user: id,
        provider: identity.provider,
        issuer: issuer.to_owned(),
        subject: subject.to_owned(),
    };
    let change = Change::new(action, Cause::ByHand);
    let events = provisioning::apply(services, call, &tx, &[change]).await?;
    tx.commit(&events).await
}

/// Unties an identity from a person. The sessions that came by it end, one's own too, with every secure session that was
/// proven at its provider; of somebody else all sessions end.
///
/// # Errors
/// As [`link_identity`]; when it is not theirs; when it is the last superadmin's only way in.
pub async fn unlink_identity(
    services: &Services,
    call: &Call,
    elevated: Option<&ElevatedSession<'_>>,
    id: UserId,
    identity: &Identity,
) -> Result<(), Error> {
    call.may(Permission::EditPeople)?;
    let tx = services.db().begin().await?;
    let user = find(&tx, id).await?;
    let before = lockout::before(services, &tx).await?;
    let standing = before.standing();
    ways_in(call, standing, elevated, id)?;
    let theirs = subjects::of_user(&tx, id).await?;
    let is_theirs = theirs.iter().any(|known| {
        known.provider == identity.provider
            && known.issuer == identity.issuer
            && known.subject == identity.subject
    });
    if !is_theirs {
        return Err(Error::not_found("identity of this person"));
    }
    let password = usize::from(credentials::password(&tx, id).await?.is_some());
    keeps_a_way_in(standing, id, theirs.len() - 1 + password)?;
    subjects::unlink(&tx, identity.provider, &identity.issuer, &identity.subject).await?;
    before.holds(&tx).await?;
    let own = call.user().is_some_and(|caller| caller.id == id);
    let named = (identity.provider, &*identity.issuer, &*identity.subject);
    let came_by_it = sessions::of_identity(&tx, id, named).await?;
    let mut ended = end(&tx, call, &came_by_it).await?;
    elevations::drop_of_user_at(&tx, id, identity.provider, call.at).await?;
    if !own {
        elevations::drop_of_user(&tx, id, call.at).await?;
        ended += sessions::revoke_of_user(&tx, id, None).await?;
    }
    let provider = providers::get(&tx, identity.provider).await?;
    let name = provider.map_or_else(|| identity.issuer.clone(), |one| one.name);
    notices::tell(services, call, &tx, &user, About::IdentityUnlinked(name)).await?;
    let detail = json!({
        "provider": identity.provider,
        "issuer": identity.issuer,
        "subject": identity.subject,
        "sessions_ended": ended,
    });
    tx.commit(&[call.event("user.unlink", &user.username, Some(id.0), detail)])
        .await
}

/// Ends these sessions and the secure sessions inside them. How many there were.
async fn end(tx: &Tx, call: &Call, all: &[SessionKey]) -> Result<u64, Error> {
    let mut ended = 0;
    for session in all {
        elevations::drop_of_session(tx, session, call.at).await?;
        ended += u64::from(sessions::revoke(tx, session).await?);
    }
    Ok(ended)
}

/// Makes an account break-glass, or an ordinary one again.
///
/// # Errors
/// Without permission to manage roles or presence; when it is no active internal superadmin with a password; when it
/// is the last break-glass account.
pub async fn set_break_glass(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    id: UserId,
    wanted: BreakGlass,
) -> Result<(), Error> {
    call.may(Permission::ManageRoles)?;
    guard::present(call, Some(elevated))?;
    let tx = services.db().begin().await?;
    let before = lockout::before(services, &tx).await?;
    let mut user = find(&tx, id).await?;
    match wanted {
        BreakGlass::Yes => fit_for_break_glass(services, call, &tx, &user).await?,
        BreakGlass::No => {
            if break_glass(&tx).await? == BTreeSet::from([id]) {
                return Err(Error::new(
                    "USR-012",
                    Kind::Conflict,
                    "This is the last break-glass account.",
                )
                .next("Make another account break-glass first."));
            }
        }
    }
    user.break_glass = wanted == BreakGlass::Yes;
    user.updated_at = call.at;
    users::update(&tx, &user).await?;
    if wanted == BreakGlass::No {
        lapsing::person(&tx, id).await?;
    }
    before.holds(&tx).await?;
    let detail = json!({ "break_glass": user.break_glass });
    tx.commit(&[call.event("user.break_glass", &user.username, Some(id.0), detail)])
        .await
}

async fn fit_for_break_glass(
    services: &Services,
    call: &Call,
    tx: &Tx,
    user: &User,
) -> Result<(), Error> {
    has_internal_account(services, call, tx, user.id).await?;
    let holds = roles::standing_in(tx)
        .await?
        .superadmins()
        .contains(&user.id);
    let has_password = credentials::password(tx, user.id).await?.is_some();
    if holds && has_password {
        return Ok(());
    }
    Err(Error::new(
        "USR-018",
        Kind::Conflict,
        "A break-glass account is an active superadmin with a local password.",
    )
    .next("Grant the role and set a password first."))
}

/// Active break-glass accounts.
pub(super) async fn break_glass(reader: &impl Reader) -> Result<BTreeSet<UserId>, Error> {
    let filter = UserFilter {
        active: Some(true),
        break_glass: Some(true),
        ..UserFilter::default()
    };
    Ok(users::ids(reader, &filter, 1000)
        .await?
        .into_iter()
        .collect())
}

/// One's own password may be changed by anybody who proves presence; others' by those who edit people.
/// Says whether it is one's own.
fn may_change(call: &Call, id: UserId) -> Result<bool, Error> {
    let own = call.user().is_some_and(|caller| caller.id == id);
    if !own {
        call.may(Permission::EditPeople)?;
    }
    Ok(own)
}

/// Whoever controls a person's ways in controls what the person may do: rank and, for holders of a role, presence.
pub(crate) fn ways_in(
    call: &Call,
    standing: &Standing,
    elevated: Option<&ElevatedSession<'_>>,
    id: UserId,
) -> Result<(), Error> {
    let own = call.user().is_some_and(|caller| caller.id == id);
    if !own {
        guard::may_alter(call, standing, id)?;
    }
    if own || guard::is_privileged(standing, id) {
        guard::present(call, elevated)?;
    }
    Ok(())
}

/// A local password beside an identity provider would be a way around it.
async fn has_internal_account(
    services: &Services,
    call: &Call,
    tx: &Tx,
    id: UserId,
) -> Result<(), Error> {
    let directory = directories::internal(services, call, tx).await?;
    let accounts = accounts::of_user(tx, id).await?;
    if accounts
        .iter()
        .any(|account| account.directory == directory.id)
    {
        return Ok(());
    }
    Err(Error::new(
        "USR-005",
        Kind::Conflict,
        "This person has no internal account.",
    )
    .next("A password here would be a way around their identity provider."))
}

fn keeps_a_way_in(standing: &Standing, id: UserId, other_ways: usize) -> Result<(), Error> {
    if other_ways == 0 && standing.superadmins() == BTreeSet::from([id]) {
        return Err(Error::new(
            "ROLE-005",
            Kind::Conflict,
            "This is the only way in of the only superadmin.",
        )
        .next("Give them another way in, or grant the role to somebody else first."));
    }
    Ok(())
}
