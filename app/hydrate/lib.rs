//! The browser part: the only crate compiled to WebAssembly.
//!
//! It links `muster-islands`, whose `#[island]`s export one function each, and gives the page [`hydrate`], which the
//! shell's script calls once before it hands every `<leptos-island>` to its function. Nothing else belongs here:
//! pages are rendered on the server and never reach the browser as code.

use muster_islands as _;
use wasm_bindgen::prelude::wasm_bindgen;

/// Starts the reactive runtime of the islands on the page. A panic is written to the browser's console.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_islands();
}
