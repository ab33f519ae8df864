//! Where the file and this installation differ, value by value.

use std::collections::BTreeMap;

use muster_domain::name;
use serde::Serialize;
use serde_json::json;

use super::Difference;

pub(super) fn compare(
    path: &str,
    here: Option<&str>,
    wanted: Option<&str>,
    into: &mut Vec<Difference>,
) {
    if here != wanted {
        into.push(Difference {
            path: path.to_owned(),
            here: here.map(str::to_owned),
            wanted: wanted.map(str::to_owned),
        });
    }
}

pub(super) fn compare_lists(
    path: &str,
    here: &[String],
    wanted: &[String],
    into: &mut Vec<Difference>,
) {
    for name in wanted
        .iter()
        .filter(|name| !here.iter().any(|h| name::key(h) == name::key(name)))
    {
        compare(&format!("{path}.{name}"), None, Some("held"), into);
    }
    for name in here
        .iter()
        .filter(|name| !wanted.iter().any(|w| name::key(w) == name::key(name)))
    {
        compare(&format!("{path}.{name}"), Some("held"), None, into);
    }
}

/// Compares every value of two tables.
pub(super) fn compare_all(
    path: &str,
    here: &BTreeMap<String, String>,
    wanted: &BTreeMap<String, String>,
    into: &mut Vec<Difference>,
) {
    let keys: std::collections::BTreeSet<&String> = here.keys().chain(wanted.keys()).collect();
    for key in keys {
        compare(
            &format!("{path}.{key}"),
            here.get(key).map(String::as_str),
            wanted.get(key).map(String::as_str),
            into,
        );
    }
}

/// The values of a table, each by its path. What is empty is left out.
pub(super) fn flatten(table: &impl Serialize) -> BTreeMap<String, String> {
    fn walk(path: &str, value: &serde_json::Value, into: &mut BTreeMap<String, String>) {
        match value {
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    let path = if path.is_empty() {
                        key.clone()
                    } else {
                        format!("{path}.{key}")
                    };
                    walk(&path, value, into);
                }
            }
            serde_json::Value::String(text) if text.is_empty() => {}
            serde_json::Value::Array(items) if items.is_empty() => {}
            serde_json::Value::Null => {}
            serde_json::Value::String(text) => {
                into.insert(path.to_owned(), text.clone());
            }
            other => {
                into.insert(path.to_owned(), other.to_string());
            }
        }
    }
    let mut flat = BTreeMap::new();
    walk("", &json!(table), &mut flat);
    flat
}
