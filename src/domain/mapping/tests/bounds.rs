//! Whatever the text, checking it ends, applying it ends within its steps, and nothing panics or overflows the stack.

use proptest::prelude::*;

use super::*;

/// The stack that is enough, in debug builds too; threads of the server have twice as much.
const STACK: usize = 1024 * 1024;

fn on_a_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new().stack_size(STACK).spawn(work);
    thread
        .expect("a thread")
        .join()
        .expect("no overflow and no panic")
}

/// Carries it out, and says how many steps that took.
fn steps(expression: &str, source: &SourceValues) -> Option<u32> {
    let node = expression::read(expression, About::Person).ok()?;
    let mut meter = Meter::full();
    let record = record();
    let given = Given::Person {
        source,
        record: &record,
    };
    let made = Evaluation::of(&node, given, &mut meter);
    drop(made);
    Some(meter.taken())
}

fn large() -> SourceValues {
    let groups: Vec<String> = (0..5000)
        .map(|n| format!("cn=group-{n},ou=groups,dc=example,dc=org"))
        .collect();
    let mut source = anna();
    source.insert("memberof".to_owned(), groups);
    source.insert("long".to_owned(), vec!["x".repeat(4096)]);
    source
}

#[test]
fn the_worst_that_passes_the_check_ends_within_its_steps() {
    let doubling = format!(
        "source.all(\"long\"){}[0].size()",
        ".map(x, x + x)".repeat(18)
    );
    let worst = [
        doubling.as_str(),
        "source.all(\"memberof\").all(a, source.all(\"memberof\").all(b, a != b + \"x\"))",
        "source.all(\"memberof\").map(a, source.all(\"memberof\").map(b, a + b)).size()",
        "source.long.replace(\"x\", source.long).replace(\"x\", source.long)",
        "source.long.split(\"x\").map(p, source.long).join(source.long)",
        "source.all(\"memberof\").filter(a, a.matches(\"(?i)(a|b|c)*(a|b|c)*(a|b|c)*z\")).size()",
        "source.all(\"memberof\").map(a, [a]) == source.all(\"memberof\").map(a, [a])",
        "source.all(\"memberof\").map(a, source.all(\"memberof\")).map(a, source.all(\"memberof\"))",
    ];
    let large = large();
    for expression in worst {
        let taken = steps(expression, &large).expect("it passes the check");
        assert!(taken <= STEPS, "{expression}: {taken}");
        let compiled = with_rule(expression).check().expect("checked");
        let mapped = compiled.apply(&record().external_id, &large, record());
        assert!(!matches!(mapped, Mapped::FilteredOut(_)));
    }
}

#[test]
fn a_regular_expression_costs_by_its_size_and_by_what_it_looks_at() {
    let large = large();
    let taken = |regex: &str| {
        let expression = format!("source.long.matches(\"{regex}\")");
        steps(&expression, &large).expect("checked")
    };
    let (small, big) = (taken("a$"), taken("(?:x{1,20}){1,20}$"));
    assert!(small < 1200, "{small}");
    assert!(big > 20 * small, "{big} to {small}");
    let mut some = large.clone();
    some.entry("memberof".to_owned())
        .and_modify(|groups| groups.truncate(2000));
    let looking = "source.all(\"memberof\").exists(g, g.matches(\"^cn=x\\\\w+,ou=apps\"))";
    let many = steps(looking, &some).expect("checked");
    assert!(many < STEPS, "2000 groups are looked through: {many}");
    let pattern = |regex: &str| Pattern {
        attribute: "memberof".to_owned(),
        regex: regex.to_owned(),
        template: "$1".to_owned(),
    };
    let refused = |regex: &str| {
        let rule = Rule {
            attribute: "made".to_owned(),
            when: When::Always,
            how: How::Patterns(vec![pattern(regex)]),
        };
        let mapping = Mapping {
            rules: vec![rule],
            ..Mapping::default()
        };
        let compiled = mapping.check().expect("checked");
        let mapped = compiled.apply(&record().external_id, &large, record());
        matches!(mapped, Mapped::Refused(why) if why.contains("100000 steps"))
    };
    assert!(!refused("cn=x([a-z]+),.*"));
    assert!(refused("cn=x((?:[a-z0-9-]?){300}),.*"));
}

#[test]
fn what_takes_too_long_is_refused_and_nothing_catches_that() {
    let mapping = with_rule(
        "source.all(\"memberof\").all(a, source.all(\"memberof\").exists(b, a == b + \"x\") || true)",
    );
    let compiled = mapping.check().expect("checked");
    let mapped = compiled.apply(&record().external_id, &large(), record());
    let Mapped::Refused(why) = mapped else {
        panic!("{mapped:?}")
    };
    assert!(why.contains("100000 steps"), "{why}");
}

#[test]
fn the_largest_groups_of_a_real_directory_are_looked_through() {
    let large = large();
    for expression in [
        "source.all(\"memberof\").exists(g, g.startsWith(\"cn=nowhere,\"))",
        "source.all(\"memberof\").filter(g, g.contains(\"9,\")).size()",
    ] {
        let taken = steps(expression, &large).expect("checked");
        assert!(taken < STEPS, "{expression}: {taken}");
    }
}

#[test]
fn deep_nesting_is_refused_before_it_needs_a_stack() {
    let deep: Vec<String> = vec![
        "(".repeat(4000),
        format!("{}1{}", "(".repeat(2000), ")".repeat(2000)),
        format!("{}1{}", "[".repeat(2000), "]".repeat(2000)),
        "!".repeat(4000),
        "-".repeat(4000),
        "!-".repeat(2000),
        "a?".repeat(2000),
        "a?b:".repeat(1000),
        "1+".repeat(2000) + "1",
        "1+".repeat(390) + "1",
        "a.".repeat(2000) + "b",
        "a.".repeat(390) + "b",
        format!("source{}", ".f()".repeat(1000)),
        format!("source{}", ".f()".repeat(199)),
        "{1:".repeat(1000),
        format!("{}1{}", "lower(".repeat(600), ")".repeat(600)),
        format!("true{}", "&& true".repeat(500)),
        "\"".repeat(4001),
        "[1,".repeat(1000),
        format!("x{}", "[x".repeat(1300)),
        ". ".repeat(2000),
        format!("source.all(\"a\"){}", ".map(x, x)".repeat(390)),
        format!("source.all(\"a\"){}", ".map(x, x)".repeat(90)),
        format!("{}1{}", "[1].map(x, ".repeat(19), ")".repeat(19)),
    ];
    on_a_small_stack(move || {
        for text in deep {
            assert!(with_rule(&text).check().is_err() || text.starts_with("true"));
        }
    });
}

#[test]
fn as_deep_as_may_be_is_carried_out_on_a_small_stack() {
    on_a_small_stack(|| {
        let nested = format!("{}source.mail{}", "lower(".repeat(16), ")".repeat(16));
        let sums = format!("source.uid{}", " + source.uid".repeat(55));
        let lists = format!("{}1{}", "[".repeat(19), "]".repeat(19));
        let loops = format!(
            "source.all(\"mail\"){}.size()",
            ".map(x, x.lower())".repeat(20)
        );
        let questions = format!("{}source.uid", "false ? source.mail : ".repeat(30));
        for text in [
            nested,
            sums,
            format!("{lists} == {lists}"),
            loops,
            questions,
        ] {
            let shown = gives(&text);
            assert!(!shown.starts_with('('), "{text}: {shown}");
        }
    });
}

#[test]
fn sizes_are_bounded() {
    for (expression, words) in [
        (format!("\"{}\"", "x".repeat(5000)), "longer than"),
        (format!("[{}1]", "1,".repeat(300)), "more than 200 values"),
        (
            "source.all(\"a\").all(a, source.all(\"a\").all(b, source.all(\"a\").all(c, a == b)))"
                .to_owned(),
            "loops",
        ),
        (
            "source.mail.matches(\"((a{1,100}){1,100}){1,100}\")".to_owned(),
            "too large",
        ),
        (
            "source.mail.matches(\"(a{1,30}){1,30}\")".to_owned(),
            "too large",
        ),
    ] {
        let error = wrong(&expression);
        assert!(error.words.contains(words), "{error:?}");
    }
    let many = Mapping {
        rules: vec![rule("made", "1"); MOST_RULES + 1],
        ..Mapping::default()
    };
    assert!(many.check().is_err());
}

/// Parts from which texts are made that come close to being expressions.
const PARTS: [&str; 40] = [
    "source", "record", ".", "mail", "(", ")", "[", "]", "{", "}", "\"", "'", "all", "exists",
    "map", "filter", "x", ",", "+", "-", "!", "&&", "||", "?", ":", "==", "in", "has", "1", "0u",
    "1.5", "/", "%", "matches", "\\", "first", "\n", "ä", "b\"x\"", "true",
];

const WHOLE: [&str; 6] = [
    "source.all(\"memberof\").exists(g, g.lower().startsWith(\"cn=lab,\")) && has(source.mail)",
    "first(source.all(\"mail\").filter(m, m.domain() == 'example.org'), record.email, null)",
    "{\"a\": [1, 2.5, -3, 4u], 'b': {}}[source.uid.substring(0, 1)][int(\"1\")]",
    "source.mail.matches(r\"^[a-z]+@(x|y)$\") ? upper(source.uid) : string(1 / 0 % 2)",
    "source.all(\"mail\").map(a, a != \"\", a.split(\"@\").map(b, b + a).join(\"-\"))[0] // words",
    "!(source.uid in source.all(\"mail\")) || source[\"ms-ds\"] >= '''x''' && -1 < size([])",
];

#[test]
fn what_is_damaged_below_is_whole_before() {
    for expression in WHOLE {
        assert!(steps(expression, &anna()).is_some(), "{expression}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]

    #[test]
    fn no_text_whatever_panics(text in "\\PC{0,200}") {
        let _ = with_rule(&text).check();
        let _ = patterns::read(&text);
    }

    #[test]
    fn no_heap_of_words_panics_or_takes_more_than_its_steps(
        parts in proptest::collection::vec(0..PARTS.len(), 0..40)
    ) {
        let text: String = parts.iter().filter_map(|part| PARTS.get(*part).copied()).collect();
        if let Some(taken) = steps(&text, &anna()) {
            prop_assert!(taken <= STEPS);
        }
    }

    #[test]
    fn no_damaged_expression_panics_or_takes_more_than_its_steps(
        which in 0..6_usize, at in 0..200_usize, part in 0..PARTS.len(), cut in 0..4_usize
    ) {
        let mut text = WHOLE[which].to_owned();
        let at = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let end = (at + cut).min(text.len());
        text.replace_range(at..end, PARTS[part]);
        if let Some(taken) = steps(&text, &anna()) {
            prop_assert!(taken <= STEPS);
        }
    }

    #[test]
    fn no_pattern_panics(
        regex in "[a-z(){}*+?|.\\\\\\[\\]^$0-9,]{0,40}", template in "[a-z${}0-9]{0,20}"
    ) {
        let pattern = Pattern { attribute: "mail".to_owned(), regex, template };
        let how = How::Patterns(vec![pattern]);
        let mapping = Mapping {
            rules: vec![Rule { attribute: "made".to_owned(), when: When::Always, how }],
            ..Mapping::default()
        };
        if let Ok(compiled) = mapping.check() {
            let _ = compiled.apply(&record().external_id, &anna(), record());
        }
    }
}
