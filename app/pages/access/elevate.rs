//! The door to the secure session: prove presence, and what was asked for goes on.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use chrono::{DateTime, TimeDelta, Utc};
use http::{Method, StatusCode};
use leptos::prelude::*;
use muster_domain::return_to::ReturnTo;
use muster_domain::role::Permission;
use muster_domain::session::Proof;
use muster_domain::{Error, Kind};
use muster_services::elevation::{self, Aim};
use muster_services::factors::{self, Purpose, passkeys};
use muster_services::{Call, Services, password, reauth, users};
use muster_web::failure::MaxAge;
use muster_web::{AppState, Browser, Failure, Form, Query};
use serde::{Deserialize, Serialize};

use super::brought::{brought, question};
use super::elevate_ways::{Own, ways};
use super::enter;
use super::kept_form::{self, FIELD};
use crate::components::{
    Button, Card, Form as FormView, Glyph, Guard, LinkButton, Look, Page, PostButton, TextField,
    Width, counted, error_of,
};
use crate::routes::Access;
use crate::visit::{Answer, Visit, belongs_to_form, encoded};

/// What the address may hold.
#[derive(Clone, Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    pub(super) return_to: String,
}

/// Name of the reason that was given, in the browser's session: it stands in no address.
const REASON: &str = "elevation_reason";
/// How long a reason counts that was given and not used.
const REASON_LASTS: TimeDelta = TimeDelta::minutes(15);

#[derive(Serialize, Deserialize)]
struct Given {
    reason: String,
    at: DateTime<Utc>,
}

/// What the form sends that asks for a reason.
#[derive(Deserialize)]
pub struct SentReason {
    #[serde(default)]
    reason: String,
    #[serde(default)]
    return_to: String,
}

/// What the forms of password and passkey send.
#[derive(Deserialize)]
pub struct Sent {
    #[serde(default)]
    password: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    ceremony: String,
    #[serde(default)]
    answer: String,
    #[serde(default)]
    return_to: String,
}

/// Runs a guarded handler. A form that turns out to need a secure session is kept, and the person is led to the door.
pub(crate) async fn run(
    state: &AppState,
    browser: &Browser,
    request: Request,
    (call, access): (Call, Access),
    next: Next,
) -> Response {
    let path = request.uri().path().to_owned();
    let page = kept_form::page_of(request.headers(), &path);
    let opens = (*request.method() == Method::GET).then(|| request.uri().to_string());
    let is_browser = muster_web::failure::is_browser(&request);
    let meant = match kept_form::meant(&state.services, browser, request).await {
        Ok(meant) => meant,
        Err(error) => return Failure(error).into_response(),
    };
    let (mut request, body) = (meant.request, meant.body);
    let marked = meant
        .mark
        .and_then(|mark| elevation::on_screen(&state.services, &call, &mark));
    let call = marked.unwrap_or(call);
    request.extensions_mut().insert(call.clone());
    let mut response = match access.admits(&call) {
        Ok(()) => next.run(request).await,
        Err(error) => Failure(error).into_response(),
    };
    let needs = response
        .extensions()
        .get::<Error>()
        .is_some_and(|error| error.kind == Kind::ElevationNeeded);
    if !needs {
        return response;
    }
    if !is_browser {
        if let Ok(door) = elevation::door(&state.services, &call).await {
            let age = MaxAge(door.policy.lifetime_seconds());
            response.extensions_mut().insert(age);
        }
        return response;
    }
    if let Some(page) = opens {
        return Redirect::to(&door(&page)).into_response();
    }
    match body {
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
    Ok(Redirect::to(&door(page)).into_response())
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
    let asked = Asked {
        return_to: return_to.as_str().to_owned(),
    };
    page(&visit, StatusCode::OK, &asked, None).await
}

/// Proves presence by the password of an internal account, and a second factor where the person has one or policy asks; or
/// by a passkey alone.
///
/// # Errors
/// When the database cannot be used.
pub async fn by_password(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let return_to = ReturnTo::new(&sent.return_to);
    match proven(&visit, &sent).await {
        Ok(()) => granted(&visit, return_to.as_str()).await,
        Err(error) if belongs_to_form(&error) => {
            let status = StatusCode::from_u16(error.kind.status())
                .unwrap_or(StatusCode::UNPROCESSABLE_ENTITY);
            let asked = Asked {
                return_to: return_to.as_str().to_owned(),
            };
            page(&visit, status, &asked, Some(error)).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn proven(visit: &Visit, sent: &Sent) -> Result<(), Error> {
    let (services, call) = (&visit.services, &visit.call);
    let door = elevation::door(services, call).await?;
    let reason = elevation::reason(&door, &given(visit).await?)?;
    let proof = if sent.password.is_empty() && !sent.answer.is_empty() {
        passkeys::prove(services, call, question(&sent.ceremony), &sent.answer).await?
    } else {
        let proof = password::prove(services, call, &sent.password).await?;
        if door.asks_code() && door.takes_password() {
            let person = call.signed_in()?;
            let brought = brought(
                &person.session.key,
                &sent.code,
                &sent.ceremony,
                &sent.answer,
            );
            let aim = Purpose::Elevate;
            let checked =
                factors::check_brought(services, call, &person.user, aim, brought).await?;
            proof
                .with_factor(checked)
                .ok_or_else(|| Error::not_found("proof"))?
        } else {
            proof
        }
    };
    let action = action(visit, &sent.return_to).await?;
    let aim = Aim {
        action: action.as_deref(),
        reason: reason.as_deref(),
    };
    grant(visit, proof, aim).await
}

/// Exchanges a proof for a secure session. The browser session's id changes at that moment, and not for a proof that
/// policy does not accept.
///
/// # Errors
/// As [`elevation::grant`].
pub(crate) async fn grant(visit: &Visit, proof: Proof, aim: Aim<'_>) -> Result<(), Error> {
    elevation::may_grant(&visit.services, &visit.call, &proof, aim).await?;
    let rotated = visit.browser.elevated().await?;
    elevation::grant(&visit.services, &visit.call, proof, &rotated, aim).await?;
    // Each secure session has a reason of its own.
    visit.browser.take::<Given>(REASON).await.map(drop)
}

/// The reason that was given a moment ago; empty without one.
pub(crate) async fn given(visit: &Visit) -> Result<String, Error> {
    let given: Option<Given> = visit.browser.kept(REASON).await?;
    let given = given.filter(|given| visit.now() - given.at < REASON_LASTS);
    Ok(given.map(|given| given.reason).unwrap_or_default())
}

/// `POST /elevate/reason`
///
/// # Errors
/// When policy or session cannot be read.
pub async fn reason(visit: Visit, Form(sent): Form<SentReason>) -> Answer {
    let return_to = ReturnTo::new(&sent.return_to);
    let door = elevation::door(&visit.services, &visit.call).await?;
    if elevation::reason(&door, &sent.reason).is_err() {
        let asked = Asked {
            return_to: return_to.as_str().to_owned(),
        };
        return page(&visit, StatusCode::UNPROCESSABLE_ENTITY, &asked, None).await;
    }
    let given = Given {
        reason: sent.reason,
        at: visit.now(),
    };
    visit.browser.keep(REASON, given).await?;
    Ok(Redirect::to(&self::door(return_to.as_str())).into_response())
}

/// The address of the door.
pub(crate) fn door(return_to: &str) -> String {
    format!("/elevate?return_to={}", encoded(return_to))
}

/// Where to go once a secure session runs.
pub(crate) async fn granted(visit: &Visit, return_to: &str) -> Answer {
    Ok(Redirect::to(&onward(visit, return_to).await?).into_response())
}

async fn onward(visit: &Visit, return_to: &str) -> Result<String, Error> {
    let held = kept_form::held(&visit.services, &visit.browser).await?;
    Ok(match held.filter(|form| form.page == return_to) {
        Some(_) => "/elevate/resume".to_owned(),
        None => return_to.to_owned(),
    })
}

/// What the person is about to do, in words: what the form of this page does that waits, or what the page opens.
pub(crate) async fn action(visit: &Visit, return_to: &str) -> Result<Option<String>, Error> {
    let held = kept_form::held(&visit.services, &visit.browser).await?;
    match held.filter(|form| form.page == return_to) {
        Some(form) => Ok(Some(form.action)),
        None => enter::action(visit, return_to).await,
    }
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
    let home = if visit.call.can(Permission::UseConsole) {
        "/"
    } else {
        "/me"
    };
    visit.done(home, "The secure session is over.").await
}

async fn page(visit: &Visit, status: StatusCode, asked: &Asked, error: Option<Error>) -> Answer {
    let providers = reauth::ways(&visit.services, &visit.call).await?;
    let has_password = users::has_password(&visit.services, &visit.call).await?;
    let action = action(visit, &asked.return_to).await?;
    let door = elevation::door(&visit.services, &visit.call).await?;
    let mut own = Own {
        has_password: has_password && door.takes_password(),
        passkey: None,
    };
    if own.has_password && door.takes_passkey() {
        let (services, call) = (&visit.services, &visit.call);
        let person = call.signed_in()?;
        let (user, session) = (person.user.id, &person.session.key);
        own.passkey = passkeys::ask(services, call, user, session, Purpose::Elevate).await?;
    }
    let (asked, given) = (asked.clone(), given(visit).await?);
    visit
        .console_with(status, "Start a secure session", "", move || {
            let purpose = match action {
                Some(action) => format!("You were about to {action}. First prove that it is you; then it goes on."),
                None => format!(
                    "Prove that it is you. For {} you can then change what is sensitive.",
                    counted(u64::from(door.policy.lifetime_seconds() / 60), "minute", "minutes")
                ),
            };
            let body = match elevation::reason(&door, &given) {
                Ok(_) => ways(providers, own, &door, &asked, error),
                Err(missing) => reason_card(&asked, &missing),
            };
            view! { <Page title="Start a secure session" purpose width=Width::Narrow><div class="stack">{body}</div></Page> }.into_any()
        })
        .await
}

/// Policy asks why, before it asks who.
fn reason_card(asked: &Asked, missing: &Error) -> AnyView {
    let return_to = asked.return_to.clone();
    let help = error_of(&missing.fields, "reason");
    view! {
        <Card title="What do you need it for?">
            <FormView action="/elevate/reason" guard=Guard::Off>
                <input type="hidden" name="return_to" value=return_to/>
                <TextField name="reason" label="Reason" help placeholder="Ticket or a few words"/>
                <Button look=Look::Primary icon=Glyph::Arrow>"Continue"</Button>
            </FormView>
        </Card>
    }
    .into_any()
}
