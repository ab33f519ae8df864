//! The table of a security standard, `docs/asvs.md`: complete, and naming only what exists.

use std::collections::{BTreeMap, BTreeSet};

/// Requirements of the chapters in the table (OWASP ASVS 5.0.0): section, and how many it has.
const SECTIONS: &[(&str, u32)] = &[
    ("6.1", 3),
    ("6.2", 12),
    ("6.3", 8),
    ("6.4", 6),
    ("6.5", 8),
    ("6.6", 4),
    ("6.7", 2),
    ("6.8", 4),
    ("7.1", 3),
    ("7.2", 4),
    ("7.3", 2),
    ("7.4", 5),
    ("7.5", 3),
    ("7.6", 2),
    ("10.1", 2),
    ("10.2", 3),
    ("10.3", 5),
    ("10.4", 16),
    ("10.5", 5),
    ("10.6", 2),
    ("10.7", 3),
];

/// What a row may say of its requirement.
const STATES: [&str; 4] = ["holds", "partly", "open", "n/a"];

/// Whether something a row names is there: a test by its name, a story by its title, a file by its path.
pub struct Known {
    tests: BTreeSet<String>,
    stories: String,
    files: BTreeSet<String>,
}

impl Known {
    /// Learns from the files of the project: name and text.
    pub fn of(files: &[(String, String)]) -> Self {
        let mut known = Self {
            tests: BTreeSet::new(),
            stories: String::new(),
            files: files.iter().map(|(name, _)| name.clone()).collect(),
        };
        for (name, text) in files {
            if name.ends_with(".rs") {
                known.tests.extend(tests_in(text).map(str::to_owned));
            } else if name.starts_with("end2end/stories/") {
                known.stories.push_str(text);
            }
        }
        known
    }

    fn has(&self, name: &str) -> bool {
        self.tests.contains(name)
            || self.files.contains(name)
            || self.stories.contains(&format!("'{name}'"))
            || self.stories.contains(&format!("`{name}`"))
    }
}

/// Names of functions under a `#[test]` or `#[tokio::test]`, or inside a `proptest!`.
fn tests_in(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let after = line
            .trim_start()
            .strip_prefix("async ")
            .unwrap_or(line.trim_start());
        let name = after.strip_prefix("fn ")?;
        name.split(['(', '<']).next()
    })
}

/// What is wrong with the table.
pub fn faults(table: &str, known: &Known) -> Vec<String> {
    let mut faults = Vec::new();
    let mut rows: BTreeMap<String, u32> = BTreeMap::new();
    for line in table.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [requirement, level, state, what] = cells[..] else {
            faults.push(format!("a row of {} cells: {line}", cells.len()));
            continue;
        };
        let id = requirement.split(' ').next().unwrap_or_default();
        if !id.starts_with(|first: char| first.is_ascii_digit()) {
            continue;
        }
        *rows.entry(id.to_owned()).or_default() += 1;
        if !STATES.contains(&state) || !["1", "2", "3"].contains(&level) || what.is_empty() {
            faults.push(format!("{id}: level, state or reason is missing"));
        }
        for name in what.split('`').skip(1).step_by(2) {
            let is_service = name.contains("::") || name == "autocomplete";
            if !is_service && !known.has(name) {
                faults.push(format!("{id}: there is no “{name}”"));
            }
        }
    }
    for (section, count) in SECTIONS {
        for number in 1..=*count {
            let id = format!("{section}.{number}");
            match rows.remove(&id) {
                Some(1) => {}
                Some(_) => faults.push(format!("{id} stands there twice")),
                None => faults.push(format!("{id} is missing")),
            }
        }
    }
    faults.extend(rows.into_keys().map(|id| format!("{id} is no requirement")));
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known() -> Known {
        Known::of(&[
            (
                "src/x.rs".to_owned(),
                "#[test]\nfn it_holds() {}".to_owned(),
            ),
            (
                "end2end/stories/y.spec.mjs".to_owned(),
                "test('a story: told', () => {});".to_owned(),
            ),
        ])
    }

    #[test]
    fn what_a_row_names_has_to_exist() {
        let told = |row: &str| {
            let all = faults(row, &known());
            let own = all
                .into_iter()
                .filter(|fault| !fault.ends_with("is missing"));
            own.collect::<Vec<_>>()
        };
        assert!(
            told("| 6.1.1 words | 1 | holds | `it_holds`, `a story: told`, `src/x.rs` |")
                .is_empty()
        );
        assert_eq!(
            told("| 6.1.1 words | 1 | holds | `it_fell` |"),
            ["6.1.1: there is no “it_fell”"]
        );
        assert_eq!(
            told("| 9.9.9 words | 1 | holds | yes |"),
            ["9.9.9 is no requirement"]
        );
        let unsaid = faults("| 6.1.1 words | 1 | maybe | yes |", &known());
        assert!(unsaid.contains(&"6.1.1: level, state or reason is missing".to_owned()));
    }

    #[test]
    fn every_requirement_stands_there_once() {
        let all = faults("", &known());
        assert_eq!(all.len(), 102);
        let row = "| 6.1.1 words | 1 | holds | yes |\n";
        let twice = faults(&row.repeat(2), &known());
        assert!(twice.contains(&"6.1.1 stands there twice".to_owned()));
        assert!(!faults(row, &known()).contains(&"6.1.1 is missing".to_owned()));
    }
}
