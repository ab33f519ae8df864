//! The frame around the pages, and the moment at which they are looked at.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use muster_app::components::*;

pub fn console(here: &'static str, page: impl FnOnce() -> AnyView + Send + 'static) -> AnyView {
    let item = |href: &str, label: &str, icon, count| NavItem {
        href: href.into(),
        label: label.into(),
        icon,
        count,
        is_current: href == here,
    };
    let section = |title: &str, items| NavSection {
        title: title.into(),
        items,
    };
    let nav = vec![
        section("", vec![item("/", "Overview", Glyph::Home, None)]),
        section(
            "People",
            vec![
                item("/users", "Users", Glyph::Users, Some(12_408)),
                item("/groups", "Groups", Glyph::Group, Some(386)),
                item("/roles", "Roles", Glyph::Role, None),
            ],
        ),
        section(
            "Sources",
            vec![
                item("/directories", "Directories", Glyph::Directory, Some(4)),
                item("/providers", "Identity providers", Glyph::Provider, Some(3)),
            ],
        ),
        section(
            "Provisioning",
            vec![
                item("/plans", "Plans", Glyph::Plan, Some(1)),
                item("/compare", "Compare", Glyph::Compare, None),
            ],
        ),
        section(
            "Security",
            vec![
                item("/elevations", "Secure sessions", Glyph::Shield, None),
                item("/activity", "Activity", Glyph::Activity, None),
            ],
        ),
        section(
            "",
            vec![item("/settings", "Settings", Glyph::Settings, None)],
        ),
    ];
    let account = Account {
        name: "Ada Admin".into(),
        note: "ada@example.org".into(),
        roles: vec!["Superadmin".into()],
        href: Some("/account".into()),
    };
    let elevation = Elevation::Running {
        until: at("2026-11-21T14:12:22Z"),
        drop: "/elevation/drop".into(),
    };
    view! { <Frame nav account elevation now=now()>{page()}</Frame> }.into_any()
}

pub fn now() -> DateTime<Utc> {
    at("2026-11-21T14:02:41Z")
}

pub fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap_or_default()
}
