//! A password that somebody else knows is changed right after signing in with it, before anything else.

use axum::extract::Request;
use axum::response::{IntoResponse, Redirect, Response};
use http::{Method, StatusCode};
use leptos::prelude::*;
use muster_domain::return_to::ReturnTo;
use muster_domain::{Error, Kind};
use muster_services::forced;
use muster_web::{Failure, Form, Query};
use secrecy::SecretString;
use serde::Deserialize;

use crate::components::{
    Button, Form as FormView, Glyph, Guard, Look, PostButton, Takes, TextField, error_of,
};
use crate::visit::{Answer, Visit, belongs_to_form, encoded};

/// Where it is changed.
pub(crate) const HERE: &str = "/signin/change";

/// What the address may hold.
#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    return_to: String,
}

/// What the form sends.
#[derive(Deserialize)]
pub struct Sent {
    #[serde(default)]
    password: String,
    #[serde(default)]
    return_to: String,
}

/// Leads whoever has to change first to the change. What they wanted to read waits; what they sent is refused.
pub(crate) fn first(request: &Request) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        let asked = request.uri().path_and_query();
        let asked = asked.map_or("/", |asked| asked.as_str());
        return Redirect::to(&format!("{HERE}?return_to={}", encoded(asked))).into_response();
    }
    Failure(
        Error::new(
            "PWD-008",
            Kind::Forbidden,
            "Choose a password of your own first. Nothing was changed.",
        )
        .next("Open the overview: it leads you there."),
    )
    .into_response()
}

/// `GET /signin/change`
///
/// # Errors
/// When the database cannot be read.
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let return_to = ReturnTo::new(&asked.return_to).as_str().to_owned();
    if !forced::owes_change(&visit.services, &visit.call).await? {
        return Ok(Redirect::to(&return_to).into_response());
    }
    page(&visit, StatusCode::OK, return_to, None).await
}

/// `POST /signin/change`
///
/// # Errors
/// When nothing had to be changed.
pub async fn set(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let return_to = ReturnTo::new(&sent.return_to).as_str().to_owned();
    let password = SecretString::from(sent.password);
    match forced::change(&visit.services, &visit.call, &password).await {
        Ok(()) => visit.done(&return_to, "Your new password is set.").await,
        Err(error) if belongs_to_form(&error) && !error.fields.is_empty() => {
            page(
                &visit,
                StatusCode::UNPROCESSABLE_ENTITY,
                return_to,
                Some(error),
            )
            .await
        }
        Err(error) => Err(error.into()),
    }
}

async fn page(
    visit: &Visit,
    status: StatusCode,
    return_to: String,
    error: Option<Error>,
) -> Answer {
    let username = visit.call.signed_in()?.user.username.clone();
    let purpose = "Somebody else set the password you signed in with, or wants it changed. Choose one that only you know.";
    visit
        .plain(status, "Choose your own password", purpose, move || {
            let message = error.and_then(|error| error_of(&error.fields, "password"));
            view! {
                <div class="stack">
                    <FormView action=HERE guard=Guard::Off>
                        <input type="hidden" name="return_to" value=return_to/>
                        <input type="hidden" name="username" autocomplete="username" value=username/>
                        <TextField
                            name="password"
                            label="New password"
                            takes=Takes::NewPassword
                            error=message
                            help="At least 15 characters. A few unrelated words, or what a password manager makes."
                        />
                        <Button look=Look::Primary icon=Glyph::Lock>"Set password and go on"</Button>
                    </FormView>
                    <PostButton action="/signout">"Sign out instead"</PostButton>
                </div>
            }
            .into_any()
        })
        .await
}
