//! JSON in which every name occurs once.
//!
//! `{"sub":"admin","sub":"me"}` reads as one person to one program and as another to the next (O23), and
//! serde_json silently takes the last. Signed things are read here and refused instead.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Why a text is no acceptable JSON object.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum JsonFault {
    /// A name occurs twice in one object.
    Repeated,
    /// Not JSON, or not an object.
    Unreadable,
}

const REPEATED: &str = "a name occurs twice";

/// Reads an object, refusing repeated names at any depth.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, JsonFault> {
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = Once.deserialize(&mut reader).map_err(|error| {
        if error.to_string().starts_with(REPEATED) {
            JsonFault::Repeated
        } else {
            JsonFault::Unreadable
        }
    })?;
    reader.end().map_err(|_| JsonFault::Unreadable)?;
    match value {
        Value::Object(map) => Ok(map),
        _ => Err(JsonFault::Unreadable),
    }
}

struct Once;

impl<'de> DeserializeSeed<'de> for Once {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Once {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated names")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element_seed(Once)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = map.next_key::<String>()? {
            let value = map.next_value_seed(Once)?;
            if object.insert(name, value).is_some() {
                return Err(A::Error::custom(REPEATED));
            }
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn o23_a_name_twice_is_refused_at_any_depth() {
        for text in [
            r#"{"sub":"a","sub":"b"}"#,
            r#"{"a":[{"x":1,"x":1}]}"#,
            "{\"a\":1,\"\\u0061\":2}",
        ] {
            assert_eq!(object(text.as_bytes()), Err(JsonFault::Repeated), "{text}");
        }
        for text in ["[]", "", "{", "{}x", "1", "null", "{\"a\":\"\u{0}\"}"] {
            assert_eq!(
                object(text.as_bytes()),
                Err(JsonFault::Unreadable),
                "{text}"
            );
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert_eq!(object(deep.as_bytes()), Err(JsonFault::Unreadable));
    }

    #[test]
    fn what_is_read_equals_what_serde_json_reads() {
        let text =
            r#"{"a":1,"b":-2,"c":1.5,"d":[true,null,"x"],"e":{"a":"ü"},"f":18446744073709551615}"#;
        assert_eq!(
            Value::Object(object(text.as_bytes()).unwrap()),
            text.parse::<Value>().unwrap()
        );
    }
}
