//! What is said of each method whatever the answers are.

use super::Method;

impl Method {
    /// What it is, in one sentence.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Manual => "An administrator creates users and groups here.",
            Self::Jit => {
                "A user is created and kept up to date from the claims each time they sign in."
            }
            Self::Ldap => "Users and groups are read from a directory server at intervals.",
            Self::Crowd => "Users and groups are read from a Crowd server at intervals.",
            Self::ApiConnector => {
                "Users and groups are read from the API of Entra ID, Google Workspace, Okta or OneLogin at intervals."
            }
            Self::Scim => "The identity provider pushes each change here as it happens.",
        }
    }

    /// What speaks for it.
    #[must_use]
    pub const fn pros(self) -> &'static [&'static str] {
        match self {
            Self::Manual => &[
                "Nothing to connect; works when every provider is down.",
                "Exact control over each user and group.",
                "Combines with every other method: memberships added by hand stay.",
            ],
            Self::Jit => &[
                "Nothing but the sign-in itself to set up: no extra access, no schedule.",
                "Attributes and managed groups are right at every sign-in.",
                "Only people who really come have an account.",
            ],
            Self::Ldap => &[
                "The whole picture before anybody signs in: users can be assigned and mentioned at once.",
                "Leavers vanish with the next sync.",
                "Nested groups arrive as they are.",
                "Identity by objectGUID or entryUUID, so a rename is no new user.",
            ],
            Self::Crowd => &[
                "Takes over users and groups as applications around Crowd know them.",
                "Leavers vanish with the next sync.",
                "Helps to move away from Crowd without a break.",
            ],
            Self::ApiConnector => &[
                "The whole picture before anybody signs in.",
                "Outgoing connections only: nothing needs to reach this server.",
                "Leavers vanish with the next sync.",
                "Filters and transformations are under your control, here.",
            ],
            Self::Scim => &[
                "Changes arrive within minutes, deactivations included.",
                "The standard: one method for many providers.",
                "No secret of the provider is kept here; it keeps a token of ours.",
            ],
        }
    }

    /// What speaks against it.
    #[must_use]
    pub const fn cons(self) -> &'static [&'static str] {
        match self {
            Self::Manual => &[
                "Every joiner, mover and leaver is work, and gets forgotten.",
                "What is here and what is at the source drift apart.",
            ],
            Self::Jit => &[
                "Leavers are never seen: their account stays until somebody deactivates it, although they cannot sign in any more.",
                "Nobody exists before the first sign-in.",
                "Groups change only at the next sign-in, and only as far as the token lists them (Entra ID: up to 200).",
            ],
            Self::Ldap => &[
                "Needs a network path to the directory server and an account that may read.",
                "Large groups and paging have limits that must be handled: a sync that sees too little must never remove.",
                "Changes arrive with the next sync, not at once.",
            ],
            Self::Crowd => &[
                "Needs a Crowd server, and an application account in it.",
                "Changes arrive with the next sync, not at once.",
            ],
            Self::ApiConnector => &[
                "Needs an application with read access to the whole directory, whose secret expires.",
                "Rate limits are shared with everything else that uses the API (Okta: the whole organisation).",
                "Changes arrive with the next sync, not at once.",
            ],
            Self::Scim => &[
                "The provider must reach this server, or a provisioning agent must stand in between.",
                "Each provider has quirks of its own, and decides what it sends and when.",
                "Groups are pushed apart from users; nested groups depend on the provider.",
            ],
        }
    }

    /// What must be there first.
    #[must_use]
    pub const fn needs(self) -> &'static [&'static str] {
        match self {
            Self::Manual => &["An administrator with time."],
            Self::Jit => &[
                "An identity provider that is connected here.",
                "A claim that can be the username; a groups claim, if groups are to follow.",
            ],
            Self::Ldap => &[
                "Address, base and a reading account of the directory; ldaps or StartTLS with its certificate authority.",
            ],
            Self::Crowd => &[
                "Address of the Crowd server, application name and password; this server's address allowed there.",
            ],
            Self::ApiConnector => &[
                "Entra ID: application permissions User.Read.All and Group.Read.All. Google: service account with domain-wide delegation. Okta: service application or token. OneLogin: API credentials.",
                "An outgoing connection to the vendor.",
            ],
            Self::Scim => &[
                "A public https address of this server that the provider can reach, or the provider's agent.",
                "A provisioning licence at the provider, where it sells one.",
            ],
        }
    }
}
