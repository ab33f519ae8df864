//! Receipts of secure sessions, whatever proved presence: kept, exchanged once, seen by their owner, exported.

use futures::StreamExt as _;
use muster_domain::reauth::Verdict;
use muster_domain::role::Role;
use muster_domain::session::{Means, ProofKind};
use muster_services::elevation::{self, Aim};
use muster_services::factors;
use muster_services::password;
use muster_services::reauth::{self, Goal};
use muster_services::receipts::{document, export};
use muster_services::sessions::{self, Receipt, ReceiptFilter};
use muster_storage::Paging;
use muster_testing::Persona;

use crate::factor::{PASSWORD, add, internal};
use crate::stage::Stage;

async fn own(stage: &Stage, who: &Persona) -> Vec<Receipt> {
    let filter = ReceiptFilter {
        user: Some(who.id),
        ..ReceiptFilter::default()
    };
    let page = sessions::receipts(stage.s(), &who.call, &filter, &Paging::default()).await;
    page.unwrap().rows
}

#[tokio::test]
async fn a_password_with_a_second_factor_leaves_a_receipt_with_its_evidence() {
    let stage = Stage::set().await;
    let bob = internal(&stage, "bob", &[Role::Auditor]).await;
    let (app, ..) = add(&stage, &bob, "Phone").await;
    let bob = stage.session("bob", bob.id, &Means::Password).await;
    assert!(own(&stage, &bob).await.is_empty());
    let code = app.shows(&stage);
    let user = &bob.call.signed_in().unwrap().user;
    let checked = factors::check(stage.s(), &bob.call, user, &code)
        .await
        .unwrap();
    let proof = password::prove(stage.s(), &bob.call, PASSWORD)
        .await
        .unwrap();
    let proof = proof.with_factor(checked).unwrap();
    let rotated = stage.world.rotate(&bob).await.unwrap();
    let aim = Aim {
        action: Some("grant a role"),
        reason: None,
    };
    let elevation = elevation::grant(stage.s(), &bob.call, proof, &rotated, aim)
        .await
        .unwrap();
    let all = own(&stage, &bob).await;
    assert_eq!(all.len(), 1);
    let receipt = &all[0];
    assert_eq!((receipt.provider, receipt.verdict), (None, Verdict::Fresh));
    assert_eq!(receipt.action.as_deref(), Some("grant a role"));
    let earned = receipt.earned.unwrap();
    assert_eq!(
        (earned.elevation, earned.proof),
        (elevation.to_row().id, ProofKind::PasswordAndFactor)
    );
    let told = document(receipt).to_string();
    for part in [
        "Password",
        "a code of “Phone”",
        "\"user\":\"bob\"",
        "password_and_factor",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert!(!told.contains(PASSWORD) && !told.contains(&code));
    // The log names the receipt, and the receipt the secure session.
    let event = &stage.record("elevation.grant").await[0].event;
    assert_eq!(event.detail["receipt"], serde_json::json!(receipt.id));
    assert_eq!(event.target_id, Some(earned.elevation.0));
    // It is its owner's, and of whoever sees everybody's.
    let eve = internal(&stage, "eve", &[Role::Helpdesk]).await;
    let foreign = reauth::receipt(stage.s(), &eve.call, receipt.id).await;
    assert_eq!(foreign.unwrap_err().code, "WEB-404");
    let audrey = internal(&stage, "audrey", &[Role::Auditor]).await;
    let chunks = export(stage.s(), &audrey.call, ReceiptFilter::default()).await;
    let chunks: Vec<_> = chunks.unwrap().collect().await;
    let file: String = chunks.into_iter().map(Result::unwrap).collect();
    assert_eq!(file, format!("{}\n", document(receipt)));
}

#[tokio::test]
async fn w21_an_answer_is_exchanged_for_one_secure_session() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[Role::Admin]).await;
    let judged = stage.proves(&ada, Goal::Elevate).await;
    let (call, key) = (stage.call(&ada).await, stage.key(&ada));
    let proof = judged.proof.unwrap();
    let grant = async || {
        let granted = elevation::grant(stage.s(), &call, proof.clone(), &key, Aim::default()).await;
        granted.map_err(|error| error.code)
    };
    let granted = grant().await.unwrap();
    assert_eq!(grant().await.unwrap_err(), "ELV-002");
    let receipt = own(&stage, &ada).await.pop().unwrap();
    assert_eq!(receipt.id, judged.receipt.id);
    assert_eq!(receipt.subject.as_deref(), Some("ada"));
    let earned = receipt.earned.unwrap();
    assert_eq!(
        (earned.elevation, earned.proof),
        (granted.to_row().id, ProofKind::Fresh)
    );
    assert_eq!(stage.record("elevation.grant").await.len(), 1);
}
