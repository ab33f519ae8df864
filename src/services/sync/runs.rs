//! Runs: from a wish to its outcome, on any number of nodes.
//!
//! A wish is a row ([`ask`], [`approve`]); whoever takes the lease of its directory works on it ([`work`] in the server,
//! [`carry`] in the command line) and shows life. Every commit renews the lease, so whoever lost it can write nothing
//! more. What was begun and cut is taken up by the next: a plan half made is made anew, a plan half carried out goes on
//! behind the last position that was written together with its steps.

mod applying;
mod asking;
mod block;
mod carrying;
mod examining;
mod inverting;
mod keeping;
mod lease;
mod making;
mod reading;
mod scheduling;
mod undoing;
mod what_if;

use muster_domain::{Error, Kind};

pub use asking::{Followed, approve, ask, ask_for, ask_or_follow, cancel, discard, open_run};
pub(crate) use asking::{asked, stop_open, wished};
pub use carrying::{Stop, carry, work, work_until};
pub use examining::examine;
pub use keeping::{KEPT, SHOWN, sweep};
pub use reading::{RunDetail, by_identity, directory_by_name, plan_rows, show};
pub use scheduling::{ask_what_is_due, next_due};
pub use undoing::undo;
pub use what_if::ask_what_if;

/// Somebody stopped the run.
const STOPPED: &str = "RUN-003";
/// Something changed since the plan was made.
const OUT_OF_DATE: &str = "PLAN-002";
/// Another node works on the run.
const LOST: &str = "RUN-004";

fn stopped() -> Error {
    Error::new(STOPPED, Kind::Conflict, "The run was stopped.")
        .next("What was done until then stays done, and can be taken back.")
}

fn lost() -> Error {
    Error::new(LOST, Kind::Conflict, "Another node works on this run.")
        .next("Nothing more is written from here. Look at the run for how it goes on.")
}

/// Whether a failure is likely to pass by itself: trying again is all there is to do.
fn passes(error: &Error) -> bool {
    error.kind == Kind::Unavailable || error.code == "DB-022"
}

/// A failure as it is kept and read.
fn words(error: &Error) -> String {
    let mut words = format!("{} ({})", error.public, error.code);
    for field in &error.fields {
        words.push(' ');
        words.push_str(&field.message);
    }
    if let Some(next) = &error.next {
        words.push(' ');
        words.push_str(next);
    }
    words
}
