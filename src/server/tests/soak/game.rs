//! The game: something is to be done, the program does it and is killed again and again, and is looked at each time.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use muster_storage::{Db, Quiet, directories, directory_states};
use sea_orm::{ConnectionTrait as _, Database};

use crate::chance::Chance;
use crate::judge;
use crate::moments::{PHASES, Phase, Spans, Watch, ended_within};
use crate::slapd::PASSWORD;
use crate::tree::Tree;

/// Kinds of syncs: from nothing, and of what changed.
const ANEW: usize = 0;
const CHANGES: usize = 1;
/// After so many kills it is told how it goes.
const TELL: u64 = 20;
/// From so many kills on, some fall into each phase.
const MANY: u64 = 60;
/// After so many kills one waits for the lease's own end; otherwise the game moves it to now.
const PATIENT: u64 = 50;

/// How much is played.
#[derive(Clone, Debug)]
pub(crate) struct Stake {
    /// The program that is killed.
    pub program: PathBuf,
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
    /// How many were killed in which phase.
    moments: BTreeMap<Phase, u64>,
    /// How long the phases of each kind of sync take.
    spans: [Spans; 2],
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
        let chance = Chance(stake.seed);
        Some(Self {
            stake,
            tree,
            folder,
            postgres,
            chance,
            kills: 0,
            missed: 0,
            moments: BTreeMap::new(),
            spans: [Spans::default(); 2],
        })
    }

    const fn name(&self) -> &'static str {
        match self.postgres {
            Some(_) => "PostgreSQL",
            None => "SQLite",
        }
    }

    fn is_over(&self, since: Instant) -> bool {
        self.kills >= self.stake.kills || since.elapsed() >= self.stake.lasts
    }

    /// Plays until so many were killed, and tells of it.
    pub(crate) async fn played(&mut self) -> String {
        let begun = Instant::now();
        let (mut round, mut steps, mut syncs) = (0_u64, 0, 0_u64);
        self.measure().await;
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
            let source = self.tree.fingerprint().await;
            let missed = self.missed;
            let kind = if is_new { ANEW } else { CHANGES };
            let kills = 1 + self.chance.below(if is_new { 8 } else { 5 });
            for _ in 0..kills {
                if self.is_over(begun) {
                    break;
                }
                self.kill(kind).await;
            }
            self.finish().await;
            syncs += 1;
            if self.missed == missed {
                assert_eq!(
                    self.tree.fingerprint().await,
                    source,
                    "nobody wrote to the source"
                );
            }
            let db = self.db().await;
            judge::here_is_what_is_there(&db, &self.tree).await;
            db.close().await.unwrap();
            round += 1;
        }
        steps += judge::every_step_was_done_once(&self.db().await).await;
        let _ = fs::remove_dir_all(&self.folder);
        let is_everywhere = PHASES.iter().all(|phase| self.moments.contains_key(phase));
        assert!(is_everywhere || self.kills < MANY, "{:?}", self.moments);
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
        let mut command = Command::new(&self.stake.program);
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

    fn sync(&self) -> Child {
        let mut command = self.muster(&["sync", "Office"]);
        let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
        quiet.spawn().unwrap()
    }

    /// Lets a sync come to its end, to know how long each phase of one takes here: from nothing, and of changes.
    async fn measure(&mut self) {
        self.begin_anew().await;
        for kind in [ANEW, CHANGES] {
            self.declare();
            let watch = Watch::begun(self.db().await).await;
            self.spans[kind] = watch.measured(&mut self.sync()).await;
            watch.ended().await;
            self.tree.changes(&mut self.chance).await;
        }
        println!(
            "{} ms before, planning, applying, ending, after: {:?}",
            self.name(),
            self.spans
        );
    }

    /// Lets a sync begin or go on, and kills it.
    async fn kill(&mut self, kind: usize) {
        let watch = Watch::begun(self.db().await).await;
        let aim = PHASES[usize::try_from(self.chance.below(4)).unwrap()];
        let mut sync = self.sync();
        let reached = watch.reached(aim, &mut sync).await;
        let life = self.spans[kind].moment(aim, reached.unwrap_or(1000), &mut self.chance);
        let ended = match reached {
            Ok(_) => ended_within(&mut sync, life),
            Err(status) => Some(status),
        };
        if let Some(status) = ended {
            // It was faster than was thought.
            assert!(status.success(), "{status}");
            watch.ended().await;
            self.missed += 1;
            self.spans[kind].learn(aim, true);
            // There is nothing to kill until something is to be done again.
            self.tree.changes(&mut self.chance).await;
            return;
        }
        sync.kill().unwrap();
        sync.wait().unwrap();
        self.kills += 1;
        let (phase, _) = watch.phase().await;
        watch.ended().await;
        *self.moments.entry(phase).or_default() += 1;
        if phase == aim && self.spans[kind].is_late(aim, life) {
            self.spans[kind].learn(aim, false);
        }
        if self.kills.is_multiple_of(TELL) {
            println!("{}: {} kills {:?}", self.name(), self.kills, self.moments);
        }
        self.doctor();
        if !self.kills.is_multiple_of(PATIENT) {
            self.let_the_lease_end().await;
        }
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
