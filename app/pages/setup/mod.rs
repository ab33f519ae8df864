//! The first visit: seven steps, each of them also an ordinary page later. Leaving and coming back goes on where it was.

pub mod address;
pub mod administrator;
pub mod arrival;
pub mod code;
pub mod done;
pub mod proof;
pub mod provider;
pub mod trial;

use muster_domain::role::Permission;
use muster_services::setup;

use crate::components::{Progress, Step};
use crate::visit::Visit;

/// Where the wizard stands.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum At {
    /// Making the first administrator.
    Administrator,
    /// Confirming the public address.
    Address,
    /// Connecting a provider.
    Provider,
    /// Trying a sign-in.
    Trial,
    /// Choosing how accounts arrive.
    Arrival,
    /// Testing re-authentication.
    Proof,
    /// What is protected, and what is left.
    Done,
}

const STEPS: [(At, &str, &str); 7] = [
    (At::Administrator, "Administrator", "/setup/administrator"),
    (At::Address, "Address", "/setup/address"),
    (At::Provider, "Identity provider", "/setup/provider"),
    (At::Trial, "Test sign-in", "/setup/trial"),
    (At::Arrival, "How accounts arrive", "/setup/arrival"),
    (At::Proof, "Prove re-authentication", "/setup/proof"),
    (At::Done, "Done", "/setup/done"),
];

/// The steps as the wizard shows them.
#[must_use]
pub fn steps(at: At) -> Vec<Step> {
    STEPS
        .iter()
        .map(|(step, label, href)| Step {
            label: (*label).to_owned(),
            progress: match step.cmp(&at) {
                std::cmp::Ordering::Less => Progress::Done,
                std::cmp::Ordering::Equal => Progress::Current,
                std::cmp::Ordering::Greater => Progress::Ahead,
            },
            href: (*step > At::Administrator && *step < at).then(|| (*href).to_owned()),
        })
        .collect()
}

/// The address of the first step that is not done.
pub(crate) fn resume(progress: &setup::Progress) -> &'static str {
    match progress {
        setup::Progress { finished: true, .. } => "/",
        setup::Progress { address: false, .. } => "/setup/address",
        setup::Progress { provider: None, .. } => "/setup/provider",
        setup::Progress { signin: false, .. } => "/setup/trial",
        setup::Progress { arrival: None, .. } => "/setup/arrival",
        setup::Progress { reauth: false, .. } => "/setup/proof",
        _ => "/setup/done",
    }
}

/// Remembers that a test sign-in through the wizard's provider came back well.
pub(crate) async fn tried(visit: &Visit, slug: &str) -> Result<(), muster_domain::Error> {
    if !visit.call.can(Permission::ManageSettings) {
        return Ok(());
    }
    let mut progress = setup::progress(&visit.services).await?;
    if progress.provider.as_deref() == Some(slug) && !progress.signin {
        progress.signin = true;
        setup::keep(&visit.services, &visit.call, &progress).await?;
    }
    Ok(())
}
