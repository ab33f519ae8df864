//! This console as passkeys know it: its name and its address (W3C Web Authentication, level 2, "Relying Party
//! Identifier"). Both come from the public address, never from a request.
//!
//! A passkey answers to the name it was made for and to no other. When the public address gets another name, passkeys
//! made before stop working; codes and recovery codes go on.

use muster_domain::{Error, Kind};
use muster_storage::Reader;
use url::Url;
use webauthn_rs::{Webauthn, WebauthnBuilder};

use crate::{Services, site};

/// What answers are checked against.
pub(crate) struct Party {
    pub(crate) webauthn: Webauthn,
    pub(crate) name: String,
}

/// The party that this installation is now.
///
/// # Errors
/// `FAC-019` when passkeys cannot be used at the public address.
pub(crate) async fn party(services: &Services) -> Result<Party, Error> {
    of_url(&site::url(services).await?)
}

/// The name that passkeys answer to now; none: they cannot be used at the public address.
///
/// # Errors
/// When the address cannot be read.
pub async fn name(services: &Services) -> Result<Option<String>, Error> {
    name_in(services, services.db()).await
}

/// The same as it is inside a transaction.
pub(crate) async fn name_in(
    services: &Services,
    reader: &impl Reader,
) -> Result<Option<String>, Error> {
    let url = site::url_in(services, reader).await?;
    Ok(name_of(&url).map(str::to_owned))
}

/// Browsers make passkeys for names alone, never for numbers, and over https alone, but on this very machine.
pub(crate) fn name_of(url: &Url) -> Option<&str> {
    let name = url.domain()?;
    let local = name == "localhost" || name.ends_with(".localhost");
    (url.scheme() == "https" || local).then_some(name)
}

fn of_url(url: &Url) -> Result<Party, Error> {
    let name = name_of(url).ok_or_else(|| no_name(url))?;
    let webauthn = WebauthnBuilder::new(name, url)
        .and_then(|builder| builder.rp_name("Muster").build())
        .map_err(|error| no_name(url).internal(error))?;
    Ok(Party {
        webauthn,
        name: name.to_owned(),
    })
}

fn no_name(url: &Url) -> Error {
    let address = url.as_str().trim_end_matches('/');
    let words =
        format!("Passkeys cannot be used at {address}: they are bound to a name over https.");
    Error::new("FAC-019", Kind::Conflict, words)
        .next("Have a superadmin set a public address with a name, or add an authenticator app.")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passkeys_are_bound_to_a_name_over_https() {
        for (address, name) in [
            ("https://muster.example.org/", Some("muster.example.org")),
            (
                "https://muster.example.org:8443/",
                Some("muster.example.org"),
            ),
            ("http://localhost:3000/", Some("localhost")),
            ("http://muster.localhost:3000/", Some("muster.localhost")),
            ("http://muster.example.org/", None),
            ("http://127.0.0.1:3000/", None),
            ("https://192.0.2.1/", None),
            ("https://[2001:db8::1]/", None),
        ] {
            let url = Url::parse(address).unwrap();
            assert_eq!(name_of(&url), name, "{address}");
            match (of_url(&url), name) {
                (Ok(party), Some(name)) => assert_eq!(party.name, name),
                (Err(error), None) => assert_eq!(error.code, "FAC-019"),
                _ => panic!("{address}"),
            }
        }
    }
}
