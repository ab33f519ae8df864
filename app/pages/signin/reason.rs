//! What a break-glass account is used for: asked right after the sign-in, before anything else.

use axum::extract::Request;
use axum::response::{IntoResponse, Redirect, Response};
use http::{Method, StatusCode};
use leptos::prelude::*;
use muster_domain::return_to::ReturnTo;
use muster_domain::{Error, Kind};
use muster_services::break_glass::{self, Drill};
use muster_web::{Failure, Form, Query};
use serde::Deserialize;

use crate::components::{
    Button, Callout, CheckField, Form as FormView, Guard, Look, PostButton, TextField, Tone,
    error_of,
};
use crate::visit::{Answer, Visit, belongs_to_form, encoded};

/// Where the question is asked.
pub(crate) const HERE: &str = "/signin/reason";

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
    reason: String,
    #[serde(default)]
    drill: String,
    #[serde(default)]
    return_to: String,
}

/// Leads whoever has to answer first to the question. What they wanted to read waits; what they sent is refused.
pub(crate) fn first(request: &Request) -> Response {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        let asked = request.uri().path_and_query();
        let asked = asked.map_or("/", |asked| asked.as_str());
        return Redirect::to(&format!("{HERE}?return_to={}", encoded(asked))).into_response();
    }
    Failure(
        Error::new(
            "BRK-001",
            Kind::Forbidden,
            "Say first what you use this break-glass account for. Nothing was changed.",
        )
        .next("Open the overview: it asks you."),
    )
    .into_response()
}

/// `GET /signin/reason`
///
/// # Errors
/// When the database cannot be read.
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let return_to = ReturnTo::new(&asked.return_to).as_str().to_owned();
    if !break_glass::owes_reason(&visit.services, &visit.call).await? {
        return Ok(Redirect::to(&return_to).into_response());
    }
    page(
        &visit,
        StatusCode::OK,
        String::new(),
        false,
        return_to,
        None,
    )
    .await
}

/// `POST /signin/reason`
///
/// # Errors
/// When nothing was to be said.
pub async fn tell(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let return_to = ReturnTo::new(&sent.return_to).as_str().to_owned();
    let is_drill = sent.drill == "on";
    let drill = if is_drill { Drill::Yes } else { Drill::No };
    match break_glass::tell(&visit.services, &visit.call, &sent.reason, drill).await {
        Ok(()) => Ok(Redirect::to(&return_to).into_response()),
        Err(error) if belongs_to_form(&error) && !error.fields.is_empty() => {
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            page(
                &visit,
                status,
                sent.reason,
                is_drill,
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
    reason: String,
    is_drill: bool,
    return_to: String,
    error: Option<Error>,
) -> Answer {
    visit
        .plain(status, "What happened?", "This is a break-glass account. Before anything else, say what you use it for.", move || {
            let message = error.and_then(|error| error_of(&error.fields, "reason"));
            view! {
                <div class="stack">
                    <Callout tone=Tone::Caution title="The other admins are told">
                        <p>"The use stands on their overview until one of them takes note of it."</p>
                    </Callout>
                    <FormView action=HERE guard=Guard::Off>
                        <input type="hidden" name="return_to" value=return_to/>
                        <TextField
                            name="reason"
                            label="Reason"
                            value=reason
                            error=message
                            help="Such as: the identity provider does not answer since nine."
                        />
                        <CheckField name="drill" label="I only try whether the account works" checked=is_drill/>
                        <Button look=Look::Primary>"Go on"</Button>
                    </FormView>
                    <PostButton action="/signout">"Sign out instead"</PostButton>
                </div>
            }
            .into_any()
        })
        .await
}
