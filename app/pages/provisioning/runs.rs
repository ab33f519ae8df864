//! The runs there were and are.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use muster_domain::listing::Page as Listed;
use muster_domain::run::Run;
use muster_services::sync::views::{self, RunLine};
use muster_web::Query;

use super::plan_words::{line_chip, took, wish};
use super::plans::{active, choices, newest, selects};
use crate::components::{
    Card, Column, Empty, FilterSelect, Glyph, Inset, LinkButton, Page, Pager, Table, TableRow,
    When, Width, count_words, grouped,
};
use crate::pages::people::address::{ListAddress, Pairs};
use crate::visit::{Answer, Visit};

const PATH: &str = "/runs";

/// `GET /runs`
///
/// # Errors
/// Without permission.
pub async fn list(visit: Visit, Query(asked): Query<Pairs>) -> Answer {
    let address = ListAddress::new(PATH, asked, &["directory"]);
    let directory = address.get("directory").and_then(|id| id.parse().ok());
    let paging = newest(&address);
    let page = views::run_list(&visit.services, &visit.call, directory, &paging).await?;
    let names = choices(&visit).await?;
    visit
        .console("Runs", PATH, || {
            let is_empty = page.rows.is_empty();
            let tools = (!is_empty || address.is_filtered()).then(|| tools(&address, &page, &names));
            let body = if is_empty { empty(&address) } else { table(&page, &address, visit.now()) };
            view! {
                <Page title="Runs" purpose="Every reading of a directory, the plan made of it, and how it was carried out." width=Width::Table>
                    <Card inset=Inset::Flush>{tools}{body}</Card>
                </Page>
            }
            .into_any()
        })
        .await
}

fn tools(address: &ListAddress, page: &Listed<RunLine>, names: &[(String, String)]) -> AnyView {
    let set = active(address, "directory", "Directory", names);
    let many = if page.total.value() == 1 {
        "run"
    } else {
        "runs"
    };
    let count = format!("{} {many}", count_words(page.total));
    let directory = address.get("directory").map(str::to_owned);
    let fields = view! { <FilterSelect name="directory" label="Directory" value=directory choices=names.to_vec()/> }.into_any();
    selects(PATH, fields, set.into_iter().collect(), count)
}

fn table(page: &Listed<RunLine>, address: &ListAddress, now: DateTime<Utc>) -> AnyView {
    let columns = vec![
        Column::new("Directory"),
        Column::new("What"),
        Column::new("State"),
        Column::new("Asked"),
        Column::number("Read"),
        Column::number("Changes"),
        Column::number("Failed"),
        Column::number("Took"),
    ];
    let rows = page
        .rows
        .iter()
        .map(|line| {
            let run = &line.run;
            let (by, at) = (run.started_by.clone(), run.created_at);
            let time = run.progress.planning_ms + run.progress.applying_ms;
            TableRow::new(vec![
                line.directory.clone().into_any(),
                about(run),
                line_chip(line),
                view! { <span><When at now/> " by " {by}</span> }.into_any(),
                grouped(run.progress.read).into_any(),
                grouped(run.progress.tried.saturating_sub(run.progress.failed)).into_any(),
                grouped(run.progress.failed).into_any(),
                took(time).into_any(),
            ])
            .to(format!("/runs/{}", run.id))
        })
        .collect();
    let near = address.neighbours(page);
    view! {
        <Table caption="Runs, newest first" columns rows/>
        <Pager from=near.from to=near.to total=page.total first=near.first previous=near.previous next=near.next last=near.last/>
    }
    .into_any()
}

/// What was asked for, and of whom alone.
fn about(run: &Run) -> AnyView {
    match run.person.clone() {
        Some(person) => view! { <span>{wish(run.wish)}" of "<b>{person}</b></span> }.into_any(),
        None => wish(run.wish).into_any(),
    }
}

fn empty(address: &ListAddress) -> AnyView {
    if address.is_filtered() {
        let action = view! { <LinkButton href=PATH>"Show all runs"</LinkButton> }.into_any();
        return view! { <Empty icon=Glyph::Search title="This directory has no run yet" action><p>"Ask for one on its page."</p></Empty> }.into_any();
    }
    let action =
        view! { <LinkButton href="/directories">"Go to directories"</LinkButton> }.into_any();
    view! {
        <Empty icon=Glyph::Refresh title="Nothing has run yet" action>
            <p>"A run reads a directory, makes a plan of what differs, and carries it out unless a person has to look first. Each stands here with its numbers and what failed."</p>
        </Empty>
    }
    .into_any()
}
