//! Looks whether everything this server needs is in order, and says what to do where it is not.

use ipnet::IpNet;
use muster_services::{Services, setup, site};
use muster_storage::audit::{self, Chain};
use muster_storage::counters;
use url::Url;

use crate::settings::Settings;
use crate::{Stop, folder, say, wiring};

/// Brings the database to this version's shape.
///
/// # Errors
/// Why it cannot.
pub(crate) async fn migrate(settings: Settings) -> Result<(), Stop> {
    let services = wiring::services(&settings, settings.listen).await?;
    say(format_args!(
        "{} has this version's shape.",
        services.db().kind()
    ));
    services.db().close().await?;
    Ok(())
}

/// Checks one after the other; what depends on something broken is not tried.
///
/// # Errors
/// When something is not in order; by then it has been told.
pub(crate) async fn run(settings: Settings) -> Result<(), Stop> {
    let mut findings = Findings::default();
    if settings.database_file().is_some()
        && let Err(none) = folder::is_there(&settings)
    {
        findings.add("installation", Err::<String, _>(none));
        return findings.end();
    }
    if settings.key_file.exists() {
        findings.add(
            "master key",
            folder::is_private(&settings.key_file).map(|()| "for its owner alone".to_owned()),
        );
    }
    match wiring::services(&settings, settings.listen).await {
        Ok(services) => {
            findings.add(
                "database",
                services.db().ping().await.map(|()| {
                    format!(
                        "{} answers, tables have this version's shape",
                        services.db().kind()
                    )
                }),
            );
            findings.add("audit log", chain(&services).await);
            findings.add("counts", counts(&services).await);
            findings.add("syncs", syncs(&services).await);
            findings.add("public address", address(&services).await);
            if let Ok(url) = site::url(&services).await
                && proxy_is_missing(&url, &settings.trusted_proxies)
            {
                warn("proxy", FORGOTTEN_PROXY);
            }
            match setup::is_open(&services).await {
                Ok(true) => warn("administrator", NOBODY),
                found => findings.add("administrator", found.map(|_| "there is one".to_owned())),
            }
            services.db().close().await?;
        }
        Err(stop) => findings.add("database", Err(stop)),
    }
    findings.end()
}

async fn chain(services: &Services) -> Result<String, Stop> {
    match audit::verify(services.db()).await? {
        Chain::Intact(events) => Ok(format!("{events} events, the chain is whole")),
        Chain::Broken { seq, why } => Err(Stop::new(format!(
            "event {seq} was changed, added or removed after the fact: {why}"
        ))),
    }
}

async fn counts(services: &Services) -> Result<String, Stop> {
    let wrong = counters::verify(services.db()).await?;
    if wrong.is_empty() {
        return Ok("people and groups are as many as their counters say".to_owned());
    }
    Err(Stop::new(wrong.join("; ")))
}

async fn syncs(services: &Services) -> Result<String, Stop> {
    let (looked, wrong) = muster_services::sync::runs::examine(services).await?;
    if wrong.is_empty() {
        return Ok(format!("{looked} runs and plans add up"));
    }
    Err(Stop::new(wrong.join("; ")))
}

async fn address(services: &Services) -> Result<String, Stop> {
    let url = site::url(services).await?;
    if services.fixed_url().is_none() && site::stored(services).await?.is_none() {
        return Ok("none is set yet; the address the server listens on counts".to_owned());
    }
    Ok(url.to_string())
}

const FORGOTTEN_PROXY: &str = "the public address is https, which takes a reverse proxy, and none is named. Everybody behind it counts as one \
     network: wrong passwords of one throttle all. Name it with --trusted-proxies or MUSTER_TRUSTED_PROXIES";

/// Muster itself speaks no TLS: somebody in front of it does.
fn proxy_is_missing(url: &Url, named: &[IpNet]) -> bool {
    url.scheme() == "https" && named.is_empty()
}

const NOBODY: &str = "none yet. Start the server and open /setup with the code it prints";

/// Tells of something that works and is likely not what was meant.
fn warn(what: &str, words: &str) {
    say(format_args!("warning  {what}: {words}"));
}

#[derive(Default)]
struct Findings {
    broken: usize,
}

impl Findings {
    fn add<E: Into<Stop>>(&mut self, what: &str, found: Result<String, E>) {
        match found {
            Ok(words) => say(format_args!("ok       {what}: {words}")),
            Err(error) => {
                self.broken += 1;
                say(format_args!("problem  {what}: {}", error.into().0));
            }
        }
    }

    fn end(self) -> Result<(), Stop> {
        match self.broken {
            0 => Ok(()),
            1 => Err(Stop::new("One thing is not in order.")),
            more => Err(Stop::new(format!("{more} things are not in order."))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn w33_an_https_address_without_a_named_proxy_is_warned_of() {
        let [https, http] = ["https://muster.example.org/", "http://127.0.0.1:3000/"]
            .map(|url| Url::parse(url).unwrap());
        assert!(proxy_is_missing(&https, &[]));
        assert!(!proxy_is_missing(
            &https,
            &["127.0.0.1/32".parse().unwrap()]
        ));
        assert!(!proxy_is_missing(&http, &[]));
    }

    #[tokio::test]
    async fn nothing_is_made_where_there_is_no_muster() {
        let folder = std::env::temp_dir().join(format!("muster-doctor-{}", std::process::id()));
        let args = crate::cli::SettingsArgs {
            data_dir: Some(folder.clone()),
            ..Default::default()
        };
        let settings = Settings::read(args).ok().unwrap();
        assert!(run(settings).await.is_err());
        assert!(!folder.exists());
    }
}
