//! Kills the program again and again while it syncs thousands of people from a real slapd, on SQLite and on PostgreSQL.
//! The game itself is a test of the server (`src/server/tests/soak`), which plays a short one every time.

use std::path::{Path, PathBuf};

use clap::ValueEnum;

use crate::failure::Failure;
use crate::house::House;
use crate::site::Profile;
use crate::{machine, postgres, process, server};

/// On which database.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, ValueEnum)]
pub enum Database {
    /// One after the other.
    #[default]
    Both,
    /// A file.
    Sqlite,
    /// A throwaway server.
    Postgres,
}

/// What is played.
#[derive(Clone, Debug)]
pub struct Syncs {
    /// Kills on each database.
    pub times: u64,
    /// People in the directory.
    pub people: u32,
    /// Which databases.
    pub database: Database,
    /// What is killed; none: the release, built for it.
    pub binary: Option<PathBuf>,
}

pub fn hunt(house: &House, syncs: &Syncs, seed: u64) -> Result<(), Failure> {
    machine::need_slapd()?;
    let program = match &syncs.binary {
        Some(binary) => absolute(binary)?,
        None => server::build(house, Profile::Release)?.0,
    };
    println!("    {} is killed", program.display());
    if syncs.database != Database::Postgres {
        play(house, syncs, seed, &program, None)?;
    }
    if syncs.database != Database::Sqlite {
        let missing = || {
            Failure::new("PostgreSQL is not installed")
                .next("install PostgreSQL's server (Debian: postgresql), or play with `--database sqlite`")
        };
        let cluster = postgres::start(house)?.ok_or_else(missing)?;
        play(house, syncs, seed, &program, Some(&cluster.url))?;
    }
    Ok(())
}

fn absolute(binary: &Path) -> Result<PathBuf, Failure> {
    binary
        .canonicalize()
        .map_err(|error| Failure::io(binary, &error))
}

/// Plays on one database: the other's game is left out by its name.
fn play(
    house: &House,
    syncs: &Syncs,
    seed: u64,
    program: &Path,
    cluster: Option<&str>,
) -> Result<(), Failure> {
    let mut cargo = process::cargo(house);
    cargo.args(["test", "--package", "muster", "--test", "soak", "--"]);
    cargo.args(["--nocapture", "--test-threads", "1"]);
    cargo.arg(match cluster {
        Some(_) => "on_postgres",
        None => "on_sqlite",
    });
    cargo
        .env("MUSTER_SOAK_BINARY", program)
        .env("MUSTER_SOAK_TIMES", syncs.times.to_string())
        .env("MUSTER_SOAK_PEOPLE", syncs.people.to_string())
        .env("MUSTER_SOAK_SEED", seed.to_string())
        .env("MUSTER_SOAK_SECONDS", "86400");
    if let Some(url) = cluster {
        cargo.env(postgres::URL, url);
    }
    process::run(&mut cargo)
}
