//! Gives a router its layers. From the outside in: number and log line, time limit and catch for panics, host, face of
//! failures, headers; then, for pages, size of the body, session and caller, cross-site check, flood limit.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use http::HeaderValue;
use http::header::{CONTENT_LENGTH, HeaderName};
use muster_domain::{Error, Kind};
use tower_sessions::SessionStore;

use crate::failure::{self, Asked, Failure, defect};
use crate::flood::Flood;
use crate::form::{LARGEST_BODY, too_large};
use crate::forward;
use crate::observe::{Counts, Line};
use crate::state::AppState;
use crate::visiting::{Door, peer, visit};
use crate::{Nonce, RequestId, address, headers, health, host};

/// A page that takes longer has lost its reader; whatever it holds is let go.
const LONGEST_ANSWER: Duration = Duration::from_secs(30);
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What one network may post without being signed in: far more than people do, far less than a loop.
const POSTS: (u32, u32) = (600, 100);
/// Refusals of one network that go on record; the log has them all.
const REFUSALS: (u32, u32) = (20, 1);

#[derive(Clone)]
struct Outer {
    state: AppState,
    counts: Arc<Counts>,
    /// Whether the log says already that a proxy was not named.
    noticed: Arc<AtomicBool>,
}

impl Outer {
    /// Says once that requests come from a proxy nobody named: the log is where the operator looks for the reason why
    /// everybody is throttled together.
    fn notice(&self, request: &Request) {
        let Some(peer) = peer(request) else { return };
        let undeclared = address::is_undeclared(peer, request.headers(), self.state.site.proxies());
        if undeclared && !self.noticed.swap(true, Ordering::Relaxed) {
            tracing::warn!(%peer, "X-Forwarded-For comes from an address that is no trusted proxy and is not believed. If it is your proxy, name it (--trusted-proxies): until then everybody behind it counts as one network");
        }
    }
}

/// Gives the router its layers. `pages` get session, caller and the cross-site check; `open` (assets) does not.
/// Health and metrics are added. Serve it with `into_make_service_with_connect_info::<SocketAddr>()`.
pub fn harden(pages: Router, open: Router, state: AppState, store: impl SessionStore) -> Router {
    let counts = Arc::new(Counts::default());
    let door = Door {
        state: state.clone(),
        store: Arc::new(store),
        posts: Arc::new(Flood::new(POSTS.0, POSTS.1)),
        refusals: Arc::new(Flood::new(REFUSALS.0, REFUSALS.1)),
    };
    let outer = Outer {
        state: state.clone(),
        counts: Arc::clone(&counts),
        noticed: Arc::default(),
    };
    pages
        .fallback(failure::no_such_page)
        .method_not_allowed_fallback(failure::no_such_method)
        .layer(from_fn_with_state(door, visit))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .merge(open)
        .merge(forward::router(state.clone()))
        .merge(health::router(state, counts))
        .layer(from_fn_with_state(outer, around))
}

async fn around(State(outer): State<Outer>, mut request: Request, next: Next) -> Response {
    let began = Instant::now();
    outer.notice(&request);
    let state = &outer.state;
    let id = RequestId(state.services.id::<uuid::Uuid>().to_string());
    let nonce = Nonce(state.services.token());
    let secure = host::of(&request).is_some_and(|host| state.site.is_secure(host));
    let line = Line::of(&request);
    let asked = Asked::of(&request);
    request.extensions_mut().insert(id.clone());
    request.extensions_mut().insert(nonce.clone());
    let response = match accept(&request, state) {
        Ok(()) => answer(request, next).await,
        Err(error) => Failure(error).into_response(),
    };
    let mut response = failure::dress(response, &asked, state, &id, &nonce);
    headers::apply(response.headers_mut(), &nonce, secure);
    if let Ok(value) = HeaderValue::try_from(&id.0) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    outer.counts.add(response.status());
    line.write(&id, response.status(), began.elapsed());
    response
}

fn accept(request: &Request, state: &AppState) -> Result<(), Error> {
    // A proxy that asks on behalf of an application may pass the application's host on.
    if !forward::is_asked(request, &state.site) {
        host::check(request, &state.site)?;
    }
    let declared = request
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > LARGEST_BODY) {
        Err(too_large())
    } else {
        Ok(())
    }
}

async fn answer(request: Request, next: Next) -> Response {
    let page = AssertUnwindSafe(next.run(request)).catch_unwind();
    match tokio::time::timeout(LONGEST_ANSWER, page).await {
        Ok(Ok(response)) => response,
        Ok(Err(panic)) => defect(format_args!("panic: {}", told(panic.as_ref()))).into_response(),
        Err(_) => Failure(
            Error::new(
                "WEB-503",
                Kind::Unavailable,
                "This took longer than 30 seconds and was given up.",
            )
            .next("Look whether it was done all the same, then try again."),
        )
        .into_response(),
    }
}

fn told(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("without words")
}
