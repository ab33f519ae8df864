//! Every tamper changes the answer it names, and only the next one.

use axum::http::{Request, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use muster_lab::{Hold, Tamper};
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::sign::Signer;
use serde_json::{Value, json};

use crate::world::{START, World, claims, head, raw_claims, verifies};

const DAY: i64 = 86_400;

async fn tampered(world: &World, tamper: Tamper) -> String {
    world.lab.tamper("honest", tamper).unwrap();
    world.id_token("honest").await
}

#[tokio::test]
async fn every_tamper_of_a_claim_changes_that_claim_and_stays_signed() {
    let world = World::new();
    let jwks = world.get("/honest/jwks").await.json();
    let issuer = "http://127.0.0.1:9999/honest";
    let long = "x".repeat(256);
    for (tamper, claim, expected) in [
        (
            Tamper::WrongIssuer,
            "iss",
            json!("http://other-issuer.example"),
        ),
        (Tamper::IssuerWithSlash, "iss", json!(format!("{issuer}/"))),
        (Tamper::WrongAudience, "aud", json!("another-client")),
        (
            Tamper::SeveralAudiences,
            "aud",
            json!(["muster", "another-client"]),
        ),
        (Tamper::WrongAuthorizedParty, "azp", json!("another-client")),
        (
            Tamper::WrongNonce,
            "nonce",
            json!("not-the-nonce-that-was-sent"),
        ),
        (Tamper::MissingNonce, "nonce", Value::Null),
        (Tamper::Expired, "exp", json!(START - 3600)),
        (Tamper::IssuedInFuture, "iat", json!(START + DAY)),
        (Tamper::MissingIssueTime, "iat", Value::Null),
        (Tamper::NotYetValid, "nbf", json!(START + DAY)),
        (Tamper::MissingSubject, "sub", Value::Null),
        (Tamper::EmptySubject, "sub", json!("")),
        (Tamper::LongSubject, "sub", json!(long)),
        (Tamper::OtherSubject, "sub", json!("lab-0002")),
        (
            Tamper::AuthTimeString,
            "auth_time",
            json!(START.to_string()),
        ),
        (Tamper::AuthTimeFuture, "auth_time", json!(START + DAY)),
        (
            Tamper::AuthTimeMilliseconds,
            "auth_time",
            json!(START * 1000),
        ),
        (Tamper::AuthTimeFloat, "auth_time", json!(1_800_000_000.25)),
        (Tamper::MissingAuthTime, "auth_time", Value::Null),
        (
            Tamper::EmailVerifiedString,
            "email_verified",
            json!("false"),
        ),
    ] {
        let token = tampered(&world, tamper).await;
        assert!(verifies(&token, &jwks), "{tamper:?}");
        assert_eq!(claims(&token)[claim], expected, "{tamper:?}");
        let honest = world.id_token("honest").await;
        assert_ne!(
            claims(&honest)[claim],
            expected,
            "{tamper:?} was not one-shot"
        );
    }
}

#[tokio::test]
async fn a_duplicate_claim_is_there_twice() {
    let world = World::new();
    let token = tampered(&world, Tamper::DuplicateClaim).await;
    let raw = raw_claims(&token);
    assert_eq!(raw.matches(r#""sub":"#).count(), 2, "{raw}");
    assert!(raw.starts_with(r#"{"sub":"lab-0002","#));
    assert!(raw.contains(r#""sub":"lab-0001""#));
}

#[tokio::test]
async fn the_access_token_hash_can_be_wrong() {
    let world = World::new();
    let hash = |token: &str| claims(token)["at_hash"].clone();
    let expected = openssl::sha::sha256(b"another");
    let token = tampered(&world, Tamper::WrongAccessTokenHash).await;
    assert_eq!(hash(&token), URL_SAFE_NO_PAD.encode(&expected[..16]));
    assert_ne!(hash(&world.id_token("honest").await), hash(&token));
}

#[tokio::test]
async fn alg_none_has_no_signature() {
    let world = World::new();
    let token = tampered(&world, Tamper::AlgNone).await;
    assert_eq!(head(&token)["alg"], "none");
    assert!(token.ends_with('.'));
}

#[tokio::test]
async fn hmac_tokens_are_signed_with_the_public_key_or_the_client_secret() {
    let world = World::new();
    for tamper in [Tamper::Hs256PublicKey, Tamper::Hs256ClientSecret] {
        let token = tampered(&world, tamper).await;
        assert_eq!(head(&token)["alg"], "HS256");
        let (input, signature) = token.rsplit_once('.').unwrap();
        assert_eq!(URL_SAFE_NO_PAD.decode(signature).unwrap().len(), 32);
        let key = PKey::hmac(b"muster-lab-secret").unwrap();
        let mut signer = Signer::new(MessageDigest::sha256(), &key).unwrap();
        let with_secret = signer.sign_oneshot_to_vec(input.as_bytes()).unwrap();
        let by_secret = URL_SAFE_NO_PAD.encode(with_secret) == signature;
        assert_eq!(by_secret, tamper == Tamper::Hs256ClientSecret);
    }
}

#[tokio::test]
async fn signatures_no_published_key_made_do_not_verify() {
    let world = World::new();
    let jwks = world.get("/honest/jwks").await.json();
    let published = jwks["keys"][0]["kid"].clone();
    for (tamper, kid_is_published) in [
        (Tamper::BadSignature, true),
        (Tamper::ForeignKey, true),
        (Tamper::UnknownKid, false),
        (Tamper::EmbeddedKey, false),
    ] {
        let token = tampered(&world, tamper).await;
        assert!(!verifies(&token, &jwks), "{tamper:?}");
        assert_eq!(
            head(&token)["kid"] == published,
            kid_is_published,
            "{tamper:?}"
        );
        let carries_key = head(&token).get("jwk").is_some();
        assert_eq!(carries_key, tamper == Tamper::EmbeddedKey);
        if carries_key {
            assert!(verifies(&token, &json!({ "keys": [head(&token)["jwk"]] })));
        }
    }
}

#[tokio::test]
async fn the_header_can_lack_a_kid_or_name_a_critical_extension() {
    let world = World::new();
    let jwks = world.get("/honest/jwks").await.json();
    let token = tampered(&world, Tamper::MissingKid).await;
    assert_eq!(head(&token).get("kid"), None);
    assert!(verifies(&token, &jwks));
    let token = tampered(&world, Tamper::CriticalHeader).await;
    assert_eq!(head(&token)["crit"], json!(["urn:muster-lab:unknown"]));
    assert!(verifies(&token, &jwks));
}

#[tokio::test]
async fn a_rotated_key_signs_and_the_old_one_is_gone() {
    let world = World::new();
    let before = world.get("/honest/jwks").await.json();
    let token = tampered(&world, Tamper::KeyRotation).await;
    let after = world.get("/honest/jwks").await.json();
    assert!(!verifies(&token, &before));
    assert!(verifies(&token, &after));
    assert_ne!(before["keys"][0]["kid"], after["keys"][0]["kid"]);
    assert_eq!(after["keys"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn the_token_endpoint_can_fail_in_every_way() {
    let world = World::new();
    for (tamper, status, part) in [
        (Tamper::TokenServerError, 500, "server_error"),
        (Tamper::TokenHtml, 200, "<!doctype html>"),
        (Tamper::TokenHuge, 200, "xxxxxxxx"),
        (Tamper::TokenRefused, 400, "invalid_grant"),
        (Tamper::MissingIdToken, 200, "access_token"),
    ] {
        world.lab.tamper("honest", tamper).unwrap();
        let code = world
            .browser()
            .sign_in("honest", &[], "ada.lindqvist")
            .await;
        let answer = world.exchange("honest", &code).await;
        assert_eq!(answer.status.as_u16(), status, "{tamper:?}");
        assert!(answer.body.contains(part), "{tamper:?}");
        assert_eq!(answer.body.len() > 1_000_000, tamper == Tamper::TokenHuge);
        let complete = answer.body.contains("id_token");
        assert_eq!(complete, tamper == Tamper::TokenHuge, "{tamper:?}");
    }
    world.id_token("honest").await;
}

#[tokio::test]
async fn userinfo_can_speak_of_another_person_or_of_nobody() {
    let world = World::new();
    let code = world
        .browser()
        .sign_in("honest", &[], "ada.lindqvist")
        .await;
    let tokens = world.exchange("honest", &code).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    for (tamper, expected) in [
        (Some(Tamper::UserinfoOtherSubject), json!("lab-0002")),
        (Some(Tamper::UserinfoMissingSubject), Value::Null),
        (None, json!("lab-0001")),
    ] {
        if let Some(tamper) = tamper {
            world.lab.tamper("honest", tamper).unwrap();
        }
        let info = world.bearer("/honest/userinfo", token).await.json();
        assert_eq!(info["sub"], expected, "{tamper:?}");
    }
}

#[tokio::test]
async fn the_authorization_response_can_be_falsified() {
    let world = World::new();
    let mut browser = world.browser();
    browser.sign_in("honest", &[], "ada.lindqvist").await;
    let html = "<img src=x onerror=\"alert(1)\"><b>Down for maintenance</b>";
    for (tamper, field, expected) in [
        (Tamper::OmitIss, "iss", None),
        (Tamper::WrongIss, "iss", Some("http://other-issuer.example")),
        (
            Tamper::WrongState,
            "state",
            Some("not-the-state-that-was-sent"),
        ),
        (Tamper::MissingState, "state", None),
        (Tamper::ErrorAccessDenied, "error", Some("access_denied")),
        (Tamper::ErrorLoginRequired, "error", Some("login_required")),
        (
            Tamper::ErrorTemporarilyUnavailable,
            "error",
            Some("temporarily_unavailable"),
        ),
    ] {
        world.lab.tamper("honest", tamper).unwrap();
        let back = browser.authorize("honest", &[]).await.returned();
        assert_eq!(back.get(field).map(String::as_str), expected, "{tamper:?}");
        assert_eq!(back.contains_key("code"), field != "error", "{tamper:?}");
        if field == "error" {
            assert_eq!(back["error_description"], html);
        }
        let next = browser.authorize("honest", &[]).await.returned();
        assert_eq!(next["state"], "the-state");
        assert_eq!(next["iss"], "http://127.0.0.1:9999/honest");
        assert!(next.contains_key("code"));
    }
}

#[tokio::test]
async fn discovery_can_name_another_issuer() {
    let world = World::new();
    let path = "/honest/.well-known/openid-configuration";
    world
        .lab
        .tamper("honest", Tamper::DiscoveryWrongIssuer)
        .unwrap();
    assert_eq!(
        world.get(path).await.json()["issuer"],
        "http://other-issuer.example"
    );
    assert_eq!(
        world.get(path).await.json()["issuer"],
        "http://127.0.0.1:9999/honest"
    );
}

#[tokio::test]
async fn a_tamper_stays_at_its_provider() {
    let world = World::new();
    world.lab.tamper("bounce", Tamper::AlgNone).unwrap();
    assert_eq!(head(&world.id_token("honest").await)["alg"], "RS256");
    assert_eq!(head(&world.id_token("bounce").await)["alg"], "none");
    assert!(world.lab.tamper("nobody", Tamper::AlgNone).is_err());
}

#[tokio::test]
async fn a_tamper_that_holds_stays_until_it_is_cleared() {
    let world = World::new();
    world
        .lab
        .arm("honest", Tamper::AlgNone, Hold::UntilCleared)
        .unwrap();
    for _ in 0..2 {
        assert_eq!(head(&world.id_token("honest").await)["alg"], "none");
    }
    world.lab.disarm("honest").unwrap();
    assert_eq!(head(&world.id_token("honest").await)["alg"], "RS256");
}

#[tokio::test]
async fn the_control_arms_reports_and_clears() {
    let world = World::new();
    let order = async |body: &str| {
        let request = Request::post("/honest/control").header("content-type", "application/json");
        world
            .send(request.body(body.to_owned().into()).unwrap())
            .await
    };
    let armed = order(r#"{"tamper":"wrong-nonce"}"#).await.json();
    assert_eq!(armed["armed"], json!(["wrong-nonce"]));
    order(r#"{"tamper":"omit-iss","hold":"until-cleared"}"#).await;
    let shown = world.get("/honest/control").await.json();
    assert_eq!(shown["armed"], json!(["wrong-nonce", "omit-iss"]));
    assert_eq!(shown["known"].as_array().unwrap().len(), Tamper::ALL.len());
    let cleared = order(r#"{"tamper":null}"#).await.json();
    assert_eq!(cleared["armed"], json!([]));
    for wrong in [r#"{"tamper":"nonsense"}"#, r#"{"tampr":"alg-none"}"#, "{"] {
        let status = order(wrong).await.status;
        assert!(status.is_client_error(), "{wrong}");
        assert_eq!(world.lab.armed("honest").unwrap(), []);
    }
    let nobody = world.get("/nobody/control").await;
    assert_eq!(nobody.status, StatusCode::NOT_FOUND);
}
