//! Policies for secure sessions, one per role: who is bound by which, and changing them.

use std::collections::BTreeSet;

use muster_domain::calibration::Worth;
use muster_domain::factor::Enrolled;
use muster_domain::id::{ProviderId, UserId};
use muster_domain::policy::{ElevationPolicy, PasswordRule, Policies, Ways};
use muster_domain::role::{Permission, Role};
use muster_domain::session::ElevatedSession;
use muster_domain::user::User;
use muster_domain::{Error, Kind};
use muster_storage::{
    Reader, SignedIn, Tx, credentials, factors, providers, settings, subjects, users,
};
use serde_json::json;

use muster_domain::standing::Standing;

use crate::factors::{bound_name, kinds_in};
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
    of_person(policies, &person.roles, &person.user)
}

fn of_person(policies: &Policies, roles: &[Role], user: &User) -> ElevationPolicy {
    let policy = policies.of_roles(roles);
    if user.break_glass {
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
    let policies = stored(services.db()).await?;
    let standing = roles::standing(services.db()).await?;
    let name = bound_name(services).await?;
    stranded_in(services.db(), &standing, &policies, role, name.as_deref()).await
}

async fn stranded_in(
    reader: &impl Reader,
    standing: &Standing,
    policies: &Policies,
    role: Role,
    name: Option<&str>,
) -> Result<Vec<String>, Error> {
    let holders: Vec<UserId> = standing
        .holders(role)
        .into_keys()
        .filter(|user| standing.active.contains(user))
        .take(LOOKED_AT)
        .collect();
    let mut stranded = Vec::new();
    for (user, ways) in ways_of(reader, &holders, name).await? {
        let policy = of_person(policies, &standing.roles_of(user.id), &user);
        if !policy.leaves_a_way(&ways) {
            stranded.push(user.username);
        }
    }
    stranded.sort();
    Ok(stranded)
}

/// Whether somebody who is signed in has anything with which they could start a secure session.
pub(crate) async fn can_prove(services: &Services, person: &SignedIn) -> Result<bool, Error> {
    let (policy, _) = binding(services.db(), person).await?;
    let name = bound_name(services).await?;
    let own = ways_of(services.db(), &[person.user.id], name.as_deref()).await?;
    Ok(own.iter().any(|(_, ways)| policy.leaves_a_way(ways)))
}

/// What each of these people has to prove presence with.
async fn ways_of(
    reader: &impl Reader,
    people: &[UserId],
    name: Option<&str>,
) -> Result<Vec<(User, Ways)>, Error> {
    let (mut may_prove, mut cannot) = (BTreeSet::new(), BTreeSet::new());
    for provider in providers::list(reader).await? {
        match provider.calibration.standing() {
            _ if !provider.enabled => {}
            // One that nobody tested may turn out well, and some are believed untested.
            Worth::Informative | Worth::Unknown => {
                may_prove.insert(provider.id);
            }
            Worth::Silent if provider.setting("control_probe") == Some("no") => {
                may_prove.insert(provider.id);
            }
            Worth::Uninformative | Worth::Silent => {
                cannot.insert(provider.id);
            }
        }
    }
    let known = subjects::of_users(reader, people).await?;
    let mut found = Vec::new();
    for user in users::get_many(reader, people).await? {
        let kinds = kinds_in(reader, user.id, name).await?;
        let at = |some: &BTreeSet<ProviderId>| {
            let mut own = known.iter().filter(|subject| subject.user == user.id);
            own.any(|subject| some.contains(&subject.provider))
        };
        let ways = Ways {
            enrolled: kinds.enrolled,
            passkey: kinds.passkey,
            password: credentials::password(reader, user.id).await?.is_some(),
            fresh: at(&may_prove),
            unprovable: at(&cannot),
        };
        found.push((user, ways));
    }
    Ok(found)
}

/// A policy may not leave every superadmin without a way to start a secure session. Where none had one before, nothing
/// is lost.
async fn leaves_a_superadmin(
    tx: &Tx,
    (before, after): (&Policies, &Policies),
    name: Option<&str>,
) -> Result<(), Error> {
    let standing = roles::standing(tx).await?;
    let many = standing.superadmins().len().min(LOOKED_AT);
    let left = async |policies: &Policies| {
        let stranded = stranded_in(tx, &standing, policies, Role::Superadmin, name).await?;
        Ok::<_, Error>(many.saturating_sub(stranded.len()))
    };
    if left(after).await? == 0 && left(before).await? > 0 {
        return Err(Error::new(
            "POL-002",
            Kind::Conflict,
            "No superadmin could start a secure session any more with what they have.",
        )
        .next("Have one of them add what the policy asks for, then save it."));
    }
    Ok(())
}

/// Sets the policy of one role on behalf of a part of this program: the configuration file, whose user has the server's
/// shell. Everybody else proves presence: [`set`].
///
/// # Errors
/// `WEB-403` for anybody else; `POL-002` when no superadmin could start a secure session any more; `LOCK-001` when none
/// would be known to get to one.
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
    let name = bound_name(services).await?;
    let tx = services.db().begin().await?;
    let ways_in = lockout::before(&tx).await?;
    let before = stored(&tx).await?;
    let mut after = before.clone();
    after.set(role, policy.clone());
    leaves_a_superadmin(&tx, (&before, &after), name.as_deref()).await?;
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
/// accepted any more: whoever shuts a door must stand on the right side of it; `POL-002` when no superadmin could start
/// one any more with what they have; `LOCK-001` when no superadmin would be known to get to a secure session.
pub async fn set(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    role: Role,
    policy: &ElevationPolicy,
) -> Result<(), Error> {
    call.may(Permission::ManageSettings)?;
    guard::present(call, Some(elevated))?;
    let name = bound_name(services).await?;
    let tx = services.db().begin().await?;
    let ways_in = lockout::before(&tx).await?;
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
    leaves_a_superadmin(&tx, (&before, &after), name.as_deref()).await?;
    settings::set(&tx, KEY, &after).await?;
    ways_in.holds(&tx).await?;
    let detail = json!({
        "role": role, "before": before.of_role(role), "after": policy, "elevation": elevated.id(),
    });
    tx.commit(&[call.event("policy.elevation", role.label(), None, detail)])
        .await
}
