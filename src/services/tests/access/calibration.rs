//! Calibration from the first probe to what it makes of forced answers, and what ordinary sign-ins tell meanwhile.

use muster_domain::calibration::{Finding, Probe, Said, Worth};
use muster_domain::reauth::Verdict;
use muster_domain::role::Role;
use muster_services::calibration::{self, Desk};
use muster_services::overview;
use muster_services::reauth::{self, Goal, Intent, Leg, Outcome};
use muster_testing::{Persona, Says};
use serde_json::json;

use crate::stage::{Stage, seconds};

async fn begun(stage: &Stage, persona: &Persona, probe: Probe) -> Intent {
    stage.forward(60);
    let call = stage.call(persona).await;
    calibration::begin(
        stage.s(),
        &call,
        "corp",
        probe,
        None,
        "/providers/corp/calibration",
    )
    .await
    .unwrap()
}

/// Makes one probe, to which the provider says this when asked.
async fn probed(
    stage: &Stage,
    persona: &Persona,
    probe: Probe,
    says: impl FnOnce(&Stage) -> Says,
) -> Desk {
    let intent = begun(stage, persona, probe).await;
    let to = stage.leg(persona, &intent).await;
    stage.forward(10);
    let back = stage.world.idp.answers(&to, says(stage));
    stage.forward(1);
    match stage.brings(persona, "corp", &back).await.unwrap() {
        Outcome::Probed(intent) => assert_eq!(intent.return_to, "/providers/corp/calibration"),
        Outcome::Judged { proof, intent, .. } => {
            assert_eq!(proof, None, "a probe never elevates");
            assert_eq!(intent.probe, Some(probe));
        }
        Outcome::Next(_) => panic!("a probe has one leg"),
    }
    desk(stage, persona).await
}

async fn desk(stage: &Stage, persona: &Persona) -> Desk {
    let call = stage.call(persona).await;
    calibration::desk(stage.s(), &call, "corp").await.unwrap()
}

fn old(stage: &Stage) -> Says {
    // Signed in an hour before the stage was set.
    Says::Claims(json!({"sub": "adam", "auth_time": stage.now().timestamp() - 4000}))
}

async fn says(
    stage: &Stage,
    persona: &Persona,
    desk: &Desk,
    said: Said,
) -> Result<Finding, muster_domain::Error> {
    let means = &persona.call.signed_in().unwrap().session.means;
    let beside = stage.session("beside", persona.id, means).await;
    let call = stage.world.elevate(&beside).await.unwrap().call;
    calibration::say(stage.s(), &call, "corp", desk.probes[0].id, said).await
}

async fn proves(stage: &Stage, persona: &Persona) -> Verdict {
    stage.proves(persona, Goal::Elevate).await.receipt.verdict
}

#[tokio::test]
async fn three_probes_are_kept_with_who_when_and_what_was_sent() {
    let stage = Stage::set().await;
    let adam = stage.person("adam", &[Role::Admin]).await;
    probed(&stage, &adam, Probe::Control, old).await;
    probed(&stage, &adam, Probe::Forced, |s| {
        Says::Claims(s.claims("adam", 0))
    })
    .await;
    let desk = probed(&stage, &adam, Probe::Cancelled, |_| {
        Says::Error("access_denied", None)
    })
    .await;
    let found: Vec<_> = desk
        .probes
        .iter()
        .map(|probed| (probed.probe, probed.finding))
        .collect();
    assert_eq!(
        found,
        [
            (Probe::Cancelled, Finding::CalledOff),
            (Probe::Forced, Finding::NewTime),
            (Probe::Control, Finding::OldTime),
        ]
    );
    for probed in &desk.probes {
        assert_eq!((probed.username.as_str(), probed.user), ("adam", adam.id));
        assert!(probed.times.asked_at < probed.at, "{probed:?}");
    }
    assert_eq!(desk.probes[1].sent.prompt.as_deref(), Some("login"));
    assert_eq!(desk.probes[2].sent.prompt.as_deref(), Some("none"));
    assert!(desk.probes[1].receipt.is_some() && desk.probes[2].receipt.is_none());
    assert_eq!(desk.counts.standing(), Worth::Informative);
    // A later probe leaves the earlier ones where they are.
    let desk = probed(&stage, &adam, Probe::Control, old).await;
    assert_eq!(desk.probes.len(), 4);
    assert_eq!(stage.record("provider.calibrate").await.len(), 2);
}

#[tokio::test]
async fn w19_a_new_time_though_nobody_was_asked_makes_every_forced_answer_unprovable() {
    let stage = Stage::set().await;
    let adam = stage.person("adam", &[Role::Admin]).await;
    let eve = stage.person("eve", &[]).await;
    probed(&stage, &adam, Probe::Control, old).await;
    assert_eq!(proves(&stage, &eve).await, Verdict::Fresh);
    let desk = probed(&stage, &adam, Probe::Forced, |s| {
        Says::Claims(s.claims("adam", 0))
    })
    .await;
    // Not by whoever merely holds an administrator's browser.
    let (plain, probe) = (stage.call(&adam).await, desk.probes[0].id);
    let told = calibration::say(stage.s(), &plain, "corp", probe, Said::No).await;
    assert_eq!(told.unwrap_err().code, "ELV-001");
    assert_eq!(proves(&stage, &eve).await, Verdict::Fresh);
    assert_eq!(
        says(&stage, &adam, &desk, Said::No).await.unwrap(),
        Finding::Invented
    );
    assert_eq!(proves(&stage, &eve).await, Verdict::Unprovable);
    // Another good control does not make it good again, nor does who believes it untested.
    probed(&stage, &adam, Probe::Control, old).await;
    assert_eq!(proves(&stage, &eve).await, Verdict::Unprovable);
    let corp = stage.provider("corp").await;
    assert_eq!(corp.calibration.worth, Worth::Informative);
    assert_eq!(corp.calibration.standing(), Worth::Uninformative);
}

#[tokio::test]
async fn w19_that_the_provider_asked_is_no_evidence_for_it() {
    let stage = Stage::set().await;
    let adam = stage.person("adam", &[Role::Admin]).await;
    let desk = probed(&stage, &adam, Probe::Forced, |s| {
        Says::Claims(s.claims("adam", 0))
    })
    .await;
    assert_eq!(desk.probes[0].finding, Finding::NewTime);
    assert_eq!(
        says(&stage, &adam, &desk, Said::Yes).await.unwrap(),
        Finding::NewTime
    );
    assert_eq!(
        stage.provider("corp").await.calibration.standing(),
        Worth::Unknown
    );
    let again = says(&stage, &adam, &desk, Said::No).await.unwrap_err();
    assert_eq!(again.code, "CAL-002");
}

#[tokio::test]
async fn w19_a_sign_in_after_cancel_is_worth_nothing_once_cancel_was_pressed() {
    let stage = Stage::set().await;
    let adam = stage.person("adam", &[Role::Admin]).await;
    probed(&stage, &adam, Probe::Control, old).await;
    let desk = probed(&stage, &adam, Probe::Cancelled, |s| {
        Says::Claims(s.claims("adam", 0))
    })
    .await;
    assert_eq!(desk.probes[0].finding, Finding::WentOn);
    assert_eq!(
        desk.counts.standing(),
        Worth::Informative,
        "whether cancel was pressed is not known"
    );
    assert_eq!(
        says(&stage, &adam, &desk, Said::Yes).await.unwrap(),
        Finding::Ignored
    );
    assert_eq!(proves(&stage, &adam).await, Verdict::Unprovable);
    let told = self::desk(&stage, &adam).await;
    assert_eq!(
        told.newest(Probe::Cancelled).unwrap().finding,
        Finding::Ignored
    );
    assert_eq!(told.symptoms().len(), 1);
}

#[tokio::test]
async fn a_sign_in_that_was_not_cancelled_and_another_error_tell_nothing() {
    let stage = Stage::set().await;
    let adam = stage.person("adam", &[Role::Admin]).await;
    let desk = probed(&stage, &adam, Probe::Cancelled, |s| {
        Says::Claims(s.claims("adam", 0))
    })
    .await;
    assert_eq!(
        says(&stage, &adam, &desk, Said::No).await.unwrap(),
        Finding::Nothing
    );
    let desk = probed(&stage, &adam, Probe::Cancelled, |_| {
        Says::Error("server_error", None)
    })
    .await;
    assert_eq!(desk.probes[0].finding, Finding::Nothing);
    assert!(desk.probes[0].seen.contains("server_error"));
    assert_eq!(desk.counts.standing(), Worth::Unknown);
}

#[tokio::test]
async fn only_whoever_made_a_probe_speaks_about_it_and_only_who_manages_providers_makes_one() {
    let stage = Stage::set().await;
    let adam = stage.person("adam", &[Role::Admin]).await;
    let abel = stage.person("abel", &[Role::Admin]).await;
    let ada = stage.person("ada", &[]).await;
    let desk = probed(&stage, &adam, Probe::Forced, |s| {
        Says::Claims(s.claims("adam", 0))
    })
    .await;
    assert_eq!(
        says(&stage, &abel, &desk, Said::No).await.unwrap_err().code,
        "CAL-001"
    );
    assert_eq!(
        says(&stage, &ada, &desk, Said::No).await.unwrap_err().code,
        "WEB-403"
    );
    let call = stage.call(&ada).await;
    let begun = calibration::begin(stage.s(), &call, "corp", Probe::Control, None, "/").await;
    assert_eq!(begun.unwrap_err().code, "WEB-403");
    assert_eq!(
        calibration::desk(stage.s(), &call, "corp")
            .await
            .unwrap_err()
            .code,
        "WEB-403"
    );
    let call = stage.call(&adam).await;
    let other = calibration::say(stage.s(), &call, "other", desk.probes[0].id, Said::No).await;
    assert_eq!(other.unwrap_err().code, "WEB-404");
}

#[tokio::test]
async fn beginning_anew_and_asking_otherwise_make_what_was_learnt_void_and_keep_the_probes() {
    let stage = Stage::set().await;
    let adam = stage.elevated("adam", &[Role::Admin]).await;
    let desk = probed(&stage, &adam, Probe::Forced, |s| {
        Says::Claims(s.claims("adam", 0))
    })
    .await;
    says(&stage, &adam, &desk, Said::No).await.unwrap();
    let call = stage.call(&adam).await;
    let elevated = call.elevated().unwrap();
    stage.forward(1);
    calibration::begin_anew(stage.s(), &call, &elevated, "corp")
        .await
        .unwrap();
    let after = self::desk(&stage, &adam).await;
    assert_eq!(after.counts.standing(), Worth::Unknown);
    assert!(after.probes.len() >= 2);
    // Asked otherwise: unknown again, and what somebody says about an older probe refutes nothing.
    let pending = probed(&stage, &adam, Probe::Forced, |s| {
        Says::Claims(s.claims("adam", 0))
    })
    .await;
    probed(&stage, &adam, Probe::Control, |s| {
        Says::Claims(json!({"sub": "adam", "auth_time": s.now().timestamp() - 60}))
    })
    .await;
    stage.forward(1);
    stage.tune(&[("required_acr", "gold")]).await;
    let corp = stage.provider("corp").await;
    assert_eq!(
        (corp.calibration.worth, corp.calibration.since),
        (Worth::Unknown, Some(stage.now()))
    );
    says(&stage, &adam, &pending, Said::No).await.unwrap();
    assert_eq!(stage.provider("corp").await.calibration.refuted, None);
    let desk = self::desk(&stage, &adam).await;
    assert_eq!(
        desk.newest(Probe::Forced),
        None,
        "it is about the question as it was"
    );
    // A name is not a question.
    let before = stage.provider("corp").await;
    let mut draft = muster_services::providers::Draft::of(&before);
    draft.name = "Renamed".to_owned();
    stage.declare(&draft, before.jit.clone()).await;
    assert_eq!(stage.provider("corp").await.calibration, before.calibration);
}

/// An ordinary sign-in that comes back after `took` seconds by a clock `ahead` of ours, stating a sign-in `before`
/// seconds ago.
async fn signs_in(stage: &Stage, subject: &str, took: i64, ahead: i64, before: i64) {
    stage.forward(600);
    let key = crate::stage::browser(subject);
    let to = stage.leaves("corp", &key).await;
    stage.forward(took);
    let mut claims = stage.claims(subject, before);
    claims["auth_time"] = json!(stage.now().timestamp() + ahead - before);
    let back = stage
        .world
        .idp
        .answers(&to, Says::Ahead(claims, seconds(ahead)));
    stage.comes_back("corp", &key, &back).await.unwrap();
}

#[tokio::test]
async fn w20_once_the_clock_is_measured_a_sign_in_half_a_minute_before_the_question_is_stale() {
    let stage = Stage::set().await;
    let adam = stage.person("adam", &[Role::Admin]).await;
    let earlier = |stage: &Stage| Says::Claims(stage.claims("adam", 40));
    stage.proves(&adam, Goal::Elevate).await;
    stage.forward(60);
    let intent = stage.ready(&adam, Goal::Elevate).await;
    let judged = stage.force(&adam, &intent, earlier).await;
    assert_eq!(
        judged.receipt.verdict,
        Verdict::Fresh,
        "nothing is known of the clock yet"
    );
    for _ in 0..6 {
        signs_in(&stage, "eve", 20, 0, 5).await;
    }
    stage.forward(60);
    let intent = stage.ready(&adam, Goal::Elevate).await;
    let judged = stage.force(&adam, &intent, earlier).await;
    assert_eq!(
        judged.receipt.verdict,
        Verdict::Stale,
        "{:?}",
        judged.receipt.reasons
    );
    assert_eq!(proves(&stage, &adam).await, Verdict::Fresh);
    let desk = desk(&stage, &adam).await;
    assert_eq!(desk.watched.measured.unwrap().ahead_ms, 0);
}

#[tokio::test]
async fn a_clock_off_by_a_minute_and_a_half_is_followed_when_several_people_show_it() {
    let stage = Stage::set().await;
    let adam = stage.person("adam", &[Role::Admin]).await;
    stage.proves(&adam, Goal::Elevate).await;
    let behind = |stage: &Stage| {
        let mut claims = stage.claims("adam", 0);
        claims["auth_time"] = json!(stage.now().timestamp() - 90);
        Says::Ahead(claims, seconds(-90))
    };
    let ready = async || {
        stage.forward(60);
        stage.ready(&adam, Goal::Elevate).await
    };
    for _ in 0..6 {
        signs_in(&stage, "eve", 20, -90, 5).await;
    }
    let judged = stage.force(&adam, &ready().await, behind).await;
    assert_ne!(
        judged.receipt.verdict,
        Verdict::Fresh,
        "one person alone widens nothing"
    );
    for _ in 0..3 {
        signs_in(&stage, "ida", 20, -90, 5).await;
    }
    let judged = stage.force(&adam, &ready().await, behind).await;
    assert_eq!(
        judged.receipt.verdict,
        Verdict::Fresh,
        "{:?}",
        judged.receipt.reasons
    );
    let far = |stage: &Stage| {
        let mut claims = stage.claims("adam", 0);
        claims["auth_time"] = json!(stage.now().timestamp() - 150);
        Says::Ahead(claims, seconds(-150))
    };
    let judged = stage.force(&adam, &ready().await, far).await;
    assert_ne!(judged.receipt.verdict, Verdict::Fresh);
    let told = format!("{:?}", judged.receipt.rows);
    assert!(told.contains("s behind ours"), "{told}");
}

#[tokio::test]
async fn sign_ins_that_contradict_a_control_stop_it_from_counting_until_the_next_one_and_show_on_the_overview()
 {
    let stage = Stage::set().await;
    let adam = stage.person("adam", &[Role::Admin]).await;
    let auditor = stage.world.persona("audrey", &[Role::Admin]).await.unwrap();
    stage.proves(&adam, Goal::Elevate).await;
    let texts = async || {
        let call = stage.call(&auditor).await;
        let page = overview::overview(stage.s(), &call).await.unwrap();
        page.attention
            .into_iter()
            .map(|item| item.text)
            .collect::<Vec<_>>()
            .join(" ")
    };
    signs_in(&stage, "eve", 20, 0, 2).await;
    for _ in 0..2 {
        signs_in(&stage, "eve", 1, 0, 0).await;
    }
    assert!(
        !texts().await.contains("contradict"),
        "two may be quick hands"
    );
    signs_in(&stage, "eve", 1, 0, 0).await;
    assert!(texts().await.contains("contradict its calibration"));
    let seen = desk(&stage, &adam).await;
    assert_eq!(seen.counts.standing(), Worth::Uninformative);
    assert_eq!(
        seen.provider.calibration.worth,
        Worth::Informative,
        "kept as it was"
    );
    // The next trip makes the control again: a provider that passes it is believed again.
    stage.forward(60);
    let intent = stage.intent(&adam, "corp", Goal::Elevate).await.unwrap();
    assert!(stage.asks_for_control(&adam, &intent).await);
    let intent = stage.good_control(&adam, &intent).await;
    let judged = stage
        .force(&adam, &intent, |s| Says::Claims(s.claims("adam", 0)))
        .await;
    assert_eq!(
        judged.receipt.verdict,
        Verdict::Fresh,
        "{:?}",
        judged.receipt.reasons
    );
    assert!(!texts().await.contains("contradict"));
}

#[tokio::test]
async fn a_contradicted_calibration_counts_for_nothing_where_the_control_says_nothing_either() {
    let stage = Stage::set().await;
    let adam = stage.person("adam", &[Role::Admin]).await;
    stage.proves(&adam, Goal::Elevate).await;
    signs_in(&stage, "eve", 20, 0, 2).await;
    for _ in 0..3 {
        signs_in(&stage, "eve", 1, 0, 0).await;
    }
    stage.forward(60);
    let intent = stage.intent(&adam, "corp", Goal::Elevate).await.unwrap();
    let intent = stage
        .control(&adam, &intent, Says::Error("login_required", None))
        .await;
    let judged = stage
        .force(&adam, &intent, |s| Says::Claims(s.claims("adam", 0)))
        .await;
    assert_eq!(judged.receipt.verdict, Verdict::Unprovable);
}

#[tokio::test]
async fn a_calibration_older_than_three_months_shows_on_the_overview() {
    let stage = Stage::set().await;
    let adam = stage.person("adam", &[Role::Admin]).await;
    stage.proves(&adam, Goal::Elevate).await;
    stage.forward(91 * 24 * 3600);
    let auditor = stage.world.persona("audrey", &[Role::Admin]).await.unwrap();
    let page = overview::overview(stage.s(), &auditor.call).await.unwrap();
    let item = page
        .attention
        .iter()
        .find(|item| item.text.contains("for 90 days"))
        .unwrap();
    assert_eq!(item.href, "/providers/corp/calibration");
}

#[tokio::test]
async fn a_probe_right_after_the_sign_in_waits_as_a_control_does() {
    let stage = Stage::set().await;
    let adam = stage.person("adam", &[Role::Admin]).await;
    let intent = begun(&stage, &adam, Probe::Control).await;
    let just = Intent {
        signed_in: Some(stage.now() - seconds(1)),
        ..intent
    };
    let call = stage.call(&adam).await;
    assert_eq!(
        reauth::next(stage.s(), &call, &just).await.unwrap(),
        Leg::Wait(2)
    );
}
