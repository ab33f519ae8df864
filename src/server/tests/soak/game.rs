//! The game: something is to be done, the program does it and is killed again and again, and is looked at each time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::run::RunState;
use muster_storage::{Db, Quiet, directories, directory_states, runs};
use sea_orm::{ConnectionTrait as _, Database};

use crate::chance::Chance;
use crate::judge;
use crate::slapd::PASSWORD;
use crate::tree::Tree;

/// Longer than any run of this game takes, on any machine.
const PATIENCE: Duration = Duration::from_secs(600);
/// After so many kills one waits for the lease's own end; otherwise the game moves it to now.
const PATIENT: u64 = 50;

/// How much is played.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stake {
    pub kills: u64,
    pub people: u32,
    pub seed: u64,
    pub lasts: Duration,
}

pub(crate) struct Game {
    stake: Stake,
    tree: Tree,
    folder: PathBuf,
    postgres: Option<String>,
    chance: Chance,
    kills: u64,
    missed: u64,
    /// In which state a run was when its program was killed.
    moments: BTreeMap<String, u64>,
    /// How long a sync takes, in milliseconds: from nothing, and of changes.
    takes: [u64; 2],
    /// How long its plan is carried out.
    carries: [u64; 2],
}

impl Game {
    /// None where no slapd is installed.
    pub(crate) fn begun(stake: Stake, postgres: Option<String>) -> Option<Self> {
        println!("{stake:?}");
        let tree = Tree::planted(stake.people)?;
        let kind = if postgres.is_some() {
            "postgres"
        } else {
            "sqlite"
        };
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("soak-{kind}-{}", std::process::id()));
        let guess = 300 + u64::from(stake.people);
        Some(Self {
            stake,
            tree,
            folder,
            postgres,
            chance: Chance(stake.seed),
            kills: 0,
            missed: 0,
            moments: BTreeMap::new(),
            takes: [guess, guess / 2],
            carries: [guess / 2, guess / 8],
        })
    }

    fn is_over(&self, since: Instant) -> bool {
        self.kills >= self.stake.kills || since.elapsed() >= self.stake.lasts
    }

    /// Plays until so many were killed, and tells of it.
    pub(crate) async fn played(&mut self) -> String {
        let begun = Instant::now();
        let (mut round, mut steps, mut syncs) = (0_u64, 0, 0_u64);
        while !self.is_over(begun) {
            let is_new = round.is_multiple_of(4);
            if is_new {
                if round > 0 {
                    steps += judge::every_step_was_done_once(&self.db().await).await;
                }
                self.begin_anew().await;
            } else {
                self.tree.filtered = !self.tree.filtered;
                self.tree.changes(&mut self.chance).await;
            }
            self.declare();
            let kind = usize::from(!is_new);
            let kills = 1 + self.chance.below(if is_new { 8 } else { 5 });
            for _ in 0..kills {
                if self.is_over(begun) {
                    break;
                }
                self.kill(kind).await;
            }
            self.finish().await;
            syncs += 1;
            let db = self.db().await;
            judge::here_is_what_is_there(&db, &self.tree).await;
            db.close().await.unwrap();
            round += 1;
        }
        steps += judge::every_step_was_done_once(&self.db().await).await;
        let _ = fs::remove_dir_all(&self.folder);
        format!(
            "{} kills ({:?}; {} came too late) in {syncs} syncs of {} people, {steps} steps each done once, in {} s; seed {}",
            self.kills,
            self.moments,
            self.missed,
            self.stake.people,
            begun.elapsed().as_secs(),
            self.stake.seed,
        )
    }

    fn url(&self) -> String {
        let file = self.folder.join("muster.db");
        let sqlite = || format!("sqlite://{}", file.display());
        self.postgres.clone().unwrap_or_else(sqlite)
    }

    async fn db(&self) -> Db {
        Db::open(&self.url()).await.unwrap()
    }

    /// An empty database.
    async fn begin_anew(&self) {
        let _ = fs::remove_dir_all(&self.folder);
        fs::create_dir_all(&self.folder).unwrap();
        if let Some(url) = &self.postgres {
            let admin = Database::connect(url).await.unwrap();
            let empty = "DROP SCHEMA public CASCADE; CREATE SCHEMA public";
            admin.execute_unprepared(empty).await.unwrap();
            admin.close().await.unwrap();
        }
    }

    fn muster(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_muster"));
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MUSTER_") {
                command.env_remove(&name);
            }
        }
        command
            .args(words)
            .current_dir(&self.folder)
            .env("MUSTER_DATA_DIR", &self.folder)
            .env("MUSTER_DATABASE_URL", self.url())
            .env("SOAK_PASSWORD", PASSWORD)
            .stdin(Stdio::null());
        command
    }

    /// Runs a command that must succeed.
    fn says(&self, words: &[&str]) -> String {
        let output = self.muster(words).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(
            output.status.success(),
            "muster {words:?} ended with {} (seed {}):\n{said}{}",
            output.status,
            self.stake.seed,
            String::from_utf8_lossy(&output.stderr)
        );
        said
    }

    fn declare(&self) {
        fs::write(self.folder.join("office.toml"), self.tree.declared()).unwrap();
        self.says(&["config", "apply", "office.toml"]);
    }

    /// Lets a sync begin or go on, and kills it.
    async fn kill(&mut self, kind: usize) {
        // Half of them at any moment, half while the plan is carried out: making it takes much longer.
        let is_late = self.chance.below(2) == 0;
        let lasts = match is_late {
            true => &mut self.carries[kind],
            false => &mut self.takes[kind],
        };
        let life = Duration::from_millis(self.chance.below(*lasts));
        if life.as_millis() * 10 > u128::from(*lasts) * 9 {
            *lasts += *lasts / 4;
        }
        let db = self.db().await;
        let mut sync = self
            .muster(&["sync", "Office"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let early = match is_late {
            true => ended_before_it_carries_out(&mut sync, &db).await,
            false => None,
        };
        db.close().await.unwrap();
        let begun = Instant::now();
        if let Some(status) = early.or_else(|| ended_within(&mut sync, life)) {
            // It was faster than was thought.
            assert!(status.success(), "{status}");
            self.missed += 1;
            let took = u64::try_from(begun.elapsed().as_millis()).unwrap();
            match is_late {
                true => self.carries[kind] = self.carries[kind].min(took.max(50)),
                false => self.takes[kind] = self.takes[kind].min(took.max(50)),
            }
            // There is nothing to kill until something is to be done again.
            self.tree.changes(&mut self.chance).await;
            return;
        }
        sync.kill().unwrap();
        sync.wait().unwrap();
        self.kills += 1;
        self.note().await;
        self.doctor();
        if !self.kills.is_multiple_of(PATIENT) {
            self.let_the_lease_end().await;
        }
    }

    /// Where the run stood.
    async fn note(&mut self) {
        let db = self.db().await;
        let last = runs::list(&db, None, None, 1).await.unwrap();
        let state = match last.first() {
            Some(run) if run.ended_at.is_none() => format!("{:?}", run.state),
            _ => "Before".to_owned(),
        };
        db.close().await.unwrap();
        *self.moments.entry(state).or_default() += 1;
    }

    fn doctor(&self) {
        let said = self.says_though_nobody_is_admin();
        assert!(
            !said.contains("problem"),
            "seed {}:\n{said}",
            self.stake.seed
        );
        assert!(said.contains("syncs"), "{said}");
    }

    fn says_though_nobody_is_admin(&self) -> String {
        let output = self.muster(&["doctor"]).output().unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        String::from_utf8_lossy(&output.stdout).into_owned() + &told
    }

    /// As if thirty seconds had passed.
    async fn let_the_lease_end(&self) {
        let db = self.db().await;
        let Some(office) = directories::by_name(&db, "Office").await.unwrap() else {
            return;
        };
        let far: DateTime<Utc> = DateTime::from_timestamp(4_000_000_000, 0).unwrap();
        let tx = db.begin().await.unwrap();
        let taken =
            directory_states::take(&tx, office.id, "game", far, far + TimeDelta::days(1)).await;
        assert!(taken.unwrap());
        directory_states::release(&tx, office.id, "game")
            .await
            .unwrap();
        tx.commit_quiet(Quiet::Working).await.unwrap();
        db.close().await.unwrap();
    }

    /// Lets what is to be done come to its end: what was cut first, then what changed since.
    async fn finish(&self) {
        for _ in 0..5 {
            let said = self.says(&["sync", "Office"]);
            if said.contains("nothing is to be done") {
                return;
            }
        }
        panic!(
            "there is always something to be done (seed {})",
            self.stake.seed
        );
    }
}

/// How a program ended before a plan was carried out; none: it carries one out.
async fn ended_before_it_carries_out(program: &mut Child, db: &Db) -> Option<ExitStatus> {
    loop {
        let last = runs::list(db, None, None, 1).await.unwrap();
        if last
            .first()
            .is_some_and(|run| run.state == RunState::Applying)
        {
            return None;
        }
        if let Some(status) = program.try_wait().unwrap() {
            return Some(status);
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// How a program ended by itself within a time; none: it lives.
fn ended_within(program: &mut Child, life: Duration) -> Option<ExitStatus> {
    let begun = Instant::now();
    assert!(life < PATIENCE);
    while begun.elapsed() < life {
        if let Some(status) = program.try_wait().unwrap() {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(2).min(life));
    }
    program.try_wait().unwrap()
}
