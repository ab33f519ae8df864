//! Ctrl K (or ⌘ K) goes to the search in the top bar.

use leptos::prelude::*;

/// Listens for the keys and shows them in the search box.
#[island]
pub fn JumpKey() -> impl IntoView {
    let is_ready = RwSignal::new(false);
    #[cfg(feature = "hydrate")]
    Effect::new(move || {
        listen();
        is_ready.set(true);
    });
    view! { <kbd class="jump-key" aria-hidden="true" class:ready=move || is_ready.get()>"Ctrl K"</kbd> }
}

#[cfg(feature = "hydrate")]
fn listen() {
    use wasm_bindgen::JsCast;
    let Some(document) = crate::page::document() else {
        return;
    };
    crate::page::listen(&document, "keydown", |event| {
        let Some(event) = event.dyn_ref::<web_sys::KeyboardEvent>() else {
            return;
        };
        if event.key() != "k" || !(event.ctrl_key() || event.meta_key()) {
            return;
        }
        let search = crate::page::all(".jump input").into_iter().next();
        if let Some(search) =
            search.and_then(|element| element.dyn_into::<web_sys::HtmlElement>().ok())
        {
            event.prevent_default();
            let _ = search.focus();
        }
    });
}
