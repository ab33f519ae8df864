//! Step one: the first administrator.

use axum::response::{IntoResponse, Redirect};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::error::FieldError;
use muster_domain::session::Entry;
use muster_services::setup::{self, FirstAdmin};
use muster_services::{Who, elevation};
use muster_web::Form;
use secrecy::SecretString;
use serde::Deserialize;

use super::{At, steps};
use crate::components::{
    Button, Card, Form as FormView, FormActions, Look, Need, Takes, TextField, error_of,
};
use crate::visit::{Answer, Visit, belongs_to_form};

/// What the form sends.
#[derive(Deserialize, Default)]
pub struct Sent {
    username: String,
    display_name: String,
    #[serde(default)]
    email: String,
    password: String,
}

/// Shows the form.
///
/// # Errors
/// Never but when the session cannot be read.
pub async fn show(visit: Visit) -> Answer {
    if !matches!(visit.call.who, Who::Setup) {
        return Ok(Redirect::to("/setup").into_response());
    }
    page(
        &visit,
        StatusCode::OK,
        Sent {
            username: "root".to_owned(),
            ..Sent::default()
        },
        Vec::new(),
    )
    .await
}

/// Makes the administrator, signs them in, and starts their first secure session: they typed their password just now.
///
/// # Errors
/// When setup was done meanwhile.
pub async fn create(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let admin = FirstAdmin {
        username: sent.username.clone(),
        display_name: sent.display_name.clone(),
        email: sent.email.clone(),
        password: SecretString::from(sent.password.clone()),
    };
    match setup::create_admin(&visit.services, &visit.call, &admin).await {
        Ok((user, checked)) => {
            let entry = Entry::by_password(checked.opened_by().clone(), checked.imprint().clone());
            let key = visit.browser.signed_in(user.id, &entry).await?;
            elevation::first(&visit.services, &visit.call, &user, checked, &key).await?;
            Ok(Redirect::to("/setup/address").into_response())
        }
        Err(error) if belongs_to_form(&error) && !error.fields.is_empty() => {
            page(&visit, StatusCode::UNPROCESSABLE_ENTITY, sent, error.fields).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn page(visit: &Visit, status: StatusCode, sent: Sent, errors: Vec<FieldError>) -> Answer {
    let purpose = "This account is in Muster's own directory. It gets in even when every identity provider is down, so give it a strong password and keep that safe.";
    visit
        .wizard(status, "Who administers this Muster?", purpose, steps(At::Administrator), move || {
            let error = |name: &str| error_of(&errors, name);
            let (username, name, email, password) = (error("username"), error("display_name"), error("email"), error("password"));
            view! {
                <Card>
                    <FormView action="/setup/administrator" errors>
                        <TextField name="username" label="Username" value=sent.username takes=Takes::Username error=username/>
                        <TextField name="display_name" label="Name" value=sent.display_name error=name/>
                        <TextField name="email" label="E-mail" value=sent.email takes=Takes::Email need=Need::Optional error=email/>
                        <TextField name="password" label="Password" takes=Takes::NewPassword error=password help="At least 15 characters. A few unrelated words, or what a password manager makes."/>
                        <FormActions><Button look=Look::Primary>"Create administrator"</Button></FormActions>
                    </FormView>
                </Card>
            }
            .into_any()
        })
        .await
}
