//! An expression as it is carried out: every name known, every regular expression compiled.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::functions::Function;
use super::regular::Regular;
use super::value::{Sign, Value};

/// What an expression can ask about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Root {
    /// What the source said, before mapping.
    Source,
    /// The record as it is so far.
    Record,
    /// A group, where the expression is about groups.
    Group,
}

impl Root {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Record => "record",
            Self::Group => "group",
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Constant(Value),
    Variable(Arc<str>),
    /// Stands for its fields alone: it is no value.
    Root(Root),
    Select {
        of: Box<Node>,
        field: Arc<str>,
        /// Whether it asks if there is such a field.
        test: bool,
    },
    Index(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Negate(Box<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    NotStrictlyFalse(Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
    Arithmetic(Sign, Box<Node>, Box<Node>),
    Compare(Comparison, Box<Node>, Box<Node>),
    In(Box<Node>, Box<Node>),
    List(Vec<Node>),
    Map(Vec<(Node, Node)>),
    Call(Function, Vec<Node>),
    Matches(Box<Node>, Regular),
    Each(Box<Each>),
}

/// `exists`, `all`, `map` and the like: one step for each element of a list.
#[derive(Clone, Debug)]
pub(super) struct Each {
    pub(super) range: Node,
    pub(super) variable: Arc<str>,
    pub(super) result_name: Arc<str>,
    pub(super) first: Node,
    pub(super) goes_on: Node,
    pub(super) step: Node,
    pub(super) result: Node,
}

impl Node {
    /// Which root this very node asks by which name: none stands for a name that is made.
    pub(super) fn question(&self) -> Option<(Root, Option<&str>)> {
        let (root, name) = match self {
            Self::Select { of, field, .. } => {
                return root_of(of).map(|root| (root, Some(&**field)));
            }
            Self::Index(of, at) => (root_of(of)?, Some(&**at)),
            Self::In(name, of) => (root_of(of)?, Some(&**name)),
            Self::Call(Function::All | Function::Get, arguments) => {
                (root_of(arguments.first()?)?, arguments.get(1))
            }
            _ => return None,
        };
        match name {
            Some(Self::Constant(Value::Text(name))) => Some((root, Some(name))),
            _ => Some((root, None)),
        }
    }

    /// The names of the source's attributes that are asked for here and within, in lower case.
    pub(super) fn asked(&self, names: &mut BTreeSet<String>) {
        if let Some((Root::Source, Some(name))) = self.question() {
            names.insert(name.to_lowercase());
        }
        match self {
            Self::Constant(_) | Self::Variable(_) | Self::Root(_) => {}
            Self::Select { of, .. }
            | Self::Not(of)
            | Self::Negate(of)
            | Self::NotStrictlyFalse(of)
            | Self::Matches(of, _) => of.asked(names),
            Self::Index(one, other)
            | Self::And(one, other)
            | Self::Or(one, other)
            | Self::Arithmetic(_, one, other)
            | Self::Compare(_, one, other)
            | Self::In(one, other) => [one, other].into_iter().for_each(|node| node.asked(names)),
            Self::If(one, two, three) => [one, two, three]
                .into_iter()
                .for_each(|node| node.asked(names)),
            Self::List(nodes) | Self::Call(_, nodes) => {
                nodes.iter().for_each(|node| node.asked(names));
            }
            Self::Map(entries) => entries
                .iter()
                .flat_map(|(key, value)| [key, value])
                .for_each(|node| node.asked(names)),
            Self::Each(each) => [
                &each.range,
                &each.first,
                &each.goes_on,
                &each.step,
                &each.result,
            ]
            .into_iter()
            .for_each(|node| node.asked(names)),
        }
    }
}

fn root_of(node: &Node) -> Option<Root> {
    match node {
        Node::Root(root) => Some(*root),
        _ => None,
    }
}
