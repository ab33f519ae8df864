//! What to do about re-authentication, vendor by vendor.

use super::Vendor;

/// What is known about forcing a new sign-in at a vendor. Documentation, not proof: the test of your own provider decides.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Advice {
    /// Whether the vendor can be made to ask again.
    pub forcible: Forcible,
    /// What is sent to make it ask.
    pub by: &'static str,
    /// Whether and how it states the time of sign-in.
    pub states: &'static str,
    /// What to do there, in order.
    pub steps: &'static [&'static str],
    /// What surprises people.
    pub traps: &'static [&'static str],
}

/// Whether a vendor can be made to ask again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Forcible {
    /// Yes, by its documentation.
    Yes,
    /// Yes, but something can answer in the person's place.
    Partly,
    /// No.
    No,
    /// Nothing is known.
    Unknown,
}

impl Vendor {
    /// What to know and do about re-authentication at this vendor.
    #[must_use]
    pub const fn reauth_advice(self) -> Advice {
        match self {
            Self::Entra => ENTRA,
            Self::Okta => OKTA,
            Self::Google => GOOGLE,
            Self::Keycloak => KEYCLOAK,
            Self::OneLogin => ONELOGIN,
            Self::AdFs => AD_FS,
            Self::Generic => GENERIC,
        }
    }
}

const ENTRA: Advice = Advice {
    forcible: Forcible::Yes,
    by: "prompt=login and max_age=0",
    states: "Only if the optional claim auth_time is added to the ID token. It is the time of the password, not of the second factor after it.",
    steps: &[
        "Open App registrations, your application, Token configuration.",
        "Choose Add optional claim, token type ID, and tick auth_time. Without it every test ends as unprovable.",
        "Run the re-authentication test again.",
    ],
    traps: &[
        "A slow second factor makes the stated time older than the return: it is compared with the moment of asking, so this does no harm.",
        "For federated domains Entra ID translates prompt=login into wfresh=0 for the federation server, unless PromptLoginBehavior of the domain says otherwise.",
        "A Conditional Access sign-in frequency (90 days rolling by default) is not a new sign-in.",
    ],
};

const OKTA: Advice = Advice {
    forcible: Forcible::Yes,
    by: "max_age=1 (Classic Engine) or max_age=0 (Identity Engine), with prompt=login",
    states: "auth_time in the ID token.",
    steps: &[
        "Leave the maximum age at 1 second: both engines understand it.",
        "If a context class is required, choose one that the sign-on policy can meet.",
    ],
    traps: &[
        "acr_values that Okta does not know are ignored silently: state the required context class too, so that the answer is checked.",
        "A class that cannot be met comes back as the error unmet_authentication_requirements, which counts as too weak.",
    ],
};

const GOOGLE: Advice = Advice {
    forcible: Forcible::No,
    by: "nothing: Google knows prompt=none, consent and select_account only",
    states: "auth_time only for published and verified applications with “Session age claims” switched on, and only when asked for as an essential claim. It is the time of the Google session.",
    steps: &[
        "Do not rely on Google for secure admin sessions: give administrators another provider, or an internal account with a password.",
        "Under Google Auth Platform, Settings, switch on “Session age claims”, so that at least the age of the Google session shows.",
    ],
    traps: &[
        "A sign-in that was recent by itself, after the question, is accepted if Google states its time; a session from this morning is stale, and rightly so.",
    ],
};

const KEYCLOAK: Advice = Advice {
    forcible: Forcible::Yes,
    by: "prompt=login and max_age=0",
    states: "auth_time in the ID token. acr is 0 when only the cookie answered.",
    steps: &[
        "Nothing needs to be set for local users of the realm.",
        "For a step-up, map levels under Realm settings, ACR to LoA mapping, and enter the class as required context class.",
        "Pushed requests are used when the realm offers them, so that the browser cannot strip what forces.",
    ],
    traps: &[
        "Behind identity brokering a new auth_time can be issued although the upstream provider sent the person straight back: pass prompt=login or max_age on to it, and test with a brokered person.",
        "Through SAML Keycloak states “now” always: use OpenID Connect for this.",
    ],
};

const ONELOGIN: Advice = Advice {
    forcible: Forcible::Yes,
    by: "acr_values=onelogin:nist:level:1:re-auth",
    states: "acr in the signed ID token repeats the class. auth_time is not documented: the test shows whether it comes.",
    steps: &[
        "Leave both fields, context classes to ask for and required context class, at the value that is filled in.",
        "Do not add the scope offline_access: it is not allowed together with this class.",
    ],
    traps: &[
        "If the answer states no auth_time, the class alone shows the method, not the moment: the result is unprovable.",
    ],
};

const AD_FS: Advice = Advice {
    forcible: Forcible::Partly,
    by: "prompt=login; max_age only with behaviour level 2 or higher",
    states: "auth_time, by general knowledge: the test shows whether it comes.",
    steps: &[
        "Use Windows Server 2016 or later with current updates: KB4077525 fixes “AD FS ignores the prompt=login parameter”.",
        "If people come from another claims provider, set PromptLoginFederation for it, so that prompt=login is passed on.",
        "Test once from a computer that is joined to the domain.",
    ],
    traps: &[
        "Windows integrated sign-in can answer without the person: use forms authentication for the addresses administrators come from.",
    ],
};

const GENERIC: Advice = Advice {
    forcible: Forcible::Unknown,
    by: "prompt=login and max_age=0",
    states: "auth_time, if it follows OpenID Connect Core: required in the answer when max_age is sent.",
    steps: &[
        "Run the re-authentication test. It asks once without force and once with it, and compares the stated times.",
        "If it ends as stale or never ends, set the maximum age to 1 second or to “do not send it”, and test again.",
        "If it ends as unprovable, look for a setting that adds auth_time to the ID token.",
    ],
    traps: &[
        "Some providers ignore max_age=0, some show their form for ever on it.",
        "Some send the person straight back if the last sign-in was only seconds ago: wait a little before testing.",
        "Some state “now” without asking anybody. The control without force finds them out.",
    ],
};
