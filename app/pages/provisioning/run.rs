//! One run: where it stands, how far it is, what failed and what to do about it. While it goes on, the page follows.

use axum::extract::Path;
use axum::response::{IntoResponse, Redirect};
use chrono::{DateTime, Utc};
use leptos::prelude::*;
use muster_domain::id::RunId;
use muster_domain::plan::{PlanState, StoredPlan};
use muster_domain::role::Permission;
use muster_domain::run::{Run, RunState, Wish};
use muster_islands::RunProgress;
use muster_services::sync::runs::{self, RunDetail};
use muster_services::sync::views::{self, RowView};
use muster_web::Query;
use muster_web::events::{self, Told};
use serde::Deserialize;
use serde_json::json;

use super::plan_callouts::problem_callout;
use super::plan_rows::{self, Shown};
use super::plan_words::{plan_chip, run_chip, run_state, took, wish};
use super::plans::summary;
use super::run_way::{share, steps, word};
use crate::components::{
    Callout, Card, Crumb, Glyph, Inset, KeyValue, KeyValues, LinkButton, Look, Page, PostButton,
    Stat, Stats, Steps, Tone, When, Width, Written, grouped,
};
use crate::pages::people::id_of;
use crate::visit::{Answer, Visit, belongs_to_form};

/// Failures shown here; the page of the plan shows them all.
const FAILURES: u64 = 20;

/// What the address may hold.
#[derive(Deserialize, Default)]
pub struct Asked {
    #[serde(default)]
    then: String,
}

/// `GET /runs/{id}`; with `then=plan` it leads on to the plan as soon as that is made.
///
/// # Errors
/// Without permission, for an unknown run.
pub async fn show(visit: Visit, Path(id): Path<String>, Query(asked): Query<Asked>) -> Answer {
    let id: RunId = id_of(&id, "run")?;
    if asked.then == "plan" {
        let run = views::progress(&visit.services, &visit.call, id).await?;
        if let (RunState::Done, Some(plan)) = (run.state, run.plan) {
            return Ok(Redirect::to(&format!("/plans/{plan}")).into_response());
        }
    }
    page(&visit, id, &asked.then, None).await
}

async fn page(
    visit: &Visit,
    id: RunId,
    then: &str,
    problem: Option<muster_domain::Error>,
) -> Answer {
    let detail = runs::show(&visit.services, &visit.call, id).await?;
    let failed = views::failures(&visit.services, &visit.call, &detail.run, FAILURES).await?;
    let title = format!("{} · {}", wish(detail.run.wish), detail.directory);
    let status = problem.as_ref().map_or(http::StatusCode::OK, |error| {
        http::StatusCode::from_u16(error.kind.status()).unwrap_or(http::StatusCode::CONFLICT)
    });
    visit
        .console_with(status, &title, "/runs", || {
            let problem = problem.as_ref().map(problem_callout);
            let may = visit.call.can(Permission::ManageDirectories);
            body(&title, &detail, &failed, problem, (may, then, visit.now()))
        })
        .await
}

fn body(
    title: &str,
    detail: &RunDetail,
    failed: &[RowView],
    problem: Option<AnyView>,
    (may, then, now): (bool, &str, DateTime<Utc>),
) -> AnyView {
    let run = &detail.run;
    let badge = run_chip(run, detail.plan.as_ref().map(|plan| (plan, false)));
    let actions = actions(detail, may);
    let purpose = sentence(detail);
    let progress = if run.state.is_over() {
        numbers(run)
    } else {
        live(run, then)
    };
    let callouts = callouts(detail);
    let facts = facts(detail, now);
    let failures = failures(detail, failed);
    let crumbs = vec![Crumb::new("/runs", "Runs")];
    let steps = steps(run);
    view! {
        <Page title=title.to_owned() purpose crumbs badge actions width=Width::Table>
            {problem}
            <Steps steps/>
            {callouts}
            {progress}
            {failures}
            <Card title="This run"><KeyValues items=facts/></Card>
        </Page>
    }
    .into_any()
}

fn sentence(detail: &RunDetail) -> String {
    let (run, name) = (&detail.run, &detail.directory);
    let done = run.progress.tried.saturating_sub(run.progress.failed);
    match run.state {
        RunState::Queued => "It waits for its turn and begins within seconds.".to_owned(),
        RunState::Planning => format!(
            "{name} is being read, and a plan made of what differs. Nothing is changed meanwhile."
        ),
        RunState::Applying => {
            "The plan is being carried out, in steps that each hold for themselves.".to_owned()
        }
        RunState::Held | RunState::Done if is_unread(detail) => {
            format!(
                "{name} was not read as a whole. Nothing was changed, and what would change is not known."
            )
        }
        RunState::Held => match detail.plan.as_ref().map(|plan| plan.state) {
            Some(PlanState::Discarded) => "Its plan was put away. Nothing was changed.".to_owned(),
            Some(PlanState::Begun | PlanState::Done) => {
                "Somebody looked at its plan and approved it.".to_owned()
            }
            _ => "The plan is made. Somebody has to look at it before anything is changed."
                .to_owned(),
        },
        RunState::Done if !run.wish.changes() => {
            "The plan is made. Nothing was changed.".to_owned()
        }
        RunState::Done if run.progress.planned == 0 => {
            "Nothing differed, nothing was changed.".to_owned()
        }
        RunState::Done => format!(
            "{} done, {} failed.",
            grouped(done),
            grouped(run.progress.failed)
        ),
        RunState::Failed if done == 0 => "It could not go on. Nothing was changed.".to_owned(),
        RunState::Failed => format!(
            "It could not go on after {} changes. What was done stays done.",
            grouped(done)
        ),
        RunState::Cancelled if done == 0 => {
            "It was stopped before anything was changed.".to_owned()
        }
        RunState::Cancelled => format!(
            "It was stopped after {} changes. What was done stays done.",
            grouped(done)
        ),
    }
}

/// Whether its plan can tell nothing, because the source could not be read as a whole.
fn is_unread(detail: &RunDetail) -> bool {
    let plan = detail.plan.as_ref();
    plan.is_some_and(StoredPlan::knows_nothing)
}

fn actions(detail: &RunDetail, may: bool) -> AnyView {
    let run = &detail.run;
    let plan = detail.plan.as_ref().map(|plan| {
        let (href, look) = (
            format!("/plans/{}", plan.id),
            if run.state == RunState::Held {
                Look::Primary
            } else {
                Look::Plain
            },
        );
        view! { <LinkButton href look icon=Glyph::Plan>"Look at the plan"</LinkButton> }
    });
    // Two directories that change places are not left half way, nor on their way back.
    let is_whole = run.state == RunState::Applying && detail.changes_places;
    let may_stop = may && !run.state.is_over() && !run.cancel_asked && !is_whole;
    let cancel = may_stop.then(|| {
        let action = format!("/runs/{}/cancel", run.id);
        view! { <PostButton action look=Look::Danger>"Stop the run"</PostButton> }
    });
    let undo = (may && detail.can_be_undone).then(|| {
        let action = format!("/runs/{}/undo", run.id);
        view! { <PostButton action icon=Glyph::Refresh>"Undo what it did"</PostButton> }
    });
    view! {
        {cancel}
        {undo}
        {plan}
    }
    .into_any()
}

fn live(run: &Run, then: &str) -> AnyView {
    let (id, progress) = (run.id, &run.progress);
    let (state, _) = run_state(run);
    let (events, word, share) = (format!("/runs/{id}/events"), word(run), share(run));
    let (read, planned, tried, failed) = (
        grouped(progress.read),
        grouped(progress.planned),
        grouped(progress.tried),
        grouped(progress.failed),
    );
    let again = match then {
        "plan" => format!("/runs/{id}?then=plan"),
        _ => format!("/runs/{id}"),
    };
    let more =
        view! { <LinkButton href=again look=Look::Quiet icon=Glyph::Refresh>"Reload"</LinkButton> }
            .into_any();
    view! {
        <Card title=state more>
            <RunProgress events=events state=word read=read planned=planned tried=tried failed=failed share=share/>
        </Card>
    }
    .into_any()
}

fn numbers(run: &Run) -> AnyView {
    let progress = &run.progress;
    let plain = |label: &str, value: String, note: &str| Stat {
        label: label.to_owned(),
        value,
        note: note.to_owned(),
        href: None,
    };
    let mut stats = Vec::new();
    if run.wish != Wish::Apply {
        stats.push(plain(
            "Read",
            grouped(progress.read),
            "people and groups at the source",
        ));
    }
    stats.push(plain("Planned", grouped(progress.planned), "changes"));
    if run.wish.changes() {
        let done = progress.tried.saturating_sub(progress.failed);
        stats.push(plain("Done", grouped(done), "changes"));
        stats.push(plain("Failed", grouped(progress.failed), "changes"));
    }
    let time = took(progress.planning_ms + progress.applying_ms);
    let calls = if progress.calls == 1 {
        "1 question to the source".to_owned()
    } else {
        format!("{} questions to the source", grouped(progress.calls))
    };
    stats.push(plain(
        "Took",
        time,
        if run.wish == Wish::Apply {
            "to carry out"
        } else {
            &calls
        },
    ));
    view! { <Stats stats/> }.into_any()
}

fn callouts(detail: &RunDetail) -> AnyView {
    let run = &detail.run;
    let problem = run.problem.clone().map(|words| {
        let (tone, title) = match run.state {
            RunState::Failed => (Tone::Danger, "Why it could not go on"),
            _ => (Tone::Caution, "What happened"),
        };
        view! { <Callout tone title><p>{words}</p></Callout> }
    });
    let held = detail
        .plan
        .as_ref()
        .filter(|plan| plan.is_open() && !plan.holds.is_empty())
        .filter(|_| run.state == RunState::Held || is_unread(detail))
        .map(|plan| {
            let holds = plan
                .holds
                .iter()
                .map(|hold| view! { <li>{hold.words()}</li> })
                .collect_view();
            let action = view! { <LinkButton href=format!("/plans/{}", plan.id)>"Look at the plan"</LinkButton> }.into_any();
            let title = match plan.knows_nothing() {
                true => "It was not read as a whole",
                false => "Held: somebody has to look first",
            };
            view! { <Callout tone=Tone::Caution title action><ul class="points">{holds}</ul></Callout> }
        });
    let back = detail.undone_by.first().map(|undo| {
        let href = format!("/plans/{}", undo.id);
        let action = view! { <LinkButton href>"Look at the undo"</LinkButton> }.into_any();
        let words = match undo.state {
            PlanState::Done => "What this run did was taken back.",
            PlanState::Discarded => "A plan to take this run back was put away.",
            _ => "A plan to take this run back is there and waits for an approval.",
        };
        view! { <Callout tone=Tone::Neutral title=words action><p></p></Callout> }
    });
    view! {
        {problem}
        {held}
        {back}
    }
    .into_any()
}

fn failures(detail: &RunDetail, failed: &[RowView]) -> AnyView {
    let (run, Some(plan)) = (&detail.run, &detail.plan) else {
        return ().into_any();
    };
    if failed.is_empty() {
        return ().into_any();
    }
    let base = format!("/plans/{}", plan.id);
    let about = |id: &str| format!("{base}?who={id}");
    let shown = Shown {
        about: &about,
        is_about_one: false,
        is_carried: true,
    };
    let table = plan_rows::table(failed, shown);
    let all = format!("All {} failures", grouped(run.progress.failed));
    let more = view! { <a href=format!("{base}?outcome=failed")>{all}</a> }.into_any();
    view! { <Card title="What failed" inset=Inset::Flush more>{table}</Card> }.into_any()
}

fn facts(detail: &RunDetail, now: DateTime<Utc>) -> Vec<KeyValue> {
    let run = &detail.run;
    let exact = |at: DateTime<Utc>| {
        view! { <When at now written=Written::Exact/> " (" <When at now/> ")" }.into_any()
    };
    let name = detail.directory.clone();
    let directory = match detail.is_there {
        true => view! { <a href=format!("/directories/{}", run.directory)>{name}</a> }.into_any(),
        false => name.into_any(),
    };
    let mut items = vec![
        KeyValue::new("Directory", directory),
        KeyValue::new("Asked by", run.started_by.clone()),
        KeyValue::new("Asked", exact(run.created_at)),
    ];
    if let Some(person) = run.person.clone() {
        items.push(KeyValue::new("About", person));
    }
    if let Some(told) = run.progress.told {
        items.push(KeyValue::new("From the source", told.words()));
    }
    if let Some(at) = run.started_at {
        items.push(KeyValue::new("Began", exact(at)));
    }
    if let Some(at) = run.ended_at {
        items.push(KeyValue::new("Ended", exact(at)));
    } else if let Some(at) = run.heartbeat_at {
        items.push(KeyValue::new("Last sign of life", exact(at)));
    }
    if let Some(plan) = &detail.plan {
        let (href, chip, sums) = (
            format!("/plans/{}", plan.id),
            plan_chip(plan, false),
            summary(&plan.counts),
        );
        items.push(KeyValue::new(
            "Plan",
            view! { <span class="chips"><a href=href>"Plan"</a> " " {chip} " " {sums}</span> }
                .into_any(),
        ));
        if let Some(by) = plan.approved_by.clone() {
            items.push(KeyValue::new("Approved by", by));
        }
    }
    items
}

/// `GET /runs/{id}/events`: how far the run is, each time it changed.
///
/// # Errors
/// Without permission, for an unknown run, when too many pages watch at once.
pub async fn follow(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: RunId = id_of(&id, "run")?;
    views::progress(&visit.services, &visit.call, id).await?;
    let (services, call) = (visit.services.clone(), visit.call.clone());
    events::stream(move || {
        let (services, call) = (services.clone(), call.clone());
        async move {
            let run = views::progress(&services, &call, id).await?;
            Ok(told(&run))
        }
    })
}

fn told(run: &Run) -> Told {
    let progress = &run.progress;
    let data = json!({
        "state": word(run), "share": share(run), "read": grouped(progress.read), "planned": grouped(progress.planned),
        "tried": grouped(progress.tried), "failed": grouped(progress.failed),
    });
    Told {
        data: data.to_string(),
        is_last: run.state.is_over(),
    }
}

/// `POST /runs/{id}/cancel`
///
/// # Errors
/// Without permission, for an unknown run.
pub async fn cancel(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: RunId = id_of(&id, "run")?;
    match runs::cancel(&visit.services, &visit.call, id).await {
        Ok(()) => {
            let words = "It stops after what is being written now.";
            visit.done(&format!("/runs/{id}"), words).await
        }
        Err(error) if belongs_to_form(&error) => page(&visit, id, "", Some(error)).await,
        Err(error) => Err(error.into()),
    }
}

/// `POST /runs/{id}/undo`: makes the plan that takes it back, for somebody to approve.
///
/// # Errors
/// Without permission or presence, for an unknown run.
pub async fn undo(visit: Visit, Path(id): Path<String>) -> Answer {
    let id: RunId = id_of(&id, "run")?;
    visit.call.elevated()?;
    match runs::undo(&visit.services, &visit.call, id).await {
        Ok(plan) => {
            let words = "The plan that takes it back is made. Approve it to carry it out.";
            visit.done(&format!("/plans/{plan}"), words).await
        }
        Err(error) if belongs_to_form(&error) => page(&visit, id, "", Some(error)).await,
        Err(error) => Err(error.into()),
    }
}
