//! Providers: what an admin may change of them, and what must not outlive a change.

use chrono::TimeDelta;
use muster_domain::calibration::{Calibration, Worth};
use muster_domain::jit::JitRules;
use muster_domain::membership::Member;
use muster_domain::provider::Provider;
use muster_domain::role::Role;
use muster_domain::vendor::Vendor;
use muster_services::Knowingly;
use muster_services::providers::{self, Draft, Enabled};
use muster_services::reauth::{self, Goal};
use muster_services::users::{self, Identity};
use muster_services::{groups, password};
use secrecy::SecretString;

use crate::Cast;

const ISSUER: &str = "https://idp.example";

fn draft(issuer: &str, secret: Option<&str>) -> Draft {
    Draft {
        slug: "idp".to_owned(),
        name: "Company".to_owned(),
        vendor: Vendor::Generic,
        kind: "oidc".to_owned(),
        settings: [("issuer", issuer), ("client_id", "muster")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        secret: secret.map(SecretString::from),
        domains: Vec::new(),
    }
}

pub(crate) async fn connected(cast: &Cast) -> Provider {
    let elevated = cast.superadmin.call.elevated().unwrap();
    let draft = draft(ISSUER, Some("the secret of the old issuer"));
    providers::create(
        &cast.world.services,
        &cast.superadmin.call,
        &elevated,
        &draft,
    )
    .await
    .unwrap()
}

fn filling(group: &str) -> JitRules {
    JitRules {
        managed_groups: vec![group.to_owned()],
        ..JitRules::default()
    }
}

/// A group that carries superadmin, and rules by which the provider fills it, saved by a superadmin.
async fn conferring(cast: &Cast) {
    let (s, call) = (&cast.world.services, &cast.superadmin.call);
    let root = groups::create(s, call, "Root", "").await.unwrap();
    cast.world
        .grant(Role::Superadmin, Member::Group(root))
        .await
        .unwrap();
    let elevated = call.elevated().unwrap();
    providers::set_jit(s, call, &elevated, "idp", filling("Ro*"), Knowingly::Yes)
        .await
        .unwrap();
}

#[tokio::test]
async fn w43_an_admin_decides_neither_the_rules_that_confer_a_role_nor_who_answers_to_them() {
    let cast = Cast::gather().await;
    let s = &cast.world.services;
    connected(&cast).await;
    conferring(&cast).await;
    let call = &cast.admin.call;
    let adam = call.elevated().unwrap();
    let mine = draft("https://evil.example", Some("my own secret"));
    let error = providers::update(s, call, &adam, "idp", &mine)
        .await
        .unwrap_err();
    assert_eq!(error.code, "JIT-020");
    for rules in [filling("Root"), filling("*"), JitRules::default()] {
        let error = providers::set_jit(s, call, &adam, "idp", rules, Knowingly::No)
            .await
            .unwrap_err();
        assert_eq!(error.code, "JIT-020");
    }
    let sue = cast.superadmin.call.elevated().unwrap();
    let kept = providers::update(s, &cast.superadmin.call, &sue, "idp", &mine)
        .await
        .unwrap();
    assert_eq!(kept.setting("issuer"), Some("https://evil.example"));
}

#[tokio::test]
async fn a_stored_secret_is_not_told_to_another_issuer() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.admin.call);
    connected(&cast).await;
    let adam = call.elevated().unwrap();
    let error = providers::update(s, call, &adam, "idp", &draft("https://evil.example", None))
        .await
        .unwrap_err();
    assert_eq!(error.fields[0].field, "client_secret");
    let found = providers::get(s, call, "idp").await.unwrap();
    assert_eq!(found.setting("issuer"), Some(ISSUER));
}

#[tokio::test]
async fn w19_what_was_learnt_of_one_issuer_is_void_for_the_next() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.admin.call);
    let provider = connected(&cast).await;
    let learnt = Calibration {
        worth: Worth::Informative,
        tested_at: Some(call.at),
        ..Calibration::default()
    };
    let tx = s.db().begin().await.unwrap();
    muster_storage::providers::set_calibration(&tx, provider.id, &learnt)
        .await
        .unwrap();
    tx.commit(&[call.event("test", "idp", None, serde_json::json!({}))])
        .await
        .unwrap();
    let adam = call.elevated().unwrap();
    let same = draft(ISSUER, Some("another secret"));
    providers::update(s, call, &adam, "idp", &same)
        .await
        .unwrap();
    let found = providers::get(s, call, "idp").await.unwrap();
    assert_eq!(found.calibration, learnt);
    let other = draft("https://other.example", Some("another secret"));
    providers::update(s, call, &adam, "idp", &other)
        .await
        .unwrap();
    let found = providers::get(s, call, "idp").await.unwrap();
    assert_eq!(found.calibration, Calibration::anew(call.at));
}

#[tokio::test]
async fn w18_another_session_s_presence_changes_no_provider() {
    let cast = Cast::gather().await;
    let s = &cast.world.services;
    connected(&cast).await;
    let sue = cast.superadmin.call.elevated().unwrap();
    let call = &cast.admin.call;
    let error = providers::set_enabled(s, call, &sue, "idp", Enabled::No)
        .await
        .unwrap_err();
    assert_eq!(error.code, "ELV-002");
}

#[tokio::test]
async fn o81_a_provider_that_is_off_proves_nobody_present() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.superadmin.call);
    let provider = connected(&cast).await;
    let sue = call.elevated().unwrap();
    let identity = Identity {
        provider: provider.id,
        issuer: ISSUER.to_owned(),
        subject: "sue".to_owned(),
    };
    users::link_identity(s, call, Some(&sue), cast.superadmin.id, &identity)
        .await
        .unwrap();
    let begin = || reauth::begin(s, call, "idp", Goal::Elevate, None, "/", None);
    assert!(begin().await.is_ok());
    // She keeps a way in of her own, or it could not be switched off.
    let password = SecretString::from("unrelated words make a long sentence");
    users::set_local_password(s, &cast.world.system(), None, cast.superadmin.id, &password)
        .await
        .unwrap();
    providers::set_enabled(s, call, &sue, "idp", Enabled::No)
        .await
        .unwrap();
    assert_eq!(begin().await.unwrap_err().code, "AUTH-013");
}

#[tokio::test]
async fn w49_of_guesses_sent_at_once_no_more_count_than_of_guesses_in_turn() {
    let cast = Cast::gather().await;
    let (s, call) = (&cast.world.services, &cast.superadmin.call);
    let right = SecretString::from("unrelated words make a long sentence");
    let sue = call.elevated().unwrap();
    users::set_local_password(s, call, Some(&sue), cast.nobody.id, &right)
        .await
        .unwrap();
    let stranger = cast.world.anonymous();
    let guess = |word: &'static str| password::sign_in(s, &stranger, "norma", word);
    let wrong = "wrong words make a long sentence";
    let told = tokio::join!(
        guess(wrong),
        guess(wrong),
        guess(wrong),
        guess(wrong),
        guess(wrong),
        guess(wrong),
        guess(wrong),
        guess(wrong),
        guess(wrong),
    );
    let told = [
        told.0, told.1, told.2, told.3, told.4, told.5, told.6, told.7, told.8,
    ];
    let compared = told
        .iter()
        .filter(|told| told.as_ref().unwrap_err().code == "AUTH-001");
    assert_eq!(compared.count(), 6);
    let late = guess("unrelated words make a long sentence").await;
    assert_eq!(late.unwrap_err().code, "AUTH-002");
    cast.world.clock.forward(TimeDelta::minutes(20));
    let later = cast.world.anonymous();
    password::sign_in(s, &later, "norma", "unrelated words make a long sentence")
        .await
        .unwrap();
}
