//! How often one session may have a mapping tried: the page asks while somebody types, and a script could ask without end.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use muster_domain::{Error, Kind};

use crate::Call;

/// How often at once.
const BURST: f64 = 20.0;
/// How often a second after that: a little more than somebody who types and pauses.
const PER_SECOND: f64 = 2.0;
/// Sessions remembered at once.
const SESSIONS: usize = 10_000;

/// How much each session has left.
#[derive(Debug, Default)]
pub(crate) struct Pace(Mutex<BTreeMap<String, (f64, DateTime<Utc>)>>);

impl Pace {
    /// Takes one. Parts of this program are not counted.
    ///
    /// # Errors
    /// `MAP-009` when nothing is left.
    pub(super) fn take(&self, call: &Call) -> Result<(), Error> {
        match call.session() {
            Some(session) => self.take_one(&session.key.0, call.at),
            None => Ok(()),
        }
    }

    fn take_one(&self, session: &str, now: DateTime<Utc>) -> Result<(), Error> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let refilled = |(left, at): (f64, DateTime<Utc>)| {
            let passed = (now - at).as_seconds_f64().max(0.0);
            (left + passed * PER_SECOND).min(BURST)
        };
        if all.len() >= SESSIONS && !all.contains_key(session) {
            all.retain(|_, one| refilled(*one) < BURST);
            if all.len() >= SESSIONS {
                all.clear();
            }
        }
        let left = all.get(session).map_or(BURST, |one| refilled(*one));
        let is_free = left >= 1.0;
        let left = if is_free { left - 1.0 } else { left };
        all.insert(session.to_owned(), (left, now));
        match is_free {
            true => Ok(()),
            false => Err(
                Error::new("MAP-009", Kind::TooMany, "The mapping is tried too often.")
                    .next("Wait some seconds, then go on."),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn one_session_is_slowed_down_and_others_are_not() {
        let (pace, now) = (Pace::default(), DateTime::UNIX_EPOCH);
        let free = (0..50)
            .filter(|_| pace.take_one("one", now).is_ok())
            .count();
        assert_eq!(free, 20);
        assert_eq!(pace.take_one("one", now).unwrap_err().code, "MAP-009");
        assert!(pace.take_one("two", now).is_ok());
        let later = now + TimeDelta::seconds(1);
        assert!(pace.take_one("one", later).is_ok() && pace.take_one("one", later).is_ok());
        assert!(pace.take_one("one", later).is_err());
    }

    #[test]
    fn many_sessions_do_not_fill_the_memory() {
        let pace = Pace::default();
        for number in 0..SESSIONS * 2 {
            assert!(
                pace.take_one(&number.to_string(), DateTime::UNIX_EPOCH)
                    .is_ok()
            );
        }
        assert!(pace.0.lock().unwrap().len() <= SESSIONS);
    }
}
