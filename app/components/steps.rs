//! Where one is in a wizard.

use super::icon::{Glyph, Icon};
use leptos::prelude::*;

/// How far a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Behind us; its link goes back.
    Done,
    /// The one on the page.
    Current,
    /// Still ahead.
    Ahead,
}

/// One step of a wizard.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name.
    pub label: String,
    /// How far it is.
    pub progress: Progress,
    /// Its address, if one may go there now.
    pub href: Option<String>,
}

/// The steps in order. On a phone only the current one is named, with "step 3 of 7".
#[component]
pub fn Steps(
    /// The steps.
    steps: Vec<Step>,
) -> impl IntoView {
    let total = steps.len();
    let current = steps
        .iter()
        .position(|step| step.progress == Progress::Current)
        .map_or(total, |at| at + 1);
    view! {
        <nav class="steps" aria-label="Steps">
            <p class="steps-count">{format!("Step {current} of {total}")}</p>
            <ol>{steps.into_iter().enumerate().map(|(at, step)| one(at + 1, step)).collect_view()}</ol>
        </nav>
    }
}

fn one(number: usize, step: Step) -> AnyView {
    let (class, mark, spoken) = match step.progress {
        Progress::Done => (
            "done",
            view! { <Icon glyph=Glyph::Check/> }.into_any(),
            "Done: ",
        ),
        Progress::Current => ("current", number.to_string().into_any(), ""),
        Progress::Ahead => ("ahead", number.to_string().into_any(), ""),
    };
    let current = (step.progress == Progress::Current).then_some("step");
    let words = view! {
        <span class="step-mark">{mark}</span>
        <span class="step-label"><span class="visually-hidden">{spoken}</span>{step.label}</span>
    };
    match step.href {
        Some(href) => {
            view! { <li class=class aria-current=current><a href=href>{words}</a></li> }.into_any()
        }
        None => view! { <li class=class aria-current=current>{words}</li> }.into_any(),
    }
}
