//! The icons: one stroke, 24 by 24, drawn for this console. They decorate; the words beside them carry the meaning.

use leptos::prelude::*;

/// Every icon there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Glyph {
    /// A house: overview.
    Home,
    /// Two people.
    Users,
    /// One person.
    User,
    /// Linked circles: a group.
    Group,
    /// A shield without mark: a role.
    Role,
    /// A stack of discs: a directory.
    Directory,
    /// A key: an identity provider.
    Provider,
    /// Lines with a tick: a plan.
    Plan,
    /// Two arrows: comparison.
    Compare,
    /// A play triangle: the simulator.
    Simulate,
    /// A shield with a tick: secure sessions.
    Shield,
    /// A page with lines: activity.
    Activity,
    /// A wheel: settings.
    Settings,
    /// A looking glass.
    Search,
    /// A tick.
    Check,
    /// A cross.
    Cross,
    /// A triangle with an exclamation bar.
    Warning,
    /// A circle with an i.
    Info,
    /// A question mark in a circle.
    Question,
    /// A closed padlock.
    Lock,
    /// An open padlock.
    Unlock,
    /// Two sheets: copy.
    Copy,
    /// A plus.
    Plus,
    /// Three lines: open the navigation.
    Menu,
    /// A chevron to the right.
    Next,
    /// A chevron to the left.
    Previous,
    /// A chevron down.
    Down,
    /// A chevron up.
    Up,
    /// An arrow to the right: leads to.
    Arrow,
    /// A clock.
    Clock,
    /// A circular arrow: do it again.
    Refresh,
    /// An arrow into a tray: download.
    Download,
    /// A door with an arrow: sign out.
    SignOut,
    /// A pencil: edit.
    Edit,
    /// A bin: delete.
    Bin,
    /// An arrow out of a box: leaves this site.
    External,
    /// A chain: link.
    Link,
    /// A funnel: filter.
    Filter,
    /// Three dots: more.
    More,
    /// A hand-held token: second factor.
    Device,
    /// Six dots: held to be moved.
    Grip,
}

impl Glyph {
    /// The shapes inside the picture.
    #[must_use]
    pub const fn shapes(self) -> &'static str {
        match self {
            Self::Home => r#"<path d="M3 11 12 4l9 7M5 10v9h14v-9"/>"#,
            Self::Users => {
                r#"<circle cx="9" cy="8" r="3.5"/><path d="M3 20c0-3.5 2.7-6 6-6s6 2.5 6 6M16 5a3.5 3.5 0 0 1 0 6.5M21 20c0-2.8-1.6-4.8-4-5.6"/>"#
            }
            Self::User => {
                r#"<circle cx="12" cy="8" r="3.5"/><path d="M5 20c0-3.5 3-6 7-6s7 2.5 7 6"/>"#
            }
            Self::Group => {
                r#"<circle cx="12" cy="7" r="3"/><circle cx="5.5" cy="16" r="2.5"/><circle cx="18.5" cy="16" r="2.5"/><path d="M12 10v4M8 16h8"/>"#
            }
            Self::Role => r#"<path d="M12 3 5 6v5c0 4.5 3 8 7 10 4-2 7-5.5 7-10V6z"/>"#,
            Self::Directory => {
                r#"<ellipse cx="12" cy="6" rx="7" ry="3"/><path d="M5 6v12c0 1.7 3.1 3 7 3s7-1.3 7-3V6M5 12c0 1.7 3.1 3 7 3s7-1.3 7-3"/>"#
            }
            Self::Provider => r#"<circle cx="8" cy="15" r="4"/><path d="m11 12 8-8M16 7l3 3"/>"#,
            Self::Plan => r#"<path d="M4 6h10M4 12h16M4 18h7"/><path d="m17 5 2 2 3-3"/>"#,
            Self::Compare => r#"<path d="M8 4v16M16 4v16M4 8l4-4 4 4M20 16l-4 4-4-4"/>"#,
            Self::Simulate => r#"<path d="M6 4v16l13-8z"/>"#,
            Self::Shield => {
                r#"<path d="M12 3 5 6v5c0 4.5 3 8 7 10 4-2 7-5.5 7-10V6z"/><path d="m9 12 2 2 4-4"/>"#
            }
            Self::Activity => r#"<path d="M5 4h14v16H5zM9 9h6M9 13h6M9 17h3"/>"#,
            Self::Settings => {
                r#"<circle cx="12" cy="12" r="3"/><path d="M12 3v3M12 18v3M3 12h3M18 12h3M5.6 5.6l2.1 2.1M16.3 16.3l2.1 2.1M5.6 18.4l2.1-2.1M16.3 7.7l2.1-2.1"/>"#
            }
            Self::Search => r#"<circle cx="11" cy="11" r="6"/><path d="m20 20-4.5-4.5"/>"#,
            Self::Check => r#"<path d="m5 12.5 4.5 4.5L19 7"/>"#,
            Self::Cross => r#"<path d="M6 6l12 12M18 6 6 18"/>"#,
            Self::Warning => r#"<path d="M12 4 2.5 20h19zM12 10v4M12 17h.01"/>"#,
            Self::Info => r#"<circle cx="12" cy="12" r="8.5"/><path d="M12 11v5M12 8h.01"/>"#,
            Self::Question => {
                r#"<circle cx="12" cy="12" r="8.5"/><path d="M9.8 9.8a2.3 2.3 0 1 1 3.1 2.2c-.6.3-.9.8-.9 1.5M12 16.4h.01"/>"#
            }
            Self::Lock => {
                r#"<rect x="5" y="11" width="14" height="9" rx="2"/><path d="M8 11V8a4 4 0 0 1 8 0v3"/>"#
            }
            Self::Unlock => {
                r#"<rect x="5" y="11" width="14" height="9" rx="2"/><path d="M8 11V7.500a4 4 0 0 1 7.7-1.5"/>"#
            }
            Self::Copy => {
                r#"<rect x="9" y="9" width="11" height="11" rx="2"/><path d="M15 9V6a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v7a2 2 0 0 0 2 2h3"/>"#
            }
            Self::Plus => r#"<path d="M12 5v14M5 12h14"/>"#,
            Self::Menu => r#"<path d="M4 7h16M4 12h16M4 17h16"/>"#,
            Self::Next => r#"<path d="m9 5 7 7-7 7"/>"#,
            Self::Previous => r#"<path d="m15 5-7 7 7 7"/>"#,
            Self::Down => r#"<path d="m5 9 7 7 7-7"/>"#,
            Self::Up => r#"<path d="m5 15 7-7 7 7"/>"#,
            Self::Arrow => r#"<path d="M4 12h15M13 6l6 6-6 6"/>"#,
            Self::Clock => r#"<circle cx="12" cy="12" r="8.5"/><path d="M12 7v5l3.5 2"/>"#,
            Self::Refresh => {
                r#"<path d="M19.5 12a7.5 7.5 0 1 1-2.2-5.300L20 9.400M20 4v5.400h-5.4"/>"#
            }
            Self::Download => r#"<path d="M12 4v11M7.5 11l4.5 4.5 4.5-4.500M4 20h16"/>"#,
            Self::SignOut => r#"<path d="M10 4H5v16h5M14 8l4 4-4 4M18 12H9"/>"#,
            Self::Edit => r#"<path d="m4 20 1-4L16 5l3 3L8 19zM14 7l3 3"/>"#,
            Self::Bin => r#"<path d="M4 7h16M9 7V4h6v3M6 7l1 13h10l1-13M10 11v5M14 11v5"/>"#,
            Self::External => r#"<path d="M14 4h6v6M20 4l-9 9M18 14v5H5V6h5"/>"#,
            Self::Link => {
                r#"<path d="M10 14a4 4 0 0 0 5.7 0l3-3A4 4 0 0 0 13 5.300l-1 1M14 10a4 4 0 0 0-5.7 0l-3 3a4 4 0 0 0 5.7 5.700l1-1"/>"#
            }
            Self::Filter => r#"<path d="M4 5h16l-6 8v6l-4-2v-4z"/>"#,
            Self::More => r#"<path d="M6 12h.01M12 12h.01M18 12h.01"/>"#,
            Self::Device => {
                r#"<rect x="7" y="3" width="10" height="18" rx="2"/><path d="M11 17.500h2"/>"#
            }
            Self::Grip => r#"<path d="M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01"/>"#,
        }
    }
}

/// One icon, hidden from screen readers.
#[component]
pub fn Icon(
    /// Which one.
    glyph: Glyph,
) -> impl IntoView {
    view! { <svg class="icon" viewBox="0 0 24 24" width="16" height="16" aria-hidden="true" inner_html=glyph.shapes()></svg> }
}
