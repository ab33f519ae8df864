//! A forgotten password: asks for a name or an address, and says the same whoever that is.

use http::StatusCode;
use leptos::prelude::*;
use muster_domain::Error;
use muster_services::reset;
use muster_web::Form;
use serde::Deserialize;

use crate::components::{
    Button, Callout, Form as FormView, Guard, Look, Takes, TextField, Tone, error_of,
};
use crate::visit::{Answer, Visit, belongs_to_form};

/// What the form sends.
#[derive(Deserialize)]
pub struct Sent {
    #[serde(default)]
    login: String,
}

/// `GET /forgot`
///
/// # Errors
/// `RST-001` where a new password is not to be had by e-mail.
pub async fn show(visit: Visit) -> Answer {
    if !reset::is_offered(&visit.services).await? {
        return Err(reset::not_offered().into());
    }
    page(&visit, StatusCode::OK, String::new(), None).await
}

/// `POST /forgot`
///
/// # Errors
/// `RST-001` where a new password is not to be had by e-mail.
pub async fn ask(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    match reset::ask(&visit.services, &visit.call, &sent.login).await {
        Ok(()) => asked(&visit).await,
        Err(error) if belongs_to_form(&error) => {
            let status = StatusCode::from_u16(error.kind.status())
                .unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            page(&visit, status, sent.login, Some(error)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn asked(visit: &Visit) -> Answer {
    visit
        .plain(StatusCode::OK, "Look into your mailbox", "", || {
            view! {
                <div class="stack">
                    <Callout tone=Tone::Accent title="If there is such an account, a message is on its way">
                        <p>"It holds a link that counts once and for 30 minutes, or says why there is none. Look among what your mailbox takes for spam too."</p>
                    </Callout>
                    <p class="muted">"No message? Ask an administrator of this console."</p>
                    <p class="muted"><a href="/signin">"Back to sign-in"</a></p>
                </div>
            }
            .into_any()
        })
        .await
}

async fn page(visit: &Visit, status: StatusCode, login: String, error: Option<Error>) -> Answer {
    let purpose = "We send a link to the e-mail address of your account.";
    visit
        .plain(status, "New password", purpose, move || {
            let beside = error.as_ref().and_then(|error| error_of(&error.fields, "login"));
            let trouble = error.filter(|error| error.fields.is_empty()).map(|error| {
                view! {
                    <Callout tone=Tone::Danger title=error.public.to_string()>
                        {error.next.map(|next| view! { <p>{next.to_string()}</p> })}
                        <p><code>{error.code}</code></p>
                    </Callout>
                }
            });
            view! {
                <div class="stack">
                    {trouble}
                    <FormView action="/forgot" guard=Guard::Off>
                        <TextField name="login" label="Username or e-mail" takes=Takes::Username value=login error=beside/>
                        <Button look=Look::Primary>"Send the link"</Button>
                    </FormView>
                    <p class="muted"><a href="/signin">"Back to sign-in"</a></p>
                </div>
            }
            .into_any()
        })
        .await
}
