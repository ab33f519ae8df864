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
    /// What is wrong.
    pub errors: Vec<FieldError>,
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
    let has_errors = section
        .fields
        .iter()
        .any(|field| error_of(&filled.errors, field.key).is_some());
    let help = (!section.help.is_empty()).then(|| section.help.to_owned());
    let fields = section
        .fields
        .iter()
        .map(|field| one_field(field, filled))
        .collect_view();
    match section.shown {
        Shown::Open if section.title.is_empty() => fields.into_any(),
        Shown::Open => {
            view! { <FieldGroup title=section.title help=help>{fields}</FieldGroup> }.into_any()
        }
        Shown::Folded => view! {
            <details class="folded" open=has_errors>
                <summary>{section.title}</summary>
                <div class="folded-body">
                    {help.map(|help| view! { <p class="help">{help}</p> })}
                    {fields}
                </div>
            </details>
        }
        .into_any(),
    }
}

fn one_field(field: &Field, filled: &Filled) -> AnyView {
    let (name, label, need) = (field.key, field.label, field.need);
    let value = filled
        .values
        .get(name)
        .cloned()
        .unwrap_or_else(|| field.default.to_owned());
    let help = (!field.help.is_empty()).then(|| field.help.to_owned());
    let error = error_of(&filled.errors, name);
    match &field.input {
        Input::Text => view! { <TextField name label value help error need/> }.into_any(),
        Input::Url => {
            view! { <TextField name label value help error need takes=Takes::Url/> }.into_any()
        }
        Input::Lines => {
            view! { <TextArea name label value help error need takes=Takes::Exact/> }.into_any()
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
                Stored::Since("Stored, sealed".to_owned())
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
