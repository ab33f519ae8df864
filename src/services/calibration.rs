//! Calibration of a provider, step by step: what each probe showed, what the person who made it says about it, and what
//! counts now. Every probe is kept, whatever becomes of the calibration.

use muster_domain::calibration::{Calibration, Finding, Probe, Said, Watched};
use muster_domain::id::ProbeId;
use muster_domain::provider::Provider;
use muster_domain::role::Permission;
use muster_domain::session::ElevatedSession;
use muster_domain::vendor::Symptom;
use muster_domain::{Error, Kind};
use muster_storage::probes;
pub use muster_storage::probes::Probed;
use serde_json::json;

use crate::reauth::{self, Goal, Intent, Seen};
use crate::watching::watched;
use crate::{Call, Services, guard, providers};

/// Probes a page shows.
const SHOWN: u32 = 50;

/// Everything known about what a provider's word is worth.
#[derive(Clone, PartialEq, Debug)]
pub struct Desk {
    /// The provider.
    pub provider: Provider,
    /// Its probes, the newest first, at most fifty.
    pub probes: Vec<Probed>,
    /// What its ordinary sign-ins tell.
    pub watched: Watched,
    /// The calibration as the judge goes by it.
    pub counts: Calibration,
}

impl Desk {
    /// The newest probe of a sort that is about the provider as it is asked now.
    #[must_use]
    pub fn newest(&self, probe: Probe) -> Option<&Probed> {
        let since = self.provider.calibration.since;
        self.probes
            .iter()
            .find(|probed| probed.probe == probe && since.is_none_or(|since| probed.at >= since))
    }

    /// What is wrong, as far as was seen.
    #[must_use]
    pub fn symptoms(&self) -> Vec<Symptom> {
        let found = |probe| self.newest(probe).map(|probed| probed.finding);
        let mut symptoms: Vec<Symptom> = Probe::ALL
            .into_iter()
            .filter_map(found)
            .filter_map(Symptom::of)
            .collect();
        if self.watched.contradiction.is_some() {
            symptoms.push(Symptom::InventsTimes);
        }
        symptoms.sort_unstable();
        symptoms.dedup();
        symptoms
    }
}

/// What is known about a provider's word.
///
/// # Errors
/// Without permission, or `WEB-404`.
pub async fn desk(services: &Services, call: &Call, slug: &str) -> Result<Desk, Error> {
    call.may(Permission::ViewProviders)?;
    let provider = providers::find(services, slug).await?;
    let probes = probes::of_provider(services.db(), provider.id, SHOWN).await?;
    let watched = watched(services.db(), &provider).await?;
    let counts = watched.over(&provider.calibration, call.at);
    Ok(Desk {
        provider,
        probes,
        watched,
        counts,
    })
}

/// Begins one probe.
///
/// # Errors
/// Without permission; `ELV-005` when nobody is known at the provider in this browser yet.
pub async fn begin(
    services: &Services,
    call: &Call,
    slug: &str,
    probe: Probe,
    seen: Option<&Seen>,
    return_to: &str,
) -> Result<Intent, Error> {
    let intent = reauth::begin(services, call, slug, Goal::Test, seen, return_to, None).await?;
    Ok(Intent {
        probe: Some(probe),
        ..intent
    })
}

/// Keeps what the person who made a probe says happened at the provider. It can refute the provider; it never speaks
/// for it.
///
/// # Errors
/// Without permission, `WEB-404`, `CAL-001` when somebody else made the probe, `CAL-002` when nothing is to be said, `ELV-001`
/// without a secure session when it refutes the provider: that counts for everybody.
pub async fn say(
    services: &Services,
    call: &Call,
    slug: &str,
    id: ProbeId,
    said: Said,
) -> Result<Finding, Error> {
    call.may(Permission::ManageProviders)?;
    let person = call.signed_in()?;
    let tx = services.db().begin().await?;
    let provider = providers::within(&tx, slug).await?;
    let probed = probes::get(&tx, provider.id, id)
        .await?
        .ok_or_else(|| Error::not_found("probe"))?;
    if probed.user != person.user.id {
        return Err(Error::new(
            "CAL-001",
            Kind::Forbidden,
            "Only whoever made a probe can say what happened there.",
        )
        .next("Make the probe yourself."));
    }
    let finding = probed.finding.told(said);
    let seen = if finding == probed.finding {
        probed.seen.as_str()
    } else {
        finding.sentence()
    };
    // A probe from before the provider was changed tells nothing about it as it is now.
    let current = provider
        .calibration
        .since
        .is_none_or(|since| probed.at >= since);
    let asks = probed.finding.asks();
    let refutes = asks && probed.said.is_none() && finding.refutes() && current;
    if refutes {
        // Worthless for everybody: that is not for whoever got hold of a browser.
        guard::present(call, Some(&call.elevated()?))?;
    }
    if !asks || !probes::say(&tx, id, said, (finding, seen), call.at).await? {
        return Err(Error::new(
            "CAL-002",
            Kind::Conflict,
            "What happened during this probe was said before.",
        )
        .next("Make the probe again if something else is to be told."));
    }
    if refutes {
        let calibration = provider.calibration.refuted_by(finding.sentence(), call.at);
        providers::keep_calibration(&tx, provider.id, &calibration).await?;
    }
    let detail = json!({"probe": probed.probe, "said": said, "finding": finding});
    tx.commit(&[call.event(
        "provider.probe",
        &provider.name,
        Some(provider.id.0),
        detail,
    )])
    .await?;
    Ok(finding)
}

/// Forgets what was learnt of a provider, so that it is learnt anew. Its probes stay on record.
///
/// # Errors
/// Without permission, presence, or `WEB-404`.
pub async fn begin_anew(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    slug: &str,
) -> Result<Provider, Error> {
    call.may(Permission::ManageProviders)?;
    guard::present(call, Some(elevated))?;
    let tx = services.db().begin().await?;
    let mut provider = providers::within(&tx, slug).await?;
    let before = json!(provider.calibration);
    provider.calibration = Calibration::anew(call.at);
    providers::keep_calibration(&tx, provider.id, &provider.calibration).await?;
    let detail = json!({"before": before, "elevation": elevated.id()});
    tx.commit(&[call.event(
        "provider.calibrate",
        &provider.name,
        Some(provider.id.0),
        detail,
    )])
    .await?;
    Ok(provider)
}
