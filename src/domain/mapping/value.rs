//! What an expression makes, and what it costs.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Steps that one record may cost, all expressions of a mapping together. The largest groups of a real directory (some
/// thousand values of one attribute) are looked through within it; the worst text that can be written is cut short.
pub const STEPS: u32 = 100_000;
/// Bytes that are read or made for one step.
const BYTES_A_STEP: usize = 32;

/// Why an expression gave nothing.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Fault {
    /// In words.
    Said(String),
    /// It took too many steps. Nothing catches it.
    Spent,
}

impl Fault {
    pub(super) fn words(&self) -> String {
        match self {
            Self::Said(words) => words.clone(),
            Self::Spent => format!("This record takes more than {STEPS} steps."),
        }
    }
}

pub(super) fn said<T>(words: impl Into<String>) -> Result<T, Fault> {
    Err(Fault::Said(words.into()))
}

/// Counts the steps of one record.
#[derive(Debug)]
pub(super) struct Meter {
    left: u32,
}

impl Meter {
    pub(super) const fn full() -> Self {
        Self { left: STEPS }
    }

    #[cfg(test)]
    pub(super) const fn taken(&self) -> u32 {
        STEPS - self.left
    }

    pub(super) fn steps(&mut self, steps: usize) -> Result<(), Fault> {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        match self.left.checked_sub(steps) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => {
                self.left = 0;
                Err(Fault::Spent)
            }
        }
    }

    /// Before so many bytes are read or made.
    pub(super) fn bytes(&mut self, bytes: usize) -> Result<(), Fault> {
        self.steps(bytes.div_ceil(BYTES_A_STEP))
    }
}

/// A value of the language.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Text(Arc<str>),
    List(Arc<Vec<Value>>),
    Map(Arc<BTreeMap<Arc<str>, Value>>),
}

impl Value {
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.into())
    }

    /// What it is, for people: "a text".
    pub(super) const fn noun(&self) -> &'static str {
        match self {
            Self::Null => "nothing",
            Self::Bool(_) => "true or false",
            Self::Int(_) | Self::Uint(_) | Self::Double(_) => "a number",
            Self::Text(_) => "a text",
            Self::List(_) => "a list",
            Self::Map(_) => "a table",
        }
    }

    /// As an attribute's value; none: no value.
    pub(super) fn into_attribute(self) -> Result<Option<String>, String> {
        match self {
            Self::Null => Ok(None),
            Self::Bool(value) => Ok(Some(value.to_string())),
            Self::Int(value) => Ok(Some(value.to_string())),
            Self::Uint(value) => Ok(Some(value.to_string())),
            Self::Double(value) => Ok(Some(value.to_string())),
            Self::Text(value) => Ok(Some(value.to_string()).filter(|value| !value.is_empty())),
            Self::List(_) => Err("It gives a list: take one value of it, or join them.".to_owned()),
            Self::Map(_) => Err("It gives a table: take one value of it.".to_owned()),
        }
    }

    fn number(&self) -> Option<Number> {
        match self {
            Self::Int(value) => Some(Number::Whole(i128::from(*value))),
            Self::Uint(value) => Some(Number::Whole(i128::from(*value))),
            Self::Double(value) => Some(Number::Broken(*value)),
            _ => None,
        }
    }
}

enum Number {
    Whole(i128),
    Broken(f64),
}

#[expect(
    clippy::cast_precision_loss,
    reason = "comparing with a double is as exact as the double"
)]
fn compare_numbers(one: &Number, other: &Number) -> Option<Ordering> {
    match (one, other) {
        (Number::Whole(one), Number::Whole(other)) => Some(one.cmp(other)),
        (Number::Whole(one), Number::Broken(other)) => (*one as f64).partial_cmp(other),
        (Number::Broken(one), Number::Whole(other)) => one.partial_cmp(&(*other as f64)),
        (Number::Broken(one), Number::Broken(other)) => one.partial_cmp(other),
    }
}

/// Whether two values are equal; values of different kinds are not, but numbers are compared as numbers.
pub(super) fn equal(one: &Value, other: &Value, meter: &mut Meter) -> Result<bool, Fault> {
    meter.steps(1)?;
    if let (Some(one), Some(other)) = (one.number(), other.number()) {
        return Ok(compare_numbers(&one, &other) == Some(Ordering::Equal));
    }
    match (one, other) {
        (Value::Null, Value::Null) => Ok(true),
        (Value::Bool(one), Value::Bool(other)) => Ok(one == other),
        (Value::Text(one), Value::Text(other)) => {
            meter.bytes(one.len().min(other.len()))?;
            Ok(one == other)
        }
        (Value::List(one), Value::List(other)) => {
            if one.len() != other.len() {
                return Ok(false);
            }
            for (one, other) in one.iter().zip(other.iter()) {
                if !equal(one, other, meter)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Map(one), Value::Map(other)) => {
            if one.len() != other.len() {
                return Ok(false);
            }
            for ((key, one), (other_key, other)) in one.iter().zip(other.iter()) {
                if key != other_key || !equal(one, other, meter)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Which comes first, for what can be ordered: numbers, texts, false before true. None: they are not numbers both.
pub(super) fn order(
    one: &Value,
    other: &Value,
    meter: &mut Meter,
) -> Result<Option<Ordering>, Fault> {
    if let (Some(one), Some(other)) = (one.number(), other.number()) {
        return Ok(compare_numbers(&one, &other));
    }
    match (one, other) {
        (Value::Text(one), Value::Text(other)) => {
            meter.bytes(one.len().min(other.len()))?;
            Ok(Some(one.cmp(other)))
        }
        (Value::Bool(one), Value::Bool(other)) => Ok(Some(one.cmp(other))),
        _ => said(format!(
            "{} and {} have no order.",
            capital(one.noun()),
            other.noun()
        )),
    }
}

/// An arithmetic sign.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sign {
    Add,
    Subtract,
    Multiply,
    Divide,
    Rest,
}

impl Sign {
    const fn shown(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Rest => "%",
        }
    }
}

/// Adds, subtracts and so on. Only numbers of one kind go together, as the language has it.
pub(super) fn arithmetic(
    sign: Sign,
    one: Value,
    other: Value,
    meter: &mut Meter,
) -> Result<Value, Fault> {
    match (sign, one, other) {
        (Sign::Add, Value::Text(one), Value::Text(other)) => {
            meter.bytes(one.len() + other.len())?;
            Ok(Value::Text([&*one, &*other].concat().into()))
        }
        (Sign::Add, Value::List(mut one), Value::List(other)) => {
            // What nobody else holds grows in place.
            let is_shared = Arc::get_mut(&mut one).is_none();
            meter.steps(other.len() + if is_shared { one.len() } else { 0 })?;
            Arc::make_mut(&mut one).extend(other.iter().cloned());
            Ok(Value::List(one))
        }
        (Sign::Divide, Value::Int(_), Value::Int(0))
        | (Sign::Divide, Value::Uint(_), Value::Uint(0)) => said("It divides by zero."),
        (Sign::Rest, Value::Int(_), Value::Int(0))
        | (Sign::Rest, Value::Uint(_), Value::Uint(0)) => {
            said("It takes the rest of a division by zero.")
        }
        (sign, Value::Int(one), Value::Int(other)) => {
            let made = match sign {
                Sign::Add => one.checked_add(other),
                Sign::Subtract => one.checked_sub(other),
                Sign::Multiply => one.checked_mul(other),
                Sign::Divide => one.checked_div(other),
                Sign::Rest => one.checked_rem(other),
            };
            made.map(Value::Int).map_or_else(too_large, Ok)
        }
        (sign, Value::Uint(one), Value::Uint(other)) => {
            let made = match sign {
                Sign::Add => one.checked_add(other),
                Sign::Subtract => one.checked_sub(other),
                Sign::Multiply => one.checked_mul(other),
                Sign::Divide => one.checked_div(other),
                Sign::Rest => one.checked_rem(other),
            };
            made.map(Value::Uint).map_or_else(too_large, Ok)
        }
        (Sign::Add, Value::Double(one), Value::Double(other)) => Ok(Value::Double(one + other)),
        (Sign::Subtract, Value::Double(one), Value::Double(other)) => {
            Ok(Value::Double(one - other))
        }
        (Sign::Multiply, Value::Double(one), Value::Double(other)) => {
            Ok(Value::Double(one * other))
        }
        (Sign::Divide, Value::Double(one), Value::Double(other)) => Ok(Value::Double(one / other)),
        (sign, one, other) => said(format!(
            "“{}” cannot be used between {} and {}.",
            sign.shown(),
            one.noun(),
            other.noun()
        )),
    }
}

fn too_large<T>() -> Result<T, Fault> {
    said("A number becomes too large.")
}

pub(super) fn capital(words: &str) -> String {
    let mut letters = words.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
