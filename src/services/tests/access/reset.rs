//! Forgotten passwords: the same answer whoever asks, a link that counts once, and no way around anything.

use muster_domain::role::Role;
use muster_domain::sign_in::{Passwords, ProvidedPasswords, SignInPolicy};
use muster_domain::{Error, user::User};
use muster_services::password::{self, Entered};
use muster_services::reset;
use muster_services::sign_in_policy;
use muster_services::users::{self, BreakGlass};
use muster_testing::Persona;
use secrecy::SecretString;

use crate::factor::add;
use crate::letters::{NEW, OLD, arrives, enters, person, root, token, with_mail};
use crate::stage::Stage;

async fn asks(stage: &Stage, typed: &str, from: &str) -> Result<(), Error> {
    let mut call = stage.world.anonymous();
    call.address = Some(from.parse().unwrap());
    reset::ask(stage.s(), &call, typed).await
}

pub(crate) async fn redeem(stage: &Stage, token: &str, new: &str) -> Result<User, Error> {
    let call = stage.world.anonymous();
    let opened = reset::open(stage.s(), &call, token).await?;
    reset::redeem(stage.s(), &call, &opened, &SecretString::from(new)).await
}

pub(crate) fn code<T: std::fmt::Debug>(done: Result<T, Error>) -> String {
    done.map_or_else(|error| error.code.to_owned(), |_| "done".to_owned())
}

pub(crate) async fn staged() -> (Stage, Persona) {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    with_mail(&stage, &root).await;
    (stage, root)
}

/// The link that ada gets for asking.
pub(crate) async fn link(stage: &Stage, typed: &str) -> String {
    asks(stage, typed, "192.0.2.1").await.unwrap();
    let letters = arrives(stage).await;
    assert_eq!(letters.len(), 1);
    token(&letters[0])
}

#[tokio::test]
async fn a_link_sets_the_password_once_ends_every_session_and_signs_nobody_in() {
    let (stage, _) = staged().await;
    let ada = person(&stage, "ada", &[]).await;
    let token = link(&stage, "ADA@example.com").await;
    assert!(!String::from_utf8_lossy(&stage.world.raw()).contains(&token));
    // Opening it, and a password that is too weak, use nothing up.
    let call = stage.world.anonymous();
    reset::open(stage.s(), &call, &token).await.unwrap();
    assert_eq!(code(redeem(&stage, &token, "short").await), "FORM-001");
    assert_eq!(
        code(redeem(&stage, &token, "ada@example.com ada ada").await),
        "FORM-001"
    );
    let sessions = stage.sessions().await;
    redeem(&stage, &token, NEW).await.unwrap();
    assert_eq!(stage.world.again(&ada).await.unwrap_err().code, "WEB-401");
    assert_eq!(
        stage.sessions().await,
        sessions - 1,
        "none came in its place"
    );
    assert!(enters(&stage, "ada", NEW).await && !enters(&stage, "ada", OLD).await);
    assert_eq!(code(redeem(&stage, &token, OLD).await), "RST-010", "once");
    let letters = arrives(&stage).await;
    assert_eq!(letters[0].subject, "Your password was changed");
    let record = stage.record("password.reset").await;
    assert_eq!((record.len(), record[0].event.actor.as_str()), (1, "ada"));
    assert!(!format!("{:?}{:?}", stage.record("password.asked").await, record).contains(&token));
}

#[tokio::test]
async fn w50_whoever_asks_gets_the_same_answer_and_the_same_work_is_done() {
    let (stage, root) = staged().await;
    person(&stage, "ada", &[]).await;
    let gone = person(&stage, "gone", &[]).await;
    users::deactivate(stage.s(), &root.call, gone.id, "left")
        .await
        .unwrap();
    person(&stage, "twin", &[]).await;
    let elevated = root.call.elevated().unwrap();
    let fields = users::checked_fields("double", "Double", "twin@example.com").unwrap();
    users::create(stage.s(), &root.call, &fields, None)
        .await
        .unwrap();
    assert!(elevated.counts_at(root.call.at));
    let waiting = async || {
        let wishes = muster_storage::reset_wishes::newest(stage.s().db(), 99)
            .await
            .unwrap();
        let letters = muster_storage::outbox::queue(stage.s().db())
            .await
            .unwrap()
            .waiting;
        (wishes.len(), letters)
    };
    arrives(&stage).await;
    for (nth, typed) in [
        "ada",
        "gone",
        "gone@example.com",
        "nobody",
        "twin@example.com",
        "nobody@example.com",
    ]
    .into_iter()
    .enumerate()
    {
        asks(&stage, typed, &format!("192.0.2.{nth}"))
            .await
            .unwrap();
        // One row whoever it is; who it is, is looked up afterwards.
        assert_eq!(waiting().await, (nth + 1, 0), "{typed}");
    }
    assert_eq!(stage.record("password.asked").await.len(), 0);
    let letters = arrives(&stage).await;
    assert_eq!(
        (letters.len(), letters[0].to.as_str()),
        (1, "ada@example.com")
    );
    assert_eq!(waiting().await, (0, 0));
}

#[tokio::test]
async fn w49_a_network_asks_only_so_often_and_an_account_is_written_to_only_so_often() {
    let (stage, _) = staged().await;
    person(&stage, "ada", &[]).await;
    for _ in 0..3 {
        asks(&stage, "ada", "192.0.2.1").await.unwrap();
    }
    assert_eq!(code(asks(&stage, "Ada", "192.0.2.1").await), "RST-002");
    for nth in 0..7 {
        asks(&stage, &format!("nobody-{nth}"), "192.0.2.1")
            .await
            .unwrap();
    }
    assert_eq!(
        code(asks(&stage, "somebody", "192.0.2.1").await),
        "RST-002",
        "whoever is asked for"
    );
    // Nobody is kept from asking by strangers, but the mailbox is not filled by them either.
    for nth in 0..9 {
        asks(&stage, "ada", &format!("198.51.100.{nth}"))
            .await
            .unwrap();
    }
    let mut letters = 0;
    for _ in 0..3 {
        letters += arrives(&stage).await.len();
    }
    assert!((1..=3).contains(&letters), "{letters}");
    assert_eq!(stage.record("password.asked").await.len(), 3);
    // And wrong passwords are counted elsewhere: the sign-in is not shut by it.
    let mut call = stage.world.anonymous();
    call.address = Some("192.0.2.1".parse().unwrap());
    assert!(
        password::sign_in(stage.s(), &call, "ada", OLD)
            .await
            .is_ok()
    );
    stage.forward(16 * 60);
    asks(&stage, "ada", "192.0.2.1").await.unwrap();
}

#[tokio::test]
async fn a_link_ends_with_its_time_with_a_newer_one_and_with_another_address() {
    let (stage, root) = staged().await;
    let ada = person(&stage, "ada", &[]).await;
    let first = link(&stage, "ada").await;
    let second = link(&stage, "ada").await;
    assert_eq!(code(redeem(&stage, &first, NEW).await), "RST-010");
    let fields = users::checked_fields("ada", "Ada", "other@example.com").unwrap();
    users::edit(stage.s(), &root.call, ada.id, &fields)
        .await
        .unwrap();
    assert_eq!(code(redeem(&stage, &second, NEW).await), "RST-010");
    arrives(&stage).await;
    let third = link(&stage, "other@example.com").await;
    stage.forward(30 * 60);
    assert_eq!(code(redeem(&stage, &third, NEW).await), "RST-010");
    for made_up in ["", "x", "../recover", &"y".repeat(43)] {
        assert_eq!(
            code(redeem(&stage, made_up, NEW).await),
            "RST-010",
            "{made_up:?}"
        );
    }
    assert!(enters(&stage, "ada", OLD).await);
}

#[tokio::test]
async fn a_new_password_voids_links() {
    let (stage, root) = staged().await;
    let ada = person(&stage, "ada", &[]).await;
    let before = link(&stage, "ada").await;
    let elevated = root.call.elevated().unwrap();
    let set = SecretString::from(NEW);
    users::set_local_password(stage.s(), &root.call, Some(&elevated), ada.id, &set)
        .await
        .unwrap();
    assert_eq!(code(redeem(&stage, &before, OLD).await), "RST-010");
}

#[tokio::test]
async fn who_gets_no_link_is_told_why_and_whom_to_ask() {
    let (stage, root) = staged().await;
    let elevated = root.call.elevated().unwrap();
    let glass = person(&stage, "glass", &[Role::Superadmin]).await;
    users::set_break_glass(stage.s(), &root.call, &elevated, glass.id, BreakGlass::Yes)
        .await
        .unwrap();
    person(&stage, "adam", &[Role::Admin]).await;
    for (nth, (typed, says)) in [
        ("glass", "This is a break-glass account"),
        ("adam", "has no second factor"),
    ]
    .into_iter()
    .enumerate()
    {
        asks(&stage, typed, &format!("192.0.2.{nth}"))
            .await
            .unwrap();
        let letters = arrives(&stage).await;
        assert_eq!(letters.len(), 1, "{typed}");
        assert!(
            letters[0].text.contains(says) && !letters[0].text.contains("code="),
            "{}",
            letters[0].text
        );
    }
    // Somebody whom a provider brought: the policy lets them have no password; where it does, their address is the
    // provider's word alone.
    let claims = serde_json::json!({
        "sub": "jit", "preferred_username": "jit", "name": "Jit", "email": "jit@corp.example",
        "email_verified": true, "auth_time": stage.now().timestamp() - 60,
    });
    stage
        .signs_in("corp", muster_testing::Says::Claims(claims))
        .await
        .unwrap();
    arrives(&stage).await;
    asks(&stage, "jit", "192.0.2.8").await.unwrap();
    let letters = arrives(&stage).await;
    assert!(
        letters[0]
            .text
            .contains("you sign in through your identity provider"),
        "{letters:?}"
    );
    let open = SignInPolicy {
        provided: ProvidedPasswords::Allowed,
        ..SignInPolicy::default()
    };
    sign_in_policy::set(stage.s(), &root.call, &elevated, open)
        .await
        .unwrap();
    asks(&stage, "jit", "192.0.2.9").await.unwrap();
    let letters = arrives(&stage).await;
    assert!(
        letters[0].text.contains("stated by an identity provider"),
        "{letters:?}"
    );
}

#[tokio::test]
async fn w27_a_link_is_no_way_around_the_policy_or_a_deactivation() {
    let (stage, root) = staged().await;
    let elevated = root.call.elevated().unwrap();
    let ada = person(&stage, "ada", &[]).await;
    let glass = person(&stage, "glass", &[Role::Superadmin]).await;
    users::set_break_glass(stage.s(), &root.call, &elevated, glass.id, BreakGlass::Yes)
        .await
        .unwrap();
    let token = link(&stage, "ada").await;
    users::deactivate(stage.s(), &root.call, ada.id, "left")
        .await
        .unwrap();
    assert_eq!(code(redeem(&stage, &token, NEW).await), "RST-010");
    users::reactivate(stage.s(), &root.call, ada.id)
        .await
        .unwrap();
    let closed = SignInPolicy {
        passwords: Passwords::BreakGlassOnly,
        ..SignInPolicy::default()
    };
    sign_in_policy::set(stage.s(), &root.call, &elevated, closed)
        .await
        .unwrap();
    assert_eq!(code(redeem(&stage, &token, NEW).await), "RST-010");
    assert_eq!(
        code(asks(&stage, "ada", "192.0.2.7").await),
        "RST-001",
        "and it is not offered"
    );
    assert!(!reset::is_offered(stage.s()).await.unwrap());
}

#[tokio::test]
async fn a_role_that_came_after_the_link_voids_it() {
    let (stage, _) = staged().await;
    let ada = person(&stage, "ada", &[]).await;
    let token = link(&stage, "ada").await;
    stage
        .world
        .grant(Role::Admin, muster_domain::membership::Member::User(ada.id))
        .await
        .unwrap();
    assert_eq!(code(redeem(&stage, &token, NEW).await), "RST-010");
}

#[tokio::test]
async fn w61_after_a_new_password_the_second_factor_is_asked_for_as_always() {
    let (stage, _) = staged().await;
    let adam = person(&stage, "adam", &[Role::Admin]).await;
    let adam = stage.world.elevate(&adam).await.unwrap();
    add(&stage, &adam, "Phone").await;
    assert_eq!(
        arrives(&stage).await[0].subject,
        "A second factor was added"
    );
    let token = link(&stage, "adam").await;
    redeem(&stage, &token, NEW).await.unwrap();
    let call = stage.world.anonymous();
    let entered = password::sign_in(stage.s(), &call, "adam", NEW)
        .await
        .unwrap();
    assert!(matches!(entered, Entered::Half(_)), "{entered:?}");
}

/// The Host header of a request is nobody's word: links begin with the configured address.
#[tokio::test]
async fn w32_a_link_begins_with_the_configured_address() {
    let (stage, root) = staged().await;
    let elevated = root.call.elevated().unwrap();
    muster_services::site::set(
        stage.s(),
        &root.call,
        &elevated,
        "https://muster.example.org",
    )
    .await
    .unwrap();
    person(&stage, "ada", &[]).await;
    asks(&stage, "ada", "192.0.2.1").await.unwrap();
    let letters = arrives(&stage).await;
    let links: Vec<&str> = letters[0]
        .text
        .split_whitespace()
        .filter(|word| word.contains("://"))
        .collect();
    assert_eq!(links.len(), 2, "{links:?}");
    assert!(
        links
            .iter()
            .all(|link| link.starts_with("https://muster.example.org/")),
        "{links:?}"
    );
}
