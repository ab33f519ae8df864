//! A throwaway PostgreSQL for the storage tests: a new cluster from the installed binaries, on a free port of
//! 127.0.0.1, with a random password, gone when the tests are done.
//!
//! Nothing in it outlives the run, so it does not wait for the disk. It ends with this process even when that is
//! killed; the folder it then leaves behind is removed by the next run.

use std::fs::{self, File};
use std::io::Read;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::house::House;
use crate::{machine, process};

/// Where the tests find it.
pub const URL: &str = "MUSTER_TEST_POSTGRES_URL";
const PREFIX: &str = "muster-pg-";
/// A free port may be taken by someone else before the server binds it.
const PORTS_TRIED: usize = 5;
/// A start takes 0.2 s here; a busy machine with slow disks is given this much.
const START: Duration = Duration::from_secs(60);

/// A running cluster; dropping it stops the server and deletes the data.
pub struct Cluster {
    server: Child,
    folder: PathBuf,
    /// `postgres://…` of its superuser.
    pub url: String,
}

/// An account that may run the server, which refuses root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Account {
    user: u32,
    group: u32,
}

/// Starts a cluster. Without PostgreSQL: installed when we are root, else `None` for a person and a failure in CI.
pub fn start(house: &House) -> Result<Option<Cluster>, Failure> {
    let binaries = match binaries() {
        Some(binaries) => binaries,
        None if machine::is_root() => {
            machine::install("PostgreSQL", &["postgresql"])?;
            binaries()
                .ok_or_else(|| Failure::new("PostgreSQL's initdb is not where Debian puts it"))?
        }
        None if machine::is_ci() => {
            return Err(
                Failure::new("PostgreSQL is not installed, and CI may not skip its tests")
                    .next("install PostgreSQL's server (Debian: postgresql)"),
            );
        }
        None => return Ok(None),
    };
    let account = if machine::is_root() {
        Some(account()?)
    } else {
        None
    };
    let home = home(house, account)?;
    remove_abandoned(&home);
    let folder = home.join(format!("{PREFIX}{}", std::process::id()));
    let password = random_word()?;
    if let Err(failure) = create(&binaries, &folder, account, &password) {
        remove(&folder);
        return Err(failure);
    }
    let (server, port) = serve(&binaries, &folder, account).inspect_err(|_| remove(&folder))?;
    Ok(Some(Cluster {
        server,
        folder,
        url: format!("postgres://postgres:{password}@127.0.0.1:{port}/postgres"),
    }))
}

impl Drop for Cluster {
    fn drop(&mut self) {
        stop(&mut self.server);
        remove(&self.folder);
    }
}

/// `initdb` and `postgres` lie side by side, often off the path.
fn binaries() -> Option<PathBuf> {
    let on_path = machine::find(&["initdb"]).and_then(|initdb| initdb.canonicalize().ok());
    if let Some(folder) = on_path.as_deref().and_then(Path::parent) {
        return Some(folder.to_path_buf());
    }
    let mut versions: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .ok()?
        .flatten()
        .filter_map(|entry| {
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(_, folder)| folder.join("initdb").is_file())
        .collect();
    versions.sort();
    versions.pop().map(|(_, folder)| folder)
}

/// The account Debian makes for PostgreSQL, or nobody.
fn account() -> Result<Account, Failure> {
    let file = Path::new("/etc/passwd");
    let text = fs::read_to_string(file).map_err(|error| Failure::io(file, &error))?;
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| find_account(&text, name))
        .ok_or_else(|| Failure::new("no account `postgres` or `nobody` to run PostgreSQL as"))
}

fn find_account(passwd: &str, name: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        Some(Account {
            user: fields.nth(1)?.parse().ok()?,
            group: fields.next()?.parse().ok()?,
        })
    })
}

/// `target/peers`, or the system's temporary folder when another account cannot walk down to it (a clone in /root).
fn home(house: &House, account: Option<Account>) -> Result<PathBuf, Failure> {
    let peers = house.target().join("peers");
    fs::create_dir_all(&peers).map_err(|error| Failure::io(&peers, &error))?;
    let open_to_all =
        |folder: &Path| fs::metadata(folder).is_ok_and(|data| data.mode() & 0o001 != 0);
    if account.is_none() || peers.ancestors().all(open_to_all) {
        Ok(peers)
    } else {
        Ok(std::env::temp_dir())
    }
}

fn create(
    binaries: &Path,
    folder: &Path,
    account: Option<Account>,
    password: &str,
) -> Result<(), Failure> {
    let io = |error: std::io::Error| Failure::io(folder, &error);
    fs::create_dir_all(folder).map_err(io)?;
    let password_file = folder.join("password");
    fs::write(&password_file, password).map_err(io)?;
    if let Some(account) = account {
        for path in [folder, &password_file] {
            chown(path, Some(account.user), Some(account.group)).map_err(io)?;
        }
    }
    let mut initdb = Command::new(binaries.join("initdb"));
    initdb
        .arg("--pgdata")
        .arg(folder.join("data"))
        .arg("--pwfile")
        .arg(&password_file)
        .args([
            "--username=postgres",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
        ])
        .args(["--locale=C", "--no-sync", "--no-instructions"]);
    become_account(&mut initdb, account);
    process::capture(&mut initdb).map(drop)
}

/// Starts the server on the first free port it gets, and waits until it takes connections.
fn serve(
    binaries: &Path,
    folder: &Path,
    account: Option<Account>,
) -> Result<(Child, u16), Failure> {
    let log = folder.join("log");
    for _ in 0..PORTS_TRIED {
        let port = free_port()?;
        let output = File::create(&log).map_err(|error| Failure::io(&log, &error))?;
        let mut command = dying_with_us(&binaries.join("postgres"));
        command
            .arg("-D")
            .arg(folder.join("data"))
            .args(["-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(output);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "synchronous_commit=off",
            "full_page_writes=off",
            "max_connections=200",
        ] {
            command.args(["-c", setting]);
        }
        become_account(&mut command, account);
        let mut server = command
            .spawn()
            .map_err(|error| Failure::io(&binaries.join("postgres"), &error))?;
        if is_ready(&mut server, &folder.join("data/postmaster.pid"))? {
            return Ok((server, port));
        }
        if !said(&log).contains("could not bind") {
            break;
        }
    }
    Err(Failure::new(format!(
        "PostgreSQL did not start:\n{}",
        said(&log)
    )))
}

/// True when it takes connections, false when it ended.
fn is_ready(server: &mut Child, pid_file: &Path) -> Result<bool, Failure> {
    let start = Instant::now();
    loop {
        // The eighth line is the server's state; it is "ready" once connections are taken.
        let state = fs::read_to_string(pid_file).unwrap_or_default();
        if state
            .lines()
            .nth(7)
            .is_some_and(|line| line.trim() == "ready")
        {
            return Ok(true);
        }
        let ended = server
            .try_wait()
            .map_err(|error| Failure::new(format!("PostgreSQL: {error}")))?;
        if ended.is_some() {
            return Ok(false);
        }
        if start.elapsed() > START {
            stop(server);
            return Err(Failure::new(format!(
                "PostgreSQL was not ready after {} s",
                START.as_secs()
            )));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The program, told by the kernel to shut down when this process is gone, however that came about.
fn dying_with_us(program: &Path) -> Command {
    let Some(setpriv) = machine::find(&["setpriv"]) else {
        return Command::new(program);
    };
    let mut command = Command::new(setpriv);
    command.args(["--pdeathsig", "INT", "--"]).arg(program);
    command
}

fn become_account(command: &mut Command, account: Option<Account>) {
    // The account may not be allowed to see the folder we are in.
    command.current_dir("/");
    if let Some(account) = account {
        command.uid(account.user).gid(account.group);
    }
}

/// Asks for a fast shutdown, which drops connections, and waits for it.
fn stop(server: &mut Child) {
    let pid = server.id().to_string();
    let asked = process::succeeds(Command::new("kill").args(["-INT", &pid]));
    if !asked {
        let _ = server.kill();
    }
    let _ = server.wait();
}

fn free_port() -> Result<u16, Failure> {
    TcpListener::bind(("127.0.0.1", 0))
        .and_then(|listener| listener.local_addr())
        .map(|address| address.port())
        .map_err(|error| Failure::new(format!("no free port on 127.0.0.1: {error}")))
}

fn random_word() -> Result<String, Failure> {
    let source = Path::new("/dev/urandom");
    let mut bytes = [0_u8; 16];
    File::open(source)
        .and_then(|mut file| file.read_exact(&mut bytes))
        .map_err(|error| Failure::io(source, &error))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn said(log: &Path) -> String {
    fs::read_to_string(log).unwrap_or_default()
}

fn remove(folder: &Path) {
    if let Err(error) = fs::remove_dir_all(folder) {
        eprintln!("    {} stays behind: {error}", folder.display());
    }
}

/// Clusters whose process is gone.
fn remove_abandoned(home: &Path) {
    for entry in fs::read_dir(home).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(PREFIX));
        let Some(owner) = owner.filter(|owner| owner.parse::<u32>().is_ok()) else {
            continue;
        };
        if !Path::new("/proc").join(owner).exists() {
            remove(&entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_read_from_passwd() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\npostgres-x:x:1:2::/:/bin/sh\npostgres:x:101:104:PostgreSQL,,,:/var/lib/postgresql:/bin/bash\n";
        assert_eq!(
            find_account(passwd, "postgres"),
            Some(Account {
                user: 101,
                group: 104
            })
        );
        assert_eq!(find_account(passwd, "nobody"), None);
    }

    #[test]
    fn passwords_differ() {
        assert_ne!(random_word().unwrap(), random_word().unwrap());
        assert_eq!(random_word().unwrap().len(), 32);
    }
}
