//! Whose passwords count: stored once, asked at every door that a password opens.

use muster_domain::factor::Enrolled;
use muster_domain::id::UserId;
use muster_domain::role::Permission;
use muster_domain::session::ElevatedSession;
use muster_domain::sign_in::{Holder, Passwords, Shut, SignInPolicy};
use muster_domain::{Error, Kind};
use muster_storage::{Reader, break_glass, elevations, sessions, settings, ways_in};
use serde_json::json;

use crate::{Call, Services, guard, lockout};

const KEY: &str = "policy.sign_in";

/// The policy.
///
/// # Errors
/// Without permission.
pub async fn get(services: &Services, call: &Call) -> Result<SignInPolicy, Error> {
    call.may(Permission::ViewSettings)?;
    stored(services.db()).await
}

pub(crate) async fn stored(reader: &impl Reader) -> Result<SignInPolicy, Error> {
    Ok(settings::get(reader, KEY).await?.unwrap_or_default())
}

/// Whether anybody but a break-glass account signs in with a password, for the sign-in page. Tells nothing of anybody.
///
/// # Errors
/// When the database cannot be read.
pub async fn offers_passwords(services: &Services) -> Result<bool, Error> {
    Ok(stored(services.db()).await?.passwords == Passwords::Everybody)
}

/// Whose passwords count, and what the policy looks at in one person.
async fn looked_at(reader: &impl Reader, user: UserId) -> Result<(SignInPolicy, Holder), Error> {
    let held = ways_in::held(reader, &[user]).await?.into_iter().next();
    let holder = held.map_or(
        Holder {
            break_glass: false,
            internal: false,
            enrolled: Enrolled::No,
        },
        |held| Holder {
            break_glass: held.break_glass,
            internal: held.internal,
            enrolled: held.kit.enrolled,
        },
    );
    Ok((stored(reader).await?, holder))
}

/// Whether this person's password counts now.
pub(crate) async fn admits(reader: &impl Reader, user: UserId) -> Result<Result<(), Shut>, Error> {
    let (policy, holder) = looked_at(reader, user).await?;
    Ok(policy.admits(holder))
}

/// Whether this person may be given a password.
///
/// # Errors
/// `USR-005` for somebody whom a provider brought, `PWD-001` when passwords are switched off.
pub(crate) async fn may_have(reader: &impl Reader, user: UserId) -> Result<(), Error> {
    let (policy, holder) = looked_at(reader, user).await?;
    match policy.may_have(holder) {
        Ok(()) => Ok(()),
        Err(Shut::SwitchedOff) => Err(Error::new(
            "PWD-001",
            Kind::Conflict,
            "Passwords are switched off: only those of break-glass accounts count.",
        )
        .next("They sign in through an identity provider. Security → Sign-in changes who may use a password.")),
        Err(Shut::Provided | Shut::WithoutFactor) => Err(Error::new(
            "USR-005",
            Kind::Conflict,
            "This person has no internal account.",
        )
        .next("A password here would be a way around their identity provider. Security → Sign-in says who may have one.")),
    }
}

/// Active break-glass accounts, whose passwords count under every policy.
///
/// # Errors
/// Without permission.
pub async fn excepted(
    services: &Services,
    call: &Call,
) -> Result<Vec<break_glass::Account>, Error> {
    call.may(Permission::ViewSettings)?;
    break_glass::accounts(services.db()).await
}

/// Sets the policy. Sessions that came by a password which counts no more end, the caller's own excepted.
///
/// # Errors
/// Without permission or presence; `LOCK-001` when no superadmin would be known to get in.
pub async fn set(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    policy: SignInPolicy,
) -> Result<(), Error> {
    call.may(Permission::ManageSettings)?;
    guard::present(call, Some(elevated))?;
    let tx = services.db().begin().await?;
    let before = lockout::before(services, &tx).await?;
    let was = stored(&tx).await?;
    if was == policy {
        return tx.rollback().await;
    }
    settings::set(&tx, KEY, &policy).await?;
    before.holds(&tx).await?;
    let mut ended = 0_u64;
    for (session, user) in sessions::by_password(&tx).await? {
        let own = call.session().is_some_and(|own| own.key == session);
        if !own && admits(&tx, user).await?.is_err() {
            elevations::drop_of_session(&tx, &session, call.at).await?;
            ended += u64::from(sessions::revoke(&tx, &session).await?);
        }
    }
    let detail = json!({
        "before": was, "after": policy, "sessions_ended": ended, "elevation": elevated.id(),
    });
    tx.commit(&[call.event("policy.sign_in", "sign-in", None, detail)])
        .await
}
