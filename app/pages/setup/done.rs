//! The last step: what is protected, and what is left to do.

use axum::response::{IntoResponse, Redirect};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::calibration::Worth;
use muster_services::{providers, setup, site};

use super::{At, steps};
use crate::components::{Card, Glyph, Inset, Look, PostButton, Row, Rows, Tone};
use crate::visit::{Answer, Visit};

/// Tells it.
///
/// # Errors
/// When what is told cannot be read.
pub async fn show(visit: Visit) -> Answer {
    let progress = setup::progress(&visit.services).await?;
    let url = site::url(&visit.services).await?;
    let provider = match &progress.provider {
        Some(slug) => Some(providers::get(&visit.services, &visit.call, slug).await?),
        None => None,
    };
    visit
        .wizard(StatusCode::OK, "Muster is set up", "What is protected now, and what is left to do.", steps(At::Done), move || {
            let proves = provider.as_ref().is_some_and(|provider| provider.calibration.standing() == Worth::Informative);
            let protected = view! {
                <Row title="Sensitive changes need a secure session" tone=Tone::Good>"Providers, roles, policies and secrets can only be changed for ten minutes after presence was proven."</Row>
                <Row title="A break-glass account gets in when every provider is down" tone=Tone::Good>"Keep its password where it can be found in an emergency, and nowhere else."</Row>
                {provider.as_ref().map(|provider| view! { <Row title=format!("People sign in through {}", provider.name) tone=Tone::Good>"Accounts are made at their first sign-in and carry no role until you grant one."</Row> })}
            };
            let mut left: Vec<(String, &str)> = Vec::new();
            if url.scheme() == "http" {
                left.push(("Put https in front".to_owned(), "The address is plain http. Set the public address again once a reverse proxy with a certificate stands in front."));
            }
            if !progress.reauth {
                left.push(("Test re-authentication".to_owned(), "Until it is tested nobody knows what the provider proves."));
            } else if !proves {
                left.push(("Look at the re-authentication result".to_owned(), "The provider's time stamps could not be shown to carry information."));
            }
            left.push(("Make a second administrator".to_owned(), "One person can lose a password or leave. Grant a second one the role under People → Roles."));
            left.push(("Decide which groups follow the provider".to_owned(), "Under Identity providers → Accounts at sign-in you list the groups it may fill and empty."));
            let rest = left.into_iter().map(|(title, words)| view! { <Row title tone=Tone::Caution>{words}</Row> }).collect_view();
            view! {
                <div class="stack">
                    <Card title="Protected" inset=Inset::Flush><Rows>{protected}</Rows></Card>
                    <Card title="Left to do" inset=Inset::Flush><Rows>{rest}</Rows></Card>
                    <div class="actions"><PostButton action="/setup/done" look=Look::Primary icon=Glyph::Arrow>"Open the console"</PostButton></div>
                </div>
            }
            .into_any()
        })
        .await
}

/// Closes the wizard.
///
/// # Errors
/// Without permission.
pub async fn finish(visit: Visit) -> Answer {
    let mut progress = setup::progress(&visit.services).await?;
    progress.finished = true;
    setup::keep(&visit.services, &visit.call, &progress).await?;
    Ok(Redirect::to("/").into_response())
}
