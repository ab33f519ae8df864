//! What ordinary sign-ins tell about a provider, without anybody testing it.
//!
//! Somebody who signed in a while ago and comes by again, unforced, is sent straight back with the old time. A provider
//! that states "now" then, faster than anybody types, invents its times. One such answer may be a quick hand or a second
//! browser; several contradict a control that showed the opposite.

use chrono::{DateTime, TimeDelta, Utc};

use super::meter::{Measured, Reading};
use super::{Calibration, SAME_SECOND, Worth};

/// One ordinary sign-in at a provider.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sample {
    /// The subject it was about.
    pub who: String,
    /// When we asked, by our clock; none: it was not kept.
    pub asked_at: Option<DateTime<Utc>>,
    /// The stated time of authentication, by the provider's clock.
    pub stated: Option<DateTime<Utc>>,
    /// When the answer was made, by the provider's clock.
    pub issued_at: DateTime<Utc>,
    /// When it came, by our clock.
    pub received_at: DateTime<Utc>,
}

/// What a provider's recent sign-ins tell.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Watched {
    /// How its clock goes.
    pub measured: Option<Measured>,
    /// What contradicts its calibration, in a sentence.
    pub contradiction: Option<String>,
}

/// Nobody types a password, nor unlocks a passkey, and is back in less.
const QUICK: TimeDelta = TimeDelta::seconds(3);
/// A session at a provider that was seen this long ago may be over.
const SESSION: TimeDelta = TimeDelta::hours(12);
/// So many answers that state "now" contradict a control.
const SEVERAL: usize = 3;

/// Looks at a provider's recent sign-ins, the newest first.
#[must_use]
pub fn watch(calibration: &Calibration, samples: &[Sample]) -> Watched {
    let readings: Vec<Reading<'_>> = samples
        .iter()
        .map(|sample| Reading {
            ahead_ms: (sample.issued_at - sample.received_at).num_milliseconds(),
            who: &sample.who,
        })
        .collect();
    let invented = samples
        .iter()
        .enumerate()
        .filter(|(at, sample)| {
            calibration
                .tested_at
                .is_some_and(|tested| sample.received_at > tested)
                && is_invented(sample, samples.get(at + 1..).unwrap_or_default())
        })
        .count();
    let contradiction = (calibration.worth == Worth::Informative && invented >= SEVERAL).then(|| {
        format!(
            "{invented} ordinary sign-ins since the last control stated “now”, although the person was signed in there already and nobody types that fast."
        )
    });
    Watched {
        measured: Measured::of(&readings),
        contradiction,
    }
}

/// Whether an unforced answer states a new sign-in that nobody can have made; `before` are the older answers.
fn is_invented(sample: &Sample, before: &[Sample]) -> bool {
    let (Some(asked_at), Some(stated)) = (sample.asked_at, sample.stated) else {
        return false;
    };
    let quick = sample.received_at - asked_at < QUICK;
    let is_now = (sample.issued_at - stated).abs() <= SAME_SECOND;
    let was_signed_in = before.iter().any(|older| {
        older.who == sample.who
            && asked_at - older.received_at > QUICK
            && asked_at - older.received_at < SESSION
            && older
                .stated
                .is_some_and(|before| before + SAME_SECOND < stated)
    });
    quick && is_now && was_signed_in
}

impl Watched {
    /// The calibration as the judge shall see it: a contradicted one counts as worth nothing.
    #[must_use]
    pub fn over(&self, calibration: &Calibration, now: DateTime<Utc>) -> Calibration {
        match &self.contradiction {
            Some(why) => calibration.refuted_by(why, now),
            None => calibration.clone(),
        }
    }
}

#[cfg(test)]
#[path = "watch_tests.rs"]
mod tests;
