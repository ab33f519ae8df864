//! Connecting and changing an identity provider.

use axum::extract::Path;
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::vendor::Vendor;
use muster_services::{providers, site};
use muster_web::{Fields, Query};
use serde::Deserialize;

use super::provider_form::{ProviderForm, SentProvider, Wants, read};
use crate::components::{Button, Card, Crumb, FormActions, Look, Page, Tile, Tiles};
use crate::visit::{Answer, Visit, belongs_to_form};

/// What the address may hold.
#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    vendor: String,
}

/// Asks which system it is, then shows its form.
///
/// # Errors
/// When the protocol is not spoken here.
pub async fn new(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let Some(vendor) = Vendor::from_key(&asked.vendor) else {
        return choose(&visit).await;
    };
    let schema = providers::schema(&visit.services, "oidc")?;
    form_page(
        &visit,
        StatusCode::OK,
        ProviderForm::empty(vendor, schema),
        None,
    )
    .await
}

async fn choose(visit: &Visit) -> Answer {
    visit
        .console("Connect provider", "/providers", || {
            view! {
                <Page title="Where do people sign in?" purpose="Pick the system your company uses. Nothing changes for anyone until you say so." crumbs=vec![Crumb::new("/providers", "Identity providers")]>
                    <Card>
                        <form method="get" action="/providers/new" class="form">
                            {vendor_tiles("", None)}
                            <FormActions><Button look=Look::Primary>"Continue"</Button></FormActions>
                        </form>
                    </Card>
                </Page>
            }
            .into_any()
        })
        .await
}

/// The tiles of the known systems.
pub(crate) fn vendor_tiles(chosen: &str, error: Option<String>) -> AnyView {
    let tiles = Vendor::ALL
        .into_iter()
        .map(|vendor| Tile::new(vendor.key(), vendor.label(), vendor.summary()))
        .collect::<Vec<_>>();
    view! { <Tiles legend="System" name="vendor" value=chosen.to_owned() error=error tiles/> }
        .into_any()
}

/// Connects it, or only looks at what it publishes.
///
/// # Errors
/// Without permission.
pub async fn create(visit: Visit, fields: Fields) -> Answer {
    let vendor =
        Vendor::from_key(fields.one("vendor").unwrap_or_default()).unwrap_or(Vendor::Generic);
    let sent = read(&fields, vendor);
    let schema = providers::schema(&visit.services, "oidc")?;
    let mut form = ProviderForm::empty(vendor, schema).typed(&sent);
    if let Some(errors) = checked(&visit, &mut form, &sent, None).await? {
        return form_page(&visit, errors, form, None).await;
    }
    let elevated = visit.call.elevated()?;
    match providers::create(&visit.services, &visit.call, &elevated, &sent.draft).await {
        Ok(provider) => {
            visit
                .done(
                    &format!("/providers/{}", provider.slug),
                    "The provider is connected. Test a sign-in before anybody uses it.",
                )
                .await
        }
        Err(error) if belongs_to_form(&error) => {
            form.errors = error.fields;
            form_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, form, None).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Shows the form with what is stored.
///
/// # Errors
/// When there is none.
pub async fn edit(visit: Visit, Path(slug): Path<String>) -> Answer {
    let provider = providers::get(&visit.services, &visit.call, &slug).await?;
    let schema = providers::schema(&visit.services, &provider.kind)?;
    form_page(
        &visit,
        StatusCode::OK,
        ProviderForm::stored(&provider, schema),
        Some(&slug),
    )
    .await
}

/// Changes it, or only looks at what it publishes.
///
/// # Errors
/// Without permission.
pub async fn save(visit: Visit, Path(slug): Path<String>, fields: Fields) -> Answer {
    let provider = providers::get(&visit.services, &visit.call, &slug).await?;
    let sent = read(&fields, provider.vendor);
    let schema = providers::schema(&visit.services, &provider.kind)?;
    let mut form = ProviderForm::stored(&provider, schema).typed(&sent);
    if let Some(status) = checked(&visit, &mut form, &sent, Some(&provider)).await? {
        return form_page(&visit, status, form, Some(&slug)).await;
    }
    let elevated = visit.call.elevated()?;
    match providers::update(&visit.services, &visit.call, &elevated, &slug, &sent.draft).await {
        Ok(provider) => {
            visit
                .done(
                    &format!("/providers/{slug}"),
                    &format!("Saved {}.", provider.name),
                )
                .await
        }
        Err(error) if belongs_to_form(&error) => {
            form.errors = error.fields;
            form_page(&visit, StatusCode::UNPROCESSABLE_ENTITY, form, Some(&slug)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Runs the examination if it was asked for, and puts findings or messages into the form.
pub(crate) async fn checked(
    visit: &Visit,
    form: &mut ProviderForm,
    sent: &SentProvider,
    known: Option<&muster_domain::provider::Provider>,
) -> Result<Option<StatusCode>, muster_web::Failure> {
    if sent.wants == Wants::Save {
        return Ok(None);
    }
    match providers::examine(&visit.services, &visit.call, &sent.draft, known).await {
        Ok(findings) => {
            form.findings = findings;
            Ok(Some(StatusCode::OK))
        }
        Err(error) if belongs_to_form(&error) => {
            form.errors = error.fields;
            Ok(Some(StatusCode::UNPROCESSABLE_ENTITY))
        }
        Err(error) => Err(error.into()),
    }
}

async fn form_page(
    visit: &Visit,
    status: StatusCode,
    mut form: ProviderForm,
    slug: Option<&str>,
) -> Answer {
    addresses(visit, &mut form).await?;
    let (title, crumbs) = match slug {
        Some(slug) => {
            form.action = format!("/providers/{slug}/edit");
            form.back = format!("/providers/{slug}");
            (
                format!("Edit {}", form.name),
                vec![
                    Crumb::new("/providers", "Identity providers"),
                    Crumb::new(form.back.clone(), form.name.clone()),
                ],
            )
        }
        None => {
            form.action = "/providers/new".to_owned();
            form.back = "/providers/new".to_owned();
            (
                format!("Connect {}", form.vendor.label()),
                vec![Crumb::new("/providers", "Identity providers")],
            )
        }
    };
    let heading = title.clone();
    visit
        .console_with(status, &title, "/providers", move || {
            view! { <Page title=heading crumbs>{form.view()}</Page> }.into_any()
        })
        .await
}

/// Fills in the addresses that are entered at the vendor.
pub(crate) async fn addresses(
    visit: &Visit,
    form: &mut ProviderForm,
) -> Result<(), muster_domain::Error> {
    if form.slug.is_empty() {
        form.slug =
            providers::suggest_slug(&visit.services, &visit.call, form.vendor.key()).await?;
    }
    form.redirect = site::callback(&visit.services, &form.slug)
        .await?
        .to_string();
    form.post_logout = site::join(&site::url(&visit.services).await?, "signedout")?.to_string();
    Ok(())
}
