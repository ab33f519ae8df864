//! Forms: post, redirect, get. A form that comes back with errors lists them at its top, each a link to its field.

use super::icon::{Glyph, Icon};
use leptos::prelude::*;
use muster_domain::error::FieldError;
use muster_islands::UnsavedGuard;

/// The message for one field, if there is one.
#[must_use]
pub fn error_of(errors: &[FieldError], field: &str) -> Option<String> {
    errors
        .iter()
        .find(|error| error.field == field)
        .map(|error| error.message.clone())
}

/// Whether leaving the page with unsaved words asks first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guard {
    /// It asks.
    #[default]
    Unsaved,
    /// It does not: the form is short.
    Off,
}

/// What the forms of a page carry while a secure session runs: it counts for them a minute longer.
#[derive(Clone, Debug)]
pub struct FormMark(pub String);

impl FormMark {
    /// The field that carries it.
    pub const FIELD: &str = "__form";
}

/// The hidden field of the mark, for every form that posts; nothing where no secure session runs.
#[must_use]
pub fn form_mark() -> AnyView {
    use_context::<FormMark>()
        .map(|mark| view! { <input type="hidden" name=FormMark::FIELD value=mark.0/> })
        .into_any()
}

/// A form that posts. Put [`FormActions`] last.
#[component]
pub fn Form(
    /// Address it posts to.
    #[prop(into)]
    action: String,
    /// What is wrong; empty on the first visit.
    #[prop(optional)]
    errors: Vec<FieldError>,
    /// Whether leaving with unsaved words asks first.
    #[prop(optional)]
    guard: Guard,
    /// Fields.
    children: Children,
) -> impl IntoView {
    view! {
        <form class="form" method="post" action=action novalidate=true>
            {(guard == Guard::Unsaved).then(|| view! { <UnsavedGuard/> })}
            {form_mark()}
            <ErrorSummary errors/>
            {children()}
        </form>
    }
}

/// The list of errors at the top of a form; nothing without errors.
#[component]
pub fn ErrorSummary(
    /// What is wrong.
    errors: Vec<FieldError>,
) -> impl IntoView {
    let title = match errors.len() {
        0 => return ().into_any(),
        1 => "One thing to change first".to_owned(),
        n => format!("{n} things to change first"),
    };
    view! {
        <div class="error-summary" role="alert" tabindex="-1" autofocus=true>
            <Icon glyph=Glyph::Warning/>
            <div>
                <p class="callout-title">{title}</p>
                <ul>
                    {errors
                        .into_iter()
                        .map(|error| {
                            view! { <li><a href=format!("#{}", error.field)>{error.message}</a></li> }
                        })
                        .collect_view()}
                </ul>
            </div>
        </div>
    }
    .into_any()
}

/// The buttons at the end of a form.
#[component]
pub fn FormActions(
    /// Buttons; the primary one first.
    children: Children,
) -> impl IntoView {
    view! { <div class="form-actions">{children()}</div> }
}

/// Fields that belong together, with a heading and a line about them.
#[component]
pub fn FieldGroup(
    /// The heading.
    #[prop(into)]
    title: String,
    /// A line about it.
    #[prop(optional, into)]
    help: super::text::MaybeText,
    /// Fields.
    children: Children,
) -> impl IntoView {
    view! {
        <fieldset class="field-group">
            <legend>{title}</legend>
            {help.0.map(|help| view! { <p class="help">{help}</p> })}
            {children()}
        </fieldset>
    }
}
