//! Members by hand, beside those that sources state.

use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::GroupId;
use muster_domain::membership::{Member, Origin};
use muster_domain::role::Permission;
use muster_domain::session::ElevatedSession;
use muster_domain::{Error, Kind};
use muster_storage::{groups, memberships, users};

use crate::conferral::{self, Knowingly, Picture};
use crate::users::Words;
use crate::{Call, Services, guard, lockout, provisioning};

/// Puts a person or group into a group, by hand. Beside what a source states that is a row of its own.
///
/// # Errors
/// Without permission; where the group carries a role, without the permission and presence that granting takes;
/// for an unknown group or member; when they are in it by hand already; when groups would form a circle; `JIT-021` and
/// `ROLE-006` when something goes along with the role and `knowingly` does not say that it shall; `LOCK-001` when the
/// policy of a role that comes along would shut out the last superadmin.
pub async fn add_member(
    services: &Services,
    call: &Call,
    elevated: Option<&ElevatedSession<'_>>,
    group: GroupId,
    member: Member,
    knowingly: Knowingly,
) -> Result<(), Error> {
    call.may(Permission::EditPeople)?;
    let tx = services.db().begin().await?;
    let ways_in = lockout::before(services, &tx).await?;
    let before = Picture::of(&tx).await?;
    exists(&tx, group, member).await?;
    guard::may_change_members(call, before.standing(), elevated, group)?;
    let action = Action::AddMember {
        group,
        member,
        origin: Origin::Manual,
    };
    let change = Change::new(action, Cause::ByHand);
    let mut events = provisioning::apply(services, call, &tx, &[change]).await?;
    if events.is_empty() {
        return Err(Error::new(
            "GRP-005",
            Kind::Conflict,
            "They are in this group by hand already.",
        ));
    }
    // The policy of a role that comes with the group can be stricter than what its holder has.
    ways_in.holds(&tx).await?;
    let along = conferral::weigh(call, &tx, &before, knowingly).await?;
    conferral::note(&mut events, &along);
    tx.commit(&events).await
}

/// Ends a membership by hand. Gives the words of the origins that keep the member in the group all the same.
///
/// # Errors
/// As [`add_member`]; when a source alone put the member there; when no superadmin would be left.
pub async fn remove_member(
    services: &Services,
    call: &Call,
    elevated: Option<&ElevatedSession<'_>>,
    group: GroupId,
    member: Member,
) -> Result<Vec<String>, Error> {
    call.may(Permission::EditPeople)?;
    let words = Words::load(services).await?;
    let tx = services.db().begin().await?;
    exists(&tx, group, member).await?;
    let before = lockout::before(services, &tx).await?;
    guard::may_change_members(call, before.standing(), elevated, group)?;
    let rows = memberships::of_members(&tx, &[member]).await?;
    let origins = rows
        .iter()
        .filter(|row| row.group == group)
        .map(|row| row.origin);
    let (manual, others): (Vec<Origin>, Vec<Origin>) =
        origins.partition(|origin| *origin == Origin::Manual);
    let kept: Vec<String> = others.iter().map(|origin| words.of(*origin)).collect();
    if manual.is_empty() {
        return Err(not_by_hand(&kept));
    }
    let action = Action::RemoveMember {
        group,
        member,
        origin: Origin::Manual,
    };
    let change = Change::new(action, Cause::ByHand);
    let events = provisioning::apply(services, call, &tx, &[change]).await?;
    before.holds(&tx).await?;
    tx.commit(&events).await?;
    Ok(kept)
}

fn not_by_hand(kept: &[String]) -> Error {
    if kept.is_empty() {
        return Error::new(
            "GRP-006",
            Kind::NotFound,
            "They are not in this group directly.",
        )
        .next("If they are in it in effect, a nested group put them there: the path shows which.");
    }
    Error::new(
        "GRP-004",
        Kind::Conflict,
        format!(
            "Nobody put them there by hand. What did: {}.",
            kept.join(", ")
        ),
    )
    .next("Change it at that source; it would come back otherwise.")
}

async fn exists(tx: &muster_storage::Tx, group: GroupId, member: Member) -> Result<(), Error> {
    groups::get(tx, group)
        .await?
        .ok_or_else(|| Error::not_found("group"))?;
    let found = match member {
        Member::User(id) => users::get(tx, id).await?.is_some(),
        Member::Group(id) => groups::get(tx, id).await?.is_some(),
    };
    if found {
        Ok(())
    } else {
        Err(Error::not_found(member.kind()))
    }
}
