//! The demo as changes: people in two directories, departments with nested groups, memberships of several origins.

use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::{DirectoryId, GroupId, ProviderId, UserId};
use muster_domain::membership::{Member, Origin};
use muster_domain::record::ExternalId;

use super::SEED;
use super::people::{Dice, People, cities, departments};

/// People for one group, as companies tend to have it.
const PEOPLE_A_GROUP: usize = 25;

/// How deep demo groups nest at most.
pub const DEEPEST: usize = 6;

/// Where the demo's people come from.
#[derive(Clone, Copy, Debug)]
pub struct Sources {
    /// The internal directory.
    pub internal: DirectoryId,
    /// The demo's company directory.
    pub corporate: DirectoryId,
    /// A provider whose claims put people into groups, if one is connected.
    pub provider: Option<ProviderId>,
}

/// The whole demo.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// People, then their groups, then who is in which.
    pub changes: Vec<Change>,
    /// One group inside another that is inside it: must be refused.
    pub cycle: Option<(GroupId, GroupId)>,
    /// How many groups there are.
    pub groups: usize,
}

/// Tells the story for `count` people. `user` and `group` make fresh ids.
pub fn tell(
    count: usize,
    sources: Sources,
    mut user: impl FnMut() -> UserId,
    mut group: impl FnMut() -> GroupId,
) -> Story {
    let mut dice = Dice::new(SEED ^ 1);
    let mut people = People::new(SEED);
    let mut story = Story::default();
    let users: Vec<(UserId, DirectoryId)> = (0..count)
        .map(|n| {
            let directory = if dice.happens(70) {
                sources.corporate
            } else {
                sources.internal
            };
            let id = user();
            let action = Action::CreateUser {
                user: id,
                directory,
                external_id: ExternalId(format!("demo-{n}")),
                attributes: people.next_person(),
            };
            story.changes.push(demo(action));
            (id, directory)
        })
        .collect();
    let groups = make_groups(
        count.div_ceil(PEOPLE_A_GROUP),
        sources,
        &mut story,
        &mut group,
    );
    join(&users, &groups, sources, &mut dice, &mut story);
    story
}

fn demo(action: Action) -> Change {
    Change::new(action, Cause::Rule("demo".to_owned()))
}

/// Departments, places in departments, teams in places, down to [`DEEPEST`] levels.
fn make_groups(
    count: usize,
    sources: Sources,
    story: &mut Story,
    id: &mut impl FnMut() -> GroupId,
) -> Vec<(GroupId, Option<DirectoryId>)> {
    let mut made: Vec<(GroupId, Option<DirectoryId>)> = Vec::with_capacity(count);
    let mut depths: Vec<usize> = Vec::with_capacity(count);
    let mut nesting: Vec<Change> = Vec::new();
    let width = departments().len();
    for n in 0..count {
        let above = n.checked_sub(width).map(|m| m / 3);
        let depth = above
            .and_then(|a| depths.get(a))
            .map_or(1, |depth| depth + 1);
        let nests = depth <= DEEPEST;
        let directory = (n % 4 == 0).then_some(sources.corporate);
        let group = id();
        story.changes.push(demo(Action::CreateGroup {
            group,
            name: name_of(n),
            description: description_of(n),
            directory,
        }));
        made.push((group, directory));
        depths.push(if nests { depth } else { 1 });
        if let (true, Some((parent, parent_directory))) =
            (nests, above.and_then(|a| made.get(a).copied()))
        {
            let origin = parent_directory.map_or(Origin::Manual, Origin::Directory);
            nesting.push(demo(Action::AddMember {
                group: parent,
                member: Member::Group(group),
                origin,
            }));
            story.cycle.get_or_insert((group, parent));
        }
    }
    story.changes.append(&mut nesting);
    story.groups = made.len();
    made
}

fn name_of(n: usize) -> String {
    let (departments, cities) = (departments(), cities());
    let department = departments
        .get(n % departments.len().max(1))
        .copied()
        .unwrap_or("Team");
    let round = n / departments.len().max(1);
    if round == 0 {
        return department.to_owned();
    }
    let city = cities
        .get((round - 1) % cities.len().max(1))
        .copied()
        .unwrap_or("Remote");
    match (round - 1) / cities.len().max(1) {
        0 => format!("{department} {city}"),
        team => format!("{department} {city} team {}", team + 1),
    }
}

fn description_of(n: usize) -> String {
    match n / departments().len().max(1) {
        0 => "Everybody in the department.".to_owned(),
        _ => "People who work together.".to_owned(),
    }
}

/// Puts each person into one to three groups, some of them by two origins at once.
fn join(
    users: &[(UserId, DirectoryId)],
    groups: &[(GroupId, Option<DirectoryId>)],
    sources: Sources,
    dice: &mut Dice,
    story: &mut Story,
) {
    for (user, home) in users {
        let mut joined: Vec<GroupId> = Vec::new();
        for _ in 0..=dice.below(3) {
            let Some((group, directory)) = dice.pick(groups).copied() else {
                continue;
            };
            if joined.contains(&group) {
                continue;
            }
            joined.push(group);
            let mut origins = vec![match directory {
                Some(directory) if directory == *home => Origin::Directory(directory),
                _ => Origin::Manual,
            }];
            if let Some(provider) = sources.provider.filter(|_| dice.happens(15)) {
                origins.push(Origin::Claims(provider));
            }
            for origin in origins {
                let member = Member::User(*user);
                story.changes.push(demo(Action::AddMember {
                    group,
                    member,
                    origin,
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_domain::membership::would_cycle;
    use std::collections::{BTreeMap, HashSet};
    use uuid::Uuid;

    fn story(count: usize) -> Story {
        let (mut users, mut groups) = (0_u128, 0_u128);
        let sources = Sources {
            internal: DirectoryId(Uuid::from_u128(1)),
            corporate: DirectoryId(Uuid::from_u128(2)),
            provider: Some(ProviderId(Uuid::from_u128(3))),
        };
        tell(
            count,
            sources,
            || {
                users += 1;
                UserId(Uuid::from_u128(users))
            },
            || {
                groups += 1;
                GroupId(Uuid::from_u128(1 << 64 | groups))
            },
        )
    }

    #[test]
    fn groups_nest_without_circles_at_most_six_deep_and_have_names_of_their_own() {
        let story = story(10_000);
        assert_eq!(story.groups, 400);
        let mut above = BTreeMap::new();
        let mut names = HashSet::new();
        for change in &story.changes {
            match &change.action {
                Action::CreateGroup { name, .. } => {
                    assert!(names.insert(muster_domain::name::key(name)), "{name}");
                }
                Action::AddMember {
                    group,
                    member: Member::Group(inner),
                    ..
                } => {
                    above.insert(*inner, *group);
                }
                _ => {}
            }
        }
        let depth = |mut group| {
            let mut depth = 1;
            while let Some(next) = above.get(&group) {
                group = *next;
                depth += 1;
                assert!(depth <= DEEPEST);
            }
            depth
        };
        let deepest = above.keys().map(|group| depth(*group)).max().unwrap();
        assert!(deepest >= 4, "{deepest}");
        let (parent, child) = story.cycle.unwrap();
        let edges = above.iter().map(|(inner, outer)| (*outer, *inner));
        assert!(would_cycle(edges, parent, child).is_some());
    }

    #[test]
    fn some_people_are_in_a_group_by_two_origins() {
        let mut origins: BTreeMap<_, HashSet<String>> = BTreeMap::new();
        for change in story(500).changes {
            if let Action::AddMember {
                group,
                member,
                origin,
            } = change.action
            {
                origins
                    .entry((group, member))
                    .or_default()
                    .insert(origin.key());
            }
        }
        assert!(origins.values().any(|origins| origins.len() == 2));
    }
}
