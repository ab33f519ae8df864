//! After an answer that proves nothing either way: confirm it with the second factor.

use axum::response::IntoResponse;
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::id::ReceiptId;
use muster_services::elevation::Aim;
use muster_services::factors::passkey::Asked;
use muster_services::factors::{Purpose, passkeys};
use muster_services::reauth::{self, Confirmable, Intent, Receipt, Takes as Counts};
use muster_web::Form;
use serde::{Deserialize, Serialize};

use super::brought::{OTHERWISE, brought};
use super::elevate;
use crate::components::{
    Button, Callout, Card, Crumb, Form as FormView, FormActions, Glyph, Guard, LinkButton, Look,
    Page, PasskeyField, Takes, TextField, Tone, Width, error_of,
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
    #[serde(default)]
    ceremony: String,
    #[serde(default)]
    answer: String,
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
    let session = visit.call.signed_in()?.session.key.clone();
    let brought = brought(&session, &sent.code, &sent.ceremony, &sent.answer);
    let confirmed = reauth::confirm(&visit.services, &visit.call, sent.receipt, brought).await;
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
    let kept = reauth::receipt(&visit.services, &visit.call, receipt).await?;
    let can = confirmable(visit, &kept).await?;
    let page = visit
        .console_with(status, "Confirm with your second factor", "", move || {
            let body = match can {
                Waits::Now(takes, asked) => form(receipt, takes, asked, &error),
                Waits::Otherwise(_) => {
                    view! { <p>{error.public.to_string()}</p> }.into_any()
                }
            };
            view! {
                <Page
                    title="Confirm with your second factor"
                    purpose="The provider's answer proves nothing either way. Your second factor does, where policy accepts it."
                    crumbs=vec![Crumb::new(format!("/receipts/{receipt}"), "What the provider proved")]
                    width=Width::Narrow
                >
                    <Card>{body}</Card>
                </Page>
            }
            .into_any()
        })
        .await?;
    Ok(page.into_response())
}

/// Whether an answer waits for its confirmation, and the question to a passkey if one counts.
pub(crate) enum Waits {
    /// It does.
    Now(Counts, Option<Asked>),
    /// It does not.
    Otherwise(Confirmable),
}

/// The way on from an answer that proves nothing, as a card of its receipt.
pub(crate) fn card(receipt: &Receipt, can: Waits) -> Option<AnyView> {
    match can {
        Waits::Now(takes, asked) => {
            let form = form(receipt.id, takes, asked, &Error::form(Vec::new()));
            Some(
                view! {
                    <Card title="Confirm with your second factor">
                        <p>"The answer proves nothing either way, so your second factor decides. It starts the secure session."</p>
                        {form}
                    </Card>
                }
                .into_any(),
            )
        }
        Waits::Otherwise(Confirmable::WithoutFactor) => {
            let action =
                view! { <LinkButton href="/me/factors/new">"Add second factor"</LinkButton> }
                    .into_any();
            Some(
                view! {
                    <Callout tone=Tone::Caution title="A second factor would decide, and you have none that counts" action>
                        <p>"Adding one takes a secure session, started in another way this time, or leave of an admin for your first one."</p>
                    </Callout>
                }
                .into_any(),
            )
        }
        Waits::Otherwise(_) => None,
    }
}

fn form(receipt: ReceiptId, takes: Counts, asked: Option<Asked>, error: &Error) -> AnyView {
    let (wrong_code, wrong_answer) = (
        error_of(&error.fields, "code"),
        error_of(&error.fields, "answer"),
    );
    let both = takes.code && asked.is_some();
    let otherwise = if takes.code {
        OTHERWISE
    } else {
        "Use a browser that does."
    };
    let passkey = asked.map(|asked| {
        view! {
            <FormView action="/elevate/confirm" guard=Guard::Off>
                <input type="hidden" name="receipt" value=receipt.to_string()/>
                <PasskeyField asked label="Confirm with passkey" error=wrong_answer otherwise/>
            </FormView>
        }
    });
    let or = both.then(|| view! { <p class="or">"or"</p> });
    let look = if both { Look::Plain } else { Look::Primary };
    let code = takes.code.then(|| {
        view! {
            <FormView action="/elevate/confirm" guard=Guard::Off>
                <input type="hidden" name="receipt" value=receipt.to_string()/>
                <TextField name="code" label="Code" takes=Takes::CodeOrRecovery error=wrong_code help="The six digits your app shows, or a recovery code."/>
                <FormActions><Button look icon=Glyph::Shield>"Confirm and start secure session"</Button></FormActions>
            </FormView>
        }
    });
    view! { <div class="stack">{passkey}{or}{code}</div> }.into_any()
}

/// Whether a receipt can be confirmed by whoever looks at it; then their passkey is asked.
///
/// # Errors
/// When policy cannot be read, or the question not be kept.
pub(crate) async fn confirmable(visit: &Visit, receipt: &Receipt) -> Result<Waits, Error> {
    if visit.is_elevated() {
        return Ok(Waits::Otherwise(Confirmable::No));
    }
    let (services, call) = (&visit.services, &visit.call);
    match reauth::confirmable(services, call, receipt).await? {
        Confirmable::Now(takes) => {
            let person = call.signed_in()?;
            let (user, session) = (person.user.id, &person.session.key);
            let asked = if takes.passkey {
                passkeys::ask(services, call, user, session, Purpose::Confirm).await?
            } else {
                None
            };
            Ok(Waits::Now(takes, asked))
        }
        other => Ok(Waits::Otherwise(other)),
    }
}
