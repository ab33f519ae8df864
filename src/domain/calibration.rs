//! What a provider's time stamps are worth, as a test of it showed.
//!
//! The control probe asks with `prompt=none`: by OIDC Core 3.1.2.1 nobody can have typed anything. A
//! provider that then states a new time of authentication states "now" always: its stamps are worth nothing.
//!
//! Two further probes refute what the control made believable: a *forced* sign-in during which nobody was asked anything,
//! and one that was *cancelled* and came back as a sign-in all the same ([`probe`]). Ordinary sign-ins are watched for
//! contradictions ([`watch`]), and measure how the provider's clock goes ([`meter`]).

pub mod meter;
pub mod probe;
pub mod watch;

pub use meter::{Allowance, Measured};
pub use probe::{Finding, Probe, Said};
pub use watch::{Sample, Watched};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::evidence::{AuthEvidence, StatedTime};

/// What the stated times of a provider are worth.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Worth {
    /// Nothing is known yet.
    #[default]
    Unknown,
    /// Without force it repeated the old time: its stamps carry information.
    Informative,
    /// It stated a new time although nobody signed in: its stamps are worth nothing.
    Uninformative,
    /// It states no time at all.
    Silent,
}

/// What is kept of a provider's probes: the newest control, and what refuted it.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Calibration {
    /// What the stamps are worth.
    pub worth: Worth,
    /// When that was last seen.
    pub tested_at: Option<DateTime<Utc>>,
    /// What was seen, in a sentence.
    pub seen: String,
    /// How far the provider's clock was ahead of ours at the last answer, in milliseconds (negative: behind).
    pub clock_ahead_ms: Option<i64>,
    /// Why nothing it states is believed any more, whatever a control says: until an administrator begins anew.
    #[serde(default)]
    pub refuted: Option<Refuted>,
    /// When an administrator began anew, or its settings changed so that it had to be done.
    #[serde(default)]
    pub since: Option<DateTime<Utc>>,
}

/// What refuted a provider.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Refuted {
    /// When.
    pub at: DateTime<Utc>,
    /// What was seen, in a sentence.
    pub why: String,
}

/// Settings that decide what is asked of a provider: an answer to another question tells nothing about this one.
pub const ASKING: [&str; 11] = [
    "issuer",
    "client_id",
    "prompt",
    "max_age",
    "claims_auth_time",
    "claims_acr",
    "acr_values",
    "required_acr",
    "use_par",
    "request_object",
    "scopes",
];

/// Days after which a calibration should be made again.
pub const STALE_DAYS: i64 = 90;

impl Calibration {
    /// What the judge goes by: the stricter of what the control showed and what refuted it.
    #[must_use]
    pub const fn standing(&self) -> Worth {
        if self.refuted.is_some() {
            Worth::Uninformative
        } else {
            self.worth
        }
    }

    /// Nothing known, from `at` on.
    #[must_use]
    pub fn anew(at: DateTime<Utc>) -> Self {
        Self {
            since: Some(at),
            ..Self::default()
        }
    }

    /// The same provider after one more control. What refuted it stays.
    #[must_use]
    pub fn with_control(&self, worth: Worth, seen: &str, at: DateTime<Utc>, ahead_ms: i64) -> Self {
        Self {
            worth,
            tested_at: Some(at),
            seen: seen.to_owned(),
            clock_ahead_ms: Some(ahead_ms),
            ..self.clone()
        }
    }

    /// The same provider once something refuted it. The first reason stays.
    #[must_use]
    pub fn refuted_by(&self, why: &str, at: DateTime<Utc>) -> Self {
        let why = why.to_owned();
        Self {
            refuted: self.refuted.clone().or(Some(Refuted { at, why })),
            ..self.clone()
        }
    }

    /// Whether the last control is so long ago that it should be made again.
    #[must_use]
    pub fn is_stale(&self, now: DateTime<Utc>) -> bool {
        self.tested_at
            .is_some_and(|at| now - at > TimeDelta::days(STALE_DAYS))
    }
}

/// What one control probe showed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Control {
    /// The provider answered silently. [`Worth::Unknown`] says nothing new: it never replaces what is known.
    Answered(Worth, String),
    /// It refused to answer without interaction (`login_required`, `interaction_required`, `consent_required`): says nothing.
    Refused(String),
    /// The sign-in and the control fall into the same moment, so repeating the old time and stating "now" look
    /// alike: says nothing yet. Try again a few seconds later.
    TooSoon,
}

impl Control {
    /// What was seen, in a sentence.
    #[must_use]
    pub fn seen(&self) -> &str {
        match self {
            Self::Answered(_, seen) | Self::Refused(seen) => seen,
            Self::TooSoon => {
                "The sign-in was only a moment ago, so the control shows nothing yet. Try again in a few seconds."
            }
        }
    }
}

/// Time stamps are whole seconds at most providers: two within this count as one.
pub(crate) const SAME_SECOND: TimeDelta = TimeDelta::milliseconds(1500);

/// Judges the answer to a control probe (`prompt=none`) that was asked at `asked_at` (our clock), against the time
/// stated at sign-in, if that is known (the provider's clock).
///
/// Nobody can have typed anything since the question, so a stated time at or after it is invented. Comparing with
/// the token's `iat` alone would miss that when the way back through the browser takes longer than a moment.
#[must_use]
pub fn judge_control(
    asked_at: DateTime<Utc>,
    signed_in: Option<DateTime<Utc>>,
    answer: &AuthEvidence,
) -> Control {
    let (worth, seen) = match answer.stated() {
        StatedTime::Absent => (
            Worth::Silent,
            "It answered without stating when the person signed in.".to_owned(),
        ),
        StatedTime::Malformed(text) => (
            Worth::Silent,
            format!("It stated {text}, which is no time."),
        ),
        StatedTime::At(at) if is_now(asked_at, *at, answer) => {
            if signed_in.is_some_and(|before| (*at - before).abs() <= SAME_SECOND) {
                return Control::TooSoon;
            }
            (
                Worth::Uninformative,
                "It stated “now” although nobody could type anything.".to_owned(),
            )
        }
        StatedTime::At(at) if signed_in.is_some_and(|before| *at > before + SAME_SECOND) => (
            Worth::Unknown,
            "It stated a newer sign-in than ours: the person signed in there elsewhere since."
                .to_owned(),
        ),
        StatedTime::At(_) => (
            Worth::Informative,
            "Without force it repeated the old time, as it should.".to_owned(),
        ),
    };
    Control::Answered(worth, seen)
}

/// Whether a stated time is that of the answer itself, or, read by our clock, lies after the question.
fn is_now(asked_at: DateTime<Utc>, stated: DateTime<Utc>, answer: &AuthEvidence) -> bool {
    let by_our_clock = stated - answer.clock_ahead();
    (answer.issued_at() - stated).abs() <= SAME_SECOND || by_our_clock >= asked_at - SAME_SECOND
}
