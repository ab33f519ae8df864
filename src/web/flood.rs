//! A generous limit on what one network may post without being signed in, so that a flood costs little.
//!
//! Passwords have their own, far stricter limit (`services::password`); this one only keeps a loop from filling the
//! database or the log.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use chrono::{DateTime, Utc};
use muster_domain::{Error, Kind};

/// Token buckets by network.
#[derive(Debug)]
pub struct Flood {
    burst: f64,
    per_second: f64,
    buckets: Mutex<HashMap<String, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    left: f64,
    at: DateTime<Utc>,
}

/// Networks remembered at once; about a megabyte.
const NETWORKS: usize = 10_000;

impl Flood {
    /// `burst` at once, then `per_second`.
    #[must_use]
    pub fn new(burst: u32, per_second: u32) -> Self {
        Self {
            burst: burst.into(),
            per_second: per_second.into(),
            buckets: Mutex::default(),
        }
    }

    /// Takes one from the network's bucket.
    ///
    /// # Errors
    /// `WEB-429` when it is empty.
    pub fn take(&self, network: &str, now: DateTime<Utc>) -> Result<(), Error> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= NETWORKS && !buckets.contains_key(network) {
            buckets.retain(|_, bucket| self.refilled(*bucket, now).left < self.burst);
            if buckets.len() >= NETWORKS {
                buckets.clear();
            }
        }
        let full = Bucket {
            left: self.burst,
            at: now,
        };
        let bucket = buckets.entry(network.to_owned()).or_insert(full);
        *bucket = self.refilled(*bucket, now);
        if bucket.left < 1.0 {
            return Err(Error::new(
                "WEB-429",
                Kind::TooMany,
                "Too many requests came from this network.",
            )
            .next("Wait a moment and try again."));
        }
        bucket.left -= 1.0;
        Ok(())
    }

    fn refilled(&self, bucket: Bucket, now: DateTime<Utc>) -> Bucket {
        let passed = (now - bucket.at).as_seconds_f64().max(0.0);
        Bucket {
            left: (bucket.left + passed * self.per_second).min(self.burst),
            at: now,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeDelta;

    #[test]
    fn w52_a_flood_is_stopped_and_others_are_not() {
        let flood = Flood::new(3, 1);
        let now = DateTime::UNIX_EPOCH;
        for _ in 0..3 {
            assert!(flood.take("203.0.113.9", now).is_ok());
        }
        assert!(flood.take("203.0.113.9", now).is_err());
        assert!(flood.take("198.51.100.7", now).is_ok());
        assert!(
            flood
                .take("203.0.113.9", now + TimeDelta::seconds(1))
                .is_ok()
        );
        assert!(
            flood
                .take("203.0.113.9", now + TimeDelta::seconds(1))
                .is_err()
        );
    }

    #[test]
    fn many_networks_do_not_fill_the_memory() {
        let flood = Flood::new(3, 1);
        for n in 0..NETWORKS * 2 {
            assert!(flood.take(&n.to_string(), DateTime::UNIX_EPOCH).is_ok());
        }
        assert!(flood.buckets.lock().unwrap().len() <= NETWORKS);
    }
}
