//! Passwords that others know let in to nothing but the choice of another.

use muster_domain::opener::Openers;
use muster_domain::role::Role;
use muster_domain::session::Means;
use muster_services::users;
use muster_services::{elevation, forced, password};
use muster_storage::{Quiet, credentials, forced_changes};
use muster_testing::Persona;
use secrecy::SecretString;

use crate::letters::{NEW, OLD, enters, person, root};
use crate::stage::Stage;

async fn change(stage: &Stage, persona: &Persona, new: &str) -> Result<(), muster_domain::Error> {
    let call = stage.call(persona).await;
    forced::change(stage.s(), &call, &SecretString::from(new)).await
}

async fn owes(stage: &Stage, persona: &Persona) -> bool {
    let call = stage.call(persona).await;
    forced::owes_change(stage.s(), &call).await.unwrap()
}

#[tokio::test]
async fn a_password_set_by_somebody_else_is_changed_at_the_first_sign_in() {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    let fields = users::checked_fields("ada", "Ada", "").unwrap();
    let first = SecretString::from(OLD);
    let id = users::create(stage.s(), &root.call, &fields, Some(&first))
        .await
        .unwrap();
    assert!(enters(&stage, "ada", OLD).await);
    let ada = stage.world.sign_in(id, "ada").await.unwrap();
    let other = stage.world.sign_in(id, "ada").await.unwrap();
    assert!(owes(&stage, &ada).await);
    assert_eq!(
        change(&stage, &ada, OLD).await.unwrap_err().fields[0].field,
        "password",
        "the same again"
    );
    assert_eq!(
        change(&stage, &ada, "short").await.unwrap_err().fields[0].field,
        "password"
    );
    let proof = password::prove(stage.s(), &stage.call(&ada).await, OLD).await;
    assert_eq!(
        proof.unwrap_err().code,
        "PWD-005",
        "until then it starts no secure session"
    );
    change(&stage, &ada, NEW).await.unwrap();
    assert!(!owes(&stage, &ada).await);
    assert!(
        stage.world.again(&other).await.is_err(),
        "every other session is over"
    );
    assert_eq!(change(&stage, &ada, OLD).await.unwrap_err().code, "PWD-006");
    assert!(enters(&stage, "ada", NEW).await && !enters(&stage, "ada", OLD).await);
    let stored = muster_storage::credentials::password(stage.s().db(), id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.set_by, None, "it is their own from now on");
    password::prove(stage.s(), &stage.call(&ada).await, NEW)
        .await
        .unwrap();
}

#[tokio::test]
async fn setting_somebodys_password_ends_their_sessions_and_wants_it_changed() {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    let ada = person(&stage, "ada", &[]).await;
    assert!(!owes(&stage, &ada).await);
    let elevated = root.call.elevated().unwrap();
    let set = SecretString::from(NEW);
    users::set_local_password(stage.s(), &root.call, Some(&elevated), ada.id, &set)
        .await
        .unwrap();
    assert!(stage.world.again(&ada).await.is_err());
    stage.forward(1);
    let ada = stage.world.sign_in(ada.id, "ada").await.unwrap();
    assert!(owes(&stage, &ada).await);
    // Their own hand makes it theirs, wherever they change it.
    let ada = stage.world.elevate(&ada).await.unwrap();
    let elevated = ada.call.elevated().unwrap();
    let own = SecretString::from(OLD);
    users::set_local_password(stage.s(), &ada.call, Some(&elevated), ada.id, &own)
        .await
        .unwrap();
    assert!(!owes(&stage, &ada).await);
}

#[tokio::test]
async fn an_admin_wants_a_password_changed_and_its_owner_is_out_until_then() {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    let ada = person(&stage, "ada", &[]).await;
    let blank = stage.world.persona("blank", &[]).await.unwrap();
    let want = async |call, id| {
        forced::want(stage.s(), call, None, id)
            .await
            .map_err(|error| error.code)
    };
    want(&root.call, ada.id).await.unwrap();
    assert!(stage.world.again(&ada).await.is_err());
    let ada = stage.world.sign_in(ada.id, "ada").await.unwrap();
    assert!(owes(&stage, &ada).await);
    assert_eq!(stage.record("user.password.expire").await.len(), 1);
    // Who comes in through a provider used no password.
    let means = Means::Provider {
        provider: stage.provider("corp").await.id,
        issuer: crate::stage::CORP.to_owned(),
        subject: "ada".to_owned(),
        stated: None,
    };
    let through = stage.world.sign_in_by(ada.id, "ada", &means).await.unwrap();
    assert!(!owes(&stage, &through).await);
    assert_eq!(want(&root.call, blank.id).await, Err("USR-016"));
    assert_eq!(want(&root.call, root.id).await, Err("PWD-007"));
    let helen = stage
        .world
        .persona("helen", &[Role::Helpdesk])
        .await
        .unwrap();
    assert_eq!(want(&helen.call, ada.id).await, Err("WEB-403"));
    let adam = stage.world.persona("adam", &[Role::Admin]).await.unwrap();
    assert_eq!(want(&adam.call, helen.id).await, Err("ELV-001"));
}

/// Another password, without anything that goes along with one: as a sign-in sees it that was under way all the time.
async fn replaced(stage: &Stage, ada: &Persona, with: &str) {
    let hash = password::make(stage.s(), with, &[]).await.unwrap();
    let tx = stage.s().db().begin().await.unwrap();
    let nobody = Openers::nobody();
    credentials::set_password(&tx, ada.id, &hash, Some("root"), &nobody, stage.now())
        .await
        .unwrap();
    forced_changes::want(&tx, ada.id, "root", stage.now())
        .await
        .unwrap();
    tx.commit_quiet(Quiet::Expired).await.unwrap();
}

#[tokio::test]
async fn who_came_in_by_the_password_before_replaces_none_that_an_admin_set() {
    let stage = Stage::set().await;
    let ada = person(&stage, "ada", &[]).await;
    let ada = stage.world.sign_in(ada.id, "ada").await.unwrap();
    let set = "nickel harbour 41 thistle balcony";
    replaced(&stage, &ada, set).await;
    assert!(owes(&stage, &ada).await);
    assert_eq!(change(&stage, &ada, NEW).await.unwrap_err().code, "WEB-401");
    assert!(stage.world.again(&ada).await.is_err(), "it is over");
    assert!(enters(&stage, "ada", set).await && !enters(&stage, "ada", NEW).await);
    let ada = stage.world.sign_in(ada.id, "ada").await.unwrap();
    change(&stage, &ada, NEW).await.unwrap();
    assert!(enters(&stage, "ada", NEW).await);
}

#[tokio::test]
async fn a_session_that_says_by_no_password_it_came_changes_none() {
    let stage = Stage::set().await;
    let blank = stage.world.persona("ada", &[]).await.unwrap();
    replaced(&stage, &blank, OLD).await;
    let error = change(&stage, &blank, NEW).await.unwrap_err();
    assert_eq!(error.code, "WEB-401");
    assert!(enters(&stage, "ada", OLD).await);
}

#[tokio::test]
async fn a_proof_by_the_password_before_starts_no_secure_session() {
    let stage = Stage::set().await;
    let ada = person(&stage, "ada", &[Role::Admin]).await;
    let prove = async || password::prove(stage.s(), &ada.call, OLD).await.unwrap();
    let (first, second) = (prove().await, prove().await);
    let key = stage.key(&ada);
    let grant = async |proof| {
        let aim = elevation::Aim::default();
        elevation::grant(stage.s(), &ada.call, proof, &key, aim).await
    };
    grant(first).await.unwrap();
    replaced(&stage, &ada, NEW).await;
    assert_eq!(grant(second).await.unwrap_err().code, "AUTH-001");
    assert_eq!(stage.record("elevation.grant").await.len(), 1);
}
