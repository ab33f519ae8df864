//! Whose signature on a certificate counts, made ready for many connections: reading whom this machine trusts takes 70 ms,
//! several times as long as everything else about a connection.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use muster_domain::{Error, Kind};
use native_tls::{Certificate, TlsConnector};

use super::settings::Roots;

/// So many are kept.
const MOST: usize = 16;
/// For so long: whom this machine trusts changes now and then.
const LONGEST: Duration = Duration::from_secs(600);

struct Ready {
    roots: Roots,
    since: Instant,
    connector: TlsConnector,
}

/// The latest last.
static READY: Mutex<Vec<Ready>> = Mutex::new(Vec::new());

/// What checks certificates against these roots.
///
/// # Errors
/// `LDAP-010` when they cannot be read.
pub(super) fn connector(roots: &Roots) -> Result<TlsConnector, Error> {
    if let Some(connector) = kept(roots) {
        return Ok(connector);
    }
    let connector = made(roots)?;
    let mut ready = READY.lock().unwrap_or_else(PoisonError::into_inner);
    ready.retain(|one| one.roots != *roots);
    if ready.len() >= MOST {
        ready.remove(0);
    }
    ready.push(Ready {
        roots: roots.clone(),
        since: Instant::now(),
        connector: connector.clone(),
    });
    Ok(connector)
}

fn kept(roots: &Roots) -> Option<TlsConnector> {
    let mut ready = READY.lock().unwrap_or_else(PoisonError::into_inner);
    ready.retain(|one| one.since.elapsed() < LONGEST);
    let one = ready.iter().find(|one| one.roots == *roots)?;
    Some(one.connector.clone())
}

fn made(roots: &Roots) -> Result<TlsConnector, Error> {
    let unusable = |error: native_tls::Error| {
        Error::new(
            "LDAP-010",
            Kind::Invalid,
            "The certification authority cannot be read.",
        )
        .next("Paste its certificate in PEM, beginning with -----BEGIN CERTIFICATE-----.")
        .internal(error)
    };
    let mut builder = TlsConnector::builder();
    if let Roots::Own(pem) = roots {
        builder.disable_built_in_roots(true);
        let authorities = Certificate::stack_from_pem(pem.as_bytes()).map_err(unusable)?;
        if authorities.is_empty() {
            return Err(Error::new(
                "LDAP-010",
                Kind::Invalid,
                "The certification authority is empty.",
            )
            .next("Paste its certificate in PEM, beginning with -----BEGIN CERTIFICATE-----."));
        }
        for authority in authorities {
            builder.add_root_certificate(authority);
        }
    }
    builder.build().map_err(unusable)
}
