//! Applications behind a reverse proxy that asks this console who may come in (forward-auth).
//!
//! An application is a place on the web: an [`Origin`] and a [`Prefix`] of its paths. A request belongs to it only if
//! every way in which a server could read the path says so ([`Readings`]); what any reading protects is protected.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::{Host, Url};

use crate::id::{ApplicationId, GroupId};
use crate::role::Role;

mod readings;

pub use readings::{Readings, Unreadable};

/// Scheme, host and port as browsers compare them (WHATWG URL, "origin"): lower case, the usual port left out.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Origin(String);

impl Origin {
    /// The origin of an address; none unless it is http or https with a host.
    #[must_use]
    pub fn of(url: &Url) -> Option<Self> {
        let is_web = matches!(url.scheme(), "http" | "https") && url.has_host();
        is_web.then(|| Self(url.origin().ascii_serialization()))
    }

    /// Reads one back from its column.
    #[must_use]
    pub fn recall(text: String) -> Self {
        Self(text)
    }

    /// As text, without a slash at the end.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is reached over https, so that cookies can be `Secure`.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.0.starts_with("https://")
    }
}

/// Where paths begin: `/` for all of them, `/admin` for `/admin` and everything below.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Prefix(String);

impl Prefix {
    /// Longest accepted prefix, in bytes.
    pub const LONGEST: usize = 200;

    /// Reads what somebody typed. None unless it is a path in plain characters that every server reads alike.
    #[must_use]
    pub fn new(typed: &str) -> Option<Self> {
        let path = typed.trim().trim_end_matches('/');
        if path.is_empty() {
            return typed.trim().starts_with('/').then(Self::root);
        }
        let plain = path.len() <= Self::LONGEST
            && path.starts_with('/')
            && path
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"/-_.~@+".contains(&b))
            && path
                .split('/')
                .skip(1)
                .all(|part| !part.is_empty() && !part.ends_with('.'));
        plain.then(|| Self(path.to_owned()))
    }

    /// Every path.
    #[must_use]
    pub fn root() -> Self {
        Self("/".to_owned())
    }

    /// Reads one back from its column.
    #[must_use]
    pub fn recall(text: String) -> Self {
        Self(text)
    }

    /// As text; only the root ends with a slash.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a path, read and folded, begins here.
    fn covers(&self, reading: &str) -> bool {
        if self.0 == "/" {
            return true;
        }
        let own = readings::folded(&self.0);
        reading
            .strip_prefix(own.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Whether everything below `other` is below this.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        self.covers(&readings::folded(&other.0))
    }
}

/// Who may enter.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "who")]
pub enum Entry {
    /// Everybody who is signed in.
    Everybody,
    /// Whoever holds one of these roles or is in one of these groups.
    Listed {
        /// Roles.
        roles: Vec<Role>,
        /// Groups, directly or through others. One that is gone admits nobody.
        groups: Vec<GroupId>,
    },
}

impl Entry {
    /// Whether somebody with these roles, in these groups, may enter.
    #[must_use]
    pub fn admits(&self, roles: &[Role], groups: &[GroupId]) -> bool {
        match self {
            Self::Everybody => true,
            Self::Listed {
                roles: listed,
                groups: named,
            } => {
                listed.iter().any(|role| roles.contains(role))
                    || named.iter().any(|group| groups.contains(group))
            }
        }
    }
}

/// An application behind a proxy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Application {
    /// Its id.
    pub id: ApplicationId,
    /// The name people read.
    pub name: String,
    /// Where it is.
    pub origin: Origin,
    /// Which of the paths there are its own.
    pub prefix: Prefix,
    /// Who may enter.
    pub entry: Entry,
    /// Where a secure session is demanded, whatever the proxy asks for.
    pub elevated: Vec<Prefix>,
    /// When it was added.
    pub created_at: DateTime<Utc>,
    /// When anything of it last changed.
    pub updated_at: DateTime<Utc>,
}

impl Application {
    /// Its address, as people write it.
    #[must_use]
    pub fn address(&self) -> String {
        format!("{}{}", self.origin.as_str(), self.prefix.as_str())
    }

    fn demands(&self, readings: &Readings) -> bool {
        readings
            .iter()
            .any(|reading| self.elevated.iter().any(|prefix| prefix.covers(reading)))
    }
}

/// Whose path was asked for. A path that can be read in two ways may belong to two applications: both decide.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Found<'a> {
    /// The application by the plainest reading.
    pub first: &'a Application,
    /// All of them, the first too.
    pub all: Vec<&'a Application>,
    /// Whether any of them demands a secure session there.
    pub is_elevated: bool,
}

/// The applications that a path at an origin belongs to. None when any reading of it belongs to none: then nobody has
/// said who may see it.
#[must_use]
pub fn find<'a>(
    applications: &'a [Application],
    origin: &Origin,
    readings: &Readings,
) -> Option<Found<'a>> {
    let mut all: Vec<&Application> = Vec::new();
    for reading in readings.iter() {
        let nearest = applications
            .iter()
            .filter(|one| one.origin == *origin && one.prefix.covers(reading))
            .max_by_key(|one| one.prefix.as_str().len())?;
        if !all.iter().any(|known| known.id == nearest.id) {
            all.push(nearest);
        }
    }
    let first = *all.first()?;
    let is_elevated = all.iter().any(|one| one.demands(readings));
    Some(Found {
        first,
        all,
        is_elevated,
    })
}

/// An address that was asked for at a proxy.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Target {
    /// Where.
    pub origin: Origin,
    /// Path and query, exactly as asked; begins with a slash.
    pub to: String,
}

/// Longest address that is led back to, in bytes; of longer ones the path alone, or the root.
const LONGEST_WAY: usize = 1200;

impl Target {
    /// Reads an address without changing a character of its path. None for everything a browser would not send.
    #[must_use]
    pub fn new(address: &str) -> Option<Self> {
        let (scheme, rest) = address.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, way) = rest.split_at_checked(end)?;
        Self::at(scheme, authority, if way.is_empty() { "/" } else { way })
    }

    /// The same from its parts, as other proxies name them.
    #[must_use]
    pub fn at(scheme: &str, authority: &str, to: &str) -> Option<Self> {
        let plain = !authority.is_empty()
            && !authority.ends_with(':')
            && authority
                .bytes()
                .all(|b| b.is_ascii_alphanumeric() || b".-_:[]".contains(&b));
        let is_way =
            to.starts_with('/') && to.bytes().all(|b| b.is_ascii_graphic()) && !to.contains('#');
        if !plain || !is_way {
            return None;
        }
        let scheme = scheme.to_ascii_lowercase();
        let url = Url::parse(&format!("{scheme}://{authority}/")).ok()?;
        Some(Self {
            origin: Origin::of(&url)?,
            to: to.to_owned(),
        })
    }

    /// The path alone.
    #[must_use]
    pub fn path(&self) -> &str {
        self.to.split('?').next().unwrap_or("/")
    }

    /// Where somebody who has to sign in first is led back to.
    #[must_use]
    pub fn way_back(&self) -> &str {
        [self.to.as_str(), self.path()]
            .into_iter()
            .find(|way| way.len() <= LONGEST_WAY)
            .unwrap_or("/")
    }
}

/// Whether an application may be reached there: https, or on this very machine.
#[must_use]
pub fn is_safe(url: &Url) -> bool {
    url.scheme() == "https"
        || match url.host() {
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        }
}

/// A value as it may stand in a header that an application reads: bytes outside of printable ASCII, the percent sign
/// and each of `also` become `%` and two hexadecimal digits (RFC 3986 section 2.1), so that two different values never
/// look alike and no value ends its header.
#[must_use]
pub fn header_value(text: &str, also: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        let is_plain =
            matches!(byte, b' '..=b'~') && byte != b'%' && !also.as_bytes().contains(&byte);
        if is_plain {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests;
