//! An error as a page: what happened, why, what to do next, and the code and request to tell support.

use super::icon::{Glyph, Icon};
use super::text::MaybeText;
use leptos::prelude::*;

/// The body of an error page.
#[component]
pub fn Problem(
    /// What happened, as a sentence.
    #[prop(into)]
    what: String,
    /// Why.
    #[prop(optional, into)]
    why: MaybeText,
    /// What to do next.
    #[prop(optional, into)]
    next: MaybeText,
    /// Stable code.
    #[prop(into)]
    code: String,
    /// Id of the request, as in the log.
    #[prop(optional, into)]
    request_id: MaybeText,
    /// Links and buttons that lead on.
    #[prop(optional)]
    actions: Option<AnyView>,
) -> impl IntoView {
    view! {
        <section class="problem">
            <span class="problem-mark"><Icon glyph=Glyph::Warning/></span>
            <h1>{what}</h1>
            {why.0.map(|why| view! { <p>{why}</p> })}
            {next.0.map(|next| view! { <p class="problem-next"><b>"What to do: "</b>{next}</p> })}
            {actions.map(|actions| view! { <div class="problem-actions">{actions}</div> })}
            <dl class="problem-facts">
                <div><dt>"Code"</dt><dd><code>{code}</code></dd></div>
                {request_id.0.map(|id| view! { <div><dt>"Request"</dt><dd><code>{id}</code></dd></div> })}
            </dl>
        </section>
    }
}
