//! A line of numbers, each a link to the rows it counts.

use leptos::prelude::*;

/// One number.
#[derive(Clone, Debug, Default)]
pub struct Stat {
    /// What is counted.
    pub label: String,
    /// The number, as it is written.
    pub value: String,
    /// What it is made of.
    pub note: String,
    /// The rows it counts.
    pub href: Option<String>,
}

impl Stat {
    /// A number with its words and the address of its rows.
    pub fn new(
        label: impl Into<String>,
        value: impl Into<String>,
        note: impl Into<String>,
        href: impl Into<String>,
    ) -> Self {
        Self {
            label: label.into(),
            value: value.into(),
            note: note.into(),
            href: Some(href.into()),
        }
    }
}

/// Numbers side by side in one card.
#[component]
pub fn Stats(
    /// The numbers, four at best.
    stats: Vec<Stat>,
) -> impl IntoView {
    view! {
        <section class="card stats" aria-label="Numbers">
            <ul>
            {stats
                .into_iter()
                .map(|stat| {
                    let body = view! {
                        <span class="stat-label">{stat.label}</span>
                        <span class="stat-value">{stat.value}</span>
                        <span class="stat-note">{stat.note}</span>
                    };
                    match stat.href {
                        Some(href) => view! { <li><a class="stat" href=href>{body}</a></li> }.into_any(),
                        None => view! { <li><div class="stat">{body}</div></li> }.into_any(),
                    }
                })
                .collect_view()}
            </ul>
        </section>
    }
}
