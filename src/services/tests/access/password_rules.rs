//! Which passwords do, that they are checked as typed, and what changing one ends.

use muster_services::password::{self, Entered};
use muster_services::sessions;
use muster_services::users::{self, checked_fields};
use muster_testing::TestWorld;
use secrecy::SecretString;

const NAMES: [&str; 3] = ["skłodowska", "Maria Skłodowska Curie", "maria@example.test"];

fn does(password: &str) -> bool {
    password::check(password, &NAMES).is_ok()
}

#[test]
fn passwords_are_judged_by_length_and_by_how_hard_they_are_to_guess() {
    for weak in [
        "",
        "hV7#q2!xPz",
        "fourteen chars",
        "passwordpassword",
        "qwertyuiopasdfghjkl",
        "1234567890123456789",
        "aaaaaaaaaaaaaaaaaaaaaaaa",
        "iloveyouiloveyouiloveyou",
    ] {
        assert!(!does(weak), "{weak}");
    }
    // No rule about kinds of characters: each of these has one kind.
    for good in [
        "harvest copper lantern drizzle",
        "jemandmussjosefkverleumdethaben",
        "сорок ворон клюют вчерашний снег",
        "8302 5177 0946 2281 7395 6610",
    ] {
        assert!(does(good), "{good}");
    }
    assert!(
        does(&"harvest copper lantern drizzle ".repeat(4)),
        "124 characters"
    );
}

#[test]
fn a_password_made_of_ones_own_names_is_weak() {
    for own in [
        "MariaSkłodowskaCurie",
        "skłodowskaskłodowska",
        "maria@example.test",
        "maria skłodowska curie",
    ] {
        assert!(!does(own), "{own}");
    }
}

#[tokio::test]
async fn a_password_is_checked_as_typed_to_the_last_character() {
    let world = TestWorld::new().await.unwrap();
    let fields = checked_fields("ada", "Ada", "").unwrap();
    let long = format!("{} Zoë", "harvest copper lantern drizzle ".repeat(4));
    let secret = SecretString::from(long.clone());
    users::create(&world.services, &world.system(), &fields, Some(&secret))
        .await
        .unwrap();
    let cut: String = long.chars().take(64).collect();
    for other in [
        cut,
        long.to_lowercase(),
        format!("{long} "),
        format!(" {long}"),
        long.replace('ë', "e\u{308}"),
        long.replace("Zoë", "Zoe"),
    ] {
        let call = world.anonymous();
        let refused = password::sign_in(&world.services, &call, "ada", &other).await;
        assert_eq!(refused.unwrap_err().code, "AUTH-001", "{other}");
        world.clock.forward(chrono::TimeDelta::hours(1));
    }
    let call = world.anonymous();
    let entered = password::sign_in(&world.services, &call, "ada", &long).await;
    assert!(matches!(entered.unwrap(), Entered::In(..)));
}

#[tokio::test]
async fn whoever_has_a_password_changes_it_and_other_sessions_end() {
    let world = TestWorld::new().await.unwrap();
    let s = &world.services;
    let fields = checked_fields("ada", "Ada", "").unwrap();
    let old = "harvest copper lantern drizzle";
    let id = users::create(s, &world.system(), &fields, Some(&SecretString::from(old)))
        .await
        .unwrap();
    let here = world.sign_in(id, "ada").await.unwrap();
    let elsewhere = world.sign_in(id, "ada").await.unwrap();
    let here = world.elevate(&here).await.unwrap();
    let elevated = here.call.elevated().unwrap();
    let new = SecretString::from("violet harbor tickles lanterns");
    users::set_local_password(s, &here.call, Some(&elevated), id, &new)
        .await
        .unwrap();
    let left = sessions::of_user(s, &world.system(), id).await.unwrap();
    let here_again = world.again(&here).await.unwrap();
    assert!(
        here_again.call.person().is_some(),
        "the one that changed it"
    );
    assert_eq!(left.len(), 1);
    let gone = world.again(&elsewhere).await;
    assert!(gone.is_err() || gone.unwrap().call.person().is_none());
    let refused = password::sign_in(s, &world.anonymous(), "ada", old).await;
    assert_eq!(refused.unwrap_err().code, "AUTH-001");
}
