//! `cargo xtask test`: ordered steps, cheap ones first; the first failure ends the run and says what to look at.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::digest::digest;
use crate::failure::Failure;
use crate::house::House;
use crate::machine::{self, BROWSER_TARGET};
use crate::postgres::{self, Cluster};
use crate::process::{self, timed};
use crate::server::{self, SITE_DIR};
use crate::site::{self, Profile};
use crate::{browser, walls};

struct Step {
    name: &'static str,
    what: &'static str,
    look_at: &'static str,
    run: fn(&House) -> Result<(), Failure>,
}

const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        what: "every file is formatted",
        look_at: "run `cargo fmt --all`",
        run: format,
    },
    Step {
        name: "walls",
        what: "crates depend on each other as designed; files are short, well named and stand alone",
        look_at: "xtask/walls.rs has the table and the rules",
        run: walls::check,
    },
    Step {
        name: "clippy",
        what: "lints of everything that runs on the server, warnings denied",
        look_at: "the first warning above",
        run: clippy,
    },
    Step {
        name: "clippy-browser",
        what: "lints of the browser part, for WebAssembly",
        look_at: "the first warning above",
        run: clippy_browser,
    },
    Step {
        name: "compile",
        what: "the server and every test",
        look_at: "the first error above",
        run: compile,
    },
    Step {
        name: "test",
        what: "unit, property, conformance; storage on SQLite and on a throwaway PostgreSQL",
        look_at: "the first FAIL above; run it alone with `cargo nextest run -p <crate> <test>`",
        run: tests,
    },
    Step {
        name: "doc",
        what: "examples in documentation, and code that must not compile",
        look_at: "the first failure above",
        run: doc_tests,
    },
    Step {
        name: "site",
        what: "browser part and stylesheet",
        look_at: "the first error above",
        run: site,
    },
    Step {
        name: "end2end",
        what: "whole stories in Chromium, axe, screenshots",
        look_at: "end2end/test-results (traces, screenshots) and end2end/playwright-report",
        run: end_to_end,
    },
];

/// Prints the steps in order.
pub fn list() {
    for step in STEPS {
        println!("{:<16}{}", step.name, step.what);
    }
}

/// Runs all steps, or only those named, always in their order.
pub fn run(house: &House, only: &[String]) -> Result<(), Failure> {
    if let Some(unknown) = only
        .iter()
        .find(|name| STEPS.iter().all(|step| step.name != **name))
    {
        return Err(Failure::new(format!("there is no step `{unknown}`"))
            .next("`cargo xtask test --list` names them"));
    }
    let chosen = |step: &&Step| only.is_empty() || only.iter().any(|name| name == step.name);
    timed("all steps", || {
        for step in STEPS.iter().filter(chosen) {
            timed(step.name, || (step.run)(house)).map_err(|failure| {
                failure.next(format!(
                    "{}; then `cargo xtask test --only {}`",
                    step.look_at, step.name
                ))
            })?;
            report_disk(house);
        }
        Ok(())
    })
}

/// What a full disk does to a linker is a bus error that names nothing: how much is left is said after each step.
fn report_disk(house: &House) {
    let mut df = Command::new("df");
    df.args(["--portability", "--block-size=1M"]);
    let Ok(table) = process::capture(df.arg(house.root())) else {
        return;
    };
    let free = table
        .lines()
        .nth(1)
        .and_then(|row| row.split_whitespace().nth(3));
    if let Some(free) = free {
        println!("    {free} MiB of disk are left");
    }
}

fn format(house: &House) -> Result<(), Failure> {
    process::run(process::cargo(house).args(["fmt", "--all", "--check"]))
}

fn clippy(house: &House) -> Result<(), Failure> {
    machine::need_native_libraries()?;
    process::run(on_the_server(process::cargo(house).arg("clippy")).args([
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ]))
}

fn clippy_browser(house: &House) -> Result<(), Failure> {
    machine::need_browser_target()?;
    let mut cargo = process::cargo(house);
    // In the build's profile, so that both share their macros and build scripts.
    cargo
        .args(["clippy", "--package", "muster-hydrate"])
        .args(["--package", "muster-islands", "--target", BROWSER_TARGET])
        .args(["--profile", browser::PROFILE, "--target-dir"])
        .arg(house.target().join("browser"))
        .args(["--", "-D", "warnings"]);
    browser::with_flags(&mut cargo);
    process::run(&mut cargo)
}

/// The server's binary too: built with the features the tests agreed on, it costs no second build of its dependencies.
fn compile(house: &House) -> Result<(), Failure> {
    machine::need_native_libraries()?;
    process::run(
        on_the_server(process::cargo(house).arg("build")).args(["--bins", "--lib", "--tests"]),
    )
}

fn tests(house: &House) -> Result<(), Failure> {
    machine::need_slapd()?;
    machine::need_samba()?;
    machine::need_389()?;
    let cluster = start_postgres(house)?;
    let mut cargo = process::cargo(house);
    if machine::find(&["cargo-nextest"]).is_some() {
        on_the_server(cargo.args(["nextest", "run"])).arg("--no-fail-fast");
    } else {
        on_the_server(cargo.arg("test")).args(["--bins", "--lib", "--tests", "--no-fail-fast"]);
    }
    if let Some(cluster) = &cluster {
        cargo.env(postgres::URL, &cluster.url);
    }
    process::run(&mut cargo)
}

fn start_postgres(house: &House) -> Result<Option<Cluster>, Failure> {
    // One that is running already, for instance in a container beside a CI job.
    if std::env::var_os(postgres::URL).is_some() {
        println!("    PostgreSQL: the one {} names", postgres::URL);
        return Ok(None);
    }
    let cluster = timed("PostgreSQL", || postgres::start(house))?;
    if cluster.is_none() {
        println!(
            "\n    !! PostgreSQL is not installed: its storage tests are SKIPPED. Install Debian's `postgresql`.\n"
        );
    }
    Ok(cluster)
}

fn doc_tests(house: &House) -> Result<(), Failure> {
    process::run(on_the_server(process::cargo(house).args(["test", "--doc"])))
}

fn site(house: &House) -> Result<(), Failure> {
    site::build(house, Profile::Dev).map(drop)
}

fn end_to_end(house: &House) -> Result<(), Failure> {
    let folder = house.root().join("end2end");
    let binary = server::binary(house, Profile::Dev);
    let site = site::folder(house, Profile::Dev);
    for (built, step) in [(&binary, "compile"), (&site.join("assets.json"), "site")] {
        if !built.exists() {
            return Err(Failure::new(format!("{} is not there", built.display()))
                .next(format!("add `--only {step}`")));
        }
    }
    machine::need_node()?;
    let chromium = machine::need_chromium()?;
    machine::need_oathtool()?;
    machine::need_openssl()?;
    machine::need_nginx()?;
    install_packages(&folder)?;
    process::run(
        Command::new("npx")
            .args(["--no-install", "playwright", "test"])
            .current_dir(&folder)
            .env("MUSTER_BIN", binary)
            .env(SITE_DIR, site)
            .env("CHROMIUM", chromium),
    )
}

/// `npm ci`, unless it ran for this very lock file.
fn install_packages(folder: &Path) -> Result<(), Failure> {
    let lock = folder.join("package-lock.json");
    let wanted = fs::read(&lock).map_err(|error| Failure::io(&lock, &error))?;
    let wanted = digest(&wanted);
    let stamp = folder.join("node_modules/.installed-from");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    process::run(
        Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund"])
            // The browser is the system's; none is downloaded.
            .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
            .current_dir(folder),
    )?;
    fs::write(&stamp, wanted).map_err(|error| Failure::io(&stamp, &error))
}

/// All crates but the one that exists only as WebAssembly.
fn on_the_server(cargo: &mut Command) -> &mut Command {
    cargo.args(["--workspace", "--exclude", "muster-hydrate"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_have_names_of_their_own() {
        let mut names: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), STEPS.len());
    }

    #[test]
    fn an_unknown_step_is_refused_before_anything_runs() {
        let house = House::find().unwrap();
        let failure = run(&house, &["fmt".to_owned(), "nothing".to_owned()]).unwrap_err();
        assert!(failure.to_string().contains("there is no step `nothing`"));
    }
}
