//! The lab, beside the console or alone.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use muster_domain::jit::{CreateGroups, JitRules};
use muster_domain::vendor::Vendor;
use muster_domain::{Clock as _, Entropy as _};
use muster_lab::{CLIENT_ID, CLIENT_SECRET, Lab, LabProvider, Options, PASSWORD};
use muster_services::providers::{self, Draft};
use muster_services::{Call, Services};
use tokio::net::TcpListener;

use crate::system::{SystemClock, SystemEntropy};
use crate::{Stop, connections, say};

/// Opens the lab's listener and makes the lab for it.
///
/// # Errors
/// When the address is not on this machine or taken.
pub(crate) async fn open(listen: SocketAddr) -> Result<(TcpListener, Lab), Stop> {
    let cannot = |error: std::io::Error| {
        Stop::new(format!(
            "The lab cannot listen on {listen}: {error}. Choose another address with --lab-listen or MUSTER_LAB_LISTEN."
        ))
    };
    if !listen.ip().is_loopback() {
        return Err(Stop::new(
            "The lab listens on loopback only, such as 127.0.0.1:3080: everybody knows its passwords.",
        ));
    }
    let listener = TcpListener::bind(listen).await.map_err(cannot)?;
    let bound = listener.local_addr().map_err(cannot)?;
    let options = Options::new(
        bound,
        Arc::new(|| SystemClock.now()),
        Arc::new(|bytes: &mut [u8]| SystemEntropy.fill(bytes)),
    );
    let lab = Lab::new(options)
        .map_err(|error| Stop::new(format!("The lab does not start: {error}.")))?;
    Ok((listener, lab))
}

/// Serves the lab alone.
///
/// # Errors
/// When it cannot listen.
pub(crate) async fn run(listen: SocketAddr) -> Result<(), Stop> {
    let (listener, lab) = open(listen).await?;
    say(format_args!("The lab is at {}", lab.base()));
    for provider in lab.providers() {
        say(format_args!("  {:<14} {}", provider.name, provider.issuer));
    }
    say(format_args!(
        "Client {CLIENT_ID}, secret {CLIENT_SECRET}; everybody's password is {PASSWORD}"
    ));
    muster_lab::serve(listener, lab, connections::told_to_stop())
        .await
        .map_err(|error| Stop::new(format!("The lab stopped: {error}.")))
}

/// Connects the essential providers of the lab, or brings what is connected to the addresses of this run.
///
/// # Errors
/// When the database cannot be read or written.
pub(crate) async fn connect(services: &Services, lab: &Lab) -> Result<(), Stop> {
    let call = Call::system("lab", services.now());
    let known = providers::list(services, &call).await?;
    let groups: BTreeSet<&str> = lab
        .people()
        .iter()
        .flat_map(|person| person.groups.iter().copied())
        .collect();
    let jit = JitRules {
        managed_groups: groups.into_iter().map(str::to_owned).collect(),
        create_groups: CreateGroups::Yes,
        ..JitRules::default()
    };
    let essential = lab.providers().into_iter();
    for provider in essential.filter(|provider| provider.is_essential) {
        let draft = draft(&provider);
        let is_connected = known.iter().any(|known| {
            known.slug == draft.slug
                && known.settings.get("issuer") == draft.settings.get("issuer")
                && known.secret_is_set
        });
        if !is_connected {
            providers::declare(services, &call, &draft, jit.clone()).await?;
        }
    }
    Ok(())
}

fn draft(provider: &LabProvider) -> Draft {
    let settings = [
        ("issuer", provider.issuer.as_str()),
        ("client_id", CLIENT_ID),
        ("scopes", "openid profile email groups"),
    ];
    Draft {
        slug: format!("lab-{}", provider.slug),
        name: format!("Lab: {}", provider.name.to_lowercase()),
        vendor: Vendor::Generic,
        kind: "oidc".to_owned(),
        settings: settings
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .collect(),
        secret: Some(CLIENT_SECRET.to_owned().into()),
        domains: Vec::new(),
    }
}
