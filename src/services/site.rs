//! The address people use to reach this console.

use muster_domain::role::Permission;
use muster_domain::session::ElevatedSession;
use muster_domain::{Error, Kind};
use muster_storage::{Reader, Tx, providers, settings, ways_in as ways_in_rows};
use serde_json::{Value, json};
use url::Url;

use crate::{Call, Services, guard, lockout};

const KEY: &str = "site.url";

/// The public address: the one given by flag or variable, else the stored one, else where this process listens.
///
/// # Errors
/// When the database cannot be read.
pub async fn url(services: &Services) -> Result<Url, Error> {
    url_in(services, services.db()).await
}

/// The same as it is inside a transaction.
pub(crate) async fn url_in(services: &Services, reader: &impl Reader) -> Result<Url, Error> {
    if let Some(fixed) = services.fixed_url() {
        return Ok(fixed.clone());
    }
    match stored_in(reader).await? {
        Some(url) => Ok(url),
        None => listening(services),
    }
}

/// The stored address, if one was set.
///
/// # Errors
/// When the database cannot be read.
pub async fn stored(services: &Services) -> Result<Option<Url>, Error> {
    stored_in(services.db()).await
}

async fn stored_in(reader: &impl Reader) -> Result<Option<Url>, Error> {
    let value: Option<String> = settings::get(reader, KEY).await?;
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

/// Sets the public address. Providers send people back to it, so each is to be seen to work anew; passkeys of another
/// name answer no more.
///
/// # Errors
/// Without permission, or when the address is not acceptable; `LOCK-001` when no superadmin would be known to get in at it.
pub async fn set(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    typed: &str,
) -> Result<Url, Error> {
    call.may(Permission::ManageSettings)?;
    guard::present(call, Some(elevated))?;
    let url = check(typed)?;
    let moved = move_to(services, call, &url, json!({"elevation": elevated.id()})).await;
    moved.map_err(|error| match error.code {
        "LOCK-001" => {
            let words = error.public.clone();
            error.field("url", words)
        }
        _ => error,
    })?;
    Ok(url)
}

/// Sets the public address on behalf of the configuration file, if it is another.
///
/// # Errors
/// When the address is not acceptable; `LOCK-001` when no superadmin would be known to get in at it.
pub(crate) async fn declare(services: &Services, call: &Call, typed: &str) -> Result<(), Error> {
    let url = check(typed)?;
    if stored(services).await?.as_ref() == Some(&url) {
        return Ok(());
    }
    move_to(services, call, &url, json!({"by": "file"})).await
}

async fn move_to(
    services: &Services,
    call: &Call,
    url: &Url,
    mut detail: Value,
) -> Result<(), Error> {
    let tx = services.db().begin().await?;
    let ways_in = lockout::before(services, &tx).await?;
    let stored = stored_in(&tx).await?;
    write(services, call, &tx, url).await?;
    ways_in.holds(&tx).await?;
    if let Some(detail) = detail.as_object_mut() {
        detail.insert("before".to_owned(), json!(stored.as_ref().map(Url::as_str)));
        detail.insert("after".to_owned(), json!(url.as_str()));
    }
    tx.commit(&[call.event("settings.url", url.as_str(), None, detail)])
        .await
}

/// Writes the address down, with what is not known any more once it is another.
pub(crate) async fn write(
    services: &Services,
    call: &Call,
    tx: &Tx,
    url: &Url,
) -> Result<(), Error> {
    let was = url_in(services, tx).await?;
    settings::set(tx, KEY, &url.as_str()).await?;
    if was != url_in(services, tx).await? {
        for provider in providers::list(tx).await? {
            ways_in_rows::changed(tx, provider.id, call.at).await?;
        }
    }
    Ok(())
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
