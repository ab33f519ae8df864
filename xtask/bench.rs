//! `cargo xtask bench`: measurements as a table and as JSON in `target/bench/`.
//!
//! A bare number says nothing on another machine, so every [`Figure`] stands beside a peer or a limit taken in the same
//! run, and what is judged is their ratio. Adding a bench is one function and one row in [`BENCHES`].

pub mod connection;
mod load;
mod nested;
mod plans;
pub mod program;
pub mod stage;
mod sync;
mod web;

use std::fs;

use serde::Serialize;

use crate::failure::Failure;
use crate::house::House;
use crate::site::{self, Profile};

/// One measurement beside what it is measured against, in the same unit.
#[derive(Debug, Serialize)]
pub struct Figure {
    /// What was measured.
    pub name: &'static str,
    /// What came out.
    pub value: f64,
    /// Of both `value` and `reference`.
    pub unit: &'static str,
    /// A peer measured in the same run, or a fixed limit.
    pub reference: f64,
    /// What the reference is.
    pub against: &'static str,
    /// What is promised of `value / reference`.
    pub promise: Promise,
}

/// The bound on a ratio.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Promise {
    /// Smaller is better: size, time, memory.
    AtMost(f64),
    /// Larger is better: requests a second.
    AtLeast(f64),
    /// Told to understand the others.
    None,
}

impl Figure {
    /// `value / reference`.
    pub fn ratio(&self) -> f64 {
        self.value / self.reference
    }

    /// Whether the promise is kept. A ratio that is not a number keeps none.
    pub fn is_kept(&self) -> bool {
        match self.promise {
            Promise::AtMost(bound) => self.ratio() <= bound,
            Promise::AtLeast(bound) => self.ratio() >= bound,
            Promise::None => true,
        }
    }

    fn row(&self) -> String {
        let bound = match self.promise {
            Promise::AtMost(bound) => format!("<= {bound}"),
            Promise::AtLeast(bound) => format!(">= {bound}"),
            Promise::None => String::new(),
        };
        let judged = match (self.promise, self.is_kept()) {
            (Promise::None, _) => "",
            (_, true) => "kept",
            (_, false) => "BROKEN",
        };
        format!(
            "{:<32}{:>12.2} {:<8}{:>12.2} {:<28}{:>8.3}  {:<8}{}",
            self.name,
            self.value,
            self.unit,
            self.reference,
            self.against,
            self.ratio(),
            bound,
            judged,
        )
    }
}

type Bench = fn(&House) -> Result<Vec<Figure>, Failure>;

/// By name. Each measures the release build.
const BENCHES: &[(&str, Bench)] = &[
    ("browser", browser),
    ("nested", nested::measure),
    ("plans", plans::measure),
    ("sync", sync::measure),
    ("web", web::measure),
];

/// Runs one bench or all, prints the table, writes `target/bench/<name>.json`; a broken promise is a failure.
pub fn run(house: &House, only: Option<&str>) -> Result<(), Failure> {
    let chosen: Vec<_> = BENCHES
        .iter()
        .filter(|(name, _)| only.is_none_or(|only| only == *name))
        .collect();
    if chosen.is_empty() {
        let names: Vec<&str> = BENCHES.iter().map(|(name, _)| *name).collect();
        return Err(
            Failure::new(format!("there is no bench `{}`", only.unwrap_or_default()))
                .next(format!("there is: {}", names.join(", "))),
        );
    }
    let mut broken = 0;
    for (name, bench) in chosen {
        let figures = bench(house)?;
        write(house, name, &figures)?;
        println!(
            "\n{:<32}{:>12} {:<8}{:>12} {:<28}{:>8}  {:<8}",
            name, "value", "", "reference", "", "ratio", "promise"
        );
        for figure in &figures {
            println!("{}", figure.row());
        }
        broken += figures.iter().filter(|figure| !figure.is_kept()).count();
    }
    match broken {
        0 => Ok(()),
        _ => Err(Failure::new(format!("{broken} promises broken"))
            .next("the rows marked BROKEN; run it again on a quiet machine first")),
    }
}

fn write(house: &House, name: &str, figures: &[Figure]) -> Result<(), Failure> {
    let rows: Vec<_> = figures
        .iter()
        .map(|figure| {
            serde_json::json!({ "figure": figure, "ratio": figure.ratio(), "kept": figure.is_kept() })
        })
        .collect();
    let folder = house.target().join("bench");
    fs::create_dir_all(&folder).map_err(|error| Failure::io(&folder, &error))?;
    let file = folder.join(format!("{name}.json"));
    let text = serde_json::to_string_pretty(&rows)
        .map_err(|error| Failure::new(format!("{}: {error}", file.display())))?;
    fs::write(&file, text).map_err(|error| Failure::io(&file, &error))
}

/// What a first visit loads to become interactive.
fn browser(house: &House) -> Result<Vec<Figure>, Failure> {
    let site = site::build(house, Profile::Release)?;
    Ok(vec![Figure {
        name: "browser part in brotli",
        value: site.browser_part.brotli as f64 / 1024.0,
        unit: "KiB",
        reference: 200.0,
        against: "KiB, the limit",
        promise: Promise::AtMost(1.0),
    }])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(value: f64, reference: f64, promise: Promise) -> Figure {
        Figure {
            name: "a",
            value,
            unit: "ms",
            reference,
            against: "ms",
            promise,
        }
    }

    #[test]
    fn a_promise_is_judged_by_the_ratio() {
        assert!(figure(50.0, 100.0, Promise::AtMost(0.5)).is_kept());
        assert!(!figure(51.0, 100.0, Promise::AtMost(0.5)).is_kept());
        assert!(figure(25.0, 100.0, Promise::AtLeast(0.25)).is_kept());
        assert!(!figure(24.0, 100.0, Promise::AtLeast(0.25)).is_kept());
    }

    #[test]
    fn nothing_measured_against_nothing_keeps_no_promise() {
        assert!(!figure(0.0, 0.0, Promise::AtMost(1.0)).is_kept());
        assert!(!figure(0.0, 0.0, Promise::AtLeast(0.0)).is_kept());
    }

    #[test]
    fn an_unknown_bench_is_refused_before_anything_is_built() {
        let house = House::find().unwrap();
        let failure = run(&house, Some("soak")).unwrap_err();
        assert!(failure.to_string().contains("there is no bench `soak`"));
    }
}
