//! One behaviour a test.

use super::*;
use crate::guard::{Guarded, Hold, Kind, Limit};

fn kinds(plan: &Plan) -> Vec<&'static str> {
    let kind = |step: &Step| match step.change.action {
        Action::CreateUser { .. } => "create",
        Action::UpdateAccount { .. } => "update",
        Action::Deactivate { .. } => "deactivate",
        Action::Reactivate { .. } => "reactivate",
        Action::RemoveAccount { .. } => "remove account",
        Action::DeleteUser { .. } => "delete",
        Action::CreateGroup { .. } => "create group",
        Action::LinkGroup { .. } => "link group",
        Action::UnlinkGroup { .. } => "unlink group",
        Action::RenameGroup { .. } => "rename group",
        Action::DeleteGroup { .. } => "delete group",
        Action::AddMember { .. } => "add member",
        Action::RemoveMember { .. } => "remove member",
        Action::LinkIdentity { .. } => "link identity",
        Action::MoveAccount { .. } => "move account",
        Action::MoveMembers { .. } => "move members",
        Action::SwitchDirectory { .. } => "switch directory",
    };
    plan.steps.iter().map(kind).collect()
}

#[test]
fn newcomers_groups_and_nested_members_come_in_an_order_that_works() {
    let source = Source::of(&[("1", "anna"), ("2", "ben")])
        .group("g1", "Staff", &["1", "g2", "nobody-known"])
        .group("g2", "Lab", &["2", "g1"]);
    let mut world = World::default();
    let plan = world.plan(&source, &terms());
    assert_eq!(plan.guarded, Guarded::Clear);
    assert!(
        plan.steps
            .iter()
            .all(|step| step.change.cause == Cause::NewAtSource)
    );
    world.carry_out(&plan.steps);
    assert_eq!(
        world.members.len(),
        4,
        "a circle that the source states is kept"
    );
    assert_eq!(world.plan(&source, &terms()).steps, []);
}

#[test]
fn l13_a_rename_keeps_the_person_and_their_memberships() {
    let before = Source::of(&[("1", "anna")]).group("g", "Staff", &["1"]);
    let mut world = settled(&before);
    let members = world.members.clone();
    let plan = world.plan(
        &Source::of(&[("1", "anna.berg")]).group("g", "Staff", &["1"]),
        &terms(),
    );
    assert_eq!(kinds(&plan), ["update"]);
    world.carry_out(&plan.steps);
    assert_eq!(world.members, members);
    assert_eq!(world.users.values().next().unwrap().username, "anna.berg");
}

#[test]
fn who_left_is_deactivated_and_comes_back_when_the_source_has_them_again() {
    let both = Source::of(&[("1", "anna"), ("2", "ben")]);
    let mut world = settled(&both);
    let plan = world.plan(&both.clone().without("2"), &terms());
    assert_eq!(causes(&plan), [("ben", Cause::GoneFromSource)]);
    world.carry_out(&plan.steps);
    assert_eq!(
        world.plan(&both.clone().without("2"), &terms()).steps,
        [],
        "left once"
    );
    let plan = world.plan(&both, &terms());
    assert_eq!(kinds(&plan), ["reactivate"]);
    assert_eq!(causes(&plan), [("ben", Cause::BackAtSource)]);
}

#[test]
fn l25_who_is_disabled_at_the_source_is_kept_out_even_with_an_unusable_record() {
    let source = Source::of(&[("1", "anna"), ("2", "ben")]);
    let mut world = settled(&source);
    let off = source
        .clone()
        .off("1")
        .off("2")
        .set("2", "display_name", "b\u{7}en");
    let plan = world.plan(&off, &terms());
    assert_eq!(kinds(&plan), ["deactivate", "deactivate"]);
    assert_eq!(plan.refusals.len(), 1);
    world.carry_out(&plan.steps);
    let newcomer = off.clone().with("3", "cem").off("3");
    assert_eq!(
        world.plan(&newcomer, &terms()).steps,
        [],
        "nobody is made only to be kept out"
    );
}

#[test]
fn who_was_deactivated_here_or_by_another_directory_stays_out() {
    let source = Source::of(&[("1", "anna"), ("2", "ben")]);
    let mut world = settled(&source);
    for (user, directory) in world.users.values_mut().zip([None, Some(OTHER)]) {
        let by = Deactivation {
            by: "x".to_owned(),
            directory,
            at: at(),
            reason: None,
        };
        user.state = State::Deactivated(by);
    }
    assert_eq!(world.plan(&source, &terms()).steps, []);
    let everybody = Terms {
        revival: Revival::Everybody,
        ..terms()
    };
    assert_eq!(
        kinds(&world.plan(&source, &everybody)),
        ["reactivate", "reactivate"]
    );
}

#[test]
fn a_directory_further_down_the_order_neither_keeps_out_nor_renames() {
    let source = Source::of(&[("1", "anna")]);
    let mut world = settled(&source);
    let user = *world.users.keys().next().unwrap();
    let theirs = Attributes::from([("username".to_owned(), "anna".to_owned())]);
    world.user(user).accounts.insert(OTHER, (id("o"), theirs));
    assert_eq!(world.plan(&source.clone().off("1"), &terms()).steps, []);
    assert_eq!(
        world
            .plan(&source.clone().with("2", "x").without("1"), &terms())
            .steps
            .len(),
        1
    );
    let renamed = source.set("1", "username", "anna2");
    let plan = world.plan(&renamed, &terms());
    world.carry_out(&plan.steps);
    assert_eq!(world.users[&user].username, "anna");
    assert_eq!(world.plan(&renamed, &terms()).steps, []);
    let delete = Terms {
        leavers: Leavers::Delete,
        ..terms()
    };
    let plan = world.plan(&Source::of(&[("9", "z")]), &delete);
    assert_eq!(kinds(&plan), ["remove account", "create"]);
}

#[test]
fn every_leaver_policy_does_what_it_says() {
    let before = Source::of(&[("1", "anna"), ("2", "ben")])
        .group("g", "Staff", &["1", "2"])
        .group("k", "Key holders", &["2"]);
    // The group still points to who left, as OpenLDAP's do.
    let after = Source::of(&[("1", "anna")])
        .group("g", "Staff", &["1", "2"])
        .group("k", "Key holders", &[]);
    let except = vec!["key*".to_owned()];
    for (leavers, expected) in [
        (
            Leavers::Deactivate,
            &["remove member", "remove member", "deactivate"][..],
        ),
        (
            Leavers::Delete,
            &["remove member", "remove member", "delete"],
        ),
        (Leavers::Keep, &[]),
        (Leavers::LeaveGroups { except }, &["remove member"]),
        (
            Leavers::LeaveGroups { except: vec![] },
            &["remove member", "remove member"],
        ),
    ] {
        let mut world = settled(&before);
        let terms = Terms {
            leavers: leavers.clone(),
            ..terms()
        };
        let plan = world.plan(&after, &terms);
        assert_eq!(kinds(&plan), expected, "{leavers:?}");
        world.carry_out(&plan.steps);
        assert_eq!(world.plan(&after, &terms).steps, [], "{leavers:?}");
    }
}

#[test]
fn causes_tell_drift_mapping_and_source_apart() {
    let source = Source::of(&[("1", "anna"), ("2", "ben"), ("3", "cem")]);
    let mut world = settled(&source);
    let drifted = world
        .users
        .values_mut()
        .find(|user| user.username == "anna")
        .unwrap();
    drifted
        .accounts
        .get_mut(&OURS)
        .unwrap()
        .1
        .insert("email".to_owned(), "x@example.org".to_owned());
    let changed = source.set("2", "title", "Dr").set("3", "title", "Dr");
    let mut here = world.here();
    here.people.get_mut(&id("2")).unwrap().record = Some("same".to_owned());
    let records = BTreeMap::from([(id("2"), "same".to_owned()), (id("3"), "new".to_owned())]);
    let now = Now {
        snapshot: &changed.snapshot,
        filtered: &BTreeMap::new(),
        records: &records,
    };
    let limits = Limits {
        guard: &Guard::default(),
        lately: Tally::default(),
    };
    let plan = make(now, &here, &terms(), limits, &mut Uuid::nil);
    assert_eq!(
        causes(&plan),
        [
            ("anna", Cause::DriftRepaired),
            ("ben", Cause::MappingChanged),
            ("cem", Cause::ChangedAtSource)
        ]
    );
}

#[test]
fn what_a_filter_leaves_out_leaves_with_the_filters_words() {
    let source = Source::of(&[("1", "anna"), ("2", "ben")]);
    let mut world = settled(&source);
    let mut filtered = source.without("2");
    filtered.filtered.insert(id("2"), "only staff".to_owned());
    let plan = world.plan(&filtered, &terms());
    assert_eq!(
        causes(&plan),
        [("ben", Cause::FilteredOut("only staff".to_owned()))]
    );
}

#[test]
fn a_group_that_goes_is_deleted_unless_something_holds_on_to_it() {
    let source = Source::of(&[("1", "anna")])
        .group("g", "Staff", &["1"])
        .group("h", "Lab", &["1"]);
    let mut world = settled(&source);
    let lab = *world
        .groups
        .iter()
        .find(|(_, group)| group.name == "Lab")
        .unwrap()
        .0;
    let anna = Member::User(*world.users.keys().next().unwrap());
    world.members.insert(Membership {
        group: lab,
        member: anna,
        origin: Origin::Manual,
    });
    let plan = world.plan(&Source::of(&[("1", "anna")]), &terms());
    let mut found = kinds(&plan);
    found.sort_unstable();
    assert_eq!(
        found,
        [
            "delete group",
            "remove member",
            "remove member",
            "unlink group"
        ]
    );
    world.carry_out(&plan.steps);
    assert!(world.groups.contains_key(&lab));
    assert_eq!(world.members.len(), 1);
}

#[test]
fn l20_an_empty_or_partial_source_removes_nobody_and_is_held() {
    let mut world =
        settled(&Source::of(&[("1", "anna"), ("2", "ben")]).group("g", "Staff", &["1"]));
    for doubt in [
        crate::snapshot::Doubt::Empty,
        crate::snapshot::Doubt::SizeLimit,
        crate::snapshot::Doubt::PageCap(3),
        crate::snapshot::Doubt::CyclingToken,
    ] {
        let mut source = Source::default();
        source.snapshot.completeness = Completeness::Incomplete(vec![doubt.clone()]);
        let plan = world.plan(&source, &terms());
        assert_eq!(plan.steps, []);
        assert_eq!(
            plan.guarded,
            Guarded::Held(vec![Hold::Incomplete { doubt }])
        );
    }
}

#[test]
fn more_removals_than_may_hold_the_plan_and_nothing_is_left_out_of_it() {
    let people: Vec<(String, String)> = (0..40).map(|n| (n.to_string(), format!("p{n}"))).collect();
    let pairs: Vec<(&str, &str)> = people
        .iter()
        .map(|(a, b)| (a.as_str(), b.as_str()))
        .collect();
    let mut world = settled(&Source::of(&pairs));
    let plan = world.plan(&Source::of(&pairs[..30]), &terms());
    assert_eq!(plan.steps.len(), 10);
    let hold = Hold::TooMany {
        kind: Kind::People,
        now: 10,
        lately: 0,
        of: 40,
    };
    assert_eq!(plan.guarded, Guarded::Held(vec![hold]));
    let wide = Limit {
        count: 1000,
        percent: 100,
        few: 0,
    };
    let guard = Guard {
        people: wide,
        ..Guard::default()
    };
    assert_eq!(
        world
            .plan_within(&Source::of(&pairs[..30]), &terms(), &guard)
            .guarded,
        Guarded::Clear
    );
}

#[test]
fn an_approval_covers_exactly_the_plan_that_was_seen() {
    let mut world = settled(&Source::of(&[("1", "anna"), ("2", "ben")]));
    let plan = world.plan(&Source::of(&[("1", "anna")]), &terms());
    let approval = Approval {
        identity: plan.identity(),
        by: "ada".to_owned(),
        at: at(),
    };
    assert_eq!(approval.covers(&plan.identity(), 7, 7), Ok(()));
    let other = world.plan(&Source::of(&[("2", "ben")]), &terms());
    assert_eq!(
        approval.covers(&other.identity(), 7, 7).unwrap_err().code,
        "PLAN-001"
    );
    assert_eq!(
        approval.covers(&plan.identity(), 7, 8).unwrap_err().code,
        "PLAN-002"
    );
    let later = Plan {
        base_revision: 8,
        ..plan.clone()
    };
    assert_ne!(later.identity(), plan.identity());
    let mut shortened = plan.clone();
    shortened.steps.pop();
    assert_ne!(shortened.identity(), plan.identity());
}
