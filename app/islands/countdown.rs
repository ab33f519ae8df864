//! Counts down to the end of something.

use leptos::prelude::*;

/// How much is left, as a clock shows it: `9:41`, `1:02:03`.
#[must_use]
pub fn clock(seconds: u32) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours == 0 {
        format!("{minutes}:{seconds:02}")
    } else {
        format!("{hours}:{minutes:02}:{seconds:02}")
    }
}

/// Time left, said aloud at one minute and at the end. It counts from `left` on arrival, so a wrong
/// clock in the browser does no harm.
#[island]
pub fn Countdown(
    /// The end, as an RFC 3339 instant.
    until: String,
    /// Seconds left when the page was made.
    left: u32,
) -> impl IntoView {
    let seconds = RwSignal::new(left);
    let said = RwSignal::new("");
    #[cfg(feature = "hydrate")]
    Effect::new(move || run(left, seconds, said));
    view! {
        <time class="countdown" datetime=until>{move || clock(seconds.get())}</time>
        <span class="wide-only">"left"</span>
        <span class="visually-hidden" role="status">{said}</span>
    }
}

#[cfg(feature = "hydrate")]
fn run(left: u32, seconds: RwSignal<u32>, said: RwSignal<&'static str>) {
    // A date, not a counter: timers rest while a laptop sleeps.
    let end = js_sys::Date::now() + f64::from(left) * 1000.0;
    let tick = move || {
        let now_left = ((end - js_sys::Date::now()) / 1000.0)
            .ceil()
            .clamp(0.0, f64::from(u32::MAX)) as u32;
        let before = seconds.get_untracked();
        if now_left == before {
            return;
        }
        seconds.set(now_left);
        if now_left == 0 {
            said.set("The secure session has ended");
        } else if before > 60 && now_left <= 60 {
            said.set("The secure session ends in one minute");
        }
    };
    let _ = set_interval_with_handle(tick, std::time::Duration::from_secs(1));
}

#[cfg(test)]
mod tests {
    use super::clock;

    #[test]
    fn minutes_and_seconds_read_like_a_clock() {
        assert_eq!(clock(581), "9:41");
        assert_eq!(clock(5), "0:05");
        assert_eq!(clock(3723), "1:02:03");
    }
}
