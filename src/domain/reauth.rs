//! The judge: did this person sign in again, because we asked, and is that proven?
//!
//! A redirect that comes back proves nothing. [`judge`] looks at the answer, at what we asked, at the session
//! that asked, and at what the provider's time stamps are worth, and says what is proven. Fails closed: any
//! doubt is some verdict other than [`Verdict::Fresh`].

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::calibration::{Allowance, Calibration, Measured};
use crate::evidence::AuthEvidence;
use crate::id::{ChallengeId, ProviderId, UserId};
use crate::opener::Openers;
use crate::session::{Proof, SessionKey, Unproven};

mod doors;

pub use doors::words_between;
use doors::{clock, context, forced, refused, row, when, who, worth};

/// What is proven.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The person signed in again after we asked, and the statement can be believed.
    Fresh,
    /// The provider answered with an older sign-in: it sent the person straight back.
    Stale,
    /// The answer holds nothing that could prove it either way.
    Unprovable,
    /// Somebody else signed in.
    WrongUser,
    /// Signed in, but not as strongly as required.
    WeakContext,
    /// The answer cannot be taken seriously.
    Malformed,
    /// The person, or the provider, called it off.
    Cancelled,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 7] = [
        Self::Fresh,
        Self::Stale,
        Self::Unprovable,
        Self::WrongUser,
        Self::WeakContext,
        Self::Malformed,
        Self::Cancelled,
    ];

    /// The stable name in database, exports and tests.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Fresh => "fresh",
            Self::Stale => "stale",
            Self::Unprovable => "unprovable",
            Self::WrongUser => "wrong_user",
            Self::WeakContext => "weak_context",
            Self::Malformed => "malformed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The name people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Fresh => "Fresh",
            Self::Stale => "Stale",
            Self::Unprovable => "Unprovable",
            Self::WrongUser => "Wrong user",
            Self::WeakContext => "Weak context",
            Self::Malformed => "Malformed",
            Self::Cancelled => "Cancelled",
        }
    }

    /// The verdict with this stable name.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verdict| verdict.key() == key)
    }
}

/// What was sent to force a new sign-in.
#[derive(Clone, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct Sent {
    /// `prompt`, as sent.
    pub prompt: Option<String>,
    /// `max_age` in seconds, as sent.
    pub max_age: Option<u64>,
    /// `acr_values`, as sent.
    pub acr_values: Option<String>,
    /// Whether `auth_time` was asked for as an essential claim (OIDC Core 5.5).
    pub auth_time_essential: bool,
    /// Whether the request was pushed (RFC 9126), so that the browser could not change it.
    pub pushed: bool,
    /// Every parameter the browser carried, by name; what must stay secret is masked. Empty: not kept.
    #[serde(default)]
    pub carried: Vec<(String, String)>,
    /// Every parameter that was pushed ahead of the browser, masked likewise.
    #[serde(default)]
    pub ahead: Vec<(String, String)>,
    /// The claims of the signed request object (RFC 9101), masked likewise. Empty: none was sent.
    #[serde(default)]
    pub signed: Vec<(String, String)>,
}

/// What we asked, and for whom.
#[derive(Clone, PartialEq, Debug)]
pub struct Challenge {
    /// Its id.
    pub id: ChallengeId,
    /// The browser session that asked.
    pub session: SessionKey,
    /// The signed-in person.
    pub user: UserId,
    /// The provider that was asked.
    pub provider: ProviderId,
    /// Issuer and subject under which the person is known there; none: no identity at this provider.
    pub expected: Option<(String, String)>,
    /// Who, beside its owner, opened that identity.
    pub opened_by: Openers,
    /// The time of authentication stated when this session signed in there, if it did and it was stated.
    pub signed_in: Option<DateTime<Utc>>,
    /// When we sent the browser away.
    pub asked_at: DateTime<Utc>,
    /// What was sent.
    pub sent: Sent,
    /// Context class that the answer must state, if one is required.
    pub required_acr: Option<String>,
}

/// What came back.
#[derive(Clone, PartialEq, Debug)]
pub enum Answer {
    /// A verified answer.
    Evidence(Box<AuthEvidence>),
    /// The provider's error response (RFC 6749 section 4.1.2.1): its code.
    Refused(String),
    /// An answer that failed verification: our stable error code and its words.
    Rejected {
        /// Stable code, such as `OIDC-011`.
        code: String,
        /// What was wrong.
        reason: String,
    },
}

/// The allowances of the judge.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ReauthPolicy {
    /// How much clocks may differ, in seconds. 60 by default, 120 at most.
    pub skew_seconds: u32,
    /// How long a challenge waits for its answer, in seconds.
    pub challenge_seconds: u32,
    /// Whether a stated time is believed although no control ever told what it is worth: an administrator took that
    /// on by switching the control of this provider off.
    pub believes_untested: bool,
    /// How the provider's clock goes, if enough answers measured it.
    #[serde(default)]
    pub measured: Option<Measured>,
}

impl Default for ReauthPolicy {
    fn default() -> Self {
        Self {
            skew_seconds: 60,
            challenge_seconds: 600,
            believes_untested: false,
            measured: None,
        }
    }
}

impl ReauthPolicy {
    /// The clock allowance, never above 120 s.
    #[must_use]
    pub fn skew(self) -> TimeDelta {
        TimeDelta::seconds(i64::from(self.skew_seconds.min(120)))
    }

    /// What is allowed for with this answer: less than [`Self::skew`] where the provider's clock is well known.
    #[must_use]
    pub fn allowance(self, evidence: &AuthEvidence) -> Allowance {
        Allowance::of(self.skew(), self.measured, evidence.clock_ahead())
    }
}

/// One row of the evidence table.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Row {
    /// What is looked at: "Who", "Signed in", …
    pub claim: String,
    /// What we sent or expected.
    pub sent: String,
    /// What came back.
    pub received: String,
    /// What it proves, in words.
    pub proves: String,
    /// Whether it speaks for, against, or neither.
    pub holds: Holds,
}

/// How a row speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// It holds.
    Yes,
    /// It fails.
    No,
    /// It says nothing either way.
    Open,
}

/// The judge's decision with everything it rests on. Only [`judge`] makes one.
#[derive(Clone, PartialEq, Debug)]
#[must_use]
pub struct Judgement {
    verdict: Verdict,
    reasons: Vec<String>,
    rows: Vec<Row>,
    challenge: Challenge,
    answered_at: DateTime<Utc>,
}

impl Judgement {
    /// What is proven.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// Why, a sentence each.
    #[must_use]
    pub fn reasons(&self) -> &[String] {
        &self.reasons
    }

    /// The evidence table.
    #[must_use]
    pub fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// When the answer arrived.
    #[must_use]
    pub const fn answered_at(&self) -> DateTime<Utc> {
        self.answered_at
    }

    /// The proof that may be exchanged for a secure admin session: only a [`Verdict::Fresh`] holds one.
    #[must_use]
    pub fn proof(&self) -> Option<Proof> {
        let asked = &self.challenge;
        (self.verdict == Verdict::Fresh).then(|| {
            Proof::fresh(
                asked.session.clone(),
                asked.user,
                asked.provider,
                asked.opened_by.clone(),
                self.answered_at,
            )
        })
    }
}

impl Judgement {
    /// What a second factor may make good: a [`Verdict::Unprovable`], and nothing else.
    #[must_use]
    pub fn unproven(&self) -> Option<Unproven> {
        let asked = &self.challenge;
        Unproven::of(self.verdict, &asked.session, asked.user, asked.provider)
    }
}

/// Where and when the answer arrived.
#[derive(Clone, PartialEq, Debug)]
pub struct Arrival {
    /// The browser session that brought it.
    pub session: SessionKey,
    /// The person signed in there.
    pub user: UserId,
    /// When it arrived.
    pub at: DateTime<Utc>,
}

/// Judges one answer. Pure; every input that matters is an argument.
pub fn judge(
    challenge: &Challenge,
    answer: &Answer,
    arrival: &Arrival,
    calibration: &Calibration,
    policy: &ReauthPolicy,
) -> Judgement {
    let mut rows = Vec::new();
    let (verdict, reason) = decide(challenge, answer, arrival, calibration, policy, &mut rows);
    Judgement {
        verdict,
        reasons: vec![reason],
        rows,
        challenge: challenge.clone(),
        answered_at: arrival.at,
    }
}

fn decide(
    challenge: &Challenge,
    answer: &Answer,
    arrival: &Arrival,
    calibration: &Calibration,
    policy: &ReauthPolicy,
    rows: &mut Vec<Row>,
) -> (Verdict, String) {
    if arrival.session != challenge.session || arrival.user != challenge.user {
        return (
            Verdict::Malformed,
            "The answer arrived in another browser session than the one that asked.".to_owned(),
        );
    }
    if arrival.at < challenge.asked_at
        || arrival.at - challenge.asked_at > TimeDelta::seconds(i64::from(policy.challenge_seconds))
    {
        return (
            Verdict::Malformed,
            "The answer arrived too late to belong to this question.".to_owned(),
        );
    }
    let evidence = match answer {
        Answer::Refused(code) => return refused(code, rows),
        Answer::Rejected { code, reason } => {
            return (Verdict::Malformed, format!("{reason} ({code})"));
        }
        Answer::Evidence(evidence) => evidence.as_ref(),
    };
    rows.push(row(
        "Request",
        "nonce of this request",
        "the same nonce",
        "The answer belongs to this request",
        Holds::Yes,
    ));
    let allowance = policy.allowance(evidence);
    let doors = [
        who(challenge, evidence, rows),
        when(challenge, evidence, arrival, &allowance, rows),
        forced(challenge, rows),
        worth(calibration, evidence, policy, rows),
        context(challenge, evidence, rows),
        clock(evidence, &allowance, rows),
    ];
    let fresh = || {
        let stated = evidence.stated().instant().unwrap_or(challenge.asked_at);
        doors::answers(challenge.asked_at, stated, &allowance)
    };
    doors
        .into_iter()
        .flatten()
        .min_by_key(|(verdict, _)| rank(*verdict))
        .unwrap_or_else(|| (Verdict::Fresh, fresh()))
}

/// Which refusal is told when several apply: the one that says most. [`Verdict::Unprovable`] comes after every other
/// doubt, since a second factor makes it good, and must not stand in for anything else that is missing.
const fn rank(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::WrongUser => 0,
        Verdict::Malformed => 1,
        Verdict::Stale => 2,
        Verdict::WeakContext => 3,
        Verdict::Unprovable => 4,
        Verdict::Cancelled => 5,
        Verdict::Fresh => 6,
    }
}

#[cfg(test)]
#[path = "reauth_tests.rs"]
mod tests;
