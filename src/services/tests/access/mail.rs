//! The mail server's settings, and the queue: what is written leaves, once, or is given up in words.

use muster_domain::mail::{Encryption, Server};
use muster_domain::role::Role;
use muster_services::outbox::{self, Worked};
use muster_services::{mail, users};
use muster_testing::Answers;
use secrecy::SecretString;

use crate::letters::{SMTP, arrives, person, root, round, server, with_mail};
use crate::stage::Stage;

const QUARTER: i64 = 15 * 60;

/// Something happens that ada is told of.
async fn happens(stage: &Stage, root: &muster_testing::Persona, ada: &muster_testing::Persona) {
    let elevated = root.call.elevated().unwrap();
    muster_services::forced::want(stage.s(), &root.call, Some(&elevated), ada.id)
        .await
        .unwrap();
}

#[tokio::test]
async fn settings_take_the_permission_and_a_secure_session() {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    let sue = stage
        .world
        .persona("sue", &[Role::Superadmin])
        .await
        .unwrap();
    assert_eq!(sue.call.elevated().unwrap_err().code, "ELV-001");
    let elevated = root.call.elevated().unwrap();
    let other = mail::save(stage.s(), &sue.call, &elevated, server(), None).await;
    assert_eq!(
        other.unwrap_err().code,
        "ELV-002",
        "somebody else's secure session"
    );
    let admin = stage.world.persona("adam", &[Role::Admin]).await.unwrap();
    let admin = stage.world.elevate(&admin).await.unwrap();
    let elevated = admin.call.elevated().unwrap();
    let refused = mail::save(stage.s(), &admin.call, &elevated, server(), None).await;
    assert_eq!(refused.unwrap_err().code, "WEB-403");
    assert_eq!(
        mail::test(stage.s(), &admin.call, &elevated, "a@example.com")
            .await
            .unwrap_err()
            .code,
        "WEB-403"
    );
    assert_eq!(
        mail::remove(stage.s(), &admin.call, &elevated)
            .await
            .unwrap_err()
            .code,
        "WEB-403"
    );
}

#[tokio::test]
async fn the_password_is_sealed_never_shown_and_given_to_no_other_server() {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    with_mail(&stage, &root).await;
    let shown = mail::show(stage.s(), &root.call).await.unwrap();
    assert!(shown.has_password && !format!("{shown:?}").contains(SMTP));
    assert!(!String::from_utf8_lossy(&stage.world.raw()).contains(SMTP));
    for event in stage.record("settings.mail").await {
        assert!(!format!("{event:?}").contains(SMTP));
    }
    let elevated = root.call.elevated().unwrap();
    let save =
        async |server: Server| mail::save(stage.s(), &root.call, &elevated, server, None).await;
    // Another name beside the address keeps it; another place asks for it again.
    save(Server {
        sender_name: "Console".to_owned(),
        ..server()
    })
    .await
    .unwrap();
    for elsewhere in [
        Server {
            host: "evil.example".to_owned(),
            ..server()
        },
        Server {
            port: 25,
            ..server()
        },
        Server {
            encryption: Encryption::Tls,
            ..server()
        },
        Server {
            username: Some("other".to_owned()),
            ..server()
        },
    ] {
        let error = save(elsewhere).await.unwrap_err();
        assert_eq!(error.fields[0].field, "password");
    }
    mail::test(stage.s(), &root.call, &elevated, "ops@example.com")
        .await
        .unwrap();
    let shown = stage.world.mail.shown();
    assert_eq!(
        shown,
        [("smtp.example.com".to_owned(), Some(SMTP.to_owned()))]
    );
}

#[tokio::test]
async fn a_test_message_tells_what_the_server_answered_and_goes_on_record() {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    let elevated = root.call.elevated().unwrap();
    let test = async |to: &str| mail::test(stage.s(), &root.call, &elevated, to).await;
    assert_eq!(test("ops@example.com").await.unwrap_err().code, "MAIL-001");
    with_mail(&stage, &root).await;
    assert_eq!(
        test("ops\r\nBcc: x@example.com").await.unwrap_err().fields[0].field,
        "to"
    );
    let delivered = test("ops@example.com").await.unwrap();
    assert_eq!(
        (delivered.code, delivered.tls.as_deref()),
        (250, Some("TLS 1.3"))
    );
    stage.world.mail.answers(&[Answers::Later]);
    assert_eq!(test("ops@example.com").await.unwrap_err().code, "MAIL-016");
    let record = stage.record("mail.test").await;
    assert_eq!(
        (record.len(), record[0].event.detail["code"].as_str()),
        (2, Some("MAIL-016"))
    );
    assert_eq!(
        round(&stage).await,
        Worked::default(),
        "a test is no part of the queue"
    );
}

#[tokio::test]
async fn a_message_is_written_with_what_causes_it_and_leaves_afterwards() {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    let ada = person(&stage, "ada", &[]).await;
    happens(&stage, &root, &ada).await;
    assert_eq!(
        arrives(&stage).await,
        [],
        "no server is entered: nothing waits for one"
    );
    with_mail(&stage, &root).await;
    let elevated = root.call.elevated().unwrap();
    let refused = users::remove_local_password(stage.s(), &root.call, None, root.id).await;
    assert!(refused.is_err(), "what fails tells nobody");
    assert_eq!(arrives(&stage).await, []);
    happens(&stage, &root, &ada).await;
    assert_eq!(
        mail::show(stage.s(), &root.call)
            .await
            .unwrap()
            .queue
            .waiting,
        1
    );
    let raw = String::from_utf8_lossy(&stage.world.raw()).into_owned();
    assert!(!raw.contains("asks you to choose"), "what waits is sealed");
    let letters = arrives(&stage).await;
    assert_eq!(
        (letters.len(), letters[0].to.as_str()),
        (1, "ada@example.com")
    );
    assert!(
        letters[0]
            .text
            .contains("root asks you to choose a new password")
    );
    assert_eq!(arrives(&stage).await, [], "once");
    mail::remove(stage.s(), &root.call, &elevated)
        .await
        .unwrap();
    assert_eq!(
        mail::remove(stage.s(), &root.call, &elevated)
            .await
            .unwrap_err()
            .code,
        "MAIL-001"
    );
}

#[tokio::test]
async fn what_does_not_leave_is_tried_again_later_under_the_same_id_and_given_up_in_the_end() {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    let ada = person(&stage, "ada", &[]).await;
    with_mail(&stage, &root).await;
    happens(&stage, &root, &ada).await;
    stage
        .world
        .mail
        .answers(&[Answers::TakesAndIsCutOff, Answers::Later]);
    assert_eq!(
        round(&stage).await,
        Worked {
            again: 1,
            ..Worked::default()
        }
    );
    assert_eq!(round(&stage).await, Worked::default(), "not at once");
    let queue = mail::show(stage.s(), &root.call).await.unwrap().queue;
    assert_eq!(
        (queue.waiting, queue.last_error.as_deref()),
        (1, Some("MAIL-017: The mail server says something else."))
    );
    stage.forward(61);
    assert_eq!(round(&stage).await.again, 1);
    stage.forward(60);
    assert_eq!(
        round(&stage).await,
        Worked::default(),
        "it waits longer each time"
    );
    stage.forward(61);
    assert_eq!(round(&stage).await.sent, 1);
    let ids: Vec<_> = stage
        .world
        .mail
        .taken()
        .iter()
        .map(|letter| letter.id)
        .collect();
    assert_eq!(
        (ids.len(), ids[0]),
        (2, ids[1]),
        "who gets it twice sees it once"
    );
    happens(&stage, &root, &ada).await;
    stage.world.mail.answers(&[Answers::Never]);
    assert_eq!(round(&stage).await.dropped, 1);
    let queue = mail::show(stage.s(), &root.call).await.unwrap().queue;
    assert_eq!((queue.waiting, queue.dropped), (0, 1));
    assert!(queue.dropped_error.unwrap().starts_with("MAIL-015"));
    let record = stage.record("mail.dropped").await;
    assert_eq!(
        (record.len(), record[0].event.detail["code"].as_str()),
        (1, Some("MAIL-015"))
    );
    assert_eq!(round(&stage).await, Worked::default());
}

#[tokio::test]
async fn a_message_that_became_too_old_is_given_up() {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    let ada = person(&stage, "ada", &[]).await;
    with_mail(&stage, &root).await;
    happens(&stage, &root, &ada).await;
    stage.forward(3 * 24 * 3600);
    assert_eq!(
        round(&stage).await,
        Worked {
            dropped: 1,
            ..Worked::default()
        }
    );
    assert_eq!(stage.world.mail.taken(), []);
}

#[tokio::test]
async fn two_nodes_send_a_message_once() {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    with_mail(&stage, &root).await;
    for name in ["ada", "bob", "cleo"] {
        let person = person(&stage, name, &[]).await;
        happens(&stage, &root, &person).await;
    }
    let other = stage.world.another_node().await.unwrap();
    let (here, there) = tokio::join!(
        outbox::work(stage.s(), stage.now()),
        outbox::work(&other, stage.now())
    );
    assert_eq!(here.unwrap().sent + there.unwrap().sent, 3);
    let mut ids: Vec<_> = stage
        .world
        .mail
        .taken()
        .iter()
        .map(|letter| letter.id)
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 3);
}

#[tokio::test]
async fn a_node_that_dies_leaves_the_message_to_the_next_one() {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    let ada = person(&stage, "ada", &[]).await;
    with_mail(&stage, &root).await;
    happens(&stage, &root, &ada).await;
    let due = muster_storage::outbox::due(stage.s().db(), stage.now(), 9)
        .await
        .unwrap();
    let tx = stage.s().db().begin().await.unwrap();
    let until = stage.now() + chrono::TimeDelta::minutes(2);
    assert!(
        muster_storage::outbox::lease(&tx, due[0].id, "dead", stage.now(), until)
            .await
            .unwrap()
    );
    tx.commit_quiet(muster_storage::Quiet::Mail).await.unwrap();
    assert_eq!(
        round(&stage).await,
        Worked::default(),
        "the other one has it"
    );
    stage.forward(121);
    assert_eq!(round(&stage).await.sent, 1);
    let tx = stage.s().db().begin().await.unwrap();
    assert!(
        !muster_storage::outbox::sent(&tx, due[0].id, "dead")
            .await
            .unwrap()
    );
}

#[tokio::test]
async fn many_wrong_passwords_are_told_to_the_owner_once_a_day() {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    person(&stage, "ada", &[]).await;
    with_mail(&stage, &root).await;
    for address in ["192.0.2.1", "192.0.2.2", "192.0.2.3"] {
        for name in ["ada", "nobody"] {
            for _ in 0..2 {
                let mut call = stage.world.anonymous();
                call.address = Some(address.parse().unwrap());
                let typed =
                    muster_services::password::sign_in(stage.s(), &call, name, "wrong").await;
                assert_eq!(typed.unwrap_err().code, "AUTH-001");
            }
        }
    }
    let letters = arrives(&stage).await;
    assert_eq!(
        (letters.len(), letters[0].to.as_str()),
        (1, "ada@example.com")
    );
    assert!(
        letters[0].text.contains("6 wrong passwords"),
        "{}",
        letters[0].text
    );
    assert_eq!(stage.record("signin.suspicious").await.len(), 1);
    stage.forward(60);
    assert_eq!(arrives(&stage).await, []);
    stage.forward(QUARTER);
    assert_eq!(arrives(&stage).await, []);
}

#[tokio::test]
async fn people_are_told_when_their_ways_in_or_their_address_change() {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    let ada = person(&stage, "ada", &[]).await;
    with_mail(&stage, &root).await;
    let elevated = root.call.elevated().unwrap();
    let subjects = async || -> Vec<(String, String)> {
        arrives(&stage)
            .await
            .into_iter()
            .map(|letter| (letter.to, letter.subject))
            .collect()
    };
    let to_ada = |subject: &str| [("ada@example.com".to_owned(), subject.to_owned())];
    let identity = users::Identity {
        provider: stage.provider("corp").await.id,
        issuer: crate::stage::CORP.to_owned(),
        subject: "ada-at-corp".to_owned(),
    };
    stage.forward(1);
    users::link_identity(stage.s(), &root.call, Some(&elevated), ada.id, &identity)
        .await
        .unwrap();
    assert_eq!(
        subjects().await,
        [] as [(String, String); 0],
        "made and linked in the same instant"
    );
    users::unlink_identity(stage.s(), &root.call, Some(&elevated), ada.id, &identity)
        .await
        .unwrap();
    assert_eq!(
        subjects().await,
        to_ada("An identity was unlinked from your account")
    );
    let later = muster_services::Call {
        at: stage.now(),
        ..root.call.clone()
    };
    users::link_identity(stage.s(), &later, Some(&elevated), ada.id, &identity)
        .await
        .unwrap();
    assert_eq!(
        subjects().await,
        to_ada("An identity was linked to your account")
    );
    let new = SecretString::from(crate::letters::NEW);
    users::set_local_password(stage.s(), &root.call, Some(&elevated), ada.id, &new)
        .await
        .unwrap();
    assert_eq!(subjects().await, to_ada("A password was set for you"));
    users::remove_local_password(stage.s(), &root.call, Some(&elevated), ada.id)
        .await
        .unwrap();
    assert_eq!(subjects().await, to_ada("Your password was removed"));
    let fields = users::checked_fields("ada", "Ada", "lovelace@example.com").unwrap();
    users::edit(stage.s(), &root.call, ada.id, &fields)
        .await
        .unwrap();
    let mut told = subjects().await;
    told.sort();
    let words = "Your e-mail address was changed".to_owned();
    assert_eq!(
        told,
        [
            ("ada@example.com".to_owned(), words.clone()),
            ("lovelace@example.com".to_owned(), words)
        ]
    );
}

#[tokio::test]
async fn w28_the_other_administrators_are_written_to_when_a_break_glass_account_is_used() {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    let glass = person(&stage, "glass", &[Role::Superadmin]).await;
    for (name, role) in [
        ("adam", Role::Admin),
        ("helen", Role::Helpdesk),
        ("olga", Role::Superadmin),
    ] {
        person(&stage, name, &[role]).await;
    }
    with_mail(&stage, &root).await;
    let elevated = root.call.elevated().unwrap();
    users::set_break_glass(
        stage.s(),
        &root.call,
        &elevated,
        glass.id,
        users::BreakGlass::Yes,
    )
    .await
    .unwrap();
    assert!(crate::letters::enters(&stage, "glass", crate::letters::OLD).await);
    let letters = arrives(&stage).await;
    let mut to: Vec<&str> = letters.iter().map(|letter| letter.to.as_str()).collect();
    to.sort_unstable();
    assert_eq!(to, ["adam@example.com", "olga@example.com"]);
    assert!(letters[0].text.contains("the break-glass account glass"));
}

/// A privileged person's address is where links go: changing it takes the presence that their other ways in take.
#[tokio::test]
async fn the_address_of_somebody_with_a_role_takes_a_secure_session_once_links_go_to_it() {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    let adam = stage.world.persona("adam", &[Role::Admin]).await.unwrap();
    let helen = person(&stage, "helen", &[Role::Helpdesk]).await;
    with_mail(&stage, &root).await;
    let fields = users::checked_fields("helen", "Helen", "adam@evil.example").unwrap();
    let refused = users::edit(stage.s(), &adam.call, helen.id, &fields).await;
    assert_eq!(refused.unwrap_err().code, "ELV-001");
    let adam = stage.world.elevate(&adam).await.unwrap();
    users::edit(stage.s(), &adam.call, helen.id, &fields)
        .await
        .unwrap();
}
