//! How far a run is on its way, for the eye and for the script that follows it.

use muster_domain::run::{Run, RunState, Wish};

use super::plan_words::run_word;
use crate::components::{Progress, Step};

/// A share that nobody can tell, beyond a thousand.
const UNKNOWN: u32 = 1_001;

/// The way of a run, as far as this one has it.
pub(super) fn steps(run: &Run) -> Vec<Step> {
    let at = match run.state {
        RunState::Queued => 0,
        RunState::Planning => 1,
        RunState::Held => 2,
        RunState::Applying => 3,
        RunState::Done => 4,
        // Where it ended.
        RunState::Failed | RunState::Cancelled if run.progress.reached.is_some() => 3,
        RunState::Failed | RunState::Cancelled if run.started_at.is_some() => 1,
        RunState::Failed | RunState::Cancelled => 0,
    };
    let words: &[(usize, &str)] = match (run.wish, run.state) {
        (Wish::Apply, _) => &[(0, "Waits"), (3, "Carries out"), (4, "Done")],
        (Wish::Plan | Wish::WhatIf, _) => &[(0, "Waits"), (1, "Reads and plans"), (4, "Done")],
        (Wish::Sync, RunState::Held) => &[
            (0, "Waits"),
            (1, "Reads and plans"),
            (2, "Held"),
            (3, "Carries out"),
            (4, "Done"),
        ],
        (Wish::Sync, _) => &[
            (0, "Waits"),
            (1, "Reads and plans"),
            (3, "Carries out"),
            (4, "Done"),
        ],
    };
    words
        .iter()
        .map(|(place, label)| Step {
            label: (*label).to_owned(),
            progress: match place.cmp(&at) {
                std::cmp::Ordering::Less => Progress::Done,
                std::cmp::Ordering::Equal if at == 4 => Progress::Done,
                std::cmp::Ordering::Equal => Progress::Current,
                std::cmp::Ordering::Greater => Progress::Ahead,
            },
            href: None,
        })
        .collect()
}

/// How much is behind, of a thousand.
pub(super) fn share(run: &Run) -> u32 {
    match run.state {
        RunState::Applying if run.progress.planned > 0 => {
            let behind = run.progress.tried.saturating_mul(1_000) / run.progress.planned;
            u32::try_from(behind).unwrap_or(UNKNOWN).min(1_000)
        }
        RunState::Done => 1_000,
        RunState::Queued | RunState::Held | RunState::Failed | RunState::Cancelled => 0,
        RunState::Planning | RunState::Applying => UNKNOWN,
    }
}

/// The word the page goes by: when it changes, what can be done changed.
pub(super) fn word(run: &Run) -> String {
    let stopping = if run.cancel_asked && !run.state.is_over() {
        "-stopping"
    } else {
        ""
    };
    format!("{}{stopping}", run_word(run.state))
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::DateTime;
    use muster_domain::id::{DirectoryId, RunId};
    use uuid::Uuid;

    fn run(wish: Wish, state: RunState) -> Run {
        Run {
            id: RunId(Uuid::nil()),
            directory: DirectoryId(Uuid::nil()),
            wish,
            person: None,
            plan: None,
            started_by: "root".to_owned(),
            state,
            progress: muster_domain::run::Progress::default(),
            problem: None,
            cancel_asked: false,
            created_at: DateTime::UNIX_EPOCH,
            started_at: None,
            heartbeat_at: None,
            ended_at: None,
        }
    }

    #[test]
    fn every_state_of_every_wish_has_its_place_on_the_way() {
        for wish in [Wish::Plan, Wish::Sync, Wish::Apply, Wish::WhatIf] {
            for state in [
                RunState::Queued,
                RunState::Planning,
                RunState::Held,
                RunState::Applying,
                RunState::Done,
                RunState::Failed,
                RunState::Cancelled,
            ] {
                let steps = steps(&run(wish, state));
                let current = steps
                    .iter()
                    .filter(|step| step.progress == Progress::Current)
                    .count();
                assert!(current <= 1, "{wish:?} {state:?}");
                assert_eq!(
                    current == 0 && steps.iter().all(|step| step.progress == Progress::Done),
                    state == RunState::Done,
                    "{wish:?} {state:?}"
                );
            }
        }
    }

    #[test]
    fn the_meter_never_passes_its_end_and_a_reload_is_asked_for_by_another_word() {
        let mut one = run(Wish::Apply, RunState::Applying);
        assert_eq!(share(&one), UNKNOWN);
        one.progress.planned = 10;
        one.progress.tried = 25;
        assert_eq!(share(&one), 1_000);
        let before = word(&one);
        one.cancel_asked = true;
        assert_ne!(word(&one), before);
        one.state = RunState::Cancelled;
        assert_eq!(word(&one), "cancelled");
    }
}
