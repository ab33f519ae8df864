//! An expression as it is carried out: every name known, every regular expression compiled.

use std::sync::Arc;

use regex::Regex;

use super::functions::Function;
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
    Matches(Box<Node>, Regex),
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
