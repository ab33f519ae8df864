//! Test sign-in: what a provider says about a person, and what Muster would make of it, without signing in.

use axum::extract::Path;
use axum::response::{IntoResponse as _, Redirect};
use http::StatusCode;
use leptos::prelude::*;
use muster_services::trial::{self, Ticket};
use muster_web::{Query, Tone as Flashed};
use serde::Deserialize;

use crate::components::{LinkButton, Look};
use crate::visit::{Answer, Visit, encoded};

/// What the address may hold.
#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    link: String,
}

impl Asked {
    fn ticket(&self) -> Ticket<'_> {
        if self.link.is_empty() {
            Ticket::Permission
        } else {
            Ticket::Link(&self.link)
        }
    }
}

/// Says what will happen, and offers to begin.
///
/// # Errors
/// Without permission or a valid link.
pub async fn show(visit: Visit, Path(slug): Path<String>, Query(asked): Query<Asked>) -> Answer {
    let provider = trial::may_test(&visit.services, &visit.call, &slug, asked.ticket()).await?;
    let href = match asked.link.as_str() {
        "" => format!("/signin/{slug}/test/start"),
        link => format!("/signin/{slug}/test/start?link={}", encoded(link)),
    };
    let purpose = format!(
        "Sign in at {} and see what it says about you. Nobody is signed in here, and no account is made.",
        provider.name
    );
    visit
        .plain(StatusCode::OK, "Test sign-in", &purpose, move || {
            view! { <LinkButton href look=Look::Primary>{format!("Sign in at {}", provider.name)}</LinkButton> }.into_any()
        })
        .await
}

/// Sends the browser to the provider.
///
/// # Errors
/// Without permission or a valid link.
pub async fn start(visit: Visit, Path(slug): Path<String>, Query(asked): Query<Asked>) -> Answer {
    let browser = visit.browser.hold().await?;
    let to =
        trial::begin_test(&visit.services, &visit.call, &slug, browser, asked.ticket()).await?;
    Ok(muster_web::leave::to(&to, &slug))
}

/// Nobody is known at the provider yet: leads to the test sign-in that has to come first.
pub(crate) async fn leads_to_test(visit: &Visit, slug: &str) -> Answer {
    let words = "Sign in there once first, so that there is a person to ask again. Then come back and try again.";
    visit.browser.flash(words, Flashed::Caution).await?;
    Ok(Redirect::to(&format!("/signin/{slug}/test")).into_response())
}
