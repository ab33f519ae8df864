//! What expressions give, also beside the implementation by others.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

#[test]
fn a_source_is_asked_for_its_first_value_whatever_the_case_of_the_name() {
    assert_eq!(gives("source.mail"), "Anna.Berg@Example.org");
    assert_eq!(gives("source.userAccountControl"), "514");
    assert_eq!(gives("source[\"mail\"]"), "Anna.Berg@Example.org");
    assert_eq!(gives("source.all(\"mail\")[1]"), "anna@old.example");
    assert_eq!(gives("source.all(\"memberOf\").size()"), "2");
    assert_eq!(gives("size(source.all(\"nowhere\"))"), "0");
    assert_eq!(
        gives("record.username + \"/\" + record.email"),
        "anna/anna@example.org"
    );
    assert_eq!(gives("record.active"), "true");
    assert_eq!(gives("record.external_id"), "id-1");
}

#[test]
fn functions_do_what_their_names_say() {
    for (expression, made) in [
        ("source.mail.lower()", "anna.berg@example.org"),
        ("upper(source.uid)", "ANNA"),
        ("\"  a b \".trim()", "a b"),
        ("source.mail.replace(\".\", \"_\")", "Anna_Berg@Example_org"),
        ("source.mail.domain()", "Example.org"),
        ("source.mail.local()", "Anna.Berg"),
        ("source.uid.domain()", "nothing"),
        (
            "first(source.all(\"nowhere\"), source.all(\"empty\"), record.email)",
            "anna@example.org",
        ),
        ("first(source.all(\"nowhere\"))", "nothing"),
        ("source.get(\"nowhere\")", "nothing"),
        ("source.get(\"nowhere\", \"x\")", "x"),
        ("source.uid.substring(1, 3)", "nn"),
        (
            "source.mail.split(\"@\").map(p, p.lower()).join(\" at \")",
            "anna.berg at example.org",
        ),
        ("source.mail.matches(\"^Anna\\\\.\")", "true"),
        (
            "{\"Research\": \"Forschung\"}[source.department]",
            "Forschung",
        ),
        (
            "source.all(\"memberof\").exists(g, g.lower().startsWith(\"cn=lab,\"))",
            "true",
        ),
        (
            "source.all(\"memberof\").filter(g, g.contains(\"staff\")).map(g, g.substring(3, 8)).join()",
            "staff",
        ),
        ("has(source.nowhere) ? source.nowhere : \"none\"", "none"),
        ("\"mail\" in source", "true"),
        ("int(source.useraccountcontrol) / 2 % 2 == 0", "false"),
        ("null", "nothing"),
        ("string(1 + 2) + \"!\"", "3!"),
        ("source.mail.indexOf(\"@\")", "9"),
    ] {
        assert_eq!(gives(expression), made, "{expression}");
    }
}

#[test]
fn a_record_that_an_expression_fails_on_is_refused_with_its_reason() {
    for (expression, why) in [
        (
            "string(1 / (source.all(\"mail\").size() - 2))",
            "(The rule for “made” fails on it. It divides by zero.)",
        ),
        (
            "source.nowhere",
            "(The rule for “made” fails on it. The source states no “nowhere”.)",
        ),
        (
            "record.nowhere",
            "(The rule for “made” fails on it. The record has no “nowhere”.)",
        ),
        (
            "source.all(\"mail\")[7]",
            "(The rule for “made” fails on it. The list has no value at 7: it has 2.)",
        ),
        ("source.all(\"mail\")", "gives a list"),
        (
            "source.mail + 1",
            "“+” cannot be used between a text and a number",
        ),
        ("!source.mail", "needs true or false"),
        ("9223372036854775807 + 1", "too large"),
        ("source.mail < 1", "no order"),
        ("source", "is no value"),
        ("int(source.mail)", "whole number"),
    ] {
        let shown = gives(expression);
        assert!(
            shown.starts_with('(') && shown.contains(why),
            "{expression}: {shown}"
        );
    }
}

#[test]
fn what_is_wrong_is_told_at_its_place() {
    let at = |expression| {
        let error = wrong(expression);
        (error.line, error.column)
    };
    assert_eq!(at("source.mail +\n  nowhere"), (2, 3));
    assert_eq!(at("\"nowhere\" + nowhere"), (1, 13));
    assert_eq!(at("source.mail.nosuch()"), (1, 13));
    assert_eq!(at("source.mail.matches(\"(\")"), (1, 13));
    assert_eq!(at("\"ä\" + )"), (1, 7));
    for (expression, words) in [
        (
            "source.mail.matches(source.uid)",
            "The regular expression of “matches” is written out",
        ),
        ("", "An expression is needed here."),
        ("source.mail +", "too early"),
        ("(source.mail", "too early"),
        ("mail", "source.mail"),
        ("lower()", "takes 1"),
    ] {
        let error = wrong(expression);
        assert!(error.words.contains(words), "{expression}: {error:?}");
    }
}

#[test]
fn whatever_decides_a_condition_decides_it_on_either_side() {
    assert_eq!(gives("true || 1 / 0 == 1"), "true");
    assert_eq!(gives("1 / 0 == 1 || true"), "true");
    assert_eq!(gives("1 / 0 == 1 && false"), "false");
    assert!(gives("1 / 0 == 1 && true").contains("divides by zero"));
    assert_eq!(gives("[0, 1].exists(n, 1 / n == 1)"), "true");
}

/// What the implementation by others gives, where it gives anything; texts, truths and whole numbers alone.
fn by_others(expression: &str) -> Option<String> {
    let program = cel::parser::PrattParser::new().parse(expression).ok()?;
    let mut context = cel::Context::default();
    let first: BTreeMap<String, String> = anna()
        .into_iter()
        .filter_map(|(name, values)| Some((name, values.into_iter().next()?)))
        .collect();
    let first: std::collections::HashMap<String, String> = first.into_iter().collect();
    context.add_variable("source", first).ok()?;
    match cel::Value::resolve(&program, &context).ok()? {
        cel::Value::String(text) => Some(text.to_string()).filter(|text| !text.is_empty()),
        cel::Value::Bool(value) => Some(value.to_string()),
        cel::Value::Int(value) => Some(value.to_string()),
        _ => None,
    }
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("source.mail".to_owned()),
        Just("source.uid".to_owned()),
        Just("source.department".to_owned()),
        "[a-z@.]{0,4}".prop_map(|text| format!("\"{text}\"")),
    ]
}

fn number() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (-5_i64..20).prop_map(|number| number.to_string()),
        text().prop_map(|text| format!("size({text})")),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        (inner.clone(), "[-+*/%]", inner)
            .prop_map(|(one, sign, other)| format!("({one} {sign} {other})"))
    })
}

fn truth() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        (number(), "==|!=|<|<=|>|>=", number()).prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
        (text(), "==|!=|<|>", text()).prop_map(|(a, sign, b)| format!("{a} {sign} {b}")),
        (text(), "contains|startsWith|endsWith", text())
            .prop_map(|(a, name, b)| format!("{a}.{name}({b})")),
        text().prop_map(|a| format!("{a} in [\"anna\", source.mail]")),
        "mail|nowhere".prop_map(|name| format!("has(source.{name})")),
        (number(), number()).prop_map(|(a, b)| format!("[1, 2, {a}].exists(n, n == {b})")),
        (number(), number()).prop_map(|(a, b)| format!("[{a}, 0, {b}].all(n, n > 1)")),
        number().prop_map(|a| format!("[1, 2, {a}].exists_one(n, n == 2)")),
    ];
    leaf.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            (inner.clone(), "&&|\\|\\|", inner.clone())
                .prop_map(|(a, sign, b)| format!("({a} {sign} {b})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
}

fn written() -> impl Strategy<Value = String> {
    prop_oneof![
        text(),
        number().prop_map(|a| format!("string({a})")),
        truth(),
        (truth(), text(), text()).prop_map(|(a, b, c)| format!("{a} ? {b} : {c} + {b}")),
        (number(), number())
            .prop_map(|(a, b)| format!("string(size([1, 2, 3, {a}].filter(n, n > {b})))")),
        (number(), number()).prop_map(|(a, b)| format!("string([{a}, 5].map(n, n * {b})[0])")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn an_expression_gives_what_the_implementation_by_others_gives(expression in written()) {
        if let Some(theirs) = by_others(&expression) {
            prop_assert_eq!(gives(&expression), theirs, "{}", expression);
        }
    }
}

#[test]
fn the_comparison_with_others_compares_something() {
    assert_eq!(by_others("source.mail.size() > 3"), Some("true".to_owned()));
    assert_eq!(by_others("source.uid + \"x\""), Some("annax".to_owned()));
}
