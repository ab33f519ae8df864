//! Kills the program again and again while it syncs ten thousand people from a real slapd, on SQLite and on PostgreSQL.
//! The game itself is a test of the server (`src/server/tests/soak`), which plays a short one every time.

use crate::failure::Failure;
use crate::house::House;
use crate::{postgres, process};

/// People in the directory.
const PEOPLE: &str = "10000";

pub fn hunt(house: &House, times: u64, seed: u64) -> Result<(), Failure> {
    let cluster = postgres::start(house)?;
    let mut cargo = process::cargo(house);
    cargo
        .args(["test", "--package", "muster", "--test", "soak", "--"])
        .args(["--nocapture", "--test-threads", "1"])
        .env("MUSTER_SOAK_TIMES", times.to_string())
        .env("MUSTER_SOAK_PEOPLE", PEOPLE)
        .env("MUSTER_SOAK_SEED", seed.to_string())
        .env("MUSTER_SOAK_SECONDS", "86400");
    match &cluster {
        Some(cluster) => {
            cargo.env(postgres::URL, &cluster.url);
        }
        None => println!("!! PostgreSQL is not installed: SKIPPED there"),
    }
    process::run(&mut cargo)
}
