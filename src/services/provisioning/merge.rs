//! One person out of several accounts: for each attribute the first directory that states it wins.

use std::collections::BTreeMap;

use muster_domain::id::DirectoryId;
use muster_domain::record::Attributes;

/// One attribute of a person, with where it is from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Merged {
    /// The value that counts.
    pub value: String,
    /// The directory it is from.
    pub from: DirectoryId,
    /// What directories further down the order state instead.
    pub overruled: Vec<(DirectoryId, String)>,
}

/// Merges accounts given in directory order. Empty values state nothing.
#[must_use]
pub fn merge<'a>(
    accounts: impl IntoIterator<Item = (DirectoryId, &'a Attributes)>,
) -> BTreeMap<String, Merged> {
    let mut merged: BTreeMap<String, Merged> = BTreeMap::new();
    for (directory, attributes) in accounts {
        for (name, value) in attributes
            .iter()
            .filter(|(_, value)| !value.trim().is_empty())
        {
            match merged.get_mut(name) {
                Some(won) => won.overruled.push((directory, value.clone())),
                None => {
                    let won = Merged {
                        value: value.clone(),
                        from: directory,
                        overruled: Vec::new(),
                    };
                    merged.insert(name.clone(), won);
                }
            }
        }
    }
    merged
}

/// The name people read, made of what is known.
#[must_use]
pub fn display_name(merged: &BTreeMap<String, Merged>) -> String {
    let get = |name: &str| {
        merged
            .get(name)
            .map(|merged| merged.value.trim().to_owned())
    };
    get("display_name")
        .or_else(|| match (get("given_name"), get("family_name")) {
            (Some(given), Some(family)) => Some(format!("{given} {family}")),
            (one, None) | (None, one) => one,
        })
        .or_else(|| get("username"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn attributes(pairs: &[(&str, &str)]) -> Attributes {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_first_directory_that_states_an_attribute_wins_and_the_others_are_remembered() {
        let (first, second) = (
            DirectoryId(Uuid::from_u128(1)),
            DirectoryId(Uuid::from_u128(2)),
        );
        let a = attributes(&[("email", " "), ("city", "Kraków")]);
        let b = attributes(&[("email", "b@x.example"), ("city", "Łódź")]);
        let merged = merge([(first, &a), (second, &b)]);
        assert_eq!(merged["email"].value, "b@x.example");
        assert_eq!(merged["email"].from, second);
        assert_eq!(merged["city"].from, first);
        assert_eq!(merged["city"].overruled, [(second, "Łódź".to_owned())]);
    }

    #[test]
    fn a_person_without_a_name_is_called_by_what_is_known() {
        let directory = DirectoryId(Uuid::from_u128(1));
        let name = |pairs: &[(&str, &str)]| display_name(&merge([(directory, &attributes(pairs))]));
        assert_eq!(
            name(&[("given_name", "Ada"), ("family_name", "L")]),
            "Ada L"
        );
        assert_eq!(name(&[("family_name", "L"), ("username", "ada")]), "L");
        assert_eq!(name(&[("username", "ada")]), "ada");
    }
}
