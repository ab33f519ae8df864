//! What `cargo xtask bench web` measures the console against, in the same run and built the same way:
//! `peer page <database> <username>` serves the page of users from memory, `peer list <database>` asks for the list
//! alone, `peer argon2 <threads> <milliseconds>` hashes passwords and does nothing else; `peer nest <database>` fills a
//! new database with groups in groups, and `peer reach <database>` asks who is in them, for `cargo xtask bench nested`.
//!
//! No part of the product; nothing here checks who asks.

mod argon2id;
mod list;
mod nested;
mod page;

use std::error::Error;
use std::io::Write as _;

use tokio::runtime::{Builder, Runtime};

/// As the server has it.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

pub(crate) type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["page", database, username] => runtime()?.block_on(page::serve(database, username)),
        ["list", database, searches @ ..] => runtime()?.block_on(list::time(database, searches)),
        ["nest", database] => runtime()?.block_on(nested::fill(database)),
        ["reach", database] => {
            let database = (*database).to_owned();
            // On a worker, as every request is answered.
            runtime()?.block_on(async { tokio::spawn(async move { nested::time(&database).await }).await })?
        }
        ["argon2", threads, milliseconds] => argon2id::hash(threads.parse()?, milliseconds.parse()?),
        _ => Err("peer page <database> <username> | list <database> <search>… | nest <database> | reach <database> | argon2 <threads> <milliseconds>".into()),
    }
}

/// As the server has it.
fn runtime() -> Result<Runtime, Failure> {
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    Ok(Builder::new_multi_thread()
        .worker_threads(threads.min(8))
        .enable_all()
        .build()?)
}

/// One line for the bench.
pub(crate) fn say(line: impl std::fmt::Display) -> Result<(), Failure> {
    let mut out = std::io::stdout();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}
