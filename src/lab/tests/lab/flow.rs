//! A whole sign-in, as every provider must do it.

use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::world::{CALLBACK, START, VERIFIER, World, claims, encode, head, request, verifies};

#[tokio::test]
async fn an_honest_sign_in_ends_in_a_true_signed_token() {
    let world = World::new();
    let mut browser = world.browser();
    let page = browser.authorize("honest", &[]).await.location().to_owned();
    world.pass(5);
    let back = browser.submit(&page, "dana.novak", "lab").await.returned();
    assert_eq!(back["state"], "the-state");
    assert_eq!(back["iss"], "http://127.0.0.1:9999/honest");
    world.pass(3);
    let tokens = world.exchange("honest", &back["code"]).await.json();
    let token = tokens["id_token"].as_str().unwrap();

    let jwks = world.get("/honest/jwks").await.json();
    assert!(verifies(token, &jwks));
    assert_eq!(head(token)["alg"], "RS256");
    assert_eq!(head(token)["kid"], jwks["keys"][0]["kid"]);
    let mut claims = claims(token);
    let fields = claims.as_object_mut().unwrap();
    assert!(fields.remove("sid").is_some());
    assert!(fields.remove("at_hash").is_some());
    let expected = json!({
        "iss": "http://127.0.0.1:9999/honest", "sub": "lab-0004", "aud": "muster",
        "iat": START + 8, "exp": START + 308, "auth_time": START + 5, "nonce": "the-nonce",
        "acr": "urn:muster-lab:password", "amr": ["pwd"],
        "name": "Dana Nováková", "given_name": "Dana", "family_name": "Nováková",
        "preferred_username": "dana.novak", "email": "dana.novak@lab.example",
        "email_verified": true,
        "groups": ["engineering", "on-call", "prague", "project-aurora", "staff"],
    });
    assert_eq!(claims, expected);
}

#[tokio::test]
async fn every_provider_signs_with_the_algorithm_it_names_first() {
    let world = World::new();
    for provider in world.lab.providers() {
        let slug = provider.slug;
        let document = world
            .get(&format!("/{slug}/.well-known/openid-configuration"))
            .await
            .json();
        assert_eq!(document["issuer"], provider.issuer);
        let offered = &document["id_token_signing_alg_values_supported"];
        assert_eq!(offered[0], provider.algorithm.name());
        assert!(
            offered.as_array().unwrap().contains(&json!("RS256")),
            "{slug}"
        );
        let token = world.id_token(slug).await;
        assert_eq!(head(&token)["alg"], provider.algorithm.name());
    }
}

#[tokio::test]
async fn every_endpoint_of_discovery_answers() {
    let world = World::new();
    let document = world
        .get("/honest/.well-known/openid-configuration")
        .await
        .json();
    assert_eq!(
        document["authorization_response_iss_parameter_supported"],
        true
    );
    let fields = document.as_object().unwrap();
    let endpoints: Vec<_> = fields
        .iter()
        .filter(|(name, _)| name.ends_with("_endpoint") || *name == "jwks_uri")
        .collect();
    assert_eq!(endpoints.len(), 6);
    for (name, address) in endpoints {
        let path = address
            .as_str()
            .unwrap()
            .strip_prefix("http://127.0.0.1:9999")
            .unwrap();
        let status = world.get(path).await.status;
        assert_ne!(status, StatusCode::NOT_FOUND, "{name}");
    }
}

#[tokio::test]
async fn scopes_decide_about_claims() {
    let world = World::new();
    let mut browser = world.browser();
    let code = browser
        .sign_in("honest", &[("scope", "openid")], "ada.lindqvist")
        .await;
    let claims = browser.claims("honest", &code).await;
    assert_eq!(claims["sub"], "lab-0001");
    for absent in ["name", "email", "groups", "preferred_username"] {
        assert_eq!(claims.get(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn userinfo_tells_about_the_person_of_the_token() {
    let world = World::new();
    let code = world
        .browser()
        .sign_in("honest", &[], "quentin.dubois")
        .await;
    let tokens = world.exchange("honest", &code).await.json();
    let token = tokens["access_token"].as_str().unwrap();
    let info = world.bearer("/honest/userinfo", token).await.json();
    assert_eq!(info["sub"], "lab-0017");
    assert_eq!(info["email_verified"], false);
    assert_eq!(info["groups"], json!(["contractors", "marketing", "paris"]));
    world.pass(300);
    let late = world.bearer("/honest/userinfo", token).await;
    assert_eq!(late.status, StatusCode::UNAUTHORIZED);
    let elsewhere = world.bearer("/bounce/userinfo", token).await;
    assert_eq!(elsewhere.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn the_client_may_prove_itself_in_the_header() {
    let world = World::new();
    let code = world.browser().sign_in("honest", &[], "suharto").await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("redirect_uri", CALLBACK),
        ("code_verifier", VERIFIER),
    ];
    let basic = format!("Basic {}", STANDARD.encode("muster:muster-lab-secret"));
    let post = axum::http::Request::post("/honest/token").header("authorization", basic);
    let answer = world.send(post.body(encode(&fields).into()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn a_username_in_any_script_and_case_signs_in() {
    let world = World::new();
    let mut browser = world.browser();
    let code = browser.sign_in("honest", &[], " SØREN.Østergaard ").await;
    let claims = browser.claims("honest", &code).await;
    assert_eq!(claims["preferred_username"], "søren.østergaard");
}

#[tokio::test]
async fn a_pushed_request_cannot_be_changed_in_the_address() {
    let world = World::new();
    let mut browser = world.browser();
    browser.sign_in("honest", &[], "ada.lindqvist").await;
    let pushed = request(&[("prompt", "login")]);
    let answer = world.post_as_client("/honest/par", &pushed[1..]).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let reference = answer.json()["request_uri"].as_str().unwrap().to_owned();
    let path = format!(
        "/honest/authorize?{}",
        encode(&[
            ("client_id", "muster"),
            ("request_uri", &reference),
            ("prompt", "none")
        ])
    );
    let first = browser.get(&path).await;
    assert!(first.location().starts_with("/honest/sign-in/"));
    let second = browser.get(&path).await;
    assert_eq!(second.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_pushed_request_is_checked_at_once() {
    let world = World::new();
    let plain = request(&[]);
    let unknown_client = world.post("/honest/par", &plain).await;
    assert_eq!(unknown_client.status, StatusCode::UNAUTHORIZED);
    let foreign = request(&[
        ("redirect_uri", "https://evil.example/cb"),
        ("client_id", ""),
    ]);
    let answer = world.post_as_client("/honest/par", &foreign).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert_eq!(answer.json()["error"], "invalid_request");
}
