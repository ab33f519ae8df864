//! The second step of signing in with a password, for whoever has a second factor.
//!
//! After the right password nobody is signed in yet: the browser's session remembers whose it was for five minutes, and
//! a code or a passkey does the rest. What is remembered lies on the server; a browser that did not type the password has none (W61).

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::credential::{Imprint, PasswordChecked};
use muster_domain::id::{DirectoryId, UserId};
use muster_domain::session::Entry;
use muster_domain::user::User;
use muster_domain::{Error, Kind};
use muster_storage::{credentials, users};
use serde::{Deserialize, Serialize};

use crate::factors::{self, Brought, Purpose};
use crate::{Call, Services, password, sign_in_policy};

/// How long the first step counts.
const LASTS: TimeDelta = TimeDelta::minutes(5);

/// Half a sign-in: the password was right.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Half {
    user: UserId,
    at: DateTime<Utc>,
    #[serde(flatten)]
    by: By,
}

/// What was right in the first step.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(untagged)]
enum By {
    /// This password of theirs here.
    Password {
        /// Which it was.
        password: Imprint,
    },
    /// A password that this directory answered for.
    Directory {
        /// Which.
        directory: DirectoryId,
        /// What the record of the sign-in tells besides, a sentence each.
        #[serde(default)]
        notes: Vec<String>,
    },
}

impl Half {
    /// Of somebody whose password was right a moment ago.
    pub(crate) fn of(call: &Call, checked: &PasswordChecked) -> Self {
        Self {
            user: checked.user(),
            at: call.at,
            by: By::Password {
                password: checked.imprint().clone(),
            },
        }
    }

    /// Of somebody for whose password a directory answered a moment ago, with what is to be told of it.
    pub(crate) const fn of_directory(
        call: &Call,
        user: UserId,
        directory: DirectoryId,
        notes: Vec<String>,
    ) -> Self {
        Self {
            user,
            at: call.at,
            by: By::Directory { directory, notes },
        }
    }
}

/// Checks what they brought, a code or the answer of a passkey, and signs in. Gives who, and how they came in.
///
/// # Errors
/// `AUTH-021` when the first step is too long ago, or the person may not sign in any more; as
/// [`factors::check_brought`].
pub async fn sign_in(
    services: &Services,
    call: &Call,
    half: &Half,
    brought: impl Into<Brought<'_>>,
) -> Result<(User, Entry), Error> {
    let user = whose(services, call, half).await?;
    let brought = brought.into();
    let checked = factors::check_brought(services, call, &user, Purpose::SignIn, brought).await?;
    let entry = match &half.by {
        By::Password { password: compared } => {
            // It is still the password of the first step.
            let password = credentials::password(services.db(), user.id).await?;
            let known_to = password
                .filter(|stored| stored.imprint() == *compared)
                .map(|stored| stored.opened_by)
                .ok_or_else(over)?;
            let came = (&known_to, compared, Some(&checked));
            password::enter(services, call, &user, came).await?
        }
        By::Directory { directory, notes } => {
            let came = password::directory::Came {
                directory: *directory,
                factor: Some(&checked),
                notes: notes.clone(),
            };
            password::directory::enter(services, call, &user, came).await?
        }
    };
    Ok((user, entry))
}

/// Whose half it is, if it still counts.
///
/// # Errors
/// `AUTH-021`.
pub async fn whose(services: &Services, call: &Call, half: &Half) -> Result<User, Error> {
    if call.at < half.at || call.at - half.at > LASTS {
        return Err(over());
    }
    if !still_counts(services, half).await? {
        return Err(over());
    }
    users::get(services.db(), half.user)
        .await?
        .filter(User::is_active)
        .ok_or_else(over)
}

/// Whether what was right in the first step still is.
async fn still_counts(services: &Services, half: &Half) -> Result<bool, Error> {
    let db = services.db();
    match &half.by {
        By::Password { password: compared } => {
            let stored = credentials::password(db, half.user).await?;
            let is_same = stored.is_some_and(|stored| stored.imprint() == *compared);
            Ok(is_same && sign_in_policy::admits(db, half.user).await?.is_ok())
        }
        By::Directory { directory, .. } => {
            password::directory::still_answers(services, db, half.user, *directory).await
        }
    }
}

/// The first step is to be made again.
#[must_use]
pub fn over() -> Error {
    Error::new(
        "AUTH-021",
        Kind::SignInNeeded,
        "This sign-in waits for its second step no more.",
    )
    .next("Begin again with name and password, and use your second factor within five minutes.")
}
