//! Directories in their order: the first that states a value wins.

use axum::extract::Path;
use axum::http::StatusCode;
use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::id::DirectoryId;
use muster_domain::role::Permission;
use muster_islands::DragOrder;
use muster_services::Knowingly;
use muster_services::directories::{self, Against, DirectoryRow, Step, order_mark};
use muster_web::{Failure, Fields};

use super::directory::{in_shadow, shadow_chip};
use crate::components::{
    Callout, Can, Card, Chip, Column, Empty, Glyph, Icon, Inset, LinkButton, Look, Page,
    PostButton, Table, TableRow, Tone, When, Width, counted, form_mark,
};
use crate::pages::people::id_of;
use crate::visit::{Answer, Visit, belongs_to_form};

/// The form that is sent when a row is dropped.
const ORDER_FORM: &str = "order";
/// Somebody has to know first whom it changes.
const ASKS: &str = "DIR-012";

/// A name that was refused: whose, what was typed, why.
struct Refused {
    id: DirectoryId,
    typed: String,
    why: String,
}

/// A move that was not made: which, where to, and what there is to say.
struct Stopped {
    id: DirectoryId,
    to: String,
    error: Error,
}

/// What was not done.
#[derive(Default)]
struct Not {
    renamed: Option<Refused>,
    moved: Option<Stopped>,
}

/// `GET /directories`
///
/// # Errors
/// Without permission.
pub async fn list(visit: Visit) -> Answer {
    page(&visit, Not::default()).await
}

async fn page(visit: &Visit, not: Not) -> Answer {
    let rows = directories::list(&visit.services, &visit.call).await?;
    let may_manage = visit.call.can(Permission::ManageDirectories);
    let status = match &not {
        Not {
            moved: Some(stopped),
            ..
        } if stopped.error.code != ASKS => StatusCode::CONFLICT,
        Not { moved: Some(_), .. }
        | Not {
            renamed: Some(_), ..
        } => StatusCode::UNPROCESSABLE_ENTITY,
        Not { .. } => StatusCode::OK,
    };
    visit
        .console_with(status, "Directories", "/directories", || {
            let add = may_manage.then(|| view! { <LinkButton href="/directories/new" look=Look::Primary icon=Glyph::Plus>"Add directory"</LinkButton> });
            let actions = add.into_any();
            let mark = order_mark(rows.iter().map(|row| row.directory.id));
            let stopped = not.moved.as_ref().map(|stopped| stopped_callout(stopped, &rows, &mark));
            let body = if rows.is_empty() {
                empty()
            } else {
                table(visit, &rows, &mark, may_manage, not.renamed.as_ref())
            };
            view! {
                <Page title="Directories" purpose="Where accounts live, in the order in which they are believed." width=Width::Table actions>
                    {stopped}
                    <Callout tone=Tone::Neutral title="First match wins">
                        <p>
                            "When several directories hold an account of the same person, each attribute is taken from the first directory in this order that states it. "
                            "A person's page shows which value won and which were overruled. Memberships do not compete: every origin stands for itself."
                        </p>
                    </Callout>
                    <Card inset=Inset::Flush>{body}</Card>
                </Page>
            }
            .into_any()
        })
        .await
}

/// The question before an order that changes people, or why it was not changed.
fn stopped_callout(stopped: &Stopped, rows: &[DirectoryRow], mark: &str) -> AnyView {
    let error = &stopped.error;
    let (next, code) = (error.next.clone().map(|next| next.to_string()), error.code);
    if code != ASKS {
        return view! {
            <div role="alert">
                <Callout tone=Tone::Danger title=error.public.to_string()><p>{next}" "<code>{code}</code></p></Callout>
            </div>
        }
        .into_any();
    }
    let row = rows.iter().find(|row| row.directory.id == stopped.id);
    let name = row.map_or_else(String::new, |row| row.directory.name.clone());
    let now = row.map_or(0, |row| row.place);
    let place = match stopped.to.as_str() {
        "up" => now.saturating_sub(1),
        "down" => now + 1,
        to => to.parse().unwrap_or(now),
    };
    let place = place.clamp(1, rows.len().max(1));
    let title = format!("Move {name} from place {now} to place {place}?");
    let fields = [
        ("to", stopped.to.clone()),
        ("seen", mark.to_owned()),
        ("knowingly", "on".to_owned()),
    ];
    let fields = fields
        .map(|(name, value)| (name.to_owned(), value))
        .to_vec();
    let action = format!("/directories/{}/move", stopped.id);
    let words = error.public.to_string();
    view! {
        <div role="alert">
            <Callout tone=Tone::Caution title>
                <p>{words}" "{next}</p>
                <div class="actions">
                    <PostButton action fields look=Look::Primary>"Change the order"</PostButton>
                    <LinkButton href="/directories" look=Look::Quiet>"Leave it"</LinkButton>
                </div>
            </Callout>
        </div>
    }
    .into_any()
}

fn empty() -> AnyView {
    view! {
        <Empty icon=Glyph::Directory title="There is no directory yet">
            <p>"The internal directory appears with the first account made here; each identity provider brings one for the people who arrive by signing in."</p>
        </Empty>
    }
    .into_any()
}

fn table(
    visit: &Visit,
    rows: &[DirectoryRow],
    mark: &str,
    may_manage: bool,
    refused: Option<&Refused>,
) -> AnyView {
    let last = rows.len();
    let mut columns = vec![
        Column::new("Place"),
        Column::new("Directory"),
        Column::new("Accounts arrive"),
        Column::number("Users"),
        Column::new("Last confirmed"),
    ];
    if may_manage {
        columns.push(Column::new("Change"));
    }
    let rows = rows
        .iter()
        .map(|row| {
            let changes = may_manage.then(|| {
                let refused = refused.filter(|refused| refused.id == row.directory.id);
                changes(row, last, mark, refused)
            });
            directory_row(visit, row, last, changes)
        })
        .collect();
    let drag = (may_manage && last > 1).then(|| {
        let mark = mark.to_owned();
        view! {
            <form id=ORDER_FORM method="post" hidden=true>
                <input type="hidden" name="to" value=""/>
                <input type="hidden" name="seen" value=mark/>
                {form_mark()}
            </form>
            <DragOrder form=ORDER_FORM.to_owned()/>
        }
    });
    view! {
        <Table caption="Directories in order" columns rows class="directories"/>
        {drag}
    }
    .into_any()
}

fn directory_row(
    visit: &Visit,
    row: &DirectoryRow,
    last: usize,
    changes: Option<AnyView>,
) -> TableRow {
    let (id, name, now) = (row.directory.id, row.directory.name.clone(), visit.now());
    let off = (!row.directory.enabled).then(|| view! { " " <Chip tone=Tone::Caution>"Off"</Chip> });
    let shadow = in_shadow(&row.directory).then(|| view! { " " {shadow_chip()} });
    let users = counted(row.accounts, "user", "users");
    let href = format!("/users?directory={id}");
    let confirmed = match row.last_confirmed_at {
        Some(at) => view! { <When at now/> }.into_any(),
        None => view! { <span class="nothing">"–"</span> }.into_any(),
    };
    let handle = (changes.is_some() && last > 1).then(|| handle(row));
    let place = row.place.to_string();
    let mut cells = vec![
        view! { <span class="place-cell" id=format!("directory-{id}")>{handle}<span class="place">{place}</span></span> }.into_any(),
        view! { <a href=format!("/directories/{id}")><b>{name}</b></a>{off}{shadow} }.into_any(),
        row.method.into_any(),
        view! { <a href=href>{users}</a> }.into_any(),
        confirmed,
    ];
    cells.extend(changes);
    TableRow::new(cells)
}

/// What a row is held by; it shows itself once it works.
fn handle(row: &DirectoryRow) -> AnyView {
    let (name, action) = (
        row.directory.name.clone(),
        format!("/directories/{}/move", row.directory.id),
    );
    let spoken = format!("Move {name}");
    view! {
        <button type="button" class="drag-handle" disabled=true hidden=true data-name=name data-action=action aria-pressed="false" aria-describedby="drag-help">
            <Icon glyph=Glyph::Grip/>
            <span class="visually-hidden">{spoken}</span>
        </button>
    }
    .into_any()
}

fn changes(row: &DirectoryRow, last: usize, mark: &str, refused: Option<&Refused>) -> AnyView {
    let (id, name) = (row.directory.id, &row.directory.name);
    let step = |to: &str, glyph: Glyph, can: Can| {
        let spoken = format!("Move {name} {to}");
        let fields = vec![
            ("to".to_owned(), to.to_owned()),
            ("seen".to_owned(), mark.to_owned()),
        ];
        view! {
            <PostButton action=format!("/directories/{id}/move") fields icon=glyph look=Look::Quiet can>
                <span class="visually-hidden">{spoken}</span>
            </PostButton>
        }
    };
    let end = |is_end: bool, words: &str| {
        if is_end {
            Can::NotNow(words.to_owned())
        } else {
            Can::Now
        }
    };
    let is_first = end(row.place == 1, "It is the first already");
    let is_last = end(row.place == last, "It is the last already");
    let (up, down) = (
        step("up", Glyph::Up, is_first),
        step("down", Glyph::Down, is_last),
    );
    view! { <div class="row-tools">{up}{down}{rename_form(row, refused)}</div> }.into_any()
}

fn rename_form(row: &DirectoryRow, refused: Option<&Refused>) -> AnyView {
    let (id, name) = (row.directory.id, row.directory.name.clone());
    let (field, error_id) = (format!("name-{id}"), format!("name-{id}-error"));
    let value = refused.map_or(name, |refused| refused.typed.clone());
    let described = refused.map(|_| error_id.clone());
    let error = refused
        .map(|refused| view! { {crate::components::error_text(error_id, refused.why.clone())} });
    view! {
        <details class="rename" open=refused.is_some()>
            <summary class="btn quiet">"Rename"<span class="visually-hidden">{format!(" {}", row.directory.name)}</span></summary>
            <form method="post" action=format!("/directories/{id}/rename") class="rename-form">
                <label for=field.clone()>"Name"</label>
                <input id=field name="name" type="text" value=value required=true aria-describedby=described aria-invalid=refused.map(|_| "true")/>
                {error}
                <button class="btn" type="submit">"Save name"</button>
            </form>
        </details>
    }
    .into_any()
}

/// `POST /directories/{id}/move`: one place up or down, or to a place; asks first when people change by it.
///
/// # Errors
/// Without permission or presence, or for an unknown directory.
pub async fn shift(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let id: DirectoryId = id_of(&id, "directory")?;
    let to = fields.one("to").unwrap_or_default().to_owned();
    let step = match (to.as_str(), to.parse()) {
        ("up", _) => Step::Up,
        ("down", _) => Step::Down,
        (_, Ok(place)) => Step::To(place),
        _ => {
            return Err(Failure(
                Error::form(Vec::new()).field("to", "Say where it moves."),
            ));
        }
    };
    let elevated = visit.call.elevated()?;
    let knowingly = match fields.one("knowingly") {
        Some("on") => Knowingly::Yes,
        _ => Knowingly::No,
    };
    let against = Against::Seen(fields.one("seen").unwrap_or_default(), knowingly);
    match directories::shift(
        &visit.services,
        &visit.call,
        Some(&elevated),
        id,
        step,
        against,
    )
    .await
    {
        Ok(changed) => {
            let words = match changed {
                0 => "Changed the order. It changes nobody who is here now.".to_owned(),
                many => format!(
                    "Changed the order. {} follow it.",
                    counted(many, "person's attributes", "people's attributes")
                ),
            };
            visit
                .done(&format!("/directories#directory-{id}"), &words)
                .await
        }
        Err(error) if belongs_to_form(&error) => {
            let moved = Some(Stopped { id, to, error });
            let not = Not {
                moved,
                ..Not::default()
            };
            page(&visit, not).await
        }
        Err(error) => Err(Failure(error)),
    }
}

/// `POST /directories/{id}/rename`
///
/// # Errors
/// Without permission, for an unknown directory.
pub async fn rename(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let id: DirectoryId = id_of(&id, "directory")?;
    let typed = fields.one("name").unwrap_or_default().to_owned();
    match directories::rename(&visit.services, &visit.call, id, &typed).await {
        Ok(()) => {
            visit
                .done("/directories", &format!("Renamed it to {}.", typed.trim()))
                .await
        }
        Err(error) if belongs_to_form(&error) => {
            let why = error
                .fields
                .first()
                .map_or_else(|| error.public.to_string(), |field| field.message.clone());
            let renamed = Some(Refused { id, typed, why });
            let not = Not {
                renamed,
                ..Not::default()
            };
            page(&visit, not).await
        }
        Err(error) => Err(Failure(error)),
    }
}
