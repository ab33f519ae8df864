//! Step three: the identity provider.

use axum::response::{IntoResponse, Redirect};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::vendor::Vendor;
use muster_services::{providers, setup};
use muster_web::{Fields, Query};
use serde::Deserialize;

use super::{At, steps};
use crate::components::Tone;
use crate::components::{Button, Callout, Card, FormActions, Inset, LinkButton, Look, Row, Rows};
use crate::pages::sources::provider_edit::{addresses, checked, vendor_tiles};
use crate::pages::sources::provider_form::{ProviderForm, read};
use crate::visit::{Answer, Visit, belongs_to_form};

/// What the address may hold.
#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    vendor: String,
    #[serde(default)]
    take: String,
}

const TITLE: &str = "Where do people sign in?";
const PURPOSE: &str = "Pick the system your company uses. We show each step in its own words; nothing changes for anyone until you say so.";

/// Asks which system it is, then shows its form. A provider that is connected already can be taken.
///
/// # Errors
/// Without permission.
pub async fn show(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    if !asked.take.is_empty() {
        return form_for(&visit, &asked.take).await;
    }
    let Some(vendor) = Vendor::from_key(&asked.vendor) else {
        return choose(&visit).await;
    };
    let schema = providers::schema(&visit.services, "oidc")?;
    form_page(&visit, StatusCode::OK, ProviderForm::empty(vendor, schema)).await
}

async fn form_for(visit: &Visit, slug: &str) -> Answer {
    let provider = providers::get(&visit.services, &visit.call, slug).await?;
    let schema = providers::schema(&visit.services, &provider.kind)?;
    form_page(
        visit,
        StatusCode::OK,
        ProviderForm::stored(&provider, schema),
    )
    .await
}

async fn choose(visit: &Visit) -> Answer {
    let known = providers::list(&visit.services, &visit.call).await?;
    visit
        .wizard(StatusCode::OK, TITLE, PURPOSE, steps(At::Provider), move || {
            let some = !known.is_empty();
            let rows = known
                .into_iter()
                .map(|provider| {
                    let href = format!("/setup/provider?take={}", provider.slug);
                    let action = view! { <LinkButton href>{format!("Go on with {}", provider.name)}</LinkButton> }.into_any();
                    view! { <Row title=provider.name.clone() tone=Tone::Good action>{provider.setting("issuer").unwrap_or_default().to_owned()}</Row> }
                })
                .collect_view();
            let taken = some.then(|| view! { <Card title="Connected already" inset=Inset::Flush><Rows>{rows}</Rows></Card> });
            view! {
                <div class="stack">
                    {taken}
                    <Card>
                        <form method="get" action="/setup/provider" class="form">
                            {vendor_tiles("", None)}
                            <FormActions><Button look=Look::Primary>"Continue"</Button></FormActions>
                        </form>
                    </Card>
                    {(!some).then(|| view! {
                        <Callout tone=Tone::Neutral title="No provider at hand?">
                            "Start Muster with --lab: it brings four providers that behave and misbehave, to try everything with."
                        </Callout>
                    })}
                </div>
            }
            .into_any()
        })
        .await
}

/// Connects it and goes on to the test sign-in; or only looks at what it publishes.
///
/// # Errors
/// Without permission.
pub async fn save(visit: Visit, fields: Fields) -> Answer {
    let vendor =
        Vendor::from_key(fields.one("vendor").unwrap_or_default()).unwrap_or(Vendor::Generic);
    let sent = read(&fields, vendor);
    let schema = providers::schema(&visit.services, "oidc")?;
    let known = providers::list(&visit.services, &visit.call)
        .await?
        .into_iter()
        .find(|provider| provider.slug == sent.draft.slug);
    let mut form = match &known {
        Some(provider) => ProviderForm::stored(provider, schema).typed(&sent),
        None => ProviderForm::empty(vendor, schema).typed(&sent),
    };
    if let Some(status) = checked(&visit, &mut form, &sent, known.as_ref()).await? {
        return form_page(&visit, status, form).await;
    }
    let elevated = visit.call.elevated()?;
    let saved = match &known {
        Some(provider) => {
            providers::update(
                &visit.services,
                &visit.call,
                &elevated,
                &provider.slug,
                &sent.draft,
            )
            .await
        }
        None => providers::create(&visit.services, &visit.call, &elevated, &sent.draft).await,
    };
    match saved {
        Ok(provider) => {
            let mut progress = setup::progress(&visit.services).await?;
            progress.signin = progress.signin && progress.provider.as_ref() == Some(&provider.slug);
            progress.provider = Some(provider.slug);
            setup::keep(&visit.services, &visit.call, &progress).await?;
            Ok(Redirect::to("/setup/trial").into_response())
        }
        Err(error) if belongs_to_form(&error) => {
            form.errors = error.fields;
            form_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, form).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn form_page(visit: &Visit, status: StatusCode, mut form: ProviderForm) -> Answer {
    addresses(visit, &mut form).await?;
    form.action = "/setup/provider".to_owned();
    form.back = "/setup/provider".to_owned();
    form.save = "Save and test sign-in";
    let is_connected = form.secret_is_set && status == StatusCode::OK;
    visit
        .wizard(status, TITLE, PURPOSE, steps(At::Provider), move || {
            let told = is_connected.then(|| view! {
                <Callout tone=Tone::Good title="It is connected already">
                    "Nothing needs changing here. Look at its settings if you like; then go on with “Save and test sign-in” below."
                </Callout>
            });
            view! { <div class="stack">{told}{form.view()}</div> }.into_any()
        })
        .await
}
