//! The trait behind which a sign-in protocol stands (OIDC now; SAML and Kerberos later), so that services name none.

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::evidence::AuthEvidence;
use crate::id::ProviderId;
use crate::reauth::Sent;
use crate::settings::{SettingsSchema, Values};
use crate::{Entropy, Error};

/// A provider's configuration as a protocol needs it. The secret is revealed for the duration of one call.
pub struct Connection<'a> {
    /// Which provider.
    pub provider: ProviderId,
    /// Values of the kind's schema.
    pub settings: &'a Values,
    /// The client secret, if there is one.
    pub secret: Option<&'a secrecy::SecretString>,
    /// The key that requests are signed with, if they are, in the form [`IdentityProvider::make_request_key`] gave it.
    pub request_key: Option<&'a secrecy::SecretString>,
    /// The address the provider sends people back to.
    pub redirect: Url,
}

/// What one round trip is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// An ordinary sign-in: nothing is forced.
    SignIn,
    /// A control probe: no interaction wanted (`prompt=none`).
    Control,
    /// A forced new sign-in.
    Force,
}

/// What to ask for.
#[derive(Clone, Debug)]
pub struct Ask {
    /// What the round trip is for.
    pub purpose: Purpose,
    /// Fresh unguessable value that ties the answer to this browser.
    pub state: String,
    /// Fresh unguessable value that ties the token to this question.
    pub nonce: String,
    /// Fresh unguessable value for PKCE (RFC 7636), 43 to 128 characters.
    pub verifier: String,
    /// Who is expected, as a hint to the provider.
    pub login_hint: Option<String>,
}

/// Where to send the browser, and what was sent with it.
#[derive(Clone, Debug)]
pub struct Departure {
    /// The provider's address with the request.
    pub to: Url,
    /// The parameters that force.
    pub sent: Sent,
}

/// What was remembered when the browser left.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The nonce of the question.
    pub nonce: String,
    /// The PKCE verifier of the question.
    pub verifier: String,
    /// What the round trip was for.
    pub purpose: Purpose,
}

/// What the browser brought back, decoded.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Returned {
    /// Authorization code.
    pub code: Option<String>,
    /// The state we sent.
    pub state: Option<String>,
    /// The issuer that answers (RFC 9207).
    pub iss: Option<String>,
    /// Error code (RFC 6749 section 4.1.2.1).
    pub error: Option<String>,
    /// The provider's own words; never shown as markup.
    pub error_description: Option<String>,
}

/// How a completed round trip ended.
#[derive(Clone, Debug)]
pub enum Completed {
    /// A verified answer.
    Answered(Box<AuthEvidence>),
    /// The provider's error response.
    Refused {
        /// Error code.
        error: String,
        /// The provider's own words, cut to 300 characters.
        description: Option<String>,
    },
}

/// A sign-out that a provider announced (OpenID Connect Back-Channel Logout 1.0), verified. Names a subject, a session at
/// the provider, or both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignedOut {
    /// Whose sessions are over.
    pub subject: Option<String>,
    /// Which session at the provider is over.
    pub session: Option<String>,
    /// The announcement's own id (`jti`).
    pub id: String,
    /// Until when it could be presented again.
    pub ends_at: DateTime<Utc>,
}

/// One thing that was looked at while a provider was examined.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Finding {
    /// How it speaks.
    pub level: Level,
    /// In words: "Issuer matches", "No PKCE support stated".
    pub text: String,
    /// What to do, if something is to be done.
    pub next: Option<String>,
}

/// How serious a finding is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Good,
    /// Worth knowing.
    Note,
    /// Works, but not as well or as safely as it could.
    Caution,
    /// Sign-in cannot work.
    Problem,
}

/// A sign-in protocol.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// The kind's stable name: `oidc`.
    fn kind(&self) -> &'static str;

    /// The form that configures one.
    fn schema(&self) -> SettingsSchema;

    /// Looks at a provider's published configuration and tells everything worth knowing, problems in words.
    /// Reaches the network; makes no session and changes nothing.
    async fn examine(&self, connection: &Connection<'_>) -> Vec<Finding>;

    /// Where to send the browser.
    ///
    /// # Errors
    /// When the provider's configuration cannot be read or the pushed request is refused.
    async fn begin(&self, connection: &Connection<'_>, ask: &Ask) -> Result<Departure, Error>;

    /// Verifies what came back.
    ///
    /// # Errors
    /// With a stable `OIDC-…` code when anything about the answer does not hold.
    async fn complete(
        &self,
        connection: &Connection<'_>,
        pending: &Pending,
        returned: &Returned,
    ) -> Result<Completed, Error>;

    /// A new key to sign requests with, as text to be sealed; none: this protocol signs none.
    fn make_request_key(&self, _entropy: &dyn Entropy) -> Option<secrecy::SecretString> {
        None
    }

    /// The public halves of such keys as a JWK set (RFC 7517 section 5).
    ///
    /// # Errors
    /// When a key is none.
    fn public_keys(&self, _keys: &[secrecy::SecretString]) -> Result<serde_json::Value, Error> {
        Ok(serde_json::json!({ "keys": [] }))
    }

    /// Where to send the browser to end the session at the provider as well, if it offers that.
    async fn sign_out(&self, connection: &Connection<'_>, return_to: &Url) -> Option<Url>;

    /// Verifies a sign-out that the provider announces.
    ///
    /// # Errors
    /// With a stable `OIDC-…` code when anything about the token does not hold.
    async fn signed_out(
        &self,
        connection: &Connection<'_>,
        token: &str,
    ) -> Result<SignedOut, Error>;
}
