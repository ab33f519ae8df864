//! After an answer that proves nothing either way: confirm it with the second factor.

use axum::response::IntoResponse;
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::id::ReceiptId;
use muster_services::elevation::Aim;
use muster_services::reauth::{self, Confirmable, Intent, Receipt};
use muster_web::Form;
use serde::{Deserialize, Serialize};

use super::elevate;
use crate::components::{
    Button, Callout, Card, Crumb, Form as FormView, FormActions, Glyph, Guard, LinkButton, Look,
    Page, Takes, TextField, Tone, Width, error_of,
};
use crate::visit::{Answer, Visit, belongs_to_form};

/// Name of the answer that waits, in the browser's session.
const UNPROVEN: &str = "unproven";

/// What the re-authentication was for, kept while its answer waits.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Waiting {
    receipt: ReceiptId,
    return_to: String,
    action: Option<String>,
    reason: Option<String>,
}

/// What the form sends.
#[derive(Deserialize)]
pub struct Sent {
    receipt: ReceiptId,
    #[serde(default)]
    code: String,
}

/// Remembers what an answer that proved nothing was for.
///
/// # Errors
/// When the session cannot be read.
pub(crate) async fn wait(visit: &Visit, receipt: ReceiptId, intent: &Intent) -> Result<(), Error> {
    let waiting = Waiting {
        receipt,
        return_to: intent.return_to.clone(),
        action: intent.action.clone(),
        reason: intent.reason.clone(),
    };
    visit.browser.keep(UNPROVEN, waiting).await
}

/// `POST /elevate/confirm`
///
/// # Errors
/// When the answer cannot be confirmed.
pub async fn confirm(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let waiting: Option<Waiting> = visit.browser.kept(UNPROVEN).await?;
    let waiting = waiting.filter(|waiting| waiting.receipt == sent.receipt);
    let confirmed = reauth::confirm(&visit.services, &visit.call, sent.receipt, &sent.code).await;
    match confirmed {
        Ok((proof, receipt)) => {
            let aim = Aim {
                action: receipt.action.as_deref(),
                reason: waiting
                    .as_ref()
                    .and_then(|waiting| waiting.reason.as_deref()),
            };
            elevate::grant(&visit, proof, aim).await?;
            let to = waiting.map_or_else(|| "/".to_owned(), |waiting| waiting.return_to);
            elevate::granted(&visit, &to).await
        }
        Err(error) if belongs_to_form(&error) && !error.fields.is_empty() => {
            let status = StatusCode::from_u16(error.kind.status())
                .unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            again(&visit, status, sent.receipt, error).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn again(visit: &Visit, status: StatusCode, receipt: ReceiptId, error: Error) -> Answer {
    let page = visit
        .console_with(status, "Confirm with your second factor", "", move || {
            let message = error_of(&error.fields, "code");
            view! {
                <Page
                    title="Confirm with your second factor"
                    purpose="The provider's answer proves nothing either way. A code does, where policy accepts it."
                    crumbs=vec![Crumb::new(format!("/receipts/{receipt}"), "What the provider proved")]
                    width=Width::Narrow
                >
                    <Card>{form(receipt, message)}</Card>
                </Page>
            }
            .into_any()
        })
        .await?;
    Ok(page.into_response())
}

/// The way on from an answer that proves nothing, as a card of its receipt.
pub(crate) fn card(receipt: &Receipt, can: Confirmable) -> Option<AnyView> {
    match can {
        Confirmable::Now => {
            let form = form(receipt.id, None);
            Some(
                view! {
                    <Card title="Confirm with your second factor">
                        <p>"The answer proves nothing either way, so a code of yours decides. It starts the secure session."</p>
                        {form}
                    </Card>
                }
                .into_any(),
            )
        }
        Confirmable::WithoutFactor => {
            let action =
                view! { <LinkButton href="/me/factors/new">"Add authenticator app"</LinkButton> }
                    .into_any();
            Some(
                view! {
                    <Callout tone=Tone::Caution title="A second factor would decide, and you have none" action>
                        <p>"Adding one takes a secure session: start it in another way this time."</p>
                    </Callout>
                }
                .into_any(),
            )
        }
        Confirmable::NotAccepted | Confirmable::No => None,
    }
}

fn form(receipt: ReceiptId, error: Option<String>) -> AnyView {
    view! {
        <FormView action="/elevate/confirm" guard=Guard::Off>
            <input type="hidden" name="receipt" value=receipt.to_string()/>
            <TextField name="code" label="Code" takes=Takes::CodeOrRecovery error help="The six digits your app shows, or a recovery code."/>
            <FormActions><Button look=Look::Primary icon=Glyph::Shield>"Confirm and start secure session"</Button></FormActions>
        </FormView>
    }
    .into_any()
}

/// Whether a receipt can be confirmed by whoever looks at it.
///
/// # Errors
/// When policy cannot be read.
pub(crate) async fn confirmable(visit: &Visit, receipt: &Receipt) -> Result<Confirmable, Error> {
    if visit.is_elevated() {
        return Ok(Confirmable::No);
    }
    reauth::confirmable(&visit.services, &visit.call, receipt).await
}
