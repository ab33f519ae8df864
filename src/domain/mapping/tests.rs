//! What the language does, what it refuses, and what it can cost.

mod bounds;
mod language;
mod rules;

use super::*;

fn source(rows: &[(&str, &[&str])]) -> SourceValues {
    rows.iter()
        .map(|(name, values)| {
            let values = values.iter().map(|value| (*value).to_owned()).collect();
            ((*name).to_owned(), values)
        })
        .collect()
}

fn anna() -> SourceValues {
    source(&[
        ("mail", &["Anna.Berg@Example.org", "anna@old.example"]),
        ("uid", &["anna"]),
        ("department", &["Research"]),
        ("useraccountcontrol", &["514"]),
        ("memberof", &["cn=staff,dc=example", "cn=Lab,dc=example"]),
        ("empty", &[""]),
    ])
}

fn record() -> UserRecord {
    UserRecord {
        external_id: ExternalId("id-1".to_owned()),
        attributes: [("username", "anna"), ("email", "anna@example.org")]
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        active: true,
    }
}

fn rule(attribute: &str, expression: &str) -> Rule {
    Rule {
        attribute: attribute.to_owned(),
        when: When::Always,
        how: How::Expression(Expression(expression.to_owned())),
    }
}

fn with_rule(expression: &str) -> Mapping {
    Mapping {
        rules: vec![rule("made", expression)],
        ..Mapping::default()
    }
}

fn apply(mapping: &Mapping) -> Mapped {
    let compiled = match mapping.check() {
        Ok(compiled) => compiled,
        Err(wrong) => panic!("{wrong:?}"),
    };
    compiled.apply(&record().external_id, &anna(), record())
}

/// What an expression gives for Anna; an error stands in brackets.
fn gives(expression: &str) -> String {
    match apply(&with_rule(expression)) {
        Mapped::Record(record) => record
            .attributes
            .get("made")
            .cloned()
            .unwrap_or_else(|| "nothing".to_owned()),
        Mapped::Refused(why) => format!("({why})"),
        Mapped::FilteredOut(words) => format!("filtered: {words}"),
    }
}

fn wrong(expression: &str) -> PlacedError {
    match with_rule(expression).check() {
        Ok(_) => panic!("{expression} should be wrong"),
        Err(wrong) => wrong.into_iter().next().expect("one error"),
    }
}
