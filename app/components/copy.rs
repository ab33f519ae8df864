//! A value somebody will paste elsewhere, with a button that copies it.

use leptos::prelude::*;
use muster_islands::CopyButton;

/// A value in fixed width with a copy button; selectable as a whole without script.
#[component]
pub fn CopyText(
    /// The value.
    #[prop(into)]
    value: String,
    /// What it is, for the button's name: "Copy redirect URI".
    #[prop(into)]
    label: String,
) -> impl IntoView {
    view! {
        <div class="copy">
            <code tabindex="0">{value.clone()}</code>
            <CopyButton value=value label=label/>
        </div>
    }
}
