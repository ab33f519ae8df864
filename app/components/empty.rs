//! Empty states: what will be here, why it is empty, and the way to fill it.

use super::icon::{Glyph, Icon};
use leptos::prelude::*;

/// Teaches what belongs here.
#[component]
pub fn Empty(
    /// A picture of what will be here.
    icon: Glyph,
    /// What is missing, as a sentence.
    #[prop(into)]
    title: String,
    /// The way to fill it.
    #[prop(optional)]
    action: Option<AnyView>,
    /// What it is good for.
    children: Children,
) -> impl IntoView {
    view! {
        <div class="empty">
            <span class="empty-mark"><Icon glyph=icon/></span>
            <p class="empty-title">{title}</p>
            <div class="empty-body">{children()}</div>
            {action.map(|action| view! { <div class="empty-action">{action}</div> })}
        </div>
    }
}
