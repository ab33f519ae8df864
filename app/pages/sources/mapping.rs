//! The mapping of a directory: its editor, tried on real people, weighed against what is here, saved.

use axum::extract::Path;
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::error::FieldError;
use muster_domain::id::DirectoryId;
use muster_domain::mapping::{Expected, Mapped, Mapping, MappingTest, Tested};
use muster_domain::role::Permission;
use muster_services::Knowingly;
use muster_services::mapping::{self, Desk, Glimpse, Impact};
use muster_web::{Failure, Fields};

use super::mapping_editor::editor;
use super::mapping_form::{TestFields, Typed};
use super::mapping_seen::seen;
use crate::components::{Callout, Columns, Crumb, Form, Page, Tone};
use crate::pages::people::id_of;
use crate::visit::{Answer, Visit, belongs_to_form};

/// What the page shows beside the editor.
#[derive(Default)]
pub(super) struct Shown {
    pub status: StatusCode,
    pub errors: Vec<FieldError>,
    pub trouble: Option<Error>,
    pub tests: Vec<Tested>,
    pub glimpse: Option<Glimpse>,
    pub impact: Option<Impact>,
    pub asks: bool,
}

impl Shown {
    /// A failure that belongs to the form.
    fn wrong(error: Error) -> Result<Self, Failure> {
        if !belongs_to_form(&error) && error.code != "MAP-007" {
            return Err(Failure(error));
        }
        Ok(Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            asks: error.code == "MAP-004",
            errors: error.fields.clone(),
            trouble: error.fields.is_empty().then_some(error),
            ..Self::default()
        })
    }
}

/// `GET /directories/{id}/mapping`
///
/// # Errors
/// Without permission, for a directory that is unknown or not read from anywhere.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: DirectoryId = id_of(&id, "directory")?;
    let desk = mapping::desk(&visit.services, &visit.call, id).await?;
    let typed = Typed::of(&desk.mapping, desk.revision);
    let shown = Shown {
        tests: mapping::tested(&desk.mapping).unwrap_or_default(),
        ..Shown::default()
    };
    page(&visit, desk, typed, shown).await
}

/// `POST /directories/{id}/mapping`: saves.
///
/// # Errors
/// Without permission or presence.
pub async fn save(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let id: DirectoryId = id_of(&id, "directory")?;
    let desk = mapping::desk(&visit.services, &visit.call, id).await?;
    let typed = Typed::sent(&fields);
    let elevated = visit.call.elevated()?;
    let knowingly = match fields.one("knowingly") {
        Some("on") => Knowingly::Yes,
        _ => Knowingly::No,
    };
    let wanted = match typed.mapping() {
        Ok(wanted) => wanted,
        Err(errors) => {
            return page(&visit, desk, typed, Shown::wrong(Error::form(errors))?).await;
        }
    };
    let (services, call) = (&visit.services, &visit.call);
    let saved = mapping::save(
        services,
        call,
        &elevated,
        id,
        &wanted,
        typed.revision,
        knowingly,
    );
    match saved.await {
        Ok(()) => {
            let words = "The mapping is saved. It counts from the next reading.";
            visit
                .done(&format!("/directories/{id}/mapping"), words)
                .await
        }
        Err(error) => {
            let shown = Shown {
                tests: mapping::tested(&wanted).unwrap_or_default(),
                ..Shown::wrong(error)?
            };
            page(&visit, desk, typed, shown).await
        }
    }
}

/// `POST /directories/{id}/mapping/preview`: tries it on real people; keeps one of them as a test; begins with the vendor's
/// rules; or shows what it would change. Saves nothing.
///
/// # Errors
/// Without permission.
pub async fn preview(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let id: DirectoryId = id_of(&id, "directory")?;
    let (services, call) = (&visit.services, &visit.call);
    let desk = mapping::desk(services, call, id).await?;
    let mut typed = Typed::sent(&fields);
    if fields.one("intent") == Some("defaults") {
        let rules = Mapping {
            rules: desk.defaults.clone(),
            ..Mapping::default()
        };
        typed.rules = Typed::of(&rules, 0).rules;
    }
    let wanted = match typed.mapping() {
        Ok(wanted) => wanted,
        Err(errors) => {
            return page(&visit, desk, typed, Shown::wrong(Error::form(errors))?).await;
        }
    };
    let tried = tried(&visit, id, &wanted, fields.one("intent")).await;
    let shown = match tried {
        Ok(shown) => shown,
        Err(error) => Shown::wrong(error)?,
    };
    if let Some(nth) = fields.one("keep").and_then(|nth| nth.parse::<usize>().ok())
        && let Some(person) = shown.glimpse.as_ref().and_then(|all| all.people.get(nth))
    {
        typed.tests.push(TestFields::of(&MappingTest {
            name: person.about.clone(),
            source: person.source.clone(),
            record: person.default.attributes.clone(),
            expected: match &person.made {
                Mapped::Record(record) => Expected::Values(record.attributes.clone()),
                Mapped::FilteredOut(_) => Expected::FilteredOut,
                Mapped::Refused(_) => Expected::Refused,
            },
        }));
    }
    page(&visit, desk, typed, shown).await
}

async fn tried(
    visit: &Visit,
    id: DirectoryId,
    wanted: &Mapping,
    intent: Option<&str>,
) -> Result<Shown, Error> {
    let (services, call) = (&visit.services, &visit.call);
    if intent == Some("impact") {
        let impact = mapping::impact(services, call, id, wanted).await?;
        return Ok(Shown {
            tests: mapping::tested(wanted)?,
            impact: Some(impact),
            ..Shown::default()
        });
    }
    let glimpse = mapping::preview(services, call, id, wanted).await?;
    Ok(Shown {
        tests: glimpse.tests.clone(),
        glimpse: Some(glimpse),
        ..Shown::default()
    })
}

async fn page(visit: &Visit, desk: Desk, typed: Typed, shown: Shown) -> Answer {
    let manages = visit.call.can(Permission::ManageDirectories);
    let status = shown.status;
    visit
        .console_with(status, "Mapping", "/directories", move || {
            let (id, name) = (desk.directory.id, desk.directory.name.clone());
            let crumbs = vec![
                Crumb::new("/directories", "Directories"),
                Crumb::new(format!("/directories/{id}"), name.clone()),
            ];
            let trouble = shown.trouble.as_ref().map(|error| {
                let next = error.next.as_ref().map(ToString::to_string);
                let code = error.code;
                view! { <Callout tone=Tone::Danger title=error.public.to_string()><p>{next}" "<code>{code}</code></p></Callout> }
            });
            let left = editor(&desk, &typed, &shown, manages);
            let right = seen(&typed, &shown, manages, id);
            view! {
                <Page title="Mapping" purpose=format!("Who comes here from {name}, and what each of them is called here.") crumbs>
                    {trouble}
                    <div class="mapping">
                        <Form action=format!("/directories/{id}/mapping") errors=shown.errors.clone()>
                            <input type="hidden" name="revision" value=typed.revision.to_string()/>
                            <Columns left right/>
                        </Form>
                    </div>
                </Page>
            }
            .into_any()
        })
        .await
}
