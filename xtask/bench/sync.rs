//! `cargo xtask bench sync`: bringing a directory here, and finding that nothing changed.
//!
//! 10 000 and 100 000 people in 1 000 groups with 250 000 memberships, in a real slapd. Beside it, in the same run: the same
//! entries read by OpenLDAP's own client, the same rows inserted into the same tables, and a plain sync in Python.

pub(super) mod tree;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::{Figure, Promise};
use crate::failure::Failure;
use crate::house::House;
use crate::machine;
use crate::process::{self, timed};
use tree::{BASE, PASSWORD, READER, Tree};

/// Turns of what is compared, of which the median counts.
const TURNS: usize = 5;
/// How often a program's memory is read while it runs.
const LOOK: Duration = Duration::from_millis(5);
/// Most memory that a sync may take, in MiB.
const MOST_MEMORY: f64 = 256.0;
const PEER: &str = include_str!("sync/peer.py");
/// What the plain sync in Python needs.
const LDAP3: &[&str] = &["ldap3==2.9.1", "pyasn1==0.6.1"];
/// The directory's name.
const NAME: &str = "Bench";

/// A size, and what its figures are called.
struct Size {
    people: u32,
    read: &'static str,
    insert: &'static str,
    first: &'static str,
    first_memory: &'static str,
    unchanged: &'static str,
    unchanged_memory: &'static str,
    search: &'static str,
    incremental: &'static str,
    python: &'static str,
}

const SIZES: [Size; 2] = [
    Size {
        people: 10_000,
        read: "10 000 people: bare read",
        insert: "  bare insert of their rows",
        first: "  first sync",
        first_memory: "    most memory of it",
        unchanged: "  unchanged, full compare",
        unchanged_memory: "    most memory of it",
        search: "  bare search for what changed",
        incremental: "  unchanged, what changed",
        python: "  plain sync in Python",
    },
    Size {
        people: 100_000,
        read: "100 000 people: bare read",
        insert: "  bare insert of their rows",
        first: "  first sync",
        first_memory: "    most memory of it",
        unchanged: "  unchanged, full compare",
        unchanged_memory: "    most memory of it",
        search: "  bare search for what changed",
        incremental: "  unchanged, what changed",
        python: "  plain sync in Python",
    },
];

/// Builds the release, and measures both sizes.
pub fn measure(house: &House) -> Result<Vec<Figure>, Failure> {
    machine::need_slapd()?;
    need_client()?;
    let muster = build(house)?;
    let folder = house.target().join("bench/sync");
    let io = |error: std::io::Error| Failure::io(&folder, &error);
    if folder.exists() {
        fs::remove_dir_all(&folder).map_err(io)?;
    }
    fs::create_dir_all(&folder).map_err(io)?;
    let peer = folder.join("peer.py");
    fs::write(&peer, PEER).map_err(io)?;
    let modules = house.target().join("bench/python");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--upgrade", "--target"]);
    timed("ldap3", || process::run(pip.arg(&modules).args(LDAP3)))?;
    let mut figures = Vec::new();
    for size in &SIZES {
        let scene = Scene {
            muster: muster.clone(),
            peer: peer.clone(),
            modules: modules.clone(),
            folder: folder.join(size.people.to_string()),
        };
        let people = format!("{} people", size.people);
        figures.extend(timed(&people, || scene.measure(size))?);
    }
    Ok(figures)
}

/// The server without its site: nobody opens a page here.
fn build(house: &House) -> Result<PathBuf, Failure> {
    machine::need_native_libraries()?;
    let mut cargo = process::cargo(house);
    cargo.args([
        "build",
        "--release",
        "--package",
        "muster",
        "--bin",
        "muster",
    ]);
    timed("server", || process::run(&mut cargo))?;
    Ok(house.cargo_target().join("release/muster"))
}

fn need_client() -> Result<(), Failure> {
    if machine::find(&["ldapsearch"]).is_some() {
        return Ok(());
    }
    machine::install("ldapsearch", &["ldap-utils"])
}

struct Scene {
    muster: PathBuf,
    peer: PathBuf,
    modules: PathBuf,
    folder: PathBuf,
}

/// What a sync took.
struct Took {
    seconds: f64,
    mib: f64,
}

impl Scene {
    fn measure(&self, size: &Size) -> Result<Vec<Figure>, Failure> {
        fs::create_dir_all(&self.folder).map_err(|error| Failure::io(&self.folder, &error))?;
        let tree = timed("slapd", || Tree::plant(&self.folder, size.people))?;
        self.declare(&tree)?;
        self.bare_read(&tree)?;
        // What planting the tree wrote is on the disk before the clock runs.
        process::run(&mut Command::new("sync"))?;
        let first = timed("first sync", || self.sync(&[]))?;
        // Everything is warm now, as it is in an installation that syncs every hour.
        let before = self.peer(&["digest", &self.database()])?;
        let (mut reads, mut again) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            reads.push(self.bare_read(&tree)?);
            // A plan is about everybody, whatever was read before.
            again.push(self.sync(&["--plan"])?);
        }
        if self.peer(&["digest", &self.database()])? != before {
            return Err(Failure::new("a sync of an unchanged source wrote rows"));
        }
        let copy = self.folder.join("insert.db").display().to_string();
        let (mut searches, mut small) = (Vec::new(), Vec::new());
        for _ in 0..TURNS {
            searches.push(Self::bare_search(&tree)?);
            small.push(self.sync(&[])?.seconds);
        }
        let mut inserts = Vec::new();
        for _ in 0..TURNS {
            inserts.push(self.number(&["insert", &self.database(), &copy])?);
        }
        let target = self.folder.join("python.db").display().to_string();
        let python = ["ldap3", &tree.address(), READER, PASSWORD, BASE, &target];
        let python = self.number(&python)?;
        let read = median(reads);
        let insert = median(inserts);
        let memory = again.iter().map(|took| took.mib).fold(0.0, f64::max);
        let again = median(again.into_iter().map(|took| took.seconds).collect());
        let (search, small) = (median(searches), median(small));
        let figure = |name, value, reference, against, promise| Figure {
            name,
            value,
            unit: "s",
            reference,
            against,
            promise,
        };
        let mib = |name, value| Figure {
            name,
            value,
            unit: "MiB",
            reference: MOST_MEMORY,
            against: "MiB, the limit",
            promise: Promise::AtMost(1.0),
        };
        let bare = read + insert;
        Ok(vec![
            figure(size.read, read, read, "s, itself", Promise::None),
            figure(size.insert, insert, read, "s, bare read", Promise::None),
            figure(
                size.first,
                first.seconds,
                bare,
                "s, bare read and insert",
                Promise::AtMost(3.0),
            ),
            mib(size.first_memory, first.mib),
            figure(
                size.unchanged,
                again,
                read,
                "s, bare read",
                Promise::AtMost(2.0),
            ),
            mib(size.unchanged_memory, memory),
            figure(size.search, search, read, "s, bare read", Promise::None),
            figure(
                size.incremental,
                small,
                search,
                "s, bare search",
                Promise::AtMost(3.0),
            ),
            figure(
                size.python,
                python,
                first.seconds,
                "s, first sync",
                Promise::None,
            ),
        ])
    }

    fn database(&self) -> String {
        self.folder.join("data/muster.db").display().to_string()
    }

    fn muster(&self) -> Command {
        let mut command = Command::new(&self.muster);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MUSTER_") {
                command.env_remove(&name);
            }
        }
        command
            .env("MUSTER_DATA_DIR", self.folder.join("data"))
            .env("BENCH_BIND", PASSWORD);
        command
    }

    /// Makes the directory known.
    fn declare(&self, tree: &Tree) -> Result<(), Failure> {
        let file = self.folder.join("muster.toml");
        let text = format!(
            "[directories.{NAME}]\nkind = \"ldap\"\nbind_password = \"env:BENCH_BIND\"\n\n\
             [directories.{NAME}.settings]\nvendor = \"openldap\"\nservers = \"127.0.0.1:{}\"\nsecurity = \"plain\"\n\
             bind_dn = \"{READER}\"\nusers_base = \"ou=people,{BASE}\"\ngroups_base = \"ou=groups,{BASE}\"\n",
            tree.port
        );
        fs::write(&file, text).map_err(|error| Failure::io(&file, &error))?;
        process::run(self.muster().args(["config", "apply"]).arg(&file))
    }

    /// Syncs to the end.
    fn sync(&self, more: &[&str]) -> Result<Took, Failure> {
        let mut command = self.muster();
        command
            .args(["sync", NAME])
            .args(more)
            .stdout(Stdio::null());
        let line = process::line(&command);
        let failed = |error| Failure::new(format!("`{line}`: {error}"));
        let begun = Instant::now();
        let mut child = command.spawn().map_err(failed)?;
        let status = format!("/proc/{}/status", child.id());
        let mut mib: f64 = 0.0;
        let ended = loop {
            if let Some(ended) = child.try_wait().map_err(failed)? {
                break ended;
            }
            mib = mib.max(peak(Path::new(&status)).unwrap_or_default());
            std::thread::sleep(LOOK);
        };
        let seconds = begun.elapsed().as_secs_f64();
        if !ended.success() {
            return Err(Failure::new(format!("`{line}` ended with {ended}")));
        }
        Ok(Took { seconds, mib })
    }

    /// One search by OpenLDAP's client, in pages of the same size.
    fn search(tree: &Tree, base: &str, query: &str, attributes: &[&str]) -> Result<(), Failure> {
        let mut command = Command::new("ldapsearch");
        command
            .args(["-x", "-LLL", "-o", "ldif-wrap=no", "-E", "pr=500/noprompt"])
            .args(["-H", &tree.address(), "-D", READER, "-w", PASSWORD, "-b"])
            .args([&format!("{base},{BASE}"), query])
            .args(attributes);
        process::run(command.stdout(Stdio::null()))
    }

    /// Who changed since a time at which everybody was there: nobody.
    fn bare_search(tree: &Tree) -> Result<f64, Failure> {
        let changed = "(entryCSN>=20990101000000.000000Z#000000#000#000001)";
        let begun = Instant::now();
        for (base, class) in [
            ("ou=people", "inetOrgPerson"),
            ("ou=groups", "groupOfNames"),
        ] {
            let query = format!("(&(objectClass={class}){changed})");
            Self::search(tree, base, &query, &["entryUUID"])?;
        }
        Ok(begun.elapsed().as_secs_f64())
    }

    /// Everybody and every group with its members.
    fn bare_read(&self, tree: &Tree) -> Result<f64, Failure> {
        let read = |base: &str, query: &str, attributes: &[&str]| {
            Self::search(tree, base, query, attributes)
        };
        let begun = Instant::now();
        let people = [
            "entryUUID",
            "uid",
            "cn",
            "sn",
            "givenName",
            "displayName",
            "mail",
        ];
        read("ou=people", "(objectClass=inetOrgPerson)", &people)?;
        let groups = ["entryUUID", "cn", "member"];
        read("ou=groups", "(objectClass=groupOfNames)", &groups)?;
        Ok(begun.elapsed().as_secs_f64())
    }

    fn peer(&self, arguments: &[&str]) -> Result<String, Failure> {
        let mut command = Command::new("python3");
        command.env("PYTHONPATH", &self.modules);
        let told = process::capture(command.arg(&self.peer).args(arguments))?;
        Ok(told.trim().to_owned())
    }

    fn number(&self, arguments: &[&str]) -> Result<f64, Failure> {
        let told = self.peer(arguments)?;
        told.parse()
            .map_err(|_| Failure::new(format!("the peer told no number but {told}")))
    }
}

/// The most memory that a program held so far, in MiB.
fn peak(status: &Path) -> Option<f64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024.0)
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}
