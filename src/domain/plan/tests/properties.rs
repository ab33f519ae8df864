//! What holds of every plan, over random sources, pasts, policies and faults.

use proptest::prelude::*;

use super::*;
use crate::guard;
use crate::snapshot::{Doubt, RefusedRecord};

const NAMES: [&str; 7] = ["anna", "Anna", "ben", "cem", "ﬁnn", "finn", "dora"];
const GROUPS: [&str; 4] = ["Staff", "STAFF", "Lab", "Key holders"];

#[derive(Clone, Debug)]
struct Said {
    people: Vec<Option<(usize, bool, u8)>>,
    groups: Vec<Option<(usize, Vec<u8>)>>,
    filtered: u8,
    refused: u8,
    unread: u8,
}

fn said() -> impl Strategy<Value = Said> {
    let person = proptest::option::weighted(
        0.8,
        (0..NAMES.len(), proptest::bool::weighted(0.8), 0..3_u8),
    );
    let group = proptest::option::weighted(
        0.8,
        (0..GROUPS.len(), proptest::collection::vec(0..10_u8, 0..7)),
    );
    (
        proptest::collection::vec(person, 6),
        proptest::collection::vec(group, 3),
        0..=255_u8,
        0..=255_u8,
        0..=255_u8,
    )
        .prop_map(|(people, groups, filtered, refused, unread)| Said {
            people,
            groups,
            // Rare: two bits have to meet.
            filtered: filtered & filtered.rotate_left(3),
            refused: refused & refused.rotate_left(3),
            unread: unread & unread.rotate_left(3),
        })
}

fn external(n: u8) -> String {
    if n < 6 {
        format!("p{n}")
    } else {
        format!("g{}", n - 6)
    }
}

impl Said {
    fn source(&self) -> Source {
        let mut source = Source::default();
        for (n, person) in (0..).zip(&self.people) {
            let name = external(n);
            if let Some((username, active, title)) = person {
                source =
                    source
                        .with(&name, NAMES[*username])
                        .set(&name, "title", &title.to_string());
                if !active {
                    source = source.off(&name);
                }
                if self.filtered >> n & 1 == 1 {
                    source = source.without(&name);
                    source.filtered.insert(id(&name), "a filter".to_owned());
                }
            }
            if self.refused >> n & 1 == 1 && self.filtered >> n & 1 == 0 {
                source = source.without(&name);
                source.snapshot.refused.push(RefusedRecord {
                    external_id: Some(id(&name)),
                    about: name,
                    why: "Junk.".to_owned(),
                    locators: Vec::new(),
                    off: false,
                });
            }
        }
        for (n, group) in (0..).zip(&self.groups) {
            if let Some((name, members)) = group {
                let members: BTreeSet<String> =
                    members.iter().map(|member| external(*member)).collect();
                let members: Vec<&str> = members.iter().map(String::as_str).collect();
                source = source.group(&format!("g{n}"), GROUPS[*name], &members);
                if self.unread >> n & 1 == 1 {
                    source.snapshot.unread.insert(id(format!("g{n}")));
                }
            }
        }
        source
    }
}

fn policy() -> impl Strategy<Value = Terms> {
    let leavers = prop_oneof![
        Just(Leavers::Deactivate),
        Just(Leavers::Delete),
        Just(Leavers::Keep),
        Just(Leavers::LeaveGroups {
            except: vec!["key*".to_owned()]
        }),
    ];
    let revival = prop_oneof![Just(Revival::OwnOnly), Just(Revival::Everybody)];
    (leavers, revival).prop_map(|(leavers, revival)| Terms {
        leavers,
        revival,
        ..terms()
    })
}

/// A world with a past: a source applied, a stranger, things done by hand, somebody protected.
fn world(past: &Said, hand: u8, terms: &Terms) -> World {
    let mut world = World::default();
    world.stranger("cem");
    let plan = world.plan(&past.source(), terms);
    world.carry_out(&plan.steps);
    let users: Vec<UserId> = world.users.keys().copied().collect();
    let groups: Vec<GroupId> = world.groups.keys().copied().collect();
    for (n, user) in users.iter().enumerate().filter(|(n, _)| hand >> n & 1 == 1) {
        match n % 4 {
            0 => {
                let by = Deactivation {
                    by: "ada".to_owned(),
                    directory: None,
                    at: at(),
                    reason: None,
                };
                world.user(*user).state = State::Deactivated(by);
            }
            1 => {
                world
                    .protected
                    .insert(Member::User(*user), Protection::Administrator);
            }
            2 => {
                let member = Member::User(*user);
                let origin = Origin::Manual;
                world.members.extend(groups.first().map(|group| Membership {
                    group: *group,
                    member,
                    origin,
                }));
            }
            _ => {
                let known = world.user(*user);
                if let Some((_, attributes)) = known.accounts.get_mut(&OURS) {
                    attributes.insert("title".to_owned(), "drift".to_owned());
                }
            }
        }
    }
    if hand & 64 != 0 {
        world.protected.extend(
            groups
                .last()
                .map(|group| (Member::Group(*group), Protection::Chosen)),
        );
    }
    if hand & 128 != 0
        && let Some(user) = users.get(1)
    {
        let theirs =
            Attributes::from([("username".to_owned(), world.user(*user).username.clone())]);
        world.user(*user).accounts.insert(OTHER, (id("o"), theirs));
    }
    world
}

fn subjects(change: &Change) -> Vec<Member> {
    match change.action {
        Action::CreateUser { user, .. }
        | Action::UpdateAccount { user, .. }
        | Action::LinkIdentity { user, .. }
        | Action::Deactivate { user, .. }
        | Action::Reactivate { user }
        | Action::RemoveAccount { user, .. }
        | Action::MoveAccount { user, .. }
        | Action::DeleteUser { user } => vec![Member::User(user)],
        Action::CreateGroup { group, .. }
        | Action::LinkGroup { group, .. }
        | Action::UnlinkGroup { group, .. }
        | Action::RenameGroup { group, .. }
        | Action::DeleteGroup { group } => vec![Member::Group(group)],
        Action::AddMember { group, member, .. } | Action::RemoveMember { group, member, .. } => {
            vec![Member::Group(group), member]
        }
        Action::MoveMembers { group, .. } => vec![Member::Group(group)],
        Action::SwitchDirectory { .. } => Vec::new(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_plan_applied_leaves_nothing_to_plan(past in said(), now in said(), hand: u8, terms in policy()) {
        let mut world = world(&past, hand, &terms);
        let source = now.source();
        let plan = world.plan(&source, &terms);
        world.carry_out(&plan.steps);
        prop_assert_eq!(world.plan(&source, &terms).steps, []);
    }

    #[test]
    fn a_plan_undone_leaves_everything_as_it_was(past in said(), now in said(), hand: u8, terms in policy()) {
        let mut world = world(&past, hand, &terms);
        let before = world.clone();
        let plan = world.plan(&now.source(), &terms);
        world.carry_out(&plan.steps);
        let after = world.clone();
        let undo = plan.inverse(8);
        world.carry_out(&undo.steps);
        prop_assert_eq!(&world.users, &before.users);
        prop_assert_eq!(&world.groups, &before.groups);
        prop_assert_eq!(&world.members, &before.members);
        let again = undo.inverse(9);
        world.carry_out(&again.steps);
        prop_assert_eq!(&world.users, &after.users);
        prop_assert_eq!(&world.members, &after.members);
    }

    #[test]
    fn whatever_fails_nothing_is_removed_that_the_source_did_not_remove(
        past in said(), now in said(), cut: u16, hand: u8, terms in policy(),
    ) {
        let mut world = world(&past, hand, &terms);
        // What the source really says, and what of it was read before it failed.
        let truth = now.source();
        let mut read = truth.clone();
        read.snapshot.completeness = Completeness::Incomplete(vec![Doubt::CutOff("gone".to_owned())]);
        for n in 0..6_u8 {
            if cut >> n & 1 == 1 {
                read = read.without(&external(n));
            }
        }
        for n in 6..9_u8 {
            if cut >> n & 1 == 1 {
                read.snapshot.groups.remove(&id(external(n)));
            }
        }
        let plan = world.plan(&read, &terms);
        prop_assert_ne!(&plan.guarded, &guard::Guarded::Clear);
        for step in &plan.steps {
            if guard::Kind::taken_by(&step.change).is_some() {
                let said = matches!(step.change.cause, Cause::DisabledAtSource | Cause::FilteredOut(_));
                prop_assert!(said, "{:?}", step);
            }
        }
    }

    #[test]
    fn what_is_protected_is_in_no_step(past in said(), now in said(), hand: u8, terms in policy()) {
        let mut world = world(&past, hand, &terms);
        let protected = world.protected.clone();
        let plan = world.plan(&now.source(), &terms);
        for step in &plan.steps {
            for subject in subjects(&step.change) {
                prop_assert!(!protected.contains_key(&subject), "{:?}", step);
            }
        }
    }

    #[test]
    fn a_record_that_cannot_be_used_never_costs_anybody_anything(past in said(), now in said(), terms in policy()) {
        let mut world = world(&past, 0, &terms);
        let source = now.source();
        let refused: BTreeSet<ExternalId> =
            source.snapshot.refused.iter().filter_map(|record| record.external_id.clone()).collect();
        let here = world.here();
        let theirs: BTreeSet<UserId> =
            refused.iter().filter_map(|id| here.people.get(id)).map(|person| person.user).collect();
        for step in world.plan(&source, &terms).steps {
            let taken = guard::Kind::taken_by(&step.change).is_some();
            let group_stays = !matches!(step.change.action, Action::RemoveMember { group, .. }
                if !source.snapshot.groups.keys().any(|id| here.groups.get(id).is_some_and(|known| known.group == group)));
            let about = subjects(&step.change).into_iter().any(|one| one.user().is_some_and(|user| theirs.contains(&user)));
            prop_assert!(!(taken && group_stays && about), "{:?}", step);
        }
    }
}
