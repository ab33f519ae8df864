//! Moments to kill at: by chance in every phase of a sync, as long as each was measured to last.

use std::process::{Child, ExitStatus};
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use muster_domain::id::RunId;
use muster_domain::run::{Run, RunState};
use muster_storage::{Db, runs};

use crate::chance::Chance;

/// How often it is looked where a run stands.
const LOOK: Duration = Duration::from_millis(2);

/// How far a sync is, as its row says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum Phase {
    /// The program starts, or the run waits.
    Before,
    /// The source is read and the plan made.
    Planning,
    /// Steps are carried out.
    Applying,
    /// All of them are, and the run is not over.
    Ending,
    /// The run is over, the program not yet.
    After,
}

/// Those in which a kill cuts something.
pub(crate) const PHASES: [Phase; 4] = [
    Phase::Before,
    Phase::Planning,
    Phase::Applying,
    Phase::Ending,
];

/// How long each phase takes, in milliseconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Spans([u64; 5]);

impl Spans {
    fn add(&mut self, phase: Phase, took: Duration) {
        self.0[phase as usize] += u64::try_from(took.as_millis()).unwrap();
    }

    /// A moment within a phase of which this many thousandths are left.
    pub(crate) fn moment(&self, phase: Phase, left: u64, chance: &mut Chance) -> Duration {
        Duration::from_millis(chance.below((self.0[phase as usize] * left / 1000).max(1)))
    }

    /// It turned out to be shorter, or longer.
    pub(crate) fn learn(&mut self, phase: Phase, is_shorter: bool) {
        let span = &mut self.0[phase as usize];
        *span = if is_shorter {
            (*span * 3 / 4).max(5)
        } else {
            *span + *span / 4 + 1
        };
    }

    /// Whether a moment so late in it is near its end.
    pub(crate) fn is_late(&self, phase: Phase, moment: Duration) -> bool {
        moment.as_millis() * 10 > u128::from(self.0[phase as usize]) * 9
    }
}

/// Looks on while a program syncs.
pub(crate) struct Watch {
    db: Db,
    /// The newest run before, and when it showed life: whoever takes it up shows life first.
    former: Option<(RunId, Option<DateTime<Utc>>)>,
}

impl Watch {
    pub(crate) async fn begun(db: Db) -> Self {
        let last = newest(&db).await;
        Self {
            former: last.map(|run| (run.id, run.heartbeat_at)),
            db,
        }
    }

    pub(crate) async fn ended(self) {
        self.db.close().await.unwrap();
    }

    /// Where the run stands, and how many thousandths of its steps are left.
    pub(crate) async fn phase(&self) -> (Phase, u64) {
        let Some(run) = newest(&self.db).await else {
            return (Phase::Before, 1000);
        };
        let (tried, planned) = (run.progress.tried, run.progress.planned);
        match run.state {
            _ if Some((run.id, run.heartbeat_at)) == self.former => (Phase::Before, 1000),
            _ if run.ended_at.is_some() => (Phase::After, 0),
            RunState::Planning => (Phase::Planning, 1000),
            RunState::Applying if tried < planned => {
                (Phase::Applying, (planned - tried) * 1000 / planned)
            }
            RunState::Applying => (Phase::Ending, 1000),
            _ => (Phase::Before, 1000),
        }
    }

    /// Lets a program come to its end; how long each phase took.
    pub(crate) async fn measured(&self, program: &mut Child) -> Spans {
        let mut spans = Spans::default();
        let (mut phase, mut since) = (Phase::Before, Instant::now());
        loop {
            let status = program.try_wait().unwrap();
            let (now, _) = self.phase().await;
            spans.add(phase, since.elapsed());
            (phase, since) = (now, Instant::now());
            if let Some(status) = status {
                assert!(status.success(), "{status}");
                return spans;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Waits until a phase has begun, and says how much of it is left; or how the program ended before.
    pub(crate) async fn reached(
        &self,
        wanted: Phase,
        program: &mut Child,
    ) -> Result<u64, ExitStatus> {
        loop {
            let (phase, left) = self.phase().await;
            if phase >= wanted && phase != Phase::After {
                return Ok(left);
            }
            if let Some(status) = program.try_wait().unwrap() {
                return Err(status);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

async fn newest(db: &Db) -> Option<Run> {
    let last = runs::list(db, None, None, 1).await.unwrap();
    last.into_iter().next()
}

/// How a program ended by itself within a time; none: it lives.
pub(crate) fn ended_within(program: &mut Child, life: Duration) -> Option<ExitStatus> {
    let begun = Instant::now();
    while begun.elapsed() < life {
        if let Some(status) = program.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(LOOK.min(life));
    }
    program.try_wait().unwrap()
}
