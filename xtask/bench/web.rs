//! `cargo xtask bench web`: what the console costs with everything switched on: session, roles, database, audit,
//! headers.
//!
//! Server, peer and generator share this machine, and others may be at work on it, too. So what is compared is
//! measured by turns in one run, and the processor time of an answer stands beside its rate.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use super::load::{Load, Sample, quantile};
use super::program::Program;
use super::stage::{self, Stage, get};
use super::{Figure, Promise};
use crate::failure::Failure;
use crate::house::House;
use crate::process::{self, timed};
use crate::server;
use crate::site::Profile;

/// People in the database.
const USERS: u32 = 10_000;
/// Server starts, of which the median counts.
const STARTS: usize = 10;
/// How long a server is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(2);
/// Turns of what is compared, and how long each takes.
const TURNS: u32 = 5;
const TURN: Duration = Duration::from_secs(2);
/// Connections at once, where many are.
const MANY: usize = 16;
/// People who sign in all the time: enough that a hash is always waiting.
const SIGNING_IN: usize = 8;
/// One page in this time shows what others see meanwhile.
const PROBE: Duration = Duration::from_millis(20);
/// Nobody, some, hundreds, and nearly everybody (the domain of their addresses), with the names of the figures.
const SEARCHES: [(&str, &str, &str); 4] = [
    (
        "zzyzx",
        "search, nobody found, p99",
        "  the query alone, p99",
    ),
    (
        "rezaei",
        "search, some found, p99",
        "  the query alone, p99",
    ),
    (
        "mar",
        "search, hundreds found, p99",
        "  the query alone, p99",
    ),
    (
        "example",
        "search, everybody found, p99",
        "  the query alone, p99",
    ),
];

/// The stage, and the peer on it.
struct Scene {
    stage: Stage,
    peer: PathBuf,
}

impl Scene {
    /// The peer's program.
    fn peer(&self) -> Command {
        self.stage.program(&self.peer)
    }

    /// Starts the page from memory.
    fn serve_from_memory(&self) -> Result<Program, Failure> {
        let database = self.stage.database();
        Program::start(self.peer().args(["page", &database, stage::ADMIN]))
    }
}

/// Builds the release, runs it, measures.
pub fn measure(house: &House) -> Result<Vec<Figure>, Failure> {
    let (muster, site) = server::build(house, Profile::Release)?;
    let peer = build_peer(house)?;
    let folder = house.target().join("bench/web");
    let stage = timed("10 000 people", || Stage::set(folder, muster, None, USERS))?;
    let stage = Scene { stage, peer };
    let mut figures = timed("start", || starts(&stage.stage))?;
    let (server, _) = stage.stage.serve()?;
    figures.extend(timed("memory", || idle(&server))?);
    let cookie = stage::sign_in(server.address)?;
    figures.extend(timed("page", || page(&stage, &server, &cookie))?);
    figures.extend(timed("last page", || last_page(&server, &cookie))?);
    figures.extend(timed("search", || search(&stage, &server, &cookie))?);
    figures.extend(timed("passwords", || passwords(&stage, &server, &cookie))?);
    std::thread::sleep(IDLE);
    let after = server.memory()?.resident;
    figures.push(told(
        "  after all of this",
        after,
        "MiB",
        30.0,
        "MiB, the limit at idle",
    ));
    server.stop()?;
    let browser_part = site.browser_part.brotli as f64 / 1024.0;
    figures.push(at_most(
        "browser part in brotli",
        browser_part,
        "KiB",
        200.0,
        "KiB, the limit",
    ));
    Ok(figures)
}

/// The peer, with the same features of the same crates as the server has.
pub(super) fn build_peer(house: &House) -> Result<PathBuf, Failure> {
    let mut cargo = process::cargo(house);
    cargo.args([
        "build",
        "--release",
        "--package",
        "muster",
        "--package",
        "muster-app",
    ]);
    cargo.args(["--bin", "muster", "--example", "peer"]);
    cargo.env(
        server::EMBED_SITE,
        crate::site::folder(house, Profile::Release),
    );
    timed("peer", || process::run(&mut cargo))?;
    Ok(house.cargo_target().join("release/examples/peer"))
}

fn starts(stage: &Stage) -> Result<Vec<Figure>, Failure> {
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let (server, took) = stage.serve()?;
        server.stop()?;
        times.push(took.as_secs_f64() * 1000.0);
    }
    let (median, slowest) = (quantile(times.clone(), 0.5), quantile(times, 1.0));
    Ok(vec![
        at_most("start to first answer", median, "ms", 50.0, "ms, the limit"),
        told("  the slowest of ten", slowest, "ms", 50.0, "ms, the limit"),
    ])
}

fn idle(server: &Program) -> Result<Vec<Figure>, Failure> {
    std::thread::sleep(IDLE);
    let memory = server.memory()?;
    Ok(vec![
        at_most(
            "idle memory (RSS)",
            memory.resident,
            "MiB",
            30.0,
            "MiB, the limit",
        ),
        told(
            "  its share of pages (PSS)",
            memory.proportional,
            "MiB",
            30.0,
            "MiB, the limit",
        ),
    ])
}

/// What one side of a comparison gave.
#[derive(Default)]
struct Side {
    sample: Sample,
    cpu: Duration,
}

impl Side {
    fn take_turn(&mut self, program: &Program, load: &Load<'_>) -> Result<(), Failure> {
        let (sample, cpu) = load.run_while(|_| {
            let before = program.cpu()?;
            std::thread::sleep(TURN);
            Ok(program.cpu()?.saturating_sub(before))
        })?;
        self.cpu += cpu;
        self.sample.add(sample);
        Ok(())
    }

    fn cpu_each(&self) -> f64 {
        self.cpu.as_secs_f64() * 1000.0 / self.sample.count() as f64
    }
}

/// The page of users from the database against the same page from memory.
fn page(stage: &Scene, server: &Program, cookie: &str) -> Result<Vec<Figure>, Failure> {
    let memory = stage.serve_from_memory()?;
    let asked = [get(server.address, "/users", cookie)];
    let asked_memory = [get(memory.address, "/users", "")];
    must_be_same_page(server, &asked, &memory, &asked_memory)?;
    let (mut ours, mut theirs, mut alone) = (Side::default(), Side::default(), Side::default());
    for _ in 0..TURNS {
        ours.take_turn(server, &pages(server, &asked, MANY))?;
        theirs.take_turn(&memory, &pages(&memory, &asked_memory, MANY))?;
        alone.take_turn(server, &pages(server, &asked, 1))?;
    }
    let (rate, rate_memory) = (ours.sample.per_second(), theirs.sample.per_second());
    Ok(vec![
        Figure {
            name: "users page, 16 connections",
            value: rate,
            unit: "/s",
            reference: rate_memory,
            against: "/s, same page from memory",
            promise: Promise::AtLeast(0.25),
        },
        told(
            "  processor time of one",
            ours.cpu_each(),
            "ms",
            theirs.cpu_each(),
            "ms, same page from memory",
        ),
        at_most(
            "  p99",
            ours.sample.quantile(0.99),
            "ms",
            10.0,
            "ms, the limit",
        ),
        told(
            "  p50",
            ours.sample.quantile(0.5),
            "ms",
            10.0,
            "ms, the limit at p99",
        ),
        told(
            "  p99 from memory",
            theirs.sample.quantile(0.99),
            "ms",
            10.0,
            "ms, the limit",
        ),
        told(
            "users page, 1 connection, p99",
            alone.sample.quantile(0.99),
            "ms",
            10.0,
            "ms, the limit",
        ),
        told(
            "  p50",
            alone.sample.quantile(0.5),
            "ms",
            10.0,
            "ms, the limit at p99",
        ),
        told(
            "  processor time of one",
            alone.cpu_each(),
            "ms",
            theirs.cpu_each(),
            "ms, from memory at 16",
        ),
    ])
}

fn pages<'a>(program: &Program, requests: &'a [Vec<u8>], connections: usize) -> Load<'a> {
    Load {
        address: program.address,
        requests,
        status: 200,
        connections,
        pace: Duration::ZERO,
        warm_up: 20,
    }
}

/// A comparison of different pages would say nothing. Lengths differ by the asset's names and by "2 minutes ago".
fn must_be_same_page(
    server: &Program,
    asked: &[Vec<u8>],
    memory: &Program,
    asked_memory: &[Vec<u8>],
) -> Result<(), Failure> {
    let length = |program: &Program, asked: &[Vec<u8>]| {
        let request = asked.first().map(Vec::as_slice).unwrap_or_default();
        let mut connection = super::connection::Connection::open(program.address)?;
        connection.ask(request).map(|answer| answer.body.len())
    };
    let (ours, theirs) = (length(server, asked)?, length(memory, asked_memory)?);
    if ours.abs_diff(theirs) * 100 > ours {
        return Err(Failure::new(format!(
            "the page has {ours} bytes from the server and {theirs} from memory"
        ))
        .next("app/examples/peer/page.rs must draw what the page of users draws"));
    }
    println!("    the page has {ours} bytes, from memory {theirs}");
    Ok(())
}

fn last_page(server: &Program, cookie: &str) -> Result<Vec<Figure>, Failure> {
    let asked = [
        get(server.address, "/users", cookie),
        get(server.address, "/users?page=last", cookie),
    ];
    let sample = pages(server, &asked, 1).run(TURN * TURNS)?;
    Ok(vec![Figure {
        name: "last page of the list, p50",
        value: sample.quantile_of(1, 0.5),
        unit: "ms",
        reference: sample.quantile_of(0, 0.5),
        against: "ms, the first page",
        promise: Promise::AtMost(1.2),
    }])
}

fn search(stage: &Scene, server: &Program, cookie: &str) -> Result<Vec<Figure>, Failure> {
    let asked: Vec<Vec<u8>> = SEARCHES
        .iter()
        .map(|(q, ..)| get(server.address, &format!("/users?q={q}"), cookie))
        .collect();
    let sample = pages(server, &asked, 1).run(TURN * TURNS)?;
    let mut peer = stage.peer();
    peer.args(["list", &stage.stage.database()])
        .args(SEARCHES.map(|(q, ..)| q));
    let told_times = process::capture(&mut peer)?;
    let times = told_times
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<Vec<Vec<f64>>, _>>()
        .map_err(|error| Failure::new(format!("the peer told `{told_times}`: {error}")))?;
    let mut figures = Vec::new();
    // The first two lines are those of the first and the last page.
    for ((number, (_, name, alone)), times) in SEARCHES
        .into_iter()
        .enumerate()
        .zip(times.into_iter().skip(2))
    {
        let limit = "ms, the limit";
        figures.push(at_most(
            name,
            sample.quantile_of(number, 0.99),
            "ms",
            10.0,
            limit,
        ));
        figures.push(told(
            "  p50",
            sample.quantile_of(number, 0.5),
            "ms",
            10.0,
            limit,
        ));
        figures.push(told(alone, quantile(times, 0.99), "ms", 10.0, limit));
    }
    Ok(figures)
}

/// Signing in with passwords against hashing alone, while somebody else looks at pages.
fn passwords(stage: &Scene, server: &Program, cookie: &str) -> Result<Vec<Figure>, Failure> {
    let sign_ins = stage::add_people(server.address, cookie, SIGNING_IN)?;
    let sign_ins = Load {
        status: 303,
        connections: SIGNING_IN,
        warm_up: 1,
        ..pages(server, &sign_ins, SIGNING_IN)
    };
    let looked_at = ["/users", "/groups", "/users?page=last", "/me"];
    let looked_at = looked_at.map(|path| get(server.address, path, cookie));
    let probe = Load {
        pace: PROBE,
        ..pages(server, &looked_at, 1)
    };
    // The server hashes on one core fewer than there are, as its hashing room says.
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = cores.saturating_sub(1).max(1);
    let (mut done, mut seen, mut bare) = (Side::default(), Sample::default(), Vec::new());
    for _ in 0..TURNS {
        let (_, rate) = probe.run_while(|_| hash_alone(stage, threads))?;
        bare.push(rate);
        let (probed, ()) = probe.run_while(|_| done.take_turn(server, &sign_ins))?;
        seen.add(probed);
    }
    let rate = bare.iter().sum::<f64>() / bare.len() as f64;
    Ok(vec![
        Figure {
            name: "password sign-ins",
            value: done.sample.per_second(),
            unit: "/s",
            reference: rate,
            against: "/s, bare Argon2id",
            promise: Promise::AtLeast(0.95),
        },
        at_most(
            "  pages meanwhile, p99",
            seen.quantile(0.99),
            "ms",
            20.0,
            "ms, the limit",
        ),
        told(
            "  p50",
            seen.quantile(0.5),
            "ms",
            20.0,
            "ms, the limit at p99",
        ),
    ])
}

fn hash_alone(stage: &Scene, threads: usize) -> Result<f64, Failure> {
    let mut peer = stage.peer();
    peer.args([
        "argon2",
        &threads.to_string(),
        &TURN.as_millis().to_string(),
    ]);
    let told = process::capture(&mut peer)?;
    told.trim()
        .parse()
        .map_err(|error| Failure::new(format!("the peer told `{told}`: {error}")))
}

fn at_most(
    name: &'static str,
    value: f64,
    unit: &'static str,
    reference: f64,
    against: &'static str,
) -> Figure {
    Figure {
        name,
        value,
        unit,
        reference,
        against,
        promise: Promise::AtMost(1.0),
    }
}

fn told(
    name: &'static str,
    value: f64,
    unit: &'static str,
    reference: f64,
    against: &'static str,
) -> Figure {
    Figure {
        promise: Promise::None,
        ..at_most(name, value, unit, reference, against)
    }
}
