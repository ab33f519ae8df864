//! Names that collide, records that cannot be used, and what is protected.

use super::*;
use crate::guard::Hold;
use crate::snapshot::RefusedRecord;

fn reasons(plan: &Plan) -> Vec<(&str, &Reason)> {
    plan.refusals
        .iter()
        .map(|refusal| (refusal.subject.as_str(), &refusal.reason))
        .collect()
}

#[test]
fn l12_a_name_of_another_directory_is_refused_and_the_rest_goes_on() {
    let mut world = World::default();
    world.stranger("Anna");
    let plan = world.plan(&Source::of(&[("1", "ANNA"), ("2", "ben")]), &terms());
    let taken = Reason::NameTaken {
        name: "ANNA".to_owned(),
        by: "Anna".to_owned(),
    };
    assert_eq!(reasons(&plan), [("ANNA", &taken)]);
    world.carry_out(&plan.steps);
    assert_eq!(world.users.len(), 2);
}

#[test]
fn names_that_differ_in_case_alone_are_refused_both_and_who_has_it_keeps_it() {
    let mut world = World::default();
    let twins = Source::of(&[("1", "anna"), ("2", "Anna")]);
    let plan = world.plan(&twins, &terms());
    assert!(plan.steps.is_empty());
    assert!(
        plan.refusals
            .iter()
            .all(|refusal| matches!(refusal.reason, Reason::NameContended { .. }))
    );
    let mut world = settled(&Source::of(&[("1", "anna")]));
    let plan = world.plan(&twins, &terms());
    assert!(plan.steps.is_empty());
    assert!(matches!(
        reasons(&plan)[..],
        [("Anna", Reason::NameTaken { .. })]
    ));
}

#[test]
fn names_are_passed_on_in_a_chain_and_in_one_plan() {
    let mut world = settled(&Source::of(&[("1", "a"), ("2", "b"), ("3", "c")]));
    let shifted = Source::of(&[("1", "b"), ("2", "c"), ("3", "d"), ("4", "a")]);
    let plan = world.plan(&shifted, &terms());
    assert_eq!(reasons(&plan), []);
    world.carry_out(&plan.steps);
    assert_eq!(world.plan(&shifted, &terms()).steps, []);
}

#[test]
fn names_exchanged_are_refused_and_stay_refused() {
    let mut world = settled(&Source::of(&[("1", "a"), ("2", "b")]));
    let plan = world.plan(&Source::of(&[("1", "b"), ("2", "a")]), &terms());
    assert!(plan.steps.is_empty());
    assert!(
        plan.refusals
            .iter()
            .all(|refusal| matches!(refusal.reason, Reason::NamesInACircle { .. }))
    );
}

#[test]
fn a_newcomer_takes_the_name_of_who_is_deleted_in_the_same_plan() {
    let mut world = settled(&Source::of(&[("1", "a"), ("9", "z")]));
    let delete = Terms {
        leavers: Leavers::Delete,
        ..terms()
    };
    let after = Source::of(&[("2", "a"), ("9", "z")]);
    let plan = world.plan(&after, &delete);
    assert_eq!(plan.steps.len(), 2);
    world.carry_out(&plan.steps);
    assert_eq!(world.plan(&after, &delete).steps, []);
}

#[test]
fn l26_unusable_names_and_junk_are_refused_records_and_nobody_leaves_for_them() {
    let source = Source::of(&[("1", "anna"), ("2", "ben")]);
    let mut world = settled(&source);
    for junk in ["", "a b", "system", "\u{202e}anna", "a(b", "..", "x\0y"] {
        let plan = world.plan(&source.clone().set("2", "username", junk), &terms());
        assert_eq!(plan.steps, [], "{junk:?}");
        assert!(
            matches!(reasons(&plan)[..], [("ben", Reason::Unusable { .. })]),
            "{junk:?}"
        );
    }
    let long = source
        .clone()
        .set("2", "note", &"x".repeat(person::LONGEST_VALUE + 1));
    assert_eq!(world.plan(&long, &terms()).refusals.len(), 1);
    let mut unread = source.without("2");
    unread.snapshot.refused.push(RefusedRecord {
        external_id: Some(id("2")),
        about: "cn=ben".to_owned(),
        why: "It is 10 MB long.".to_owned(),
        locators: Vec::new(),
        off: false,
    });
    let plan = world.plan(&unread, &terms());
    assert_eq!(plan.steps, []);
    assert_eq!(plan.refusals.len(), 1);
}

#[test]
fn w62_a_protected_person_or_group_is_not_touched_in_any_way() {
    let before = Source::of(&[("1", "root"), ("2", "ben")])
        .group("g", "Admins", &["1"])
        .group("h", "Lab", &["1"]);
    let mut world = settled(&before);
    let root = *world
        .users
        .iter()
        .find(|(_, user)| user.username == "root")
        .unwrap()
        .0;
    let admins = *world
        .groups
        .iter()
        .find(|(_, group)| group.name == "Admins")
        .unwrap()
        .0;
    world
        .protected
        .insert(Member::User(root), Protection::Administrator);
    world
        .protected
        .insert(Member::Group(admins), Protection::Chosen);
    for after in [
        Source::of(&[("2", "ben")]),
        before.clone().off("1"),
        before.clone().set("1", "email", "evil@example.org"),
        before.clone().group("g", "Admins", &["1", "2"]),
        before.clone().group("g", "Others", &[]),
        before.clone().group("h", "Lab", &[]),
    ] {
        let plan = world.plan(&after, &terms());
        let about = |step: &&Step| !matches!(step.change.action, Action::UnlinkGroup { .. });
        assert_eq!(plan.steps.iter().find(about), None);
        assert!(!plan.refusals.is_empty());
    }
}

#[test]
fn a_group_whose_members_were_not_all_read_loses_none() {
    let before = Source::of(&[("1", "anna"), ("2", "ben")]).group("g", "Staff", &["1"]);
    let mut world = settled(&before);
    let mut after = before.group("g", "Staff", &["2"]);
    after.snapshot.unread.insert(id("g"));
    let plan = world.plan(&after, &terms());
    assert!(matches!(
        plan.steps[..],
        [Step {
            change: Change {
                action: Action::AddMember { .. },
                ..
            },
            ..
        }]
    ));
}

#[test]
fn l25_l26_whoever_is_off_is_kept_out_though_their_record_is_refused_and_keeps_their_groups() {
    let before = Source::of(&[("1", "anna"), ("2", "ben")]).group("g", "Staff", &["1", "2"]);
    let mut world = settled(&before);
    let refused = |records: &[(&str, bool)]| {
        let mut source = before.clone();
        for (n, off) in records {
            source = source.without(n);
            source.snapshot.refused.push(RefusedRecord {
                external_id: Some(id(n)),
                about: "cn=x".to_owned(),
                why: "It is 10 MB long.".to_owned(),
                locators: Vec::new(),
                off: *off,
            });
        }
        source
    };
    let plan = world.plan(&refused(&[("1", true), ("2", false)]), &terms());
    assert_eq!(causes(&plan), [("anna", Cause::DisabledAtSource)]);
    assert_eq!(plan.refusals.len(), 2);
    // One of two records that says otherwise, and whoever is protected, is not touched.
    let plan = world.plan(&refused(&[("1", true), ("1", false)]), &terms());
    assert_eq!(plan.steps, []);
    let anna = world.here().people[&id("1")].user;
    let why = Protection::Administrator;
    world.protected.insert(Member::User(anna), why);
    let plan = world.plan(&refused(&[("1", true)]), &terms());
    assert_eq!(plan.steps, []);
}

#[test]
fn a_protected_name_is_given_to_nobody_and_who_was_to_get_it_stays_within_reach() {
    let before = Source::of(&[("1", "anna"), ("2", "ben")]).group("g", "Staff", &["1"]);
    let mut world = settled(&before);
    world.kept_names = BTreeSet::from(["root".to_owned(), "Kept".to_owned()]);
    let after = before
        .set("1", "username", "root")
        .with("3", "root")
        .with("4", "anna")
        .off("2")
        .group("g", "Kept", &["1"])
        .group("h", "Kept", &[]);
    let plan = world.plan(&after, &terms());
    assert_eq!(causes(&plan), [("ben", Cause::DisabledAtSource)]);
    let protected = |name: &str| Reason::NameProtected {
        name: name.to_owned(),
    };
    let taken = Reason::NameTaken {
        name: "anna".to_owned(),
        by: "anna".to_owned(),
    };
    let (root, kept) = (protected("root"), protected("Kept"));
    let mut found = reasons(&plan);
    found.sort_by_key(|(subject, _)| *subject);
    assert_eq!(
        found,
        [
            ("Kept", &kept),
            ("Staff", &kept),
            ("anna", &root),
            ("anna", &taken),
            ("root", &root)
        ]
    );
    // Switched off under that name she is kept out all the same.
    let plan = world.plan(&after.off("1"), &terms());
    assert!(causes(&plan).contains(&("anna", Cause::DisabledAtSource)));
}

#[test]
fn w62_what_goes_is_measured_against_those_who_are_active() {
    let everybody = |count: u32| {
        (0..count).fold(Source::default(), |source, n| {
            source.with(&n.to_string(), &format!("user{n}"))
        })
    };
    let mut world = settled(&everybody(120));
    let plan = world.plan(&everybody(20), &terms());
    world.carry_out(&plan.steps);
    // Five of twenty; of all who were ever here it is one in twenty-four.
    let plan = world.plan(&everybody(15), &terms());
    let hold = Hold::TooMany {
        kind: crate::guard::Kind::People,
        now: 5,
        lately: 0,
        of: 20,
    };
    assert_eq!(plan.guarded, Guarded::Held(vec![hold]));
}

#[test]
fn l20_a_source_that_shows_no_group_waits_for_a_person_and_one_that_shows_some_does_not() {
    let people = Source::of(&[("1", "anna"), ("2", "ben")]);
    let before = people.clone().group("g", "Staff", &["1"]);
    let mut world = settled(&before);
    let plan = world.plan(&people, &terms());
    assert_eq!(plan.steps.len(), 2);
    let held = Guarded::Held(vec![Hold::NoGroups { here: 1 }]);
    assert_eq!(plan.guarded, held);
    let mut filtered = people.clone();
    filtered.filtered.insert(id("g"), "a filter".to_owned());
    for shown in [filtered, people.clone().group("h", "Lab", &[])] {
        let plan = world.plan(&shown, &terms());
        assert_eq!(
            plan.steps
                .iter()
                .filter(|one| one.subject == "Staff")
                .count(),
            1
        );
        assert_eq!(plan.guarded, Guarded::Clear);
    }
    // Without a group here there is nothing to miss.
    world.carry_out(&plan.steps);
    assert_eq!(world.plan(&people, &terms()).guarded, Guarded::Clear);
}

#[test]
fn l16_groups_in_themselves_are_refused_and_circles_are_kept() {
    let mut world = World::default();
    let source = Source::of(&[("1", "anna")])
        .group("a", "A", &["a", "b"])
        .group("b", "B", &["a", "1"]);
    let plan = world.plan(&source, &terms());
    assert_eq!(reasons(&plan), [("A in A", &Reason::InItself)]);
    world.carry_out(&plan.steps);
    assert_eq!(world.members.len(), 3);
    assert_eq!(world.plan(&source, &terms()).steps, []);
}
