//! What the tests of mail share: a server that is entered, and people with addresses and passwords.

use muster_domain::mail::{Encryption, Letter, Server};
use muster_domain::opener::Openers;
use muster_domain::role::Role;
use muster_services::outbox::{self, Worked};
use muster_services::{mail, password};
use muster_storage::credentials;
use muster_testing::Persona;
use secrecy::SecretString;

use crate::stage::Stage;

pub const OLD: &str = "harvest copper lantern drizzle";
pub const NEW: &str = "marble otter umbrella 77 station";
pub const SMTP: &str = "smtp-s3cret-of-the-server";

pub fn server() -> Server {
    Server {
        host: "smtp.example.com".to_owned(),
        port: 587,
        encryption: Encryption::Starttls,
        ca: None,
        username: Some("muster".to_owned()),
        sender: "muster@example.com".to_owned(),
        sender_name: "Muster".to_owned(),
    }
}

/// A superadmin in a secure session, without an address: what is mailed to others is all that is mailed.
pub async fn root(stage: &Stage) -> Persona {
    let persona = stage
        .world
        .persona("root", &[Role::Superadmin])
        .await
        .unwrap();
    let tx = stage.s().db().begin().await.unwrap();
    let mut user = muster_storage::users::get(&tx, persona.id)
        .await
        .unwrap()
        .unwrap();
    user.email = None;
    muster_storage::users::update(&tx, &user).await.unwrap();
    tx.commit_quiet(muster_storage::Quiet::Expired)
        .await
        .unwrap();
    stage.world.elevate(&persona).await.unwrap()
}

/// Enters a mail server.
pub async fn with_mail(stage: &Stage, root: &Persona) {
    let elevated = root.call.elevated().unwrap();
    let password = SecretString::from(SMTP);
    mail::save(stage.s(), &root.call, &elevated, server(), Some(&password))
        .await
        .unwrap();
}

/// Somebody with an internal account, the address `name@example.com` and the password [`OLD`], signed in.
pub async fn person(stage: &Stage, name: &str, roles: &[Role]) -> Persona {
    let persona = stage.world.persona(name, roles).await.unwrap();
    let hash = password::make(stage.s(), OLD, &[]).await.unwrap();
    let tx = stage.s().db().begin().await.unwrap();
    credentials::set_password(
        &tx,
        persona.id,
        &hash,
        None,
        &Openers::nobody(),
        stage.now(),
    )
    .await
    .unwrap();
    tx.commit_quiet(muster_storage::Quiet::Expired)
        .await
        .unwrap();
    persona
}

/// One round of the background.
pub async fn round(stage: &Stage) -> Worked {
    outbox::work(stage.s(), stage.now()).await.unwrap()
}

/// What arrives in one round.
pub async fn arrives(stage: &Stage) -> Vec<Letter> {
    round(stage).await;
    stage.world.mail.taken()
}

/// The token of the link in a message.
pub fn token(letter: &Letter) -> String {
    let (_, rest) = letter.text.split_once("/reset?code=").unwrap();
    rest.chars().take_while(|c| !c.is_whitespace()).collect()
}

/// Whether name and password get in.
pub async fn enters(stage: &Stage, name: &str, typed: &str) -> bool {
    let call = stage.world.anonymous();
    password::sign_in(stage.s(), &call, name, typed)
        .await
        .is_ok()
}
