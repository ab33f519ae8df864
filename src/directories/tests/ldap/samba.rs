//! A throwaway Active Directory: Samba as a domain controller from the installed binaries, serving nothing but LDAP, with a
//! certificate of a test's own authority, gone when the test is done.
//!
//! The ports of Active Directory are fixed, so each server has an address of 127.0.0.0/8 to itself. The domain is
//! provisioned and filled once for all tests and all later runs (10 s here) and copied for each (0.1 s); the server answers
//! after 0.5 s. It takes root, as domain controllers do.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use ldap3::{Ldap as Handle, LdapConnAsync, LdapConnSettings};
use muster_directories::{Bind, LdapSettings, Limits, Roots, Security, Vendor};

use super::certificates::{Authority, Validity};
use super::domain;

const TOOL: &str = "/usr/bin/samba-tool";
const SERVER: &str = "/usr/sbin/samba";
const LOADER: &str = "/usr/bin/ldbadd";
/// A busy machine is given this much.
const START: Duration = Duration::from_secs(60);

/// A running domain controller. Dropping it stops it and deletes its data.
pub struct Samba {
    server: Child,
    folder: PathBuf,
    /// Its address.
    pub host: String,
    pub authority: Authority,
}

/// Whether it is installed and may run. No is a failure for a robot; a person goes without.
fn may_start() -> bool {
    let is_robot = std::env::var_os("CI")
        .is_some_and(|value| value != "false" && value != "0" && !value.is_empty());
    let is_root = fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let is_there = [TOOL, SERVER, LOADER]
        .iter()
        .all(|program| Path::new(program).is_file());
    assert!(
        (is_there && is_root) || !is_robot,
        "Samba as a domain controller is not installed, or this is not root, and CI may not skip its tests"
    );
    if !is_there {
        println!("!! Samba is not installed: SKIPPED. Install Debian's samba-ad-dc and ldb-tools.");
    } else if !is_root {
        println!("!! A domain controller takes root: SKIPPED.");
    }
    is_there && is_root
}

impl Samba {
    /// Starts one; none where none can.
    pub fn start() -> Option<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if !may_start() {
            return None;
        }
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let process = std::process::id();
        let folder = tests().join(format!("samba-{process}-{number}"));
        copy(&template(), &folder);
        let host = format!(
            "127.{}.{}.{}",
            64 + number % 128,
            (process >> 8) & 0xff,
            process & 0xff
        );
        let authority = Authority::new();
        let (certificate, key) = authority.sign(Validity::Now, &host);
        fs::write(folder.join("server.pem"), certificate).unwrap();
        fs::write(folder.join("server.key"), key).unwrap();
        let private = fs::Permissions::from_mode(0o600);
        fs::set_permissions(folder.join("server.key"), private).unwrap();
        let configuration = folder.join("etc/smb.conf");
        fs::write(&configuration, configured(&folder, &host)).unwrap();
        // It ends with this thread even when the test is killed.
        let server = Command::new("setpriv")
            .args(["--pdeathsig", "KILL", SERVER, "-F", "--no-process-group"])
            .args(["-M", "single", "-s"])
            .arg(&configuration)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let samba = Self {
            server,
            folder,
            host,
            authority,
        };
        let begun = Instant::now();
        while TcpStream::connect((samba.host.as_str(), 636)).is_err() {
            assert!(begun.elapsed() < START, "Samba does not start");
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(samba)
    }

    /// Somebody who may change everything in it.
    pub async fn admin(&self) -> Handle {
        let authority = native_tls::Certificate::from_pem(self.authority.pem().as_bytes()).unwrap();
        let connector = native_tls::TlsConnector::builder()
            .disable_built_in_roots(true)
            .add_root_certificate(authority)
            .build()
            .unwrap();
        let settings = LdapConnSettings::new().set_connector(connector);
        let address = format!("ldaps://{}", self.host);
        let (connection, mut admin) = LdapConnAsync::with_settings(settings, &address)
            .await
            .unwrap();
        ldap3::drive!(connection);
        let bound = admin.simple_bind(domain::ADMIN, domain::ADMIN_PASSWORD);
        bound.await.unwrap().success().unwrap();
        admin
    }

    /// How to read the whole domain, over LDAPS.
    pub fn settings(&self) -> LdapSettings {
        LdapSettings {
            servers: vec![(self.host.clone(), 636)],
            security: Security::Ldaps,
            roots: Roots::Own(self.authority.pem()),
            bind: Bind::Simple {
                dn: domain::READER.to_owned(),
                password: domain::PASSWORD.into(),
            },
            users_base: domain::BASE.to_owned(),
            groups_base: domain::BASE.to_owned(),
            schema: Vendor::ActiveDirectory.schema(),
            limits: Limits {
                connect: Duration::from_secs(20),
                page: 400,
                ..Limits::default()
            },
        }
    }
}

impl Drop for Samba {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Where tests keep what they need for a while.
fn tests() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// A domain that was provisioned and filled, and that nobody started. Whoever comes first makes it; the others wait.
fn template() -> PathBuf {
    let mut hasher = DefaultHasher::new();
    (domain::filling(), domain::finishing()).hash(&mut hasher);
    let name = format!("samba-domain-{:016x}", hasher.finish());
    let lock = File::create(tests().join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    let template = tests().join(&name);
    if !template.is_dir() {
        let half = tests().join(format!("{name}-half"));
        let _ = fs::remove_dir_all(&half);
        provision(&half);
        fs::rename(&half, &template).unwrap();
        forget_others(&template);
    }
    template
}

/// Deletes what was provisioned for earlier versions of the domain.
fn forget_others(template: &Path) {
    for entry in fs::read_dir(tests()).unwrap().flatten() {
        let is_template = entry
            .file_name()
            .to_string_lossy()
            .starts_with("samba-domain-");
        if is_template && entry.path() != template && entry.path().is_dir() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn provision(folder: &Path) {
    run(Command::new(TOOL)
        .args(["domain", "provision", "--server-role=dc"])
        .args(["--realm=SAMDOM.EXAMPLE.TEST", "--domain=SAMDOM"])
        .args(["--dns-backend=NONE", "--host-name=dc1"])
        .arg("--host-ip=127.0.0.1")
        .arg(format!("--adminpass={}", domain::ADMIN_PASSWORD))
        .arg(format!("--targetdir={}", folder.display())));
    for (program, name, entries) in [
        (LOADER, "filling.ldif", domain::filling()),
        ("/usr/bin/ldbmodify", "finishing.ldif", domain::finishing()),
    ] {
        let file = folder.join(name);
        fs::write(&file, entries).unwrap();
        run(Command::new(program)
            .args(["--nosync", "--relax"])
            .arg("-H")
            .arg(folder.join("private/sam.ldb"))
            .arg(&file));
    }
}

fn copy(from: &Path, to: &Path) {
    run(Command::new("cp")
        .args(["-a", "--sparse=always"])
        .arg(from)
        .arg(to));
}

fn run(command: &mut Command) {
    let done = command.output().unwrap();
    let said = String::from_utf8_lossy(&done.stderr);
    let end: Vec<&str> = said.lines().rev().take(10).collect();
    assert!(done.status.success(), "{command:?}: {end:#?}");
}

fn configured(folder: &Path, host: &str) -> String {
    for made in ["cache", "lock", "pid", "ncalrpc", "winbindd", "ntp"] {
        fs::create_dir_all(folder.join(made)).unwrap();
    }
    let folder = folder.display();
    format!(
        "[global]\n\
         netbios name = DC1\n\
         workgroup = SAMDOM\n\
         realm = SAMDOM.EXAMPLE.TEST\n\
         server role = active directory domain controller\n\
         interfaces = {host}/8\n\
         bind interfaces only = yes\n\
         server services = ldap\n\
         dcerpc endpoint servers =\n\
         private dir = {folder}/private\n\
         state directory = {folder}/state\n\
         cache directory = {folder}/cache\n\
         lock directory = {folder}/lock\n\
         pid directory = {folder}/pid\n\
         ncalrpc dir = {folder}/ncalrpc\n\
         binddns dir = {folder}/bind-dns\n\
         winbindd socket directory = {folder}/winbindd\n\
         ntp signd socket directory = {folder}/ntp\n\
         log file = {folder}/samba.log\n\
         tls enabled = yes\n\
         tls keyfile = {folder}/server.key\n\
         tls certfile = {folder}/server.pem\n\
         tls cafile =\n"
    )
}
