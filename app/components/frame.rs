//! The console's frame: navigation at the left, search, secure session and account on top, the page below.
//! On a phone the same navigation is a drawer: a native popover, opened by a button, closed by Escape.

use super::avatar::Avatar;
use super::brand::Brand;
use super::elevation_chip::{Elevation, ElevationChip};
use super::icon::{Glyph, Icon};
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use muster_domain::number::grouped;
use muster_islands::{JumpKey, LocalTimes};

/// Links that belong together.
#[derive(Clone, Debug, Default)]
pub struct NavSection {
    /// Their heading; empty for links that stand alone.
    pub title: String,
    /// The links.
    pub items: Vec<NavItem>,
}

/// One link of the navigation.
#[derive(Clone, Debug)]
pub struct NavItem {
    /// Its address.
    pub href: String,
    /// The words.
    pub label: String,
    /// The icon.
    pub icon: Glyph,
    /// How many there are.
    pub count: Option<u64>,
    /// Whether the page shown belongs to it.
    pub is_current: bool,
}

/// Who is signed in.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Their name.
    pub name: String,
    /// How they signed in, or their address: the second line.
    pub note: String,
    /// Their roles, in words.
    pub roles: Vec<String>,
    /// Address of their own page.
    pub href: Option<String>,
}

/// The frame around every page of the console.
#[component]
pub fn Frame(
    /// The navigation.
    nav: Vec<NavSection>,
    /// Who is signed in.
    account: Account,
    /// The secure session.
    elevation: Elevation,
    /// What "now" is for this page.
    now: DateTime<Utc>,
    /// Where a form posts to sign out.
    #[prop(default = "/signout".to_owned(), into)]
    sign_out: String,
    /// Where the search goes, as `?q=`.
    #[prop(default = "/users".to_owned(), into)]
    search: String,
    /// What the last action did.
    #[prop(optional)]
    flash: Option<AnyView>,
    /// The page.
    children: Children,
) -> impl IntoView {
    view! {
        <a class="skip" href="#main">"Skip to content"</a>
        <div class="frame">
            <nav class="side" id="navigation" popover="auto" aria-label="Console">
                <div class="side-head">
                    <Brand/>
                    <button type="button" class="icon-btn side-close" popovertarget="navigation" popovertargetaction="hide" aria-label="Close navigation">
                        <Icon glyph=Glyph::Cross/>
                    </button>
                </div>
                <div class="nav">{nav.into_iter().map(section).collect_view()}</div>
            </nav>
            <header class="top">
                <button type="button" class="icon-btn side-open" popovertarget="navigation" aria-label="Open navigation">
                    <Icon glyph=Glyph::Menu/>
                </button>
                <search class="jump-place">
                    <form class="jump" action=search method="get">
                        <Icon glyph=Glyph::Search/>
                        <input type="search" name="q" aria-label="Find a user" placeholder="Find a user" autocomplete="off" spellcheck="false"/>
                        <JumpKey/>
                    </form>
                </search>
                <ElevationChip elevation now/>
                {account_menu(account, sign_out)}
            </header>
            <main id="main" tabindex="-1">
                {flash}
                {children()}
            </main>
        </div>
        <LocalTimes/>
    }
}

fn section(section: NavSection) -> AnyView {
    let heading = (!section.title.is_empty()).then(|| view! { <h2>{section.title}</h2> });
    let items = section.items.into_iter().map(item).collect_view();
    view! { <div class="nav-section">{heading}<ul>{items}</ul></div> }.into_any()
}

fn item(item: NavItem) -> AnyView {
    view! {
        <li>
            <a href=item.href aria-current=item.is_current.then_some("page")>
                <Icon glyph=item.icon/>
                <span>{item.label}</span>
                {item.count.map(|count| view! { <span class="count">{grouped(count)}</span> })}
            </a>
        </li>
    }
    .into_any()
}

fn account_menu(account: Account, sign_out: String) -> AnyView {
    let spoken = format!("Account of {}", account.name);
    let roles = account.roles.join(" · ");
    view! {
        <button type="button" class="account-btn" popovertarget="account">
            <Avatar name=account.name.clone()/>
            <span class="visually-hidden">{spoken}</span>
        </button>
        <div class="menu account" id="account" popover="auto">
            <div class="account-who">
                <p class="account-name">{account.name}</p>
                <p class="account-note">{account.note}</p>
                {(!roles.is_empty()).then(|| view! { <p class="account-roles">{roles}</p> })}
            </div>
            <ul>
                {account.href.map(|href| view! { <li><a href=href><Icon glyph=Glyph::User/>"Your account"</a></li> })}
                <li>
                    <form method="post" action=sign_out>
                        <button type="submit"><Icon glyph=Glyph::SignOut/>"Sign out"</button>
                    </form>
                </li>
            </ul>
        </div>
    }
    .into_any()
}
