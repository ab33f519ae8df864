//! Browser sessions and secure admin sessions: seen and ended. Receipts: what was proven, kept.

use muster_domain::Error;
use muster_domain::id::{ElevationId, ReceiptId, UserId};
use muster_domain::listing::{Direction, Page};
use muster_domain::role::Permission;
use muster_domain::session::SessionKey;
use muster_storage::{Paging, elevations, receipts, sessions, users};
use serde_json::json;

use crate::{Call, Services, policies};

pub use muster_storage::elevations::RunningElevation;
pub use muster_storage::receipts::{Receipt, ReceiptFilter, ReceiptPurpose};

/// Sessions shown on one person's page.
const OF_ONE: u64 = 100;

/// A session in a list.
#[derive(Clone, PartialEq, Debug)]
pub struct SessionRow {
    /// The session.
    pub session: sessions::SessionRow,
    /// Whether it is the one the caller looks through.
    pub is_current: bool,
}

/// Everybody's sessions, the last seen first.
///
/// # Errors
/// Without permission.
pub async fn list(
    services: &Services,
    call: &Call,
    paging: &Paging<()>,
) -> Result<Page<SessionRow>, Error> {
    call.may(Permission::ViewSecurity)?;
    load(services, call, None, paging).await
}

/// One person's sessions, the last seen first. One's own are open to everybody who is signed in.
///
/// # Errors
/// Without permission.
pub async fn of_user(
    services: &Services,
    call: &Call,
    user: UserId,
) -> Result<Vec<SessionRow>, Error> {
    if !is_own(call, user) {
        call.may(if call.can(Permission::EndSessions) {
            Permission::ViewPeople
        } else {
            Permission::ViewSecurity
        })?;
    }
    let paging = Paging {
        rows: OF_ONE,
        ..Paging::default()
    };
    Ok(load(services, call, Some(user), &paging).await?.rows)
}

async fn load(
    services: &Services,
    call: &Call,
    user: Option<UserId>,
    paging: &Paging<()>,
) -> Result<Page<SessionRow>, Error> {
    let paging = Paging {
        direction: Direction::Desc,
        ..paging.clone()
    };
    let page = sessions::list(services.db(), user, call.at, &paging).await?;
    let current = call.session().map(|session| &session.key);
    Ok(Page {
        rows: page
            .rows
            .into_iter()
            .map(|session| SessionRow {
                is_current: Some(&session.key) == current,
                session,
            })
            .collect(),
        before: page.before,
        total: page.total,
        previous: page.previous,
        next: page.next,
    })
}

fn is_own(call: &Call, user: UserId) -> bool {
    call.user().is_some_and(|caller| caller.id == user)
}

/// Ends one session and the secure session inside it. One's own may always be ended: the current one at once, another one
/// after presence was proven, by whoever can prove it (ASVS 5.0, 7.5.2). Whether ending other people's takes presence is
/// policy.
///
/// # Errors
/// Without permission; `ELV-001` without presence; when there is no such session of this person.
pub async fn revoke(
    services: &Services,
    call: &Call,
    user: UserId,
    key: &SessionKey,
) -> Result<(), Error> {
    if !is_own(call, user) {
        call.may(Permission::EndSessions)?;
    } else if call.session().is_none_or(|session| session.key != *key) {
        present_if_possible(services, call).await?;
    }
    let tx = services.db().begin().await?;
    let person = users::get(&tx, user)
        .await?
        .ok_or_else(|| Error::not_found("session"))?;
    // The key is looked for among this person's sessions alone: one's own may be ended without permission.
    let paging = Paging {
        rows: 10_000,
        ..Paging::default()
    };
    let theirs = sessions::list(&tx, Some(user), call.at, &paging).await?;
    if !theirs.rows.iter().any(|row| row.key == *key) {
        return Err(Error::not_found("session"));
    }
    sessions::revoke(&tx, key).await?;
    elevations::drop_of_session(&tx, key, call.at).await?;
    let event = call.event(
        "session.end",
        &person.username,
        Some(user.0),
        json!({ "own": is_own(call, user) }),
    );
    tx.commit(&[event]).await
}

/// Goes on only in a secure session, for whoever could start one. Whoever cannot is not kept from shutting somebody out
/// who got hold of another session of theirs.
async fn present_if_possible(services: &Services, call: &Call) -> Result<(), Error> {
    let person = call.signed_in()?;
    if call.elevated().is_err() && policies::can_prove(services, person).await? {
        return call.elevated().map(drop);
    }
    Ok(())
}

/// Ends all sessions of a person, and their secure sessions; of one's own all but the current one, after presence was
/// proven by whoever can prove it. Gives how many.
///
/// # Errors
/// Without permission, for an unknown person; `ELV-001` without presence.
pub async fn end_all(services: &Services, call: &Call, user: UserId) -> Result<u64, Error> {
    if is_own(call, user) {
        present_if_possible(services, call).await?;
    } else {
        call.may(Permission::EndSessions)?;
    }
    let tx = services.db().begin().await?;
    let person = users::get(&tx, user)
        .await?
        .ok_or_else(|| Error::not_found("user"))?;
    let kept = call
        .session()
        .filter(|session| session.user == user)
        .map(|session| &session.key);
    let ended = sessions::revoke_of_user(&tx, user, kept).await?;
    if kept.is_none() {
        elevations::drop_of_user(&tx, user, call.at).await?;
    }
    let event = call.event(
        "session.end_all",
        &person.username,
        Some(user.0),
        json!({ "ended": ended }),
    );
    tx.commit(&[event]).await?;
    Ok(ended)
}

/// Secure admin sessions that run now, the newest first: everybody's, or one's own without the permission.
///
/// # Errors
/// When nobody is signed in; `ELV-001` where policy asks for a secure session to look at everybody's.
pub async fn running(services: &Services, call: &Call) -> Result<Vec<RunningElevation>, Error> {
    let all = elevations::list_running(services.db(), call.at).await?;
    if call.can(Permission::ViewSecurity) {
        call.may(Permission::ViewSecurity)?;
        return Ok(all);
    }
    let own = call.signed_in()?.user.id;
    Ok(all
        .into_iter()
        .filter(|running| running.elevation.user == own)
        .collect())
}

/// Ends somebody's secure admin session; the browser session goes on.
///
/// # Errors
/// Without permission (one's own may always be ended), when it runs no more.
pub async fn end_elevation(services: &Services, call: &Call, id: ElevationId) -> Result<(), Error> {
    call.signed_in()?;
    let tx = services.db().begin().await?;
    let running = elevations::list_running(&tx, call.at).await?;
    let found = running
        .into_iter()
        .find(|running| running.elevation.id == id);
    let own = found
        .as_ref()
        .is_some_and(|running| is_own(call, running.elevation.user));
    // Whoever may not end it does not learn that it runs.
    if !own {
        call.may(Permission::EndSessions)?;
    }
    let running = found.ok_or_else(|| Error::not_found("secure session"))?;
    elevations::drop_one(&tx, id, call.at).await?;
    let detail = json!({ "elevation": id });
    let event = call.event(
        "elevation.end",
        &running.username,
        Some(running.elevation.user.0),
        detail,
    );
    tx.commit(&[event]).await
}

/// Kept re-authentication results, the newest first: everybody's, or one's own without the permission.
///
/// # Errors
/// When nobody is signed in; `ELV-001` where policy asks for a secure session to look at everybody's.
pub async fn receipts(
    services: &Services,
    call: &Call,
    filter: &ReceiptFilter,
    paging: &Paging<()>,
) -> Result<Page<Receipt>, Error> {
    let mut filter = filter.clone();
    if !call.can(Permission::ViewSecurity) {
        filter.user = Some(call.signed_in()?.user.id);
    }
    if !filter.user.is_some_and(|user| is_own(call, user)) {
        call.may(Permission::ViewSecurity)?;
    }
    let paging = Paging {
        direction: Direction::Desc,
        ..paging.clone()
    };
    receipts::list(services.db(), &filter, &paging).await
}

/// One kept result: one's own, or anybody's with the permission. Without it other people's do not exist.
///
/// # Errors
/// When nobody is signed in; `WEB-404` for an unknown one and for other people's; `ELV-001` where policy asks for a
/// secure session to look at other people's.
pub async fn receipt(services: &Services, call: &Call, id: ReceiptId) -> Result<Receipt, Error> {
    let all = call.can(Permission::ViewSecurity);
    let own = if all {
        None
    } else {
        Some(call.signed_in()?.user.id)
    };
    let receipt = receipts::get(services.db(), id)
        .await?
        .filter(|receipt| own.is_none_or(|own| receipt.user == own))
        .ok_or_else(|| Error::not_found("result"))?;
    if !is_own(call, receipt.user) {
        call.may(Permission::ViewSecurity)?;
    }
    Ok(receipt)
}
