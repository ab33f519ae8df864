//! Groups: people and groups in them, where each membership is from, and what they carry.

mod detail;
mod members;

use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::GroupId;
use muster_domain::listing::Page;
use muster_domain::role::{Permission, Role};
use muster_domain::session::ElevatedSession;
use muster_domain::{Error, Kind, name};
use muster_storage::{Tx, groups, memberships};
use serde_json::json;

use crate::conferral::{self, Knowingly, Picture};
use crate::{Call, Services, guard, lockout, provisioning, roles};

pub use detail::{EffectiveMember, GroupDetail, GroupMay, MemberDetail, detail, effective_members};
pub use members::{add_member, remove_member};
pub use muster_storage::Paging;
pub use muster_storage::groups::{Group, GroupFilter, GroupRow, GroupSort};

/// Longest accepted description, in characters.
const LONGEST_DESCRIPTION: usize = 2000;

/// One page of groups.
///
/// # Errors
/// Without permission.
pub async fn list(
    services: &Services,
    call: &Call,
    filter: &GroupFilter,
    paging: &Paging<GroupSort>,
) -> Result<Page<GroupRow>, Error> {
    call.may(Permission::ViewPeople)?;
    groups::list(services.db(), filter, paging).await
}

/// Groups whose name or description holds `q`, at most twenty: for choosing one.
///
/// # Errors
/// Without permission.
pub async fn search(services: &Services, call: &Call, q: &str) -> Result<Vec<Group>, Error> {
    call.may(Permission::ViewPeople)?;
    let filter = GroupFilter {
        q: Some(q.to_owned()),
        ..GroupFilter::default()
    };
    let paging = Paging {
        rows: 20,
        ..Paging::default()
    };
    let page = groups::list(services.db(), &filter, &paging).await?;
    Ok(page.rows.into_iter().map(|row| row.group).collect())
}

/// A group's name; none: there is no such group.
///
/// # Errors
/// Without permission.
pub async fn name(services: &Services, call: &Call, id: GroupId) -> Result<Option<String>, Error> {
    call.may(Permission::ViewPeople)?;
    Ok(groups::get(services.db(), id)
        .await?
        .map(|group| group.name))
}

/// The group of exactly this name, upper and lower case being the same.
///
/// # Errors
/// Without permission.
pub async fn by_name(services: &Services, call: &Call, name: &str) -> Result<Option<Group>, Error> {
    call.may(Permission::ViewPeople)?;
    groups::by_name(services.db(), name).await
}

/// Makes a local group.
///
/// # Errors
/// Without permission, or with messages beside the fields `name` and `description`.
pub async fn create(
    services: &Services,
    call: &Call,
    name: &str,
    description: &str,
) -> Result<GroupId, Error> {
    call.may(Permission::EditPeople)?;
    let (name, description) = checked(name, description)?;
    let tx = services.db().begin().await?;
    free(&tx, &name, None).await?;
    let group: GroupId = services.id();
    let action = Action::CreateGroup {
        group,
        name,
        description,
        directory: None,
    };
    let change = Change::new(action, Cause::ByHand);
    let events = provisioning::apply(services, call, &tx, &[change]).await?;
    tx.commit(&events).await?;
    Ok(group)
}

/// Changes a local group's name and description. A new name changes which rules meet the group, so one that carries
/// a role takes the permission and the presence that granting takes.
///
/// # Errors
/// Without permission, when a directory manages the group, or with messages beside fields; `JIT-021` when the group
/// carries a role and the rules of a provider would fill it under its new name.
pub async fn edit(
    services: &Services,
    call: &Call,
    elevated: Option<&ElevatedSession<'_>>,
    id: GroupId,
    name: &str,
    description: &str,
) -> Result<(), Error> {
    call.may(Permission::EditPeople)?;
    let (name, description) = checked(name, description)?;
    let tx = services.db().begin().await?;
    let before = Picture::of(&tx).await?;
    let mut group = local(&tx, id).await?;
    if name::key(&name) != name::key(&group.name) {
        guard::may_change_members(call, before.standing(), elevated, id)?;
        free(&tx, &name, Some(id)).await?;
    }
    let was = json!({ "name": group.name, "description": group.description });
    group.name = name;
    group.description = description;
    group.updated_at = call.at;
    groups::update(&tx, &group).await?;
    conferral::weigh(call, &tx, &before, Knowingly::No).await?;
    let after = json!({ "name": group.name, "description": group.description });
    let detail = json!({ "before": was, "after": after });
    tx.commit(&[call.event("group.edit", &group.name, Some(id.0), detail)])
        .await
}

/// What removing a group would take away.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeletePlan {
    /// The group.
    pub group: Group,
    /// People directly in it.
    pub users: u64,
    /// People in it in effect.
    pub effective: u64,
    /// Names of groups directly in it; they stay as groups of their own.
    pub inner: Vec<(GroupId, String)>,
    /// Names of groups it is in.
    pub outer: Vec<(GroupId, String)>,
    /// Roles that its members hold through it.
    pub roles: Vec<Role>,
    /// Why it is refused, if it is.
    pub refused: Option<Error>,
    /// Whether it takes a secure session.
    pub needs_elevation: bool,
}

/// What removing a group would take away, without removing it.
///
/// # Errors
/// Without permission, for an unknown group.
pub async fn plan_delete(
    services: &Services,
    call: &Call,
    id: GroupId,
) -> Result<DeletePlan, Error> {
    call.may(Permission::EditPeople)?;
    let db = services.db();
    let group = groups::get(db, id)
        .await?
        .ok_or_else(|| Error::not_found("group"))?;
    let standing = roles::standing(db).await?;
    let after = standing.clone().without_group(id);
    let roles = standing.carried_by(id);
    let refused = match managed(&group).and_then(|()| may_delete(call, &roles)) {
        Err(refused) => Some(refused),
        Ok(()) => lockout::foretell(services, |is| is.standing = after).await?,
    };
    let (inner, outer) = detail::neighbours(services, id).await?;
    Ok(DeletePlan {
        users: detail::people(services, id).await?,
        effective: memberships::effective_members(db, id).await?,
        inner,
        outer,
        needs_elevation: !roles.is_empty(),
        roles,
        refused,
        group,
    })
}

fn may_delete(call: &Call, carried: &[Role]) -> Result<(), Error> {
    match carried.first() {
        Some(role) if !call.can(Permission::ManageRoles) => Err(Error::new(
            "ROLE-003",
            Kind::Forbidden,
            format!(
                "This group carries the role {}. Removing it takes the role away.",
                role.label()
            ),
        )
        .next("Ask a superadmin to do it.")),
        _ => Ok(()),
    }
}

/// Removes a local group, its memberships both ways and the roles granted to it.
///
/// # Errors
/// As [`plan_delete`] tells in `refused`, and without presence where the group carries a role.
pub async fn delete(
    services: &Services,
    call: &Call,
    elevated: Option<&ElevatedSession<'_>>,
    id: GroupId,
) -> Result<(), Error> {
    call.may(Permission::EditPeople)?;
    let tx = services.db().begin().await?;
    let group = local(&tx, id).await?;
    let ways_in = lockout::before(services, &tx).await?;
    let before = ways_in.standing();
    guard::may_change_members(call, before, elevated, id)?;
    let after = before.clone().without_group(id);
    let effective = memberships::effective_members(&tx, id).await?;
    groups::delete(&tx, id).await?;
    ways_in.holds(&tx).await?;
    roles::end_lost(call, &tx, before, &after).await?;
    let detail = json!({ "people_in_effect": effective, "roles": before.carried_by(id) });
    tx.commit(&[call.event("group.delete", &group.name, Some(id.0), detail)])
        .await
}

fn checked(name: &str, description: &str) -> Result<(String, String), Error> {
    let mut fields = Vec::new();
    let name = name::check_group_name(name)
        .map_err(|field| fields.push(field))
        .unwrap_or_default();
    let description = description.trim().to_owned();
    let mut error = (!fields.is_empty()).then(|| Error::form(fields));
    if description.chars().count() > LONGEST_DESCRIPTION {
        let words = format!("Use at most {LONGEST_DESCRIPTION} characters.");
        error = Some(
            error
                .unwrap_or_else(|| Error::form(Vec::new()))
                .field("description", words),
        );
    }
    error.map_or(Ok((name, description)), Err)
}

async fn free(tx: &Tx, name: &str, own: Option<GroupId>) -> Result<(), Error> {
    match groups::by_name(tx, name).await? {
        Some(other) if Some(other.id) != own => {
            Err(
                Error::new("GRP-001", Kind::Conflict, "Another group has this name.").field(
                    "name",
                    format!("“{}” is taken. Choose another name.", other.name),
                ),
            )
        }
        _ => Ok(()),
    }
}

/// A group that is managed here.
async fn local(tx: &Tx, id: GroupId) -> Result<Group, Error> {
    let group = groups::get(tx, id)
        .await?
        .ok_or_else(|| Error::not_found("group"))?;
    managed(&group)?;
    Ok(group)
}

fn managed(group: &Group) -> Result<(), Error> {
    if group.directory.is_none() {
        return Ok(());
    }
    Err(
        Error::new("GRP-003", Kind::Conflict, "A directory manages this group.").next(
            "Change it there. Here you can add members by hand beside those of the directory.",
        ),
    )
}
