//! The real program, killed with SIGKILL at moments chosen by chance while it syncs a real slapd; on SQLite, and on
//! PostgreSQL when `MUSTER_TEST_POSTGRES_URL` names a server on which databases may be made.
//!
//! `cargo xtask soak sync` plays it for long: it sets how often, with how many people, the seed, and an optimised program.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    reason = "this whole crate is a test"
)]

#[expect(
    dead_code,
    unused_macros,
    reason = "what makes two tests of one is for others"
)]
#[path = "../../../services/tests/sync/both.rs"]
mod both;
#[expect(
    dead_code,
    reason = "certificates of the past are for the tests of directories"
)]
#[path = "../../../directories/tests/ldap/certificates.rs"]
mod certificates;
mod chance;
mod game;
mod judge;
mod moments;
#[expect(dead_code, reason = "nothing here is read over TLS")]
#[path = "../../../directories/tests/ldap/slapd.rs"]
mod slapd;
mod tree;

use std::time::Duration;

use game::{Game, Stake};

#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by the environment how long to play"
)]
fn told<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}

fn stake() -> Stake {
    Stake {
        program: told("MUSTER_SOAK_BINARY").unwrap_or_else(|| env!("CARGO_BIN_EXE_muster").into()),
        kills: told("MUSTER_SOAK_TIMES").unwrap_or(6),
        people: told("MUSTER_SOAK_PEOPLE").unwrap_or(300),
        seed: told("MUSTER_SOAK_SEED").unwrap_or(4),
        lasts: Duration::from_secs(told("MUSTER_SOAK_SECONDS").unwrap_or(3600)),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_a_sync_killed_anywhere_is_taken_up_on_sqlite() {
    if let Some(mut game) = Game::begun(stake(), None) {
        println!("SQLite: {}", game.played().await);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r1_a_sync_killed_anywhere_is_taken_up_on_postgres() {
    both::on_a_new_one(|url| async move {
        if let Some(mut game) = Game::begun(stake(), Some(url)) {
            println!("PostgreSQL: {}", game.played().await);
        }
    })
    .await;
}
