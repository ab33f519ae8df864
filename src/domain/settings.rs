//! How a plug-in describes its own form; one settings form renders them all, one function checks them all.

use std::collections::BTreeMap;

use crate::error::FieldError;

/// Values by field key, as a form sends them.
pub type Values = BTreeMap<String, String>;

/// A form, in sections.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SettingsSchema {
    /// Sections in the order they are shown.
    pub sections: Vec<Section>,
}

/// Fields that belong together.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Section {
    /// Heading.
    pub title: &'static str,
    /// One sentence below the heading; may be empty.
    pub help: &'static str,
    /// Whether it is folded away at first.
    pub shown: Shown,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// Whether a section is open at first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Shown {
    /// Open.
    Open,
    /// Folded under its title.
    Folded,
}

/// One field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Field {
    /// Name in the form and in configuration.
    pub key: &'static str,
    /// Label above the field.
    pub label: &'static str,
    /// Help below it; may be empty.
    pub help: &'static str,
    /// What it takes.
    pub input: Input,
    /// Whether it may stay empty.
    pub need: Need,
    /// Value when nothing is set.
    pub default: &'static str,
}

/// Whether a field may stay empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Need {
    /// Must hold something.
    Required,
    /// May stay empty.
    Optional,
}

/// What a field takes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Input {
    /// One line.
    Text,
    /// Several lines, one entry each.
    Lines,
    /// An absolute http or https address.
    Url,
    /// A secret: shown as "set", replaced when something is typed, never sent back to the browser.
    Secret,
    /// A whole number within bounds.
    Number {
        /// Smallest accepted.
        min: i64,
        /// Largest accepted.
        max: i64,
    },
    /// On (`on`) or off (empty).
    Switch,
    /// One of these: key and label.
    Choice(Vec<(&'static str, &'static str)>),
}

impl SettingsSchema {
    /// Every field of every section.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.sections.iter().flat_map(|section| &section.fields)
    }

    /// Trims and checks what a form sent. Unknown keys are dropped, missing ones filled with defaults.
    /// `secrets_set` names the secrets that are stored already and may therefore stay empty.
    ///
    /// # Errors
    /// A message per field that cannot be accepted.
    pub fn check(&self, sent: &Values, secrets_set: &[&str]) -> Result<Values, Vec<FieldError>> {
        let mut values = Values::new();
        let mut errors = Vec::new();
        for field in self.fields() {
            let raw = sent
                .get(field.key)
                .map(|value| value.trim())
                .unwrap_or_default();
            let value = match field.input {
                Input::Switch => raw,
                _ if raw.is_empty() => field.default,
                _ => raw,
            };
            match field.accept(value, secrets_set.contains(&field.key)) {
                Ok(()) => {
                    values.insert(field.key.to_owned(), value.to_owned());
                }
                Err(message) => errors.push(FieldError {
                    field: field.key.to_owned(),
                    message,
                }),
            }
        }
        if errors.is_empty() {
            Ok(values)
        } else {
            Err(errors)
        }
    }
}

impl Field {
    fn accept(&self, value: &str, secret_is_set: bool) -> Result<(), String> {
        if value.is_empty() {
            let missing =
                self.need == Need::Required && !(self.input == Input::Secret && secret_is_set);
            return if missing {
                Err(format!("Fill in “{}”.", self.label))
            } else {
                Ok(())
            };
        }
        if value.len() > 8000 {
            return Err("Use at most 8000 bytes.".to_owned());
        }
        if self.input != Input::Lines && value.chars().any(char::is_control) {
            return Err("Remove the line break or control character.".to_owned());
        }
        match &self.input {
            Input::Text | Input::Lines | Input::Secret => Ok(()),
            Input::Url => accept_url(value),
            Input::Number { min, max } => match value.parse::<i64>() {
                Ok(number) if (*min..=*max).contains(&number) => Ok(()),
                _ => Err(format!("Enter a whole number from {min} to {max}.")),
            },
            Input::Switch if value == "on" => Ok(()),
            Input::Switch => Err("Switch it on or off.".to_owned()),
            Input::Choice(options) if options.iter().any(|(key, _)| *key == value) => Ok(()),
            Input::Choice(_) => Err("Choose one of the options.".to_owned()),
        }
    }
}

fn accept_url(value: &str) -> Result<(), String> {
    match url::Url::parse(value) {
        Ok(url)
            if matches!(url.scheme(), "http" | "https")
                && url.host().is_some()
                && url.username().is_empty() =>
        {
            Ok(())
        }
        _ => Err("Enter a full address, beginning with https://.".to_owned()),
    }
}
