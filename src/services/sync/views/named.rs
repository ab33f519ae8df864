//! Whom the rows of a plan are about, as they are called here now.

use std::collections::BTreeMap;

use muster_domain::Error;
use muster_domain::change::Action;
use muster_domain::id::{GroupId, PlanId, UserId};
use muster_domain::membership;
use muster_domain::plan::stored::{Line, Row};
use muster_storage::{groups, plan_rows, users};
use uuid::Uuid;

use crate::Services;

/// A person or group that a row is about.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Whom {
    /// Their id.
    pub id: Uuid,
    /// Whether it is a group.
    pub is_group: bool,
    /// Whether there is such a person or group now: a plan may make or have removed them.
    pub is_here: bool,
    /// What people read.
    pub name: String,
}

/// A group that somebody joins or leaves.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Member {
    /// Its id.
    pub group: GroupId,
    /// Whether there is such a group now.
    pub is_here: bool,
    /// Its name.
    pub name: String,
}

/// The names of everybody and every group on one page.
pub(super) struct Names {
    people: BTreeMap<Uuid, String>,
    groups: BTreeMap<Uuid, String>,
    coming: BTreeMap<Uuid, String>,
}

/// Whom an action is about, and the group of a membership.
fn about(action: &Action) -> (Uuid, bool, Option<GroupId>) {
    match action {
        Action::CreateUser { user, .. }
        | Action::UpdateAccount { user, .. }
        | Action::LinkIdentity { user, .. }
        | Action::Deactivate { user, .. }
        | Action::Reactivate { user }
        | Action::RemoveAccount { user, .. }
        | Action::MoveAccount { user, .. }
        | Action::DeleteUser { user } => (user.0, false, None),
        Action::CreateGroup { group, .. }
        | Action::LinkGroup { group, .. }
        | Action::UnlinkGroup { group, .. }
        | Action::RenameGroup { group, .. }
        | Action::MoveMembers { group, .. }
        | Action::DeleteGroup { group } => (group.0, true, None),
        // Its row is about no person and no group: its subject says all.
        Action::SwitchDirectory { to, .. } => (to.0, true, None),
        Action::AddMember { group, member, .. } | Action::RemoveMember { group, member, .. } => {
            match member {
                membership::Member::User(user) => (user.0, false, Some(*group)),
                membership::Member::Group(inner) => (inner.0, true, Some(*group)),
            }
        }
    }
}

/// Looks up everybody and every group on a page.
pub(super) async fn names(services: &Services, plan: PlanId, rows: &[Row]) -> Result<Names, Error> {
    let (mut people, mut around) = (Vec::new(), Vec::new());
    for row in rows {
        let Line::Step(step) = &row.line else {
            continue;
        };
        let (id, is_group, group) = about(&step.change.action);
        if is_group {
            around.push(GroupId(id));
        } else {
            people.push(UserId(id));
        }
        around.extend(group);
    }
    people.sort_unstable();
    people.dedup();
    around.sort_unstable();
    around.dedup();
    let db = services.db();
    let people = users::get_many(db, &people).await?;
    let groups: BTreeMap<Uuid, String> = groups::get_many(db, &around)
        .await?
        .into_iter()
        .map(|group| (group.id.0, group.name))
        .collect();
    let missing: Vec<Uuid> = around
        .iter()
        .map(|group| group.0)
        .filter(|group| !groups.contains_key(group))
        .collect();
    let coming = plan_rows::new_groups(db, plan, &missing).await?;
    Ok(Names {
        people: people
            .into_iter()
            .map(|user| (user.id.0, user.display_name))
            .collect(),
        groups,
        coming: coming.into_iter().collect(),
    })
}

impl Names {
    /// Whom a row is about, and the group of a membership.
    pub(super) fn of(&self, row: &Row) -> (Option<Whom>, Option<Member>) {
        let Line::Step(step) = &row.line else {
            return (None, None);
        };
        let (id, is_group, group) = about(&step.change.action);
        let group = group.map(|group| {
            let here = self.groups.get(&group.0);
            let name = here.or_else(|| self.coming.get(&group.0)).cloned();
            Member {
                group,
                is_here: here.is_some(),
                name: name.unwrap_or_else(|| last_part(&step.subject).to_owned()),
            }
        });
        let known = if is_group {
            self.groups.get(&id)
        } else {
            self.people.get(&id)
        };
        let stated = match &step.change.action {
            Action::CreateUser { attributes, .. } => attributes.get("display_name"),
            _ => None,
        };
        let name = known.or(stated).cloned().unwrap_or_else(|| {
            let subject = &step.subject;
            let inside = group.as_ref().map(|group| format!(" in {}", group.name));
            let alone = inside.and_then(|inside| subject.strip_suffix(&inside));
            alone.unwrap_or(subject).to_owned()
        });
        let whom = Whom {
            id,
            is_group,
            is_here: known.is_some(),
            name,
        };
        (Some(whom), group)
    }
}

/// The group in `anna in Staff`, where nothing else is known of it.
fn last_part(subject: &str) -> &str {
    subject
        .rsplit_once(" in ")
        .map_or(subject, |(_, group)| group)
}
