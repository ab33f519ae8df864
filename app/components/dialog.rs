//! Asking before something is taken away. A native dialog opened by a button, without script; Escape closes it.

use super::button::{Look, hidden};
use super::icon::{Glyph, Icon};
use leptos::prelude::*;

/// A button that opens a question, and the form that answers it.
#[component]
pub fn ConfirmDialog(
    /// Id of the dialog, unique on the page.
    #[prop(into)]
    id: String,
    /// The button that opens it.
    #[prop(into)]
    trigger: String,
    /// How loud that button is.
    #[prop(optional)]
    look: Look,
    /// The question.
    #[prop(into)]
    title: String,
    /// The confirming button: verb and object.
    #[prop(into)]
    confirm: String,
    /// How loud the confirming button is.
    #[prop(default = Look::Removing)]
    confirm_look: Look,
    /// Address the form posts to.
    #[prop(into)]
    action: String,
    /// Hidden fields, name and value.
    #[prop(optional)]
    fields: Vec<(String, String)>,
    /// Icon on the button that opens it.
    #[prop(optional)]
    icon: Option<Glyph>,
    /// What will happen, exactly; may hold form fields.
    children: Children,
) -> impl IntoView {
    let heading = format!("{id}-title");
    let labelled = heading.clone();
    let (dialog_id, cancel_target) = (id.clone(), id.clone());
    let trigger_class = super::button::class(look);
    let confirm_class = super::button::class(confirm_look);
    view! {
        <button type="button" class=trigger_class popovertarget=id aria-haspopup="dialog">
            {icon.map(|glyph| view! { <Icon glyph/> })}
            {trigger}
        </button>
        <dialog id=dialog_id popover="auto" class="dialog" aria-labelledby=labelled>
            <form method="post" action=action>
                {hidden(fields)}
                {super::form::form_mark()}
                <h2 id=heading>{title}</h2>
                <div class="dialog-body">{children()}</div>
                <div class="dialog-actions">
                    <button type="button" class="btn" popovertarget=cancel_target popovertargetaction="hide" autofocus=true>"Cancel"</button>
                    <button type="submit" class=confirm_class>{confirm}</button>
                </div>
            </form>
        </dialog>
    }
}
