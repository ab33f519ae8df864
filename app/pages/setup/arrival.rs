//! Step five: how accounts arrive.

use axum::response::{IntoResponse, Redirect};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::methods::{Answers, Availability, Method};
use muster_domain::vendor::Vendor;
use muster_services::{providers, setup};
use muster_web::{Form, Query};

use super::{At, steps};
use crate::components::{Button, Card, Form as FormView, FormActions, Glyph, LinkButton, Look};
use crate::pages::people::address::Pairs;
use crate::pages::provisioning::compare::{answer_fields, answers_of, methods, recommendation};
use crate::visit::{Answer, Visit};

/// Asks a few questions; once they are answered, tells what fits and why.
///
/// # Errors
/// When the progress cannot be read.
pub async fn show(visit: Visit, Query(asked): Query<Pairs>) -> Answer {
    let progress = setup::progress(&visit.services).await?;
    let vendor = vendor(&visit, progress.provider.as_deref()).await?;
    let answered = progress.arrival.filter(|_| asked.is_empty());
    visit
        .wizard(
            StatusCode::OK,
            "How do accounts arrive?",
            &purpose(),
            steps(At::Arrival),
            move || match answered {
                None => questions(&progress.arrival.unwrap_or(Answers {
                    cloud_idp: vendor,
                    ..Answers::default()
                })),
                Some(answers) => told(&answers),
            },
        )
        .await
}

/// What the questions are for, and which of the ways this version can go.
fn purpose() -> String {
    let here: Vec<&str> = Method::ALL
        .into_iter()
        .filter(|method| method.availability() == Availability::Here)
        .map(Method::label)
        .collect();
    format!(
        "Signing in through a provider does not remove the need for accounts and groups here. There are {} ways to bring them in; which fits depends on you. In this version: {}. The others are compared so that you can plan.",
        Method::ALL.len(),
        here.join("; ").to_lowercase()
    )
}

async fn vendor(visit: &Visit, slug: Option<&str>) -> Result<Option<Vendor>, muster_domain::Error> {
    let Some(slug) = slug else { return Ok(None) };
    Ok(Some(
        providers::get(&visit.services, &visit.call, slug)
            .await?
            .vendor,
    ))
}

/// Keeps the answers.
///
/// # Errors
/// Without permission.
pub async fn save(visit: Visit, Form(sent): Form<Pairs>) -> Answer {
    let mut progress = setup::progress(&visit.services).await?;
    progress.arrival = Some(answers_of(&sent));
    setup::keep(&visit.services, &visit.call, &progress).await?;
    Ok(Redirect::to("/setup/arrival").into_response())
}

fn questions(answers: &Answers) -> AnyView {
    let fields = answer_fields(answers);
    view! {
        <Card>
            <FormView action="/setup/arrival">
                {fields}
                <FormActions><Button look=Look::Primary>"Show what fits"</Button></FormActions>
            </FormView>
        </Card>
    }
    .into_any()
}

fn told(answers: &Answers) -> AnyView {
    view! {
        <div class="stack">
            {recommendation(answers, true)}
            {methods()}
            <div class="actions">
                <LinkButton href="/setup/proof" look=Look::Primary icon=Glyph::Arrow>"Go on: prove re-authentication"</LinkButton>
                <LinkButton href="/setup/arrival?again=yes" look=Look::Quiet>"Answer again"</LinkButton>
            </div>
        </div>
    }
    .into_any()
}
