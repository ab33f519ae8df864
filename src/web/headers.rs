//! The headers every answer carries, and the nonce that lets a page's own scripts run.

use axum::extract::FromRequestParts;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderName, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue};

use crate::failure::{Failure, defect};

/// The nonce of this answer's content security policy. Every `<script>` of a page carries it.
#[derive(Clone, Debug)]
pub struct Nonce(pub String);

impl<S: Sync> FromRequestParts<S> for Nonce {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Failure> {
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or_else(|| defect("no nonce: the router was not hardened"))
    }
}

/// For everything that is no page: nothing may be loaded from it or frame it.
const NOT_A_PAGE: &str =
    "default-src 'none'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
/// Nothing the console does needs these; copying to the clipboard it does.
const PERMISSIONS: &str = "accelerometer=(), bluetooth=(), camera=(), clipboard-write=(self), display-capture=(), geolocation=(), \
                           gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), serial=(), usb=()";
/// One year, as the HSTS preload lists ask for at least.
const HSTS: &str = "max-age=31536000";

/// The policy of a page (CSP level 3). `form-action` names this origin alone: browsers apply it to every redirect that
/// follows a form, which is why the way to an identity provider is [`crate::leave::to`] and not a redirect.
fn page_policy(nonce: &str) -> String {
    format!(
        "default-src 'none'; script-src 'nonce-{nonce}' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data:; \
         font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; \
         base-uri 'none'; object-src 'none'"
    )
}

/// Sets them all. `secure`: the request came over https to the public address.
pub(crate) fn apply(headers: &mut HeaderMap, nonce: &Nonce, secure: bool) {
    let is_page = headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"text/html"));
    let policy = if is_page {
        HeaderValue::try_from(page_policy(&nonce.0)).unwrap_or(HeaderValue::from_static(NOT_A_PAGE))
    } else {
        HeaderValue::from_static(NOT_A_PAGE)
    };
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    for (name, value) in [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        // Not no-referrer: with it browsers send `Origin: null` even to ourselves (Fetch, "append a request Origin header").
        (REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("permissions-policy"), PERMISSIONS),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_page || !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if secure {
        headers.insert(STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn applied(content_type: &'static str, keep: Option<&'static str>, secure: bool) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(keep) = keep {
            headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
        }
        apply(&mut headers, &Nonce("abc".to_owned()), secure);
        headers
    }

    #[test]
    fn w59_a_page_is_never_kept_and_an_asset_may_be() {
        assert_eq!(
            applied("text/html; charset=utf-8", Some("public"), false)[CACHE_CONTROL],
            "no-store"
        );
        assert_eq!(
            applied("application/json", None, false)[CACHE_CONTROL],
            "no-store"
        );
        assert_eq!(
            applied("text/css", Some("public, immutable"), false)[CACHE_CONTROL],
            "public, immutable"
        );
    }

    #[test]
    fn w38_w39_a_page_runs_its_own_scripts_only_and_cannot_be_framed() {
        let headers = applied("text/html; charset=utf-8", None, true);
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(
            policy.contains("script-src 'nonce-abc' 'wasm-unsafe-eval';"),
            "{policy}"
        );
        for part in [
            "default-src 'none'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            "object-src 'none'",
        ] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe-inline"));
        assert_eq!(headers[X_FRAME_OPTIONS], "DENY");
        assert_eq!(headers[STRICT_TRANSPORT_SECURITY], "max-age=31536000");
        assert!(!applied("text/html", None, false).contains_key(STRICT_TRANSPORT_SECURITY));
    }
}
