//! Everything about one group.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::Error;
use muster_domain::id::{GroupId, UserId};
use muster_domain::listing::Page;
use muster_domain::membership::{Graph, Member, Origin};
use muster_domain::role::{Permission, Role};
use muster_storage::groups::{self, Group};
use muster_storage::users::{self, GroupReach, UserFilter, UserRow, UserSort};
use muster_storage::{Paging, directories, memberships};

use crate::users::Words;
use crate::{Call, Services, guard, roles};

/// Everything about one group.
#[derive(Clone, Debug)]
pub struct GroupDetail {
    /// The group.
    pub group: Group,
    /// The name of the directory it comes from, if it comes from one.
    pub directory: Option<String>,
    /// Its direct members, one page: groups first, then people.
    pub members: Page<MemberDetail>,
    /// People in it in effect, each once.
    pub effective: u64,
    /// Groups it is in directly.
    pub outer: Vec<(GroupId, String)>,
    /// Groups directly in it.
    pub inner: Vec<(GroupId, String)>,
    /// Roles that its members hold through it, with the group each is granted to.
    pub roles: Vec<(Role, GroupId, String)>,
    /// What the caller may do here.
    pub may: GroupMay,
}

/// A direct member with everything that put them there, in words.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MemberDetail {
    /// Who.
    pub member: Member,
    /// The name people read.
    pub name: String,
    /// The username, for a person.
    pub username: Option<String>,
    /// Whether the person may come in; groups always may.
    pub is_active: bool,
    /// Origins with their words.
    pub origins: Vec<(Origin, String)>,
    /// Whether the membership by hand can be ended here.
    pub is_manual: bool,
}

/// What the caller may do with a group.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct GroupMay {
    /// Change its name and description, remove it.
    pub edit: bool,
    /// Add and remove members by hand.
    pub change_members: bool,
    /// Changing members takes a secure session, because the group carries a role.
    pub needs_elevation: bool,
}

/// Somebody in a group in effect.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EffectiveMember {
    /// Who.
    pub row: UserRow,
    /// From the group they are in directly up to this one; one entry: directly.
    pub path: Vec<(GroupId, String)>,
    /// What put them into the first group of the path.
    pub origins: Vec<(Origin, String)>,
}

/// Everything about one group, with one page of its direct members.
///
/// # Errors
/// Without permission, for an unknown group.
pub async fn detail(
    services: &Services,
    call: &Call,
    id: GroupId,
    paging: &Paging<()>,
) -> Result<GroupDetail, Error> {
    call.may(Permission::ViewPeople)?;
    let db = services.db();
    let group = groups::get(db, id)
        .await?
        .ok_or_else(|| Error::not_found("group"))?;
    let directory = match group.directory {
        Some(directory) => directories::get(db, directory)
            .await?
            .map(|found| found.name),
        None => None,
    };
    let words = Words::load(services).await?;
    let page = memberships::of_group(db, id, paging).await?;
    let members = Page {
        rows: page
            .rows
            .into_iter()
            .map(|row| member(row, &words))
            .collect(),
        before: page.before,
        total: page.total,
        previous: page.previous,
        next: page.next,
    };
    let (inner, outer) = neighbours(services, id).await?;
    let standing = roles::standing(db).await?;
    let carried = standing.carried_by(id);
    let edits = call.can(Permission::EditPeople);
    let may_members = edits && (carried.is_empty() || call.can(Permission::ManageRoles));
    Ok(GroupDetail {
        effective: memberships::effective_members(db, id).await?,
        roles: carriers(services, &standing, &carried, id).await?,
        may: GroupMay {
            edit: may_members && group.directory.is_none(),
            change_members: may_members,
            needs_elevation: guard::may_change_members(call, &standing, None, id).is_err(),
        },
        group,
        directory,
        members,
        outer,
        inner,
    })
}

fn member(row: memberships::MemberRow, words: &Words) -> MemberDetail {
    MemberDetail {
        member: row.member,
        name: row.name,
        username: row.username,
        is_active: row.is_active,
        is_manual: row.origins.contains(&Origin::Manual),
        origins: words.all(&row.origins),
    }
}

async fn carriers(
    services: &Services,
    standing: &crate::standing::Standing,
    carried: &[Role],
    id: GroupId,
) -> Result<Vec<(Role, GroupId, String)>, Error> {
    use crate::standing::Through;
    let mut tops: Vec<(Role, GroupId)> = Vec::new();
    for role in carried {
        if let Some(Through::Group { path, .. }) = standing.carriers(*role).get(&id)
            && let Some(top) = path.last()
        {
            tops.push((*role, *top));
        }
    }
    let ids: Vec<GroupId> = tops.iter().map(|(_, top)| *top).collect();
    let names = names(services, &ids).await?;
    Ok(tops
        .into_iter()
        .map(|(role, top)| (role, top, names.get(&top).cloned().unwrap_or_default()))
        .collect())
}

/// One page of the people in a group in effect, each with the path.
///
/// # Errors
/// Without permission, for an unknown group.
pub async fn effective_members(
    services: &Services,
    call: &Call,
    id: GroupId,
    paging: &Paging<UserSort>,
) -> Result<Page<EffectiveMember>, Error> {
    call.may(Permission::ViewPeople)?;
    let db = services.db();
    groups::get(db, id)
        .await?
        .ok_or_else(|| Error::not_found("group"))?;
    let filter = UserFilter {
        group: Some((id, GroupReach::Effective)),
        ..UserFilter::default()
    };
    let page = users::list(db, &filter, paging).await?;
    let people: Vec<Member> = page
        .rows
        .iter()
        .map(|row| Member::User(row.user.id))
        .collect();
    let mut graph: Graph = memberships::group_edges(db).await?.into_iter().collect();
    graph.extend(memberships::of_members(db, &people).await?);
    let way = |user: UserId| {
        graph
            .groups_of(Member::User(user))
            .into_iter()
            .find(|way| way.of == id)
    };
    let ways: Vec<_> = page.rows.iter().map(|row| way(row.user.id)).collect();
    let ids: Vec<GroupId> = ways
        .iter()
        .flatten()
        .flat_map(|way| way.path.clone())
        .collect();
    let names = names(services, &ids).await?;
    let words = Words::load(services).await?;
    let rows = page.rows.into_iter().zip(ways);
    Ok(Page {
        rows: rows
            .map(|(row, way)| EffectiveMember {
                row,
                path: way
                    .iter()
                    .flat_map(|way| &way.path)
                    .map(|id| named(*id, &names))
                    .collect(),
                origins: way.map(|way| words.all(&way.origins)).unwrap_or_default(),
            })
            .collect(),
        before: page.before,
        total: page.total,
        previous: page.previous,
        next: page.next,
    })
}

type Named = Vec<(GroupId, String)>;

/// Groups directly in a group, and groups it is directly in.
pub(super) async fn neighbours(services: &Services, id: GroupId) -> Result<(Named, Named), Error> {
    let edges = memberships::group_edges(services.db()).await?;
    let mut inner: BTreeSet<GroupId> = BTreeSet::new();
    let mut outer: BTreeSet<GroupId> = BTreeSet::new();
    for edge in edges {
        match edge.member.group() {
            Some(member) if edge.group == id => inner.insert(member),
            Some(member) if member == id => outer.insert(edge.group),
            _ => false,
        };
    }
    let ids: Vec<GroupId> = inner.union(&outer).copied().collect();
    let names = names(services, &ids).await?;
    let list = |ids: BTreeSet<GroupId>| {
        let mut list: Named = ids.into_iter().map(|id| named(id, &names)).collect();
        list.sort_by_key(|(_, name)| muster_domain::name::key(name));
        list
    };
    Ok((list(inner), list(outer)))
}

/// How many people are directly in a group, each once.
pub(super) async fn people(services: &Services, id: GroupId) -> Result<u64, Error> {
    let rows = memberships::people_of(services.db(), &[id]).await?;
    let people: BTreeSet<Member> = rows.into_iter().map(|row| row.member).collect();
    Ok(u64::try_from(people.len()).unwrap_or(u64::MAX))
}

async fn names(services: &Services, ids: &[GroupId]) -> Result<BTreeMap<GroupId, String>, Error> {
    let ids: BTreeSet<GroupId> = ids.iter().copied().collect();
    let ids: Vec<GroupId> = ids.into_iter().collect();
    let groups = groups::get_many(services.db(), &ids).await?;
    Ok(groups
        .into_iter()
        .map(|group| (group.id, group.name))
        .collect())
}

fn named(id: GroupId, names: &BTreeMap<GroupId, String>) -> (GroupId, String) {
    (id, names.get(&id).cloned().unwrap_or_default())
}
