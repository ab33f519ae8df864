//! Steps of a plan that are read together, in parts that are committed together, each with what proves it.

use muster_domain::change::Action;
use muster_domain::id::PlanId;
use muster_domain::plan::{Step, identity};
use muster_domain::{Error, Kind};
use muster_storage::{Db, plans};
use sha2::{Digest as _, Sha256};
use tokio::task::JoinError;

/// Steps that are read together.
const READ: u64 = 16_000;
/// Steps about people and groups that are committed together.
const AT_ONCE: usize = 500;
/// Memberships that are committed together, which takes some tenths of a second. Each is a row and its place in an index;
/// those places lie all over the index, and every commit writes each page of it that it touched.
const MEMBERS_AT_ONCE: usize = 16_000;

/// Steps that move memberships, of up to 5 000 rows each, and are committed together.
const MOVES_AT_ONCE: usize = 4;

/// Steps in parts that are committed together.
fn at_once(steps: &[(i64, Step)]) -> impl Iterator<Item = &[(i64, Step)]> {
    let most = |(_, step): &(i64, Step)| match &step.change.action {
        Action::AddMember { .. } | Action::RemoveMember { .. } => MEMBERS_AT_ONCE,
        Action::MoveMembers { .. } => MOVES_AT_ONCE,
        _ => AT_ONCE,
    };
    let alike = steps.chunk_by(move |one, next| most(one) == most(next));
    alike.flat_map(move |alike| alike.chunks(alike.first().map_or(AT_ONCE, most)))
}

/// What is done beside the run itself came to no end: a defect.
pub(super) fn broke(error: JoinError) -> Error {
    Error::new("RUN-015", Kind::Internal, "A run could not go on.")
        .next("What it did is kept and can be taken back. Please report it, with the log of the server.")
        .internal(error)
}

/// Steps that are read together.
pub(super) struct Block {
    steps: Vec<(i64, Step)>,
    proofs: Vec<String>,
}

impl Block {
    /// Those behind a position; none are left: it is empty.
    pub(super) async fn read(db: Db, plan: PlanId, after: Option<i64>) -> Result<Self, Error> {
        let steps = plans::steps(&db, plan, after, READ).await?;
        let hashed = tokio::task::spawn_blocking(move || {
            let proofs = at_once(&steps).map(proof).collect();
            Self { steps, proofs }
        });
        hashed.await.map_err(broke)
    }

    /// The position of the last.
    pub(super) fn last(&self) -> Option<i64> {
        self.steps.last().map(|(position, _)| *position)
    }

    /// The parts, in their order.
    pub(super) fn parts(&self) -> impl Iterator<Item = (&[(i64, Step)], &str)> {
        at_once(&self.steps).zip(self.proofs.iter().map(String::as_str))
    }
}

/// What proves that some steps were these.
pub(super) fn proof(steps: &[(i64, Step)]) -> String {
    let mut hasher = Sha256::new();
    for (_, step) in steps {
        identity::proof(&mut hasher, step);
    }
    let digest = hasher.finalize();
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}
