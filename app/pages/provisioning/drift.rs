//! What differs between a source and what is here of it, sorted by where the difference came to be; and its repair.

use axum::extract::Path;
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use muster_domain::drift::Class;
use muster_domain::id::DirectoryId;
use muster_domain::listing::Page as Listed;
use muster_domain::plan::PlanState;
use muster_domain::role::{Permission, Role};
use muster_services::directories::method_of;
use muster_services::sync::views::{self, Compared, Drifting, RowView, RowsAsked, Shadow};
use muster_services::users::Paging;
use muster_web::Query;

use super::plan::{apply, can_apply};
use super::plan_rows::{self, Shown};
use super::plan_words::state_chip;
use crate::components::{
    ActiveFilter, Callout, Can, Card, Chip, Column, Crumb, Empty, Facet, Facets, Filters, Glyph,
    Inset, LinkButton, Look, Page, Pager, PostButton, Row, Rows, Table, TableRow, Tone, When,
    Width, count_words, counted, grouped,
};
use crate::pages::people::address::{ListAddress, Pairs};
use crate::pages::people::{id_of, moment};
use crate::visit::{Answer, Visit};

const PATH: &str = "/drift";

/// `GET /drift`
///
/// # Errors
/// Without permission.
pub async fn list(visit: Visit) -> Answer {
    let found = views::drifting(&visit.services, &visit.call).await?;
    visit
        .console("Drift", PATH, || {
            let body = if found.is_empty() { nothing_is_read() } else { overview(&found, visit.now()) };
            view! {
                <Page title="Drift" purpose="Where a source and what is here of it say different things, as of the last comparison." width=Width::Table>
                    <Card inset=Inset::Flush>{body}</Card>
                </Page>
            }
            .into_any()
        })
        .await
}

fn nothing_is_read() -> AnyView {
    let action =
        view! { <LinkButton href="/directories/new">"Add directory"</LinkButton> }.into_any();
    view! {
        <Empty icon=Glyph::Compare title="No directory is read yet" action>
            <p>"Once one is, it can be compared with what is here at any time: who changed where, who is only there, who is only here. Comparing changes nothing."</p>
        </Empty>
    }
    .into_any()
}

fn overview(found: &[Compared], now: DateTime<Utc>) -> AnyView {
    let columns = vec![
        Column::new("Directory"),
        Column::new("Accounts arrive"),
        Column::number("Differences"),
        Column::new("State"),
        Column::new("Compared"),
    ];
    let rows = found
        .iter()
        .map(
            |Compared {
                 directory,
                 newest: plan,
             }| {
                let name = directory.name.clone();
                let count = plan.as_ref().map_or_else(
                    || view! { <span class="nothing">"–"</span> }.into_any(),
                    |plan| grouped(plan.counts.all()).into_any(),
                );
                let state = match plan {
                    None => view! { <Chip>"Never compared"</Chip> }.into_any(),
                    Some(plan) if plan.counts.all() == 0 => {
                        view! { <Chip tone=Tone::Good>"Nothing differs"</Chip> }.into_any()
                    }
                    Some(plan) if plan.state == PlanState::Done => {
                        view! { <Chip tone=Tone::Good>"Carried out"</Chip> }.into_any()
                    }
                    Some(_) => view! { <Chip tone=Tone::Caution>"Differs"</Chip> }.into_any(),
                };
                TableRow::new(vec![
                    view! { <b>{name}</b> }.into_any(),
                    method_of(&directory.kind).into_any(),
                    count,
                    state,
                    moment(plan.as_ref().map(|plan| plan.created_at), now, "never"),
                ])
                .to(format!("{PATH}/{}", directory.id))
            },
        )
        .collect();
    view! { <Table caption="Directories that can differ" columns rows/> }.into_any()
}

/// `GET /drift/{directory}`
///
/// # Errors
/// Without permission, for an unknown directory.
pub async fn show(visit: Visit, Path(id): Path<String>, Query(asked): Query<Pairs>) -> Answer {
    let id: DirectoryId = id_of(&id, "directory")?;
    let drifting = views::drift(&visit.services, &visit.call, id).await?;
    let address = ListAddress::new(format!("{PATH}/{id}"), asked, &["class", "q", "who"]);
    let wanted = RowsAsked {
        class: address.get("class").and_then(Class::from_key),
        whom: address.get("who").and_then(|id| id.parse().ok()),
        q: address.get("q").map(str::to_owned),
        ..RowsAsked::default()
    };
    let paging = Paging::at(address.at(), address.position());
    let rows = match &drifting.view {
        Some(view) => {
            Some(views::rows(&visit.services, &visit.call, view, &wanted, &paging).await?)
        }
        None => None,
    };
    let title = format!("Drift of {}", drifting.directory.name);
    visit
        .console(&title, PATH, || {
            let may = visit.call.can(Permission::ManageDirectories);
            let actions = actions(&drifting, may);
            let badge = drifting.view.as_ref().map(|view| state_chip(view.plan.state, view.is_stale));
            let callouts = callouts(&drifting, visit.now());
            let card = rows.as_ref().map(|rows| differences(&drifting, rows, &address));
            let none = drifting.view.is_none().then(never);
            let shadows = shadows(&drifting);
            let crumbs = vec![Crumb::new(PATH, "Drift")];
            view! {
                <Page title=title.clone() purpose=purpose(&drifting) crumbs badge=badge.into_any() actions width=Width::Table>
                    {callouts}
                    {card}
                    {none}
                    {shadows}
                </Page>
            }
            .into_any()
        })
        .await
}

fn purpose(drifting: &Drifting) -> String {
    match &drifting.view {
        None => "What the source states and what is here were never compared.".to_owned(),
        Some(view) if view.plan.counts.all() == 0 => {
            "What the source states is what is here.".to_owned()
        }
        Some(view) => format!(
            "{} between what the source states and what is here.",
            counted(view.plan.counts.all(), "difference", "differences")
        ),
    }
}

fn actions(drifting: &Drifting, may: bool) -> AnyView {
    if !may {
        return ().into_any();
    }
    let id = drifting.directory.id;
    let open = drifting
        .newest_run
        .as_ref()
        .is_some_and(|run| !run.state.is_over());
    let can = if open {
        Can::NotNow("A run of this directory is under way".to_owned())
    } else if !drifting.directory.enabled {
        Can::NotNow("The directory is switched off".to_owned())
    } else {
        Can::Now
    };
    let look = if drifting.view.is_none() {
        Look::Primary
    } else {
        Look::Plain
    };
    let compare = drifting.is_read.then(|| {
        let fields = vec![("wish".to_owned(), "plan".to_owned())];
        view! { <PostButton action=format!("/directories/{id}/run") fields look icon=Glyph::Refresh can>"Compare now"</PostButton> }
    });
    let repair = drifting
        .view
        .as_ref()
        .filter(|view| can_apply(view))
        .map(|view| {
            let many = counted(view.plan.counts.all(), "difference", "differences");
            apply(view, many, "Repair")
        });
    view! {
        {compare}
        {repair}
    }
    .into_any()
}

fn callouts(drifting: &Drifting, now: DateTime<Utc>) -> AnyView {
    let open = drifting
        .newest_run
        .as_ref()
        .filter(|run| !run.state.is_over())
        .map(|run| {
            let action = view! { <LinkButton href=format!("/runs/{}", run.id)>"Watch it"</LinkButton> }.into_any();
            view! { <Callout tone=Tone::Accent title="A run is under way" action><p>"When it is over, what differs then stands here."</p></Callout> }
        });
    let compared = drifting.view.as_ref().map(|view| {
        let (at, href) = (view.plan.created_at, format!("/plans/{}", view.plan.id));
        let (tone, title, words) = if view.is_stale {
            (
                Tone::Caution,
                "Something changed since the last comparison",
                "It cannot be repaired by this one any more: compare again.",
            )
        } else if view.plan.state == PlanState::Done {
            (
                Tone::Good,
                "These differences were repaired",
                "Compare again to see what differs now.",
            )
        } else if view.plan.holds.is_empty() {
            (
                Tone::Neutral,
                "As of the last comparison",
                "Nothing is changed by comparing. A repair makes here what the source states.",
            )
        } else {
            (
                Tone::Caution,
                "A repair is held: somebody has to look first",
                "Look at what would go, then repair it, or correct the source and compare again.",
            )
        };
        let holds = view
            .plan
            .holds
            .iter()
            .map(|hold| view! { <li>{hold.words()}</li> })
            .collect_view();
        let action =
            view! { <LinkButton href icon=Glyph::Plan>"Look at the plan"</LinkButton> }.into_any();
        view! {
            <Callout tone title action>
                <p>{words} " Compared " <When at now/> "."</p>
                <ul class="points">{holds}</ul>
            </Callout>
        }
    });
    view! {
        {open}
        {compared}
    }
    .into_any()
}

fn never() -> AnyView {
    view! {
        <Card inset=Inset::Flush>
            <Empty icon=Glyph::Compare title="Nobody compared it yet">
                <p>"Comparing reads the source and changes nothing. Afterwards stands here who changed there, who changed here, who is only there and who is only here."</p>
            </Empty>
        </Card>
    }
    .into_any()
}

fn facets(drifting: &Drifting, address: &ListAddress) -> Vec<Facet> {
    let now = address.get("class");
    let counts = drifting.view.as_ref().map(|view| &view.plan.counts);
    let all = counts.map_or(0, |counts| counts.all() + counts.refused());
    let base = ListAddress::new(address.without_all(), Pairs::new(), &[]);
    let mut facets = vec![Facet {
        label: "All".to_owned(),
        count: Some(all),
        href: base.without("class"),
        tone: Tone::Neutral,
        is_current: now.is_none(),
    }];
    for class in Class::ALL {
        let count = match class {
            Class::Both => drifting.both.value(),
            other => drifting.classes.get(&other).copied().unwrap_or_default(),
        };
        let tone = match class {
            Class::There => Tone::Accent,
            Class::Here | Class::Both => Tone::Caution,
            Class::New => Tone::Good,
            Class::Orphan | Class::Shadow => Tone::Danger,
        };
        facets.push(Facet {
            label: class.label().to_owned(),
            count: Some(count),
            href: base.with("class", class.key()),
            tone: if count == 0 { Tone::Neutral } else { tone },
            is_current: now == Some(class.key()),
        });
    }
    facets
}

fn differences(drifting: &Drifting, rows: &Listed<RowView>, address: &ListAddress) -> AnyView {
    let facets = facets(drifting, address);
    let class = address.get("class").and_then(Class::from_key);
    let words = class.map(|class| view! { <p class="class-words">{class.words()}</p> });
    let about =
        |id: &str| ListAddress::new(address.without_all(), Pairs::new(), &[]).with("who", id);
    let mut active = Vec::new();
    if let Some(q) = address.get("q") {
        active.push(ActiveFilter {
            label: "Search".to_owned(),
            value: format!("“{q}”"),
            remove: address.without("q"),
        });
    }
    if address.get("who").is_some() {
        let named = rows.rows.first().and_then(|row| row.whom.as_ref());
        active.push(ActiveFilter {
            label: "About".to_owned(),
            value: named.map_or_else(|| "one person".to_owned(), |whom| whom.name.clone()),
            remove: address.without("who"),
        });
    }
    let (query, keep) = (
        address.get("q").map(str::to_owned),
        address.kept(&["class"]),
    );
    let many = if rows.total.value() == 1 {
        "row"
    } else {
        "rows"
    };
    let count = format!("{} {many}", count_words(rows.total));
    let shown = Shown {
        about: &about,
        is_about_one: address.get("who").is_some(),
        is_carried: drifting
            .view
            .as_ref()
            .is_some_and(|view| view.carried_by().is_some()),
    };
    let body = if rows.rows.is_empty() {
        let (title, words) = if address.is_filtered() {
            (
                "Nothing differs in this way",
                "Choose another sort of difference above.",
            )
        } else {
            ("Nothing differs", "What the source states is what is here.")
        };
        view! { <Empty icon=Glyph::Check title><p>{words}</p></Empty> }.into_any()
    } else {
        let near = address.neighbours(rows);
        let table = plan_rows::table(&rows.rows, shown);
        view! {
            {table}
            <Pager from=near.from to=near.to total=rows.total first=near.first previous=near.previous next=near.next last=near.last/>
        }
        .into_any()
    };
    let action = address.without_all().to_owned();
    view! {
        <Card inset=Inset::Flush>
            <Facets label="Sorts of differences" facets/>
            {words}
            <Filters action query placeholder="Search names" active keep count/>
            {body}
        </Card>
    }
    .into_any()
}

/// People with power here whom the source does not know at all.
fn shadows(drifting: &Drifting) -> AnyView {
    if drifting.shadow_count == 0 {
        return ().into_any();
    }
    let name = &drifting.directory.name;
    let rows = drifting.shadows.iter().map(shadow).collect_view();
    let left = drifting.shadow_count - drifting.shadows.len();
    let left = (left > 0).then(|| {
        let words = format!("and {left} more");
        view! { <p class="class-words"><a href="/roles">{words}</a></p> }
    });
    let title = format!("Power here that {name} does not know of");
    let words = format!(
        "They hold a role here and have no account of {name}: when they leave, it will not say so."
    );
    let count = drifting.shadow_count.to_string();
    let badge = view! { <Chip tone=Tone::Caution>{count}</Chip> }.into_any();
    view! {
        <Card title inset=Inset::Flush badge>
            <p class="class-words">{words}</p>
            <Rows>{rows}</Rows>
            {left}
        </Card>
    }
    .into_any()
}

fn shadow(shadow: &Shadow) -> AnyView {
    let roles: Vec<String> = shadow
        .roles
        .iter()
        .map(|role: &Role| role.label().to_owned())
        .collect();
    let words = format!("{} · {}", shadow.user.username, roles.join(", "));
    view! { <Row title=shadow.user.display_name.clone() tone=Tone::Caution href=format!("/users/{}", shadow.user.id)>{words}</Row> }.into_any()
}
