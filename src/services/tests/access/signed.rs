//! How a provider is asked, as a setting: the key of signed requests, and the way through a configuration file.

use muster_domain::role::Role;
use muster_services::providers::request_key;
use muster_services::{config, visit};
use muster_testing::Says;
use secrecy::SecretString;
use serde_json::json;

use crate::stage::{Stage, browser};

async fn published(stage: &Stage) -> usize {
    let keys = request_key::published(stage.s(), "corp").await.unwrap();
    keys["keys"].as_array().unwrap().len()
}

/// The key the provider was to be asked with, last.
async fn used(stage: &Stage) -> Option<String> {
    stage.leaves("corp", &browser("a")).await;
    stage.world.idp.asked().last().unwrap().request_key.clone()
}

#[tokio::test]
async fn switched_on_a_key_is_made_once_sealed_used_and_published() {
    let stage = Stage::set().await;
    assert_eq!((used(&stage).await, published(&stage).await), (None, 0));
    stage.tune(&[("request_object", "signed")]).await;
    let key = used(&stage).await.unwrap();
    assert!(key.starts_with("key-"));
    assert_eq!(published(&stage).await, 1);
    assert!(
        !String::from_utf8_lossy(&stage.world.raw()).contains(&key),
        "it is sealed"
    );
    // Saved again it stays; off, it is neither used nor shown; on again, it is the same, as the provider knows it.
    stage.tune(&[("prompt", "login")]).await;
    assert_eq!(used(&stage).await, Some(key.clone()));
    stage.tune(&[("request_object", "unsigned")]).await;
    assert_eq!((used(&stage).await, published(&stage).await), (None, 0));
    stage.tune(&[("request_object", "signed")]).await;
    assert_eq!(used(&stage).await, Some(key));
    let other = request_key::published(stage.s(), "other").await.unwrap();
    assert_eq!(other, json!({ "keys": [] }));
    assert_eq!(
        request_key::published(stage.s(), "nowhere")
            .await
            .unwrap_err()
            .code,
        "WEB-404"
    );
}

#[tokio::test]
async fn how_a_provider_is_asked_travels_in_a_configuration_file_and_its_key_does_not() {
    let stage = Stage::set().await;
    let call = stage.world.system();
    stage
        .tune(&[("request_object", "signed"), ("prompt", "consent")])
        .await;
    let key = used(&stage).await.unwrap();
    let file = config::export(stage.s(), &call).await.unwrap();
    assert!(file.contains("request_object = \"signed\"") && file.contains("prompt = \"consent\""));
    assert!(!file.contains(&key));
    // Elsewhere the same file makes a key of its own, and changes nothing the second time.
    let elsewhere = Stage::set().await;
    let wanted = config::parse(&file).unwrap();
    let call = elsewhere.world.system();
    let paths: Vec<String> = config::diff(elsewhere.s(), &call, &wanted)
        .await
        .unwrap()
        .into_iter()
        .map(|difference| difference.path)
        .collect();
    for path in [
        "providers.corp.settings.request_object",
        "providers.corp.settings.prompt",
    ] {
        assert!(
            paths.iter().any(|known| known == path),
            "{path} in {paths:?}"
        );
    }
    let resolve = |_: &str| Ok(SecretString::from("unused"));
    config::apply(elsewhere.s(), &call, &wanted, &resolve)
        .await
        .unwrap();
    assert_eq!(published(&elsewhere).await, 1);
    let before = elsewhere.record("").await.len();
    let again = config::apply(elsewhere.s(), &call, &wanted, &resolve)
        .await
        .unwrap();
    assert_eq!(
        (again, elsewhere.record("").await.len()),
        (Vec::new(), before)
    );
}

#[tokio::test]
async fn a_sign_in_keeps_when_it_was_asked_for_and_when_it_was_answered() {
    let stage = Stage::set().await;
    stage
        .signs_in("corp", Says::Claims(stage.claims("ada", 60)))
        .await
        .unwrap();
    let kept = stage.kept().await;
    let evidence = kept[0].evidence.clone().unwrap();
    assert!(evidence["asked_at"].is_string() && evidence["received_at"].is_string());
}

#[tokio::test]
async fn a_signing_key_is_replaced_in_a_secure_session_and_the_old_one_published_for_a_day() {
    let stage = Stage::set().await;
    let sue = stage.world.persona("sue", &[Role::Superadmin]).await;
    let sue = stage.world.elevate(&sue.unwrap()).await.unwrap();
    let elevated = sue.call.elevated().unwrap();
    let unsigned = request_key::rotate(stage.s(), &sue.call, &elevated, "corp").await;
    assert_eq!(unsigned.unwrap_err().code, "IDP-006");
    stage.tune(&[("request_object", "signed")]).await;
    let old = used(&stage).await.unwrap();
    for role in [Role::Auditor, Role::Helpdesk] {
        let other = stage.world.persona(role.key(), &[role]).await.unwrap();
        let other = stage.world.elevate(&other).await.unwrap();
        let own = other.call.elevated().unwrap();
        let refused = request_key::rotate(stage.s(), &other.call, &own, "corp").await;
        assert_eq!(refused.unwrap_err().code, "WEB-403");
        let borrowed = request_key::rotate(stage.s(), &sue.call, &own, "corp").await;
        assert_eq!(
            borrowed.unwrap_err().code,
            "ELV-002",
            "another one's presence"
        );
    }
    assert_eq!(
        (used(&stage).await, published(&stage).await),
        (Some(old.clone()), 1)
    );
    request_key::rotate(stage.s(), &sue.call, &elevated, "corp")
        .await
        .unwrap();
    assert_eq!(
        published(&stage).await,
        2,
        "the provider reads the new one first"
    );
    assert_eq!(used(&stage).await, Some(old.clone()));
    stage.forward(299);
    assert_eq!(used(&stage).await, Some(old.clone()));
    stage.forward(1);
    let new = used(&stage).await.unwrap();
    assert_ne!(new, old);
    assert_eq!(published(&stage).await, 2, "a request may be on its way");
    let record = stage.record("provider.request_key").await;
    assert_eq!(
        (record.len(), &record[0].event.detail["retired"]),
        (1, &json!(1))
    );
    assert!(!format!("{record:?}").contains(&new) && !format!("{record:?}").contains(&old));
    stage.forward(24 * 3600 - 1);
    assert_eq!(published(&stage).await, 2);
    stage.forward(1);
    assert_eq!(
        (used(&stage).await, published(&stage).await),
        (Some(new), 1)
    );
    stage.forward(1);
    visit::sweep(stage.s(), stage.now()).await.unwrap();
    let provider = stage.provider("corp").await;
    let kept = muster_storage::request_keys::of_provider(stage.s().db(), provider.id).await;
    assert_eq!(kept.unwrap().len(), 1, "what nobody needs is not kept");
}
