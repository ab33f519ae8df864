//! Groups and memberships through the door.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::audit::AuditEvent;
use muster_domain::change::{Action, Change};
use muster_domain::id::{GroupId, UserId};
use muster_domain::membership::{Member, Membership, Origin};
use muster_domain::{Error, Kind};
use muster_storage::groups::{self, Group};
use muster_storage::{memberships, users};
use serde_json::json;

use super::Door;

mod telling;

pub(crate) use telling::Telling;

/// Names for the record.
#[derive(Default)]
struct Names {
    groups: BTreeMap<GroupId, String>,
    users: BTreeMap<UserId, String>,
}

impl Names {
    fn of(&self, member: Member) -> Option<&str> {
        match member {
            Member::User(user) => self.users.get(&user),
            Member::Group(group) => self.groups.get(&group),
        }
        .map(String::as_str)
    }
}

impl Door<'_> {
    pub(super) async fn create_groups(self, run: &[Change]) -> Result<Vec<AuditEvent>, Error> {
        let (mut rows, mut events) = (Vec::new(), Vec::new());
        for change in run {
            let Action::CreateGroup {
                group,
                name,
                description,
                directory,
            } = &change.action
            else {
                continue;
            };
            let name = muster_domain::name::check_group_name(name)
                .map_err(|field| Error::form(vec![field]))?;
            let detail = json!({ "cause": change.cause.label(), "directory": directory });
            events.push(
                self.call
                    .event("group.create", &name, Some(group.0), detail),
            );
            rows.push(Group {
                id: *group,
                name,
                description: description.clone(),
                directory: *directory,
                created_at: self.call.at,
                updated_at: self.call.at,
            });
        }
        groups::insert_many(self.tx, &rows).await?;
        Ok(events)
    }

    pub(super) async fn add_members(self, run: &[Change]) -> Result<Vec<AuditEvent>, Error> {
        let wanted: Vec<(Membership, &Change)> = rows(run);
        if !self.tells {
            self.need_them_here(&wanted).await?;
            self.refuse_circles(&wanted, &Names::default()).await?;
            let rows: BTreeSet<Membership> = wanted.iter().map(|(row, _)| *row).collect();
            let rows: Vec<Membership> = rows.into_iter().collect();
            memberships::add_many(self.tx, &rows, self.call.at).await?;
            return Ok(Vec::new());
        }
        let names = self.names(&wanted).await?;
        self.refuse_circles(&wanted, &names).await?;
        let members: BTreeSet<Member> = wanted.iter().map(|(row, _)| row.member).collect();
        let members: Vec<Member> = members.into_iter().collect();
        let known = memberships::of_members(self.tx, &members).await?;
        let known: BTreeSet<Membership> = known.into_iter().collect();
        let mut fresh: BTreeSet<Membership> = BTreeSet::new();
        let mut events = Vec::new();
        for (row, change) in &wanted {
            if !known.contains(row) && fresh.insert(*row) {
                events.push(self.member_event("group.member.add", row, change, &names)?);
            }
        }
        let fresh: Vec<Membership> = fresh.into_iter().collect();
        memberships::add_many(self.tx, &fresh, self.call.at).await?;
        Ok(events)
    }

    pub(super) async fn remove_members(self, run: &[Change]) -> Result<Vec<AuditEvent>, Error> {
        let wanted = rows(run);
        if !self.tells {
            let rows: Vec<Membership> = wanted.iter().map(|(row, _)| *row).collect();
            memberships::remove_many(self.tx, &rows).await?;
            return Ok(Vec::new());
        }
        let names = self.names(&wanted).await?;
        let mut events = Vec::new();
        for (row, change) in &wanted {
            if memberships::remove(self.tx, row).await? {
                events.push(self.member_event("group.member.remove", row, change, &names)?);
            }
        }
        Ok(events)
    }

    /// Goes on only if every group and every member is here: no key of the table says so of members.
    async fn need_them_here(self, wanted: &[(Membership, &Change)]) -> Result<(), Error> {
        let (groups, people) = mentioned(wanted);
        if groups::count_of(self.tx, &groups).await? < groups.len() {
            return Err(Error::not_found("group"));
        }
        if users::count_of(self.tx, &people).await? < people.len() {
            return Err(Error::not_found("user"));
        }
        Ok(())
    }

    fn member_event(
        self,
        action: &str,
        row: &Membership,
        change: &Change,
        names: &Names,
    ) -> Result<AuditEvent, Error> {
        let group = names
            .groups
            .get(&row.group)
            .ok_or_else(|| Error::not_found("group"))?;
        let missing = || Error::not_found(row.member.kind());
        let member = names.of(row.member).ok_or_else(missing)?;
        let detail = json!({
            "cause": change.cause.label(),
            "kind": row.member.kind(),
            "member": member,
            "member_id": row.member.id(),
            "origin": row.origin.key(),
        });
        Ok(self.call.event(action, group, Some(row.group.0), detail))
    }

    async fn names(self, wanted: &[(Membership, &Change)]) -> Result<Names, Error> {
        let (group_ids, user_ids) = mentioned(wanted);
        let groups = groups::get_many(self.tx, &group_ids).await?;
        let users = users::get_many(self.tx, &user_ids).await?;
        Ok(Names {
            groups: groups
                .into_iter()
                .map(|group| (group.id, group.name))
                .collect(),
            users: users
                .into_iter()
                .map(|user| (user.id, user.username))
                .collect(),
        })
    }

    /// A circle made by hand is refused. One that a source states is kept: closures end it.
    async fn refuse_circles(
        self,
        wanted: &[(Membership, &Change)],
        names: &Names,
    ) -> Result<(), Error> {
        let nests = |row: &Membership| row.member.group().is_some() && row.origin == Origin::Manual;
        if !wanted.iter().any(|(row, _)| nests(row)) {
            return Ok(());
        }
        let mut above: BTreeMap<GroupId, BTreeSet<GroupId>> = BTreeMap::new();
        for row in memberships::group_edges(self.tx).await? {
            if let Some(inner) = row.member.group() {
                above.entry(inner).or_default().insert(row.group);
            }
        }
        for (row, _) in wanted {
            let Some(inner) = row.member.group() else {
                continue;
            };
            if row.origin == Origin::Manual
                && let Some(way) = way_up(&above, row.group, inner)
            {
                return Err(circle(&way, &self.names_of(&way, names).await?));
            }
            above.entry(inner).or_default().insert(row.group);
        }
        Ok(())
    }

    async fn names_of(
        self,
        way: &[GroupId],
        known: &Names,
    ) -> Result<BTreeMap<GroupId, String>, Error> {
        let mut names = known.groups.clone();
        for group in groups::get_many(self.tx, way).await? {
            names.insert(group.id, group.name);
        }
        Ok(names)
    }
}

/// The groups and people of memberships, each once.
fn mentioned(wanted: &[(Membership, &Change)]) -> (Vec<GroupId>, Vec<UserId>) {
    let mut groups: BTreeSet<GroupId> = BTreeSet::new();
    let mut people: BTreeSet<UserId> = BTreeSet::new();
    for (row, _) in wanted {
        groups.insert(row.group);
        groups.extend(row.member.group());
        people.extend(row.member.user());
    }
    (groups.into_iter().collect(), people.into_iter().collect())
}

fn rows(run: &[Change]) -> Vec<(Membership, &Change)> {
    run.iter()
        .filter_map(|change| match change.action {
            Action::AddMember {
                group,
                member,
                origin,
            }
            | Action::RemoveMember {
                group,
                member,
                origin,
            } => Some((
                Membership {
                    group,
                    member,
                    origin,
                },
                change,
            )),
            _ => None,
        })
        .collect()
}

/// A shortest way from `from` up to `to`, both included; one entry when they are the same.
fn way_up(
    above: &BTreeMap<GroupId, BTreeSet<GroupId>>,
    from: GroupId,
    to: GroupId,
) -> Option<Vec<GroupId>> {
    let mut open = std::collections::VecDeque::from([vec![from]]);
    let mut seen = BTreeSet::from([from]);
    while let Some(way) = open.pop_front() {
        let last = way.last()?;
        if *last == to {
            return Some(way);
        }
        for next in above.get(last).into_iter().flatten() {
            if seen.insert(*next) {
                open.push_back([way.as_slice(), &[*next]].concat());
            }
        }
    }
    None
}

/// The refusal of a circle, in words that show it.
pub(crate) fn circle(way: &[GroupId], names: &BTreeMap<GroupId, String>) -> Error {
    let name = |id: &GroupId| names.get(id).map_or("?", String::as_str);
    let words = match way {
        [one] => format!("{} cannot be in itself.", name(one)),
        _ => {
            let steps: Vec<_> = way.iter().map(name).collect();
            let (first, last) = (
                steps.first().copied().unwrap_or_default(),
                steps.last().copied().unwrap_or_default(),
            );
            format!(
                "{last} cannot be in {first}: {first} is in {last} already ({}). That would be a circle.",
                steps.join(" → ")
            )
        }
    };
    Error::new("GRP-002", Kind::Conflict, words)
        .next("Take one of these groups out of the next first.")
}
