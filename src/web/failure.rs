//! One failure, two faces: a problem document (RFC 9457) for programs, a page for browsers.
//!
//! A handler returns [`Failure`]; the answer carries the error itself along, and the outermost layer, which knows the
//! request, decides which face it gets.

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, Method, StatusCode};
use muster_domain::return_to::ReturnTo;
use muster_domain::{Error, Kind};
use muster_services::Call;
use serde_json::json;

use crate::page::FailureView;
use crate::state::AppState;
use crate::{Nonce, RequestId};

/// What a handler returns when it cannot do what was asked.
#[derive(Debug)]
pub struct Failure(pub Error);

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let status = status(&self.0);
        let mut response = problem(&self.0, status, None);
        response.extensions_mut().insert(self.0);
        response
    }
}

/// A defect of ours, as a failure. Code `WEB-500`; `detail` goes to the log.
#[must_use]
pub fn defect(detail: impl std::fmt::Display) -> Failure {
    Failure(
        Error::new("WEB-500", Kind::Internal, "Something broke on this server.")
            .next("Try again. If it happens twice, look for the request's number in the log.")
            .internal(detail),
    )
}

/// The status that tells an error. A few of the web's own are finer than their kind.
fn status(error: &Error) -> StatusCode {
    match error.code {
        "WEB-001" | "WEB-002" => StatusCode::FORBIDDEN,
        "WEB-003" => StatusCode::BAD_REQUEST,
        "WEB-405" => StatusCode::METHOD_NOT_ALLOWED,
        "WEB-415" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "WEB-421" => StatusCode::MISDIRECTED_REQUEST,
        _ => StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

/// The challenge of RFC 9470 section 3: who asks is known, and proof of presence is missing. `max_age` is how old the
/// proof may be, in seconds; the longest a secure session lasts where nobody knows better.
pub(crate) fn step_up(max_age: Option<u32>) -> String {
    format!(
        "Bearer error=\"insufficient_user_authentication\", error_description=\"This needs a secure session.\", \
         max_age={}, acr_values=\"{SECURE_SESSION}\"",
        max_age.unwrap_or(muster_domain::policy::LONGEST)
    )
}

/// Names proof of presence as this console judges it.
const SECURE_SESSION: &str = "urn:muster:acr:secure-session";

fn problem(error: &Error, status: StatusCode, request_id: Option<&str>) -> Response {
    let document = document(error, status, request_id);
    answer(status, "application/problem+json", document.to_string())
}

fn document(error: &Error, status: StatusCode, request_id: Option<&str>) -> serde_json::Value {
    json!({
        "type": "about:blank",
        "title": status.canonical_reason(),
        "status": status.as_u16(),
        "detail": error.public,
        "code": error.code,
        "next": error.next,
        "request_id": request_id,
        "fields": error.fields,
    })
}

/// How old a proof of presence may be for whoever asked, in seconds; an extension of an answer that demands one.
#[derive(Clone, Copy, Debug)]
pub struct MaxAge(pub u32);

/// Tells a program how to go on: a challenge, and the address at which a person proves presence.
fn challenge(error: &Error, id: &str, max_age: Option<MaxAge>, state: &AppState) -> Response {
    let status = StatusCode::UNAUTHORIZED;
    let mut document = document(error, status, Some(id));
    let door = state
        .site
        .public_url()
        .and_then(|url| url.join("elevate").ok());
    if let Some(fields) = document.as_object_mut() {
        let door = door.map_or_else(|| "/elevate".to_owned(), String::from);
        fields.insert("elevate".to_owned(), json!(door));
    }
    let mut response = answer(status, "application/problem+json", document.to_string());
    if let Ok(value) = HeaderValue::try_from(step_up(max_age.map(|age| age.0))) {
        response.headers_mut().insert(WWW_AUTHENTICATE, value);
    }
    response
}

fn answer(status: StatusCode, content_type: &'static str, body: String) -> Response {
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if matches!(
        status,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS
    ) {
        response
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from_static("10"));
    }
    response
}

/// What the outermost layer remembers of a request to dress its failure.
pub(crate) struct Asked {
    method: Method,
    path: String,
    is_browser: bool,
}

impl Asked {
    pub(crate) fn of(request: &Request) -> Self {
        Self {
            method: request.method().clone(),
            path: request
                .uri()
                .path_and_query()
                .map_or_else(|| "/".to_owned(), ToString::to_string),
            is_browser: is_browser(request),
        }
    }
}

/// Whether a person looks at the answer: programs ask for something else than pages, or bring a token.
#[must_use]
pub fn is_browser(request: &Request) -> bool {
    let headers = request.headers();
    let accepts_pages = headers.get_all(ACCEPT).iter().any(|value| {
        value
            .to_str()
            .is_ok_and(|value| value.contains("text/html"))
    });
    accepts_pages
        && !headers.contains_key(AUTHORIZATION)
        && !request.uri().path().starts_with("/api/")
}

/// Gives a failure its face and writes it to the log. Other answers pass as they are.
pub(crate) fn dress(
    mut response: Response,
    asked: &Asked,
    state: &AppState,
    id: &RequestId,
    nonce: &Nonce,
) -> Response {
    let Some(error) = response.extensions_mut().remove::<Error>() else {
        return response;
    };
    log(&error, id);
    let status = response.status();
    let call = response.extensions_mut().remove::<Call>();
    let get = matches!(asked.method, Method::GET | Method::HEAD);
    let max_age = response.extensions_mut().remove::<MaxAge>();
    let mut dressed = if !asked.is_browser && error.kind == Kind::ElevationNeeded {
        challenge(&error, &id.0, max_age, state)
    } else if !asked.is_browser {
        problem(&error, status, Some(&id.0))
    } else if error.kind == Kind::SignInNeeded && get {
        Redirect::to(&sign_in_for(&asked.path)).into_response()
    } else {
        let view = FailureView {
            error: &error,
            status,
            request_id: &id.0,
            nonce: &nonce.0,
            asked: &asked.path,
            call: call.as_ref(),
            assets: &state.assets,
        };
        answer(
            status,
            "text/html; charset=utf-8",
            (state.failure_page)(&view),
        )
    };
    // Cookies and the like that were set on the way stay; what described the first body does not.
    for (name, value) in response.headers() {
        if *name == http::header::SET_COOKIE || *name == http::header::ALLOW {
            dressed.headers_mut().append(name, value.clone());
        }
    }
    dressed
}

fn sign_in_for(path: &str) -> String {
    let wanted = ReturnTo::new(path);
    if wanted.as_str() == "/" {
        return "/signin".to_owned();
    }
    let encoded =
        percent_encoding::utf8_percent_encode(wanted.as_str(), percent_encoding::NON_ALPHANUMERIC);
    format!("/signin?return_to={encoded}")
}

fn log(error: &Error, id: &RequestId) {
    let (code, request_id, detail) = (
        error.code,
        &id.0,
        error.internal.as_deref().unwrap_or_default(),
    );
    match error.kind {
        Kind::Internal => tracing::error!(%code, %request_id, detail, "{}", error.public),
        Kind::Upstream | Kind::Unavailable => {
            tracing::warn!(%code, %request_id, detail, "{}", error.public)
        }
        Kind::SignInNeeded | Kind::NotFound => {
            tracing::debug!(%code, %request_id, detail, "{}", error.public)
        }
        _ => tracing::info!(%code, %request_id, detail, "{}", error.public),
    }
}

/// The answer where no route matches.
pub(crate) async fn no_such_page() -> Failure {
    Failure(
        Error::new("WEB-404", Kind::NotFound, "There is no such page.")
            .next("Check the address, or begin at the overview."),
    )
}

/// The answer where the route has no such method.
pub(crate) async fn no_such_method() -> Failure {
    Failure(wrong_method())
}

pub(crate) fn wrong_method() -> Error {
    Error::new(
        "WEB-405",
        Kind::Invalid,
        "This address does not take this kind of request.",
    )
    .next("Open the page and use its links and buttons.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::to_bytes;

    #[tokio::test]
    async fn a_failure_is_a_problem_document_without_its_inner_detail() {
        let error = Error::new("OIDC-004", Kind::Upstream, "The provider did not answer.")
            .next("Try again.")
            .internal("10.0.0.7:443 refused")
            .field("issuer", "Check it.");
        let response = Failure(error).into_response();
        assert_eq!(response.status(), StatusCode::BAD_GATEWAY);
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        let body = to_bytes(response.into_body(), 10_000).await.unwrap();
        let document: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(
            document,
            json!({"type": "about:blank", "title": "Bad Gateway", "status": 502, "detail": "The provider did not answer.",
                   "code": "OIDC-004", "next": "Try again.", "request_id": null,
                   "fields": [{"field": "issuer", "message": "Check it."}]})
        );
    }

    #[test]
    fn w35_the_way_to_the_sign_in_page_keeps_only_our_own_paths() {
        assert_eq!(
            sign_in_for("/users?q=a&b"),
            "/signin?return_to=%2Fusers%3Fq%3Da%26b"
        );
        assert_eq!(sign_in_for("//evil.example/"), "/signin");
        assert_eq!(sign_in_for("/"), "/signin");
    }

    #[test]
    fn an_overload_says_when_to_come_back() {
        let busy = Failure(Error::new("DB-001", Kind::Unavailable, "Busy.")).into_response();
        assert_eq!(busy.headers()[RETRY_AFTER], "10");
    }
}
