//! Refused sign-ins on record: the first of them, whoever floods, and all that matters.

use chrono::TimeDelta;
use muster_domain::membership::Member;
use muster_domain::role::Role;
use muster_services::users::{self, BreakGlass, checked_fields};
use muster_services::{Call, password, visit};
use secrecy::SecretString;

use crate::stage::{Stage, browser};

const PASSWORD: &str = "harvest copper lantern drizzle";

fn from(stage: &Stage, address: &str) -> Call {
    Call {
        address: Some(address.parse().unwrap()),
        ..stage.world.anonymous()
    }
}

async fn guesses(stage: &Stage, address: &str, name: &str, many: usize) {
    for _ in 0..many {
        let call = from(stage, address);
        password::sign_in(stage.s(), &call, name, "wrong")
            .await
            .unwrap_err();
    }
}

#[tokio::test]
async fn w60_a_flood_of_wrong_passwords_fills_the_record_of_its_network_alone_and_is_summed_up() {
    let stage = Stage::set().await;
    guesses(&stage, "192.0.2.1", "ada", 100).await;
    assert_eq!(stage.record("signin.refused").await.len(), 40);
    guesses(&stage, "192.0.2.2", "ada", 1).await;
    assert_eq!(stage.record("signin.refused").await.len(), 41);
    stage.world.clock.forward(TimeDelta::minutes(16));
    visit::sweep(stage.s(), stage.now()).await.unwrap();
    let summary = stage.record("signin.refused").await.remove(0).event;
    assert_eq!(summary.detail["more"], 60);
    assert_eq!(summary.address.as_deref(), Some("192.0.2.1"));
    // It is told once, and the network's next refusals go on record again.
    visit::sweep(stage.s(), stage.now()).await.unwrap();
    guesses(&stage, "192.0.2.1", "ada", 1).await;
    assert_eq!(stage.record("signin.refused").await.len(), 43);
}

#[tokio::test]
async fn w60_answers_that_belong_to_no_question_fill_the_record_no_more_than_passwords_do() {
    let stage = Stage::set().await;
    let back = muster_domain::protocol::Returned {
        state: Some("made up".to_owned()),
        ..Default::default()
    };
    for _ in 0..60 {
        let error = stage.comes_back("corp", &browser("a"), &back).await;
        assert_eq!(error.unwrap_err().code, "AUTH-010");
    }
    assert_eq!(stage.record("signin.refused").await.len(), 40);
}

#[tokio::test]
async fn w28_every_refusal_of_a_break_glass_account_is_on_record_whatever_else_is_refused() {
    let stage = Stage::set().await;
    let (s, world) = (stage.s(), &stage.world);
    let fields = checked_fields("ada", "Ada", "").unwrap();
    let right = SecretString::from(PASSWORD);
    let ada = users::create(s, &world.system(), &fields, Some(&right))
        .await
        .unwrap();
    world
        .grant(Role::Superadmin, Member::User(ada))
        .await
        .unwrap();
    let sue = world.persona("sue", &[Role::Superadmin]).await.unwrap();
    let sue = world.elevate(&sue).await.unwrap();
    let proven = sue.call.elevated().unwrap();
    users::set_break_glass(s, &sue.call, &proven, ada, BreakGlass::Yes)
        .await
        .unwrap();
    guesses(&stage, "192.0.2.1", "somebody", 60).await;
    guesses(&stage, "192.0.2.1", "ada", 20).await;
    let rows = stage.record("signin.refused").await;
    let hers = rows.iter().filter(|row| row.event.target == "ada");
    assert_eq!(hers.count(), 20);
    assert_eq!(rows.len(), 60);
}
