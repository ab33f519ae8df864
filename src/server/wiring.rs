//! Plugs the parts together: database, key, clock, randomness, protocols.

use std::net::SocketAddr;
use std::sync::Arc;

use muster_directories::LdapKind;
use muster_idp::{Guard, Http, Oidc};
use muster_mail::Smtp;
use muster_services::hashing::Hashing;
use muster_services::{Call, Parts, Services};
use muster_storage::Db;

use crate::settings::Settings;
use crate::system::{SystemClock, SystemEntropy};
use crate::{Stop, cores, folder};

/// Opens everything a use case needs and brings the database to this version's shape.
///
/// # Errors
/// Why it cannot be opened, and what to change.
pub(crate) async fn services(settings: &Settings, listen: SocketAddr) -> Result<Services, Stop> {
    folder::make(&settings.data_dir)?;
    let sealer = folder::sealer(&settings.key_file, &SystemEntropy)?;
    let db = Db::open(&settings.database_url).await?;
    db.migrate().await?;
    Ok(Services::new(Parts {
        db,
        clock: Arc::new(SystemClock),
        entropy: Arc::new(SystemEntropy),
        sealer,
        kinds: vec![Arc::new(Oidc::new(
            Http::new(guard(settings, listen)),
            Arc::new(SystemClock),
        ))],
        directories: vec![Arc::new(LdapKind::with_clock(Arc::new(SystemClock)))],
        postman: Arc::new(Smtp::default()),
        // One core stays free for everything else.
        hashing: Hashing::new(cores().saturating_sub(1).max(1), &SystemEntropy)?,
        fixed_url: settings.url.clone(),
        listen,
    }))
}

/// Providers over plain http are reached on this very machine only, and only while nobody else uses this server: for
/// the lab and for trying things out. Behind a public https address, https alone does.
fn guard(settings: &Settings, listen: SocketAddr) -> Guard {
    let is_public = settings
        .url
        .as_ref()
        .is_some_and(|url| url.scheme() == "https");
    if listen.ip().is_loopback() && !is_public {
        Guard::LoopbackHttp
    } else {
        Guard::HttpsOnly
    }
}

/// A call by somebody on the server's shell.
pub(crate) fn shell(services: &Services) -> Call {
    Call::system("cli", services.now())
}
