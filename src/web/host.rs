//! Refuses requests that mean another host (W32): links, cookies and redirects are never built from a name a
//! stranger chose, and a page that resolves to this machine by DNS rebinding reaches nothing.

use axum::extract::Request;
use http::header::HOST;
use muster_domain::{Error, Kind};

use crate::site::Site;

/// The host a request names; none when it names none, several, or contradicts itself.
#[must_use]
pub fn of<B>(request: &http::Request<B>) -> Option<&str> {
    let mut fields = request.headers().get_all(HOST).iter();
    let field = fields
        .next()
        .map(http::HeaderValue::to_str)
        .transpose()
        .ok()?;
    let target = request.uri().authority().map(http::uri::Authority::as_str);
    match (field, target, fields.next()) {
        (_, _, Some(_)) => None,
        // RFC 9112 section 3.2.2: with both, they must say the same.
        (Some(field), Some(target), None) => field.eq_ignore_ascii_case(target).then_some(field),
        (one, other, None) => one.or(other),
    }
}

/// Lets the request through only if it means this console.
///
/// # Errors
/// `WEB-421` when it means another.
pub fn check(request: &Request, site: &Site) -> Result<(), Error> {
    match of(request) {
        Some(host) if site.is_own_host(host) => Ok(()),
        named => Err(Error::new("WEB-421", Kind::Invalid, "This server does not answer to the name in the address.")
            .next(match site.public_url() {
                Some(url) => format!("Open {url} instead."),
                None => "Open it by its IP address, or as http://localhost on the machine itself, until setup has recorded a public address.".to_owned(),
            })
            .internal(format_args!("host {named:?}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::body::Body;

    fn request(uri: &str, hosts: &[&str]) -> Request {
        let mut builder = Request::builder().uri(uri);
        for host in hosts {
            builder = builder.header(HOST, *host);
        }
        builder.body(Body::empty()).unwrap()
    }

    #[test]
    fn w32_a_request_that_contradicts_itself_names_no_host() {
        assert_eq!(of(&request("/", &["a.example"])), Some("a.example"));
        assert_eq!(of(&request("http://a.example/", &[])), Some("a.example"));
        assert_eq!(
            of(&request("http://a.example/", &["A.example"])),
            Some("A.example")
        );
        assert_eq!(of(&request("http://evil.example/", &["a.example"])), None);
        assert_eq!(of(&request("/", &["a.example", "evil.example"])), None);
        assert_eq!(of(&request("/", &[])), None);
    }
}
