//! Test sign-in: what a provider says about a person, and what Muster would make of it, without signing in.

use axum::extract::Path;
use http::StatusCode;
use leptos::prelude::*;
use muster_services::trial::{self, Ticket};
use muster_web::Query;
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
