//! The one way out to the network: no redirects, no cookies, no proxy from the environment, guarded
//! addresses, short limits. Whatever goes wrong becomes words.

use std::error::Error as StdError;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use chrono::{DateTime, Utc};
use muster_domain::Error;
use reqwest::RequestBuilder;
use reqwest::header::{ACCEPT, CONTENT_TYPE, DATE, HeaderMap, HeaderName, LOCATION};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::address::{Guard, GuardedResolver, NameFault};
use crate::codes;

/// How long and how much a provider may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// For the connection with TLS.
    pub connect: Duration,
    /// For the whole exchange, body included.
    pub total: Duration,
    /// Bytes of a body, after decompression.
    pub body: usize,
}

impl Default for Limits {
    /// 5 s, 10 s, 1 MiB: a person waits at the other end, and no document of a provider is larger.
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            total: Duration::from_secs(10),
            body: 1024 * 1024,
        }
    }
}

/// The HTTP client for identity providers. Cheap to make and to clone: the system's certificates, some
/// hundred of them, are read when the first provider is asked, not while the server starts.
#[derive(Clone, Debug)]
pub struct Http {
    client: Arc<OnceLock<Result<reqwest::Client, String>>>,
    guard: Guard,
    limits: Limits,
}

/// How a client shows who it is.
pub(crate) enum Proof<'a> {
    /// Only by what the form says.
    Form,
    /// Identifier and secret in the `Authorization` header (RFC 6749 section 2.3.1), encoded already.
    Basic(String, SecretString),
    /// An access token (RFC 6750).
    Bearer(&'a SecretString),
}

/// A provider's answer, whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: String,
    pub(crate) date: Option<DateTime<Utc>>,
    pub(crate) location: Option<String>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Whether the body is a web page, whatever its declared type.
    pub(crate) fn is_page(&self) -> bool {
        let start = self.body.trim_ascii_start();
        self.content_type.starts_with("text/html") || start.starts_with(b"<")
    }

    /// The body as a JSON object.
    pub(crate) fn object(&self) -> Option<serde_json::Map<String, serde_json::Value>> {
        serde_json::from_slice(&self.body).ok()
    }

    /// What the answer is, for a sentence: "status 404 and a web page".
    pub(crate) fn described(&self) -> String {
        let what = match self.body.as_slice() {
            [] => "nothing else",
            _ if self.is_page() => "a web page",
            _ if self.object().is_some() => "JSON",
            _ => "something unreadable",
        };
        format!("status {} and {what}", self.status)
    }
}

impl Http {
    /// A client with the usual limits.
    #[must_use]
    pub fn new(guard: Guard) -> Self {
        Self::with_limits(guard, Limits::default())
    }

    /// A client with limits of your own.
    #[must_use]
    pub fn with_limits(guard: Guard, limits: Limits) -> Self {
        Self {
            client: Arc::default(),
            guard,
            limits,
        }
    }

    fn client(&self) -> Result<&reqwest::Client, Error> {
        self.client
            .get_or_init(|| made(self.limits).map_err(|error| error.to_string()))
            .as_ref()
            .map_err(|detail| codes::CLIENT_UNMADE.because(detail))
    }

    /// Which addresses it may call.
    pub(crate) const fn guard(&self) -> Guard {
        self.guard
    }

    /// Fetches a document.
    pub(crate) async fn get(&self, url: &Url, proof: Proof<'_>) -> Result<Answer, Error> {
        self.admit(url)?;
        let request = self.client()?.get(url.clone());
        self.send(url, with_proof(request, proof)).await
    }

    /// Sends a form.
    pub(crate) async fn post(
        &self,
        url: &Url,
        form: &[(String, String)],
        proof: Proof<'_>,
    ) -> Result<Answer, Error> {
        self.admit(url)?;
        let request = self.client()?.post(url.clone()).form(form);
        self.send(url, with_proof(request, proof)).await
    }

    fn admit(&self, url: &Url) -> Result<(), Error> {
        self.guard.admits(url).map_err(|why| {
            codes::ADDRESS_REFUSED.saying(format!(
                "The address {} may not be called: {why}.",
                shown(url)
            ))
        })
    }

    async fn send(&self, url: &Url, request: RequestBuilder) -> Result<Answer, Error> {
        let mut response = request
            .header(ACCEPT, "application/json, application/jwt;q=0.9")
            .send()
            .await
            .map_err(|error| fault(url, self.limits, &error))?;
        let mut body = Vec::new();
        while let Some(chunk) = response
            .chunk()
            .await
            .map_err(|error| fault(url, self.limits, &error))?
        {
            if body.len() + chunk.len() > self.limits.body {
                return Err(codes::ANSWER_TOO_LARGE.because(shown(url)));
            }
            body.extend_from_slice(&chunk);
        }
        let headers = response.headers();
        Ok(Answer {
            status: response.status().as_u16(),
            content_type: text(headers, CONTENT_TYPE)
                .unwrap_or_default()
                .to_ascii_lowercase(),
            date: text(headers, DATE)
                .and_then(|date| DateTime::parse_from_rfc2822(date).ok())
                .map(|date| date.with_timezone(&Utc)),
            location: text(headers, LOCATION).map(crate::words::clean),
            body,
        })
    }
}

fn made(limits: Limits) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
        .no_proxy()
        .dns_resolver(Arc::new(GuardedResolver))
        .connect_timeout(limits.connect)
        .timeout(limits.total)
        .user_agent(concat!("muster/", env!("CARGO_PKG_VERSION")))
        .build()
}

fn with_proof(request: RequestBuilder, proof: Proof<'_>) -> RequestBuilder {
    match proof {
        Proof::Form => request,
        Proof::Basic(id, secret) => request.basic_auth(id, Some(secret.expose_secret())),
        Proof::Bearer(token) => request.bearer_auth(token.expose_secret()),
    }
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

/// An address as it is shown: without query and fragment, which could hold something private.
pub(crate) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    url.set_query(None);
    url.set_fragment(None);
    crate::words::clean(url.as_str())
}

fn fault(url: &Url, limits: Limits, error: &reqwest::Error) -> Error {
    let host = url.host_str().unwrap_or_default();
    let causes = chain(error);
    let detail = causes
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(": ");
    let said = if let Some(fault) = causes
        .iter()
        .find_map(|cause| cause.downcast_ref::<NameFault>())
    {
        match fault {
            NameFault::Unknown => codes::NAME_UNKNOWN.saying(format!("The host name {host} is not known.")),
            NameFault::Forbidden => codes::ADDRESS_REFUSED.saying(format!(
                "The host name {host} leads to a link-local or metadata address, which is never called."
            )),
        }
    } else if error.is_timeout() {
        let seconds = limits.total.as_secs().max(1);
        codes::TIMEOUT.saying(format!("{host} did not answer within {seconds} s."))
    } else if let Some(why) = certificate(&detail) {
        codes::CERTIFICATE.saying(format!(
            "The certificate of {host} cannot be trusted: {why}."
        ))
    } else {
        codes::UNREACHABLE.saying(format!(
            "{} cannot be reached{}.",
            shown(url),
            reason(&causes)
        ))
    };
    // reqwest puts the address with its query into its words; nothing of ours in a query is secret but
    // a provider's own might be.
    said.internal(crate::words::clean(
        &detail.replace(url.as_str(), &shown(url)),
    ))
}

fn chain<'a>(error: &'a (dyn StdError + 'static)) -> Vec<&'a (dyn StdError + 'static)> {
    let mut causes = vec![error];
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause);
        next = cause.source();
    }
    causes
}

fn reason(causes: &[&(dyn StdError + 'static)]) -> &'static str {
    use std::io::ErrorKind;
    let io = causes
        .iter()
        .rev()
        .find_map(|cause| cause.downcast_ref::<std::io::Error>());
    match io.map(std::io::Error::kind) {
        Some(ErrorKind::ConnectionRefused) => ": nothing listens at that port",
        Some(
            ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::UnexpectedEof,
        ) => ": it closed the connection",
        Some(ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable) => {
            ": there is no route to it"
        }
        _ => "",
    }
}

/// What OpenSSL says about a certificate, in words. Nothing for failures that are not about TLS.
fn certificate(detail: &str) -> Option<&'static str> {
    const KNOWN: [(&str, &str); 8] = [
        ("certificate has expired", "it has expired"),
        ("certificate is not yet valid", "it is not valid yet"),
        ("ostname mismatch", "it is for another host name"),
        ("IP address mismatch", "it is for another address"),
        (
            "self-signed",
            "it is signed by an authority this server does not know",
        ),
        (
            "self signed",
            "it is signed by an authority this server does not know",
        ),
        (
            "unable to get local issuer",
            "it is signed by an authority this server does not know",
        ),
        (
            "certificate verify failed",
            "its chain does not lead to an authority this server knows",
        ),
    ];
    KNOWN
        .iter()
        .find(|(sign, _)| detail.contains(sign))
        .map(|(_, words)| *words)
        .or_else(|| {
            let about_tls = ["SSL", "ssl", "TLS", "tls"]
                .iter()
                .any(|sign| detail.contains(sign));
            about_tls.then_some("no secure connection could be agreed on")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_openssl_says_becomes_words() {
        for (detail, words) in [
            (
                "error:0A000086:SSL routines:certificate verify failed: (certificate has expired)",
                "it has expired",
            ),
            (
                "certificate verify failed:ssl/statem: (certificate is not yet valid)",
                "it is not valid yet",
            ),
            (
                "certificate verify failed: (hostname mismatch)",
                "it is for another host name",
            ),
            (
                "certificate verify failed: (IP address mismatch)",
                "it is for another address",
            ),
            (
                "(unable to get local issuer certificate)",
                "it is signed by an authority this server does not know",
            ),
            (
                "error:0A00010B:SSL routines:wrong version number",
                "no secure connection could be agreed on",
            ),
        ] {
            assert_eq!(certificate(detail), Some(words), "{detail}");
        }
        assert_eq!(certificate("tcp connect error: Connection refused"), None);
    }

    #[test]
    fn o82_a_shown_address_has_no_query() {
        let url = Url::parse("https://idp.example/a?token=x#y").unwrap();
        assert_eq!(shown(&url), "https://idp.example/a");
    }
}
