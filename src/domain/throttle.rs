//! How many wrong passwords are too many, without letting anyone lock somebody else out.
//!
//! Failures count per pair of account and network, and per network. Failures from foreign networks against one
//! account slow down only networks from which that account has never signed in: its owner's own stays open.

use serde::{Deserialize, Serialize};

/// The limits, in failures per window.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ThrottlePolicy {
    /// Wrong passwords for one account from one network.
    pub per_pair: u32,
    /// Wrong passwords from one network for any account.
    pub per_network: u32,
    /// Wrong passwords for one account from networks it never signed in from, together.
    pub per_account_from_strangers: u32,
    /// The window in seconds.
    pub window_seconds: u32,
}

impl Default for ThrottlePolicy {
    fn default() -> Self {
        Self {
            per_pair: 6,
            per_network: 30,
            per_account_from_strangers: 20,
            window_seconds: 900,
        }
    }
}

/// Failures within the window.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Failures {
    /// For this account from this network.
    pub pair: u32,
    /// From this network.
    pub network: u32,
    /// For this account from networks it never signed in from.
    pub account_from_strangers: u32,
    /// Whether this account has signed in from this network before.
    pub network_is_known: bool,
}

/// Whether one more attempt is let through to the password check.
#[must_use]
pub const fn may_try(policy: &ThrottlePolicy, failures: &Failures) -> bool {
    failures.pair < policy.per_pair
        && (failures.network < policy.per_network || failures.network_is_known)
        && (failures.network_is_known
            || failures.account_from_strangers < policy.per_account_from_strangers)
}

/// The network an address belongs to for counting: IPv4 whole, IPv6 by its /64.
#[must_use]
pub fn network_of(address: std::net::IpAddr) -> String {
    match address.to_canonical() {
        std::net::IpAddr::V4(v4) => v4.to_string(),
        std::net::IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w49_strangers_cannot_lock_the_owner_out() {
        let policy = ThrottlePolicy::default();
        let flooded = Failures {
            account_from_strangers: 10_000,
            ..Failures::default()
        };
        assert!(!may_try(&policy, &flooded));
        assert!(may_try(
            &policy,
            &Failures {
                network_is_known: true,
                ..flooded
            }
        ));
    }

    #[test]
    fn a_pair_is_stopped_even_from_a_known_network() {
        let failures = Failures {
            pair: 6,
            network_is_known: true,
            ..Failures::default()
        };
        assert!(!may_try(&ThrottlePolicy::default(), &failures));
    }

    #[test]
    fn addresses_of_one_ipv6_network_count_together() {
        assert_eq!(
            network_of("2001:db8::1".parse().unwrap()),
            network_of("2001:db8::ffff".parse().unwrap())
        );
        assert_eq!(network_of("::ffff:10.0.0.1".parse().unwrap()), "10.0.0.1");
    }
}
