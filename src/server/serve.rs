//! Serves the console: listens, opens the database, plugs the router together, tells the operator where it is.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use muster_services::{Services, setup, site};
use muster_storage::SeaOrmSessionStore;
use muster_web::{AppState, AssetUrls, Site, harden};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::assets::Assets;
use crate::settings::Settings;
use crate::system::SystemClock;
use crate::{Stop, connections, housekeeping, lab, logs, say, syncing, wiring};

/// Serves until it is told to stop.
///
/// # Errors
/// Why it cannot start.
pub(crate) async fn run(settings: Settings, lab: Option<SocketAddr>) -> Result<(), Stop> {
    logs::start(&settings, logs::SERVER)?;
    let listener = listen(settings.listen).await?;
    let address = listener
        .local_addr()
        .map_err(|error| Stop::new(error.to_string()))?;
    let services = wiring::services(&settings, address).await?;
    let own = Site::new(
        address,
        settings.url.clone(),
        settings.trusted_proxies.clone(),
    );
    own.learn(site::stored(&services).await?);
    let assets =
        Assets::load(settings.site_dir.as_deref()).map_err(|error| Stop::new(error.to_string()))?;
    let router = router(&services, &own, &assets);
    announce(&services, &own, address).await?;
    let lab = match lab {
        Some(listen) => Some(Beside::start(listen, &services).await?),
        None => None,
    };
    let housekeeping = tokio::spawn(housekeeping::run(services.clone(), own));
    let mail = tokio::spawn(housekeeping::send(services.clone()));
    let stop = muster_services::sync::runs::Stop::default();
    let runs = tokio::spawn(syncing::run(services.clone(), stop.clone()));
    connections::serve(listener, router, connections::told_to_stop()).await;
    housekeeping.abort();
    mail.abort();
    stop.tell();
    if let Err(error) = runs.await {
        tracing::warn!(%error, "syncs did not stop as they should");
    }
    if let Some(lab) = lab {
        lab.stop().await;
    }
    services.db().close().await?;
    Ok(())
}

async fn listen(address: SocketAddr) -> Result<TcpListener, Stop> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Stop::new(format!("Cannot listen on {address}: {error}. Choose another address with --listen or MUSTER_LISTEN.")))
}

fn router(services: &Services, own: &Site, assets: &Assets) -> Router {
    let lookup = assets.clone();
    let state = AppState {
        services: services.clone(),
        site: own.clone(),
        assets: AssetUrls::new(move |path| lookup.url(path).to_owned()),
        only_looks: muster_app::routes::only_looks,
        failure_page: muster_app::failure::page,
    };
    let pages = muster_app::router(state.clone()).with_state(state.clone());
    harden(
        pages,
        assets.router(),
        state,
        SeaOrmSessionStore::new(services.db().clone(), Arc::new(SystemClock)),
    )
}

/// Tells where the console is, and the setup code while there is no administrator.
async fn announce(services: &Services, own: &Site, address: SocketAddr) -> Result<(), Stop> {
    let here = format!("http://{address}/");
    match own.public_url() {
        Some(url) if url.as_str() != here => {
            say(format_args!("Muster is at {url} (listening on {address})"))
        }
        _ => say(format_args!("Muster is at {here}")),
    }
    if let Some(code) = setup::code_for_console(services, &wiring::shell(services)).await? {
        say(format_args!(
            "There is no administrator yet. Open {here}setup and enter the setup code: {code}"
        ));
    }
    Ok(())
}

/// The lab beside the console.
struct Beside {
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<std::io::Result<()>>,
}

impl Beside {
    async fn start(listen: SocketAddr, services: &Services) -> Result<Self, Stop> {
        let (listener, lab) = lab::open(listen).await?;
        say(format_args!("The lab is at {}", lab.base()));
        let (stop, stopped) = oneshot::channel();
        let served = tokio::spawn(muster_lab::serve(listener, lab.clone(), async {
            let _ = stopped.await;
        }));
        lab::connect(services, &lab).await?;
        Ok(Self { stop, served })
    }

    async fn stop(self) {
        let _ = self.stop.send(());
        if let Ok(Err(error)) = self.served.await {
            tracing::warn!(%error, "the lab did not stop as it should");
        }
    }
}
