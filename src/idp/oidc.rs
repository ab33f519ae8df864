//! OpenID Connect behind the trait services speak to.

use std::sync::Arc;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use muster_domain::claims::Claims;
use muster_domain::evidence::{AuthEvidence, Verified};
use muster_domain::protocol::{
    Ask, Completed, Connection, Departure, Finding, IdentityProvider, Pending, Purpose, Returned,
    SignedOut,
};
use muster_domain::settings::SettingsSchema;
use muster_domain::{Clock, Entropy, Error};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use crate::http::Http;
use crate::id_token::{self, Expected};
use crate::jws::Jws;
use crate::known::{Known, Shelf};
use crate::profile::{self, Profile};
use crate::token::{self, Tokens};
use crate::words::{clean, revealed, scrubbed};
use crate::{authorize, codes, examine, logout_token, request_object, userinfo};

/// The protocol. One for the whole server; it keeps discovery documents and keys in memory, nothing else.
pub struct Oidc {
    http: Http,
    clock: Arc<dyn Clock>,
    shelf: Shelf,
}

impl Oidc {
    /// The protocol over this network and this clock.
    #[must_use]
    pub fn new(http: Http, clock: Arc<dyn Clock>) -> Self {
        Self {
            http,
            clock,
            shelf: Shelf::default(),
        }
    }

    async fn known(
        &self,
        connection: &Connection<'_>,
        profile: &Profile<'_>,
    ) -> Result<Arc<Known>, Error> {
        self.shelf
            .get(
                &self.http,
                self.clock.now(),
                connection.provider,
                profile.issuer,
            )
            .await
    }

    async fn verified(
        &self,
        known: &Known,
        profile: &Profile<'_>,
        pending: &Pending,
        code: &str,
        tokens: &Tokens,
        received_at: DateTime<Utc>,
    ) -> Result<(Claims, id_token::Checked), Error> {
        let jws = Jws::read(tokens.id.expose_secret())?;
        let key = known.verify(&self.http, received_at, &jws).await?;
        let mut claims = jws.claims()?;
        let expected = Expected {
            issuer: &known.metadata.issuer,
            client_id: profile.client_id,
            nonce: &pending.nonce,
            now: received_at,
        };
        let checked = id_token::check(&claims, &expected)?;
        if let Some(access) = &tokens.access {
            id_token::hash(&claims, "at_hash", access.expose_secret(), &key, &jws.alg)?;
        }
        id_token::hash(&claims, "c_hash", code, &key, &jws.alg)?;
        // Re-authentication asks when and how somebody signed in; userinfo has no say in that.
        if pending.purpose == Purpose::SignIn
            && profile.asks_userinfo
            && userinfo::is_wanted(&claims)
            && let Some(access) = &tokens.access
        {
            userinfo::add(
                &self.http,
                known,
                profile.client_id,
                access,
                received_at,
                &mut claims,
            )
            .await?;
        }
        Ok((Claims(claims), checked))
    }
}

#[async_trait]
impl IdentityProvider for Oidc {
    fn kind(&self) -> &'static str {
        "oidc"
    }

    fn schema(&self) -> SettingsSchema {
        profile::schema()
    }

    async fn examine(&self, connection: &Connection<'_>) -> Vec<Finding> {
        examine::examine(&self.http, self.clock.now(), connection).await
    }

    async fn begin(&self, connection: &Connection<'_>, ask: &Ask) -> Result<Departure, Error> {
        let profile = Profile::of(connection)?;
        let known = self.known(connection, &profile).await?;
        let now = self.clock.now();
        authorize::depart(&self.http, &known.metadata, &profile, connection, ask, now).await
    }

    fn make_request_key(&self, entropy: &dyn Entropy) -> Option<SecretString> {
        request_object::make_key(entropy)
    }

    fn public_keys(&self, keys: &[SecretString]) -> Result<serde_json::Value, Error> {
        let keys: Vec<_> = keys
            .iter()
            .map(request_object::public)
            .collect::<Result<_, _>>()?;
        Ok(serde_json::json!({ "keys": keys }))
    }

    async fn complete(
        &self,
        connection: &Connection<'_>,
        pending: &Pending,
        returned: &Returned,
    ) -> Result<Completed, Error> {
        let profile = Profile::of(connection)?;
        let known = self.known(connection, &profile).await?;
        answered_by(&known, returned)?;
        if let Some(error) = returned.error.as_deref().filter(|error| !error.is_empty()) {
            return Ok(refused(error, returned, &profile));
        }
        let code = returned.code.as_deref().filter(|code| !code.is_empty());
        let code = code.ok_or_else(|| codes::CODE_MISSING.error())?;
        let tokens = token::exchange(
            &self.http,
            &known.metadata,
            &profile,
            &connection.redirect,
            code,
            &pending.verifier,
        )
        .await?;
        let received_at = self.clock.now();
        let (claims, checked) = self
            .verified(&known, &profile, pending, code, &tokens, received_at)
            .await?;
        Ok(Completed::Answered(Box::new(AuthEvidence::verified(
            Verified {
                provider: connection.provider,
                issuer: known.metadata.issuer.clone(),
                subject: checked.subject,
                issued_at: checked.issued_at,
                received_at,
                claims,
            },
        ))))
    }

    async fn sign_out(&self, connection: &Connection<'_>, return_to: &Url) -> Option<Url> {
        let profile = Profile::of(connection).ok()?;
        let known = self.known(connection, &profile).await.ok()?;
        let mut to = known.metadata.end_session.clone()?;
        // RP-Initiated Logout 1.0 section 2. Without the ID token, which is not kept, the provider may ask.
        to.query_pairs_mut()
            .append_pair("client_id", profile.client_id)
            .append_pair("post_logout_redirect_uri", return_to.as_str());
        Some(to)
    }

    async fn signed_out(
        &self,
        connection: &Connection<'_>,
        token: &str,
    ) -> Result<SignedOut, Error> {
        let profile = Profile::of(connection)?;
        let known = self.known(connection, &profile).await?;
        let now = self.clock.now();
        let jws = Jws::read_logout(token)?;
        known.verify(&self.http, now, &jws).await?;
        let issuer = &known.metadata.issuer;
        logout_token::check(&jws.claims()?, issuer, profile.client_id, now)
    }
}

/// RFC 9207: an answer of another provider than the one asked is a mix-up (O11), and one that hides where
/// it comes from may be (O12). An error gives nobody anything, so that it may be silent.
fn answered_by(known: &Known, returned: &Returned) -> Result<(), Error> {
    let is_error = returned
        .error
        .as_deref()
        .is_some_and(|error| !error.is_empty());
    match returned.iss.as_deref() {
        Some(iss) if iss == known.metadata.issuer => Ok(()),
        Some(iss) => Err(codes::ANSWERED_BY_ANOTHER.because(clean(iss))),
        None if known.metadata.states_issuer && !is_error => Err(codes::ANSWERER_MISSING.error()),
        None => Ok(()),
    }
}

fn refused(error: &str, returned: &Returned, profile: &Profile<'_>) -> Completed {
    let hidden = [revealed(profile.secret)];
    Completed::Refused {
        error: clean(error),
        description: returned
            .error_description
            .as_deref()
            .map(|words| scrubbed(words, &hidden))
            .filter(|words| !words.is_empty()),
    }
}
