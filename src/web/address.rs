//! Which address a request really came from (W33).
//!
//! `X-Forwarded-For` is written by whoever likes to. It counts only when the connection itself comes from a proxy the
//! operator named, and then only from the right: the first address that is no such proxy is the client.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

const FORWARDED_FOR: &str = "x-forwarded-for";

/// The client's address.
#[must_use]
pub fn client(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_proxy(peer, proxies) {
        return peer;
    }
    let mut client = peer;
    let hops = headers
        .get_all(FORWARDED_FOR)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .collect::<Vec<_>>()
        .join(",");
    for hop in hops.rsplit(',').map(str::trim) {
        let Ok(address) = hop.parse::<IpAddr>() else {
            break;
        };
        client = address.to_canonical();
        if !is_proxy(client, proxies) {
            break;
        }
    }
    client
}

/// Whether somebody on the way says this request came from elsewhere.
#[must_use]
pub fn is_forwarded(headers: &HeaderMap) -> bool {
    headers.contains_key(FORWARDED_FOR) || headers.contains_key("forwarded")
}

/// Whether a request says that it comes from elsewhere and the connection is from no proxy the operator named. Either
/// somebody makes it up, or a proxy was forgotten and everybody behind it counts as one network.
#[must_use]
pub fn is_undeclared(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> bool {
    is_forwarded(headers) && !is_proxy(peer.to_canonical(), proxies)
}

/// Whether the operator named this address as a proxy.
#[must_use]
pub fn is_proxy(address: IpAddr, proxies: &[IpNet]) -> bool {
    proxies.iter().any(|network| network.contains(&address))
}

/// Reads `10.0.0.0/8` or a single address.
///
/// # Errors
/// When it is neither.
pub fn parse_network(text: &str) -> Result<IpNet, ipnet::AddrParseError> {
    let text = text.trim();
    text.parse::<IpAddr>()
        .map(IpNet::from)
        .or_else(|_| text.parse())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w33_a_proxy_that_was_not_named_is_noticed() {
        let (proxy, named) = ("192.0.2.1".parse().unwrap(), "10.0.0.0/8".parse().unwrap());
        let forwarded = headers(&["203.0.113.9"]);
        assert!(is_undeclared(proxy, &forwarded, &[]));
        assert!(is_undeclared(proxy, &forwarded, &[named]));
        assert!(!is_undeclared(proxy, &headers(&[]), &[named]));
        assert!(!is_undeclared(
            "10.1.1.1".parse().unwrap(),
            &forwarded,
            &[named]
        ));
        let mapped = "::ffff:10.1.1.1".parse().unwrap();
        assert!(!is_undeclared(mapped, &forwarded, &[named]));
    }

    fn headers(values: &[&'static str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(FORWARDED_FOR, http::HeaderValue::from_static(value));
        }
        headers
    }

    fn ask(peer: &str, values: &[&'static str], proxies: &[&str]) -> String {
        let proxies: Vec<_> = proxies
            .iter()
            .map(|text| parse_network(text).unwrap())
            .collect();
        client(peer.parse().unwrap(), &headers(values), &proxies).to_string()
    }

    #[test]
    fn w33_a_stranger_cannot_choose_their_address() {
        assert_eq!(ask("203.0.113.9", &["10.1.1.1"], &[]), "203.0.113.9");
        assert_eq!(
            ask("203.0.113.9", &["127.0.0.1"], &["10.0.0.0/8"]),
            "203.0.113.9"
        );
    }

    #[test]
    fn w33_behind_a_proxy_the_rightmost_stranger_counts() {
        let proxies = ["10.0.0.0/8"];
        assert_eq!(
            ask("10.0.0.1", &["127.0.0.1, 198.51.100.7"], &proxies),
            "198.51.100.7"
        );
        assert_eq!(
            ask("10.0.0.1", &["1.2.3.4", "198.51.100.7, 10.0.0.2"], &proxies),
            "198.51.100.7"
        );
        assert_eq!(
            ask("10.0.0.1", &["1.2.3.4, nonsense"], &proxies),
            "10.0.0.1"
        );
        assert_eq!(ask("10.0.0.1", &[], &proxies), "10.0.0.1");
        assert_eq!(
            ask("::ffff:10.0.0.1", &["198.51.100.7"], &proxies),
            "198.51.100.7"
        );
    }

    #[test]
    fn a_network_is_an_address_or_a_prefix() {
        assert!(parse_network("127.0.0.1").is_ok());
        assert!(parse_network("fd00::/8").is_ok());
        assert!(parse_network("proxy.example").is_err());
    }
}
