//! The browser part: `muster-hydrate` compiled to WebAssembly, then its JavaScript by wasm-bindgen used as a library,
//! which is thereby always the version the lock names.
//!
//! It has its own target folder: it takes other flags than the server, and can then compile beside it. cargo decides
//! whether the WebAssembly is up to date; wasm-bindgen runs again only when it changed.

use std::fs;
use std::path::{Path, PathBuf};

use wasm_bindgen_cli_support::Bindgen;

use crate::digest::digest;
use crate::failure::Failure;
use crate::house::House;
use crate::machine::{self, BROWSER_TARGET};
use crate::process;

const CRATE: &str = "muster-hydrate";
/// Size first; the same bits in development and in a release, so what is tested is what is shipped.
pub const PROFILE: &str = "browser";
/// What wasm-bindgen was last run on.
const STAMP: &str = "made-from.txt";

/// Builds what is out of date and returns the folder with `muster.js`, `muster_bg.wasm` and perhaps `snippets/`.
pub fn build(house: &House) -> Result<PathBuf, Failure> {
    machine::need_browser_target()?;
    let target = house.target().join("browser");
    let mut cargo = process::cargo(house);
    cargo
        .args(["build", "--package", CRATE, "--target", BROWSER_TARGET])
        .args(["--profile", PROFILE, "--target-dir"])
        .arg(&target);
    with_flags(&mut cargo);
    process::run(&mut cargo)?;
    let wasm = target
        .join(BROWSER_TARGET)
        .join(PROFILE)
        .join("muster_hydrate.wasm");
    let package = target.join("pkg");
    bind(&wasm, &package)?;
    Ok(package)
}

/// What every compilation for the browser is told.
pub fn with_flags(cargo: &mut std::process::Command) {
    cargo
        // The server renders islands with erased types, which changes the comments between nodes: whoever takes
        // them over in the browser must be compiled the same way.
        .env(
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS",
            "--cfg erase_components",
        )
        // wasm-bindgen reads a section that stripping removes, and drops the names itself.
        .env("CARGO_PROFILE_BROWSER_STRIP", "none");
}

fn bind(wasm: &Path, package: &Path) -> Result<(), Failure> {
    let bytes = fs::read(wasm).map_err(|error| Failure::io(wasm, &error))?;
    let made_from = digest(&bytes);
    let stamp = package.join(STAMP);
    if fs::read_to_string(&stamp).is_ok_and(|before| before == made_from) {
        return Ok(());
    }
    if package.exists() {
        fs::remove_dir_all(package).map_err(|error| Failure::io(package, &error))?;
    }
    generate(wasm, package).map_err(|error| Failure::new(format!("wasm-bindgen: {error}")))?;
    fs::write(&stamp, made_from).map_err(|error| Failure::io(&stamp, &error))
}

fn generate(wasm: &Path, package: &Path) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    Bindgen::new()
        .input_path(wasm)
        .out_name("muster")
        .web(true)?
        .typescript(false)
        .omit_default_module_path(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate(package)?;
    Ok(())
}
