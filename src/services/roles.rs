//! Roles: who holds which and how they come by it, granting and withdrawing.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::audit::AuditEvent;
use muster_domain::id::{AssignmentId, GroupId, UserId};
use muster_domain::membership::Member;
use muster_domain::role::{Permission, Role};
use muster_domain::session::ElevatedSession;
use muster_domain::{Error, Kind};
use muster_storage::roles::{self, Assignment, AssignmentRow};
use muster_storage::{Reader, Tx, elevations, groups, memberships, users};
use serde_json::json;

use crate::call::Who;
use crate::conferral::{self, Knowingly, Picture};
use crate::provisioning::lapsing;
use crate::standing::{Grant, Standing};
use crate::{Call, Services, guard, lockout};

/// One role with everybody who holds it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RoleOverview {
    /// The role. Its label and purpose are its own.
    pub role: Role,
    /// What it lets people do.
    pub permissions: Vec<Permission>,
    /// Grants to people.
    pub people: Vec<AssignmentRow>,
    /// Grants to groups, each with how many people are in the group in effect.
    pub groups: Vec<(AssignmentRow, u64)>,
    /// People who hold it and may sign in, each once.
    pub holders: u64,
    /// Grants whose end would be refused, with why: no superadmin would be known to get in.
    pub shut_out: BTreeMap<AssignmentId, String>,
}

/// Every role, the strongest first.
///
/// # Errors
/// Without permission.
pub async fn overview(services: &Services, call: &Call) -> Result<Vec<RoleOverview>, Error> {
    call.may(Permission::ViewRoles)?;
    let db = services.db();
    let rows = roles::list(db).await?;
    let standing = standing(db).await?;
    let picture = lockout::of_superadmins(services, db, standing.clone()).await?;
    let shuts_out = |id: AssignmentId| {
        let after = standing.clone().without_grant(id);
        let refused = lockout::foretold(&picture, |is| is.standing = after)?;
        Some((id, refused.public.into_owned()))
    };
    let mut overview = Vec::new();
    for role in Role::ALL {
        let (mut people, mut groups) = (Vec::new(), Vec::new());
        for row in rows.iter().filter(|row| row.assignment.role == role) {
            match row.assignment.principal {
                Member::User(_) => people.push(row.clone()),
                Member::Group(group) => {
                    groups.push((
                        row.clone(),
                        memberships::effective_members(db, group).await?,
                    ));
                }
            }
        }
        let holders = standing.holders(role);
        let active = holders
            .keys()
            .filter(|user| standing.active.contains(user))
            .count();
        overview.push(RoleOverview {
            role,
            permissions: Permission::ALL
                .into_iter()
                .filter(|p| role.allows(*p))
                .collect(),
            shut_out: rows
                .iter()
                .filter(|row| row.assignment.role == role && row.assignment.scope.is_none())
                .filter_map(|row| shuts_out(row.assignment.id))
                .collect(),
            people,
            groups,
            holders: u64::try_from(active).unwrap_or(u64::MAX),
        });
    }
    Ok(overview)
}

/// Grants a role to a person or a group.
///
/// # Errors
/// Without permission or presence, for an unknown person or group, or when it is granted already; `JIT-021` and
/// `ROLE-006` when something goes along with it and `knowingly` does not say that it shall.
pub async fn grant(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    role: Role,
    to: Member,
    knowingly: Knowingly,
) -> Result<AssignmentId, Error> {
    call.may(Permission::ManageRoles)?;
    guard::present(call, Some(elevated))?;
    let tx = services.db().begin().await?;
    let (id, event) = grant_in(services, call, &tx, role, to, knowingly).await?;
    tx.commit(&[event]).await?;
    Ok(id)
}

/// Withdraws a granted role. The secure sessions of those who hold it no more end with it.
///
/// # Errors
/// Without permission or presence, for an unknown grant, or when no superadmin would be left.
pub async fn withdraw(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    id: AssignmentId,
) -> Result<(), Error> {
    call.may(Permission::ManageRoles)?;
    guard::present(call, Some(elevated))?;
    let tx = services.db().begin().await?;
    let event = withdraw_in(services, call, &tx, id).await?;
    tx.commit(&[event]).await
}

/// Grants or withdraws on behalf of a part of this program: the command line and the configuration file, whose user
/// has the server's shell. Everybody else proves presence: [`grant`], [`withdraw`].
///
/// # Errors
/// `WEB-403` for anybody else.
pub async fn declare(
    services: &Services,
    call: &Call,
    tx: &Tx,
    wanted: Declared,
) -> Result<AuditEvent, Error> {
    if !matches!(call.who, Who::System(_)) {
        return Err(Error::new(
            "WEB-403",
            Kind::Forbidden,
            "Only this program itself may do that.",
        ));
    }
    match wanted {
        Declared::Grant(role, to) => {
            let granted = grant_in(services, call, tx, role, to, Knowingly::No).await?;
            Ok(granted.1)
        }
        Declared::Withdraw(id) => withdraw_in(services, call, tx, id).await,
    }
}

/// What a configuration wants of a role.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Declared {
    /// It is to be granted.
    Grant(Role, Member),
    /// A grant is to end.
    Withdraw(AssignmentId),
}

async fn grant_in(
    services: &Services,
    call: &Call,
    tx: &Tx,
    role: Role,
    to: Member,
    knowingly: Knowingly,
) -> Result<(AssignmentId, AuditEvent), Error> {
    let ways_in = lockout::before(services, tx).await?;
    let before = Picture::of(tx).await?;
    let name = name_of(tx, to).await?;
    let known = roles::list(tx).await?;
    if known
        .iter()
        .any(|row| row.assignment.role == role && row.assignment.principal == to)
    {
        return Err(Error::new(
            "ROLE-004",
            Kind::Conflict,
            format!("{name} has the role {} already.", role.label()),
        ));
    }
    let assignment = Assignment {
        id: services.id(),
        role,
        principal: to,
        scope: None,
        granted_by: call.actor().to_owned(),
        granted_at: call.at,
    };
    roles::grant(tx, &assignment).await?;
    // The policy of one more role can be stricter than what its holder has.
    ways_in.holds(tx).await?;
    let along = conferral::weigh(call, tx, &before, knowingly).await?;
    let detail = json!({ "role": role, "kind": to.kind(), "grant": assignment.id });
    let mut event = call.event("role.grant", &name, Some(to.id()), detail);
    conferral::note(std::slice::from_mut(&mut event), &along);
    Ok((assignment.id, event))
}

async fn withdraw_in(
    services: &Services,
    call: &Call,
    tx: &Tx,
    id: AssignmentId,
) -> Result<AuditEvent, Error> {
    let Some(assignment) = roles::get(tx, id).await? else {
        return Err(Error::not_found("granted role"));
    };
    let before = lockout::before(services, tx).await?;
    roles::withdraw(tx, id).await?;
    before.holds(tx).await?;
    end_lost(call, tx, before.standing(), &standing(tx).await?).await?;
    let name = name_of(tx, assignment.principal).await.unwrap_or_default();
    let detail =
        json!({ "role": assignment.role, "kind": assignment.principal.kind(), "grant": id });
    Ok(call.event(
        "role.withdraw",
        &name,
        Some(assignment.principal.id()),
        detail,
    ))
}

/// Ends the secure sessions of people who lose a role: what they proved presence for is theirs no more. And whom no role
/// protects any more syncs look at again.
pub(crate) async fn end_lost(
    call: &Call,
    tx: &Tx,
    before: &Standing,
    after: &Standing,
) -> Result<(), Error> {
    let mut losing: BTreeSet<UserId> = BTreeSet::new();
    for role in Role::ALL {
        let kept = after.holders(role);
        losing.extend(
            before
                .holders(role)
                .into_keys()
                .filter(|user| !kept.contains_key(user)),
        );
    }
    for user in losing {
        elevations::drop_of_user(tx, user, call.at).await?;
    }
    lapsing::roles(tx, before, after).await
}

async fn name_of(tx: &Tx, member: Member) -> Result<String, Error> {
    match member {
        Member::User(id) => users::get(tx, id).await?.map(|user| user.username),
        Member::Group(id) => groups::get(tx, id).await?.map(|group| group.name),
    }
    .ok_or_else(|| Error::not_found(member.kind()))
}

/// The whole picture of roles.
pub(crate) async fn standing(reader: &impl Reader) -> Result<Standing, Error> {
    let grants = roles::list(reader).await?;
    let nesting = memberships::group_edges(reader).await?;
    let mut standing = Standing {
        grants: grants
            .into_iter()
            .filter(|row| row.assignment.scope.is_none())
            .map(|row| Grant {
                id: row.assignment.id,
                role: row.assignment.role,
                to: row.assignment.principal,
            })
            .collect(),
        nesting: nesting
            .into_iter()
            .filter_map(|row| Some((row.group, row.member.group()?, row.origin)))
            .collect(),
        ..Standing::default()
    };
    let carriers: Vec<GroupId> = standing.privileged_groups().into_iter().collect();
    let people = memberships::people_of(reader, &carriers).await?;
    standing.people = people
        .into_iter()
        .filter_map(|row| Some((row.group, row.member.user()?, row.origin)))
        .collect();
    let holders: Vec<UserId> = standing.privileged_people().into_iter().collect();
    let holders = users::get_many(reader, &holders).await?;
    standing.active = holders
        .into_iter()
        .filter(|user| user.is_active())
        .map(|user| user.id)
        .collect();
    Ok(standing)
}

/// The whole picture of roles inside a transaction that goes by it. Transactions that ask for it take turns, so that
/// what each of them sees stays true until it commits: of two that each withdraw one of the last two superadmins, the
/// second sees what the first did.
pub(crate) async fn standing_in(tx: &Tx) -> Result<Standing, Error> {
    roles::take_turns(tx).await?;
    standing(tx).await
}

/// The names of all groups that carry a role, themselves or by nesting: rules that fill groups must not name them.
///
/// # Errors
/// Why the database cannot answer.
pub async fn privileged_group_names(reader: &impl Reader) -> Result<Vec<String>, Error> {
    let groups: Vec<GroupId> = standing(reader)
        .await?
        .privileged_groups()
        .into_iter()
        .collect();
    let groups = groups::get_many(reader, &groups).await?;
    Ok(groups.into_iter().map(|group| group.name).collect())
}
