//! What the lab must not do for an application or a browser.

use axum::http::{Request, StatusCode};

use crate::world::{CALLBACK, VERIFIER, World, encode};

#[tokio::test]
async fn a_redirect_to_another_machine_is_refused_with_a_page() {
    let world = World::new();
    let mut browser = world.browser();
    for address in [
        "https://evil.example/cb",
        "http://localhost.evil.example/cb",
        "http://localhost@evil.example/cb",
        "//evil.example/cb",
        "not an address",
    ] {
        let answer = browser
            .authorize("honest", &[("redirect_uri", address)])
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{address}");
        assert!(!answer.headers.contains_key("location"), "{address}");
    }
}

#[tokio::test]
async fn an_unknown_client_is_refused_with_a_page() {
    let world = World::new();
    let mut browser = world.browser();
    for client in ["someone", ""] {
        let answer = browser.authorize("honest", &[("client_id", client)]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(!answer.headers.contains_key("location"));
    }
}

#[tokio::test]
async fn a_request_that_cannot_be_met_goes_back_with_its_reason() {
    let world = World::new();
    let mut browser = world.browser();
    for (field, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "invalid_request"),
        ("response_mode", "fragment", "invalid_request"),
        ("scope", "profile", "invalid_scope"),
        ("prompt", "none login", "invalid_request"),
        ("prompt", "dance", "invalid_request"),
        ("max_age", "-1", "invalid_request"),
        ("max_age", "soon", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("claims", "{", "invalid_request"),
        ("request", "a.b.c", "request_not_supported"),
    ] {
        let back = browser
            .authorize("honest", &[(field, value)])
            .await
            .returned();
        assert_eq!(back["error"], error, "{field}={value}");
        assert_eq!(back["iss"], "http://127.0.0.1:9999/honest");
    }
}

#[tokio::test]
async fn a_code_works_once_and_a_second_use_closes_what_it_opened() {
    let world = World::new();
    let code = world
        .browser()
        .sign_in("honest", &[], "ada.lindqvist")
        .await;
    let first = world.exchange("honest", &code).await.json();
    let token = first["access_token"].as_str().unwrap();
    assert_eq!(
        world.bearer("/honest/userinfo", token).await.status,
        StatusCode::OK
    );
    let second = world.exchange("honest", &code).await;
    assert_eq!(second.status, StatusCode::BAD_REQUEST);
    assert_eq!(second.json()["error"], "invalid_grant");
    let closed = world.bearer("/honest/userinfo", token).await;
    assert_eq!(closed.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_code_expires_after_sixty_seconds() {
    let world = World::new();
    let mut browser = world.browser();
    let early = browser.sign_in("honest", &[], "ada.lindqvist").await;
    world.pass(59);
    assert_eq!(
        world.exchange("honest", &early).await.status,
        StatusCode::OK
    );
    let back = browser.authorize("honest", &[]).await.returned();
    world.pass(60);
    let late = world.exchange("honest", &back["code"]).await;
    assert_eq!(late.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_code_of_another_provider_is_refused() {
    let world = World::new();
    let code = world
        .browser()
        .sign_in("bounce", &[], "ada.lindqvist")
        .await;
    let answer = world.exchange("honest", &code).await;
    assert_eq!(answer.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_wrong_missing_or_superfluous_verifier_is_refused() {
    let world = World::new();
    let unprotected = [("code_challenge", ""), ("code_challenge_method", "")];
    for (extra, verifier) in [
        (
            &[][..],
            "another-verifier-of-at-least-forty-three-characters",
        ),
        (&[], ""),
        (&unprotected[..], VERIFIER),
    ] {
        let code = world
            .browser()
            .sign_in("honest", extra, "ada.lindqvist")
            .await;
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", CALLBACK),
            ("code_verifier", verifier),
        ];
        let answer = world.post_as_client("/honest/token", &fields).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{verifier}");
        assert_eq!(answer.json()["error"], "invalid_grant");
    }
}

#[tokio::test]
async fn the_token_request_must_repeat_the_redirect_address() {
    let world = World::new();
    let code = world
        .browser()
        .sign_in("honest", &[], "ada.lindqvist")
        .await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", &code),
        ("redirect_uri", "http://127.0.0.1:3000/other"),
        ("code_verifier", VERIFIER),
    ];
    let answer = world.post_as_client("/honest/token", &fields).await;
    assert_eq!(answer.json()["error"], "invalid_grant");
}

#[tokio::test]
async fn a_wrong_client_secret_is_refused_and_leaves_the_code_alone() {
    let world = World::new();
    let code = world
        .browser()
        .sign_in("honest", &[], "ada.lindqvist")
        .await;
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", code.as_str()),
        ("client_id", "muster"),
        ("client_secret", "wrong"),
    ];
    for sent in [&fields[..], &fields[..3]] {
        let answer = world.post("/honest/token", sent).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert_eq!(answer.json()["error"], "invalid_client");
        assert!(answer.headers.contains_key("www-authenticate"));
    }
    assert_eq!(world.exchange("honest", &code).await.status, StatusCode::OK);
}

#[tokio::test]
async fn parameters_sent_twice_are_refused() {
    let world = World::new();
    let twice = world.get("/honest/authorize?state=a&state=b").await;
    assert_eq!(twice.status, StatusCode::BAD_REQUEST);
    let fields = [
        ("grant_type", "authorization_code"),
        ("code", "a"),
        ("code", "b"),
    ];
    let twice = world.post_as_client("/honest/token", &fields).await;
    assert_eq!(twice.json()["error"], "invalid_request");
}

#[tokio::test]
async fn a_wrong_password_shows_the_page_again_with_what_was_typed() {
    let world = World::new();
    let mut browser = world.browser();
    let page = browser.authorize("honest", &[]).await.location().to_owned();
    let wrong = browser.submit(&page, "ada.lindqvist", "guess").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(wrong.body.contains(r#"value="ada.lindqvist""#));
    assert!(wrong.body.contains(r#"role="alert""#));
    assert!(
        wrong
            .body
            .contains(r#"aria-describedby="error password-help""#)
    );
    let unknown = browser.submit(&page, "<b>nobody", "lab").await;
    assert_eq!(unknown.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(unknown.body.contains("&lt;b&gt;nobody"));
    browser
        .submit(&page, "ada.lindqvist", "lab")
        .await
        .returned();
}

#[tokio::test]
async fn a_sign_in_page_can_be_finished_once() {
    let world = World::new();
    let mut browser = world.browser();
    let page = browser.authorize("honest", &[]).await.location().to_owned();
    browser
        .submit(&page, "ada.lindqvist", "lab")
        .await
        .returned();
    let again = browser.submit(&page, "ada.lindqvist", "lab").await;
    assert_eq!(again.status, StatusCode::GONE);
}

#[tokio::test]
async fn a_foreign_host_name_is_refused() {
    let world = World::new();
    for (host, expected) in [
        ("127.0.0.1:9999", StatusCode::OK),
        ("localhost:9999", StatusCode::OK),
        ("[::1]:9999", StatusCode::OK),
        ("evil.example", StatusCode::MISDIRECTED_REQUEST),
        (
            "localhost.evil.example:9999",
            StatusCode::MISDIRECTED_REQUEST,
        ),
    ] {
        let request = Request::get("/").header("host", host);
        let answer = world
            .send(request.body(String::new().into()).unwrap())
            .await;
        assert_eq!(answer.status, expected, "{host}");
    }
}

#[tokio::test]
async fn the_control_reads_nothing_but_json() {
    let world = World::new();
    let order = r#"{"tamper":"alg-none"}"#;
    for kind in ["text/plain", "application/x-www-form-urlencoded"] {
        let request = Request::post("/honest/control").header("content-type", kind);
        let answer = world.send(request.body(order.into()).unwrap()).await;
        assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    }
    assert_eq!(world.lab.armed("honest").unwrap(), []);
}

#[tokio::test]
async fn an_oversized_form_is_refused() {
    let world = World::new();
    let huge = "x".repeat(100_000);
    let answer = world.post("/honest/token", &[("code", &huge)]).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn an_unknown_provider_is_named_in_a_page() {
    let world = World::new();
    let answer = world
        .get(&format!("/nobody/authorize?{}", encode(&[])))
        .await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.body.contains("nobody"));
}
