//! The server: built after its site, then run in place of this process.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;

use crate::failure::Failure;
use crate::house::House;
use crate::site::{self, Profile, Site};
use crate::{machine, process};

/// The crate and the binary.
const SERVER: &str = "muster";
/// Tells the server's build script which site to put into the binary.
pub const EMBED_SITE: &str = "MUSTER_EMBED_SITE";
/// Tells a server without a site inside where to read one.
pub const SITE_DIR: &str = "MUSTER_SITE_DIR";

/// Builds, then becomes the server: Ctrl-C, signals and the exit code are the server's own.
pub fn run(house: &House, profile: Profile, lab: bool, port: Option<u16>) -> Result<(), Failure> {
    let (binary, site) = build(house, profile)?;
    let mut server = std::process::Command::new(&binary);
    server.current_dir(house.root()).arg("serve");
    if lab {
        server.arg("--lab");
    }
    if let Some(port) = port {
        server.env("MUSTER_LISTEN", format!("127.0.0.1:{port}"));
    }
    if profile == Profile::Dev {
        server.env(SITE_DIR, &site.folder);
    }
    println!("==> {}", process::line(&server));
    let error = server.exec();
    Err(Failure::io(&binary, &error))
}

/// Builds and says what came out.
pub fn build_and_report(house: &House, profile: Profile) -> Result<(), Failure> {
    let (binary, site) = build(house, profile)?;
    let size = fs::metadata(&binary)
        .map_err(|error| Failure::io(&binary, &error))?
        .len();
    println!();
    println!(
        "binary        {} ({:.1} MiB)",
        binary.display(),
        size as f64 / 1048576.0
    );
    println!(
        "browser part  {:.1} KiB in brotli ({:.1} KiB as it is)",
        site.browser_part.brotli as f64 / 1024.0,
        site.browser_part.plain as f64 / 1024.0
    );
    match profile {
        Profile::Dev => println!("site          {}", site.folder.display()),
        Profile::Release => println!("site          inside the binary"),
    }
    Ok(())
}

/// Builds site and server; where the binary is.
pub fn build(house: &House, profile: Profile) -> Result<(PathBuf, Site), Failure> {
    machine::need_native_libraries()?;
    let site = site::build(house, profile)?;
    let mut cargo = process::cargo(house);
    cargo.args(["build", "--package", SERVER]);
    match profile {
        Profile::Dev => cargo.env_remove(EMBED_SITE),
        Profile::Release => cargo.arg("--release").env(EMBED_SITE, &site.folder),
    };
    process::timed("server", || process::run(&mut cargo))?;
    Ok((binary(house, profile), site))
}

/// Where cargo leaves the server.
pub fn binary(house: &House, profile: Profile) -> PathBuf {
    let folder = match profile {
        Profile::Dev => "debug",
        Profile::Release => "release",
    };
    house.cargo_target().join(folder).join(SERVER)
}
