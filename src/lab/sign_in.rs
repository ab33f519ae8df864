//! The page where a person types username and password, and the session that follows from it.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use chrono::TimeDelta;

use crate::answer;
use crate::failure::Failure;
use crate::options::PASSWORD;
use crate::pages::{self, Mistake, SignInPage};
use crate::parameters::Parameters;
use crate::people::Person;
use crate::provider::{Provider, Session};
use crate::request::AuthorizationRequest;
use crate::world::Lab;

/// How long a browser stays signed in at a provider.
const SESSION_LIFETIME: TimeDelta = TimeDelta::hours(24);

/// `GET /{provider}/sign-in/{key}`
pub(crate) async fn show(
    State(lab): State<Lab>,
    Path((slug, key)): Path<(String, String)>,
    headers: HeaderMap,
) -> Result<Response, Failure> {
    let (provider, request) = find(&lab, &slug, &key)?;
    let typed = request.login_hint.clone().unwrap_or_default();
    let page = SignInPage {
        lab: &lab,
        provider,
        request: &request,
        key: &key,
        typed: &typed,
        error: None,
        session: session(&lab, provider, &headers),
    };
    Ok(pages::sign_in(&page).into_response())
}

/// `POST /{provider}/sign-in/{key}`
pub(crate) async fn submit(
    State(lab): State<Lab>,
    Path((slug, key)): Path<(String, String)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response, Failure> {
    let (provider, request) = find(&lab, &slug, &key)?;
    let form = Parameters::parse(&body)?;
    if form.get("action") == Some("cancel") {
        provider.interactions.take(&key, lab.now());
        let (target, state) = (&request.redirect_uri, request.state.as_deref());
        let text = "The person pressed cancel.";
        return Ok(answer::refuse(
            provider,
            target,
            state,
            "access_denied",
            text,
        ));
    }
    let before = session(&lab, provider, &headers);
    let typed = form.get("username").unwrap_or_default();
    let person = lab.person(typed);
    match person.filter(|_| form.get("password") == Some(PASSWORD)) {
        Some(person) => {
            provider.interactions.take(&key, lab.now());
            let session = begin(&lab, provider, &headers, person, before);
            Ok(with_cookie(&lab, provider, &request, session))
        }
        None => {
            let page = SignInPage {
                lab: &lab,
                provider,
                request: &request,
                key: &key,
                typed,
                error: Some(match person {
                    None => Mistake::Username,
                    Some(_) => Mistake::Password,
                }),
                session: before,
            };
            let status = StatusCode::UNPROCESSABLE_ENTITY;
            Ok((status, pages::sign_in(&page)).into_response())
        }
    }
}

/// The session of the browser that sent `headers`, if it has one.
pub(crate) fn session(lab: &Lab, provider: &Provider, headers: &HeaderMap) -> Option<Session> {
    provider.sessions.get(cookie(provider, headers)?, lab.now())
}

/// Ends that session.
pub(crate) fn end(lab: &Lab, provider: &Provider, headers: &HeaderMap) {
    if let Some(key) = cookie(provider, headers) {
        provider.sessions.take(key, lab.now());
    }
}

fn find<'a>(
    lab: &'a Lab,
    slug: &str,
    key: &str,
) -> Result<(&'a Provider, AuthorizationRequest), Failure> {
    let provider = lab
        .provider(slug)
        .ok_or_else(|| Failure::unknown_provider(slug))?;
    let request = provider.interactions.get(key, lab.now()).ok_or_else(|| {
        let text =
            "This sign-in was finished already or has expired. Start again in the application.";
        Failure::Page(StatusCode::GONE, text.to_owned())
    })?;
    Ok((provider, request))
}

/// The same person signing in again keeps the `sid`: it is the same session at the provider.
fn begin(
    lab: &Lab,
    provider: &Provider,
    headers: &HeaderMap,
    person: &Person,
    before: Option<Session>,
) -> Session {
    end(lab, provider, headers);
    let kept = before.filter(|session| session.person == *person);
    let sid = kept.map_or_else(|| lab.random(), |session| session.sid);
    tracing::info!(
        provider = provider.character.slug,
        person = person.id,
        "signed in at the lab"
    );
    Session {
        person: person.clone(),
        signed_in: lab.now(),
        sid,
    }
}

fn with_cookie(
    lab: &Lab,
    provider: &Provider,
    request: &AuthorizationRequest,
    session: Session,
) -> Response {
    let (key, now) = (lab.random(), lab.now());
    let until = now + SESSION_LIFETIME;
    provider
        .sessions
        .put(key.clone(), session.clone(), now, until);
    let mut response = answer::succeed(lab, provider, request, session);
    let (name, slug) = (provider.cookie(), provider.character.slug);
    let cookie = format!("{name}={key}; Path=/{slug}; HttpOnly; SameSite=Lax");
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(header::SET_COOKIE, value);
    }
    response
}

fn cookie<'a>(provider: &Provider, headers: &'a HeaderMap) -> Option<&'a str> {
    let name = provider.cookie();
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}
