//! Step six: does the provider really make people sign in again?

use axum::response::{IntoResponse, Redirect};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::listing::PAGE;
use muster_services::{providers, reauth, setup};

use super::{At, steps};
use crate::components::{Card, Glyph, Inset, LinkButton, Look, PostButton, Row, Rows};
use crate::pages::sources::provider::verdict_chip;
use crate::visit::{Answer, Visit};

/// Offers the test, and shows what it found.
///
/// # Errors
/// When the provider is gone.
pub async fn show(visit: Visit) -> Answer {
    let mut progress = setup::progress(&visit.services).await?;
    let Some(slug) = progress.provider.clone() else {
        return Ok(Redirect::to("/setup/provider").into_response());
    };
    let provider = providers::get(&visit.services, &visit.call, &slug).await?;
    let results =
        reauth::of_provider(&visit.services, &visit.call, provider.id, PAGE.min(5)).await?;
    let tested = !results.is_empty();
    if tested && !progress.reauth {
        progress.reauth = true;
        setup::keep(&visit.services, &visit.call, &progress).await?;
    }
    visit
        .wizard(StatusCode::OK, "Does it really ask again?", "Admin pages are protected by signing in again. Many providers send the browser straight back although they were asked to make the person sign in. The test looks at the evidence.", steps(At::Proof), move || {
            let fields = vec![
                ("provider".to_owned(), slug.clone()),
                ("goal".to_owned(), "test".to_owned()),
            ];
            let rows = results
                .into_iter()
                .map(|receipt| {
                    let action = verdict_chip(receipt.verdict);
                    view! { <Row title=receipt.verdict.label() href=format!("/receipts/{}", receipt.id) action>{receipt.reasons.first().cloned()}</Row> }
                })
                .collect_view();
            let found = tested.then(|| view! { <Card title="What the tests found" inset=Inset::Flush><Rows>{rows}</Rows></Card> });
            let look = if tested { Look::Plain } else { Look::Primary };
            let next = tested.then(|| view! { <LinkButton href="/setup/done" look=Look::Primary icon=Glyph::Arrow>"Go on"</LinkButton> });
            view! {
                <div class="stack">
                    <Card>
                        <p>{format!("{} is asked twice: first without force, to learn what its time stamps are worth, then with force. Sign in there when it asks you to.", provider.name)}</p>
                        <div class="actions">
                            <PostButton action="/reauth" fields look icon=Glyph::Shield>"Re-authenticate with SSO"</PostButton>
                            {next}
                            {crate::pages::sources::calibration::link(&slug, Look::Plain)}
                            <LinkButton href="/setup/done" look=Look::Quiet>"Skip for now"</LinkButton>
                        </div>
                    </Card>
                    {found}
                </div>
            }
            .into_any()
        })
        .await
}
