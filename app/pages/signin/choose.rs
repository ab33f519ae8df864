//! The sign-in page: say who you are, and it shows the way that fits; or choose one.

use axum::response::{IntoResponse, Redirect};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::return_to::ReturnTo;
use muster_services::password::{self, Entered};
use muster_services::signin::{self, Way};
use muster_services::{reset, setup};
use muster_web::{Form, Query};
use serde::Deserialize;

use super::second;
use crate::components::{Button, Callout, LinkButton, Look, Takes, TextField, Tone};
use crate::components::{Form as FormView, Glyph};
use crate::visit::{Answer, Visit, belongs_to_form, encoded};

/// What the address may hold.
#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    return_to: String,
    #[serde(default)]
    login: String,
    #[serde(default)]
    with: String,
}

/// What the password form sends.
#[derive(Deserialize)]
pub struct Sent {
    username: String,
    password: String,
    #[serde(default)]
    return_to: String,
}

/// Shows the ways in. With `login` an e-mail address is routed to its provider; with `with=password` the form opens.
///
/// # Errors
/// When the ways cannot be read.
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let return_to = ReturnTo::new(&asked.return_to);
    if setup::is_open(&visit.services).await? {
        return Ok(Redirect::to("/setup").into_response());
    }
    if visit.call.person().is_some() {
        return Ok(Redirect::to(return_to.as_str()).into_response());
    }
    if let Some(way) = signin::route(&visit.services, &asked.login).await? {
        let to = start(&way.slug, return_to.as_str(), &asked.login);
        return Ok(Redirect::to(&to).into_response());
    }
    let stage = if asked.with == "password" || !asked.login.is_empty() {
        Stage::Password
    } else {
        Stage::Choose
    };
    page(
        &visit,
        StatusCode::OK,
        stage,
        &asked.login,
        return_to.as_str(),
        None,
    )
    .await
}

fn start(slug: &str, return_to: &str, login: &str) -> String {
    let mut to = format!("/signin/{slug}/start?return_to={}", encoded(return_to));
    if !login.is_empty() {
        to.push_str(&format!("&login={}", encoded(login)));
    }
    to
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Choose,
    Password,
}

/// Signs in with a password of the internal directory.
///
/// # Errors
/// When the database cannot be used.
pub async fn password(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let return_to = ReturnTo::new(&sent.return_to);
    match password::sign_in(&visit.services, &visit.call, &sent.username, &sent.password).await {
        Ok(Entered::In(user, entry)) => {
            visit.browser.signed_in(user.id, &entry).await?;
            Ok(Redirect::to(return_to.as_str()).into_response())
        }
        Ok(Entered::Half(half)) => {
            let return_to = return_to.as_str().to_owned();
            second::lead(&visit, second::Waiting { half, return_to }).await
        }
        Err(error) if belongs_to_form(&error) => {
            let status = StatusCode::from_u16(error.kind.status())
                .unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            page(
                &visit,
                status,
                Stage::Password,
                &sent.username,
                return_to.as_str(),
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
    stage: Stage,
    login: &str,
    return_to: &str,
    error: Option<Error>,
) -> Answer {
    let ways = signin::ways(&visit.services).await?;
    let forgot = reset::is_offered(&visit.services).await?;
    let directory = password::directory::is_offered(&visit.services).await?;
    let (login, return_to) = (login.to_owned(), return_to.to_owned());
    let stage = if ways.is_empty() {
        Stage::Password
    } else {
        stage
    };
    visit
        .plain(status, "Sign in", "", move || {
            let trouble = error.map(|error| {
                view! {
                    <Callout tone=Tone::Danger title=error.public.to_string()>
                        {error.next.map(|next| view! { <p>{next.to_string()}</p> })}
                        <p><code>{error.code}</code></p>
                    </Callout>
                }
            });
            let body = match stage {
                Stage::Choose => chooser(ways, &return_to, directory),
                Stage::Password => password_form(&ways, login, &return_to, forgot),
            };
            view! { <div class="stack">{trouble}{body}</div> }.into_any()
        })
        .await
}

fn chooser(ways: Vec<Way>, return_to: &str, directory: bool) -> AnyView {
    let buttons = ways
        .into_iter()
        .map(|way| {
            let href = start(&way.slug, return_to, "");
            view! { <LinkButton href look=Look::Primary>{format!("Continue with {}", way.name)}</LinkButton> }
        })
        .collect_view();
    let with_password = format!("/signin?with=password&return_to={}", encoded(return_to));
    view! {
        <div class="ways">{buttons}</div>
        <p class="or"><span>"or"</span></p>
        <form method="get" action="/signin" class="form">
            <input type="hidden" name="return_to" value=return_to.to_owned()/>
            <TextField name="login" label="E-mail or username" takes=Takes::Username help="We find the way to sign in that fits."/>
            <Button>"Continue"</Button>
        </form>
        <p class="muted"><a href=with_password>{if directory { "Sign in with username and password" } else { "Sign in with a password of this console" }}</a></p>
    }
    .into_any()
}

fn password_form(ways: &[Way], login: String, return_to: &str, forgot: bool) -> AnyView {
    let forgot = forgot
        .then(|| view! { <p class="muted"><a href="/forgot">"Forgot your password?"</a></p> });
    let others = (!ways.is_empty()).then(|| {
        let href = format!("/signin?return_to={}", encoded(return_to));
        view! { <p class="muted"><a href=href>"Other ways to sign in"</a></p> }
    });
    let return_to = return_to.to_owned();
    view! {
        <FormView action="/signin">
            <input type="hidden" name="return_to" value=return_to/>
            <TextField name="username" label="Username" value=login takes=Takes::Username/>
            <TextField name="password" label="Password" takes=Takes::Password/>
            <Button look=Look::Primary icon=Glyph::Lock>"Sign in"</Button>
        </FormView>
        {forgot}
        {others}
    }
    .into_any()
}
