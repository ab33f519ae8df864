//! Passkeys: added, used at every door that asks for a second factor, renamed, removed. What is refused is told in
//! `passkey_refusals`; a real browser's passkeys in end2end.

use muster_domain::factor::{Answered, FactorKind};
use muster_domain::id::FactorId;
use muster_domain::policy::{ElevationPolicy, FactorRule, PasskeyRule, PasswordRule, ProviderRule};
use muster_domain::reauth::Verdict;
use muster_domain::role::Role;
use muster_domain::session::{ProofKind, SessionKey};
use muster_domain::{Error, Kind};
use muster_services::elevation::{self, Aim};
use muster_services::factors::passkey::{self, Asked};
use muster_services::factors::{self, Added, Brought, Given, Purpose, passkeys};
use muster_services::password::{self, Entered};
use muster_services::reauth::{self, Confirmable, Goal, Takes};
use muster_services::second_step;
use muster_storage::{Quiet, settings};
use muster_testing::{Persona, Says, SoftPasskey};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::factor::{PASSWORD, add as add_app, internal};
use crate::factor_policy::set;
use crate::stage::{Stage, browser};

pub const ORIGIN: &str = "https://muster.example.org";

/// A stage that is reached at a name over https.
pub async fn stage() -> Stage {
    let stage = Stage::set().await;
    moves(&stage, ORIGIN).await;
    stage
}

/// The public address changes.
pub async fn moves(stage: &Stage, to: &str) {
    let tx = stage.s().db().begin().await.unwrap();
    settings::set(&tx, "site.url", &format!("{to}/"))
        .await
        .unwrap();
    tx.commit_quiet(Quiet::SessionData).await.unwrap();
}

pub fn key(number: u8) -> SoftPasskey {
    SoftPasskey::at(ORIGIN, number).unwrap()
}

/// Adds a passkey in the persona's secure session.
pub async fn adds(
    stage: &Stage,
    who: &Persona,
    key: &mut SoftPasskey,
    name: &str,
) -> Result<Added, Error> {
    let call = stage.call(who).await;
    let elevated = call.elevated().unwrap();
    let (_, asked) = passkey::begin(stage.s(), &call, &elevated, name).await?;
    let answer = key.creates(&asked.options).unwrap();
    passkey::finish(stage.s(), &call, &elevated, asked.id, &answer).await
}

/// Somebody with a password and a passkey, signed in anew: no secure session runs.
pub async fn holder(stage: &Stage, name: &str, number: u8) -> (Persona, SoftPasskey) {
    let persona = internal(stage, name, &[Role::Admin]).await;
    let mut key = key(number);
    adds(stage, &persona, &mut key, "Blue key").await.unwrap();
    let persona = stage.world.sign_in(persona.id, name).await.unwrap();
    (persona, key)
}

/// Asks for the persona's passkey in their own session.
pub async fn asks(stage: &Stage, who: &Persona, purpose: Purpose) -> Option<Asked> {
    let call = stage.call(who).await;
    passkeys::ask(stage.s(), &call, who.id, &stage.key(who), purpose)
        .await
        .unwrap()
}

/// Brings an answer in the persona's own session.
pub async fn brings(
    stage: &Stage,
    who: &Persona,
    purpose: Purpose,
    asked: &Asked,
    answer: &str,
) -> Result<Answered, Error> {
    let call = stage.call(who).await;
    let session = stage.key(who);
    let given = Given {
        session: &session,
        ceremony: asked.id,
        answer,
    };
    let user = &call.signed_in().unwrap().user;
    let checked = passkeys::check(stage.s(), &call, user, purpose, given).await?;
    Ok(checked.by())
}

#[tokio::test]
async fn a_passkey_counts_at_once_brings_recovery_codes_and_is_renamed_and_removed() {
    let stage = stage().await;
    let ada = internal(&stage, "ada", &[Role::Admin]).await;
    let (mut blue, mut red) = (key(1), key(2));
    let added = adds(&stage, &ada, &mut blue, "Blue key").await.unwrap();
    assert_eq!((added.name.as_str(), added.codes.len()), ("Blue key", 10));
    let second = adds(&stage, &ada, &mut red, "Red key").await.unwrap();
    assert!(second.codes.is_empty(), "codes come with the first one");
    let taken = adds(&stage, &ada, &mut key(3), "blue KEY").await;
    assert_eq!(taken.unwrap_err().fields[0].field, "name");
    let call = stage.call(&ada).await;
    let own = factors::own(stage.s(), &call).await.unwrap().factors;
    assert_eq!(own.len(), 2);
    for factor in &own {
        assert_eq!(factor.kind, FactorKind::Passkey);
        assert_eq!(factor.bound_to.as_deref(), Some("muster.example.org"));
        assert_eq!(factor.last_used_at, None);
    }
    stage.forward(5);
    let asked = asks(&stage, &ada, Purpose::Elevate).await.unwrap();
    let answer = red.answers(&asked.options).unwrap();
    let by = brings(&stage, &ada, Purpose::Elevate, &asked, &answer).await;
    assert_eq!(by.unwrap(), Answered::Passkey);
    let own = factors::own(stage.s(), &call).await.unwrap().factors;
    let used: Vec<_> = own.iter().map(|one| one.last_used_at.is_some()).collect();
    assert_eq!(used, [false, true], "which one was used is known");
    let elevated = call.elevated().unwrap();
    factors::rename(stage.s(), &call, &elevated, own[0].id, "Old key")
        .await
        .unwrap();
    let gone = factors::remove(stage.s(), &call, &elevated, own[0].id).await;
    assert_eq!(gone.unwrap().name, "Old key");
    let events = stage.record("factor.add").await;
    assert_eq!(events[0].event.detail["kind"], "passkey");
    // A public key is no secret, but who writes into the database must not be able to plant one.
    let raw = stage.world.raw();
    assert!(!String::from_utf8_lossy(&raw).contains("cred_id"));
}

#[tokio::test]
async fn w61_a_passkey_is_the_other_half_of_a_sign_in() {
    let stage = stage().await;
    let (ada, mut key) = holder(&stage, "ada", 1).await;
    let (s, nobody) = (stage.s(), stage.world.anonymous());
    let Ok(Entered::Half(half)) = password::sign_in(s, &nobody, "ada", PASSWORD).await else {
        panic!("no second step");
    };
    let session = browser("half");
    let asked = passkeys::ask(s, &nobody, ada.id, &session, Purpose::SignIn)
        .await
        .unwrap()
        .unwrap();
    let before = stage.kept().await.len();
    let enters = async |session: &SessionKey, answer: &str| {
        let given = Given {
            session,
            ceremony: asked.id,
            answer,
        };
        let call = stage.world.anonymous();
        second_step::sign_in(s, &call, &half, Brought::Passkey(given)).await
    };
    let answer = key.answers(&asked.options).unwrap();
    let error = enters(&browser("other"), &answer).await.unwrap_err();
    assert_eq!(error.code, "FAC-010", "another browser's question");
    assert_eq!(stage.kept().await.len(), before, "nobody signed in");
    assert_eq!(enters(&session, &answer).await.unwrap().0.id, ada.id);
    let event = &stage.record("signin.password").await[0].event;
    assert_eq!(event.detail["second_factor"], "passkey");
    let error = enters(&session, &answer).await.unwrap_err();
    assert_eq!(error.code, "FAC-010", "it counts once");
}

#[tokio::test]
async fn a_passkey_alone_starts_a_secure_session_and_the_record_names_it() {
    let stage = stage().await;
    let (ada, mut key) = holder(&stage, "ada", 1).await;
    let call = stage.call(&ada).await;
    let door = elevation::door(stage.s(), &call).await.unwrap();
    assert!(door.asks_code() && door.takes_code() && door.takes_passkey_alone());
    let asked = asks(&stage, &ada, Purpose::Elevate).await.unwrap();
    let answer = key.answers(&asked.options).unwrap();
    let proof = passkeys::prove(stage.s(), &call, asked.id, &answer)
        .await
        .unwrap();
    assert_eq!(proof.kind(), ProofKind::Passkey);
    let (after, granted) = stage.grants(&ada, proof).await;
    assert_eq!(granted.to_row().kind, ProofKind::Passkey);
    assert!(after.call.elevated().is_ok());
    let event = &stage.record("elevation.grant").await[0].event;
    assert_eq!(event.detail["by"], "passkey");
    assert_eq!(event.detail["factor"], "the passkey “Blue key”");
}

#[tokio::test]
async fn where_policy_wants_both_a_passkey_stands_beside_the_password_and_not_alone() {
    let stage = stage().await;
    let (ada, mut key) = holder(&stage, "ada", 1).await;
    let beside = ElevationPolicy {
        password: PasswordRule::WithFactor,
        factors: FactorRule::Passkey,
        passkey: PasskeyRule::Beside,
        ..ElevationPolicy::default()
    };
    set(&stage, Role::Admin, beside).await;
    let call = stage.call(&ada).await;
    let door = elevation::door(stage.s(), &call).await.unwrap();
    assert!(door.takes_passkey() && !door.takes_passkey_alone() && !door.takes_code());
    let asked = asks(&stage, &ada, Purpose::Elevate).await.unwrap();
    let answer = key.answers(&asked.options).unwrap();
    let alone = passkeys::prove(stage.s(), &call, asked.id, &answer)
        .await
        .unwrap();
    let refused = elevation::grant(stage.s(), &call, alone, &stage.key(&ada), Aim::default()).await;
    assert_eq!(refused.unwrap_err().code, "ELV-006");
    let asked = asks(&stage, &ada, Purpose::Elevate).await.unwrap();
    let answer = key.answers(&asked.options).unwrap();
    let person = call.signed_in().unwrap();
    let given = Given {
        session: &person.session.key,
        ceremony: asked.id,
        answer: &answer,
    };
    let checked = passkeys::check(stage.s(), &call, &person.user, Purpose::Elevate, given)
        .await
        .unwrap();
    let proof = password::prove(stage.s(), &call, PASSWORD).await.unwrap();
    let (_, granted) = stage
        .grants(&ada, proof.with_factor(checked).unwrap())
        .await;
    assert_eq!(granted.to_row().kind, ProofKind::PasswordAndPasskey);
}

#[tokio::test]
async fn w26_a_passkey_alone_elevates_nobody_whose_way_in_is_a_provider() {
    let stage = stage().await;
    let ada = stage.elevated("ada", &[Role::Admin]).await;
    let mut key = key(1);
    adds(&stage, &ada, &mut key, "Blue key").await.unwrap();
    let ada = stage
        .session("ada", ada.id, &ada.call.session().unwrap().means)
        .await;
    let asked = asks(&stage, &ada, Purpose::Elevate).await.unwrap();
    let answer = key.answers(&asked.options).unwrap();
    let proof = passkeys::prove(stage.s(), &ada.call, asked.id, &answer).await;
    assert_eq!(proof.unwrap_err().code, "ELV-008");
}

#[tokio::test]
async fn an_unprovable_answer_and_a_passkey_elevate_and_the_receipt_names_the_passkey() {
    let stage = stage().await;
    let ada = stage.elevated("ada", &[Role::Admin]).await;
    let mut key = key(1);
    adds(&stage, &ada, &mut key, "Blue key").await.unwrap();
    let means = ada.call.session().unwrap().means.clone();
    let ada = stage.session("ada", ada.id, &means).await;
    let resistant = ElevationPolicy {
        provider: ProviderRule::FreshOrConfirmed,
        factors: FactorRule::Passkey,
        ..ElevationPolicy::default()
    };
    set(&stage, Role::Admin, resistant).await;
    stage.forward(60);
    let intent = stage.ready(&ada, Goal::Elevate).await;
    let silent = Says::Claims(json!({"sub": "ada"}));
    let receipt = stage.force(&ada, &intent, |_| silent).await.receipt;
    assert_eq!(receipt.verdict, Verdict::Unprovable);
    let call = stage.call(&ada).await;
    let can = reauth::confirmable(stage.s(), &call, &receipt)
        .await
        .unwrap();
    let passkey_only = Takes {
        code: false,
        passkey: true,
    };
    assert_eq!(can, Confirmable::Now(passkey_only));
    let code = reauth::confirm(stage.s(), &call, receipt.id, "000000").await;
    assert_eq!(code.unwrap_err().code, "ELV-012", "codes do not count");
    let asked = asks(&stage, &ada, Purpose::Confirm).await.unwrap();
    let answer = key.answers(&asked.options).unwrap();
    let session = stage.key(&ada);
    let given = Given {
        session: &session,
        ceremony: asked.id,
        answer: &answer,
    };
    let (proof, kept) = reauth::confirm(stage.s(), &call, receipt.id, Brought::Passkey(given))
        .await
        .unwrap();
    assert_eq!(proof.kind(), ProofKind::UnprovableAndPasskey);
    let confirmed = kept.confirmed.unwrap();
    assert_eq!(confirmed.by, Answered::Passkey);
    assert_eq!(confirmed.name.as_deref(), Some("Blue key"));
    let (after, _) = stage.grants(&ada, proof).await;
    let kept = reauth::receipt(stage.s(), &after.call, receipt.id).await;
    assert!(kept.unwrap().confirmed.is_some(), "it is kept");
}

#[tokio::test]
async fn under_another_name_a_passkey_is_not_asked_and_codes_go_on() {
    let stage = stage().await;
    let ada = internal(&stage, "ada", &[Role::Admin]).await;
    let mut blue = key(1);
    let codes = adds(&stage, &ada, &mut blue, "Blue key")
        .await
        .unwrap()
        .codes;
    assert_eq!(factors::bound_here(stage.s()).await.unwrap(), 1);
    moves(&stage, "https://other.example.org").await;
    assert!(asks(&stage, &ada, Purpose::Elevate).await.is_none());
    assert_eq!(factors::bound_here(stage.s()).await.unwrap(), 0);
    let nobody = stage.world.anonymous();
    let Ok(Entered::Half(half)) = password::sign_in(stage.s(), &nobody, "ada", PASSWORD).await
    else {
        panic!("a passkey of another name still keeps a stolen password out");
    };
    let code = codes[0].expose_secret();
    second_step::sign_in(stage.s(), &nobody, &half, code)
        .await
        .unwrap();
    // At a number there are none at all.
    moves(&stage, "http://127.0.0.1:3000").await;
    let refused = adds(&stage, &ada, &mut key(2), "Red key").await;
    assert_eq!(refused.unwrap_err().code, "FAC-019");
    moves(&stage, ORIGIN).await;
    assert!(asks(&stage, &ada, Purpose::Elevate).await.is_some());
}

#[tokio::test]
async fn the_last_passkey_stays_where_passkeys_alone_count() {
    let stage = stage().await;
    let ada = internal(&stage, "ada", &[Role::Admin]).await;
    add_app(&stage, &ada, "Phone").await;
    adds(&stage, &ada, &mut key(1), "Blue key").await.unwrap();
    let resistant = ElevationPolicy {
        password: PasswordRule::WithFactor,
        factors: FactorRule::Passkey,
        ..ElevationPolicy::default()
    };
    set(&stage, Role::Admin, resistant).await;
    let call = stage.call(&ada).await;
    let elevated = call.elevated().unwrap();
    let own = factors::own(stage.s(), &call).await.unwrap().factors;
    let id = |kind| -> FactorId { own.iter().find(|one| one.kind == kind).unwrap().id };
    let refused = factors::remove(stage.s(), &call, &elevated, id(FactorKind::Passkey)).await;
    assert_eq!(refused.unwrap_err().code, "FAC-007");
    factors::remove(stage.s(), &call, &elevated, id(FactorKind::Totp))
        .await
        .unwrap();
    let foreign = factors::remove(stage.s(), &call, &elevated, id(FactorKind::Totp)).await;
    assert_eq!(foreign.unwrap_err().kind, Kind::NotFound);
}
