//! What a measured clock changes: it narrows, and widens only as far as evidence goes.

use proptest::prelude::*;

use super::*;

fn measured(ahead_ms: i64, people: usize) -> Option<Measured> {
    Some(Measured {
        ahead_ms,
        spread_ms: 0,
        answers: 9,
        people,
    })
}

#[test]
fn w20_a_sign_in_for_another_application_just_before_the_question_is_stale_where_the_clock_is_known()
 {
    for (stated, before, known) in [
        (-30, Verdict::Fresh, Verdict::Stale),
        (-7, Verdict::Fresh, Verdict::Stale),
        (-4, Verdict::Fresh, Verdict::Fresh),
        (8, Verdict::Fresh, Verdict::Fresh),
    ] {
        let mut trip = Trip::stating(json!(ASKED + stated));
        assert_eq!(trip.verdict(), before, "{stated}");
        trip.policy.measured = measured(-1000, 1);
        assert_eq!(trip.verdict(), known, "{stated}");
    }
}

#[test]
fn a_clock_known_to_be_ahead_is_read_by_ours() {
    let mut trip = Trip::with(|trip| {
        trip.issued_at = at(10 + 30);
        trip.claims["auth_time"] = json!(ASKED + 10);
    });
    assert_eq!(trip.verdict(), Verdict::Fresh);
    trip.policy.measured = measured(30_000, 1);
    let judgement = trip.judge();
    assert_eq!(judgement.verdict(), Verdict::Stale);
    assert!(
        judgement.reasons()[0].contains("20 s before we asked by our clock"),
        "{:?}",
        judgement.reasons()
    );
}

#[test]
fn a_clock_set_right_since_it_was_measured_shuts_nobody_out() {
    let mut trip = Trip::fresh();
    trip.policy.measured = measured(30_000, 3);
    assert_eq!(trip.verdict(), Verdict::Fresh);
}

#[test]
fn a_clock_off_by_up_to_two_minutes_is_followed_and_one_beyond_is_named() {
    let off = |seconds: i64, people: usize| {
        let mut trip = Trip::with(|trip| {
            trip.issued_at = at(9 + seconds);
            trip.claims["auth_time"] = json!(ASKED + 8 + seconds);
        });
        trip.policy.measured = measured(seconds * 1000, people);
        trip.judge()
    };
    assert_eq!(off(-90, 2).verdict(), Verdict::Fresh);
    assert_eq!(off(90, 2).verdict(), Verdict::Fresh);
    let alone = off(-90, 1);
    assert_ne!(alone.verdict(), Verdict::Fresh);
    for seconds in [-150, 150] {
        let judgement = off(seconds, 3);
        assert_ne!(judgement.verdict(), Verdict::Fresh);
        let told = format!("{:?}{:?}", judgement.reasons(), judgement.rows());
        let side = if seconds < 0 {
            "151 s behind"
        } else {
            "149 s ahead of"
        };
        assert!(told.contains(side), "{told}");
    }
}

#[test]
fn o58_classes_that_were_asked_for_are_looked_for_in_the_answer() {
    for (acr, verdict) in [
        (json!("gold"), Verdict::Fresh),
        (json!("silver"), Verdict::Fresh),
        (json!("bronze"), Verdict::WeakContext),
        (Value::Null, Verdict::WeakContext),
    ] {
        let trip = Trip::with(|trip| {
            trip.challenge.sent.acr_values = Some("gold silver".to_owned());
            trip.claims["acr"] = acr.clone();
        });
        assert_eq!(trip.verdict(), verdict, "{acr}");
    }
}

#[test]
fn w19_a_refuted_provider_proves_nothing_whatever_its_control_showed_and_whoever_believes_it() {
    for said in [Said::Yes, Said::No] {
        let found = Finding::NewTime.told(said);
        for believes in [false, true] {
            let mut trip = Trip::fresh();
            trip.policy.believes_untested = believes;
            if found.refutes() {
                trip.calibration = trip.calibration.refuted_by(found.sentence(), at(-9));
            }
            let fresh = said == Said::Yes;
            assert_eq!(trip.verdict() == Verdict::Fresh, fresh, "{said:?}");
            assert_eq!(trip.verdict() == Verdict::Unprovable, !fresh, "{said:?}");
        }
    }
}

#[test]
fn the_reason_of_fresh_says_when() {
    for (stated, words) in [
        (8, "It states a sign-in 8 s after we asked."),
        (0, "It states a sign-in at the very second we asked."),
        (
            -20,
            "It states a sign-in 20 s before we asked, which is within what clocks may differ.",
        ),
    ] {
        let judgement = Trip::stating(json!(ASKED + stated)).judge();
        assert_eq!(judgement.reasons(), [words]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn measuring_a_clock_that_is_less_than_a_minute_off_only_narrows(
        ahead_ms in -54_000_i64..54_000, people in 1_usize..4, own in -70_i64..70, stated in -130_i64..130,
    ) {
        let mut trip = Trip::with(|trip| {
            trip.issued_at = trip.arrival.at + TimeDelta::seconds(own);
            trip.claims["auth_time"] = json!(ASKED + stated);
        });
        let plain = trip.verdict();
        trip.policy.measured = measured(ahead_ms, people);
        prop_assert!(trip.verdict() != Verdict::Fresh || plain == Verdict::Fresh, "{:?}", trip.judge());
    }

    #[test]
    fn no_measure_makes_a_sign_in_two_minutes_before_the_question_fresh(
        ahead_ms in any::<i64>(), spread_ms in any::<i64>(), answers in 0_usize..99, people in 0_usize..9,
        own in -400_i64..400, stated in -4000_i64..-120,
    ) {
        let mut trip = Trip::with(|trip| {
            trip.issued_at = trip.arrival.at + TimeDelta::seconds(own);
            trip.claims["auth_time"] = json!(ASKED as f64 + stated as f64 - 0.001);
            trip.challenge.signed_in = None;
        });
        trip.policy.measured = Some(Measured { ahead_ms, spread_ms: spread_ms.saturating_abs(), answers, people });
        prop_assert_ne!(trip.verdict(), Verdict::Fresh);
    }

    #[test]
    fn w19_refuting_a_provider_never_makes_an_answer_better(mut trip in properties::trips()) {
        let before = trip.verdict();
        trip.calibration = trip.calibration.refuted_by("It went on after cancel.", at(-100));
        prop_assert!(trip.verdict() != Verdict::Fresh);
        prop_assert!(trip.verdict() == before || before == Verdict::Fresh || trip.verdict() == Verdict::Unprovable);
    }
}
