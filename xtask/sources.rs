//! The files a site is made of, with the addresses inside them already pointing at hashed ones.
//!
//! Order matters: a file's own address depends on its content, so what refers to others comes after them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::digest::hashed;
use crate::failure::Failure;
use crate::house::relative;

/// A file as it will be served.
#[derive(Debug)]
pub struct Source {
    /// What a page calls it: "/favicon.svg".
    pub path: String,
    /// Its content.
    pub bytes: Vec<u8>,
}

/// Everything of `public`, the stylesheet, and the browser part from wasm-bindgen's folder.
pub fn gather(package: &Path, public: &Path, style: String) -> Result<Vec<Source>, Failure> {
    let mut sources = read_below(public, "")?;
    let style = link_style(&style, &sources);
    sources.push(Source {
        path: "/style.css".to_owned(),
        bytes: style.into_bytes(),
    });

    let snippets = read_below(&package.join("snippets"), "/pkg/snippets")?;
    let script = package.join("muster.js");
    let text = fs::read_to_string(&script).map_err(|error| Failure::io(&script, &error))?;
    let text = link_snippets(&text, &snippets);
    sources.extend(snippets);
    sources.push(Source {
        path: "/pkg/muster.js".to_owned(),
        bytes: text.into_bytes(),
    });
    let wasm = package.join("muster_bg.wasm");
    sources.push(Source {
        path: "/pkg/muster_bg.wasm".to_owned(),
        bytes: fs::read(&wasm).map_err(|error| Failure::io(&wasm, &error))?,
    });
    Ok(sources)
}

/// Every file in a folder and its folders, sorted; none when there is no such folder.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        let entries = match fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => return Err(Failure::io(&folder, &error)),
        };
        for entry in entries {
            let path = entry.map_err(|error| Failure::io(&folder, &error))?.path();
            if path.is_dir() {
                open.push(path);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

fn read_below(folder: &Path, prefix: &str) -> Result<Vec<Source>, Failure> {
    files_below(folder)?
        .into_iter()
        .map(|file| {
            Ok(Source {
                path: format!("{prefix}/{}", relative(folder, &file)),
                bytes: fs::read(&file).map_err(|error| Failure::io(&file, &error))?,
            })
        })
        .collect()
}

/// `url(/fonts/x.woff2)` in the stylesheet, written by the minifier with or without quotes, to its hashed address.
fn link_style(style: &str, sources: &[Source]) -> String {
    let mut linked = style.to_owned();
    for source in sources {
        let address = format!("url({})", hashed(&source.path, &source.bytes));
        for written in [
            format!("url({})", source.path),
            format!("url(\"{}\")", source.path),
        ] {
            linked = linked.replace(&written, &address);
        }
    }
    linked
}

/// `from './snippets/…/inline0.js'` in wasm-bindgen's script to the hashed address.
fn link_snippets(script: &str, snippets: &[Source]) -> String {
    let mut linked = script.to_owned();
    for snippet in snippets {
        let address = hashed(&snippet.path, &snippet.bytes);
        let written = snippet.path.replacen("/pkg/", "./", 1);
        for quote in ['\'', '"'] {
            linked = linked.replace(
                &format!("{quote}{written}{quote}"),
                &format!("{quote}{address}{quote}"),
            );
        }
    }
    linked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str) -> Source {
        Source {
            path: path.to_owned(),
            bytes: b"a".to_vec(),
        }
    }

    #[test]
    fn the_stylesheet_points_at_hashed_files() {
        let sources = [source("/logo.svg"), source("/fonts/x.woff2")];
        assert_eq!(
            link_style(
                "a{background:url(/logo.svg)}b{src:url(\"/fonts/x.woff2\")}c{background:url(data:image/png,x)}",
                &sources
            ),
            "a{background:url(/a/logo.ca978112ca1bbdca.svg)}b{src:url(/a/x.ca978112ca1bbdca.woff2)}\
             c{background:url(data:image/png,x)}"
        );
    }

    #[test]
    fn the_script_points_at_hashed_snippets() {
        let snippets = [source("/pkg/snippets/leptos-1/inline0.js")];
        assert_eq!(
            link_snippets(
                "import * as a from './snippets/leptos-1/inline0.js';",
                &snippets
            ),
            "import * as a from '/a/inline0.ca978112ca1bbdca.js';"
        );
    }
}
