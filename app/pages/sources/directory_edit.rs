//! Declaring and changing a directory.

use axum::extract::Path;
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::error::FieldError;
use muster_domain::id::DirectoryId;
use muster_services::directories::{self, Offered, Target};
use muster_web::{Failure, Fields, Query};
use serde::Deserialize;

use super::directory_form::{DirectoryForm, PERSON, Sent, Wants, read};
use super::directory_tests::Told;
use crate::components::{Button, Card, Crumb, FormActions, Look, Page, Tile, Tiles, Width};
use crate::pages::people::id_of;
use crate::visit::{Answer, Visit, belongs_to_form};

/// What the address may hold.
#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    system: String,
}

/// `GET /directories/new`: asks which system it is, then shows its form.
///
/// # Errors
/// Without permission.
pub async fn new(visit: Visit, Query(asked): Query<Asked>) -> Answer {
    let all = directories::kinds(&visit.services, &visit.call)?;
    match chosen(&all, &asked.system) {
        Some(offered) => {
            let form = empty(&visit, &offered)?;
            page(&visit, StatusCode::OK, "Add directory".to_owned(), form).await
        }
        None => choose(&visit, all).await,
    }
}

fn chosen(all: &[Offered], system: &str) -> Option<Offered> {
    all.iter()
        .find(|offered| offered.preset.key == system)
        .cloned()
}

async fn choose(visit: &Visit, all: Vec<Offered>) -> Answer {
    let tiles: Vec<Tile> = all
        .into_iter()
        .map(|offered| Tile::new(offered.preset.key, offered.preset.name, offered.preset.note))
        .collect();
    visit
        .console("Add directory", "/directories", || {
            view! {
                <Page title="Where do accounts live?" purpose="Pick the system your company keeps its people in. Nothing changes for anyone until you have seen the plan." crumbs=crumbs()>
                    <Card>
                        <form method="get" action="/directories/new" class="form">
                            <Tiles legend="System" name="system" tiles/>
                            <FormActions><Button look=Look::Primary>"Continue"</Button></FormActions>
                        </form>
                    </Card>
                </Page>
            }
            .into_any()
        })
        .await
}

fn crumbs() -> Vec<Crumb> {
    vec![Crumb::new("/directories", "Directories")]
}

fn empty(visit: &Visit, offered: &Offered) -> Result<DirectoryForm, Failure> {
    let preset = offered.preset.clone();
    Ok(DirectoryForm {
        action: "/directories/new".to_owned(),
        back: "/directories/new".to_owned(),
        name: preset.name.to_owned(),
        schema: directories::schema(&visit.services, offered.kind)?,
        seldom: directories::seldom(&visit.services, offered.kind)?,
        usual: preset.usual.clone(),
        values: preset.values.clone(),
        preset: Some(preset),
        secret_is_set: false,
        kept: None,
        seen: None,
        person: String::new(),
        errors: Vec::new(),
        told: None,
    })
}

/// `POST /directories/new`: declares it, or only tries it.
///
/// # Errors
/// Without permission or presence.
pub async fn create(visit: Visit, fields: Fields) -> Answer {
    let all = directories::kinds(&visit.services, &visit.call)?;
    let Some(offered) = chosen(&all, fields.one("system").unwrap_or_default()) else {
        return choose(&visit, all).await;
    };
    let elevated = visit.call.elevated()?;
    let sent = read(&visit, &fields, offered.kind)?;
    let mut form = empty(&visit, &offered)?.typed(&visit, &sent)?;
    let title = "Add directory".to_owned();
    let status = match sent.wants {
        Wants::Save => {
            match directories::add(&visit.services, &visit.call, &elevated, &sent.draft).await {
                Ok(id) => {
                    let words = "The directory is declared. Nothing was read yet.";
                    return visit.done(&format!("/directories/{id}"), words).await;
                }
                Err(error) => refused(&mut form, error)?,
            }
        }
        _ => tried(&visit, &mut form, None, &sent).await?,
    };
    page(&visit, status, title, form).await
}

/// `GET /directories/{id}/edit`
///
/// # Errors
/// Without permission, for an unknown directory or one that is not read from anywhere.
pub async fn edit(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: DirectoryId = id_of(&id, "directory")?;
    let form = stored(&visit, id).await?;
    page(&visit, StatusCode::OK, format!("Edit {}", form.name), form).await
}

/// `POST /directories/{id}/edit`: changes it, or only tries what was typed.
///
/// # Errors
/// Without permission or presence, for an unknown directory.
pub async fn save(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let id: DirectoryId = id_of(&id, "directory")?;
    let elevated = visit.call.elevated()?;
    let shown = directories::get(&visit.services, &visit.call, id).await?;
    let sent = read(&visit, &fields, &shown.directory.kind)?;
    let form = stored(&visit, id).await?;
    let title = format!("Edit {}", form.name);
    let mut form = form.typed(&visit, &sent)?;
    let status = match sent.wants {
        Wants::Save => {
            match directories::save(&visit.services, &visit.call, &elevated, id, &sent.draft).await
            {
                Ok(()) => {
                    let words = format!("Saved {}.", sent.draft.name.trim());
                    return visit.done(&format!("/directories/{id}"), &words).await;
                }
                Err(error) => {
                    // Whoever was told of the other change, and saves once more, means it.
                    if error.code == "DIR-013" {
                        form.seen = Some(shown.directory.updated_at);
                    }
                    refused(&mut form, error)?
                }
            }
        }
        _ => tried(&visit, &mut form, Some(id), &sent).await?,
    };
    page(&visit, status, title, form).await
}

async fn stored(visit: &Visit, id: DirectoryId) -> Result<DirectoryForm, Failure> {
    let shown = directories::get(&visit.services, &visit.call, id).await?;
    let (services, kind) = (&visit.services, &shown.directory.kind);
    let schema = directories::schema(services, kind)?;
    Ok(DirectoryForm {
        action: format!("/directories/{id}/edit"),
        back: format!("/directories/{id}"),
        preset: None,
        name: shown.directory.name,
        schema,
        seldom: directories::seldom(services, kind)?,
        usual: directories::usual(services, kind, &shown.directory.settings)?,
        values: shown.directory.settings,
        secret_is_set: shown.secret_is_set,
        kept: None,
        seen: Some(shown.directory.updated_at),
        person: String::new(),
        errors: Vec::new(),
        told: None,
    })
}

/// Puts messages into the form, or hands an error on that is none of its.
fn refused(form: &mut DirectoryForm, error: muster_domain::Error) -> Result<StatusCode, Failure> {
    if !belongs_to_form(&error) {
        return Err(Failure(error));
    }
    form.errors = if error.fields.is_empty() {
        vec![FieldError {
            field: "name".to_owned(),
            message: error.public.into_owned(),
        }]
    } else {
        error.fields
    };
    Ok(StatusCode::UNPROCESSABLE_ENTITY)
}

/// Tries what was typed, and puts what it showed into the form.
async fn tried(
    visit: &Visit,
    form: &mut DirectoryForm,
    id: Option<DirectoryId>,
    sent: &Sent,
) -> Result<StatusCode, Failure> {
    let (services, call) = (&visit.services, &visit.call);
    let target = Target::Draft(id, &sent.draft);
    let told = match sent.wants {
        Wants::Test(probe) => directories::probe(services, call, target, probe)
            .await
            .map(Told::Step),
        Wants::Save | Wants::Person => directories::person(services, call, target, &sent.person)
            .await
            .map(Told::Person),
    };
    match told {
        Ok(told) => {
            form.told = Some(told);
            Ok(StatusCode::OK)
        }
        Err(error) if error.fields.iter().any(|field| field.field == PERSON) => {
            form.errors = error.fields;
            Ok(StatusCode::UNPROCESSABLE_ENTITY)
        }
        Err(error) => refused(form, error),
    }
}

async fn page(visit: &Visit, status: StatusCode, title: String, form: DirectoryForm) -> Answer {
    let mut crumbs = crumbs();
    if form.preset.is_none() {
        crumbs.push(Crumb::new(form.back.clone(), form.name.clone()));
    }
    let heading = title.clone();
    visit
        .console_with(status, &title, "/directories", move || {
            view! { <Page title=heading crumbs width=Width::Form>{form.view()}</Page> }.into_any()
        })
        .await
}
