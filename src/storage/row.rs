//! Between columns and types: instants as milliseconds, values as JSON text, enums as their stable words.

use chrono::{DateTime, Utc};
use muster_domain::Error;
use muster_domain::opener::Openers;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::unreadable;

/// An instant as its column: milliseconds since 1970.
pub(crate) const fn millis(at: DateTime<Utc>) -> i64 {
    at.timestamp_millis()
}

/// An instant from its column.
pub(crate) fn instant(millis: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(millis).unwrap_or_default()
}

/// A value as JSON text.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, Error> {
    serde_json::to_string(value).map_err(|error| unreadable("json", error))
}

/// A value from JSON text.
pub(crate) fn from_json<T: DeserializeOwned>(table: &str, text: &str) -> Result<T, Error> {
    serde_json::from_str(text).map_err(|error| unreadable(table, error))
}

/// An optional value from JSON text.
pub(crate) fn from_json_option<T: DeserializeOwned>(
    table: &str,
    text: Option<&str>,
) -> Result<Option<T>, Error> {
    text.map(|text| from_json(table, text)).transpose()
}

/// Openers as their column: a list of ids as JSON, null where there are none.
pub(crate) fn openers(openers: &Openers) -> Result<Option<String>, Error> {
    (!openers.is_nobody()).then(|| json(openers)).transpose()
}

/// Openers from their column.
pub(crate) fn from_openers(table: &str, text: Option<&str>) -> Result<Openers, Error> {
    Ok(from_json_option(table, text)?.unwrap_or_default())
}

/// An enum without fields as the word serde knows it by.
pub(crate) fn word<T: Serialize>(value: T) -> Result<String, Error> {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        other => Err(unreadable("word", format!("{other:?}"))),
    }
}

/// An enum without fields from its word.
pub(crate) fn from_word<T: DeserializeOwned>(table: &str, word: &str) -> Result<T, Error> {
    serde_json::from_value(serde_json::Value::String(word.to_owned()))
        .map_err(|error| unreadable(table, error))
}

/// A count as the database gives it.
pub(crate) fn count(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}
