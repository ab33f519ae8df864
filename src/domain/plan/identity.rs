//! What an approval approves: exactly these steps, made from exactly this state.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::{PHASES, Phase, Step, text};
use crate::id::DirectoryId;
use crate::{Error, Kind};

/// By which scheme steps are hashed: another one gives other hashes of the same steps. It stands in front of each identity,
/// and beside each proof that is put on record.
pub const SCHEME: &str = "muster-plan-4";

/// A plan's identity: the scheme, a hyphen, and SHA-256 over its directory, its base revision and every step in the order in
/// which it is carried out, in hexadecimal.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Identity(pub String);

impl Identity {
    /// Whether it is of the scheme by which steps are hashed now: whatever was made by another one is out of date.
    #[must_use]
    pub fn is_of_now(&self) -> bool {
        let rest = self.0.strip_prefix(SCHEME);
        rest.is_some_and(|rest| rest.starts_with('-'))
    }
}

/// Makes the identity of a plan, step by step. Steps of one phase come in their order; phases may come mixed, as they do
/// while a plan is decided.
#[derive(Clone, Debug)]
pub struct Digest {
    hasher: Sha256,
    phases: [Counted; PHASES],
}

/// The steps of a phase.
#[derive(Clone, Debug, Default)]
struct Counted {
    hasher: Sha256,
    steps: u64,
}

impl Digest {
    /// Of a plan of this directory from this state.
    #[must_use]
    pub fn new(directory: DirectoryId, base_revision: u64) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(SCHEME);
        hasher.update(directory.0.as_bytes());
        hasher.update(base_revision.to_be_bytes());
        Self {
            hasher,
            phases: std::array::from_fn(|_| Counted::default()),
        }
    }

    /// The next step of its phase.
    pub fn add(&mut self, step: &Step) {
        let Some(phase) = self.phases.get_mut(Phase::of(&step.change) as usize) else {
            return;
        };
        proof(&mut phase.hasher, step);
        phase.steps += 1;
    }

    /// The identity of all so far.
    #[must_use]
    pub fn finish(mut self) -> Identity {
        for phase in self.phases {
            self.hasher.update(phase.steps.to_be_bytes());
            self.hasher.update(phase.hasher.finalize());
        }
        let bytes = self.hasher.finalize();
        let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Identity(format!("{SCHEME}-{hex}"))
    }
}

/// Takes a step into a hash: whom it is about and its text, each behind its length.
pub fn proof(hasher: &mut Sha256, step: &Step) {
    // What cannot be written as text would be a defect; it then counts as nothing and no approval of it can be told from
    // one of another, so it is marked.
    let text = text::of(step).unwrap_or_else(|_| "unwritable".to_owned());
    for part in [&step.subject, &text] {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        hasher.update(length.to_be_bytes());
        hasher.update(part);
    }
}

/// That somebody approved a plan they saw.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Approval {
    /// What they saw.
    pub identity: Identity,
    /// Who.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}

impl Approval {
    /// Whether it approves this plan, while the directory stands at `revision`.
    ///
    /// # Errors
    /// `PLAN-001` when another plan was seen, `PLAN-002` when something changed since the plan was made, or how plans are hashed.
    pub fn covers(
        &self,
        identity: &Identity,
        base_revision: u64,
        revision: u64,
    ) -> Result<(), Error> {
        if !identity.is_of_now() {
            return Err(out_of_date());
        }
        if self.identity != *identity {
            return Err(Error::new(
                "PLAN-001",
                Kind::Conflict,
                "This is not the plan that was approved.",
            )
            .next("Nothing was changed. Look at the plan as it is now, and approve it again."));
        }
        if base_revision != revision {
            return Err(out_of_date());
        }
        Ok(())
    }
}

/// Something changed since a plan was made.
#[must_use]
pub fn out_of_date() -> Error {
    Error::new(
        "PLAN-002",
        Kind::Conflict,
        "The plan is out of date: the directory's accounts changed since it was made.",
    )
    .next("Nothing was changed. Make the plan again and look at it.")
}
