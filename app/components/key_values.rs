//! Facts about one thing: a definition list in two columns.

use leptos::prelude::*;

/// One fact.
pub struct KeyValue {
    /// Its name.
    pub key: String,
    /// What it is.
    pub value: AnyView,
}

impl KeyValue {
    /// A fact from its name and any view or text.
    pub fn new(key: impl Into<String>, value: impl IntoAny) -> Self {
        Self {
            key: key.into(),
            value: value.into_any(),
        }
    }

    /// A fact that may be missing.
    pub fn maybe(key: impl Into<String>, value: Option<String>) -> Self {
        let value = match value {
            Some(value) => value.into_any(),
            None => view! { <span class="nothing">"–"</span> }.into_any(),
        };
        Self {
            key: key.into(),
            value,
        }
    }
}

/// The facts, key left and value right; one above the other on a phone.
#[component]
pub fn KeyValues(
    /// The facts.
    items: Vec<KeyValue>,
) -> impl IntoView {
    view! {
        <dl class="key-values">
            {items
                .into_iter()
                .map(|item| view! { <div><dt>{item.key}</dt><dd>{item.value}</dd></div> })
                .collect_view()}
        </dl>
    }
}
