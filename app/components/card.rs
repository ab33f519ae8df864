//! Cards: one subject on a surface, with a heading.

use super::text::MaybeText;
use leptos::prelude::*;

/// What lies in a card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Inset {
    /// Text or a form: space around it.
    #[default]
    Padded,
    /// Rows, a table or stats: they bring their own space.
    Flush,
}

/// A surface with a heading. `badge` stands after the heading, `more` at the far end.
#[component]
pub fn Card(
    /// The heading.
    #[prop(optional, into)]
    title: MaybeText,
    /// Id of the card, as a target of links.
    #[prop(optional, into)]
    id: MaybeText,
    /// A chip after the heading.
    #[prop(optional)]
    badge: Option<AnyView>,
    /// A link or note at the end of the heading line.
    #[prop(optional)]
    more: Option<AnyView>,
    /// What lies in it.
    #[prop(optional)]
    inset: Inset,
    /// The content.
    children: Children,
) -> impl IntoView {
    let header = (!title.is_missing() || badge.is_some() || more.is_some()).then(|| {
        view! {
            <header>
                {title.0.map(|title| view! { <h2>{title}</h2> })}
                {badge}
                {more.map(|more| view! { <div class="more">{more}</div> })}
            </header>
        }
    });
    let class = match inset {
        Inset::Padded => "body",
        Inset::Flush => "flush",
    };
    view! {
        <section class="card" id=id.0>
            {header}
            <div class=class>{children()}</div>
        </section>
    }
}
