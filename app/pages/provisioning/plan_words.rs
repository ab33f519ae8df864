//! Plans and runs in words: their states, what they are for, why something changes or does not, what to do next.

use leptos::prelude::*;
use muster_domain::plan::{PlanState, Purpose, StoredPlan, told};
use muster_domain::run::{Run, RunState, Wish};
use muster_services::sync::views::RunLine;

use crate::components::{Chip, Tone, grouped};

/// Every state of a plan: the word in addresses, what people read, its tone.
pub(crate) const STATES: [(PlanState, &str, &str, Tone); 6] = [
    (PlanState::Held, "held", "Held", Tone::Caution),
    (PlanState::Clear, "clear", "Ready", Tone::Accent),
    (PlanState::Making, "making", "Being made", Tone::Neutral),
    (PlanState::Begun, "begun", "Being carried out", Tone::Accent),
    (PlanState::Done, "done", "Carried out", Tone::Good),
    (PlanState::Discarded, "discarded", "Put away", Tone::Neutral),
];

/// What a plan is for: the word in addresses, what people read.
pub(crate) const PURPOSES: [(Purpose, &str, &str); 6] = [
    (Purpose::Sync, "sync", "Sync"),
    (Purpose::Drift, "drift", "Comparison"),
    (Purpose::Undo, "undo", "Undo"),
    (Purpose::WhatIf, "what_if", "What if"),
    (Purpose::Removal, "removal", "Removal"),
    (Purpose::Shadow, "shadow", "Comparison in shadow"),
];

/// The word of a cause, what people read, its tone.
const CAUSES: [(&str, &str, Tone); 13] = [
    ("new_at_source", "New at source", Tone::Good),
    ("changed_at_source", "Changed at source", Tone::Accent),
    ("gone_from_source", "Gone from source", Tone::Danger),
    ("filtered_out", "Filtered out", Tone::Caution),
    ("mapping_changed", "Mapping changed", Tone::Caution),
    ("disabled_at_source", "Disabled at source", Tone::Caution),
    ("back_at_source", "Back at source", Tone::Good),
    ("drift_repaired", "Changed here", Tone::Accent),
    ("handed_over", "Handed over, the same", Tone::Good),
    ("differs", "Says something else", Tone::Accent),
    ("undone", "Undone", Tone::Neutral),
    ("rule", "Rule", Tone::Neutral),
    ("by_hand", "By hand", Tone::Neutral),
];

/// The word of a reason why something is not done, what people read, what to do.
const REASONS: [(&str, &str, &str); 12] = [
    (
        "unusable",
        "Unusable record",
        "Correct it at the source, or leave it out by a filter.",
    ),
    (
        "name_taken",
        "Name taken",
        "Give one of the two another name.",
    ),
    (
        "name_contended",
        "Name wanted twice",
        "Give one of them another name at the source.",
    ),
    (
        "names_in_a_circle",
        "Names in a circle",
        "Rename one of them by hand; the next run follows.",
    ),
    (
        "name_protected",
        "Name protected",
        "Rename them at the source, or take the name out of those the directory may not touch.",
    ),
    (
        "protected",
        "Protected",
        "If it is meant, change it on their own page.",
    ),
    (
        "in_itself",
        "Group in itself",
        "Take the group out of itself at the source.",
    ),
    (
        "unclear",
        "Nobody can tell who",
        "Correct what they are matched by, on either side, or match by something else.",
    ),
    (
        "stays_out",
        "Stays out",
        "If it is meant, let them in on their own page.",
    ),
    (
        "stays",
        "Only in the former",
        "If it is meant otherwise, change what happens with people who leave, in the settings.",
    ),
    (
        "stays_off",
        "Only in the former, off",
        "Nothing is needed: they are switched off, and nothing lets them in.",
    ),
    (
        "changed_since",
        "Changed since",
        "It stays as it is. If it is meant, change it on its own page.",
    ),
];

/// What people read of where a plan stands. One that only shows something waits for nobody and was not put away.
pub(crate) fn plan_chip(plan: &StoredPlan, is_stale: bool) -> AnyView {
    if plan.purpose == Purpose::WhatIf && plan.state != PlanState::Making {
        return view! { <Chip tone=Tone::Neutral>"To look at"</Chip> }.into_any();
    }
    state_chip(plan.state, is_stale)
}

/// What people read of a state.
pub(crate) fn state_chip(state: PlanState, is_stale: bool) -> AnyView {
    if is_stale {
        return view! { <Chip tone=Tone::Caution>"Out of date"</Chip> }.into_any();
    }
    let known = STATES.iter().find(|(known, ..)| *known == state);
    let (words, tone) = known.map_or(("", Tone::Neutral), |(_, _, words, tone)| (*words, *tone));
    view! { <Chip tone>{words}</Chip> }.into_any()
}

/// What people read of a purpose.
pub(crate) fn purpose(purpose: Purpose) -> &'static str {
    PURPOSES
        .iter()
        .find(|(known, ..)| *known == purpose)
        .map_or("", |(_, _, words)| words)
}

/// What people read of a cause or a reason, and how it looks.
pub(crate) fn cause(word: &str) -> (&'static str, Tone) {
    let cause = CAUSES.iter().find(|(known, ..)| *known == word);
    let reason = REASONS.iter().find(|(known, ..)| *known == word);
    match (cause, reason) {
        (Some((_, words, tone)), _) => (words, *tone),
        (None, Some((_, words, _))) => (words, Tone::Caution),
        (None, None) => ("Other", Tone::Neutral),
    }
}

/// What to do about something that is not done.
pub(crate) fn remedy(reason: &str) -> &'static str {
    REASONS
        .iter()
        .find(|(known, ..)| *known == reason)
        .map_or("", |(_, _, next)| next)
}

/// What the plan would do, does or did, in one sentence.
pub(crate) fn headline(plan: &StoredPlan, is_stale: bool) -> String {
    let doing = told::doing(&plan.counts, grouped);
    let is_empty = plan.counts.all() == 0;
    match plan.state {
        PlanState::Making => "This plan is being made: its rows are not all there yet.".to_owned(),
        _ if plan.purpose == Purpose::WhatIf && is_empty => {
            "With this mapping, nothing would change.".to_owned()
        }
        _ if plan.purpose == Purpose::WhatIf => {
            format!("With this mapping, a sync would {doing}. Nothing of it is carried out.")
        }
        PlanState::Clear | PlanState::Held if is_empty && plan.purpose == Purpose::Removal => {
            "Nothing comes from this directory: only itself goes.".to_owned()
        }
        PlanState::Clear | PlanState::Held if plan.knows_nothing() => {
            "The source was not read as a whole: whether something differs is not known.".to_owned()
        }
        PlanState::Clear | PlanState::Held if is_empty => {
            "Nothing differs: this plan would change nothing.".to_owned()
        }
        PlanState::Clear | PlanState::Held if is_stale => {
            format!("This plan would have to {doing}, but something changed since it was made.")
        }
        PlanState::Clear | PlanState::Held => {
            format!("This plan would {doing}. Nothing of it has been done yet.")
        }
        PlanState::Begun => format!("This plan is being carried out: it is to {doing}."),
        PlanState::Done => format!("This plan was carried out: it was to {doing}."),
        PlanState::Discarded => format!("This plan was put away. It would have had to {doing}."),
    }
}

/// What people read of a run's state; of one that is held, what became of its plan.
pub(crate) fn run_chip(run: &Run, held: Option<(&StoredPlan, bool)>) -> AnyView {
    let (words, tone) = match held {
        Some((plan, is_stale)) if run.state == RunState::Held => {
            // That a reading failed stays true, whatever became of what was made of it.
            if plan.knows_nothing() {
                ("Not read as a whole", Tone::Danger)
            } else if plan.is_open() && !is_stale {
                ("Waits for a person", Tone::Caution)
            } else {
                return plan_chip(plan, is_stale);
            }
        }
        _ => run_state(run),
    };
    view! { <Chip tone>{words}</Chip> }.into_any()
}

/// The same of a run in a list.
pub(crate) fn line_chip(line: &RunLine) -> AnyView {
    let held = line.held.as_ref().map(|held| (&held.plan, held.is_stale));
    run_chip(&line.run, held)
}

/// What people read of a run's state, and how it looks.
pub(crate) fn run_state(run: &Run) -> (&'static str, Tone) {
    match run.state {
        _ if run.cancel_asked && !run.state.is_over() => ("Stopping", Tone::Caution),
        RunState::Queued => ("Waiting", Tone::Neutral),
        RunState::Planning => ("Reading", Tone::Accent),
        RunState::Held => ("Held", Tone::Caution),
        RunState::Applying => ("Carrying out", Tone::Accent),
        RunState::Done if run.progress.failed > 0 => ("Done in part", Tone::Caution),
        RunState::Done => ("Done", Tone::Good),
        RunState::Failed => ("Failed", Tone::Danger),
        RunState::Cancelled => ("Stopped", Tone::Neutral),
    }
}

/// The stable word of a run's state, as the page that watches it is told.
pub(crate) const fn run_word(state: RunState) -> &'static str {
    match state {
        RunState::Queued => "queued",
        RunState::Planning => "planning",
        RunState::Held => "held",
        RunState::Applying => "applying",
        RunState::Done => "done",
        RunState::Failed => "failed",
        RunState::Cancelled => "cancelled",
    }
}

/// What a run is asked to do.
pub(crate) const fn wish(wish: Wish) -> &'static str {
    match wish {
        Wish::Plan => "Compare",
        Wish::Sync => "Sync",
        Wish::Apply => "Apply a plan",
        Wish::WhatIf => "What if",
    }
}

/// A length of time as it is measured: `under 0.1 s`, `0.4 s`, `12 s`, `3 min 5 s`.
pub(crate) fn took(millis: u64) -> String {
    match millis {
        0..100 => "under 0.1 s".to_owned(),
        100..10_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        10_000..60_000 => format!("{} s", millis / 1000),
        _ => format!("{} min {} s", millis / 60_000, millis / 1000 % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_domain::change::Cause;
    use muster_domain::plan::{Protection, Reason};

    #[test]
    fn every_cause_and_every_reason_has_words_of_its_own() {
        let causes = [
            Cause::NewAtSource,
            Cause::ChangedAtSource,
            Cause::GoneFromSource,
            Cause::FilteredOut(String::new()),
            Cause::MappingChanged,
            Cause::DisabledAtSource,
            Cause::BackAtSource,
            Cause::DriftRepaired,
            Cause::HandedOver,
            Cause::Differs,
            Cause::Undone,
            Cause::Rule(String::new()),
            Cause::ByHand,
        ];
        for one in causes {
            assert_ne!(cause(one.word()).0, "Other", "{one:?}");
        }
        let name = || "n".to_owned();
        let reasons = [
            Reason::Unusable { why: name() },
            Reason::NameTaken {
                name: name(),
                by: name(),
            },
            Reason::NameContended { name: name() },
            Reason::NamesInACircle { name: name() },
            Reason::NameProtected { name: name() },
            Reason::Protected {
                why: Protection::Chosen,
            },
            Reason::InItself,
            Reason::Unclear { why: name() },
            Reason::StaysOut { by: name() },
            Reason::Stays,
            Reason::StaysOff,
            Reason::ChangedSince { why: name() },
        ];
        for one in reasons {
            assert_ne!(cause(one.word()).0, "Other", "{one:?}");
            assert!(!remedy(one.word()).is_empty(), "{one:?}");
        }
    }

    #[test]
    fn a_length_of_time_is_as_exact_as_it_matters() {
        assert_eq!(took(40), "under 0.1 s");
        assert_eq!(took(440), "0.4 s");
        assert_eq!(took(12_900), "12 s");
        assert_eq!(took(185_000), "3 min 5 s");
    }
}
