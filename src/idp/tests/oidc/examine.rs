//! The examination: every problem in words, with a next step.

use muster_domain::protocol::{Finding, Level};
use serde_json::json;

use crate::evil::{Evil, Party, Reply};
use crate::keys;

fn find<'a>(findings: &'a [Finding], words: &str) -> &'a Finding {
    findings
        .iter()
        .find(|finding| finding.text.contains(words))
        .unwrap_or_else(|| panic!("no “{words}” in {findings:#?}"))
}

fn worst(findings: &[Finding]) -> Level {
    findings.iter().map(|finding| finding.level).max().unwrap()
}

#[tokio::test]
async fn a_good_provider_has_no_problem() {
    let evil = Evil::start().await;
    evil.publish_with(json!({
        "pushed_authorization_request_endpoint": format!("{}/par", evil.issuer),
        "end_session_endpoint": format!("{}/logout", evil.issuer),
        "authorization_response_iss_parameter_supported": true,
        "prompt_values_supported": ["none", "login"],
        "claims_supported": ["sub", "auth_time"],
        "scopes_supported": ["openid", "profile", "email"],
    }));
    let findings = Party::of(&evil).examine().await;
    for words in [
        "issuer matches",
        "code flow",
        "S256",
        "RS256",
        "one usable signing key",
        "pushed requests",
        "prompt=login",
        "auth_time",
        "RFC 9207",
        "sign-out",
    ] {
        assert_eq!(find(&findings, words).level, Level::Good, "{words}");
    }
    // Only the loopback address is worth a caution, and the fixed clock differs from the real one.
    assert_eq!(find(&findings, "http://").level, Level::Caution);
    assert!(
        findings
            .iter()
            .all(|f| f.level < Level::Problem || f.text.contains("clock")),
        "{findings:#?}"
    );
}

#[tokio::test]
async fn every_finding_that_asks_for_something_says_what_to_do() {
    let evil = Evil::start().await;
    evil.publish(&json!({
        "issuer": "https://other.example",
        "response_types_supported": ["id_token"],
        "code_challenge_methods_supported": ["plain"],
        "id_token_signing_alg_values_supported": ["HS256", "none"],
        "token_endpoint_auth_methods_supported": ["tls_client_auth"],
        "prompt_values_supported": ["none"],
        "scopes_supported": ["openid"],
        "jwks_uri": format!("{}/keys", evil.issuer),
        "end_session_endpoint": "javascript:alert(1)",
    }));
    evil.publish_keys(&[keys::jwk(keys::weak_rsa(), "k1")]);
    let findings = Party::of(&evil).examine().await;
    for (words, level) in [
        ("calls itself https://other.example", Level::Problem),
        ("does not name an authorization endpoint", Level::Problem),
        ("does not name a token endpoint", Level::Problem),
        ("end_session_endpoint (javascript:alert(1))", Level::Problem),
        ("does not offer the authorization code flow", Level::Problem),
        ("not with S256", Level::Caution),
        ("none of which is accepted", Level::Problem),
        ("unsigned ID tokens", Level::Note),
        (
            "does not offer client_secret_basic or client_secret_post",
            Level::Caution,
        ),
        ("no signing key that can be used", Level::Problem),
        ("below 2048 bits", Level::Caution),
        ("does not name login", Level::Caution),
        ("does not name these scopes: profile, email", Level::Caution),
        ("no pushed requests", Level::Note),
    ] {
        assert_eq!(find(&findings, words).level, level, "{words}");
    }
    for finding in &findings {
        assert!(
            finding.level < Level::Caution || finding.next.is_some(),
            "{finding:?}"
        );
        assert!(finding.text.ends_with(['.', ')']), "{finding:?}");
    }
}

#[tokio::test]
async fn a_provider_that_cannot_be_read_has_one_problem_that_says_why() {
    let evil = Evil::start().await;
    let well_known = "/.well-known/openid-configuration";
    for (reply, words) in [
        (Reply::Body(404, "text/html", vec![]), "(OIDC-007)"),
        (
            Reply::Body(200, "text/html", b"<html>".to_vec()),
            "(OIDC-008)",
        ),
        (
            Reply::To("https://elsewhere.example/".to_owned()),
            "https://elsewhere.example/",
        ),
    ] {
        evil.reply(well_known, reply);
        let findings = Party::of(&evil).examine().await;
        assert_eq!(find(&findings, words).level, Level::Problem);
        assert_eq!(worst(&findings), Level::Problem);
    }
    let findings = Party::at(&format!("{}{well_known}", evil.issuer), &evil)
        .examine()
        .await;
    let next = find(&findings, "ends with the path").next.clone().unwrap();
    assert!(next.ends_with(&evil.issuer), "{next}");
    let findings = Party::at("http://idp.example", &evil).examine().await;
    assert!(find(&findings, "OIDC-001").text.contains("http://"));
}

#[tokio::test]
async fn products_are_recognised_by_their_documents() {
    for (path, name) in [
        ("/realms/x/protocol/openid-connect/token", "Keycloak"),
        ("/adfs/oauth2/token/", "AD FS"),
        ("/application/o/token/", "authentik"),
    ] {
        let evil = Evil::start().await;
        evil.publish_with(json!({"token_endpoint": format!("{}{path}", evil.issuer)}));
        find(
            &Party::of(&evil).examine().await,
            &format!("It looks like {name}."),
        );
    }
}

#[tokio::test]
async fn an_examination_always_looks_anew() {
    let evil = Evil::start().await;
    let party = Party::of(&evil);
    find(&party.examine().await, "issuer matches");
    evil.publish_with(json!({"issuer": "https://other.example"}));
    find(&party.examine().await, "calls itself");
}
