//! What a provider's ordinary sign-ins tell, read from the kept ones: no sign-in writes anything more for it.

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Error;
use muster_domain::calibration::watch::watch;
use muster_domain::calibration::{Sample, Watched};
use muster_domain::evidence::StatedTime;
use muster_domain::provider::Provider;
use muster_storage::Reader;
use muster_storage::sign_ins::{self, Outcome, SignIn};
use serde::Deserialize;

/// So many of the newest sign-ins are looked at.
const LOOKED_AT: u32 = 40;

/// What the newest sign-ins through a provider tell.
pub(crate) async fn watched(reader: &impl Reader, provider: &Provider) -> Result<Watched, Error> {
    let newest = sign_ins::newest(reader, provider.id, Outcome::SignedIn, LOOKED_AT).await?;
    let since = provider.calibration.since;
    let samples: Vec<Sample> = newest
        .iter()
        .filter_map(sample)
        .filter(|sample| since.is_none_or(|since| sample.received_at > since))
        .collect();
    Ok(watch(&provider.calibration, &samples))
}

/// Times of an answer as they were kept with a sign-in.
#[derive(Deserialize)]
struct Kept {
    subject: String,
    auth_time: StatedTime,
    issued_at: DateTime<Utc>,
    clock_ahead_ms: i64,
    #[serde(default)]
    asked_at: Option<DateTime<Utc>>,
}

fn sample(row: &SignIn) -> Option<Sample> {
    let kept: Kept = serde_json::from_value(row.evidence.clone()?).ok()?;
    let ahead = TimeDelta::try_milliseconds(kept.clock_ahead_ms)?;
    Some(Sample {
        who: kept.subject,
        asked_at: kept.asked_at,
        stated: kept.auth_time.instant(),
        issued_at: kept.issued_at,
        received_at: kept.issued_at.checked_sub_signed(ahead)?,
    })
}
