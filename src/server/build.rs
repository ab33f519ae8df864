//! Puts the site into the binary when `MUSTER_EMBED_SITE` names its folder, as `cargo xtask build --release` does.
//! Otherwise the table is empty and the server reads the site's folder when it starts.

use std::path::Path;
use std::{env, fs, io};

fn main() -> io::Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=MUSTER_EMBED_SITE");
    let table = match env::var_os("MUSTER_EMBED_SITE") {
        Some(site) => {
            let table = Path::new(&site).join("embedded.rs");
            println!("cargo::rerun-if-changed={}", table.display());
            fs::read_to_string(table)?
        }
        None => "&[]".to_owned(),
    };
    let out = env::var_os("OUT_DIR").ok_or_else(|| io::Error::other("cargo sets OUT_DIR"))?;
    fs::write(Path::new(&out).join("embedded.rs"), table)
}
