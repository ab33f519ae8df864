//! `cargo xtask bench plans`: pages that list what differs, with 100 000 people here and 100 000 there.
//!
//! The people come from a real slapd by a real sync. Then the directory says something else: 10 000 left, 10 000 came, 80 000
//! have another address; and a comparison finds these 100 000 differences. Pages are asked for by somebody signed in, as a
//! browser asks; later pages are found by following "Next".

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use super::connection::Connection;
use super::load::{Load, Sample};
use super::stage::{self, Stage, get};
use super::sync::tree::{BASE, PASSWORD, READER, Tree, roots};
use super::{Figure, Promise};
use crate::failure::Failure;
use crate::house::House;
use crate::process::{self, timed};
use crate::site::Profile;
use crate::{machine, postgres, server};

/// People on each side.
const PEOPLE: u32 = 100_000;
/// Those of them who left, and as many who came.
const LEFT: u32 = 10_000;
/// One in so many of those who stayed is as before.
const AS_BEFORE: u32 = 9;
/// The directory's name.
const NAME: &str = "Bench";
/// Milliseconds within which a first page is there, and a later one.
const FIRST: f64 = 200.0;
const LATER: f64 = 50.0;
/// Times a first page is asked for.
const TIMES: usize = 40;
/// Later pages that are asked for by chance, out of those that were walked through.
const CHANCES: usize = 200;
/// Pages walked through where a list is narrowed; the whole list is walked to its end.
const WALKED: usize = 300;

/// A list, and what the figures of its pages are called.
struct List {
    narrowed: &'static str,
    first: &'static str,
    later: Option<&'static str>,
}

const fn list(narrowed: &'static str, first: &'static str, later: Option<&'static str>) -> List {
    List {
        narrowed,
        first,
        later,
    }
}

/// Of the page of differences. "u0501" finds a hundred people, "u0" nearly everybody.
const DRIFT: [List; 6] = [
    list("", "drift, first page, p99", Some("  later pages, p99")),
    list(
        "class=there",
        "  changed there, p99",
        Some("  later pages of it, p99"),
    ),
    list(
        "class=orphan",
        "  only here, p99",
        Some("  later pages of it, p99"),
    ),
    list("q=zzyzx", "  search, nobody found, p99", None),
    list(
        "q=U0501",
        "  search, a hundred found, p99",
        Some("  its second page, p99"),
    ),
    list(
        "q=u0",
        "  search, everybody found, p99",
        Some("  later pages of it, p99"),
    ),
];

/// Of the page of the plan behind it.
const PLAN: [List; 4] = [
    list("", "plan, first page, p99", Some("  later pages, p99")),
    list(
        "kind=deactivate&cause=gone_from_source",
        "  one kind and cause, p99",
        Some("  later pages of it, p99"),
    ),
    list("q=zzyzx", "  search, nobody found, p99", None),
    list(
        "q=U0501",
        "  search, a hundred found, p99",
        Some("  its second page, p99"),
    ),
];

/// Builds the release, runs it on a database of each kind, measures.
pub fn measure(house: &House) -> Result<Vec<Figure>, Failure> {
    machine::need_slapd()?;
    let (muster, _) = server::build(house, Profile::Release)?;
    let folder = house.target().join("bench/plans");
    let scene = |name: &str, database| Scene {
        muster: muster.clone(),
        folder: folder.join(name),
        database,
    };
    let head = |name, seconds: f64| Figure {
        name,
        value: seconds,
        unit: "s",
        reference: seconds,
        against: "s, itself",
        promise: Promise::None,
    };
    let (seconds, mut figures) = timed("SQLite", || scene("sqlite", None).measure())?;
    figures.insert(0, head("SQLite: the comparison", seconds));
    match postgres::start(house)? {
        Some(cluster) => {
            let scene = scene("postgres", Some(cluster.url.clone()));
            let (seconds, more) = timed("PostgreSQL", || scene.measure())?;
            figures.push(head("PostgreSQL: the comparison", seconds));
            figures.extend(more);
        }
        None => println!("    PostgreSQL is not installed: SQLite alone was measured"),
    }
    Ok(figures)
}

struct Scene {
    muster: PathBuf,
    folder: PathBuf,
    database: Option<String>,
}

impl Scene {
    /// Seconds of the comparison, and its pages.
    fn measure(&self) -> Result<(f64, Vec<Figure>), Failure> {
        let (muster, data) = (self.muster.clone(), self.folder.join("data"));
        let stage = Stage::set_on(self.database.clone(), data, muster, None, 0)?;
        let before = self.tree("before", &people(0, |_| "example.test"))?;
        timed("the first sync", || {
            self.sync(&stage, &before, &["sync", NAME])
        })?;
        drop(before);
        let domain = |n: u32| {
            if n.is_multiple_of(AS_BEFORE) {
                "example.test"
            } else {
                "elsewhere.test"
            }
        };
        let after = self.tree("after", &people(LEFT, domain))?;
        let begun = std::time::Instant::now();
        timed("the comparison", || {
            self.sync(&stage, &after, &["sync", NAME, "--plan"])
        })?;
        let seconds = begun.elapsed().as_secs_f64();
        let (server, _) = stage.serve()?;
        let cookie = stage::sign_in(server.address)?;
        let mut look = Look::at(server.address, cookie)?;
        let drift = look.link("/drift", "/drift/")?;
        let plan = look.link(&drift, "/plans/")?;
        let mut figures = Vec::new();
        for (page, lists) in [(drift, DRIFT.as_slice()), (plan, PLAN.as_slice())] {
            for list in lists {
                figures.extend(look.measure(&page, list)?);
            }
        }
        drop(look);
        server.stop()?;
        Ok((seconds, figures))
    }

    fn tree(&self, name: &str, entries: &str) -> Result<Tree, Failure> {
        let folder = self.folder.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| Failure::io(&folder, &error))?;
        }
        fs::create_dir_all(&folder).map_err(|error| Failure::io(&folder, &error))?;
        timed("slapd", || Tree::plant_entries(&folder, entries))
    }

    /// Says where the directory is now, and runs a command to its end. 2 says that a plan waits for a person.
    fn sync(&self, stage: &Stage, tree: &Tree, words: &[&str]) -> Result<(), Failure> {
        let file = self.folder.join("bench.toml");
        let text = format!(
            "[directories.{NAME}]\nkind = \"ldap\"\nbind_password = \"env:BENCH_BIND\"\n\n\
             [directories.{NAME}.settings]\nvendor = \"openldap\"\nservers = \"127.0.0.1:{}\"\nsecurity = \"plain\"\n\
             bind_dn = \"{READER}\"\nusers_base = \"ou=people,{BASE}\"\ngroups_base = \"ou=groups,{BASE}\"\n",
            tree.port
        );
        fs::write(&file, text).map_err(|error| Failure::io(&file, &error))?;
        let mut apply = stage.muster();
        apply.env("BENCH_BIND", PASSWORD).args(["config", "apply"]);
        process::run(apply.arg(Path::new(&file)))?;
        let mut command = stage.muster();
        command.args(words).stdout(std::process::Stdio::null());
        let line = process::line(&command);
        let ended = command
            .status()
            .map_err(|error| Failure::new(format!("`{line}`: {error}")))?;
        match ended.code() {
            Some(0 | 2) => Ok(()),
            _ => Err(Failure::new(format!("`{line}` ended with {ended}"))),
        }
    }
}

/// Everybody from a number on, each with an address of a domain.
fn people(from: u32, domain: impl Fn(u32) -> &'static str) -> String {
    let mut ldif = roots();
    for n in from..from + PEOPLE {
        let domain = domain(n);
        // An id of their own: they are the same people in the second tree.
        let _ = write!(
            ldif,
            "dn: uid=u{n:06},ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: u{n:06}\ncn: Person Number {n}\n\
             sn: Number {n}\ngivenName: Person\ndisplayName: Person Number {n}\nmail: u{n:06}@{domain}\n\
             entryUUID: 00000000-0000-4000-8000-{n:012}\n\n"
        );
    }
    ldif
}

/// Somebody who looks at pages.
struct Look {
    address: SocketAddr,
    cookie: String,
    connection: Connection,
}

impl Look {
    fn at(address: SocketAddr, cookie: String) -> Result<Self, Failure> {
        Ok(Self {
            address,
            cookie,
            connection: Connection::open(address)?,
        })
    }

    fn page(&mut self, path: &str) -> Result<String, Failure> {
        let answer = self
            .connection
            .ask(&get(self.address, path, &self.cookie))?;
        match answer.status() {
            200 => Ok(String::from_utf8_lossy(answer.body).into_owned()),
            status => Err(Failure::new(format!("{path} was answered with {status}"))),
        }
    }

    /// The first link on a page that begins like this and goes on.
    fn link(&mut self, path: &str, beginning: &str) -> Result<String, Failure> {
        let page = self.page(path)?;
        page.split("href=\"")
            .filter_map(|rest| rest.split('"').next())
            .find(|href| href.starts_with(beginning) && href.len() > beginning.len())
            .map(str::to_owned)
            .ok_or_else(|| Failure::new(format!("{path} leads to no {beginning}")))
    }

    /// The pages behind the first, as "Next" leads to them.
    fn walk(&mut self, first: &str, most: usize) -> Result<Vec<String>, Failure> {
        let mut found = Vec::new();
        let mut at = first.to_owned();
        while found.len() < most {
            let page = self.page(&at)?;
            let Some((_, rest)) = page.split_once("rel=\"next\" href=\"") else {
                break;
            };
            let href = rest.split('"').next().unwrap_or_default();
            at = href.replace("&amp;", "&");
            found.push(at.clone());
        }
        Ok(found)
    }

    fn ask(&self, pages: &[String], times: usize) -> Result<Sample, Failure> {
        let requests: Vec<Vec<u8>> = pages
            .iter()
            .map(|path| get(self.address, path, &self.cookie))
            .collect();
        let load = Load {
            address: self.address,
            requests: &requests,
            status: 200,
            connections: 1,
            pace: std::time::Duration::ZERO,
            warm_up: 0,
        };
        load.run_times(times)
    }

    /// What the pages of a list cost.
    fn measure(&mut self, page: &str, list: &List) -> Result<Vec<Figure>, Failure> {
        let first = match list.narrowed {
            "" => page.to_owned(),
            narrowed => format!("{page}?{narrowed}"),
        };
        let asked = self.ask(std::slice::from_ref(&first), TIMES)?;
        let mut figures = figures(list.first, &asked, FIRST);
        let Some(later) = list.later else {
            return Ok(figures);
        };
        let most = if list.narrowed.is_empty() {
            usize::MAX
        } else {
            WALKED
        };
        let pages = self.walk(&first, most)?;
        if pages.is_empty() {
            return Err(Failure::new(format!("{first} has one page alone")));
        }
        println!("    {first}: {} pages", pages.len() + 1);
        let asked = self.ask(&by_chance(&pages, CHANCES), CHANCES)?;
        figures.extend(self::figures(later, &asked, LATER));
        Ok(figures)
    }
}

/// So many of these by dice that fall the same each time.
fn by_chance(pages: &[String], many: usize) -> Vec<String> {
    let mut dice: u64 = 0x4D55_5354_4552;
    (0..many)
        .filter_map(|_| {
            // Knuth's MMIX: the upper half is random enough for this.
            dice = dice
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let place = usize::try_from(dice >> 33).unwrap_or_default() % pages.len().max(1);
            pages.get(place).cloned()
        })
        .collect()
}

fn figures(name: &'static str, sample: &Sample, limit: f64) -> Vec<Figure> {
    let figure = |name, share, promise| Figure {
        name,
        value: sample.quantile(share),
        unit: "ms",
        reference: limit,
        against: "ms, the limit",
        promise,
    };
    vec![
        figure(name, 0.99, Promise::AtMost(1.0)),
        figure("    p50", 0.5, Promise::None),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_by_chance_are_many_different_ones_and_the_same_each_time() {
        let pages: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
        let chosen = by_chance(&pages, CHANCES);
        assert_eq!(chosen, by_chance(&pages, CHANCES));
        let different: std::collections::BTreeSet<&String> = chosen.iter().collect();
        assert!(different.len() > CHANCES / 2, "{}", different.len());
        assert!(by_chance(&[], CHANCES).is_empty());
    }

    #[test]
    fn two_trees_share_nine_tenths_of_their_people() {
        let ids = |ldif: &str| -> std::collections::BTreeSet<String> {
            let of = |line: &str| line.strip_prefix("entryUUID: ").map(str::to_owned);
            ldif.lines().filter_map(of).collect()
        };
        let (one, other) = (ids(&people(0, |_| "a")), ids(&people(LEFT, |_| "b")));
        assert_eq!((one.len(), other.len()), (100_000, 100_000));
        assert_eq!(one.intersection(&other).count(), 90_000);
    }
}
