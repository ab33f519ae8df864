//! What a passkey's answer must not be: replayed, of another session or person, made elsewhere, unverified, of a copy.

use muster_domain::Error;
use muster_domain::role::Role;
use muster_services::factors::passkey::{self, Asked};
use muster_services::factors::{self, Given, Purpose, passkeys};
use muster_services::overview;
use muster_testing::{Persona, SoftPasskey};

use crate::factor::internal;
use crate::passkey::{ORIGIN, adds, asks, brings, holder, key, stage};
use crate::stage::Stage;

fn code_of<T>(result: Result<T, Error>) -> &'static str {
    result.map_or_else(|error| error.code, |_| "right")
}

/// The passkey is asked, does this to its answer, and the answer is brought.
async fn tries(
    stage: &Stage,
    who: &Persona,
    key: &SoftPasskey,
    bend: impl FnOnce(&mut SoftPasskey),
) -> &'static str {
    let asked = asks(stage, who, Purpose::Elevate).await.unwrap();
    let mut bent = key.clone();
    bend(&mut bent);
    let answer = bent.answers(&asked.options).unwrap();
    code_of(brings(stage, who, Purpose::Elevate, &asked, &answer).await)
}

#[tokio::test]
async fn w21_an_answer_counts_once_not_even_twice_at_the_same_moment() {
    let stage = stage().await;
    let (ada, mut key) = holder(&stage, "ada", 1).await;
    let asked = asks(&stage, &ada, Purpose::Elevate).await.unwrap();
    let answer = key.answers(&asked.options).unwrap();
    let (one, other) = tokio::join!(
        brings(&stage, &ada, Purpose::Elevate, &asked, &answer),
        brings(&stage, &ada, Purpose::Elevate, &asked, &answer),
    );
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    let again = brings(&stage, &ada, Purpose::Elevate, &asked, &answer).await;
    assert_eq!(code_of(again), "FAC-010");
    // With a new question the old answer is one to another question.
    let next = asks(&stage, &ada, Purpose::Elevate).await.unwrap();
    let replayed = brings(&stage, &ada, Purpose::Elevate, &next, &answer).await;
    assert_eq!(code_of(replayed), "FAC-014");
    let used_up = brings(&stage, &ada, Purpose::Elevate, &next, &answer).await;
    assert_eq!(code_of(used_up), "FAC-010", "a wrong answer uses it up too");
}

#[tokio::test]
async fn w18_w22_a_question_is_answered_in_its_session_by_its_person_for_its_purpose_and_soon() {
    let stage = stage().await;
    let (ada, mut key) = holder(&stage, "ada", 1).await;
    let (eve, mut eves) = holder(&stage, "eve", 2).await;
    let asked = asks(&stage, &ada, Purpose::Elevate).await.unwrap();
    let answer = key.answers(&asked.options).unwrap();
    let elsewhere = stage.world.sign_in(ada.id, "ada").await.unwrap();
    for (who, purpose) in [
        (&elsewhere, Purpose::Elevate),
        (&eve, Purpose::Elevate),
        (&ada, Purpose::SignIn),
        (&ada, Purpose::Confirm),
    ] {
        let brought = brings(&stage, who, purpose, &asked, &answer).await;
        assert_eq!(code_of(brought), "FAC-010", "{} {purpose:?}", who.username);
    }
    // Eve's own question, answered with Ada's passkey, and Ada's with Eve's.
    let eves_question = asks(&stage, &eve, Purpose::Elevate).await.unwrap();
    let wrong = key.answers(&eves_question.options).unwrap();
    let brought = brings(&stage, &eve, Purpose::Elevate, &eves_question, &wrong).await;
    assert_eq!(code_of(brought), "FAC-015");
    let wrong = eves.answers(&asked.options).unwrap();
    let brought = brings(&stage, &ada, Purpose::Elevate, &asked, &wrong).await;
    assert_eq!(code_of(brought), "FAC-015");
    for (waited, told) in [(299, "right"), (300, "FAC-010")] {
        let asked = asks(&stage, &ada, Purpose::Elevate).await.unwrap();
        stage.forward(waited);
        let answer = key.answers(&asked.options).unwrap();
        let brought = brings(&stage, &ada, Purpose::Elevate, &asked, &answer).await;
        assert_eq!(code_of(brought), told, "after {waited} s");
    }
}

#[tokio::test]
async fn w23_of_two_questions_in_one_session_the_later_one_waits() {
    let stage = stage().await;
    let (ada, mut key) = holder(&stage, "ada", 1).await;
    let old = asks(&stage, &ada, Purpose::Elevate).await.unwrap();
    let new = asks(&stage, &ada, Purpose::Elevate).await.unwrap();
    let answer = key.answers(&old.options).unwrap();
    let stale = brings(&stage, &ada, Purpose::Elevate, &old, &answer).await;
    assert_eq!(code_of(stale), "FAC-010", "a stale tab");
    let answer = key.answers(&new.options).unwrap();
    let fresh = brings(&stage, &ada, Purpose::Elevate, &new, &answer).await;
    assert_eq!(code_of(fresh), "right");
}

#[tokio::test]
async fn w13_each_way_in_which_an_answer_does_not_hold_has_its_code() {
    let stage = stage().await;
    let (ada, key) = holder(&stage, "ada", 1).await;
    type Bend = fn(&mut SoftPasskey);
    let bends: [(&str, &str, Bend); 11] = [
        ("another site", "FAC-013", |key| {
            key.origin = "https://muster-example.org".to_owned();
        }),
        ("a sibling below it", "FAC-013", |key| {
            key.origin = "https://evil.muster.example.org".to_owned();
        }),
        ("another port", "FAC-013", |key| {
            key.origin = format!("{ORIGIN}:8443");
        }),
        ("without https", "FAC-013", |key| {
            key.origin = "http://muster.example.org".to_owned();
        }),
        ("for another party", "FAC-013", |key| {
            key.party = Some("example.org".to_owned());
        }),
        ("nobody was verified", "FAC-012", |key| key.verifies = false),
        ("nobody was there", "FAC-012", |key| key.present = false),
        ("another challenge", "FAC-014", |key| {
            key.challenge = Some("AAAA".to_owned());
        }),
        ("an unknown credential", "FAC-015", |key| {
            key.id = vec![9; 32]
        }),
        ("made for somebody else", "FAC-015", |key| {
            key.user = Some(vec![7; 16]);
        }),
        ("another key", "FAC-017", |key| {
            *key = SoftPasskey::at(ORIGIN, 1).unwrap();
        }),
    ];
    let mut refused = 0;
    for (what, code, bend) in bends {
        assert_eq!(tries(&stage, &ada, &key, bend).await, code, "{what}");
        refused += 1;
        assert_eq!(
            stage.record("factor.refused").await.len(),
            refused,
            "{what}"
        );
        // Six of them in 15 minutes are all there are.
        stage.forward(15 * 60 + 1);
    }
    for garbage in ["{}", "null", "[", "{\"id\":1}", &"x".repeat(20_000)] {
        let asked = asks(&stage, &ada, Purpose::Elevate).await.unwrap();
        let brought = brings(&stage, &ada, Purpose::Elevate, &asked, garbage).await;
        assert_eq!(code_of(brought), "FAC-011", "{:.20}", garbage);
    }
    stage.forward(15 * 60 + 1);
    assert_eq!(tries(&stage, &ada, &key, |_| {}).await, "right");
}

#[tokio::test]
async fn w49_six_wrong_answers_are_all_there_are() {
    let stage = stage().await;
    let (ada, key) = holder(&stage, "ada", 1).await;
    for _ in 0..6 {
        let told = tries(&stage, &ada, &key, |key| key.verifies = false).await;
        assert_eq!(told, "FAC-012");
    }
    assert_eq!(tries(&stage, &ada, &key, |_| {}).await, "FAC-002");
    stage.forward(15 * 60 + 10);
    assert_eq!(tries(&stage, &ada, &key, |_| {}).await, "right");
}

#[tokio::test]
async fn a_passkey_that_does_not_count_on_is_taken_for_a_copy_and_never_accepted_again() {
    let stage = stage().await;
    let (ada, mut key) = holder(&stage, "ada", 1).await;
    let copy = key.clone();
    for _ in 0..2 {
        let asked = asks(&stage, &ada, Purpose::Elevate).await.unwrap();
        let answer = key.answers(&asked.options).unwrap();
        let brought = brings(&stage, &ada, Purpose::Elevate, &asked, &answer).await;
        assert_eq!(code_of(brought), "right");
    }
    let elevated = stage.world.elevate(&ada).await.unwrap();
    assert!(elevated.call.elevated().is_ok());
    assert_eq!(tries(&stage, &ada, &copy, |_| {}).await, "FAC-016");
    assert!(
        stage.call(&ada).await.elevated().is_err(),
        "what it earned ends"
    );
    let event = &stage.record("factor.suspected").await[0].event;
    assert_eq!(event.detail["name"], "Blue key");
    // Not asked any more; an answer to a question from before is refused too.
    assert!(asks(&stage, &ada, Purpose::Elevate).await.is_none());
    let own = factors::own(stage.s(), &stage.call(&ada).await)
        .await
        .unwrap();
    assert!(own.factors[0].suspected_at.is_some());
    let root = internal(&stage, "root", &[Role::Superadmin]).await;
    let shown = overview::overview(stage.s(), &root.call).await.unwrap();
    assert!(
        shown.attention[0]
            .text
            .starts_with("There may be a copy of a passkey.")
    );
}

#[tokio::test]
async fn a_copy_that_answers_at_the_same_moment_is_found_by_its_number() {
    let stage = stage().await;
    let (ada, mut key) = holder(&stage, "ada", 1).await;
    let mut copy = key.clone();
    let other = stage.world.sign_in(ada.id, "ada").await.unwrap();
    let here = asks(&stage, &ada, Purpose::Elevate).await.unwrap();
    let there = asks(&stage, &other, Purpose::Elevate).await.unwrap();
    let answer = key.answers(&here.options).unwrap();
    let brought = brings(&stage, &ada, Purpose::Elevate, &here, &answer).await;
    assert_eq!(code_of(brought), "right");
    let answer = copy.answers(&there.options).unwrap();
    let brought = brings(&stage, &other, Purpose::Elevate, &there, &answer).await;
    assert_eq!(code_of(brought), "FAC-016");
}

#[tokio::test]
async fn a_passkey_that_does_not_count_is_accepted_again_and_again() {
    let stage = stage().await;
    let ada = internal(&stage, "ada", &[Role::Admin]).await;
    let mut synced = key(1);
    synced.count = 0;
    adds(&stage, &ada, &mut synced, "Password manager")
        .await
        .unwrap();
    for _ in 0..3 {
        assert_eq!(tries(&stage, &ada, &synced, |_| {}).await, "right");
    }
}

/// A question for a new passkey, in the persona's secure session.
async fn begins(stage: &Stage, who: &Persona) -> Asked {
    let call = stage.call(who).await;
    let elevated = call.elevated().unwrap();
    let begun = passkey::begin(stage.s(), &call, &elevated, "Blue key").await;
    begun.unwrap().1
}

async fn finishes(stage: &Stage, who: &Persona, asked: &Asked, answer: &str) -> &'static str {
    let call = stage.call(who).await;
    let elevated = call.elevated().unwrap();
    code_of(passkey::finish(stage.s(), &call, &elevated, asked.id, answer).await)
}

#[tokio::test]
async fn w17_a_passkey_is_added_to_the_person_who_asked_and_only_if_it_verified_them() {
    let stage = stage().await;
    let ada = internal(&stage, "ada", &[Role::Admin]).await;
    let eve = internal(&stage, "eve", &[Role::Admin]).await;
    type Bend = fn(&mut SoftPasskey);
    let bends: [(&str, Bend); 5] = [
        ("FAC-013", |key| {
            key.origin = "https://evil.example".to_owned()
        }),
        ("FAC-013", |key| key.party = Some("evil.example".to_owned())),
        ("FAC-012", |key| key.verifies = false),
        ("FAC-012", |key| key.present = false),
        ("FAC-014", |key| key.challenge = Some("AAAA".to_owned())),
    ];
    for (code, bend) in bends {
        let asked = begins(&stage, &ada).await;
        let mut bent = key(1);
        bend(&mut bent);
        let answer = bent.creates(&asked.options).unwrap();
        assert_eq!(finishes(&stage, &ada, &asked, &answer).await, code);
        assert_eq!(finishes(&stage, &ada, &asked, &answer).await, "FAC-010");
    }
    let asked = begins(&stage, &ada).await;
    assert_eq!(finishes(&stage, &ada, &asked, "{}").await, "FAC-011");
    let asked = begins(&stage, &ada).await;
    let mut blue = key(1);
    let answer = blue.creates(&asked.options).unwrap();
    assert_eq!(finishes(&stage, &eve, &asked, &answer).await, "FAC-010");
    assert_eq!(finishes(&stage, &ada, &asked, &answer).await, "right");
    // The same passkey for somebody else: its id names one person.
    let asked = begins(&stage, &eve).await;
    let answer = blue.creates(&asked.options).unwrap();
    assert_eq!(finishes(&stage, &eve, &asked, &answer).await, "FAC-018");
    let asked = begins(&stage, &eve).await;
    stage.forward(300);
    let answer = key(2).creates(&asked.options).unwrap();
    assert_eq!(finishes(&stage, &eve, &asked, &answer).await, "FAC-010");
    let call = stage.world.sign_in(ada.id, "ada").await.unwrap().call;
    let ground = factors::permit::ground(stage.s(), &call).await;
    assert_eq!(
        ground.unwrap_err().code,
        "ELV-001",
        "no secure session runs"
    );
}

#[tokio::test]
async fn an_answer_from_before_its_passkey_was_removed_is_nobodys() {
    let stage = stage().await;
    let (ada, mut key) = holder(&stage, "ada", 1).await;
    let asked = asks(&stage, &ada, Purpose::Elevate).await.unwrap();
    let answer = key.answers(&asked.options).unwrap();
    let call = stage.world.elevate(&ada).await.unwrap().call;
    let own = factors::own(stage.s(), &call).await.unwrap().factors;
    let elevated = call.elevated().unwrap();
    factors::remove(stage.s(), &call, &elevated, own[0].id)
        .await
        .unwrap();
    let session = stage.key(&ada);
    let given = Given {
        session: &session,
        ceremony: asked.id,
        answer: &answer,
    };
    let user = &call.signed_in().unwrap().user;
    let told = passkeys::check(stage.s(), &call, user, Purpose::Elevate, given).await;
    assert_eq!(code_of(told), "FAC-015");
}
