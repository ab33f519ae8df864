//! Server paging: where one is in a list, and the way to its neighbours.

use super::icon::{Glyph, Icon};
use super::text::MaybeText;
use leptos::prelude::*;
use muster_domain::listing::Count;
use muster_domain::number::grouped;

/// The number in words: `12 408`, or `at least 10 000` where counting stopped.
#[must_use]
pub fn count_words(count: Count) -> String {
    match count {
        Count::Exact(n) => grouped(n),
        Count::AtLeast(n) => format!("at least {}", grouped(n)),
    }
}

/// The line below a table.
#[component]
pub fn Pager(
    /// First row shown, counted from 1; 0 if there is none.
    from: u64,
    /// Last row shown.
    to: u64,
    /// How many there are.
    total: Count,
    /// Address of the first page.
    #[prop(optional, into)]
    first: MaybeText,
    /// Address of the page before.
    #[prop(optional, into)]
    previous: MaybeText,
    /// Address of the page after.
    #[prop(optional, into)]
    next: MaybeText,
    /// Address of the last page.
    #[prop(optional, into)]
    last: MaybeText,
) -> impl IntoView {
    let place = match (from, total) {
        (0, Count::Exact(0)) => "Nothing to show".to_owned(),
        _ => format!(
            "{}–{} of {}",
            grouped(from),
            grouped(to),
            count_words(total)
        ),
    };
    let has_pages = !previous.is_missing() || !next.is_missing();
    view! {
        <div class="pager">
            <span>{place}</span>
            {has_pages.then(|| view! {
                <nav aria-label="Pages">
                    {first.0.map(|href| view! { <a class="btn pager-end" rel="first" href=href>"First"</a> })}
                    {neighbour("Previous", "prev", Glyph::Previous, previous)}
                    {neighbour("Next", "next", Glyph::Next, next)}
                    {last.0.map(|href| view! { <a class="btn pager-end" rel="last" href=href>"Last"</a> })}
                </nav>
            })}
        </div>
    }
}

fn neighbour(word: &'static str, rel: &'static str, glyph: Glyph, href: MaybeText) -> AnyView {
    let words = match glyph {
        Glyph::Previous => view! { <Icon glyph/>{word} }.into_any(),
        _ => view! { {word}<Icon glyph/> }.into_any(),
    };
    match href.0 {
        Some(href) => view! { <a class="btn" rel=rel href=href>{words}</a> }.into_any(),
        None => view! { <span class="btn off" aria-hidden="true">{words}</span> }.into_any(),
    }
}
