//! `cargo xtask bench nested`: who is in what in effect, with 1 000 000 direct memberships and groups twenty deep.
//!
//! What is asked is what sign-in, the check of a permission, a proxy's question and a person's page ask. The bottom of a
//! tower of twenty groups leads into all of them, and everybody stands at the bottom of ten.

use std::path::Path;
use std::process::Command;

use super::load::quantile;
use super::{Figure, Promise, web};
use crate::failure::Failure;
use crate::house::House;
use crate::postgres;
use crate::process::{self, timed};

/// Milliseconds within which the answer is there.
const LIMIT: f64 = 2.0;

/// What is asked, in the order in which the peer tells its times: what its p99 and its p50 are called.
type Names = [(&'static str, &'static str); 3];

const ON_SQLITE: Names = [
    ("SQLite: roles held, p99", "  p50"),
    ("  200 groups by name, p99", "  p50"),
    ("  and the way into each, p99", "  p50"),
];
const ON_POSTGRES: Names = [
    ("PostgreSQL: roles held, p99", "  p50"),
    ("  200 groups by name, p99", "  p50"),
    ("  and the way into each, p99", "  p50"),
];

/// Builds the release, fills a database of each kind, asks.
pub fn measure(house: &House) -> Result<Vec<Figure>, Failure> {
    let peer = web::build_peer(house)?;
    let folder = house.target().join("bench/nested");
    let io = |error: std::io::Error| Failure::io(&folder, &error);
    if folder.exists() {
        std::fs::remove_dir_all(&folder).map_err(io)?;
    }
    std::fs::create_dir_all(&folder).map_err(io)?;
    let file = format!("sqlite://{}", folder.join("nested.db").display());
    let mut figures = timed("SQLite", || ask(&peer, &file, ON_SQLITE))?;
    match postgres::start(house)? {
        Some(cluster) => {
            figures.extend(timed("PostgreSQL", || {
                ask(&peer, &cluster.url, ON_POSTGRES)
            })?);
        }
        None => println!("    PostgreSQL is not installed: SQLite alone was measured"),
    }
    Ok(figures)
}

fn ask(peer: &Path, database: &str, names: Names) -> Result<Vec<Figure>, Failure> {
    let edges = process::capture(Command::new(peer).args(["nest", database]))?;
    println!("    {} memberships", edges.trim());
    let told = process::capture(Command::new(peer).args(["reach", database]))?;
    let times = told
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<Vec<Vec<f64>>, _>>()
        .map_err(|error| Failure::new(format!("the peer told `{told}`: {error}")))?;
    if times.len() != names.len() {
        return Err(Failure::new(format!(
            "the peer told the times of {} questions, not of {}",
            times.len(),
            names.len()
        )));
    }
    let mut figures = Vec::new();
    for ((p99, p50), times) in names.into_iter().zip(times) {
        figures.push(figure(
            p99,
            quantile(times.clone(), 0.99),
            Promise::AtMost(1.0),
        ));
        figures.push(figure(p50, quantile(times, 0.5), Promise::None));
    }
    Ok(figures)
}

fn figure(name: &'static str, value: f64, promise: Promise) -> Figure {
    Figure {
        name,
        value,
        unit: "ms",
        reference: LIMIT,
        against: "ms, the limit",
        promise,
    }
}
