//! A throwaway 389 Directory Server: `ns-slapd` from the installed binaries, in a folder of its own and on free ports of
//! 127.0.0.1, with a certificate of a test's own authority, gone when the test is done.
//!
//! It is configured from the file that the vendor's own installer begins with, without that installer: nothing outside of
//! the folder is written, nothing of systemd's is asked, and it runs as whoever runs the tests. It loads its entries in
//! about one second, starts in about one, and takes 52 MB.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ldap3::{Ldap as Handle, LdapConnAsync};
use muster_directories::{Bind, LdapSettings, Limits, Roots, Security, Vendor};
use openssl::pkcs12::Pkcs12;
use openssl::pkey::PKey;
use openssl::x509::X509;

use super::certificates::{Authority, Validity};

pub const BASE: &str = "dc=example,dc=test";
pub const READER: &str = "uid=reader,ou=services,dc=example,dc=test";
pub const READER_PASSWORD: &str = "reader-pw";
const ADMIN: &str = "cn=Directory Manager";
const PASSWORD: &str = "admin-pw";
const PROGRAM: &str = "/usr/sbin/ns-slapd";
/// What the vendor's installer begins with.
const TEMPLATE: &str = "/usr/share/dirsrv/data/template-dse.ldif";
/// It takes seconds; a busy machine is given this much.
const START: Duration = Duration::from_secs(60);
/// FreeIPA's own names for what Muster reads (its install/share/60basev2.ldif, and the Kerberos schema of MIT).
const FREEIPA: &str = "dn: cn=schema\n\
attributeTypes: ( 2.16.840.1.113730.3.8.3.1 NAME 'ipaUniqueID' EQUALITY caseIgnoreMatch ORDERING caseIgnoreOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )\n\
attributeTypes: ( 2.16.840.1.113719.1.301.4.6.1 NAME 'krbPrincipalExpiration' EQUALITY generalizedTimeMatch ORDERING generalizedTimeOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE )\n\
attributeTypes: ( 2.16.840.1.113719.1.301.4.37.1 NAME 'krbPasswordExpiration' EQUALITY generalizedTimeMatch ORDERING generalizedTimeOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE )\n\
objectClasses: ( 2.16.840.1.113719.1.301.6.8.1 NAME 'krbPrincipalAux' SUP top AUXILIARY MAY ( krbPrincipalExpiration $ krbPasswordExpiration ) )\n\
objectClasses: ( 2.16.840.1.113730.3.8.4.12 NAME 'ipaObject' SUP top AUXILIARY MUST ipaUniqueID )\n\
objectClasses: ( 2.16.840.1.113730.3.8.4.3 NAME 'nestedGroup' SUP groupOfNames STRUCTURAL MAY memberOf )\n\
objectClasses: ( 2.16.840.1.113730.3.8.4.4 NAME 'ipaUserGroup' SUP nestedGroup STRUCTURAL )\n";

/// A running server. Dropping it stops it and deletes its data.
pub struct Dirsrv {
    server: Child,
    folder: PathBuf,
    ldap: u16,
    ldaps: u16,
    authority: Authority,
}

/// Whether it is installed. No is a failure for a robot; a person goes without.
fn is_installed() -> bool {
    let is_there = [PROGRAM, TEMPLATE, "/usr/bin/certutil", "/usr/bin/pk12util"]
        .iter()
        .all(|path| Path::new(path).is_file());
    let is_robot = std::env::var_os("CI")
        .is_some_and(|value| value != "false" && value != "0" && !value.is_empty());
    assert!(
        is_there || !is_robot,
        "389 Directory Server is not installed, and CI may not skip its tests"
    );
    if !is_there {
        println!(
            "!! 389 Directory Server is not installed: SKIPPED. Install Debian's 389-ds-base."
        );
    }
    is_there
}

impl Dirsrv {
    /// Starts one that holds these entries below the base, in LDIF; none where none is installed.
    pub fn start(entries: &str) -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if !is_installed() {
            return None;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("dirsrv-{}-{number}", std::process::id()));
        for part in [
            "schema", "lock", "tmp", "cert", "ldif", "bak", "run", "log", "db", "home",
        ] {
            fs::create_dir_all(folder.join(part)).unwrap();
        }
        let authority = Authority::new();
        certify(&folder, &authority);
        fs::write(folder.join("schema/60freeipa.ldif"), FREEIPA).unwrap();
        fs::write(folder.join("schema/99user.ldif"), "dn: cn=schema\n").unwrap();
        let (ldap, ldaps) = (free_port(), free_port());
        fs::write(folder.join("dse.ldif"), configuration(&folder, ldap, ldaps)).unwrap();
        let ldif = format!("{}{entries}", base());
        fs::write(folder.join("ldif/entries.ldif"), ldif).unwrap();
        run(Command::new(PROGRAM)
            .args(["ldif2db", "-n", "userRoot", "-D"])
            .arg(&folder)
            .arg("-i")
            .arg(folder.join("ldif/entries.ldif")));
        // It ends with this thread even when the test is killed.
        let server = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", PROGRAM, "-d", "0", "-D"])
            .arg(&folder)
            .arg("-i")
            .arg(folder.join("run/pid"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut dirsrv = Self {
            server,
            folder,
            ldap,
            ldaps,
            authority,
        };
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", ldaps)).is_err() {
            let ended = dirsrv.server.try_wait().unwrap();
            let log = fs::read_to_string(dirsrv.folder.join("log/errors")).unwrap_or_default();
            assert!(
                ended.is_none() && begun.elapsed() < START,
                "389 Directory Server does not start ({ended:?}):\n{log}"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(dirsrv)
    }

    /// Somebody who may change everything in it.
    pub async fn admin(&self) -> Handle {
        self.bound(ADMIN, PASSWORD).await.unwrap()
    }

    /// A connection as somebody; or the server's refusal.
    pub async fn bound(&self, name: &str, password: &str) -> Result<Handle, u32> {
        let address = format!("ldap://127.0.0.1:{}", self.ldap);
        let (connection, mut handle) = LdapConnAsync::new(&address).await.unwrap();
        ldap3::drive!(connection);
        match handle.simple_bind(name, password).await.unwrap().rc {
            0 => Ok(handle),
            refused => Err(refused),
        }
    }

    /// How to read it, over LDAPS.
    pub fn settings(&self, vendor: Vendor) -> LdapSettings {
        LdapSettings {
            servers: vec![("127.0.0.1".to_owned(), self.ldaps)],
            security: Security::Ldaps,
            roots: Roots::Own(self.authority.pem()),
            bind: Bind::Simple {
                dn: READER.to_owned(),
                password: READER_PASSWORD.into(),
            },
            users_base: BASE.to_owned(),
            groups_base: BASE.to_owned(),
            schema: vendor.schema(),
            limits: Limits {
                connect: Duration::from_secs(20),
                page: 7,
                group_page: 3,
                ..Limits::default()
            },
        }
    }
}

impl Drop for Dirsrv {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        // It counts in a semaphore named after its folder.
        if let Some(name) = self.folder.file_name() {
            let semaphore = format!("sem.{}.stats", name.to_string_lossy());
            let _ = fs::remove_file(Path::new("/dev/shm").join(semaphore));
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn free_port() -> u16 {
    TcpListener::bind(("127.0.0.1", 0))
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
}

/// Puts a certificate into the server's store.
fn certify(folder: &Path, authority: &Authority) {
    let (certificate, key) = authority.sign(Validity::Now, "127.0.0.1");
    let bundle = Pkcs12::builder()
        .name("Server-Cert")
        .cert(&X509::from_pem(&certificate).unwrap())
        .pkey(&PKey::private_key_from_pem(&key).unwrap())
        .build2("x")
        .unwrap();
    let (store, file) = (folder.join("cert"), folder.join("cert/server.p12"));
    fs::write(&file, bundle.to_der().unwrap()).unwrap();
    run(Command::new("certutil")
        .args(["-N", "--empty-password", "-d"])
        .arg(&store));
    run(Command::new("pk12util")
        .args(["-W", "x", "-K", "", "-i"])
        .arg(&file)
        .arg("-d")
        .arg(&store));
}

fn base() -> String {
    format!(
        "dn: {BASE}\nobjectClass: domain\ndc: example\n\
         aci: (targetattr=\"*\")(version 3.0; acl \"read\"; allow (read,search,compare) userdn=\"ldap:///{READER}\";)\n\n\
         dn: ou=services,{BASE}\nobjectClass: organizationalUnit\nou: services\n\n\
         dn: {READER}\nobjectClass: account\nobjectClass: simpleSecurityObject\nuid: reader\nuserPassword: {READER_PASSWORD}\n\n\
         dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n\n\
         dn: ou=groups,{BASE}\nobjectClass: organizationalUnit\nou: groups\n\n"
    )
}

/// The vendor's file with its places filled in: small, without waiting for the disk, with nested `memberOf`, and with the
/// limits that the vendor's server has unless told otherwise (2 000 entries a search, pages aside).
fn configuration(folder: &Path, ldap: u16, ldaps: u16) -> String {
    let place = folder.display();
    let whoami = Command::new("id").arg("-un").output().unwrap();
    let user = String::from_utf8(whoami.stdout).unwrap();
    let mut text = fs::read_to_string(TEMPLATE).unwrap().trim().to_owned();
    let mut fill = |name: &str, value: &str| {
        text = text.replace(&format!("%{name}%"), value);
    };
    for part in [
        "schema", "lock", "tmp", "cert", "ldif", "bak", "run", "log", "db",
    ] {
        fill(&format!("{part}_dir"), &format!("{place}/{part}"));
    }
    fill("db_home_dir", &format!("{place}/home"));
    fill("config_dir", "/etc/dirsrv/config");
    fill("inst_dir", &place.to_string());
    fill("fqdn", "localhost");
    fill("ds_suffix", BASE);
    fill("ds_port", &ldap.to_string());
    fill("ds_user", user.trim());
    fill("rootdn", ADMIN);
    let password = format!("{{CLEAR}}{PASSWORD}");
    let tls = format!(
        "{password}\nnsslapd-rootpwstoragescheme: CLEAR\nnsslapd-listenhost: 127.0.0.1\n\
         nsslapd-securelistenhost: 127.0.0.1\nnsslapd-security: on\nnsslapd-secureport: {ldaps}\n\
         nsslapd-threadnumber: 4\nnsslapd-sizelimit: 2000"
    );
    fill("ds_passwd", &tls);
    fill("ldapi_enabled", "off");
    fill("ldapi", &format!("{place}/run/socket"));
    fill("ldapi_autobind", "off");
    let small = "bdb\nnsslapd-cache-autosize: 0\nnsslapd-dbcachesize: 2000000\nnsslapd-db-durable-transaction: off";
    fill("db_lib", small);
    assert!(!text.contains(": %"), "a place of {TEMPLATE} is not filled");
    let switched = ["MemberOf Plugin", "referential integrity postoperation"]
        .into_iter()
        .fold(text, |text, plugin| switched_on(&text, plugin));
    let mut text = switched.replace(
        "memberOfAttr: memberOf",
        "memberOfAttr: memberOf\nmemberOfAutoAddOC: inetUser",
    );
    write!(
        text,
        "\n\ndn: cn=userRoot,cn=ldbm database,cn=plugins,cn=config\nobjectclass: extensibleObject\n\
         objectclass: nsBackendInstance\nnsslapd-suffix: {BASE}\nnsslapd-directory: {place}/db/userRoot\n\
         nsslapd-cachememsize: 2000000\nnsslapd-dncachememsize: 2000000\ncn: userRoot\n\n\
         dn: cn=\"{BASE}\",cn=mapping tree,cn=config\nobjectclass: extensibleObject\nobjectclass: nsMappingTree\n\
         cn: \"{BASE}\"\nnsslapd-state: backend\nnsslapd-backend: userRoot\n"
    )
    .unwrap();
    text
}

fn switched_on(text: &str, plugin: &str) -> String {
    let (before, after) = text.split_once(&format!("cn: {plugin}\n")).unwrap();
    let after = after.replacen("nsslapd-pluginenabled: off", "nsslapd-pluginenabled: on", 1);
    format!("{before}cn: {plugin}\n{after}")
}

/// People `u001` and on, each in LDIF.
pub fn people(count: u32) -> String {
    (1..=count).fold(String::new(), |mut text, n| {
        write!(
            text,
            "dn: {}\nobjectClass: inetOrgPerson\nuid: u{n:03}\ncn: Person {n}\nsn: Ünal{n}\nmail: u{n:03}@example.test\n\
             userPassword: pw-{n}\n\n",
            person(n)
        )
        .unwrap();
        text
    })
}

/// The name of a person made by [`people`].
pub fn person(n: u32) -> String {
    format!("uid=u{n:03},ou=people,{BASE}")
}

/// A group in LDIF.
pub fn group(name: &str, members: &[String]) -> String {
    let members = members.iter().fold(String::new(), |text, member| {
        format!("{text}member: {member}\n")
    });
    let dn = named(name);
    format!("dn: {dn}\nobjectClass: groupOfNames\ncn: {name}\n{members}\n")
}

/// The name of a group made by [`group`].
pub fn named(group: &str) -> String {
    format!("cn={group},ou=groups,{BASE}")
}
