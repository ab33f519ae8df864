//! The mapping of a directory: its editor, tried on real people, weighed against what is here, saved.

use axum::extract::Path;
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::error::FieldError;
use muster_domain::id::{DirectoryId, RunId};
use muster_domain::mapping::{Expected, Mapped, Mapping, MappingTest, Tested};
use muster_domain::role::Permission;
use muster_services::Knowingly;
use muster_services::mapping::{self, Desk, Glimpse};
use muster_services::sync::runs;
use muster_web::{Failure, Fields, Query};
use serde::Deserialize;

use super::mapping_editor::editor;
use super::mapping_form::{TestFields, Typed};
use super::mapping_seen::seen;
use crate::components::{Callout, Columns, Crumb, Form, LinkButton, Page, Tone};
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
    pub asks: bool,
    /// The run that is in the way.
    pub busy: Option<RunId>,
    /// Whether it is one that a run tried and nobody saved.
    pub is_tried: bool,
}

/// What the address may hold.
#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    run: String,
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

/// `GET /directories/{id}/mapping`; with `run`, the mapping that this run tried, to go on with.
///
/// # Errors
/// Without permission, for a directory that is unknown or not read from anywhere.
pub async fn show(visit: Visit, Path(id): Path<String>, Query(asked): Query<Asked>) -> Answer {
    let id: DirectoryId = id_of(&id, "directory")?;
    let (services, call) = (&visit.services, &visit.call);
    let desk = mapping::desk(services, call, id).await?;
    let tried = match asked.run.parse::<uuid::Uuid>() {
        Ok(run) => mapping::tried(services, call, id, RunId(run)).await?,
        Err(_) => None,
    };
    let tried = tried.filter(|tried| tried.mapping != desk.mapping);
    let is_tried = tried.is_some();
    let (wanted, revision) = match tried {
        Some(tried) => (tried.mapping, tried.revision),
        None => (desk.mapping.clone(), desk.revision),
    };
    let typed = Typed::of(&wanted, revision);
    let shown = Shown {
        tests: mapping::tested(&wanted).unwrap_or_default(),
        is_tried,
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
/// rules; or asks for a run that shows what it would change. Saves nothing.
///
/// # Errors
/// Without permission.
pub async fn preview(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let id: DirectoryId = id_of(&id, "directory")?;
    let (services, call) = (&visit.services, &visit.call);
    let desk = mapping::desk(services, call, id).await?;
    let mut typed = Typed::sent(&fields);
    if fields.one("intent") == Some("defaults") {
        let begun = Typed::of(
            &Mapping {
                rules: desk.defaults.clone(),
                tests: desk.default_tests.clone(),
                ..Mapping::default()
            },
            0,
        );
        typed.rules = begun.rules;
        if typed.tests.is_empty() {
            typed.tests = begun.tests;
        }
    }
    let wanted = match typed.mapping() {
        Ok(wanted) => wanted,
        Err(errors) => {
            return page(&visit, desk, typed, Shown::wrong(Error::form(errors))?).await;
        }
    };
    if fields.one("intent") == Some("impact") {
        return weigh(&visit, desk, typed, &wanted).await;
    }
    let tried = tried(&visit, id, &wanted, &typed.chosen()).await;
    let shown = match tried {
        Ok(shown) => shown,
        Err(error) => Shown::wrong(error)?,
    };
    // By the id at the source: who stands where is another question each time.
    if let Some(id) = fields.one("keep")
        && let Some(glimpse) = &shown.glimpse
        && let Some(person) = glimpse
            .people
            .iter()
            .find(|one| one.default.external_id.0 == id)
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

/// Asks for the run that finds out what it would change, and leads to it.
async fn weigh(visit: &Visit, desk: Desk, typed: Typed, wanted: &Mapping) -> Answer {
    let (services, call, id) = (&visit.services, &visit.call, desk.directory.id);
    match mapping::impact(services, call, id, wanted, typed.revision).await {
        Ok(run) => {
            let words = "It is being found out what this mapping would change. Nothing is saved, and nothing changes.";
            visit.done(&format!("/runs/{run}?then=plan"), words).await
        }
        Err(error) => {
            let busy = match error.code {
                "RUN-001" => runs::open_run(services, call, id).await?,
                _ => None,
            };
            let shown = Shown {
                tests: mapping::tested(wanted).unwrap_or_default(),
                busy,
                ..Shown::wrong(error)?
            };
            page(visit, desk, typed, shown).await
        }
    }
}

async fn tried(
    visit: &Visit,
    id: DirectoryId,
    wanted: &Mapping,
    chosen: &[String],
) -> Result<Shown, Error> {
    let glimpse = mapping::preview(&visit.services, &visit.call, id, wanted, chosen).await?;
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
                let action = shown.busy.map(|run| view! { <LinkButton href=format!("/runs/{run}")>"Go to the run"</LinkButton> });
                view! { <Callout tone=Tone::Danger title=error.public.to_string() action=action.into_any()><p>{next}" "<code>{code}</code></p></Callout> }
            });
            let is_tried = shown.is_tried.then(|| {
                view! { <Callout tone=Tone::Caution title="This is not saved yet"><p>"It is the mapping that was tried last. Change it, or save it below."</p></Callout> }
            });
            let left = editor(&desk, &typed, &shown, manages);
            let right = seen(&typed, &shown, manages, id);
            view! {
                <Page title="Mapping" purpose=format!("Who comes here from {name}, and what each of them is called here.") crumbs>
                    {trouble}
                    {is_tried}
                    <div class="mapping">
                        <Form action=format!("/directories/{id}/mapping") errors=shown.errors.clone()>
                            // Pressing Enter in a field tries it; browsers take the first button of a form for that.
                            <button type="submit" name="intent" value="preview" formaction=format!("/directories/{id}/mapping/preview") class="visually-hidden" tabindex="-1" aria-hidden="true">"Preview"</button>
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
