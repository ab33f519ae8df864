//! The page as the browser sees it: elements by selector, listeners that stay as long as the page.

use wasm_bindgen::prelude::*;
use web_sys::{Document, Element, Event, EventTarget, Window};

/// The window, where there is one.
pub fn window() -> Option<Window> {
    web_sys::window()
}

/// The document, where there is one.
pub fn document() -> Option<Document> {
    window()?.document()
}

/// Every element the selector finds.
pub fn all(selector: &str) -> Vec<Element> {
    let Some(found) = document().and_then(|document| document.query_selector_all(selector).ok())
    else {
        return Vec::new();
    };
    (0..found.length())
        .filter_map(|at| found.get(at)?.dyn_into().ok())
        .collect()
}

/// Calls `heard` for every such event until the page goes.
pub fn listen(target: &EventTarget, event: &str, heard: impl FnMut(Event) + 'static) {
    let closure = Closure::<dyn FnMut(Event)>::new(heard);
    if target
        .add_event_listener_with_callback(event, closure.as_ref().unchecked_ref())
        .is_ok()
    {
        closure.forget();
    }
}
