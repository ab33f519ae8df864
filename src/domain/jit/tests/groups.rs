//! Managed, default and auto-created groups.

use super::*;

const CLAIMS: Origin = Origin::Claims(PROVIDER);
const DEFAULT: Origin = Origin::Default(PROVIDER);

fn with_groups(groups: Value) -> World {
    let mut claims = anna();
    claims["groups"] = groups;
    World::new(claims)
}

/// A known user without anything to update, so that changes are about groups alone.
fn settled(groups: Value) -> World {
    let mut world = with_groups(groups);
    let attributes = world.decide().attributes;
    world.link("anna").attributes = Some(attributes);
    world.rules.managed_groups = vec!["app-*".to_owned()];
    world.has_group(1, "App-Admins");
    world.has_group(2, "app-users");
    world.has_group(3, "local");
    world
}

fn steps(decision: &Decision) -> Vec<(&str, Effect)> {
    decision
        .groups
        .iter()
        .map(|s| (s.name.as_str(), s.effect))
        .collect()
}

#[test]
fn managed_groups_are_joined_and_left_as_the_claim_says() {
    let mut world = settled(json!(["APP-admins"]));
    world.is_in(2, "app-users", CLAIMS);
    let decision = world.decide();
    let member = Member::User(user_id(1));
    let actions: Vec<_> = decision.changes.iter().map(|c| c.action.clone()).collect();
    assert_eq!(
        actions,
        [
            Action::AddMember {
                group: group_id(1),
                member,
                origin: CLAIMS
            },
            Action::RemoveMember {
                group: group_id(2),
                member,
                origin: CLAIMS
            },
        ]
    );
    assert_eq!(
        steps(&decision),
        [("App-Admins", Effect::Joins), ("app-users", Effect::Leaves)]
    );
    assert!(decision.groups[1].words().contains("no longer names it"));
}

#[test]
fn groups_that_are_not_listed_are_neither_joined_nor_left() {
    let mut world = settled(json!(["local", "other"]));
    world.has_group(4, "once-managed");
    world.is_in(4, "once-managed", CLAIMS);
    let decision = world.decide();
    assert!(decision.changes.is_empty());
    assert_eq!(
        steps(&decision),
        [
            ("local", Effect::Ignored),
            ("other", Effect::Ignored),
            ("once-managed", Effect::Stays)
        ]
    );
    assert!(decision.notes[0].text.contains("“local” and “other”"));
}

#[test]
fn memberships_of_other_origins_are_never_touched() {
    let mut world = settled(json!([]));
    world.is_in(1, "App-Admins", Origin::Manual);
    world.is_in(
        2,
        "app-users",
        Origin::Claims(ProviderId(Uuid::from_u128(0xF1))),
    );
    assert!(world.decide().changes.is_empty());
}

#[test]
fn a_membership_by_hand_does_not_stand_in_for_the_claims() {
    let mut world = settled(json!(["app-users"]));
    world.is_in(2, "app-users", Origin::Manual);
    assert_eq!(world.decide().changes.len(), 1, "two origins are two rows");
}

#[test]
fn an_empty_list_removes_and_an_absent_one_does_not() {
    for empty in [json!([]), json!(""), json!(["", " "])] {
        let mut world = settled(empty.clone());
        world.is_in(2, "app-users", CLAIMS);
        assert_eq!(
            steps(&world.decide()),
            [("app-users", Effect::Leaves)],
            "{empty}"
        );
    }
    for silent in [Value::Null, json!(7), json!({"a": "b"})] {
        let mut world = settled(silent.clone());
        world.is_in(2, "app-users", CLAIMS);
        let decision = world.decide();
        assert!(decision.changes.is_empty(), "{silent}");
        assert_eq!(steps(&decision), [("app-users", Effect::Stays)]);
        assert!(
            decision.notes.iter().any(|n| n.about == About::Groups),
            "{silent}"
        );
    }
    let mut world = settled(json!([]));
    world.claims.0.remove("groups");
    world.is_in(2, "app-users", CLAIMS);
    let decision = world.decide();
    assert!(decision.changes.is_empty());
    assert!(decision.notes[0].text.contains("absent"));
}

#[test]
fn entra_overage_removes_nobody_and_is_told() {
    let hints = [
        json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.example"}}}),
        json!({"hasgroups": true}),
        json!({"hasgroups": "true"}),
    ];
    for hint in hints {
        let mut world = settled(json!([]));
        world.claims.0.remove("groups");
        world.claims.0.extend(hint.as_object().unwrap().clone());
        world.is_in(2, "app-users", CLAIMS);
        let decision = world.decide();
        assert!(decision.changes.is_empty(), "{hint}");
        assert!(
            decision.notes[0].text.contains("more groups"),
            "{:?}",
            decision.notes
        );
    }
}

#[test]
fn a_list_with_entries_that_are_no_names_adds_but_does_not_remove() {
    let mut world = settled(json!(["app-admins", {"id": 1}]));
    world.is_in(2, "app-users", CLAIMS);
    assert_eq!(
        steps(&world.decide()),
        [("App-Admins", Effect::Joins), ("app-users", Effect::Stays)]
    );
}

#[test]
fn default_groups_are_joined_and_left_with_the_rule() {
    let mut world = settled(Value::Null);
    world.rules.default_groups = vec!["LOCAL".to_owned()];
    let decision = world.decide();
    assert!(matches!(
        decision.changes[0].action,
        Action::AddMember {
            origin: DEFAULT,
            ..
        }
    ));
    assert_eq!(decision.changes[0].cause.label(), "default group of Lab");
    world.apply(&decision.changes);
    assert!(world.decide().changes.is_empty());
    world.rules.default_groups.clear();
    let decision = world.decide();
    assert!(matches!(
        decision.changes[0].action,
        Action::RemoveMember {
            origin: DEFAULT,
            ..
        }
    ));
}

#[test]
fn a_group_that_is_both_managed_and_default_is_two_rows() {
    let mut world = settled(json!(["app-users"]));
    world.rules.default_groups = vec!["app-users".to_owned()];
    let decision = world.decide();
    assert_eq!(decision.changes.len(), 2);
    world.apply(&decision.changes);
    world.claims.0.insert("groups".to_owned(), json!([]));
    let decision = world.decide();
    assert!(matches!(
        &decision.changes[..],
        [Change {
            action: Action::RemoveMember { origin: CLAIMS, .. },
            ..
        }]
    ));
}

#[test]
fn missing_groups_are_created_once_if_the_rule_says_so_and_told_if_not() {
    let mut world = settled(json!(["app-new", "APP-NEW", "app-\u{202e}bad"]));
    world.rules.default_groups = vec!["App-New".to_owned(), "welcome".to_owned()];
    let decision = world.decide();
    assert!(decision.changes.is_empty());
    assert!(
        decision
            .notes
            .iter()
            .any(|n| n.text.contains("app-new") || n.text.contains("APP-NEW"))
    );
    world.rules.create_groups = CreateGroups::Yes;
    let decision = world.decide();
    let created: Vec<_> = decision
        .changes
        .iter()
        .filter_map(|c| match &c.action {
            Action::CreateGroup { name, .. } => Some(key(name)),
            _ => None,
        })
        .collect();
    assert_eq!(created, ["app-new", "welcome"], "one key, one group");
    assert_eq!(decision.changes.len(), 5);
    world.apply(&decision.changes);
    assert!(world.decide().changes.is_empty());
}

#[test]
fn a_newcomer_joins_groups_in_the_same_decision() {
    let mut world = with_groups(json!(["app-users"]));
    world.rules.managed_groups = vec!["app-users".to_owned()];
    world.has_group(2, "app-users");
    let decision = world.decide();
    assert_eq!(decision.changes.len(), 3);
    assert!(
        decision
            .explain()
            .contains(&"Joins “app-users”. The claim “groups” names it.".to_owned())
    );
}

#[test]
fn without_a_groups_claim_in_the_rules_nothing_is_asked_of_it() {
    let mut world = settled(json!(["app-users"]));
    world.rules.groups_claim = String::new();
    let decision = world.decide();
    assert!(decision.changes.is_empty() && decision.notes.is_empty());
}

#[test]
fn what_to_look_up_is_what_the_decision_may_touch() {
    let mut world = settled(json!(["App-Users", "other"]));
    world.rules.default_groups = vec!["Local".to_owned(), " ".to_owned()];
    let wanted = wanted(&world.arrival(), &world.rules);
    assert_eq!(wanted.group_keys, ["app-users", "local"]);
    assert_eq!(wanted.email.as_deref(), Some("anna@example.com"));
}

#[test]
fn object_ids_in_place_of_names_are_explained() {
    let mut world = settled(json!(["f3a1c2d4-0000-4000-8000-00000000000a"]));
    assert!(world.decide().notes[0].text.contains("object ids"));
}
