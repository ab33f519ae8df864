//! What a person reads.

use crate::world::World;

#[tokio::test]
async fn the_start_page_lists_every_provider_and_person() {
    let world = World::new();
    let page = world.get("/").await.body;
    for provider in world.lab.providers() {
        for text in [
            &provider.issuer,
            provider.sentence,
            provider.expected_verdict,
        ] {
            assert!(page.contains(text), "{text}");
        }
    }
    for person in world.lab.people() {
        assert!(page.contains(person.username), "{}", person.username);
    }
    assert!(page.contains("muster-lab-secret"));
}

#[tokio::test]
async fn the_sign_in_page_says_where_one_is_and_what_was_asked() {
    let world = World::new();
    let mut browser = world.browser();
    browser.sign_in("honest", &[], "ada.lindqvist").await;
    let demand = [
        ("prompt", "login"),
        ("max_age", "0"),
        ("login_hint", "li.wei"),
    ];
    let path = browser
        .authorize("honest", &demand)
        .await
        .location()
        .to_owned();
    let page = browser.get(&path).await;
    for part in [
        r#"<html lang="en">"#,
        r#"id="username""#,
        r#"id="password""#,
        r#"id="sign-in""#,
        r#"id="cancel""#,
        r#"<label for="username">"#,
        r#"<label for="password">"#,
        r#"value="li.wei""#,
        "Not a real identity provider",
        "Sign in at Honest",
        "signed in as <strong>Ada Lindqvist</strong>",
        "<dt><code>max_age</code></dt><dd><code>0</code></dd>",
    ] {
        assert!(page.body.contains(part), "{part}");
    }
}

#[tokio::test]
async fn pages_hold_nothing_the_policy_forbids() {
    let world = World::new();
    let mut browser = world.browser();
    let path = browser.authorize("honest", &[]).await.location().to_owned();
    for path in ["/", &path, "/nowhere/at/all", "/honest/authorize"] {
        let page = browser.get(path).await;
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self';"));
        assert!(!policy.contains("unsafe"));
        for forbidden in [" style=", "<style", "<script", " onclick", "http-equiv"] {
            assert!(!page.body.contains(forbidden), "{path}: {forbidden}");
        }
    }
    let css = browser.get("/lab.css").await;
    assert_eq!(css.headers["content-type"], "text/css; charset=utf-8");
}
