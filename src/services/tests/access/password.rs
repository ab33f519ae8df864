//! Signing in with a password, and what guessing gets.

use chrono::TimeDelta;
use muster_domain::role::Role;
use muster_domain::{Error, user::User};
use muster_services::Call;
use muster_services::password::{self, Entered};
use muster_services::users::{self, BreakGlass, checked_fields};
use muster_testing::TestWorld;
use secrecy::SecretString;

use crate::stage::Stage;

const RIGHT: &str = "harvest copper lantern drizzle";
const WRONG: &str = "harvest copper lantern drizzly";

async fn internal(world: &TestWorld, username: &str) -> muster_domain::id::UserId {
    let fields = checked_fields(username, username, "").unwrap();
    let password = SecretString::from(RIGHT);
    users::create(&world.services, &world.system(), &fields, Some(&password))
        .await
        .unwrap()
}

fn from(world: &TestWorld, address: &str) -> Call {
    Call {
        address: Some(address.parse().unwrap()),
        ..world.anonymous()
    }
}

async fn tries(world: &TestWorld, call: &Call, name: &str, typed: &str) -> Result<User, Error> {
    match password::sign_in(&world.services, call, name, typed).await? {
        Entered::In(user, _) => Ok(*user),
        Entered::Half(_) => panic!("{name} has no second factor"),
    }
}

#[tokio::test]
async fn w50_wrong_unknown_without_password_and_deactivated_get_the_same_words() {
    let world = TestWorld::new().await.unwrap();
    let s = &world.services;
    internal(&world, "ada").await;
    world.user("blank").await.unwrap();
    let gone = internal(&world, "gone").await;
    users::deactivate(s, &world.system(), gone, "left")
        .await
        .unwrap();
    let call = from(&world, "192.0.2.1");
    let mut answers = Vec::new();
    for (name, typed) in [
        ("ada", WRONG),
        ("nobody", RIGHT),
        ("blank", RIGHT),
        ("blank", ""),
        ("gone", RIGHT),
        ("gone", WRONG),
        ("", ""),
        ("ada\u{0}", RIGHT),
    ] {
        answers.push(tries(&world, &call, name, typed).await.unwrap_err());
    }
    assert_eq!(answers[0].code, "AUTH-001");
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
}

#[tokio::test]
async fn w50_the_right_password_of_somebody_deactivated_counts_like_a_wrong_one() {
    let world = TestWorld::new().await.unwrap();
    let gone = internal(&world, "gone").await;
    users::deactivate(&world.services, &world.system(), gone, "left")
        .await
        .unwrap();
    let call = from(&world, "192.0.2.1");
    let mut codes = Vec::new();
    for _ in 0..7 {
        codes.push(tries(&world, &call, "gone", RIGHT).await.unwrap_err().code);
    }
    // Were it not counted, whoever guesses would see the difference at the seventh attempt.
    assert_eq!(codes[..6], ["AUTH-001"; 6]);
    assert_eq!(codes[6], "AUTH-002");
}

#[tokio::test]
async fn the_seventh_wrong_password_from_one_network_waits_and_so_does_the_right_one() {
    let world = TestWorld::new().await.unwrap();
    internal(&world, "ada").await;
    let call = from(&world, "192.0.2.1");
    for _ in 0..6 {
        let error = tries(&world, &call, "ada", WRONG).await.unwrap_err();
        assert_eq!(error.code, "AUTH-001");
    }
    let error = tries(&world, &call, "Ada", RIGHT).await.unwrap_err();
    assert_eq!(error.code, "AUTH-002");
    world.clock.forward(TimeDelta::minutes(17));
    let call = from(&world, "192.0.2.1");
    tries(&world, &call, "ada", RIGHT).await.unwrap();
}

#[tokio::test]
async fn one_network_guessing_many_names_is_stopped_and_another_is_not() {
    let world = TestWorld::new().await.unwrap();
    internal(&world, "ada").await;
    let sprayer = from(&world, "2001:db8::1");
    for n in 0..30 {
        let error = tries(&world, &sprayer, &format!("name-{n}"), RIGHT).await;
        assert_eq!(error.unwrap_err().code, "AUTH-001");
    }
    let neighbour = from(&world, "2001:db8::ffff");
    let error = tries(&world, &neighbour, "ada", RIGHT).await.unwrap_err();
    assert_eq!(error.code, "AUTH-002");
    let elsewhere = from(&world, "2001:db8:1::1");
    tries(&world, &elsewhere, "ada", RIGHT).await.unwrap();
}

#[tokio::test]
async fn w49_strangers_cannot_lock_the_owner_out() {
    let world = TestWorld::new().await.unwrap();
    internal(&world, "ada").await;
    let home = from(&world, "192.0.2.1");
    tries(&world, &home, "ada", RIGHT).await.unwrap();
    for n in 0..25 {
        let stranger = from(&world, &format!("198.51.100.{n}"));
        tries(&world, &stranger, "ada", WRONG).await.unwrap_err();
    }
    let stranger = from(&world, "198.51.100.77");
    let error = tries(&world, &stranger, "ada", RIGHT).await.unwrap_err();
    assert_eq!(error.code, "AUTH-002");
    tries(&world, &home, "ada", RIGHT).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn w49_guesses_sent_at_once_are_no_more_than_guesses_one_by_one() {
    let world = TestWorld::new().await.unwrap();
    internal(&world, "ada").await;
    let call = from(&world, "192.0.2.1");
    let guesses = (0..20).map(|_| {
        let (services, call) = (world.services.clone(), call.clone());
        tokio::spawn(async move { password::sign_in(&services, &call, "ada", WRONG).await })
    });
    for guess in guesses.collect::<Vec<_>>() {
        guess.await.unwrap().unwrap_err();
    }
    let error = tries(&world, &call, "ada", RIGHT).await.unwrap_err();
    assert_eq!(error.code, "AUTH-002");
}

#[tokio::test]
async fn w51_a_password_of_a_megabyte_is_refused_without_being_hashed() {
    let world = TestWorld::new().await.unwrap();
    internal(&world, "ada").await;
    let call = from(&world, "192.0.2.1");
    let long = "x".repeat(1_000_000);
    let error = tries(&world, &call, "ada", &long).await.unwrap_err();
    assert_eq!(error.code, "AUTH-001");
    let error = password::make(&world.services, &long, &[])
        .await
        .unwrap_err();
    assert_eq!(error.fields[0].message, "Use at most 1024 bytes.");
    // A name of that length fills no table either.
    tries(&world, &call, &long, WRONG).await.unwrap_err();
    assert!(
        world
            .raw()
            .windows(2000)
            .all(|part| part.iter().any(|byte| *byte != b'x'))
    );
}

#[tokio::test]
async fn a_break_glass_sign_in_is_on_record_as_such() {
    let stage = Stage::set().await;
    let world = &stage.world;
    let s = &world.services;
    let ada = internal(world, "ada").await;
    let sue = world.persona("sue", &[Role::Superadmin]).await.unwrap();
    let sue = world.elevate(&sue).await.unwrap();
    let elevated = sue.call.elevated().unwrap();
    world
        .grant(
            Role::Superadmin,
            muster_domain::membership::Member::User(ada),
        )
        .await
        .unwrap();
    users::set_break_glass(s, &sue.call, &elevated, ada, BreakGlass::Yes)
        .await
        .unwrap();
    tries(world, &from(world, "192.0.2.1"), "ada", RIGHT)
        .await
        .unwrap();
    let row = &stage.record("signin.password").await[0].event;
    assert_eq!(row.detail["break_glass"], true);
    assert_eq!((row.actor.as_str(), row.actor_id), ("ada", Some(ada.0)));
    assert_eq!(row.address.as_deref(), Some("192.0.2.1"));
}

#[tokio::test]
async fn a_refused_password_is_on_record_and_holds_nothing_that_was_typed_as_one() {
    let stage = Stage::set().await;
    internal(&stage.world, "ada").await;
    let call = from(&stage.world, "192.0.2.1");
    tries(&stage.world, &call, "ada", WRONG).await.unwrap_err();
    let row = &stage.record("signin.refused").await[0].event;
    assert_eq!(
        (row.actor.as_str(), row.target.as_str()),
        ("anonymous", "ada")
    );
    assert!(!String::from_utf8_lossy(&stage.world.raw()).contains(WRONG));
}

#[tokio::test]
async fn presence_is_proven_by_the_own_password_and_throttled_like_a_sign_in() {
    let world = TestWorld::new().await.unwrap();
    let s = &world.services;
    let ada = internal(&world, "ada").await;
    let ada = world.sign_in(ada, "ada").await.unwrap();
    let proof = password::prove(s, &ada.call, RIGHT).await.unwrap();
    assert_eq!(proof.user(), ada.id);
    for _ in 0..6 {
        let error = password::prove(s, &ada.call, WRONG).await.unwrap_err();
        assert_eq!(error.code, "AUTH-001");
    }
    let error = password::prove(s, &ada.call, RIGHT).await.unwrap_err();
    assert_eq!(error.code, "AUTH-002");
}

#[tokio::test]
async fn w49_strangers_who_guess_at_the_sign_in_page_keep_nobody_from_a_secure_session() {
    let world = TestWorld::new().await.unwrap();
    let s = &world.services;
    let id = internal(&world, "ada").await;
    let ada = world.sign_in(id, "ada").await.unwrap();
    let mut call = ada.call.clone();
    call.address = Some("192.0.2.1".parse().unwrap());
    let key = &call.session().unwrap().key.0;
    let typed = format!("PRESENCE {id} {key}");
    // From the same network and from others: for the name, for many names, and for what presence is counted under.
    for n in 0..40 {
        for address in ["192.0.2.1".to_owned(), format!("198.51.100.{n}")] {
            for name in ["ada", &format!("name-{n}"), &typed] {
                let stranger = from(&world, &address);
                tries(&world, &stranger, name, WRONG).await.unwrap_err();
            }
        }
    }
    password::prove(s, &call, RIGHT).await.unwrap();
    // Nor does another session of the same person.
    let other = world.sign_in(id, "ada").await.unwrap();
    for _ in 0..7 {
        password::prove(s, &other.call, WRONG).await.unwrap_err();
    }
    let error = password::prove(s, &other.call, RIGHT).await.unwrap_err();
    assert_eq!(error.code, "AUTH-002");
    password::prove(s, &call, RIGHT).await.unwrap();
}

#[tokio::test]
async fn w26_somebody_who_came_through_a_provider_has_no_password_to_prove_presence_with() {
    let stage = Stage::set().await;
    let jit = stage.person("jit", &[Role::Superadmin]).await;
    for typed in ["", RIGHT] {
        let error = password::prove(stage.s(), &jit.call, typed).await;
        assert_eq!(error.unwrap_err().code, "ELV-003");
    }
    let error = tries(&stage.world, &stage.world.anonymous(), "jit", "").await;
    assert_eq!(error.unwrap_err().code, "AUTH-001");
}
