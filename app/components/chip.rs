//! Chips: a word or two on a soft ground, for states and causes.

use super::icon::{Glyph, Icon};
use super::markup::Markup;
use super::text::MaybeText;
use super::tone::Tone;
use leptos::prelude::*;

/// A state in a word. With `href` it is a link.
#[component]
pub fn Chip(
    /// What the colour says (the word says it too).
    #[prop(optional)]
    tone: Tone,
    /// An icon before the word.
    #[prop(optional)]
    icon: Option<Glyph>,
    /// Where it leads, if anywhere.
    #[prop(optional, into)]
    href: MaybeText,
    /// The exact words behind a short one.
    #[prop(optional, into)]
    title: MaybeText,
    /// The word.
    children: Children,
) -> impl IntoView {
    let class = format!("chip {}", tone.class());
    let body = view! {
        {icon.map(|glyph| view! { <Icon glyph/> })}
        {children()}
    };
    match href.0 {
        Some(href) => view! { <a class=class href=href title=title.0>{body}</a> }.into_any(),
        None => view! { <span class=class title=title.0>{body}</span> }.into_any(),
    }
}

/// The plainest [`Chip`], for lists: a word, and the exact words behind it if they are not the same.
#[must_use]
pub fn word_chip(tone: Tone, word: &str, title: Option<&str>) -> AnyView {
    let mut markup = Markup::with_room(96);
    markup
        .tag("<span class=\"chip ")
        .tag(tone.class())
        .tag("\"");
    if let Some(title) = title {
        markup.tag(" title=\"").text(title).tag("\"");
    }
    markup.tag(">").text(word).tag("</span>");
    markup.into_view()
}
