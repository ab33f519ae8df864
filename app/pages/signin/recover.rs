//! The way back in: a link from the server's shell sets a superadmin's password.

use axum::response::{IntoResponse, Redirect};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::Error;
use muster_services::recover::{self, Recovered};
use muster_web::{Form, Query};
use secrecy::SecretString;
use serde::Deserialize;

use crate::components::{Button, Form as FormView, Glyph, Guard, Look, Takes, TextField, error_of};
use crate::visit::{Answer, Visit, belongs_to_form};

/// What the address holds.
#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    code: String,
}

/// What the form sends.
#[derive(Deserialize)]
pub struct Sent {
    #[serde(default)]
    code: String,
    #[serde(default)]
    password: String,
}

/// `GET /recover`
///
/// # Errors
/// `REC-010` when the link does not count (any more).
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    page(&visit, StatusCode::OK, asked.code, None).await
}

/// `POST /recover`
///
/// # Errors
/// `REC-010` when the link does not count (any more).
pub async fn set(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let password = SecretString::from(sent.password);
    match recover::redeem(&visit.services, &visit.call, &sent.code, &password).await {
        Ok(Recovered::In(user, entry)) => {
            visit.browser.signed_in(user.id, &entry).await?;
            Ok(Redirect::to("/").into_response())
        }
        Ok(Recovered::AskFactor(_)) => {
            let words = "The password is set. Sign in with it and your second factor.";
            visit.browser.sign_out().await?;
            visit.done("/signin?with=password", words).await
        }
        Err(error) if belongs_to_form(&error) && !error.fields.is_empty() => {
            page(
                &visit,
                StatusCode::UNPROCESSABLE_ENTITY,
                sent.code,
                Some(error),
            )
            .await
        }
        Err(error) => Err(error.into()),
    }
}

async fn page(visit: &Visit, status: StatusCode, code: String, error: Option<Error>) -> Answer {
    let user = recover::look(&visit.services, &visit.call, &code).await?;
    let purpose = format!(
        "Somebody on this server's shell lets {} back in. Choose a new password. Every session of this account ends, and it is a break-glass account from now on.",
        user.username
    );
    visit
        .plain(status, "Back in", &purpose, move || {
            let message = error.and_then(|error| error_of(&error.fields, "password"));
            view! {
                <FormView action="/recover" guard=Guard::Off>
                    <input type="hidden" name="code" value=code/>
                    <input type="hidden" name="username" autocomplete="username" value=user.username.clone()/>
                    <TextField
                        name="password"
                        label="New password"
                        takes=Takes::NewPassword
                        error=message
                        help="At least 15 characters. A few unrelated words, or what a password manager makes."
                    />
                    <Button look=Look::Primary icon=Glyph::Lock>"Set password and go in"</Button>
                </FormView>
            }
            .into_any()
        })
        .await
}
