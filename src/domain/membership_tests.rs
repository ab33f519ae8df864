//! Memberships through nested groups: examples, and properties on arbitrary graphs.

use proptest::prelude::*;

use super::*;

fn group(n: u8) -> GroupId {
    GroupId(Uuid::from_u128(u128::from(n) + 1000))
}

fn user(n: u8) -> UserId {
    UserId(Uuid::from_u128(u128::from(n) + 1))
}

fn row(group: GroupId, member: Member) -> Membership {
    Membership {
        group,
        member,
        origin: Origin::Manual,
    }
}

fn nested(outer: u8, inner: u8) -> Membership {
    row(group(outer), Member::Group(group(inner)))
}

fn person(outer: u8, inner: u8) -> Membership {
    row(group(outer), Member::User(user(inner)))
}

#[test]
fn a_person_is_in_every_group_above_by_the_shortest_path() {
    let rows = [
        person(1, 1),
        nested(2, 1),
        nested(3, 2),
        nested(4, 3),
        nested(4, 1),
    ];
    let found = effective(&rows, user(1));
    let paths: Vec<_> = found.iter().map(|e| e.path.clone()).collect();
    assert_eq!(
        paths,
        [
            vec![group(1)],
            vec![group(1), group(2)],
            vec![group(1), group(4)],
            vec![group(1), group(2), group(3)],
        ]
    );
    assert!(found[0].is_direct() && !found[1].is_direct());
}

#[test]
fn both_origins_of_one_membership_are_told_and_one_ends_without_the_other() {
    let provider = ProviderId(Uuid::from_u128(7));
    let claimed = Membership {
        origin: Origin::Claims(provider),
        ..person(1, 1)
    };
    let both = effective(&[person(1, 1), claimed, nested(2, 1)], user(1));
    assert_eq!(both[0].origins, [Origin::Manual, Origin::Claims(provider)]);
    assert_eq!(both[1].origins, both[0].origins);
    let one = effective(&[person(1, 1)], user(1));
    assert_eq!(one[0].origins, [Origin::Manual]);
}

#[test]
fn c20_a_circle_of_groups_ends() {
    let rows = [person(1, 1), nested(2, 1), nested(3, 2), nested(1, 3)];
    let groups: Vec<_> = effective(&rows, user(1)).iter().map(|e| e.of).collect();
    assert_eq!(groups, [group(1), group(2), group(3)]);
    let graph: Graph = rows.into_iter().collect();
    assert_eq!(graph.members_of(group(2)).len(), 3);
}

#[test]
fn c21_ten_thousand_levels_are_followed_to_the_end() {
    let deep = |n: u128| GroupId(Uuid::from_u128(n + 10));
    let mut graph: Graph = (1..10_000)
        .map(|n| row(deep(n), Member::Group(deep(n - 1))))
        .collect();
    graph.extend([row(deep(0), Member::User(user(1)))]);
    let found = graph.groups_of(Member::User(user(1)));
    assert_eq!(found.len(), 10_000);
    let last = found.last().unwrap();
    assert_eq!(last.of, deep(9_999));
    assert_eq!(last.path.len(), LONGEST_PATH);
    assert_eq!(
        (last.path[0], last.path[LONGEST_PATH - 1]),
        (deep(0), deep(9_999))
    );
    let below = graph.members_of(deep(9_999));
    assert_eq!(below.len(), 10_000);
    assert_eq!(below.last().unwrap().of, Member::User(user(1)));
    assert_eq!(below.last().unwrap().path[0], deep(0));
}

#[test]
fn c22_a_group_in_itself_is_not_its_own_member() {
    let graph: Graph = [nested(1, 1), person(1, 1)].into_iter().collect();
    assert!(graph.groups_of(Member::Group(group(1))).is_empty());
    assert_eq!(graph.members_of(group(1)).len(), 1);
}

#[test]
fn the_path_of_a_nested_member_begins_at_the_group_they_are_in() {
    let graph: Graph = [person(1, 1), nested(2, 1), nested(3, 2)]
        .into_iter()
        .collect();
    let members = graph.members_of(group(3));
    let one = members
        .iter()
        .find(|e| e.of == Member::User(user(1)))
        .unwrap();
    assert_eq!(one.path, [group(1), group(2), group(3)]);
}

#[test]
fn a_circle_is_foretold_with_its_way() {
    let edges = [(group(2), group(1)), (group(3), group(2))];
    assert_eq!(would_cycle(edges, group(1), group(1)), Some(vec![group(1)]));
    assert_eq!(
        would_cycle(edges, group(1), group(3)),
        Some(vec![group(1), group(2), group(3)])
    );
    assert_eq!(would_cycle(edges, group(3), group(1)), None);
    assert_eq!(would_cycle(edges, group(4), group(1)), None);
}

#[test]
fn origins_and_members_are_read_back_from_their_text() {
    let id = Uuid::from_u128(0x0190_0000_0000_7000_8000_0000_0000_0001);
    for origin in [
        Origin::Manual,
        Origin::Claims(ProviderId(id)),
        Origin::Default(ProviderId(id)),
        Origin::Directory(DirectoryId(id)),
    ] {
        assert_eq!(Origin::from_key(&origin.key()), Some(origin));
    }
    assert_eq!(Origin::Claims(ProviderId(id)).key(), format!("claims:{id}"));
    for bad in [
        "", "Manual", "manual:", "claims", "claims:", "claims:x", "other:1",
    ] {
        assert_eq!(Origin::from_key(bad), None, "{bad}");
    }
    for member in [Member::User(UserId(id)), Member::Group(GroupId(id))] {
        assert_eq!(
            Member::from_columns(member.kind(), member.id()),
            Some(member)
        );
    }
    assert_eq!(Member::from_columns("robot", id), None);
}

/// Few groups and people, so that circles, self-membership and diamonds are common.
fn rows() -> impl Strategy<Value = Vec<Membership>> {
    let member = prop_oneof![
        (0_u8..3).prop_map(|n| Member::User(user(n))),
        (0_u8..7).prop_map(|n| Member::Group(group(n))),
    ];
    let origin = prop_oneof![
        Just(Origin::Manual),
        Just(Origin::Claims(ProviderId(Uuid::from_u128(1)))),
    ];
    proptest::collection::vec((0_u8..7, member, origin), 0..30).prop_map(|rows| {
        rows.into_iter()
            .map(|(outer, member, origin)| Membership {
                group: group(outer),
                member,
                origin,
            })
            .collect()
    })
}

/// The definition, written down without any cleverness: add what follows until nothing does.
fn naive(rows: &[Membership]) -> BTreeSet<(GroupId, Member)> {
    let mut all: BTreeSet<_> = rows.iter().map(|r| (r.group, r.member)).collect();
    loop {
        let more: BTreeSet<_> = all
            .iter()
            .flat_map(|&(inner, member)| {
                all.iter()
                    .filter(move |(_, m)| *m == Member::Group(inner))
                    .map(move |&(outer, _)| (outer, member))
            })
            .filter(|pair| !all.contains(pair))
            .collect();
        if more.is_empty() {
            all.retain(|(group, member)| *member != Member::Group(*group));
            return all;
        }
        all.extend(more);
    }
}

fn everybody() -> Vec<Member> {
    let users = (0..3).map(|n| Member::User(user(n)));
    users
        .chain((0..7).map(|n| Member::Group(group(n))))
        .collect()
}

proptest! {
    #[test]
    fn both_directions_equal_the_naive_fixpoint(rows in rows()) {
        let graph: Graph = rows.iter().copied().collect();
        let up: BTreeSet<_> = everybody()
            .into_iter()
            .flat_map(|m| graph.groups_of(m).into_iter().map(move |e| (e.of, m)))
            .collect();
        let down: BTreeSet<_> = (0..7)
            .map(group)
            .flat_map(|g| graph.members_of(g).into_iter().map(move |e| (g, e.of)))
            .collect();
        prop_assert_eq!(&up, &naive(&rows));
        prop_assert_eq!(&down, &up);
    }

    #[test]
    fn every_path_is_made_of_rows_that_exist_and_is_as_short_from_both_ends(rows in rows()) {
        let graph: Graph = rows.iter().copied().collect();
        for member in everybody() {
            let found = graph.groups_of(member);
            let reported: BTreeSet<_> = found.iter().map(|e| e.of).collect();
            prop_assert_eq!(reported.len(), found.len(), "each group once");
            for e in found {
                prop_assert_eq!(e.path.last(), Some(&e.of));
                let mut inner = member;
                for step in &e.path {
                    prop_assert!(rows.iter().any(|r| r.group == *step && r.member == inner));
                    inner = Member::Group(*step);
                }
                let first: BTreeSet<_> = rows
                    .iter()
                    .filter(|r| r.group == e.path[0] && r.member == member)
                    .map(|r| r.origin)
                    .collect();
                prop_assert_eq!(e.origins.into_iter().collect::<BTreeSet<_>>(), first);
                let back = graph.members_of(e.of).into_iter().find(|b| b.of == member).unwrap();
                prop_assert_eq!(back.path.len(), e.path.len());
            }
        }
    }

    #[test]
    fn a_circle_is_foretold_exactly_when_the_new_edge_closes_one(rows in rows(), parent in 0_u8..7, child in 0_u8..7) {
        let edges: Vec<_> = rows.iter().filter_map(|r| Some((r.group, r.member.group()?))).collect();
        let (parent, child) = (group(parent), group(child));
        let told = would_cycle(edges.iter().copied(), parent, child);
        let closes = parent == child || naive(&rows).contains(&(child, Member::Group(parent)));
        prop_assert_eq!(told.is_some(), closes);
        if let Some(way) = told {
            prop_assert_eq!((way.first(), way.last()), (Some(&parent), Some(&child)));
            prop_assert!(way.windows(2).all(|w| edges.contains(&(w[1], w[0]))));
        }
    }
}
