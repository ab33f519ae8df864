//! The cookies of a session (W9).
//!
//! Over https at the public address they are `__Host-` cookies: `Secure`, for this host and every path, so that no
//! sibling domain can toss one in (O83). On a loopback or not yet public address they are plain, or a first visit
//! over http could not sign in.

use axum_extra::extract::cookie::{Cookie, SameSite};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};

const SESSION: &str = "muster";
/// Only says that the session holds a sentence for the next page.
const FLASH: &str = "muster-flash";
/// At an application's host: names the session here, for that host alone.
const PASSAGE: &str = "muster-app";
/// At an application's host: binds the way in to this browser.
const FLOW: &str = "muster-flow";

/// Which cookie.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Which {
    Session,
    Flash,
    Passage,
    Flow,
}

fn name(which: Which, secure: bool) -> String {
    let plain = match which {
        Which::Session => SESSION,
        Which::Flash => FLASH,
        Which::Passage => PASSAGE,
        Which::Flow => FLOW,
    };
    if secure {
        format!("__Host-{plain}")
    } else {
        plain.to_owned()
    }
}

/// The value the browser sent; none when it sent two different ones.
pub(crate) fn read(headers: &HeaderMap, which: Which, secure: bool) -> Option<String> {
    let name = name(which, secure);
    let mut found = None;
    for field in headers
        .get_all(COOKIE)
        .iter()
        .filter_map(|field| field.to_str().ok())
    {
        for cookie in Cookie::split_parse(field)
            .flatten()
            .filter(|cookie| cookie.name() == name)
        {
            if found
                .as_deref()
                .is_some_and(|before| before != cookie.value())
            {
                return None;
            }
            found = Some(cookie.value().to_owned());
        }
    }
    found
}

/// Sets the cookie, until the browser closes.
pub(crate) fn set(headers: &mut HeaderMap, which: Which, secure: bool, value: &str) {
    append(headers, &cookie(which, secure, value));
}

/// Removes the cookie.
pub(crate) fn remove(headers: &mut HeaderMap, which: Which, secure: bool) {
    let mut gone = cookie(which, secure, "");
    gone.set_max_age(time::Duration::ZERO);
    append(headers, &gone);
}

fn cookie(which: Which, secure: bool, value: &str) -> Cookie<'static> {
    let mut cookie = Cookie::new(name(which, secure), value.to_owned());
    cookie.set_path("/");
    cookie.set_http_only(true);
    cookie.set_same_site(SameSite::Lax);
    cookie.set_secure(secure);
    cookie
}

fn append(headers: &mut HeaderMap, cookie: &Cookie<'_>) {
    if let Ok(value) = HeaderValue::try_from(cookie.to_string()) {
        headers.append(SET_COOKIE, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set_cookie(secure: bool) -> String {
        let mut headers = HeaderMap::new();
        set(&mut headers, Which::Session, secure, "abc");
        headers[SET_COOKIE].to_str().unwrap().to_owned()
    }

    #[test]
    fn w9_the_session_cookie_is_bound_to_host_and_https() {
        assert_eq!(
            set_cookie(true),
            "__Host-muster=abc; HttpOnly; SameSite=Lax; Secure; Path=/"
        );
        assert_eq!(
            set_cookie(false),
            "muster=abc; HttpOnly; SameSite=Lax; Path=/"
        );
    }

    #[test]
    fn o83_a_second_cookie_of_the_same_name_makes_both_worthless() {
        let mut headers = HeaderMap::new();
        headers.insert(
            COOKIE,
            HeaderValue::from_static("a=b; __Host-muster=one; muster=plain"),
        );
        assert_eq!(read(&headers, Which::Session, true).as_deref(), Some("one"));
        headers.append(COOKIE, HeaderValue::from_static("__Host-muster=two"));
        assert_eq!(read(&headers, Which::Session, true), None);
        assert_eq!(
            read(&headers, Which::Session, false).as_deref(),
            Some("plain")
        );
    }
}
