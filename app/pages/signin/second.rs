//! The second step of a sign-in with a password: a passkey or a code.

use axum::response::{IntoResponse, Redirect};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::user::User;
use muster_services::factors::passkey::Asked;
use muster_services::factors::{self, Kinds, Purpose, passkeys};
use muster_services::second_step::{self, Half};
use muster_web::Form;
use serde::{Deserialize, Serialize};

use crate::components::{
    Button, Form as FormView, Glyph, Guard, Look, PasskeyField, Takes, TextField, error_of,
};
use crate::pages::access::brought::{OTHERWISE, brought};
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
    #[serde(default)]
    ceremony: String,
    #[serde(default)]
    answer: String,
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
    let user = second_step::whose(&visit.services, &visit.call, &waiting.half).await?;
    page(&visit, StatusCode::OK, &user, None).await
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
    let session = visit.browser.hold().await?;
    let brought = brought(&session, &sent.code, &sent.ceremony, &sent.answer);
    match second_step::sign_in(&visit.services, &visit.call, &waiting.half, brought).await {
        Ok((user, entry)) => {
            visit.browser.signed_in(user.id, &entry).await?;
            Ok(Redirect::to(&waiting.return_to).into_response())
        }
        Err(error) if belongs_to_form(&error) => {
            let status = StatusCode::from_u16(error.kind.status())
                .unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            let user = second_step::whose(&visit.services, &visit.call, &waiting.half).await?;
            page(&visit, status, &user, Some(error)).await
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

async fn page(visit: &Visit, status: StatusCode, user: &User, error: Option<Error>) -> Answer {
    let session = visit.browser.hold().await?;
    let (services, call) = (&visit.services, &visit.call);
    let asked = passkeys::ask(services, call, user.id, &session, Purpose::SignIn).await?;
    let kinds = factors::kinds(services, user.id).await?;
    visit
        .plain(
            status,
            "One more step",
            "The password is right. Now your second factor.",
            move || {
                let message = |field| {
                    error
                        .as_ref()
                        .and_then(|error| error_of(&error.fields, field))
                };
                let passkey = asked.map(|asked| by_passkey(asked, message("answer")));
                let code = by_code(kinds, passkey.is_some(), message("code"));
                view! {
                    {passkey}
                    {code}
                    <p class="muted"><a href="/signin?with=password">"Begin again"</a></p>
                }
                .into_any()
            },
        )
        .await
}

fn by_passkey(asked: Asked, error: Option<String>) -> AnyView {
    view! {
        <FormView action="/signin/second" guard=Guard::Off>
            <PasskeyField asked label="Use passkey" error otherwise=OTHERWISE/>
        </FormView>
        <p class="or">"or"</p>
    }
    .into_any()
}

fn by_code(kinds: Kinds, is_second: bool, error: Option<String>) -> AnyView {
    let (label, help) = if kinds.app {
        ("Code", "The six digits your app shows, or a recovery code.")
    } else {
        (
            "Recovery code",
            "One of those you kept when you added your second factor.",
        )
    };
    let look = if is_second {
        Look::Plain
    } else {
        Look::Primary
    };
    view! {
        <FormView action="/signin/second" guard=Guard::Off>
            <TextField name="code" label takes=Takes::CodeOrRecovery error help/>
            <Button look icon=Glyph::Lock>"Sign in"</Button>
        </FormView>
    }
    .into_any()
}
