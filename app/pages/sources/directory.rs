//! One directory: what it is, how its last runs went, its tests, and its terms.

use axum::extract::Path;
use chrono::{DateTime, Utc};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::directory::Probe;
use muster_domain::error::FieldError;
use muster_domain::id::DirectoryId;
use muster_domain::listing::Direction;
use muster_domain::role::Permission;
use muster_domain::run::Wish;
use muster_domain::settings::{Input, Section, SettingsSchema, Values};
use muster_services::directories::Directory;
use muster_services::directories::{self, DirectoryRow, Enabled, Shown, Target};
use muster_services::sync::rules;
use muster_services::sync::runs;
use muster_services::sync::views::{self, RunLine};
use muster_services::users::Paging;
use muster_web::{Failure, Fields};

use super::directory_form::{PERSON, Wants};
use super::directory_tests::{Told, told};
use crate::components::{
    Button, Callout, Can, Card, Chip, Column, Columns, Crumb, Empty, Form, FormActions, Glyph,
    Guard, Inset, KeyValue, KeyValues, LinkButton, Look, Need, Page, PostButton, Table, TableRow,
    Takes, TextField, Tone, When, counted, error_of,
};
use crate::pages::people::id_of;
use crate::pages::provisioning::plan_words::line_chip;
use crate::visit::{Answer, Visit, belongs_to_form};

/// Runs that are shown.
const LATEST: u64 = 6;

/// What a test left on the page.
#[derive(Default)]
struct Tried {
    status: StatusCode,
    told: Option<Told>,
    person: String,
    errors: Vec<FieldError>,
}

/// `GET /directories/{id}`
///
/// # Errors
/// Without permission, for an unknown directory.
pub async fn show(visit: Visit, Path(id): Path<String>) -> Answer {
    page(&visit, id_of(&id, "directory")?, Tried::default()).await
}

/// `POST /directories/{id}/test`: tries one step, looks for one person, or brings them up to date.
///
/// # Errors
/// Without permission, for an unknown directory.
pub async fn test(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let id: DirectoryId = id_of(&id, "directory")?;
    let person = fields.one(PERSON).unwrap_or_default().trim().to_owned();
    let (services, call, target) = (&visit.services, &visit.call, Target::Kept(id));
    if fields.one("intent") == Some("sync") {
        return match runs::ask_for(services, call, id, &person).await {
            Ok(run) => {
                let words = "This person is read and brought up to date.";
                visit.done(&format!("/runs/{run}"), words).await
            }
            Err(error) if belongs_to_form(&error) && !error.fields.is_empty() => {
                let tried = Tried {
                    status: StatusCode::UNPROCESSABLE_ENTITY,
                    errors: error.fields,
                    person,
                    ..Tried::default()
                };
                page(&visit, id, tried).await
            }
            Err(error) => Err(Failure(error)),
        };
    }
    let outcome = match Wants::of(fields.one("intent")) {
        Some(Wants::Person) => directories::person(services, call, target, &person)
            .await
            .map(Told::Person),
        Some(Wants::Test(probe)) => directories::probe(services, call, target, probe)
            .await
            .map(Told::Step),
        _ => directories::probe(services, call, target, Probe::Connect)
            .await
            .map(Told::Step),
    };
    let tried = match outcome {
        Ok(told) => Tried {
            told: Some(told),
            person,
            ..Tried::default()
        },
        Err(error) if belongs_to_form(&error) && !error.fields.is_empty() => Tried {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            errors: error.fields,
            person,
            ..Tried::default()
        },
        Err(error) => return Err(Failure(error)),
    };
    page(&visit, id, tried).await
}

/// `POST /directories/{id}/run`: asks for a plan, or for a sync.
///
/// # Errors
/// Without permission, for an unknown directory, when a run is under way or it is switched off.
pub async fn run(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let id: DirectoryId = id_of(&id, "directory")?;
    let (wish, words) = match fields.one("wish") {
        Some("sync") => (
            Wish::Sync,
            "The sync begins. If the guard holds its plan, somebody has to look at it first.",
        ),
        _ => (
            Wish::Plan,
            "The plan is being made. Nothing is changed by it.",
        ),
    };
    let run = runs::ask(&visit.services, &visit.call, id, wish).await?;
    visit.done(&format!("/runs/{run}"), words).await
}

/// `POST /directories/{id}/enable`
///
/// # Errors
/// Without permission or presence, for an unknown directory.
pub async fn enable(visit: Visit, Path(id): Path<String>) -> Answer {
    switch(&visit, &id, Enabled::Yes, "It is read again.").await
}

/// `POST /directories/{id}/disable`
///
/// # Errors
/// Without permission or presence, for an unknown directory.
pub async fn disable(visit: Visit, Path(id): Path<String>) -> Answer {
    let words = "Nothing is read from it any more. Its accounts stay as they are.";
    switch(&visit, &id, Enabled::No, words).await
}

async fn switch(visit: &Visit, id: &str, enabled: Enabled, words: &str) -> Answer {
    let id: DirectoryId = id_of(id, "directory")?;
    let elevated = visit.call.elevated()?;
    directories::set_enabled(&visit.services, &visit.call, &elevated, id, enabled).await?;
    visit.done(&format!("/directories/{id}"), words).await
}

/// What the page shows.
struct Seen {
    shown: Shown,
    row: DirectoryRow,
    schema: Option<SettingsSchema>,
    runs: Vec<RunLine>,
    next: Option<DateTime<Utc>>,
    manages: bool,
    now: DateTime<Utc>,
}

async fn page(visit: &Visit, id: DirectoryId, tried: Tried) -> Answer {
    let (services, call) = (&visit.services, &visit.call);
    let shown = directories::get(services, call, id).await?;
    let row = directories::row(services, call, id).await?;
    let schema = directories::schema(services, &shown.directory.kind).ok();
    let next = runs::next_due(&shown.directory, visit.now()).unwrap_or_default();
    let latest = Paging {
        direction: Direction::Desc,
        rows: LATEST,
        ..Paging::default()
    };
    let seen = Seen {
        runs: views::run_list(services, call, Some(id), &latest)
            .await?
            .rows,
        manages: call.can(Permission::ManageDirectories),
        now: visit.now(),
        shown,
        row,
        schema,
        next,
    };
    let status = tried.status;
    visit
        .console_with(
            status,
            &seen.shown.directory.name.clone(),
            "/directories",
            move || view(seen, tried),
        )
        .await
}

fn view(seen: Seen, tried: Tried) -> AnyView {
    let directory = &seen.shown.directory;
    let crumbs = vec![Crumb::new("/directories", "Directories")];
    let badge = view! {
        {state(directory.enabled)}
        {in_shadow(directory).then(shadow_chip)}
    }
    .into_any();
    let (name, is_read) = (directory.name.clone(), seen.shown.is_read);
    let tools = is_read && seen.manages;
    let actions = if tools { actions(&seen) } else { ().into_any() };
    let left = view! {
        <div class="stack">
            {is_read.then(|| latest(&seen))}
            {tools.then(|| tests(directory.id, directory.enabled && !in_shadow(directory), tried))}
            {(!is_read).then(|| not_read(&directory.kind))}
        </div>
    }
    .into_any();
    let right = view! {
        <div class="stack">
            {facts(&seen)}
            {seen.schema.as_ref().map(|schema| settings(schema, &seen))}
            {tools.then(|| danger(&seen))}
        </div>
    }
    .into_any();
    view! {
        <Page title=name purpose=seen.row.method.to_owned() crumbs badge actions>
            <Columns left right/>
        </Page>
    }
    .into_any()
}

/// Whether it is asked at all, as a chip.
pub(super) fn state(enabled: bool) -> AnyView {
    if enabled {
        view! { <Chip tone=Tone::Good icon=Glyph::Check>"On"</Chip> }.into_any()
    } else {
        view! { <Chip tone=Tone::Caution icon=Glyph::Cross>"Off"</Chip> }.into_any()
    }
}

/// Whether it is read without anything of it being carried out.
pub(super) fn in_shadow(directory: &Directory) -> bool {
    rules::in_shadow(&directory.settings)
}

/// That, as a chip.
pub(super) fn shadow_chip() -> AnyView {
    view! { <Chip tone=Tone::Neutral icon=Glyph::Compare>"In shadow"</Chip> }.into_any()
}

fn actions(seen: &Seen) -> AnyView {
    let id = seen.shown.directory.id;
    let open = seen.runs.iter().find(|row| !row.run.state.is_over());
    let can = match open {
        _ if !seen.shown.directory.enabled => Can::NotNow("It is switched off".to_owned()),
        Some(_) => Can::NotNow("A run is under way".to_owned()),
        None => Can::Now,
    };
    let ask = |wish: &str| vec![("wish".to_owned(), wish.to_owned())];
    let action = format!("/directories/{id}/run");
    let runs = if in_shadow(&seen.shown.directory) {
        view! { <LinkButton href=format!("/directories/{id}/shadow") look=Look::Primary icon=Glyph::Compare>"Compare and switch"</LinkButton> }.into_any()
    } else {
        view! {
            <PostButton action=action.clone() fields=ask("plan") icon=Glyph::Plan can=can.clone()>"Show what would change"</PostButton>
            <PostButton action fields=ask("sync") look=Look::Primary icon=Glyph::Simulate can>"Sync now"</PostButton>
        }
        .into_any()
    };
    view! {
        <LinkButton href=format!("/directories/{id}/edit") icon=Glyph::Edit>"Edit settings"</LinkButton>
        <LinkButton href=format!("/directories/{id}/mapping") icon=Glyph::Provider>"Mapping"</LinkButton>
        {runs}
    }
    .into_any()
}

fn not_read(kind: &str) -> AnyView {
    let words = if kind == directories::JIT {
        "Its accounts are made when people sign in through an identity provider. Its rules are on the provider's page."
    } else {
        "Nothing is read into it from anywhere else."
    };
    view! { <Card title="How accounts arrive"><p>{words}</p></Card> }.into_any()
}

/// The last runs, the newest first.
fn latest(seen: &Seen) -> AnyView {
    if seen.runs.is_empty() {
        return view! {
            <Card title="Runs"><Empty icon=Glyph::Clock title="Nothing was read yet">
                "Test the connection, then let it show what would change. Nothing changes for anyone until a plan is carried out."
            </Empty></Card>
        }
        .into_any();
    }
    let now = seen.now;
    let columns = vec![
        Column::new("Run"),
        Column::number("Read"),
        Column::number("Changes"),
        Column::new("When"),
    ];
    let rows = seen
        .runs
        .iter()
        .map(|row| {
            let run = &row.run;
            let at = run.ended_at.unwrap_or(run.created_at);
            let what = match run.wish {
                Wish::Plan => "Compare",
                Wish::Sync => "Sync",
                Wish::Apply => "Approved plan",
                Wish::WhatIf => "What if",
            };
            let problem = run
                .problem
                .clone()
                .map(|problem| view! { <p class="row-detail">{problem}</p> });
            TableRow::new(vec![
                view! { <span>{what}" "{line_chip(row)}</span>{problem} }.into_any(),
                number(run.progress.read),
                number(run.progress.planned),
                view! { <When at now/> }.into_any(),
            ])
            .to(format!("/runs/{}", run.id))
        })
        .collect();
    view! { <Card title="Latest runs" inset=Inset::Flush><Table caption="Latest runs" columns rows/></Card> }.into_any()
}

fn number(count: u64) -> AnyView {
    crate::components::grouped(count).into_any()
}

/// The four tests.
fn tests(id: DirectoryId, is_on: bool, tried: Tried) -> AnyView {
    let action = format!("/directories/{id}/test");
    let error = error_of(&tried.errors, PERSON);
    let others: Vec<FieldError> = tried
        .errors
        .into_iter()
        .filter(|error| error.field != PERSON)
        .collect();
    let wrong = (!others.is_empty()).then(|| {
        let words: Vec<String> = others.into_iter().map(|error| error.message).collect();
        view! { <Callout tone=Tone::Danger title="Its settings cannot be used"><p>{words.join(" ")}</p></Callout> }
    });
    let said = tried.told.map(told);
    let sync = is_on.then(|| view! { <Button name="intent" value="sync" icon=Glyph::Refresh>"Sync this person"</Button> });
    view! {
        <Card title="Tests" id="tests">
            <p class="muted">"Each tries the ones before it on the way, on a connection of its own. None of them changes anything; “Sync this person” does."</p>
            <Form action guard=Guard::Off>
                <FormActions>
                    <Button name="intent" value="connect">"Test connection"</Button>
                    <Button name="intent" value="bind">"Test account"</Button>
                    <Button name="intent" value="search">"Test search"</Button>
                </FormActions>
                <TextField name=PERSON label="One person" value=tried.person takes=Takes::Exact need=Need::Optional error help="The name somebody signs in with. What would be taken over of them is shown.">
                    <Button name="intent" value="person" icon=Glyph::User>"Look up"</Button>
                    {sync}
                </TextField>
                {wrong}
                {said}
            </Form>
        </Card>
    }
    .into_any()
}

fn facts(seen: &Seen) -> AnyView {
    let now = seen.now;
    let id = seen.shown.directory.id;
    let accounts = seen.row.accounts;
    let users = counted(accounts, "account", "accounts");
    let mut items = vec![
        KeyValue::new("Place in the order", seen.row.place.to_string()),
        KeyValue::new(
            "Accounts",
            view! { <a href=format!("/users?directory={id}")>{users}</a> },
        ),
        KeyValue::new("Last confirmed", when(seen.row.last_confirmed_at, now)),
    ];
    if seen.shown.is_read {
        let next = seen.next.map_or_else(
            || "When somebody asks".into_any(),
            |next| when(Some(next), now),
        );
        items.push(KeyValue::new("Synced next", next));
    }
    view! { <Card title="What it holds"><KeyValues items/></Card> }.into_any()
}

fn when(at: Option<DateTime<Utc>>, now: DateTime<Utc>) -> AnyView {
    match at {
        Some(at) => view! { <When at now/> }.into_any(),
        None => view! { <span class="nothing">"–"</span> }.into_any(),
    }
}

/// What is set, in the words of the form; what is left as it usually is stands in the form alone.
fn settings(schema: &SettingsSchema, seen: &Seen) -> AnyView {
    let values = &seen.shown.directory.settings;
    let set = seen.shown.secret_is_set;
    let sections = schema
        .sections
        .iter()
        .filter_map(|section| {
            let items = items(section, values, set);
            (!items.is_empty()).then(|| {
                view! { <h3 class="part">{section.title}</h3><KeyValues items/> }
            })
        })
        .collect_view();
    view! { <Card title="Settings">{sections}</Card> }.into_any()
}

fn items(section: &Section, values: &Values, secret_is_set: bool) -> Vec<KeyValue> {
    let mut items = Vec::new();
    for field in &section.fields {
        let value = values.get(field.key).map_or("", String::as_str);
        let is_usual =
            section.shown == muster_domain::settings::Shown::Folded && value == field.default;
        let words = match &field.input {
            Input::Secret if secret_is_set => "Set, stored sealed".to_owned(),
            Input::Switch if value == "on" => "On".to_owned(),
            Input::Secret | Input::Switch => continue,
            _ if value.is_empty() || is_usual => continue,
            Input::Choice(options) => options
                .iter()
                .find(|(key, _)| *key == value)
                .map_or(value.to_owned(), |(_, label)| (*label).to_owned()),
            Input::Lines if value.starts_with("-----BEGIN") => "Your own, in PEM".to_owned(),
            Input::Lines => value.lines().collect::<Vec<_>>().join(", "),
            _ => value.to_owned(),
        };
        items.push(KeyValue::new(field.label, words));
    }
    items
}

fn danger(seen: &Seen) -> AnyView {
    let id = seen.shown.directory.id;
    let switch = if seen.shown.directory.enabled {
        view! { <PostButton action=format!("/directories/{id}/disable") icon=Glyph::Lock>"Switch off"</PostButton> }.into_any()
    } else {
        view! { <PostButton action=format!("/directories/{id}/enable") icon=Glyph::Unlock>"Switch on"</PostButton> }.into_any()
    };
    view! {
        <Card title="Switch off or delete">
            <p class="muted">"Switched off, nothing is read from it and nobody signs in through it; its accounts stay. Deleting it shows first what happens with everything that comes from it."</p>
            <div class="actions">{switch}<LinkButton href=format!("/directories/{id}/delete") look=Look::Danger icon=Glyph::Bin>"Delete directory"</LinkButton></div>
        </Card>
    }
    .into_any()
}
