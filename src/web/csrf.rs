//! Refuses what a foreign page makes a browser send (W10 to W16).
//!
//! One rule for every method that may change something: it must come from a page of this console, as the browser
//! itself says in `Origin` and `Sec-Fetch-Site` (Fetch Metadata, W3C), and carry a body no plain foreign form can
//! make harmless-looking. Methods are taken as they are: no header and no field overrides them.

use axum::extract::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE, HeaderName, ORIGIN};
use http::{HeaderMap, Method};
use muster_domain::{Error, Kind};

use crate::failure::wrong_method;
use crate::host;
use crate::site::Site;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");

/// Lets a request through only if it cannot have been forged by a foreign page.
///
/// # Errors
/// `WEB-001` cross-site, `WEB-002` inside a frame, `WEB-405` a server function asked by GET, `WEB-415` a body of a
/// type no form of ours sends.
pub fn check(request: &Request, site: &Site) -> Result<(), Error> {
    let headers = request.headers();
    if is_framed(headers) {
        return Err(Error::new(
            "WEB-002",
            Kind::Forbidden,
            "This console does not open inside another page.",
        )
        .next("Open it in a tab of its own."));
    }
    if matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    ) {
        let changes_something = request.uri().path().starts_with("/api/");
        return if changes_something {
            Err(wrong_method())
        } else {
            Ok(())
        };
    }
    if is_program(headers) || is_announcement(request) {
        return Ok(());
    }
    is_ours(headers, host::of(request).unwrap_or_default(), site)?;
    has_our_type(headers)
}

/// Frames are refused on the server too: a page that is not shown would still have been processed (O84).
fn is_framed(headers: &HeaderMap) -> bool {
    headers.get(SEC_FETCH_DEST).is_some_and(|dest| {
        ["iframe", "frame", "embed", "object", "fencedframe"]
            .iter()
            .any(|framed| dest == framed)
    })
}

/// An identity provider's own server that announces a sign-out, and nothing a browser adds by itself: its token is
/// signed, and no session of anybody's comes with it.
fn is_announcement(request: &Request) -> bool {
    let (path, headers) = (request.uri().path(), request.headers());
    path.starts_with("/signin/")
        && path.ends_with("/backchannel")
        && !headers.contains_key(COOKIE)
        && !headers.contains_key(ORIGIN)
        && !headers.contains_key(SEC_FETCH_SITE)
        && has_our_type(headers).is_ok()
}

/// A program with a token of its own, and nothing a browser adds by itself.
fn is_program(headers: &HeaderMap) -> bool {
    headers.contains_key(AUTHORIZATION)
        && !headers.contains_key(COOKIE)
        && !headers.contains_key(ORIGIN)
        && !headers.contains_key(SEC_FETCH_SITE)
}

fn is_ours(headers: &HeaderMap, host: &str, site: &Site) -> Result<(), Error> {
    let mut origins = headers.get_all(ORIGIN).iter();
    let origin = match (origins.next(), origins.next()) {
        (None, _) => None,
        // An unreadable one, or several, is nobody's.
        (Some(origin), None) => Some(origin.to_str().unwrap_or("null")),
        (Some(_), Some(_)) => Some("null"),
    };
    let from_own_page = origin.map(|origin| site.is_own_origin(origin, host));
    let fetch_site = headers
        .get(SEC_FETCH_SITE)
        .map(|value| value.to_str().unwrap_or("cross-site"));
    let allowed = match (from_own_page, fetch_site) {
        (Some(false), _) => false,
        (_, Some("same-origin")) => true,
        // `none`: begun by the person (a reload, a restored tab). Plain http: browsers send no Sec-Fetch-Site.
        (Some(true), Some("none") | None) => true,
        (None, Some("none") | None) => false,
        (_, Some(_)) => false,
    };
    if allowed {
        return Ok(());
    }
    Err(Error::new("WEB-001", Kind::Forbidden, "This request did not come from a page of this console. Nothing was changed.")
        .next("Open the page here and send the form again. Behind a proxy, check that it passes the Host header on and that the public address is right.")
        .internal(format_args!("origin {origin:?}, sec-fetch-site {fetch_site:?}, host {host:?}")))
}

/// Forms of ours are `application/x-www-form-urlencoded`; scripts of ours may send JSON.
fn has_our_type(headers: &HeaderMap) -> Result<(), Error> {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let essence = value
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if matches!(
        essence.as_str(),
        "application/x-www-form-urlencoded" | "application/json"
    ) {
        return Ok(());
    }
    Err(Error::new(
        "WEB-415",
        Kind::Invalid,
        "A body of this type is not accepted here.",
    )
    .next("Send the form from the page itself."))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

    fn ask(method: &str, uri: &str, headers: &[(&str, &str)]) -> Result<(), &'static str> {
        let site = Site::new(
            "127.0.0.1:3000".parse().unwrap(),
            Some("https://muster.example.org".parse().unwrap()),
            Vec::new(),
        );
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header("host", "muster.example.org");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        check(&request.body(Body::empty()).unwrap(), &site).map_err(|error| error.code)
    }

    fn post(headers: &[(&str, &str)]) -> Result<(), &'static str> {
        ask("POST", "/users", headers)
    }

    #[test]
    fn our_own_forms_pass() {
        assert_eq!(
            post(&[
                FORM,
                ("origin", "https://muster.example.org"),
                ("sec-fetch-site", "same-origin")
            ]),
            Ok(())
        );
        assert_eq!(
            post(&[FORM, ("origin", "https://muster.example.org")]),
            Ok(()),
            "browsers without Fetch Metadata"
        );
        assert_eq!(post(&[FORM, ("sec-fetch-site", "same-origin")]), Ok(()));
        assert_eq!(
            post(&[
                FORM,
                ("origin", "https://muster.example.org"),
                ("sec-fetch-site", "none")
            ]),
            Ok(())
        );
    }

    #[test]
    fn w10_without_origin_and_fetch_metadata_nothing_changes() {
        assert_eq!(post(&[FORM]), Err("WEB-001"));
        assert_eq!(
            post(&[FORM, ("cookie", "muster=x"), ("authorization", "Bearer x")]),
            Err("WEB-001")
        );
        assert_eq!(post(&[FORM, ("sec-fetch-site", "none")]), Err("WEB-001"));
        assert_eq!(
            post(&[
                ("authorization", "Bearer x"),
                ("content-type", "application/scim+json")
            ]),
            Ok(())
        );
    }

    #[test]
    fn w11_a_foreign_origin_is_refused_whatever_else_is_said() {
        for foreign in [
            "https://evil.example",
            "http://muster.example.org",
            "https://muster.example.org:444",
        ] {
            assert_eq!(
                post(&[FORM, ("origin", foreign), ("sec-fetch-site", "same-origin")]),
                Err("WEB-001"),
                "{foreign}"
            );
        }
        assert_eq!(
            post(&[FORM, ("sec-fetch-site", "cross-site")]),
            Err("WEB-001")
        );
        assert_eq!(
            post(&[
                FORM,
                ("origin", "https://muster.example.org"),
                ("sec-fetch-site", "cross-site")
            ]),
            Err("WEB-001")
        );
        let twice = [
            FORM,
            ("origin", "https://muster.example.org"),
            ("origin", "https://evil.example"),
        ];
        assert_eq!(post(&twice), Err("WEB-001"));
        assert_eq!(
            post(&[
                FORM,
                ("authorization", "Basic eA=="),
                ("origin", "https://evil.example")
            ]),
            Err("WEB-001")
        );
    }

    #[test]
    fn w12_a_null_origin_is_nobodys() {
        assert_eq!(post(&[FORM, ("origin", "null")]), Err("WEB-001"));
        assert_eq!(
            post(&[FORM, ("origin", "null"), ("sec-fetch-site", "same-origin")]),
            Err("WEB-001")
        );
    }

    #[test]
    fn w13_a_sibling_subdomain_is_foreign() {
        assert_eq!(
            post(&[
                FORM,
                ("origin", "https://wiki.example.org"),
                ("sec-fetch-site", "same-site")
            ]),
            Err("WEB-001")
        );
        assert_eq!(
            post(&[FORM, ("sec-fetch-site", "same-site")]),
            Err("WEB-001")
        );
    }

    #[test]
    fn w14_a_server_function_is_never_asked_by_get() {
        assert_eq!(
            ask(
                "GET",
                "/api/search?q=a",
                &[("sec-fetch-site", "same-origin")]
            ),
            Err("WEB-405")
        );
        assert_eq!(ask("HEAD", "/api/search", &[]), Err("WEB-405"));
        assert_eq!(
            ask("GET", "/users", &[("sec-fetch-site", "cross-site")]),
            Ok(()),
            "a link from elsewhere opens a page"
        );
    }

    #[test]
    fn w15_json_disguised_as_text_is_refused() {
        let own = ("origin", "https://muster.example.org");
        for disguise in [
            "text/plain",
            "text/plain;charset=UTF-8",
            "multipart/form-data; boundary=x",
            "application/xml",
            "\u{a0}",
        ] {
            assert_eq!(
                post(&[own, ("content-type", disguise)]),
                Err("WEB-415"),
                "{disguise}"
            );
        }
        assert_eq!(post(&[own, ("content-type", "application/json")]), Ok(()));
        assert_eq!(post(&[own]), Ok(()), "a button without fields");
    }

    #[test]
    fn w16_an_override_does_not_change_the_method() {
        assert_eq!(
            ask("GET", "/users", &[("x-http-method-override", "DELETE")]),
            Ok(()),
            "it stays a GET and changes nothing"
        );
        assert_eq!(
            ask("POST", "/users", &[FORM, ("x-http-method-override", "GET")]),
            Err("WEB-001")
        );
        assert_eq!(ask("DELETE", "/users", &[]), Err("WEB-001"));
    }

    #[test]
    fn o84_an_answer_inside_a_frame_is_not_even_processed() {
        assert_eq!(
            ask(
                "GET",
                "/signin/lab/callback?code=x",
                &[("sec-fetch-dest", "iframe")]
            ),
            Err("WEB-002")
        );
        assert_eq!(
            ask(
                "GET",
                "/signin/lab/callback?code=x",
                &[("sec-fetch-dest", "document")]
            ),
            Ok(())
        );
    }
}
