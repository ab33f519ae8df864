//! Step two: the address people use.

use axum::response::{IntoResponse, Redirect};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::error::FieldError;
use muster_services::{setup, site};
use muster_web::Form;
use serde::Deserialize;

use super::{At, steps};
use crate::components::{
    Button, Callout, Card, Form as FormView, FormActions, Look, Takes, TextField, Tone, error_of,
};
use crate::visit::{Answer, Visit, belongs_to_form};

/// What the form sends.
#[derive(Deserialize)]
pub struct Sent {
    url: String,
}

/// Shows the form.
///
/// # Errors
/// When the address cannot be read.
pub async fn show(visit: Visit) -> Answer {
    let url = site::url(&visit.services).await?;
    page(&visit, StatusCode::OK, url.to_string(), Vec::new()).await
}

/// Keeps the address.
///
/// # Errors
/// Without permission.
pub async fn save(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let elevated = visit.call.elevated()?;
    match site::set(&visit.services, &visit.call, &elevated, &sent.url).await {
        Ok(url) => {
            visit.state.site.learn(Some(url));
            let mut progress = setup::progress(&visit.services).await?;
            progress.address = true;
            setup::keep(&visit.services, &visit.call, &progress).await?;
            Ok(Redirect::to("/setup/provider").into_response())
        }
        Err(error) if belongs_to_form(&error) => {
            page(
                &visit,
                StatusCode::UNPROCESSABLE_ENTITY,
                sent.url,
                error.fields,
            )
            .await
        }
        Err(error) => Err(error.into()),
    }
}

async fn page(visit: &Visit, status: StatusCode, typed: String, errors: Vec<FieldError>) -> Answer {
    let fixed = visit.services.fixed_url().is_some();
    visit
        .wizard(status, "At which address do people open it?", "Identity providers send people back to this address, so it must be the one in their browser.", steps(At::Address), move || {
            let message = error_of(&errors, "url");
            let note = fixed.then(|| view! { <Callout tone=Tone::Accent title="The address is given by MUSTER_URL">"That one counts; what you enter here is kept for when it is not set."</Callout> });
            let plain = typed.starts_with("http:").then(|| view! { <Callout tone=Tone::Caution title="Without https">"This works on this machine only. Before other people sign in, put a reverse proxy with a certificate in front."</Callout> });
            view! {
                {note}
                {plain}
                <Card>
                    <FormView action="/setup/address" errors=errors.clone()>
                        <TextField name="url" label="Public address" value=typed takes=Takes::Url error=message placeholder="https://muster.example.org" help="Scheme, host and port, without a path."/>
                        <FormActions><Button look=Look::Primary>"Use this address"</Button></FormActions>
                    </FormView>
                </Card>
            }
            .into_any()
        })
        .await
}
