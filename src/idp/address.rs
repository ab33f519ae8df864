//! Which addresses may be called. Administrators enter provider addresses, and a provider's own document
//! names more of them, so that a careless or hostile one could make this server fetch what only it can
//! reach (request forgery, W40 and O60). Private networks are allowed, because identity providers live
//! there; link-local and cloud metadata addresses never are.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::{Host, Url};

/// Whether plain http is accepted at all.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Guard {
    /// Only https.
    #[default]
    HttpsOnly,
    /// https, and http to this very machine: for the lab and for development.
    LoopbackHttp,
}

impl Guard {
    /// Whether an address may be called or a browser be sent there; otherwise why not, as the end of a sentence.
    pub(crate) fn admits(self, url: &Url) -> Result<(), &'static str> {
        let Some(host) = url.host() else {
            return Err("it names no host");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err("it carries a user name");
        }
        if let Some(ip) = literal(&host)
            && is_forbidden(ip)
        {
            return Err("it is a link-local or metadata address");
        }
        match (url.scheme(), self) {
            ("https", _) => Ok(()),
            ("http", Self::LoopbackHttp) if is_loopback(&host) => Ok(()),
            ("http", _) => {
                Err("it begins with http://, so that anybody on the way could change the answers")
            }
            _ => Err("it does not begin with https://"),
        }
    }
}

/// Whether a host is this very machine.
pub(crate) fn is_loopback(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => name.eq_ignore_ascii_case("localhost"),
        other => literal(other).is_some_and(|ip| ip.is_loopback()),
    }
}

fn literal(host: &Host<&str>) -> Option<IpAddr> {
    match host {
        Host::Domain(_) => None,
        Host::Ipv4(ip) => Some(IpAddr::V4(*ip)),
        Host::Ipv6(ip) => Some(IpAddr::V6(*ip)),
    }
}

/// Addresses outside 169.254/16 and fe80::/10 at which clouds serve credentials to their machines:
/// Amazon (IPv6), Alibaba, Azure (the WireServer).
const METADATA: [IpAddr; 3] = [
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
];

fn is_forbidden(ip: IpAddr) -> bool {
    let plain = match ip {
        IpAddr::V6(v6) => embedded(v6).map_or(ip, IpAddr::V4),
        IpAddr::V4(_) => ip,
    };
    METADATA.contains(&plain)
        || match plain {
            IpAddr::V4(v4) => {
                v4.is_link_local()
                    || v4.is_multicast()
                    || v4.is_broadcast()
                    || v4.octets().starts_with(&[0])
            }
            IpAddr::V6(v6) => {
                v6.is_unicast_link_local() || v6.is_multicast() || v6.is_unspecified()
            }
        }
}

/// The IPv4 address inside a mapped (::ffff:0:0/96) or translated (64:ff9b::/96, RFC 6052) IPv6 address.
fn embedded(v6: Ipv6Addr) -> Option<Ipv4Addr> {
    if let Some(mapped) = v6.to_ipv4_mapped() {
        return Some(mapped);
    }
    match v6.segments() {
        [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

/// Why a name led nowhere.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NameFault {
    /// The name has no address.
    #[error("no address for this name")]
    Unknown,
    /// Every address it has is one that may not be called.
    #[error("the name leads to an address that may not be called")]
    Forbidden,
}

/// Resolves names through the system and drops forbidden addresses, at the moment of connecting: a name
/// that changes its address between two look-ups (DNS rebinding) gains nothing.
pub(crate) struct GuardedResolver;

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let host = name.as_str().to_owned();
            let found: Vec<SocketAddr> = tokio::net::lookup_host((host.as_str(), 0))
                .await
                .map_err(|_| NameFault::Unknown)?
                .collect();
            if found.is_empty() {
                return Err(NameFault::Unknown.into());
            }
            let kept = permitted(&host, found);
            if kept.is_empty() {
                return Err(NameFault::Forbidden.into());
            }
            Ok(Box::new(kept.into_iter()) as Addrs)
        })
    }
}

/// `localhost` may be called without TLS, therefore it must be this machine.
fn permitted(host: &str, found: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let must_be_here = host.eq_ignore_ascii_case("localhost");
    found
        .into_iter()
        .filter(|at| !is_forbidden(at.ip()) && (!must_be_here || at.ip().is_loopback()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(guard: Guard, url: &str) -> bool {
        guard.admits(&Url::parse(url).unwrap()).is_ok()
    }

    #[test]
    fn o60_link_local_and_metadata_addresses_are_never_called() {
        for url in [
            "https://169.254.169.254/latest/meta-data",
            "http://169.254.169.254/",
            "https://[fe80::1]/",
            "https://[fd00:ec2::254]/",
            "https://[::ffff:169.254.169.254]/",
            "https://[64:ff9b::a9fe:a9fe]/",
            "https://2852039166/",
            "https://0xa9.254.169.254/",
            "https://100.100.100.200/",
            "https://0.0.0.0/",
            "https://[::]/",
        ] {
            assert!(!admits(Guard::LoopbackHttp, url), "{url}");
        }
    }

    #[test]
    fn private_networks_are_allowed_over_https_only() {
        for host in [
            "10.0.0.1",
            "192.168.1.4",
            "[fd12::1]",
            "idp.internal.example",
        ] {
            assert!(
                admits(Guard::HttpsOnly, &format!("https://{host}/realms/a")),
                "{host}"
            );
            assert!(
                !admits(Guard::LoopbackHttp, &format!("http://{host}/realms/a")),
                "{host}"
            );
        }
    }

    #[test]
    fn o14_plain_http_is_for_this_machine_and_only_when_allowed() {
        for host in ["127.0.0.1:4000", "localhost:4000", "[::1]:4000"] {
            assert!(
                admits(Guard::LoopbackHttp, &format!("http://{host}/")),
                "{host}"
            );
            assert!(
                !admits(Guard::HttpsOnly, &format!("http://{host}/")),
                "{host}"
            );
        }
        for url in [
            "http://localhost.evil.example/",
            "http://127.0.0.1.evil.example/",
            "https://user@idp.example/",
            "ftp://127.0.0.1/",
            "file:///etc/passwd",
            "javascript:alert(1)",
        ] {
            assert!(!admits(Guard::LoopbackHttp, url), "{url}");
        }
    }

    #[test]
    fn a_name_that_leads_to_a_forbidden_address_is_dropped() {
        let at = |ip: &str| SocketAddr::new(ip.parse().unwrap(), 0);
        let found = vec![at("169.254.169.254"), at("10.1.2.3"), at("fe80::1")];
        assert_eq!(permitted("idp.example", found), [at("10.1.2.3")]);
        assert_eq!(
            permitted("localhost", vec![at("10.1.2.3"), at("127.0.0.1")]),
            [at("127.0.0.1")]
        );
    }
}
