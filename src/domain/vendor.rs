//! Vendors of identity providers: what each is called, how it is set up, what it can prove.
//!
//! Facts, not code paths: nothing here changes what is believed. [`Vendor::preset`] fills a form that an
//! administrator can change; [`Vendor::reauth_advice`] stands beside a test result.

mod advice;
mod steps;
mod symptom;

use crate::settings::Values;

pub use advice::{Advice, Forcible};
pub use steps::{Addresses, Step};
pub use symptom::Symptom;

use serde::{Deserialize, Serialize};

/// The systems Muster has instructions and presets for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vendor {
    /// Microsoft Entra ID.
    Entra,
    /// Okta.
    Okta,
    /// Google Workspace.
    Google,
    /// Keycloak.
    Keycloak,
    /// OneLogin.
    OneLogin,
    /// Active Directory Federation Services.
    AdFs,
    /// Any other that speaks the protocol.
    Generic,
}

/// Values to begin with in the form of an OpenID Connect provider.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Preset {
    /// Scopes to ask for, separated by spaces.
    pub scopes: &'static str,
    /// What `max_age` to send when a new sign-in is forced.
    pub max_age: MaxAge,
    /// Which `prompt` is sent when a new sign-in is forced.
    pub prompt: Prompt,
    /// `acr_values` to send; empty: none.
    pub acr_values: &'static str,
    /// The context class that an answer must state; empty: none.
    pub required_acr: &'static str,
    /// Whether `auth_time` is asked for as an essential claim (OIDC Core section 5.5).
    pub auth_time: AuthTime,
    /// The claim that names the user.
    pub username_claim: &'static str,
    /// The claim that lists groups; empty: the vendor sends none.
    pub groups_claim: &'static str,
}

/// What `max_age` is sent when a new sign-in is forced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MaxAge {
    /// `max_age=0`.
    Zero,
    /// `max_age=1`: where 0 is ignored or never satisfied.
    One,
    /// None is sent.
    Unsent,
}

/// Which `prompt` is sent when a new sign-in is forced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Prompt {
    /// `prompt=login`.
    Login,
    /// None: the vendor refuses or ignores it.
    Unsent,
}

/// Whether `auth_time` is asked for as an essential claim.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AuthTime {
    /// It is.
    Essential,
    /// It is not: the vendor refuses the `claims` parameter or states the time anyway.
    NotAsked,
}

impl Preset {
    /// As values of the provider form.
    #[must_use]
    pub fn values(&self) -> Values {
        let yes_no = |yes: bool| if yes { "yes" } else { "no" };
        let max_age = match self.max_age {
            MaxAge::Zero => "0",
            MaxAge::One => "1",
            MaxAge::Unsent => "none",
        };
        [
            ("scopes", self.scopes),
            ("max_age", max_age),
            (
                "prompt",
                match self.prompt {
                    Prompt::Login => "login",
                    Prompt::Unsent => "unsent",
                },
            ),
            ("acr_values", self.acr_values),
            ("required_acr", self.required_acr),
            (
                "claims_auth_time",
                yes_no(self.auth_time == AuthTime::Essential),
            ),
            // Where the claims parameter is refused, it is refused for both.
            ("claims_acr", yes_no(self.auth_time == AuthTime::Essential)),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect()
    }
}

impl Vendor {
    /// Every vendor, in the order of the tiles.
    pub const ALL: [Self; 7] = [
        Self::Entra,
        Self::Okta,
        Self::Google,
        Self::Keycloak,
        Self::OneLogin,
        Self::AdFs,
        Self::Generic,
    ];

    /// The stable name in configuration and database.
    #[must_use]
    pub const fn key(self) -> &'static str {
        match self {
            Self::Entra => "entra",
            Self::Okta => "okta",
            Self::Google => "google",
            Self::Keycloak => "keycloak",
            Self::OneLogin => "one_login",
            Self::AdFs => "ad_fs",
            Self::Generic => "generic",
        }
    }

    /// The vendor with this stable name.
    #[must_use]
    pub fn from_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|vendor| vendor.key() == key)
    }

    /// The name people read.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Entra => "Microsoft Entra ID",
            Self::Okta => "Okta",
            Self::Google => "Google Workspace",
            Self::Keycloak => "Keycloak",
            Self::OneLogin => "OneLogin",
            Self::AdFs => "AD FS",
            Self::Generic => "Other OpenID Connect provider",
        }
    }

    /// Where its settings are, as a heading over steps.
    #[must_use]
    pub fn place(self) -> String {
        match self {
            Self::Generic => "At the provider".to_owned(),
            named => format!("In {}", named.label()),
        }
    }

    /// What to know about it, in one line.
    #[must_use]
    pub const fn summary(self) -> &'static str {
        match self {
            Self::Entra => {
                "Can be made to ask again; states when only with the optional claim auth_time."
            }
            Self::Okta => {
                "Asks again on request and states when. Sends groups by a filter you choose."
            }
            Self::Google => {
                "Signs people in, but cannot be made to ask again, and sends no groups."
            }
            Self::Keycloak => {
                "Asks again on request and states when. Sends groups through a mapper."
            }
            Self::OneLogin => {
                "Asks again by a context class of its own. Sends groups or roles as a list."
            }
            Self::AdFs => {
                "Asks again from Windows Server 2016 on; Windows sign-in may answer silently."
            }
            Self::Generic => {
                "Any provider with a discovery document. The test shows what it can prove."
            }
        }
    }

    /// The shape of its issuer; parts in braces differ from customer to customer.
    #[must_use]
    pub const fn issuer_hint(self) -> &'static str {
        match self {
            Self::Entra => "https://login.microsoftonline.com/{tenant}/v2.0",
            Self::Okta => "https://{company}.okta.com",
            Self::Google => "https://accounts.google.com",
            Self::Keycloak => "https://{host}/realms/{realm}",
            Self::OneLogin => "https://{company}.onelogin.com/oidc/2",
            Self::AdFs => "https://{host}/adfs",
            Self::Generic => "https://{host}",
        }
    }

    /// What often goes wrong with the issuer; empty: nothing in particular.
    #[must_use]
    pub const fn issuer_help(self) -> &'static str {
        match self {
            Self::Entra => {
                "Put the tenant's id in place of {tenant}. “common” and “organizations” let in every tenant, and their issuer matches no token, so they are refused."
            }
            Self::Okta => {
                "With a custom authorization server, its id follows: https://{company}.okta.com/oauth2/{server}. Groups need the one that has the groups claim."
            }
            Self::Google => "It is the same for everybody.",
            Self::Keycloak => {
                "Versions before 17, and installations with that path kept, have /auth before /realms."
            }
            Self::OneLogin => "The path /oidc/2 belongs to it.",
            Self::AdFs => "Lower case, as the discovery document states it.",
            Self::Generic => "The address before /.well-known/openid-configuration.",
        }
    }

    /// Values to begin with.
    #[must_use]
    pub const fn preset(self) -> Preset {
        let usual = Preset {
            scopes: "openid profile email",
            max_age: MaxAge::Zero,
            prompt: Prompt::Login,
            acr_values: "",
            required_acr: "",
            auth_time: AuthTime::Essential,
            username_claim: "preferred_username",
            groups_claim: "groups",
        };
        match self {
            Self::Entra | Self::Keycloak | Self::Generic => usual,
            // Classic orgs know max_age=1 only; Identity Engine takes both.
            Self::Okta => Preset {
                scopes: "openid profile email groups",
                max_age: MaxAge::One,
                ..usual
            },
            // prompt takes none, consent and select_account; login is not among them.
            Self::Google => Preset {
                max_age: MaxAge::Unsent,
                prompt: Prompt::Unsent,
                username_claim: "email",
                groups_claim: "",
                ..usual
            },
            Self::OneLogin => Preset {
                scopes: "openid profile email groups",
                max_age: MaxAge::Unsent,
                acr_values: ONELOGIN_AGAIN,
                required_acr: ONELOGIN_AGAIN,
                ..usual
            },
            // max_age needs behaviour level 2; the optional claims parameter is not part of its protocol notes.
            Self::AdFs => Preset {
                scopes: "openid profile email allatclaims",
                max_age: MaxAge::Unsent,
                auth_time: AuthTime::NotAsked,
                username_claim: "upn",
                ..usual
            },
        }
    }

    /// What to know about its groups claim, a sentence each.
    #[must_use]
    pub const fn groups_notes(self) -> &'static [&'static str] {
        match self {
            Self::Entra => &[
                "Entra ID sends object ids, not names. Token configuration → Add groups claim → “Groups assigned to the application” can send names of groups synced from Active Directory, or of cloud groups, if you choose so for the ID token.",
                "With more than 200 groups the list is left out and the token points elsewhere (overage). Muster then removes nobody from a group; “Groups assigned to the application” keeps the list short.",
                "Nested groups are not expanded when groups are assigned to an application.",
            ],
            Self::Okta => &[
                "Okta sends groups only with a groups claim filter: Sign On → OpenID Connect ID Token → Groups claim filter, for example “groups”, “Starts with”, “app-”.",
                "With a custom authorization server, add the claim there instead (Security → API → Claims), and ask for the scope that carries it.",
                "Okta has no nested groups.",
            ],
            Self::Google => &[
                "Google sends no groups at sign-in. Keep groups by hand, use default groups, or read them through the API once that method is available.",
            ],
            Self::Keycloak => &[
                "Add a mapper “Group Membership” with token claim name “groups” to the client's dedicated scope, and switch “Full group path” off: with it names begin with a slash.",
                "Membership in a subgroup does not name the parent group. Nest the groups here, or map roles (claim realm_access.roles).",
            ],
            Self::OneLogin => &[
                "Ask for the scope “groups”. By default it sends the person's group; under Parameters → Groups you can have it send roles, with or without a filter.",
                "The list comes in the answer of userinfo, which Muster asks when the ID token lacks it.",
            ],
            Self::AdFs => &[
                "Add an issuance transform rule “Send LDAP Attributes as Claims” with “Token-Groups - Unqualified Names” as the outgoing claim “groups”. Token-Groups contains nested groups already.",
                "Claims of your own come in the ID token only with the scope “allatclaims”, and if the Web API has the client identifier as its identifier.",
            ],
            Self::Generic => &[
                "Look at the claims in the test sign-in: any claim with a list of names can be the groups claim. A dotted path such as realm_access.roles reaches inside objects.",
            ],
        }
    }
}

/// OneLogin's context class that asks for a new sign-in whatever session there is, and is echoed in the signed `acr`.
pub const ONELOGIN_AGAIN: &str = "onelogin:nist:level:1:re-auth";

#[cfg(test)]
mod tests;
