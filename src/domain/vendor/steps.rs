//! How a provider is set up at each vendor: where to click, what to paste.

use super::Vendor;

/// Our addresses that must be entered at the vendor.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Addresses<'a> {
    /// Where the provider sends people back to.
    pub redirect: &'a str,
    /// Where it sends them after signing out.
    pub post_logout: &'a str,
}

/// One numbered instruction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    /// What to do, in words.
    pub text: String,
    /// What to paste there, if something is.
    pub paste: Option<String>,
}

impl Vendor {
    /// What to do at the vendor, in order.
    #[must_use]
    pub fn instructions(self, addresses: Addresses<'_>) -> Vec<Step> {
        let raw = match self {
            Self::Entra => ENTRA,
            Self::Okta => OKTA,
            Self::Google => GOOGLE,
            Self::Keycloak => KEYCLOAK,
            Self::OneLogin => ONELOGIN,
            Self::AdFs => AD_FS,
            Self::Generic => GENERIC,
        };
        raw.iter()
            .map(|(text, paste)| Step {
                text: (*text).to_owned(),
                paste: paste.of(addresses),
            })
            .collect()
    }
}

/// What is pasted in a step.
#[derive(Clone, Copy)]
enum Paste {
    Nothing,
    Redirect,
    PostLogout,
    Text(&'static str),
}

impl Paste {
    fn of(self, addresses: Addresses<'_>) -> Option<String> {
        match self {
            Self::Nothing => None,
            Self::Redirect => Some(addresses.redirect.to_owned()),
            Self::PostLogout => Some(addresses.post_logout.to_owned()),
            Self::Text(text) => Some(text.to_owned()),
        }
    }
}

use Paste::{Nothing, PostLogout, Redirect, Text};

type Raw = &'static [(&'static str, Paste)];

const ENTRA: Raw = &[
    (
        "In the Microsoft Entra admin center open Identity → Applications → App registrations and choose New registration.",
        Nothing,
    ),
    (
        "Give it this name, and choose “Accounts in this organizational directory only”.",
        Text("Muster"),
    ),
    (
        "Under Redirect URI choose the platform “Web”, paste this address, and choose Register.",
        Redirect,
    ),
    (
        "Under Authentication (Preview: Redirect URI configuration) add this address as another Web redirect URI, for signing out.",
        PostLogout,
    ),
    (
        "Under Certificates & secrets choose New client secret. Copy its Value (not the Secret ID) into the client secret here, and note when it expires.",
        Nothing,
    ),
    (
        "Under Token configuration choose Add optional claim → ID, tick auth_time, email and preferred_username, and choose Add. Without auth_time a new sign-in cannot be proven.",
        Text("auth_time"),
    ),
    (
        "For groups choose Add groups claim there → “Groups assigned to the application”.",
        Nothing,
    ),
    (
        "From Overview copy the Application (client) ID into the client identifier here, and the Directory (tenant) ID into the issuer.",
        Text("https://login.microsoftonline.com/{tenant}/v2.0"),
    ),
    (
        "To let in only some people, open Enterprise applications → Muster → Properties, set “Assignment required” to Yes, and assign them under Users and groups.",
        Nothing,
    ),
];

const OKTA: Raw = &[
    (
        "In the Okta Admin Console open Applications → Applications and choose Create App Integration.",
        Nothing,
    ),
    (
        "Choose “OIDC - OpenID Connect” and “Web Application”, then Next.",
        Nothing,
    ),
    (
        "Leave the grant type at Authorization Code. Paste this address as Sign-in redirect URI.",
        Redirect,
    ),
    ("Paste this address as Sign-out redirect URI.", PostLogout),
    (
        "Under Assignments choose who may sign in, and save.",
        Nothing,
    ),
    (
        "Copy Client ID and Client secret into the fields here.",
        Nothing,
    ),
    (
        "For groups open Sign On → OpenID Connect ID Token → Edit, and set the groups claim filter: name groups, for example “Starts with” and the beginning of your groups' names.",
        Text("groups"),
    ),
    (
        "On the same tab set Issuer to the Okta address instead of Dynamic, and enter that address as the issuer here.",
        Text("https://{company}.okta.com"),
    ),
];

const GOOGLE: Raw = &[
    (
        "In the Google Cloud console choose or create a project of your organisation, and open Google Auth Platform.",
        Nothing,
    ),
    (
        "Under Audience choose Internal, so that only people of your organisation can sign in.",
        Nothing,
    ),
    (
        "Under Clients choose Create client, and the application type Web application.",
        Nothing,
    ),
    (
        "Under Authorized redirect URIs paste this address, and choose Create.",
        Redirect,
    ),
    (
        "Copy Client ID and Client secret into the fields here. The secret is shown only once.",
        Nothing,
    ),
    (
        "Enter this issuer here.",
        Text("https://accounts.google.com"),
    ),
    (
        "Enter your organisation's domains here, so that creation can be limited to them. Google takes no sign-out address: signing out here leaves the Google session.",
        Nothing,
    ),
    (
        "Optional: under Settings switch on “Session age claims” (published and verified applications only), so that Google states the age of its session.",
        Nothing,
    ),
];

const KEYCLOAK: Raw = &[
    (
        "In the admin console choose the realm, open Clients, and choose Create client.",
        Nothing,
    ),
    (
        "Client type OpenID Connect, and this Client ID.",
        Text("muster"),
    ),
    (
        "Switch Client authentication on; leave Standard flow on, and switch Direct access grants off.",
        Nothing,
    ),
    (
        "Paste this address as Valid redirect URI, without a star.",
        Redirect,
    ),
    (
        "Paste this address as Valid post logout redirect URI, and save.",
        PostLogout,
    ),
    (
        "From Credentials copy the Client secret into the field here.",
        Nothing,
    ),
    (
        "Under Advanced set Proof Key for Code Exchange Code Challenge Method to S256.",
        Text("S256"),
    ),
    (
        "For groups open Client scopes → muster-dedicated → Configure a new mapper → Group Membership: token claim name groups, Full group path off, Add to ID token on.",
        Text("groups"),
    ),
    (
        "Enter the realm's address as the issuer here.",
        Text("https://{host}/realms/{realm}"),
    ),
];

const ONELOGIN: Raw = &[
    (
        "In OneLogin's administration open Applications → Applications, choose Add App, and find OpenId Connect (OIDC).",
        Text("OpenId Connect (OIDC)"),
    ),
    ("Give it a name and save.", Text("Muster")),
    (
        "Under Configuration paste this address as Redirect URI.",
        Redirect,
    ),
    (
        "Paste this address as Post Logout Redirect URI.",
        PostLogout,
    ),
    (
        "Under SSO set Application Type to Web and Token Endpoint Authentication Method to Basic, or to POST.",
        Nothing,
    ),
    (
        "From SSO copy Client ID and Client Secret into the fields here, and the Issuer URL into the issuer.",
        Text("https://{company}.onelogin.com/oidc/2"),
    ),
    (
        "For groups open Parameters → Groups, and choose what is sent: groups, or roles with a filter.",
        Nothing,
    ),
    (
        "Under Access choose the roles whose people may sign in.",
        Nothing,
    ),
];

const AD_FS: Raw = &[
    (
        "In AD FS Management open Application Groups and choose Add Application Group → Server application accessing a web API.",
        Nothing,
    ),
    (
        "Copy the Client Identifier into the field here, and paste this address as Redirect URI.",
        Redirect,
    ),
    (
        "Tick Generate a shared secret, and copy it into the client secret here. It is shown only once.",
        Nothing,
    ),
    (
        "As the Web API's identifier enter the Client Identifier again, so that claims come in the ID token.",
        Nothing,
    ),
    ("Choose an access control policy: who may sign in.", Nothing),
    (
        "As permitted scopes tick openid, profile, email and allatclaims.",
        Text("openid profile email allatclaims"),
    ),
    (
        "Open the Web API → Issuance Transform Rules, and add “Send LDAP Attributes as Claims”: E-Mail-Addresses as email, Display-Name as name, User-Principal-Name as upn, Token-Groups - Unqualified Names as groups.",
        Nothing,
    ),
    (
        "Allow signing out to this address, in PowerShell: Set-AdfsServerApplication -TargetName Muster -LogoutUri, followed by the address.",
        PostLogout,
    ),
    ("Enter this issuer here.", Text("https://{host}/adfs")),
];

const GENERIC: Raw = &[
    (
        "At the provider register a confidential web application (OpenID Connect, authorization code flow with PKCE).",
        Nothing,
    ),
    ("Paste this address as redirect URI, exactly.", Redirect),
    (
        "Paste this address as post-logout redirect URI, if there is a field for it.",
        PostLogout,
    ),
    (
        "Copy client identifier and client secret into the fields here.",
        Nothing,
    ),
    (
        "Have the ID token hold auth_time, a username, a name, and an e-mail address with email_verified; and a list of group names, if groups are to follow.",
        Text("auth_time preferred_username name email email_verified groups"),
    ),
    (
        "Enter the issuer here: the address before /.well-known/openid-configuration.",
        Nothing,
    ),
];
