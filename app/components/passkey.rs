//! A question for a passkey inside a form: what the server asks, the button, and words for whoever has no script.

use super::field::error_text;
use super::text::MaybeText;
use leptos::prelude::*;
use muster_islands::PasskeyButton;
use muster_services::factors::passkey::Asked;

/// Sends `ceremony` and `answer` with the form around it.
#[component]
pub fn PasskeyField(
    /// What is asked.
    asked: Asked,
    /// The words on the button.
    #[prop(into)]
    label: String,
    /// What was wrong with the answer before.
    #[prop(optional, into)]
    error: MaybeText,
    /// What to do without script.
    #[prop(into)]
    otherwise: String,
) -> impl IntoView {
    let error = error
        .0
        .map(|error| error_text("answer-error".to_owned(), error));
    let without = format!("Passkeys need script, and none runs on this page. {otherwise}");
    view! {
        <div class="passkey" id="answer">
            <input type="hidden" name="ceremony" value=asked.id.to_string()/>
            <input type="hidden" name="answer" value=""/>
            {error}
            <PasskeyButton options=asked.options label without/>
        </div>
    }
}
