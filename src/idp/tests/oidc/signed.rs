//! Signed requests (RFC 9101): what is in them, whose key signs them, and that they leave nothing to change.

use std::sync::atomic::{AtomicU8, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use muster_domain::Entropy;
use muster_domain::protocol::{Departure, IdentityProvider as _, Purpose};
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::ecdsa::EcdsaSig;
use openssl::nid::Nid;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};

use crate::evil::{CLIENT, Evil, NONCE, Party, Reply, STATE};

/// Bytes that differ from drawing to drawing.
struct Drawn(AtomicU8);

impl Entropy for Drawn {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0.fetch_add(37, Ordering::Relaxed);
        }
    }
}

fn signing(evil: &Evil) -> Party {
    let mut party = Party::of(evil)
        .set("request_object", "signed")
        .set("required_acr", "gold");
    party.request_key = party.oidc.make_request_key(&Drawn(AtomicU8::new(1)));
    party
}

fn published(party: &Party) -> Value {
    let keys = party.request_key.clone().into_iter().collect::<Vec<_>>();
    party.oidc.public_keys(&keys).unwrap()["keys"][0].clone()
}

fn part(text: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap()
}

/// Verifies a signed request with another implementation and gives header and claims.
fn opened(object: &str, key: &Value) -> (Value, Value) {
    let parts: Vec<&str> = object.split('.').collect();
    let number = |text: &str| BigNum::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap();
    let of = |name: &str| number(key[name].as_str().unwrap());
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let public = EcKey::from_public_key_affine_coordinates(&group, &of("x"), &of("y")).unwrap();
    let signature = URL_SAFE_NO_PAD.decode(parts[2]).unwrap();
    assert_eq!(signature.len(), 64);
    let (r, s) = signature.split_at(32);
    let signature = EcdsaSig::from_private_components(
        BigNum::from_slice(r).unwrap(),
        BigNum::from_slice(s).unwrap(),
    )
    .unwrap();
    let message = openssl::sha::sha256(format!("{}.{}", parts[0], parts[1]).as_bytes());
    assert!(signature.verify(&message, &public).unwrap());
    (part(parts[0]), part(parts[1]))
}

fn object_of(departure: &Departure) -> String {
    let found = departure
        .to
        .query_pairs()
        .find(|(name, _)| name == "request");
    found.unwrap().1.into_owned()
}

#[tokio::test]
async fn everything_that_is_asked_is_signed_for_this_provider_alone_and_for_minutes() {
    let evil = Evil::start().await;
    let party = signing(&evil);
    let departure = party.begin(Purpose::Force).await.unwrap();
    let key = published(&party);
    let (header, claims) = opened(&object_of(&departure), &key);
    assert_eq!(header["alg"], "ES256");
    assert_eq!(header["typ"], "oauth-authz-req+jwt");
    assert_eq!((&header["kid"], &key["use"]), (&key["kid"], &json!("sig")));
    for (name, value) in [
        ("iss", json!(CLIENT)),
        ("aud", json!(evil.issuer)),
        ("client_id", json!(CLIENT)),
        ("response_type", json!("code")),
        ("prompt", json!("login")),
        ("max_age", json!(0)),
        ("acr_values", json!("gold")),
        ("state", json!(STATE)),
        ("nonce", json!(NONCE)),
        ("code_challenge_method", json!("S256")),
        (
            "claims",
            json!({"id_token": {"auth_time": {"essential": true}, "acr": {"essential": true, "values": ["gold"]}}}),
        ),
    ] {
        assert_eq!(claims[name], value, "{name}");
    }
    let lasts = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert!((1..=600).contains(&lasts), "{lasts}");
    // The address holds what OAuth demands and nothing that could be stripped.
    let names: Vec<String> = departure
        .to
        .query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect();
    assert_eq!(names, ["client_id", "response_type", "scope", "request"]);
}

#[tokio::test]
async fn what_was_sent_is_kept_with_its_claims_and_without_what_ties_the_answer() {
    let evil = Evil::start().await;
    let sent = signing(&evil).begin(Purpose::Force).await.unwrap().sent;
    let signed = |name: &str| {
        sent.signed
            .iter()
            .find(|(known, _)| known == name)
            .unwrap()
            .1
            .clone()
    };
    assert_eq!(signed("prompt"), "login");
    assert_eq!(signed("aud"), evil.issuer);
    let kept = serde_json::to_string(&sent).unwrap();
    for secret in [STATE, NONCE] {
        assert!(!kept.contains(secret), "{secret}");
    }
    let plain = Party::of(&evil).begin(Purpose::Force).await.unwrap().sent;
    assert!(plain.signed.is_empty() && plain.ahead.is_empty());
    let carried: Vec<&str> = plain
        .carried
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    for name in ["prompt", "max_age", "claims", "state", "redirect_uri"] {
        assert!(carried.contains(&name), "{name}");
    }
    assert!(!serde_json::to_string(&plain).unwrap().contains(STATE));
}

#[tokio::test]
async fn a_signed_request_is_pushed_alone() {
    let evil = Evil::start().await;
    evil.publish_with(
        json!({"pushed_authorization_request_endpoint": format!("{}/par", evil.issuer)}),
    );
    evil.reply(
        "/par",
        Reply::json(201, &json!({"request_uri": "urn:x:1", "expires_in": 60})),
    );
    let party = signing(&evil);
    let departure = party.begin(Purpose::Force).await.unwrap();
    let form = evil.last("/par").form;
    let mut names: Vec<&str> = form.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["client_id", "request"]);
    let (_, claims) = opened(&form["request"], &published(&party));
    assert_eq!(claims["prompt"], "login");
    assert!(departure.sent.pushed && !departure.sent.signed.is_empty());
    assert_eq!(departure.sent.ahead.len(), 2);
}

#[tokio::test]
async fn without_a_key_nothing_leaves_unsigned() {
    let evil = Evil::start().await;
    for key in [None, Some("{}"), Some("{\"d\":\"AAAA\"}"), Some("no json")] {
        let mut party = signing(&evil);
        party.request_key = key.map(Into::into);
        let error = party.begin(Purpose::Force).await.unwrap_err();
        assert_eq!(error.code, "OIDC-015", "{key:?}");
    }
}

#[tokio::test]
async fn a_key_is_drawn_anew_and_its_public_half_tells_nothing_of_it() {
    let evil = Evil::start().await;
    let party = Party::of(&evil);
    let make = |from| {
        party
            .oidc
            .make_request_key(&Drawn(AtomicU8::new(from)))
            .unwrap()
    };
    let (one, other) = (make(1), make(2));
    assert_ne!(one.expose_secret(), other.expose_secret());
    let keys = party.oidc.public_keys(&[one.clone(), other]).unwrap();
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    let private: Value = serde_json::from_str(one.expose_secret()).unwrap();
    assert!(!keys.to_string().contains(private["d"].as_str().unwrap()));
    assert_eq!(keys["keys"][0].get("d"), None);
}

#[tokio::test]
async fn the_examination_tells_whether_signed_requests_are_taken() {
    let evil = Evil::start().await;
    for (document, signed, words) in [
        (
            json!({"request_parameter_supported": true}),
            true,
            "It takes signed requests, so",
        ),
        (
            json!({"request_parameter_supported": true, "request_object_signing_alg_values_supported": ["RS256"]}),
            true,
            "does not name ES256",
        ),
        (
            json!({}),
            true,
            "does not say that it takes signed requests",
        ),
        (
            json!({"require_signed_request_object": true}),
            false,
            "demands signed requests",
        ),
    ] {
        evil.publish_with(document);
        let party = if signed {
            signing(&evil)
        } else {
            Party::of(&evil)
        };
        let found = party.examine().await;
        assert!(
            found.iter().any(|finding| finding.text.contains(words)),
            "{words}"
        );
    }
}
