//! Answers that are not what was asked for: a page for people, JSON for applications.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use openssl::error::ErrorStack;
use serde_json::json;

use crate::pages;
use crate::parameters::SentTwice;

/// See the module's description.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Shown to the person at the browser.
    Page(StatusCode, String),
    /// An OAuth error (RFC 6749, section 5.2).
    Json(StatusCode, &'static str, String),
    /// The client did not prove who it is.
    Client(&'static str),
    /// The access token opens nothing (RFC 6750, section 3.1).
    Bearer,
    /// OpenSSL failed.
    Crypto(ErrorStack),
}

impl Failure {
    pub(crate) fn unknown_provider(slug: &str) -> Self {
        Self::Page(
            StatusCode::NOT_FOUND,
            format!("The lab has no provider “{slug}”. The start page lists all of them."),
        )
    }

    pub(crate) fn bad_request(error: &'static str, description: impl Into<String>) -> Self {
        Self::Json(StatusCode::BAD_REQUEST, error, description.into())
    }
}

impl From<ErrorStack> for Failure {
    fn from(stack: ErrorStack) -> Self {
        Self::Crypto(stack)
    }
}

impl From<SentTwice> for Failure {
    fn from(SentTwice(name): SentTwice) -> Self {
        Self::bad_request(
            "invalid_request",
            format!("{name} was sent more than once."),
        )
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Page(status, text) => (status, pages::problem(&text)).into_response(),
            Self::Json(status, error, description) => oauth(status, error, &description),
            Self::Client(description) => {
                let mut response = oauth(StatusCode::UNAUTHORIZED, "invalid_client", description);
                let challenge = HeaderValue::from_static(r#"Basic realm="muster-lab""#);
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, challenge);
                response
            }
            Self::Bearer => {
                let text = "The access token is missing, unknown or expired.";
                let mut response = oauth(StatusCode::UNAUTHORIZED, "invalid_token", text);
                let challenge = HeaderValue::from_static(r#"Bearer error="invalid_token""#);
                response
                    .headers_mut()
                    .insert(header::WWW_AUTHENTICATE, challenge);
                response
            }
            Self::Crypto(stack) => {
                tracing::error!(%stack, "signing failed");
                let text = "The lab could not sign.";
                oauth(StatusCode::INTERNAL_SERVER_ERROR, "server_error", text)
            }
        }
    }
}

fn oauth(status: StatusCode, error: &str, description: &str) -> Response {
    let body = Json(json!({ "error": error, "error_description": description }));
    (status, [(header::CACHE_CONTROL, "no-store")], body).into_response()
}
