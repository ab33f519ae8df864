//! A provider that is switched off or removed: nobody goes on by what it said.

use std::collections::BTreeMap;

use muster_domain::role::Role;
use muster_services::config::{self, Config};
use muster_services::providers::{self, Enabled};
use muster_testing::{Persona, Says};

use crate::stage::Stage;

/// Somebody who may manage providers and signed in with a password.
async fn manager(stage: &Stage) -> Persona {
    let sue = stage.world.persona("sue", &[Role::Superadmin]).await;
    stage.world.elevate(&sue.unwrap()).await.unwrap()
}

async fn is_in(stage: &Stage, persona: &Persona) -> bool {
    stage.world.again(persona).await.is_ok()
}

/// What is on record of the end, newest first: sessions and secure sessions.
async fn ended(stage: &Stage, action: &str) -> (u64, u64) {
    let detail = stage.record(action).await.remove(0).event.detail;
    let count = |key: &str| detail[key].as_u64().unwrap();
    (count("sessions_ended"), count("secure_sessions_ended"))
}

#[tokio::test]
async fn o81_switching_a_provider_off_ends_what_came_by_it_and_nothing_else() {
    let stage = Stage::set().await;
    let (sue, ada) = (manager(&stage).await, stage.elevated("ada", &[]).await);
    let eve = stage.person("eve", &[]).await;
    // Signed in at another provider, under the name of this one.
    let means = muster_domain::session::Means::Provider {
        provider: stage.provider("other").await.id,
        issuer: "https://other.example".to_owned(),
        subject: stage.provider("corp").await.id.to_string(),
        stated: None,
    };
    let elsewhere = stage.session("eve", eve.id, &means).await;
    let proven = sue.call.elevated().unwrap();
    let through = stage.provider("corp").await.id;
    let count = providers::sessions_through(stage.s(), &sue.call, through).await;
    assert_eq!(count.unwrap(), 2);
    providers::set_enabled(stage.s(), &sue.call, &proven, "corp", Enabled::No)
        .await
        .unwrap();
    assert!(!is_in(&stage, &ada).await && !is_in(&stage, &eve).await);
    assert!(is_in(&stage, &sue).await && is_in(&stage, &elsewhere).await);
    assert_eq!(ended(&stage, "provider.disable").await, (2, 1));
    // Switched on again, they are as signed out as before.
    providers::set_enabled(stage.s(), &sue.call, &proven, "corp", Enabled::Yes)
        .await
        .unwrap();
    assert!(!is_in(&stage, &ada).await);
}

#[tokio::test]
async fn o81_removing_a_provider_ends_what_came_by_it_also_what_was_proven_in_another_session() {
    let stage = Stage::set().await;
    let (sue, ada) = (manager(&stage).await, stage.person("ada", &[]).await);
    // Signed in by password, present by the provider.
    let by_password = stage.world.sign_in(ada.id, "ada").await.unwrap();
    let judged = stage
        .proves(&by_password, muster_services::reauth::Goal::Elevate)
        .await;
    let (by_password, _) = stage.grants(&by_password, judged.proof.unwrap()).await;
    assert!(by_password.call.elevated().is_ok());
    let sue = stage.world.elevate(&sue).await.unwrap();
    let proven = sue.call.elevated().unwrap();
    providers::remove(stage.s(), &sue.call, &proven, "corp")
        .await
        .unwrap();
    assert!(!is_in(&stage, &ada).await);
    let call = stage.call(&by_password).await;
    assert_eq!(call.elevated().unwrap_err().code, "ELV-001");
    assert_eq!(ended(&stage, "provider.remove").await, (1, 1));
}

#[tokio::test]
async fn o81_a_configuration_that_switches_a_provider_off_ends_what_came_by_it() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let text = config::export(stage.s(), &stage.world.system()).await;
    let mut wanted: Config = config::parse(&text.unwrap()).unwrap();
    wanted.roles = BTreeMap::new();
    wanted.providers.get_mut("corp").unwrap().enabled = false;
    let resolve = |_: &str| Err(muster_domain::Error::not_found("secret"));
    config::apply(stage.s(), &stage.world.system(), &wanted, &resolve)
        .await
        .unwrap();
    assert!(!is_in(&stage, &ada).await);
    assert_eq!(ended(&stage, "provider.disable").await, (1, 0));
}

#[tokio::test]
async fn o81_who_is_switched_off_is_on_record_and_back_when_switched_on() {
    let stage = Stage::set().await;
    let s = stage.s();
    let adam = stage.world.persona("adam", &[Role::Admin]).await;
    let adam = stage.world.elevate(&adam.unwrap()).await.unwrap();
    let proven = adam.call.elevated().unwrap();
    providers::set_enabled(s, &adam.call, &proven, "corp", Enabled::No)
        .await
        .unwrap();
    assert!(!stage.provider("corp").await.enabled);
    providers::set_enabled(s, &adam.call, &proven, "corp", Enabled::Yes)
        .await
        .unwrap();
    stage
        .signs_in("corp", Says::Claims(stage.claims("ada", 60)))
        .await
        .unwrap();
    assert_eq!(
        stage.record("provider.disable").await[0].event.actor,
        "adam"
    );
    let corp = stage.provider("corp").await.id;
    assert_eq!(providers::identities(s, &adam.call, corp).await.unwrap(), 1);
    providers::remove(s, &adam.call, &proven, "corp")
        .await
        .unwrap();
    assert!(stage.user("ada").await.is_some(), "people stay");
    let back = muster_storage::subjects::count_of_provider(s.db(), corp)
        .await
        .unwrap();
    assert_eq!(back, 0);
}
