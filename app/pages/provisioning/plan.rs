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
use muster_domain::plan::{Identity, PlanState, Purpose, told};
use muster_domain::role::Permission;
use muster_domain::run::{RunState, Wish};
use muster_domain::{Error, Kind};
use muster_services::sync::runs;
use muster_services::sync::views::{self, Format, PlanView, RowView, RowsAsked};
use muster_services::users::Paging;
use muster_web::{Failure, Fields, Query};

use super::plan_rows::{self, Shown, page_of};
use super::plan_words::{cause, headline, purpose, state_chip};
use crate::components::{
    ActiveFilter, Callout, Card, ConfirmDialog, Crumb, Empty, Facet, Facets, Filters, Glyph, Inset,
    LinkButton, Look, Page, Pager, PostButton, Tone, When, Width, count_words, counted, grouped,
};
use crate::pages::people::address::{ListAddress, Pairs};
use crate::pages::people::id_of;
use crate::visit::{Answer, Visit, belongs_to_form};

/// What narrows the rows.
const KNOWN: [&str; 5] = ["kind", "cause", "q", "who", "outcome"];
/// The kind of rows that are not done.
const REFUSED: &str = "refusal";

/// `GET /plans/{id}`
///
/// # Errors
/// Without permission, for an unknown plan.
pub async fn show(visit: Visit, Path(id): Path<String>, Query(asked): Query<Pairs>) -> Answer {
    let id: PlanId = id_of(&id, "plan")?;
    page(&visit, id, asked, None).await
}

/// Everything the page shows.
struct Seen {
    view: PlanView,
    rows: Listed<RowView>,
    address: ListAddress,
    undoable: Option<RunId>,
    problem: Option<Error>,
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
    }
}

pub(super) fn asked_of(address: &ListAddress) -> RowsAsked {
    let text = |key: &str| address.get(key).map(str::to_owned);
    RowsAsked {
        kind: text("kind"),
        cause: text("cause"),
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
    let badge = view! { {state_chip(plan.state, view.is_stale)} }.into_any();
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
pub(super) fn can_apply(view: &PlanView) -> bool {
    let open = view
        .runs
        .iter()
        .any(|run| run.wish == Wish::Apply && !run.state.is_over());
    matches!(view.plan.state, PlanState::Clear | PlanState::Held)
        && !view.is_stale
        && !open
        && view.plan.purpose != Purpose::WhatIf
        && view.plan.counts.all() > 0
}

fn actions(seen: &Seen, may: bool) -> AnyView {
    let (view, plan) = (&seen.view, &seen.view.plan);
    if !may {
        return ().into_any();
    }
    let waits = matches!(plan.state, PlanState::Clear | PlanState::Held);
    let discard = (waits && view.runs.iter().all(|run| run.state.is_over())).then(|| {
        let action = format!("/plans/{}/discard", plan.id);
        view! { <PostButton action look=Look::Danger>"Discard"</PostButton> }
    });
    let apply = can_apply(view).then(|| {
        apply(
            view,
            counted(plan.counts.all(), "change", "changes"),
            "Apply",
        )
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
    if plan.holds.is_empty() {
        return view! { <PostButton action fields look=Look::Primary>{words}</PostButton> }
            .into_any();
    }
    let doing = told::doing(&plan.counts, grouped);
    let name = view.directory.name.clone();
    let question = format!("{words}?");
    let holds = plan
        .holds
        .iter()
        .map(|hold| view! { <li>{hold.words()}</li> })
        .collect_view();
    view! {
        <ConfirmDialog id="apply" trigger=words.clone() look=Look::Primary title=question confirm=words confirm_look=Look::Primary action fields>
            <p>{format!("This will {doing} in {name}. It is held because:")}</p>
            <ul class="points">{holds}</ul>
            <p>"Steps are carried out in order; each can be taken back afterwards."</p>
        </ConfirmDialog>
    }
    .into_any()
}

fn callouts(seen: &Seen, may: bool, visit: &Visit) -> AnyView {
    let (view, plan) = (&seen.view, &seen.view.plan);
    let problem = seen.problem.as_ref().map(problem_callout);
    let stale = view.is_stale.then(|| stale(view, may));
    let waits = matches!(plan.state, PlanState::Clear | PlanState::Held) && !view.is_stale;
    let held = (waits && !plan.holds.is_empty()).then(|| {
        let holds = plan
            .holds
            .iter()
            .map(|hold| view! { <li>{hold.words()}</li> })
            .collect_view();
        view! {
            <Callout tone=Tone::Caution title="Held: somebody has to look first">
                <ul class="points">{holds}</ul>
                <p>"Nothing has been applied. Look at what would go, then approve the plan, or put it away and correct the source."</p>
            </Callout>
        }
    });
    let waits_by_rule =
        (waits && plan.state == PlanState::Held && plan.holds.is_empty()).then(|| {
            let why = match plan.purpose {
                Purpose::Undo => "Taking something back is always approved by a person.",
                Purpose::Removal => "Removing a directory is always approved by a person.",
                _ => "It waits for a person to approve it.",
            };
            view! { <Callout tone=Tone::Neutral title="It waits for you"><p>{why}</p></Callout> }
        });
    let what_if = (plan.purpose == Purpose::WhatIf).then(|| {
        view! { <Callout tone=Tone::Neutral title="This plan only shows something"><p>"It was made with settings that are not saved. It cannot be carried out; save them, and the next sync does this."</p></Callout> }
    });
    let carried = carried(seen, visit);
    view! {
        {problem}
        {stale}
        {held}
        {waits_by_rule}
        {what_if}
        {carried}
    }
    .into_any()
}

/// An approval that was refused.
pub(super) fn problem_callout(error: &Error) -> AnyView {
    let (title, next, code) = (
        error.public.to_string(),
        error.next.clone().map(|next| next.to_string()),
        error.code,
    );
    view! { <Callout tone=Tone::Danger title><p>{next} " " <code>{code}</code></p></Callout> }
        .into_any()
}

fn stale(view: &PlanView, may: bool) -> AnyView {
    let directory = view.directory.id;
    let (words, action) = match view.plan.purpose {
        Purpose::Removal => (
            "Ask for the removal of the directory again.",
            view! { <LinkButton href=format!("/directories/{directory}/delete")>"Make it again"</LinkButton> }.into_any(),
        ),
        Purpose::Undo => (
            "Take the run back once more: the plan is made of what is here now.",
            view! { <LinkButton href=format!("/runs?directory={directory}")>"Go to the runs"</LinkButton> }.into_any(),
        ),
        _ if may && view.is_read && view.directory.enabled => (
            "Make a new plan: it reads the source again and changes nothing.",
            view! { <PostButton action=format!("/directories/{directory}/run") fields=vec![("wish".to_owned(), "plan".to_owned())] icon=Glyph::Refresh>"Make a new plan"</PostButton> }.into_any(),
        ),
        _ => ("A new plan is needed.", ().into_any()),
    };
    view! {
        <Callout tone=Tone::Caution title="Out of date" action>
            <p>"The directory's accounts changed since this plan was made, so it cannot be carried out any more. " {words}</p>
        </Callout>
    }
    .into_any()
}

/// The run that carries it out or did.
fn carried(seen: &Seen, visit: &Visit) -> AnyView {
    let view = &seen.view;
    let open = view
        .runs
        .iter()
        .find(|run| run.wish == Wish::Apply && !run.state.is_over());
    let Some(run) = view.carried_by().or(open) else {
        return ().into_any();
    };
    let href = format!("/runs/{}", run.id);
    let (tried, failed) = (run.progress.tried, run.progress.failed);
    let done = grouped(tried.saturating_sub(failed));
    let all = counted(view.plan.counts.all(), "change", "changes");
    let action = view! { <LinkButton href>"Go to the run"</LinkButton> }.into_any();
    let approved = view.plan.approved_by.clone().map(|by| {
        let (at, now) = (view.plan.approved_at.unwrap_or(run.created_at), visit.now());
        view! { " " {by} " approved it " <When at now/> "." }
    });
    let (tone, title) = match run.state {
        RunState::Done if failed == 0 => (Tone::Good, format!("All {all} are done")),
        RunState::Done => (
            Tone::Caution,
            format!("{done} of {all} are done, {} failed", grouped(failed)),
        ),
        RunState::Failed => (
            Tone::Danger,
            format!("The run failed after {done} of {all}"),
        ),
        RunState::Cancelled => (
            Tone::Caution,
            format!("The run was stopped after {done} of {all}"),
        ),
        _ => (Tone::Accent, "It is being carried out".to_owned()),
    };
    let problem = run.problem.clone();
    view! { <Callout tone title action><p>{problem} {approved}</p></Callout> }.into_any()
}

/// The same list with one parameter more, the page and `drop` forgotten.
fn with(address: &ListAddress, drop: &[&str], key: &str, value: Option<&str>) -> String {
    let kept: Pairs = address
        .filters()
        .into_iter()
        .filter(|(known, _)| !drop.contains(&known.as_str()))
        .collect();
    let base = ListAddress::new(address.without_all(), kept, &KNOWN);
    match value {
        Some(value) => base.with(key, value),
        None => base.without(key),
    }
}

fn kinds(seen: &Seen) -> Vec<Facet> {
    let (counts, address) = (&seen.view.plan.counts, &seen.address);
    let now = address.get("kind");
    let mut facets = vec![Facet {
        label: "All".to_owned(),
        count: Some(counts.all() + counts.refused()),
        href: with(address, &["cause", "outcome"], "kind", None),
        tone: Tone::Neutral,
        is_current: now.is_none() && address.get("outcome").is_none(),
    }];
    let mut add = |key: &str, label: &str, count: u64, tone: Tone| {
        if count > 0 {
            facets.push(Facet {
                label: label.to_owned(),
                count: Some(count),
                href: with(address, &["cause", "outcome"], "kind", Some(key)),
                tone,
                is_current: now == Some(key),
            });
        }
    };
    for (kind, label) in muster_domain::plan::stored::KINDS {
        let takes = matches!(
            kind,
            "remove_member"
                | "deactivate"
                | "remove_account"
                | "delete_user"
                | "unlink_group"
                | "delete_group"
        );
        let tone = if takes { Tone::Danger } else { Tone::Neutral };
        add(kind, label, counts.of(kind), tone);
    }
    add(
        "link_identity",
        "Identities",
        counts.of("link_identity"),
        Tone::Neutral,
    );
    add(REFUSED, "Not done", counts.refused(), Tone::Caution);
    if let Some(run) = seen.view.carried_by().filter(|run| run.progress.failed > 0) {
        facets.push(Facet {
            label: "Failed".to_owned(),
            count: Some(run.progress.failed),
            href: with(address, &["kind", "cause"], "outcome", Some("failed")),
            tone: Tone::Danger,
            is_current: address.get("outcome") == Some("failed"),
        });
    }
    facets
}

/// The causes there are among the rows of the chosen kind.
fn causes(seen: &Seen) -> Vec<Facet> {
    let (counts, address) = (&seen.view.plan.counts, &seen.address);
    let kind = address.get("kind");
    let mut found: std::collections::BTreeMap<&str, u64> = std::collections::BTreeMap::new();
    for (known, causes) in &counts.steps {
        if kind.is_none_or(|kind| kind == known) {
            for (word, count) in causes {
                *found.entry(word).or_default() += count;
            }
        }
    }
    if kind.is_none_or(|kind| kind == REFUSED) {
        for (word, count) in &counts.refusals {
            *found.entry(word).or_default() += count;
        }
    }
    let now = address.get("cause");
    if found.len() < 2 && now.is_none() {
        return Vec::new();
    }
    found
        .into_iter()
        .map(|(word, count)| {
            let (label, tone) = cause(word);
            let is_current = now == Some(word);
            Facet {
                label: label.to_owned(),
                count: Some(count),
                href: with(
                    address,
                    &["outcome"],
                    "cause",
                    (!is_current).then_some(word),
                ),
                tone,
                is_current,
            }
        })
        .collect()
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
            view! { <LinkButton href look=Look::Quiet icon=Glyph::Arrow>{format!("Open the page of {}", whom.name)}</LinkButton> }
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
    let (csv, json) = (file("csv"), file("json"));
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
            "A plan is downloaded as csv or json.",
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
