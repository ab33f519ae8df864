//! What nobody waits for: sweeping away what is over, following settings that another node changed, sending messages.

use std::time::Duration;

use muster_services::{Services, outbox, site, visit};
use muster_web::Site;
use tokio::time::{MissedTickBehavior, interval};

/// Sessions and questions that are over count as over at once; this only frees their rows.
const SWEEP: Duration = Duration::from_secs(300);
/// How long another node may go on with an old public address.
const LOOK: Duration = Duration::from_secs(20);
/// How long a message waits for its first try.
const MAIL: Duration = Duration::from_secs(2);

/// Runs until it is dropped.
pub(crate) async fn run(services: Services, own: Site) {
    let mut sweep = interval(SWEEP);
    let mut look = interval(LOOK);
    sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = sweep.tick() => if let Err(error) = visit::sweep(&services, services.now()).await {
                tracing::warn!(%error, "what is over could not be swept away; the next sweep tries again");
            },
            _ = look.tick() => match site::stored(&services).await {
                Ok(url) => own.learn(url),
                Err(error) => tracing::warn!(%error, "the public address could not be read; the last known one counts"),
            },
        }
    }
}

/// Sends messages until it is dropped. Apart from the rest: a mail server that hangs keeps nothing else waiting.
pub(crate) async fn send(services: Services) {
    let mut round = interval(MAIL);
    round.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        round.tick().await;
        if let Err(error) = outbox::work(&services, services.now()).await {
            tracing::warn!(%error, "messages could not be looked at; the next round tries again");
        }
    }
}
