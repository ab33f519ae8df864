//! The last step: what is protected, and what is left to do.

use axum::response::{IntoResponse, Redirect};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::calibration::Worth;
use muster_domain::role::Role;
use muster_services::users::{self, Paging, UserFilter};
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
    let superadmins = superadmins(&visit).await?;
    visit
        .wizard(StatusCode::OK, "Muster is set up", "What is protected now, and what is left to do.", steps(At::Done), move || {
            let calibration = provider.as_ref().map(|provider| &provider.calibration);
            let proves = calibration.is_some_and(|known| known.standing() == Worth::Informative);
            let tested = progress.reauth || calibration.is_some_and(|known| known.tested_at.is_some());
            let follows = provider.as_ref().is_some_and(|provider| !provider.jit.managed_groups.is_empty());
            let protected = view! {
                <Row title="Sensitive changes need a secure session" tone=Tone::Good>"Providers, roles, policies and secrets can only be changed for ten minutes after presence was proven."</Row>
                <Row title="A break-glass account gets in when every provider is down" tone=Tone::Good>"Keep its password where it can be found in an emergency, and nowhere else."</Row>
                {provider.as_ref().map(|provider| view! { <Row title=format!("People sign in through {}", provider.name) tone=Tone::Good>"Accounts are made at their first sign-in and carry no role until you grant one."</Row> })}
            };
            let mut left: Vec<(String, &str)> = Vec::new();
            if url.scheme() == "http" {
                left.push(("Put https in front".to_owned(), "The address is plain http. Set the public address again once a reverse proxy with a certificate stands in front."));
            }
            if provider.is_none() {
                left.push(("Connect an identity provider".to_owned(), "Until then people sign in with passwords of this Muster."));
            } else if !tested {
                left.push(("Test re-authentication".to_owned(), "Until it is tested nobody knows what the provider proves."));
            } else if !proves {
                left.push(("Look at the re-authentication result".to_owned(), "The provider's time stamps could not be shown to carry information."));
            }
            if superadmins < 2 {
                left.push(("Make a second superadmin".to_owned(), "One person can lose a password or leave. Grant a second one the role under People → Roles."));
            }
            if provider.is_some() && !follows {
                left.push(("Decide which groups follow the provider".to_owned(), "Under Identity providers → Accounts at sign-in you list the groups it may fill and empty."));
            }
            let nothing = left.is_empty();
            let rest = left.into_iter().map(|(title, words)| view! { <Row title tone=Tone::Caution>{words}</Row> }).collect_view();
            view! {
                <div class="stack">
                    <Card title="Protected" inset=Inset::Flush><Rows>{protected}</Rows></Card>
                    <Card title="Left to do" inset=Inset::Flush><Rows>
                        {rest}
                        {nothing.then(|| view! { <Row title="Nothing" tone=Tone::Good>"Everything on this list is done."</Row> })}
                    </Rows></Card>
                    <div class="actions"><PostButton action="/setup/done" look=Look::Primary icon=Glyph::Arrow>"Open the console"</PostButton></div>
                </div>
            }
            .into_any()
        })
        .await
}

/// How many active people are superadmins.
async fn superadmins(visit: &Visit) -> Result<u64, muster_domain::Error> {
    let filter = UserFilter {
        active: Some(true),
        role: Some(Role::Superadmin),
        ..UserFilter::default()
    };
    let one = Paging {
        rows: 1,
        ..Paging::default()
    };
    let found = users::list(&visit.services, &visit.call, &filter, &one).await?;
    Ok(found.total.value())
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
