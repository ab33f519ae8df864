//! A slapd full of people, for one bench.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::process;

/// Everything is below it.
pub const BASE: &str = "dc=example,dc=test";
/// Who reads it.
pub const READER: &str = "cn=reader,dc=example,dc=test";
/// It protects nothing.
pub const PASSWORD: &str = "reader-pw";
/// Groups, and how many are in each.
pub const GROUPS: u32 = 1_000;
const INSIDE: u32 = 250;
const START: Duration = Duration::from_secs(30);

/// A running server. It ends with this value.
pub struct Tree {
    server: Child,
    /// Where it listens on 127.0.0.1.
    pub port: u16,
}

impl Tree {
    /// Fills a new one with so many people, in groups of 250 that overlap, and starts it.
    pub fn plant(folder: &Path, people: u32) -> Result<Self, Failure> {
        Self::plant_entries(folder, &entries(people))
    }

    /// Fills a new one with these entries in LDIF, and starts it.
    pub fn plant_entries(folder: &Path, entries: &str) -> Result<Self, Failure> {
        let io = |error: std::io::Error| Failure::io(folder, &error);
        let data = folder.join("slapd");
        fs::create_dir_all(data.join("db")).map_err(io)?;
        let configuration = data.join("slapd.conf");
        fs::write(&configuration, settings(&data)).map_err(io)?;
        let ldif = data.join("entries.ldif");
        fs::write(&ldif, entries).map_err(io)?;
        // -w: up to which stamp everything is in (contextCSN), which a server that was filled by a person's writes knows.
        process::run(
            Command::new("slapadd")
                .args(["-q", "-w", "-f"])
                .arg(&configuration)
                .arg("-l")
                .arg(&ldif),
        )?;
        let port = free_port().map_err(io)?;
        let server = Command::new(program()?)
            .args(["-d", "0", "-h", &format!("ldap://127.0.0.1:{port}/"), "-f"])
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(io)?;
        let tree = Self { server, port };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if begun.elapsed() > START {
                return Err(Failure::new("slapd does not start"));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(tree)
    }

    /// Its address.
    pub fn address(&self) -> String {
        format!("ldap://127.0.0.1:{}", self.port)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

fn program() -> Result<PathBuf, Failure> {
    ["/usr/sbin/slapd", "/usr/local/libexec/slapd"]
        .into_iter()
        .map(PathBuf::from)
        .find(|path| path.is_file())
        .ok_or_else(|| Failure::new("slapd is not installed").next("install Debian's slapd"))
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn settings(data: &Path) -> String {
    let data = data.display();
    format!(
        "include /etc/ldap/schema/core.schema\n\
         include /etc/ldap/schema/cosine.schema\n\
         include /etc/ldap/schema/inetorgperson.schema\n\
         pidfile {data}/pid\n\
         modulepath /usr/lib/ldap\n\
         moduleload back_mdb\n\
         moduleload syncprov\n\
         sizelimit size.soft=500 size.hard=500 size.pr=unlimited size.prtotal=unlimited\n\
         database mdb\n\
         maxsize 4294967296\n\
         suffix \"{BASE}\"\n\
         rootdn \"cn=admin,{BASE}\"\n\
         directory {data}/db\n\
         dbnosync\n\
         index objectClass,uid,entryUUID,entryCSN eq\n\
         access to attrs=userPassword by anonymous auth by * none\n\
         access to * by dn.exact=\"{READER}\" read by * none\n\
         overlay syncprov\n"
    )
}

/// What is above people and groups, in LDIF.
pub fn roots() -> String {
    format!(
        "dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n\
         dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n\n\
         dn: ou=groups,{BASE}\nobjectClass: organizationalUnit\nou: groups\n\n\
         dn: {READER}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: reader\nuserPassword: {PASSWORD}\n\n"
    )
}

/// Everything in LDIF.
fn entries(people: u32) -> String {
    let mut ldif = roots();
    for n in 0..people {
        let _ = write!(
            ldif,
            "dn: uid=u{n:06},ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: u{n:06}\ncn: Person Number {n}\n\
             sn: Number {n}\ngivenName: Person\ndisplayName: Person Number {n}\nmail: u{n:06}@example.test\n\n"
        );
    }
    let apart = (people / INSIDE).max(1);
    for group in 0..GROUPS {
        let _ = write!(
            ldif,
            "dn: cn=group {group:04},ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: group {group:04}\n"
        );
        for nth in 0..INSIDE {
            let member = (group * 37 + nth * apart) % people;
            let _ = writeln!(ldif, "member: uid=u{member:06},ou=people,{BASE}");
        }
        ldif.push('\n');
    }
    ldif
}
