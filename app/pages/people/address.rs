//! The address of a list: what is searched, filtered, sorted and which page is shown. Everything stands in the query,
//! so that a list can be sent to a colleague.

use muster_domain::listing::{At, Cursor, Direction, Page};
use url::form_urlencoded::Serializer;

use crate::components::{Column, Sorted};

/// A query as it arrives.
pub type Pairs = Vec<(String, String)>;

/// Parameters that say which page; every change of filter or order forgets them.
const PLACE: [&str; 4] = ["after", "before", "page", "pos"];

/// A list's own address.
#[derive(Clone, Debug)]
pub struct ListAddress {
    path: String,
    pairs: Pairs,
}

/// Addresses of the neighbours of a page.
#[derive(Clone, Debug, Default)]
pub struct Neighbours {
    /// First row shown, counted from 1; 0 without rows.
    pub from: u64,
    /// Last row shown.
    pub to: u64,
    /// The first page, unless it is shown.
    pub first: Option<String>,
    /// The page before.
    pub previous: Option<String>,
    /// The page after.
    pub next: Option<String>,
    /// The last page, unless it is shown.
    pub last: Option<String>,
}

impl ListAddress {
    /// Reads the known parameters of a query; empty ones and those that are repeated or unknown are left out.
    #[must_use]
    pub fn new(path: impl Into<String>, asked: Pairs, known: &[&str]) -> Self {
        let mut pairs: Pairs = Vec::new();
        for (key, value) in asked {
            let wanted = known.contains(&key.as_str())
                || PLACE.contains(&key.as_str())
                || key == "sort"
                || key == "dir";
            let value = value.trim();
            if wanted && !value.is_empty() && pairs.iter().all(|(seen, _)| *seen != key) {
                pairs.push((key, value.to_owned()));
            }
        }
        Self {
            path: path.into(),
            pairs,
        }
    }

    /// The value of a parameter.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.pairs
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, value)| value.as_str())
    }

    /// The first page with this parameter set to another value.
    #[must_use]
    pub fn with(&self, key: &str, value: &str) -> String {
        self.written(&[(key, value)], &[])
    }

    /// The first page without this parameter.
    #[must_use]
    pub fn without(&self, key: &str) -> String {
        self.written(&[], &[key])
    }

    /// Where the list is, without any parameter.
    #[must_use]
    pub fn without_all(&self) -> &str {
        &self.path
    }

    /// The parameters that filter, without order and page.
    #[must_use]
    pub fn filters(&self) -> Pairs {
        self.pairs
            .iter()
            .filter(|(key, _)| !PLACE.contains(&key.as_str()) && key != "sort" && key != "dir")
            .cloned()
            .collect()
    }

    /// Whether anything is searched or filtered.
    #[must_use]
    pub fn is_filtered(&self) -> bool {
        !self.filters().is_empty()
    }

    /// Parameters a search form sends along unseen.
    #[must_use]
    pub fn kept(&self, keys: &[&str]) -> Pairs {
        self.pairs
            .iter()
            .filter(|(key, _)| keys.contains(&key.as_str()))
            .cloned()
            .collect()
    }

    /// Which page is asked for.
    #[must_use]
    pub fn at(&self) -> At {
        let cursor = |key| self.get(key).and_then(Cursor::decode);
        match (cursor("after"), cursor("before"), self.get("page")) {
            (Some(cursor), ..) => At::After(cursor),
            (None, Some(cursor), _) => At::Before(cursor),
            (None, None, Some("last")) => At::Last,
            _ => At::First,
        }
    }

    /// How many rows stand before the place asked for.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.get("pos")
            .and_then(|text| text.parse().ok())
            .unwrap_or_default()
    }

    /// In which direction the list is sorted.
    #[must_use]
    pub fn direction(&self) -> Direction {
        if self.get("dir") == Some("desc") {
            Direction::Desc
        } else {
            Direction::Asc
        }
    }

    /// The neighbours of a page of this list.
    #[must_use]
    pub fn neighbours<T>(&self, page: &Page<T>) -> Neighbours {
        let shown = page.rows.len() as u64;
        let at = |key: &str, cursor: &Cursor, position: u64| {
            self.written(
                &[(key, &cursor.encode()), ("pos", &position.to_string())],
                &[],
            )
        };
        Neighbours {
            from: if shown == 0 { 0 } else { page.before + 1 },
            to: page.before + shown,
            first: page.previous.as_ref().map(|_| self.written(&[], &[])),
            previous: page
                .previous
                .as_ref()
                .map(|cursor| at("before", cursor, page.before)),
            next: page
                .next
                .as_ref()
                .map(|cursor| at("after", cursor, page.before + shown)),
            last: page
                .next
                .as_ref()
                .map(|_| self.written(&[("page", "last")], &[])),
        }
    }

    /// The heading of a column that sorts by `key`; `default` is the key that counts when none is given.
    #[must_use]
    pub fn column(&self, label: &str, key: &str, default: &str) -> Column {
        let is_sorted = self.get("sort").unwrap_or(default) == key;
        let (now, next) = match (is_sorted, self.direction()) {
            (true, Direction::Asc) => (Sorted::Ascending, "desc"),
            (true, Direction::Desc) => (Sorted::Descending, "asc"),
            (false, _) => (Sorted::Not, "asc"),
        };
        Column::new(label).sorted(now, self.written(&[("sort", key), ("dir", next)], &[]))
    }

    fn written(&self, set: &[(&str, &str)], unset: &[&str]) -> String {
        let mut query = Serializer::new(String::new());
        for (key, value) in &self.pairs {
            let replaced = set.iter().any(|(other, _)| other == key);
            if !replaced && !unset.contains(&key.as_str()) && !PLACE.contains(&key.as_str()) {
                query.append_pair(key, value);
            }
        }
        query.extend_pairs(set);
        let query = query.finish();
        if query.is_empty() {
            self.path.clone()
        } else {
            format!("{}?{query}", self.path)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(query: &[(&str, &str)]) -> ListAddress {
        let pairs = query
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        ListAddress::new("/users", pairs, &["q", "state"])
    }

    #[test]
    fn a_changed_filter_begins_at_the_first_page_and_keeps_the_order() {
        let address = address(&[
            ("q", "ada & co"),
            ("sort", "email"),
            ("after", "x"),
            ("pos", "50"),
            ("evil", "1"),
        ]);
        assert_eq!(
            address.with("state", "active"),
            "/users?q=ada+%26+co&sort=email&state=active"
        );
        assert_eq!(address.without("q"), "/users?sort=email");
    }

    #[test]
    fn a_cursor_that_cannot_be_read_leads_to_the_first_page() {
        assert_eq!(address(&[("after", "!!")]).at(), At::First);
        assert_eq!(address(&[("page", "last")]).at(), At::Last);
    }

    #[test]
    fn a_second_press_on_a_heading_turns_the_order_around() {
        let once = address(&[("sort", "email")]).column("E-mail", "email", "name");
        assert_eq!(
            once.sort.map(|sort| sort.href),
            Some("/users?sort=email&dir=desc".to_owned())
        );
        let other = address(&[("sort", "email"), ("dir", "desc")]).column("Name", "name", "name");
        assert_eq!(
            other.sort.map(|sort| sort.href),
            Some("/users?sort=name&dir=asc".to_owned())
        );
    }
}
