//! What goes wrong at one message, one wish or one password keeps nothing else from leaving.

use muster_services::{forced, mail, reset};
use muster_storage::{Quiet, reset_wishes, settings};
use serde_json::{Value, json};

use crate::letters::{person, root, round, with_mail};
use crate::stage::Stage;

async fn set(stage: &Stage, name: &str, value: &Value) {
    let tx = stage.s().db().begin().await.unwrap();
    settings::set(&tx, name, value).await.unwrap();
    tx.commit_quiet(Quiet::Expired).await.unwrap();
}

#[tokio::test]
async fn a_password_that_does_not_open_is_told_and_everything_waits_for_another() {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    let ada = person(&stage, "ada", &[]).await;
    with_mail(&stage, &root).await;
    let elevated = root.call.elevated().unwrap();
    forced::want(stage.s(), &root.call, Some(&elevated), ada.id)
        .await
        .unwrap();
    let server = crate::letters::server();
    set(
        &stage,
        "mail.server",
        &json!({"server": server, "password": "sealed elsewhere"}),
    )
    .await;
    assert_eq!(round(&stage).await.again, 1);
    let queue = mail::show(stage.s(), &root.call).await.unwrap().queue;
    assert_eq!(queue.waiting, 1);
    assert!(queue.last_error.unwrap().starts_with("MAIL-022"));
    let tested = mail::test(stage.s(), &root.call, &elevated, "ops@example.com").await;
    assert_eq!(tested.unwrap_err().code, "MAIL-022");
    assert_eq!(stage.world.mail.shown(), []);
    with_mail(&stage, &root).await;
    stage.forward(61);
    assert_eq!(round(&stage).await.sent, 1);
}

#[tokio::test]
async fn a_wish_that_cannot_be_settled_is_forgotten_and_messages_leave() {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    let ada = person(&stage, "ada", &[]).await;
    with_mail(&stage, &root).await;
    let elevated = root.call.elevated().unwrap();
    forced::want(stage.s(), &root.call, Some(&elevated), ada.id)
        .await
        .unwrap();
    reset::ask(stage.s(), &stage.world.anonymous(), "ada")
        .await
        .unwrap();
    // No link can be written, nor anything else with the address of the console in it.
    set(&stage, "site.url", &json!(7)).await;
    assert_eq!(round(&stage).await.sent, 1);
    let kept = stage.world.mail.taken();
    assert!(kept.iter().all(|letter| !letter.text.contains("code=")));
    let waiting = reset_wishes::newest(stage.s().db(), 9).await.unwrap();
    assert_eq!(waiting, []);
    assert_eq!(stage.record("password.asked").await.len(), 0);
}
