//! One form for everything that describes itself: identity providers, directories, settings.
//! It renders a [`SettingsSchema`]; nothing here knows any vendor.

use super::choice::{CheckField, SelectField};
use super::field::{Choice, NumberField, SecretField, Stored, Takes, TextArea, TextField};
use super::form::{FieldGroup, error_of};
use leptos::prelude::*;
use muster_domain::error::FieldError;
use muster_domain::settings::{Field, Input, Section, SettingsSchema, Shown, Values};

/// What the form holds now.
#[derive(Clone, Debug, Default)]
pub struct Filled {
    /// Values as typed or stored, without secrets.
    pub values: Values,
    /// Keys of the secrets that are stored.
    pub secrets_set: Vec<String>,
    /// Whether those were typed and are not saved yet.
    pub secrets_wait: bool,
    /// What is wrong.
    pub errors: Vec<FieldError>,
    /// What an empty field means, by its key; shown inside it.
    pub usual: Values,
}

impl Filled {
    /// What a field holds now.
    fn value(&self, field: &Field) -> String {
        let value = self.values.get(field.key).cloned();
        value.unwrap_or_else(|| field.default.to_owned())
    }

    fn is_wrong(&self, field: &Field) -> bool {
        error_of(&self.errors, field.key).is_some()
    }
}

/// Fields alone, for pages that have places of their own for them.
#[must_use]
pub fn settings_fields<'a>(fields: impl Iterator<Item = &'a Field>, filled: &Filled) -> AnyView {
    fields
        .map(|field| one_field(field, filled))
        .collect_view()
        .into_any()
}

/// Fields that few need, folded under their own names until one of them holds something or is wrong.
#[must_use]
pub fn seldom_fields(fields: &[&Field], filled: &Filled) -> AnyView {
    if fields.is_empty() {
        return ().into_any();
    }
    let is_used = |field: &&Field| filled.is_wrong(field) || filled.value(field) != field.default;
    let open = fields.iter().any(is_used);
    let names: Vec<&str> = fields.iter().map(|field| field.label).collect();
    view! {
        <details class="seldom" open=open>
            <summary>{names.join(" · ")}</summary>
            <div class="seldom-body">{settings_fields(fields.iter().copied(), filled)}</div>
        </details>
    }
    .into_any()
}

/// A section folded under its title, which says how its first field stands; open where something in it is wrong.
#[must_use]
pub fn folded_section(section: &Section, filled: &Filled) -> AnyView {
    let open = section.fields.iter().any(|field| filled.is_wrong(field));
    let now = section
        .fields
        .first()
        .and_then(|field| stands(field, filled));
    let help = (!section.help.is_empty()).then(|| view! { <p class="help">{section.help}</p> });
    let fields = settings_fields(section.fields.iter(), filled);
    view! {
        <details class="folded" open=open>
            <summary>{section.title}{now.map(|now| view! { <span class="folded-now">{now}</span> })}</summary>
            <div class="folded-body">{help}{fields}</div>
        </details>
    }
    .into_any()
}

/// How a field stands, in a few words; none for those that say nothing without the others.
fn stands(field: &Field, filled: &Filled) -> Option<String> {
    let value = filled.value(field);
    match &field.input {
        Input::Choice(options) => options
            .iter()
            .find(|(key, _)| *key == value)
            .map(|(_, words)| (*words).to_owned()),
        Input::Switch if value == "on" => Some("On".to_owned()),
        Input::Switch => Some("Off".to_owned()),
        Input::Text | Input::Url if !value.is_empty() => Some(value),
        Input::Lines if !value.is_empty() => {
            let lines: Vec<&str> = value.lines().map(str::trim).collect();
            Some(lines.join(", "))
        }
        Input::Secret | Input::Number { .. } => None,
        _ if filled.usual.contains_key(field.key) => None,
        Input::Text | Input::Url | Input::Lines => Some("Not set".to_owned()),
    }
}

/// Every field of a schema, in its sections. Goes inside a [`super::form::Form`].
#[component]
pub fn SettingsFields(
    /// What to ask.
    schema: SettingsSchema,
    /// What is known.
    filled: Filled,
) -> impl IntoView {
    schema
        .sections
        .into_iter()
        .map(|section| one_section(section, &filled))
        .collect_view()
}

fn one_section(section: Section, filled: &Filled) -> AnyView {
    let help = (!section.help.is_empty()).then(|| section.help.to_owned());
    let fields = settings_fields(section.fields.iter(), filled);
    match section.shown {
        Shown::Open if section.title.is_empty() => fields,
        Shown::Open => {
            view! { <FieldGroup title=section.title help=help>{fields}</FieldGroup> }.into_any()
        }
        Shown::Folded => folded_section(&section, filled),
    }
}

fn one_field(field: &Field, filled: &Filled) -> AnyView {
    let (name, label, need) = (field.key, field.label, field.need);
    let value = filled.value(field);
    let help = (!field.help.is_empty()).then(|| field.help.to_owned());
    let error = error_of(&filled.errors, name);
    let placeholder = filled.usual.get(name).cloned();
    match &field.input {
        Input::Text => {
            view! { <TextField name label value help error need placeholder/> }.into_any()
        }
        Input::Url => {
            view! { <TextField name label value help error need takes=Takes::Url/> }.into_any()
        }
        Input::Lines => {
            view! { <TextArea name label value help error need placeholder takes=Takes::Exact/> }
                .into_any()
        }
        Input::Number { min, max } => {
            view! { <NumberField name label value help error need min=*min max=*max/> }.into_any()
        }
        Input::Switch => {
            let checked = value == "on";
            view! { <CheckField name label checked help error/> }.into_any()
        }
        Input::Secret => {
            let is_set = filled.secrets_set.iter().any(|key| key == name);
            let stored = if is_set {
                Stored::Since(match filled.secrets_wait {
                    true => "Entered, stored when you save".to_owned(),
                    false => "Stored, sealed".to_owned(),
                })
            } else {
                Stored::Nothing
            };
            view! { <SecretField name label stored help error need/> }.into_any()
        }
        Input::Choice(options) => {
            let choices = options
                .iter()
                .map(|(value, words)| Choice::new(*value, *words))
                .collect();
            view! { <SelectField name label value choices help error need/> }.into_any()
        }
    }
}
