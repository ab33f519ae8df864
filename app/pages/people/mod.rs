//! People: users, groups, roles, and one's own page.

pub mod address;
pub(crate) mod along;
pub mod bulk;
pub mod factors;
pub mod group_cards;
pub mod group_edit;
pub mod groups;
pub mod me;
pub mod passkeys;
pub mod password_links;
pub mod permits;
pub mod roles;
pub mod user_cards;
pub mod user_edit;
pub mod user_list;
pub mod users;
pub mod ways_in;

use std::str::FromStr;

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::membership::Origin;
use muster_domain::user::State;

use crate::components::{Chip, Glyph, Markup, Tone, When, word_chip};

/// Reads an id out of an address. What is no id names nothing.
///
/// # Errors
/// `WEB-404`.
pub(crate) fn id_of<T: FromStr>(text: &str, what: &str) -> Result<T, Error> {
    text.parse().map_err(|_| Error::not_found(what))
}

/// A moment, or words where there was none.
pub(crate) fn moment(at: Option<DateTime<Utc>>, now: DateTime<Utc>, none: &'static str) -> AnyView {
    match at {
        Some(at) => view! { <When at now/> }.into_any(),
        None => nothing(none),
    }
}

/// Words where there is nothing to show.
pub(crate) fn nothing(words: &'static str) -> AnyView {
    let mut markup = Markup::with_room(48);
    markup
        .tag("<span class=\"nothing\">")
        .tag(words)
        .tag("</span>");
    markup.into_view()
}

/// Whether somebody may come in, as a chip; with who deactivated them behind it.
pub(crate) fn state_chip(state: &State) -> AnyView {
    match state {
        State::Active => word_chip(Tone::Good, "Active", None),
        State::Deactivated(by) => {
            let title = format!("By {}", by.by);
            word_chip(Tone::Danger, "Deactivated", Some(&title))
        }
    }
}

/// The chip of a break-glass account.
pub(crate) fn break_glass_chip() -> AnyView {
    let title = "Works when every identity provider is down";
    view! { <Chip tone=Tone::Caution icon=Glyph::Provider title>"Break-glass"</Chip> }.into_any()
}

/// What put a member into a group, each origin as a chip.
pub(crate) fn origin_chips(origins: &[(Origin, String)]) -> AnyView {
    origins
        .iter()
        .map(|(origin, words)| {
            let tone = if *origin == Origin::Manual {
                Tone::Accent
            } else {
                Tone::Neutral
            };
            let words = words.clone();
            view! { <Chip tone>{words}</Chip> " " }
        })
        .collect_view()
        .into_any()
}

/// A list of words as a sentence reads them: `a, b and c`.
pub(crate) fn listed(words: &[String]) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}
