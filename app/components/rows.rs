//! List rows: a shape, a bold line, a line of detail, an action.

use super::text::MaybeText;
use super::tone::{Dot, Tone};
use leptos::prelude::*;

/// A list of [`Row`]s.
#[component]
pub fn Rows(
    /// The rows.
    children: Children,
) -> impl IntoView {
    view! { <ul class="rows">{children()}</ul> }
}

/// One row of a list.
#[component]
pub fn Row(
    /// The bold line.
    #[prop(into)]
    title: String,
    /// What the shape before it says; no shape without it.
    #[prop(optional)]
    tone: Option<Tone>,
    /// Where the bold line leads.
    #[prop(optional, into)]
    href: MaybeText,
    /// A button at the end.
    #[prop(optional)]
    action: Option<AnyView>,
    /// The detail.
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    let title = match href.0 {
        Some(href) => view! { <a class="row-title" href=href>{title}</a> }.into_any(),
        None => view! { <span class="row-title">{title}</span> }.into_any(),
    };
    view! {
        <li>
            {tone.map(|tone| view! { <Dot tone/> })}
            <div class="grow">
                {title}
                {children.map(|children| view! { <div class="row-detail">{children()}</div> })}
            </div>
            {action.map(|action| view! { <div class="row-action">{action}</div> })}
        </li>
    }
}
