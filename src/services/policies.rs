//! Policies for secure sessions, one per role: who is bound by which, and changing them.

use muster_domain::factor::Enrolled;
use muster_domain::policy::{ElevationPolicy, Policies};
use muster_domain::role::{Permission, Role};
use muster_domain::session::ElevatedSession;
use muster_domain::{Error, Kind};
use muster_storage::{Reader, SignedIn, factors, settings};
use serde_json::json;

use crate::{Call, Services, guard};

const KEY: &str = settings::ELEVATION_POLICY;

/// The policies of all roles.
///
/// # Errors
/// Without permission.
pub async fn list(services: &Services, call: &Call) -> Result<Policies, Error> {
    call.may(Permission::ViewSettings)?;
    stored(services.db()).await
}

async fn stored(reader: &impl Reader) -> Result<Policies, Error> {
    Ok(settings::get(reader, KEY).await?.unwrap_or_default())
}

/// What binds one person: the strictest of their roles, and whether they have a second factor.
pub(crate) async fn binding(
    reader: &impl Reader,
    person: &SignedIn,
) -> Result<(ElevationPolicy, Enrolled), Error> {
    let policy = bound(&stored(reader).await?, person);
    Ok((policy, factors::enrolled(reader, person.user.id).await?))
}

fn bound(policies: &Policies, person: &SignedIn) -> ElevationPolicy {
    let policy = policies.of_roles(&person.roles);
    if person.user.break_glass {
        policy.for_break_glass()
    } else {
        policy
    }
}

/// Sets the policy of one role. Secure sessions that run go on as they were granted.
///
/// # Errors
/// Without permission or presence; `POL-001` when the way in which the caller just proved presence would not be
/// accepted any more: whoever shuts a door must stand on the right side of it.
pub async fn set(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    role: Role,
    policy: &ElevationPolicy,
) -> Result<(), Error> {
    call.may(Permission::ManageSettings)?;
    guard::present(call, Some(elevated))?;
    let tx = services.db().begin().await?;
    let before = stored(&tx).await?;
    let mut after = before.clone();
    after.set(role, policy.clone());
    if let Some(person) = call.person() {
        let enrolled = factors::enrolled(&tx, person.user.id).await?;
        if !bound(&after, person).accepts(elevated.kind(), enrolled) {
            return Err(Error::new(
                "POL-001",
                Kind::Conflict,
                "You could not start a secure session any more in the way you started this one.",
            )
            .next("Start one in a way that the new policy accepts, then save it from there."));
        }
    }
    settings::set(&tx, KEY, &after).await?;
    let detail = json!({
        "role": role, "before": before.of_role(role), "after": policy, "elevation": elevated.id(),
    });
    tx.commit(&[call.event("policy.elevation", role.label(), None, detail)])
        .await
}
