//! The site: every file the browser may ask for, and the contract with the server that hands them out.
//!
//! `target/site/<profile>/` holds `pkg/muster.js`, `pkg/muster_bg.wasm`, `style.css`, everything of `public/` and
//! `assets.json`, one [`Asset`] a file. A page names an asset by its `path` ("/style.css"), the browser fetches it by
//! its `hashed` address ("/a/style.3f2a9c….css"), which changes with the content and may thus be kept for ever.
//! For a release each file that gains from it also lies there compressed (`.br`, `.gz`), and `embedded.rs` is the same
//! table as Rust, for the server's build script to put into the binary.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::digest::{digest, hashed};
use crate::failure::Failure;
use crate::house::{House, relative};
use crate::sources::{self, Source};
use crate::{browser, css, process};

/// How the server is built and where its assets come from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// Quick to build; the server reads the site's folder when it starts.
    Dev,
    /// One binary with the site inside.
    Release,
}

impl Profile {
    /// From `--release`.
    pub fn from_flag(release: bool) -> Self {
        if release { Self::Release } else { Self::Dev }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Dev => "dev",
            Self::Release => "release",
        }
    }
}

/// One row of `assets.json`. `file`, `br` and `gz` are names inside the site's folder.
#[derive(Debug, Serialize, PartialEq, Eq)]
pub struct Asset {
    /// What a page calls it.
    pub path: String,
    /// Where the server has it.
    pub hashed: String,
    /// Its content type.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// As it is.
    pub file: String,
    /// Compressed with brotli.
    pub br: Option<String>,
    /// Compressed with gzip.
    pub gz: Option<String>,
}

/// A site that lies ready.
pub struct Site {
    /// `target/site/<profile>`.
    pub folder: PathBuf,
    /// The browser part, in bytes: as it is, and as brotli carries it.
    pub browser_part: Size,
}

/// How large something is, and how much of that travels.
pub struct Size {
    /// Uncompressed bytes.
    pub plain: usize,
    /// Bytes after brotli.
    pub brotli: usize,
}

/// Where the site of a profile lies, built or not.
pub fn folder(house: &House, profile: Profile) -> PathBuf {
    house.target().join("site").join(profile.folder())
}

/// Builds the browser part and the CSS and lays out the site. Files whose content did not change are not touched.
pub fn build(house: &House, profile: Profile) -> Result<Site, Failure> {
    let package = process::timed("browser part", || browser::build(house))?;
    let style = process::timed("stylesheet", || {
        css::bundle(&house.root().join("style/main.css"))
    })?;
    process::timed("site", || lay_out(house, profile, &package, style))
}

fn lay_out(
    house: &House,
    profile: Profile,
    package: &Path,
    style: String,
) -> Result<Site, Failure> {
    let sources = sources::gather(package, &house.root().join("public"), style)?;
    let folder = folder(house, profile);
    let compressed = house.target().join("compressed");
    let mut assets = Vec::new();
    let mut kept = Vec::new();
    let mut browser_part = Size {
        plain: 0,
        brotli: 0,
    };
    for source in &sources {
        let mut asset = describe(source);
        write_if_changed(&folder.join(&asset.file), &source.bytes)?;
        if source.path.starts_with("/pkg/") {
            browser_part.plain += source.bytes.len();
            browser_part.brotli += compress(Coding::Brotli, &source.bytes, &compressed)?.len();
        }
        if profile == Profile::Release && gains_from_compression(asset.kind) {
            for coding in [Coding::Brotli, Coding::Gzip] {
                let name = format!("{}.{}", asset.file, coding.extension());
                let bytes = compress(coding, &source.bytes, &compressed)?;
                write_if_changed(&folder.join(&name), &bytes)?;
                kept.push(name.clone());
                match coding {
                    Coding::Brotli => asset.br = Some(name),
                    Coding::Gzip => asset.gz = Some(name),
                }
            }
        }
        kept.push(asset.file.clone());
        assets.push(asset);
    }
    let manifest = serde_json::to_vec_pretty(&assets)
        .map_err(|error| Failure::new(format!("assets.json: {error}")))?;
    write_if_changed(&folder.join("assets.json"), &manifest)?;
    write_if_changed(
        &folder.join("embedded.rs"),
        embedded(&folder, &assets).as_bytes(),
    )?;
    kept.extend(["assets.json".to_owned(), "embedded.rs".to_owned()]);
    remove_others(&folder, &kept)?;
    Ok(Site {
        folder,
        browser_part,
    })
}

fn describe(source: &Source) -> Asset {
    Asset {
        path: source.path.clone(),
        hashed: hashed(&source.path, &source.bytes),
        kind: content_type(&source.path),
        file: source.path.trim_start_matches('/').to_owned(),
        br: None,
        gz: None,
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next().unwrap_or_default() {
        "css" => "text/css; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "wasm" => "application/wasm",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "webp" => "image/webp",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        "json" | "webmanifest" => "application/json",
        _ => "application/octet-stream",
    }
}

/// Pictures and fonts are compressed already.
fn gains_from_compression(kind: &str) -> bool {
    kind.starts_with("text/")
        || ["application/wasm", "application/json", "image/svg+xml"].contains(&kind)
}

/// The manifest as a Rust expression. The server's build script includes it where the rows' type is in scope.
fn embedded(folder: &Path, assets: &[Asset]) -> String {
    let bytes = |name: &str| format!("include_bytes!({:?})", folder.join(name).to_string_lossy());
    let maybe = |name: &Option<String>| match name {
        Some(name) => format!("Some({})", bytes(name)),
        None => "None".to_owned(),
    };
    let mut table = String::from("&[\n");
    for asset in assets {
        // Writing to a String cannot fail.
        let _ = writeln!(
            table,
            "    Embedded {{ path: {:?}, hashed: {:?}, kind: {:?}, plain: {}, br: {}, gz: {} }},",
            asset.path,
            asset.hashed,
            asset.kind,
            bytes(&asset.file),
            maybe(&asset.br),
            maybe(&asset.gz),
        );
    }
    table.push(']');
    table
}

#[derive(Clone, Copy)]
enum Coding {
    Brotli,
    Gzip,
}

impl Coding {
    fn extension(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gz",
        }
    }
}

/// Compresses as small as can be. That takes seconds, so the result is kept in `kept`, named by the content.
fn compress(coding: Coding, bytes: &[u8], kept: &Path) -> Result<Vec<u8>, Failure> {
    let file = kept.join(format!("{}.{}", digest(bytes), coding.extension()));
    if let Ok(before) = fs::read(&file) {
        return Ok(before);
    }
    let compressed = match coding {
        Coding::Brotli => brotli_11(bytes),
        Coding::Gzip => gzip_9(bytes),
    }
    .map_err(|error| Failure::new(format!("compressing: {error}")))?;
    // Renamed into place: a run that is interrupted leaves no half file to be taken for the whole.
    let partial = kept.join(format!("{}.partial", std::process::id()));
    write(&partial, &compressed)?;
    fs::rename(&partial, &file).map_err(|error| Failure::io(&file, &error))?;
    Ok(compressed)
}

fn brotli_11(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    // Quality 11 in a window of 2^22 bytes, the largest every browser accepts.
    let mut writer = brotli::CompressorWriter::new(Vec::new(), 1 << 16, 11, 22);
    writer.write_all(bytes)?;
    writer.flush()?;
    Ok(writer.into_inner())
}

fn gzip_9(bytes: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(bytes)?;
    writer.finish()
}

fn write_if_changed(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if fs::read(file).is_ok_and(|before| before == bytes) {
        return Ok(());
    }
    write(file, bytes)
}

fn write(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(|error| Failure::io(folder, &error))?;
    }
    fs::write(file, bytes).map_err(|error| Failure::io(file, &error))
}

/// Files of an earlier site that no row names any more.
fn remove_others(folder: &Path, kept: &[String]) -> Result<(), Failure> {
    for file in sources::files_below(folder)? {
        if !kept.contains(&relative(folder, &file)) {
            fs::remove_file(&file).map_err(|error| Failure::io(&file, &error))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_changes_with_the_content_and_keeps_the_name() {
        // SHA-256 of "a" starts with ca978112ca1bbdca.
        assert_eq!(
            hashed("/pkg/muster_bg.wasm", b"a"),
            "/a/muster_bg.ca978112ca1bbdca.wasm"
        );
        assert_ne!(hashed("/style.css", b"a"), hashed("/style.css", b"b"));
        assert_eq!(hashed("/LICENSE", b"a"), "/a/LICENSE.ca978112ca1bbdca");
    }

    #[test]
    fn the_manifest_has_the_names_the_server_reads() {
        let asset = describe(&Source {
            path: "/pkg/muster.js".to_owned(),
            bytes: b"a".to_vec(),
        });
        assert_eq!(
            serde_json::to_value(&asset).unwrap(),
            serde_json::json!({
                "path": "/pkg/muster.js",
                "hashed": "/a/muster.ca978112ca1bbdca.js",
                "type": "text/javascript; charset=utf-8",
                "file": "pkg/muster.js",
                "br": null,
                "gz": null,
            })
        );
    }

    #[test]
    fn the_embedded_table_names_every_form_of_a_file() {
        let mut asset = describe(&Source {
            path: "/style.css".to_owned(),
            bytes: b"a".to_vec(),
        });
        asset.br = Some("style.css.br".to_owned());
        assert_eq!(
            embedded(Path::new("/site"), &[asset]),
            "&[\n    Embedded { path: \"/style.css\", hashed: \"/a/style.ca978112ca1bbdca.css\", \
             kind: \"text/css; charset=utf-8\", plain: include_bytes!(\"/site/style.css\"), \
             br: Some(include_bytes!(\"/site/style.css.br\")), gz: None },\n]"
        );
    }

    #[test]
    fn compressed_bytes_come_back_whole() {
        let text = "light-dark ".repeat(1000);
        let brotli = brotli_11(text.as_bytes()).unwrap();
        let mut back = Vec::new();
        brotli::BrotliDecompress(&mut brotli.as_slice(), &mut back).unwrap();
        assert_eq!(back, text.as_bytes());
        assert!(brotli.len() < 100);

        let gzip = gzip_9(text.as_bytes()).unwrap();
        let mut reader = flate2::read::GzDecoder::new(gzip.as_slice());
        let mut back = String::new();
        std::io::Read::read_to_string(&mut reader, &mut back).unwrap();
        assert_eq!(back, text);
    }
}
