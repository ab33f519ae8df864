//! Answers that go on for a while: what a page watches is asked once a second, and told when it changed (server-sent
//! events, WHATWG HTML section 9.2).
//!
//! Each stream is short: it ends before the server's own patience when it stops, and a browser asks again by itself. So
//! whoever signed out or lost a permission is told no within half a minute, at the door, like with any page. A client
//! that goes takes its stream along.

use std::convert::Infallible;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, Stream};
use muster_domain::{Error, Kind};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Failure;

/// How long one stream lasts. Shorter than what a server that stops waits for.
pub const LONGEST: Duration = Duration::from_secs(25);
/// How often is asked. Another node may do the work, so the database is all that knows.
const EVERY: Duration = Duration::from_secs(1);
/// After how long a browser asks again.
const AGAIN: Duration = Duration::from_millis(500);
/// Streams at once in this process.
const MOST: usize = 256;

static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(MOST)));

/// What is told.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Told {
    /// In JSON.
    pub data: String,
    /// Whether nothing will be told after it.
    pub is_last: bool,
}

/// Asks once a second and tells what changed, until the last is told or the time is over. The first is told at once.
///
/// # Errors
/// `WEB-430` when too many pages watch at once.
pub fn stream<F, Fut>(ask: F) -> Result<Response, Failure>
where
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = Result<Told, Error>> + Send + 'static,
{
    let place = Arc::clone(&PLACES)
        .try_acquire_owned()
        .map_err(|_| too_many())?;
    let events = Sse::new(told(ask, place)).keep_alive(KeepAlive::default());
    // Not kept by anybody, and not gathered by a proxy before it is passed on.
    let headers = [("cache-control", "no-store"), ("x-accel-buffering", "no")];
    Ok((headers, events).into_response())
}

fn too_many() -> Failure {
    Failure(
        Error::new(
            "WEB-430",
            Kind::TooMany,
            "Too many pages watch something at once.",
        )
        .next("Reload the page to see how far it is."),
    )
}

struct Watching<F> {
    ask: F,
    began: Instant,
    before: Option<String>,
    is_over: bool,
    _place: OwnedSemaphorePermit,
}

fn told<F, Fut>(
    ask: F,
    place: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Event, Infallible>> + Send + 'static
where
    F: Fn() -> Fut + Send + 'static,
    Fut: Future<Output = Result<Told, Error>> + Send + 'static,
{
    let watching = Watching {
        ask,
        began: Instant::now(),
        before: None,
        is_over: false,
        _place: place,
    };
    stream::unfold(watching, |mut watching| async move {
        while !watching.is_over && watching.began.elapsed() < LONGEST {
            if watching.before.is_some() {
                tokio::time::sleep(EVERY).await;
            }
            let told = match (watching.ask)().await {
                Ok(told) => told,
                Err(error) => {
                    // The browser asks again, and is told why if it still holds.
                    tracing::debug!(%error, "what a page watches cannot be told");
                    return None;
                }
            };
            watching.is_over = told.is_last;
            if watching.before.as_ref() != Some(&told.data) {
                let event = Event::default().retry(AGAIN).data(&told.data);
                watching.before = Some(told.data);
                return Some((Ok(event), watching));
            }
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::StreamExt as _;
    use std::sync::atomic::{AtomicU32, Ordering};

    fn counting(last: u32) -> impl Fn() -> std::future::Ready<Result<Told, Error>> + Send {
        let asked = AtomicU32::new(0);
        move || {
            let now = asked.fetch_add(1, Ordering::Relaxed);
            // Every second answer is like the one before.
            std::future::ready(Ok(Told {
                data: (now / 2).to_string(),
                is_last: now >= last,
            }))
        }
    }

    fn place(places: &Arc<Semaphore>) -> OwnedSemaphorePermit {
        Arc::clone(places).try_acquire_owned().unwrap()
    }

    #[tokio::test]
    async fn what_changed_is_told_once_and_the_last_ends_it() {
        let places = Arc::new(Semaphore::new(1));
        let events: Vec<_> = told(counting(2), place(&places)).collect().await;
        assert_eq!(events.len(), 2);
        assert_eq!(places.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_client_that_goes_takes_its_stream_along() {
        let places = Arc::new(Semaphore::new(1));
        let mut events = Box::pin(told(counting(u32::MAX), place(&places)));
        assert!(events.next().await.is_some());
        assert_eq!(places.available_permits(), 0);
        drop(events);
        assert_eq!(places.available_permits(), 1);
    }

    #[tokio::test]
    async fn what_cannot_be_told_ends_the_stream() {
        let places = Arc::new(Semaphore::new(1));
        let ask = || std::future::ready(Err(Error::not_found("run")));
        let events: Vec<_> = told(ask, place(&places)).collect().await;
        assert!(events.is_empty());
        assert_eq!(places.available_permits(), 1);
    }
}
