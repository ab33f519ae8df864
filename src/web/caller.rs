//! Who asks, as an argument of a handler.

use axum::extract::FromRequestParts;
use http::request::Parts;
use muster_services::Call;

use crate::failure::{Failure, defect};

/// Who asks, from where, when, in which request. Found out once, by [`crate::browser`]'s layer.
#[derive(Clone, Debug)]
pub struct Caller(pub Call);

impl<S: Sync> FromRequestParts<S> for Caller {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        parts
            .extensions
            .get::<Call>()
            .cloned()
            .map(Self)
            .ok_or_else(|| defect("no caller: the router was not hardened"))
    }
}
