//! What can be done with several selected rows at once.

use super::text::MaybeText;
use leptos::prelude::*;

/// A bar that appears when rows of the table beside it are selected. Place it in the same card,
/// after the table. The count needs no script: CSS counts the checked boxes.
#[component]
pub fn BulkBar(
    /// Id of the form the checkboxes belong to.
    #[prop(into)]
    form: String,
    /// Address the form posts to.
    #[prop(into)]
    action: String,
    /// Offer to take every row that matches: "All 11 962 that match".
    #[prop(optional, into)]
    all: MaybeText,
    /// Buttons (`Button name="do" value="deactivate"`).
    children: Children,
) -> impl IntoView {
    view! {
        <form class="bulk" id=form method="post" action=action>
            <span class="bulk-count"></span>
            {all.0.map(|all| view! {
                <label class="bulk-all"><input type="checkbox" name="all" value="true"/>{all}</label>
            })}
            <span class="bulk-actions">{children()}</span>
        </form>
    }
}
