//! Carries an expression out on one record, step by step, as long as the steps last.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::functions::{self, Function};
use super::regular::Regular;
use super::tree::{Comparison, Each, Node, Root};
use super::value::{self, Fault, Meter, Value, capital, said};
use crate::record::{SourceValues, UserRecord};

/// What an expression can see.
#[derive(Clone, Copy, Debug)]
pub(super) enum Given<'a> {
    Person {
        source: &'a SourceValues,
        record: &'a UserRecord,
    },
    Group {
        external_id: &'a str,
        name: &'a str,
    },
}

/// One evaluation: what it sees, what it may still cost, the names bound so far.
pub(super) struct Evaluation<'a> {
    given: Given<'a>,
    meter: &'a mut Meter,
    scope: Vec<(Arc<str>, Result<Value, Fault>)>,
}

type Made = Result<Value, Fault>;

impl<'a> Evaluation<'a> {
    pub(super) fn of(node: &Node, given: Given<'a>, meter: &'a mut Meter) -> Made {
        let mut evaluation = Self {
            given,
            meter,
            scope: Vec::new(),
        };
        evaluation.value(node)
    }

    fn value(&mut self, node: &Node) -> Made {
        self.meter.steps(1)?;
        match node {
            Node::Constant(value) => Ok(value.clone()),
            Node::Variable(name) => self.variable(name),
            Node::Root(root) => said(format!(
                "“{}” is no value: write “{0}.” and a name.",
                root.name()
            )),
            Node::Select { of, field, test } => self.select(of, field, *test),
            Node::Index(of, at) => self.index(of, at),
            Node::Not(of) => {
                let value = self.truth(of, "!")?;
                Ok(Value::Bool(!value))
            }
            Node::Negate(of) => self.negate(of),
            Node::And(one, other) => self.logic(one, other, false),
            Node::Or(one, other) => self.logic(one, other, true),
            Node::NotStrictlyFalse(of) => match self.value(of) {
                Err(Fault::Spent) => Err(Fault::Spent),
                Ok(Value::Bool(false)) => Ok(Value::Bool(false)),
                _ => Ok(Value::Bool(true)),
            },
            Node::If(condition, yes, no) => {
                let is_so = self.truth(condition, "?")?;
                self.value(if is_so { yes } else { no })
            }
            Node::Arithmetic(sign, one, other) => {
                let one = self.value(one)?;
                let other = self.value(other)?;
                value::arithmetic(*sign, one, other, self.meter)
            }
            Node::Compare(comparison, one, other) => self.compare(*comparison, one, other),
            Node::In(one, other) => self.is_in(one, other),
            Node::List(nodes) => self.list(nodes),
            Node::Map(entries) => self.map(entries),
            Node::Call(function, arguments) => self.call(*function, arguments),
            Node::Matches(of, regex) => self.matches(of, regex),
            Node::Each(each) => self.each(each),
        }
    }

    fn variable(&self, name: &str) -> Made {
        let bound = self.scope.iter().rev().find(|(known, _)| &**known == name);
        bound.map_or_else(
            || said(format!("“{name}” is not known here.")),
            |(_, value)| value.clone(),
        )
    }

    fn truth(&mut self, node: &Node, sign: &str) -> Result<bool, Fault> {
        match self.value(node)? {
            Value::Bool(value) => Ok(value),
            other => said(format!(
                "“{sign}” needs true or false, and gets {}.",
                other.noun()
            )),
        }
    }

    /// `&&` and `||`: whatever decides, decides, on whichever side it stands and whatever the other side fails with.
    fn logic(&mut self, one: &Node, other: &Node, decisive: bool) -> Made {
        let sign = if decisive { "||" } else { "&&" };
        let first = self.truth(one, sign);
        match first {
            Err(Fault::Spent) => return Err(Fault::Spent),
            Ok(value) if value == decisive => return Ok(Value::Bool(decisive)),
            _ => {}
        }
        match (first, self.truth(other, sign)) {
            (_, Err(Fault::Spent)) => Err(Fault::Spent),
            (_, Ok(value)) if value == decisive => Ok(Value::Bool(decisive)),
            (Err(fault), _) | (Ok(_), Err(fault)) => Err(fault),
            (Ok(_), Ok(_)) => Ok(Value::Bool(!decisive)),
        }
    }

    fn negate(&mut self, of: &Node) -> Made {
        match self.value(of)? {
            Value::Int(value) => value.checked_neg().map_or_else(
                || said("A number becomes too large."),
                |value| Ok(Value::Int(value)),
            ),
            Value::Double(value) => Ok(Value::Double(-value)),
            other => said(format!("“-” cannot be used before {}.", other.noun())),
        }
    }

    /// The first value of a root's field; none: there is none.
    fn field(&mut self, root: Root, field: &str) -> Result<Option<Value>, Fault> {
        let text = match (root, self.given) {
            (Root::Source, Given::Person { source, .. }) => source
                .get(&field.to_lowercase())
                .and_then(|all| all.first()),
            (Root::Record, Given::Person { record, .. }) => match field {
                "active" => return Ok(Some(Value::Bool(record.active))),
                "external_id" => Some(&record.external_id.0),
                _ => record.attributes.get(field),
            },
            (Root::Group, Given::Group { external_id, name }) => {
                let text = match field {
                    "name" => Some(name),
                    "external_id" => Some(external_id),
                    _ => None,
                };
                return Ok(text.map(Value::text));
            }
            _ => None,
        };
        if let Some(text) = text {
            self.meter.bytes(text.len())?;
        }
        Ok(text.map(|text| Value::text(text)))
    }

    fn missing<T>(root: Root, field: &str) -> Result<T, Fault> {
        match root {
            Root::Source => said(format!("The source states no “{field}”.")),
            Root::Record => said(format!("The record has no “{field}”.")),
            Root::Group => said(format!("A group has no “{field}”.")),
        }
    }

    fn select(&mut self, of: &Node, field: &str, test: bool) -> Made {
        if let Node::Root(root) = of {
            let value = self.field(*root, field)?;
            return match (test, value) {
                (true, value) => Ok(Value::Bool(value.is_some())),
                (false, Some(value)) => Ok(value),
                (false, None) => Self::missing(*root, field),
            };
        }
        match self.value(of)? {
            Value::Map(map) => match (test, map.get(field)) {
                (true, value) => Ok(Value::Bool(value.is_some())),
                (false, Some(value)) => Ok(value.clone()),
                (false, None) => said(format!("The table has no “{field}”.")),
            },
            other => said(format!("{} has no “{field}”.", capital(other.noun()))),
        }
    }

    fn index(&mut self, of: &Node, at: &Node) -> Made {
        let at = self.value(at)?;
        if let Node::Root(root) = of {
            return match &at {
                Value::Text(field) => match self.field(*root, field)? {
                    Some(value) => Ok(value),
                    None => Self::missing(*root, field),
                },
                other => said(format!(
                    "“{}” is asked by name, not by {}.",
                    root.name(),
                    other.noun()
                )),
            };
        }
        match (self.value(of)?, at) {
            (Value::List(list), Value::Int(at)) => {
                let value = usize::try_from(at).ok().and_then(|at| list.get(at));
                value.cloned().map_or_else(
                    || {
                        said(format!(
                            "The list has no value at {at}: it has {}.",
                            list.len()
                        ))
                    },
                    Ok,
                )
            }
            (Value::Map(map), Value::Text(key)) => {
                self.meter.bytes(key.len())?;
                map.get(&key)
                    .cloned()
                    .map_or_else(|| said(format!("The table has no “{key}”.")), Ok)
            }
            (of, at) => said(format!(
                "{} cannot be asked by {}.",
                capital(of.noun()),
                at.noun()
            )),
        }
    }

    fn compare(&mut self, comparison: Comparison, one: &Node, other: &Node) -> Made {
        let one = self.value(one)?;
        let other = self.value(other)?;
        let holds = match comparison {
            Comparison::Equal => value::equal(&one, &other, self.meter)?,
            Comparison::NotEqual => !value::equal(&one, &other, self.meter)?,
            ordered => {
                let order = value::order(&one, &other, self.meter)?;
                match ordered {
                    Comparison::Less => order == Some(Ordering::Less),
                    Comparison::LessOrEqual => order.is_some_and(Ordering::is_le),
                    Comparison::Greater => order == Some(Ordering::Greater),
                    _ => order.is_some_and(Ordering::is_ge),
                }
            }
        };
        Ok(Value::Bool(holds))
    }

    fn is_in(&mut self, one: &Node, other: &Node) -> Made {
        let one = self.value(one)?;
        if let (Node::Root(root), Value::Text(field)) = (other, &one) {
            return Ok(Value::Bool(self.field(*root, field)?.is_some()));
        }
        match self.value(other)? {
            Value::List(list) => {
                for value in list.iter() {
                    if value::equal(&one, value, self.meter)? {
                        return Ok(Value::Bool(true));
                    }
                }
                Ok(Value::Bool(false))
            }
            Value::Map(map) => match one {
                Value::Text(key) => Ok(Value::Bool(map.contains_key(&key))),
                _ => Ok(Value::Bool(false)),
            },
            other => said(format!("“in” needs a list, and gets {}.", other.noun())),
        }
    }

    fn list(&mut self, nodes: &[Node]) -> Made {
        let values: Result<Vec<Value>, Fault> = nodes.iter().map(|node| self.value(node)).collect();
        Ok(Value::List(Arc::new(values?)))
    }

    fn map(&mut self, entries: &[(Node, Node)]) -> Made {
        let mut map = BTreeMap::new();
        for (key, value) in entries {
            let key = match self.value(key)? {
                Value::Text(key) => key,
                other => {
                    return said(format!(
                        "A table is asked by text, not by {}.",
                        other.noun()
                    ));
                }
            };
            self.meter.bytes(key.len())?;
            let value = self.value(value)?;
            if map.insert(Arc::clone(&key), value).is_some() {
                return said(format!("The table has “{key}” twice."));
            }
        }
        Ok(Value::Map(Arc::new(map)))
    }

    fn matches(&mut self, of: &Node, regex: &Regular) -> Made {
        match self.value(of)? {
            Value::Text(text) => Ok(Value::Bool(regex.is_in(&text, self.meter)?)),
            other => said(format!(
                "“matches” needs a text, and gets {}.",
                other.noun()
            )),
        }
    }

    fn call(&mut self, function: Function, arguments: &[Node]) -> Made {
        match (function, arguments) {
            (Function::All, [Node::Root(root), name]) => self.all(*root, name),
            (Function::Get, [Node::Root(root), name, rest @ ..]) => {
                let name = self.name(name)?;
                match (self.field(*root, &name)?, rest.first()) {
                    (Some(value), _) => Ok(value),
                    (None, Some(fallback)) => self.value(fallback),
                    (None, None) => Ok(Value::Null),
                }
            }
            (Function::All | Function::Get, _) => {
                said("“all” and “get” are asked of “source” or “record”.")
            }
            (Function::First, arguments) => self.first(arguments),
            (function, arguments) => {
                let values: Result<Vec<Value>, Fault> =
                    arguments.iter().map(|node| self.value(node)).collect();
                functions::call(function, &values?, self.meter)
            }
        }
    }

    fn name(&mut self, node: &Node) -> Result<Arc<str>, Fault> {
        match self.value(node)? {
            Value::Text(name) => Ok(name),
            other => said(format!(
                "An attribute is asked by name, not by {}.",
                other.noun()
            )),
        }
    }

    fn all(&mut self, root: Root, name: &Node) -> Made {
        let name = self.name(name)?;
        let mut values = Vec::new();
        if let (Root::Source, Given::Person { source, .. }) = (root, self.given) {
            for text in source.get(&name.to_lowercase()).into_iter().flatten() {
                self.meter.steps(1)?;
                self.meter.bytes(text.len())?;
                values.push(Value::text(text));
            }
        } else {
            values.extend(self.field(root, &name)?);
        }
        Ok(Value::List(Arc::new(values)))
    }

    /// The first text among its arguments, and in the lists among them, that is not empty.
    fn first(&mut self, arguments: &[Node]) -> Made {
        let is_something = |value: &Value| {
            !matches!(value, Value::Null) && !matches!(value, Value::Text(text) if text.is_empty())
        };
        for node in arguments {
            match self.value(node)? {
                Value::List(list) => {
                    self.meter.steps(list.len())?;
                    if let Some(value) = list.iter().find(|value| is_something(value)) {
                        return Ok(value.clone());
                    }
                }
                value if is_something(&value) => return Ok(value),
                _ => {}
            }
        }
        Ok(Value::Null)
    }

    fn each(&mut self, each: &Each) -> Made {
        let elements: Vec<Value> = match self.value(&each.range)? {
            Value::List(list) => {
                self.meter.steps(list.len())?;
                list.to_vec()
            }
            Value::Map(map) => {
                self.meter.steps(map.len())?;
                map.keys().cloned().map(Value::Text).collect()
            }
            other => return said(format!("A list is needed, and this is {}.", other.noun())),
        };
        let depth = self.scope.len();
        let first = self.value(&each.first);
        self.scope.push((Arc::clone(&each.result_name), first));
        for element in elements {
            let goes_on = self.truth(&each.goes_on, "?");
            if goes_on != Ok(true) {
                if let Err(fault) = goes_on {
                    self.scope.truncate(depth);
                    return Err(fault);
                }
                break;
            }
            self.scope.push((Arc::clone(&each.variable), Ok(element)));
            let made = self.step(&each.step, depth);
            self.scope.pop();
            if matches!(made, Err(Fault::Spent)) {
                self.scope.truncate(depth);
                return Err(Fault::Spent);
            }
            if let Some((_, result)) = self.scope.get_mut(depth) {
                *result = made;
            }
        }
        let result = self.value(&each.result);
        self.scope.truncate(depth);
        result
    }

    /// One step of a loop. A list that grows by what the step adds is taken out and grows in place; copied each time, a
    /// list of a thousand would cost half a million steps.
    fn step(&mut self, node: &Node, result: usize) -> Made {
        self.meter.steps(1)?;
        let is_result = |node: &Node, scope: &[(Arc<str>, Made)]| match (node, scope.get(result)) {
            (Node::Variable(name), Some((known, _))) => name == known,
            _ => false,
        };
        match node {
            Node::If(condition, yes, no) => {
                let is_so = self.truth(condition, "?")?;
                self.step(if is_so { yes } else { no }, result)
            }
            Node::Arithmetic(value::Sign::Add, one, other) if is_result(one, &self.scope) => {
                let other = self.value(other)?;
                let one = self.take(result)?;
                value::arithmetic(value::Sign::Add, one, other, self.meter)
            }
            node if is_result(node, &self.scope) => self.take(result),
            node => self.value(node),
        }
    }

    fn take(&mut self, result: usize) -> Made {
        match self.scope.get_mut(result) {
            Some((_, value)) => std::mem::replace(value, Ok(Value::Null)),
            None => Ok(Value::Null),
        }
    }
}
