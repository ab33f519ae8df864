//! Honestly signed ID tokens with claims that do not hold.

use base64::Engine as _;
use openssl::sha::sha256;
use serde_json::json;

use crate::evil::{ACCESS, CLIENT, CODE, Evil, Party, accepted_with, refusal_of, refusal_with};
use crate::keys;

const MINUTE: i64 = 60;
/// The fixed clock's time.
const NOW: i64 = 1_795_262_400;

#[tokio::test]
async fn oidcc_client_test_an_honest_answer_is_accepted() {
    let evidence =
        accepted_with(json!({"email": "ada@example.org", "acr": "1", "amr": ["pwd"]})).await;
    assert_eq!(evidence.subject(), "ada");
    assert_eq!(evidence.issued_at().timestamp(), NOW);
    assert_eq!(evidence.received_at().timestamp(), NOW);
    assert_eq!(evidence.stated().instant().unwrap().timestamp(), NOW - 10);
    assert_eq!(
        (evidence.acr(), evidence.amr()),
        (Some("1"), ["pwd".to_owned()].as_slice())
    );
    assert_eq!(evidence.claims().text("email"), Some("ada@example.org"));
}

#[tokio::test]
async fn o05_nonce_missing_is_refused() {
    assert_eq!(refusal_with(json!({"nonce": null})).await, "OIDC-046");
    assert_eq!(refusal_with(json!({"nonce": 7})).await, "OIDC-046");
}

#[tokio::test]
async fn o06_oidcc_client_test_nonce_invalid() {
    assert_eq!(
        refusal_with(json!({"nonce": "of-another-question"})).await,
        "OIDC-046"
    );
    assert_eq!(refusal_with(json!({"nonce": ""})).await, "OIDC-046");
}

#[tokio::test]
async fn o23_repeated_claims_are_refused() {
    let evil = Evil::start().await;
    let claims = evil
        .claims_with(json!({}))
        .to_string()
        .replacen('{', r#"{"sub":"admin","#, 1);
    let token = keys::token(&json!({"alg": "RS256", "kid": "k1"}), &claims, keys::rsa());
    assert_eq!(refusal_of(&evil, &token).await, "OIDC-037");
}

#[tokio::test]
async fn o24_oidcc_client_test_invalid_aud() {
    assert_eq!(refusal_with(json!({"aud": "another"})).await, "OIDC-041");
    assert_eq!(
        refusal_with(json!({"aud": ["another", "MUSTER"]})).await,
        "OIDC-041"
    );
    assert_eq!(refusal_with(json!({"aud": ""})).await, "OIDC-041");
}

#[tokio::test]
async fn oidcc_client_test_missing_aud() {
    assert_eq!(refusal_with(json!({"aud": null})).await, "OIDC-041");
    assert_eq!(refusal_with(json!({"aud": []})).await, "OIDC-041");
    assert_eq!(refusal_with(json!({"aud": [CLIENT, 7]})).await, "OIDC-041");
}

#[tokio::test]
async fn o25_several_audiences_without_azp_are_refused() {
    assert_eq!(
        refusal_with(json!({"aud": [CLIENT, "other"]})).await,
        "OIDC-042"
    );
}

#[tokio::test]
async fn o26_another_azp_is_refused() {
    assert_eq!(
        refusal_with(json!({"aud": [CLIENT, "other"], "azp": "other"})).await,
        "OIDC-042"
    );
    assert_eq!(refusal_with(json!({"azp": "other"})).await, "OIDC-042");
    assert_eq!(refusal_with(json!({"azp": 1})).await, "OIDC-042");
}

#[tokio::test]
async fn several_audiences_with_our_azp_are_accepted() {
    accepted_with(json!({"aud": ["account", CLIENT], "azp": CLIENT})).await;
    accepted_with(json!({"aud": [CLIENT]})).await;
}

#[tokio::test]
async fn o27_oidcc_client_test_invalid_iss() {
    let evil = Evil::start().await;
    let with_slash = format!("{}/", evil.issuer);
    let upper = evil.issuer.to_uppercase();
    for issuer in [with_slash.as_str(), &upper, "https://evil.example", ""] {
        let token = evil.token_with(json!({ "iss": issuer }));
        assert_eq!(refusal_of(&evil, &token).await, "OIDC-040", "{issuer}");
    }
    assert_eq!(refusal_with(json!({"iss": null})).await, "OIDC-040");
}

#[tokio::test]
async fn o28_expired_beyond_the_allowance_is_refused() {
    assert_eq!(refusal_with(json!({"exp": NOW - MINUTE})).await, "OIDC-043");
    assert_eq!(refusal_with(json!({"exp": NOW - 3600})).await, "OIDC-043");
    accepted_with(json!({"exp": NOW - MINUTE + 1})).await;
}

#[tokio::test]
async fn o29_issued_in_the_future_is_refused() {
    assert_eq!(
        refusal_with(json!({"iat": NOW + 2 * MINUTE + 1})).await,
        "OIDC-044"
    );
    assert_eq!(
        refusal_with(json!({"iat": NOW + 86_400, "exp": NOW + 90_000})).await,
        "OIDC-044"
    );
    accepted_with(json!({"iat": NOW + 2 * MINUTE})).await;
    let evil = Evil::start().await;
    evil.hand_out(&evil.token_with(json!({"iat": NOW + 300, "exp": NOW + 900})));
    let error = Party::of(&evil).evidence().await.unwrap_err();
    assert!(error.public.contains("300 s ahead of ours"), "{error}");
}

#[tokio::test]
async fn o30_not_yet_valid_is_refused() {
    assert_eq!(
        refusal_with(json!({"nbf": NOW + 2 * MINUTE + 1})).await,
        "OIDC-044"
    );
    accepted_with(json!({"nbf": NOW + 2 * MINUTE})).await;
}

#[tokio::test]
async fn oidcc_client_test_missing_iat() {
    assert_eq!(refusal_with(json!({"iat": null})).await, "OIDC-045");
}

#[tokio::test]
async fn times_that_are_no_times_are_refused() {
    for (name, value) in [
        ("exp", json!(null)),
        ("exp", json!("1795262700")),
        ("exp", json!(NOW * 1000 + 300_000)),
        ("iat", json!(-1)),
        ("iat", json!([NOW])),
        ("nbf", json!(true)),
    ] {
        assert_eq!(
            refusal_with(json!({ name: value.clone() })).await,
            "OIDC-045",
            "{name} {value}"
        );
    }
    accepted_with(json!({"iat": 1_795_262_399.5, "exp": 1_795_262_700.25})).await;
}

#[tokio::test]
async fn o31_oidcc_client_test_missing_sub() {
    for sub in [
        json!(null),
        json!(""),
        json!("  "),
        json!(7),
        json!("a\nb"),
        json!("x".repeat(256)),
    ] {
        assert_eq!(
            refusal_with(json!({ "sub": sub.clone() })).await,
            "OIDC-047",
            "{sub}"
        );
    }
    accepted_with(json!({"sub": "x".repeat(255)})).await;
}

fn half(of: &str) -> String {
    keys::b64(&sha256(of.as_bytes())[..16])
}

#[tokio::test]
async fn o34_oidcc_client_test_invalid_athash() {
    assert_eq!(
        refusal_with(json!({"at_hash": half("another")})).await,
        "OIDC-048"
    );
    assert_eq!(refusal_with(json!({"at_hash": ""})).await, "OIDC-048");
    assert_eq!(refusal_with(json!({"at_hash": 1})).await, "OIDC-048");
    accepted_with(json!({"at_hash": half(ACCESS)})).await;
}

#[tokio::test]
async fn oidcc_client_test_missing_athash_is_accepted_in_the_code_flow() {
    accepted_with(json!({"at_hash": null})).await;
}

#[tokio::test]
async fn o35_oidcc_client_test_invalid_chash() {
    assert_eq!(
        refusal_with(json!({"c_hash": half("another")})).await,
        "OIDC-048"
    );
    accepted_with(json!({"c_hash": half(CODE)})).await;
}

#[tokio::test]
async fn o37_an_access_token_is_no_id_token() {
    let evil = Evil::start().await;
    let header = json!({"alg": "RS256", "kid": "k1", "typ": "at+jwt"});
    let token = keys::token(
        &header,
        &evil.claims_with(json!({})).to_string(),
        keys::rsa(),
    );
    assert_eq!(refusal_of(&evil, &token).await, "OIDC-038");
}

#[tokio::test]
async fn o38_a_logout_token_is_no_id_token() {
    let evil = Evil::start().await;
    let events = json!({"nonce": null, "events": {"http://schemas.openid.net/event/backchannel-logout": {}}});
    let claims = evil.claims_with(events).to_string();
    let typed = keys::token(
        &json!({"alg": "RS256", "kid": "k1", "typ": "logout+jwt"}),
        &claims,
        keys::rsa(),
    );
    assert_eq!(refusal_of(&evil, &typed).await, "OIDC-038");
    let untyped = keys::token(&json!({"alg": "RS256", "kid": "k1"}), &claims, keys::rsa());
    assert_eq!(refusal_of(&evil, &untyped).await, "OIDC-046");
}

#[tokio::test]
async fn o56_a_missing_auth_time_reaches_the_judge_as_absent() {
    use muster_domain::evidence::StatedTime;
    let stated = |evidence: muster_domain::evidence::AuthEvidence| evidence.stated().clone();
    assert_eq!(
        stated(accepted_with(json!({"auth_time": null})).await),
        StatedTime::Absent
    );
    for odd in [json!("1795262400"), json!(NOW * 1000)] {
        assert!(matches!(
            stated(accepted_with(json!({"auth_time": odd})).await),
            StatedTime::Malformed(_)
        ));
    }
    let float = stated(accepted_with(json!({"auth_time": 1_795_262_390.5})).await);
    assert_eq!(
        float.instant().unwrap().timestamp_millis(),
        1_795_262_390_500
    );
}

#[tokio::test]
async fn o75_the_text_false_stays_a_text_and_is_not_true() {
    let evidence = accepted_with(json!({"email_verified": "false"})).await;
    assert!(!evidence.claims().is_true("email_verified"));
}

#[tokio::test]
async fn odd_claims_nobody_asked_about_do_not_stop_a_sign_in() {
    accepted_with(json!({
        "updated_at": "2026-11-21T11:00:00.000Z", "address": "Main Street 1", "locale": {"lang": "en"},
        "amr": "pwd", "acr": 1, "name": ["Ada"], "email_verified": "maybe", "zoneinfo": 7,
    }))
    .await;
}

#[tokio::test]
async fn oidcc_client_test_aggregated_claims_and_distributed_claims_are_not_followed() {
    let evil = Evil::start().await;
    evil.hand_out(&evil.token_with(json!({
        "_claim_names": {"groups": "src1"},
        "_claim_sources": {"src1": {"endpoint": format!("{}/claims", evil.issuer), "access_token": "x"}},
    })));
    Party::of(&evil).evidence().await.unwrap();
    assert_eq!(evil.hits("/claims"), 0);
}

#[test]
fn the_hash_helper_makes_the_example_of_the_specification() {
    // OpenID Connect Core 1.0, appendix A.3.
    assert_eq!(
        half("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y"),
        "77QmUPtjPfzWtF2AnpK9RQ"
    );
    assert!(
        base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(half("x"))
            .is_ok()
    );
}
