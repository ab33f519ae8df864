//! The plans there are: of which directory, what for, where each stands, how much it holds.

use chrono::{DateTime, Utc};
use leptos::prelude::*;
use muster_domain::listing::{Direction, Page as Listed};
use muster_domain::plan::Counts;
use muster_services::directories;
use muster_services::sync::views::{self, PlanFilter, PlanLine};
use muster_services::users::Paging;
use muster_web::Query;

use super::plan_words::{PURPOSES, STATES, plan_chip, purpose};
use crate::components::{
    ActiveFilter, Button, Card, Column, Empty, FilterSelect, Glyph, Icon, Inset, LinkButton, Page,
    Pager, Table, TableRow, When, Width, count_words, grouped,
};
use crate::pages::people::address::{ListAddress, Pairs};
use crate::visit::{Answer, Visit};

const PATH: &str = "/plans";
const KNOWN: [&str; 3] = ["directory", "state", "purpose"];

/// `GET /plans`
///
/// # Errors
/// Without permission.
pub async fn list(visit: Visit, Query(asked): Query<Pairs>) -> Answer {
    let address = ListAddress::new(PATH, asked, &KNOWN);
    let filter = PlanFilter {
        directory: address.get("directory").and_then(|id| id.parse().ok()),
        state: address.get("state").and_then(|word| {
            let known = STATES.iter().find(|(_, key, ..)| *key == word);
            known.map(|(state, ..)| *state)
        }),
        purpose: address.get("purpose").and_then(|word| {
            let known = PURPOSES.iter().find(|(_, key, _)| *key == word);
            known.map(|(purpose, ..)| *purpose)
        }),
    };
    let paging = newest(&address);
    let page = views::plan_list(&visit.services, &visit.call, filter, &paging).await?;
    let names = choices(&visit).await?;
    visit
        .console("Plans", PATH, || {
            let is_empty = page.rows.is_empty();
            let tools = (!is_empty || address.is_filtered()).then(|| tools(&address, &page, &names));
            let body = if is_empty { empty(&address) } else { table(&page, &address, visit.now()) };
            view! {
                <Page title="Plans" purpose="What each directory would change here, before it does; and what it changed." width=Width::Table>
                    <Card inset=Inset::Flush>{tools}{body}</Card>
                </Page>
            }
            .into_any()
        })
        .await
}

/// The newest first.
pub(super) fn newest(address: &ListAddress) -> Paging<()> {
    Paging {
        direction: Direction::Desc,
        ..Paging::at(address.at(), address.position())
    }
}

/// Directories to choose from: their ids and names.
pub(super) async fn choices(visit: &Visit) -> Result<Vec<(String, String)>, muster_domain::Error> {
    let names = directories::names(&visit.services, &visit.call).await?;
    Ok(names
        .into_iter()
        .map(|(id, name)| (id.to_string(), name))
        .collect())
}

/// Selects above a list that cannot be searched, with a chip for each that is set.
pub(super) fn selects(
    action: &'static str,
    fields: AnyView,
    active: Vec<ActiveFilter>,
    count: String,
) -> AnyView {
    let is_set = !active.is_empty();
    let chips = active
        .into_iter()
        .map(|filter| {
            let words = format!("{}: {}", filter.label, filter.value);
            let spoken = format!("Remove filter {words}");
            view! {
                <li><a class="chip accent filter" href=filter.remove aria-label=spoken>{words}<Icon glyph=Glyph::Cross/></a></li>
            }
        })
        .collect_view();
    view! {
        <search class="tools">
            <form class="tools-form selects" method="get" action=action>
                {fields}
                <Button>"Show"</Button>
            </form>
            {is_set.then(|| view! { <ul class="filters">{chips}</ul> })}
            <p class="tools-count">{count}</p>
        </search>
    }
    .into_any()
}

/// A filter that is set, with the words of its choice.
pub(super) fn active(
    address: &ListAddress,
    key: &str,
    label: &str,
    choices: &[(String, String)],
) -> Option<ActiveFilter> {
    let value = address.get(key)?;
    let known = choices.iter().find(|(known, _)| known == value);
    Some(ActiveFilter {
        label: label.to_owned(),
        value: known.map_or_else(|| value.to_owned(), |(_, words)| words.clone()),
        remove: address.without(key),
    })
}

fn tools(address: &ListAddress, page: &Listed<PlanLine>, names: &[(String, String)]) -> AnyView {
    let value = |key: &str| address.get(key).map(str::to_owned);
    let states: Vec<(String, String)> = STATES
        .iter()
        .map(|(_, key, words, _)| ((*key).to_owned(), (*words).to_owned()))
        .collect();
    let purposes: Vec<(String, String)> = PURPOSES
        .iter()
        .map(|(_, key, words)| ((*key).to_owned(), (*words).to_owned()))
        .collect();
    let set = [
        active(address, "directory", "Directory", names),
        active(address, "state", "State", &states),
        active(address, "purpose", "For", &purposes),
    ];
    let many = if page.total.value() == 1 {
        "plan"
    } else {
        "plans"
    };
    let count = format!("{} {many}", count_words(page.total));
    let (directory, state, made_for) = (value("directory"), value("state"), value("purpose"));
    let fields = view! {
        <FilterSelect name="directory" label="Directory" value=directory choices=names.to_vec()/>
        <FilterSelect name="state" label="State" value=state choices=states/>
        <FilterSelect name="purpose" label="For" value=made_for choices=purposes/>
    }
    .into_any();
    selects(PATH, fields, set.into_iter().flatten().collect(), count)
}

fn table(page: &Listed<PlanLine>, address: &ListAddress, now: DateTime<Utc>) -> AnyView {
    let columns = vec![
        Column::new("Directory"),
        Column::new("For"),
        Column::new("State"),
        Column::new("Changes"),
        Column::new("Made"),
        Column::new("Approved"),
    ];
    let rows = page
        .rows
        .iter()
        .map(|line| {
            let plan = &line.plan;
            let (by, at) = (plan.created_by.clone(), plan.created_at);
            let approved = match (&plan.approved_by, plan.approved_at) {
                (Some(by), Some(at)) => {
                    let by = by.clone();
                    view! { <span>{by} ", " <When at now/></span> }.into_any()
                }
                _ => view! { <span class="nothing">"–"</span> }.into_any(),
            };
            TableRow::new(vec![
                line.directory.clone().into_any(),
                purpose(plan.purpose).into_any(),
                plan_chip(plan, line.is_stale),
                summary(&plan.counts),
                view! { <span><When at now/> " by " {by}</span> }.into_any(),
                approved,
            ])
            .to(format!("/plans/{}", plan.id))
        })
        .collect();
    let near = address.neighbours(page);
    view! {
        <Table caption="Plans, newest first" columns rows/>
        <Pager from=near.from to=near.to total=page.total first=near.first previous=near.previous next=near.next last=near.last/>
    }
    .into_any()
}

/// How much comes, changes and goes, with signs.
pub(super) fn summary(counts: &Counts) -> AnyView {
    let sum = |kinds: &[&str]| kinds.iter().map(|kind| counts.of(kind)).sum::<u64>();
    let come = sum(&["create_user", "create_group", "add_member", "reactivate"]);
    let go = sum(&[
        "deactivate",
        "remove_account",
        "delete_user",
        "unlink_group",
        "delete_group",
        "remove_member",
    ]);
    let change = counts.all().saturating_sub(come + go);
    if counts.all() + counts.refused() == 0 {
        return view! { <span class="nothing">"Nothing"</span> }.into_any();
    }
    let part = |number: u64, sign: &'static str, class: &'static str, word: &'static str| {
        (number > 0).then(|| {
            let words = format!("{sign}{}", grouped(number));
            view! { <span class=class>{words}<span class="visually-hidden">" "{word}</span></span>" " }
        })
    };
    let refused = (counts.refused() > 0).then(|| {
        let words = format!("{} not done", grouped(counts.refused()));
        view! { <span class="note">{words}</span> }
    });
    view! {
        <span class="sums">
            {part(come, "+", "sum good", "come")}
            {part(change, "~", "sum accent", "change")}
            {part(go, "−", "sum danger", "go")}
            {refused}
        </span>
    }
    .into_any()
}

fn empty(address: &ListAddress) -> AnyView {
    if address.is_filtered() {
        let action = view! { <LinkButton href=PATH>"Show all plans"</LinkButton> }.into_any();
        return view! { <Empty icon=Glyph::Search title="No plan matches" action><p>"Take a filter away to see more."</p></Empty> }.into_any();
    }
    let action =
        view! { <LinkButton href="/directories">"Go to directories"</LinkButton> }.into_any();
    view! {
        <Empty icon=Glyph::Plan title="There is no plan yet" action>
            <p>"Whenever a directory is read, what it would change stands here first, person by person, with the reason. Nothing is changed by a plan; approving it does."</p>
        </Empty>
    }
    .into_any()
}
