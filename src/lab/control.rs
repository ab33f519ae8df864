//! The control of a provider for tests and demonstrations in other processes: arms and clears
//! tampers. Only JSON is read, so that no page in a browser can reach it (a cross-site request
//! with that content type needs a permission the lab never gives).

use axum::Json;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::failure::Failure;
use crate::tamper::{Hold, Tamper};
use crate::world::{Lab, LabError};

/// What is posted: `{"tamper": "alg-none"}`, with `"hold": "until-cleared"` if it shall stay.
/// `{"tamper": null}` clears.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Order {
    tamper: Option<Tamper>,
    #[serde(default)]
    hold: Hold,
}

/// `GET /{provider}/control`
pub(crate) async fn show(
    State(lab): State<Lab>,
    Path(slug): Path<String>,
) -> Result<Json<Value>, Failure> {
    report(&lab, &slug).map_err(unknown)
}

/// `POST /{provider}/control`
pub(crate) async fn change(
    State(lab): State<Lab>,
    Path(slug): Path<String>,
    Json(order): Json<Order>,
) -> Result<Json<Value>, Failure> {
    match order.tamper {
        Some(tamper) => lab.arm(&slug, tamper, order.hold),
        None => lab.disarm(&slug),
    }
    .and_then(|()| report(&lab, &slug))
    .map_err(unknown)
}

fn report(lab: &Lab, slug: &str) -> Result<Json<Value>, LabError> {
    let armed = lab.armed(slug)?;
    Ok(Json(
        json!({ "armed": armed, "known": Tamper::ALL.as_slice() }),
    ))
}

fn unknown(error: LabError) -> Failure {
    Failure::Json(
        axum::http::StatusCode::NOT_FOUND,
        "unknown_provider",
        error.to_string(),
    )
}
