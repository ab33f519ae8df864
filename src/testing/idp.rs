//! An identity provider that says what it is told to say, bound to the question as a real one binds it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::TimeDelta;
use muster_domain::claims::Claims;
use muster_domain::evidence::{AuthEvidence, Verified};
use muster_domain::id::ProviderId;
use muster_domain::protocol::{
    Ask, Completed, Connection, Departure, Finding, IdentityProvider, Level, Pending, Purpose,
    Returned, SignedOut,
};
use muster_domain::reauth::Sent;
use muster_domain::settings::{Field, Input, Need, Section, SettingsSchema, Shown};
use muster_domain::{Clock, Entropy, Error, Kind};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::FixedClock;

/// One question that reached the provider.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Which provider was asked.
    pub provider: ProviderId,
    /// What for.
    pub purpose: Purpose,
    /// The state.
    pub state: String,
    /// The nonce.
    pub nonce: String,
    /// The PKCE verifier.
    pub verifier: String,
    /// Who was expected.
    pub login_hint: Option<String>,
    /// The client secret that was shown to it.
    pub secret: Option<String>,
    /// The key that was to sign the request.
    pub request_key: Option<String>,
    /// Where it was to send the browser back to.
    pub redirect: Url,
}

/// What the provider is to say.
#[derive(Clone, Debug)]
pub enum Says {
    /// A verified answer with these claims; `sub` names the subject. `iss` may name another issuer than the configured.
    Claims(serde_json::Value),
    /// As [`Self::Claims`], by a clock that is this far ahead of ours.
    Ahead(serde_json::Value, TimeDelta),
    /// An error response: its code and the provider's own words.
    Error(&'static str, Option<&'static str>),
    /// An answer that does not hold.
    Broken(Error),
}

#[derive(Debug)]
struct Code {
    asked: Asked,
    says: Says,
}

#[derive(Debug, Default)]
struct Script {
    asked: Vec<Asked>,
    codes: BTreeMap<String, Code>,
    given: usize,
    down: Option<Error>,
}

/// A scripted identity provider of the kind `oidc`. Every code counts once, at the provider and for the nonce and the
/// verifier of the question it answers.
#[derive(Debug)]
pub struct FakeIdp {
    clock: Arc<FixedClock>,
    script: Mutex<Script>,
}

impl FakeIdp {
    /// One that lives by this clock.
    #[must_use]
    pub fn new(clock: Arc<FixedClock>) -> Self {
        Self {
            clock,
            script: Mutex::default(),
        }
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Every question so far, the first first.
    #[must_use]
    pub fn asked(&self) -> Vec<Asked> {
        self.script().asked.clone()
    }

    /// Cannot be reached from now on, with this error; none: can be reached again.
    pub fn goes_down(&self, error: Option<Error>) {
        self.script().down = error;
    }

    /// What the browser brings back after it went to `left_to` and the provider said this there.
    #[must_use]
    pub fn answers(&self, left_to: &Url, says: Says) -> Returned {
        let state = left_to
            .query_pairs()
            .find(|(name, _)| name == "state")
            .map(|(_, state)| state.into_owned());
        let mut script = self.script();
        let asked = script
            .asked
            .iter()
            .find(|asked| Some(&asked.state) == state.as_ref())
            .cloned();
        let (Some(asked), false) = (asked, matches!(says, Says::Error(..))) else {
            let (error, words) = match says {
                Says::Error(error, words) => (error, words),
                _ => ("unknown_question", None),
            };
            return Returned {
                state,
                error: Some(error.to_owned()),
                error_description: words.map(str::to_owned),
                ..Returned::default()
            };
        };
        script.given += 1;
        let code = format!("code-{}", script.given);
        script.codes.insert(code.clone(), Code { asked, says });
        Returned {
            code: Some(code),
            state,
            ..Returned::default()
        }
    }
}

fn refuse(code: &'static str, public: &'static str) -> Error {
    Error::new(code, Kind::Upstream, public)
}

#[async_trait]
impl IdentityProvider for FakeIdp {
    fn kind(&self) -> &'static str {
        "oidc"
    }

    fn schema(&self) -> SettingsSchema {
        let field = |key, label, input, need| Field {
            key,
            label,
            help: "",
            input,
            need,
            default: "",
        };
        let choice = Input::Choice(vec![("", "Yes"), ("yes", "Yes"), ("no", "No")]);
        SettingsSchema {
            sections: vec![Section {
                title: "Connection",
                help: "",
                shown: Shown::Open,
                fields: vec![
                    field("issuer", "Issuer", Input::Url, Need::Required),
                    field("client_id", "Client ID", Input::Text, Need::Required),
                    field(
                        "client_secret",
                        "Client secret",
                        Input::Secret,
                        Need::Optional,
                    ),
                    field(
                        "required_acr",
                        "Required context",
                        Input::Text,
                        Need::Optional,
                    ),
                    field("control_probe", "Control", choice, Need::Optional),
                    field("prompt", "Prompt", Input::Text, Need::Optional),
                    field(
                        "request_object",
                        "Signed requests",
                        Input::Text,
                        Need::Optional,
                    ),
                ],
            }],
        }
    }

    async fn examine(&self, _connection: &Connection<'_>) -> Vec<Finding> {
        vec![Finding {
            level: Level::Good,
            text: "It is a fake.".to_owned(),
            next: None,
        }]
    }

    async fn begin(&self, connection: &Connection<'_>, ask: &Ask) -> Result<Departure, Error> {
        let mut script = self.script();
        if let Some(error) = &script.down {
            return Err(error.clone());
        }
        script.asked.push(Asked {
            provider: connection.provider,
            purpose: ask.purpose,
            state: ask.state.clone(),
            nonce: ask.nonce.clone(),
            verifier: ask.verifier.clone(),
            login_hint: ask.login_hint.clone(),
            secret: connection
                .secret
                .map(|secret| secret.expose_secret().to_owned()),
            request_key: connection
                .request_key
                .map(|key| key.expose_secret().to_owned()),
            redirect: connection.redirect.clone(),
        });
        let to = format!("https://idp.example/authorize?state={}", ask.state);
        let prompt = match ask.purpose {
            Purpose::SignIn => None,
            Purpose::Control => Some("none".to_owned()),
            Purpose::Force => Some("login".to_owned()),
        };
        let sent = Sent {
            max_age: prompt.as_ref().map(|_| 0),
            prompt,
            ..Sent::default()
        };
        let to = Url::parse(&to).map_err(|error| refuse("FAKE-001", "No address.").internal(error));
        to.map(|to| Departure { to, sent })
    }

    /// Not a key at all, but as unguessable as one.
    fn make_request_key(&self, entropy: &dyn Entropy) -> Option<SecretString> {
        Some(format!("key-{}", entropy.token()).into())
    }

    fn public_keys(&self, keys: &[SecretString]) -> Result<serde_json::Value, Error> {
        let many: Vec<usize> = keys.iter().map(|key| key.expose_secret().len()).collect();
        Ok(serde_json::json!({ "keys": many }))
    }

    async fn complete(
        &self,
        connection: &Connection<'_>,
        pending: &Pending,
        returned: &Returned,
    ) -> Result<Completed, Error> {
        if let Some(error) = &returned.error {
            return Ok(Completed::Refused {
                error: error.clone(),
                description: returned.error_description.clone(),
            });
        }
        let code = returned.code.as_deref().unwrap_or_default();
        let known = self.script().codes.remove(code);
        let Code { asked, says } =
            known.ok_or_else(|| refuse("FAKE-002", "This code was never given or used before."))?;
        if asked.provider != connection.provider {
            return Err(refuse("FAKE-003", "This code is of another provider."));
        }
        if asked.verifier != pending.verifier {
            return Err(refuse("FAKE-004", "The verifier does not fit the code."));
        }
        if asked.nonce != pending.nonce {
            return Err(refuse("FAKE-005", "The nonce is another question's."));
        }
        let now = self.clock.now();
        let (claims, ahead) = match says {
            Says::Claims(claims) => (claims, TimeDelta::zero()),
            Says::Ahead(claims, ahead) => (claims, ahead),
            Says::Broken(error) => return Err(error),
            Says::Error(error, words) => {
                return Ok(Completed::Refused {
                    error: error.to_owned(),
                    description: words.map(str::to_owned),
                });
            }
        };
        let claims: Claims = serde_json::from_value(claims)
            .map_err(|error| refuse("FAKE-006", "No claims.").internal(error))?;
        let configured = connection.settings.get("issuer").cloned();
        Ok(Completed::Answered(Box::new(AuthEvidence::verified(
            Verified {
                provider: connection.provider,
                issuer: claims
                    .text("iss")
                    .map(str::to_owned)
                    .or(configured)
                    .unwrap_or_default(),
                subject: claims.text("sub").unwrap_or_default().to_owned(),
                issued_at: now + ahead,
                received_at: now,
                claims,
            },
        ))))
    }

    async fn sign_out(&self, _connection: &Connection<'_>, return_to: &Url) -> Option<Url> {
        Url::parse_with_params(
            "https://idp.example/logout",
            [("post_logout_redirect_uri", return_to.as_str())],
        )
        .ok()
    }

    async fn signed_out(
        &self,
        _connection: &Connection<'_>,
        token: &str,
    ) -> Result<SignedOut, Error> {
        // The claims themselves: what a real one must be is tested where it is verified.
        let claims: Claims = serde_json::from_str(token)
            .map_err(|error| refuse("FAKE-007", "No announcement.").internal(error))?;
        let text = |name| claims.text(name).map(str::to_owned);
        Ok(SignedOut {
            subject: text("sub"),
            session: text("sid"),
            id: text("jti").unwrap_or_default(),
            ends_at: self.clock.now() + TimeDelta::minutes(10),
        })
    }
}
