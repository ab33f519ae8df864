//! The address people use to reach this console.

use muster_domain::role::Permission;
use muster_domain::session::ElevatedSession;
use muster_domain::{Error, Kind};
use muster_storage::{Reader, settings};
use serde_json::json;
use url::Url;

use crate::{Call, Services, guard};

const KEY: &str = "site.url";

/// The public address: the one given by flag or variable, else the stored one, else where this process listens.
///
/// # Errors
/// When the database cannot be read.
pub async fn url(services: &Services) -> Result<Url, Error> {
    url_in(services, services.db()).await
}

/// The same, read inside a transaction.
pub(crate) async fn url_in(services: &Services, reader: &impl Reader) -> Result<Url, Error> {
    if let Some(fixed) = services.fixed_url() {
        return Ok(fixed.clone());
    }
    let stored: Option<String> = settings::get(reader, KEY).await?;
    match stored.and_then(|text| Url::parse(&text).ok()) {
        Some(url) => Ok(url),
        None => listening(services),
    }
}

/// The stored address, if one was set.
///
/// # Errors
/// When the database cannot be read.
pub async fn stored(services: &Services) -> Result<Option<Url>, Error> {
    let value: Option<String> = settings::get(services.db(), KEY).await?;
    Ok(value.and_then(|text| Url::parse(&text).ok()))
}

fn listening(services: &Services) -> Result<Url, Error> {
    Url::parse(&format!("http://{}/", services.listen())).map_err(|error| {
        Error::new(
            "CFG-001",
            Kind::Internal,
            "The listening address cannot be written as a URL.",
        )
        .internal(error)
    })
}

/// Where a provider sends people back to.
///
/// # Errors
/// When the database cannot be read.
pub async fn callback(services: &Services, slug: &str) -> Result<Url, Error> {
    join(&url(services).await?, &format!("signin/{slug}/callback"))
}

/// An address of this console, by its path without the first slash.
///
/// # Errors
/// `CFG-002` when the path makes no address.
pub fn join(base: &Url, path: &str) -> Result<Url, Error> {
    base.join(path).map_err(|error| {
        Error::new("CFG-002", Kind::Internal, "This address cannot be built.").internal(error)
    })
}

/// Checks what somebody typed as the public address.
///
/// # Errors
/// `CFG-003` with a message beside the field.
pub fn check(typed: &str) -> Result<Url, Error> {
    let refuse = |message: &str| Err(Error::form(Vec::new()).field("url", message));
    let Ok(mut url) = Url::parse(typed.trim()) else {
        return refuse("Enter a full address, such as https://muster.example.org.");
    };
    let Some(host) = url.host_str().map(str::to_owned) else {
        return refuse("The address has no host name.");
    };
    let local = host == "localhost"
        || host.ends_with(".localhost")
        || host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|ip| ip.is_loopback())
        || host == "[::1]";
    match url.scheme() {
        "https" => {}
        "http" if local => {}
        "http" => {
            return refuse(
                "Use https: without it, anyone on the way can read and change what is sent. http works on this machine only.",
            );
        }
        _ => return refuse("Use an https address."),
    }
    if !url.username().is_empty()
        || url.password().is_some()
        || url.query().is_some()
        || url.fragment().is_some()
        || url.path() != "/"
    {
        return refuse("Enter only the scheme, the host and the port, without a path.");
    }
    url.set_path("/");
    Ok(url)
}

/// Sets the public address.
///
/// # Errors
/// Without permission, or when the address is not acceptable.
pub async fn set(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    typed: &str,
) -> Result<Url, Error> {
    call.may(Permission::ManageSettings)?;
    guard::present(call, Some(elevated))?;
    let url = check(typed)?;
    let before = stored(services).await?;
    let tx = services.db().begin().await?;
    settings::set(&tx, KEY, &url.as_str()).await?;
    let detail = json!({"before": before.as_ref().map(Url::as_str), "after": url.as_str(), "elevation": elevated.id()});
    tx.commit(&[call.event("settings.url", url.as_str(), None, detail)])
        .await?;
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn plain_http_is_accepted_on_this_machine_only() {
        for good in [
            "https://muster.example.org",
            "http://127.0.0.1:3000/",
            "http://localhost:3000",
            "http://[::1]:3000",
        ] {
            assert!(check(good).is_ok(), "{good}");
        }
        for bad in [
            "http://muster.example.org",
            "ftp://x",
            "muster",
            "https://u:p@x/",
            "https://x/path",
            "https://x/?q",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
