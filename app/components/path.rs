//! How a person comes to be in a group: the way through nested groups.

use super::icon::{Glyph, Icon};
use super::text::MaybeText;
use leptos::prelude::*;

/// One stop on the way.
#[derive(Clone, Debug, Default)]
pub struct PathNode {
    /// Its name.
    pub label: String,
    /// Its page.
    pub href: Option<String>,
}

impl PathNode {
    /// A stop with a page.
    pub fn new(label: impl Into<String>, href: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            href: Some(href.into()),
        }
    }
}

/// User → group → group, with the origin that put the first step there.
#[component]
pub fn GroupPath(
    /// The stops, the person first.
    nodes: Vec<PathNode>,
    /// Which source says so.
    #[prop(optional, into)]
    origin: MaybeText,
) -> impl IntoView {
    view! {
        <ol class="path">
            {nodes
                .into_iter()
                .enumerate()
                .map(|(at, node)| {
                    let label = match node.href {
                        Some(href) => view! { <a href=href>{node.label}</a> }.into_any(),
                        None => view! { <span>{node.label}</span> }.into_any(),
                    };
                    view! { <li>{(at != 0).then(|| view! { <Icon glyph=Glyph::Arrow/> })}{label}</li> }
                })
                .collect_view()}
            {origin.0.map(|origin| view! { <li class="path-origin">{origin}</li> })}
        </ol>
    }
}
