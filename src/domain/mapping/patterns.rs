//! The simple form: regular expressions in priority order, one a line: `mail: (.+)@example\.org => $1`.

use regex::Captures;
use serde::{Deserialize, Serialize};

use super::regular::{self, Regular};
use super::value::{Fault, Meter};
use crate::record::SourceValues;

/// Most patterns of one rule.
pub const MOST_PATTERNS: usize = 20;
/// Longest template, in bytes.
const LONGEST_TEMPLATE: usize = 256;

/// If one of the source's values of this attribute looks like this, whole, the template is the result.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pattern {
    /// The source's attribute.
    pub attribute: String,
    /// What a whole value looks like.
    pub regex: String,
    /// The result, with `$1` or `${name}` for what the groups caught.
    pub template: String,
}

/// Reads the written form.
///
/// # Errors
/// What is wrong, with its line, counted from 1.
pub fn read(text: &str) -> Result<Vec<Pattern>, (usize, String)> {
    let mut patterns = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() {
            continue;
        }
        let parts = line
            .split_once(':')
            .and_then(|(attribute, rest)| Some((attribute, rest.rsplit_once("=>")?)));
        let Some((attribute, (regex, template))) = parts else {
            let words = "Write: attribute: regular expression => result.".to_owned();
            return Err((number + 1, words));
        };
        patterns.push(Pattern {
            attribute: attribute.trim().to_lowercase(),
            regex: regex.trim().to_owned(),
            template: template.trim().to_owned(),
        });
    }
    Ok(patterns)
}

/// The written form.
#[must_use]
pub fn written(patterns: &[Pattern]) -> String {
    let lines: Vec<String> = patterns
        .iter()
        .map(|one| format!("{}: {} => {}", one.attribute, one.regex, one.template))
        .collect();
    lines.join("\n")
}

/// A pattern, compiled.
#[derive(Clone, Debug)]
pub(super) struct Ready {
    attribute: String,
    regex: Regular,
    template: String,
}

impl Ready {
    pub(super) fn of(pattern: &Pattern) -> Result<Self, String> {
        if pattern.attribute.trim().is_empty() {
            return Err("The source's attribute is missing before “:”.".to_owned());
        }
        if pattern.template.len() > LONGEST_TEMPLATE {
            return Err(format!(
                "The result is longer than {LONGEST_TEMPLATE} bytes."
            ));
        }
        // By itself first: so nothing in it can close what is put around it.
        regular::checked(&pattern.regex)?;
        let whole = format!("\\A(?:{})\\z", pattern.regex);
        let regex = regular::compiled(&whole)?;
        if let Some(unknown) = references(&pattern.template)
            .into_iter()
            .find(|name| !regex.has_group(name))
        {
            return Err(format!(
                "The regular expression has no group “{unknown}” for the result. Write ${{1}}x to have an x after a group, $$ for a dollar."
            ));
        }
        Ok(Self {
            attribute: pattern.attribute.to_lowercase(),
            regex,
            template: pattern.template.clone(),
        })
    }

    pub(super) fn attribute(&self) -> &str {
        &self.attribute
    }

    /// What it makes of the record; none: nothing in it looks like this.
    pub(super) fn apply(
        &self,
        source: &SourceValues,
        meter: &mut Meter,
    ) -> Result<Option<String>, Fault> {
        for value in source.get(&self.attribute).into_iter().flatten() {
            if let Some(caught) = self.regex.captures(value, meter)? {
                return self.filled(&caught, value.len(), meter).map(Some);
            }
        }
        Ok(None)
    }

    fn filled(
        &self,
        caught: &Captures<'_>,
        longest: usize,
        meter: &mut Meter,
    ) -> Result<String, Fault> {
        // Every reference may stand for the whole value.
        let references = self.template.matches('$').count();
        meter.bytes(self.template.len() + references.saturating_mul(longest))?;
        let mut made = String::new();
        caught.expand(&self.template, &mut made);
        Ok(made)
    }
}

/// The groups that a template refers to, as the regular expressions' library reads them.
fn references(template: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some((_, after)) = rest.split_once('$') {
        if let Some(after) = after.strip_prefix('$') {
            rest = after;
            continue;
        }
        let braced = after
            .strip_prefix('{')
            .and_then(|inner| inner.split_once('}'));
        rest = match braced {
            Some((name, rest)) => {
                found.push(name.to_owned());
                rest
            }
            None => {
                let is_name = |letter: &char| letter.is_ascii_alphanumeric() || *letter == '_';
                let name: String = after.chars().take_while(is_name).collect();
                let rest = after.get(name.len()..).unwrap_or_default();
                if !name.is_empty() {
                    found.push(name);
                }
                rest
            }
        };
    }
    found
}
