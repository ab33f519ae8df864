//! Logout started by the application.

use axum::http::StatusCode;

use crate::world::{World, encode};

#[tokio::test]
async fn with_a_fitting_hint_the_session_ends_at_once() {
    let world = World::new();
    let mut browser = world.browser();
    let code = browser.sign_in("honest", &[], "ada.lindqvist").await;
    let tokens = world.exchange("honest", &code).await.json();
    let hint = tokens["id_token"].as_str().unwrap();
    world.pass(3600);
    let query = encode(&[
        ("id_token_hint", hint),
        ("post_logout_redirect_uri", "http://127.0.0.1:3000/bye"),
        ("state", "later"),
    ]);
    let answer = browser.get(&format!("/honest/end-session?{query}")).await;
    assert_eq!(answer.location(), "http://127.0.0.1:3000/bye?state=later");
    let next = browser.authorize("honest", &[]).await;
    assert!(next.location().starts_with("/honest/sign-in/"));
}

#[tokio::test]
async fn without_a_hint_the_person_is_asked_first() {
    let world = World::new();
    let mut browser = world.browser();
    browser.sign_in("honest", &[], "ada.lindqvist").await;
    let fields = [
        ("client_id", "muster"),
        ("post_logout_redirect_uri", "http://127.0.0.1:3000/bye"),
    ];
    let asked = browser
        .get(&format!("/honest/end-session?{}", encode(&fields)))
        .await;
    assert_eq!(asked.status, StatusCode::OK);
    browser.authorize("honest", &[]).await.returned();
    let confirmed = [&fields[..], &[("confirm", "yes")]].concat();
    let answer = browser.post("/honest/end-session", &confirmed).await;
    assert_eq!(answer.location(), "http://127.0.0.1:3000/bye");
    let next = browser.authorize("honest", &[]).await;
    assert!(next.location().starts_with("/honest/sign-in/"));
}

#[tokio::test]
async fn a_foreign_address_or_a_forged_hint_is_refused() {
    let world = World::new();
    let other = world.id_token("bounce").await;
    for fields in [
        [
            ("client_id", "muster"),
            ("post_logout_redirect_uri", "https://evil.example/"),
        ],
        [
            ("nothing", "else"),
            ("post_logout_redirect_uri", "http://127.0.0.1:3000/bye"),
        ],
        [
            ("id_token_hint", other.as_str()),
            ("post_logout_redirect_uri", "http://127.0.0.1:3000/bye"),
        ],
        [("id_token_hint", "a.b.c"), ("state", "x")],
    ] {
        let answer = world
            .get(&format!("/honest/end-session?{}", encode(&fields)))
            .await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{fields:?}");
    }
}
