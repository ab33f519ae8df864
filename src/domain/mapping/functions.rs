//! The functions of the language. Each can be written both ways: `lower(x)` and `x.lower()`.

use std::sync::Arc;

use super::value::{Fault, Meter, Value, said};

/// A function, by what it does. `All`, `Get` and `First` need more than values: see the evaluation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Function {
    All,
    Get,
    First,
    Lower,
    Upper,
    Trim,
    Replace,
    Contains,
    StartsWith,
    EndsWith,
    Size,
    Split,
    Join,
    Substring,
    IndexOf,
    Domain,
    Local,
    Text,
    Int,
}

/// Name, function, fewest and most arguments; what the name stands before counts as one.
const FUNCTIONS: [(&str, Function, usize, usize); 22] = [
    ("all", Function::All, 2, 2),
    ("get", Function::Get, 2, 3),
    ("first", Function::First, 1, 20),
    ("lower", Function::Lower, 1, 1),
    ("lowerAscii", Function::Lower, 1, 1),
    ("upper", Function::Upper, 1, 1),
    ("upperAscii", Function::Upper, 1, 1),
    ("trim", Function::Trim, 1, 1),
    ("replace", Function::Replace, 3, 3),
    ("contains", Function::Contains, 2, 2),
    ("startsWith", Function::StartsWith, 2, 2),
    ("endsWith", Function::EndsWith, 2, 2),
    ("size", Function::Size, 1, 1),
    ("split", Function::Split, 2, 2),
    ("join", Function::Join, 1, 2),
    ("substring", Function::Substring, 2, 3),
    ("indexOf", Function::IndexOf, 2, 2),
    ("domain", Function::Domain, 1, 1),
    ("local", Function::Local, 1, 1),
    ("string", Function::Text, 1, 1),
    ("int", Function::Int, 1, 1),
    ("toText", Function::Text, 1, 1),
];

/// The function of this name, with the fewest and most arguments it takes.
pub(super) fn named(name: &str) -> Option<(Function, usize, usize)> {
    FUNCTIONS
        .iter()
        .find(|(known, ..)| *known == name)
        .map(|(_, function, fewest, most)| (*function, *fewest, *most))
}

/// The names of all, for an error that helps.
pub(super) fn names() -> String {
    let names: Vec<&str> = FUNCTIONS.iter().map(|(name, ..)| *name).collect();
    names.join(", ")
}

/// Calls one of those that need values alone.
pub(super) fn call(
    function: Function,
    arguments: &[Value],
    meter: &mut Meter,
) -> Result<Value, Fault> {
    for argument in arguments {
        if let Value::Text(text) = argument {
            meter.bytes(text.len())?;
        }
    }
    match (function, arguments) {
        (Function::Lower, [Value::Text(text)]) => Ok(Value::Text(text.to_lowercase().into())),
        (Function::Upper, [Value::Text(text)]) => Ok(Value::Text(text.to_uppercase().into())),
        (Function::Trim, [Value::Text(text)]) => Ok(Value::text(text.trim())),
        (Function::Replace, [Value::Text(text), Value::Text(old), Value::Text(new)]) => {
            let times = text.matches(&**old).count();
            meter.bytes(times.saturating_mul(new.len()))?;
            Ok(Value::Text(text.replace(&**old, new).into()))
        }
        (Function::Contains, [Value::Text(text), Value::Text(part)]) => {
            Ok(Value::Bool(text.contains(&**part)))
        }
        (Function::StartsWith, [Value::Text(text), Value::Text(part)]) => {
            Ok(Value::Bool(text.starts_with(&**part)))
        }
        (Function::EndsWith, [Value::Text(text), Value::Text(part)]) => {
            Ok(Value::Bool(text.ends_with(&**part)))
        }
        (Function::Size, [Value::Text(text)]) => Ok(whole(text.chars().count())),
        (Function::Size, [Value::List(list)]) => Ok(whole(list.len())),
        (Function::Size, [Value::Map(map)]) => Ok(whole(map.len())),
        (Function::Split, [Value::Text(text), Value::Text(by)]) => split(text, by, meter),
        (Function::Join, [Value::List(list)]) => join(list, "", meter),
        (Function::Join, [Value::List(list), Value::Text(by)]) => join(list, by, meter),
        (Function::Substring, [Value::Text(text), Value::Int(from)]) => cut(text, *from, None),
        (Function::Substring, [Value::Text(text), Value::Int(from), Value::Int(to)]) => {
            cut(text, *from, Some(*to))
        }
        (Function::IndexOf, [Value::Text(text), Value::Text(part)]) => {
            let before = text.find(&**part).and_then(|at| text.get(..at));
            Ok(before.map_or(Value::Int(-1), |before| whole(before.chars().count())))
        }
        (Function::Domain, [Value::Text(text)]) => {
            let domain = text.rsplit_once('@').map(|(_, domain)| domain);
            Ok(Value::text(domain.unwrap_or_default()))
        }
        (Function::Local, [Value::Text(text)]) => {
            let local = text.rsplit_once('@').map(|(local, _)| local);
            Ok(Value::text(local.unwrap_or(text)))
        }
        (Function::Text, [value]) => match value.clone().into_attribute() {
            Ok(text) => Ok(Value::text(&text.unwrap_or_default())),
            Err(why) => said(why),
        },
        (Function::Int, [value]) => int(value),
        (function, arguments) => wrong(function, arguments),
    }
}

fn wrong<T>(function: Function, arguments: &[Value]) -> Result<T, Fault> {
    let name = FUNCTIONS
        .iter()
        .find(|(_, known, ..)| *known == function)
        .map_or("", |(name, ..)| *name);
    let got: Vec<&str> = arguments.iter().map(Value::noun).collect();
    said(format!("“{name}” cannot be used with {}.", got.join(", ")))
}

fn whole(count: usize) -> Value {
    Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
}

fn int(value: &Value) -> Result<Value, Fault> {
    match value {
        Value::Int(_) => Ok(value.clone()),
        Value::Uint(value) => match i64::try_from(*value) {
            Ok(value) => Ok(Value::Int(value)),
            Err(_) => said("A number becomes too large."),
        },
        Value::Text(text) => match text.trim().parse() {
            Ok(value) => Ok(Value::Int(value)),
            Err(_) => said("A text that should be a whole number is none."),
        },
        other => wrong(Function::Int, std::slice::from_ref(other)),
    }
}

fn split(text: &str, by: &str, meter: &mut Meter) -> Result<Value, Fault> {
    if by.is_empty() {
        return said("“split” needs a text to split at.");
    }
    meter.steps(text.matches(by).count())?;
    Ok(Value::List(Arc::new(
        text.split(by).map(Value::text).collect(),
    )))
}

fn join(list: &[Value], by: &str, meter: &mut Meter) -> Result<Value, Fault> {
    let mut texts: Vec<&str> = Vec::with_capacity(list.len());
    for value in list {
        let Value::Text(text) = value else {
            return said(format!(
                "“join” needs a list of texts, and meets {}.",
                value.noun()
            ));
        };
        meter.bytes(text.len() + by.len() + 1)?;
        texts.push(text);
    }
    Ok(Value::Text(texts.join(by).into()))
}

/// A part of a text, counted in characters.
fn cut(text: &str, from: i64, to: Option<i64>) -> Result<Value, Fault> {
    let length = text.chars().count();
    let to = to.map_or(Ok(length), usize::try_from);
    match (usize::try_from(from), to) {
        (Ok(from), Ok(to)) if from <= to && to <= length => Ok(Value::Text(
            text.chars()
                .skip(from)
                .take(to - from)
                .collect::<String>()
                .into(),
        )),
        _ => said("“substring” reaches beyond the text."),
    }
}
