//! What is written down about every change, chained by hashes so that a later edit shows.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Something that happened and must be on record.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct AuditEvent {
    /// Who: a username, `system`, `setup`, or `anonymous`.
    pub actor: String,
    /// Their id, if they have one.
    pub actor_id: Option<uuid::Uuid>,
    /// Stable name of the action, such as `user.create`, `signin.refused`.
    pub action: String,
    /// What it was done to, in words: a username, a group's name.
    pub target: String,
    /// Its id, if it has one.
    pub target_id: Option<uuid::Uuid>,
    /// What exactly, without secrets.
    pub detail: serde_json::Value,
    /// From which address.
    pub address: Option<String>,
    /// In which request.
    pub request_id: String,
    /// When.
    pub at: DateTime<Utc>,
}

/// One link of the chain: SHA-256 over the previous link and every field, each with its length before it.
#[must_use]
pub fn link(previous: &str, sequence: i64, event: &AuditEvent) -> String {
    let mut hasher = Sha256::new();
    let mut put = |text: &str| {
        hasher.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(text.as_bytes());
    };
    put(previous);
    put(&sequence.to_string());
    put(&event.actor);
    put(&event.actor_id.map(|id| id.to_string()).unwrap_or_default());
    put(&event.action);
    put(&event.target);
    put(&event.target_id.map(|id| id.to_string()).unwrap_or_default());
    put(&event.detail.to_string());
    put(event.address.as_deref().unwrap_or_default());
    put(&event.request_id);
    put(&event.at.timestamp_millis().to_string());
    hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// The link before the first.
pub const ROOT: &str = "0000000000000000000000000000000000000000000000000000000000000000";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moving_a_letter_between_fields_changes_the_link() {
        let event = |actor: &str, action: &str| AuditEvent {
            actor: actor.to_owned(),
            actor_id: None,
            action: action.to_owned(),
            target: String::new(),
            target_id: None,
            detail: serde_json::Value::Null,
            address: None,
            request_id: String::new(),
            at: DateTime::UNIX_EPOCH,
        };
        assert_ne!(
            link(ROOT, 1, &event("ab", "c")),
            link(ROOT, 1, &event("a", "bc"))
        );
    }
}
