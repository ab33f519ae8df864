//! The mark: nine people at roll call, one of them known.

use leptos::prelude::*;

/// Mark and name, a link to the overview.
#[component]
pub fn Brand() -> impl IntoView {
    view! { <a class="brand" href="/"><Mark/>"Muster"</a> }
}

/// The mark alone.
#[component]
pub fn Mark() -> impl IntoView {
    let dots = (0..9)
        .map(|at| {
            let (cx, cy) = (4 + 7 * (at % 3), 4 + 7 * (at / 3));
            let (r, class) = if at == 4 {
                ("2.6", "known")
            } else {
                ("2.1", "other")
            };
            view! { <circle cx=cx cy=cy r=r class=class></circle> }
        })
        .collect_view();
    view! { <svg class="brand-mark" viewBox="0 0 22 22" width="22" height="22" aria-hidden="true">{dots}</svg> }
}
