//! Leaving: to a provider to sign in, and out of the console.

use axum::extract::Path;
use axum::response::{IntoResponse, Redirect};
use http::{HeaderMap, StatusCode};
use leptos::prelude::*;
use muster_domain::return_to::ReturnTo;
use muster_services::signin;
use muster_web::Query;
use serde::Deserialize;

use crate::components::{LinkButton, Look};
use crate::visit::{Answer, Visit, encoded};

/// What the address may hold.
#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    return_to: String,
    #[serde(default)]
    login: String,
}

/// Sends the browser to a provider to sign in.
///
/// # Errors
/// When the provider cannot be asked.
pub async fn start(
    visit: Visit,
    Path(slug): Path<String>,
    headers: HeaderMap,
    Query(asked): Query<Asked>,
) -> Answer {
    if headers
        .get("sec-fetch-site")
        .is_some_and(|site| site == "cross-site")
    {
        // A foreign page must not sign anybody in behind their back (ASVS 5.0, 7.6.2): the person presses the button.
        let to = format!(
            "/signin?return_to={}",
            encoded(ReturnTo::new(&asked.return_to).as_str())
        );
        return Ok(Redirect::to(&to).into_response());
    }
    let browser = visit.browser.hold().await?;
    let to = signin::begin(
        &visit.services,
        &visit.call,
        &slug,
        browser,
        &asked.return_to,
        Some(&asked.login),
    )
    .await?;
    Ok(muster_web::leave::to(&to, &slug))
}

/// Ends the session here, and at the provider where it offers that.
///
/// # Errors
/// When the session cannot be ended.
pub async fn sign_out(visit: Visit) -> Answer {
    if visit.call.person().is_none() {
        return Ok(Redirect::to("/signedout").into_response());
    }
    let elsewhere = signin::sign_out_at_provider(&visit.services, &visit.call)
        .await
        .unwrap_or_default();
    signin::signed_out(&visit.services, &visit.call).await?;
    visit.browser.sign_out().await?;
    Ok(match elsewhere {
        Some((url, name)) => muster_web::leave::to(&url, &name),
        None => Redirect::to("/signedout").into_response(),
    })
}

/// Says that the session is over.
///
/// # Errors
/// When the browser's session cannot be read.
pub async fn signed_out(visit: Visit) -> Answer {
    visit
        .plain(
            StatusCode::OK,
            "Signed out",
            "Your session here is over.",
            || {
                view! { <LinkButton href="/signin" look=Look::Primary>"Sign in again"</LinkButton> }
                    .into_any()
            },
        )
        .await
}
