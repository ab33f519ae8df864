//! Tests that are kept with a mapping: a record, and what must come out.

use serde::{Deserialize, Serialize};

use super::{Compiled, Mapped};
use crate::record::{Attributes, ExternalId, SourceValues, UserRecord};

/// Longest name of a test, in characters.
const LONGEST_NAME: usize = 100;
/// Most that a test may hold, in bytes.
const LARGEST: usize = 16 * 1024;

/// A test of a mapping.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MappingTest {
    /// What it is about.
    pub name: String,
    /// What the source says.
    pub source: SourceValues,
    /// The record by the source's own mapping.
    #[serde(default)]
    pub record: Attributes,
    /// What must come out.
    pub expected: Expected,
}

/// What must come out.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expected {
    /// A record with these attributes, among others; an empty value: no such attribute. `active` counts as one.
    Values(Attributes),
    /// The filter leaves it out.
    FilteredOut,
    /// It is refused.
    Refused,
}

/// What a test showed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Tested {
    /// Whether it holds.
    pub holds: bool,
    /// What came out instead, in a sentence; empty if it holds.
    pub words: String,
}

impl Expected {
    /// What shall come out, at the head of a sentence.
    const fn words(&self) -> &'static str {
        match self {
            Self::Values(_) => "A record",
            Self::FilteredOut => "To be left out",
            Self::Refused => "A refusal",
        }
    }
}

impl MappingTest {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.name.trim().is_empty() || self.name.chars().count() > LONGEST_NAME {
            return Err(format!(
                "A test needs a name of {LONGEST_NAME} characters at most."
            ));
        }
        let source: usize = self
            .source
            .iter()
            .map(|(name, values)| name.len() + values.iter().map(String::len).sum::<usize>())
            .sum();
        let record: usize = self
            .record
            .iter()
            .map(|(name, value)| name.len() + value.len())
            .sum();
        if source + record > LARGEST {
            return Err(format!("A test holds {LARGEST} bytes at most."));
        }
        Ok(())
    }

    /// Tries it.
    #[must_use]
    pub fn run(&self, mapping: &Compiled) -> Tested {
        let id = ExternalId("test".to_owned());
        let default = UserRecord {
            external_id: id.clone(),
            attributes: self.record.clone(),
            active: true,
        };
        match (&self.expected, mapping.apply(&id, &self.source, default)) {
            (Expected::Values(wanted), Mapped::Record(record)) => compare(wanted, &record),
            (Expected::FilteredOut, Mapped::FilteredOut(_))
            | (Expected::Refused, Mapped::Refused(_)) => Tested {
                holds: true,
                words: String::new(),
            },
            (_, Mapped::Record(_)) => fails(format!(
                "{} was expected, and a record came out.",
                self.expected.words()
            )),
            (_, Mapped::FilteredOut(_)) => fails(format!(
                "{} was expected, and the filter left it out.",
                self.expected.words()
            )),
            (_, Mapped::Refused(why)) => fails(format!(
                "{} was expected, and it was refused. {why}",
                self.expected.words()
            )),
        }
    }
}

const fn fails(words: String) -> Tested {
    Tested {
        holds: false,
        words,
    }
}

fn compare(wanted: &Attributes, record: &UserRecord) -> Tested {
    let mut differences = Vec::new();
    for (name, wanted) in wanted {
        let active = record.active.to_string();
        let got = match name.as_str() {
            "active" => active.as_str(),
            name => record
                .attributes
                .get(name)
                .map(String::as_str)
                .unwrap_or_default(),
        };
        if got != wanted {
            let shown = |value: &str| {
                if value.is_empty() {
                    "nothing".to_owned()
                } else {
                    format!("“{value}”")
                }
            };
            differences.push(format!(
                "{name} was expected to be {}, and is {}.",
                shown(wanted),
                shown(got)
            ));
        }
    }
    Tested {
        holds: differences.is_empty(),
        words: differences.join(" "),
    }
}
