//! Things kept in memory for a limited time under an unguessable key: sessions, codes, tokens.
//! A shelf forgets what has expired, and the soonest to expire when it is full, so a lab left
//! running does not grow.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};

/// More than any demo or test needs, small enough never to matter.
const CAPACITY: usize = 1024;

struct Kept<T> {
    until: DateTime<Utc>,
    value: T,
}

/// See the module's description.
pub(crate) struct Shelf<T> {
    kept: Mutex<BTreeMap<String, Kept<T>>>,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self {
            kept: Mutex::new(BTreeMap::new()),
        }
    }
}

impl<T: Clone> Shelf<T> {
    pub(crate) fn put(&self, key: String, value: T, now: DateTime<Utc>, until: DateTime<Utc>) {
        let mut kept = locked(&self.kept);
        kept.retain(|_, entry| entry.until > now);
        if kept.len() >= CAPACITY {
            let soonest = kept.iter().min_by_key(|(_, entry)| entry.until);
            if let Some(key) = soonest.map(|(key, _)| key.clone()) {
                kept.remove(&key);
            }
        }
        kept.insert(key, Kept { until, value });
    }

    pub(crate) fn get(&self, key: &str, now: DateTime<Utc>) -> Option<T> {
        let kept = locked(&self.kept);
        let entry = kept.get(key).filter(|entry| entry.until > now)?;
        Some(entry.value.clone())
    }

    pub(crate) fn take(&self, key: &str, now: DateTime<Utc>) -> Option<T> {
        let entry = locked(&self.kept).remove(key)?;
        (entry.until > now).then_some(entry.value)
    }
}

/// A lock that survives a panic elsewhere: what the lab keeps is valid after every statement.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use chrono::TimeDelta;

    use super::*;

    fn at(second: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::seconds(second)
    }

    #[test]
    fn what_has_expired_is_gone() {
        let shelf = Shelf::default();
        shelf.put("a".to_owned(), 1, at(0), at(60));
        assert_eq!(shelf.get("a", at(59)), Some(1));
        assert_eq!(shelf.get("a", at(60)), None);
        assert_eq!(shelf.take("a", at(60)), None);
    }

    #[test]
    fn what_is_taken_is_taken_once() {
        let shelf = Shelf::default();
        shelf.put("a".to_owned(), 1, at(0), at(60));
        assert_eq!(shelf.take("a", at(1)), Some(1));
        assert_eq!(shelf.take("a", at(1)), None);
    }

    #[test]
    fn a_full_shelf_drops_what_expires_soonest() {
        let shelf = Shelf::default();
        for index in 0..=CAPACITY {
            let until = at(1000 + i64::try_from(index).unwrap());
            shelf.put(index.to_string(), index, at(0), until);
        }
        assert_eq!(shelf.get("0", at(1)), None);
        assert_eq!(shelf.get("1", at(1)), Some(1));
        assert_eq!(shelf.get(&CAPACITY.to_string(), at(1)), Some(CAPACITY));
    }
}
