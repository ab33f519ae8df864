//! Muster's one binary: reads its settings, plugs the parts together, and serves, or does one of the things an operator
//! asks for on the shell.
//!
//! Nothing is decided here about users, providers or sessions. Look first at [`serve`].

mod admin;
mod assets;
mod cli;
mod configure;
mod connections;
mod doctor;
mod folder;
mod housekeeping;
mod lab;
mod logs;
mod serve;
mod settings;
mod syncing;
mod system;
mod wiring;

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::settings::Settings;

/// Pages are built by one thread from what another fetched: the system's allocator spends a fifth of a page's time on
/// that, most of it waiting at its locks. SQLite uses this one, too. Without huge pages (`no_thp`): they would double what
/// an idle server holds.
#[global_allocator]
static MEMORY: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Threads that answer requests, at most. Pages wait for the database far more than they compute.
const WORKERS: usize = 8;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cores().min(WORKERS))
        .enable_all()
        .build();
    let done = match runtime {
        Ok(runtime) => runtime.block_on(run(cli)),
        Err(error) => Err(Stop::new(format!("The runtime does not start: {error}."))),
    };
    match done {
        Ok(code) => code,
        Err(stop) => {
            // Nothing is left to try when even standard error is gone.
            let _ = writeln!(std::io::stderr(), "muster: {}", stop.0);
            ExitCode::FAILURE
        }
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

async fn run(cli: Cli) -> Result<ExitCode, Stop> {
    let done = match cli.command.unwrap_or(Command::Serve(cli.serve)) {
        Command::Serve(asked) => {
            serve::run(
                Settings::read(asked.settings)?,
                asked.lab.then_some(asked.lab_listen),
            )
            .await
        }
        Command::Migrate(asked) => doctor::migrate(Settings::read(asked)?).await,
        Command::Doctor(asked) => doctor::run(Settings::read(asked)?).await,
        Command::Lab { listen } => lab::run(listen).await,
        Command::Config { settings, action } => {
            configure::run(Settings::read(settings)?, action).await
        }
        Command::Admin { settings, action } => admin::run(Settings::read(settings)?, action).await,
        Command::Sync {
            settings,
            directory,
            plan,
            approve,
            person,
        } => {
            let asked = syncing::Asked {
                directory,
                plan,
                approve,
                person,
            };
            return syncing::once(Settings::read(settings)?, asked).await;
        }
        Command::Demo {
            settings,
            users,
            plan,
        } => admin::demo(Settings::read(settings)?, users, plan).await,
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Why the program stops, for whoever started it.
pub(crate) struct Stop(String);

impl Stop {
    pub(crate) fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

impl From<muster_domain::Error> for Stop {
    fn from(error: muster_domain::Error) -> Self {
        let mut words = format!("{} ({})", error.public, error.code);
        for field in &error.fields {
            words.push_str(&format!("\n  {}: {}", field.field, field.message));
        }
        for more in [error.next.as_deref(), error.internal.as_deref()]
            .into_iter()
            .flatten()
        {
            words.push_str(&format!("\n  {more}"));
        }
        Self(words)
    }
}

/// Writes a line for the operator. A closed pipe is no reason to stop.
pub(crate) fn say(line: impl std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
