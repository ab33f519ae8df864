//! Policies for secure sessions, one per role: who is bound by which, and changing them.

use muster_domain::factor::Enrolled;
use muster_domain::id::UserId;
use muster_domain::policy::{ElevationPolicy, PasswordRule, Policies};
use muster_domain::role::{Permission, Role};
use muster_domain::session::ElevatedSession;
use muster_domain::{Error, Kind};
use muster_storage::{Reader, SignedIn, factors, settings};
use serde_json::json;

use crate::{Call, Services, Who, guard, lockout, roles, sign_in_policy};

const KEY: &str = settings::ELEVATION_POLICY;

/// The policies of all roles.
///
/// # Errors
/// Without permission.
pub async fn list(services: &Services, call: &Call) -> Result<Policies, Error> {
    call.may(Permission::ViewSettings)?;
    stored(services.db()).await
}

/// The policies of all roles, for a file.
pub(crate) async fn stored(reader: &impl Reader) -> Result<Policies, Error> {
    Ok(settings::get(reader, KEY).await?.unwrap_or_default())
}

/// What binds one person: the strictest of their roles, and whether they have a second factor.
pub(crate) async fn binding(
    reader: &impl Reader,
    person: &SignedIn,
) -> Result<(ElevationPolicy, Enrolled), Error> {
    let mut policy = bound(&stored(reader).await?, person);
    if sign_in_policy::admits(reader, person.user.id)
        .await?
        .is_err()
    {
        // What does not let in does not lift up either.
        policy.password = PasswordRule::Never;
    }
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

/// Most holders of a role that are looked at one by one.
const LOOKED_AT: usize = 200;

/// Active holders of a role who have nothing with which they could start a secure session under its policy, by username.
/// Of very many holders the first ones are looked at.
///
/// # Errors
/// Without permission.
pub async fn stranded(services: &Services, call: &Call, role: Role) -> Result<Vec<String>, Error> {
    call.may(Permission::ViewSettings)?;
    let standing = roles::standing(services.db()).await?;
    let holders: Vec<UserId> = standing
        .holders(role)
        .into_keys()
        .filter(|user| standing.active.contains(user))
        .take(LOOKED_AT)
        .collect();
    let mut stranded = lockout::stranded(services, standing, &holders).await?;
    stranded.sort();
    Ok(stranded)
}

/// Whether somebody who is signed in has anything with which they could start a secure session.
pub(crate) async fn can_prove(services: &Services, person: &SignedIn) -> Result<bool, Error> {
    let standing = roles::standing(services.db()).await?;
    let stranded = lockout::stranded(services, standing, &[person.user.id]).await?;
    Ok(stranded.is_empty())
}

/// Sets the policy of one role on behalf of a part of this program: the configuration file, whose user has the server's
/// shell. Everybody else proves presence: [`set`].
///
/// # Errors
/// `WEB-403` for anybody else; `LOCK-001` when no superadmin would be known to get to a secure session.
pub(crate) async fn declare(
    services: &Services,
    call: &Call,
    role: Role,
    policy: &ElevationPolicy,
) -> Result<(), Error> {
    let Who::System(_) = call.who else {
        return Err(Error::new(
            "WEB-403",
            Kind::Forbidden,
            "Configuration files are for the server's shell.",
        ));
    };
    let tx = services.db().begin().await?;
    let ways_in = lockout::before(services, &tx).await?;
    let before = stored(&tx).await?;
    let mut after = before.clone();
    after.set(role, policy.clone());
    settings::set(&tx, KEY, &after).await?;
    ways_in.holds(&tx).await?;
    let detail =
        json!({"role": role, "before": before.of_role(role), "after": policy, "by": "file"});
    tx.commit(&[call.event("policy.elevation", role.label(), None, detail)])
        .await
}

/// Sets the policy of one role. Secure sessions that run go on as they were granted.
///
/// # Errors
/// Without permission or presence; `POL-001` when the way in which the caller just proved presence would not be
/// accepted any more: whoever shuts a door must stand on the right side of it; `LOCK-001` when no superadmin would be
/// known to get to a secure session.
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
    let ways_in = lockout::before(services, &tx).await?;
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
    ways_in.holds(&tx).await?;
    let detail = json!({
        "role": role, "before": before.of_role(role), "after": policy, "elevation": elevated.id(),
    });
    tx.commit(&[call.event("policy.elevation", role.label(), None, detail)])
        .await
}
