//! A person as applications see them.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::id::{DirectoryId, UserId};

/// Whether the person may come in.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum State {
    /// May sign in.
    Active,
    /// May not, by somebody's or something's decision; a sign-in through another way does not revive them.
    Deactivated(Deactivation),
}

/// Who or what deactivated a person, when and why.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Deactivation {
    /// The name of the person, directory or rule that did it.
    pub by: String,
    /// The directory whose source did it; none: a person or a rule here. What one directory did, it alone takes back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<DirectoryId>,
    /// When.
    pub at: DateTime<Utc>,
    /// Why, if it was said.
    pub reason: Option<String>,
}

impl Deactivation {
    /// Whether it is this very one: what is kept of its time is exact to a millisecond.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.at.timestamp_millis() == other.at.timestamp_millis()
            && self.by == other.by
            && self.directory == other.directory
            && self.reason == other.reason
    }
}

/// A person.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct User {
    /// Their id here; never changes.
    pub id: UserId,
    /// Unique after [`crate::name::key`].
    pub username: String,
    /// The name people read.
    pub display_name: String,
    /// E-mail address, if one is known. Not an identity: several people may state the same.
    pub email: Option<String>,
    /// Whether they may come in.
    pub state: State,
    /// Break-glass account: internal superadmin that works when every provider is down.
    pub break_glass: bool,
    /// When the user was created here.
    pub created_at: DateTime<Utc>,
    /// When anything of it last changed.
    pub updated_at: DateTime<Utc>,
    /// Last sign-in, by any means.
    pub last_sign_in_at: Option<DateTime<Utc>>,
}

impl User {
    /// Whether the person may sign in.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        matches!(self.state, State::Active)
    }

    /// What a password of theirs must not be made of.
    #[must_use]
    pub fn names(&self) -> [&str; 3] {
        [
            &self.username,
            &self.display_name,
            self.email.as_deref().unwrap_or_default(),
        ]
    }
}
