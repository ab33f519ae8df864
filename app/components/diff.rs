//! Before and after. A sign and a colour say what goes and what comes; a chip says why.

use super::chip::Chip;
use super::text::MaybeText;
use super::tone::Tone;
use leptos::prelude::*;

/// What happens to one field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FieldChange {
    /// Its name; empty where the row says it already.
    pub field: String,
    /// What it was; missing if it had no value.
    pub before: Option<String>,
    /// What it will be; missing if it is taken away.
    pub after: Option<String>,
}

impl FieldChange {
    /// From one value to another.
    pub fn new(
        field: impl Into<String>,
        before: impl Into<String>,
        after: impl Into<String>,
    ) -> Self {
        Self {
            field: field.into(),
            before: Some(before.into()),
            after: Some(after.into()),
        }
    }

    /// A value that comes.
    pub fn added(field: impl Into<String>, after: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            before: None,
            after: Some(after.into()),
        }
    }

    /// A value that goes.
    pub fn removed(field: impl Into<String>, before: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            before: Some(before.into()),
            after: None,
        }
    }
}

/// The changes of one row, for a table cell or a card.
#[component]
pub fn Diff(
    /// What happens to each field.
    changes: Vec<FieldChange>,
) -> impl IntoView {
    view! { <ul class="diff">{changes.into_iter().map(change).collect_view()}</ul> }
}

fn change(change: FieldChange) -> AnyView {
    view! {
        <li>
            {(!change.field.is_empty()).then(|| view! { <span class="diff-field">{change.field}</span> })}
            {change.before.map(|before| {
                view! { <del><span class="sign" aria-hidden="true">"−"</span><span class="visually-hidden">"was "</span>{before}</del>" " }
            })}
            {change.after.map(|after| {
                view! { <ins><span class="sign" aria-hidden="true">"+"</span><span class="visually-hidden">"becomes "</span>{after}</ins> }
            })}
        </li>
    }
    .into_any()
}

/// Why a change happens.
#[component]
pub fn Cause(
    /// The cause in words: "gone from source".
    #[prop(into)]
    cause: String,
    /// How much it takes away.
    #[prop(optional)]
    tone: Tone,
    /// Address of the list with only this cause.
    #[prop(optional, into)]
    href: MaybeText,
) -> impl IntoView {
    view! { <Chip tone href=href.0>{cause}</Chip> }
}
