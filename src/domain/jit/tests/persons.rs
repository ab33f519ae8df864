//! Who is let in, matched and created, and with which attributes.

use super::*;

#[test]
fn somebody_unknown_is_created_and_linked_to_issuer_and_subject() {
    let mut world = World::new(anna());
    let decision = world.decide();
    let Outcome::Create(user) = decision.outcome else {
        panic!("{:?}", decision.outcome)
    };
    assert_eq!(decision.changes.len(), 2);
    let Action::CreateUser {
        attributes,
        directory,
        external_id,
        ..
    } = &decision.changes[0].action
    else {
        panic!()
    };
    assert_eq!(*directory, DIRECTORY);
    assert_eq!(external_id.0, "https://idp.example|00u1a2b3c4");
    let told: Vec<_> = attributes
        .iter()
        .map(|(k, v)| (k.as_str(), v.as_str()))
        .collect();
    assert_eq!(
        told,
        [
            ("display_name", "Anna Weiß"),
            ("email", "anna@example.com"),
            ("family_name", "Weiß"),
            ("given_name", "Anna"),
            ("locale", "de-DE"),
            ("username", "anna"),
        ]
    );
    assert_eq!(
        decision.changes[1].action,
        Action::LinkIdentity {
            user,
            provider: PROVIDER,
            issuer: ISSUER.to_owned(),
            subject: "00u1a2b3c4".to_owned()
        }
    );
}

#[test]
fn o73_an_e_mail_address_never_matches_a_user_verified_or_not() {
    for verified in [json!(true), json!(false), json!("true"), Value::Null] {
        let mut claims = anna();
        claims["preferred_username"] = json!("anna.weiss");
        claims["email_verified"] = verified;
        let mut world = World::new(claims);
        world.known.same_email = vec!["boss".to_owned()];
        let decision = world.decide();
        assert!(
            matches!(decision.outcome, Outcome::Create(_)),
            "{:?}",
            decision.outcome
        );
        let note = decision
            .notes
            .iter()
            .find(|note| note.about == About::SameEmail)
            .unwrap();
        assert!(note.text.contains("“boss”") && note.text.contains("administrator can link"));
        assert!(!format!("{:?}", decision.changes).contains("boss"));
    }
}

#[test]
fn o75_the_text_false_does_not_verify_an_address_and_neither_does_silence() {
    for (stated, lets_in) in [
        (json!(true), true),
        (json!("true"), true),
        (json!(false), false),
        (json!("false"), false),
        (json!(1), false),
        (json!([true]), false),
        (Value::Null, false),
    ] {
        let mut claims = anna();
        claims["email_verified"] = stated.clone();
        let mut world = World::new(claims);
        world.rules.create = Create::OnlyDomains;
        let outcome = world.decide().outcome;
        assert_eq!(matches!(outcome, Outcome::Create(_)), lets_in, "{stated}");
        if !lets_in {
            assert_eq!(world.refusal().code(), "JIT-003");
        }
    }
    let mut claims = anna();
    claims.as_object_mut().unwrap().remove("email_verified");
    let mut world = World::new(claims);
    world.rules.create = Create::OnlyDomains;
    assert_eq!(world.refusal().code(), "JIT-003");
}

#[test]
fn o76_at_google_the_domain_of_an_address_is_nothing_without_the_organisation() {
    for (hd, lets_in) in [
        (Some("example.com"), true),
        (Some("EXAMPLE.com"), true),
        (Some("other.example"), false),
        (Some(""), false),
        (None, false),
    ] {
        let mut claims = anna();
        if let Some(hd) = hd {
            claims["hd"] = json!(hd);
        }
        let mut world = World::new(claims);
        world.provider.vendor = Vendor::Google;
        world.rules.create = Create::OnlyDomains;
        if lets_in {
            assert!(
                matches!(world.decide().outcome, Outcome::Create(_)),
                "{hd:?}"
            );
        } else {
            assert_eq!(world.refusal().code(), "JIT-009", "{hd:?}");
        }
    }
}

#[test]
fn o77_a_username_that_differs_in_case_or_form_only_is_taken() {
    for stated in ["Anna", "ＡＮＮＡ", " anna "] {
        let mut claims = anna();
        claims["preferred_username"] = json!(stated);
        let mut world = World::new(claims);
        let wanted = wanted(&world.arrival(), &world.rules).username.unwrap();
        assert_eq!(key(&wanted), key("anna"), "looked up by key");
        world.known.username_taken_by = Some(Taken {
            user: user_id(9),
            username: "anna".to_owned(),
        });
        let refusal = world.refusal();
        assert_eq!(refusal.code(), "JIT-005");
        assert!(matches!(&refusal, Refusal::UsernameTaken { by, .. } if *by == user_id(9)));
        assert!(refusal.public().contains("“anna”"));
        assert!(refusal.next().contains("administrator to link"));
    }
}

#[test]
fn o77_an_invisible_character_makes_no_second_anna() {
    let mut claims = anna();
    claims["preferred_username"] = json!("an\u{200b}na");
    let refusal = World::new(claims).refusal();
    assert_eq!(refusal.code(), "JIT-007");
    assert!(!refusal.public().contains('\u{200b}'));
}

#[test]
fn o78_an_account_made_here_beforehand_is_neither_taken_over_nor_joined() {
    let mut world = World::new(anna());
    world.known.username_taken_by = Some(Taken {
        user: user_id(9),
        username: "anna".to_owned(),
    });
    world.known.same_email = vec!["anna".to_owned()];
    assert!(matches!(world.refusal(), Refusal::UsernameTaken { .. }));
    world.known.username_taken_by = None;
    let decision = world.decide();
    assert!(matches!(decision.outcome, Outcome::Create(user) if user != user_id(9)));
}

#[test]
fn a_deactivated_person_stays_out_and_learns_by_whom_when_and_why() {
    let mut world = World::new(anna());
    world.link("anna").state = State::Deactivated(Deactivation {
        directory: None,
        by: "HR sync".to_owned(),
        at: at(0),
        reason: Some("Left the company.".to_owned()),
    });
    let refusal = world.refusal();
    assert_eq!(refusal.code(), "JIT-001");
    assert_eq!(
        refusal.public(),
        "The user “anna” was deactivated by HR sync on 21 November 2026, 18:29 UTC. Reason: Left the company."
    );
    assert_eq!(refusal.to_error().kind.status(), 403);
}

#[test]
fn nobody_is_created_where_the_rule_says_so_but_the_linked_come_in() {
    let mut world = World::new(anna());
    world.rules.create = Create::Nobody;
    assert_eq!(world.refusal().code(), "JIT-002");
    world.link("anna");
    assert_eq!(world.decide().outcome, Outcome::SignIn(user_id(1)));
}

#[test]
fn only_addresses_of_the_domains_themselves_are_let_in() {
    for (email, code) in [
        ("anna@other.example", "JIT-004"),
        ("anna@sub.example.com", "JIT-004"),
        ("anna@notexample.com", "JIT-004"),
        ("anna@example.com@evil.example", "JIT-003"),
        ("\"anna@example.com\"@evil.example", "JIT-003"),
    ] {
        let mut claims = anna();
        claims["email"] = json!(email);
        let mut world = World::new(claims);
        world.rules.create = Create::OnlyDomains;
        assert_eq!(world.refusal().code(), code, "{email}");
    }
    let mut claims = anna();
    claims["email"] = json!("anna@EXAMPLE.com");
    let mut world = World::new(claims);
    world.rules.create = Create::OnlyDomains;
    assert!(matches!(world.decide().outcome, Outcome::Create(_)));
    world.provider.domains.clear();
    assert_eq!(world.refusal().code(), "JIT-004");
}

#[test]
fn the_username_falls_back_to_the_address_and_then_to_a_tidy_subject() {
    let username = |claims: Value, subject: &str| {
        let mut world = World::new(claims);
        world.subject = subject.to_owned();
        world
            .decide()
            .username
            .ok_or_else(|| world.refusal().code())
    };
    assert_eq!(
        username(json!({"email": "a@example.com"}), "x").unwrap(),
        "a@example.com"
    );
    assert_eq!(username(json!({}), "alice").unwrap(), "alice");
    for machine_made in [
        "00u1a2b3c4",
        "107691503500061501234",
        "f3a1c2d4-0000-4000-8000-00000000000a",
        "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
        "deadbeefdeadbeef",
        "a|b",
    ] {
        assert_eq!(
            username(json!({}), machine_made),
            Err("JIT-006"),
            "{machine_made}"
        );
    }
}

#[test]
fn a_username_that_cannot_be_accepted_is_refused_and_not_replaced_by_another() {
    for (stated, code) in [
        ("a/b", "JIT-007"),
        ("a b", "JIT-007"),
        ("System", "JIT-008"),
        ("\u{202e}x", "JIT-007"),
    ] {
        let mut claims = anna();
        claims["preferred_username"] = json!(stated);
        assert_eq!(World::new(claims).refusal().code(), code, "{stated}");
    }
}

#[test]
fn a_dotted_username_claim_is_followed() {
    let mut world = World::new(json!({"x": {"login": "anna"}}));
    world.rules.username_claim = "x.login".to_owned();
    assert_eq!(world.decide().username.as_deref(), Some("anna"));
}

#[test]
fn the_display_name_is_put_together_where_none_is_stated() {
    let name = |claims: Value| World::new(claims).decide().attributes["display_name"].clone();
    assert_eq!(
        name(json!({"preferred_username": "a", "given_name": "Anna", "family_name": "Weiß"})),
        "Anna Weiß"
    );
    assert_eq!(
        name(json!({"preferred_username": "a", "family_name": "Weiß"})),
        "Weiß"
    );
    assert_eq!(name(json!({"preferred_username": "a", "name": " "})), "a");
    assert_eq!(
        name(json!({"preferred_username": "a", "name": "x\u{202e}y"})),
        "a"
    );
}

#[test]
fn attributes_follow_the_claims_and_the_change_is_told() {
    let mut world = World::new(anna());
    let mut attributes = world.decide().attributes;
    attributes.insert("email".to_owned(), "old@example.com".to_owned());
    world.link("anna").attributes = Some(attributes);
    let decision = world.decide();
    assert!(matches!(
        &decision.changes[..],
        [Change {
            action: Action::UpdateAccount { .. },
            ..
        }]
    ));
    assert_eq!(decision.updates.len(), 1);
    assert_eq!(
        decision.updates[0].words(),
        "E-mail changes from “old@example.com” to “anna@example.com”."
    );
    world.rules.update = Update::OnCreate;
    assert!(world.decide().changes.is_empty());
}

#[test]
fn an_absent_claim_keeps_what_was_applied_and_an_empty_one_removes_it() {
    let mut world = World::new(anna());
    let attributes = world.decide().attributes;
    world.link("anna").attributes = Some(attributes);
    world.claims = serde_json::from_value(json!({"preferred_username": "anna"})).unwrap();
    assert!(world.decide().changes.is_empty());
    world.claims =
        serde_json::from_value(json!({"preferred_username": "anna", "email": "", "locale": null}))
            .unwrap();
    let decision = world.decide();
    let told: Vec<_> = decision
        .updates
        .iter()
        .map(AttributeChange::words)
        .collect();
    assert_eq!(
        told,
        [
            "E-mail “anna@example.com” is removed.",
            "Language “de-DE” is removed."
        ]
    );
}

#[test]
fn a_known_user_keeps_the_username_if_the_stated_one_is_somebody_elses() {
    let mut claims = anna();
    claims["preferred_username"] = json!("boss");
    let mut world = World::new(claims);
    world.link("anna");
    world.known.username_taken_by = Some(Taken {
        user: user_id(9),
        username: "Boss".to_owned(),
    });
    let decision = world.decide();
    assert_eq!(decision.outcome, Outcome::SignIn(user_id(1)));
    assert_eq!(decision.attributes["username"], "anna");
    assert!(
        decision
            .notes
            .iter()
            .any(|n| n.about == About::Username && n.text.contains("“Boss”"))
    );
    // The username is their own already: no collision.
    world.known.username_taken_by = Some(Taken {
        user: user_id(1),
        username: "boss".to_owned(),
    });
    assert_eq!(world.decide().attributes["username"], "boss");
}

#[test]
fn a_user_linked_by_hand_gets_an_account_in_the_directory_at_the_first_sign_in() {
    let mut world = World::new(anna());
    world.link("anna").attributes = None;
    world.rules.update = Update::OnCreate;
    let decision = world.decide();
    assert!(matches!(
        &decision.changes[..],
        [Change {
            action: Action::UpdateAccount { .. },
            ..
        }]
    ));
    world.apply(&decision.changes);
    assert!(world.decide().changes.is_empty());
}

#[test]
fn an_address_that_is_none_is_left_out_and_told() {
    let mut claims = anna();
    claims["email"] = json!("<script>@x");
    let decision = World::new(claims).decide();
    assert!(!decision.attributes.contains_key("email"));
    assert!(
        decision
            .notes
            .iter()
            .any(|n| n.about == About::Attributes && n.text.contains("“email”"))
    );
}

#[test]
fn the_explanation_says_whom_it_matches_or_would_create_and_why_not() {
    let mut world = World::new(anna());
    let told = world.decide().explain();
    assert_eq!(told[0], "Nobody here is linked to this issuer and subject.");
    assert_eq!(
        told[1],
        "Would create the user “anna” with name “Anna Weiß” and e-mail “anna@example.com”."
    );
    world.link("anna");
    assert!(world.decide().explain()[0].starts_with("Matches the user “anna”"));
    world.known.linked = None;
    world.rules.create = Create::Nobody;
    assert!(world.decide().explain()[0].ends_with("(JIT-002)"));
}
