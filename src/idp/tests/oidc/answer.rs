//! What comes back beside the ID token: the browser's answer, the token endpoint, userinfo.

use muster_domain::protocol::{Completed, Purpose, Returned};
use serde_json::{Value, json};

use crate::evil::{ACCESS, CODE, Evil, Party, Reply, SECRET, VERIFIER, with_code};
use crate::keys;

async fn failure(party: &Party, returned: &Returned) -> muster_domain::Error {
    let error = party.complete(returned).await.expect_err("accepted");
    let words = format!("{error:?} {error}");
    for hidden in [SECRET, CODE, VERIFIER, ACCESS] {
        assert!(!words.contains(hidden), "{words}");
    }
    error
}

#[tokio::test]
async fn o11_an_answer_of_another_issuer_is_refused_before_the_code_is_used() {
    let evil = Evil::start().await;
    evil.hand_out(&evil.token_with(json!({})));
    let party = Party::of(&evil);
    for iss in ["https://evil.example", &format!("{}/", evil.issuer), ""] {
        let returned = Returned {
            iss: Some(iss.to_owned()),
            ..with_code()
        };
        assert_eq!(failure(&party, &returned).await.code, "OIDC-021");
        let with_error = Returned {
            error: Some("access_denied".to_owned()),
            ..returned
        };
        assert_eq!(failure(&party, &with_error).await.code, "OIDC-021");
    }
    assert_eq!(evil.hits("/token"), 0);
    let returned = Returned {
        iss: Some(evil.issuer.clone()),
        ..with_code()
    };
    assert!(matches!(
        party.complete(&returned).await,
        Ok(Completed::Answered(_))
    ));
}

#[tokio::test]
async fn o12_an_answer_without_the_promised_issuer_is_refused() {
    let evil = Evil::start().await;
    evil.publish_with(json!({"authorization_response_iss_parameter_supported": true}));
    evil.hand_out(&evil.token_with(json!({})));
    assert_eq!(
        failure(&Party::of(&evil), &with_code()).await.code,
        "OIDC-022"
    );
    assert_eq!(evil.hits("/token"), 0);
}

#[tokio::test]
async fn o52_an_answer_without_code_is_refused() {
    let evil = Evil::start().await;
    for code in [None, Some(String::new())] {
        let returned = Returned {
            code,
            ..with_code()
        };
        assert_eq!(failure(&Party::of(&evil), &returned).await.code, "OIDC-020");
    }
}

#[tokio::test]
async fn o53_an_error_is_told_in_the_providers_words_made_harmless() {
    let evil = Evil::start().await;
    let returned = Returned {
        error: Some("access_denied\r\n".to_owned()),
        error_description: Some(format!(
            "No\r\nSet-Cookie: x\u{202e} {SECRET} {}",
            "y".repeat(1000)
        )),
        ..Returned::default()
    };
    let Completed::Refused { error, description } =
        Party::of(&evil).complete(&returned).await.unwrap()
    else {
        panic!("answered");
    };
    let description = description.unwrap();
    assert_eq!(error, "access_denied");
    assert!(
        description.starts_with("No Set-Cookie: x [hidden] yyy"),
        "{description}"
    );
    assert_eq!(description.chars().count(), 301);
}

#[tokio::test]
async fn an_error_wins_over_a_code() {
    let evil = Evil::start().await;
    let returned = Returned {
        error: Some("login_required".to_owned()),
        ..with_code()
    };
    let outcome = Party::of(&evil).complete(&returned).await.unwrap();
    assert!(
        matches!(outcome, Completed::Refused { error, description: None } if error == "login_required")
    );
    assert_eq!(evil.hits("/token"), 0);
}

#[tokio::test]
async fn o08_a_code_that_the_provider_refuses_is_told() {
    let evil = Evil::start().await;
    for (status, error, code) in [
        (400, "invalid_grant", "OIDC-024"),
        (401, "invalid_client", "OIDC-023"),
        (400, "unauthorized_client", "OIDC-023"),
        (400, "invalid_scope", "OIDC-025"),
        (200, "server_error", "OIDC-025"),
    ] {
        // A provider that repeats what it was sent must not make us show it.
        let words = format!("{CODE} {SECRET} {VERIFIER} <script>");
        evil.reply(
            "/token",
            Reply::json(status, &json!({"error": error, "error_description": words})),
        );
        assert_eq!(
            failure(&Party::of(&evil), &with_code()).await.code,
            code,
            "{error}"
        );
    }
}

#[tokio::test]
async fn o70_faults_of_the_token_endpoint_become_words() {
    let evil = Evil::start().await;
    for (reply, code, words) in [
        (
            Reply::Body(200, "text/html", b"<html>Sign in".to_vec()),
            "OIDC-026",
            "a web page",
        ),
        (
            Reply::Body(500, "text/plain", b"oops".to_vec()),
            "OIDC-026",
            "status 500",
        ),
        (
            Reply::Body(500, "application/json", b"{}".to_vec()),
            "OIDC-026",
            "status 500",
        ),
        (
            Reply::Body(200, "application/json", Vec::new()),
            "OIDC-026",
            "nothing else",
        ),
        (
            Reply::Body(200, "application/json", b"\xff{".to_vec()),
            "OIDC-026",
            "unreadable",
        ),
        (
            Reply::Body(200, "application/json", vec![b'['; 900_000]),
            "OIDC-026",
            "unreadable",
        ),
        (
            Reply::Body(200, "application/json", vec![b'x'; 1_100_000]),
            "OIDC-009",
            "1 MiB",
        ),
        (
            Reply::To("https://evil.example/".to_owned()),
            "OIDC-026",
            "status 302",
        ),
        (
            Reply::json(200, &json!({"access_token": ACCESS})),
            "OIDC-027",
            "no ID token",
        ),
        (
            Reply::json(200, &json!({"access_token": ACCESS, "id_token": 7})),
            "OIDC-027",
            "no ID token",
        ),
    ] {
        evil.reply("/token", reply);
        let error = failure(&Party::of(&evil), &with_code()).await;
        assert_eq!(error.code, code, "{error}");
        assert!(error.public.contains(words), "{error}");
    }
}

/// A provider whose ID token says only who it is, and which has a userinfo endpoint.
async fn terse(told: &Value) -> Evil {
    let evil = Evil::start().await;
    evil.publish_with(json!({"userinfo_endpoint": format!("{}/userinfo", evil.issuer)}));
    evil.hand_out(&evil.token_with(json!({"name": "Ada"})));
    evil.reply("/userinfo", Reply::json(200, told));
    evil
}

#[tokio::test]
async fn oidcc_client_test_scope_userinfo_claims_and_userinfo_bearer_header() {
    let evil = terse(
        &json!({"sub": "ada", "name": "Somebody", "email": "ada@example.org", "groups": ["g"]}),
    )
    .await;
    let evidence = Party::of(&evil).evidence().await.unwrap();
    assert_eq!(evidence.claims().text("email"), Some("ada@example.org"));
    assert_eq!(evidence.claims().texts("groups"), ["g"]);
    assert_eq!(
        evidence.claims().text("name"),
        Some("Ada"),
        "the ID token wins"
    );
    let asked = evil.last("/userinfo");
    assert_eq!(asked.headers["authorization"], format!("Bearer {ACCESS}"));
}

#[tokio::test]
async fn oidcc_client_test_userinfo_bearer_body() {
    let evil = terse(&json!({})).await;
    evil.reply("/userinfo", Reply::Body(405, "text/plain", vec![]));
    assert_eq!(
        failure(&Party::of(&evil), &with_code()).await.code,
        "OIDC-050"
    );
    assert_eq!(evil.last("/userinfo").form["access_token"], ACCESS);
    assert_eq!(evil.last("/userinfo").method, "POST");
}

#[tokio::test]
async fn o32_oidcc_client_test_userinfo_invalid_sub() {
    for sub in ["bob", "ADA", "ada ", ""] {
        let evil = terse(&json!({"sub": sub, "email": "bob@example.org"})).await;
        assert_eq!(
            failure(&Party::of(&evil), &with_code()).await.code,
            "OIDC-051",
            "{sub}"
        );
    }
}

#[tokio::test]
async fn o33_userinfo_without_sub_is_refused() {
    for told in [
        json!({"email": "bob@example.org"}),
        json!({"sub": null}),
        json!({"sub": 7}),
        json!({"sub": ["ada"]}),
    ] {
        let evil = terse(&told).await;
        assert_eq!(
            failure(&Party::of(&evil), &with_code()).await.code,
            "OIDC-051",
            "{told}"
        );
    }
}

#[tokio::test]
async fn userinfo_cannot_say_when_or_how_somebody_signed_in() {
    let evil = terse(&json!({
        "sub": "ada", "auth_time": 1_795_262_400, "acr": "high", "amr": ["mfa"], "iss": "x", "email": "a@example.org",
    }))
    .await;
    evil.hand_out(&evil.token_with(json!({"auth_time": null})));
    let evidence = Party::of(&evil).evidence().await.unwrap();
    assert_eq!(
        evidence.stated(),
        &muster_domain::evidence::StatedTime::Absent
    );
    assert_eq!((evidence.acr(), evidence.amr().len()), (None, 0));
    assert_eq!(evidence.claims().text("iss"), Some(evil.issuer.as_str()));
}

#[tokio::test]
async fn userinfo_is_asked_only_when_it_is_wanted() {
    let evil = terse(&json!({"sub": "ada"})).await;
    Party::of(&evil)
        .set("userinfo", "never")
        .evidence()
        .await
        .unwrap();
    for purpose in [Purpose::Control, Purpose::Force] {
        Party::of(&evil)
            .complete_for(purpose, &with_code())
            .await
            .unwrap();
    }
    evil.hand_out(&evil.token_with(
        json!({"name": "Ada", "email": "a@example.org", "preferred_username": "ada", "groups": []}),
    ));
    Party::of(&evil).evidence().await.unwrap();
    assert_eq!(evil.hits("/userinfo"), 0);
}

#[tokio::test]
async fn a_userinfo_that_fails_stops_the_sign_in_instead_of_losing_groups() {
    let evil = terse(&json!({})).await;
    for reply in [
        Reply::Body(500, "text/plain", vec![]),
        Reply::Body(200, "text/html", b"<html>".to_vec()),
        Reply::Body(
            200,
            "application/json",
            br#"{"sub":"bob","sub":"ada"}"#.to_vec(),
        ),
        Reply::Body(401, "application/json", b"{}".to_vec()),
    ] {
        evil.reply("/userinfo", reply);
        assert_eq!(
            failure(&Party::of(&evil), &with_code()).await.code,
            "OIDC-050"
        );
    }
}

#[tokio::test]
async fn o36_oidcc_client_test_userinfo_signed() {
    let evil = terse(&json!({})).await;
    let header = json!({"alg": "RS256", "kid": "k1"});
    let claims =
        json!({"sub": "ada", "email": "a@example.org", "iss": evil.issuer, "aud": "muster"});
    let answer = |token: String| Reply::Body(200, "application/jwt", token.into_bytes());
    evil.reply(
        "/userinfo",
        answer(keys::token(&header, &claims.to_string(), keys::rsa())),
    );
    let evidence = Party::of(&evil).evidence().await.unwrap();
    assert_eq!(evidence.claims().text("email"), Some("a@example.org"));

    evil.reply(
        "/userinfo",
        answer(keys::token(&header, &claims.to_string(), keys::other_rsa())),
    );
    assert_eq!(
        failure(&Party::of(&evil), &with_code()).await.code,
        "OIDC-034"
    );
    let unsigned = format!(
        "{}.{}.",
        keys::b64(r#"{"alg":"none"}"#),
        keys::b64(claims.to_string())
    );
    evil.reply("/userinfo", answer(unsigned));
    assert_eq!(
        failure(&Party::of(&evil), &with_code()).await.code,
        "OIDC-032"
    );
    let elsewhere = json!({"sub": "ada", "aud": "another"});
    evil.reply(
        "/userinfo",
        answer(keys::token(&header, &elsewhere.to_string(), keys::rsa())),
    );
    assert_eq!(
        failure(&Party::of(&evil), &with_code()).await.code,
        "OIDC-041"
    );
}

#[tokio::test]
async fn o82_an_access_token_that_would_split_a_header_is_not_sent() {
    let evil = terse(&json!({"sub": "ada"})).await;
    let answer = json!({"access_token": "a\r\nX-Evil: 1", "id_token": evil.token_with(json!({}))});
    evil.reply("/token", Reply::json(200, &answer));
    Party::of(&evil).evidence().await.unwrap();
    assert_eq!(evil.hits("/userinfo"), 0);
}
