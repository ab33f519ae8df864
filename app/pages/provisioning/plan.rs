//! One plan: what it would do in a sentence, why it is held, every change with before and after, and the buttons that
//! approve exactly this plan or put it away.

use axum::body::Body;
use axum::extract::Path;
use axum::response::IntoResponse as _;
use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use leptos::prelude::*;
use muster_domain::id::{PlanId, RunId};
use muster_domain::listing::{At, Page as Listed};
use muster_domain::plan::{Identity, PlanState, Purpose, StoredPlan, told};
use muster_domain::role::Permission;
use muster_domain::run::Wish;
use muster_domain::{Error, Kind};
use muster_services::sync::views::{self, Format, PlanView, RowView, RowsAsked};
use muster_services::sync::{rules, runs};
use muster_services::users::Paging;
use muster_web::{Failure, Fields, Query};

use super::plan_callouts::callouts;
use super::plan_facets::{causes, kinds, with};
use super::plan_rows::{self, Shown, page_of};
use super::plan_words::{headline, plan_chip, purpose};
use crate::components::{
    ActiveFilter, Card, ConfirmDialog, Crumb, Empty, Facets, Filters, Glyph, Inset, LinkButton,
    Look, Page, Pager, PostButton, When, Width, count_words, counted, grouped,
};
use crate::pages::people::address::{ListAddress, Pairs};
use crate::pages::people::id_of;
use crate::visit::{Answer, Visit, belongs_to_form};

/// What narrows the rows.
pub(super) const KNOWN: [&str; 5] = ["kind", "cause", "q", "who", "outcome"];
/// The kind of rows that are not done.
pub(super) const REFUSED: &str = "refusal";

/// `GET /plans/{id}`
///
/// # Errors
/// Without permission, for an unknown plan.
pub async fn show(visit: Visit, Path(id): Path<String>, Query(asked): Query<Pairs>) -> Answer {
    let id: PlanId = id_of(&id, "plan")?;
    page(&visit, id, asked, None).await
}

/// Everything the page shows.
pub(super) struct Seen {
    pub(super) view: PlanView,
    rows: Listed<RowView>,
    pub(super) address: ListAddress,
    undoable: Option<RunId>,
    pub(super) problem: Option<Error>,
}

async fn page(visit: &Visit, id: PlanId, asked: Pairs, problem: Option<Error>) -> Answer {
    let view = views::plan_view(&visit.services, &visit.call, id).await?;
    let address = ListAddress::new(format!("/plans/{id}"), asked, &KNOWN);
    let paging = Paging::at(address.at(), address.position());
    let wanted = asked_of(&address);
    let rows = views::rows(&visit.services, &visit.call, &view, &wanted, &paging).await?;
    let undoable = undoable(visit, &view).await?;
    let status = problem.as_ref().map_or(StatusCode::OK, |error| {
        StatusCode::from_u16(error.kind.status()).unwrap_or(StatusCode::CONFLICT)
    });
    let seen = Seen {
        view,
        rows,
        address,
        undoable,
        problem,
    };
    let title = title(&seen.view);
    visit
        .console_with(status, &title, "/plans", || body(visit, &title, &seen))
        .await
}

fn title(view: &PlanView) -> String {
    let name = &view.directory.name;
    match view.plan.purpose {
        Purpose::Sync => format!("Plan for {name}"),
        Purpose::Drift => format!("Comparison of {name}"),
        Purpose::Undo => format!("Undo in {name}"),
        Purpose::WhatIf => format!("What if in {name}"),
        Purpose::Removal => format!("Removal of {name}"),
        Purpose::Shadow => format!("Switch to {name}"),
    }
}

pub(super) fn asked_of(address: &ListAddress) -> RowsAsked {
    let text = |key: &str| address.get(key).map(str::to_owned);
    RowsAsked {
        kind: text("kind"),
        cause: text("cause"),
        sorts: None,
        class: None,
        whom: address.get("who").and_then(|id| id.parse().ok()),
        q: text("q"),
        failed: address.get("outcome") == Some("failed"),
    }
}

/// The run whose work can be taken back.
async fn undoable(visit: &Visit, view: &PlanView) -> Result<Option<RunId>, Failure> {
    let Some(run) = view.carried_by().filter(|run| run.ended_at.is_some()) else {
        return Ok(None);
    };
    let detail = runs::show(&visit.services, &visit.call, run.id).await?;
    Ok(detail.can_be_undone.then_some(run.id))
}

fn body(visit: &Visit, title: &str, seen: &Seen) -> AnyView {
    let (view, plan) = (&seen.view, &seen.view.plan);
    let (at, by, now) = (plan.created_at, plan.created_by.clone(), visit.now());
    let may = visit.call.can(Permission::ManageDirectories);
    let badge = view! { {plan_chip(plan, view.is_stale)} }.into_any();
    let actions = view! { {actions(seen, may)} }.into_any();
    let made_for = purpose(plan.purpose);
    let sentence = headline(plan, view.is_stale);
    let callouts = callouts(seen, may, visit);
    let rows = rows_card(seen);
    let files = files(seen);
    let crumbs = vec![Crumb::new("/plans", "Plans")];
    view! {
        <Page title=title.to_owned() crumbs badge actions width=Width::Table>
            <div class="plan-head">
                <p class="plan-sentence">{sentence}</p>
                <p class="note">{made_for} ", made " <When at now/> " by " {by} "."</p>
            </div>
            {callouts}
            {rows}
            {files}
        </Page>
    }
    .into_any()
}

/// Whether it waits for an approval and can be approved.
pub(crate) fn can_apply(view: &PlanView) -> bool {
    let open = view
        .runs
        .iter()
        .any(|run| run.wish == Wish::Apply && !run.state.is_over());
    matches!(view.plan.state, PlanState::Clear | PlanState::Held)
        && !view.is_stale
        && !open
        && view.plan.purpose != Purpose::WhatIf
        && is_carried_out(view)
        // A directory from which nothing comes goes all the same.
        && (view.plan.counts.all() > 0 || view.plan.purpose == Purpose::Removal)
}

/// Of a directory in shadow nothing is carried out but its switch and its removal.
fn is_carried_out(view: &PlanView) -> bool {
    !rules::in_shadow(&view.directory.settings)
        || matches!(
            view.plan.purpose,
            Purpose::Shadow | Purpose::Removal | Purpose::Undo
        )
}

fn actions(seen: &Seen, may: bool) -> AnyView {
    let (view, plan) = (&seen.view, &seen.view.plan);
    if !may {
        return ().into_any();
    }
    let waits = matches!(plan.state, PlanState::Clear | PlanState::Held);
    let discard = (waits && view.runs.iter().all(|run| run.state.is_over())).then(|| {
        let action = format!("/plans/{}/discard", plan.id);
        view! { <PostButton action look=Look::Danger>"Put away"</PostButton> }
    });
    let apply = can_apply(view).then(|| match plan.counts.all() {
        0 => apply(view, view.directory.name.clone(), "Delete"),
        many => apply(view, counted(many, "change", "changes"), "Apply"),
    });
    let undo = seen.undoable.map(|run| {
        let action = format!("/runs/{run}/undo");
        view! { <PostButton action icon=Glyph::Refresh>"Undo"</PostButton> }
    });
    view! {
        {discard}
        {undo}
        {apply}
    }
    .into_any()
}

/// The button that approves exactly this plan; a held one asks once more.
pub(super) fn apply(view: &PlanView, object: String, verb: &'static str) -> AnyView {
    let plan = &view.plan;
    let identity = plan.identity.clone().map(|identity| identity.0);
    let fields = vec![("identity".to_owned(), identity.unwrap_or_default())];
    let action = format!("/plans/{}/approve", plan.id);
    let words = format!("{verb} {object}");
    // What takes a directory away, or changes who stands for everybody, asks once more as well.
    let is_large = matches!(plan.purpose, Purpose::Removal | Purpose::Shadow);
    if plan.holds.is_empty() && !is_large {
        return view! { <PostButton action fields look=Look::Primary>{words}</PostButton> }
            .into_any();
    }
    let doing = told::doing(&plan.counts, grouped);
    let name = view.directory.name.clone();
    let question = format!("{words}?");
    let afterwards = taken_back(plan);
    let holds = plan
        .holds
        .iter()
        .map(|hold| view! { <li>{hold.words()}</li> })
        .collect_view();
    let what = match plan.counts.all() {
        0 => format!("Nothing comes from {name}: only the directory itself goes."),
        _ => format!("This will {doing} in {name}."),
    };
    let because = (!plan.holds.is_empty()).then(|| {
        view! { <p>"It is held because:"</p><ul class="points">{holds}</ul> }
    });
    view! {
        <ConfirmDialog id="apply" trigger=words.clone() look=Look::Primary title=question confirm=words confirm_look=Look::Primary action fields>
            <p>{what}</p>
            {because}
            <p>{afterwards}</p>
        </ConfirmDialog>
    }
    .into_any()
}

/// What of a plan can be taken back once it was carried out.
pub(super) fn taken_back(plan: &StoredPlan) -> &'static str {
    if plan.counts.of("delete_user") > 0 {
        "Steps are carried out in order. What they did can be taken back by another plan that somebody approves; but whoever is deleted comes back without password, second factors and linked sign-ins."
    } else {
        "Steps are carried out in order. What they did can be taken back by another plan that somebody approves."
    }
}

fn rows_card(seen: &Seen) -> AnyView {
    let (view, address, rows) = (&seen.view, &seen.address, &seen.rows);
    let (kinds, causes) = (kinds(seen), causes(seen));
    let causes = (!causes.is_empty()).then(|| view! { <Facets label="Why" facets=causes/> });
    let about = |id: &str| with(address, &["kind", "cause", "q", "outcome"], "who", Some(id));
    let one = rows.rows.first().and_then(|row| row.whom.clone());
    let who = address.get("who").map(|id| {
        let named = one.filter(|whom| whom.id.to_string() == id);
        let name = named.as_ref().map_or_else(|| "one person".to_owned(), |whom| whom.name.clone());
        let open = named.filter(|whom| whom.is_here).map(|whom| {
            let href = page_of(whom.id, whom.is_group);
            view! { <LinkButton href look=Look::Quiet icon=Glyph::Arrow>{if whom.is_group { "Open the group’s page" } else { "Open their own page" }}</LinkButton> }
        });
        (name, open)
    });
    let (name, open) = who.unzip();
    let mut active = Vec::new();
    if let Some(q) = address.get("q") {
        active.push(ActiveFilter {
            label: "Search".to_owned(),
            value: format!("“{q}”"),
            remove: address.without("q"),
        });
    }
    if let Some(name) = name {
        active.push(ActiveFilter {
            label: "About".to_owned(),
            value: name,
            remove: address.without("who"),
        });
    }
    let query = address.get("q").map(str::to_owned);
    let keep = address.kept(&["kind", "cause", "outcome"]);
    let count = format!(
        "{} {}",
        count_words(rows.total),
        if rows.total.value() == 1 {
            "row"
        } else {
            "rows"
        }
    );
    let shown = Shown {
        about: &about,
        is_about_one: address.get("who").is_some(),
        is_carried: view.carried_by().is_some(),
    };
    let body = if rows.rows.is_empty() {
        empty(seen)
    } else {
        let near = address.neighbours(rows);
        let table = plan_rows::table(&rows.rows, shown);
        view! {
            {table}
            <Pager from=near.from to=near.to total=rows.total first=near.first previous=near.previous next=near.next last=near.last/>
        }
        .into_any()
    };
    let action = format!("/plans/{}", view.plan.id);
    view! {
        <Card inset=Inset::Flush>
            <Facets label="Kinds of changes" facets=kinds/>
            {causes}
            <Filters action query placeholder="Search names" active keep count/>
            {open.flatten().map(|open| view! { <div class="tools">{open}</div> })}
            {body}
        </Card>
    }
    .into_any()
}

fn empty(seen: &Seen) -> AnyView {
    if seen.address.is_filtered() || seen.address.at() != At::First {
        let href = format!("/plans/{}", seen.view.plan.id);
        let action = view! { <LinkButton href>"Show all changes"</LinkButton> }.into_any();
        return view! { <Empty icon=Glyph::Search title="No change matches" action><p>"Names of people and groups were searched."</p></Empty> }.into_any();
    }
    if seen.view.plan.knows_nothing() {
        return view! { <Empty icon=Glyph::Warning title="Nothing was found to change"><p>"The source was not read as a whole, so this does not say that nothing differs."</p></Empty> }.into_any();
    }
    view! { <Empty icon=Glyph::Check title="There is nothing to change"><p>"What the source states is what is here."</p></Empty> }.into_any()
}

fn files(seen: &Seen) -> AnyView {
    if seen.rows.total.value() == 0 {
        return ().into_any();
    }
    let file = |format: &str| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(seen.address.filters());
        query.append_pair("format", format);
        format!("/plans/{}/download?{}", seen.view.plan.id, query.finish())
    };
    let id = seen.view.plan.id;
    let (csv, json) = (file("csv"), file("jsonl"));
    let note = if seen.address.is_filtered() {
        "The rows that match, in the order in which they are carried out."
    } else {
        "Every row, in the order in which they are carried out."
    };
    view! {
        <div class="plan-files">
            <LinkButton href=csv icon=Glyph::Download download=format!("plan-{id}.csv")>"Download CSV"</LinkButton>
            <LinkButton href=json icon=Glyph::Download download=format!("plan-{id}.jsonl")>"Download JSON"</LinkButton>
            <span class="note">{note}</span>
        </div>
    }
    .into_any()
}

/// `GET /plans/{id}/download`
///
/// # Errors
/// Without permission, for an unknown plan or format.
pub async fn download(visit: Visit, Path(id): Path<String>, Query(asked): Query<Pairs>) -> Answer {
    let id: PlanId = id_of(&id, "plan")?;
    let wanted = asked
        .iter()
        .find(|(key, _)| key == "format")
        .map_or("csv", |(_, value)| value.as_str());
    let format = Format::from_key(wanted).ok_or_else(|| {
        Error::new(
            "PLAN-010",
            Kind::Invalid,
            "A plan is downloaded as csv or jsonl.",
        )
        .next("Use the buttons on the plan's page.")
    })?;
    let view = views::plan_view(&visit.services, &visit.call, id).await?;
    let address = ListAddress::new(format!("/plans/{id}"), asked.clone(), &KNOWN);
    let rows = asked_of(&address);
    let chunks = views::export(&visit.services, &visit.call, &view, rows, format)?;
    let name = format!(
        "attachment; filename=\"muster-plan-{id}.{}\"",
        format.extension()
    );
    let headers = [
        (CONTENT_TYPE, format.media_type().to_owned()),
        (CONTENT_DISPOSITION, name),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// `POST /plans/{id}/approve`: approves exactly the plan that was seen.
///
/// # Errors
/// Without permission or presence, for an unknown plan.
pub async fn approve(visit: Visit, Path(id): Path<String>, fields: Fields) -> Answer {
    let id: PlanId = id_of(&id, "plan")?;
    visit.call.elevated()?;
    let seen = Identity(fields.one("identity").unwrap_or_default().to_owned());
    match runs::approve(&visit.services, &visit.call, id, &seen).await {
        Ok(run) => {
            let words = "Approved. It is carried out now.";
            visit.done(&format!("/runs/{run}"), words).await
        }
        Err(error) if belongs_to_form(&error) => page(&visit, id, Pairs::new(), Some(error)).await,
        Err(error) => Err(Failure(error)),
    }
}

/// `POST /plans/{id}/discard`
///
/// # Errors
/// Without permission, for an unknown plan.
pub async fn discard(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: PlanId = id_of(&id, "plan")?;
    match runs::discard(&visit.services, &visit.call, id).await {
        Ok(()) => {
            let words = "Put the plan away. Nothing was changed.";
            visit.done("/plans", words).await
        }
        Err(error) if belongs_to_form(&error) => page(&visit, id, Pairs::new(), Some(error)).await,
        Err(error) => Err(Failure(error)),
    }
}
