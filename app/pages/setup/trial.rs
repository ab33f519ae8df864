//! Step four: a test sign-in.

use axum::response::{IntoResponse, Redirect};
use http::StatusCode;
use leptos::prelude::*;
use muster_services::{providers, setup};

use super::{At, steps};
use crate::components::{Card, Glyph, LinkButton, Look};
use crate::visit::{Answer, Visit};

/// Offers the test.
///
/// # Errors
/// When the provider is gone.
pub async fn show(visit: Visit) -> Answer {
    let progress = setup::progress(&visit.services).await?;
    let Some(slug) = progress.provider else {
        return Ok(Redirect::to("/setup/provider").into_response());
    };
    let provider = providers::get(&visit.services, &visit.call, &slug).await?;
    visit
        .wizard(StatusCode::OK, "Test a sign-in", "See what the provider says about you, and what Muster would make of it. Nobody is signed in, and no account is made.", steps(At::Trial), move || {
            view! {
                <Card>
                    <p>{format!("You are sent to {}. Sign in there as yourself.", provider.name)}</p>
                    <div class="actions">
                        <LinkButton href=format!("/signin/{slug}/test/start") look=Look::Primary icon=Glyph::Simulate>{format!("Sign in at {}", provider.name)}</LinkButton>
                        <LinkButton href=format!("/setup/provider?take={slug}") look=Look::Quiet>"Change its settings"</LinkButton>
                    </div>
                </Card>
            }
            .into_any()
        })
        .await
}
