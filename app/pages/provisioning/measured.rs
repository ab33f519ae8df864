//! The methods as they are measured on this installation, beside the table of what each can do.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use muster_domain::methods::measured::{Measured, advice};

use super::plan_words::took;
use crate::components::{Card, Column, Inset, Row, Rows, Table, TableRow, When, counted, grouped};

/// What is measured, and what follows.
pub(crate) fn cards(all: &[Measured], now: DateTime<Utc>) -> AnyView {
    if all.is_empty() {
        return ().into_any();
    }
    let sentences = advice(all, now)
        .into_iter()
        .map(|sentence| view! { <Row title=sentence/> })
        .collect_view();
    let table = table(all, now);
    view! {
        <Card title="On this installation" inset=Inset::Flush>{table}</Card>
        <Card title="What we would do" inset=Inset::Flush><Rows>{sentences}</Rows></Card>
    }
    .into_any()
}

fn table(all: &[Measured], now: DateTime<Utc>) -> AnyView {
    let columns = vec![
        Column::new("Directory"),
        Column::new("Covers"),
        Column::new("Last confirmed"),
        Column::new("Left, still active"),
        Column::new("Groups in groups"),
        Column::new("Last reading"),
        Column::new("Inbound access"),
    ];
    let rows = all.iter().map(|one| row(one, now)).collect();
    view! { <Table caption="Directories as they are measured here" columns rows class="compare measured"/> }.into_any()
}

fn nothing(words: &'static str) -> AnyView {
    view! { <span class="nothing">{words}</span> }.into_any()
}

fn row(one: &Measured, now: DateTime<Utc>) -> TableRow {
    let (name, method) = (one.name.clone(), one.method.label());
    let accounts = counted(one.accounts, "account", "accounts");
    let share = one
        .coverage()
        .map(|percent| format!("{percent} % of everybody"));
    let confirmed = match one.confirmed_at {
        Some(at) => view! { <When at now/> }.into_any(),
        None => nothing("never"),
    };
    let how = one.how_leavers_show();
    let leavers = match one.leavers {
        Some(leavers) => {
            view! { <div class="measure"><b>{grouped(leavers)}</b><span class="note">{how}</span></div> }.into_any()
        }
        None => view! { <div class="measure"><span class="nothing">"not known"</span><span class="note">{how}</span></div> }.into_any(),
    };
    let last = match one.last {
        Some(last) => {
            let calls = counted(last.calls, "question", "questions");
            view! { <div class="measure"><b>{took(last.millis)}</b><span class="note">{calls}</span></div> }.into_any()
        }
        None => nothing("none yet"),
    };
    TableRow::new(vec![
        view! { <div class="measure"><b>{name}</b><span class="note">{method}</span></div> }
            .into_any(),
        view! { <div class="measure"><b>{accounts}</b><span class="note">{share}</span></div> }
            .into_any(),
        confirmed,
        leavers,
        grouped(one.nested).into_any(),
        last,
        one.inbound().into_any(),
    ])
}
