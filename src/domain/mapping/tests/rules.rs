//! Filters, rules, patterns, tests and identities.

use super::*;

fn filtered(filter: &str) -> Mapping {
    Mapping {
        filter: Some(Expression(filter.to_owned())),
        ..Mapping::default()
    }
}

fn with(rules: Vec<Rule>) -> Mapping {
    Mapping {
        rules,
        ..Mapping::default()
    }
}

fn attribute(mapped: &Mapped, name: &str) -> Option<String> {
    match mapped {
        Mapped::Record(record) => record.attributes.get(name).cloned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_empty_mapping_changes_nothing_and_has_an_empty_identity() {
    let mapping = Mapping::default();
    assert_eq!(apply(&mapping), Mapped::Record(record()));
    assert_eq!(mapping.identity(), "");
}

#[test]
fn a_filter_lets_in_leaves_out_or_refuses() {
    let is_in = apply(&filtered("source.department == \"Research\""));
    assert!(matches!(is_in, Mapped::Record(_)));
    assert_eq!(
        apply(&filtered("source.department\n  == \"Sales\"")),
        Mapped::FilteredOut("source.department == \"Sales\"".to_owned())
    );
    let fails = apply(&filtered("source.nowhere == \"x\""));
    assert!(matches!(fails, Mapped::Refused(_)));
    let Mapped::Refused(why) = apply(&filtered("source.department")) else {
        panic!("a text is no answer")
    };
    assert!(why.contains("not true or false"), "{why}");
}

#[test]
fn groups_are_asked_by_their_name() {
    let groups = |text: &str| Mapping {
        groups: Some(Expression(text.to_owned())),
        ..Mapping::default()
    };
    let compiled = groups("group.name.startsWith(\"app-\")")
        .check()
        .expect("checked");
    let id = ExternalId("g".to_owned());
    assert_eq!(compiled.group(&id, "app-wiki"), Ok(()));
    assert!(matches!(
        compiled.group(&id, "staff"),
        Err(LeftOut::Filtered(_))
    ));
    assert!(groups("source.mail == \"\"").check().is_err());
}

#[test]
fn each_rule_sees_what_those_before_it_made() {
    let mapped = apply(&with(vec![
        rule("email", "source.mail.lower()"),
        rule("username", "record.email.local()"),
    ]));
    assert_eq!(attribute(&mapped, "username").as_deref(), Some("anna.berg"));
}

#[test]
fn a_rule_if_empty_keeps_what_is_there() {
    let mut mapping = with(vec![rule("email", "source.mail"), rule("phone", "\"1\"")]);
    for rule in &mut mapping.rules {
        rule.when = When::IfEmpty;
    }
    let mapped = apply(&mapping);
    assert_eq!(
        attribute(&mapped, "email").as_deref(),
        Some("anna@example.org")
    );
    assert_eq!(attribute(&mapped, "phone").as_deref(), Some("1"));
}

#[test]
fn a_rule_on_create_leaves_the_account_as_it_is_here() {
    let mut mapping = with(vec![rule("username", "source.mail.local()")]);
    mapping.rules[0].when = When::OnCreate;
    let compiled = mapping.check().expect("checked");
    let id = record().external_id;
    let fresh = compiled.apply(&id, &anna(), record());
    assert_eq!(attribute(&fresh, "username").as_deref(), Some("Anna.Berg"));
    let known: Attributes = [("username".to_owned(), "kept".to_owned())].into();
    let kept = compiled.apply_to(&id, &anna(), record(), Some(&known), &mut |_, _| {});
    assert_eq!(attribute(&kept, "username").as_deref(), Some("kept"));
    assert!(compiled.asks_for_known());
}

#[test]
fn active_takes_true_or_false() {
    let made = |expression: &str| apply(&with(vec![rule("active", expression)]));
    let Mapped::Record(record) = made("int(source.useraccountcontrol) / 2 % 2 == 0") else {
        panic!("it is a truth")
    };
    assert!(!record.active);
    assert!(matches!(made("1"), Mapped::Refused(_)));
}

fn patterns_of(text: &str) -> Mapping {
    let patterns = patterns::read(text).expect("patterns");
    let again = patterns::read(&patterns::written(&patterns));
    assert_eq!(again, Ok(patterns.clone()));
    with(vec![Rule {
        attribute: "made".to_owned(),
        when: When::Always,
        how: How::Patterns(patterns),
    }])
}

#[test]
fn the_first_pattern_that_fits_a_whole_value_wins() {
    let mapping =
        patterns_of("mail: (.+)@old\\.example => old-$1\nmail: (?i)(.+)@example\\.org => ${1}_x");
    assert_eq!(
        attribute(&apply(&mapping), "made").as_deref(),
        Some("old-anna")
    );
    let part = patterns_of("mail: Anna => part");
    assert_eq!(attribute(&apply(&part), "made"), None);
}

#[test]
fn a_pattern_that_cannot_be_is_told_with_its_line() {
    let error = |text: &str| {
        let wrong = patterns_of(text).check().expect_err("wrong");
        let first = wrong.into_iter().next().expect("one");
        (first.line, first.words)
    };
    assert_eq!(error("mail: a => b\nmail: ( => b").0, 2);
    assert!(error("mail: (a) => $2").1.contains("no group “2”"));
    assert!(error("mail: a) | (b => $1").1.contains("cannot be read"));
    let read = patterns::read("mail: a => b\nnonsense");
    assert_eq!(read.map_err(|(line, _)| line), Err(2));
}

#[test]
fn which_attributes_are_asked_for_is_known_before() {
    let mut mapping = patterns_of("telephoneNumber: (.+) => $1");
    mapping.filter = Some(Expression(
        "has(source.Department) && \"o\" in source && [1].all(n, source[\"l\"] != record.email)"
            .to_owned(),
    ));
    mapping.rules.push(rule(
        "email",
        "first(source.all(\"mail\"), source.get(\"other\", source.uid))",
    ));
    let asked = mapping.check().expect("checked").asked();
    let asked: Vec<&str> = asked.iter().map(String::as_str).collect();
    assert_eq!(
        asked,
        [
            "department",
            "l",
            "mail",
            "o",
            "other",
            "telephonenumber",
            "uid"
        ]
    );
    for made in [
        "source[source.uid]",
        "source.all(record.email)",
        "record.username in source",
    ] {
        let wrong = with_rule(made).check().expect_err("a name that is made");
        assert!(wrong[0].words.contains("in quotes"), "{wrong:?}");
    }
}

#[test]
fn attributes_have_plain_names() {
    for name in ["", "E-mail", "x y", "1a", "ümlaut"] {
        let wrong = with(vec![rule(name, "1")]).check().expect_err("wrong");
        assert_eq!(wrong[0].place, Place::Attribute(0), "{name}");
    }
}

fn test(expected: Expected) -> MappingTest {
    MappingTest {
        name: "Anna".to_owned(),
        source: anna(),
        record: Attributes::new(),
        expected,
    }
}

#[test]
fn tests_hold_or_say_what_came_instead() {
    let mut mapping = with(vec![rule("email", "source.mail.lower()")]);
    mapping.filter = Some(Expression("source.department != \"Temp\"".to_owned()));
    let values = |email: &str| Expected::Values([("email".to_owned(), email.to_owned())].into());
    let compiled = mapping.check().expect("checked");
    assert!(test(values("anna.berg@example.org")).run(&compiled).holds);
    let failed = test(values("x")).run(&compiled);
    assert_eq!(
        failed.words,
        "email was expected to be “x”, and is “anna.berg@example.org”."
    );
    assert!(!test(Expected::FilteredOut).run(&compiled).holds);
    let out = MappingTest {
        source: source(&[("department", &["Temp"])]),
        ..test(Expected::FilteredOut)
    };
    assert!(out.run(&compiled).holds);
    mapping.tests.push(MappingTest {
        name: String::new(),
        ..test(Expected::Refused)
    });
    assert!(mapping.check().is_err());
}

#[test]
fn the_identity_follows_what_it_does_and_not_its_tests() {
    let one = with_rule("source.mail");
    let mut tested = one.clone();
    tested.tests.push(test(Expected::Refused));
    assert_eq!(one.identity(), tested.identity());
    assert_eq!(one.identity().len(), 16);
    assert_ne!(one.identity(), with_rule("source.uid").identity());
}

#[test]
fn a_mapping_is_written_and_read_as_json() {
    let mut mapping = patterns_of("mail: (.+)@x => $1");
    mapping.rules.push(rule("email", "source.mail"));
    mapping.filter = Some(Expression("has(source.mail)".to_owned()));
    mapping.tests.push(test(Expected::FilteredOut));
    let written = serde_json::to_string(&mapping).expect("written");
    let read: Mapping = serde_json::from_str(&written).expect("read");
    assert_eq!(read, mapping);
    let empty: Mapping = serde_json::from_str("{}").expect("read");
    assert_eq!(empty, Mapping::default());
}

#[test]
fn every_vendors_default_passes_the_check_and_says_what_its_own_mapping_says() {
    for vendor in ["active_directory", "openldap", "389", "freeipa", "other"] {
        let mapping = with(defaults::of(vendor));
        let compiled = mapping.check().expect(vendor);
        let mut source = anna();
        source.insert("samaccountname".to_owned(), vec!["anna".to_owned()]);
        let empty = UserRecord {
            attributes: Attributes::new(),
            ..record()
        };
        let id = empty.external_id.clone();
        let Mapped::Record(made) = compiled.apply(&id, &source, empty) else {
            panic!("{vendor}")
        };
        let username = made.attributes.get("username").map(String::as_str);
        assert_eq!(username, Some("anna"));
        assert_eq!(made.active, vendor != "active_directory");
        let kept_out = UserRecord {
            active: false,
            ..record()
        };
        let Mapped::Record(made) = compiled.apply(&id, &source, kept_out) else {
            panic!("{vendor}")
        };
        assert!(!made.active, "{vendor}: an account that expired, say");
    }
}

#[test]
fn every_vendors_tests_hold_for_its_own_rules_and_fail_without_them() {
    for vendor in ["active_directory", "openldap", "389", "freeipa", "other"] {
        let tests = defaults::tests(vendor);
        assert_eq!(
            tests.len(),
            if vendor == "other" { 1 } else { 2 },
            "{vendor}"
        );
        let mapping = Mapping {
            tests: tests.clone(),
            ..with(defaults::of(vendor))
        };
        let compiled = mapping.check().expect(vendor);
        let nothing = Mapping::default().check().expect("nothing");
        for test in tests {
            let tested = test.run(&compiled);
            assert!(tested.holds, "{vendor}, {}: {}", test.name, tested.words);
            assert!(!test.run(&nothing).holds, "{vendor}, {}", test.name);
        }
    }
}
