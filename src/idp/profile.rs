//! The settings of an OpenID Connect provider: the form, and what is read from it.

use muster_domain::Error;
use muster_domain::protocol::Connection;
use muster_domain::settings::{Field, Input, Need, Section, SettingsSchema, Shown, Values};
use secrecy::SecretString;

use crate::codes;

/// How the client proves itself at the token endpoint.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum ClientAuth {
    /// What the provider offers, `client_secret_basic` first.
    Auto,
    /// `client_secret_basic`.
    Basic,
    /// `client_secret_post`.
    Post,
}

/// Whether requests are sent ahead of the browser (RFC 9126).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Push {
    /// Where the provider takes them.
    WhenOffered,
    /// Always: without them nobody is sent there.
    Always,
    /// Never.
    Never,
}

/// The settings, read.
pub(crate) struct Profile<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) secret: Option<&'a SecretString>,
    pub(crate) scopes: Vec<&'a str>,
    pub(crate) client_auth: ClientAuth,
    pub(crate) max_age: Option<u64>,
    pub(crate) prompt: Option<&'a str>,
    pub(crate) acr_values: Vec<&'a str>,
    pub(crate) required_acr: Option<&'a str>,
    pub(crate) push: Push,
    pub(crate) asks_auth_time: bool,
    pub(crate) asks_acr: bool,
    pub(crate) signs: bool,
    pub(crate) request_key: Option<&'a SecretString>,
    pub(crate) asks_userinfo: bool,
}

impl<'a> Profile<'a> {
    /// Reads the settings; what is missing gets the default of [`schema`].
    pub(crate) fn of(connection: &'a Connection<'_>) -> Result<Self, Error> {
        let values = connection.settings;
        let required = |key: &str, label: &str| {
            text(values, key).ok_or_else(|| {
                codes::SETTINGS
                    .saying(format!("The provider's settings have no {label}."))
                    .field(key, format!("Enter the {label}."))
            })
        };
        Ok(Self {
            issuer: required("issuer", "issuer")?,
            client_id: required("client_id", "client identifier")?,
            secret: connection.secret,
            scopes: text(values, "scopes")
                .unwrap_or(SCOPES)
                .split_whitespace()
                .collect(),
            client_auth: match text(values, "client_auth") {
                Some("basic") => ClientAuth::Basic,
                Some("post") => ClientAuth::Post,
                _ => ClientAuth::Auto,
            },
            max_age: match text(values, "max_age") {
                Some("none") => None,
                Some("1") => Some(1),
                _ => Some(0),
            },
            prompt: match text(values, "prompt") {
                None => Some("login"),
                Some("unsent") => None,
                chosen => chosen,
            },
            acr_values: text(values, "acr_values")
                .unwrap_or_default()
                .split_whitespace()
                .collect(),
            required_acr: text(values, "required_acr"),
            push: match text(values, "use_par") {
                Some("never") => Push::Never,
                Some("always") => Push::Always,
                _ => Push::WhenOffered,
            },
            asks_auth_time: text(values, "claims_auth_time") != Some("no"),
            // Providers connected before this could be set were asked for both or for none.
            asks_acr: text(values, "claims_acr").or(text(values, "claims_auth_time")) != Some("no"),
            signs: text(values, "request_object") == Some("signed"),
            request_key: connection.request_key,
            asks_userinfo: text(values, "userinfo") != Some("never"),
        })
    }
}

fn text<'a>(values: &'a Values, key: &str) -> Option<&'a str> {
    values
        .get(key)
        .map(|value| value.trim())
        .filter(|value| !value.is_empty())
}

const SCOPES: &str = "openid profile email";

/// The form. Keys are stable: they are stored and exported.
pub(crate) fn schema() -> SettingsSchema {
    SettingsSchema {
        sections: vec![client_section(), reauth_section(), detail_section()],
    }
}

fn client_section() -> Section {
    Section {
        title: "Provider and client",
        help: "As the provider shows them where this application is registered there.",
        shown: Shown::Open,
        fields: vec![
            field(
                "issuer",
                "Issuer",
                "Its address, exactly as the provider states it. The rest is read from its discovery document.",
                Input::Url,
                Need::Required,
                "",
            ),
            field(
                "client_id",
                "Client identifier",
                "",
                Input::Text,
                Need::Required,
                "",
            ),
            field(
                "client_secret",
                "Client secret",
                "Leave it empty for a public client. Note when it expires.",
                Input::Secret,
                Need::Optional,
                "",
            ),
            field(
                "scopes",
                "Scopes",
                "Separated by spaces; openid is always asked for. Add the provider's scope for groups here.",
                Input::Text,
                Need::Optional,
                SCOPES,
            ),
        ],
    }
}

fn reauth_section() -> Section {
    Section {
        title: "Re-authentication",
        help: "How the provider is told to ask for a new sign-in, and what its answer must show. The test tells what works.",
        shown: Shown::Folded,
        fields: vec![
            field(
                "prompt",
                "Prompt",
                "What the provider is to show. Only login asks for a new sign-in; the others are for providers that refuse it.",
                Input::Choice(vec![
                    ("login", "login: sign in again"),
                    ("select_account", "select_account: choose an account"),
                    ("consent", "consent: agree again"),
                    ("unsent", "Do not send it"),
                ]),
                Need::Optional,
                "login",
            ),
            field(
                "max_age",
                "Maximum age",
                "0 asks for a new sign-in. Some providers ignore 0 or loop on it; 1 does nearly the same.",
                Input::Choice(vec![
                    ("0", "0 seconds"),
                    ("1", "1 second"),
                    ("none", "Do not send it"),
                ]),
                Need::Optional,
                "0",
            ),
            field(
                "claims_auth_time",
                "Ask for the time of sign-in",
                "Asks for auth_time as an essential claim. Without a stated time nothing can be proven.",
                yes_no(),
                Need::Optional,
                "yes",
            ),
            field(
                "acr_values",
                "Context classes to ask for",
                "acr_values, separated by spaces. Some providers force a new sign-in only this way. The answer must state one of them.",
                Input::Text,
                Need::Optional,
                "",
            ),
            field(
                "required_acr",
                "Required context class",
                "The answer must state exactly this acr, or it counts as too weak.",
                Input::Text,
                Need::Optional,
                "",
            ),
            field(
                "claims_acr",
                "Ask for the context class as a claim",
                "Where a context class is required, asks for acr as an essential claim as well.",
                yes_no(),
                Need::Optional,
                "yes",
            ),
            field(
                "control_probe",
                "Control without force",
                "Asks once without force, to learn what the stated times are worth. Without it they are believed untested.",
                yes_no(),
                Need::Optional,
                "yes",
            ),
        ],
    }
}

fn detail_section() -> Section {
    Section {
        title: "Protocol details",
        help: "",
        shown: Shown::Folded,
        fields: vec![
            field(
                "client_auth",
                "Client authentication",
                "How the secret is sent to the token endpoint.",
                Input::Choice(vec![
                    ("auto", "As the provider offers"),
                    ("basic", "In the header (client_secret_basic)"),
                    ("post", "In the form (client_secret_post)"),
                ]),
                Need::Optional,
                "auto",
            ),
            field(
                "use_par",
                "Pushed requests",
                "A request sent directly to the provider cannot be changed in the browser (RFC 9126).",
                Input::Choice(vec![
                    ("auto", "When the provider offers them"),
                    ("always", "Always: without them nobody is sent there"),
                    ("never", "Never"),
                ]),
                Need::Optional,
                "auto",
            ),
            field(
                "request_object",
                "Signed requests",
                "Signs what is asked (RFC 9101, ES256), so that the browser cannot change it. Enter the address of the public keys at the provider; its page here shows it.",
                Input::Choice(vec![("unsigned", "Not signed"), ("signed", "Signed")]),
                Need::Optional,
                "unsigned",
            ),
            field(
                "userinfo",
                "Userinfo",
                "Asks the provider for name, e-mail address and groups if the ID token misses them.",
                Input::Choice(vec![
                    ("auto", "When claims are missing"),
                    ("never", "Never"),
                ]),
                Need::Optional,
                "auto",
            ),
        ],
    }
}

fn yes_no() -> Input {
    Input::Choice(vec![("yes", "Yes"), ("no", "No")])
}

const fn field(
    key: &'static str,
    label: &'static str,
    help: &'static str,
    input: Input,
    need: Need,
    default: &'static str,
) -> Field {
    Field {
        key,
        label,
        help,
        input,
        need,
        default,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_accepts_its_own_defaults() {
        let sent = Values::from([
            ("issuer".to_owned(), "https://idp.example".to_owned()),
            ("client_id".to_owned(), "muster".to_owned()),
        ]);
        let values = schema().check(&sent, &[]).unwrap();
        let got = |key: &str| values.get(key).map(String::as_str);
        assert_eq!(got("max_age"), Some("0"));
        assert_eq!(got("prompt"), Some("login"));
        assert_eq!(got("request_object"), Some("unsigned"));
        assert_eq!(got("scopes"), Some(SCOPES));
        assert!(schema().check(&Values::new(), &[]).is_err());
    }
}
