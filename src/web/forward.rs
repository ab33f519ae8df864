//! What a reverse proxy asks (forward-auth): nginx `auth_request`, Traefik `ForwardAuth`, Caddy `forward_auth`.
//!
//! `/auth/verify` decides about one request; `/.muster/start` and `/.muster/return`, which the proxy leads here from the
//! application's own host, let a browser in. All three believe headers, so only proxies that the operator named may
//! ask (W33), and headers that are doubled or contradict each other are refused: whoever adds one gains nothing.

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::get;
use http::header::{CONTENT_TYPE, LOCATION, REFERER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use muster_domain::application::{Origin, Target, header_value};
use muster_domain::{Error, Kind};
use muster_services::forward::{self, Asking, OWN, Passage, Visitor, Wanted, unreadable};
use serde_json::json;
use url::form_urlencoded;

use crate::cookie::{self, Which};
use crate::page::escape;
use crate::site::Site;
use crate::state::AppState;
use crate::visiting::{peer, user_agent};
use crate::{RequestId, address};

/// Where proxies ask.
const VERIFY: &str = "/auth/verify";
/// Tells nginx, which cannot pass on a redirect of what it asks, where to lead the browser.
const WHERE: HeaderName = HeaderName::from_static("x-muster-location");

const ORIGINAL_URL: &str = "x-original-url";
const ORIGINAL_METHOD: &str = "x-original-method";
const FORWARDED_PROTO: &str = "x-forwarded-proto";
const FORWARDED_HOST: &str = "x-forwarded-host";
const FORWARDED_URI: &str = "x-forwarded-uri";
const FORWARDED_METHOD: &str = "x-forwarded-method";

pub(crate) fn router(state: AppState) -> Router {
    Router::new()
        .route(VERIFY, get(verify))
        .route("/.muster/start", get(start))
        .route("/.muster/return", get(returned))
        .with_state(state)
}

/// Whether a named proxy asks one of these addresses: then the host it passes on may be an application's.
pub(crate) fn is_asked(request: &Request, site: &Site) -> bool {
    let path = request.uri().path();
    (path == VERIFY || path.starts_with(OWN)) && is_from_proxy(request, site)
}

fn is_from_proxy(request: &Request, site: &Site) -> bool {
    peer(request).is_some_and(|peer| address::is_proxy(peer.to_canonical(), site.proxies()))
}

fn not_a_proxy() -> Error {
    Error::new(
        "FWD-001",
        Kind::Forbidden,
        "Only a reverse proxy that was named may ask this.",
    )
    .next("Name the proxy's address with --trusted-proxies or MUSTER_TRUSTED_PROXIES.")
}

/// What a request says of itself, read before anything waits.
struct Asked {
    headers: HeaderMap,
    query: String,
    visitor: Visitor,
}

impl Asked {
    fn read(request: &Request, site: &Site) -> Result<Self, Error> {
        if !is_from_proxy(request, site) {
            return Err(not_a_proxy());
        }
        let headers = request.headers().clone();
        Ok(Self {
            visitor: Visitor {
                address: peer(request).map(|peer| address::client(peer, &headers, site.proxies())),
                user_agent: user_agent(&headers),
                request_id: request
                    .extensions()
                    .get::<RequestId>()
                    .map(|id| id.0.clone())
                    .unwrap_or_default(),
            },
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers,
        })
    }

    /// A field of the query; an empty one too.
    fn field(&self, name: &str) -> Option<String> {
        form_urlencoded::parse(self.query.as_bytes())
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }

    /// The address somebody opened, as the proxy tells it.
    fn target(&self) -> Result<Target, Error> {
        let uri = one(&self.headers, FORWARDED_URI)?;
        let target = match one(&self.headers, ORIGINAL_URL)? {
            Some(address) => Target::new(address),
            None => self.forwarded(uri.unwrap_or_default())?,
        };
        let target = target.ok_or_else(unreadable)?;
        let same = uri.is_none_or(|uri| uri == target.to) && self.agrees(&target.origin)?;
        same.then_some(target).ok_or_else(unreadable)
    }

    /// The origin of the application's host, for addresses the proxy leads here as they are.
    fn origin(&self) -> Result<Origin, Error> {
        let target = match one(&self.headers, ORIGINAL_URL)? {
            Some(address) => Target::new(address),
            None => self.forwarded("/")?,
        };
        let origin = target.ok_or_else(unreadable)?.origin;
        let same = self.agrees(&origin)?;
        same.then_some(origin).ok_or_else(unreadable)
    }

    fn forwarded(&self, uri: &str) -> Result<Option<Target>, Error> {
        let scheme = one(&self.headers, FORWARDED_PROTO)?;
        let host = one(&self.headers, FORWARDED_HOST)?;
        Ok(scheme
            .zip(host)
            .and_then(|(scheme, host)| Target::at(scheme, host, uri)))
    }

    /// Whether nothing else that was sent names another origin.
    fn agrees(&self, origin: &Origin) -> Result<bool, Error> {
        let own = origin.as_str().split("://").next().unwrap_or_default();
        let scheme = one(&self.headers, FORWARDED_PROTO)?.unwrap_or(own);
        let host = one(&self.headers, FORWARDED_HOST)?;
        let named = host.map(|host| Target::at(scheme, host, "/"));
        Ok(scheme.eq_ignore_ascii_case(own)
            && named.is_none_or(|named| named.is_some_and(|named| named.origin == *origin)))
    }

    /// The method of what is asked for; none when nobody tells it.
    fn method(&self) -> Result<Option<&str>, Error> {
        let original = one(&self.headers, ORIGINAL_METHOD)?;
        let forwarded = one(&self.headers, FORWARDED_METHOD)?;
        match (original, forwarded) {
            (Some(one), Some(other)) if one != other => Err(unreadable()),
            (one, other) => Ok(one.or(other)),
        }
    }

    /// Where to go on to afterwards: what was asked for, if it can be asked for again; else the page it was sent from.
    fn way_back(&self, target: &Target, is_page: bool, asking: &Asking) -> String {
        if is_page {
            return target.way_back().to_owned();
        }
        let from = self
            .headers
            .get(REFERER)
            .and_then(|value| Target::new(value.to_str().ok()?));
        from.filter(|from| from.origin == target.origin)
            .map_or_else(
                || asking.application.prefix.as_str().to_owned(),
                |from| from.way_back().to_owned(),
            )
    }
}

/// Whether a browser says that it opens a page because somebody pressed something (Fetch Metadata, `Sec-Fetch-Mode` and
/// `Sec-Fetch-User`). No script can set these headers, and neither a timer, a picture nor a page that loads itself again
/// gets the second one.
fn is_by_hand(headers: &HeaderMap) -> bool {
    let says = |name: &str, value: &str| {
        let mut all = headers.get_all(name).iter();
        all.next().is_some_and(|first| first == value) && all.next().is_none()
    };
    says("sec-fetch-mode", "navigate") && says("sec-fetch-user", "?1")
}

/// The value of a header; an error when there are several, or one that is no text.
fn one<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Error> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => value.to_str().map(Some).map_err(|_| unreadable()),
        (Some(_), Some(_)) => Err(unreadable()),
    }
}

/// Decides about one request at the proxy.
async fn verify(State(state): State<AppState>, request: Request) -> Response {
    let asked = match Asked::read(&request, &state.site) {
        Ok(asked) => asked,
        Err(error) => return refused(&error),
    };
    drop(request);
    decide(&state, &asked)
        .await
        .unwrap_or_else(|error| refused(&error))
}

async fn decide(state: &AppState, asked: &Asked) -> Result<Response, Error> {
    let target = asked.target()?;
    let method = asked.method()?;
    let token = cookie::read(&asked.headers, Which::Passage, target.origin.is_https());
    let wanted = Wanted {
        elevated: asked.field("elevated").is_some(),
        reads: matches!(method, Some("GET" | "HEAD" | "OPTIONS")),
        by_hand: is_by_hand(&asked.headers),
        target,
    };
    let passage =
        forward::verify(&state.services, &wanted, token.as_deref(), &asked.visitor).await?;
    let is_page = matches!(method, None | Some("GET" | "HEAD"));
    let redirects = is_page && asked.field("redirect").is_some();
    Ok(match passage {
        Passage::Open(entered) => {
            let user = &entered.person.user;
            let groups: Vec<String> = entered
                .groups
                .iter()
                .map(|(_, name)| header_value(name, ","))
                .collect();
            let email = user.email.as_deref().unwrap_or_default();
            let mut response = StatusCode::OK.into_response();
            for (name, value) in [
                ("remote-user", header_value(&user.username, "")),
                ("remote-name", header_value(&user.display_name, "")),
                ("remote-email", header_value(email, "")),
                ("remote-groups", groups.join(",")),
            ] {
                put(&mut response, HeaderName::from_static(name), &value);
            }
            response
        }
        Passage::Ask(asking) => {
            let to = asking.start(&asked.way_back(&wanted.target, is_page, &asking));
            ask(&asking, &to, redirects)
        }
        Passage::Denied(application) => {
            let asking = Asking {
                application: *application,
                elevated: false,
            };
            let to = asking.start(&asked.way_back(&wanted.target, is_page, &asking));
            deny(&asking.application.name, &to, redirects)
        }
    })
}

fn put(response: &mut Response, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
}

/// Leads the browser to the door: by a redirect where the proxy passes one on, else by a header beside 401. The
/// challenge is that of RFC 6750 section 3, and of RFC 9470 section 3 where a secure session is demanded.
fn ask(asking: &Asking, to: &str, redirects: bool) -> Response {
    let (code, words, challenge) = if asking.elevated {
        (
            "ELV-001",
            "This needs a secure session.",
            crate::failure::step_up(None),
        )
    } else {
        ("WEB-401", "Sign in to see this.", "Bearer".to_owned())
    };
    let status = if redirects {
        StatusCode::FOUND
    } else {
        StatusCode::UNAUTHORIZED
    };
    let mut response = problem(status, code, words, Some(to));
    put(&mut response, WHERE, to);
    if redirects {
        put(&mut response, LOCATION, to);
    } else {
        put(&mut response, WWW_AUTHENTICATE, &challenge);
    }
    response
}

/// Tells that somebody who is signed in may not enter. The page that says why is at this console: a browser that is
/// shown this answer moves on to it.
fn deny(name: &str, to: &str, redirects: bool) -> Response {
    let mut response = match to.parse() {
        Ok(url) if redirects => crate::leave::to(&url, name),
        _ => problem(
            StatusCode::FORBIDDEN,
            "FWD-004",
            "You may not open this application.",
            Some(to),
        ),
    };
    *response.status_mut() = StatusCode::FORBIDDEN;
    put(&mut response, WHERE, to);
    response
}

fn refused(error: &Error) -> Response {
    let detail = error.internal.as_deref().unwrap_or_default();
    tracing::info!(code = error.code, detail, "{}", error.public);
    let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::FORBIDDEN);
    problem(status, error.code, &error.public, None)
}

fn problem(status: StatusCode, code: &str, words: &str, to: Option<&str>) -> Response {
    let document = json!({
        "type": "about:blank", "title": status.canonical_reason(), "status": status.as_u16(),
        "detail": words, "code": code, "location": to,
    });
    let mut response = Response::new(Body::from(document.to_string()));
    *response.status_mut() = status;
    response.headers_mut().insert(
        CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    response
}

/// The first step, on the application's host: binds the way in to this browser and leads to this console.
async fn start(State(state): State<AppState>, request: Request) -> Response {
    let asked = match Asked::read(&request, &state.site) {
        Ok(asked) => asked,
        Err(error) => return told(&error),
    };
    drop(request);
    begin(&state, &asked)
        .await
        .unwrap_or_else(|error| told(&error))
}

async fn begin(state: &AppState, asked: &Asked) -> Result<Response, Error> {
    // A script or picture cannot sign anybody in; what it asked for is told to be closed.
    let mode = asked.headers.get("sec-fetch-mode");
    if mode.is_some_and(|mode| mode != "navigate") {
        return Ok(problem(
            StatusCode::UNAUTHORIZED,
            "WEB-401",
            "Sign in to see this.",
            None,
        ));
    }
    let origin = asked.origin()?;
    let to = asked.field("to").unwrap_or_else(|| "/".to_owned());
    let target = Target::new(&format!("{}{to}", origin.as_str()))
        .filter(|target| target.origin == origin && to.starts_with('/'))
        .ok_or_else(unreadable)?;
    let secure = origin.is_https();
    // One for all tabs that are on their way in.
    let flow = cookie::read(&asked.headers, Which::Flow, secure)
        .filter(|flow| flow.len() == 43)
        .unwrap_or_else(|| state.services.token());
    let elevated = asked.field("elevated").is_some();
    let door = forward::leave(&state.services, &target, &flow, elevated).await?;
    let mut response = Redirect::to(door.as_str()).into_response();
    cookie::set(response.headers_mut(), Which::Flow, secure, &flow);
    Ok(response)
}

/// The last step, on the application's host: the code becomes a cookie of that host.
async fn returned(State(state): State<AppState>, request: Request) -> Response {
    let asked = match Asked::read(&request, &state.site) {
        Ok(asked) => asked,
        Err(error) => return told(&error),
    };
    drop(request);
    let_in(&state, &asked)
        .await
        .unwrap_or_else(|error| told(&error))
}

async fn let_in(state: &AppState, asked: &Asked) -> Result<Response, Error> {
    let origin = asked.origin()?;
    let secure = origin.is_https();
    let code = asked.field("code").unwrap_or_default();
    let flow = cookie::read(&asked.headers, Which::Flow, secure).unwrap_or_default();
    let entered = forward::let_in(&state.services, &origin, &code, &flow, &asked.visitor).await?;
    let mut response = Redirect::to(&format!("{}{}", origin.as_str(), entered.to)).into_response();
    cookie::set(
        response.headers_mut(),
        Which::Passage,
        secure,
        &entered.token,
    );
    Ok(response)
}

/// A failure on an application's host, where no page of this console can be loaded from.
fn told(error: &Error) -> Response {
    let detail = error.internal.as_deref().unwrap_or_default();
    tracing::info!(code = error.code, detail, "{}", error.public);
    let status = StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::FORBIDDEN);
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>This did not work · Muster</title></head><body><main>\
         <h1>{}</h1><p>{}</p><p><a href=\"/\">Open the first page</a></p><p><small>{}</small></p></main></body></html>",
        escape(&error.public),
        escape(error.next.as_deref().unwrap_or_default()),
        escape(error.code),
    );
    (status, Html(page)).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w6_a_page_that_somebody_opens_is_told_from_what_pages_ask_for_by_themselves() {
        let told = |sent: &[(&'static str, &'static str)]| {
            let mut headers = HeaderMap::new();
            for (name, value) in sent {
                headers.append(*name, HeaderValue::from_static(value));
            }
            is_by_hand(&headers)
        };
        let (mode, user) = (("sec-fetch-mode", "navigate"), ("sec-fetch-user", "?1"));
        assert!(told(&[mode, user]));
        for other in [
            &[][..],
            &[mode],
            &[user],
            &[("sec-fetch-mode", "cors"), user],
            &[mode, ("sec-fetch-user", "?0")],
            &[mode, mode, user],
            &[mode, user, ("sec-fetch-user", "?0")],
        ] {
            assert!(!told(other), "{other:?}");
        }
    }
}
