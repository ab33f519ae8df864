//! The door to the secure session: prove presence, and what was asked for goes on.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::provider::Provider;
use muster_domain::return_to::ReturnTo;
use muster_domain::{Error, Kind};
use muster_services::{Services, elevation, password, reauth, users};
use muster_web::{AppState, Browser, Failure, Form, Query};
use serde::Deserialize;

use super::kept_form::{self, FIELD};
use crate::components::{
    Button, Callout, Card, Form as FormView, Glyph, LinkButton, Look, Page, PostButton, Takes,
    TextField, Tone, Width, error_of,
};
use crate::visit::{Answer, Visit, belongs_to_form, encoded};

/// What the address may hold.
#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    return_to: String,
}

/// What the password form sends.
#[derive(Deserialize)]
pub struct Sent {
    password: String,
    #[serde(default)]
    return_to: String,
}

/// Runs a guarded handler. A form that turns out to need a secure session is kept, and the person is led to the door.
pub(crate) async fn run(
    state: &AppState,
    browser: &Browser,
    request: Request,
    allowed: Result<(), Error>,
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let page = kept_form::page_of(request.headers(), &path);
    let (request, body) = match kept_form::meant(&state.services, browser, request).await {
        Ok(meant) => meant,
        Err(error) => return Failure(error).into_response(),
    };
    let response = match allowed {
        Ok(()) => next.run(request).await,
        Err(error) => Failure(error).into_response(),
    };
    let needs = response
        .extensions()
        .get::<Error>()
        .is_some_and(|error| error.kind == Kind::ElevationNeeded);
    match body.filter(|_| needs) {
        Some(body) => match lead(&state.services, browser, &path, &page, &body).await {
            Ok(led) => led,
            Err(error) => Failure(error).into_response(),
        },
        None => response,
    }
}

async fn lead(
    services: &Services,
    browser: &Browser,
    path: &str,
    page: &str,
    body: &axum::body::Bytes,
) -> Result<Response, Error> {
    kept_form::keep(services, browser, path, page, body).await?;
    Ok(Redirect::to(&format!("/elevate?return_to={}", encoded(page))).into_response())
}

/// Shows the ways to prove presence.
///
/// # Errors
/// When they cannot be read.
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let return_to = ReturnTo::new(&asked.return_to);
    if visit.is_elevated() {
        return Ok(Redirect::to(&onward(&visit, return_to.as_str()).await?).into_response());
    }
    page(&visit, StatusCode::OK, return_to.as_str(), None).await
}

/// Proves presence by the password of an internal account.
///
/// # Errors
/// When the database cannot be used.
pub async fn by_password(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let return_to = ReturnTo::new(&sent.return_to);
    match password::prove(&visit.services, &visit.call, &sent.password).await {
        Ok(proof) => {
            let held = kept_form::held(&visit.services, &visit.browser).await?;
            let rotated = visit.browser.elevated().await?;
            let action = held.map(|form| form.action);
            elevation::grant(
                &visit.services,
                &visit.call,
                proof,
                &rotated,
                action.as_deref(),
            )
            .await?;
            granted(&visit, return_to.as_str()).await
        }
        Err(error) if belongs_to_form(&error) => {
            let status = StatusCode::from_u16(error.kind.status())
                .unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            page(&visit, status, return_to.as_str(), Some(error)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Where to go once a secure session runs.
pub(crate) async fn granted(visit: &Visit, return_to: &str) -> Answer {
    Ok(Redirect::to(&onward(visit, return_to).await?).into_response())
}

async fn onward(visit: &Visit, return_to: &str) -> Result<String, Error> {
    Ok(
        match kept_form::held(&visit.services, &visit.browser).await? {
            Some(_) => "/elevate/resume".to_owned(),
            None => return_to.to_owned(),
        },
    )
}

/// Shows what was asked for before, and sends it on with one press.
///
/// # Errors
/// When the session cannot be read.
pub async fn resume(visit: Visit) -> Answer {
    let Some(held) = kept_form::held(&visit.services, &visit.browser).await? else {
        return Ok(Redirect::to("/").into_response());
    };
    if !visit.is_elevated() {
        return Ok(Redirect::to("/elevate").into_response());
    }
    let fields = vec![(FIELD.to_owned(), held.id.to_string())];
    visit
        .console("Go on", "", move || {
            let purpose = format!("The secure session runs. You were about to {}; nothing you typed is lost.", held.action);
            let actions = view! {
                <PostButton action=held.path.clone() fields look=Look::Primary icon=Glyph::Arrow>{format!("Go on: {}", held.action)}</PostButton>
                <LinkButton href=held.page.clone()>"Back to the page"</LinkButton>
            };
            view! { <Page title="Go on" purpose width=Width::Narrow><div class="actions">{actions}</div></Page> }.into_any()
        })
        .await
}

/// Ends the secure session now.
///
/// # Errors
/// When it cannot be ended.
pub async fn drop_now(visit: Visit) -> Answer {
    elevation::drop_now(&visit.services, &visit.call).await?;
    visit.done("/", "The secure session is over.").await
}

async fn page(visit: &Visit, status: StatusCode, return_to: &str, error: Option<Error>) -> Answer {
    let providers = reauth::ways(&visit.services, &visit.call).await?;
    let has_password = users::has_password(&visit.services, &visit.call).await?;
    let held = kept_form::held(&visit.services, &visit.browser).await?;
    let return_to = return_to.to_owned();
    visit
        .console_with(status, "Start a secure session", "", move || {
            let purpose = match held {
                Some(form) => format!("You were about to {}. First prove that it is you; then it goes on.", form.action),
                None => "Prove that it is you. For ten minutes you can then change what is sensitive.".to_owned(),
            };
            let none = (providers.is_empty() && !has_password).then(|| {
                view! {
                    <Callout tone=Tone::Caution title="There is no way for you to prove presence yet.">
                        <p>"Sign in through an identity provider, or have a superadmin set a password for you."</p>
                    </Callout>
                }
            });
            let ways = providers.into_iter().map(|provider| by_provider(provider, &return_to)).collect_view();
            let password = has_password.then(|| by_password_card(error, return_to.clone()));
            view! { <Page title="Start a secure session" purpose width=Width::Narrow><div class="stack">{none}{ways}{password}</div></Page> }.into_any()
        })
        .await
}

fn by_provider(provider: Provider, return_to: &str) -> AnyView {
    let fields = vec![
        ("provider".to_owned(), provider.slug.clone()),
        ("goal".to_owned(), "elevate".to_owned()),
        ("return_to".to_owned(), return_to.to_owned()),
    ];
    view! {
        <Card title=format!("At {}", provider.name)>
            <p>{format!("{} is asked to make you sign in again. Only an answer that proves it starts the secure session.", provider.name)}</p>
            <div class="actions"><PostButton action="/reauth" fields look=Look::Primary icon=Glyph::Shield>"Re-authenticate with SSO"</PostButton></div>
        </Card>
    }
    .into_any()
}

fn by_password_card(error: Option<Error>, return_to: String) -> AnyView {
    let message = error.map(|error| match error_of(&error.fields, "password") {
        Some(message) => message,
        None => format!(
            "{} {} ({})",
            error.public,
            error.next.unwrap_or_default(),
            error.code
        ),
    });
    view! {
        <Card title="With your password here">
            <FormView action="/elevate">
                <input type="hidden" name="return_to" value=return_to/>
                <TextField name="password" label="Password" takes=Takes::Password error=message/>
                <Button icon=Glyph::Lock>"Start secure session"</Button>
            </FormView>
        </Card>
    }
    .into_any()
}
