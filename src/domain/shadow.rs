//! A directory in shadow: it is read like any other, and nothing it says is carried out. It is set beside the active one
//! whose place it shall take, and takes it by one plan.
//!
//! What the two say of the same person or group is a row of that plan, so where they differ follows from the row's kind
//! and cause alone, as in [`crate::drift`].

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name;
use crate::plan::Counts;
use crate::record::Attributes;
use crate::settings::Values;

/// The setting of a directory that says whether it is in shadow.
pub const SETTING: &str = "shadow";

/// Whether the settings of a directory put it into the shadow.
#[must_use]
pub fn is_on(values: &Values) -> bool {
    values.get(SETTING).is_some_and(|value| value == "on")
}

/// Of the accounts that somebody has, those that say who they are, in the order in which they do: while one of a directory that
/// is not in shadow names them, those in shadow say nothing; otherwise these come last.
#[must_use]
pub fn leading<T>(
    all: Vec<T>,
    in_shadow: impl Fn(&T) -> bool,
    attributes: impl Fn(&T) -> &Attributes,
) -> Vec<T> {
    let (behind, mut front): (Vec<T>, Vec<T>) = all.into_iter().partition(in_shadow);
    let names = |one: &T| {
        let name = attributes(one).get("username");
        name.is_some_and(|name| !name.trim().is_empty())
    };
    if !front.iter().any(names) {
        front.extend(behind);
    }
    front
}

/// By what people of two directories are matched. Groups are matched by their names.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MatchKey {
    /// The username.
    #[default]
    Username,
    /// The e-mail address.
    Email,
}

impl MatchKey {
    /// Every key, the usual one first.
    pub const ALL: [Self; 2] = [Self::Username, Self::Email];

    /// The stable word in addresses, and the name of the attribute.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "email",
        }
    }

    /// The key of this word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|key| key.word() == word)
    }

    /// What people call it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Username => "username",
            Self::Email => "e-mail address",
        }
    }

    /// The value of somebody by which they are matched, as it is written.
    #[must_use]
    pub fn value(self, attributes: &Attributes) -> Option<&str> {
        let value = attributes.get(self.word())?.trim();
        (!value.is_empty()).then_some(value)
    }

    /// The same as it is compared: letters' case and composition do not count.
    #[must_use]
    pub fn compared(self, attributes: &Attributes) -> Option<String> {
        self.value(attributes).map(name::key)
    }
}

/// What is compared.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Of {
    /// People.
    People,
    /// Groups.
    Groups,
    /// Who is in which group.
    Memberships,
}

/// How the active directory and the one in shadow stand to each other in one row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Class {
    /// Both say the same.
    Same,
    /// Both have it and say something else of it.
    Differs,
    /// One of them lets somebody in whom the other keeps out.
    Access,
    /// Only the active one has it.
    OnlyActive,
    /// Only the one in shadow has it.
    OnlyShadow,
    /// It is protected, or nobody can tell whom the other means: it is left alone.
    LeftAlone,
}

/// The kind of rows that say what is not done.
const REFUSED: &str = "refusal";

impl Of {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::People, Self::Groups, Self::Memberships];

    /// The stable word in addresses.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::People => "people",
            Self::Groups => "groups",
            Self::Memberships => "memberships",
        }
    }

    /// What people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::People => "People",
            Self::Groups => "Groups",
            Self::Memberships => "Memberships",
        }
    }
}

impl Class {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::Same,
        Self::Differs,
        Self::Access,
        Self::OnlyActive,
        Self::OnlyShadow,
        Self::LeftAlone,
    ];

    /// The stable word in addresses.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Differs => "differs",
            Self::Access => "access",
            Self::OnlyActive => "only-active",
            Self::OnlyShadow => "only-shadow",
            Self::LeftAlone => "left-alone",
        }
    }

    /// What rows of this kind and cause are about, and how the two directories stand to each other in them. None: the row
    /// says nothing of that, such as the switch itself, or the second half of something that another row tells.
    #[must_use]
    pub fn of(kind: &str, cause: &str) -> Option<(Of, Self)> {
        Some(match (kind, cause) {
            (REFUSED, "stays" | "stays_off") => (Of::People, Self::OnlyActive),
            (REFUSED, "stays_out") => (Of::People, Self::Access),
            (REFUSED, _) => (Of::People, Self::LeftAlone),
            ("move_account", "handed_over") => (Of::People, Self::Same),
            ("move_account", _) => (Of::People, Self::Differs),
            ("deactivate", "gone_from_source" | "filtered_out") => (Of::People, Self::OnlyActive),
            ("deactivate" | "reactivate", _) => (Of::People, Self::Access),
            ("delete_user" | "remove_account", _) => (Of::People, Self::OnlyActive),
            ("create_user", _) => (Of::People, Self::OnlyShadow),
            ("link_group", "handed_over") => (Of::Groups, Self::Same),
            ("rename_group", _) => (Of::Groups, Self::Differs),
            ("unlink_group" | "delete_group", "gone_from_source" | "filtered_out") => {
                (Of::Groups, Self::OnlyActive)
            }
            ("create_group", _) => (Of::Groups, Self::OnlyShadow),
            ("move_members", _) => (Of::Memberships, Self::Same),
            ("remove_member", _) => (Of::Memberships, Self::OnlyActive),
            ("add_member", _) => (Of::Memberships, Self::OnlyShadow),
            _ => return None,
        })
    }
}

/// The kinds of rows with their causes that a plan holds, each with how many there are.
fn sorts(counts: &Counts) -> impl Iterator<Item = (&str, &str, u64)> {
    let steps = counts.steps.iter().flat_map(|(kind, causes)| {
        let causes = causes.iter();
        causes.map(move |(cause, many)| (kind.as_str(), cause.as_str(), *many))
    });
    let refusals = counts.refusals.iter();
    steps.chain(refusals.map(|(reason, many)| (REFUSED, reason.as_str(), *many)))
}

/// How many rows there are of each; of memberships that both have, in how many groups.
#[must_use]
pub fn count(counts: &Counts) -> BTreeMap<(Of, Class), u64> {
    let mut found = BTreeMap::new();
    for (kind, cause, many) in sorts(counts) {
        if let Some(place) = Class::of(kind, cause) {
            *found.entry(place).or_default() += many;
        }
    }
    found
}

/// The kinds of rows with their causes that belong here, out of those that a plan holds.
#[must_use]
pub fn sorts_of(counts: &Counts, of: Of, class: Class) -> Vec<(String, String)> {
    sorts(counts)
        .filter(|(kind, cause, _)| Class::of(kind, cause) == Some((of, class)))
        .map(|(kind, cause, _)| (kind.to_owned(), cause.to_owned()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_in_shadow_says_nothing_of_whom_another_one_names() {
        let of = |pairs: &[(&str, &str)]| -> Attributes {
            let pairs = pairs.iter();
            pairs
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect()
        };
        let (named, other) = (of(&[("username", "ada")]), of(&[("username", " ")]));
        let leads = |all: Vec<(char, bool, &Attributes)>| -> String {
            let all = leading(all, |one| one.1, |one| one.2);
            all.into_iter().map(|one| one.0).collect()
        };
        assert_eq!(leads(vec![('s', true, &named), ('a', false, &named)]), "a");
        assert_eq!(leads(vec![('s', true, &named), ('a', false, &other)]), "as");
        assert_eq!(leads(vec![('s', true, &named), ('t', true, &other)]), "st");
        assert_eq!(
            leads(vec![('a', false, &other), ('b', false, &named)]),
            "ab"
        );
    }

    #[test]
    fn people_are_matched_whatever_the_case_of_their_letters() {
        let of = |value: &str| Attributes::from([("email".to_owned(), value.to_owned())]);
        let compared = |value: &str| MatchKey::Email.compared(&of(value));
        assert_eq!(compared(" Ada@Example.ORG "), compared("ada@example.org"));
        assert_eq!(compared("  "), None, "what says nothing matches nobody");
        assert_eq!(MatchKey::Username.compared(&of("ada@example.org")), None);
        for key in MatchKey::ALL {
            assert_eq!(MatchKey::from_word(key.word()), Some(key));
        }
    }

    #[test]
    fn a_class_leads_to_the_rows_it_counts() {
        let mut counts = Counts::default();
        for (kind, cause, many) in [
            ("switch_directory", "rule", 1),
            ("move_account", "handed_over", 7),
            ("move_account", "differs", 3),
            ("deactivate", "gone_from_source", 2),
            ("deactivate", "disabled_at_source", 1),
            ("unlink_group", "handed_over", 4),
            ("link_group", "handed_over", 4),
            ("remove_member", "gone_from_source", 5),
        ] {
            let causes = counts.steps.entry(kind.to_owned()).or_default();
            causes.insert(cause.to_owned(), many);
        }
        counts.refusals.insert("protected".to_owned(), 2);
        let found = count(&counts);
        assert_eq!(found[&(Of::People, Class::Same)], 7);
        assert_eq!(found[&(Of::People, Class::Access)], 1);
        assert_eq!(found[&(Of::Groups, Class::Same)], 4, "a group counts once");
        assert_eq!(found[&(Of::People, Class::LeftAlone)], 2);
        for ((of, class), many) in found {
            let sum: u64 = sorts_of(&counts, of, class)
                .iter()
                .map(|(kind, cause)| match kind.as_str() {
                    REFUSED => counts.refusals[cause],
                    kind => counts.steps[kind][cause],
                })
                .sum();
            assert_eq!(sum, many, "{of:?} {class:?}");
        }
    }
}
