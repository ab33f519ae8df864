//! What the last action did, said once on the page it led to.

use super::icon::Icon;
use super::tone::Tone;
use leptos::prelude::*;

/// A line above the page; a screen reader hears it as the page opens.
#[component]
pub fn Flash(
    /// How it went.
    tone: Tone,
    /// What happened, in one sentence.
    #[prop(into)]
    message: String,
    /// A link or button beside it, such as "Undo".
    #[prop(optional)]
    action: Option<AnyView>,
) -> impl IntoView {
    let role = if tone == Tone::Danger {
        "alert"
    } else {
        "status"
    };
    view! {
        <div class=format!("flash {}", tone.class()) role=role>
            <Icon glyph=tone.glyph()/>
            <p>{message}</p>
            {action}
        </div>
    }
}
