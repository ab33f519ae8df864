//! Ids as types of their own, so that a group's id cannot be passed where a user's is wanted.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }

        impl std::str::FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )+};
}

ids! {
    /// A person as applications see them.
    UserId,
    /// One person's record in one directory.
    AccountId,
    /// A group.
    GroupId,
    /// A source of accounts and groups.
    DirectoryId,
    /// An identity provider.
    ProviderId,
    /// One round trip to an identity provider: sign-in, test, linking or re-authentication.
    ChallengeId,
    /// One secure admin session.
    ElevationId,
    /// One kept sign-in, with its redacted claims.
    SignInId,
    /// One kept re-authentication result.
    ReceiptId,
    /// One probe of a provider's calibration.
    ProbeId,
    /// One key that requests to a provider are signed with.
    RequestKeyId,
    /// One second factor of a person.
    FactorId,
    /// One question to a passkey, in one browser session.
    CeremonyId,
    /// One granted role.
    AssignmentId,
    /// One use of a break-glass account.
    BreakGlassUseId,
    /// One application behind a proxy.
    ApplicationId,
    /// One message that waits to leave.
    LetterId,
    /// One wish for a new password.
    WishId,
    /// One link that lets somebody without an account test a sign-in.
    TestLinkId,
    /// One stored plan of a directory.
    PlanId,
    /// One run of a directory: read, planned, carried out.
    RunId,
}
