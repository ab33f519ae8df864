//! Logout tokens (Back-Channel Logout 1.0 section 2.6) that do not hold, and one that does.

use muster_domain::Error;
use muster_domain::protocol::{IdentityProvider as _, SignedOut};
use serde_json::{Value, json};

use crate::evil::{CLIENT, Evil, Party};
use crate::keys;

const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// The fixed clock's time.
const NOW: i64 = 1_795_262_400;

/// The claims of an honest one, some of them replaced; null leaves one out.
fn claims(evil: &Evil, with: &Value) -> Value {
    let mut claims = json!({
        "iss": evil.issuer, "aud": CLIENT, "iat": NOW - 2, "exp": NOW + 118, "jti": "announcement-1",
        "sub": "ada", "sid": "session-1", "events": {EVENT: {}},
    });
    for (name, value) in with.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    claims
}

async fn takes(evil: &Evil, token: &str) -> Result<SignedOut, Error> {
    let party = Party::of(evil);
    party.oidc.signed_out(&party.connection(), token).await
}

fn signed(claims: &Value) -> String {
    let header = json!({"alg": "RS256", "kid": "k1", "typ": "logout+jwt"});
    keys::token(&header, &claims.to_string(), keys::rsa())
}

async fn refusal(with: Value) -> &'static str {
    let evil = Evil::start().await;
    let token = signed(&claims(&evil, &with));
    takes(&evil, &token).await.unwrap_err().code
}

#[tokio::test]
async fn oidcc_client_test_rp_backchannel_an_honest_announcement_is_taken() {
    let evil = Evil::start().await;
    let told = takes(&evil, &signed(&claims(&evil, &json!({}))))
        .await
        .unwrap();
    assert_eq!(
        (
            told.subject.as_deref(),
            told.session.as_deref(),
            told.id.as_str()
        ),
        (Some("ada"), Some("session-1"), "announcement-1")
    );
    assert_eq!(told.ends_at.timestamp(), NOW + 118 + 60);
    for left_out in ["sub", "sid", "exp"] {
        let token = signed(&claims(&evil, &json!({left_out: null})));
        assert!(takes(&evil, &token).await.is_ok(), "{left_out}");
    }
}

#[tokio::test]
async fn o39_oidcc_client_test_rp_backchannel_alg_none() {
    let evil = Evil::start().await;
    let honest = signed(&claims(&evil, &json!({})));
    let payload = honest.split('.').nth(1).unwrap();
    for header in ["eyJhbGciOiJub25lIn0", "eyJhbGciOiJOT05FIn0"] {
        for signature in ["", "AAAA"] {
            let token = format!("{header}.{payload}.{signature}");
            assert_eq!(takes(&evil, &token).await.unwrap_err().code, "OIDC-032");
        }
    }
}

#[tokio::test]
async fn o40_o44_oidcc_client_test_rp_backchannel_no_or_wrong_event() {
    for events in [
        Value::Null,
        json!({}),
        json!("http://schemas.openid.net/event/backchannel-logout"),
        json!({"http://schemas.openid.net/event/other": {}}),
        json!({EVENT: "yes"}),
        json!([EVENT]),
    ] {
        assert_eq!(
            refusal(json!({"events": events})).await,
            "OIDC-060",
            "{events}"
        );
    }
}

#[tokio::test]
async fn o41_oidcc_client_test_rp_backchannel_with_nonce() {
    assert_eq!(refusal(json!({"nonce": "n"})).await, "OIDC-061");
    assert_eq!(refusal(json!({"nonce": ""})).await, "OIDC-061");
}

#[tokio::test]
async fn o42_oidcc_client_test_rp_backchannel_wrong_alg_and_key() {
    let evil = Evil::start().await;
    let claims = claims(&evil, &json!({})).to_string();
    let header = json!({"alg": "HS256", "kid": "k1"});
    let token = keys::token(&header, &claims, keys::rsa());
    assert_eq!(takes(&evil, &token).await.unwrap_err().code, "OIDC-032");
    let honest = keys::token(&json!({"alg": "RS256", "kid": "k1"}), &claims, keys::rsa());
    let (message, _) = honest.rsplit_once('.').unwrap();
    let forged = format!("{message}.AAAA");
    assert_eq!(takes(&evil, &forged).await.unwrap_err().code, "OIDC-034");
}

#[tokio::test]
async fn o43_o45_oidcc_client_test_rp_backchannel_wrong_aud_and_iss() {
    assert_eq!(refusal(json!({"aud": "another"})).await, "OIDC-041");
    assert_eq!(refusal(json!({"aud": null})).await, "OIDC-041");
    assert_eq!(
        refusal(json!({"iss": "https://evil.example"})).await,
        "OIDC-040"
    );
}

#[tokio::test]
async fn o47_an_announcement_that_is_old_or_of_tomorrow_is_refused() {
    for (iat, exp, code) in [
        (json!(NOW - 700), Value::Null, "OIDC-043"),
        (json!(NOW - 700), json!(NOW + 9999), "OIDC-043"),
        (json!(NOW - 100), json!(NOW - 60), "OIDC-043"),
        (json!(NOW + 61), Value::Null, "OIDC-044"),
        (Value::Null, json!(NOW + 60), "OIDC-045"),
        (json!("now"), Value::Null, "OIDC-045"),
    ] {
        assert_eq!(
            refusal(json!({"iat": iat, "exp": exp})).await,
            code,
            "{iat} {exp}"
        );
    }
}

#[tokio::test]
async fn an_announcement_about_nobody_or_without_an_id_is_refused() {
    assert_eq!(refusal(json!({"sub": null, "sid": null})).await, "OIDC-062");
    assert_eq!(refusal(json!({"sub": null, "sid": ""})).await, "OIDC-062");
    assert_eq!(refusal(json!({"sid": 7})).await, "OIDC-062");
    assert_eq!(refusal(json!({"jti": null})).await, "OIDC-062");
    assert_eq!(refusal(json!({"sub": ""})).await, "OIDC-047");
}

#[tokio::test]
async fn o38_an_id_token_announces_no_sign_out() {
    let evil = Evil::start().await;
    let token = evil.token_with(json!({}));
    assert_eq!(takes(&evil, &token).await.unwrap_err().code, "OIDC-060");
}
