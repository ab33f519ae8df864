//! Links for a new password that admins send or hand over.

use muster_domain::role::Role;
use muster_services::Call;
use muster_services::reset::{self, Made};
use muster_services::users::{self, BreakGlass};
use secrecy::ExposeSecret as _;

use crate::letters::{NEW, OLD, arrives, person, root, token, with_mail};
use crate::reset::{code, link, redeem, staged};
use crate::stage::Stage;

fn handed(made: Made) -> String {
    let Made::Handed { link, .. } = made else {
        panic!("{made:?}")
    };
    let (_, token) = link.expose_secret().split_once("code=").unwrap();
    token.to_owned()
}

#[tokio::test]
async fn an_admin_sends_a_link_or_hands_one_over_and_chooses_no_password() {
    let stage = Stage::set().await;
    let root = root(&stage).await;
    let elevated = root.call.elevated().unwrap();
    let ada = person(&stage, "ada", &[]).await;
    let make = async |call: &Call, id| reset::make_for(stage.s(), call, None, id).await;
    let token = handed(make(&root.call, ada.id).await.unwrap());
    redeem(&stage, &token, NEW).await.unwrap();
    let set_by = muster_storage::credentials::password(stage.s().db(), ada.id)
        .await
        .unwrap()
        .unwrap()
        .set_by;
    assert_eq!(
        set_by.as_deref(),
        Some("root"),
        "whoever hands a link over could have opened it"
    );
    with_mail(&stage, &root).await;
    assert!(
        matches!(make(&root.call, ada.id).await.unwrap(), Made::Sent(to) if to == "ada@example.com")
    );
    let letters = arrives(&stage).await;
    assert!(letters[0].text.contains("root sends you a link"));
    redeem(&stage, &crate::letters::token(&letters[0]), OLD)
        .await
        .unwrap();
    let set_by = muster_storage::credentials::password(stage.s().db(), ada.id)
        .await
        .unwrap()
        .unwrap()
        .set_by;
    assert_eq!(set_by, None, "a link in the person's mailbox is theirs");
    assert_eq!(code(make(&root.call, root.id).await), "PWD-007");
    let helen = stage
        .world
        .persona("helen", &[Role::Helpdesk])
        .await
        .unwrap();
    assert_eq!(code(make(&helen.call, ada.id).await), "WEB-403");
    let adam = stage.world.persona("adam", &[Role::Admin]).await.unwrap();
    assert_eq!(
        code(make(&adam.call, helen.id).await),
        "ELV-001",
        "for whoever holds a role"
    );
    assert_eq!(code(make(&adam.call, root.id).await), "ROLE-002");
    let glass = person(&stage, "glass", &[Role::Superadmin]).await;
    users::set_break_glass(stage.s(), &root.call, &elevated, glass.id, BreakGlass::Yes)
        .await
        .unwrap();
    assert_eq!(
        code(reset::make_for(stage.s(), &root.call, Some(&elevated), glass.id).await),
        "PWD-004"
    );
    users::deactivate(stage.s(), &root.call, ada.id, "left")
        .await
        .unwrap();
    assert_eq!(code(make(&root.call, ada.id).await), "PWD-003");
}

#[tokio::test]
async fn a_link_of_an_admin_is_void_once_the_person_gained_a_role() {
    let stage = Stage::set().await;
    let adam = stage.world.persona("adam", &[Role::Admin]).await.unwrap();
    let ada = person(&stage, "ada", &[]).await;
    let token = handed(
        reset::make_for(stage.s(), &adam.call, None, ada.id)
            .await
            .unwrap(),
    );
    stage
        .world
        .grant(
            Role::Superadmin,
            muster_domain::membership::Member::User(ada.id),
        )
        .await
        .unwrap();
    assert_eq!(code(redeem(&stage, &token, NEW).await), "RST-010");
    // Of somebody who held one already, made in a secure session: void with a greater one, not by itself.
    let adam = stage.world.elevate(&adam).await.unwrap();
    let elevated = adam.call.elevated().unwrap();
    let helen = person(&stage, "helen", &[Role::Helpdesk]).await;
    let make = async || {
        let made = reset::make_for(stage.s(), &adam.call, Some(&elevated), helen.id).await;
        handed(made.unwrap())
    };
    redeem(&stage, &make().await, NEW).await.unwrap();
    let token = make().await;
    stage
        .world
        .grant(
            Role::Superadmin,
            muster_domain::membership::Member::User(helen.id),
        )
        .await
        .unwrap();
    assert_eq!(code(redeem(&stage, &token, OLD).await), "RST-010");
}

#[tokio::test]
async fn w49_whoever_asks_in_somebodys_name_ends_no_link_that_an_admin_sent() {
    let (stage, root) = staged().await;
    let ada = person(&stage, "ada", &[]).await;
    let made = reset::make_for(stage.s(), &root.call, None, ada.id).await;
    assert!(matches!(made, Ok(Made::Sent(_))), "{made:?}");
    let sent = token(&arrives(&stage).await[0]);
    let asked = link(&stage, "ada").await;
    assert_ne!(sent, asked);
    redeem(&stage, &sent, NEW).await.unwrap();
    assert_eq!(code(redeem(&stage, &asked, OLD).await), "RST-010");
}

#[tokio::test]
async fn an_address_that_links_go_to_is_a_way_in_and_entered_with_presence_alone() {
    let (stage, root) = staged().await;
    let helen = person(&stage, "helen", &[Role::Helpdesk]).await;
    let adam = stage.world.persona("adam", &[Role::Admin]).await.unwrap();
    let write = async |call: &Call, name: &str, email: &str| {
        let fields = users::checked_fields("helen", name, email).unwrap();
        code(users::edit(stage.s(), call, helen.id, &fields).await)
    };
    assert_eq!(
        write(&adam.call, "Helen", "adam@example.com").await,
        "ELV-001"
    );
    assert_eq!(
        write(&adam.call, "Helen of the desk", "helen@example.com").await,
        "done",
        "a name is no way in"
    );
    let adam = stage.world.elevate(&adam).await.unwrap();
    assert_eq!(write(&adam.call, "Helen", "hd@example.com").await, "done");
    assert_eq!(write(&root.call, "Helen", "").await, "done");
}
