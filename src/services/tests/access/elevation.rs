//! The secure session: to whom it is granted, and everything that ends it.

use muster_domain::membership::Member;
use muster_domain::role::Role;
use muster_domain::session::{Means, ProofKind};
use muster_services::Knowingly;
use muster_services::elevation::{self, Aim};
use muster_services::reauth::Goal;
use muster_services::roles::Declared;
use muster_services::{groups, roles, sessions, signin, users};
use muster_storage::elevations;
use muster_testing::Persona;
use uuid::Uuid;

use crate::factor::internal;
use crate::stage::{Stage, seconds};

async fn runs(stage: &Stage, persona: &Persona) -> bool {
    match stage.world.again(persona).await {
        Ok(persona) => persona.call.elevated().is_ok(),
        Err(error) => {
            assert_eq!(error.code, "WEB-401");
            false
        }
    }
}

async fn running(stage: &Stage) -> usize {
    elevations::list_running(stage.s().db(), stage.now())
        .await
        .unwrap()
        .len()
}

#[tokio::test]
async fn w3_a_secure_session_is_granted_to_the_session_that_proved_it_after_its_id_changed() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let means = ada.call.signed_in().unwrap().session.means.clone();
    let elsewhere = stage.session("ada", ada.id, &means).await;
    let proof = stage.proves(&ada, Goal::Elevate).await.proof.unwrap();
    let (after, granted) = stage.grants(&ada, proof).await;
    assert_ne!(stage.key(&after), stage.key(&ada));
    let elevated = after.call.elevated().unwrap();
    assert_eq!(
        (elevated.kind(), elevated.id()),
        (ProofKind::Fresh, granted.to_row().id)
    );
    assert!(!runs(&stage, &ada).await, "the old name is nobody's");
    assert!(!runs(&stage, &elsewhere).await);
    let row = &stage.record("elevation.grant").await[0].event;
    assert_eq!(
        (row.actor.as_str(), row.target_id),
        ("ada", Some(granted.to_row().id.0))
    );
}

#[tokio::test]
async fn w22_proof_of_another_session_or_person_grants_nothing() {
    let stage = Stage::set().await;
    let (ada, eve) = (
        stage.person("ada", &[]).await,
        stage.person("eve", &[]).await,
    );
    let means = ada.call.signed_in().unwrap().session.means.clone();
    let elsewhere = stage.session("ada", ada.id, &means).await;
    let proof = stage.proves(&ada, Goal::Elevate).await.proof.unwrap();
    for other in [&eve, &elsewhere] {
        let key = stage.key(other);
        let error =
            elevation::grant(stage.s(), &other.call, proof.clone(), &key, Aim::default()).await;
        assert_eq!(error.unwrap_err().code, "ELV-002");
    }
    let anonymous = stage.world.anonymous();
    let error = elevation::grant(
        stage.s(),
        &anonymous,
        proof,
        &stage.key(&ada),
        Aim::default(),
    )
    .await;
    assert_eq!(error.unwrap_err().code, "WEB-401");
    assert_eq!(running(&stage).await, 0);
}

#[tokio::test]
async fn w17_w61_without_a_secure_session_there_is_none_to_hand_in() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[Role::Superadmin]).await;
    assert_eq!(ada.call.elevated().unwrap_err().code, "ELV-001");
    let error = stage.world.anonymous().elevated().unwrap_err().code;
    assert_eq!(error, "WEB-401");
}

#[tokio::test]
async fn w23_a_secure_session_ends_ten_minutes_after_presence_was_proven() {
    let stage = Stage::set().await;
    let ada = stage.elevated("ada", &[]).await;
    let left = ada.call.elevated().unwrap().ends_at() - stage.now();
    assert_eq!(left, seconds(600));
    stage.forward(599);
    assert!(runs(&stage, &ada).await);
    stage.forward(1);
    assert!(!runs(&stage, &ada).await);
    assert_eq!(running(&stage).await, 0);
    // The browser session goes on.
    stage.world.again(&ada).await.unwrap();
}

#[tokio::test]
async fn w24_a_secure_session_ends_when_it_is_dropped() {
    let stage = Stage::set().await;
    let ada = stage.elevated("ada", &[]).await;
    elevation::drop_now(stage.s(), &ada.call).await.unwrap();
    assert!(!runs(&stage, &ada).await);
    stage.world.again(&ada).await.unwrap();
    let after = stage.call(&ada).await;
    elevation::drop_now(stage.s(), &after).await.unwrap();
    assert_eq!(stage.record("elevation.drop").await.len(), 1);
}

#[tokio::test]
async fn w24_two_secure_sessions_of_one_session_are_both_dropped() {
    let stage = Stage::set().await;
    let pat = stage.world.persona("pat", &[]).await.unwrap();
    stage.world.elevate(&pat).await.unwrap();
    stage.forward(60);
    let pat = stage
        .world
        .elevate(&stage.world.again(&pat).await.unwrap())
        .await
        .unwrap();
    elevation::drop_now(stage.s(), &pat.call).await.unwrap();
    assert!(!runs(&stage, &pat).await);
}

#[tokio::test]
async fn w4_signing_out_ends_the_secure_session_too() {
    let stage = Stage::set().await;
    let ada = stage.elevated("ada", &[]).await;
    signin::signed_out(stage.s(), &ada.call).await.unwrap();
    sessions::revoke(stage.s(), &ada.call, ada.id, &stage.key(&ada))
        .await
        .unwrap();
    assert!(!runs(&stage, &ada).await);
    let left = elevations::running_of_session(stage.s().db(), &stage.key(&ada), stage.now()).await;
    assert_eq!(left.unwrap(), None);
}

#[tokio::test]
async fn w5_deactivation_ends_session_and_secure_session_in_one_breath() {
    let stage = Stage::set().await;
    let sue = stage
        .world
        .persona("sue", &[Role::Superadmin])
        .await
        .unwrap();
    let ada = stage.elevated("ada", &[Role::Admin]).await;
    users::deactivate(stage.s(), &sue.call, ada.id, "left")
        .await
        .unwrap();
    assert!(!runs(&stage, &ada).await);
    assert_eq!(running(&stage).await, 0);
    users::reactivate(stage.s(), &sue.call, ada.id)
        .await
        .unwrap();
    assert!(!runs(&stage, &ada).await, "what was ended stays ended");
}

#[tokio::test]
async fn w25_losing_a_role_ends_the_secure_session() {
    let stage = Stage::set().await;
    stage
        .world
        .persona("sue", &[Role::Superadmin])
        .await
        .unwrap();
    let ada = stage.elevated("ada", &[]).await;
    let grant = stage
        .world
        .grant(Role::Admin, Member::User(ada.id))
        .await
        .unwrap();
    assert!(runs(&stage, &ada).await);
    let tx = stage.s().db().begin().await.unwrap();
    let call = stage.world.system();
    let event = roles::declare(stage.s(), &call, &tx, Declared::Withdraw(grant))
        .await
        .unwrap();
    tx.commit(&[event]).await.unwrap();
    assert!(!runs(&stage, &ada).await);
    assert!(stage.call(&ada).await.roles().is_empty());
}

#[tokio::test]
async fn w25_leaving_a_group_that_carries_a_role_ends_it_too() {
    let stage = Stage::set().await;
    let sue = stage
        .world
        .persona("sue", &[Role::Superadmin])
        .await
        .unwrap();
    let sue = stage.world.elevate(&sue).await.unwrap();
    let proven = sue.call.elevated().unwrap();
    let group = groups::create(stage.s(), &sue.call, "Operators", "")
        .await
        .unwrap();
    stage
        .world
        .grant(Role::Admin, Member::Group(group))
        .await
        .unwrap();
    let ada = stage.person("ada", &[]).await;
    let member = Member::User(ada.id);
    groups::add_member(
        stage.s(),
        &sue.call,
        Some(&proven),
        group,
        member,
        Knowingly::No,
    )
    .await
    .unwrap();
    let proof = stage.proves(&ada, Goal::Elevate).await.proof.unwrap();
    let (ada, _) = stage.grants(&ada, proof).await;
    assert_eq!(ada.call.roles(), [Role::Admin]);
    groups::remove_member(stage.s(), &sue.call, Some(&proven), group, member)
        .await
        .unwrap();
    assert!(!runs(&stage, &ada).await);
}

#[tokio::test]
async fn w25_losing_a_role_by_what_the_provider_says_at_sign_in_ends_it_too() {
    let rules = muster_domain::jit::JitRules {
        managed_groups: vec!["Operators".to_owned()],
        ..Default::default()
    };
    let stage = Stage::with(rules).await;
    let system = stage.world.system();
    let group = groups::create(stage.s(), &system, "Operators", "")
        .await
        .unwrap();
    stage
        .world
        .grant(Role::Admin, Member::Group(group))
        .await
        .unwrap();
    let signs_in = async |groups: &[&str]| {
        let mut claims = stage.claims("ada", 60);
        claims["groups"] = serde_json::json!(groups);
        let says = muster_testing::Says::Claims(claims);
        stage.signs_in("corp", says).await.unwrap();
    };
    signs_in(&["Operators"]).await;
    let ada = stage.elevated("ada", &[]).await;
    assert_eq!(ada.call.roles(), [Role::Admin]);
    assert!(runs(&stage, &ada).await);
    // In another browser, while this one goes on.
    signs_in(&[]).await;
    assert!(stage.call(&ada).await.roles().is_empty());
    assert!(!runs(&stage, &ada).await);
}

#[tokio::test]
async fn a_clock_that_is_set_back_lengthens_no_secure_session() {
    let stage = Stage::set().await;
    let ada = stage.elevated("ada", &[]).await;
    let ends_at = ada.call.elevated().unwrap().ends_at();
    stage.forward(-3600);
    assert!(!runs(&stage, &ada).await, "it has not begun yet");
    stage.forward(3600);
    assert!(runs(&stage, &ada).await);
    assert_eq!(
        stage.call(&ada).await.elevated().unwrap().ends_at(),
        ends_at
    );
}

#[tokio::test]
async fn a_kept_form_is_sealed_and_opens_only_under_its_own_name() {
    let stage = Stage::set().await;
    let (id, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let body = "client_secret=very-secret-indeed";
    let sealed = elevation::seal_form(stage.s(), id, body).unwrap();
    assert!(!sealed.contains("very-secret"));
    assert_eq!(elevation::open_form(stage.s(), id, &sealed).unwrap(), body);
    assert_eq!(
        elevation::open_form(stage.s(), other, &sealed)
            .unwrap_err()
            .code,
        "KEY-002"
    );
}

#[tokio::test]
async fn another_session_of_one_s_own_is_ended_with_presence_by_whoever_can_prove_it() {
    let stage = Stage::set().await;
    let bob = internal(&stage, "bob", &[Role::Auditor]).await;
    let here = stage.session("bob", bob.id, &Means::Password).await;
    let ends = async |who: &Persona, which: &Persona| {
        let done = sessions::revoke(stage.s(), &who.call, who.id, &stage.key(which)).await;
        done.map_err(|error| error.code)
    };
    let all = async |who: &Persona| {
        let done = sessions::end_all(stage.s(), &who.call, who.id).await;
        done.map_err(|error| error.code)
    };
    assert_eq!(ends(&here, &bob).await, Err("ELV-001"));
    assert_eq!(all(&here).await, Err("ELV-001"));
    assert!(stage.world.again(&bob).await.is_ok());
    let proven = stage.world.elevate(&here).await.unwrap();
    assert_eq!(ends(&proven, &bob).await, Ok(()));
    let other = stage.session("bob", bob.id, &Means::Password).await;
    assert_eq!(all(&proven).await, Ok(1));
    assert!(stage.world.again(&other).await.is_err());
    // The one somebody sits in ends at once.
    let plain = stage.session("bob", bob.id, &Means::Password).await;
    assert_eq!(ends(&plain, &plain).await, Ok(()));
    // Whoever has nothing to prove presence with is not kept from it.
    let ada = stage.person("ada", &[]).await;
    let other = stage.session("ada", ada.id, &Means::Password).await;
    assert_eq!(
        ends(&ada, &other).await,
        Err("ELV-001"),
        "corp may prove it"
    );
    stage.switch("corp", false).await;
    assert_eq!(ends(&ada, &other).await, Ok(()));
}
