//! The way out of this console to an identity provider.
//!
//! A redirect would not do where a form led here: browsers apply the form's `form-action` to every redirect that
//! follows (Chromium does so along the whole chain, and providers forward to further hosts we cannot list). So the
//! browser gets a page of ours that moves on by itself, which is a navigation of its own and needs no script.

use axum::response::{Html, IntoResponse, Response};
use url::Url;

use crate::page::escape;

/// Sends the browser to `url`. `name` is what people call the place.
#[must_use]
pub fn to(url: &Url, name: &str) -> Response {
    let (href, name) = (escape(url.as_str()), escape(name));
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"refresh\" content=\"0;url={href}\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>Going to {name} · Muster</title></head><body><main><p><a href=\"{href}\">Continue to {name}</a></p></main></body></html>"
    );
    Html(page).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn w58_an_address_cannot_break_out_of_the_page_that_leads_to_it() {
        let url: Url = "https://idp.example/authorize?a=1&b=%22'><script>"
            .parse()
            .unwrap();
        let response = to(&url, "<b>IdP</b>");
        assert_eq!(response.status(), 200);
        let body = axum::body::to_bytes(response.into_body(), 10_000)
            .await
            .unwrap();
        let page = std::str::from_utf8(&body).unwrap();
        assert!(
            page.contains(
                "content=\"0;url=https://idp.example/authorize?a=1&amp;b=%22%27%3E%3Cscript%3E\""
            ),
            "{page}"
        );
        assert!(!page.contains("<script") && !page.contains("<b>"), "{page}");
    }
}
