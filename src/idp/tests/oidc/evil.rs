//! A provider that says whatever a test wants, and a relying party connected to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, Method, Response, Uri};
use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::evidence::AuthEvidence;
use muster_domain::id::ProviderId;
use muster_domain::protocol::{
    Ask, Completed, Connection, Departure, Finding, IdentityProvider as _, Pending, Purpose,
    Returned,
};
use muster_domain::settings::Values;
use muster_domain::{Clock, Error};
use muster_idp::{Guard, Http, Oidc};
use secrecy::SecretString;
use serde_json::{Map, Value, json};
use url::Url;

use crate::keys;

pub const CLIENT: &str = "muster";
pub const SECRET: &str = "s3cr3t+value/with:signs";
pub const NONCE: &str = "nonce-of-this-question";
pub const STATE: &str = "state-of-this-question";
pub const CODE: &str = "code-of-this-answer";
pub const ACCESS: &str = "access-token-of-this-answer";
pub const VERIFIER: &str = "verifier-0123456789-0123456789-0123456789-0123456789";

/// A clock that stands still until told otherwise.
pub struct FixedClock(Mutex<DateTime<Utc>>);

impl FixedClock {
    pub fn at(text: &str) -> Self {
        Self(Mutex::new(text.parse().unwrap()))
    }

    pub fn forward(&self, by: TimeDelta) {
        *self.0.lock().unwrap() += by;
    }
}

impl Clock for FixedClock {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }
}

/// What an address answers.
#[derive(Clone)]
pub enum Reply {
    /// Status, content type, body.
    Body(u16, &'static str, Vec<u8>),
    /// A redirect.
    To(String),
    /// Nothing, ever.
    Hang,
}

impl Reply {
    pub fn json(status: u16, value: &Value) -> Self {
        Self::Body(status, "application/json", value.to_string().into_bytes())
    }
}

/// One request that arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    pub method: Method,
    pub headers: HeaderMap,
    pub form: HashMap<String, String>,
}

#[derive(Default)]
pub struct Script {
    pub replies: HashMap<String, Reply>,
    pub arrived: Vec<(String, Arrived)>,
}

type Shared = Arc<Mutex<Script>>;

/// The provider.
pub struct Evil {
    pub issuer: String,
    script: Shared,
    pub clock: Arc<FixedClock>,
    http: Http,
}

async fn serve(
    State(script): State<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<Body> {
    let reply = {
        let mut script = script.lock().unwrap();
        let form = url::form_urlencoded::parse(&body).into_owned().collect();
        script.arrived.push((
            uri.path().to_owned(),
            Arrived {
                method,
                headers,
                form,
            },
        ));
        script.replies.get(uri.path()).cloned()
    };
    let built = match reply {
        Some(Reply::Body(status, kind, body)) => Response::builder()
            .status(status)
            .header("content-type", kind)
            .body(Body::from(body)),
        Some(Reply::To(to)) => Response::builder()
            .status(302)
            .header("location", to)
            .body(Body::empty()),
        Some(Reply::Hang) => std::future::pending().await,
        None => Response::builder()
            .status(404)
            .body(Body::from("no such thing")),
    };
    built.unwrap()
}

impl Evil {
    /// A provider whose only key is [`keys::rsa`], named `k1`; honest until told otherwise.
    pub async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let script = Shared::default();
        let router = Router::new()
            .fallback(serve)
            .with_state(Arc::clone(&script));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        let evil = Self {
            issuer,
            script,
            http: Http::new(Guard::LoopbackHttp),
            clock: Arc::new(FixedClock(Mutex::new(
                "2026-11-21T12:00:00Z".parse().unwrap(),
            ))),
        };
        evil.publish(&evil.document());
        evil.publish_keys(&[keys::jwk(keys::rsa(), "k1")]);
        evil
    }

    /// An honest discovery document.
    pub fn document(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "jwks_uri": at("/keys"),
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "code_challenge_methods_supported": ["S256"],
            "claims_parameter_supported": true,
        })
    }

    /// Publishes the honest document with changes; a null removes.
    pub fn publish_with(&self, changes: Value) {
        let mut document = self.document();
        merge(&mut document, changes);
        self.publish(&document);
    }

    pub fn publish(&self, document: &Value) {
        self.reply(
            "/.well-known/openid-configuration",
            Reply::json(200, document),
        );
    }

    pub fn publish_keys(&self, keys: &[Value]) {
        self.reply("/keys", Reply::json(200, &json!({ "keys": keys })));
    }

    pub fn reply(&self, path: &str, reply: Reply) {
        self.script
            .lock()
            .unwrap()
            .replies
            .insert(path.to_owned(), reply);
    }

    /// Honest claims of an ID token, with changes; a null removes.
    pub fn claims_with(&self, changes: Value) -> Value {
        let now = self.clock.now().timestamp();
        let mut claims = json!({
            "iss": self.issuer, "aud": CLIENT, "sub": "ada", "nonce": NONCE,
            "iat": now, "exp": now + 300, "auth_time": now - 10,
        });
        merge(&mut claims, changes);
        claims
    }

    /// An ID token with these claims, honestly signed.
    pub fn token_with(&self, changes: Value) -> String {
        keys::token(
            &json!({"alg": "RS256", "kid": "k1"}),
            &self.claims_with(changes).to_string(),
            keys::rsa(),
        )
    }

    /// Lets the token endpoint hand out this ID token.
    pub fn hand_out(&self, id_token: &str) {
        let answer = json!({"access_token": ACCESS, "token_type": "Bearer", "expires_in": 300, "id_token": id_token});
        self.reply("/token", Reply::json(200, &answer));
    }

    pub fn hits(&self, path: &str) -> usize {
        self.script
            .lock()
            .unwrap()
            .arrived
            .iter()
            .filter(|(at, _)| at == path)
            .count()
    }

    pub fn last(&self, path: &str) -> Arrived {
        let script = self.script.lock().unwrap();
        script
            .arrived
            .iter()
            .rev()
            .find(|(at, _)| at == path)
            .unwrap()
            .1
            .clone()
    }
}

fn merge(into: &mut Value, changes: Value) {
    for (name, value) in changes.as_object().cloned().unwrap_or_default() {
        let map: &mut Map<String, Value> = into.as_object_mut().unwrap();
        if value.is_null() {
            map.remove(&name);
        } else {
            map.insert(name, value);
        }
    }
}

/// A relying party connected to a provider.
pub struct Party {
    pub oidc: Oidc,
    pub settings: Values,
    pub secret: Option<SecretString>,
    pub request_key: Option<SecretString>,
    pub redirect: Url,
}

impl Party {
    pub fn of(evil: &Evil) -> Self {
        Self::at(&evil.issuer, evil)
    }

    /// Connected to an issuer under this name.
    pub fn at(issuer: &str, evil: &Evil) -> Self {
        let clock: Arc<dyn Clock> = Arc::clone(&evil.clock) as _;
        Self {
            // The client is shared, since it costs time to make; what is remembered is not.
            oidc: Oidc::new(evil.http.clone(), clock),
            settings: [("issuer", issuer), ("client_id", CLIENT)]
                .map(|(key, value)| (key.to_owned(), value.to_owned()))
                .into(),
            secret: Some(SECRET.into()),
            request_key: None,
            redirect: Url::parse("https://muster.example/signin/evil/callback").unwrap(),
        }
    }

    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.settings.insert(key.to_owned(), value.to_owned());
        self
    }

    pub fn connection(&self) -> Connection<'_> {
        Connection {
            provider: "0192a000-0000-7000-8000-000000000001"
                .parse::<ProviderId>()
                .unwrap(),
            settings: &self.settings,
            secret: self.secret.as_ref(),
            request_key: self.request_key.as_ref(),
            redirect: self.redirect.clone(),
        }
    }

    pub async fn begin(&self, purpose: Purpose) -> Result<Departure, Error> {
        let ask = Ask {
            purpose,
            state: STATE.to_owned(),
            nonce: NONCE.to_owned(),
            verifier: VERIFIER.to_owned(),
            login_hint: None,
        };
        self.oidc.begin(&self.connection(), &ask).await
    }

    pub async fn complete_for(
        &self,
        purpose: Purpose,
        returned: &Returned,
    ) -> Result<Completed, Error> {
        let pending = Pending {
            nonce: NONCE.to_owned(),
            verifier: VERIFIER.to_owned(),
            purpose,
        };
        self.oidc
            .complete(&self.connection(), &pending, returned)
            .await
    }

    pub async fn complete(&self, returned: &Returned) -> Result<Completed, Error> {
        self.complete_for(Purpose::SignIn, returned).await
    }

    /// The evidence of an ordinary answer with a code.
    pub async fn evidence(&self) -> Result<AuthEvidence, Error> {
        match self.complete(&with_code()).await? {
            Completed::Answered(evidence) => Ok(*evidence),
            Completed::Refused { error, .. } => panic!("refused: {error}"),
        }
    }

    pub async fn examine(&self) -> Vec<Finding> {
        self.oidc.examine(&self.connection()).await
    }
}

/// An ordinary answer of the authorization endpoint.
pub fn with_code() -> Returned {
    Returned {
        code: Some(CODE.to_owned()),
        state: Some(STATE.to_owned()),
        ..Returned::default()
    }
}

/// The code with which an ID token is refused; fails if it is accepted.
pub async fn refusal_of(evil: &Evil, token: &str) -> &'static str {
    evil.hand_out(token);
    let error = Party::of(evil).evidence().await.expect_err("accepted");
    let words = format!("{error:?} {error}");
    assert!(
        token.len() < 20 || !words.contains(token),
        "the token leaks: {words}"
    );
    assert!(error.next.is_some(), "no way out: {words}");
    error.code
}

/// The code with which honestly signed claims with these changes are refused.
pub async fn refusal_with(changes: Value) -> &'static str {
    let evil = Evil::start().await;
    let token = evil.token_with(changes);
    refusal_of(&evil, &token).await
}

/// The evidence of honestly signed claims with these changes.
pub async fn accepted_with(changes: Value) -> AuthEvidence {
    let evil = Evil::start().await;
    evil.hand_out(&evil.token_with(changes));
    Party::of(&evil).evidence().await.unwrap()
}
