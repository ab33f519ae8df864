//! How a directory and what is here of it differ, sorted by where the difference came to be. A difference is a step that
//! would repair it, so its sort follows from the step's kind and cause alone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::plan::Counts;

/// Where a difference came to be.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// The source, or what our mapping makes of it, changed.
    There,
    /// It was changed here.
    Here,
    /// Something of the same person or group changed on both sides.
    Both,
    /// The source alone has it.
    New,
    /// It is here alone: the source no longer has it, or a filter leaves it out.
    Orphan,
    /// Somebody with power here whom the source does not govern.
    Shadow,
}

/// The kind of rows that say what is not done.
const REFUSED: &str = "refusal";
/// The reason of those that are not done because their subject is protected.
const PROTECTED: &str = "protected";
/// The word of the cause that puts back what was changed here.
const REPAIRED: &str = "drift_repaired";

impl Class {
    /// Every class, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::There,
        Self::Here,
        Self::Both,
        Self::New,
        Self::Orphan,
        Self::Shadow,
    ];

    /// The stable word in addresses.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::There => "there",
            Self::Here => "here",
            Self::Both => "both",
            Self::New => "new",
            Self::Orphan => "orphan",
            Self::Shadow => "shadow",
        }
    }

    /// The class of this word.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.key() == key)
    }

    /// What people read on its chip.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::There => "Changed there",
            Self::Here => "Changed here",
            Self::Both => "Changed on both sides",
            Self::New => "Only there",
            Self::Orphan => "Only here",
            Self::Shadow => "Power here alone",
        }
    }

    /// What it means, in a sentence.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::There => "The source, or our mapping of it, says something else than it did.",
            Self::Here => "It was changed here; a repair puts it back to what the source states.",
            Self::Both => "Something of the same person changed at the source and here.",
            Self::New => "The source has it and it is not here yet.",
            Self::Orphan => {
                "It is here and the source no longer has it, or a filter leaves it out."
            }
            Self::Shadow => {
                "The source states something about somebody who is protected here: a repair leaves them alone."
            }
        }
    }

    /// The class of rows of this kind and cause. None: what is not done for another reason than protection, which is no
    /// difference of its own. [`Self::Both`] is never the answer: it takes two rows.
    #[must_use]
    pub fn of(kind: &str, cause: &str) -> Option<Self> {
        match (kind, cause) {
            (REFUSED, PROTECTED) => Some(Self::Shadow),
            (REFUSED, _) => None,
            (_, REPAIRED | "by_hand") => Some(Self::Here),
            (_, "new_at_source") => Some(Self::New),
            (_, "gone_from_source" | "filtered_out") => Some(Self::Orphan),
            _ => Some(Self::There),
        }
    }

    /// The kinds of rows with their causes that are of this class, out of those that a plan holds.
    #[must_use]
    pub fn sorts(self, counts: &Counts) -> Vec<(String, String)> {
        all_sorts(counts)
            .filter(|(kind, cause, _)| match self {
                Self::Both => {
                    matches!(Self::of(kind, cause), Some(Self::There | Self::Here))
                }
                class => Self::of(kind, cause) == Some(class),
            })
            .map(|(kind, cause, _)| (kind.to_owned(), cause.to_owned()))
            .collect()
    }

    /// The causes of this class, out of those that a plan holds.
    #[must_use]
    pub fn causes(self, counts: &Counts) -> Vec<String> {
        let mut causes: Vec<String> = self
            .sorts(counts)
            .into_iter()
            .map(|(_, cause)| cause)
            .collect();
        causes.sort_unstable();
        causes.dedup();
        causes
    }
}

fn all_sorts(counts: &Counts) -> impl Iterator<Item = (&str, &str, u64)> {
    let steps = counts.steps.iter().flat_map(|(kind, causes)| {
        causes
            .iter()
            .map(move |(cause, count)| (kind.as_str(), cause.as_str(), *count))
    });
    let refusals = counts
        .refusals
        .iter()
        .map(|(reason, count)| (REFUSED, reason.as_str(), *count));
    steps.chain(refusals)
}

/// How many rows of each class a plan holds; [`Class::Both`] is not told by counts.
#[must_use]
pub fn count(counts: &Counts) -> BTreeMap<Class, u64> {
    let mut found = BTreeMap::new();
    for (kind, cause, count) in all_sorts(counts) {
        if let Some(class) = Class::of(kind, cause) {
            *found.entry(class).or_default() += count;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::change::Cause;
    use crate::plan::stored::KINDS;

    fn counts() -> Counts {
        let mut counts = Counts::default();
        for (kind, cause, count) in [
            ("update_account", "changed_at_source", 4),
            ("update_account", "drift_repaired", 2),
            ("create_user", "new_at_source", 3),
            ("deactivate", "gone_from_source", 5),
            ("remove_member", "filtered_out", 1),
        ] {
            counts
                .steps
                .entry(kind.to_owned())
                .or_default()
                .insert(cause.to_owned(), count);
        }
        counts.refusals.insert("protected".to_owned(), 2);
        counts.refusals.insert("name_taken".to_owned(), 9);
        counts
    }

    #[test]
    fn every_step_has_one_class_and_no_difference_is_counted_twice() {
        let counts = counts();
        let found = count(&counts);
        assert_eq!(
            found,
            [
                (Class::There, 4),
                (Class::Here, 2),
                (Class::New, 3),
                (Class::Orphan, 6),
                (Class::Shadow, 2)
            ]
            .into()
        );
        let steps: u64 = found
            .iter()
            .filter(|(class, _)| **class != Class::Shadow)
            .map(|(_, count)| count)
            .sum();
        assert_eq!(steps, counts.all());
    }

    #[test]
    fn a_class_leads_to_the_rows_it_counts() {
        let counts = counts();
        for (class, many) in count(&counts) {
            let sum: u64 = class
                .sorts(&counts)
                .iter()
                .map(|(kind, cause)| {
                    let of_kind = counts.steps.get(kind).and_then(|causes| causes.get(cause));
                    *of_kind.or_else(|| counts.refusals.get(cause)).unwrap()
                })
                .sum();
            assert_eq!(sum, many, "{class:?}");
        }
        assert_eq!(
            Class::Both.causes(&counts),
            ["changed_at_source", "drift_repaired"]
        );
    }

    #[test]
    fn every_cause_of_a_step_belongs_somewhere() {
        let causes = [
            Cause::NewAtSource,
            Cause::ChangedAtSource,
            Cause::GoneFromSource,
            Cause::FilteredOut(String::new()),
            Cause::MappingChanged,
            Cause::DisabledAtSource,
            Cause::BackAtSource,
            Cause::DriftRepaired,
            Cause::HandedOver,
            Cause::Differs,
            Cause::Undone,
            Cause::Rule(String::new()),
            Cause::ByHand,
        ];
        for (kind, _) in KINDS {
            for cause in &causes {
                let class = Class::of(kind, cause.word()).unwrap();
                assert!(!matches!(class, Class::Both | Class::Shadow));
            }
        }
        for class in Class::ALL {
            assert_eq!(Class::from_key(class.key()), Some(class));
        }
    }
}
