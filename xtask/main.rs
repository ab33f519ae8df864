//! `cargo xtask run | build | test | bench | soak`: the only commands anyone must remember.
//!
//! It needs nothing but cargo and what it can install itself: the browser part goes through wasm-bindgen used as a
//! library, the CSS through lightningcss. It must hold no knowledge of the product beyond its folders and crate names.
//! Look first at [`site`], the contract between this tool and the server, and [`walls`], who may depend on whom.

mod bench;
mod browser;
mod codes;
mod css;
mod digest;
mod failure;
mod house;
mod machine;
mod postgres;
mod process;
mod server;
mod site;
mod soak;
mod sources;
mod standard;
mod test;
mod walls;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::failure::Failure;
use crate::house::House;
use crate::site::Profile;

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    bin_name = "cargo xtask",
    about = "Builds, runs and tests Muster"
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Build what changed, then serve on 127.0.0.1:3000
    Run {
        /// Add the lab, already connected: providers that behave and misbehave, 25 people
        #[arg(long)]
        lab: bool,
        /// The single binary with every asset embedded, hashed and precompressed
        #[arg(long)]
        release: bool,
        /// Serve on another port of 127.0.0.1
        #[arg(long)]
        port: Option<u16>,
    },
    /// Build without running; say what came out and how large it is
    Build {
        /// The single binary with every asset embedded, hashed and precompressed
        #[arg(long)]
        release: bool,
    },
    /// Check everything, in order; stop at the first failure and say what to look at
    Test {
        /// Run this step alone (repeat it for more)
        #[arg(long, value_name = "STEP")]
        only: Vec<String>,
        /// List the steps
        #[arg(long)]
        list: bool,
    },
    /// Measure, as a table and as JSON; every figure is a ratio to a peer or a limit
    Bench {
        /// One of the benches; all of them when left out
        bench: Option<String>,
    },
    /// Hunt for what a test has no time for: kills in the middle of writing and of syncs, garbled requests
    Soak {
        /// One of the hunts; all of them when left out
        hunt: Option<String>,
        /// How long each hunt lasts
        #[arg(long, default_value_t = 2)]
        minutes: u64,
        /// Repeats a hunt that found something
        #[arg(long)]
        seed: Option<u64>,
        /// How often a sync is killed, on each database (`sync` alone, which ends then however long that takes)
        #[arg(long, default_value_t = 200)]
        times: u64,
        /// How many people are in the directory (`sync` alone)
        #[arg(long, default_value_t = 10_000)]
        people: u32,
        /// On which database (`sync` alone)
        #[arg(long, value_enum, default_value_t)]
        database: soak::Database,
        /// A built `muster` to kill, in place of building the release (`sync` alone)
        #[arg(long, value_name = "PATH")]
        binary: Option<PathBuf>,
    },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match carry_out(arguments.command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("\n{failure}");
            ExitCode::FAILURE
        }
    }
}

fn carry_out(command: Command) -> Result<(), Failure> {
    let house = House::find()?;
    match command {
        Command::Run { lab, release, port } => {
            server::run(&house, Profile::from_flag(release), lab, port)
        }
        Command::Build { release } => server::build_and_report(&house, Profile::from_flag(release)),
        Command::Test { list: true, .. } => {
            test::list();
            Ok(())
        }
        Command::Test { only, .. } => test::run(&house, &only),
        Command::Bench { bench } => bench::run(&house, bench.as_deref()),
        Command::Soak {
            hunt,
            minutes,
            seed,
            times,
            people,
            database,
            binary,
        } => {
            let syncs = soak::Syncs {
                times,
                people,
                database,
                binary,
            };
            soak::run(&house, hunt.as_deref(), minutes, seed, &syncs)
        }
    }
}
