//! What the lab is given when it is made: where it listens, which client it knows, and the
//! clock and randomness it may use.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use url::{Host, Url};

/// The one client every provider of the lab knows.
pub const CLIENT_ID: &str = "muster";
/// That client's secret. Printed for everyone to see: it protects nothing but a lab.
pub const CLIENT_SECRET: &str = "muster-lab-secret";
/// The password of every person in the lab, shown on every sign-in page.
pub const PASSWORD: &str = "lab";

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>;
/// Fills a buffer with unpredictable bytes.
pub type Entropy = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// Where a provider may send a browser back to. Addresses that are not on this machine are
/// refused under every policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedirectPolicy {
    /// Any path and port on 127.0.0.1, localhost or `[::1]`.
    AnyLoopback,
    /// Only these, compared exactly, and only those of them on loopback.
    Listed(Vec<Url>),
}

impl RedirectPolicy {
    /// Whether a browser may be sent to `address`.
    #[must_use]
    pub fn allows(&self, address: &Url) -> bool {
        let plain = matches!(address.scheme(), "http" | "https")
            && address.username().is_empty()
            && address.password().is_none()
            && address.fragment().is_none();
        plain
            && is_loopback(address)
            && match self {
                Self::AnyLoopback => true,
                Self::Listed(listed) => listed.contains(address),
            }
    }
}

fn is_loopback(address: &Url) -> bool {
    match address.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    }
}

/// Everything the lab needs to be made.
#[derive(Clone)]
pub struct Options {
    /// The address the lab is served on, with its real port: issuers are built from it. Bind
    /// first, then pass the listener's local address.
    pub listen: SocketAddr,
    /// Where browsers may be sent back to.
    pub redirects: RedirectPolicy,
    /// The identifier of the one client.
    pub client_id: String,
    /// The secret of the one client.
    pub client_secret: String,
    /// The time.
    pub clock: Clock,
    /// Randomness for codes, tokens and cookies.
    pub entropy: Entropy,
}

impl Options {
    /// The ordinary lab: client [`CLIENT_ID`] with [`CLIENT_SECRET`], any loopback redirect.
    #[must_use]
    pub fn new(listen: SocketAddr, clock: Clock, entropy: Entropy) -> Self {
        Self {
            listen,
            redirects: RedirectPolicy::AnyLoopback,
            client_id: CLIENT_ID.to_owned(),
            client_secret: CLIENT_SECRET.to_owned(),
            clock,
            entropy,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("listen", &self.listen)
            .field("redirects", &self.redirects)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_without_tricks_are_allowed() {
        let allowed = [
            "http://127.0.0.1:3000/signin/x/callback",
            "http://localhost:3000/cb",
            "http://[::1]:3000/cb",
            "https://localhost/cb",
        ];
        let refused = [
            "https://evil.example/cb",
            "http://localhost.evil.example/cb",
            "http://127.0.0.1.evil.example/cb",
            "http://localhost@evil.example/cb",
            "http://user@localhost/cb",
            "http://localhost/cb#fragment",
            "http://192.168.0.1/cb",
            "http://[::2]/cb",
            "javascript:alert(1)",
            "data:text/html,x",
        ];
        for address in allowed {
            let url = Url::parse(address).unwrap();
            assert!(RedirectPolicy::AnyLoopback.allows(&url), "{address}");
        }
        for address in refused {
            let url = Url::parse(address).unwrap();
            assert!(!RedirectPolicy::AnyLoopback.allows(&url), "{address}");
            let listed = RedirectPolicy::Listed(vec![url.clone()]);
            assert!(!listed.allows(&url), "listed {address}");
        }
    }

    #[test]
    fn a_list_allows_exactly_what_it_names() {
        let named = Url::parse("http://127.0.0.1:3000/cb").unwrap();
        let other = Url::parse("http://127.0.0.1:3000/cb2").unwrap();
        let policy = RedirectPolicy::Listed(vec![named.clone()]);
        assert!(policy.allows(&named));
        assert!(!policy.allows(&other));
    }
}
