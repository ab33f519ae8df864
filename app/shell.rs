//! The document around every page: head, stylesheet, and the one small script that starts the islands.

use std::sync::Arc;

use hydration_context::SsrSharedContext;
use leptos::prelude::*;
use muster_web::AssetUrls;

use crate::components::FormMark;

/// What the document needs besides its body.
#[derive(Clone, Debug)]
pub struct Head {
    /// The page's title, before " · Muster".
    pub title: String,
    /// The nonce of this answer's content security policy.
    pub nonce: String,
    /// Seconds and address of a refresh, for pages that only pass somebody on.
    pub refresh: Option<(u32, String)>,
    /// What its forms carry: that a secure session ran when they were drawn.
    pub mark: Option<String>,
}

/// Renders a whole document.
#[must_use]
pub fn document(head: &Head, assets: &AssetUrls, body: impl FnOnce() -> AnyView) -> String {
    let owner = Owner::new_root(Some(Arc::new(SsrSharedContext::new_islands())));
    let content = owner.with(|| {
        if let Some(mark) = &head.mark {
            provide_context(FormMark(mark.clone()));
        }
        body().to_html()
    });
    owner.cleanup();
    let mut html = String::with_capacity(content.len() + 2048);
    html.push_str("<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">");
    html.push_str("<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">");
    html.push_str("<meta name=\"color-scheme\" content=\"light dark\"><title>");
    html.push_str(&escaped(&head.title));
    html.push_str(" · Muster</title>");
    if let Some((seconds, to)) = &head.refresh {
        html.push_str(&format!(
            "<meta http-equiv=\"refresh\" content=\"{seconds};url={}\">",
            escaped(to)
        ));
    }
    html.push_str(&format!(
        "<link rel=\"stylesheet\" href=\"{}\">",
        escaped(&assets.css)
    ));
    html.push_str(&format!(
        "<link rel=\"icon\" href=\"{}\" type=\"image/svg+xml\">",
        escaped(&assets.url("/favicon.svg"))
    ));
    html.push_str("</head><body>");
    html.push_str(&content);
    if content.contains("<leptos-island") {
        html.push_str(&start(head, assets));
    }
    html.push_str("</body></html>");
    html
}

/// Renders a part of a page, for an island that puts it there. Everything in it is escaped as on a page; islands in it do
/// not run.
#[must_use]
pub fn fragment(body: impl FnOnce() -> AnyView) -> String {
    let owner = Owner::new_root(None);
    let html = owner.with(|| body().to_html());
    owner.cleanup();
    html
}

/// The script that fetches the browser part and hands each island to its function (the protocol of Leptos islands).
fn start(head: &Head, assets: &AssetUrls) -> String {
    format!(
        "<script type=\"module\" nonce=\"{nonce}\">import init,* as mod from \"{js}\";\
await init({{module_or_path:\"{wasm}\"}});mod.hydrate();\
for(const el of document.querySelectorAll(\"leptos-island\")){{const f=mod[el.dataset.component];if(f)await f(el)}}\
document.documentElement.dataset.ready=\"\";</script>",
        nonce = escaped(&head.nonce),
        js = escaped(&assets.js),
        wasm = escaped(&assets.wasm),
    )
}

/// Escapes text for HTML content and double-quoted attributes.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            other => out.push(other),
        }
    }
    out
}
