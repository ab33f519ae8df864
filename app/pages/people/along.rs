//! What goes along with a role: told before it is conferred, and confirmed.

use leptos::prelude::*;
use muster_domain::Error;
use muster_services::Knowingly;
use muster_web::Fields;

use crate::components::{Callout, Look, PostButton, Tone};

const FIELD: &str = "knowingly";

/// Whether the form says that it was told.
pub(crate) fn knowingly(fields: &Fields) -> Knowingly {
    match fields.one(FIELD) {
        Some("on") => Knowingly::Yes,
        _ => Knowingly::No,
    }
}

/// Whether a refusal asks for a confirmation.
pub(crate) fn asks(error: &Error) -> bool {
    matches!(error.code, "JIT-021" | "ROLE-006")
}

/// The question: what goes along, and a button that sends the same again with the confirmation.
pub(crate) fn question(
    error: &Error,
    action: String,
    mut fields: Vec<(String, String)>,
    confirm: &'static str,
) -> AnyView {
    fields.push((FIELD.to_owned(), "on".to_owned()));
    let (title, next) = (
        error.public.to_string(),
        error.next.as_ref().map(ToString::to_string),
    );
    let code = error.code;
    let button = view! { <PostButton action fields look=Look::Danger>{confirm}</PostButton> };
    view! {
        <Callout tone=Tone::Caution title action=button.into_any()>
            <p>{next} " " <code>{code}</code></p>
        </Callout>
    }
    .into_any()
}
