//! Writes pages that show every component with real-looking content, to look at and to photograph:
//! `cargo run -p muster-app --example gallery -- <folder>`. Needs no server and no database.

mod console;
mod forms;
mod overview;
mod people;
mod plan;
mod verdict;

use std::error::Error;
use std::fs;
use std::path::Path;

use leptos::prelude::*;
use muster_domain::reauth::Verdict;

type Failure = Box<dyn Error>;
/// Makes one page.
type Make = fn() -> AnyView;

fn main() -> Result<(), Failure> {
    let folder = std::env::args().nth(1).ok_or("name a folder to write to")?;
    let folder = Path::new(&folder);
    fs::create_dir_all(folder)?;
    fs::write(
        folder.join("main.css"),
        stylesheet(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../style"))?,
    )?;
    let pages: [(&str, Make); 9] = [
        ("overview", overview::overview),
        ("users", people::users),
        ("user", people::user),
        ("verdict-fresh", || verdict::reauth(Verdict::Fresh)),
        ("verdict-stale", || verdict::reauth(Verdict::Stale)),
        ("plan", plan::plan),
        ("form", forms::form),
        ("wizard", forms::wizard),
        ("signin", forms::signin),
    ];
    for (name, page) in pages {
        for theme in ["light", "dark"] {
            let body = Owner::new().with(|| page().to_html());
            let html = format!(
                "<!doctype html><html lang=\"en\" data-theme=\"{theme}\"><head><meta charset=\"utf-8\">\
                 <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><title>{name} · Muster</title>\
                 <link rel=\"stylesheet\" href=\"main.css\"></head><body>{body}</body></html>"
            );
            fs::write(folder.join(format!("{name}-{theme}.html")), html)?;
        }
    }
    Ok(())
}

/// The stylesheet in one file: every `@import` replaced by its layer.
fn stylesheet(folder: &Path) -> Result<String, Failure> {
    let mut out = String::new();
    for line in fs::read_to_string(folder.join("main.css"))?.lines() {
        let parts = line
            .strip_prefix("@import \"")
            .and_then(|rest| rest.split_once("\" layer("));
        match parts.and_then(|(file, layer)| Some((file, layer.strip_suffix(");")?))) {
            Some((file, layer)) => {
                let css = fs::read_to_string(folder.join(file))?;
                out.push_str(&format!("@layer {layer} {{\n{css}}}\n"));
            }
            None => out.push_str(&format!("{line}\n")),
        }
    }
    Ok(out)
}
