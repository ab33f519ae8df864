//! Re-authentication under attack: answers crossed, replayed, brought by somebody else, too late, or counted twice.

use muster_domain::protocol::Returned;
use muster_domain::reauth::Verdict;
use muster_domain::role::Role;
use muster_domain::session::Means;
use muster_services::reauth::{self, Goal, Intent};
use muster_services::{Call, signin};
use muster_testing::{Persona, Says};
use serde_json::json;

use crate::stage::{Stage, state_of};

/// A person who asked with force, and the answer of a provider where they signed in again.
async fn asked(stage: &Stage, ada: &Persona) -> Returned {
    stage.forward(60);
    let intent = stage.ready(ada, Goal::Elevate).await;
    let to = stage.leg(ada, &intent).await;
    stage.forward(10);
    let says = Says::Claims(stage.claims("ada", 0));
    stage.world.idp.answers(&to, says)
}

async fn nobody_is_elevated(stage: &Stage) {
    let running = muster_storage::elevations::list_running(stage.s().db(), stage.now()).await;
    assert!(running.unwrap().is_empty());
}

#[tokio::test]
async fn two_begun_at_once_with_their_answers_crossed_prove_nothing() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    stage.forward(60);
    let first = stage.intent(&ada, "corp", Goal::Elevate).await.unwrap();
    let first = stage.good_control(&ada, &first).await;
    let second = stage.intent(&ada, "corp", Goal::Elevate).await.unwrap();
    let (a, b) = (
        stage.leg(&ada, &first).await,
        stage.leg(&ada, &second).await,
    );
    stage.forward(10);
    let says = || Says::Claims(stage.claims("ada", 0));
    let (to_a, to_b) = (
        stage.world.idp.answers(&a, says()),
        stage.world.idp.answers(&b, says()),
    );
    for crossed in [
        Returned {
            state: state_of(&b),
            ..to_a
        },
        Returned {
            state: state_of(&a),
            ..to_b
        },
    ] {
        let outcome = stage.brings(&ada, "corp", &crossed).await.unwrap();
        let judged = stage.judged(outcome).await;
        assert_eq!(
            (judged.receipt.verdict, judged.proof),
            (Verdict::Malformed, None)
        );
    }
    nobody_is_elevated(&stage).await;
}

#[tokio::test]
async fn the_answer_to_a_control_is_no_answer_to_the_forced_question() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    stage.forward(60);
    let intent = stage.intent(&ada, "corp", Goal::Elevate).await.unwrap();
    let control = stage.leg(&ada, &intent).await;
    let after = stage.good_control(&ada, &intent).await;
    let forced = stage.leg(&ada, &after).await;
    stage.forward(10);
    let back = stage
        .world
        .idp
        .answers(&control, Says::Claims(stage.claims("ada", 0)));
    let crossed = Returned {
        state: state_of(&forced),
        ..back
    };
    let outcome = stage.brings(&ada, "corp", &crossed).await.unwrap();
    let judged = stage.judged(outcome).await;
    assert_eq!(
        (judged.receipt.verdict, judged.proof),
        (Verdict::Malformed, None)
    );
}

#[tokio::test]
async fn w21_an_answer_counts_once() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let back = asked(&stage, &ada).await;
    let outcome = stage.brings(&ada, "corp", &back).await.unwrap();
    let judged = stage.judged(outcome).await;
    assert_eq!(judged.receipt.verdict, Verdict::Fresh);
    let error = stage.brings(&ada, "corp", &back).await.unwrap_err();
    assert_eq!(error.code, "AUTH-016");
}

/// Asks again with force; the provider sends straight back with what it stated before.
async fn bounce(stage: &Stage, ada: &Persona, intent: &Intent, stated: i64) -> Verdict {
    let judged = stage
        .force(ada, intent, |_| {
            Says::Claims(json!({"sub": "ada", "auth_time": stated}))
        })
        .await;
    assert_eq!(
        judged.proof.is_some(),
        judged.receipt.verdict == Verdict::Fresh
    );
    judged.receipt.verdict
}

#[tokio::test]
async fn w21_a_sign_in_that_proved_presence_once_proves_it_no_second_time() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let judged = stage.proves(&ada, Goal::Elevate).await;
    let stated = judged.receipt.stated_at.unwrap().timestamp();
    let intent = stage.intent(&ada, "corp", Goal::Elevate).await.unwrap();
    assert_eq!(bounce(&stage, &ada, &intent, stated).await, Verdict::Stale);
    // Sent straight back means sent straight back, however often it was called off in between.
    for _ in 0..11 {
        stage.forward(1);
        let intent = stage.intent(&ada, "corp", Goal::Elevate).await.unwrap();
        let to = stage.leg(&ada, &intent).await;
        let back = stage
            .world
            .idp
            .answers(&to, Says::Error("access_denied", None));
        stage.brings(&ada, "corp", &back).await.unwrap();
    }
    let intent = stage.intent(&ada, "corp", Goal::Elevate).await.unwrap();
    assert!(intent.signed_in.unwrap().timestamp() >= stated);
    assert_eq!(bounce(&stage, &ada, &intent, stated).await, Verdict::Stale);
}

#[tokio::test]
async fn w21_nor_does_it_when_the_second_was_begun_before_the_first_was_answered() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    stage.forward(60);
    let begun = stage.intent(&ada, "corp", Goal::Elevate).await.unwrap();
    let begun = stage.good_control(&ada, &begun).await;
    let judged = stage.proves(&ada, Goal::Elevate).await;
    assert_eq!(judged.receipt.verdict, Verdict::Fresh);
    let stated = judged.receipt.stated_at.unwrap().timestamp();
    assert_eq!(bounce(&stage, &ada, &begun, stated).await, Verdict::Stale);
}

#[tokio::test]
async fn w21_a_sign_in_made_for_a_test_proves_no_presence_afterwards() {
    let stage = Stage::set().await;
    let adam = stage.person("ada", &[Role::Admin]).await;
    let judged = stage.proves(&adam, Goal::Test).await;
    let stated = judged.receipt.stated_at.unwrap().timestamp();
    let intent = stage.intent(&adam, "corp", Goal::Elevate).await.unwrap();
    assert_eq!(bounce(&stage, &adam, &intent, stated).await, Verdict::Stale);
}

#[tokio::test]
async fn w22_the_answer_of_another_session_is_refused() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let means = ada.call.signed_in().unwrap().session.means.clone();
    let elsewhere = stage.session("ada", ada.id, &means).await;
    let back = asked(&stage, &ada).await;
    let error = stage.brings(&elsewhere, "corp", &back).await.unwrap_err();
    assert_eq!(error.code, "AUTH-011");
    // Even if the edge mixed up which browser it is, the judge looks at the session of the call.
    let back = asked(&stage, &ada).await;
    let call = stage.call(&elsewhere).await;
    let arrived = signin::complete(stage.s(), &call, "corp", Some(&stage.key(&ada)), &back).await;
    let signin::Arrived::Reauth { outcome, .. } = arrived.unwrap() else {
        panic!("no re-authentication");
    };
    let judged = stage.judged(outcome).await;
    assert_eq!(
        (judged.receipt.verdict, judged.proof),
        (Verdict::Malformed, None)
    );
    nobody_is_elevated(&stage).await;
}

#[tokio::test]
async fn w18_the_answer_to_somebody_elses_question_is_refused() {
    let stage = Stage::set().await;
    let (ada, eve) = (
        stage.person("ada", &[]).await,
        stage.person("eve", &[]).await,
    );
    let back = asked(&stage, &ada).await;
    let call: Call = stage.call(&eve).await;
    let error = signin::complete(stage.s(), &call, "corp", Some(&stage.key(&ada)), &back).await;
    assert_eq!(error.unwrap_err().code, "AUTH-014");
    let back = asked(&stage, &ada).await;
    let nobody = stage.world.anonymous();
    let error = signin::complete(stage.s(), &nobody, "corp", Some(&stage.key(&ada)), &back).await;
    assert_eq!(error.unwrap_err().code, "WEB-401");
    assert!(stage.record("reauth.").await.is_empty());
}

#[tokio::test]
async fn w22_the_answer_of_another_provider_is_refused() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let back = asked(&stage, &ada).await;
    let error = stage.brings(&ada, "other", &back).await.unwrap_err();
    assert_eq!(error.code, "AUTH-012");
    // A code that another provider gave, under the right address: its tokens answer nothing here.
    let forced = asked(&stage, &ada).await;
    let other = stage.leaves("other", &stage.key(&ada)).await;
    let evil = stage
        .world
        .idp
        .answers(&other, Says::Claims(stage.claims("ada", 0)));
    let crossed = Returned {
        state: forced.state,
        ..evil
    };
    let outcome = stage.brings(&ada, "corp", &crossed).await.unwrap();
    let judged = stage.judged(outcome).await;
    assert_eq!(
        (judged.receipt.verdict, judged.proof),
        (Verdict::Malformed, None)
    );
}

#[tokio::test]
async fn an_answer_after_ten_minutes_or_before_the_question_proves_nothing() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let back = asked(&stage, &ada).await;
    stage.forward(590);
    let error = stage.brings(&ada, "corp", &back).await.unwrap_err();
    assert_eq!(error.code, "AUTH-017");
    // R15: the clock was set back while the browser was away.
    let back = asked(&stage, &ada).await;
    stage.forward(-120);
    let outcome = stage.brings(&ada, "corp", &back).await.unwrap();
    let judged = stage.judged(outcome).await;
    assert_eq!(
        (judged.receipt.verdict, judged.proof),
        (Verdict::Malformed, None)
    );
}

#[tokio::test]
async fn o81_a_provider_that_is_switched_off_proves_no_presence() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[Role::Admin]).await;
    let back = asked(&stage, &ada).await;
    stage.switch("corp", false).await;
    let error = stage.brings(&ada, "corp", &back).await.unwrap_err();
    assert_eq!(error.code, "AUTH-013");
    let error = stage.intent(&ada, "corp", Goal::Elevate).await.unwrap_err();
    assert_eq!(error.code, "AUTH-013");
    let ways = reauth::ways(stage.s(), &stage.call(&ada).await)
        .await
        .unwrap();
    assert!(ways.is_empty());
    // To learn what it proves is allowed before it is switched on.
    let judged = stage.proves(&ada, Goal::Test).await;
    assert_eq!(judged.receipt.verdict, Verdict::Fresh);
}

#[tokio::test]
async fn only_who_is_known_at_the_provider_can_prove_presence_there() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let error = stage
        .intent(&ada, "other", Goal::Elevate)
        .await
        .unwrap_err();
    assert_eq!(error.code, "ELV-004");
    let error = stage.intent(&ada, "corp", Goal::Test).await.unwrap_err();
    assert_eq!(error.code, "WEB-403");
    let error = stage
        .intent(&ada, "nowhere", Goal::Elevate)
        .await
        .unwrap_err();
    assert_eq!(error.code, "WEB-404");
    let anonymous = stage.world.anonymous();
    let error = reauth::begin(
        stage.s(),
        &anonymous,
        "corp",
        Goal::Elevate,
        None,
        "/",
        None,
    )
    .await;
    assert_eq!(error.unwrap_err().code, "WEB-401");
    let ways = reauth::ways(stage.s(), &ada.call).await.unwrap();
    assert_eq!(
        ways.iter().map(|way| way.slug.as_str()).collect::<Vec<_>>(),
        ["corp"]
    );
}

async fn unlink(stage: &Stage, persona: &Persona) {
    let Means::Provider {
        provider,
        issuer,
        subject,
        ..
    } = persona.call.signed_in().unwrap().session.means.clone()
    else {
        panic!("not by a provider");
    };
    let tx = stage.s().db().begin().await.unwrap();
    muster_storage::subjects::unlink(&tx, provider, &issuer, &subject)
        .await
        .unwrap();
    tx.commit_quiet(muster_storage::Quiet::Expired)
        .await
        .unwrap();
}

#[tokio::test]
async fn an_identity_that_was_unlinked_proves_nothing_any_more_not_even_under_way() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let back = asked(&stage, &ada).await;
    unlink(&stage, &ada).await;
    let outcome = stage.brings(&ada, "corp", &back).await.unwrap();
    let judged = stage.judged(outcome).await;
    assert_eq!(
        (judged.receipt.verdict, judged.proof),
        (Verdict::WrongUser, None)
    );
    let error = stage.intent(&ada, "corp", Goal::Elevate).await.unwrap_err();
    assert_eq!(error.code, "ELV-004");
}

#[tokio::test]
async fn o51_where_to_go_afterwards_and_the_action_are_kept_safe_to_show() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let action = format!("Remove\r\n{}", "x".repeat(300));
    let evil = "//evil.example";
    let begun = reauth::begin(
        stage.s(),
        &ada.call,
        "corp",
        Goal::Elevate,
        None,
        evil,
        Some(&action),
    );
    let intent = begun.await.unwrap();
    assert_eq!(intent.return_to, "/");
    let action = intent.action.unwrap();
    assert_eq!(action.chars().count(), 200);
    assert!(action.starts_with("Removexxx"));
}
