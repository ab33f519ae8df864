//! Asks before leaving a form whose words are not saved yet.

use leptos::prelude::*;

/// Guards the form it stands in. Without script, nothing is asked.
#[island]
pub fn UnsavedGuard() -> impl IntoView {
    let me = NodeRef::<leptos::html::Span>::new();
    #[cfg(feature = "hydrate")]
    Effect::new(move || {
        let form = me.get().and_then(|me| me.closest("form").ok().flatten());
        if let Some(form) = form {
            guard(&form);
        }
    });
    view! { <span hidden node_ref=me></span> }
}

#[cfg(feature = "hydrate")]
fn guard(form: &web_sys::Element) {
    use std::cell::Cell;
    use std::rc::Rc;
    let Some(window) = crate::page::window() else {
        return;
    };
    let has_unsaved = Rc::new(Cell::new(false));
    let typed = has_unsaved.clone();
    crate::page::listen(form, "input", move |_| typed.set(true));
    let sent = has_unsaved.clone();
    crate::page::listen(form, "submit", move |_| sent.set(false));
    crate::page::listen(&window, "beforeunload", move |event| {
        if has_unsaved.get() {
            event.prevent_default();
        }
    });
}
