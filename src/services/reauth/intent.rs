//! A re-authentication under way.

use chrono::{DateTime, Utc};
use muster_domain::calibration::{Probe, Worth};
use muster_domain::id::ProviderId;
use serde::{Deserialize, Serialize};
use url::Url;

/// What a re-authentication is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// To learn what the provider proves. Never elevates.
    Test,
    /// To earn a secure session.
    Elevate,
}

/// Who the provider named, and when they had signed in there, as a test sign-in of this browser showed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Seen {
    /// The provider that named them.
    pub provider: ProviderId,
    /// Its issuer.
    pub issuer: String,
    /// The subject it named.
    pub subject: String,
    /// The time of authentication it stated.
    pub stated: Option<DateTime<Utc>>,
}

/// A re-authentication under way, remembered between its legs.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Intent {
    /// Names it in addresses.
    pub id: uuid::Uuid,
    /// Short name of the provider.
    pub slug: String,
    /// What it is for.
    pub goal: Goal,
    /// Where to go afterwards.
    pub return_to: String,
    /// What the person was about to do, in words.
    pub action: Option<String>,
    /// Whom the answer must name.
    pub expected: Option<(String, String)>,
    /// The time stated when they signed in there before.
    pub signed_in: Option<DateTime<Utc>>,
    /// What the control showed; none: not made yet.
    pub control: Option<ControlSeen>,
    /// What they want it for, in their own words, where policy asks.
    #[serde(default)]
    pub reason: Option<String>,
    /// The one probe of a calibration that this is; none: a whole trip of both legs.
    #[serde(default)]
    pub probe: Option<Probe>,
}

/// What the control showed.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ControlSeen {
    /// What the stamps are worth, if it told.
    pub worth: Worth,
    /// In words.
    pub words: String,
}

/// How the next leg goes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Leg {
    /// Off to the provider.
    To(Url),
    /// Their sign-in was a moment ago: times could not be told apart yet. Try again in this many seconds.
    Wait(u32),
}
