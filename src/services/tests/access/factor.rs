//! The second factor: added, used, replayed, lost. Whole stories with codes of another implementation
//! are told in end2end.

use muster_domain::id::FactorId;
use muster_domain::role::Role;
use muster_domain::session::ProofKind;
use muster_domain::{Error, Kind};
use muster_services::elevation::{self, Aim};
use muster_services::factors::{self, Added};
use muster_services::password::{self, Entered};
use muster_services::second_step::{self, Half};
use muster_services::users;
use muster_storage::factors as rows;
use muster_testing::{Persona, TestWorld};
use secrecy::{ExposeSecret as _, SecretString};
use totp_rs::{Builder, Secret};

use crate::stage::{Stage, seconds};

pub const PASSWORD: &str = "violet harbor tickles 42 lanterns";

/// Somebody with an internal account, a password and these roles, in a secure session.
pub async fn internal(stage: &Stage, name: &str, roles: &[Role]) -> Persona {
    let world = &stage.world;
    let persona = world.persona(name, roles).await.unwrap();
    let password = SecretString::from(PASSWORD);
    users::set_local_password(stage.s(), &world.system(), None, persona.id, &password)
        .await
        .unwrap();
    let persona = world.sign_in(persona.id, name).await.unwrap();
    world.elevate(&persona).await.unwrap()
}

/// The app on somebody's phone.
pub struct App(totp_rs::Totp);

impl App {
    pub fn with(secret: &SecretString) -> Self {
        let secret = Secret::try_from_base32(secret.expose_secret()).unwrap();
        Self(Builder::new().with_secret(secret).build().unwrap())
    }

    pub fn shows(&self, stage: &Stage) -> String {
        let now = stage.now().timestamp();
        self.0.generate(u64::try_from(now).unwrap()).to_string()
    }
}

/// Adds an app and waits for its next code.
pub async fn add(stage: &Stage, persona: &Persona, name: &str) -> (App, Added, FactorId) {
    let call = stage.call(persona).await;
    let elevated = call.elevated().unwrap();
    let begun = factors::begin(stage.s(), &call, &elevated, name)
        .await
        .unwrap();
    let app = App::with(&begun.secret);
    let added = factors::confirm(stage.s(), &call, &elevated, begun.id, &app.shows(stage))
        .await
        .unwrap();
    stage.forward(30);
    (app, added, begun.id)
}

async fn checks(stage: &Stage, persona: &Persona, code: &str) -> Result<(), Error> {
    let call = stage.call(persona).await;
    let user = &call.signed_in().unwrap().user;
    factors::check(stage.s(), &call, user, code).await.map(drop)
}

fn code_of(result: Result<(), Error>) -> &'static str {
    result.map_or_else(|error| error.code, |()| "right")
}

async fn half(world: &TestWorld, name: &str) -> Half {
    let call = world.anonymous();
    match password::sign_in(&world.services, &call, name, PASSWORD).await {
        Ok(Entered::Half(half)) => half,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn w48_a_factor_counts_once_its_owner_typed_a_code_and_its_secret_is_kept_sealed() {
    let stage = Stage::set().await;
    let ada = internal(&stage, "ada", &[Role::Admin]).await;
    let elevated = ada.call.elevated().unwrap();
    let begun = factors::begin(stage.s(), &ada.call, &elevated, "Phone")
        .await
        .unwrap();
    assert!(
        begun
            .address
            .expose_secret()
            .contains(begun.secret.expose_secret())
    );
    let (app, secret) = (
        App::with(&begun.secret),
        begun.secret.expose_secret().to_owned(),
    );
    for wrong in ["", "000000", "abcdef"] {
        let error = factors::confirm(stage.s(), &ada.call, &elevated, begun.id, wrong).await;
        assert_eq!(error.unwrap_err().fields[0].field, "code");
    }
    assert!(
        factors::own(stage.s(), &ada.call)
            .await
            .unwrap()
            .factors
            .is_empty()
    );
    let again = factors::pending(stage.s(), &ada.call, &elevated, begun.id)
        .await
        .unwrap();
    assert_eq!(again.secret.expose_secret(), secret);
    let added = factors::confirm(
        stage.s(),
        &ada.call,
        &elevated,
        begun.id,
        &app.shows(&stage),
    )
    .await
    .unwrap();
    assert_eq!((added.name.as_str(), added.codes.len()), ("Phone", 10));
    let error = factors::pending(stage.s(), &ada.call, &elevated, begun.id).await;
    assert_eq!(error.unwrap_err().code, "FAC-005", "it is shown no more");
    let own = factors::own(stage.s(), &ada.call).await.unwrap();
    assert_eq!((own.factors.len(), own.recovery_left), (1, 10));
    let raw = stage.world.raw();
    let raw = String::from_utf8_lossy(&raw);
    assert!(!raw.contains(&secret));
    for code in added.codes {
        assert!(!raw.contains(code.expose_secret()));
    }
    for action in ["factor.begin", "factor.add", "factor.recovery.make"] {
        assert_eq!(stage.record(action).await.len(), 1, "{action}");
    }
}

#[tokio::test]
async fn w17_nobody_adds_or_removes_one_without_a_secure_session_or_finishes_what_another_began() {
    let stage = Stage::set().await;
    let ada = internal(&stage, "ada", &[Role::Admin]).await;
    let eve = internal(&stage, "eve", &[Role::Admin]).await;
    let (own, foreign) = (ada.call.elevated().unwrap(), eve.call.elevated().unwrap());
    let error = factors::begin(stage.s(), &ada.call, &foreign, "Phone").await;
    assert_eq!(error.unwrap_err().code, "ELV-002");
    let begun = factors::begin(stage.s(), &ada.call, &own, "Phone")
        .await
        .unwrap();
    let shown = App::with(&begun.secret).shows(&stage);
    let error = factors::confirm(stage.s(), &eve.call, &foreign, begun.id, &shown).await;
    assert_eq!(error.unwrap_err().code, "FAC-005");
    let (_, _, id) = add(&stage, &ada, "Phone").await;
    let error = factors::remove(stage.s(), &eve.call, &foreign, id).await;
    assert_eq!(error.unwrap_err().kind, Kind::NotFound);
    let error = factors::rename(stage.s(), &eve.call, &foreign, id, "Mine").await;
    assert_eq!(error.unwrap_err().kind, Kind::NotFound);
    stage.forward(16 * 60);
    let late = stage
        .world
        .elevate(&stage.world.again(&ada).await.unwrap())
        .await
        .unwrap();
    let elevated = late.call.elevated().unwrap();
    let begun = factors::begin(stage.s(), &late.call, &elevated, "Spare")
        .await
        .unwrap();
    stage.forward(15 * 60);
    let call = stage.world.elevate(&late).await.unwrap().call;
    let shown = App::with(&begun.secret).shows(&stage);
    let elevated = call.elevated().unwrap();
    let error = factors::confirm(stage.s(), &call, &elevated, begun.id, &shown).await;
    assert_eq!(
        error.unwrap_err().code,
        "FAC-005",
        "it waits for 15 minutes"
    );
}

#[tokio::test]
async fn w21_a_code_counts_once_and_so_does_a_recovery_code() {
    let stage = Stage::set().await;
    let ada = internal(&stage, "ada", &[Role::Admin]).await;
    let (app, added, _) = add(&stage, &ada, "Phone").await;
    let shown = app.shows(&stage);
    assert_eq!(code_of(checks(&stage, &ada, &shown).await), "right");
    assert_eq!(code_of(checks(&stage, &ada, &shown).await), "FAC-003");
    stage.forward(29);
    assert_eq!(code_of(checks(&stage, &ada, &shown).await), "FAC-003");
    let recovery = added.codes[3].expose_secret();
    assert_eq!(code_of(checks(&stage, &ada, recovery).await), "right");
    assert_eq!(code_of(checks(&stage, &ada, recovery).await), "FAC-001");
    let used = &stage.record("factor.recovery.use").await[0].event;
    assert_eq!(used.detail["left"], 9);
    // Two at the same moment: one of them.
    stage.forward(30);
    let shown = app.shows(&stage);
    let (one, other) = tokio::join!(checks(&stage, &ada, &shown), checks(&stage, &ada, &shown));
    assert!(one.is_ok() != other.is_ok());
}

#[tokio::test]
async fn w49_six_wrong_codes_are_all_there_are_and_other_people_are_not_affected() {
    let stage = Stage::set().await;
    let ada = internal(&stage, "ada", &[Role::Admin]).await;
    let bob = internal(&stage, "bob", &[Role::Admin]).await;
    let (app, added, _) = add(&stage, &ada, "Phone").await;
    let (bobs, _, _) = add(&stage, &bob, "Phone").await;
    for n in 0..6 {
        let wrong = format!("{n}");
        assert_eq!(code_of(checks(&stage, &ada, &wrong).await), "FAC-001");
    }
    let shown = app.shows(&stage);
    assert_eq!(code_of(checks(&stage, &ada, &shown).await), "FAC-002");
    let recovery = added.codes[0].expose_secret();
    assert_eq!(code_of(checks(&stage, &ada, recovery).await), "FAC-002");
    assert_eq!(
        code_of(checks(&stage, &bob, &bobs.shows(&stage)).await),
        "right"
    );
    assert_eq!(stage.record("factor.refused").await.len(), 8);
    stage.forward(15 * 60 + 10);
    assert_eq!(
        code_of(checks(&stage, &ada, &app.shows(&stage)).await),
        "right"
    );
    assert_eq!(
        code_of(checks(&stage, &ada, recovery).await),
        "right",
        "it was not used up"
    );
}

#[tokio::test]
async fn whoever_has_a_second_factor_uses_it_with_the_password_to_start_a_secure_session() {
    let stage = Stage::set().await;
    let ada = internal(&stage, "ada", &[Role::Admin]).await;
    let door = elevation::door(stage.s(), &ada.call).await.unwrap();
    assert!(door.takes_password() && !door.asks_code() && !door.asks_reason());
    let (app, _, _) = add(&stage, &ada, "Phone").await;
    let ada = stage.world.sign_in(ada.id, "ada").await.unwrap();
    assert!(
        elevation::door(stage.s(), &ada.call)
            .await
            .unwrap()
            .asks_code()
    );
    let proof = password::prove(stage.s(), &ada.call, PASSWORD)
        .await
        .unwrap();
    let key = stage.key(&ada);
    let error = elevation::grant(stage.s(), &ada.call, proof.clone(), &key, Aim::default()).await;
    assert_eq!(error.unwrap_err().code, "ELV-006");
    let user = &ada.call.signed_in().unwrap().user;
    let checked = factors::check(stage.s(), &ada.call, user, &app.shows(&stage))
        .await
        .unwrap();
    let (after, granted) = stage
        .grants(&ada, proof.with_factor(checked).unwrap())
        .await;
    assert_eq!(granted.to_row().kind, ProofKind::PasswordAndFactor);
    assert!(after.call.elevated().is_ok());
    let row = &stage.record("elevation.grant").await[0].event;
    assert_eq!(row.detail["by"], "password_and_factor");
}

#[tokio::test]
async fn w61_the_password_is_half_a_sign_in_and_the_code_the_other_half() {
    let stage = Stage::set().await;
    let ada = internal(&stage, "ada", &[Role::Admin]).await;
    let (app, added, _) = add(&stage, &ada, "Phone").await;
    let (s, nobody) = (stage.s(), stage.world.anonymous());
    let before = stage.kept().await.len();
    let begun = half(&stage.world, "ada").await;
    assert_eq!(stage.kept().await.len(), before, "nobody signed in yet");
    for empty in ["", "      ", "------"] {
        let error = second_step::sign_in(s, &stage.world.anonymous(), &begun, empty).await;
        assert_eq!(error.unwrap_err().code, "FAC-001");
    }
    let shown = app.shows(&stage);
    let (user, _) = second_step::sign_in(s, &stage.world.anonymous(), &begun, &shown)
        .await
        .unwrap();
    assert_eq!((user.id, stage.kept().await.len()), (ada.id, before + 1));
    assert_eq!(
        stage.record("signin.password").await[0].event.detail["second_factor"],
        "totp"
    );
    let error = second_step::sign_in(s, &nobody, &begun, &shown).await;
    assert_eq!(error.unwrap_err().code, "FAC-003");
    let recovery = added.codes[0].expose_secret();
    second_step::sign_in(s, &stage.world.anonymous(), &begun, recovery)
        .await
        .unwrap();
    assert_eq!(
        stage.record("signin.password").await[0].event.detail["second_factor"],
        "recovery"
    );
}

#[tokio::test]
async fn w5_half_a_sign_in_is_over_after_five_minutes_with_a_new_password_and_with_the_account() {
    let stage = Stage::set().await;
    let ada = internal(&stage, "ada", &[Role::Admin]).await;
    let (app, _, _) = add(&stage, &ada, "Phone").await;
    let goes = async |half: &Half| {
        let call = stage.world.anonymous();
        second_step::sign_in(stage.s(), &call, half, &app.shows(&stage))
            .await
            .map(drop)
    };
    let begun = half(&stage.world, "ada").await;
    stage.forward(300);
    assert_eq!(code_of(goes(&begun).await), "right");
    stage.forward(1);
    assert_eq!(code_of(goes(&begun).await), "AUTH-021");
    let begun = half(&stage.world, "ada").await;
    stage.forward(30);
    let password = SecretString::from("copper meadow whistles 7 teapots");
    users::set_local_password(stage.s(), &stage.world.system(), None, ada.id, &password)
        .await
        .unwrap();
    assert_eq!(code_of(goes(&begun).await), "AUTH-021");
    let password = SecretString::from(PASSWORD);
    users::set_local_password(stage.s(), &stage.world.system(), None, ada.id, &password)
        .await
        .unwrap();
    let begun = half(&stage.world, "ada").await;
    users::deactivate(stage.s(), &stage.world.system(), ada.id, "left")
        .await
        .unwrap();
    assert_eq!(code_of(goes(&begun).await), "AUTH-021");
}

#[tokio::test]
async fn w49_a_stolen_password_alone_gets_few_tries_at_the_second_step() {
    let stage = Stage::set().await;
    let ada = internal(&stage, "ada", &[Role::Admin]).await;
    add(&stage, &ada, "Phone").await;
    for _ in 0..6 {
        half(&stage.world, "ada").await;
    }
    let error = password::sign_in(stage.s(), &stage.world.anonymous(), "ada", PASSWORD).await;
    assert_eq!(error.unwrap_err().code, "AUTH-002");
}

#[tokio::test]
async fn w42_a_lost_factor_is_removed_by_an_admin_and_never_by_the_helpdesk_or_from_below() {
    let stage = Stage::set().await;
    let root = internal(&stage, "root", &[Role::Superadmin]).await;
    let admin = internal(&stage, "admin", &[Role::Admin]).await;
    let other = internal(&stage, "other", &[Role::Admin]).await;
    let desk = internal(&stage, "desk", &[Role::Helpdesk]).await;
    let (_, _, roots) = add(&stage, &root, "Phone").await;
    let (_, _, others) = add(&stage, &other, "Phone").await;
    let removes = async |who: &Persona, user, id| {
        let elevated = who.call.elevated().unwrap();
        factors::remove_of(stage.s(), &who.call, &elevated, user, id)
            .await
            .map(drop)
    };
    assert_eq!(code_of(removes(&desk, other.id, others).await), "WEB-403");
    assert_eq!(code_of(removes(&admin, root.id, roots).await), "ROLE-002");
    assert_eq!(code_of(removes(&admin, other.id, roots).await), "WEB-404");
    let foreign = root.call.elevated().unwrap();
    let error = factors::remove_of(stage.s(), &admin.call, &foreign, other.id, others).await;
    assert_eq!(error.unwrap_err().code, "ELV-002");
    assert_eq!(code_of(removes(&admin, other.id, others).await), "right");
    let after = stage.call(&other).await;
    assert!(after.elevated().is_err(), "their secure session ended");
    let own = factors::own(stage.s(), &after).await.unwrap();
    assert_eq!((own.factors.len(), own.recovery_left), (0, 0));
    assert_eq!(code_of(removes(&root, root.id, roots).await), "right");
}

#[tokio::test]
async fn several_are_told_apart_by_name_and_either_of_them_counts() {
    let stage = Stage::set().await;
    let ada = internal(&stage, "ada", &[Role::Admin]).await;
    let (phone, _, first) = add(&stage, &ada, "Phone").await;
    let (spare, second_codes, _) = add(&stage, &ada, "Spare").await;
    assert!(second_codes.codes.is_empty(), "codes come with the first");
    let call = stage.call(&ada).await;
    let elevated = call.elevated().unwrap();
    let error = factors::begin(stage.s(), &call, &elevated, "phone").await;
    assert_eq!(error.unwrap_err().fields[0].field, "name");
    let error = factors::rename(stage.s(), &call, &elevated, first, "Spare").await;
    assert_eq!(error.unwrap_err().fields[0].field, "name");
    factors::rename(stage.s(), &call, &elevated, first, "Old phone")
        .await
        .unwrap();
    for app in [&phone, &spare] {
        assert_eq!(
            code_of(checks(&stage, &ada, &app.shows(&stage)).await),
            "right"
        );
    }
    factors::remove(stage.s(), &call, &elevated, first)
        .await
        .unwrap();
    stage.forward(30);
    assert_eq!(
        code_of(checks(&stage, &ada, &phone.shows(&stage)).await),
        "FAC-001"
    );
    assert_eq!(
        code_of(checks(&stage, &ada, &spare.shows(&stage)).await),
        "right"
    );
    let codes = factors::make_codes(stage.s(), &call, &elevated)
        .await
        .unwrap();
    assert_eq!(
        code_of(checks(&stage, &ada, codes[0].expose_secret()).await),
        "right"
    );
    let tx = stage.s().db().begin().await.unwrap();
    let known = rows::of_user(&tx, ada.id).await.unwrap();
    assert_eq!(known.len(), 1);
    assert!(
        known[0]
            .last_used_at
            .is_some_and(|at| stage.now() - at < seconds(60))
    );
}

#[tokio::test]
async fn w61_half_a_sign_in_counts_for_the_password_that_was_compared_alone() {
    let stage = Stage::set().await;
    let ada = internal(&stage, "ada", &[Role::Admin]).await;
    let (app, _, _) = add(&stage, &ada, "Phone").await;
    let begun = half(&stage.world, "ada").await;
    // In the same instant: no time tells one from the other.
    let password = SecretString::from("copper meadow whistles 7 teapots");
    users::set_local_password(stage.s(), &stage.world.system(), None, ada.id, &password)
        .await
        .unwrap();
    let call = stage.world.anonymous();
    let error = second_step::sign_in(stage.s(), &call, &begun, &app.shows(&stage)).await;
    assert_eq!(error.unwrap_err().code, "AUTH-021");
}
