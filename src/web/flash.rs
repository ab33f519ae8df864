//! What the last action did, said once on the page it led to.

use serde::{Deserialize, Serialize};

/// A sentence for the next page.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Flash {
    /// What happened.
    pub text: String,
    /// How it went.
    pub tone: Tone,
}

/// How it went.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tone {
    /// Neither well nor badly.
    Neutral,
    /// Done.
    Good,
    /// Done, but something wants a look.
    Caution,
    /// Not done.
    Danger,
}
