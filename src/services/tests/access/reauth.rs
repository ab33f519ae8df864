//! Re-authentication from begin to verdict: every verdict, and what the control is good for.

use muster_domain::calibration::Worth;
use muster_domain::protocol::Purpose;
use muster_domain::reauth::Verdict;
use muster_domain::role::Role;
use muster_domain::{Error, Kind};
use muster_services::reauth::{self, Goal, Leg, ReceiptPurpose, Seen};
use muster_storage::receipts::{self, ReceiptFilter};
use muster_testing::{Persona, Says};
use serde_json::{Value, json};

use crate::stage::{CORP, Judged, Stage, seconds};

/// Control as it should be, then this answer to the forced question.
async fn answered(stage: &Stage, persona: &Persona, says: impl FnOnce(&Stage) -> Says) -> Judged {
    stage.forward(60);
    let intent = stage.intent(persona, "corp", Goal::Elevate).await.unwrap();
    let intent = stage.good_control(persona, &intent).await;
    stage.force(persona, &intent, says).await
}

async fn refused(says: impl FnOnce(&Stage) -> Says, verdict: Verdict) -> Judged {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let judged = answered(&stage, &ada, says).await;
    assert_eq!(judged.receipt.verdict, verdict);
    assert_eq!(judged.proof, None);
    assert!(!judged.receipt.reasons.is_empty());
    let detail = &stage.record("reauth.elevate").await[0].event.detail;
    assert_eq!(detail["verdict"], verdict.key());
    judged
}

fn with(stage: &Stage, changes: &[(&str, Value)]) -> Says {
    let mut claims = stage.claims("ada", 0);
    for (name, value) in changes {
        claims[*name] = value.clone();
    }
    Says::Claims(claims)
}

#[tokio::test]
async fn a_new_sign_in_after_the_question_is_fresh_and_the_receipt_tells_why() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let judged = stage.proves(&ada, Goal::Elevate).await;
    let receipt = judged.receipt;
    assert_eq!(receipt.verdict, Verdict::Fresh, "{:?}", receipt.reasons);
    assert_eq!(judged.proof.unwrap().user(), ada.id);
    assert_eq!(receipt.purpose, ReceiptPurpose::Elevation);
    assert_eq!(receipt.sent.prompt.as_deref(), Some("login"));
    assert_eq!(receipt.stated_at.unwrap() - receipt.asked_at, seconds(10));
    assert_eq!(receipt.back_at - receipt.asked_at, seconds(12));
    assert_eq!(receipt.action.as_deref(), Some("Test"));
    let claims: Vec<&str> = receipt.rows.iter().map(|row| row.claim.as_str()).collect();
    for row in [
        "Request",
        "Who",
        "Signed in",
        "Forced",
        "Calibration",
        "Method",
        "Clock",
    ] {
        assert!(claims.contains(&row), "{row}");
    }
    let told = reauth::told(&receipt).unwrap();
    assert_eq!(
        (told.provider.as_str(), told.worth),
        ("CORP", Worth::Informative)
    );
    let call = stage.call(&ada).await;
    let read = reauth::receipt(stage.s(), &call, receipt.id).await.unwrap();
    assert_eq!(read, receipt);
}

#[tokio::test]
async fn w19_an_older_sign_in_is_stale_whatever_it_says_otherwise() {
    refused(
        |stage| {
            with(
                stage,
                &[("auth_time", json!(stage.now().timestamp() - 300))],
            )
        },
        Verdict::Stale,
    )
    .await;
    // The very sign-in that began the session.
    refused(
        |stage| {
            with(
                stage,
                &[("auth_time", json!(stage.now().timestamp() - 3674))],
            )
        },
        Verdict::Stale,
    )
    .await;
}

#[tokio::test]
async fn o56_an_answer_without_a_time_is_unprovable() {
    refused(
        |stage| with(stage, &[("auth_time", json!(null))]),
        Verdict::Unprovable,
    )
    .await;
}

#[tokio::test]
async fn w18_somebody_else_at_the_provider_is_the_wrong_user() {
    refused(
        |stage| with(stage, &[("sub", json!("eve"))]),
        Verdict::WrongUser,
    )
    .await;
    refused(
        |stage| with(stage, &[("iss", json!("https://evil.example"))]),
        Verdict::WrongUser,
    )
    .await;
    refused(
        |stage| with(stage, &[("sub", json!("ADA"))]),
        Verdict::WrongUser,
    )
    .await;
}

#[tokio::test]
async fn o57_an_answer_that_is_no_time_or_of_the_future_or_of_a_wild_clock_is_malformed() {
    refused(
        |stage| with(stage, &[("auth_time", json!("soon"))]),
        Verdict::Malformed,
    )
    .await;
    refused(
        |stage| {
            with(
                stage,
                &[("auth_time", json!(stage.now().timestamp() * 1000))],
            )
        },
        Verdict::Malformed,
    )
    .await;
    refused(
        |stage| {
            with(
                stage,
                &[("auth_time", json!(stage.now().timestamp() + 600))],
            )
        },
        Verdict::Malformed,
    )
    .await;
    refused(
        |stage| Says::Ahead(stage.claims("ada", 0), seconds(600)),
        Verdict::Malformed,
    )
    .await;
    let broken = || Error::new("OIDC-011", Kind::Upstream, "The signature does not hold.");
    let judged = refused(|_| Says::Broken(broken()), Verdict::Malformed).await;
    assert!(judged.receipt.reasons[0].contains("OIDC-011"));
}

#[tokio::test]
async fn an_error_of_the_provider_is_cancelled() {
    refused(|_| Says::Error("access_denied", None), Verdict::Cancelled).await;
    refused(|_| Says::Error("login_required", None), Verdict::Cancelled).await;
}

#[tokio::test]
async fn o58_a_sign_in_weaker_than_required_is_a_weak_context() {
    refused(
        |_| Says::Error("unmet_authentication_requirements", None),
        Verdict::WeakContext,
    )
    .await;
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    stage.tune(&[("required_acr", "gold")]).await;
    for (acr, verdict) in [
        (json!(null), Verdict::WeakContext),
        (json!("silver"), Verdict::WeakContext),
        (json!("GOLD"), Verdict::WeakContext),
        (json!("gold"), Verdict::Fresh),
    ] {
        stage.forward(60);
        let intent = stage.ready(&ada, Goal::Elevate).await;
        let judged = stage
            .force(&ada, &intent, |stage| with(stage, &[("acr", acr.clone())]))
            .await;
        assert_eq!(judged.receipt.verdict, verdict, "{acr}");
        assert_eq!(judged.proof.is_some(), verdict == Verdict::Fresh);
    }
}

#[tokio::test]
async fn a_database_that_cannot_serve_judges_nothing() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    stage.forward(60);
    let intent = stage.intent(&ada, "corp", Goal::Elevate).await.unwrap();
    let intent = stage.good_control(&ada, &intent).await;
    let to = stage.leg(&ada, &intent).await;
    let gone = Error::new("DB-001", Kind::Unavailable, "The database does not answer.");
    let back = stage.world.idp.answers(&to, Says::Broken(gone));
    let error = stage.brings(&ada, "corp", &back).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    assert!(stage.record("reauth.").await.is_empty());
}

#[tokio::test]
async fn right_after_the_sign_in_the_control_waits_until_times_can_be_told_apart() {
    let stage = Stage::set().await;
    let claims = stage.claims("ada", 0);
    stage.signs_in("corp", Says::Claims(claims)).await.unwrap();
    let user = stage.user("ada").await.unwrap();
    let means = muster_domain::session::Means::Provider {
        provider: stage.provider("corp").await.id,
        issuer: CORP.to_owned(),
        subject: "ada".to_owned(),
        stated: Some(stage.now()),
    };
    let ada = stage.session("ada", user.id, &means).await;
    let intent = stage.intent(&ada, "corp", Goal::Elevate).await.unwrap();
    let call = stage.call(&ada).await;
    assert_eq!(
        reauth::next(stage.s(), &call, &intent).await.unwrap(),
        Leg::Wait(2)
    );
    stage.forward(2);
    assert_eq!(
        reauth::next(stage.s(), &call, &intent).await.unwrap(),
        Leg::Wait(2)
    );
    stage.forward(1);
    assert!(matches!(
        reauth::next(stage.s(), &call, &intent).await.unwrap(),
        Leg::To(_)
    ));
}

#[tokio::test]
async fn the_control_comes_first_and_what_it_showed_is_kept_for_the_next_person() {
    let stage = Stage::set().await;
    let (ada, eve) = (
        stage.person("ada", &[]).await,
        stage.person("eve", &[]).await,
    );
    let asked_before = stage.world.idp.asked().len();
    stage.forward(60);
    let intent = stage.intent(&ada, "corp", Goal::Elevate).await.unwrap();
    let intent = stage.good_control(&ada, &intent).await;
    assert_eq!(intent.control.as_ref().unwrap().worth, Worth::Informative);
    let calibration = stage.provider("corp").await.calibration;
    assert_eq!(calibration.worth, Worth::Informative);
    assert_eq!(calibration.tested_at, Some(stage.now()));
    assert_eq!(stage.record("provider.calibrate").await.len(), 1);
    let judged = stage.proves(&eve, Goal::Elevate).await;
    assert_eq!(judged.receipt.verdict, Verdict::Fresh);
    let purposes: Vec<_> = stage.world.idp.asked()[asked_before..]
        .iter()
        .map(|asked| asked.purpose)
        .collect();
    assert_eq!(purposes[0], Purpose::Control);
    assert!(
        purposes[1..]
            .iter()
            .all(|purpose| *purpose == Purpose::Force)
    );
}

#[tokio::test]
async fn a_control_older_than_a_month_is_made_again_and_a_test_always_makes_one() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[Role::Admin]).await;
    stage.proves(&ada, Goal::Elevate).await;
    stage.forward(60);
    let intent = stage.intent(&ada, "corp", Goal::Test).await.unwrap();
    assert!(stage.asks_for_control(&ada, &intent).await);
    let intent = stage.intent(&ada, "corp", Goal::Elevate).await.unwrap();
    assert!(!stage.asks_for_control(&ada, &intent).await);
    stage.forward(31 * 24 * 3600);
    let means = ada.call.signed_in().unwrap().session.means.clone();
    let ada = stage.session("ada", ada.id, &means).await;
    let intent = stage.intent(&ada, "corp", Goal::Elevate).await.unwrap();
    assert!(stage.asks_for_control(&ada, &intent).await);
}

/// A control that states "now", then a forced answer that states a new sign-in.
async fn liar(stage: &Stage, persona: &Persona) -> Judged {
    stage.forward(60);
    let intent = stage.intent(persona, "corp", Goal::Elevate).await.unwrap();
    let says = Says::Claims(stage.claims(&persona.username, 0));
    let intent = stage.control(persona, &intent, says).await;
    assert_eq!(intent.control.as_ref().unwrap().worth, Worth::Uninformative);
    let subject = persona.username.clone();
    stage
        .force(persona, &intent, |stage| {
            Says::Claims(stage.claims(&subject, 0))
        })
        .await
}

#[tokio::test]
async fn o55_a_provider_that_always_states_now_proves_nothing_and_that_is_kept() {
    let stage = Stage::set().await;
    let adam = stage.person("adam", &[Role::Admin]).await;
    let judged = liar(&stage, &adam).await;
    assert_eq!(
        (judged.receipt.verdict, judged.proof),
        (Verdict::Unprovable, None)
    );
    // Without a secure session it counts for that trip alone.
    let worth = stage.provider("corp").await.calibration.standing();
    assert_eq!(worth, Worth::Unknown);
    let adam = stage.world.elevate(&adam).await.unwrap();
    liar(&stage, &adam).await;
    assert_eq!(
        stage.provider("corp").await.calibration.worth,
        Worth::Uninformative
    );
    // The kept result counts for somebody else without another control.
    let eve = stage.person("eve", &[]).await;
    let judged = stage.proves(&eve, Goal::Elevate).await;
    assert_eq!(
        (judged.receipt.verdict, judged.proof),
        (Verdict::Unprovable, None)
    );
    let last = stage.world.idp.asked();
    assert!(
        !last
            .iter()
            .rev()
            .take(2)
            .any(|asked| asked.purpose == Purpose::Control)
    );
}

#[tokio::test]
async fn somebody_without_permission_cannot_make_a_provider_look_worthless_to_others() {
    let stage = Stage::set().await;
    let (ada, eve) = (
        stage.person("ada", &[]).await,
        stage.person("eve", &[]).await,
    );
    let judged = liar(&stage, &ada).await;
    assert_eq!(judged.receipt.verdict, Verdict::Unprovable);
    assert_eq!(
        stage.provider("corp").await.calibration.worth,
        Worth::Unknown
    );
    let judged = stage.proves(&eve, Goal::Elevate).await;
    assert_eq!(judged.receipt.verdict, Verdict::Fresh);
}

#[tokio::test]
async fn a_control_that_tells_nothing_helps_nobody_unless_the_control_is_switched_off() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    for says in [
        Says::Error("login_required", None),
        Says::Broken(Error::new(
            "OIDC-011",
            Kind::Upstream,
            "The signature does not hold.",
        )),
        Says::Claims(json!({"sub": "ada"})),
    ] {
        stage.forward(60);
        let intent = stage.intent(&ada, "corp", Goal::Elevate).await.unwrap();
        let intent = stage.control(&ada, &intent, says).await;
        let judged = stage
            .force(&ada, &intent, |stage| Says::Claims(stage.claims("ada", 0)))
            .await;
        assert_eq!(
            (judged.receipt.verdict, judged.proof),
            (Verdict::Unprovable, None)
        );
    }
    stage.tune(&[("control_probe", "no")]).await;
    stage.forward(60);
    let intent = stage.intent(&ada, "corp", Goal::Elevate).await.unwrap();
    assert!(!stage.asks_for_control(&ada, &intent).await);
    let judged = stage
        .force(&ada, &intent, |stage| Says::Claims(stage.claims("ada", 0)))
        .await;
    assert_eq!(judged.receipt.verdict, Verdict::Fresh);
}

#[tokio::test]
async fn what_the_control_stated_is_older_than_the_forced_question() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    stage.forward(60);
    let intent = stage.intent(&ada, "corp", Goal::Elevate).await.unwrap();
    // They signed in elsewhere ten seconds ago: the control says so, and repeating it is no new sign-in.
    let newer = stage.now().timestamp() - 10;
    let says = || Says::Claims(json!({"sub": "ada", "auth_time": newer}));
    let intent = stage.control(&ada, &intent, says()).await;
    let judged = stage.force(&ada, &intent, |_| says()).await;
    assert_eq!(judged.receipt.verdict, Verdict::Stale);
}

#[tokio::test]
async fn a_test_never_elevates_even_when_it_is_fresh() {
    let stage = Stage::set().await;
    let adam = stage.person("adam", &[Role::Admin]).await;
    let judged = stage.proves(&adam, Goal::Test).await;
    assert_eq!(judged.receipt.verdict, Verdict::Fresh);
    assert_eq!(judged.receipt.purpose, ReceiptPurpose::Test);
    assert_eq!(judged.proof, None);
    assert_eq!(stage.record("reauth.test").await.len(), 1);
    // Nor does the identity that a test sign-in of this browser showed, to somebody who is not linked to it.
    let pat = stage.world.persona("pat", &[Role::Admin]).await.unwrap();
    let seen = Seen {
        provider: stage.provider("corp").await.id,
        issuer: CORP.to_owned(),
        subject: "adam".to_owned(),
        stated: Some(stage.now() - seconds(3600)),
    };
    stage.forward(60);
    let begin = |goal| reauth::begin(stage.s(), &pat.call, "corp", goal, Some(&seen), "/", None);
    assert_eq!(begin(Goal::Elevate).await.unwrap_err().code, "ELV-004");
    let intent = begin(Goal::Test).await.unwrap();
    let intent = stage.good_control(&pat, &intent).await;
    let judged = stage
        .force(&pat, &intent, |stage| Says::Claims(stage.claims("adam", 0)))
        .await;
    assert_eq!(judged.receipt.verdict, Verdict::Fresh);
    assert_eq!(judged.proof, None);
    let other = reauth::begin(
        stage.s(),
        &pat.call,
        "other",
        Goal::Test,
        Some(&seen),
        "/",
        None,
    );
    assert_eq!(other.await.unwrap_err().code, "ELV-005");
}

#[tokio::test]
async fn every_answer_leaves_a_receipt_and_only_its_owner_and_auditors_read_it() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let id = answered(&stage, &ada, |_| Says::Error("access_denied", None))
        .await
        .receipt
        .id;
    stage.proves(&ada, Goal::Elevate).await;
    let page = receipts::list(
        stage.s().db(),
        &ReceiptFilter::default(),
        &Default::default(),
    )
    .await;
    assert_eq!(page.unwrap().rows.len(), 2);
    let norma = stage
        .world
        .persona("norma", &[Role::Helpdesk])
        .await
        .unwrap();
    let audrey = stage
        .world
        .persona("audrey", &[Role::Auditor])
        .await
        .unwrap();
    let error = reauth::receipt(stage.s(), &norma.call, id)
        .await
        .unwrap_err();
    assert_eq!(error.code, "WEB-404");
    reauth::receipt(stage.s(), &audrey.call, id).await.unwrap();
    let corp = stage.provider("corp").await.id;
    let all = reauth::of_provider(stage.s(), &audrey.call, corp, 10)
        .await
        .unwrap();
    assert_eq!(all.len(), 2);
    let error = reauth::of_provider(stage.s(), &norma.call, corp, 10).await;
    assert_eq!(error.unwrap_err().code, "WEB-403");
}
