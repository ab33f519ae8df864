//! What benches and hunts play on: a database full of people, the server, its peer, and somebody signed in.

use std::fs;
use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::program::Program;
use crate::failure::Failure;
use crate::process;
use crate::server::SITE_DIR;

/// The administrator, and the stem of those who sign in all the time.
pub const ADMIN: &str = "bench";
/// The server's log.
const LOG: &str = "server.log";
/// Strong enough for the console; it protects nothing.
const PASSWORD: &str = "quaint-otter-lifts-copper-73";

/// Programs and data.
pub struct Stage {
    muster: PathBuf,
    site: Option<PathBuf>,
    folder: PathBuf,
    database: Option<String>,
}

impl Stage {
    /// Makes a new database with so many people. `site` is where a server reads a site that is not inside it.
    pub fn set(
        folder: PathBuf,
        muster: PathBuf,
        site: Option<PathBuf>,
        users: u32,
    ) -> Result<Self, Failure> {
        Self::set_on(None, folder, muster, site, users)
    }

    /// The same on another database than a file of its own.
    pub fn set_on(
        database: Option<String>,
        folder: PathBuf,
        muster: PathBuf,
        site: Option<PathBuf>,
        users: u32,
    ) -> Result<Self, Failure> {
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| Failure::io(&folder, &error))?;
        }
        fs::create_dir_all(&folder).map_err(|error| Failure::io(&folder, &error))?;
        let stage = Self {
            muster,
            site,
            folder,
            database,
        };
        if users > 0 {
            let users = users.to_string();
            process::run(stage.muster().args(["demo", "--users", &users]))?;
        }
        stage.make_admin()?;
        Ok(stage)
    }

    fn make_admin(&self) -> Result<(), Failure> {
        let mut command = self.muster();
        command.args(["admin", "create", ADMIN]);
        let failed = |error| Failure::new(format!("`{}`: {error}", process::line(&self.muster())));
        let mut child = command.stdin(Stdio::piped()).spawn().map_err(failed)?;
        if let Some(mut input) = child.stdin.take() {
            writeln!(input, "{PASSWORD}").map_err(failed)?;
        }
        match child.wait().map_err(failed)? {
            status if status.success() => Ok(()),
            status => Err(Failure::new(format!(
                "creating the administrator ended with {status}"
            ))),
        }
    }

    /// The server's program, far from this machine's own settings.
    pub fn muster(&self) -> Command {
        let mut command = self.program(&self.muster);
        command
            .env("MUSTER_DATA_DIR", &self.folder)
            .env("MUSTER_LISTEN", "127.0.0.1:0");
        if let Some(site) = &self.site {
            command.env(SITE_DIR, site);
        }
        if let Some(database) = &self.database {
            command.env("MUSTER_DATABASE_URL", database);
        }
        command
    }

    /// Looks whether everything the server left is in order.
    pub fn examine(&self) -> Result<(), Failure> {
        process::capture(self.muster().arg("doctor"))
            .map(drop)
            .map_err(|failure| failure.next(format!("look at {}", self.folder.display())))
    }

    /// What the server wrote down.
    pub fn log(&self) -> Result<String, Failure> {
        let file = self.folder.join(LOG);
        fs::read(&file)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .map_err(|error| Failure::io(&file, &error))
    }

    /// Another program, in this folder and as far from this machine's own settings.
    pub fn program(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("MUSTER_") {
                command.env_remove(&name);
            }
        }
        command
    }

    /// Where the people are.
    pub fn database(&self) -> String {
        match &self.database {
            Some(database) => database.clone(),
            None => format!("sqlite://{}", self.folder.join("muster.db").display()),
        }
    }

    /// Starts the server; its log goes to a file, as a service's would. Tells the time from the start of the process
    /// to its first answer, too.
    pub fn serve(&self) -> Result<(Program, Duration), Failure> {
        let file = self.folder.join(LOG);
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&file)
            .map_err(|error| Failure::io(&file, &error))?;
        let start = Instant::now();
        let program = Program::start(self.muster().arg("serve").stderr(log))?;
        let ready = Connection::open(program.address)?
            .ask(&get(program.address, "/readyz", ""))?
            .status();
        let took = start.elapsed();
        match ready {
            200 => Ok((program, took)),
            status => Err(Failure::new(format!("/readyz was answered with {status}"))
                .next(format!("look at {}", file.display()))),
        }
    }
}

/// Signs the administrator in; the cookie.
pub fn sign_in(server: SocketAddr) -> Result<String, Failure> {
    let mut connection = Connection::open(server)?;
    let answer = connection.ask(&sign_in_request(server, ADMIN))?;
    let cookie = answer
        .header("set-cookie")
        .and_then(|c| c.split(';').next());
    match (answer.status(), cookie) {
        (303, Some(cookie)) => {
            let cookie = cookie.to_owned();
            // The administrator is break-glass: they say what for first.
            let form = "reason=bench&return_to=%2F";
            connection.ask(&post(server, "/signin/reason", &cookie, form))?;
            Ok(cookie)
        }
        (status, _) => Err(Failure::new(format!(
            "signing in was answered with {status}"
        ))),
    }
}

/// Adds `many` people with passwords; the requests that sign them in.
pub fn add_people(server: SocketAddr, cookie: &str, many: usize) -> Result<Vec<Vec<u8>>, Failure> {
    let mut connection = Connection::open(server)?;
    let mut requests = Vec::new();
    for number in 1..=many {
        let username = format!("{ADMIN}-{number}");
        let status = connection
            .ask(&add_request(server, cookie, &username))?
            .status();
        if status != 303 {
            return Err(Failure::new(format!(
                "adding {username} was answered with {status}"
            )));
        }
        requests.push(sign_in_request(server, &username));
    }
    Ok(requests)
}

/// The request that adds a person with the password of this stage.
pub fn add_request(server: SocketAddr, cookie: &str, username: &str) -> Vec<u8> {
    let form = format!("username={username}&display_name={username}&email=&password={PASSWORD}");
    post(server, "/users/new", cookie, &form)
}

fn sign_in_request(server: SocketAddr, username: &str) -> Vec<u8> {
    let form = format!("username={username}&password={PASSWORD}&return_to=%2Fusers");
    post(server, "/signin", "", &form)
}

/// As a browser asks for a page.
pub fn get(server: SocketAddr, path: &str, cookie: &str) -> Vec<u8> {
    format!(
        "GET {path} HTTP/1.1\r\n{}sec-fetch-dest: document\r\n\r\n",
        fields(server, cookie)
    )
    .into_bytes()
}

/// As a browser sends a form.
pub fn post(server: SocketAddr, path: &str, cookie: &str, form: &str) -> Vec<u8> {
    format!(
        "POST {path} HTTP/1.1\r\n{}origin: http://{server}\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        fields(server, cookie),
        form.len()
    )
    .into_bytes()
}

fn fields(server: SocketAddr, cookie: &str) -> String {
    let cookie = match cookie {
        "" => String::new(),
        cookie => format!("cookie: {cookie}\r\n"),
    };
    format!(
        "host: {server}\r\nuser-agent: Mozilla/5.0 (bench)\r\naccept: text/html\r\n\
         sec-fetch-site: same-origin\r\n{cookie}"
    )
}
