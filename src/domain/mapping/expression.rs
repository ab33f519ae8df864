//! From the text of an expression to what is carried out. The grammar is CEL's (<https://github.com/google/cel-spec>),
//! read by the `cel` crate, which is named in this file alone; the carrying out is ours, because it counts its steps.
//!
//! The parser calls itself for every level of a text: the text is looked at first, token by token, and refused where its
//! nesting would need more than a small stack.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use cel::common::ast::{
    CallExpr, ComprehensionExpr, EntryExpr, Expr, IdedExpr, LiteralValue, operators,
};
use cel::parser::PrattParser;
use cel::parser::pratt_parser::{Lexer, TokenKind};

use super::functions::{self, Function};
use super::regular;
use super::tree::{Comparison, Each, Node, Root};
use super::value::{Sign, Value};

/// Longest text of an expression, in bytes.
pub const LONGEST: usize = 4096;
/// Most words and signs in one expression.
const MOST_TOKENS: usize = 800;
/// Deepest nesting of brackets.
const DEEPEST: usize = 20;
/// Most questions (`?:`, `!` and `-` signs, each nests).
const MOST_QUESTIONS: usize = 32;
/// Deepest nesting of what is carried out; `a + b + c` nests, too.
const DEEPEST_TREE: usize = 64;
/// How many loops may be within each other.
const LOOPS: usize = 2;
/// Longest list or table that is written out.
const LONGEST_LIST: usize = 200;

/// What is wrong with a text, and where. Line and column count from 1, the column in characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Wrong {
    /// The line.
    pub line: usize,
    /// The character in the line.
    pub column: usize,
    /// What is wrong and what to do, in sentences.
    pub words: String,
}

/// What an expression is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum About {
    Person,
    Group,
}

/// Reads an expression.
pub(super) fn read(text: &str, about: About) -> Result<Node, Wrong> {
    if text.trim().is_empty() {
        return Err(wrong_at(
            text,
            0,
            "An expression is needed here.".to_owned(),
        ));
    }
    if text.len() > LONGEST {
        let words = format!("It is longer than {LONGEST} bytes. Split it into several rules.");
        return Err(wrong_at(text, 0, words));
    }
    look_over(text)?;
    let parser = PrattParser::new()
        .max_recursion_depth(DEEPEST.try_into().unwrap_or(u16::MAX) + 4)
        .error_recovery_limit(4);
    // A parser by others that meets what nobody thought of must not end the request.
    let parsed = catch_unwind(AssertUnwindSafe(|| parser.parse(text)));
    let tree = match parsed {
        Ok(Ok(tree)) => tree,
        Ok(Err(errors)) => {
            let first = errors.errors.first();
            let (line, column) = first.map_or((1, 1), |error| error.pos);
            let words = first.map_or_else(
                || "It cannot be read.".to_owned(),
                |error| in_words(&error.msg),
            );
            let wrong = placed(text, line, column, words);
            return Err(if is_at_end(text, &wrong) {
                let words = "It ends too early: something is missing.".to_owned();
                Wrong { words, ..wrong }
            } else {
                wrong
            });
        }
        Err(_) => return Err(wrong_at(text, 0, "It cannot be read.".to_owned())),
    };
    let reading = Reading { text, about };
    reading.node(&tree, &mut Vec::new(), 0, 0)
}

/// Whether nothing follows the place.
fn is_at_end(text: &str, wrong: &Wrong) -> bool {
    let mut lines = text.trim_end().split('\n').skip(wrong.line - 1);
    let rest = lines.next().unwrap_or_default();
    lines.next().is_none() && rest.chars().count() < wrong.column
}

/// The parser's words, without its address of the place.
fn in_words(message: &str) -> String {
    let message = message.trim();
    let short: String = message.chars().take(200).collect();
    let short = short.trim_start_matches("Syntax error: ");
    format!("It cannot be read: {}.", short.trim_end_matches('.'))
}

fn wrong_at(text: &str, at: usize, words: String) -> Wrong {
    let before = text.get(..at.min(text.len())).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before
        .rsplit('\n')
        .next()
        .unwrap_or_default()
        .chars()
        .count()
        + 1;
    Wrong {
        line,
        column,
        words,
    }
}

/// A place as the parser tells it: bytes in a line.
fn placed(text: &str, line: isize, column: isize, words: String) -> Wrong {
    let line = usize::try_from(line).unwrap_or(0);
    if line == 0 {
        return wrong_at(text, 0, words);
    }
    let bytes = usize::try_from(column).unwrap_or(0).saturating_sub(1);
    let written = text.split('\n').nth(line - 1).unwrap_or_default();
    let column = written
        .char_indices()
        .take_while(|(at, _)| *at < bytes)
        .count()
        + 1;
    Wrong {
        line,
        column,
        words,
    }
}

/// Looks at every token before anything is parsed.
fn look_over(text: &str) -> Result<(), Wrong> {
    let mut lexer = Lexer::new(text);
    let (mut tokens, mut depth, mut questions) = (0, 0_usize, 0);
    // Each token takes at least a byte: this ends.
    for _ in 0..=text.len() {
        let token = lexer.lex();
        let refuse = |words: String| Err(wrong_at(text, token.start, words));
        match token.kind {
            TokenKind::TokEnd => return Ok(()),
            TokenKind::TokWhitespace | TokenKind::TokComment => continue,
            TokenKind::TokLeftParen | TokenKind::TokLeftBracket | TokenKind::TokLeftBrace => {
                depth += 1;
                if depth > DEEPEST {
                    return refuse(format!("Brackets nest more than {DEEPEST} deep here."));
                }
            }
            TokenKind::TokRightParen | TokenKind::TokRightBracket | TokenKind::TokRightBrace => {
                depth = depth.saturating_sub(1);
            }
            TokenKind::TokQuestion | TokenKind::TokExclamation | TokenKind::TokMinus => {
                questions += 1;
                if questions > MOST_QUESTIONS {
                    return refuse(format!(
                        "There are more than {MOST_QUESTIONS} of the signs “?”, “!” and “-”. Split it into several rules."
                    ));
                }
            }
            TokenKind::TokBytes => {
                return refuse("Bytes are not known here: write a text.".to_owned());
            }
            _ => {}
        }
        tokens += 1;
        if tokens > MOST_TOKENS {
            return refuse(format!(
                "It has more than {MOST_TOKENS} words and signs. Split it into several rules."
            ));
        }
    }
    Ok(())
}

struct Reading<'a> {
    text: &'a str,
    about: About,
}

type Read = Result<Node, Wrong>;

impl Reading<'_> {
    /// Wrong where this word first stands (not within a text).
    fn wrong<T>(&self, word: &str, words: impl Into<String>) -> Result<T, Wrong> {
        let mut lexer = Lexer::new(self.text);
        let mut at = 0;
        for _ in 0..=self.text.len() {
            let token = lexer.lex();
            if token.kind == TokenKind::TokEnd {
                break;
            }
            if self.text.get(token.start..token.end) == Some(word) {
                at = token.start;
                break;
            }
        }
        Err(wrong_at(self.text, at, words.into()))
    }

    fn node(&self, tree: &IdedExpr, names: &mut Vec<Arc<str>>, depth: usize, loops: usize) -> Read {
        if depth > DEEPEST_TREE {
            return self.wrong("", format!("It nests more than {DEEPEST_TREE} deep; “a + b + c” nests, too. Split it into several rules."));
        }
        let node = self.shape(tree, names, depth, loops)?;
        // Which attributes a source is asked for is known before anything is read.
        if matches!(node.question(), Some((Root::Source, None))) {
            return self.wrong(
                "source",
                "What “source” is asked for stands behind the dot or in quotes: it is known before anybody is read.",
            );
        }
        Ok(node)
    }

    fn shape(
        &self,
        tree: &IdedExpr,
        names: &mut Vec<Arc<str>>,
        depth: usize,
        loops: usize,
    ) -> Read {
        let mut next = |tree: &IdedExpr| self.node(tree, names, depth + 1, loops);
        match &tree.expr {
            Expr::Unspecified => self.wrong("", "It cannot be read."),
            Expr::Literal(literal) => self.literal(literal),
            Expr::Ident(name) => self.name(name, names),
            Expr::Select(select) => Ok(Node::Select {
                of: Box::new(next(&select.operand)?),
                field: select.field.as_str().into(),
                test: select.test,
            }),
            Expr::List(list) if list.elements.len() > LONGEST_LIST => self.wrong(
                "[",
                format!("The list has more than {LONGEST_LIST} values."),
            ),
            Expr::List(list) if list.optional_indices.is_empty() => {
                let nodes: Result<Vec<Node>, Wrong> = list.elements.iter().map(next).collect();
                Ok(Node::List(nodes?))
            }
            Expr::Map(map) if map.entries.len() > LONGEST_LIST => {
                self.wrong("{", format!("The table has more than {LONGEST_LIST} rows."))
            }
            Expr::Map(map) => {
                let mut entries = Vec::with_capacity(map.entries.len());
                for entry in &map.entries {
                    match &entry.expr {
                        EntryExpr::MapEntry(entry) if !entry.optional => {
                            entries.push((next(&entry.key)?, next(&entry.value)?));
                        }
                        _ => return self.wrong("{", "This table cannot be read."),
                    }
                }
                Ok(Node::Map(entries))
            }
            Expr::List(_) | Expr::Struct(_) => self.wrong(
                "{",
                "Only texts, numbers, lists and tables can be made here.",
            ),
            Expr::Call(call) => self.call(call, names, depth, loops),
            Expr::Comprehension(each) => self.each(each, names, depth, loops),
        }
    }

    fn literal(&self, literal: &LiteralValue) -> Read {
        let value = match literal {
            LiteralValue::Boolean(value) => Value::Bool(*value.inner()),
            LiteralValue::Int(value) => Value::Int(*value.inner()),
            LiteralValue::UInt(value) => Value::Uint(*value.inner()),
            LiteralValue::Double(value) => Value::Double(*value.inner()),
            LiteralValue::String(value) => Value::text(value.inner()),
            LiteralValue::Null => Value::Null,
            LiteralValue::Bytes(_) => {
                return self.wrong("", "Bytes are not known here: write a text.");
            }
        };
        Ok(Node::Constant(value))
    }

    fn name(&self, name: &str, names: &[Arc<str>]) -> Read {
        if let Some(known) = names.iter().rev().find(|known| &***known == name) {
            return Ok(Node::Variable(Arc::clone(known)));
        }
        match (name, self.about) {
            ("source", About::Person) => Ok(Node::Root(Root::Source)),
            ("record", About::Person) => Ok(Node::Root(Root::Record)),
            ("group", About::Group) => Ok(Node::Root(Root::Group)),
            (_, About::Person) => self.wrong(
                name,
                format!("“{name}” is not known. An attribute is written “source.{name}”, a text stands in quotes."),
            ),
            (_, About::Group) => self.wrong(
                name,
                format!("“{name}” is not known. A group has “group.name” and “group.external_id”; a text stands in quotes."),
            ),
        }
    }

    fn call(&self, call: &CallExpr, names: &mut Vec<Arc<str>>, depth: usize, loops: usize) -> Read {
        let mut arguments = Vec::with_capacity(call.args.len() + 1);
        let given = call.target.as_deref().into_iter().chain(&call.args);
        if call.func_name == "matches" {
            return self.matches(call, names, depth, loops);
        }
        for argument in given {
            arguments.push(self.node(argument, names, depth + 1, loops)?);
        }
        let count = arguments.len();
        let mut boxed = arguments.into_iter().map(Box::new);
        let (one, two, three) = (boxed.next(), boxed.next(), boxed.next());
        let arithmetic = |sign| move |one, two| Node::Arithmetic(sign, one, two);
        let compare = |comparison| move |one, two| Node::Compare(comparison, one, two);
        match (call.func_name.as_str(), one, two, three, count) {
            (operators::CONDITIONAL, Some(one), Some(two), Some(three), 3) => {
                Ok(Node::If(one, two, three))
            }
            (operators::LOGICAL_AND, Some(one), Some(two), None, _) => Ok(Node::And(one, two)),
            (operators::LOGICAL_OR, Some(one), Some(two), None, _) => Ok(Node::Or(one, two)),
            (operators::LOGICAL_NOT, Some(one), None, None, _) => Ok(Node::Not(one)),
            (operators::NEGATE, Some(one), None, None, _) => Ok(Node::Negate(one)),
            (operators::NOT_STRICTLY_FALSE, Some(one), None, None, _) => {
                Ok(Node::NotStrictlyFalse(one))
            }
            (operators::ADD, Some(one), Some(two), None, _) => Ok(arithmetic(Sign::Add)(one, two)),
            (operators::SUBSTRACT, Some(one), Some(two), None, _) => {
                Ok(arithmetic(Sign::Subtract)(one, two))
            }
            (operators::MULTIPLY, Some(one), Some(two), None, _) => {
                Ok(arithmetic(Sign::Multiply)(one, two))
            }
            (operators::DIVIDE, Some(one), Some(two), None, _) => {
                Ok(arithmetic(Sign::Divide)(one, two))
            }
            (operators::MODULO, Some(one), Some(two), None, _) => {
                Ok(arithmetic(Sign::Rest)(one, two))
            }
            (operators::EQUALS, Some(one), Some(two), None, _) => {
                Ok(compare(Comparison::Equal)(one, two))
            }
            (operators::NOT_EQUALS, Some(one), Some(two), None, _) => {
                Ok(compare(Comparison::NotEqual)(one, two))
            }
            (operators::LESS, Some(one), Some(two), None, _) => {
                Ok(compare(Comparison::Less)(one, two))
            }
            (operators::LESS_EQUALS, Some(one), Some(two), None, _) => {
                Ok(compare(Comparison::LessOrEqual)(one, two))
            }
            (operators::GREATER, Some(one), Some(two), None, _) => {
                Ok(compare(Comparison::Greater)(one, two))
            }
            (operators::GREATER_EQUALS, Some(one), Some(two), None, _) => {
                Ok(compare(Comparison::GreaterOrEqual)(one, two))
            }
            (operators::IN, Some(one), Some(two), None, _) => Ok(Node::In(one, two)),
            (operators::INDEX, Some(one), Some(two), None, _) => Ok(Node::Index(one, two)),
            (name, one, two, three, count) => {
                let arguments = one.into_iter().chain(two).chain(three).chain(boxed);
                self.function(name, arguments.map(|node| *node).collect(), count)
            }
        }
    }

    fn function(&self, name: &str, arguments: Vec<Node>, count: usize) -> Read {
        let Some((function, fewest, most)) = functions::named(name) else {
            let names = functions::names();
            return self.wrong(
                name,
                format!("There is no function “{name}”. There are: {names}, matches."),
            );
        };
        if count < fewest || count > most {
            let takes = if fewest == most {
                fewest.to_string()
            } else {
                format!("{fewest} to {most}")
            };
            return self.wrong(
                name,
                format!(
                    "“{name}” takes {takes} values, with the one before the dot; here are {count}."
                ),
            );
        }
        let asks_a_root = matches!(function, Function::All | Function::Get);
        if asks_a_root && !matches!(arguments.first(), Some(Node::Root(_))) {
            return self.wrong(
                name,
                format!("“{name}” is asked of “source” or “record”: source.{name}(\"mail\")."),
            );
        }
        Ok(Node::Call(function, arguments))
    }

    /// The regular expression stands in the text: so it is read once, and what is wrong with it is known before.
    fn matches(
        &self,
        call: &CallExpr,
        names: &mut Vec<Arc<str>>,
        depth: usize,
        loops: usize,
    ) -> Read {
        let given: Vec<&IdedExpr> = call
            .target
            .as_deref()
            .into_iter()
            .chain(&call.args)
            .collect();
        let (Some(of), Some(pattern), 2) = (given.first(), given.get(1), given.len()) else {
            return self.wrong(
                "matches",
                "“matches” takes a text and a regular expression.",
            );
        };
        let Expr::Literal(LiteralValue::String(pattern)) = &pattern.expr else {
            return self.wrong(
                "matches",
                "The regular expression of “matches” is written out, in quotes.",
            );
        };
        match regular::checked(pattern.inner()) {
            Ok(regex) => {
                let of = self.node(of, names, depth + 1, loops)?;
                Ok(Node::Matches(Box::new(of), regex))
            }
            Err(why) => self.wrong("matches", why),
        }
    }

    fn each(
        &self,
        each: &ComprehensionExpr,
        names: &mut Vec<Arc<str>>,
        depth: usize,
        loops: usize,
    ) -> Read {
        let name = each.iter_var.as_str();
        if loops >= LOOPS {
            return self.wrong(
                name,
                format!("More than {LOOPS} loops stand within each other here."),
            );
        }
        if ["source", "record", "group"].contains(&name) || each.iter_var2.is_some() {
            return self.wrong(
                name,
                format!("“{name}” cannot be the name of a loop's element."),
            );
        }
        // What a loop goes through is made before it begins: it is not within it.
        let range = self.node(&each.iter_range, names, depth + 1, loops)?;
        let known = names.len();
        let (result_name, variable): (Arc<str>, Arc<str>) =
            (each.accu_var.as_str().into(), name.into());
        let first = self.node(&each.accu_init, names, depth + 1, loops)?;
        names.push(Arc::clone(&result_name));
        let goes_on = self.node(&each.loop_cond, names, depth + 1, loops);
        names.push(Arc::clone(&variable));
        let step = self.node(&each.loop_step, names, depth + 1, loops + 1);
        names.truncate(known + 1);
        let result = self.node(&each.result, names, depth + 1, loops);
        names.truncate(known);
        Ok(Node::Each(Box::new(Each {
            range,
            variable,
            result_name,
            first,
            goes_on: goes_on?,
            step: step?,
            result: result?,
        })))
    }
}
