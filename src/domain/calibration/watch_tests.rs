//! When ordinary sign-ins contradict a control, and when they do not.

use proptest::prelude::*;

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_285_795 + seconds, 0).unwrap()
}

fn informative() -> Calibration {
    Calibration {
        worth: Worth::Informative,
        tested_at: Some(at(0)),
        ..Calibration::default()
    }
}

/// A sign-in asked for at `asked` that came back `took` seconds later and states `stated`.
fn sign_in(asked: i64, took: i64, stated: i64) -> Sample {
    Sample {
        who: "ada".to_owned(),
        asked_at: Some(at(asked)),
        stated: Some(at(stated)),
        issued_at: at(asked + took),
        received_at: at(asked + took),
    }
}

/// A first sign-in and then `n` quick ones that state "now", the newest first.
fn quick(n: i64) -> Vec<Sample> {
    let mut samples: Vec<Sample> = (1..=n)
        .rev()
        .map(|i| sign_in(i * 600, 1, i * 600 + 1))
        .collect();
    samples.push(sign_in(100, 20, 118));
    samples
}

#[test]
fn several_quick_answers_that_state_now_contradict_a_good_control() {
    assert_eq!(watch(&informative(), &quick(2)).contradiction, None);
    let watched = watch(&informative(), &quick(3));
    assert!(watched.contradiction.as_deref().unwrap().starts_with("3 "));
    let seen = watched.over(&informative(), at(9000));
    assert_eq!(seen.standing(), Worth::Uninformative);
}

#[test]
fn a_control_made_since_then_settles_it() {
    let calibration = Calibration {
        tested_at: Some(at(5000)),
        ..informative()
    };
    assert_eq!(watch(&calibration, &quick(5)).contradiction, None);
}

#[test]
fn honest_sign_ins_contradict_nothing() {
    // Old times repeated; passwords typed; first sign-ins of many; slow ones; no time kept.
    let repeated: Vec<Sample> = (1..9).rev().map(|i| sign_in(i * 600, 1, 118)).collect();
    let typed: Vec<Sample> = (1..9)
        .rev()
        .map(|i| sign_in(i * 600, 9, i * 600 + 8))
        .collect();
    let first: Vec<Sample> = (1..9)
        .map(|i| Sample {
            who: i.to_string(),
            ..sign_in(i * 600, 1, i * 600 + 1)
        })
        .collect();
    let unknown: Vec<Sample> = quick(8)
        .into_iter()
        .map(|sample| Sample {
            asked_at: None,
            ..sample
        })
        .collect();
    let next_day: Vec<Sample> = (1..9)
        .rev()
        .map(|i| sign_in(i * 86_400, 1, i * 86_400 + 1))
        .collect();
    for samples in [repeated, typed, first, unknown, next_day] {
        assert_eq!(
            watch(&informative(), &samples).contradiction,
            None,
            "{samples:?}"
        );
    }
}

proptest! {
    #[test]
    fn watching_never_makes_a_provider_look_better(
        worth in proptest::sample::select(vec![Worth::Unknown, Worth::Informative, Worth::Uninformative, Worth::Silent]),
        samples in proptest::collection::vec((0_i64..9000, 0_i64..20, -100_i64..100, "a|b"), 0..20),
    ) {
        let calibration = Calibration { worth, ..informative() };
        let samples: Vec<Sample> = samples.into_iter().map(|(asked, took, stated, who)| {
            Sample { who, ..sign_in(asked, took, asked + stated) }
        }).collect();
        let seen = watch(&calibration, &samples).over(&calibration, at(9999)).standing();
        prop_assert!(seen == worth || seen == Worth::Uninformative);
    }
}
