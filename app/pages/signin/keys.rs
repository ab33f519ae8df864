//! The public keys that requests to a provider are signed with, for the provider to read.

use axum::Json;
use axum::extract::Path;
use axum::response::IntoResponse;
use muster_services::providers::request_key;

use crate::visit::{Answer, Visit};

/// `GET /signin/{idp}/keys`: a JWK set (RFC 7517 section 5), empty where requests are not signed.
///
/// # Errors
/// When there is no such provider.
pub async fn show(visit: Visit, Path(slug): Path<String>) -> Answer {
    let keys = request_key::published(&visit.services, &slug).await?;
    Ok(Json(keys).into_response())
}
