//! Policies: which proofs start a secure session, and how firmly it is held.

use muster_domain::factor::Enrolled;
use muster_domain::policy::{Address, ElevationPolicy, PasswordRule, ProviderRule, Reason};
use muster_domain::reauth::Verdict;
use muster_domain::role::Role;
use muster_domain::session::ProofKind;
use muster_services::elevation::{self, Aim};
use muster_services::reauth::{self, Confirmable, Goal, Receipt};
use muster_services::users::{self, BreakGlass};
use muster_services::visit::{self, Found};
use muster_services::{Call, factors, password, policies};
use muster_testing::{Persona, Says};
use serde_json::json;

use crate::factor::{App, PASSWORD, add, internal};
use crate::stage::Stage;

pub async fn set(stage: &Stage, role: Role, policy: ElevationPolicy) {
    let root = match stage.user("root").await {
        Some(user) => stage.world.sign_in(user.id, "root").await.unwrap(),
        None => internal(stage, "root", &[Role::Superadmin]).await,
    };
    let root = stage.world.elevate(&root).await.unwrap();
    let elevated = root.call.elevated().unwrap();
    policies::set(stage.s(), &root.call, &elevated, role, &policy)
        .await
        .unwrap();
}

fn confirmed() -> ElevationPolicy {
    ElevationPolicy {
        provider: ProviderRule::FreshOrConfirmed,
        ..ElevationPolicy::default()
    }
}

/// Somebody known at `corp` who has an app.
async fn known(stage: &Stage, name: &str, roles: &[Role]) -> (Persona, App) {
    let persona = stage.person(name, roles).await;
    let elevated = stage.world.elevate(&persona).await.unwrap();
    let (app, _, _) = add(stage, &elevated, "Phone").await;
    let means = &persona.call.signed_in().unwrap().session.means;
    (stage.session(name, persona.id, means).await, app)
}

/// `corp` is asked to make the person sign in again and says this.
async fn asked(stage: &Stage, persona: &Persona, says: Says) -> Receipt {
    stage.forward(60);
    let intent = stage.ready(persona, Goal::Elevate).await;
    stage.force(persona, &intent, |_| says).await.receipt
}

fn silent(subject: &str) -> Says {
    Says::Claims(json!({ "sub": subject }))
}

async fn confirms(stage: &Stage, call: &Call, receipt: &Receipt, code: &str) -> &'static str {
    match reauth::confirm(stage.s(), call, receipt.id, code).await {
        Ok((proof, _)) => {
            assert_eq!(proof.kind(), ProofKind::UnprovableAndFactor);
            "proof"
        }
        Err(error) => error.code,
    }
}

#[tokio::test]
async fn an_unprovable_answer_and_a_code_elevate_where_policy_says_so_and_nowhere_else() {
    let stage = Stage::set().await;
    let (ada, app) = known(&stage, "ada", &[Role::Admin]).await;
    let receipt = asked(&stage, &ada, silent("ada")).await;
    assert_eq!(receipt.verdict, Verdict::Unprovable);
    let call = stage.call(&ada).await;
    let can = reauth::confirmable(stage.s(), &call, &receipt)
        .await
        .unwrap();
    assert_eq!(can, Confirmable::NotAccepted, "the default is Fresh alone");
    let shown = app.shows(&stage);
    assert_eq!(confirms(&stage, &call, &receipt, &shown).await, "ELV-012");
    set(&stage, Role::Admin, confirmed()).await;
    let can = reauth::confirmable(stage.s(), &call, &receipt)
        .await
        .unwrap();
    assert!(matches!(can, Confirmable::Now(takes) if takes.code && !takes.passkey));
    assert_eq!(confirms(&stage, &call, &receipt, "000000").await, "FAC-001");
    let (proof, _) = reauth::confirm(stage.s(), &call, receipt.id, &shown)
        .await
        .expect("the code was not used up by the refusal");
    let (after, granted) = stage.grants(&ada, proof).await;
    assert_eq!(granted.to_row().kind, ProofKind::UnprovableAndFactor);
    assert!(granted.to_row().provider.is_some());
    stage.forward(30);
    // The session's name has changed: the same answer cannot be confirmed again.
    let shown = app.shows(&stage);
    assert_eq!(
        confirms(&stage, &after.call, &receipt, &shown).await,
        "ELV-012"
    );
}

#[tokio::test]
async fn w19_no_code_makes_a_refuted_answer_good() {
    let stage = Stage::set().await;
    set(&stage, Role::Admin, confirmed()).await;
    let (ada, app) = known(&stage, "ada", &[Role::Admin]).await;
    let now = stage.now().timestamp();
    for (says, verdict) in [
        (
            Says::Claims(json!({"sub": "ada", "auth_time": now - 3600})),
            Verdict::Stale,
        ),
        (
            Says::Claims(json!({"sub": "eve", "auth_time": now + 70})),
            Verdict::WrongUser,
        ),
        (
            Says::Claims(json!({"sub": "ada", "auth_time": "now"})),
            Verdict::Malformed,
        ),
        (Says::Error("access_denied", None), Verdict::Cancelled),
        (
            Says::Error("unmet_authentication_requirements", None),
            Verdict::WeakContext,
        ),
    ] {
        let receipt = asked(&stage, &ada, says).await;
        assert_eq!(receipt.verdict, verdict);
        let call = stage.call(&ada).await;
        let can = reauth::confirmable(stage.s(), &call, &receipt)
            .await
            .unwrap();
        assert_eq!(can, Confirmable::No, "{verdict:?}");
        let shown = app.shows(&stage);
        assert_eq!(
            confirms(&stage, &call, &receipt, &shown).await,
            "ELV-012",
            "{verdict:?}"
        );
    }
    assert_eq!(stage.record("elevation.grant").await.len(), 0);
}

#[tokio::test]
async fn w18_w22_an_answer_is_confirmed_in_its_own_session_by_its_own_person_and_soon() {
    let stage = Stage::set().await;
    set(&stage, Role::Admin, confirmed()).await;
    let (ada, app) = known(&stage, "ada", &[Role::Admin]).await;
    let (eve, eves) = known(&stage, "eve", &[Role::Superadmin]).await;
    let receipt = asked(&stage, &ada, silent("ada")).await;
    let means = &ada.call.signed_in().unwrap().session.means;
    let elsewhere = stage.session("ada", ada.id, means).await;
    let shown = app.shows(&stage);
    assert_eq!(
        confirms(&stage, &elsewhere.call, &receipt, &shown).await,
        "ELV-012"
    );
    assert_eq!(
        confirms(&stage, &eve.call, &receipt, &eves.shows(&stage)).await,
        "ELV-012"
    );
    let call = stage.call(&ada).await;
    assert_eq!(
        confirms(&stage, &call, &receipt, &eves.shows(&stage)).await,
        "FAC-001"
    );
    stage.switch("corp", false).await;
    assert_eq!(confirms(&stage, &call, &receipt, &shown).await, "ELV-012");
    stage.switch("corp", true).await;
    stage.forward(301);
    let call = stage.call(&ada).await;
    let shown = app.shows(&stage);
    assert_eq!(confirms(&stage, &call, &receipt, &shown).await, "ELV-012");
}

#[tokio::test]
async fn without_a_factor_an_unprovable_answer_stays_one() {
    let stage = Stage::set().await;
    set(&stage, Role::Admin, confirmed()).await;
    let ada = stage.person("ada", &[Role::Admin]).await;
    let receipt = asked(&stage, &ada, silent("ada")).await;
    let call = stage.call(&ada).await;
    let can = reauth::confirmable(stage.s(), &call, &receipt)
        .await
        .unwrap();
    assert_eq!(can, Confirmable::WithoutFactor);
    assert_eq!(confirms(&stage, &call, &receipt, "000000").await, "ELV-012");
}

#[tokio::test]
async fn of_several_roles_the_strictest_binds_and_the_reason_goes_on_record() {
    let stage = Stage::set().await;
    let strict = ElevationPolicy {
        password: PasswordRule::WithFactor,
        reason: Reason::Asked,
        ..ElevationPolicy::default()
    };
    let short = ElevationPolicy {
        lifetime_seconds: 120,
        ..ElevationPolicy::default()
    };
    set(&stage, Role::Helpdesk, strict).await;
    set(&stage, Role::Admin, short).await;
    let ada = internal(&stage, "ada", &[Role::Helpdesk, Role::Admin]).await;
    let door = elevation::door(stage.s(), &ada.call).await.unwrap();
    assert_eq!(door.enrolled, Enrolled::No);
    assert!(door.asks_code() && door.asks_reason());
    let proof = password::prove(stage.s(), &ada.call, PASSWORD)
        .await
        .unwrap();
    let error = elevation::may_grant(stage.s(), &ada.call, &proof, Aim::default()).await;
    assert_eq!(error.unwrap_err().code, "ELV-006");
    let (app, _, _) = add(&stage, &ada, "Phone").await;
    let call = stage.call(&ada).await;
    let user = &call.signed_in().unwrap().user;
    let checked = factors::check(stage.s(), &call, user, &app.shows(&stage))
        .await
        .unwrap();
    let proof = password::prove(stage.s(), &call, PASSWORD).await.unwrap();
    let proof = proof.with_factor(checked).unwrap();
    let key = stage.key(&ada);
    let error = elevation::grant(stage.s(), &call, proof.clone(), &key, Aim::default()).await;
    assert_eq!(error.unwrap_err().code, "ELV-007");
    for (typed, reason) in [("", None), (" \n", None), (" a ticket ", Some("a ticket"))] {
        let told = elevation::reason(&door, typed);
        assert_eq!(told.ok().flatten().as_deref(), reason, "{typed:?}");
    }
    let aim = Aim {
        reason: Some("a ticket"),
        ..Aim::default()
    };
    let granted = elevation::grant(stage.s(), &call, proof, &key, aim)
        .await
        .unwrap();
    let row = granted.to_row();
    assert_eq!((row.ends_at - row.granted_at).num_seconds(), 120);
    let event = &stage.record("elevation.grant").await[0].event;
    assert_eq!(event.detail["reason"], "a ticket");
}

#[tokio::test]
async fn w23_a_secure_session_nobody_uses_ends_for_good_and_the_browser_session_goes_on() {
    let stage = Stage::set().await;
    let idle = ElevationPolicy {
        idle_seconds: Some(180),
        ..ElevationPolicy::default()
    };
    set(&stage, Role::Admin, idle).await;
    let ada = stage.elevated("ada", &[Role::Admin]).await;
    let key = stage.key(&ada);
    let elevated = async || match visit::look_up(stage.s(), &key, stage.now(), true)
        .await
        .unwrap()
    {
        Found::Person(person) => person.session.elevation.is_some(),
        other => panic!("{other:?}"),
    };
    stage.forward(180);
    assert!(stage.call(&ada).await.elevated().is_ok());
    stage.forward(1);
    assert!(stage.call(&ada).await.elevated().is_err());
    assert!(!elevated().await, "180 s without a request");
    assert_eq!(stage.record("elevation.idle").await.len(), 1);
    assert!(!elevated().await, "being seen again does not bring it back");
    assert!(stage.call(&ada).await.elevated().is_err());
}

#[tokio::test]
async fn a_secure_session_bound_to_its_address_runs_from_nowhere_else() {
    let stage = Stage::set().await;
    let stays = ElevationPolicy {
        address: Address::Stays,
        ..ElevationPolicy::default()
    };
    set(&stage, Role::Admin, stays).await;
    let ada = stage.elevated("ada", &[Role::Admin]).await;
    let from = |address: Option<&str>| Call {
        address: address.map(|address| address.parse().unwrap()),
        ..ada.call.clone()
    };
    assert!(from(None).elevated().is_ok(), "where it was granted");
    assert_eq!(
        from(Some("203.0.113.9")).elevated().unwrap_err().code,
        "ELV-001"
    );
    let free = stage.elevated("bob", &[Role::Auditor]).await;
    let moved = Call {
        address: Some("203.0.113.9".parse().unwrap()),
        ..free.call.clone()
    };
    assert!(moved.elevated().is_ok());
}

#[tokio::test]
async fn w43_policies_are_changed_by_superadmins_alone_who_do_not_shut_themselves_out() {
    let stage = Stage::set().await;
    let admin = internal(&stage, "admin", &[Role::Admin]).await;
    let root = internal(&stage, "root", &[Role::Superadmin]).await;
    let never = ElevationPolicy {
        password: PasswordRule::Never,
        ..ElevationPolicy::default()
    };
    let sets = async |who: &Persona, role| {
        let call = stage.call(who).await;
        let elevated = call.elevated().unwrap();
        let done = policies::set(stage.s(), &call, &elevated, role, &never).await;
        done.map_or_else(|error| error.code, |()| "set")
    };
    assert_eq!(sets(&admin, Role::Admin).await, "WEB-403");
    let foreign = admin.call.elevated().unwrap();
    let error = policies::set(stage.s(), &root.call, &foreign, Role::Admin, &never).await;
    assert_eq!(error.unwrap_err().code, "ELV-002");
    assert_eq!(sets(&root, Role::Superadmin).await, "POL-001");
    assert_eq!(sets(&root, Role::Admin).await, "set");
    let door = elevation::door(stage.s(), &admin.call).await.unwrap();
    assert!(!door.takes_password());
    let event = &stage.record("policy.elevation").await[0].event;
    assert_eq!(
        (
            &event.detail["before"]["password"],
            &event.detail["after"]["password"]
        ),
        (&json!("enough"), &json!("never"))
    );
    // A break-glass account gets in when every provider is down.
    let elevated = root.call.elevated().unwrap();
    users::set_break_glass(stage.s(), &root.call, &elevated, root.id, BreakGlass::Yes)
        .await
        .unwrap();
    assert_eq!(sets(&root, Role::Superadmin).await, "set");
    let door = elevation::door(stage.s(), &stage.call(&root).await)
        .await
        .unwrap();
    assert!(door.takes_password());
}

#[tokio::test]
async fn the_last_factor_stays_while_the_password_needs_it() {
    let stage = Stage::set().await;
    let ada = internal(&stage, "ada", &[Role::Admin]).await;
    let (_, _, first) = add(&stage, &ada, "Phone").await;
    let (_, _, second) = add(&stage, &ada, "Spare").await;
    let strict = ElevationPolicy {
        password: PasswordRule::WithFactor,
        ..ElevationPolicy::default()
    };
    set(&stage, Role::Admin, strict).await;
    let call = stage.call(&ada).await;
    let elevated = call.elevated().unwrap();
    factors::remove(stage.s(), &call, &elevated, first)
        .await
        .unwrap();
    let error = factors::remove(stage.s(), &call, &elevated, second).await;
    assert_eq!(error.unwrap_err().code, "FAC-007");
}
