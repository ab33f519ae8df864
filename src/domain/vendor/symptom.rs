//! What was seen at a provider, matched with what its vendor's documentation says about it.

use super::Vendor;
use crate::calibration::Finding;

/// What is wrong with a provider's answers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Symptom {
    /// It states a new sign-in although nobody made one.
    InventsTimes,
    /// A sign-in comes back although it was cancelled.
    IgnoresCancel,
    /// It does not ask again.
    SendsBack,
    /// It states no time.
    StatesNothing,
    /// It does not state the context class that was asked for.
    WeakClass,
}

impl Symptom {
    /// What a finding is a symptom of.
    #[must_use]
    pub const fn of(finding: Finding) -> Option<Self> {
        match finding {
            Finding::AlwaysNow | Finding::Invented => Some(Self::InventsTimes),
            Finding::Ignored => Some(Self::IgnoresCancel),
            Finding::SentBack => Some(Self::SendsBack),
            Finding::NoTime => Some(Self::StatesNothing),
            Finding::Weak => Some(Self::WeakClass),
            Finding::OldTime
            | Finding::NewTime
            | Finding::CalledOff
            | Finding::WentOn
            | Finding::Nothing => None,
        }
    }

    /// The symptom in a few words.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::InventsTimes => "It invents its times",
            Self::IgnoresCancel => "It goes on after cancel",
            Self::SendsBack => "It does not ask again",
            Self::StatesNothing => "It states no time",
            Self::WeakClass => "It leaves out the context class",
        }
    }
}

impl Vendor {
    /// What to do about a symptom at this vendor, in one or two sentences.
    #[must_use]
    pub const fn remedy(self, symptom: Symptom) -> &'static str {
        match (self, symptom) {
            (Self::Okta, Symptom::SendsBack) => {
                "Set the maximum age to 1 second: the Classic Engine does not take 0. For a SAML application, “Honor Force Authentication” must be Yes."
            }
            (Self::Google, Symptom::SendsBack) => {
                "Google cannot be forced. Give administrators another provider, or an internal account with a password and a second factor."
            }
            (Self::OneLogin, Symptom::SendsBack) => {
                "Ask for the context class onelogin:nist:level:1:re-auth and require it: OneLogin forces a new sign-in only so."
            }
            (Self::AdFs, Symptom::SendsBack) => {
                "Windows may sign the person in silently: use forms authentication for the addresses administrators come from. Behaviour level 2 is needed for max_age."
            }
            (Self::Entra, Symptom::SendsBack) => {
                "If the domain is federated, look at its PromptLoginBehavior: the federation server may answer from its own session."
            }
            (Self::Keycloak, Symptom::SendsBack) => {
                "If people come from a brokered provider, pass prompt and max_age on to it; use pushed requests, so that the browser strips nothing."
            }
            (Self::Generic, Symptom::SendsBack) => {
                "Set the maximum age to 1 second or to “do not send it”, try a context class, then test again."
            }
            (Self::Entra, Symptom::StatesNothing) => {
                "Add the optional claim auth_time to the ID token: App registrations, Token configuration, Add optional claim."
            }
            (Self::Google, Symptom::StatesNothing) => {
                "Switch on “Session age claims” under Google Auth Platform, Settings. Even then the time is that of the Google session."
            }
            (Self::OneLogin, Symptom::StatesNothing) => {
                "OneLogin does not document auth_time: the context class shows the method, not the moment. A second factor has to confirm its answers."
            }
            (_, Symptom::StatesNothing) => {
                "Look for a setting that adds auth_time to the ID token, and leave “Ask for the time of sign-in” on."
            }
            (Self::Keycloak, Symptom::InventsTimes) => {
                "Keycloak states the truth for its own users. Behind identity brokering it stamps its own time: test with a local user, or have the brokered provider checked instead."
            }
            (_, Symptom::InventsTimes) => {
                "Its times cannot prove presence. Ask its maker for an auth_time that is the time of the sign-in; until then a second factor has to confirm its answers."
            }
            (_, Symptom::IgnoresCancel) => {
                "Its answers say nothing about the person. Do not use it for secure sessions, and tell its maker."
            }
            (Self::Okta, Symptom::WeakClass) => {
                "Okta ignores classes it does not know, silently. Choose one that the sign-on policy can meet."
            }
            (Self::Keycloak, Symptom::WeakClass) => {
                "Map the class to a level under Realm settings, ACR to LoA mapping."
            }
            (_, Symptom::WeakClass) => {
                "Ask for a context class that the provider names in its discovery document, or for none."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_symptom_has_a_remedy_at_every_vendor() {
        let all = [
            Symptom::InventsTimes,
            Symptom::IgnoresCancel,
            Symptom::SendsBack,
            Symptom::StatesNothing,
            Symptom::WeakClass,
        ];
        for vendor in Vendor::ALL {
            for symptom in all {
                assert!(
                    vendor.remedy(symptom).ends_with('.'),
                    "{vendor:?} {symptom:?}"
                );
                assert!(!symptom.label().is_empty());
            }
        }
        assert!(
            Vendor::Okta
                .remedy(Symptom::SendsBack)
                .contains("Honor Force Authentication")
        );
        assert!(
            Vendor::Entra
                .remedy(Symptom::StatesNothing)
                .contains("optional claim")
        );
        assert!(
            Vendor::Google
                .remedy(Symptom::SendsBack)
                .contains("cannot be forced")
        );
    }

    #[test]
    fn a_finding_that_speaks_for_a_provider_is_no_symptom() {
        for finding in [
            Finding::OldTime,
            Finding::NewTime,
            Finding::CalledOff,
            Finding::Nothing,
        ] {
            assert_eq!(Symptom::of(finding), None);
        }
        assert_eq!(Symptom::of(Finding::Invented), Some(Symptom::InventsTimes));
    }
}
