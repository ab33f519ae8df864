//! A lab with a clock that stands still, a browser and an application to use it with.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use muster_lab::{CLIENT_ID, CLIENT_SECRET, Clock, Entropy, Lab, Options};
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use openssl::sha::sha256;
use openssl::sign::Verifier;
use serde_json::Value;
use tower::ServiceExt;
use url::{Url, form_urlencoded};

pub const CALLBACK: &str = "http://127.0.0.1:3000/signin/lab/callback";
pub const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-long";
pub const START: i64 = 1_800_000_000;

pub type Fields<'a> = &'a [(&'a str, &'a str)];

/// What came back over HTTP.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    pub fn location(&self) -> &str {
        let location = self.headers.get(header::LOCATION);
        let location = location.unwrap_or_else(|| panic!("{} {}", self.status, self.body));
        location.to_str().unwrap()
    }

    /// The parameters the browser was sent back to the application with.
    pub fn returned(&self) -> BTreeMap<String, String> {
        let url = Url::parse(self.location()).unwrap();
        assert!(url.as_str().starts_with(CALLBACK), "{url}");
        url.query_pairs().into_owned().collect()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }
}

/// The lab and its time.
pub struct World {
    pub lab: Lab,
    router: Router,
    clock: Arc<AtomicI64>,
}

pub fn options(listen: &str) -> (Options, Arc<AtomicI64>) {
    let time = Arc::new(AtomicI64::new(START));
    let shared = Arc::clone(&time);
    let clock: Clock =
        Arc::new(move || DateTime::from_timestamp(shared.load(Ordering::SeqCst), 0).unwrap());
    let counter = AtomicU8::new(0);
    let entropy: Entropy = Arc::new(move |bytes: &mut [u8]| {
        bytes.fill(counter.fetch_add(1, Ordering::SeqCst));
    });
    let options = Options::new(listen.parse().unwrap(), clock, entropy);
    (options, time)
}

impl World {
    pub fn new() -> Self {
        let (options, clock) = options("127.0.0.1:9999");
        let lab = Lab::new(options).unwrap();
        Self {
            router: lab.router(),
            lab,
            clock,
        }
    }

    pub fn now(&self) -> i64 {
        self.clock.load(Ordering::SeqCst)
    }

    pub fn pass(&self, seconds: i64) {
        self.clock.fetch_add(seconds, Ordering::SeqCst);
    }

    pub fn browser(&self) -> Browser<'_> {
        Browser {
            world: self,
            cookies: BTreeMap::new(),
        }
    }

    pub async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    /// A form sent by the application's server.
    pub async fn post(&self, path: &str, fields: Fields<'_>) -> Answer {
        let request = Request::post(path).header(header::CONTENT_TYPE, FORM);
        self.send(request.body(encode(fields).into()).unwrap())
            .await
    }

    /// The same with the client's secret.
    pub async fn post_as_client(&self, path: &str, fields: Fields<'_>) -> Answer {
        let secret = [("client_id", CLIENT_ID), ("client_secret", CLIENT_SECRET)];
        self.post(path, &[fields, &secret].concat()).await
    }

    /// Exchanges a code the way Muster does.
    pub async fn exchange(&self, slug: &str, code: &str) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        self.post_as_client(&format!("/{slug}/token"), &fields)
            .await
    }

    pub async fn bearer(&self, path: &str, token: &str) -> Answer {
        let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// The ID token of a complete sign-in by `ada.lindqvist` in a new browser.
    pub async fn id_token(&self, slug: &str) -> String {
        let code = self.browser().sign_in(slug, &[], "ada.lindqvist").await;
        let answer = self.exchange(slug, &code).await.json();
        answer["id_token"].as_str().unwrap().to_owned()
    }
}

const FORM: &str = "application/x-www-form-urlencoded";

/// A browser with its own cookies.
pub struct Browser<'a> {
    pub world: &'a World,
    cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Request::get(path), String::new()).await
    }

    pub async fn post(&mut self, path: &str, fields: Fields<'_>) -> Answer {
        let request = Request::post(path).header(header::CONTENT_TYPE, FORM);
        self.send(request, encode(fields)).await
    }

    async fn send(&mut self, request: axum::http::request::Builder, body: String) -> Answer {
        let cookies: Vec<String> = self
            .cookies
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        let request = request.header(header::COOKIE, cookies.join("; "));
        let answer = self.world.send(request.body(body.into()).unwrap()).await;
        if let Some(cookie) = answer.headers.get(header::SET_COOKIE) {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            self.cookies.insert(name.to_owned(), value.to_owned());
        }
        answer
    }

    /// Goes to the authorization endpoint with the usual parameters; `extra` ones replace them.
    pub async fn authorize(&mut self, slug: &str, extra: Fields<'_>) -> Answer {
        self.get(&format!("/{slug}/authorize?{}", encode(&request(extra))))
            .await
    }

    /// Like `authorize`, then signs in as `username` on the page that must appear.
    pub async fn sign_in(&mut self, slug: &str, extra: Fields<'_>, username: &str) -> String {
        let page = self.authorize(slug, extra).await.location().to_owned();
        assert!(page.starts_with(&format!("/{slug}/sign-in/")), "{page}");
        let answer = self.submit(&page, username, "lab").await;
        answer.returned()["code"].clone()
    }

    pub async fn submit(&mut self, page: &str, username: &str, password: &str) -> Answer {
        let fields = [
            ("username", username),
            ("password", password),
            ("action", "sign-in"),
        ];
        self.post(page, &fields).await
    }

    /// The claims of the ID token for `code`.
    pub async fn claims(&self, slug: &str, code: &str) -> Value {
        let answer = self.world.exchange(slug, code).await;
        claims(answer.json()["id_token"].as_str().unwrap())
    }
}

/// The parameters of an ordinary authorization request; an empty value removes one.
pub fn request<'a>(extra: Fields<'a>) -> Vec<(&'a str, &'a str)> {
    let challenge = Box::leak(
        URL_SAFE_NO_PAD
            .encode(sha256(VERIFIER.as_bytes()))
            .into_boxed_str(),
    );
    let mut fields = BTreeMap::from([
        ("client_id", CLIENT_ID),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid profile email groups"),
        ("state", "the-state"),
        ("nonce", "the-nonce"),
        ("code_challenge", &*challenge),
        ("code_challenge_method", "S256"),
    ]);
    fields.extend(extra.iter().copied());
    fields
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

pub fn encode(fields: Fields<'_>) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish()
}

fn part(token: &str, index: usize) -> Value {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

pub fn head(token: &str) -> Value {
    part(token, 0)
}

pub fn claims(token: &str) -> Value {
    part(token, 1)
}

pub fn raw_claims(token: &str) -> String {
    let part = token.split('.').nth(1).unwrap();
    String::from_utf8(URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// Checks an RS256 token against published keys, as an application does.
pub fn verifies(token: &str, jwks: &Value) -> bool {
    let (input, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    jwks["keys"].as_array().unwrap().iter().any(|jwk| {
        let number = |name: &str| {
            let bytes = URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
            BigNum::from_slice(&bytes).unwrap()
        };
        let rsa = Rsa::from_public_components(number("n"), number("e")).unwrap();
        let key = PKey::from_rsa(rsa).unwrap();
        let mut verifier = Verifier::new(MessageDigest::sha256(), &key).unwrap();
        verifier
            .verify_oneshot(&signature, input.as_bytes())
            .unwrap_or(false)
    })
}
