//! What one rule does with one record.

use super::evaluation::{Evaluation, Given};
use super::value::{Fault, Meter, Value};
use super::{Effect, LONGEST_VALUE, ReadyHow, ReadyRule, When, patterns};
use crate::record::{Attributes, SourceValues, UserRecord};

impl ReadyRule {
    pub(super) fn effect(
        &self,
        source: &SourceValues,
        record: &mut UserRecord,
        known: Option<&Attributes>,
        meter: &mut Meter,
    ) -> Effect {
        let is_active = self.attribute == "active";
        match (self.when, known) {
            (When::IfEmpty, _) if is_active || record.attributes.contains_key(&self.attribute) => {
                return Effect::Passed("it has a value");
            }
            (When::OnCreate, Some(_)) if is_active => return Effect::Passed("the account is here"),
            (When::OnCreate, Some(known)) => {
                match known.get(&self.attribute) {
                    Some(value) => record
                        .attributes
                        .insert(self.attribute.clone(), value.clone()),
                    None => record.attributes.remove(&self.attribute),
                };
                return Effect::Passed("the account is here");
            }
            _ => {}
        }
        let made = match &self.how {
            ReadyHow::Expression(node) => {
                let given = Given::Person { source, record };
                Evaluation::of(node, given, meter).map(Some)
            }
            ReadyHow::Patterns(patterns) => first_that_fits(patterns, source, meter),
        };
        match made {
            Err(fault) => Effect::Failed(fault.words()),
            Ok(None) => Effect::Passed("no pattern fits"),
            Ok(Some(value)) if is_active => activate(record, &value),
            Ok(Some(value)) => match value.into_attribute() {
                Err(why) => Effect::Failed(why),
                Ok(Some(text)) if text.len() > LONGEST_VALUE => {
                    Effect::Failed(format!("The value is longer than {LONGEST_VALUE} bytes."))
                }
                Ok(Some(text)) => {
                    record
                        .attributes
                        .insert(self.attribute.clone(), text.clone());
                    Effect::Made(text)
                }
                Ok(None) => {
                    record.attributes.remove(&self.attribute);
                    Effect::Emptied
                }
            },
        }
    }
}

fn first_that_fits(
    patterns: &[patterns::Ready],
    source: &SourceValues,
    meter: &mut Meter,
) -> Result<Option<Value>, Fault> {
    for pattern in patterns {
        if let Some(made) = pattern.apply(source, meter)? {
            return Ok(Some(Value::text(&made)));
        }
    }
    Ok(None)
}

fn activate(record: &mut UserRecord, value: &Value) -> Effect {
    let is_active = match value {
        Value::Bool(value) => Some(*value),
        Value::Text(text) => match text.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        },
        _ => None,
    };
    match is_active {
        Some(is_active) => {
            record.active = is_active;
            Effect::Made(is_active.to_string())
        }
        None => Effect::Failed("“active” takes true or false.".to_owned()),
    }
}
