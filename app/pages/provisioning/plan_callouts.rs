//! What a plan's page says above its rows: why it waits, what became of it, what was refused.

use leptos::prelude::*;
use muster_domain::Error;
use muster_domain::plan::{PlanState, Purpose};
use muster_domain::run::{RunState, Wish};
use muster_services::sync::views::PlanView;

use super::plan::Seen;
use crate::components::{Callout, Glyph, LinkButton, PostButton, Tone, When, counted, grouped};
use crate::visit::Visit;

/// Everything that is to be known before the rows.
pub(super) fn callouts(seen: &Seen, may: bool, visit: &Visit) -> AnyView {
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
        let next = match plan.knows_nothing() {
            true => "Nothing has been applied. Correct the source, or the settings by which it is read, then sync again.",
            false => "Nothing has been applied. Look at what would go, then approve the plan, or put it away and correct the source.",
        };
        let title = match plan.knows_nothing() {
            true => "It was not read as a whole",
            false => "Held: somebody has to look first",
        };
        view! {
            <Callout tone=Tone::Caution title>
                <ul class="points">{holds}</ul>
                <p>{next}</p>
            </Callout>
        }
    });
    let waits_by_rule =
        (waits && plan.state == PlanState::Held && plan.holds.is_empty()).then(|| {
            let why = match plan.purpose {
                Purpose::Undo => "Taking something back is always approved by a person.",
                Purpose::Shadow => {
                    "That one directory takes the place of another is always approved by a person."
                }
                Purpose::Removal => "Removing a directory is always approved by a person.",
                _ => "It waits for a person to approve it.",
            };
            view! { <Callout tone=Tone::Neutral title="It waits for you"><p>{why}</p></Callout> }
        });
    let what_if = (plan.purpose == Purpose::WhatIf).then(|| what_if(view, may));
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

/// That it cannot be carried out, why a sync would wait, and the way back to the mapping it was made with.
fn what_if(view: &PlanView, may: bool) -> AnyView {
    let holds = view
        .plan
        .holds
        .iter()
        .map(|hold| view! { <li>{hold.words()}</li> })
        .collect_view();
    let waits = (!view.plan.holds.is_empty()).then(|| {
        view! { <p>"A sync would wait for a person:"</p><ul class="points">{holds}</ul> }
    });
    let run = view.runs.iter().find(|run| run.wish == Wish::WhatIf);
    let action = run.filter(|_| may).map(|run| {
        let href = format!("/directories/{}/mapping?run={}", view.directory.id, run.id);
        view! { <LinkButton href icon=Glyph::Edit>"Back to the mapping"</LinkButton> }
    });
    view! {
        <Callout tone=Tone::Neutral title="This plan only shows something" action=action.into_any()>
            <p>"It was made with a mapping that was not saved. It cannot be carried out; save the mapping, and the next sync does this."</p>
            {waits}
        </Callout>
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
            "Ask again to take that run back: the plan is then made anew.",
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
