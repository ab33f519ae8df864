//! A mapping as the fields of a form, and back: rules and tests are numbered, an empty one is none.

use muster_domain::error::FieldError;
use muster_domain::mapping::patterns;
use muster_domain::mapping::{Expected, Expression, How, Mapping, MappingTest, Rule, When};
use muster_domain::record::{Attributes, SourceValues};
use muster_web::Fields;

/// Empty rules that stand below the others, to be filled in.
const SPARE: usize = 2;
/// Most numbered rules and tests that are read.
const MOST: usize = 60;
/// Longest username that somebody is looked for by, in bytes.
const LONGEST_NAME: usize = 300;

/// One rule as it stands in the form.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct RuleFields {
    pub attribute: String,
    pub when: String,
    pub how: String,
    pub text: String,
}

/// One test as it stands in the form.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct TestFields {
    pub name: String,
    pub said: String,
    pub record: String,
    pub out: String,
}

/// A form as it was typed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Typed {
    pub filter: String,
    pub groups: String,
    pub rules: Vec<RuleFields>,
    pub tests: Vec<TestFields>,
    pub revision: u64,
    /// Whom it shall be tried on besides the first, as typed.
    pub about: String,
    /// By which numbers rules and tests were sent: empty ones among them count for nothing.
    numbers: (Vec<usize>, Vec<usize>),
}

/// The words for a person who is left out, and for one who is refused.
const OUT: &str = "left out";
const REFUSED: &str = "refused";

impl Typed {
    /// A mapping, to be changed.
    pub fn of(mapping: &Mapping, revision: u64) -> Self {
        let text = |expression: &Option<Expression>| {
            expression
                .as_ref()
                .map(|expression| expression.0.clone())
                .unwrap_or_default()
        };
        Self {
            filter: text(&mapping.filter),
            groups: text(&mapping.groups),
            rules: mapping.rules.iter().map(rule_fields).collect(),
            tests: mapping.tests.iter().map(TestFields::of).collect(),
            revision,
            ..Self::default()
        }
    }

    /// What was sent.
    pub fn sent(fields: &Fields) -> Self {
        let text = |name: &str| {
            let sent = fields.one(name).unwrap_or_default();
            sent.replace("\r\n", "\n").trim_end().to_owned()
        };
        let mut typed = Self {
            filter: text("filter"),
            groups: text("groups"),
            revision: text("revision").parse().unwrap_or_default(),
            about: text("about"),
            ..Self::default()
        };
        for number in 0..MOST {
            let rule = RuleFields {
                attribute: text(&format!("attribute_{number}")).trim().to_owned(),
                when: text(&format!("when_{number}")),
                how: text(&format!("how_{number}")),
                text: text(&format!("text_{number}")),
            };
            if !rule.attribute.is_empty() || !rule.text.is_empty() {
                typed.rules.push(rule);
                typed.numbers.0.push(number);
            }
            let test = TestFields {
                name: text(&format!("test_{number}")).trim().to_owned(),
                said: text(&format!("said_{number}")),
                record: text(&format!("record_{number}")),
                out: text(&format!("out_{number}")),
            };
            if !test.name.is_empty() || !test.said.is_empty() || !test.out.is_empty() {
                typed.tests.push(test);
                typed.numbers.1.push(number);
            }
        }
        typed
    }

    /// The usernames of those whom it shall be tried on besides the first.
    pub fn chosen(&self) -> Vec<String> {
        let mut chosen: Vec<String> = Vec::new();
        for name in self.about.split([',', ';', '\n']).map(str::trim) {
            let is_new = !chosen.iter().any(|known| known == name);
            if !name.is_empty() && name.len() <= LONGEST_NAME && is_new {
                chosen.push(name.to_owned());
            }
        }
        chosen
    }

    /// A field of the `n`-th rule or test that counts, as it was called when it was sent.
    pub fn as_sent(&self, field: &str) -> String {
        let Some((part, number)) = field.rsplit_once('_') else {
            return field.to_owned();
        };
        let sent = match part {
            "attribute" | "when" | "how" | "text" => &self.numbers.0,
            _ => &self.numbers.1,
        };
        let number = number.parse::<usize>().ok();
        match number.and_then(|number| sent.get(number)) {
            Some(number) => format!("{part}_{number}"),
            None => field.to_owned(),
        }
    }

    /// With empty rules below.
    pub fn shown_rules(&self) -> Vec<RuleFields> {
        let mut rules = self.rules.clone();
        rules.resize(rules.len() + SPARE, RuleFields::default());
        rules
    }

    /// The mapping; else what cannot be read, beside its fields.
    pub fn mapping(&self) -> Result<Mapping, Vec<FieldError>> {
        let mut wrong = Vec::new();
        let condition = |text: &str| {
            let text = text.trim();
            (!text.is_empty()).then(|| Expression(text.to_owned()))
        };
        let mut rules = Vec::new();
        for (number, typed) in self.rules.iter().enumerate() {
            match how(typed) {
                Ok(how) => rules.push(Rule {
                    attribute: typed.attribute.clone(),
                    when: when(&typed.when),
                    how,
                }),
                Err(message) => wrong.push(FieldError {
                    field: format!("text_{number}"),
                    message,
                }),
            }
        }
        let mut tests = Vec::new();
        for (number, typed) in self.tests.iter().enumerate() {
            match typed.test() {
                Ok(test) => tests.push(test),
                Err((part, message)) => wrong.push(FieldError {
                    field: format!("{part}_{number}"),
                    message,
                }),
            }
        }
        if !wrong.is_empty() {
            return Err(wrong);
        }
        Ok(Mapping {
            filter: condition(&self.filter),
            groups: condition(&self.groups),
            rules,
            tests,
        })
    }
}

fn rule_fields(rule: &Rule) -> RuleFields {
    let when = When::ALL
        .iter()
        .find(|(when, ..)| *when == rule.when)
        .map_or("always", |(_, word, _)| word);
    let (how, text) = match &rule.how {
        How::Expression(text) => ("expression", text.0.clone()),
        How::Patterns(all) => ("patterns", patterns::written(all)),
    };
    RuleFields {
        attribute: rule.attribute.clone(),
        when: when.to_owned(),
        how: how.to_owned(),
        text,
    }
}

fn when(word: &str) -> When {
    When::ALL
        .iter()
        .find(|(_, known, _)| *known == word)
        .map_or(When::Always, |(when, ..)| *when)
}

fn how(typed: &RuleFields) -> Result<How, String> {
    if typed.how == "patterns" {
        patterns::read(&typed.text)
            .map(How::Patterns)
            .map_err(|(line, words)| format!("Line {line}: {words}"))
    } else {
        Ok(How::Expression(Expression(typed.text.trim().to_owned())))
    }
}

impl TestFields {
    /// A test, to be changed.
    pub fn of(test: &MappingTest) -> Self {
        let out = match &test.expected {
            Expected::FilteredOut => OUT.to_owned(),
            Expected::Refused => REFUSED.to_owned(),
            Expected::Values(values) => lines(values),
        };
        let said: Vec<String> = test
            .source
            .iter()
            .flat_map(|(name, values)| values.iter().map(move |value| line(name, value)))
            .collect();
        Self {
            name: test.name.clone(),
            said: said.join("\n"),
            record: lines(&test.record),
            out,
        }
    }

    fn test(&self) -> Result<MappingTest, (&'static str, String)> {
        let mut source = SourceValues::new();
        for (name, value) in pairs(&self.said).map_err(|message| ("said", message))? {
            source.entry(name.to_lowercase()).or_default().push(value);
        }
        let record = pairs(&self.record).map_err(|message| ("record", message))?;
        let expected = match self.out.trim().to_lowercase().as_str() {
            OUT => Expected::FilteredOut,
            REFUSED => Expected::Refused,
            "" => {
                let message = format!("Write what comes out, or “{OUT}”, or “{REFUSED}”.");
                return Err(("out", message));
            }
            _ => {
                let values = pairs(&self.out).map_err(|message| ("out", message))?;
                Expected::Values(values.into_iter().collect())
            }
        };
        Ok(MappingTest {
            name: self.name.clone(),
            source,
            record: record.into_iter().collect::<Attributes>(),
            expected,
        })
    }
}

fn line(name: &str, value: &str) -> String {
    format!("{name}: {}", value.replace(['\r', '\n'], " "))
}

/// One line an attribute.
pub(super) fn lines(values: &Attributes) -> String {
    let lines: Vec<String> = values
        .iter()
        .map(|(name, value)| line(name, value))
        .collect();
    lines.join("\n")
}

fn pairs(text: &str) -> Result<Vec<(String, String)>, String> {
    let mut pairs = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let Some((name, value)) = line.split_once(':') else {
            return Err(format!("Line {}: write attribute: value.", number + 1));
        };
        pairs.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mapping() -> Mapping {
        let source = SourceValues::from([
            ("mail".to_owned(), vec!["a@x".to_owned(), "b@x".to_owned()]),
            ("uid".to_owned(), vec!["a".to_owned()]),
        ]);
        let values = Attributes::from([("email".to_owned(), "a@x".to_owned())]);
        Mapping {
            filter: Some(Expression("has(source.mail)\n&& true".to_owned())),
            groups: None,
            rules: vec![
                Rule {
                    attribute: "email".to_owned(),
                    when: When::IfEmpty,
                    how: How::Expression(Expression("source.mail".to_owned())),
                },
                Rule {
                    attribute: "username".to_owned(),
                    when: When::Always,
                    how: How::Patterns(patterns::read("uid: (.+) => $1").unwrap()),
                },
            ],
            tests: vec![MappingTest {
                name: "A".to_owned(),
                source,
                record: Attributes::new(),
                expected: Expected::Values(values),
            }],
        }
    }

    #[test]
    fn a_mapping_goes_through_the_form_unchanged() {
        assert_eq!(Typed::of(&mapping(), 3).mapping(), Ok(mapping()));
    }

    #[test]
    fn people_are_chosen_by_a_list_of_usernames() {
        let typed = |about: &str| Typed {
            about: about.to_owned(),
            ..Typed::default()
        };
        assert_eq!(
            typed(" ada, ben;ada\ncleo ,").chosen(),
            ["ada", "ben", "cleo"]
        );
        assert!(typed(" , ").chosen().is_empty());
        assert!(typed(&"a".repeat(301)).chosen().is_empty());
    }

    #[test]
    fn a_field_is_called_as_it_was_sent_though_empty_rules_stood_before_it() {
        let typed = Typed {
            numbers: (vec![0, 3], vec![2]),
            ..Typed::default()
        };
        assert_eq!(typed.as_sent("text_1"), "text_3");
        assert_eq!(typed.as_sent("attribute_0"), "attribute_0");
        assert_eq!(typed.as_sent("said_0"), "said_2");
        assert_eq!(typed.as_sent("filter"), "filter");
        assert_eq!(typed.as_sent("text_9"), "text_9");
    }

    #[test]
    fn what_cannot_be_read_is_told_beside_its_field() {
        let mut typed = Typed::of(&mapping(), 0);
        typed.rules[1].text = "nonsense".to_owned();
        typed.tests[0].out = String::new();
        typed.tests[0].said = "nonsense".to_owned();
        let wrong = typed.mapping().unwrap_err();
        let fields: Vec<&str> = wrong.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["text_1", "said_0"]);
    }
}
