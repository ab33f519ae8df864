//! What is asked: the parameters by purpose, PKCE, pushed requests, sign-out.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use muster_domain::protocol::{Ask, Departure, IdentityProvider as _, Purpose};
use serde_json::{Value, json};
use url::Url;

use crate::evil::{CLIENT, Evil, NONCE, Party, Reply, SECRET, STATE, VERIFIER};

fn query(url: &Url) -> HashMap<String, String> {
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    let map: HashMap<_, _> = pairs.iter().cloned().collect();
    assert_eq!(map.len(), pairs.len(), "a parameter occurs twice: {url}");
    map
}

fn claims(sent: &HashMap<String, String>) -> Option<Value> {
    sent.get("claims").map(|text| text.parse().unwrap())
}

async fn asked(party: &Party, purpose: Purpose) -> (HashMap<String, String>, Departure) {
    let departure = party.begin(purpose).await.unwrap();
    (query(&departure.to), departure)
}

#[tokio::test]
async fn o10_every_question_has_pkce_s256_state_and_nonce() {
    let evil = Evil::start().await;
    let challenge = URL_SAFE_NO_PAD.encode(openssl::sha::sha256(VERIFIER.as_bytes()));
    for purpose in [Purpose::SignIn, Purpose::Control, Purpose::Force] {
        let (sent, _) = asked(&Party::of(&evil), purpose).await;
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", CLIENT),
            (
                "redirect_uri",
                "https://muster.example/signin/evil/callback",
            ),
            ("scope", "openid profile email"),
            ("state", STATE),
            ("nonce", NONCE),
            ("code_challenge_method", "S256"),
            ("code_challenge", challenge.as_str()),
        ] {
            assert_eq!(
                sent.get(name).map(String::as_str),
                Some(value),
                "{purpose:?} {name}"
            );
        }
        assert!(!sent.contains_key("response_mode"));
    }
}

#[tokio::test]
async fn o10_a_provider_that_offers_only_plain_still_gets_s256() {
    let evil = Evil::start().await;
    evil.publish_with(json!({"code_challenge_methods_supported": ["plain"]}));
    let (sent, _) = asked(&Party::of(&evil), Purpose::SignIn).await;
    assert_eq!(sent["code_challenge_method"], "S256");
}

#[tokio::test]
async fn o10_a_verifier_that_is_none_is_an_error_and_no_panic() {
    let evil = Evil::start().await;
    let party = Party::of(&evil);
    for verifier in [
        "",
        "short",
        &"x".repeat(129),
        &format!("{VERIFIER} "),
        &"ü".repeat(30),
    ] {
        let ask = Ask {
            purpose: Purpose::SignIn,
            state: STATE.to_owned(),
            nonce: NONCE.to_owned(),
            verifier: verifier.to_owned(),
            login_hint: None,
        };
        assert!(
            party.oidc.begin(&party.connection(), &ask).await.is_err(),
            "{verifier}"
        );
    }
}

#[tokio::test]
async fn a_sign_in_forces_nothing_and_asks_for_the_time() {
    let evil = Evil::start().await;
    let party = Party::of(&evil)
        .set("acr_values", "high")
        .set("required_acr", "high");
    let (sent, departure) = asked(&party, Purpose::SignIn).await;
    for name in ["prompt", "max_age", "acr_values"] {
        assert!(!sent.contains_key(name), "{name}");
    }
    assert_eq!(
        claims(&sent),
        Some(json!({"id_token": {"auth_time": {"essential": true}}}))
    );
    assert!(
        departure.sent.auth_time_essential
            && departure.sent.prompt.is_none()
            && !departure.sent.pushed
    );
}

#[tokio::test]
async fn a_control_wants_no_interaction() {
    let evil = Evil::start().await;
    let (sent, departure) = asked(&Party::of(&evil), Purpose::Control).await;
    assert_eq!(
        (sent["prompt"].as_str(), sent["max_age"].as_str()),
        ("none", "31536000"),
        "a year forces nobody, and makes stating auth_time a duty"
    );
    assert_eq!(departure.sent.prompt.as_deref(), Some("none"));
    let party = Party::of(&evil).set("max_age", "none");
    let (sent, _) = asked(&party, Purpose::Control).await;
    assert!(!sent.contains_key("max_age"));
}

#[tokio::test]
async fn force_sends_prompt_max_age_and_essential_claims() {
    let evil = Evil::start().await;
    let (sent, departure) = asked(&Party::of(&evil), Purpose::Force).await;
    assert_eq!(
        (sent["prompt"].as_str(), sent["max_age"].as_str()),
        ("login", "0")
    );
    assert_eq!(departure.sent.max_age, Some(0));
    let party = Party::of(&evil)
        .set("prompt", "unsent")
        .set("max_age", "1")
        .set("required_acr", "urn:mfa");
    let (sent, departure) = asked(&party, Purpose::Force).await;
    assert!(!sent.contains_key("prompt"));
    assert_eq!(
        (sent["max_age"].as_str(), sent["acr_values"].as_str()),
        ("1", "urn:mfa")
    );
    assert_eq!(departure.sent.acr_values.as_deref(), Some("urn:mfa"));
    assert_eq!(
        claims(&sent),
        Some(
            json!({"id_token": {"auth_time": {"essential": true}, "acr": {"essential": true, "values": ["urn:mfa"]}}})
        )
    );
    let party = Party::of(&evil)
        .set("max_age", "none")
        .set("claims_auth_time", "no")
        .set("acr_values", "a  b");
    let (sent, departure) = asked(&party, Purpose::Force).await;
    assert!(!sent.contains_key("max_age") && !sent.contains_key("claims"));
    assert_eq!(sent["acr_values"], "a b");
    assert!(!departure.sent.auth_time_essential);
}

#[tokio::test]
async fn without_a_promise_claims_are_sent_only_to_force() {
    let evil = Evil::start().await;
    evil.publish_with(json!({"claims_parameter_supported": null}));
    let party = Party::of(&evil);
    for (purpose, is_sent) in [
        (Purpose::SignIn, false),
        (Purpose::Control, false),
        (Purpose::Force, true),
    ] {
        let (sent, departure) = asked(&party, purpose).await;
        assert_eq!(
            (
                sent.contains_key("claims"),
                departure.sent.auth_time_essential
            ),
            (is_sent, is_sent),
            "{purpose:?}"
        );
    }
}

#[tokio::test]
async fn a_hint_and_the_providers_own_query_are_kept() {
    let evil = Evil::start().await;
    evil.publish_with(
        json!({"authorization_endpoint": format!("{}/authorize?p=policy&x=%26", evil.issuer)}),
    );
    let party = Party::of(&evil).set("scopes", "openid groups openid");
    let ask = Ask {
        purpose: Purpose::Force,
        state: "s&state=forged".to_owned(),
        nonce: NONCE.to_owned(),
        verifier: VERIFIER.to_owned(),
        login_hint: Some("ada@example.org&prompt=none".to_owned()),
    };
    let sent = query(
        &party
            .oidc
            .begin(&party.connection(), &ask)
            .await
            .unwrap()
            .to,
    );
    assert_eq!((sent["p"].as_str(), sent["x"].as_str()), ("policy", "&"));
    assert_eq!(sent["login_hint"], "ada@example.org&prompt=none");
    assert_eq!(sent["state"], "s&state=forged");
    assert_eq!(
        (sent["prompt"].as_str(), sent["scope"].as_str()),
        ("login", "openid groups")
    );
}

async fn pushing() -> Evil {
    let evil = Evil::start().await;
    evil.publish_with(json!({
        "pushed_authorization_request_endpoint": format!("{}/par", evil.issuer),
        "authorization_endpoint": format!("{}/authorize?p=policy", evil.issuer),
    }));
    evil.reply(
        "/par",
        Reply::json(201, &json!({"request_uri": "urn:x:1&2", "expires_in": 60})),
    );
    evil
}

#[tokio::test]
async fn a_pushed_request_leaves_nothing_to_strip() {
    let evil = pushing().await;
    let (sent, departure) = asked(&Party::of(&evil), Purpose::Force).await;
    let expected = [
        ("p", "policy"),
        ("client_id", CLIENT),
        ("request_uri", "urn:x:1&2"),
    ];
    assert_eq!(
        sent,
        expected.map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    );
    assert!(departure.sent.pushed);
    let pushed = evil.last("/par");
    for (name, value) in [
        ("prompt", "login"),
        ("max_age", "0"),
        ("client_id", CLIENT),
        ("nonce", NONCE),
        ("code_challenge_method", "S256"),
    ] {
        assert_eq!(
            pushed.form.get(name).map(String::as_str),
            Some(value),
            "{name}"
        );
    }
    assert!(!pushed.form.contains_key("p") && !pushed.form.contains_key("client_secret"));
    assert!(
        pushed.headers["authorization"]
            .to_str()
            .unwrap()
            .starts_with("Basic ")
    );
}

#[tokio::test]
async fn pushed_requests_can_be_switched_off() {
    let evil = pushing().await;
    let (sent, departure) = asked(&Party::of(&evil).set("use_par", "never"), Purpose::Force).await;
    assert_eq!(sent["prompt"], "login");
    assert!(!departure.sent.pushed);
    assert_eq!(evil.hits("/par"), 0);
}

#[tokio::test]
async fn set_to_always_a_request_is_pushed_or_nobody_leaves() {
    let evil = pushing().await;
    let always = Party::of(&evil).set("use_par", "always");
    let (_, departure) = asked(&always, Purpose::Force).await;
    assert!(departure.sent.pushed);
    let evil = Evil::start().await;
    for purpose in [Purpose::SignIn, Purpose::Control, Purpose::Force] {
        let always = Party::of(&evil).set("use_par", "always");
        let error = always.begin(purpose).await.unwrap_err();
        assert_eq!(error.code, "OIDC-016");
    }
    let (_, departure) = asked(&Party::of(&evil).set("use_par", "auto"), Purpose::Force).await;
    assert!(!departure.sent.pushed);
}

#[tokio::test]
async fn a_refused_push_is_an_error_and_never_a_plain_request() {
    let evil = pushing().await;
    for (reply, words) in [
        (
            Reply::json(
                400,
                &json!({"error": "invalid_request", "error_description": "bad <b>redirect</b>"}),
            ),
            "invalid_request",
        ),
        (Reply::json(201, &json!({"expires_in": 60})), "status 201"),
        (
            Reply::Body(500, "text/html", b"<html>".to_vec()),
            "web page",
        ),
        (Reply::To("/elsewhere".to_owned()), "status 302"),
    ] {
        evil.reply("/par", reply);
        let error = Party::of(&evil).begin(Purpose::Force).await.unwrap_err();
        assert_eq!(error.code, "OIDC-014");
        assert!(error.public.contains(words), "{error}");
    }
    let echo = json!({"error": "invalid_client", "error_description": format!("secret {SECRET} is wrong")});
    evil.reply("/par", Reply::json(401, &echo));
    let error = Party::of(&evil).begin(Purpose::Force).await.unwrap_err();
    assert!(!format!("{error:?}{error}").contains(SECRET));
}

#[tokio::test]
async fn oidcc_client_test_client_secret_basic() {
    let evil = Evil::start().await;
    evil.hand_out(&evil.token_with(json!({})));
    Party::of(&evil).evidence().await.unwrap();
    let asked = evil.last("/token");
    let basic = asked.headers["authorization"]
        .to_str()
        .unwrap()
        .strip_prefix("Basic ")
        .unwrap()
        .to_owned();
    let pair = String::from_utf8(STANDARD.decode(basic).unwrap()).unwrap();
    // RFC 6749 section 2.3.1: both halves are form-encoded.
    assert_eq!(pair, "muster:s3cr3t%2Bvalue%2Fwith%3Asigns");
    assert!(!asked.form.contains_key("client_secret"));
    for (name, value) in [
        ("grant_type", "authorization_code"),
        ("code_verifier", VERIFIER),
        (
            "redirect_uri",
            "https://muster.example/signin/evil/callback",
        ),
    ] {
        assert_eq!(asked.form[name], value);
    }
}

#[tokio::test]
async fn client_secret_post_and_public_clients() {
    let evil = Evil::start().await;
    evil.hand_out(&evil.token_with(json!({})));
    let by_form = |evil: &Evil| {
        let asked = evil.last("/token");
        assert_eq!(asked.form["client_id"], CLIENT);
        (
            asked.form.get("client_secret").cloned(),
            asked.headers.contains_key("authorization"),
        )
    };
    Party::of(&evil)
        .set("client_auth", "post")
        .evidence()
        .await
        .unwrap();
    assert_eq!(by_form(&evil), (Some(SECRET.to_owned()), false));
    evil.publish_with(
        json!({"token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_post"]}),
    );
    Party::of(&evil).evidence().await.unwrap();
    assert_eq!(by_form(&evil), (Some(SECRET.to_owned()), false));
    let mut public = Party::of(&evil);
    public.secret = None;
    public.evidence().await.unwrap();
    assert_eq!(by_form(&evil), (None, false));
    Party::of(&evil)
        .set("client_auth", "basic")
        .evidence()
        .await
        .unwrap();
    assert!(evil.last("/token").headers.contains_key("authorization"));
}

#[tokio::test]
async fn sign_out_leads_to_the_provider_if_it_offers_that() {
    let evil = Evil::start().await;
    let back = Url::parse("https://muster.example/signed-out?a=b").unwrap();
    let party = Party::of(&evil);
    assert_eq!(party.oidc.sign_out(&party.connection(), &back).await, None);
    evil.publish_with(json!({"end_session_endpoint": format!("{}/logout?x=1", evil.issuer)}));
    let party = Party::of(&evil);
    let to = party
        .oidc
        .sign_out(&party.connection(), &back)
        .await
        .unwrap();
    let sent = query(&to);
    assert_eq!(
        (sent["x"].as_str(), sent["client_id"].as_str()),
        ("1", CLIENT)
    );
    assert_eq!(sent["post_logout_redirect_uri"], back.as_str());
    // A provider that is down takes nobody's sign-out here away.
    let down = Party::at("http://127.0.0.1:1", &evil);
    let to = down.oidc.sign_out(&down.connection(), &back).await;
    assert_eq!(to, None);
}
