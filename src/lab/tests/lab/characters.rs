//! What the special troubles do when a fresh sign-in is demanded of them.

use serde_json::{Value, json};

use crate::world::{START, World};

const FORCED: &[(&str, &str)] = &[("prompt", "login"), ("max_age", "0")];

/// Ada's claims of a forced answer, ten minutes after she signed in at provider `slug`.
async fn forced(slug: &str) -> Value {
    let world = World::new();
    let mut browser = world.browser();
    browser.sign_in(slug, &[], "ada.lindqvist").await;
    world.pass(600);
    let code = browser.sign_in(slug, FORCED, "ada.lindqvist").await;
    browser.claims(slug, &code).await
}

#[tokio::test]
async fn the_broker_states_the_true_time_until_it_is_forced() {
    let world = World::new();
    let mut browser = world.browser();
    browser.sign_in("broker", &[], "ada.lindqvist").await;
    world.pass(600);
    let silent = [("prompt", "none")];
    let back = browser.authorize("broker", &silent).await.returned();
    let claims = browser.claims("broker", &back["code"]).await;
    assert_eq!(claims["auth_time"], json!(START));
    let back = browser.authorize("broker", FORCED).await.returned();
    let claims = browser.claims("broker", &back["code"]).await;
    assert_eq!(
        claims["auth_time"],
        json!(START + 600),
        "nobody typed anything"
    );
}

#[tokio::test]
async fn each_trouble_is_in_its_claim_and_nowhere_else() {
    let truth = forced("honest").await;
    for (slug, claim, expected) in [
        ("milliseconds", "auth_time", json!((START + 600) * 1000)),
        ("tomorrow", "auth_time", json!(START + 600 + 86_400)),
        ("fast-clock", "auth_time", json!(START + 900)),
        ("fast-clock", "iat", json!(START + 900)),
        ("slow-clock", "auth_time", json!(START + 300)),
        ("slow-clock", "iat", json!(START + 300)),
        ("no-context", "acr", Value::Null),
        ("weak-context", "acr", json!("urn:muster-lab:session")),
        ("somebody-else", "sub", json!("lab-0002")),
    ] {
        let claims = forced(slug).await;
        assert_eq!(claims[claim], expected, "{slug}");
        for same in ["sub", "acr", "auth_time"] {
            let differs = claims[same] != truth[same];
            let is_meant = same == claim || slug.ends_with("-clock");
            assert!(!differs || is_meant, "{slug} also changes {same}");
        }
    }
}

#[tokio::test]
async fn somebody_else_speaks_of_the_person_unless_forced() {
    let world = World::new();
    let mut browser = world.browser();
    let code = browser.sign_in("somebody-else", &[], "ada.lindqvist").await;
    let claims = browser.claims("somebody-else", &code).await;
    assert_eq!(claims["sub"], "lab-0001");
}

#[tokio::test]
async fn refusing_answers_until_it_is_forced() {
    let world = World::new();
    let mut browser = world.browser();
    browser.sign_in("refusing", &[], "ada.lindqvist").await;
    let back = browser.authorize("refusing", FORCED).await.returned();
    assert_eq!(back["error"], "temporarily_unavailable");
    let back = browser.authorize("refusing", &[]).await.returned();
    assert!(back.contains_key("code"));
}

#[tokio::test]
async fn new_keys_publishes_the_key_of_a_forced_answer_and_no_older_one() {
    let world = World::new();
    let before = world.get("/new-keys/jwks").await.json();
    let mut browser = world.browser();
    let code = browser.sign_in("new-keys", &[], "ada.lindqvist").await;
    browser.claims("new-keys", &code).await;
    assert_eq!(world.get("/new-keys/jwks").await.json(), before);
    let code = browser.sign_in("new-keys", FORCED, "ada.lindqvist").await;
    browser.claims("new-keys", &code).await;
    assert_ne!(world.get("/new-keys/jwks").await.json(), before);
}
