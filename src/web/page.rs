//! The page a browser gets for a failure. `app` brings a better one; this one needs nothing but words.

use http::StatusCode;
use muster_domain::Error;
use muster_services::Call;

use crate::assets::AssetUrls;

/// Draws the page for a failure: a whole HTML document.
pub type FailurePage = fn(&FailureView<'_>) -> String;

/// Everything such a page can show.
#[derive(Debug)]
pub struct FailureView<'a> {
    /// What failed, in words.
    pub error: &'a Error,
    /// The status of the answer.
    pub status: StatusCode,
    /// Names the request in the log.
    pub request_id: &'a str,
    /// For the page's scripts.
    pub nonce: &'a str,
    /// Path and query that were asked for.
    pub asked: &'a str,
    /// Who asked, if that was found out before it failed.
    pub call: Option<&'a Call>,
    /// Addresses of script and stylesheet.
    pub assets: &'a AssetUrls,
}

/// A page without a frame around it.
#[must_use]
pub fn plain(view: &FailureView<'_>) -> String {
    let next = view
        .error
        .next
        .as_deref()
        .map(|next| format!("<p>{}</p>", escape(next)))
        .unwrap_or_default();
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <title>{status} · Muster</title><link rel=\"stylesheet\" href=\"{css}\"></head><body><main>\
         <h1>{public}</h1>{next}<p><a href=\"/\">Go to the overview</a></p><p><small>{code} · request {id}</small></p></main></body></html>",
        status = view.status.as_u16(),
        css = escape(&view.assets.css),
        public = escape(&view.error.public),
        code = escape(view.error.code),
        id = escape(view.request_id),
    )
}

/// Text as it may stand in HTML, also inside a quoted attribute.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;
    use muster_domain::Kind;

    #[test]
    fn w37_nothing_in_a_failure_becomes_markup() {
        let error =
            Error::new("X-1", Kind::Invalid, "<script>alert('1')</script>").next("\"><img src=x>");
        let assets = AssetUrls::new(str::to_owned);
        let view = FailureView {
            error: &error,
            status: StatusCode::NOT_FOUND,
            request_id: "r",
            nonce: "n",
            asked: "/<script>",
            call: None,
            assets: &assets,
        };
        let page = plain(&view);
        assert!(
            !page.contains("<script") && !page.contains("<img"),
            "{page}"
        );
        assert!(page.contains("&lt;script&gt;alert(&#39;1&#39;)"), "{page}");
    }
}
