//! The walls of the house: which crate may depend on which, checked against `cargo metadata`, and the few rules about
//! files that a compiler does not check.
//!
//! [`WALLS`] is the list; whoever adds a crate or a dependency between crates adds it here first and thinks about it.
//! Dev-dependencies may cross walls: tests need to stand somewhere.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::codes;
use crate::failure::Failure;
use crate::house::House;
use crate::process;
use crate::standard;

/// A crate of ours, and those of ours it may depend on outside its tests.
pub const WALLS: &[(&str, &[&str])] = &[
    ("muster-domain", &[]),
    ("muster-migrations", &[]),
    ("muster-islands", &[]),
    ("muster-lab", &[]),
    ("xtask", &[]),
    ("muster-hydrate", &["muster-islands"]),
    ("muster-idp", &["muster-domain"]),
    ("muster-directories", &["muster-domain"]),
    ("muster-mail", &["muster-domain"]),
    ("muster-storage", &["muster-domain", "muster-migrations"]),
    ("muster-services", &["muster-domain", "muster-storage"]),
    ("muster-web", &["muster-domain", "muster-services"]),
    (
        "muster-app",
        &[
            "muster-domain",
            "muster-services",
            "muster-web",
            "muster-islands",
        ],
    ),
    (
        "muster",
        &[
            "muster-app",
            "muster-directories",
            "muster-domain",
            "muster-idp",
            "muster-lab",
            "muster-mail",
            "muster-migrations",
            "muster-services",
            "muster-storage",
            "muster-web",
        ],
    ),
    (
        "muster-testing",
        &[
            "muster-directories",
            "muster-domain",
            "muster-idp",
            "muster-lab",
            "muster-services",
            "muster-storage",
        ],
    ),
];

/// Foreign crates that only some of ours may use: rows never leave storage.
const RESERVED: &[(&str, &[&str])] = &[
    ("sea-orm", &["muster-storage", "muster-migrations"]),
    (
        "sea-orm-migration",
        &["muster-storage", "muster-migrations"],
    ),
    ("sqlx", &["muster-storage"]),
    ("openidconnect", &["muster-idp"]),
    ("ldap3", &["muster-directories"]),
    ("lettre", &["muster-mail"]),
    ("webauthn-rs", &["muster-services"]),
    (
        "leptos",
        &["muster-app", "muster-islands", "muster-hydrate"],
    ),
];

/// What makes a proof out of nothing, and the few places that may: everybody else has to earn it.
const DOORS: &[(&str, &[&str])] = &[
    (
        concat!("PasswordChecked::", "witness("),
        &[
            "src/domain/",
            "src/services/password.rs",
            "src/services/setup.rs",
            "src/testing/",
        ],
    ),
    (
        concat!("FactorChecked::", "witness("),
        &[
            "src/domain/",
            "src/services/factors/check.rs",
            "src/services/factors/check/passkey.rs",
            "src/testing/",
        ],
    ),
    (
        concat!("Unproven::", "recall("),
        &["src/domain/", "src/services/reauth/confirm.rs"],
    ),
    (
        concat!("Elevation::", "earn("),
        &["src/domain/", "src/services/elevation.rs", "src/testing/"],
    ),
    (
        concat!("Elevation::", "recall("),
        &["src/domain/", "src/storage/"],
    ),
    (
        concat!(".form_was_on_", "screen("),
        &["src/domain/", "src/services/elevation.rs"],
    ),
    (
        concat!("AuthEvidence::", "verified("),
        &["src/domain/", "src/idp/", "src/testing/"],
    ),
];

/// Names that say nothing about what is inside.
const EMPTY_NAMES: &[&str] = &[
    "util", "utils", "common", "helper", "helpers", "manager", "prelude", "misc",
];

/// The table of requirements and tests.
const STANDARD: &str = "docs/asvs.md";

/// A file with more lines than this has more than one subject.
const LONGEST: usize = 500;

/// Words of a private workplace; what is public must stand alone. Written in two halves, lest this file be found.
const PRIVATE: &[&str] = &[concat!("/wo", "rk/"), concat!("sha", "red/")];

/// What `cargo metadata --no-deps` says of a workspace, as far as walls are concerned.
#[derive(Deserialize)]
pub struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `null` for an ordinary dependency, else "dev" or "build".
    kind: Option<String>,
}

/// Checks everything and reports all that is wrong at once.
pub fn check(house: &House) -> Result<(), Failure> {
    let mut cargo = process::cargo(house);
    cargo.args(["metadata", "--format-version=1", "--no-deps"]);
    let metadata: Metadata = serde_json::from_str(&process::capture(&mut cargo)?)
        .map_err(|error| Failure::new(format!("cargo metadata: {error}")))?;
    let mut breaches = dependencies(&metadata, WALLS, RESERVED);
    let explained = fs::read_to_string(house.root().join("docs/errors.md")).unwrap_or_default();
    let mut files = Vec::new();
    for name in tracked_files(house)? {
        // Deleted but not yet committed, or not text.
        if let Ok(text) = fs::read_to_string(house.root().join(&name)) {
            breaches.extend(file(&name, &text));
            breaches.extend(codes::unexplained(&name, &text, &explained));
            files.push((name, text));
        }
    }
    let table = fs::read_to_string(house.root().join(STANDARD)).unwrap_or_default();
    let faults = standard::faults(&table, &standard::Known::of(&files));
    breaches.extend(
        faults
            .into_iter()
            .map(|fault| format!("{STANDARD}: {fault}")),
    );
    if breaches.is_empty() {
        return Ok(());
    }
    for breach in &breaches {
        println!("    {breach}");
    }
    Err(Failure::new(format!(
        "{} breaches of the walls",
        breaches.len()
    )))
}

/// Dependencies between crates that the table does not allow, and rows that do not match a crate.
pub fn dependencies(
    metadata: &Metadata,
    walls: &[(&str, &[&str])],
    reserved: &[(&str, &[&str])],
) -> Vec<String> {
    let ours: BTreeSet<&str> = metadata.packages.iter().map(|p| p.name.as_str()).collect();
    let mut breaches = Vec::new();
    for (row, _) in walls {
        if !ours.contains(row) {
            breaches.push(format!(
                "{row}: stands in the walls, but there is no such crate"
            ));
        }
    }
    for package in &metadata.packages {
        let Some((_, allowed)) = walls.iter().find(|(row, _)| row == &package.name) else {
            breaches.push(format!("{}: no row in the walls", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            if dependency.kind.as_deref() == Some("dev") {
                continue;
            }
            let name = dependency.name.as_str();
            let is_forbidden = ours.contains(name) && !allowed.contains(&name);
            let is_reserved = reserved.iter().any(|(foreign, users)| {
                *foreign == name && !users.contains(&package.name.as_str())
            });
            if is_forbidden || is_reserved {
                breaches.push(format!("{} may not depend on {name}", package.name));
            }
        }
    }
    breaches
}

/// What is wrong with one file.
fn file(name: &str, text: &str) -> Vec<String> {
    let mut breaches = Vec::new();
    let is_rust = name.ends_with(".rs");
    let is_style = name.starts_with("style/") && name.ends_with(".css");
    let lines = text.lines().count();
    if (is_rust && !name.starts_with("migrations/") || is_style) && lines > LONGEST {
        breaches.push(format!("{name}: {lines} lines, more than {LONGEST}"));
    }
    if is_rust {
        let named = Path::new(name)
            .iter()
            .filter_map(|part| part.to_str())
            .map(|part| part.trim_end_matches(".rs"))
            .find(|part| EMPTY_NAMES.contains(part));
        if let Some(part) = named {
            breaches.push(format!("{name}: `{part}` does not say what is inside"));
        }
        for (door, keepers) in DOORS {
            if text.contains(door) && !keepers.iter().any(|keeper| name.starts_with(keeper)) {
                breaches.push(format!("{name}: may not call `{door}…)`"));
            }
        }
    }
    // Lock files name what others chose to call their packages.
    if !name.ends_with("Cargo.lock") && !name.ends_with("package-lock.json") {
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = PRIVATE.iter().find(|word| line.contains(**word)) {
                breaches.push(format!("{name}:{}: names `{word}`", number + 1));
            }
        }
    }
    breaches
}

/// What git has or would add: the repository as others will see it.
fn tracked_files(house: &House) -> Result<Vec<String>, Failure> {
    let mut git = Command::new("git");
    git.current_dir(house.root()).args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let names = process::capture(&mut git)
        .map_err(|failure| failure.next("run this in a git checkout, with git installed"))?;
    Ok(names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(str::to_owned)
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &[(&str, &[&str])] = &[("pure", &[]), ("rows", &["pure"]), ("tests", &["rows"])];
    const DATABASE: &[(&str, &[&str])] = &[("orm", &["rows"])];

    fn breaches(packages: serde_json::Value) -> Vec<String> {
        let metadata = serde_json::from_value(serde_json::json!({ "packages": packages })).unwrap();
        dependencies(&metadata, TABLE, DATABASE)
    }

    fn on(name: &str) -> serde_json::Value {
        serde_json::json!({ "name": name, "kind": null })
    }

    #[test]
    fn a_proof_is_made_behind_its_own_door_only() {
        let text = format!("let checked = {}user);", DOORS[0].0);
        assert_eq!(
            file("src/services/password.rs", &text),
            Vec::<String>::new()
        );
        assert_eq!(file("app/visit.rs", &text).len(), 1);
        assert_eq!(file("src/services/users.rs", &text).len(), 1);
    }

    #[test]
    fn what_the_table_allows_passes() {
        assert_eq!(
            breaches(serde_json::json!([
                { "name": "pure", "dependencies": [on("serde")] },
                { "name": "rows", "dependencies": [on("pure"), on("orm")] },
                { "name": "tests", "dependencies": [on("rows")] },
            ])),
            Vec::<String>::new()
        );
    }

    #[test]
    fn a_dependency_outside_the_table_is_a_breach() {
        assert_eq!(
            breaches(serde_json::json!([
                { "name": "pure", "dependencies": [on("rows"), on("orm")] },
                { "name": "rows", "dependencies": [{ "name": "tests", "kind": "build" }] },
                { "name": "tests", "dependencies": [] },
            ])),
            [
                "pure may not depend on rows",
                "pure may not depend on orm",
                "rows may not depend on tests"
            ]
        );
    }

    #[test]
    fn a_dev_dependency_may_cross() {
        assert!(
            breaches(serde_json::json!([
                { "name": "pure", "dependencies": [{ "name": "tests", "kind": "dev" }] },
                { "name": "rows", "dependencies": [] },
                { "name": "tests", "dependencies": [] },
            ]))
            .is_empty()
        );
    }

    #[test]
    fn crates_and_rows_match_one_to_one() {
        assert_eq!(
            breaches(serde_json::json!([
                { "name": "pure", "dependencies": [] },
                { "name": "rows", "dependencies": [] },
                { "name": "new", "dependencies": [] },
            ])),
            [
                "tests: stands in the walls, but there is no such crate",
                "new: no row in the walls"
            ]
        );
    }

    #[test]
    fn the_table_has_no_circle() {
        let mut done: Vec<&str> = Vec::new();
        while done.len() < WALLS.len() {
            let ready: Vec<&str> = WALLS
                .iter()
                .filter(|(row, _)| !done.contains(row))
                .filter(|(_, needs)| needs.iter().all(|need| done.contains(need)))
                .map(|(row, _)| *row)
                .collect();
            assert!(
                !ready.is_empty(),
                "a circle among the rows outside {done:?}"
            );
            done.extend(ready);
        }
    }

    #[test]
    fn long_files_are_found_where_they_count() {
        let long = "x\n".repeat(LONGEST + 1);
        assert_eq!(file("src/web/lib.rs", &long).len(), 1);
        assert_eq!(file("style/base.css", &long).len(), 1);
        assert!(file("src/web/lib.rs", &"x\n".repeat(LONGEST)).is_empty());
        assert!(file("migrations/lib.rs", &long).is_empty());
        assert!(file("docs/long.md", &long).is_empty());
    }

    #[test]
    fn empty_names_and_private_places_are_found() {
        assert_eq!(file("src/web/utils.rs", "").len(), 1);
        assert_eq!(file("src/common/lib.rs", "").len(), 1);
        assert!(file("src/web/utility_bill.rs", "").is_empty());
        let private = format!("see {}DESIGN.md", PRIVATE[1]);
        assert_eq!(
            file("README.md", &format!("a\n{private}")),
            [format!("README.md:2: names `{}`", PRIVATE[1])]
        );
        assert!(file("end2end/package-lock.json", &private).is_empty());
    }
}
