//! Where identity providers announce that somebody signed out there. No browser comes here.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use muster_domain::Kind;
use muster_services::announcements;
use muster_web::Form;
use serde::Deserialize;
use serde_json::json;

use crate::visit::{Answer, Visit};

/// What the provider sends (Back-Channel Logout 1.0 section 2.5).
#[derive(Deserialize)]
pub struct Sent {
    #[serde(default)]
    logout_token: String,
}

/// `POST /signin/{idp}/backchannel`
///
/// # Errors
/// When the database or the provider's keys cannot be read; the provider announces it again then.
pub async fn take(visit: Visit, Path(slug): Path<String>, Form(sent): Form<Sent>) -> Answer {
    match announcements::take(&visit.services, &visit.call, &slug, &sent.logout_token).await {
        Ok(_) => Ok((StatusCode::OK, [(CACHE_CONTROL, "no-store")]).into_response()),
        Err(error) if matches!(error.kind, Kind::Unavailable | Kind::Internal) => Err(error.into()),
        Err(error) => Ok(refused(error.code, &error.public)),
    }
}

/// Section 2.8: 400, and what was wrong in the words of RFC 6749 section 5.2.
fn refused(code: &str, words: &str) -> Response {
    let body = json!({"error": "invalid_request", "error_description": format!("{code} {words}")});
    let headers = [
        (CACHE_CONTROL, "no-store"),
        (CONTENT_TYPE, "application/json"),
    ];
    (StatusCode::BAD_REQUEST, headers, body.to_string()).into_response()
}
