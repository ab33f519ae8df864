//! Settings: the public address, and what this installation runs on.

use axum::http::StatusCode;
use leptos::prelude::*;
use muster_domain::error::FieldError;
use muster_domain::role::Permission;
use muster_services::{factors, site};
use muster_web::{Failure, Fields};

use crate::components::{
    Button, Callout, Card, Columns, CopyText, Form, FormActions, KeyValue, KeyValues, LinkButton,
    Look, Page, Takes, TextField, Tone, counted, error_of,
};
use crate::visit::{Answer, Visit, belongs_to_form};

/// `GET /settings`
///
/// # Errors
/// When the database cannot be read.
pub async fn show(visit: Visit) -> Answer {
    page(&visit, StatusCode::OK, None, Vec::new()).await
}

async fn page(
    visit: &Visit,
    status: StatusCode,
    typed: Option<String>,
    errors: Vec<FieldError>,
) -> Answer {
    let url = site::url(&visit.services).await?;
    let stored = site::stored(&visit.services).await?;
    let fixed = visit.services.fixed_url().cloned();
    let bound = factors::bound_here(&visit.services).await?;
    visit
        .console_with(status, "Settings", "/settings", || {
            let value = typed.or_else(|| stored.map(|url| url.to_string())).unwrap_or_else(|| url.to_string());
            let address = match fixed {
                Some(fixed) => fixed_address(fixed.as_str()),
                None if visit.call.can(Permission::ManageSettings) => address_form(value, bound, errors),
                None => {
                    let url = url.to_string();
                    view! { <Card title="Public address"><CopyText value=url label="public address"/></Card> }.into_any()
                }
            };
            let right = view! { {facts(visit)} {mail()} }.into_any();
            view! {
                <Page title="Settings" purpose="How people reach this console, and what it runs on.">
                    <Columns left=address right/>
                </Page>
            }
            .into_any()
        })
        .await
}

fn fixed_address(url: &str) -> AnyView {
    let url = url.to_owned();
    view! {
        <Card title="Public address">
            <CopyText value=url label="public address"/>
            <p class="help">"It is given when the server starts, by flag or environment variable, and is changed there."</p>
        </Card>
    }
    .into_any()
}

fn address_form(value: String, bound: u64, errors: Vec<FieldError>) -> AnyView {
    let passkeys = (bound > 0).then(|| {
        let many = counted(bound, "passkey answers", "passkeys answer");
        view! { <p>{format!("{many} to the name of the address as it is. Under another name they stop working: their owners use a code or a recovery code then, and add new ones.")}</p> }
    });
    view! {
        <Card title="Public address">
            <Form action="/settings" errors=errors.clone()>
                <TextField
                    name="url"
                    label="Address people use"
                    takes=Takes::Url
                    value
                    error=error_of(&errors, "url")
                    placeholder="https://muster.example.org"
                    help="Scheme, host and port, without a path. Redirect addresses at identity providers begin with it."
                />
                <Callout tone=Tone::Caution title="A new address needs a new redirect address at every identity provider">
                    <p>"Until it is entered there, nobody can sign in through that provider. Saving needs a secure session."</p>
                    <p>"What providers proved under the old address counts no longer: make their test sign-ins again afterwards."</p>
                    {passkeys}
                </Callout>
                <FormActions><Button look=Look::Primary>"Save address"</Button></FormActions>
            </Form>
        </Card>
    }
    .into_any()
}

fn facts(visit: &Visit) -> AnyView {
    let database = match visit.services.db().kind() {
        "sqlite" => "SQLite, embedded".to_owned(),
        "postgres" | "postgresql" => "PostgreSQL".to_owned(),
        other => other.to_owned(),
    };
    let listen = visit.services.listen().to_string();
    let items = vec![
        KeyValue::new("Version", env!("CARGO_PKG_VERSION")),
        KeyValue::new("Database", database),
        KeyValue::new("Listens on", view! { <code>{listen}</code> }.into_any()),
        KeyValue::new(
            "Secure sessions last",
            view! { <a href="/security/policies">"as the policies of the roles say"</a> }
                .into_any(),
        ),
        KeyValue::new(
            "Sessions end",
            "after 30 minutes without a request, and after 12 hours",
        ),
    ];
    view! { <Card title="This installation"><KeyValues items/></Card> }.into_any()
}

fn mail() -> AnyView {
    view! {
        <Card title="Mail">
            <p>"Messages to people and administrators: through which server they leave, and what waits."</p>
            <LinkButton href="/settings/mail">"Set up mail"</LinkButton>
        </Card>
    }
    .into_any()
}

/// `POST /settings`
///
/// # Errors
/// Without permission or presence.
pub async fn save(visit: Visit, fields: Fields) -> Answer {
    let typed = fields.one("url").unwrap_or_default().to_owned();
    let elevated = visit.call.elevated()?;
    match site::set(&visit.services, &visit.call, &elevated, &typed).await {
        Ok(url) => {
            visit.state.site.learn(Some(url.clone()));
            visit
                .done("/settings", &format!("Saved the public address {url}."))
                .await
        }
        Err(error) if belongs_to_form(&error) => {
            page(
                &visit,
                StatusCode::UNPROCESSABLE_ENTITY,
                Some(typed),
                error.fields,
            )
            .await
        }
        Err(error) => Err(Failure(error)),
    }
}
