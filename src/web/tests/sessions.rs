//! A browser's session through the whole stack of layers, on a real database.

mod house;

use chrono::TimeDelta;
use http::StatusCode;
use muster_domain::user::{Deactivation, State};

use crate::house::House;

#[tokio::test]
async fn w1_a_session_an_attacker_planted_is_worthless_after_signing_in() {
    let house = House::open().await;
    let planted = house.post("/keep", None).await.cookie();
    let victim = house.post("/in", Some(&planted)).await.cookie();
    assert_ne!(planted, victim);
    assert_eq!(house.get("/who", Some(&planted)).await.text, "anonymous");
    assert_eq!(house.get("/who", Some(&victim)).await.text, "ada");
}

#[tokio::test]
async fn w2_signing_in_changes_the_id_and_leaves_nothing_of_before() {
    let house = House::open().await;
    let before = house.post("/keep", None).await.cookie();
    assert_eq!(house.get("/kept", Some(&before)).await.text, "something");
    let after = house.post("/in", Some(&before)).await.cookie();
    assert_eq!(house.get("/kept", Some(&after)).await.text, "nothing");
}

#[tokio::test]
async fn w1_signing_in_with_a_made_up_or_ended_cookie_gives_an_id_of_its_own() {
    let house = House::open().await;
    let ended = house.post("/in", None).await.cookie();
    house.post("/out", Some(&ended)).await;
    let made_up = "AAAAAAAAAAAAAAAAAAAAAQ".to_owned();
    for before in [ended, made_up] {
        let answer = house.post("/in", Some(&before)).await;
        assert_eq!(answer.status, StatusCode::OK, "{before}");
        let after = answer.cookie();
        assert_ne!(before, after);
        assert_eq!(house.get("/who", Some(&after)).await.text, "ada");
        assert_eq!(house.get("/who", Some(&before)).await.text, "anonymous");
    }
}

#[tokio::test]
async fn w3_elevating_changes_the_id_and_keeps_what_was_there() {
    let house = House::open().await;
    let before = house.post("/in", None).await.cookie();
    assert_eq!(
        house.post("/keep", Some(&before)).await.status,
        StatusCode::OK
    );
    let after = house.post("/up", Some(&before)).await.cookie();
    assert_ne!(before, after);
    assert_eq!(house.get("/who", Some(&before)).await.text, "anonymous");
    assert_eq!(house.get("/who", Some(&after)).await.text, "ada");
    assert_eq!(house.get("/kept", Some(&after)).await.text, "something");
}

#[tokio::test]
async fn w3_w4_a_session_that_is_ended_while_it_is_elevated_stays_ended() {
    let house = House::open().await;
    let before = house.post("/in", None).await.cookie();
    house.post("/keep", Some(&before)).await;
    let answer = house.post("/up-late", Some(&before)).await;
    assert!(!answer.status.is_success(), "{}", answer.status);
    for set in &answer.set_cookies {
        let value = set.split(['=', ';']).nth(1).unwrap();
        assert_eq!(house.get("/who", Some(value)).await.text, "anonymous");
    }
    assert_eq!(house.get("/who", Some(&before)).await.text, "anonymous");
    assert_eq!(house.sessions().await, 0, "nobody is signed in");
}

#[tokio::test]
async fn w4_signing_out_ends_the_session_on_the_server() {
    let house = House::open().await;
    let cookie = house.post("/in", None).await.cookie();
    let out = house.post("/out", Some(&cookie)).await;
    assert!(
        out.set_cookies
            .iter()
            .any(|set| set.starts_with("muster=;") && set.contains("Max-Age=0")),
        "{:?}",
        out.set_cookies
    );
    assert_eq!(house.get("/who", Some(&cookie)).await.text, "anonymous");
}

#[tokio::test]
async fn w5_a_deactivated_person_is_out_at_once() {
    let house = House::open().await;
    let cookie = house.post("/in", None).await.cookie();
    let off = State::Deactivated(Deactivation {
        directory: None,
        by: "grace".to_owned(),
        at: house.now(),
        reason: None,
    });
    house.set_state(&off).await;
    let refused = house.get("/who", Some(&cookie)).await;
    assert_eq!(refused.text, "anonymous");
    assert!(
        refused
            .set_cookies
            .iter()
            .any(|set| set.contains("Max-Age=0"))
    );
    house.set_state(&State::Active).await;
    assert_eq!(
        house.get("/who", Some(&cookie)).await.text,
        "anonymous",
        "reactivating does not bring the session back"
    );
}

#[tokio::test]
async fn w6_a_session_nobody_uses_ends() {
    let house = House::open().await;
    let cookie = house.post("/in", None).await.cookie();
    house.wait(TimeDelta::minutes(30));
    assert_eq!(house.get("/who", Some(&cookie)).await.text, "ada");
    house.seen(&cookie).await;
    house.wait(TimeDelta::minutes(31));
    assert_eq!(house.get("/who", Some(&cookie)).await.text, "anonymous");
}

#[tokio::test]
async fn w7_a_session_in_use_ends_after_half_a_day() {
    let house = House::open().await;
    let cookie = house.post("/in", None).await.cookie();
    for _ in 0..35 {
        house.wait(TimeDelta::minutes(20));
        assert_eq!(house.get("/who", Some(&cookie)).await.text, "ada");
        house.seen(&cookie).await;
    }
    house.wait(TimeDelta::minutes(21));
    assert_eq!(house.get("/who", Some(&cookie)).await.text, "anonymous");
}

#[tokio::test]
async fn w9_w44_a_made_up_cookie_is_taken_away() {
    let house = House::open().await;
    for forged in [
        "AAAAAAAAAAAAAAAAAAAAAA",
        "short",
        "%00",
        "' OR 1=1 --",
        &"A".repeat(5000),
    ] {
        let answer = house.get("/who", Some(forged)).await;
        assert_eq!(answer.text, "anonymous", "{forged}");
        assert!(
            answer
                .set_cookies
                .iter()
                .any(|set| set.contains("Max-Age=0")),
            "{forged}"
        );
    }
    let held = house.post("/hold", Some("AAAAAAAAAAAAAAAAAAAAAA")).await;
    assert_ne!(
        held.cookie(),
        "AAAAAAAAAAAAAAAAAAAAAA",
        "an id is never taken over from the browser"
    );
}

#[tokio::test]
async fn a_reader_without_a_session_gets_no_cookie() {
    let house = House::open().await;
    let answer = house.get("/who", None).await;
    assert_eq!(
        (answer.text.as_str(), answer.set_cookies.len()),
        ("anonymous", 0)
    );
}

#[tokio::test]
async fn a_sentence_is_told_once() {
    let house = House::open().await;
    let signed_in = house.post("/in", None).await.cookie();
    let told = house.post("/flash", Some(&signed_in)).await;
    assert!(
        told.set_cookies
            .iter()
            .any(|set| set.starts_with("muster-flash=1;")),
        "{:?}",
        told.set_cookies
    );
    let with_flash = format!("{signed_in}; muster-flash=1");
    let first = house.get("/flash", Some(&with_flash)).await;
    assert_eq!(first.text, "Saved.");
    assert!(
        first
            .set_cookies
            .iter()
            .any(|set| set.starts_with("muster-flash=;")),
        "{:?}",
        first.set_cookies
    );
    assert_eq!(house.get("/flash", Some(&with_flash)).await.text, "");
}

#[tokio::test]
async fn the_setup_code_opens_setup_for_this_browser_alone() {
    let house = House::open().await;
    let cookie = house.post("/setup-code", None).await.cookie();
    assert_eq!(house.get("/who", Some(&cookie)).await.text, "setup");
    assert_eq!(house.get("/who", None).await.text, "anonymous");
    house.wait(TimeDelta::minutes(31));
    assert_eq!(house.get("/who", Some(&cookie)).await.text, "anonymous");
}

#[tokio::test]
async fn w29_a_browser_that_entered_a_setup_code_is_nobody_once_there_is_another_code() {
    let house = House::open().await;
    let before = house.post("/setup-code", None).await.cookie();
    let now = house.post("/setup-code", None).await.cookie();
    assert_eq!(house.get("/who", Some(&before)).await.text, "anonymous");
    assert_eq!(house.get("/who", Some(&now)).await.text, "setup");
}

#[tokio::test]
async fn w5_a_sign_in_by_a_password_that_is_replaced_meanwhile_is_none() {
    for began in [false, true] {
        let house = House::open().await;
        let before = match began {
            true => Some(house.post("/keep", None).await.cookie()),
            false => None,
        };
        let answer = house.post("/in-late", before.as_deref()).await;
        assert!(!answer.status.is_success(), "{}", answer.status);
        for set in &answer.set_cookies {
            let value = set.split(['=', ';']).nth(1).unwrap();
            assert_eq!(house.get("/who", Some(value)).await.text, "anonymous");
        }
        assert_eq!(house.sessions().await, 0, "nobody is signed in");
    }
}
