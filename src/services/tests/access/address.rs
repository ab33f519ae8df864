//! Whoever entered somebody's e-mail address may read what is mailed there: a password that was set by a link to it tells
//! of them, whoever asked for the link or sent it.

use muster_domain::opener::Openers;
use muster_domain::role::Role;
use muster_services::reset::{self, Made};
use muster_services::users;
use muster_storage::credentials;
use muster_testing::{Persona, Says};
use secrecy::SecretString;

use crate::factor::{PASSWORD, internal};
use crate::letters::{NEW, OLD, arrives, enters, token, with_mail};
use crate::openers::{Scene, by, sets_password};
use crate::stage::Stage;

/// Norma has no password and an address that nobody in particular entered; messages are sent.
async fn scene() -> Scene {
    let stage = Stage::set().await;
    let norma = stage.world.user("norma").await.unwrap();
    let sue = internal(&stage, "sue", &[Role::Superadmin]).await;
    let adam = internal(&stage, "adam", &[Role::Admin]).await;
    with_mail(&stage, &sue).await;
    Scene {
        stage,
        sue,
        adam,
        norma,
    }
}

impl Scene {
    async fn enters_address(&self, who: &Persona, address: &str) {
        let fields = users::checked_fields("norma", "norma", address).unwrap();
        users::edit(self.stage.s(), &who.call, self.norma, &fields)
            .await
            .unwrap();
    }

    async fn readers(&self) -> Openers {
        let read = muster_storage::users::email_opened_by(self.stage.s().db(), self.norma);
        read.await.unwrap()
    }

    /// Uses the link that is on its way to `address`; gives who else may know the password.
    async fn redeems_at(&self, address: &str, new: &str) -> Openers {
        let (stage, s) = (&self.stage, self.stage.s());
        let letters = arrives(stage).await;
        let letter = letters
            .iter()
            .find(|letter| letter.to == address && letter.text.contains("/reset?code="))
            .unwrap();
        let call = stage.world.anonymous();
        let opened = reset::open(s, &call, &token(letter)).await.unwrap();
        reset::redeem(s, &call, &opened, &SecretString::from(new))
            .await
            .unwrap();
        assert!(enters(stage, "norma", new).await);
        let stored = credentials::password(s.db(), self.norma).await.unwrap();
        let stored = stored.unwrap();
        assert_eq!(stored.set_by, None, "it was not handed over");
        stored.opened_by
    }

    /// A stranger asks for a link.
    async fn asked(&self, address: &str, new: &str) -> Openers {
        let call = self.stage.world.anonymous();
        reset::ask(self.stage.s(), &call, "norma").await.unwrap();
        self.redeems_at(address, new).await
    }

    async fn sent(&self, who: &Persona, address: &str, new: &str) -> Openers {
        let made = reset::make_for(self.stage.s(), &who.call, None, self.norma).await;
        assert!(matches!(made.unwrap(), Made::Sent(to) if to == address));
        self.redeems_at(address, new).await
    }
}

const ADDRESS: &str = "norma@example.com";
const HIS: &str = "mailbox-of-adam@example.org";

#[tokio::test]
async fn o78_a_password_by_a_link_a_stranger_asked_for_tells_of_whoever_entered_the_address() {
    let scene = scene().await;
    let adam = by(&[scene.adam.id]);
    assert!(scene.asked(ADDRESS, OLD).await.is_nobody());
    assert_eq!(scene.told().await, None);
    scene.enters_address(&scene.adam, HIS).await;
    assert_eq!(scene.asked(HIS, NEW).await, adam);
    let told = scene.told().await.unwrap();
    assert!(
        told.contains("the password of norma was set by a link that was mailed, and adam had a hand in its address"),
        "{told}"
    );
    // Another address takes nothing back; a password by a link to it does, and Sue knows what she entered.
    scene.enters_address(&scene.sue().await, ADDRESS).await;
    assert!(scene.told().await.is_some());
    assert_eq!(scene.asked(ADDRESS, OLD).await, by(&[scene.sue.id]));
    assert_eq!(scene.told().await, None);
}

#[tokio::test]
async fn o78_a_password_by_a_link_that_was_sent_tells_of_who_sent_it_and_who_entered_the_address() {
    let scene = scene().await;
    let both = by(&[scene.adam.id, scene.sue.id]);
    scene.enters_address(&scene.adam, HIS).await;
    let by_adam = scene.sent(&scene.adam, HIS, NEW).await;
    assert_eq!(by_adam, by(&[scene.adam.id]));
    assert!(scene.told().await.unwrap().contains("adam had a hand"));
    // Nor is it Sue's alone if he has her send it.
    assert_eq!(scene.sent(&scene.sue().await, HIS, OLD).await, both);
    let told = scene.told().await.unwrap();
    assert!(told.contains("adam") && !told.contains("sue had"), "{told}");
}

#[tokio::test]
async fn o78_an_address_keeps_who_entered_it_until_somebody_enters_another() {
    let scene = scene().await;
    let (s, adam) = (scene.stage.s(), by(&[scene.adam.id]));
    assert!(scene.readers().await.is_nobody());
    scene.enters_address(&scene.adam, HIS).await;
    assert_eq!(scene.readers().await, adam);
    // The same one, or the same mailbox in other letters, typed by somebody else.
    let sue = scene.sue().await;
    scene.enters_address(&sue, HIS).await;
    assert_eq!(scene.readers().await, adam);
    scene.enters_address(&sue, &HIS.to_uppercase()).await;
    let both = by(&[scene.adam.id, scene.sue.id]);
    assert_eq!(scene.readers().await, both);
    scene.enters_address(&sue, "").await;
    assert!(scene.readers().await.is_nobody());
    // Whoever makes the account enters its address.
    let fields = users::checked_fields("nora", "Nora", "nora@example.com").unwrap();
    let nora = users::create(s, &scene.adam.call, &fields, None).await;
    let of = async |id| {
        muster_storage::users::email_opened_by(s.db(), id)
            .await
            .unwrap()
    };
    assert_eq!(of(nora.unwrap()).await, adam);
}

#[tokio::test]
async fn o78_an_address_of_ones_own_is_as_the_session_it_was_entered_in() {
    let scene = scene().await;
    let (stage, s) = (&scene.stage, scene.stage.s());
    let own = async |who: &Persona, address: &str| {
        let fields = users::checked_fields("adam", "adam", address).unwrap();
        users::edit(s, &who.call, who.id, &fields).await.unwrap();
        let read = muster_storage::users::email_opened_by(s.db(), who.id);
        read.await.unwrap()
    };
    assert!(own(&scene.adam, "one@example.com").await.is_nobody());
    let carl = internal(stage, "carl", &[Role::Admin]).await;
    sets_password(stage, &carl, scene.adam.id, PASSWORD).await;
    let adam = stage.world.sign_in(scene.adam.id, "adam").await.unwrap();
    let adam = stage.world.elevate(&adam).await.unwrap();
    assert_eq!(own(&adam, "two@example.com").await, by(&[carl.id]));
}

#[tokio::test]
async fn o78_an_address_that_a_provider_states_was_entered_by_nobody() {
    let scene = scene().await;
    let claims = serde_json::json!({
        "sub": "jit", "preferred_username": "jit", "name": "Jit", "email": "jit@corp.example",
        "email_verified": true, "auth_time": scene.stage.now().timestamp() - 60,
    });
    let says = Says::Claims(claims);
    scene.stage.signs_in("corp", says).await.unwrap();
    let db = scene.stage.s().db();
    let jit = muster_storage::users::by_username(db, "jit").await.unwrap();
    let jit = jit.unwrap();
    assert_eq!(jit.email.as_deref(), Some("jit@corp.example"));
    let read = muster_storage::users::email_opened_by(db, jit.id).await;
    assert!(read.unwrap().is_nobody());
}
