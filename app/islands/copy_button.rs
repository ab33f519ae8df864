//! Copies a value to the clipboard.

use leptos::prelude::*;

/// A button that copies `value`. Without script it stays invisible, in its place.
#[island]
pub fn CopyButton(
    /// What is copied.
    value: String,
    /// What it is: the button reads "Copy {label}".
    label: String,
) -> impl IntoView {
    let is_ready = RwSignal::new(false);
    let said = RwSignal::new("");
    #[cfg(feature = "hydrate")]
    Effect::new(move || is_ready.set(true));
    view! {
        <button
            type="button"
            class="btn copy-btn"
            disabled=move || !is_ready.get()
            on:click=move |_| copy(value.clone(), said)
        >
            "Copy"
            <span class="visually-hidden">" "{label}</span>
        </button>
        <span class="copied" role="status">{said}</span>
    }
}

#[cfg(feature = "hydrate")]
fn copy(value: String, said: Said) {
    use wasm_bindgen::JsValue;
    let Some(navigator) = crate::page::window().map(|window| window.navigator()) else {
        return;
    };
    // Missing on pages that are not served over https.
    let is_missing = js_sys::Reflect::get(&navigator, &JsValue::from_str("clipboard"))
        .map_or(true, |clipboard| clipboard.is_undefined());
    if is_missing {
        said.set("Select it and copy by hand: browsers copy only on https pages");
        return;
    }
    let written = navigator.clipboard().write_text(&value);
    wasm_bindgen_futures::spawn_local(async move {
        match wasm_bindgen_futures::JsFuture::from(written).await {
            Ok(_) => said.set("Copied"),
            Err(_) => said.set("The browser did not allow it: select and copy by hand"),
        }
        set_timeout(move || said.set(""), std::time::Duration::from_secs(3));
    });
}

#[cfg(not(feature = "hydrate"))]
fn copy(_value: String, _said: Said) {}

type Said = RwSignal<&'static str>;
