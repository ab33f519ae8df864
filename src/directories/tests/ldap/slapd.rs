//! A throwaway slapd: OpenLDAP's own server from the installed binaries, on free ports of 127.0.0.1, with a certificate
//! authority of its own, gone when the test is done.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use muster_directories::{Bind, LdapSettings, Limits, Roots, Security, Vendor};

use super::certificates::{Authority, Validity};

pub const BASE: &str = "dc=example,dc=test";
pub const READER: &str = "cn=reader,dc=example,dc=test";
pub const ADMIN: &str = "cn=admin,dc=example,dc=test";
pub const PASSWORD: &str = "reader-pw";
/// It starts within 0.1 s here; a busy machine is given this much.
const START: Duration = Duration::from_secs(30);

/// A running server. Dropping it stops it and deletes its data.
pub struct Slapd {
    server: Child,
    folder: PathBuf,
    pub ldap: u16,
    pub ldaps: u16,
    pub authority: Authority,
}

/// How it is set up.
#[derive(Clone, Copy)]
pub struct Setup<'a> {
    /// People, groups and whatever else, in LDIF, below the base.
    pub entries: &'a str,
    /// More lines for the database's configuration.
    pub more: &'a str,
    /// Its certificate; none: it knows no TLS.
    pub certificate: Option<(Validity, &'a str)>,
}

impl Setup<'_> {
    pub const fn of(entries: &str) -> Setup<'_> {
        Setup {
            entries,
            more: "",
            certificate: Some((Validity::Now, "127.0.0.1")),
        }
    }
}

/// Where it is installed. None is a failure for a robot; a person goes without.
fn installed() -> Option<PathBuf> {
    let found = [
        "/usr/sbin/slapd",
        "/usr/local/libexec/slapd",
        "/usr/libexec/slapd",
    ]
    .into_iter()
    .map(PathBuf::from)
    .find(|path| path.is_file());
    let is_robot = std::env::var_os("CI")
        .is_some_and(|value| value != "false" && value != "0" && !value.is_empty());
    assert!(
        found.is_some() || !is_robot,
        "slapd is not installed, and CI may not skip its tests"
    );
    if found.is_none() {
        println!("!! slapd is not installed: SKIPPED. Install Debian's slapd.");
    }
    found
}

impl Slapd {
    /// Starts one; none where none is installed.
    pub fn start(setup: Setup<'_>) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let program = installed()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("slapd-{}-{number}", std::process::id()));
        fs::create_dir_all(folder.join("db")).unwrap();
        let authority = Authority::new();
        if let Some((validity, name)) = setup.certificate {
            let (certificate, key) = authority.sign(validity, name);
            fs::write(folder.join("server.pem"), certificate).unwrap();
            fs::write(folder.join("server.key"), key).unwrap();
        }
        fs::write(folder.join("slapd.conf"), configuration(&folder, setup)).unwrap();
        let ldif = format!("{}{}", base(), setup.entries);
        fs::write(folder.join("entries.ldif"), ldif).unwrap();
        // The same program loads data when it is called by another name.
        let loaded = Command::new("slapadd")
            .arg("-q")
            .arg("-f")
            .arg(folder.join("slapd.conf"))
            .arg("-l")
            .arg(folder.join("entries.ldif"))
            .output()
            .unwrap();
        assert!(
            loaded.status.success(),
            "slapadd: {}",
            String::from_utf8_lossy(&loaded.stderr)
        );
        let (ldap, ldaps) = (free_port(), free_port());
        let addresses = match setup.certificate {
            Some(_) => format!("ldap://127.0.0.1:{ldap}/ ldaps://127.0.0.1:{ldaps}/"),
            None => format!("ldap://127.0.0.1:{ldap}/"),
        };
        // It ends with this thread even when the test is killed.
        let server = Command::new("setpriv")
            .args(["--pdeathsig", "KILL"])
            .arg(program)
            .args(["-d", "0", "-h", &addresses, "-f"])
            .arg(folder.join("slapd.conf"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let slapd = Self {
            server,
            folder,
            ldap,
            ldaps,
            authority,
        };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", ldap)).is_err() {
            assert!(begun.elapsed() < START, "slapd does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(slapd)
    }

    /// Somebody who may change everything in it.
    pub async fn admin(&self) -> ldap3::Ldap {
        let address = format!("ldap://127.0.0.1:{}", self.ldap);
        let (connection, mut admin) = ldap3::LdapConnAsync::new(&address).await.unwrap();
        ldap3::drive!(connection);
        let bound = admin.simple_bind(ADMIN, PASSWORD).await.unwrap();
        bound.success().unwrap();
        admin
    }

    /// How to read it, over LDAPS.
    pub fn settings(&self) -> LdapSettings {
        LdapSettings {
            servers: vec![("127.0.0.1".to_owned(), self.ldaps)],
            security: Security::Ldaps,
            roots: Roots::Own(self.authority.pem()),
            bind: Bind::Simple {
                dn: READER.to_owned(),
                password: PASSWORD.into(),
            },
            users_base: BASE.to_owned(),
            groups_base: BASE.to_owned(),
            schema: Vendor::OpenLdap.schema(),
            limits: Limits {
                connect: Duration::from_secs(20),
                page: 7,
                group_page: 3,
                ..Limits::default()
            },
        }
    }
}

impl Drop for Slapd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

fn base() -> String {
    format!(
        "dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n\
         dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n\n\
         dn: ou=groups,{BASE}\nobjectClass: organizationalUnit\nou: groups\n\n\
         dn: {READER}\nobjectClass: applicationProcess\nobjectClass: simpleSecurityObject\ncn: reader\nuserPassword: {PASSWORD}\n\n"
    )
}

fn configuration(folder: &Path, setup: Setup<'_>) -> String {
    let folder = folder.display();
    let tls = match setup.certificate {
        Some(_) => format!(
            "TLSCertificateFile {folder}/server.pem\nTLSCertificateKeyFile {folder}/server.key\n"
        ),
        None => String::new(),
    };
    format!(
        "include /etc/ldap/schema/core.schema\n\
         include /etc/ldap/schema/cosine.schema\n\
         include /etc/ldap/schema/inetorgperson.schema\n\
         include /etc/ldap/schema/nis.schema\n\
         pidfile {folder}/pid\n\
         modulepath /usr/lib/ldap\n\
         moduleload back_mdb\n\
         moduleload ppolicy\n\
         moduleload syncprov\n\
         moduleload memberof\n\
         moduleload refint\n\
         {tls}\
         referral ldap://127.0.0.1:1/\n\
         sizelimit size.soft=5 size.hard=5 size.pr=unlimited size.prtotal=unlimited\n\
         database mdb\n\
         maxsize 1073741824\n\
         suffix \"{BASE}\"\n\
         rootdn \"{ADMIN}\"\n\
         rootpw {PASSWORD}\n\
         directory {folder}/db\n\
         dbnosync\n\
         index objectClass,uid,entryUUID,entryCSN,modifyTimestamp eq\n\
         overlay ppolicy\n\
         access to attrs=userPassword by anonymous auth by * none\n\
         access to * by dn.exact=\"{READER}\" read by * none\n\
         {}\n",
        setup.more
    )
}

/// People `u001` and on, each in LDIF.
pub fn people(count: u32) -> String {
    (1..=count)
        .map(|n| {
            format!(
                "dn: uid=u{n:03},ou=people,{BASE}\nobjectClass: inetOrgPerson\nuid: u{n:03}\ncn: Person {n}\nsn: Ünal{n}\n\
                 givenName: Zoë\nmail: u{n:03}@example.test\nuserPassword: pw-{n}\n\n"
            )
        })
        .collect()
}

/// The name of a person made by [`people`].
pub fn person(n: u32) -> String {
    format!("uid=u{n:03},ou=people,{BASE}")
}

/// A group in LDIF.
pub fn group(name: &str, members: &[String]) -> String {
    let members: String = members
        .iter()
        .map(|member| format!("member: {member}\n"))
        .collect();
    format!("dn: cn={name},ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: {name}\n{members}\n")
}

/// The name of a group made by [`group`].
pub fn named(group: &str) -> String {
    format!("cn={group},ou=groups,{BASE}")
}
