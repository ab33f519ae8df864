//! How people reach this console: the public address, the listener, and the proxies in between.
//!
//! Until a public address is set, any loopback name or bare IP address is taken for ours; a name an attacker can
//! register never is, so a page of theirs that resolves to this machine (DNS rebinding, W41) gets nothing.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};

use ipnet::IpNet;
use url::{Host, Url};

/// How people reach this console. Cheap to clone; all clones see the same public address.
#[derive(Clone, Debug)]
pub struct Site(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    listen: SocketAddr,
    fixed: Option<Url>,
    stored: RwLock<Option<Url>>,
    proxies: Vec<IpNet>,
}

impl Site {
    /// `fixed` is the address given by flag or variable; it wins over the stored one.
    #[must_use]
    pub fn new(listen: SocketAddr, fixed: Option<Url>, proxies: Vec<IpNet>) -> Self {
        Self(Arc::new(Inner {
            listen,
            fixed,
            stored: RwLock::new(None),
            proxies,
        }))
    }

    /// Takes over the stored public address: at start, now and then, and whenever a page changes it.
    pub fn learn(&self, stored: Option<Url>) {
        *self
            .0
            .stored
            .write()
            .unwrap_or_else(PoisonError::into_inner) = stored;
    }

    /// The public address, if one is known.
    #[must_use]
    pub fn public_url(&self) -> Option<Url> {
        match &self.0.fixed {
            Some(fixed) => Some(fixed.clone()),
            None => self
                .0
                .stored
                .read()
                .unwrap_or_else(PoisonError::into_inner)
                .clone(),
        }
    }

    /// Proxies whose word about a client's address is taken.
    #[must_use]
    pub fn proxies(&self) -> &[IpNet] {
        &self.0.proxies
    }

    /// Whether a request with this `Host` means this console.
    #[must_use]
    pub fn is_own_host(&self, host: &str) -> bool {
        let Some((name, _)) = split(host) else {
            return false;
        };
        let Some(public) = self.public_url() else {
            return is_loopback(&name) || !matches!(name, Host::Domain(_));
        };
        is_loopback(&name) || is_host_of(&public, host) || self.is_listener(&name)
    }

    /// Whether a request with this `Host` came over https to the public address, so that cookies can be `Secure`.
    #[must_use]
    pub fn is_secure(&self, host: &str) -> bool {
        self.public_url()
            .is_some_and(|public| public.scheme() == "https" && is_host_of(&public, host))
    }

    /// Whether a page at `origin` is a page of this console, reached by the same `Host`.
    #[must_use]
    pub fn is_own_origin(&self, origin: &str, host: &str) -> bool {
        let Some((scheme, authority)) = origin.split_once("://") else {
            return false;
        };
        let same_host = match (split(authority), split(host)) {
            (Some((theirs, their_port)), Some((ours, our_port))) => {
                theirs == ours && port_of(scheme, their_port) == port_of(scheme, our_port)
            }
            _ => false,
        };
        match scheme {
            "https" => same_host,
            // Over plain http anybody on the way could post in the name of the https page.
            "http" => same_host && !self.is_secure(host),
            _ => false,
        }
    }

    fn is_listener(&self, name: &Host<String>) -> bool {
        let ip = match name {
            Host::Ipv4(ip) => IpAddr::V4(*ip),
            Host::Ipv6(ip) => IpAddr::V6(*ip),
            Host::Domain(_) => return false,
        };
        self.0.listen.ip() == ip
    }
}

/// Splits `name:port` as the `Host` field has it (RFC 9110 section 7.2). None when it is not of that form.
fn split(host: &str) -> Option<(Host<String>, Option<u16>)> {
    let port_at = match host.rfind(']') {
        Some(bracket) => host.get(bracket..)?.find(':').map(|at| bracket + at),
        None => host.find(':'),
    };
    let (name, port) = match port_at {
        Some(at) => (host.get(..at)?, host.get(at + 1..)?),
        None => (host, ""),
    };
    let port = match port {
        "" if port_at.is_none() => None,
        digits if digits.bytes().all(|b| b.is_ascii_digit()) => Some(digits.parse().ok()?),
        _ => return None,
    };
    let plain = name
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b));
    if !plain || name.is_empty() {
        return None;
    }
    Some((Host::parse(name).ok()?, port))
}

fn port_of(scheme: &str, given: Option<u16>) -> u16 {
    given.unwrap_or(if scheme == "https" { 443 } else { 80 })
}

fn is_host_of(url: &Url, host: &str) -> bool {
    let Some((name, port)) = split(host) else {
        return false;
    };
    url.host().is_some_and(|own| own.to_owned() == name)
        && url.port_or_known_default() == Some(port_of(url.scheme(), port))
}

fn is_loopback(name: &Host<String>) -> bool {
    match name {
        Host::Domain(name) => name == "localhost" || name.ends_with(".localhost"),
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(public: Option<&str>) -> Site {
        Site::new(
            "127.0.0.1:3000".parse().unwrap(),
            public.map(|url| url.parse().unwrap()),
            Vec::new(),
        )
    }

    #[test]
    fn w41_before_setup_no_name_from_the_internet_is_ours() {
        let site = site(None);
        for own in [
            "127.0.0.1:3000",
            "localhost:3000",
            "[::1]:3000",
            "192.168.1.5:3000",
            "muster.localhost",
        ] {
            assert!(site.is_own_host(own), "{own}");
        }
        for foreign in [
            "evil.example:3000",
            "",
            "127.0.0.1.evil.example",
            "localhost.evil.example",
            "a b",
            "x@127.0.0.1",
            "127.0.0.1:80:80",
            "[::1",
        ] {
            assert!(!site.is_own_host(foreign), "{foreign}");
        }
    }

    #[test]
    fn w32_with_a_public_address_only_its_host_and_loopback_are_ours() {
        let site = site(Some("https://muster.example.org"));
        for own in [
            "muster.example.org",
            "MUSTER.example.org:443",
            "127.0.0.1:3000",
            "localhost",
        ] {
            assert!(site.is_own_host(own), "{own}");
        }
        for foreign in [
            "muster.example.org:8443",
            "evil.example",
            "192.168.1.5",
            "muster.example.org.evil.example",
        ] {
            assert!(!site.is_own_host(foreign), "{foreign}");
        }
    }

    #[test]
    fn an_origin_is_ours_only_with_the_same_scheme_host_and_port() {
        let site = site(Some("https://muster.example.org"));
        assert!(site.is_own_origin("https://muster.example.org", "muster.example.org"));
        assert!(site.is_own_origin("http://127.0.0.1:3000", "127.0.0.1:3000"));
        for foreign in [
            "http://muster.example.org",
            "https://muster.example.org:8443",
            "https://a.muster.example.org",
            "https://muster.example.org.evil.example",
            "null",
            "https://user@muster.example.org",
            "ftp://muster.example.org",
            "",
        ] {
            assert!(
                !site.is_own_origin(foreign, "muster.example.org"),
                "{foreign}"
            );
        }
        assert!(!site.is_own_origin("http://127.0.0.1:4000", "127.0.0.1:3000"));
    }

    #[test]
    fn cookies_are_secure_where_the_public_address_is_https() {
        let site = site(None);
        assert!(!site.is_secure("127.0.0.1:3000"));
        site.learn(Some("https://muster.example.org".parse().unwrap()));
        assert!(site.is_secure("muster.example.org"));
        assert!(!site.is_secure("127.0.0.1:3000"));
    }
}
