//! Adding a passkey: a name, then the browser's own question.

use axum::extract::Path;
use axum::http::StatusCode;
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::error::FieldError;
use muster_domain::id::CeremonyId;
use muster_services::factors::passkey::{self, Asked};
use muster_services::factors::{self, permit};
use muster_web::{Failure, Form as Posted};
use serde::Deserialize;

use super::factors::{done_adding, ground_words};
use super::{group_edit, id_of};
use crate::components::{
    Button, Card, Crumb, Form, FormActions, Glyph, Guard, LinkButton, Look, Page, PasskeyField,
    TextField, Width, error_of,
};
use crate::visit::{Answer, Visit, belongs_to_form};

/// What the form of a name sends.
#[derive(Deserialize)]
pub struct Named {
    #[serde(default)]
    name: String,
}

/// What the browser answers.
#[derive(Deserialize)]
pub struct Answered {
    #[serde(default)]
    answer: String,
}

/// The card that leads here, where passkeys can be used.
///
/// # Errors
/// When the public address cannot be read.
pub(super) async fn offer(visit: &Visit) -> Result<AnyView, Failure> {
    let bound = factors::bound_name(&visit.services).await?;
    let body = match bound {
        Some(name) => view! {
            <p>{format!("Your device or a key checks that it is you, and answers to {name} alone: nobody can talk you out of it. The stronger choice.")}</p>
            <div class="actions"><LinkButton href="/me/passkeys/new" look=Look::Primary icon=Glyph::Shield>"Add passkey"</LinkButton></div>
        }
        .into_any(),
        None => view! {
            <p>"Passkeys are bound to a name over https, and the public address of this console is none. A superadmin sets it under Settings."</p>
        }
        .into_any(),
    };
    Ok(view! { <Card title="Passkey">{body}</Card> }.into_any())
}

/// `GET /me/passkeys/new`
///
/// # Errors
/// When nobody is signed in.
pub async fn new(visit: Visit) -> Answer {
    name_page(&visit, StatusCode::OK, "", Vec::new()).await
}

async fn name_page(
    visit: &Visit,
    status: StatusCode,
    name: &str,
    errors: Vec<FieldError>,
) -> Answer {
    let name = name.to_owned();
    let ground = ground_words(visit).await?;
    visit
        .console_with(status, "Add passkey", "", move || {
            let error = error_of(&errors, "name");
            view! {
                <Page
                    title="Add passkey"
                    purpose="Kept by your device, your password manager or a security key. It checks that it is you by a PIN, a finger or a face."
                    crumbs=vec![Crumb::new("/me", "Your account"), Crumb::new("/me/factors/new", "Add second factor")]
                    width=Width::Narrow
                >
                    <Card>
                        <Form action="/me/passkeys/new" errors guard=Guard::Off>
                            <TextField name="name" label="Name" value=name error placeholder="Laptop, blue key" help="By which you will know it again."/>
                            {ground}
                            <p class="help">"The next step needs a browser that runs scripts. "<a href="/me/factors/new">"An authenticator app"</a>" works without."</p>
                            <FormActions>
                                <Button look=Look::Primary icon=Glyph::Arrow>"Continue"</Button>
                                <LinkButton href="/me">"Cancel"</LinkButton>
                            </FormActions>
                        </Form>
                    </Card>
                </Page>
            }
            .into_any()
        })
        .await
}

/// `POST /me/passkeys/new`
///
/// # Errors
/// Without presence.
pub async fn begin(visit: Visit, Posted(typed): Posted<Named>) -> Answer {
    let ground = permit::ground(&visit.services, &visit.call).await?;
    match passkey::begin(&visit.services, &visit.call, ground, &typed.name).await {
        Ok((name, asked)) => ask_page(&visit, name, asked).await,
        Err(error) if belongs_to_form(&error) => refused(&visit, &typed.name, error).await,
        Err(error) => Err(Failure(error)),
    }
}

async fn refused(visit: &Visit, name: &str, error: Error) -> Answer {
    let status = StatusCode::UNPROCESSABLE_ENTITY;
    let mut errors = group_edit::fields_of(error, "name");
    // What is wrong with the answer is told on top of the form that begins anew.
    for error in &mut errors {
        "name".clone_into(&mut error.field);
    }
    name_page(visit, status, name, errors).await
}

async fn ask_page(visit: &Visit, name: String, asked: Asked) -> Answer {
    visit
        .console("Add passkey", "", move || {
            let action = format!("/me/passkeys/{}/confirm", asked.id);
            let title = format!("Add {name}");
            view! {
                <Page
                    title
                    purpose="Your browser asks which device or key is to keep it. The page waits five minutes."
                    crumbs=vec![Crumb::new("/me", "Your account"), Crumb::new("/me/factors/new", "Add second factor")]
                    width=Width::Narrow
                >
                    <Card>
                        <Form action guard=Guard::Off>
                            <input type="hidden" name="name" value=name/>
                            <PasskeyField asked label="Create passkey" otherwise="Add an authenticator app instead."/>
                            <FormActions><LinkButton href="/me">"Cancel"</LinkButton></FormActions>
                        </Form>
                    </Card>
                </Page>
            }
            .into_any()
        })
        .await
}

/// `POST /me/passkeys/{id}/confirm`
///
/// # Errors
/// Without presence.
pub async fn confirm(
    visit: Visit,
    Path(id): Path<String>,
    Posted(sent): Posted<Answered>,
) -> Answer {
    let id: CeremonyId = id_of(&id, "question")?;
    let ground = permit::ground(&visit.services, &visit.call).await?;
    match passkey::finish(&visit.services, &visit.call, ground, id, &sent.answer).await {
        Ok(added) => done_adding(&visit, added).await,
        Err(error) if belongs_to_form(&error) => refused(&visit, "", error).await,
        Err(error) => Err(Failure(error)),
    }
}
