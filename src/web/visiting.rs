//! The layer that finds out who asks before a page runs, and saves the session after it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::USER_AGENT;
use muster_domain::Error;
use muster_domain::throttle::network_of;
use muster_services::visit;
use muster_services::{Call, Who};
use serde_json::json;
use tower_sessions::SessionStore;
use tower_sessions::session::Id;

use crate::browser::{Arrival, Browser};
use crate::cookie::{self, Which};
use crate::failure::Failure;
use crate::flood::Flood;
use crate::state::AppState;
use crate::{RequestId, address, csrf, host};

/// Longest kept part of what a browser calls itself.
const LONGEST_AGENT: usize = 200;

/// What the layer needs.
pub(crate) struct Door<S> {
    pub state: AppState,
    pub store: Arc<S>,
    /// Posts of people who are not signed in.
    pub posts: Arc<Flood>,
    /// Refusals that go on record.
    pub refusals: Arc<Flood>,
}

impl<S> Clone for Door<S> {
    fn clone(&self) -> Self {
        Self {
            state: self.state.clone(),
            store: Arc::clone(&self.store),
            posts: Arc::clone(&self.posts),
            refusals: Arc::clone(&self.refusals),
        }
    }
}

/// What the request itself tells, read before anything waits (a request cannot be looked at from two threads).
struct Arriving {
    came_with: Option<String>,
    had_flash: bool,
    secure: bool,
    changes_nothing: bool,
    path: String,
    address: Option<IpAddr>,
    user_agent: Option<String>,
    request_id: String,
    forged: Result<(), Error>,
}

impl Arriving {
    fn read(request: &Request, state: &AppState) -> Self {
        let site = &state.site;
        let headers = request.headers();
        let route = request.extensions().get::<MatchedPath>();
        let secure = host::of(request).is_some_and(|host| site.is_secure(host));
        Self {
            came_with: cookie::read(headers, Which::Session, secure),
            had_flash: cookie::read(headers, Which::Flash, secure).is_some(),
            secure,
            changes_nothing: (state.only_looks)(request.method(), route.map(MatchedPath::as_str)),
            path: request
                .uri()
                .path()
                .chars()
                .filter(|c| !c.is_control())
                .take(150)
                .collect(),
            address: peer(request).map(|peer| address::client(peer, headers, site.proxies())),
            user_agent: user_agent(headers),
            request_id: request
                .extensions()
                .get::<RequestId>()
                .map(|id| id.0.clone())
                .unwrap_or_default(),
            forged: csrf::check(request, site),
        }
    }
}

/// Finds out who asks, refuses what a foreign page made the browser send, runs the page, saves the session.
pub(crate) async fn visit<S: SessionStore>(
    State(door): State<Door<S>>,
    mut request: Request,
    next: Next,
) -> Response {
    let arriving = Arriving::read(&request, &door.state);
    let (call, browser) = match door.find(&arriving).await {
        Ok(found) => found,
        Err(error) => return Failure(error).into_response(),
    };
    let mut response = match door.admit(&arriving, &call).await {
        Ok(()) => {
            request.extensions_mut().insert(call.clone());
            request.extensions_mut().insert(browser.clone());
            next.run(request).await
        }
        Err(error) => Failure(error).into_response(),
    };
    // A page that broke did not do what it wanted to tell.
    if !response.status().is_server_error()
        && let Err(error) = browser.save_if_changed().await
    {
        response = Failure(error).into_response();
    }
    if response.extensions().get::<Error>().is_some() {
        response.extensions_mut().insert(call);
    }
    set_cookies(response.headers_mut(), &browser, &arriving);
    response
}

impl<S: SessionStore> Door<S> {
    async fn find(&self, arriving: &Arriving) -> Result<(Call, Browser), Error> {
        let services = &self.state.services;
        let now = services.now();
        let id = arriving
            .came_with
            .as_deref()
            .and_then(|value| value.parse::<Id>().ok());
        let found = match &id {
            Some(id) => {
                let key = visit::key_of(&id.to_string());
                visit::look_up(services, &key, now, arriving.changes_nothing).await?
            }
            None => visit::Found::Nobody,
        };
        let expires_at = match &found {
            visit::Found::Person(person) => person.session.signed_in_at + visit::LONGEST,
            visit::Found::Over | visit::Found::Nobody => now + visit::IDLE,
        };
        let browser = Browser::new(
            Arc::clone(&self.store),
            Arrival {
                id,
                may_have_flash: arriving.had_flash,
                expires_at,
                now,
                address: arriving.address,
                user_agent: arriving.user_agent.clone(),
            },
        );
        let who = match found {
            visit::Found::Person(person) => Who::Person(person),
            visit::Found::Over => {
                browser.sign_out().await?;
                Who::Anonymous
            }
            visit::Found::Nobody if id.is_some() && self.is_in_setup(&browser).await? => Who::Setup,
            visit::Found::Nobody => Who::Anonymous,
        };
        let call = Call {
            who,
            address: arriving.address,
            user_agent: arriving.user_agent.clone(),
            request_id: arriving.request_id.clone(),
            at: now,
        };
        Ok((call, browser))
    }

    async fn is_in_setup(&self, browser: &Browser) -> Result<bool, Error> {
        match browser.setup().await? {
            Some(entered) => entered.counts(&self.state.services).await,
            None => Ok(false),
        }
    }

    async fn admit(&self, arriving: &Arriving, call: &Call) -> Result<(), Error> {
        let network = || {
            call.address
                .map_or_else(|| "unknown".to_owned(), network_of)
        };
        if let Err(error) = &arriving.forged {
            if self.refusals.take(&network(), call.at).is_ok() {
                self.record(arriving, call, error).await;
            }
            return Err(error.clone());
        }
        // Leaving for a provider is remembered too, so strangers get no more of that than of posts.
        if arriving.changes_nothing || call.person().is_some() {
            Ok(())
        } else {
            self.posts.take(&network(), call.at)
        }
    }

    /// Puts a refusal on record. That this fails does not make the refusal less of one.
    async fn record(&self, arriving: &Arriving, call: &Call, error: &Error) {
        let detail = json!({"code": error.code, "why": error.internal});
        let event = call.event("request.refused", &arriving.path, None, detail);
        let kept = match self.state.services.db().begin().await {
            Ok(tx) => tx.commit(&[event]).await,
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            tracing::warn!(request_id = %call.request_id, %error, "a refusal could not be put on record");
        }
    }
}

fn set_cookies(headers: &mut HeaderMap, browser: &Browser, arriving: &Arriving) {
    let secure = arriving.secure;
    let id = browser.id().map(|id| id.to_string());
    match (arriving.came_with.as_deref(), id.as_deref()) {
        (Some(before), Some(now)) if before == now => {}
        (_, Some(now)) => cookie::set(headers, Which::Session, secure, now),
        (Some(_), None) => cookie::remove(headers, Which::Session, secure),
        (None, None) => {}
    }
    match (arriving.had_flash, browser.may_have_flash()) {
        (false, true) => cookie::set(headers, Which::Flash, secure, "1"),
        (true, false) => cookie::remove(headers, Which::Flash, secure),
        _ => {}
    }
}

pub(crate) fn peer(request: &Request) -> Option<IpAddr> {
    request
        .extensions()
        .get::<ConnectInfo<SocketAddr>>()
        .map(|info| info.0.ip())
}

pub(crate) fn user_agent(headers: &HeaderMap) -> Option<String> {
    let value = headers.get(USER_AGENT)?.to_str().ok()?;
    Some(
        value
            .chars()
            .filter(|c| !c.is_control())
            .take(LONGEST_AGENT)
            .collect(),
    )
}
