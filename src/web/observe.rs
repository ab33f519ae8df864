//! Numbers every request, writes it to the log without its secrets (O82, W48), and counts answers.

use std::sync::atomic::{AtomicU64, Ordering};

use axum::extract::{FromRequestParts, MatchedPath, Request};
use http::request::Parts;
use http::{Method, StatusCode};

use crate::failure::{Failure, defect};

/// The number of a request: ours, whatever the request itself says.
#[derive(Clone, Debug)]
pub struct RequestId(pub String);

impl<S: Sync> FromRequestParts<S> for RequestId {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| defect("no request id: the router was not hardened"))
    }
}

/// What the log says of a request: no query (it carries codes and states), no long path segment (a token).
pub(crate) struct Line {
    method: Method,
    route: String,
    path: String,
}

impl Line {
    pub(crate) fn of(request: &Request) -> Self {
        Self {
            method: request.method().clone(),
            route: request
                .extensions()
                .get::<MatchedPath>()
                .map_or("-", MatchedPath::as_str)
                .to_owned(),
            path: shortened(request.uri().path()),
        }
    }

    pub(crate) fn write(&self, id: &RequestId, status: StatusCode, took: std::time::Duration) {
        let (method, route, path, status) =
            (&self.method, &self.route, &self.path, status.as_u16());
        let (request_id, ms) = (&id.0, took.as_secs_f64() * 1000.0);
        if status >= 500 || *method != Method::GET {
            tracing::info!(target: "muster::request", %request_id, %method, %route, %path, status, ms, "answered");
        } else {
            tracing::debug!(target: "muster::request", %request_id, %method, %route, %path, status, ms, "answered");
        }
    }
}

/// Ids have 36 characters, tokens and codes have more.
const LONGEST_SEGMENT: usize = 40;

fn shortened(path: &str) -> String {
    path.split('/')
        .take(16)
        .map(|segment| {
            if segment.len() > LONGEST_SEGMENT {
                "…"
            } else {
                segment
            }
        })
        .collect::<Vec<_>>()
        .join("/")
}

/// Answers given since the start, by class of status.
#[derive(Debug, Default)]
pub struct Counts([AtomicU64; 6]);

impl Counts {
    pub(crate) fn add(&self, status: StatusCode) {
        if let Some(count) = self.0.get(usize::from(status.as_u16() / 100)) {
            count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// In the text format of Prometheus.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = "# HELP muster_http_responses_total Answers given, by class of status.\n# TYPE muster_http_responses_total counter\n".to_owned();
        for (class, count) in self.0.iter().enumerate().skip(2) {
            text.push_str(&format!(
                "muster_http_responses_total{{class=\"{class}xx\"}} {}\n",
                count.load(Ordering::Relaxed)
            ));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    #[test]
    fn o82_w48_the_log_gets_neither_query_nor_token() {
        let token = "A".repeat(43);
        let request = Request::builder()
            .uri(format!("/signin/lab/test/{token}?code=SECRET&state=HIDDEN"))
            .body(Body::empty())
            .unwrap();
        let line = Line::of(&request);
        assert_eq!(line.path, "/signin/lab/test/…");
        assert_eq!(
            shortened("/users/01890a5d-ac96-774b-bcce-b302099a8057"),
            "/users/01890a5d-ac96-774b-bcce-b302099a8057"
        );
    }

    #[test]
    fn answers_are_counted_by_class() {
        let counts = Counts::default();
        counts.add(StatusCode::OK);
        counts.add(StatusCode::NOT_FOUND);
        counts.add(StatusCode::GONE);
        assert!(counts.text().contains("{class=\"2xx\"} 1\n"));
        assert!(counts.text().contains("{class=\"4xx\"} 2\n"));
    }
}
