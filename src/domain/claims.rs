//! What a provider says about a person: a JSON object, read by dotted path, redacted before it is kept.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The claims of one answer, ID token and userinfo merged (ID token wins).
#[derive(Clone, PartialEq, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Claims(pub Map<String, Value>);

impl Claims {
    /// The value at a claim's name, or at a dotted path such as `realm_access.roles`.
    /// A claim whose own name contains dots (a URL, for example) is found by its whole name first.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Value> {
        if let Some(found) = self.0.get(path) {
            return Some(found);
        }
        let mut parts = path.split('.');
        let mut value = self.0.get(parts.next()?)?;
        for part in parts {
            value = value.get(part)?;
        }
        Some(value)
    }

    /// A text claim, trimmed; empty counts as absent.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.get(path)?
            .as_str()
            .map(str::trim)
            .filter(|text| !text.is_empty())
    }

    /// A list of texts: a JSON array, or one text as a list of one. Other members are passed over.
    #[must_use]
    pub fn texts(&self, path: &str) -> Vec<String> {
        match self.get(path) {
            Some(Value::Array(items)) => items
                .iter()
                .filter_map(Value::as_str)
                .map(str::trim)
                .filter(|t| !t.is_empty())
                .map(str::to_owned)
                .collect(),
            Some(Value::String(one)) if !one.trim().is_empty() => vec![one.trim().to_owned()],
            _ => Vec::new(),
        }
    }

    /// A truth value: `true`, or the text "true" in any case (some providers send text). Absent or other: false.
    #[must_use]
    pub fn is_true(&self, path: &str) -> bool {
        match self.get(path) {
            Some(Value::Bool(value)) => *value,
            Some(Value::String(text)) => text.eq_ignore_ascii_case("true"),
            _ => false,
        }
    }

    /// A copy fit to keep: one-time values and hashes are dropped, long values cut at 300 characters, lists at 200 entries.
    #[must_use]
    pub fn redacted(&self) -> Self {
        const NEVER_KEPT: [&str; 8] = [
            "nonce", "at_hash", "c_hash", "s_hash", "jti", "sid", "uti", "rh",
        ];
        Self(
            self.0
                .iter()
                .filter(|(name, _)| !NEVER_KEPT.contains(&name.as_str()))
                .map(|(name, value)| (name.clone(), shorten(value, 0)))
                .collect(),
        )
    }
}

fn shorten(value: &Value, depth: usize) -> Value {
    match value {
        Value::String(text) if text.chars().count() > 300 => {
            Value::String(text.chars().take(300).chain(['…']).collect())
        }
        Value::Array(_) | Value::Object(_) if depth > 4 => Value::String("…".to_owned()),
        Value::Array(items) => Value::Array(
            items
                .iter()
                .take(200)
                .map(|item| shorten(item, depth + 1))
                .collect(),
        ),
        Value::Object(map) => Value::Object(
            map.iter()
                .take(200)
                .map(|(k, v)| (k.clone(), shorten(v, depth + 1)))
                .collect(),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(value: Value) -> Claims {
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn a_dotted_path_and_a_dotted_name_are_both_found() {
        let c = claims(
            serde_json::json!({"realm_access": {"roles": ["a"]}, "https://x.example/groups": ["b"]}),
        );
        assert_eq!(c.texts("realm_access.roles"), ["a"]);
        assert_eq!(c.texts("https://x.example/groups"), ["b"]);
    }

    #[test]
    fn o75_the_text_false_is_not_true() {
        let c = claims(serde_json::json!({"a": "false", "b": "True", "c": 1, "d": true}));
        assert_eq!(
            [
                c.is_true("a"),
                c.is_true("b"),
                c.is_true("c"),
                c.is_true("d")
            ],
            [false, true, false, true]
        );
    }

    #[test]
    fn a_kept_copy_has_no_one_time_values() {
        let c = claims(serde_json::json!({"nonce": "n", "sub": "s", "long": "x".repeat(400)}))
            .redacted();
        assert!(c.get("nonce").is_none());
        assert_eq!(c.text("long").unwrap().chars().count(), 301);
    }
}
