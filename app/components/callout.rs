//! Callouts: something the reader must know before going on, with the way on beside it.

use super::icon::Icon;
use super::text::MaybeText;
use super::tone::Tone;
use leptos::prelude::*;

/// A framed note with a mark, a bold first sentence and an optional action.
#[component]
pub fn Callout(
    /// What kind of note.
    tone: Tone,
    /// The first sentence, in bold.
    #[prop(optional, into)]
    title: MaybeText,
    /// A button or link beside the text.
    #[prop(optional)]
    action: Option<AnyView>,
    /// The rest.
    children: Children,
) -> impl IntoView {
    view! {
        <div class=format!("callout {}", tone.class())>
            <Icon glyph=tone.glyph()/>
            <div class="grow">
                {title.0.map(|title| view! { <p class="callout-title">{title}</p> })}
                <div class="callout-body">{children()}</div>
            </div>
            {action.map(|action| view! { <div class="callout-action">{action}</div> })}
        </div>
    }
}
