//! What holds for every arrival.

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 5] = ["app-a", "App-B", "team", "welcome", "ＡＰＰ-a"];

fn claim_value() -> BoxedStrategy<Option<Value>> {
    prop_oneof![
        Just(None),
        Just(Some(Value::Null)),
        Just(Some(json!(""))),
        Just(Some(json!(7))),
        Just(Some(json!("anna"))),
        Just(Some(json!("Bob Müller"))),
        Just(Some(json!("bob@example.com"))),
        Just(Some(json!("system"))),
        Just(Some(json!("x\u{202e}y"))),
        any::<String>().prop_map(|text| Some(json!(text))),
    ]
    .boxed()
}

fn groups_claim() -> impl Strategy<Value = Option<Value>> {
    let listed = proptest::collection::vec(proptest::sample::select(NAMES.to_vec()), 0..4);
    prop_oneof![
        claim_value(),
        listed.clone().prop_map(|names| Some(json!(names))),
        listed.prop_map(|names| Some(json!([names, 1]))),
    ]
}

fn claims() -> impl Strategy<Value = Claims> {
    let texts = [
        "preferred_username",
        "name",
        "given_name",
        "family_name",
        "email",
        "locale",
    ];
    let texts = texts.map(|claim| claim_value().prop_map(move |value| (claim, value)).boxed());
    let verified = prop_oneof![
        Just(None),
        Just(Some(json!(true))),
        Just(Some(json!("false")))
    ];
    let overage = prop_oneof![4 => Just(None), 1 => Just(Some(json!({"groups": "src1"})))];
    (texts.to_vec(), groups_claim(), verified, overage).prop_map(
        |(texts, groups, verified, overage)| {
            let named = [
                ("groups", groups),
                ("email_verified", verified),
                ("_claim_names", overage),
            ];
            let all = texts.into_iter().chain(named);
            Claims(
                all.filter_map(|(name, value)| Some((name.to_owned(), value?)))
                    .collect(),
            )
        },
    )
}

fn some_names() -> impl Strategy<Value = Vec<String>> {
    let names = ["app-*", "team", "welcome", "*", "App-A"]
        .map(str::to_owned)
        .to_vec();
    proptest::collection::vec(proptest::sample::select(names), 0..3)
}

fn rules() -> impl Strategy<Value = JitRules> {
    (
        proptest::sample::select(vec![Create::Everybody, Create::OnlyDomains, Create::Nobody]),
        proptest::sample::select(vec![Update::Always, Update::OnCreate]),
        some_names(),
        some_names(),
        proptest::sample::select(vec![CreateGroups::No, CreateGroups::Yes]),
    )
        .prop_map(
            |(create, update, managed_groups, default_groups, create_groups)| JitRules {
                create,
                update,
                managed_groups,
                default_groups,
                create_groups,
                ..JitRules::default()
            },
        )
}

prop_compose! {
    fn worlds()(
        claims in claims(),
        rules in rules(),
        linked: bool,
        has_account: bool,
        taken: bool,
        existing in proptest::collection::vec(0_usize..4, 0..4),
        held in proptest::collection::vec((0_usize..4, 0_u8..3), 0..5),
        subject in prop_oneof![Just("alice"), Just("00u1"), Just("system")],
    ) -> World {
        let mut world = World::new(json!({}));
        world.claims = claims;
        world.rules = rules;
        world.subject = subject.to_owned();
        for n in existing.iter().chain(held.iter().map(|(n, _)| n)) {
            world.has_group(*n as u128, NAMES[*n]);
        }
        if taken {
            world.known.username_taken_by = Some(Taken { user: user_id(9), username: "other".to_owned() });
        }
        if linked {
            world.link("anna");
            for (n, origin) in held {
                let origin = [Origin::Manual, Origin::Claims(PROVIDER), Origin::Default(PROVIDER)][usize::from(origin)];
                let group = group_id(n as u128);
                let memberships = &world.known.linked.as_ref().unwrap().memberships;
                if !memberships.iter().any(|row| row.group == group && row.origin == origin) {
                    world.is_in(n as u128, NAMES[n], origin);
                }
            }
            if !has_account {
                world.known.linked.as_mut().unwrap().attributes = None;
            }
        }
        world
    }
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World")
            .field("subject", &self.subject)
            .field("claims", &self.claims)
            .field("known", &self.known)
            .field("rules", &self.rules)
            .finish()
    }
}

proptest! {
    #[test]
    fn applying_a_decision_and_deciding_again_changes_nothing(mut world in worlds()) {
        let first = world.decide();
        world.apply(&first.changes);
        let second = world.decide();
        prop_assert!(second.changes.is_empty(), "again: {:?}\nfirst: {:?}", second.changes, first.changes);
        if let Some(user) = first.outcome.user() {
            prop_assert_eq!(second.outcome, Outcome::SignIn(user));
        }
    }

    #[test]
    fn only_the_linked_user_or_a_new_one_is_ever_touched(mut world in worlds()) {
        let linked = world.known.linked.as_ref().map(|user| user.id);
        let decision = world.decide();
        match (&decision.outcome, linked) {
            (Outcome::SignIn(user), Some(known)) => prop_assert_eq!(*user, known),
            (Outcome::Create(user), None) => {
                prop_assert!(*user != user_id(9));
                prop_assert!(world.known.username_taken_by.is_none());
            }
            (Outcome::Refused(_), _) => prop_assert!(decision.changes.is_empty()),
            other => prop_assert!(false, "{other:?}"),
        }
        for change in &decision.changes {
            let user = match &change.action {
                Action::CreateUser { user, .. } | Action::UpdateAccount { user, .. } | Action::LinkIdentity { user, .. } => Some(*user),
                Action::AddMember { member, .. } | Action::RemoveMember { member, .. } => member.user(),
                _ => None,
            };
            prop_assert!(user.is_none() || user == decision.outcome.user());
        }
    }

    #[test]
    fn memberships_change_only_by_the_origins_and_groups_of_the_rules(mut world in worlds()) {
        let decision = world.decide();
        let mut names: BTreeMap<GroupId, String> = world.known.groups_by_key.values().map(|g| (g.id, g.name.clone())).collect();
        for change in &decision.changes {
            match &change.action {
                Action::CreateGroup { group, name, .. } => {
                    prop_assert_eq!(world.rules.create_groups, CreateGroups::Yes);
                    names.insert(*group, name.clone());
                }
                Action::AddMember { group, origin, .. } | Action::RemoveMember { group, origin, .. } => match origin {
                    Origin::Claims(PROVIDER) => prop_assert!(world.rules.manages(&names[group])),
                    Origin::Default(PROVIDER) => {}
                    other => prop_assert!(false, "{other:?}"),
                },
                _ => {}
            }
        }
    }

    #[test]
    fn every_decision_explains_itself_without_invisible_characters(mut world in worlds()) {
        let told = world.decide().explain();
        prop_assert!(!told.is_empty());
        for sentence in told {
            let hidden = sentence.chars().any(|c| c != '\u{fffd}' && crate::name::is_refused(c));
            prop_assert!(!sentence.is_empty() && !hidden, "{:?}", sentence);
        }
    }
}
