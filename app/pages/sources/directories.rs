//! Directories in their order: the first that states a value wins.

use axum::extract::Path;
use axum::http::StatusCode;
use leptos::prelude::*;
use muster_domain::id::DirectoryId;
use muster_domain::role::Permission;
use muster_services::directories::{self, DirectoryRow, Step};
use muster_web::{Failure, Fields};

use crate::components::{
    Callout, Can, Card, Chip, Column, Empty, Glyph, Inset, LinkButton, Look, Page, PostButton,
    Table, TableRow, Tone, When, Width, counted,
};
use crate::pages::people::id_of;
use crate::visit::{Answer, Visit, belongs_to_form};

/// A name that was refused: whose, what was typed, why.
struct Refused {
    id: DirectoryId,
    typed: String,
    why: String,
}

/// `GET /directories`
///
/// # Errors
/// Without permission.
pub async fn list(visit: Visit) -> Answer {
    page(&visit, None).await
}

async fn page(visit: &Visit, refused: Option<Refused>) -> Answer {
    let rows = directories::list(&visit.services, &visit.call).await?;
    let may_manage = visit.call.can(Permission::ManageDirectories);
    let status = if refused.is_some() {
        StatusCode::UNPROCESSABLE_ENTITY
    } else {
        StatusCode::OK
    };
    visit
        .console_with(status, "Directories", "/directories", || {
            let add = may_manage.then(|| view! { <LinkButton href="/directories/new" look=Look::Primary icon=Glyph::Plus>"Add directory"</LinkButton> });
            let actions = add.into_any();
            let body = if rows.is_empty() { empty() } else { table(visit, &rows, may_manage, refused.as_ref()) };
            view! {
                <Page title="Directories" purpose="Where accounts live, in the order in which they are believed." width=Width::Table actions>
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
    may_manage: bool,
    refused: Option<&Refused>,
) -> AnyView {
    let last = rows.len();
    let mut columns = vec![
        Column::number("Place"),
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
        .map(|row| directory_row(visit, row, last, may_manage, refused))
        .collect();
    view! { <Table caption="Directories in order" columns rows/> }.into_any()
}

fn directory_row(
    visit: &Visit,
    row: &DirectoryRow,
    last: usize,
    may_manage: bool,
    refused: Option<&Refused>,
) -> TableRow {
    let (id, name, now) = (row.directory.id, row.directory.name.clone(), visit.now());
    let off = (!row.directory.enabled).then(|| view! { " " <Chip tone=Tone::Caution>"Off"</Chip> });
    let users = counted(row.accounts, "user", "users");
    let href = format!("/users?directory={id}");
    let confirmed = match row.last_confirmed_at {
        Some(at) => view! { <When at now/> }.into_any(),
        None => view! { <span class="nothing">"–"</span> }.into_any(),
    };
    let mut cells = vec![
        row.place.to_string().into_any(),
        view! { <a href=format!("/directories/{id}")><b>{name}</b></a>{off} }.into_any(),
        row.method.into_any(),
        view! { <a href=href>{users}</a> }.into_any(),
        confirmed,
    ];
    if may_manage {
        cells.push(changes(
            row,
            last,
            refused.filter(|refused| refused.id == id),
        ));
    }
    TableRow::new(cells)
}

fn changes(row: &DirectoryRow, last: usize, refused: Option<&Refused>) -> AnyView {
    let (id, name) = (row.directory.id, &row.directory.name);
    let step = |to: &str, words: &str, glyph: Glyph, can: Can| {
        let spoken = format!("Move {name} {words}");
        let fields = vec![("to".to_owned(), to.to_owned())];
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
    let up = step(
        "up",
        "up",
        Glyph::Up,
        end(row.place == 1, "It is the first already"),
    );
    let down = step(
        "down",
        "down",
        Glyph::Down,
        end(row.place == last, "It is the last already"),
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

/// `POST /directories/{id}/move`
///
/// # Errors
/// Without permission or presence, or at the end of the order.
pub async fn shift(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let id: DirectoryId = id_of(&id, "directory")?;
    let step = if fields.one("to") == Some("up") {
        Step::Up
    } else {
        Step::Down
    };
    let elevated = visit.call.elevated()?;
    directories::move_by_one(&visit.services, &visit.call, Some(&elevated), id, step).await?;
    visit
        .done(
            "/directories",
            "Changed the order. People's attributes follow it.",
        )
        .await
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
            page(&visit, Some(Refused { id, typed, why })).await
        }
        Err(error) => Err(Failure(error)),
    }
}
