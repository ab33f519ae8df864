//! The first visit and the first administrator.

use muster_domain::opener::Openers;
use muster_domain::role::Role;
use muster_domain::session::Entry;
use muster_services::password::{self, Entered};
use muster_services::setup::{self, FirstAdmin, Progress};
use muster_services::{Call, Who, elevation};
use muster_testing::TestWorld;

const PASSWORD: &str = "harvest copper lantern drizzle";

fn admin(username: &str, password: &str) -> FirstAdmin {
    FirstAdmin {
        username: username.to_owned(),
        display_name: "Ada Lovelace".to_owned(),
        email: "ada@example.org".to_owned(),
        password: password.into(),
    }
}

fn in_setup(world: &TestWorld) -> Call {
    Call {
        who: Who::Setup,
        ..world.anonymous()
    }
}

#[tokio::test]
async fn the_setup_code_opens_setup_however_it_is_typed_and_another_does_not() {
    let world = TestWorld::new().await.unwrap();
    let s = &world.services;
    let code = setup::code_for_console(s, &world.system()).await.unwrap();
    let code = code.unwrap();
    for typed in [code.clone(), code.to_lowercase(), code.replace('-', " ")] {
        setup::enter(s, &world.anonymous(), &typed).await.unwrap();
    }
    for wrong in ["", "-", "AAAAA-AAAAA-AAAAA-AAAAA", &code[1..]] {
        let error = setup::enter(s, &world.anonymous(), wrong).await;
        let error = error.unwrap_err();
        assert_eq!(error.code, "SET-001", "{wrong}");
        assert_eq!(error.fields[0].field, "code");
    }
    assert!(!String::from_utf8_lossy(&world.raw()).contains(&code));
}

#[tokio::test]
async fn without_any_code_nothing_opens_setup() {
    let world = TestWorld::new().await.unwrap();
    for typed in ["", " ", "-----"] {
        let error = setup::enter(&world.services, &world.anonymous(), typed).await;
        assert_eq!(error.unwrap_err().code, "SET-001");
    }
}

#[tokio::test]
async fn a_newer_code_voids_the_one_before() {
    let world = TestWorld::new().await.unwrap();
    let s = &world.services;
    let first = setup::code_for_console(s, &world.system()).await.unwrap();
    let entered = setup::enter(s, &world.anonymous(), first.as_ref().unwrap()).await;
    let second = setup::code_for_console(s, &world.system()).await.unwrap();
    assert!(!entered.unwrap().counts(s).await.unwrap());
    let error = setup::enter(s, &world.anonymous(), &first.unwrap()).await;
    assert_eq!(error.unwrap_err().code, "SET-001");
    setup::enter(s, &world.anonymous(), &second.unwrap())
        .await
        .unwrap();
}

#[tokio::test]
async fn w29_setup_reentry_the_code_is_void_once_there_is_an_administrator() {
    let world = TestWorld::new().await.unwrap();
    let s = &world.services;
    let code = setup::code_for_console(s, &world.system()).await.unwrap();
    let code = code.unwrap();
    assert!(setup::is_open(s).await.unwrap());
    let entered = setup::enter(s, &world.anonymous(), &code).await.unwrap();
    assert!(entered.counts(s).await.unwrap());
    setup::create_admin(s, &in_setup(&world), &admin("ada", PASSWORD))
        .await
        .unwrap();
    assert!(!setup::is_open(s).await.unwrap());
    assert!(!entered.counts(s).await.unwrap());
    let error = setup::enter(s, &world.anonymous(), &code)
        .await
        .unwrap_err();
    assert_eq!(error.code, "SET-002");
    // A browser that entered the code before is too late as well, and a restart prints no new code.
    let again = setup::create_admin(s, &in_setup(&world), &admin("eve", PASSWORD)).await;
    assert_eq!(again.unwrap_err().code, "SET-002");
    let code = setup::code_for_console(s, &world.system()).await.unwrap();
    assert_eq!(code, None);
    let users = muster_storage::users::by_username(s.db(), "eve").await;
    assert_eq!(users.unwrap(), None);
}

#[tokio::test]
async fn nobody_makes_an_administrator_without_the_code() {
    let world = TestWorld::new().await.unwrap();
    let s = &world.services;
    let nobody = world.persona("norma", &[Role::Admin]).await.unwrap();
    for call in [&world.anonymous(), &nobody.call] {
        let error = setup::create_admin(s, call, &admin("eve", PASSWORD)).await;
        assert_eq!(error.unwrap_err().code, "SET-003");
    }
    assert!(setup::is_open(s).await.unwrap());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn w31_of_two_setups_at_once_one_wins() {
    let world = TestWorld::new().await.unwrap();
    let call = in_setup(&world);
    let attempts = ["ada", "eve", "mallory", "trent"].map(|username| {
        let (services, call) = (world.services.clone(), call.clone());
        tokio::spawn(async move {
            setup::create_admin(&services, &call, &admin(username, PASSWORD)).await
        })
    });
    let mut won = Vec::new();
    for attempt in attempts {
        match attempt.await.unwrap() {
            Ok((user, _)) => won.push(user.id),
            Err(error) => assert_eq!(error.code, "SET-002"),
        }
    }
    assert_eq!(won.len(), 1);
    let db = world.services.db();
    let holders = muster_storage::roles::holders(db, Role::Superadmin).await;
    assert_eq!(holders.unwrap(), won);
    let everybody = muster_storage::users::UserFilter::default();
    let people = muster_storage::users::count(db, &everybody).await.unwrap();
    assert_eq!(people.value(), 1);
}

#[tokio::test]
async fn a_weak_password_is_refused_beside_its_field_and_nothing_is_written() {
    let world = TestWorld::new().await.unwrap();
    let s = &world.services;
    let before = muster_storage::counters::users(s.db()).await.unwrap();
    for weak in ["", "short", "aaaaaaaaaaaaaaaaaaaa", "ada@example.org Ada"] {
        let error = setup::create_admin(s, &in_setup(&world), &admin("ada", weak)).await;
        let error = error.unwrap_err();
        assert_eq!(error.fields[0].field, "password", "{weak}");
    }
    let blank = setup::create_admin(s, &in_setup(&world), &admin("", PASSWORD)).await;
    assert_eq!(blank.unwrap_err().fields[0].field, "username");
    let after = muster_storage::counters::users(s.db()).await.unwrap();
    assert_eq!(before.total(), after.total());
    assert!(setup::is_open(s).await.unwrap());
}

#[tokio::test]
async fn the_first_administrator_is_break_glass_and_may_have_a_secure_session_at_once() {
    let world = TestWorld::new().await.unwrap();
    let s = &world.services;
    let (user, checked) = setup::create_admin(s, &in_setup(&world), &admin("ada", PASSWORD))
        .await
        .unwrap();
    assert!(user.break_glass);
    let persona = world.sign_in(user.id, "ada").await.unwrap();
    let key = persona.call.signed_in().unwrap().session.key.clone();
    elevation::first(s, &world.anonymous(), &user, checked, &key)
        .await
        .unwrap();
    let persona = world.again(&persona).await.unwrap();
    persona.call.elevated().unwrap();
    assert_eq!(persona.call.roles(), [Role::Superadmin]);
    let signed_in = password::sign_in(s, &world.anonymous(), "ADA", PASSWORD).await;
    let stored = muster_storage::credentials::password(s.db(), user.id).await;
    let imprint = stored.unwrap().unwrap().imprint();
    let entry = Entry::by_password(Openers::nobody(), imprint);
    assert_eq!(signed_in.unwrap(), Entered::In(Box::new(user), entry));
    assert!(!String::from_utf8_lossy(&world.raw()).contains(PASSWORD));
}

#[tokio::test]
async fn the_wizard_goes_on_where_it_was_left_and_only_for_superadmins() {
    let world = TestWorld::new().await.unwrap();
    let s = &world.services;
    assert_eq!(setup::progress(s).await.unwrap(), Progress::default());
    let sue = world.persona("sue", &[Role::Superadmin]).await.unwrap();
    let adam = world.persona("adam", &[Role::Admin]).await.unwrap();
    let progress = Progress {
        address: true,
        provider: Some("corp".to_owned()),
        ..Progress::default()
    };
    setup::keep(s, &sue.call, &progress).await.unwrap();
    assert_eq!(setup::progress(s).await.unwrap(), progress);
    let error = setup::keep(s, &adam.call, &Progress::default()).await;
    assert_eq!(error.unwrap_err().code, "WEB-403");
    assert_eq!(setup::progress(s).await.unwrap(), progress);
}
