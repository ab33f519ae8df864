//! The stylesheet: `style/main.css` and what it imports, as one minified file.
//!
//! Imports become `@layer`, `@supports` and `@media` blocks in place, so the cascade stays what a browser would make of
//! the separate files. Browsers of the last two years are the target: `light-dark()`, `oklch()`, nesting and layers
//! stay as written, nothing is lowered.

use std::fs;
use std::path::{Path, PathBuf};

use lightningcss::printer::PrinterOptions;
use lightningcss::rules::CssRule;
use lightningcss::rules::import::ImportRule;
use lightningcss::stylesheet::{MinifyOptions, ParserOptions, StyleSheet};
use lightningcss::targets::{Browsers, Targets};
use lightningcss::traits::ToCss;

use crate::failure::Failure;

/// Bundles and minifies a stylesheet.
pub fn bundle(main: &Path) -> Result<String, Failure> {
    let joined = join(main, &mut Vec::new())?;
    minify(&joined, main)
}

/// One file with its imports put in place. `open` are the files being read, to end a circle.
fn join(file: &Path, open: &mut Vec<PathBuf>) -> Result<String, Failure> {
    let path = file
        .canonicalize()
        .map_err(|error| Failure::io(file, &error))?;
    if open.contains(&path) {
        return Err(Failure::new(format!(
            "{} imports itself, directly or through another file",
            file.display()
        )));
    }
    open.push(path);
    let text = fs::read_to_string(file).map_err(|error| Failure::io(file, &error))?;
    let sheet = parse(&text, file)?;
    let folder = file.parent().unwrap_or(Path::new("."));
    let mut joined = String::new();
    for rule in &sheet.rules.0 {
        let part = match rule {
            CssRule::Import(import) => {
                let imported = join(&folder.join(import.url.as_ref()), open)?;
                wrap(import, imported).map_err(|error| print_failure(file, &error))?
            }
            other => print(other).map_err(|error| print_failure(file, &error))?,
        };
        joined.push_str(&part);
        joined.push('\n');
    }
    open.pop();
    Ok(joined)
}

/// An imported file's text inside the conditions of its `@import`.
fn wrap(import: &ImportRule<'_>, text: String) -> Result<String, String> {
    let mut wrapped = text;
    match &import.layer {
        Some(Some(name)) => wrapped = format!("@layer {} {{\n{wrapped}}}", print(name)?),
        Some(None) => wrapped = format!("@layer {{\n{wrapped}}}"),
        None => {}
    }
    if let Some(condition) = &import.supports {
        wrapped = format!("@supports {} {{\n{wrapped}}}", print(condition)?);
    }
    if !import.media.media_queries.is_empty() {
        wrapped = format!("@media {} {{\n{wrapped}}}", print(&import.media)?);
    }
    Ok(wrapped)
}

fn minify(text: &str, main: &Path) -> Result<String, Failure> {
    let targets = Targets::from(browsers());
    let mut sheet = parse(text, main)?;
    sheet
        .minify(MinifyOptions {
            targets,
            ..MinifyOptions::default()
        })
        .map_err(|error| Failure::new(format!("{}: {error}", main.display())))?;
    let options = PrinterOptions {
        minify: true,
        targets,
        ..PrinterOptions::default()
    };
    match sheet.to_css(options) {
        Ok(result) => Ok(result.code),
        Err(error) => Err(print_failure(main, &error.to_string())),
    }
}

/// The oldest browsers served, all of autumn 2024 (Chrome stands for Android too); a version is `major << 16 | minor << 8`.
fn browsers() -> Browsers {
    let version = |major: u32, minor: u32| Some(major << 16 | minor << 8);
    Browsers {
        chrome: version(130, 0),
        edge: version(130, 0),
        firefox: version(132, 0),
        safari: version(18, 1),
        ios_saf: version(18, 1),
        ..Browsers::default()
    }
}

fn parse<'a>(text: &'a str, file: &Path) -> Result<StyleSheet<'a>, Failure> {
    let options = ParserOptions {
        filename: file.display().to_string(),
        ..ParserOptions::default()
    };
    StyleSheet::parse(text, options).map_err(|error| Failure::new(format!("CSS: {error}")))
}

fn print(part: &impl ToCss) -> Result<String, String> {
    part.to_css_string(PrinterOptions::default())
        .map_err(|error| error.to_string())
}

fn print_failure(file: &Path, error: &str) -> Failure {
    Failure::new(format!("{}: {error}", file.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minified(text: &str) -> String {
        minify(text, Path::new("test.css")).unwrap()
    }

    #[test]
    fn modern_css_stays_as_written() {
        let css = minified(
            ":root { color-scheme: light dark; --accent: light-dark(oklch(0.51 0.17 var(--hue)), oklch(0.74 0.12 var(--hue))); }
             a { color: light-dark(oklch(51% 0.17 262), oklch(74% 0.12 262)); & b { margin: 0 } }
             i { background: color-mix(in oklch, var(--accent), transparent 78%) }",
        );
        assert!(
            css.contains(
                "--accent:light-dark(oklch(.51 .17 var(--hue)),oklch(.74 .12 var(--hue)))"
            ),
            "{css}"
        );
        assert!(
            css.contains("color:light-dark(oklch(51% .17 262),oklch(74% .12 262))"),
            "{css}"
        );
        assert!(css.contains("& b{margin:0}"), "{css}");
        assert!(
            css.contains("color-mix(in oklch, var(--accent), transparent 78%)")
                || css.contains("color-mix(in oklch,var(--accent),transparent 78%)"),
            "{css}"
        );
    }

    #[test]
    fn layer_order_survives() {
        // The minifier sorts the blocks instead of naming their order.
        assert_eq!(
            minified(
                "@layer tokens, base, components; @layer components { i { color: red } } @layer base { a { color: red } }"
            ),
            "@layer tokens;@layer base{a{color:red}}@layer components{i{color:red}}"
        );
    }

    #[test]
    fn imports_keep_their_layer_and_media() {
        let folder = std::env::temp_dir().join(format!("muster-css-{}", std::process::id()));
        fs::create_dir_all(folder.join("parts")).unwrap();
        fs::write(
            folder.join("main.css"),
            "@layer base, parts; @import './base.css' layer(base); @import 'parts/a.css' layer(parts) print; b { top: 0 }",
        )
        .unwrap();
        fs::write(folder.join("base.css"), "a { top: 1px }").unwrap();
        fs::write(
            folder.join("parts/a.css"),
            "@import 'b.css'; i { top: 2px }",
        )
        .unwrap();
        fs::write(folder.join("parts/b.css"), "u { top: 3px }").unwrap();
        let css = bundle(&folder.join("main.css"));
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(
            css.unwrap(),
            "@layer base{a{top:1px}}@layer parts;@media print{@layer parts{u{top:3px}i{top:2px}}}b{top:0}"
        );
    }

    #[test]
    fn a_circle_of_imports_is_an_error() {
        let folder = std::env::temp_dir().join(format!("muster-css-circle-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("main.css"), "@import 'other.css';").unwrap();
        fs::write(folder.join("other.css"), "@import 'main.css';").unwrap();
        let css = bundle(&folder.join("main.css"));
        fs::remove_dir_all(&folder).unwrap();
        assert!(css.unwrap_err().to_string().contains("imports itself"));
    }
}
