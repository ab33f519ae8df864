//! Second factors: added, listed, renamed, removed; recovery codes made. Checking is in [`check`], passkeys are added in
//! [`passkey`].
//!
//! Adding takes a secure session, or whoever sits at an open browser would add their own; [`permit`] is the one way
//! around it. A secret is shown while its factor is pending and never again; a factor counts once its owner typed a code
//! of it.

use chrono::TimeDelta;
use muster_domain::factor::recovery;
use muster_domain::factor::totp::{Code, Totp};
use muster_domain::factor::{self, Enrolled, Factor, FactorKind};
use muster_domain::id::{FactorId, UserId};
use muster_domain::opener::Openers;
use muster_domain::policy::FactorRule;
use muster_domain::role::Permission;
use muster_domain::session::{ElevatedSession, ProofKind};
use muster_domain::user::User;
use muster_domain::{Error, Kind};
use muster_storage::factors::{self as rows, Keyed, place};
use muster_storage::{Tx, credentials, elevations, recovery_codes, users};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::{Call, Services, guard, lockout, notices, policies, site};
use muster_domain::mail::letters::About;

mod brought;
mod check;
mod party;
pub mod passkey;
pub mod permit;

pub use brought::{Brought, Kinds, check_brought, kinds};
pub use check::check;
pub(crate) use check::passkey::LASTS as CEREMONY;
pub use check::passkey::{self as passkeys, Given};
pub use muster_storage::ceremonies::Purpose;
pub use party::name as bound_name;
pub(crate) use party::name_in as bound_name_in;
pub use permit::Ground;

/// How long a begun factor waits for its first code.
pub(crate) const PENDING: TimeDelta = TimeDelta::minutes(15);

/// A person's own factors.
#[derive(Clone, Debug)]
pub struct Own {
    /// Those that count, oldest first.
    pub factors: Vec<Factor>,
    /// Recovery codes that were not used yet.
    pub recovery_left: u64,
}

/// The caller's own factors.
///
/// # Errors
/// When nobody is signed in.
pub async fn own(services: &Services, call: &Call) -> Result<Own, Error> {
    let user = call.signed_in()?.user.id;
    Ok(Own {
        factors: rows::of_user(services.db(), user).await?,
        recovery_left: recovery_codes::left(services.db(), user).await?,
    })
}

/// How many passkeys answer to the name of the public address as it is. Under another name they stop working.
///
/// # Errors
/// When they cannot be counted.
pub async fn bound_here(services: &Services) -> Result<u64, Error> {
    match bound_name(services).await? {
        Some(name) => rows::bound(services.db(), &name).await,
        None => Ok(0),
    }
}

/// Somebody's factors.
///
/// # Errors
/// Without permission.
pub async fn of_user(services: &Services, call: &Call, user: UserId) -> Result<Vec<Factor>, Error> {
    call.may(Permission::ViewPeople)?;
    rows::of_user(services.db(), user).await
}

/// A begun factor, as its owner puts it into their app.
#[derive(Debug)]
pub struct Enrolment {
    /// Its id.
    pub id: FactorId,
    /// What its owner calls it.
    pub name: String,
    /// The secret, to type.
    pub secret: SecretString,
    /// The same with issuer and account as an `otpauth:` address, for a QR code.
    pub address: SecretString,
}

/// Begins to add an authenticator app.
///
/// # Errors
/// Without presence; with a message beside the field `name`; `FAC-006` when there are too many.
pub async fn begin(
    services: &Services,
    call: &Call,
    ground: impl Into<Ground<'_>>,
    name: &str,
) -> Result<Enrolment, Error> {
    let user = ground.into().holds(services.db(), call).await?;
    let known = rows::of_user(services.db(), user.id).await?;
    if known.len() >= factor::MOST {
        return Err(too_many());
    }
    let name = own_name(&known, None, name)?;
    let totp = Totp::make(services.entropy());
    let id = services.id::<FactorId>();
    let pending = Keyed {
        factor: Factor {
            id,
            user: user.id,
            kind: FactorKind::Totp,
            name,
            created_at: call.at,
            last_used_at: None,
            bound_to: None,
            suspected_at: None,
            permitted_by: None,
            // Whoever begins sees the secret.
            opened_by: call.opens_for(user.id),
        },
        sealed: services.sealer().seal(
            totp.write().expose_secret(),
            place(id),
            services.entropy(),
        )?,
        counter: None,
        credential: None,
    };
    let tx = services.db().begin().await?;
    rows::begin(&tx, &pending).await?;
    tx.commit(&[event(call, "factor.begin", user, &pending.factor)])
        .await?;
    enrolment(services, user, &pending, &totp).await
}

/// What was begun, to be shown again after a code that did not fit.
///
/// # Errors
/// Without presence; `FAC-005` when it waits no more.
pub async fn pending(
    services: &Services,
    call: &Call,
    ground: impl Into<Ground<'_>>,
    id: FactorId,
) -> Result<Enrolment, Error> {
    let user = ground.into().holds(services.db(), call).await?;
    let (pending, totp) = begun(services, call, user.id, id).await?;
    enrolment(services, user, &pending, &totp).await
}

/// What adding a factor, or asking for new codes, gave.
#[derive(Debug)]
pub struct Added {
    /// What its owner calls it.
    pub name: String,
    /// Recovery codes, with the first factor. Shown now and never again.
    pub codes: Vec<SecretString>,
}

/// Lets a begun factor count, once its owner typed a code of it.
///
/// # Errors
/// Without presence; `FAC-005` when it waits no more; with a message beside the field `code`; `LOCK-001` when policy
/// would not take the password of the last superadmin any more together with a code.
pub async fn confirm(
    services: &Services,
    call: &Call,
    ground: impl Into<Ground<'_>>,
    id: FactorId,
    typed: &str,
) -> Result<Added, Error> {
    let ground = ground.into();
    let user = ground.holds(services.db(), call).await?;
    let (mut pending, totp) = begun(services, call, user.id, id).await?;
    let Code::Right(step) = totp.check(typed, call.at, None) else {
        return Err(Error::form(Vec::new()).field(
            "code",
            "This is not the code that the app shows now. Check that the phone's clock is right, then type the newest one.",
        ));
    };
    let tx = services.db().begin().await?;
    let ways_in = lockout::before(services, &tx).await?;
    let is_first = rows::enrolled(&tx, user.id).await? == Enrolled::No;
    let (permitted_by, opened_by) = ground.spend(&tx, call).await?;
    let opened_by = pending.factor.opened_by.or(opened_by);
    let by = (permitted_by.as_deref(), &opened_by);
    if !rows::confirm(&tx, id, step, by, call.at).await? {
        return Err(no_longer_pending());
    }
    // Where policy takes passkeys alone, the password that did without any factor does no longer with a code beside it.
    ways_in.holds(&tx).await?;
    pending.factor.permitted_by = permitted_by;
    pending.factor.opened_by = opened_by;
    let mut events = vec![event(call, "factor.add", user, &pending.factor)];
    let mut codes = Vec::new();
    if is_first {
        codes = new_codes(services, call, &tx, (user.id, &pending.factor.opened_by)).await?;
        events.push(codes_made(call, user));
    }
    notices::tell(
        services,
        call,
        &tx,
        user,
        About::FactorAdded(pending.factor.name.clone()),
    )
    .await?;
    tx.commit(&events).await?;
    Ok(Added {
        name: pending.factor.name,
        codes,
    })
}

/// Makes new recovery codes; those from before are worth nothing.
///
/// # Errors
/// Without presence; `FAC-004` for somebody without a second factor.
pub async fn make_codes(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
) -> Result<Vec<SecretString>, Error> {
    let user = own_present(call, elevated)?;
    let tx = services.db().begin().await?;
    if rows::enrolled(&tx, user.id).await? == Enrolled::No {
        return Err(none_enrolled());
    }
    let opened_by = Openers::of_what(user.id, user.id, elevated.opened_by());
    let codes = new_codes(services, call, &tx, (user.id, &opened_by)).await?;
    tx.commit(&[codes_made(call, user)]).await?;
    Ok(codes)
}

/// Renames one's own factor.
///
/// # Errors
/// Without presence; with a message beside the field `name`; when there is no such factor of the caller's.
pub async fn rename(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    id: FactorId,
    name: &str,
) -> Result<(), Error> {
    let user = own_present(call, elevated)?;
    let tx = services.db().begin().await?;
    let known = rows::of_user(&tx, user.id).await?;
    let before = find(&known, id)?.clone();
    let name = own_name(&known, Some(id), name)?;
    rows::rename(&tx, user.id, id, &name).await?;
    let after = Factor {
        name: name.clone(),
        ..before
    };
    tx.commit(&[event(call, "factor.rename", user, &after)])
        .await
}

/// Removes one's own factor. With the last one the recovery codes go, and with one that somebody else opened the codes
/// that whoever that was may have too.
///
/// # Errors
/// Without presence; when there is no such factor of the caller's; `FAC-007` when it is the last one and the caller's
/// password needs it.
pub async fn remove(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    id: FactorId,
) -> Result<Factor, Error> {
    let user = own_present(call, elevated)?;
    let tx = services.db().begin().await?;
    let before = lockout::before(services, &tx).await?;
    let known = rows::of_user(&tx, user.id).await?;
    let factor = find(&known, id)?.clone();
    let (policy, _) = policies::binding(&tx, call.signed_in()?).await?;
    let needed = !policy.accepts(ProofKind::Password, Enrolled::No)
        && policy.accepts(ProofKind::PasswordAndPasskey, Enrolled::Yes);
    let has_password = credentials::password(&tx, user.id).await?.is_some();
    // One that policy does not count, or whose answers nobody takes, keeps nobody in.
    let name = bound_name(services).await?;
    let counts = |one: &Factor| {
        one.answers_to(name.as_deref())
            && (policy.factors == FactorRule::Any || one.kind == FactorKind::Passkey)
    };
    let is_last = counts(&factor) && known.iter().filter(|one| counts(one)).count() == 1;
    if is_last && needed && has_password {
        return Err(Error::new(
            "FAC-007",
            Kind::Conflict,
            "Your roles need a second factor beside the password, and this is your last one.",
        )
        .next("Add another one first."));
    }
    removed(&tx, &factor, known.len()).await?;
    before.holds(&tx).await?;
    notices::tell(
        services,
        call,
        &tx,
        user,
        About::FactorRemoved(factor.name.clone()),
    )
    .await?;
    tx.commit(&[event(call, "factor.remove", user, &factor)])
        .await?;
    Ok(factor)
}

/// Removes somebody else's factor, because they lost it. Their secure sessions end.
///
/// # Errors
/// Without permission to edit people, or presence; for a superadmin the caller does not outrank; when there is no such
/// factor of that person.
pub async fn remove_of(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    user: UserId,
    id: FactorId,
) -> Result<Factor, Error> {
    call.may(Permission::EditPeople)?;
    guard::present(call, Some(elevated))?;
    let tx = services.db().begin().await?;
    let person = users::get(&tx, user)
        .await?
        .ok_or_else(|| Error::not_found("user"))?;
    let before = lockout::before(services, &tx).await?;
    guard::may_alter(call, before.standing(), user)?;
    let known = rows::of_user(&tx, user).await?;
    let factor = find(&known, id)?.clone();
    removed(&tx, &factor, known.len()).await?;
    before.holds(&tx).await?;
    elevations::drop_of_user(&tx, user, call.at).await?;
    notices::tell(
        services,
        call,
        &tx,
        &person,
        About::FactorRemoved(factor.name.clone()),
    )
    .await?;
    tx.commit(&[event(call, "factor.remove", &person, &factor)])
        .await?;
    Ok(factor)
}

async fn removed(tx: &Tx, factor: &Factor, before: usize) -> Result<(), Error> {
    if !rows::remove(tx, factor.user, factor.id).await? {
        return Err(Error::not_found("second factor"));
    }
    let codes_opened_by = recovery_codes::opened_by(tx, factor.user).await?;
    if before <= 1 || factor.opened_by.meets(&codes_opened_by) {
        recovery_codes::remove(tx, factor.user).await?;
    }
    Ok(())
}

/// For everybody who is signed in, with a role or without.
fn own_present<'a>(call: &'a Call, elevated: &ElevatedSession<'_>) -> Result<&'a User, Error> {
    guard::present(call, Some(elevated))?;
    Ok(&call.signed_in()?.user)
}

fn own_name(known: &[Factor], except: Option<FactorId>, typed: &str) -> Result<String, Error> {
    let taken: Vec<String> = known
        .iter()
        .filter(|factor| Some(factor.id) != except)
        .map(|factor| factor.name.clone())
        .collect();
    factor::name(typed, &taken).map_err(|field| Error::form(vec![field]))
}

fn find(known: &[Factor], id: FactorId) -> Result<&Factor, Error> {
    known
        .iter()
        .find(|factor| factor.id == id)
        .ok_or_else(|| Error::not_found("second factor"))
}

async fn begun(
    services: &Services,
    call: &Call,
    user: UserId,
    id: FactorId,
) -> Result<(Keyed, Totp), Error> {
    let pending = rows::pending(services.db(), user, id, call.at - PENDING)
        .await?
        .ok_or_else(no_longer_pending)?;
    let secret = services.sealer().open(&pending.sealed, place(id))?;
    let totp = Totp::read(secret.expose_secret()).ok_or_else(no_longer_pending)?;
    Ok((pending, totp))
}

async fn enrolment(
    services: &Services,
    user: &User,
    pending: &Keyed,
    totp: &Totp,
) -> Result<Enrolment, Error> {
    // In the app stands which installation it is for.
    let url = site::url(services).await?;
    let issuer = match url.host_str() {
        Some(host) if host != "localhost" && host.parse::<std::net::IpAddr>().is_err() => {
            format!("Muster {host}")
        }
        _ => "Muster".to_owned(),
    };
    let address = totp.address(&issuer, &user.username).ok_or_else(|| {
        Error::new(
            "FAC-500",
            Kind::Internal,
            "The address for the app cannot be written.",
        )
    })?;
    Ok(Enrolment {
        id: pending.factor.id,
        name: pending.factor.name.clone(),
        secret: totp.write(),
        address,
    })
}

async fn new_codes(
    services: &Services,
    call: &Call,
    tx: &Tx,
    (user, opened_by): (UserId, &Openers),
) -> Result<Vec<SecretString>, Error> {
    let codes = recovery::make(services.entropy());
    let hashes: Vec<String> = codes
        .iter()
        .filter_map(|code| recovery::hash(user, code.expose_secret()))
        .collect();
    recovery_codes::replace(tx, user, &hashes, opened_by, call.at).await?;
    Ok(codes)
}

fn event(
    call: &Call,
    action: &str,
    user: &User,
    factor: &Factor,
) -> muster_domain::audit::AuditEvent {
    let own = call.user().is_some_and(|caller| caller.id == user.id);
    let mut detail =
        json!({"factor": factor.id, "kind": factor.kind, "name": factor.name, "own": own});
    if let (Some(by), Some(detail)) = (&factor.permitted_by, detail.as_object_mut()) {
        detail.insert("permitted_by".to_owned(), json!(by));
    }
    call.event(action, &user.username, Some(user.id.0), detail)
}

fn codes_made(call: &Call, user: &User) -> muster_domain::audit::AuditEvent {
    let detail = json!({"codes": recovery::COUNT});
    call.event(
        "factor.recovery.make",
        &user.username,
        Some(user.id.0),
        detail,
    )
}

fn too_many() -> Error {
    Error::new(
        "FAC-006",
        Kind::Conflict,
        format!("There are {} second factors already.", factor::MOST),
    )
    .next("Remove one that is no longer used.")
}

pub(crate) fn none_enrolled() -> Error {
    Error::new("FAC-004", Kind::Invalid, "You have no second factor yet.")
        .next("Add one under Your account, in a secure session.")
}

fn no_longer_pending() -> Error {
    Error::new(
        "FAC-005",
        Kind::NotFound,
        "This second factor does not wait for its first code any more.",
    )
    .next("Begin again, and type the code within 15 minutes.")
}
