//! What each provider does when it is told to ask again.

use serde_json::json;

use crate::world::{START, World};

const FORCED: &[(&str, &str)] = &[("prompt", "login"), ("max_age", "0")];

#[tokio::test]
async fn honest_answers_from_its_session_when_nothing_is_demanded() {
    let world = World::new();
    let mut browser = world.browser();
    browser.sign_in("honest", &[], "ada.lindqvist").await;
    world.pass(600);
    let back = browser.authorize("honest", &[]).await.returned();
    let claims = browser.claims("honest", &back["code"]).await;
    assert_eq!(claims["auth_time"], json!(START));
    assert_eq!(claims["iat"], json!(START + 600));
}

#[tokio::test]
async fn honest_asks_again_when_forced_and_states_the_new_time() {
    for demand in [
        &[("prompt", "login")][..],
        &[("max_age", "0")],
        &[("max_age", "599")],
        FORCED,
    ] {
        let world = World::new();
        let mut browser = world.browser();
        let first = browser.sign_in("honest", &[], "ada.lindqvist").await;
        let before = browser.claims("honest", &first).await;
        world.pass(600);
        let code = browser.sign_in("honest", demand, "ada.lindqvist").await;
        let after = browser.claims("honest", &code).await;
        assert_eq!(after["auth_time"], json!(START + 600), "{demand:?}");
        assert_eq!(
            after["sid"], before["sid"],
            "the same person, the same session"
        );
    }
}

#[tokio::test]
async fn another_person_may_answer_a_forced_sign_in() {
    let world = World::new();
    let mut browser = world.browser();
    let first = browser.sign_in("honest", &[], "ada.lindqvist").await;
    let before = browser.claims("honest", &first).await;
    let code = browser.sign_in("honest", FORCED, "bruno.keller").await;
    let after = browser.claims("honest", &code).await;
    assert_eq!(after["sub"], "lab-0002");
    assert_ne!(after["sid"], before["sid"]);
}

#[tokio::test]
async fn prompt_none_without_a_session_is_login_required() {
    let world = World::new();
    for provider in world.lab.providers() {
        let mut browser = world.browser();
        let back = browser
            .authorize(provider.slug, &[("prompt", "none")])
            .await
            .returned();
        assert_eq!(back["error"], "login_required");
        assert_eq!(back["state"], "the-state");
        assert_eq!(back["iss"], provider.issuer);
    }
}

#[tokio::test]
async fn prompt_none_with_a_session_is_answered_at_once() {
    let world = World::new();
    let mut browser = world.browser();
    browser.sign_in("honest", &[], "ada.lindqvist").await;
    let back = browser
        .authorize("honest", &[("prompt", "none")])
        .await
        .returned();
    assert!(back.contains_key("code"));
}

#[tokio::test]
async fn bounce_answers_a_forced_request_with_the_old_time() {
    let world = World::new();
    let mut browser = world.browser();
    browser.sign_in("bounce", &[], "ada.lindqvist").await;
    world.pass(600);
    let back = browser.authorize("bounce", FORCED).await.returned();
    let claims = browser.claims("bounce", &back["code"]).await;
    assert_eq!(claims["auth_time"], json!(START));
}

#[tokio::test]
async fn bounce_now_answers_a_forced_request_with_the_time_of_the_answer() {
    let world = World::new();
    let mut browser = world.browser();
    browser.sign_in("bounce-now", &[], "ada.lindqvist").await;
    for demand in [FORCED, &[]] {
        world.pass(600);
        let back = browser.authorize("bounce-now", demand).await.returned();
        world.pass(2);
        let claims = browser.claims("bounce-now", &back["code"]).await;
        assert_eq!(claims["auth_time"], json!(world.now()));
        assert_eq!(claims["auth_time"], claims["iat"]);
    }
}

#[tokio::test]
async fn silent_asks_again_when_forced_and_never_states_a_time() {
    let world = World::new();
    let mut browser = world.browser();
    let first = browser.sign_in("silent", &[], "ada.lindqvist").await;
    assert_eq!(
        browser.claims("silent", &first).await.get("auth_time"),
        None
    );
    let claims = r#"{"id_token":{"auth_time":{"essential":true}}}"#;
    let demand = [FORCED, &[("claims", claims)]].concat();
    let second = browser.sign_in("silent", &demand, "ada.lindqvist").await;
    assert_eq!(
        browser.claims("silent", &second).await.get("auth_time"),
        None
    );
}

#[tokio::test]
async fn a_session_at_one_provider_is_none_at_another() {
    let world = World::new();
    let mut browser = world.browser();
    browser.sign_in("bounce", &[], "ada.lindqvist").await;
    for slug in ["honest", "bounce-now", "silent"] {
        let answer = browser.authorize(slug, &[]).await;
        assert!(answer.location().starts_with(&format!("/{slug}/sign-in/")));
    }
}

#[tokio::test]
async fn an_essential_acr_nobody_can_give_is_refused_by_the_obedient() {
    let world = World::new();
    let impossible = r#"{"id_token":{"acr":{"essential":true,"values":["phr"]}}}"#;
    let possible =
        r#"{"id_token":{"acr":{"essential":true,"values":["phr","urn:muster-lab:password"]}}}"#;
    let mut browser = world.browser();
    let refused = browser
        .authorize("honest", &[("claims", impossible)])
        .await
        .returned();
    assert_eq!(refused["error"], "unmet_authentication_requirements");
    browser
        .sign_in("honest", &[("claims", possible)], "ada.lindqvist")
        .await;
    browser
        .sign_in("bounce", &[("claims", impossible)], "ada.lindqvist")
        .await;
}

#[tokio::test]
async fn cancel_comes_back_as_access_denied() {
    let world = World::new();
    let mut browser = world.browser();
    let page = browser
        .authorize("honest", FORCED)
        .await
        .location()
        .to_owned();
    let back = browser
        .post(&page, &[("action", "cancel")])
        .await
        .returned();
    assert_eq!(back["error"], "access_denied");
    assert_eq!(back["state"], "the-state");
    let again = browser.get(&page).await;
    assert_eq!(again.status.as_u16(), 410);
}
