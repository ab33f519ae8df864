//! Whether the process is up, whether it can serve, and what it has done: for probes, not for people.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::CONTENT_TYPE;
use muster_domain::{Error, Kind};

use crate::address;
use crate::failure::Failure;
use crate::observe::Counts;
use crate::state::AppState;
use crate::visiting::peer;

#[derive(Clone)]
struct Probe {
    state: AppState,
    counts: Arc<Counts>,
}

/// `/healthz`, `/readyz`, `/metrics`.
pub(crate) fn router(state: AppState, counts: Arc<Counts>) -> Router {
    Router::new()
        .route("/healthz", get(async || "up\n"))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .with_state(Probe { state, counts })
}

async fn ready(State(probe): State<Probe>) -> Result<&'static str, Failure> {
    probe.state.services.db().ping().await?;
    Ok("ready\n")
}

/// For a collector on this machine alone; through a proxy it looks like anybody.
async fn metrics(State(probe): State<Probe>, request: Request) -> Result<Response, Failure> {
    let local = peer(&request).is_some_and(|peer| peer.to_canonical().is_loopback());
    if !local || address::is_forwarded(request.headers()) {
        return Err(Error::new(
            "WEB-403",
            Kind::Forbidden,
            "Figures are given to programs on this machine only.",
        )
        .next(
            "Let the collector run here, and ask the listening address without a proxy in between.",
        )
        .into());
    }
    Ok((
        [(CONTENT_TYPE, "text/plain; version=0.0.4")],
        probe.counts.text(),
    )
        .into_response())
}
