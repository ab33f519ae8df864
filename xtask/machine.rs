//! What the machine must have: installed here when we may, else named with the exact command.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::Failure;
use crate::process;

/// What the browser part compiles to.
pub const BROWSER_TARGET: &str = "wasm32-unknown-unknown";

/// Rust's standard library for the browser, added by rustup when it is missing.
pub fn need_browser_target() -> Result<(), Failure> {
    let mut rustc = Command::new("rustc");
    rustc.args(["--print", "target-libdir", "--target", BROWSER_TARGET]);
    let folder = process::capture(&mut rustc)?;
    if Path::new(folder.trim()).is_dir() {
        return Ok(());
    }
    let add = format!("rustup target add {BROWSER_TARGET}");
    if find(&["rustup"]).is_none() {
        return Err(
            Failure::new(format!("Rust's {BROWSER_TARGET} is not installed"))
                .next(format!("install rustup, then run `{add}`")),
        );
    }
    process::run(Command::new("rustup").args(["target", "add", BROWSER_TARGET]))
        .map_err(|failure| failure.next(format!("run `{add}` where the network is reachable")))
}

/// What the server links against: OpenSSL, found through pkg-config. (A C compiler is there: this tool was linked.)
pub fn need_native_libraries() -> Result<(), Failure> {
    let openssl = || process::succeeds(Command::new("pkg-config").args(["--exists", "openssl"]));
    if openssl() || std::env::var_os("OPENSSL_DIR").is_some() {
        return Ok(());
    }
    install("OpenSSL's headers", &["pkg-config", "libssl-dev"])?;
    if openssl() {
        Ok(())
    } else {
        Err(Failure::new("pkg-config still does not find openssl")
            .next("set OPENSSL_DIR to where OpenSSL is installed"))
    }
}

/// Node, and the providers by others that npm does not have: for the end-to-end tests alone.
pub fn need_node() -> Result<(), Failure> {
    if find(&["npm"]).is_none() {
        install("Node with npm", &["nodejs", "npm"])?;
    }
    need_lemonldap()
}

/// What end2end/peers/lemonldap.mjs starts. The uWSGI application takes the place of a daemon, which the portal would
/// bring along otherwise; two libraries are needed for OpenID Connect and only recommended.
const LEMONLDAP: [&str; 5] = [
    "liblemonldap-ng-portal-perl",
    "lemonldap-ng-uwsgi-app",
    "libio-string-perl",
    "libstring-random-perl",
    "starman",
];

/// What the packages switch on: it tidies up an installation that nobody here uses.
const LEMONLDAP_UNITS: [&str; 4] = [
    "liblemonldap-ng-handler-perl.timer",
    "liblemonldap-ng-handler-perl.service",
    "liblemonldap-ng-portal-perl.timer",
    "liblemonldap-ng-portal-perl.service",
];

/// LemonLDAP::NG. A person who cannot have it goes without its stories; a robot may not.
fn need_lemonldap() -> Result<(), Failure> {
    let is_there = || {
        process::succeeds(
            Command::new("perl").args(["-MLemonldap::NG::Portal::Issuer::OpenIDConnect", "-e1"]),
        ) && find(&["starman"]).is_some()
    };
    if is_there() {
        return Ok(());
    }
    let may_install = is_root() && find(&["apt-get"]).is_some();
    if !may_install && !is_ci() {
        println!(
            "\n    !! LemonLDAP::NG is not installed: its stories are SKIPPED. Install Debian's {}.\n",
            LEMONLDAP.join(" ")
        );
        return Ok(());
    }
    install("LemonLDAP::NG", &LEMONLDAP)?;
    switch_off(&LEMONLDAP_UNITS)?;
    if is_there() {
        Ok(())
    } else {
        Err(Failure::new("LemonLDAP::NG is installed, but Perl cannot load it")
            .next("run `perl -MLemonldap::NG::Portal::Issuer::OpenIDConnect -e1` and read what it misses"))
    }
}

/// Leaves nothing of systemd's enabled, nor running where systemd runs.
fn switch_off(units: &[&str]) -> Result<(), Failure> {
    if find(&["systemctl"]).is_none() {
        return Ok(());
    }
    let mut systemctl = Command::new("systemctl");
    systemctl.arg("disable");
    if Path::new("/run/systemd/system").is_dir() {
        systemctl.arg("--now");
    }
    process::run(systemctl.args(units))
}

/// Chromium: `CHROMIUM` if set, else the first one on the path, else installed.
pub fn need_chromium() -> Result<PathBuf, Failure> {
    if let Some(path) = std::env::var_os("CHROMIUM") {
        return Ok(PathBuf::from(path));
    }
    let names = ["chromium", "chromium-browser", "google-chrome"];
    if let Some(path) = find(&names) {
        return Ok(path);
    }
    install("Chromium", &["chromium", "fonts-liberation"])?;
    find(&names).ok_or_else(|| {
        Failure::new("Chromium is not on the path").next("set CHROMIUM to the browser's path")
    })
}

/// `oathtool`, whose codes the end-to-end tests type: an implementation of RFC 6238 that is not ours.
pub fn need_oathtool() -> Result<(), Failure> {
    match find(&["oathtool"]) {
        Some(_) => Ok(()),
        None => install("oathtool", &["oathtool"]),
    }
}

/// `openssl`, which makes the certificate of the mail server in the stories of mail.
pub fn need_openssl() -> Result<(), Failure> {
    match find(&["openssl"]) {
        Some(_) => Ok(()),
        None => install("openssl", &["openssl"]),
    }
}

/// nginx, which asks on behalf of an application in the stories of forward-auth. A person who cannot have it goes without
/// them; a robot may not.
pub fn need_nginx() -> Result<(), Failure> {
    let may_install = is_root() && find(&["apt-get"]).is_some();
    match find(&["nginx"]) {
        Some(_) => Ok(()),
        None if may_install || is_ci() => {
            install("nginx", &["nginx-light"])?;
            switch_off(&["nginx.service"])
        }
        None => {
            println!(
                "\n    !! nginx is not installed: its stories are SKIPPED. Install Debian's nginx-light.\n"
            );
            Ok(())
        }
    }
}

/// slapd, OpenLDAP's server, which the tests of directories read. A person who cannot have it goes without them; a robot may
/// not.
pub fn need_slapd() -> Result<(), Failure> {
    let is_there = || Path::new("/usr/sbin/slapd").is_file();
    let may_install = is_root() && find(&["apt-get"]).is_some();
    if is_there() {
        return Ok(());
    }
    if !may_install && !is_ci() {
        println!(
            "\n    !! slapd is not installed: its tests are SKIPPED. Install Debian's slapd.\n"
        );
        return Ok(());
    }
    install("slapd", &["slapd"])?;
    switch_off(&["slapd.service"])?;
    if is_there() {
        Ok(())
    } else {
        Err(Failure::new(
            "slapd is installed, but not where Debian puts it",
        ))
    }
}

/// Samba as a domain controller of Active Directory, and the tools that fill one.
const SAMBA: [&str; 6] = [
    "samba-ad-dc",
    "samba-ad-provision",
    "samba-dsdb-modules",
    "samba-vfs-modules",
    "python3-samba",
    "ldb-tools",
];

/// What its packages switch on: file servers that nobody here uses.
const SAMBA_UNITS: [&str; 4] = [
    "samba-ad-dc.service",
    "smbd.service",
    "nmbd.service",
    "winbind.service",
];

/// Samba, which the tests of Active Directory read. A person who cannot have it goes without them; a robot may not. Its
/// ports are fixed and low, so the tests themselves take root.
pub fn need_samba() -> Result<(), Failure> {
    let is_there = || {
        ["/usr/sbin/samba", "/usr/bin/samba-tool", "/usr/bin/ldbadd"]
            .iter()
            .all(|program| Path::new(program).is_file())
    };
    let may_install = is_root() && find(&["apt-get"]).is_some();
    if is_there() {
        return Ok(());
    }
    if !may_install && !is_ci() {
        println!(
            "\n    !! Samba is not installed: the tests of Active Directory are SKIPPED. Install Debian's {}.\n",
            SAMBA.join(" ")
        );
        return Ok(());
    }
    install("Samba as a domain controller", &SAMBA)?;
    switch_off(&SAMBA_UNITS)?;
    if is_there() {
        Ok(())
    } else {
        Err(Failure::new(
            "Samba is installed, but not where Debian puts it",
        ))
    }
}

/// 389 Directory Server, which the tests of directories read. A person who cannot have it goes without them; a robot may not.
/// Its package makes no server and starts none: each test sets one up in a folder of its own.
pub fn need_389() -> Result<(), Failure> {
    let is_there = || {
        [
            "/usr/sbin/ns-slapd",
            "/usr/share/dirsrv/data/template-dse.ldif",
            "/usr/bin/certutil",
        ]
        .iter()
        .all(|file| Path::new(file).is_file())
    };
    let may_install = is_root() && find(&["apt-get"]).is_some();
    if is_there() {
        return Ok(());
    }
    if !may_install && !is_ci() {
        println!(
            "\n    !! 389 Directory Server is not installed: its tests are SKIPPED. Install Debian's 389-ds-base.\n"
        );
        return Ok(());
    }
    install("389 Directory Server", &["389-ds-base"])?;
    switch_off(&["dirsrv.target", "dirsrv-snmp.service"])?;
    if is_there() {
        Ok(())
    } else {
        Err(Failure::new(
            "389 Directory Server is installed, but not where Debian puts it",
        ))
    }
}

/// Installs Debian packages when we are root, else fails with the command that does.
pub fn install(what: &str, packages: &[&str]) -> Result<(), Failure> {
    let packages_line = packages.join(" ");
    if find(&["apt-get"]).is_none() {
        return Err(Failure::new(format!("{what} missing")).next(format!(
            "install what Debian calls {packages_line}, then run this again"
        )));
    }
    if !is_root() {
        return Err(Failure::new(format!("{what} missing")).next(format!(
            "run `sudo apt-get install -y --no-install-recommends {packages_line}`, then this again"
        )));
    }
    println!("    installing {packages_line}");
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive").arg("-q");
        command
    };
    process::run(apt().arg("update"))?;
    process::run(
        apt()
            .args(["install", "-y", "--no-install-recommends"])
            .args(packages),
    )
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

/// Whether a robot watches, so that nothing may be skipped.
pub fn is_ci() -> bool {
    std::env::var_os("CI")
        .is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// The first of these programs on the path.
pub fn find(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    names.iter().find_map(|name| {
        std::env::split_paths(&path)
            .map(|folder| folder.join(name))
            .find(|file| file.is_file())
    })
}
