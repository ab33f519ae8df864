//! The first second factor of somebody who cannot prove presence: their only provider proves nothing, or their role asks
//! for a factor that they lack. An admin lets them add one, once, within a day.
//!
//! Adding any factor otherwise takes a secure session, or whoever sits at an open browser would add their own. A permit
//! moves that risk to somebody who answers for it by name: it is shown to both, it is on record, and until it is used
//! it can be taken back. It lets nobody add a second one.

use muster_domain::factor::{Enrolled, PERMIT, Permit};
use muster_domain::id::UserId;
use muster_domain::opener::Openers;
use muster_domain::role::Permission;
use muster_domain::session::ElevatedSession;
use muster_domain::user::User;
use muster_domain::{Error, Kind};
use muster_storage::{Reader, Tx, factors as rows, permits, users};
use serde_json::json;

use crate::{Call, Services, guard, roles};

/// On what ground somebody adds a second factor to themselves.
#[derive(Clone, Copy, Debug)]
pub enum Ground<'a> {
    /// They proved presence.
    Present(ElevatedSession<'a>),
    /// A permit for their first one.
    Permitted,
}

impl<'a> From<&ElevatedSession<'a>> for Ground<'a> {
    fn from(elevated: &ElevatedSession<'a>) -> Self {
        Self::Present(*elevated)
    }
}

/// The ground on which the caller stands now.
///
/// # Errors
/// `ELV-001` when no secure session runs and no permit counts for them.
pub async fn ground<'a>(services: &Services, call: &'a Call) -> Result<Ground<'a>, Error> {
    match call.elevated() {
        Ok(elevated) => Ok(Ground::Present(elevated)),
        Err(needed) => match own(services, call).await? {
            Some(_) => Ok(Ground::Permitted),
            None => Err(needed),
        },
    }
}

/// The permit that the caller can use now.
///
/// # Errors
/// When nobody is signed in.
pub async fn own(services: &Services, call: &Call) -> Result<Option<Permit>, Error> {
    let user = call.signed_in()?.user.id;
    let permit = permits::of_user(services.db(), user, call.at).await?;
    match rows::enrolled(services.db(), user).await? {
        Enrolled::No => Ok(permit),
        Enrolled::Yes => Ok(None),
    }
}

impl Ground<'_> {
    /// Whose factor is added, if the ground holds.
    pub(super) async fn holds<'c>(
        self,
        reader: &impl Reader,
        call: &'c Call,
    ) -> Result<&'c User, Error> {
        let user = &call.signed_in()?.user;
        match self {
            Self::Present(elevated) => guard::present(call, Some(&elevated))?,
            Self::Permitted => {
                if rows::enrolled(reader, user.id).await? == Enrolled::Yes {
                    return Err(first_only());
                }
                permits::of_user(reader, user.id, call.at)
                    .await?
                    .ok_or_else(over)?;
            }
        }
        Ok(user)
    }

    /// Uses the permit up, in the transaction that adds the factor. Gives who let them, where somebody had to, and who
    /// else may have what is added. A first factor that was added in a secure session leaves no permit behind either.
    pub(super) async fn spend(
        self,
        tx: &Tx,
        call: &Call,
    ) -> Result<(Option<String>, Openers), Error> {
        let user = self.holds(tx, call).await?;
        let permit = permits::of_user(tx, user.id, call.at).await?;
        let used = permits::remove(tx, user.id, call.at).await?;
        match self {
            Self::Present(elevated) => Ok((
                None,
                Openers::of_what(user.id, user.id, elevated.opened_by()),
            )),
            // Of two that are added at once, one finds it used up.
            Self::Permitted => permit
                .filter(|_| used)
                .map(|permit| {
                    let opened_by = call.opens_for(user.id).or(permit.opened_by);
                    (Some(permit.granted_by), opened_by)
                })
                .ok_or_else(over),
        }
    }
}

/// Somebody's permit, as whoever may see people sees it.
///
/// # Errors
/// Without permission.
pub async fn of_user(
    services: &Services,
    call: &Call,
    user: UserId,
) -> Result<Option<Permit>, Error> {
    call.may(Permission::ViewPeople)?;
    permits::of_user(services.db(), user, call.at).await
}

/// Lets somebody add their first second factor within a day, without a secure session.
///
/// # Errors
/// Without permission to edit people, or presence; `FAC-021` for oneself; `ROLE-002` for a superadmin the caller does not
/// outrank; `FAC-022` for somebody who has one, or may not sign in.
pub async fn grant(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    user: UserId,
) -> Result<Permit, Error> {
    call.may(Permission::EditPeople)?;
    guard::present(call, Some(elevated))?;
    if call.user().is_some_and(|caller| caller.id == user) {
        return Err(Error::new(
            "FAC-021",
            Kind::Invalid,
            "You cannot let yourself add a second factor.",
        )
        .next("Start a secure session, or ask another admin."));
    }
    let tx = services.db().begin().await?;
    let person = users::get(&tx, user)
        .await?
        .ok_or_else(|| Error::not_found("user"))?;
    guard::may_alter(call, &roles::standing_in(&tx).await?, user)?;
    let has_one = rows::enrolled(&tx, user).await? == Enrolled::Yes;
    if has_one || !person.is_active() {
        return Err(Error::new(
            "FAC-022",
            Kind::Conflict,
            "A permit is for active people without a second factor.",
        )
        .next("If they lost the one they have, remove it first."));
    }
    let permit = Permit {
        user,
        granted_by: call.actor().to_owned(),
        opened_by: call.opens_for(user),
        granted_at: call.at,
        expires_at: call.at + PERMIT,
    };
    permits::grant(&tx, &permit).await?;
    let detail = json!({"until": permit.expires_at, "elevation": elevated.id()});
    tx.commit(&[call.event(
        "factor.permit.grant",
        &person.username,
        Some(user.0),
        detail,
    )])
    .await?;
    Ok(permit)
}

/// Takes a permit back.
///
/// # Errors
/// Without permission to edit people, or presence; for a superadmin the caller does not outrank; `FAC-020` when none
/// counts any more.
pub async fn revoke(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    user: UserId,
) -> Result<(), Error> {
    call.may(Permission::EditPeople)?;
    guard::present(call, Some(elevated))?;
    let tx = services.db().begin().await?;
    let person = users::get(&tx, user)
        .await?
        .ok_or_else(|| Error::not_found("user"))?;
    guard::may_alter(call, &roles::standing_in(&tx).await?, user)?;
    if !permits::remove(&tx, user, call.at).await? {
        return Err(over());
    }
    let detail = json!({"elevation": elevated.id()});
    tx.commit(&[call.event(
        "factor.permit.revoke",
        &person.username,
        Some(user.0),
        detail,
    )])
    .await
}

fn over() -> Error {
    Error::new(
        "FAC-020",
        Kind::Conflict,
        "There is no permit for a first second factor any more.",
    )
    .next("Start a secure session, or ask an admin for another permit.")
}

fn first_only() -> Error {
    Error::new(
        "FAC-023",
        Kind::Conflict,
        "A permit is for a first second factor, and you have one.",
    )
    .next("Use it to start a secure session, then add others.")
}
