//! The time line of a re-authentication, drawn to scale: what we did below the line, what the provider
//! states above it. A sign-in counts only inside the window between asking and answer, and one sees whether it lies there.
//!
//! Wide, positions are shares of the width, so letters never shrink. Narrow, the same line stands upright.
//! A label hangs on a pole like a flag, towards the middle, in the first lane where it meets no other.

use super::timeline_layout::{Flag, Label, Lane, Side, lay_out, spread};
use super::when::span;
use chrono::{DateTime, SecondsFormat, Utc};
use leptos::prelude::*;

/// Whose moment it is, and how it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Our own clock.
    Ours,
    /// The provider states it, and it lies where it must.
    StatedInside,
    /// The provider states it, and it lies outside the window.
    StatedOutside,
}

impl Source {
    const fn class(self) -> &'static str {
        match self {
            Self::Ours => "moment ours",
            Self::StatedInside => "moment inside",
            Self::StatedOutside => "moment outside",
        }
    }
}

/// One moment.
#[derive(Clone, Debug)]
pub struct Moment {
    /// When.
    pub at: DateTime<Utc>,
    /// What: "We asked".
    pub label: String,
    /// Whose.
    pub source: Source,
}

impl Moment {
    /// A moment from its time, words and source.
    pub fn new(at: DateTime<Utc>, label: impl Into<String>, source: Source) -> Self {
        Self {
            at,
            label: label.into(),
            source,
        }
    }
}

/// The stretch of time in which a sign-in counts.
#[derive(Clone, Copy, Debug)]
pub struct Window {
    /// When we asked.
    pub asked: DateTime<Utc>,
    /// When the answer came.
    pub answered: DateTime<Utc>,
}

/// The time line.
#[component]
pub fn Timeline(
    /// Id of the picture, unique on the page.
    #[prop(into)]
    id: String,
    /// What happened, in one sentence, for those who do not see it.
    #[prop(into)]
    description: String,
    /// The moments, in any order.
    mut moments: Vec<Moment>,
    /// The stretch in which a sign-in counts.
    window: Window,
) -> impl IntoView {
    moments.sort_by_key(|moment| moment.at);
    let scale = Scale::of(&moments, window);
    let wide = wide(&id, &description, &moments, window, &scale);
    let tall = tall(&id, &description, &moments, window, &scale);
    let note = format!(
        "Drawn to scale, {} from end to end. Times in ",
        precise(scale.seconds())
    );
    view! {
        <figure class="timeline">
            {wide}
            {tall}
            <figcaption>
                <span class="timeline-key">
                    <svg width="20" height="10" aria-hidden="true"><rect class="window" x=".5" y=".5" width="19" height="9" rx="3"></rect></svg>
                    "A sign-in counts inside this window"
                </span>
                <span>{note}<span data-local="zone">"UTC"</span></span>
            </figcaption>
        </figure>
    }
}

/// Maps moments to shares of the line, from 0 to 1.
struct Scale {
    from: i64,
    to: i64,
    days: i64,
}

impl Scale {
    fn of(moments: &[Moment], window: Window) -> Self {
        let times = || {
            moments
                .iter()
                .map(|moment| moment.at)
                .chain([window.asked, window.answered])
        };
        let (first, last) = (
            times().min().unwrap_or_default(),
            times().max().unwrap_or_default(),
        );
        Self {
            from: first.timestamp_millis(),
            to: last.timestamp_millis().max(first.timestamp_millis() + 1),
            days: (last.date_naive() - first.date_naive()).num_days(),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "milliseconds of hours stay far below 2^53"
    )]
    fn share(&self, at: DateTime<Utc>) -> f64 {
        (at.timestamp_millis() - self.from) as f64 / (self.to - self.from) as f64
    }

    fn seconds(&self) -> u64 {
        (self.to - self.from).unsigned_abs().div_ceil(1000)
    }

    fn clock(&self, at: DateTime<Utc>) -> String {
        let pattern = if self.days == 0 {
            "%H:%M:%S"
        } else {
            "%-d %b %H:%M:%S"
        };
        at.format(pattern).to_string()
    }
}

/// Height of one lane of labels: two lines of text.
const LANE: f64 = 42.0;

fn percent(share: f64) -> String {
    format!("{:.3}%", 1.0 + share * 98.0)
}

fn wide(id: &str, description: &str, moments: &[Moment], window: Window, scale: &Scale) -> AnyView {
    let flags = lay_out(&labels(moments, scale));
    let above = flags
        .iter()
        .filter(|flag| flag.lane.side == Side::Above)
        .count();
    let deepest = |side| {
        flags
            .iter()
            .filter(|flag| flag.lane.side == side)
            .map(|flag| flag.lane.depth + 1)
            .max()
            .unwrap_or(0)
    };
    let axis = if above == 0 {
        24.0
    } else {
        36.0 + LANE * f64::from(deepest(Side::Above))
    };
    let height = axis + 16.0 + LANE * f64::from(deepest(Side::Below));
    let drawn = moments
        .iter()
        .zip(&flags)
        .map(|(moment, flag)| wide_moment(moment, *flag, axis, scale))
        .collect_view();
    let (from, to) = (scale.share(window.asked), scale.share(window.answered));
    let (title_id, text_id) = (format!("{id}-title"), format!("{id}-text"));
    let labelled = format!("{title_id} {text_id}");
    view! {
        <svg class="timeline-wide" width="100%" height=format!("{height:.0}") role="img" aria-labelledby=labelled>
            <title id=title_id>"Time line of the re-authentication"</title>
            <desc id=text_id>{description.to_owned()}</desc>
            <line class="axis" x1="0" x2="100%" y1=axis y2=axis></line>
            <line class="window-line" x1=percent(from) x2=percent(to) y1=axis y2=axis></line>
            {bracket(moments, window, axis, scale)}
            {drawn}
        </svg>
    }
    .into_any()
}

fn labels(moments: &[Moment], scale: &Scale) -> Vec<Label> {
    moments
        .iter()
        .map(|moment| Label {
            share: scale.share(moment.at),
            letters: moment
                .label
                .chars()
                .count()
                .max(scale.clock(moment.at).len()),
            side: if moment.source == Source::Ours {
                Side::Below
            } else {
                Side::Above
            },
        })
        .collect()
}

fn wide_moment(moment: &Moment, flag: Flag, axis: f64, scale: &Scale) -> AnyView {
    let x = percent(scale.share(moment.at));
    let Lane { side, depth } = flag.lane;
    let offset = LANE * f64::from(depth);
    let (tip, words, clock) = match side {
        Side::Above => (
            axis - 62.0 - offset,
            axis - 52.0 - offset,
            axis - 36.0 - offset,
        ),
        Side::Below => (
            axis + 50.0 + offset,
            axis + 31.0 + offset,
            axis + 47.0 + offset,
        ),
    };
    let (anchor, dx) = if flag.leans_right {
        ("start", "8")
    } else {
        ("end", "-8")
    };
    let r = if moment.source == Source::Ours {
        "5"
    } else {
        "7.5"
    };
    view! {
        <g class=moment.source.class()>
            <line class="pole" x1=x.clone() x2=x.clone() y1=axis y2=tip></line>
            <circle cx=x.clone() cy=axis r=r></circle>
            <text class="words" x=x.clone() dx=dx y=words text-anchor=anchor>{moment.label.clone()}</text>
            <text class="clock" x=x dx=dx y=clock text-anchor=anchor data-at=stamp(moment.at) data-local=clock_kind(scale)>
                {scale.clock(moment.at)}
            </text>
        </g>
    }
    .into_any()
}

fn clock_kind(scale: &Scale) -> &'static str {
    if scale.days == 0 {
        "clock"
    } else {
        "day-clock"
    }
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// The distance between asking and the stated sign-in, as a measure over the line.
fn bracket(moments: &[Moment], window: Window, axis: f64, scale: &Scale) -> Option<AnyView> {
    let stated = moments
        .iter()
        .find(|moment| moment.source != Source::Ours)?;
    let (a, b) = (scale.share(window.asked), scale.share(stated.at));
    let (from, to) = if a < b { (a, b) } else { (b, a) };
    if to - from < 0.16 {
        return None;
    }
    let distance = (stated.at - window.asked).num_seconds();
    let amount = precise(distance.unsigned_abs());
    let words = match distance {
        0 => "at the very second we asked".to_owned(),
        ..0 => format!("{amount} before we asked"),
        _ => format!("{amount} after we asked"),
    };
    let y = axis - 18.0;
    Some(
        view! {
            <g class="measure">
                <line x1=percent(from) x2=percent(to) y1=y y2=y></line>
                <line x1=percent(from) x2=percent(from) y1=y - 4.0 y2=y + 4.0></line>
                <line x1=percent(to) x2=percent(to) y1=y - 4.0 y2=y + 4.0></line>
                <text x=percent((from + to) / 2.0) y=y + 4.0 text-anchor="middle">{words}</text>
            </g>
        }
        .into_any(),
    )
}

/// A length of time in two units: `2 h 15 min`.
#[must_use]
pub fn precise(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 if seconds.is_multiple_of(60) => format!("{} min", seconds / 60),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => match seconds / 60 % 60 {
            0 => format!("{} h", seconds / 3600),
            minutes => format!("{} h {minutes} min", seconds / 3600),
        },
        _ => span(seconds),
    }
}

fn tall(id: &str, description: &str, moments: &[Moment], window: Window, scale: &Scale) -> AnyView {
    const STEP: f64 = 46.0;
    let shares: Vec<f64> = moments
        .iter()
        .map(|moment| scale.share(moment.at))
        .collect();
    let length = (shares.len().max(2) - 1).min(12);
    let length = f64::from(u8::try_from(length).unwrap_or(12)) * STEP * 1.25;
    let places = spread(&shares, length, STEP);
    let height = places.last().copied().unwrap_or(0.0).max(length) + 48.0;
    let y = |share: f64| 14.0 + share * length;
    let (from, to) = (
        y(scale.share(window.asked)),
        y(scale.share(window.answered)),
    );
    let drawn = moments
        .iter()
        .zip(shares.iter().zip(&places))
        .map(|(moment, (share, place))| tall_moment(moment, y(*share), 14.0 + place, scale));
    let (title_id, text_id) = (format!("{id}-tall-title"), format!("{id}-tall-text"));
    let labelled = format!("{title_id} {text_id}");
    view! {
        <svg class="timeline-tall" width="100%" height=format!("{height:.0}") role="img" aria-labelledby=labelled>
            <title id=title_id>"Time line of the re-authentication"</title>
            <desc id=text_id>{description.to_owned()}</desc>
            <line class="axis" x1="12" x2="12" y1="4" y2=y(1.0) + 10.0></line>
            <line class="window-line" x1="12" x2="12" y1=from y2=to></line>
            {drawn.collect_view()}
        </svg>
    }
    .into_any()
}

fn tall_moment(moment: &Moment, dot: f64, label: f64, scale: &Scale) -> AnyView {
    let r = if moment.source == Source::Ours {
        "5"
    } else {
        "7.5"
    };
    view! {
        <g class=moment.source.class()>
            <path class="pole" d=format!("M12 {dot:.1}H24L34 {label:.1}H40")></path>
            <circle cx="12" cy=dot r=r></circle>
            <text class="words" x="46" y=label + 4.0>{moment.label.clone()}</text>
            <text class="clock" x="46" y=label + 21.0 data-at=stamp(moment.at) data-local=clock_kind(scale)>{scale.clock(moment.at)}</text>
        </g>
    }
    .into_any()
}
