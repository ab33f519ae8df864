//! The judge, case by case and by properties. Cases of the catalogue bear their id.

#[path = "reauth_tests/clock.rs"]
mod clock;
#[path = "reauth_tests/control.rs"]
mod control;
#[path = "reauth_tests/elevation.rs"]
mod elevation;
#[path = "reauth_tests/properties.rs"]
mod properties;

use serde_json::{Value, json};
use uuid::Uuid;

use super::*;
use crate::calibration::{Control, Finding, Measured, Said, Worth, judge_control};
use crate::claims::Claims;
use crate::credential::{Imprint, PasswordChecked};
use crate::evidence::Verified;
use crate::factor::{Answered, Enrolled, FactorChecked};
use crate::id::ElevationId;
use crate::policy::{Address, ElevationPolicy, PasswordRule, ProviderRule};
use crate::session::{Elevation, Means, ProofKind, Session, Terms, Unproven};

const ISSUER: &str = "https://idp.example";
/// When we asked, in seconds since 1970.
const ASKED: i64 = 1_795_285_795;
const SKEW: i64 = 60;

fn at(after_asked: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(ASKED + after_asked, 0).unwrap()
}

fn millis(after_asked: i64) -> DateTime<Utc> {
    DateTime::from_timestamp_millis(ASKED * 1000 + after_asked).unwrap()
}

/// One round trip that is fresh as it stands, ready to be bent.
#[derive(Clone, Debug)]
struct Trip {
    challenge: Challenge,
    arrival: Arrival,
    calibration: Calibration,
    policy: ReauthPolicy,
    provider: ProviderId,
    issuer: String,
    subject: String,
    issued_at: DateTime<Utc>,
    claims: Value,
}

impl Trip {
    fn fresh() -> Self {
        let session = SessionKey("s1".to_owned());
        let user = UserId(Uuid::from_u128(1));
        let provider = ProviderId(Uuid::from_u128(2));
        Self {
            challenge: Challenge {
                id: ChallengeId(Uuid::from_u128(3)),
                session: session.clone(),
                user,
                provider,
                expected: Some((ISSUER.to_owned(), "anna".to_owned())),
                opened_by: Openers::nobody(),
                signed_in: Some(at(-3600)),
                asked_at: at(0),
                sent: Sent {
                    prompt: Some("login".to_owned()),
                    max_age: Some(0),
                    acr_values: None,
                    auth_time_essential: true,
                    ..Sent::default()
                },
                required_acr: None,
            },
            arrival: Arrival {
                session,
                user,
                at: at(10),
            },
            calibration: Calibration {
                worth: Worth::Informative,
                ..Calibration::default()
            },
            policy: ReauthPolicy::default(),
            provider,
            issuer: ISSUER.to_owned(),
            subject: "anna".to_owned(),
            issued_at: at(9),
            claims: json!({"auth_time": ASKED + 8}),
        }
    }

    fn with(bend: impl FnOnce(&mut Self)) -> Self {
        let mut trip = Self::fresh();
        bend(&mut trip);
        trip
    }

    fn evidence(&self) -> AuthEvidence {
        AuthEvidence::verified(Verified {
            provider: self.provider,
            issuer: self.issuer.clone(),
            subject: self.subject.clone(),
            issued_at: self.issued_at,
            received_at: self.arrival.at,
            claims: serde_json::from_value::<Claims>(self.claims.clone()).unwrap(),
        })
    }

    fn judge(&self) -> Judgement {
        self.judge_answer(&Answer::Evidence(Box::new(self.evidence())))
    }

    fn judge_answer(&self, answer: &Answer) -> Judgement {
        judge(
            &self.challenge,
            answer,
            &self.arrival,
            &self.calibration,
            &self.policy,
        )
    }

    fn verdict(&self) -> Verdict {
        self.judge().verdict()
    }

    fn stating(auth_time: Value) -> Self {
        Self::with(|trip| trip.claims["auth_time"] = auth_time)
    }
}

#[test]
fn a_sign_in_after_the_question_is_fresh_and_holds_a_proof() {
    let judgement = Trip::fresh().judge();
    assert_eq!(judgement.verdict(), Verdict::Fresh);
    assert!(judgement.proof().is_some());
    assert!(
        judgement
            .rows()
            .iter()
            .any(|row| row.proves == "8 s after we asked")
    );
    assert!(judgement.rows().iter().all(|row| row.holds != Holds::No));
}

#[test]
fn o57_w19_a_provider_that_sends_the_person_straight_back_is_stale() {
    let judgement = Trip::stating(json!(ASKED - 3600)).judge();
    assert_eq!(judgement.verdict(), Verdict::Stale);
    assert!(judgement.proof().is_none());
    assert!(
        judgement.reasons()[0].contains("60 min before we asked"),
        "{:?}",
        judgement.reasons()
    );
}

#[test]
fn o55_an_old_time_is_stale_whatever_was_sent() {
    for (prompt, max_age, pushed) in [
        (None, None, false),
        (Some("login"), Some(0), false),
        (Some("login"), Some(1), true),
    ] {
        let trip = Trip::with(|trip| {
            trip.claims["auth_time"] = json!(ASKED - 3600);
            trip.challenge.sent = Sent {
                prompt: prompt.map(str::to_owned),
                max_age,
                pushed,
                ..Sent::default()
            };
        });
        assert_eq!(trip.verdict(), Verdict::Stale);
    }
}

#[test]
fn o56_without_a_stated_time_nothing_is_proven() {
    for claims in [json!({}), json!({"auth_time": null})] {
        let trip = Trip::with(|trip| trip.claims = claims);
        assert_eq!(trip.verdict(), Verdict::Unprovable);
    }
}

#[test]
fn w20_the_sign_in_that_began_the_session_is_not_a_second_one() {
    for (auth_time, signed_in, verdict) in [
        (-20, Some(-20), Verdict::Stale),
        (-20, Some(-19), Verdict::Stale),
        (-20, Some(-21), Verdict::Fresh),
        (-20, None, Verdict::Fresh),
        (0, Some(0), Verdict::Stale),
    ] {
        let trip = Trip::with(|trip| {
            trip.claims["auth_time"] = json!(ASKED + auth_time);
            trip.challenge.signed_in = signed_in.map(at);
        });
        assert_eq!(trip.verdict(), verdict, "{auth_time} {signed_in:?}");
    }
}

#[test]
fn the_window_ends_exactly_where_the_allowance_ends() {
    for (auth_time, verdict) in [
        (json!(ASKED - SKEW - 1), Verdict::Stale),
        (json!(ASKED as f64 - SKEW as f64 - 0.001), Verdict::Stale),
        (json!(ASKED - SKEW), Verdict::Fresh),
        (json!(ASKED), Verdict::Fresh),
        (json!(ASKED + 10), Verdict::Fresh),
        (json!(ASKED + 10 + SKEW), Verdict::Fresh),
        (
            json!(ASKED as f64 + 10.0 + SKEW as f64 + 0.001),
            Verdict::Malformed,
        ),
        (json!(ASKED + 10 + SKEW + 1), Verdict::Malformed),
        (json!(ASKED + 86_400), Verdict::Malformed),
    ] {
        assert_eq!(
            Trip::stating(auth_time.clone()).verdict(),
            verdict,
            "{auth_time}"
        );
    }
}

#[test]
fn whole_seconds_count_although_we_ask_between_two_of_them() {
    let trip = Trip::with(|trip| {
        trip.challenge.asked_at = millis(900);
        trip.claims["auth_time"] = json!(ASKED);
        trip.policy.skew_seconds = 1;
        trip.issued_at = trip.arrival.at;
    });
    assert_eq!(trip.verdict(), Verdict::Fresh);
}

#[test]
fn a_float_is_a_time_and_milliseconds_and_texts_are_none() {
    for (auth_time, verdict) in [
        (json!(ASKED as f64 + 8.545_688), Verdict::Fresh),
        (json!((ASKED + 8) * 1000), Verdict::Malformed),
        (json!((ASKED + 8).to_string()), Verdict::Malformed),
        (json!("now"), Verdict::Malformed),
        (json!(-1), Verdict::Malformed),
        (json!(1e300), Verdict::Malformed),
        (json!(true), Verdict::Malformed),
        (json!([ASKED + 8]), Verdict::Malformed),
        (json!({"value": ASKED + 8}), Verdict::Malformed),
        (json!(0), Verdict::Stale),
    ] {
        assert_eq!(
            Trip::stating(auth_time.clone()).verdict(),
            verdict,
            "{auth_time}"
        );
    }
}

#[test]
fn nobody_widens_the_allowance_beyond_two_minutes() {
    let stale = |auth_time: i64| {
        Trip::with(|trip| {
            trip.policy.skew_seconds = u32::MAX;
            trip.claims["auth_time"] = json!(ASKED + auth_time);
        })
        .verdict()
    };
    assert_eq!(stale(-120), Verdict::Fresh);
    assert_eq!(stale(-121), Verdict::Stale);
}

#[test]
fn w18_somebody_else_is_the_wrong_user_by_subject_issuer_or_provider() {
    let other = ProviderId(Uuid::from_u128(99));
    for trip in [
        Trip::with(|trip| trip.subject = "bob".to_owned()),
        Trip::with(|trip| trip.subject = "Anna".to_owned()),
        Trip::with(|trip| trip.issuer = "https://idp.example/".to_owned()),
        Trip::with(|trip| trip.provider = other),
        Trip::with(|trip| trip.challenge.expected = None),
    ] {
        let judgement = trip.judge();
        assert_eq!(judgement.verdict(), Verdict::WrongUser);
        assert!(judgement.proof().is_none());
    }
}

#[test]
fn the_wrong_user_is_told_before_anything_else_that_is_wrong() {
    let trip = Trip::with(|trip| {
        trip.subject = "bob".to_owned();
        trip.claims = json!({"auth_time": ASKED - 3600});
        trip.challenge.required_acr = Some("mfa".to_owned());
        trip.calibration.worth = Worth::Uninformative;
    });
    assert_eq!(trip.verdict(), Verdict::WrongUser);
}

#[test]
fn w22_an_answer_in_another_session_or_of_another_person_counts_for_nothing() {
    for trip in [
        Trip::with(|trip| trip.arrival.session = SessionKey("s2".to_owned())),
        Trip::with(|trip| trip.arrival.user = UserId(Uuid::from_u128(77))),
    ] {
        let judgement = trip.judge();
        assert_eq!(judgement.verdict(), Verdict::Malformed);
        assert!(
            judgement.rows().is_empty(),
            "nothing of the answer is shown to the wrong session"
        );
    }
}

#[test]
fn w21_a_question_waits_ten_minutes_for_its_answer_and_no_answer_precedes_it() {
    for (arrives, verdict) in [
        (0, Verdict::Fresh),
        (600, Verdict::Fresh),
        (601, Verdict::Malformed),
        (-1, Verdict::Malformed),
    ] {
        let trip = Trip::with(|trip| {
            trip.arrival.at = at(arrives);
            trip.issued_at = at(arrives);
            trip.claims["auth_time"] = json!(ASKED + arrives.min(8));
        });
        assert_eq!(trip.verdict(), verdict, "{arrives}");
    }
}

#[test]
fn o58_the_required_class_must_be_stated_exactly() {
    for (acr, verdict) in [
        (json!("mfa"), Verdict::Fresh),
        (json!("MFA"), Verdict::WeakContext),
        (json!("mfa2"), Verdict::WeakContext),
        (json!("0"), Verdict::WeakContext),
        (json!(""), Verdict::WeakContext),
        (json!(["mfa"]), Verdict::WeakContext),
        (Value::Null, Verdict::WeakContext),
    ] {
        let trip = Trip::with(|trip| {
            trip.challenge.required_acr = Some("mfa".to_owned());
            trip.claims["acr"] = acr.clone();
        });
        assert_eq!(trip.verdict(), verdict, "{acr}");
    }
}

#[test]
fn o58_no_second_factor_stands_in_for_a_required_class_that_was_not_stated() {
    let worths = [
        Worth::Informative,
        Worth::Unknown,
        Worth::Silent,
        Worth::Uninformative,
    ];
    let times = [Value::Null, json!(ASKED - 3600), json!(ASKED + 8)];
    let classes = [Value::Null, json!("pwd"), json!("mfa2"), json!(["mfa"])];
    for worth in worths {
        for time in &times {
            for acr in &classes {
                for prompt in [None, Some("login".to_owned())] {
                    let trip = Trip::with(|trip| {
                        trip.calibration.worth = worth;
                        trip.claims = json!({"auth_time": time, "acr": acr});
                        trip.challenge.required_acr = Some("mfa".to_owned());
                        trip.challenge.sent.prompt = prompt;
                    });
                    let judgement = trip.judge();
                    assert!(judgement.unproven().is_none(), "{trip:?}");
                    assert!(judgement.proof().is_none(), "{trip:?}");
                }
            }
        }
    }
    // Where the class is stated, it is the time alone that a second factor makes good.
    let trip = Trip::with(|trip| {
        trip.calibration.worth = Worth::Uninformative;
        trip.claims["acr"] = json!("mfa");
        trip.challenge.required_acr = Some("mfa".to_owned());
    });
    assert!(trip.judge().unproven().is_some());
}

#[test]
fn a_provider_whose_times_are_worth_nothing_proves_nothing() {
    for (worth, verdict) in [
        (Worth::Informative, Verdict::Fresh),
        (Worth::Unknown, Verdict::Unprovable),
        (Worth::Silent, Verdict::Unprovable),
        (Worth::Uninformative, Verdict::Unprovable),
    ] {
        let trip = Trip::with(|trip| trip.calibration.worth = worth);
        assert_eq!(trip.verdict(), verdict, "{worth:?}");
    }
}

#[test]
fn w19_times_never_tested_are_believed_only_where_an_administrator_took_that_on() {
    for (worth, verdict) in [
        (Worth::Unknown, Verdict::Fresh),
        (Worth::Silent, Verdict::Fresh),
        (Worth::Uninformative, Verdict::Unprovable),
    ] {
        let trip = Trip::with(|trip| {
            trip.calibration.worth = worth;
            trip.policy.believes_untested = true;
        });
        assert_eq!(trip.verdict(), verdict, "{worth:?}");
    }
}

#[test]
fn a_clock_beyond_the_allowance_makes_times_incomparable() {
    for (issued_at, verdict) in [
        (70, Verdict::Fresh),
        (71, Verdict::Malformed),
        (-50, Verdict::Fresh),
        (-51, Verdict::Malformed),
    ] {
        let trip = Trip::with(|trip| trip.issued_at = at(issued_at));
        assert_eq!(trip.verdict(), verdict, "{issued_at}");
    }
}

#[test]
fn errors_of_the_provider_and_rejected_answers_are_never_fresh() {
    let trip = Trip::fresh();
    for (answer, verdict) in [
        (
            Answer::Refused("access_denied".to_owned()),
            Verdict::Cancelled,
        ),
        (
            Answer::Refused("unmet_authentication_requirements".to_owned()),
            Verdict::WeakContext,
        ),
        (
            Answer::Refused("server_error".to_owned()),
            Verdict::Cancelled,
        ),
        (
            Answer::Rejected {
                code: "OIDC-011".to_owned(),
                reason: "The nonce is another one.".to_owned(),
            },
            Verdict::Malformed,
        ),
    ] {
        let judgement = trip.judge_answer(&answer);
        assert_eq!(judgement.verdict(), verdict, "{answer:?}");
        assert!(judgement.proof().is_none());
    }
}

#[test]
fn a_verdict_is_read_back_by_its_stable_name() {
    for verdict in Verdict::ALL {
        assert_eq!(Verdict::from_key(verdict.key()), Some(verdict));
        assert_eq!(serde_json::to_value(verdict).unwrap(), verdict.key());
    }
    assert_eq!(Verdict::from_key("Fresh"), None);
}

#[test]
fn distances_are_told_in_words() {
    for (seconds, words) in [
        (0, "at the very second we asked"),
        (8, "8 s after we asked"),
        (-119, "119 s before we asked"),
        (-120, "2 min before we asked"),
        (-8100, "2 h 15 min before we asked"),
        (-200_000, "2 days before we asked"),
    ] {
        assert_eq!(words_between(at(0), at(seconds)), words);
    }
}
