//! The head of a page: where it is, what it is for, what can be done.

use super::text::MaybeText;
use leptos::prelude::*;

/// One step of the way to a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crumb {
    /// The name.
    pub label: String,
    /// Its address.
    pub href: String,
}

impl Crumb {
    /// A crumb from address and name.
    pub fn new(href: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            href: href.into(),
        }
    }
}

/// How wide a page may grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Width {
    /// Forms and text: at most 1200 px.
    #[default]
    Form,
    /// Tables: at most 1600 px.
    Table,
    /// A single column of text or one short form: at most 760 px.
    Narrow,
}

/// Title, one line of purpose, actions (one of them primary), then the content with even gaps.
#[component]
pub fn Page(
    /// The title: the only `h1`.
    #[prop(into)]
    title: String,
    /// What one does here, in one line.
    #[prop(optional, into)]
    purpose: MaybeText,
    /// The way here, without the page itself.
    #[prop(optional)]
    crumbs: Vec<Crumb>,
    /// A chip after the title: the state of the thing shown.
    #[prop(optional)]
    badge: Option<AnyView>,
    /// Buttons at the end of the title line.
    #[prop(optional)]
    actions: Option<AnyView>,
    /// How wide the page may grow.
    #[prop(optional)]
    width: Width,
    /// The content.
    children: Children,
) -> impl IntoView {
    let class = match width {
        Width::Form => "page",
        Width::Table => "page wide",
        Width::Narrow => "page narrow",
    };
    let way = (!crumbs.is_empty()).then(|| {
        view! {
            <nav class="crumbs" aria-label="Breadcrumbs">
                <ol>
                    {crumbs
                        .into_iter()
                        .map(|crumb| view! { <li><a href=crumb.href>{crumb.label}</a></li> })
                        .collect_view()}
                </ol>
            </nav>
        }
    });
    view! {
        <div class=class>
            {way}
            <header class="head">
                <div class="head-words">
                    <div class="head-title"><h1>{title}</h1>{badge}</div>
                    {purpose.0.map(|purpose| view! { <p>{purpose}</p> })}
                </div>
                {actions.map(|actions| view! { <div class="actions">{actions}</div> })}
            </header>
            <div class="stack">{children()}</div>
        </div>
    }
}

/// Two columns, the left one wider; one below the other on a phone.
#[component]
pub fn Columns(
    /// The left, wider column.
    left: AnyView,
    /// The right column.
    right: AnyView,
) -> impl IntoView {
    view! {
        <div class="cols">
            <div class="stack">{left}</div>
            <div class="stack">{right}</div>
        </div>
    }
}

/// One tab of a page about one thing.
#[derive(Clone, Debug)]
pub struct Tab {
    /// The word.
    pub label: String,
    /// Its address.
    pub href: String,
    /// How many rows are behind it.
    pub count: Option<u64>,
    /// Whether it is the one shown.
    pub is_current: bool,
}

/// Links between the parts of one thing: overview, groups, sessions, activity.
#[component]
pub fn Tabs(
    /// What the tabs are parts of, for screen readers.
    #[prop(into)]
    label: String,
    /// The tabs.
    tabs: Vec<Tab>,
) -> impl IntoView {
    view! {
        <nav class="tabs" aria-label=label>
            {tabs
                .into_iter()
                .map(|tab| {
                    view! {
                        <a href=tab.href aria-current=tab.is_current.then_some("page")>
                            {tab.label}
                            {tab.count.map(|n| view! { <span class="count">{muster_domain::number::grouped(n)}</span> })}
                        </a>
                    }
                })
                .collect_view()}
        </nav>
    }
}
