//! How a clock is measured, and what no answer can make of the allowance.

use proptest::prelude::*;

use super::*;

const USUAL: TimeDelta = TimeDelta::seconds(60);

fn by<'a>(who: &'a [&'a str], ahead: &[i64]) -> Vec<Reading<'a>> {
    ahead
        .iter()
        .enumerate()
        .map(|(n, ahead_ms)| Reading {
            ahead_ms: *ahead_ms,
            who: who[n % who.len()],
        })
        .collect()
}

#[test]
fn fewer_than_five_answers_measure_nothing() {
    assert_eq!(Measured::of(&by(&["ada"], &[-400; 4])), None);
    let measured = Measured::of(&by(&["ada"], &[-400; 5])).unwrap();
    assert_eq!((measured.ahead_ms, measured.spread_ms), (-400, 0));
    assert_eq!((measured.answers, measured.people), (5, 1));
}

#[test]
fn no_single_answer_moves_the_measure() {
    let calm = Measured::of(&by(&["ada", "eve"], &[-300, -500, -400, -450, -350, -420])).unwrap();
    for wild in [-119_000, 119_000, i64::MAX, i64::MIN] {
        let with = [wild, -300, -500, -400, -450, -350, -420];
        let moved = Measured::of(&by(&["ada", "eve"], &with)).unwrap();
        assert!((moved.ahead_ms - calm.ahead_ms).abs() <= 100, "{wild}");
        assert_eq!(moved.within_ms(), 5_000, "{wild}");
    }
}

#[test]
fn only_the_newest_answers_count() {
    let mut readings = by(&["ada"], &[30_000; NEWEST]);
    readings.extend(by(&["ada"], &[0; 100]));
    assert_eq!(Measured::of(&readings).unwrap().ahead_ms, 30_000);
}

#[test]
fn a_well_known_clock_needs_seconds_instead_of_a_minute() {
    let measured = Measured::of(&by(&["ada"], &[-400; 6]));
    let allowance = Allowance::of(USUAL, measured, TimeDelta::milliseconds(-900));
    assert_eq!(allowance.within, TimeDelta::seconds(5));
    assert_eq!(allowance.ahead, TimeDelta::milliseconds(-400));
    // An answer that does not agree is compared as before: a clock that was just set right shuts nobody out.
    let other = Allowance::of(USUAL, measured, TimeDelta::seconds(20));
    assert_eq!((other.within, other.measured), (USUAL, None));
}

#[test]
fn a_clock_steadily_off_is_followed_to_two_minutes_if_several_people_bear_witness() {
    let own = TimeDelta::seconds(-90);
    let one = Measured::of(&by(&["ada"], &[-90_000; 9]));
    assert_eq!(Allowance::of(USUAL, one, own).limit, USUAL);
    let mut mixed = by(&["ada"], &[-90_000; 9]);
    mixed.extend(by(&["eve"], &[0; 2]));
    let alone = Measured::of(&mixed);
    assert_eq!(
        alone.unwrap().people,
        1,
        "who says otherwise bears no witness"
    );
    let two = Measured::of(&by(&["ada", "eve"], &[-90_000; 9]));
    let allowance = Allowance::of(USUAL, two, own);
    assert!(allowance.limit >= TimeDelta::seconds(90));
    assert_eq!(allowance.within, TimeDelta::seconds(5));
    let beyond = Measured::of(&by(&["ada", "eve"], &[-121_000; 9]));
    let allowance = Allowance::of(USUAL, beyond, TimeDelta::seconds(-121));
    assert_eq!((allowance.limit, allowance.measured), (USUAL, None));
}

#[test]
fn differences_are_told_in_words() {
    for (ms, words_of) in [
        (0, "0.0 s ahead of ours"),
        (-400, "0.4 s behind ours"),
        (9_940, "9.9 s ahead of ours"),
        (-150_000, "150 s behind ours"),
    ] {
        assert_eq!(words(ms), words_of);
    }
}

proptest! {
    #[test]
    fn nothing_widens_beyond_two_minutes_and_one_person_widens_nothing(
        ahead in proptest::collection::vec((-400_000_i64..400_000, 0_usize..3), 0..30),
        own in -400_000_i64..400_000,
        usual in 0_i64..=120,
    ) {
        const WHO: [&str; 3] = ["ada", "eve", "ida"];
        let readings: Vec<_> = ahead.iter().map(|(ahead_ms, who)| Reading { ahead_ms: *ahead_ms, who: WHO[*who] }).collect();
        let usual = TimeDelta::seconds(usual);
        let measured = Measured::of(&readings);
        let allowance = Allowance::of(usual, measured, TimeDelta::milliseconds(own));
        prop_assert!(allowance.limit <= TimeDelta::seconds(120));
        prop_assert!(allowance.within <= usual);
        prop_assert!(allowance.ahead.abs() + allowance.within <= allowance.limit);
        if measured.is_none_or(|measured| measured.people < 2) {
            prop_assert_eq!(allowance.limit, usual);
        }
    }
}
