//! Times: how long ago in words, the exact moment in `datetime` and in the title.

use super::markup::Markup;
use chrono::{DateTime, SecondsFormat, Utc};
use leptos::prelude::*;

/// How a moment is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Written {
    /// `3 min ago`, `in 19 days`.
    #[default]
    Relative,
    /// `21 Nov 2026, 14:02 UTC`; a browser shows its own zone.
    Exact,
}

/// The distance between two moments, in the coarsest unit that is still true.
#[must_use]
pub fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (now - at).num_seconds();
    let distance = seconds.unsigned_abs();
    if distance < 5 {
        return "just now".to_owned();
    }
    let days = (now.date_naive() - at.date_naive()).num_days();
    if distance >= 12 * 3600 && days == 1 {
        return "yesterday".to_owned();
    }
    if distance >= 12 * 3600 && days == -1 {
        return "tomorrow".to_owned();
    }
    let words = span(distance);
    if seconds >= 0 {
        format!("{words} ago")
    } else {
        format!("in {words}")
    }
}

/// A length of time, in the coarsest unit that is still true: `12 s`, `6 min`, `3 h`, `19 days`.
#[must_use]
pub fn span(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => match seconds / 86_400 {
            1 => "1 day".to_owned(),
            days @ 2..60 => format!("{days} days"),
            days @ 60..730 => format!("{} months", days / 30),
            days => format!("{} years", days / 365),
        },
    }
}

/// The exact moment in words, in UTC.
#[must_use]
pub fn exact(at: DateTime<Utc>) -> String {
    at.format("%-d %B %Y, %H:%M:%S UTC").to_string()
}

/// A moment. `LocalTimes` rewrites title and exact text to the reader's zone where a browser can.
#[component]
pub fn When(
    /// The moment.
    at: DateTime<Utc>,
    /// What "now" is for this page.
    now: DateTime<Utc>,
    /// How it is written.
    #[prop(optional)]
    written: Written,
) -> impl IntoView {
    let (text, local) = match written {
        Written::Relative => (relative(at, now), "title"),
        Written::Exact => (at.format("%-d %b %Y, %H:%M UTC").to_string(), "text"),
    };
    let datetime = at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let mut markup = Markup::with_room(160);
    markup
        .tag("<time class=\"when\" datetime=\"")
        .text(&datetime)
        .tag("\" title=\"")
        .text(&exact(at))
        .tag("\" data-local=\"")
        .tag(local)
        .tag("\">")
        .text(&text)
        .tag("</time>");
    markup.into_view()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().expect("a moment")
    }

    #[test]
    fn the_unit_is_the_coarsest_that_is_true() {
        let now = at("2026-11-21T14:00:00Z");
        assert_eq!(relative(at("2026-11-21T13:59:58Z"), now), "just now");
        assert_eq!(relative(at("2026-11-21T13:59:48Z"), now), "12 s ago");
        assert_eq!(relative(at("2026-11-21T13:54:00Z"), now), "6 min ago");
        assert_eq!(relative(at("2026-11-21T13:00:00Z"), now), "1 h ago");
        assert_eq!(relative(at("2026-11-20T13:00:00Z"), now), "yesterday");
        assert_eq!(relative(at("2026-11-09T14:00:00Z"), now), "12 days ago");
        assert_eq!(relative(at("2026-12-10T14:00:00Z"), now), "in 19 days");
    }
}
