//! Search and filters above a table. Everything is in the address; a chip removes its own filter.

use super::button::{Button, hidden};
use super::icon::{Glyph, Icon};
use super::text::MaybeText;
use leptos::prelude::*;

/// One filter that is set.
#[derive(Clone, Debug)]
pub struct ActiveFilter {
    /// What it filters: "State".
    pub label: String,
    /// By which value: "active".
    pub value: String,
    /// Address of the same list without it.
    pub remove: String,
}

/// One choice among counts above a list: "Deactivate 412".
#[derive(Clone, Debug)]
pub struct Facet {
    /// The word.
    pub label: String,
    /// How many rows.
    pub count: Option<u64>,
    /// Address of the list with only these.
    pub href: String,
    /// What the colour says.
    pub tone: super::tone::Tone,
    /// Whether it is the one chosen.
    pub is_current: bool,
}

/// The tools above a table: a search form, set filters, a count. `children` are more fields (selects).
#[component]
pub fn Filters(
    /// Address of the list.
    #[prop(into)]
    action: String,
    /// What is searched now.
    #[prop(optional, into)]
    query: MaybeText,
    /// What can be searched.
    #[prop(into)]
    placeholder: String,
    /// Filters that are set.
    #[prop(optional)]
    active: Vec<ActiveFilter>,
    /// Parameters a new search keeps, such as the sort.
    #[prop(optional)]
    keep: Vec<(String, String)>,
    /// How many rows match, in words.
    #[prop(optional, into)]
    count: MaybeText,
    /// Selects and other fields of the form (`FilterSelect`).
    #[prop(optional)]
    children: Option<Children>,
) -> impl IntoView {
    view! {
        <search class="tools">
            <form class="tools-form" method="get" action=action role="search">
                {hidden(keep)}
                <label class="search">
                    <Icon glyph=Glyph::Search/>
                    <span class="visually-hidden">{placeholder.clone()}</span>
                    <input type="search" name="q" value=query.0.unwrap_or_default() placeholder=placeholder autocomplete="off" spellcheck="false"/>
                </label>
                {children.map(|children| children())}
                <Button>"Search"</Button>
            </form>
            {(!active.is_empty()).then(|| view! { <ul class="filters">{active.into_iter().map(chip).collect_view()}</ul> })}
            {count.0.map(|count| view! { <p class="tools-count">{count}</p> })}
        </search>
    }
}

fn chip(filter: ActiveFilter) -> AnyView {
    let words = format!("{}: {}", filter.label, filter.value);
    let spoken = format!("Remove filter {words}");
    view! {
        <li>
            <a class="chip accent filter" href=filter.remove aria-label=spoken>
                {words}
                <Icon glyph=Glyph::Cross/>
            </a>
        </li>
    }
    .into_any()
}

/// A select inside [`Filters`]: value and words of each choice; an empty value means "any".
#[component]
pub fn FilterSelect(
    /// Form field name.
    #[prop(into)]
    name: String,
    /// What it filters.
    #[prop(into)]
    label: String,
    /// The chosen value.
    #[prop(optional, into)]
    value: MaybeText,
    /// Value and words of each choice.
    choices: Vec<(String, String)>,
) -> impl IntoView {
    let chosen = value.0.unwrap_or_default();
    view! {
        <label class="filter-select">
            <span>{label}</span>
            <select name=name>
                <option value="" selected=chosen.is_empty()>"any"</option>
                {choices
                    .into_iter()
                    .map(|(value, words)| {
                        let selected = value == chosen;
                        view! { <option value=value selected=selected>{words}</option> }
                    })
                    .collect_view()}
            </select>
        </label>
    }
}

/// A line of counts, each a link to the rows it counts.
#[component]
pub fn Facets(
    /// What they divide, for screen readers.
    #[prop(into)]
    label: String,
    /// The counts.
    facets: Vec<Facet>,
) -> impl IntoView {
    view! {
        <nav class="tools facets" aria-label=label>
            {facets
                .into_iter()
                .map(|facet| {
                    view! {
                        <a
                            class=format!("chip facet {}", facet.tone.class())
                            href=facet.href
                            aria-current=facet.is_current.then_some("true")
                        >
                            {facet.label}
                            {facet.count.map(|n| view! { <b>{muster_domain::number::grouped(n)}</b> })}
                        </a>
                    }
                })
                .collect_view()}
        </nav>
    }
}
