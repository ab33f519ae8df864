//! Testing a sign-in: it tells everything and makes nobody.

use muster_domain::Error;
use muster_domain::id::SignInId;
use muster_domain::policy::{ElevationPolicy, Policies};
use muster_domain::role::{Level, Role};
use muster_services::reauth::Seen;
use muster_services::signin::{self, Arrived};
use muster_services::trial::{self, Report, Ticket};
use muster_storage::sign_ins::Outcome;
use muster_storage::{settings, subjects};
use muster_testing::{Persona, Says};
use serde_json::json;

use crate::stage::{Stage, browser};

async fn tests(
    stage: &Stage,
    tester: &Persona,
    slug: &str,
    says: Says,
) -> (SignInId, Option<Seen>) {
    let key = stage.key(tester);
    let call = stage.call(tester).await;
    let to = trial::begin_test(stage.s(), &call, slug, key.clone(), Ticket::Permission).await;
    let back = stage.world.idp.answers(&to.unwrap(), says);
    match signin::complete(stage.s(), &call, slug, Some(&key), &back)
        .await
        .unwrap()
    {
        Arrived::Tested { report, seen } => (report, seen),
        other => panic!("{other:?}"),
    }
}

async fn report(stage: &Stage, tester: &Persona, id: SignInId) -> Report {
    trial::report(stage.s(), &tester.call, id, &[])
        .await
        .unwrap()
        .2
}

#[tokio::test]
async fn a_test_tells_what_would_happen_and_makes_no_user_and_no_session() {
    let stage = Stage::set().await;
    let adam = stage.world.persona("adam", &[Role::Admin]).await.unwrap();
    let (people, sessions) = (stage.people().await, stage.sessions().await);
    let (id, seen) = tests(&stage, &adam, "corp", Says::Claims(stage.claims("ada", 60))).await;
    assert_eq!(
        (stage.people().await, stage.sessions().await),
        (people, sessions)
    );
    assert_eq!(stage.user("ada").await, None);
    let report = report(&stage, &adam, id).await;
    assert!(report.held);
    assert_eq!(report.creates.as_deref(), Some("ada"));
    assert_eq!(report.matches, None);
    assert_eq!(seen.unwrap().subject, "ada");
    assert_eq!(stage.kept().await[0].outcome, Outcome::Tested);
    assert!(stage.record("signin.provider").await.is_empty());
    assert_eq!(
        stage.record("signin.test").await[0].event.detail["held"],
        true
    );
}

#[tokio::test]
async fn a_test_of_somebody_known_does_not_count_as_their_sign_in() {
    let stage = Stage::set().await;
    let adam = stage.world.persona("adam", &[Role::Admin]).await.unwrap();
    let ada = stage.person("ada", &[]).await;
    let before = stage.user("ada").await;
    stage.forward(60);
    let (id, _) = tests(&stage, &adam, "corp", Says::Claims(stage.claims("ada", 0))).await;
    assert_eq!(
        report(&stage, &adam, id).await.matches.as_deref(),
        Some("ada")
    );
    assert_eq!(stage.user("ada").await, before);
    assert_eq!(before.unwrap().id, ada.id);
}

#[tokio::test]
async fn a_test_that_fails_keeps_why_with_its_code_and_what_to_do() {
    let stage = Stage::set().await;
    let adam = stage.world.persona("adam", &[Role::Admin]).await.unwrap();
    let (id, seen) = tests(&stage, &adam, "corp", Says::Error("invalid_scope", None)).await;
    let told = report(&stage, &adam, id).await;
    assert!(!told.held && told.next.is_some() && seen.is_none());
    assert_eq!(told.code.as_deref(), Some("AUTH-020"));
    let broken = Error::new(
        "OIDC-014",
        muster_domain::Kind::Upstream,
        "The audience differs.",
    );
    let (id, seen) = tests(&stage, &adam, "corp", Says::Broken(broken)).await;
    let told = report(&stage, &adam, id).await;
    assert_eq!(
        (told.code.as_deref(), told.told[0].as_str()),
        (Some("OIDC-014"), "The audience differs.")
    );
    assert!(seen.is_none());
}

#[tokio::test]
async fn a_provider_that_is_switched_off_can_be_tested_and_signs_nobody_in_by_that() {
    let stage = Stage::set().await;
    let adam = stage.world.persona("adam", &[Role::Admin]).await.unwrap();
    stage.switch("corp", false).await;
    let (id, _) = tests(&stage, &adam, "corp", Says::Claims(stage.claims("ada", 60))).await;
    assert!(report(&stage, &adam, id).await.held);
    assert_eq!(stage.user("ada").await, None);
}

#[tokio::test]
async fn testing_takes_permission_or_a_link_that_is_bound_to_its_provider_and_expires() {
    let stage = Stage::set().await;
    let s = stage.s();
    let adam = stage.world.persona("adam", &[Role::Admin]).await.unwrap();
    let adam = stage.world.elevate(&adam).await.unwrap();
    let proven = adam.call.elevated().unwrap();
    let norma = stage.world.persona("norma", &[]).await.unwrap();
    let anonymous = stage.world.anonymous();
    for (call, code) in [(&norma.call, "WEB-403"), (&anonymous, "WEB-401")] {
        let error = trial::begin_test(s, call, "corp", browser("a"), Ticket::Permission).await;
        assert_eq!(error.unwrap_err().code, code);
        let error = trial::make_test_link(s, call, &proven, "corp").await;
        assert_eq!(error.unwrap_err().code, code);
    }
    // Its reports tell whom an identity would match: another session's presence does not do.
    let other = stage.world.persona("abel", &[Role::Admin]).await.unwrap();
    let error = trial::make_test_link(s, &other.call, &proven, "corp").await;
    assert_eq!(error.unwrap_err().code, "ELV-002");
    let link = trial::make_test_link(s, &adam.call, &proven, "corp")
        .await
        .unwrap();
    assert_eq!(link.path(), "/signin/corp/test");
    let token = link.query_pairs().next().unwrap().1.into_owned();
    assert!(!String::from_utf8_lossy(&stage.world.raw()).contains(&token));
    let ticket = Ticket::Link(&token);
    trial::begin_test(s, &anonymous, "corp", browser("a"), ticket)
        .await
        .unwrap();
    for (slug, token) in [("other", token.as_str()), ("corp", ""), ("corp", "guess")] {
        let error = trial::begin_test(s, &anonymous, slug, browser("a"), Ticket::Link(token)).await;
        assert_eq!(error.unwrap_err().code, "TST-001");
    }
    stage.forward(24 * 3600);
    let late = stage.world.anonymous();
    let error = trial::begin_test(s, &late, "corp", browser("a"), ticket).await;
    assert_eq!(error.unwrap_err().code, "TST-001");
}

#[tokio::test]
async fn a_report_is_read_by_the_browser_that_made_it_and_by_those_who_manage_providers() {
    let stage = Stage::set().await;
    let s = stage.s();
    let adam = stage.world.persona("adam", &[Role::Admin]).await.unwrap();
    let norma = stage.world.persona("norma", &[]).await.unwrap();
    let (id, _) = tests(&stage, &adam, "corp", Says::Claims(stage.claims("ada", 60))).await;
    trial::report(s, &stage.world.anonymous(), id, &[id])
        .await
        .unwrap();
    for call in [&norma.call, &stage.world.anonymous()] {
        let error = trial::report(s, call, id, &[]).await.unwrap_err();
        assert_eq!(error.code, "WEB-404");
    }
    // Where policy asks for a secure session for every change, so does a test of another browser.
    trial::report(s, &adam.call, id, &[]).await.unwrap();
    let strict = ElevationPolicy {
        from: Level::Change,
        ..ElevationPolicy::default()
    };
    let mut policies = Policies::default();
    policies.set(Role::Admin, strict);
    crate::lockout::put(&stage, settings::ELEVATION_POLICY, &policies).await;
    let plain = stage.call(&adam).await;
    let error = trial::report(s, &plain, id, &[]).await.unwrap_err();
    assert_eq!(error.code, "ELV-001");
    trial::report(s, &plain, id, &[id]).await.unwrap();
    // A real sign-in is no test, whoever asks.
    stage.person("eve", &[]).await;
    let kept = stage.kept().await;
    let real = kept
        .iter()
        .find(|kept| kept.outcome == Outcome::SignedIn)
        .unwrap()
        .id;
    let error = trial::report(s, &adam.call, real, &[real])
        .await
        .unwrap_err();
    assert_eq!(error.code, "WEB-404");
}

#[tokio::test]
async fn o79_only_what_one_signed_in_with_oneself_in_a_secure_session_can_be_linked() {
    let stage = Stage::set().await;
    let s = stage.s();
    let adam = stage.world.persona("adam", &[Role::Admin]).await.unwrap();
    let adam = stage.world.elevate(&adam).await.unwrap();
    let sue = stage
        .world
        .persona("sue", &[Role::Superadmin])
        .await
        .unwrap();
    let sue = stage.world.elevate(&sue).await.unwrap();
    let (own, _) = tests(
        &stage,
        &adam,
        "corp",
        Says::Claims(stage.claims("adam-there", 60)),
    )
    .await;
    let elevated = adam.call.elevated().unwrap();
    let foreign = trial::link_tested(s, &adam.call, &elevated, own, &[]).await;
    assert_eq!(foreign.unwrap_err().code, "LNK-001");
    // A superadmin may read the report, and yet not take its identity.
    let theirs = sue.call.elevated().unwrap();
    let error = trial::link_tested(s, &sue.call, &theirs, own, &[]).await;
    assert_eq!(error.unwrap_err().code, "LNK-001");
    // Not even in the browser in which somebody else made it while they were signed in there.
    let error = trial::link_tested(s, &sue.call, &theirs, own, &[own]).await;
    assert_eq!(error.unwrap_err().code, "LNK-001");
    let error = trial::link_tested(s, &adam.call, &theirs, own, &[own]).await;
    assert_eq!(error.unwrap_err().code, "ELV-002");
    trial::link_tested(s, &adam.call, &elevated, own, &[own])
        .await
        .unwrap();
    trial::link_tested(s, &adam.call, &elevated, own, &[own])
        .await
        .unwrap();
    let linked = subjects::of_user(s.db(), adam.id).await.unwrap();
    assert_eq!(linked.len(), 1);
    assert_eq!(stage.record("identity.link").await.len(), 1);
}

#[tokio::test]
async fn an_answer_that_did_not_hold_links_nobody() {
    let stage = Stage::set().await;
    let adam = stage.world.persona("adam", &[Role::Admin]).await.unwrap();
    let adam = stage.world.elevate(&adam).await.unwrap();
    let (id, _) = tests(&stage, &adam, "corp", Says::Error("access_denied", None)).await;
    let elevated = adam.call.elevated().unwrap();
    let error = trial::link_tested(stage.s(), &adam.call, &elevated, id, &[id]).await;
    assert_eq!(error.unwrap_err().code, "LNK-001");
}

#[tokio::test]
async fn the_identity_of_somebody_else_is_a_conflict_and_stays_theirs() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let adam = stage.world.persona("adam", &[Role::Admin]).await.unwrap();
    let adam = stage.world.elevate(&adam).await.unwrap();
    let (id, _) = tests(&stage, &adam, "corp", Says::Claims(stage.claims("ada", 60))).await;
    let elevated = adam.call.elevated().unwrap();
    let error = trial::link_tested(stage.s(), &adam.call, &elevated, id, &[id]).await;
    assert_eq!(error.unwrap_err().code, "LNK-002");
    let linked = subjects::of_user(stage.s().db(), ada.id).await.unwrap();
    assert_eq!(linked.len(), 1);
}

#[tokio::test]
async fn a_test_with_somebody_elses_taken_username_can_be_linked_by_its_owner() {
    let stage = Stage::set().await;
    let adam = stage.world.persona("adam", &[Role::Admin]).await.unwrap();
    let adam = stage.world.elevate(&adam).await.unwrap();
    let mut claims = stage.claims("007", 60);
    claims["preferred_username"] = json!("adam");
    let (id, _) = tests(&stage, &adam, "corp", Says::Claims(claims.clone())).await;
    assert_eq!(
        report(&stage, &adam, id).await.code.as_deref(),
        Some("JIT-005")
    );
    let elevated = adam.call.elevated().unwrap();
    trial::link_tested(stage.s(), &adam.call, &elevated, id, &[id])
        .await
        .unwrap();
    let Arrived::SignedIn { user, .. } =
        stage.signs_in("corp", Says::Claims(claims)).await.unwrap()
    else {
        panic!("nobody signed in");
    };
    assert_eq!(user.id, adam.id);
}
