//! Groups in groups to any depth, in circles and by many ways: what the database follows is what the graph in memory says.

use std::collections::BTreeSet;

use muster_domain::id::{AssignmentId, GroupId, UserId};
use muster_domain::membership::{Graph, Member, Membership, Origin, effective};
use muster_domain::role::Role;
use muster_storage::roles::{self, Assignment};
use muster_storage::{memberships, passages};
use uuid::Uuid;

use crate::world::{at, event, group, on_both, user};

/// Groups, from the bottom up.
const GROUPS: u128 = 60;

const fn gid(number: u128) -> GroupId {
    GroupId(Uuid::from_u128(100 + number))
}

const fn uid(number: u128) -> UserId {
    UserId(Uuid::from_u128(number))
}

fn edge(group: u128, member: Member) -> Membership {
    Membership {
        group: gid(group),
        member,
        origin: Origin::Manual,
    }
}

/// A tower of twenty, a lattice with two ways up from everywhere, a circle; somebody at the foot of each.
fn edges() -> Vec<Membership> {
    let mut edges: Vec<Membership> = (1..20)
        .map(|height| edge(height, Member::Group(gid(height - 1))))
        .collect();
    for number in 20..40 {
        for above in [number + 1, number + 3] {
            edges.push(edge(above, Member::Group(gid(number))));
        }
    }
    for number in 50..60 {
        let above = if number == 59 { 50 } else { number + 1 };
        edges.push(edge(above, Member::Group(gid(number))));
    }
    for (person, at) in [(1, 0), (1, 20), (2, 20), (3, 55), (4, 19)] {
        edges.push(edge(at, Member::User(uid(person))));
    }
    edges
}

on_both! {
    async fn groups_in_effect_are_those_of_the_graph_in_memory(world) {
        let people: Vec<_> = (1..=5).map(|number| user(number, "Somebody")).collect();
        world.users(&people).await;
        let groups: Vec<_> = (0..GROUPS).map(|number| group(100 + number, &format!("Group {number}"))).collect();
        world.groups(&groups).await;
        let all = edges();
        let tx = world.tx().await;
        memberships::add_many(&tx, &all, at(1)).await.unwrap();
        // At the very top of the tower, and inside of the circle.
        for (id, role, top) in [(1, Role::Auditor, 19), (2, Role::Helpdesk, 52)] {
            let assignment = Assignment {
                id: AssignmentId(Uuid::from_u128(id)), role, principal: Member::Group(gid(top)), scope: None,
                granted_by: "test".to_owned(), granted_at: at(1),
            };
            roles::grant(&tx, &assignment).await.unwrap();
        }
        tx.commit(&[event("test")]).await.unwrap();
        let graph: Graph = all.iter().copied().collect();
        let held = [vec![Role::Auditor], vec![], vec![Role::Helpdesk], vec![Role::Auditor], vec![]];
        for (person, held) in (1..=5).zip(held) {
            let user = uid(person);
            let expected: BTreeSet<GroupId> = graph.groups_of(Member::User(user)).into_iter().map(|way| way.of).collect();
            let named = passages::groups_of(&world.db, user).await.unwrap();
            assert_eq!(named.len(), expected.len(), "each group once");
            assert_eq!(named.into_iter().map(|(id, _)| id).collect::<BTreeSet<_>>(), expected);
            let around = memberships::edges_around(&world.db, user).await.unwrap();
            assert_eq!(effective(&around, user), graph.groups_of(Member::User(user)));
            assert!(around.iter().all(|edge| all.contains(edge)));
            assert_eq!(roles::of_user(&world.db, user).await.unwrap(), held);
        }
    }
}
