//! The state of the secure session, always in the top bar: how long it lasts, and a way to end it.

use super::icon::{Glyph, Icon};
use chrono::{DateTime, SecondsFormat, Utc};
use leptos::prelude::*;
use muster_islands::Countdown;

/// Whether there is a secure session now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Elevation {
    /// None; the address starts one and returns here.
    None {
        /// Where it is started.
        start: String,
    },
    /// One runs.
    Running {
        /// When it ends.
        until: DateTime<Utc>,
        /// Where a form posts to end it.
        drop: String,
    },
    /// This person never needs one: nothing is shown.
    NotNeeded,
}

/// The chip. An island counts down; without script it says how long was left when the page was made.
#[component]
pub fn ElevationChip(
    /// The state.
    elevation: Elevation,
    /// What "now" is for this page.
    now: DateTime<Utc>,
) -> impl IntoView {
    match elevation {
        Elevation::NotNeeded => ().into_any(),
        Elevation::None { start } => view! {
            <a class="btn elevate" href=start>
                <Icon glyph=Glyph::Lock/>
                <span class="wide-only">"Start secure session"</span>
                <span class="narrow-only">"Elevate"</span>
            </a>
        }
        .into_any(),
        Elevation::Running { until, drop } => {
            let left = u32::try_from((until - now).num_seconds().max(0)).unwrap_or(u32::MAX);
            let until = until.to_rfc3339_opts(SecondsFormat::Secs, true);
            view! {
                <div class="elevation" role="group" aria-label="Secure session">
                    <Icon glyph=Glyph::Shield/>
                    <span class="wide-only">"Secure session"</span>
                    <Countdown until=until left=left/>
                    <form method="post" action=drop>
                        <button type="submit">"Drop"<span class="visually-hidden">" secure session"</span></button>
                    </form>
                </div>
            }
            .into_any()
        }
    }
}
