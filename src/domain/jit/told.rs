//! What is worth telling beside a decision.

use serde::{Deserialize, Serialize};

/// Something worth knowing that changed nothing.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Note {
    /// What it is about.
    pub about: About,
    /// In a sentence or two.
    pub text: String,
}

/// What a note is about.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum About {
    /// The username.
    Username,
    /// Another attribute.
    Attributes,
    /// Another user with the same e-mail address.
    SameEmail,
    /// Groups.
    Groups,
}

impl Note {
    pub(super) fn new(about: About, text: impl Into<String>) -> Self {
        Self {
            about,
            text: text.into(),
        }
    }
}

/// A foreign text fit for a sentence: at most 80 characters, none of them invisible.
pub(super) fn shown(text: &str) -> String {
    let cut = text.chars().nth(80).is_some();
    let mut shown: String = text
        .chars()
        .take(80)
        .map(|c| match crate::name::is_refused(c) {
            true => '\u{fffd}',
            false => c,
        })
        .collect();
    if cut {
        shown.push('…');
    }
    shown
}

/// "a, b and c"; beyond ten "and 7 more".
pub(super) fn listed<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    let mut names: Vec<String> = names
        .into_iter()
        .map(|name| format!("“{}”", shown(name)))
        .collect();
    let more = names.len().saturating_sub(10);
    if more > 0 {
        names.truncate(10);
        return format!("{} and {more} more", names.join(", "));
    }
    match names.pop() {
        None => String::new(),
        Some(last) if names.is_empty() => last,
        Some(last) => format!("{} and {last}", names.join(", ")),
    }
}
