//! A link that chooses a password. The first page takes the token out of the address: what is shown, sent on as a
//! referrer or kept in the browser's history from then on holds none.

use axum::response::{IntoResponse, Redirect};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::Error;
use muster_services::reset::{self, Opened};
use muster_web::{Form, Query};
use secrecy::SecretString;
use serde::Deserialize;

use crate::components::{Button, Form as FormView, Glyph, Guard, Look, Takes, TextField, error_of};
use crate::visit::{Answer, Visit, belongs_to_form};

/// Name of the opened link in the browser's session.
const OPENED: &str = "opened_link";

/// What the address may hold.
#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    code: String,
}

/// What the form sends.
#[derive(Deserialize)]
pub struct Sent {
    #[serde(default)]
    password: String,
}

/// `GET /reset`
///
/// # Errors
/// `RST-010` when the link does not count (any more).
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    if asked.code.is_empty() {
        return page(&visit, StatusCode::OK, None).await;
    }
    if visit.call.person().is_some() {
        // The session that runs is somebody's own: a link that anybody mailed neither changes nor ends it.
        return Err(reset::signed_in().into());
    }
    let opened = reset::open(&visit.services, &visit.call, &asked.code).await?;
    visit.browser.half_signed_in(OPENED, opened).await?;
    Ok(Redirect::to("/reset").into_response())
}

/// `POST /reset`
///
/// # Errors
/// `RST-010` when the link does not count (any more).
pub async fn set(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let opened = opened(&visit).await?;
    let password = SecretString::from(sent.password);
    match reset::redeem(&visit.services, &visit.call, &opened, &password).await {
        Ok(_) => {
            visit.browser.sign_out().await?;
            let words = "Your new password is set. Sign in with it.";
            visit.done("/signin?with=password", words).await
        }
        Err(error) if belongs_to_form(&error) && !error.fields.is_empty() => {
            page(&visit, StatusCode::UNPROCESSABLE_ENTITY, Some(error)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn opened(visit: &Visit) -> Result<Opened, Error> {
    visit.browser.kept(OPENED).await?.ok_or_else(reset::over)
}

async fn page(visit: &Visit, status: StatusCode, error: Option<Error>) -> Answer {
    let opened = opened(visit).await?;
    let user = reset::look(&visit.services, &visit.call, &opened).await?;
    let purpose = format!(
        "For the account {}. Every session of it ends, and you sign in with the new password.",
        user.username
    );
    visit
        .plain(status, "Choose a new password", &purpose, move || {
            let message = error.and_then(|error| error_of(&error.fields, "password"));
            view! {
                <FormView action="/reset" guard=Guard::Off>
                    <input type="hidden" name="username" autocomplete="username" value=user.username.clone()/>
                    <TextField
                        name="password"
                        label="New password"
                        takes=Takes::NewPassword
                        error=message
                        help="At least 15 characters. A few unrelated words, or what a password manager makes."
                    />
                    <Button look=Look::Primary icon=Glyph::Lock>"Set password"</Button>
                </FormView>
            }
            .into_any()
        })
        .await
}
