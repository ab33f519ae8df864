//! When a message that did not leave is tried again.

use chrono::{DateTime, TimeDelta, Utc};

/// Minutes to wait after each failure; the last one counts from then on.
const WAITS: [i64; 6] = [1, 2, 5, 15, 30, 60];

/// When to try again after the `failures`-th failure at `now`; none: it would be over by then.
#[must_use]
pub fn next_try(failures: u32, now: DateTime<Utc>, ends: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let place = usize::try_from(failures.saturating_sub(1)).unwrap_or(usize::MAX);
    let minutes = WAITS.get(place).or(WAITS.last()).copied().unwrap_or(60);
    let next = now + TimeDelta::minutes(minutes);
    (next < ends).then_some(next)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn it_waits_longer_each_time_and_gives_up_at_the_end() {
        let now = DateTime::UNIX_EPOCH;
        let ends = now + TimeDelta::hours(2);
        let waits: Vec<i64> = (1..9)
            .filter_map(|failures| next_try(failures, now, ends))
            .map(|at| (at - now).num_minutes())
            .collect();
        assert_eq!(waits, [1, 2, 5, 15, 30, 60, 60, 60]);
        assert_eq!(next_try(1, ends, ends), None);
    }

    proptest! {
        #[test]
        fn a_message_is_tried_finitely_often(lasts in 1_i64..4_000, first in 0_u32..9) {
            let ends = DateTime::UNIX_EPOCH + TimeDelta::minutes(lasts);
            let (mut now, mut failures) = (DateTime::UNIX_EPOCH, first);
            while let Some(next) = next_try(failures.saturating_add(1), now, ends) {
                prop_assert!(next > now && next < ends);
                (now, failures) = (next, failures + 1);
            }
            prop_assert!(i64::from(failures - first) <= lasts);
        }
    }
}
