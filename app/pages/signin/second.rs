//! The second step of a sign-in with a password: the code.

use axum::response::{IntoResponse, Redirect};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::session::Means;
use muster_services::second_step::{self, Half};
use muster_web::Form;
use serde::{Deserialize, Serialize};

use crate::components::{Button, Form as FormView, Glyph, Guard, Look, Takes, TextField, error_of};
use crate::visit::{Answer, Visit, belongs_to_form};

/// Name of the first step in the browser's session.
const HALF: &str = "half_sign_in";

/// The first step, and where it leads.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub half: Half,
    pub return_to: String,
}

/// What the form sends.
#[derive(Deserialize)]
pub struct Sent {
    #[serde(default)]
    code: String,
}

/// Remembers the first step and leads to the second.
///
/// # Errors
/// When it cannot be kept.
pub(crate) async fn lead(visit: &Visit, waiting: Waiting) -> Answer {
    visit.browser.half_signed_in(HALF, waiting).await?;
    Ok(Redirect::to("/signin/second").into_response())
}

/// `GET /signin/second`
///
/// # Errors
/// `AUTH-021` when no first step waits.
pub async fn show(visit: Visit) -> Answer {
    if visit.call.person().is_some() {
        return Ok(Redirect::to("/").into_response());
    }
    let waiting = waiting(&visit).await?;
    second_step::whose(&visit.services, &visit.call, &waiting.half).await?;
    page(&visit, StatusCode::OK, None).await
}

/// `POST /signin/second`
///
/// # Errors
/// `AUTH-021` when no first step waits.
pub async fn enter(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    if visit.call.person().is_some() {
        return Ok(Redirect::to("/").into_response());
    }
    let waiting = waiting(&visit).await?;
    match second_step::sign_in(&visit.services, &visit.call, &waiting.half, &sent.code).await {
        Ok(user) => {
            visit.browser.signed_in(user.id, &Means::Password).await?;
            Ok(Redirect::to(&waiting.return_to).into_response())
        }
        Err(error) if belongs_to_form(&error) => {
            let status = StatusCode::from_u16(error.kind.status())
                .unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            page(&visit, status, Some(error)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn waiting(visit: &Visit) -> Result<Waiting, Error> {
    visit
        .browser
        .kept(HALF)
        .await?
        .ok_or_else(second_step::over)
}

async fn page(visit: &Visit, status: StatusCode, error: Option<Error>) -> Answer {
    visit
        .plain(
            status,
            "One more step",
            "The password is right. Now the code of your second factor.",
            move || {
                let message = error.and_then(|error| error_of(&error.fields, "code"));
                view! {
                    <FormView action="/signin/second" guard=Guard::Off>
                        <TextField
                            name="code"
                            label="Code"
                            takes=Takes::CodeOrRecovery
                            error=message
                            help="The six digits your app shows, or a recovery code."
                        />
                        <Button look=Look::Primary icon=Glyph::Lock>"Sign in"</Button>
                    </FormView>
                    <p class="muted"><a href="/signin?with=password">"Begin again"</a></p>
                }
                .into_any()
            },
        )
        .await
}
