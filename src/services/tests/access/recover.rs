//! The way back in from the server's shell, and break-glass accounts in use.

use chrono::TimeDelta;
use muster_domain::Error;
use muster_domain::lockout::Works;
use muster_domain::role::Role;
use muster_domain::session::Means;
use muster_domain::sign_in::{Passwords, SignInPolicy};
use muster_services::break_glass::{self, Drill};
use muster_services::password::{self, Entered};
use muster_services::recover::{self, Factors, For, Made, Recovered};
use muster_services::users::{self, BreakGlass};
use muster_services::{lockout, sign_in_policy};
use muster_testing::Persona;
use secrecy::SecretString;

use crate::factor::{PASSWORD, add, internal};
use crate::stage::Stage;

const NEW: &str = "marble otter umbrella 77 station";

async fn make(stage: &Stage, name: &str, wanted: For, factors: Factors) -> Result<Made, Error> {
    recover::make(stage.s(), &stage.world.system(), name, wanted, factors).await
}

fn token(made: &Made) -> String {
    let pair = made.link.query_pairs().find(|(name, _)| name == "code");
    pair.unwrap().1.into_owned()
}

async fn redeem(stage: &Stage, token: &str, password: &str) -> Result<Recovered, Error> {
    let call = stage.world.anonymous();
    recover::redeem(stage.s(), &call, token, &SecretString::from(password)).await
}

fn code<T: std::fmt::Debug>(done: Result<T, Error>) -> String {
    match done {
        Ok(_) => "done".to_owned(),
        Err(error) => error.code.to_owned(),
    }
}

async fn enters(stage: &Stage, name: &str, typed: &str) -> bool {
    let call = stage.world.anonymous();
    password::sign_in(stage.s(), &call, name, typed)
        .await
        .is_ok()
}

#[tokio::test]
async fn a_link_of_the_shell_sets_a_superadmin_s_password_once_and_ends_their_sessions() {
    let stage = Stage::set().await;
    let bob = internal(&stage, "bob", &[Role::Superadmin]).await;
    let made = make(&stage, "Bob", For::Superadmin, Factors::Kept)
        .await
        .unwrap();
    assert_eq!((made.user.id, made.asks_factor), (bob.id, false));
    let token = token(&made);
    assert!(!String::from_utf8_lossy(&stage.world.raw()).contains(&token));
    // Looking, and a password that is too weak, use nothing up.
    let look = || recover::look(stage.s(), &bob.call, &token);
    assert_eq!(look().await.unwrap().id, bob.id);
    let weak = redeem(&stage, &token, "short").await.unwrap_err();
    assert_eq!(weak.fields[0].field, "password");
    assert!(stage.world.again(&bob).await.is_ok());
    let Recovered::In(user, _) = redeem(&stage, &token, NEW).await.unwrap() else {
        panic!("was asked for a factor");
    };
    assert!(user.break_glass);
    assert!(stage.world.again(&bob).await.is_err());
    assert!(enters(&stage, "bob", NEW).await);
    assert!(!enters(&stage, "bob", PASSWORD).await);
    assert_eq!(code(redeem(&stage, &token, NEW).await), "REC-010");
    assert_eq!(code(look().await), "REC-010");
    for action in ["recover.link", "recover.use", "break_glass.use"] {
        assert!(!stage.record(action).await.is_empty(), "{action}");
    }
    let said = format!("{:?}", stage.record("").await);
    assert!(!said.contains(&token) && !said.contains(NEW));
}

#[tokio::test]
async fn of_two_who_use_a_link_at_once_one_does() {
    let stage = Stage::set().await;
    internal(&stage, "bob", &[Role::Superadmin]).await;
    let made = make(&stage, "bob", For::Superadmin, Factors::Kept)
        .await
        .unwrap();
    let token = token(&made);
    let (one, two) = tokio::join!(redeem(&stage, &token, NEW), redeem(&stage, &token, NEW));
    let mut codes = [code(one), code(two)];
    codes.sort();
    assert_eq!(codes, ["REC-010", "done"]);
}

#[tokio::test]
async fn a_link_ends_with_its_time_with_a_newer_one_and_with_the_role() {
    let stage = Stage::set().await;
    let bob = internal(&stage, "bob", &[Role::Superadmin]).await;
    internal(&stage, "sue", &[Role::Superadmin]).await;
    let link = async || {
        let made = make(&stage, "bob", For::Superadmin, Factors::Kept).await;
        token(&made.unwrap())
    };
    let first = link().await;
    let second = link().await;
    assert_eq!(code(redeem(&stage, &first, NEW).await), "REC-010");
    stage.forward(15 * 60);
    assert_eq!(code(redeem(&stage, &second, NEW).await), "REC-010");
    let third = link().await;
    users::deactivate(stage.s(), &stage.world.system(), bob.id, "")
        .await
        .unwrap();
    assert_eq!(code(redeem(&stage, &third, NEW).await), "REC-010");
    assert_eq!(code(redeem(&stage, "made up", NEW).await), "REC-010");
    assert_eq!(stage.record("recover.refused").await.len(), 4);
}

#[tokio::test]
async fn names_that_do_not_do_are_refused_and_it_is_said_what_would() {
    let stage = Stage::set().await;
    let sue = internal(&stage, "sue", &[Role::Superadmin]).await;
    internal(&stage, "ada", &[]).await;
    let old = internal(&stage, "old", &[Role::Superadmin]).await;
    users::deactivate(stage.s(), &stage.world.system(), old.id, "left")
        .await
        .unwrap();
    let twin = users::checked_fields("twin", "Twin", "sue@example.com").unwrap();
    users::create(stage.s(), &stage.world.system(), &twin, None)
        .await
        .unwrap();
    let refused = async |name: &str, wanted| {
        let error = make(&stage, name, wanted, Factors::Kept).await.unwrap_err();
        (
            error.code,
            format!("{} {}", error.public, error.next.unwrap_or_default()),
        )
    };
    for (name, wanted, code, says) in [
        (
            "nobody",
            For::Superadmin,
            "REC-001",
            "The superadmin is sue. To make a new superadmin of this name, add --create.",
        ),
        (
            "sue@example.com",
            For::Superadmin,
            "REC-002",
            "sue, twin. Name one of them by their username.",
        ),
        ("ada", For::Superadmin, "REC-003", "say so with --grant"),
        ("old", For::Superadmin, "REC-004", "with --create"),
        ("ada", For::New, "REC-005", "Leave --create out"),
    ] {
        let (found, words) = refused(name, wanted).await;
        assert_eq!(found, code, "{name}");
        assert!(words.contains(says), "{words}");
    }
    let by_person =
        recover::make(stage.s(), &sue.call, "sue", For::Superadmin, Factors::Kept).await;
    assert_eq!(code(by_person), "WEB-403");
}

#[tokio::test]
async fn somebody_new_or_newly_granted_gets_in_where_passwords_are_switched_off() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let tx = stage.s().db().begin().await.unwrap();
    let off = SignInPolicy {
        passwords: Passwords::BreakGlassOnly,
        ..SignInPolicy::default()
    };
    muster_storage::settings::set(&tx, "policy.sign_in", &off)
        .await
        .unwrap();
    let event = stage
        .world
        .system()
        .event("test", "policy", None, serde_json::json!({}));
    tx.commit(&[event]).await.unwrap();
    for (name, wanted) in [("ada", For::Grant), ("rescue", For::New)] {
        let made = make(&stage, name, wanted, Factors::Kept).await.unwrap();
        redeem(&stage, &token(&made), NEW).await.unwrap();
        assert!(enters(&stage, name, NEW).await, "{name}");
    }
    let all = lockout::simulate(stage.s(), &stage.world.system())
        .await
        .unwrap();
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(|one| one.works() == Works::Yes), "{all:?}");
    assert!(all.iter().any(|one| one.user == ada.id));
    let call = stage.world.system();
    let excepted = sign_in_policy::excepted(stage.s(), &call).await.unwrap();
    let names: Vec<&str> = excepted.iter().map(|one| one.username.as_str()).collect();
    assert_eq!(names, ["ada", "rescue"]);
}

#[tokio::test]
async fn a_second_factor_is_asked_for_after_a_link_unless_the_shell_says_it_is_lost() {
    let stage = Stage::set().await;
    let bob = internal(&stage, "bob", &[Role::Superadmin]).await;
    add(&stage, &bob, "Phone").await;
    let made = make(&stage, "bob", For::Superadmin, Factors::Kept)
        .await
        .unwrap();
    assert!(made.asks_factor);
    let asked = redeem(&stage, &token(&made), NEW).await.unwrap();
    assert!(matches!(asked, Recovered::AskFactor(_)));
    let call = stage.world.anonymous();
    let entered = password::sign_in(stage.s(), &call, "bob", NEW).await;
    assert!(matches!(entered, Ok(Entered::Half(_))));
    let made = make(&stage, "bob", For::Superadmin, Factors::Removed)
        .await
        .unwrap();
    let done = redeem(&stage, &token(&made), NEW).await.unwrap();
    assert!(matches!(done, Recovered::In(_, _)));
    let entered = password::sign_in(stage.s(), &call, "bob", NEW).await;
    assert!(matches!(entered, Ok(Entered::In(..))));
}

/// A break-glass account, and somebody else who is admin.
async fn glass(stage: &Stage) -> (Persona, Persona) {
    let root = internal(stage, "root", &[Role::Superadmin]).await;
    let by = root.call.elevated().unwrap();
    users::set_break_glass(stage.s(), &root.call, &by, root.id, BreakGlass::Yes)
        .await
        .unwrap();
    let adam = internal(stage, "adam", &[Role::Admin]).await;
    (root, adam)
}

#[tokio::test]
async fn w28_whoever_uses_a_break_glass_account_says_what_for_and_the_others_are_told() {
    let stage = Stage::set().await;
    let (root, adam) = glass(&stage).await;
    let s = stage.s();
    assert!(!break_glass::owes_reason(s, &root.call).await.unwrap());
    stage.forward(100);
    assert!(enters(&stage, "root", PASSWORD).await);
    let came_in = stage.session("root", root.id, &Means::Password).await;
    assert!(break_glass::owes_reason(s, &came_in.call).await.unwrap());
    // Another session of the same account owes nothing for it, and cannot answer for it.
    assert!(!break_glass::owes_reason(s, &root.call).await.unwrap());
    assert_eq!(
        code(break_glass::tell(s, &root.call, "x", Drill::No).await),
        "BRK-002"
    );
    let told = break_glass::open(s, &adam.call).await.unwrap();
    assert_eq!((told.len(), told[0].reason.clone()), (1, None));
    let silent = break_glass::tell(s, &came_in.call, "  ", Drill::No).await;
    assert_eq!(silent.unwrap_err().fields[0].field, "reason");
    break_glass::tell(s, &came_in.call, "Corp does not answer", Drill::No)
        .await
        .unwrap();
    assert!(!break_glass::owes_reason(s, &came_in.call).await.unwrap());
    assert_eq!(stage.record("break_glass.reason").await.len(), 1);
    // Their own account does not take note of itself; another admin does, up to what they saw.
    let now = stage.now();
    let note = async |who: &Persona, until| {
        let elevated = who.call.elevated()?;
        break_glass::acknowledge(s, &who.call, &elevated, until).await
    };
    assert_eq!(code(note(&came_in, now).await), "ELV-001");
    let came_in = stage.world.elevate(&came_in).await.unwrap();
    assert_eq!(code(note(&came_in, now).await), "BRK-003");
    let adam = stage.world.elevate(&adam).await.unwrap();
    let before = now - TimeDelta::seconds(1);
    assert_eq!(code(note(&adam, before).await), "BRK-003");
    assert_eq!(note(&adam, now).await.unwrap(), 1);
    assert!(break_glass::open(s, &adam.call).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_account_that_nobody_tries_for_ninety_days_is_told_until_somebody_does() {
    let stage = Stage::set().await;
    let (root, adam) = glass(&stage).await;
    let due = async || {
        let adam = stage.session("adam", adam.id, &Means::Password).await;
        let all = muster_services::overview::overview(stage.s(), &adam.call).await;
        let all = all.unwrap().attention;
        all.into_iter().any(|item| item.next == "Test it now")
    };
    assert!(!due().await);
    stage.forward(91 * 24 * 3600);
    assert!(due().await);
    assert!(enters(&stage, "root", PASSWORD).await);
    assert!(!due().await);
    assert!(stage.user("root").await.unwrap().id == root.id);
}

#[tokio::test]
async fn w28_by_a_provider_a_break_glass_account_owes_its_reason_and_raises_the_alert_too() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let adam = internal(&stage, "adam", &[Role::Admin]).await;
    assert!(
        !break_glass::owes_reason(stage.s(), &ada.call)
            .await
            .unwrap()
    );
    let made = make(&stage, "ada", For::Grant, Factors::Kept)
        .await
        .unwrap();
    redeem(&stage, &token(&made), NEW).await.unwrap();
    stage.forward(100);
    let came_in = stage.person("ada", &[]).await;
    assert!(came_in.call.user().unwrap().break_glass);
    assert!(
        break_glass::owes_reason(stage.s(), &came_in.call)
            .await
            .unwrap()
    );
    let told = break_glass::open(stage.s(), &adam.call).await.unwrap();
    assert_eq!(
        (told.len(), told[0].user),
        (2, ada.id),
        "the link, and the provider"
    );
    assert_eq!(stage.record("break_glass.use").await.len(), 2);
    break_glass::tell(stage.s(), &came_in.call, "The phone is lost", Drill::No)
        .await
        .unwrap();
    assert!(
        !break_glass::owes_reason(stage.s(), &came_in.call)
            .await
            .unwrap()
    );
    // Somebody else who comes in by the provider owes nothing.
    let bob = stage.person("bob", &[]).await;
    assert!(
        !break_glass::owes_reason(stage.s(), &bob.call)
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn w28_whoever_caused_the_alert_notes_it_only_where_nobody_else_could() {
    let stage = Stage::set().await;
    let root = internal(&stage, "root", &[Role::Superadmin]).await;
    let by = root.call.elevated().unwrap();
    users::set_break_glass(stage.s(), &root.call, &by, root.id, BreakGlass::Yes)
        .await
        .unwrap();
    stage.forward(100);
    assert!(enters(&stage, "root", PASSWORD).await);
    let note = async |who: &Persona| {
        let who = stage.world.elevate(who).await.unwrap();
        let elevated = who.call.elevated().unwrap();
        break_glass::acknowledge(stage.s(), &who.call, &elevated, stage.now()).await
    };
    let adam = internal(&stage, "adam", &[Role::Admin]).await;
    let helen = internal(&stage, "helen", &[Role::Helpdesk]).await;
    assert_eq!(code(note(&helen).await), "WEB-403");
    assert_eq!(code(note(&root).await), "BRK-003", "adam could");
    users::deactivate(stage.s(), &stage.world.system(), adam.id, "left")
        .await
        .unwrap();
    assert!(break_glass::notes_own(stage.s(), &root.call).await.unwrap());
    assert_eq!(note(&root).await.unwrap(), 1);
    let record = stage.record("break_glass.acknowledge").await;
    assert_eq!(record[0].event.detail["own_too"], true);
}
