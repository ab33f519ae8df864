//! How a directory is reached and read.

use std::fmt;
use std::time::Duration;

use muster_domain::{Error, Kind};
use secrecy::{ExposeSecret as _, SecretString};
use url::{Host, Url};

use super::schema::Schema;

/// Everything about one LDAP directory.
#[derive(Clone)]
pub struct LdapSettings {
    /// Servers in the order in which they are tried: host and port.
    pub servers: Vec<(String, u16)>,
    /// How the connection is protected.
    pub security: Security,
    /// Whose signature on the server's certificate counts.
    pub roots: Roots,
    /// As whom it is read.
    pub bind: Bind,
    /// DN below which people are.
    pub users_base: String,
    /// DN below which groups are.
    pub groups_base: String,
    /// What the server calls things.
    pub schema: Schema,
    /// How much is taken from it, and how long is waited.
    pub limits: Limits,
}

/// How a connection is protected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Security {
    /// TLS from the first byte.
    Ldaps,
    /// TLS by the StartTLS operation (RFC 4511 section 4.14), or no connection at all.
    StartTls,
    /// Nothing: to this very machine only.
    Plain,
}

/// Whose signature on a server's certificate counts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Roots {
    /// Whom this machine trusts.
    System,
    /// These certification authorities alone, in PEM.
    Own(String),
}

/// As whom a directory is read.
#[derive(Clone)]
pub enum Bind {
    /// As nobody.
    Anonymous,
    /// With a DN (Active Directory: or a user principal name) and password.
    Simple {
        /// Who.
        dn: String,
        /// Their password.
        password: SecretString,
    },
}

/// How much is taken from a server, and how long is waited for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Entries a page.
    pub page: u16,
    /// Groups a page: each may bring thousands of members.
    pub group_page: u16,
    /// Members of one group at once, where the server counts them (Active Directory sends 1 500 unasked).
    pub members: u32,
    /// Questions of up to 100 names, in a reading of changes, for those whom groups list that did change; more is left to a
    /// whole reading. Two groups of 50 000 take 2 000.
    pub lookups: u32,
    /// Pages of one search, at most.
    pub pages: u32,
    /// To connect, TLS included.
    pub connect: Duration,
    /// For the next part of an answer.
    pub answer: Duration,
    /// Longest message, in bytes: a group of 50 000 members takes about 4 MiB.
    pub message: usize,
    /// Longest answer to one question (a page), in bytes; it is in memory at once.
    pub whole_answer: usize,
    /// Longest value of a person's attribute, in bytes.
    pub value: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            page: 500,
            group_page: 50,
            members: 1_500,
            lookups: 2_000,
            pages: 100_000,
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(60),
            message: 16 << 20,
            whole_answer: 48 << 20,
            value: 4096,
        }
    }
}

impl LdapSettings {
    /// Reads a server's address, `ldap://host[:port]` or `ldaps://host[:port]`.
    ///
    /// # Errors
    /// `LDAP-010`.
    pub fn server(address: &str) -> Result<(String, u16), Error> {
        let wrong = || {
            unusable(format!("“{address}” is not the address of an LDAP server."))
                .next("Write it as ldaps://dc1.example.org or ldap://dc1.example.org:389.")
        };
        let url = Url::parse(address).map_err(|_| wrong())?;
        let standard = match url.scheme() {
            "ldap" => 389,
            "ldaps" => 636,
            _ => return Err(wrong()),
        };
        let host = url
            .host_str()
            .filter(|host| !host.is_empty())
            .ok_or_else(wrong)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let is_bare = url.path().trim_matches('/').is_empty()
            && url.query().is_none()
            && url.username().is_empty();
        if !is_bare {
            return Err(wrong());
        }
        Ok((host.to_owned(), url.port().unwrap_or(standard)))
    }

    /// Whether they can be used at all.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.servers.is_empty() {
            return Err(unusable("No server is given.".to_owned()));
        }
        if self.security == Security::Plain
            && let Some((host, _)) = self.servers.iter().find(|(host, _)| !is_this_machine(host))
        {
            return Err(unusable(format!(
                "The connection to {host} would not be encrypted: everybody on the way could read the password and change the answers."
            ))
            .next("Choose LDAPS or StartTLS."));
        }
        if let Bind::Simple { dn, password } = &self.bind
            && (dn.trim().is_empty() || password.expose_secret().is_empty())
        {
            // RFC 4513 section 5.1.2: a bind with a name and no password succeeds as nobody.
            return Err(unusable(
                "The account to read with needs both a name and a password.".to_owned(),
            ));
        }
        for filter in [&self.schema.users, &self.schema.groups] {
            if ldap3::parse_filter(filter).is_err() {
                return Err(unusable(format!("“{filter}” is not a filter."))
                    .next("Write it as in RFC 4515, for example (objectClass=person)."));
            }
        }
        self.schema.check()?;
        for base in [&self.users_base, &self.groups_base] {
            if super::dn::normalised(base).is_none() {
                return Err(unusable(format!("“{base}” is not a distinguished name."))
                    .next("Write it like ou=people,dc=example,dc=org."));
            }
        }
        Ok(())
    }
}

pub(super) fn unusable(words: String) -> Error {
    Error::new("LDAP-010", Kind::Invalid, words)
}

pub(super) fn is_this_machine(host: &str) -> bool {
    match Host::parse(host) {
        Ok(Host::Domain(name)) => name == "localhost",
        Ok(Host::Ipv4(address)) => address.is_loopback(),
        Ok(Host::Ipv6(address)) => address.is_loopback(),
        Err(_) => host == "::1",
    }
}

impl fmt::Debug for LdapSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LdapSettings")
            .field("servers", &self.servers)
            .field("security", &self.security)
            .field("users_base", &self.users_base)
            .field("groups_base", &self.groups_base)
            .finish_non_exhaustive()
    }
}

/// Settings for tests that connect to nothing.
#[cfg(test)]
pub(super) fn example() -> LdapSettings {
    LdapSettings {
        servers: vec![("localhost".to_owned(), 389)],
        security: Security::Plain,
        roots: Roots::System,
        bind: Bind::Anonymous,
        users_base: "dc=example".to_owned(),
        groups_base: String::new(),
        schema: super::schema::Vendor::OpenLdap.schema(),
        limits: Limits::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    fn settings() -> LdapSettings {
        example()
    }

    #[test]
    fn a_server_is_read_from_its_address() {
        assert_eq!(
            LdapSettings::server("ldaps://dc1.example.org").unwrap(),
            ("dc1.example.org".to_owned(), 636)
        );
        assert_eq!(
            LdapSettings::server("ldap://[::1]:1389/").unwrap(),
            ("::1".to_owned(), 1389)
        );
        for wrong in [
            "",
            "dc1",
            "http://dc1",
            "ldap://",
            "ldapi://%2Fx",
            "ldap://u@h",
            "ldap://h/dc=x",
            "ldap://h?x",
        ] {
            assert_eq!(
                LdapSettings::server(wrong).unwrap_err().code,
                "LDAP-010",
                "{wrong}"
            );
        }
    }

    #[test]
    fn l5_l8_what_would_be_unsafe_is_refused_before_anything_is_sent() {
        assert!(settings().check().is_ok());
        for host in ["dc1.example.org", "10.0.0.1", "localhost.evil.example"] {
            let far = LdapSettings {
                servers: vec![(host.to_owned(), 389)],
                ..settings()
            };
            assert_eq!(far.check().unwrap_err().code, "LDAP-010");
        }
        for (dn, password) in [("cn=a", ""), ("", "secret"), (" ", "x")] {
            let bind = Bind::Simple {
                dn: dn.to_owned(),
                password: password.into(),
            };
            assert!(LdapSettings { bind, ..settings() }.check().is_err());
        }
    }

    #[test]
    fn l1_l2_filters_and_names_that_are_none_are_refused() {
        let mut wrong = settings();
        wrong.schema.users = "(uid=*".to_owned();
        assert!(wrong.check().is_err());
        assert!(
            LdapSettings {
                users_base: "people".to_owned(),
                ..settings()
            }
            .check()
            .is_err()
        );
    }

    #[test]
    fn no_secret_is_in_what_is_logged() {
        let bind = Bind::Simple {
            dn: "cn=a".to_owned(),
            password: "hunter2".into(),
        };
        assert!(!format!("{:?}", LdapSettings { bind, ..settings() }).contains("hunter2"));
    }
}
