//! How a provider's clock goes, measured over its recent answers, and what that makes of the clock allowance.
//!
//! Every answer says when it was made (`iat`), by the provider's clock, and we know when it came. The median over the
//! newest answers is the clock's difference; their median distance from it is how well it is known. A clock that is
//! well known needs no allowance of a minute: the difference is taken off, and seconds are left. One that is steadily
//! further off than a minute is followed up to two, once several people's answers say the same. One answer alone never
//! moves anything: it only has to agree with the others for the measure to be used on it.

use chrono::TimeDelta;
use serde::{Deserialize, Serialize};

/// One answer of a provider, as far as its clock is concerned.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reading<'a> {
    /// How far the provider's clock was ahead of ours, in milliseconds (negative: behind).
    pub ahead_ms: i64,
    /// Whom the answer was about.
    pub who: &'a str,
}

/// How a provider's clock goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Measured {
    /// The median of how far it was ahead of ours, in milliseconds (negative: behind).
    pub ahead_ms: i64,
    /// The median distance from that, in milliseconds.
    pub spread_ms: i64,
    /// How many answers were looked at.
    pub answers: usize,
    /// How many people those that agree with the median were about.
    pub people: usize,
}

/// How many of the newest answers are looked at.
pub const NEWEST: usize = 15;
/// Fewer answers measure nothing.
pub const FEWEST: usize = 5;
/// Fewer people cannot widen the allowance: one person alone can hold answers back.
const WITNESSES: usize = 2;
/// The least that is allowed for, however well a clock is known: whole seconds, and the way of the answer.
const LEAST_MS: i64 = 5_000;
/// No clock further off than this is followed.
const MOST_MS: i64 = 120_000;

impl Measured {
    /// The measure of these answers, the newest first; none of fewer than [`FEWEST`].
    #[must_use]
    pub fn of(readings: &[Reading<'_>]) -> Option<Self> {
        let newest = readings.get(..NEWEST.min(readings.len()))?;
        if newest.len() < FEWEST {
            return None;
        }
        let ahead_ms = median(newest.iter().map(|reading| reading.ahead_ms))?;
        let spread_ms = median(
            newest
                .iter()
                .map(|reading| reading.ahead_ms.saturating_sub(ahead_ms).saturating_abs()),
        )?;
        let measured = Self {
            ahead_ms,
            spread_ms,
            answers: newest.len(),
            people: 0,
        };
        let agree = |reading: &&Reading<'_>| {
            let off = reading.ahead_ms.saturating_sub(ahead_ms);
            off.saturating_abs() <= measured.within_ms()
        };
        let people: std::collections::BTreeSet<&str> = newest
            .iter()
            .filter(agree)
            .map(|reading| reading.who)
            .collect();
        Some(Self {
            people: people.len(),
            ..measured
        })
    }

    /// How far an answer may lie from the measure, in milliseconds.
    #[must_use]
    pub fn within_ms(&self) -> i64 {
        self.spread_ms
            .saturating_mul(3)
            .saturating_add(2_000)
            .clamp(LEAST_MS, MOST_MS)
    }
}

fn median(values: impl Iterator<Item = i64>) -> Option<i64> {
    let mut sorted: Vec<i64> = values.collect();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied()
}

/// What is allowed for when a provider's times are compared with ours.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allowance {
    /// How far its clock is taken to be ahead of ours.
    pub ahead: TimeDelta,
    /// How much stated times may then still differ.
    pub within: TimeDelta,
    /// How far off the clock of an answer may be at all.
    pub limit: TimeDelta,
    /// The measure it rests on, if it rests on one.
    pub measured: Option<Measured>,
}

impl Allowance {
    /// The allowance for an answer whose own clock was `own` ahead: the usual one (`usual`), unless the clock is well
    /// measured and the answer agrees with the measure.
    #[must_use]
    pub fn of(usual: TimeDelta, measured: Option<Measured>, own: TimeDelta) -> Self {
        let plain = Self {
            ahead: TimeDelta::zero(),
            within: usual,
            limit: usual,
            measured: None,
        };
        let Some(measure) = measured else {
            return plain;
        };
        let within_ms = measure.within_ms();
        let usual_ms = usual.num_milliseconds();
        let reach_ms = measure.ahead_ms.saturating_abs().saturating_add(within_ms);
        let off_ms = own.num_milliseconds().saturating_sub(measure.ahead_ms);
        let agrees = off_ms.saturating_abs() <= within_ms;
        let followed = reach_ms <= usual_ms || (reach_ms <= MOST_MS && measure.people >= WITNESSES);
        if within_ms >= usual_ms || !agrees || !followed {
            return plain;
        }
        Self {
            ahead: TimeDelta::milliseconds(measure.ahead_ms),
            within: TimeDelta::milliseconds(within_ms),
            limit: TimeDelta::milliseconds(reach_ms.max(usual_ms)),
            measured: Some(measure),
        }
    }
}

/// "0.4 s behind ours", "12 s ahead of ours".
#[must_use]
pub fn words(ahead_ms: i64) -> String {
    let tenths = ahead_ms.unsigned_abs().div_ceil(50) / 2;
    let amount = if tenths >= 100 {
        format!("{} s", tenths / 10)
    } else {
        format!("{}.{} s", tenths / 10, tenths % 10)
    };
    let side = if ahead_ms < 0 {
        "behind ours"
    } else {
        "ahead of ours"
    };
    format!("{amount} {side}")
}

#[cfg(test)]
#[path = "meter_tests.rs"]
mod tests;
