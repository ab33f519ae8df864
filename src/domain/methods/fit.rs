//! Which method fits the answers, and why.

use super::{Answers, Fit, Fits, Method, OnPremises, Size};
use crate::vendor::Vendor;

/// How a reason weighs: the heaviest one decides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Against,
    Caution,
    For,
}

use Weight::{Against, Caution, For};

type Reasons = Vec<(Weight, String)>;

/// Every method with how it fits and why, best first; of equals, what is available here comes first, then the order
/// of [`Method::ALL`].
#[must_use]
pub fn recommend(answers: &Answers) -> Vec<Fit> {
    let mut fits: Vec<Fit> = Method::ALL
        .into_iter()
        .map(|method| {
            let mut reasons = reasons(method, answers);
            reasons.sort_by_key(|(weight, _)| *weight);
            let fits = match reasons.first() {
                Some((Against, _)) => Fits::Not,
                Some((Caution, _)) => Fits::Partly,
                Some((For, _)) | None => Fits::Well,
            };
            Fit {
                method,
                fits,
                because: reasons.into_iter().map(|(_, words)| words).collect(),
            }
        })
        .collect();
    fits.sort_by_key(|fit| (fit.fits, fit.method.availability()));
    fits
}

fn reasons(method: Method, answers: &Answers) -> Reasons {
    let raw = match method {
        Method::Manual => manual(answers),
        Method::Jit => jit(answers),
        Method::Ldap => ldap(answers),
        Method::Crowd => crowd(answers),
        Method::ApiConnector => api(answers),
        Method::Scim => scim(answers),
    };
    raw.into_iter()
        .map(|(weight, words)| (weight, words.to_owned()))
        .collect()
}

type Raw = Vec<(Weight, &'static str)>;

fn manual(answers: &Answers) -> Raw {
    let mut raw = vec![match answers.size {
        Size::Dozens => (For, "A few dozen people can be kept by hand."),
        Size::Hundreds => (
            Caution,
            "Hundreds of people by hand are steady work; good beside another method, for local groups and guests.",
        ),
        Size::Thousands => (
            Against,
            "Nobody keeps thousands of people right by hand. Keep it for local groups and the break-glass account.",
        ),
    }];
    if answers.leavers_must_vanish {
        raw.push((Caution, "Somebody has to remember each leaver."));
    }
    if answers.nested_groups {
        raw.push((For, "Groups can be nested here by hand."));
    }
    raw
}

fn jit(answers: &Answers) -> Raw {
    let Some(vendor) = answers.cloud_idp else {
        return vec![(Against, "There is no identity provider to sign in through.")];
    };
    let mut raw = vec![(
        For,
        "The provider is connected for signing in anyway; nothing else is needed.",
    )];
    if answers.leavers_must_vanish {
        raw.push((Against, "Whoever left never signs in again, so this method never learns of it: their account stays until somebody deactivates it."));
    }
    if vendor == Vendor::Google {
        raw.push((Caution, "Google sends no groups at sign-in: they would be kept here by hand or as default groups."));
    }
    if answers.nested_groups {
        raw.push((
            Caution,
            "Claims list groups flat; nesting would be kept here by hand.",
        ));
    }
    if vendor == Vendor::Entra && answers.size == Size::Thousands {
        raw.push((Caution, "People in more than 200 groups arrive without their groups; “Groups assigned to the application” avoids it."));
    }
    raw
}

fn ldap(answers: &Answers) -> Raw {
    match answers.directory {
        OnPremises::None | OnPremises::Crowd => {
            return vec![(
                Against,
                "There is no LDAP directory that this server can read.",
            )];
        }
        OnPremises::Ldap | OnPremises::ActiveDirectory => {}
    }
    let mut raw = vec![(For, "The directory is there, and this server can read it.")];
    if answers.leavers_must_vanish {
        raw.push((For, "Leavers vanish with the next complete sync."));
    }
    if answers.nested_groups {
        raw.push((For, "Nested groups arrive as they are."));
    }
    if answers.directory == OnPremises::ActiveDirectory && answers.size == Size::Thousands {
        raw.push((
            For,
            "Groups of more than 1500 members arrive in ranges, and are read to the end.",
        ));
    }
    raw
}

fn crowd(answers: &Answers) -> Raw {
    if answers.directory != OnPremises::Crowd {
        return vec![(
            Against,
            "There is no Crowd server that this server can read.",
        )];
    }
    let mut raw = vec![(
        For,
        "The Crowd server is there, and this server can read it.",
    )];
    if answers.leavers_must_vanish {
        raw.push((For, "Leavers vanish with the next complete sync."));
    }
    if answers.nested_groups {
        raw.push((
            Caution,
            "Nested groups arrive only if they are switched on in the Crowd directory.",
        ));
    }
    raw
}

fn api(answers: &Answers) -> Raw {
    let mut raw = vec![match answers.cloud_idp {
        Some(Vendor::Entra) => (
            For,
            "Entra ID tells changes since the last time (delta queries).",
        ),
        Some(Vendor::Okta) => (For, "Okta's API lists users, groups and members in full."),
        Some(Vendor::OneLogin) => (For, "OneLogin's API lists users, and roles as groups."),
        Some(Vendor::Google) => (
            For,
            "Google's directory API lists users, groups and members in full, and is the only way to its groups.",
        ),
        Some(Vendor::Keycloak | Vendor::AdFs | Vendor::Generic) | None => {
            return vec![(
                Against,
                "Connectors exist for Entra ID, Google Workspace, Okta and OneLogin only.",
            )];
        }
    }];
    if answers.leavers_must_vanish {
        raw.push((For, "Leavers vanish with the next complete sync."));
    }
    if !answers.inbound_possible {
        raw.push((For, "It needs outgoing connections only."));
    }
    if answers.nested_groups {
        raw.push(match answers.cloud_idp {
            Some(Vendor::Entra | Vendor::Google) => (For, "Nested groups arrive as they are."),
            _ => (
                Caution,
                "The provider itself knows no nested groups; nesting would be kept here by hand.",
            ),
        });
    }
    if answers.cloud_idp == Some(Vendor::Okta) && answers.size == Size::Thousands {
        raw.push((Caution, "Okta's rate limits count for the whole organisation; large syncs need a share set aside."));
    }
    raw
}

fn scim(answers: &Answers) -> Raw {
    let mut raw = vec![match answers.cloud_idp {
        Some(Vendor::Entra) => (For, "Entra ID pushes users and groups."),
        Some(Vendor::Okta) => (
            For,
            "Okta pushes users and groups; it deactivates leavers and never deletes them.",
        ),
        Some(Vendor::OneLogin) => (For, "OneLogin pushes users and groups."),
        Some(Vendor::Generic) => (Caution, "It fits if your provider can push by SCIM 2.0."),
        Some(Vendor::Google) => (
            Caution,
            "Check first whether Google Workspace offers pushing to an application of your own; its API is the surer way.",
        ),
        Some(Vendor::Keycloak) => {
            return vec![(
                Against,
                "Keycloak does not push by SCIM without an extension.",
            )];
        }
        Some(Vendor::AdFs) | None => {
            return vec![(Against, "There is no provider that could push.")];
        }
    }];
    if !answers.inbound_possible {
        raw.push(match answers.cloud_idp {
            Some(Vendor::Entra) => (Caution, "The provider cannot reach this server; Microsoft's provisioning agent inside your network can stand in between."),
            _ => (Against, "The provider cannot reach this server."),
        });
    }
    if answers.leavers_must_vanish {
        raw.push((For, "Leavers are deactivated within minutes."));
    }
    if answers.nested_groups {
        raw.push(match answers.cloud_idp {
            Some(Vendor::Entra) => (
                Caution,
                "A nested group arrives as one member, and only if it is assigned itself.",
            ),
            Some(Vendor::Okta) => (
                Caution,
                "Okta cannot push nested groups; nesting would be kept here by hand.",
            ),
            _ => (
                Caution,
                "Whether nested groups arrive depends on the provider.",
            ),
        });
    }
    raw
}
