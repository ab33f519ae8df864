//! How what a source says becomes the record that is kept here: who is let in by the filter, which attribute comes from
//! what, and what becomes of a record for which that cannot be said.
//!
//! Pure, and bounded: whatever text an admin writes, [`Mapping::check`] ends, and [`Compiled::apply`] ends within
//! [`STEPS`] steps on every record. A record that an expression fails on is refused with its reason; the rest goes on.
//!
//! Expressions are CEL (<https://cel.dev>), see `docs/mapping.md` for what they can ask.

pub mod defaults;
mod evaluation;
mod expression;
mod functions;
mod making;
pub mod patterns;
mod regular;
mod tree;
mod trial;
mod value;

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::record::{Attributes, ExternalId, SourceValues, UserRecord};
use evaluation::{Evaluation, Given};
use expression::{About, Wrong};
use patterns::Pattern;
use tree::Node;
use value::{Fault, Meter, Value};

pub use expression::LONGEST;
pub use trial::{Expected, MappingTest, Tested};
pub use value::STEPS;

/// Most rules of a mapping.
pub const MOST_RULES: usize = 40;
/// Most tests of a mapping.
pub const MOST_TESTS: usize = 40;
/// Longest value that a rule may make, in bytes: what an account keeps.
const LONGEST_VALUE: usize = crate::plan::person::LONGEST_VALUE;
/// Longest words about a filter, in characters.
const LONGEST_WORDS: usize = 160;

/// The text of an expression.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Expression(pub String);

/// How a directory's records become ours.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mapping {
    /// True of those people who come here; none: everybody does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<Expression>,
    /// True of those groups that come here; none: all do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub groups: Option<Expression>,
    /// What makes attributes, in order; each sees the record as those before it left it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// What must hold, tried before it is saved.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tests: Vec<MappingTest>,
}

/// What makes one attribute.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The attribute here: `email`, or `active`, which takes true or false.
    pub attribute: String,
    /// When it applies.
    #[serde(default)]
    pub when: When,
    /// What makes the value.
    #[serde(flatten)]
    pub how: How,
}

/// When a rule applies.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// At every reading.
    #[default]
    Always,
    /// When the account is made; later it stays as it is here.
    OnCreate,
    /// When the record has no such attribute by then.
    IfEmpty,
}

impl When {
    /// All, with their stable words and what people read.
    pub const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::Always, "always", "always"),
        (Self::OnCreate, "on_create", "when the account is made"),
        (Self::IfEmpty, "if_empty", "if it is empty"),
    ];
}

/// What makes a value.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum How {
    /// An expression.
    Expression(Expression),
    /// The first of these that fits; none fits: the attribute stays as it is.
    Patterns(Vec<Pattern>),
}

/// A part of a mapping. Rules, lines and tests count from 0.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Place {
    /// The filter on people.
    Filter,
    /// The filter on groups.
    Groups,
    /// A rule's attribute.
    Attribute(usize),
    /// A rule's expression or patterns.
    Rule(usize),
    /// A test.
    Test(usize),
    /// The mapping as a whole.
    Whole,
}

/// What is wrong in a mapping, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PlacedError {
    /// The part.
    pub place: Place,
    /// The line in its text, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// What is wrong and what to do, in sentences.
    pub words: String,
}

impl PlacedError {
    fn at(place: Place, wrong: Wrong) -> Self {
        Self {
            place,
            line: wrong.line,
            column: wrong.column,
            words: wrong.words,
        }
    }

    fn of(place: Place, words: impl Into<String>) -> Self {
        Self {
            place,
            line: 1,
            column: 1,
            words: words.into(),
        }
    }
}

/// What became of a record.
#[derive(Clone, PartialEq, Eq, Debug)]
#[must_use]
pub enum Mapped {
    /// This.
    Record(UserRecord),
    /// The filter leaves it out: its words.
    FilteredOut(String),
    /// It cannot be used: why, in a sentence.
    Refused(String),
}

/// What one rule did with one record.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Effect {
    /// The attribute has this value now.
    Made(String),
    /// The attribute has no value now.
    Emptied,
    /// The rule did not apply: why.
    Passed(&'static str),
    /// The rule failed, and the record is refused: why.
    Failed(String),
}

/// A mapping that was checked.
#[derive(Clone, Debug)]
pub struct Compiled {
    filter: Option<(Node, String)>,
    groups: Option<(Node, String)>,
    rules: Vec<ReadyRule>,
}

#[derive(Clone, Debug)]
struct ReadyRule {
    attribute: String,
    when: When,
    how: ReadyHow,
}

#[derive(Clone, Debug)]
enum ReadyHow {
    Expression(Node),
    Patterns(Vec<patterns::Ready>),
}

impl Mapping {
    /// Whether it does nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.filter.is_none() && self.groups.is_none() && self.rules.is_empty()
    }

    /// A short digest of what it does; tests do nothing. A mapping that does nothing has an empty one.
    #[must_use]
    pub fn identity(&self) -> String {
        if self.is_empty() {
            return String::new();
        }
        let acting = Self {
            tests: Vec::new(),
            ..self.clone()
        };
        let written = serde_json::to_vec(&acting).unwrap_or_default();
        let digest = Sha256::digest(&written);
        digest
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// Reads everything.
    ///
    /// # Errors
    /// What is wrong, in the order of the parts.
    pub fn check(&self) -> Result<Compiled, Vec<PlacedError>> {
        let mut wrong = Vec::new();
        if self.rules.len() > MOST_RULES {
            let words = format!("There are more than {MOST_RULES} rules.");
            return Err(vec![PlacedError::of(Place::Whole, words)]);
        }
        if self.tests.len() > MOST_TESTS {
            let words = format!("There are more than {MOST_TESTS} tests.");
            return Err(vec![PlacedError::of(Place::Whole, words)]);
        }
        let mut condition = |written: &Option<Expression>, place, about| {
            let text = &written.as_ref()?.0;
            match expression::read(text, about) {
                Ok(node) => Some((node, shortened(text))),
                Err(error) => {
                    wrong.push(PlacedError::at(place, error));
                    None
                }
            }
        };
        let filter = condition(&self.filter, Place::Filter, About::Person);
        let groups = condition(&self.groups, Place::Groups, About::Group);
        let mut rules = Vec::with_capacity(self.rules.len());
        for (number, rule) in self.rules.iter().enumerate() {
            if let Err(words) = check_attribute(&rule.attribute) {
                wrong.push(PlacedError::of(Place::Attribute(number), words));
            }
            match ready(&rule.how) {
                Ok(how) => rules.push(ReadyRule {
                    attribute: rule.attribute.clone(),
                    when: rule.when,
                    how,
                }),
                Err(error) => wrong.push(PlacedError::at(Place::Rule(number), error)),
            }
        }
        for (number, test) in self.tests.iter().enumerate() {
            if let Err(words) = test.check() {
                wrong.push(PlacedError::of(Place::Test(number), words));
            }
        }
        if wrong.is_empty() {
            Ok(Compiled {
                filter,
                groups,
                rules,
            })
        } else {
            Err(wrong)
        }
    }
}

fn ready(how: &How) -> Result<ReadyHow, Wrong> {
    match how {
        How::Expression(text) => expression::read(&text.0, About::Person).map(ReadyHow::Expression),
        How::Patterns(patterns) => {
            let on = |line: usize, words: String| Wrong {
                line: line + 1,
                column: 1,
                words,
            };
            if patterns.is_empty() {
                return Err(on(0, "A pattern is needed here.".to_owned()));
            }
            if patterns.len() > patterns::MOST_PATTERNS {
                let words = format!("There are more than {} patterns.", patterns::MOST_PATTERNS);
                return Err(on(patterns::MOST_PATTERNS, words));
            }
            let ready: Result<Vec<_>, Wrong> = patterns
                .iter()
                .enumerate()
                .map(|(line, pattern)| {
                    patterns::Ready::of(pattern).map_err(|words| on(line, words))
                })
                .collect();
            ready.map(ReadyHow::Patterns)
        }
    }
}

fn check_attribute(name: &str) -> Result<(), String> {
    let mut letters = name.chars();
    let begins = letters
        .next()
        .is_some_and(|letter| letter.is_ascii_lowercase());
    let goes_on = letters
        .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
    if begins && goes_on && name.len() <= 64 {
        Ok(())
    } else {
        Err("An attribute's name has small letters, digits and “_”, 64 at most.".to_owned())
    }
}

fn shortened(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= LONGEST_WORDS {
        return line;
    }
    let cut: String = line.chars().take(LONGEST_WORDS).collect();
    format!("{cut}…")
}

impl Compiled {
    /// Whether any rule asks for what the account has here.
    #[must_use]
    pub fn asks_for_known(&self) -> bool {
        self.rules.iter().any(|rule| rule.when == When::OnCreate)
    }

    /// The source's attributes that it looks at, in lower case.
    #[must_use]
    pub fn asked(&self) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        if let Some((filter, _)) = &self.filter {
            filter.asked(&mut names);
        }
        for rule in &self.rules {
            match &rule.how {
                ReadyHow::Expression(node) => node.asked(&mut names),
                ReadyHow::Patterns(patterns) => {
                    names.extend(patterns.iter().map(|one| one.attribute().to_owned()));
                }
            }
        }
        names
    }

    /// What becomes of a person's record, as if they were new. `default` is the record by the source's own mapping.
    pub fn apply(
        &self,
        external_id: &ExternalId,
        source: &SourceValues,
        default: UserRecord,
    ) -> Mapped {
        self.apply_to(external_id, source, default, None, &mut |_, _| {})
    }

    /// The same for somebody whose account here has these attributes; `told` hears what each rule did.
    pub fn apply_to(
        &self,
        external_id: &ExternalId,
        source: &SourceValues,
        default: UserRecord,
        known: Option<&Attributes>,
        told: &mut dyn FnMut(usize, &Effect),
    ) -> Mapped {
        let mut meter = Meter::full();
        let mut record = default;
        record.external_id.clone_from(external_id);
        if let Some((filter, words)) = &self.filter {
            let given = Given::Person {
                source,
                record: &record,
            };
            match truth(Evaluation::of(filter, given, &mut meter)) {
                Ok(true) => {}
                Ok(false) => return Mapped::FilteredOut(words.clone()),
                Err(why) => return Mapped::Refused(format!("The filter fails on it. {why}")),
            }
        }
        for (number, rule) in self.rules.iter().enumerate() {
            let effect = rule.effect(source, &mut record, known, &mut meter);
            told(number, &effect);
            if let Effect::Failed(why) = effect {
                let attribute = &rule.attribute;
                return Mapped::Refused(format!("The rule for “{attribute}” fails on it. {why}"));
            }
        }
        Mapped::Record(record)
    }

    /// Whether a rule says who may come in. Otherwise the source alone does.
    #[must_use]
    pub fn admits(&self) -> bool {
        self.rules.iter().any(|rule| rule.attribute == "active")
    }

    /// Whether the person of a record that is refused may come in: that counts even then. Rules that fail say nothing; where
    /// none can say it, the source's own word holds.
    #[must_use]
    pub fn admitted(
        &self,
        source: &SourceValues,
        default: UserRecord,
        known: Option<&Attributes>,
    ) -> bool {
        let (mut meter, mut record) = (Meter::full(), default);
        for rule in &self.rules {
            let _ = rule.effect(source, &mut record, known, &mut meter);
        }
        record.active
    }

    /// Whether a group comes here.
    ///
    /// # Errors
    /// The filter's words when it does not; or why that cannot be said.
    pub fn group(&self, external_id: &ExternalId, name: &str) -> Result<(), LeftOut> {
        let Some((filter, words)) = &self.groups else {
            return Ok(());
        };
        let given = Given::Group {
            external_id: &external_id.0,
            name,
        };
        match truth(Evaluation::of(filter, given, &mut Meter::full())) {
            Ok(true) => Ok(()),
            Ok(false) => Err(LeftOut::Filtered(words.clone())),
            Err(why) => Err(LeftOut::Refused(format!(
                "The filter on groups fails on it. {why}"
            ))),
        }
    }
}

/// Why a group does not come here.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LeftOut {
    /// By the filter: its words.
    Filtered(String),
    /// Nobody can say.
    Refused(String),
}

fn truth(made: Result<Value, Fault>) -> Result<bool, String> {
    match made {
        Ok(Value::Bool(value)) => Ok(value),
        Ok(other) => Err(format!("It gives {}, not true or false.", other.noun())),
        Err(fault) => Err(fault.words()),
    }
}

#[cfg(test)]
mod tests;
