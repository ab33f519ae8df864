//! What a control probe tells about a provider's time stamps.

use super::*;

/// The answer to a control that was asked at 0: issued at `issued`, received at once, stating `auth_time`.
fn answer(auth_time: Value, issued: i64) -> AuthEvidence {
    Trip::with(|trip| {
        trip.claims = json!({"auth_time": auth_time});
        trip.issued_at = at(issued);
        trip.arrival.at = at(issued);
    })
    .evidence()
}

fn worth(control: Control) -> Worth {
    match control {
        Control::Answered(worth, seen) => {
            assert!(seen.ends_with('.'));
            worth
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn repeating_the_old_time_is_informative() {
    let control = judge_control(at(0), Some(at(-60)), &answer(json!(ASKED - 60), 1));
    assert_eq!(worth(control), Worth::Informative);
    let control = judge_control(at(0), None, &answer(json!(ASKED - 60), 1));
    assert_eq!(worth(control), Worth::Informative);
}

#[test]
fn stating_now_is_uninformative() {
    let control = judge_control(at(0), Some(at(-60)), &answer(json!(ASKED + 1), 1));
    assert_eq!(worth(control), Worth::Uninformative);
}

#[test]
fn stating_now_is_found_out_even_if_the_way_back_takes_long() {
    let control = judge_control(at(0), Some(at(-60)), &answer(json!(ASKED), 20));
    assert_eq!(worth(control), Worth::Uninformative);
}

#[test]
fn stating_now_is_found_out_even_if_the_clock_is_behind() {
    let slow = Trip::with(|trip| {
        trip.claims = json!({"auth_time": ASKED - 40});
        trip.issued_at = at(-20);
        trip.arrival.at = at(20);
    });
    let control = judge_control(at(0), Some(at(-100)), &slow.evidence());
    assert_eq!(worth(control), Worth::Uninformative);
}

#[test]
fn a_sign_in_elsewhere_since_says_nothing() {
    let control = judge_control(at(0), Some(at(-600)), &answer(json!(ASKED - 60), 1));
    assert_eq!(worth(control), Worth::Unknown);
}

#[test]
fn a_sign_in_of_the_same_moment_is_too_soon_to_tell() {
    for (signed_in, stated) in [(0, 0), (-1, -1), (0, 1)] {
        let control = judge_control(
            at(0),
            Some(at(signed_in)),
            &answer(json!(ASKED + stated), 1),
        );
        assert_eq!(control, Control::TooSoon, "{signed_in} {stated}");
        assert!(!control.seen().is_empty());
    }
    let control = judge_control(at(0), Some(at(-3)), &answer(json!(ASKED - 3), 1));
    assert_eq!(
        worth(control),
        Worth::Informative,
        "three seconds can be told apart"
    );
}

#[test]
fn a_provider_without_readable_times_is_silent() {
    for auth_time in [
        Value::Null,
        json!("1795285795"),
        json!(1_795_285_795_000_i64),
    ] {
        let control = judge_control(at(0), Some(at(-60)), &answer(auth_time, 1));
        assert_eq!(worth(control), Worth::Silent);
    }
}
