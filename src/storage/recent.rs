//! Who is signed in where, as it was read a moment ago.
//!
//! Every page asks for its session, and nearly always nothing has changed since the page before. An answer counts as
//! long as this process wrote nothing at all, and for one second at most, since other processes write too: the
//! command line, other nodes. Whatever changes anything asks the database itself.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long an answer counts.
const COUNTS: Duration = Duration::from_secs(1);
/// Answers kept; when there are more, all are forgotten.
const MOST: usize = 1024;

/// How many transactions of this process have ended.
#[derive(Clone, Debug, Default)]
pub(crate) struct Writes(Arc<AtomicU64>);

impl Writes {
    pub(crate) fn so_far(&self) -> u64 {
        self.0.load(Ordering::Acquire)
    }
}

/// Counts a transaction when it ends, however it ends.
#[derive(Debug)]
pub(crate) struct Writing(pub(crate) Writes);

impl Drop for Writing {
    fn drop(&mut self) {
        self.0.0.fetch_add(1, Ordering::AcqRel);
    }
}

/// The answers, by the name that was asked for.
#[derive(Debug)]
pub(crate) struct Recent<T>(Mutex<HashMap<String, Answer<T>>>);

#[derive(Debug)]
struct Answer<T> {
    /// How many transactions had ended before the question was asked.
    writes: u64,
    at: Instant,
    found: T,
}

impl<T> Default for Recent<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> Recent<T> {
    /// The answer, if it still counts.
    pub(crate) fn get(&self, key: &str, writes: u64) -> Option<T> {
        let answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let answer = answers.get(key)?;
        (answer.writes == writes && answer.at.elapsed() < COUNTS).then(|| answer.found.clone())
    }

    /// Keeps an answer; `writes` and `at` are from before the question.
    pub(crate) fn keep(&self, key: &str, writes: u64, at: Instant, found: T) {
        let mut answers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST {
            answers.clear();
        }
        answers.insert(key.to_owned(), Answer { writes, at, found });
    }
}
