//! The door of the wizard: the one-time code from the console.

use axum::response::{IntoResponse, Redirect};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::role::Permission;
use muster_domain::{Error, Kind};
use muster_services::{Who, setup};
use muster_web::Form;
use serde::Deserialize;

use super::resume;
use crate::components::{Button, Form as FormView, Look, Takes, TextField, error_of};
use crate::visit::{Answer, Visit, belongs_to_form};

/// What the form sends.
#[derive(Deserialize)]
pub struct Sent {
    code: String,
}

/// Asks for the code; or goes on where setup was left.
///
/// # Errors
/// When setup is over and nobody is signed in who may look at it.
pub async fn show(visit: Visit) -> Answer {
    if !setup::is_open(&visit.services).await? {
        if visit.call.can(Permission::ManageSettings) {
            let progress = setup::progress(&visit.services).await?;
            return Ok(Redirect::to(resume(&progress)).into_response());
        }
        return Err(Error::new(
            "SET-002",
            Kind::Conflict,
            "Setup has been done: there is an administrator.",
        )
        .next("Sign in to go on.")
        .into());
    }
    if matches!(visit.call.who, Who::Setup) {
        return Ok(Redirect::to("/setup/administrator").into_response());
    }
    page(&visit, StatusCode::OK, String::new(), None).await
}

/// Checks the code and opens the wizard in this browser.
///
/// # Errors
/// When setup is over.
pub async fn enter(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    match setup::enter(&visit.services, &visit.call, &sent.code).await {
        Ok(entered) => {
            visit.browser.entered_setup(&entered).await?;
            Ok(Redirect::to("/setup/administrator").into_response())
        }
        Err(error) if belongs_to_form(&error) && error.code == "SET-001" => {
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

async fn page(visit: &Visit, status: StatusCode, typed: String, error: Option<Error>) -> Answer {
    let purpose = "Nobody administers this Muster yet. The setup code shows that you are the one who started it.";
    visit
        .plain(status, "Welcome to Muster", purpose, move || {
            let errors = error.map(|error| error.fields).unwrap_or_default();
            let message = error_of(&errors, "code");
            view! {
                <FormView action="/setup/code">
                    <TextField name="code" label="Setup code" value=typed takes=Takes::Code error=message help="It stands in the terminal where Muster was started, or in the service's log."/>
                    <Button look=Look::Primary>"Begin setup"</Button>
                </FormView>
            }
            .into_any()
        })
        .await
}
