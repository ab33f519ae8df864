//! Discovery, keys, and how long they are believed.

use chrono::TimeDelta;
use muster_domain::protocol::Purpose;
use muster_idp::{Guard, Http};
use serde_json::json;

use crate::evil::{Evil, Party, Reply, with_code};
use crate::keys;

const WELL_KNOWN: &str = "/.well-known/openid-configuration";

async fn begin_code(party: &Party) -> &'static str {
    let error = party.begin(Purpose::SignIn).await.expect_err("begun");
    assert!(error.next.is_some(), "{error}");
    error.code
}

#[tokio::test]
async fn oidcc_client_test_discovery_openid_config() {
    let evil = Evil::start().await;
    let departure = Party::of(&evil).begin(Purpose::SignIn).await.unwrap();
    assert!(
        departure
            .to
            .as_str()
            .starts_with(&format!("{}/authorize?", evil.issuer))
    );
    assert_eq!(evil.hits(WELL_KNOWN), 1);
}

#[tokio::test]
async fn oidcc_client_test_discovery_jwks_uri_keys() {
    let evil = Evil::start().await;
    evil.publish_keys(&[
        keys::jwk(keys::other_rsa(), "k0"),
        keys::jwk(keys::rsa(), "k1"),
    ]);
    evil.hand_out(&evil.token_with(json!({})));
    Party::of(&evil).evidence().await.unwrap();
    assert_eq!(evil.hits("/keys"), 1);
}

#[tokio::test]
async fn o13_oidcc_client_test_discovery_issuer_mismatch() {
    let evil = Evil::start().await;
    evil.publish_with(json!({"issuer": "https://evil.example"}));
    let error = Party::of(&evil).begin(Purpose::SignIn).await.unwrap_err();
    assert_eq!(error.code, "OIDC-010");
    assert!(
        error.public.contains("https://evil.example") && error.public.contains(&evil.issuer),
        "{error}"
    );
    evil.publish_with(json!({"issuer": null}));
    assert_eq!(begin_code(&Party::of(&evil)).await, "OIDC-011");
}

#[tokio::test]
async fn o13_an_issuer_that_changes_while_the_browser_is_away_is_refused() {
    let evil = Evil::start().await;
    let party = Party::of(&evil);
    party.begin(Purpose::SignIn).await.unwrap();
    evil.hand_out(&evil.token_with(json!({})));
    evil.publish_with(json!({"issuer": "https://evil.example"}));
    evil.clock.forward(TimeDelta::minutes(11));
    assert_eq!(party.evidence().await.unwrap_err().code, "OIDC-010");
}

#[tokio::test]
async fn o27_a_slash_at_the_end_makes_another_issuer_and_is_explained() {
    let evil = Evil::start().await;
    let with_slash = format!("{}/", evil.issuer);
    let error = Party::at(&with_slash, &evil)
        .begin(Purpose::SignIn)
        .await
        .unwrap_err();
    assert_eq!(error.code, "OIDC-010");
    assert!(error.next.unwrap().contains("Only a slash"), "no hint");
    // Where the provider itself has the slash (Auth0), it belongs there.
    evil.publish_with(json!({ "issuer": with_slash }));
    Party::at(&with_slash, &evil)
        .begin(Purpose::SignIn)
        .await
        .unwrap();
    assert_eq!(begin_code(&Party::of(&evil)).await, "OIDC-010");
}

#[tokio::test]
async fn o74_the_issuer_template_of_entra_is_refused_and_explained() {
    let evil = Evil::start().await;
    evil.publish_with(json!({"issuer": "https://login.microsoftonline.com/{tenantid}/v2.0"}));
    let error = Party::of(&evil).begin(Purpose::SignIn).await.unwrap_err();
    assert_eq!(error.code, "OIDC-010");
    assert!(error.next.unwrap().contains("tenant"), "no hint");
}

#[tokio::test]
async fn o14_discovery_over_http_is_refused_unless_it_is_this_machine_and_allowed() {
    let evil = Evil::start().await;
    let mut party = Party::of(&evil);
    party.oidc = muster_idp::Oidc::new(
        Http::new(Guard::HttpsOnly),
        std::sync::Arc::clone(&evil.clock) as _,
    );
    assert_eq!(begin_code(&party).await, "OIDC-001");
    assert_eq!(
        begin_code(&Party::at("http://idp.example", &evil)).await,
        "OIDC-001"
    );
    assert_eq!(evil.hits(WELL_KNOWN), 0);
}

#[tokio::test]
async fn o14_a_redirect_is_not_followed() {
    let evil = Evil::start().await;
    evil.reply(WELL_KNOWN, Reply::To(format!("{}/elsewhere", evil.issuer)));
    let error = Party::of(&evil).begin(Purpose::SignIn).await.unwrap_err();
    assert_eq!(error.code, "OIDC-006");
    assert!(error.public.contains("/elsewhere"), "{error}");
    assert_eq!(evil.hits("/elsewhere"), 0);
}

#[tokio::test]
async fn o60_endpoints_on_link_local_and_metadata_addresses_are_never_called() {
    let evil = Evil::start().await;
    for name in [
        "jwks_uri",
        "token_endpoint",
        "authorization_endpoint",
        "userinfo_endpoint",
    ] {
        for address in [
            "http://169.254.169.254/latest",
            "https://169.254.169.254/",
            "https://[fe80::1]/",
            "http://10.0.0.1/",
            "javascript:alert(1)",
            "file:///etc/passwd",
            "//x",
            "https://u:p@idp.example/",
        ] {
            evil.publish_with(json!({ name: address }));
            assert_eq!(
                begin_code(&Party::of(&evil)).await,
                "OIDC-001",
                "{name} {address}"
            );
        }
    }
}

#[tokio::test]
async fn missing_endpoints_are_named() {
    let evil = Evil::start().await;
    for name in ["authorization_endpoint", "token_endpoint", "jwks_uri"] {
        evil.publish_with(json!({ name: null }));
        let error = Party::of(&evil).begin(Purpose::SignIn).await.unwrap_err();
        assert_eq!(error.code, "OIDC-011");
        assert!(error.public.contains(name), "{error}");
    }
}

#[tokio::test]
async fn documents_that_are_none_are_told_apart() {
    let evil = Evil::start().await;
    let page = b"<!doctype html><title>Sign in</title>".to_vec();
    for (reply, code, words) in [
        (
            Reply::Body(404, "text/plain", b"no".to_vec()),
            "OIDC-007",
            "no discovery document at",
        ),
        (
            Reply::Body(500, "text/plain", b"no".to_vec()),
            "OIDC-007",
            "status 500",
        ),
        (Reply::Body(200, "text/html", page), "OIDC-008", "web page"),
        (
            Reply::Body(200, "application/json", b"[1]".to_vec()),
            "OIDC-008",
            "no JSON object",
        ),
        (
            Reply::Body(200, "application/json", vec![0xff, 0xfe]),
            "OIDC-008",
            "no JSON object",
        ),
        (
            Reply::Body(200, "application/json", vec![b' '; 2_000_000]),
            "OIDC-009",
            "1 MiB",
        ),
    ] {
        evil.reply(WELL_KNOWN, reply);
        let error = Party::of(&evil).begin(Purpose::SignIn).await.unwrap_err();
        assert_eq!(error.code, code);
        assert!(error.public.contains(words), "{error}");
    }
}

#[tokio::test]
async fn a_failure_is_not_remembered() {
    let evil = Evil::start().await;
    let party = Party::of(&evil);
    evil.reply(WELL_KNOWN, Reply::Body(503, "text/plain", vec![]));
    assert_eq!(begin_code(&party).await, "OIDC-007");
    evil.publish(&evil.document());
    party.begin(Purpose::SignIn).await.unwrap();
}

#[tokio::test]
async fn documents_are_kept_ten_minutes() {
    let evil = Evil::start().await;
    let party = Party::of(&evil);
    party.begin(Purpose::SignIn).await.unwrap();
    evil.clock.forward(TimeDelta::seconds(599));
    party.begin(Purpose::SignIn).await.unwrap();
    assert_eq!((evil.hits(WELL_KNOWN), evil.hits("/keys")), (1, 1));
    evil.clock.forward(TimeDelta::seconds(1));
    party.begin(Purpose::SignIn).await.unwrap();
    assert_eq!((evil.hits(WELL_KNOWN), evil.hits("/keys")), (2, 2));
}

#[tokio::test]
async fn a_changed_issuer_is_not_answered_from_memory() {
    let (one, two) = (Evil::start().await, Evil::start().await);
    let mut party = Party::of(&one);
    party.begin(Purpose::SignIn).await.unwrap();
    party
        .settings
        .insert("issuer".to_owned(), two.issuer.clone());
    let departure = party.begin(Purpose::SignIn).await.unwrap();
    assert!(departure.to.as_str().starts_with(&two.issuer));
}

#[tokio::test]
async fn a_crowd_at_the_door_fetches_once() {
    let evil = Evil::start().await;
    let party = Party::of(&evil);
    let crowd = futures::future::join_all((0..50).map(|_| party.begin(Purpose::SignIn))).await;
    assert!(crowd.iter().all(Result::is_ok));
    assert_eq!((evil.hits(WELL_KNOWN), evil.hits("/keys")), (1, 1));
}

#[tokio::test]
async fn o63_oidcc_client_test_signing_key_rotation() {
    let evil = Evil::start().await;
    let party = Party::of(&evil);
    evil.hand_out(&evil.token_with(json!({})));
    party.evidence().await.unwrap();
    evil.publish_keys(&[
        keys::jwk(keys::other_rsa(), "k2"),
        keys::jwk(keys::rsa(), "k1"),
    ]);
    let header = json!({"alg": "RS256", "kid": "k2"});
    evil.hand_out(&keys::token(
        &header,
        &evil.claims_with(json!({})).to_string(),
        keys::other_rsa(),
    ));
    party.evidence().await.unwrap();
    assert_eq!(evil.hits("/keys"), 2);
    // The old key still counts while it is published, and nothing is fetched for it.
    evil.hand_out(&evil.token_with(json!({})));
    party.evidence().await.unwrap();
    assert_eq!(evil.hits("/keys"), 2);
}

#[tokio::test]
async fn o63_oidcc_client_test_signing_key_rotation_just_before_signing() {
    let evil = Evil::start().await;
    let party = Party::of(&evil);
    party.begin(Purpose::SignIn).await.unwrap();
    // The new key takes the old one's place while the browser is away, even under the same name.
    for kid in ["k2", "k1"] {
        evil.publish_keys(&[keys::jwk(keys::other_rsa(), kid)]);
        let header = json!({"alg": "RS256", "kid": kid});
        evil.hand_out(&keys::token(
            &header,
            &evil.claims_with(json!({})).to_string(),
            keys::other_rsa(),
        ));
        party.evidence().await.unwrap();
        evil.clock.forward(TimeDelta::seconds(30));
    }
}

#[tokio::test]
async fn o61_a_flood_of_unknown_keys_fetches_once_in_30_seconds() {
    let evil = Evil::start().await;
    let party = Party::of(&evil);
    let claims = evil.claims_with(json!({})).to_string();
    let unknown = |n: u32| {
        keys::token(
            &json!({"alg": "RS256", "kid": format!("x{n}")}),
            &claims,
            keys::rsa(),
        )
    };
    for n in 0..20 {
        evil.hand_out(&unknown(n));
        assert_eq!(party.evidence().await.unwrap_err().code, "OIDC-033");
    }
    assert_eq!(evil.hits("/keys"), 2);
    evil.clock.forward(TimeDelta::seconds(30));
    evil.hand_out(&unknown(99));
    assert_eq!(party.evidence().await.unwrap_err().code, "OIDC-033");
    assert_eq!(evil.hits("/keys"), 3);
    // The flood does not stand in the way of an honest answer.
    evil.hand_out(&evil.token_with(json!({})));
    party.evidence().await.unwrap();
}

#[tokio::test]
async fn answers_that_wait_for_the_same_new_key_all_get_it() {
    let evil = Evil::start().await;
    let party = Party::of(&evil);
    party.begin(Purpose::SignIn).await.unwrap();
    evil.publish_keys(&[keys::jwk(keys::other_rsa(), "k2")]);
    let header = json!({"alg": "RS256", "kid": "k2"});
    evil.hand_out(&keys::token(
        &header,
        &evil.claims_with(json!({})).to_string(),
        keys::other_rsa(),
    ));
    let returned = with_code();
    let all = futures::future::join_all((0..10).map(|_| party.complete(&returned))).await;
    assert!(all.iter().all(Result::is_ok));
    assert_eq!(evil.hits("/keys"), 2);
}

#[tokio::test]
async fn o62_too_many_keys_and_no_keys_are_told() {
    let evil = Evil::start().await;
    let key = keys::jwk(keys::p256(), "k");
    evil.publish_keys(&vec![key.clone(); 101]);
    assert_eq!(begin_code(&Party::of(&evil)).await, "OIDC-012");
    evil.publish_keys(&vec![key; 100]);
    Party::of(&evil).begin(Purpose::SignIn).await.unwrap();
    for reply in [
        Reply::Body(200, "application/json", b"{\"keys\":7}".to_vec()),
        Reply::Body(200, "application/json", b"<html>".to_vec()),
        Reply::Body(404, "application/json", b"{}".to_vec()),
        Reply::To("/other-keys".to_owned()),
    ] {
        evil.reply("/keys", reply);
        assert_eq!(begin_code(&Party::of(&evil)).await, "OIDC-012");
    }
    evil.publish_keys(&[]);
    evil.hand_out(&evil.token_with(json!({})));
    assert_eq!(
        Party::of(&evil).evidence().await.unwrap_err().code,
        "OIDC-013"
    );
}

#[tokio::test]
async fn settings_that_are_not_complete_are_named() {
    let evil = Evil::start().await;
    let error = Party::of(&evil)
        .set("client_id", " ")
        .begin(Purpose::SignIn)
        .await
        .unwrap_err();
    assert_eq!(
        (error.code, error.fields[0].field.as_str()),
        ("OIDC-015", "client_id")
    );
    for issuer in ["", "idp.example", "https://idp.example/?x=1", "https://"] {
        assert_eq!(
            begin_code(&Party::at(issuer, &evil)).await,
            "OIDC-015",
            "{issuer}"
        );
    }
}
