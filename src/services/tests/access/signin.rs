//! One round trip to a provider: what must fit so that somebody is signed in.

use muster_domain::jit::{CreateGroups, JitRules};
use muster_domain::protocol::{Purpose, Returned};
use muster_domain::session::Means;
use muster_domain::{Error, Kind};
use muster_services::Services;
use muster_services::reauth::Goal;
use muster_services::signin::{self, Arrived};
use muster_testing::Says;
use serde_json::json;

use crate::stage::{CORP, Stage, browser, state_of};

/// Nothing came of it but a record.
async fn leaves_nothing(stage: &Stage, error: &Error, code: &str) {
    assert_eq!(error.code, code);
    assert_eq!(stage.people().await, 0, "{code}");
    assert_eq!(stage.sessions().await, 0, "{code}");
    let row = &stage.record("signin.refused").await[0].event;
    assert_eq!(row.detail["code"], code);
}

#[tokio::test]
async fn a_sign_in_gives_the_person_the_means_and_the_way_back() {
    let stage = Stage::set().await;
    let claims = stage.claims("ada", 60);
    let stated = claims["auth_time"].as_i64().unwrap();
    let arrived = stage.signs_in("corp", Says::Claims(claims)).await.unwrap();
    let Arrived::SignedIn {
        user,
        means,
        return_to,
        ..
    } = arrived
    else {
        panic!("nobody signed in");
    };
    assert_eq!(
        (user.username.as_str(), return_to.as_str()),
        ("ada", "/users")
    );
    let Means::Provider {
        issuer,
        subject,
        stated: at,
        ..
    } = means
    else {
        panic!("not by a provider");
    };
    assert_eq!((issuer.as_str(), subject.as_str()), (CORP, "ada"));
    assert_eq!(at.unwrap().timestamp(), stated);
    let asked = &stage.world.idp.asked()[0];
    assert_eq!(asked.purpose, Purpose::SignIn);
    assert_eq!(
        asked.redirect.as_str(),
        "http://127.0.0.1:3000/signin/corp/callback"
    );
    assert!(asked.verifier.len() >= 43 && asked.nonce.len() >= 43 && asked.state.len() >= 43);
    let row = &stage.record("signin.provider").await[0].event;
    assert_eq!((row.actor.as_str(), row.actor_id), ("ada", Some(user.id.0)));
}

#[tokio::test]
async fn o1_a_missing_or_empty_state_is_refused() {
    let stage = Stage::set().await;
    let key = browser("a");
    let to = stage.leaves("corp", &key).await;
    let says = Says::Claims(stage.claims("ada", 60));
    let back = stage.world.idp.answers(&to, says);
    for state in [None, Some(String::new())] {
        let back = Returned {
            state,
            ..back.clone()
        };
        let error = stage.comes_back("corp", &key, &back).await.unwrap_err();
        leaves_nothing(&stage, &error, "AUTH-010").await;
    }
}

#[tokio::test]
async fn o2_a_state_that_was_never_given_out_is_refused() {
    let stage = Stage::set().await;
    let key = browser("a");
    let to = stage.leaves("corp", &key).await;
    let says = Says::Claims(stage.claims("ada", 60));
    let state = state_of(&to).unwrap();
    for other in [
        state.to_uppercase(),
        format!("{state} "),
        state[1..].to_owned(),
    ] {
        let back = Returned {
            state: Some(other),
            ..stage.world.idp.answers(&to, says.clone())
        };
        let error = stage.comes_back("corp", &key, &back).await.unwrap_err();
        leaves_nothing(&stage, &error, "AUTH-010").await;
    }
}

#[tokio::test]
async fn o3_a_state_counts_once() {
    let stage = Stage::set().await;
    let key = browser("a");
    let to = stage.leaves("corp", &key).await;
    let says = Says::Claims(stage.claims("ada", 60));
    let first = stage.world.idp.answers(&to, says.clone());
    stage.comes_back("corp", &key, &first).await.unwrap();
    for back in [first, stage.world.idp.answers(&to, says)] {
        let error = stage.comes_back("corp", &key, &back).await.unwrap_err();
        assert_eq!(error.code, "AUTH-016");
    }
    assert_eq!(stage.record("signin.provider").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn o3_of_two_answers_at_once_one_counts() {
    let stage = Stage::set().await;
    let key = browser("a");
    let to = stage.leaves("corp", &key).await;
    let says = Says::Claims(stage.claims("ada", 60));
    let answers = (0..4).map(|_| {
        let back = stage.world.idp.answers(&to, says.clone());
        let (services, call, key) = (stage.s().clone(), stage.world.anonymous(), key.clone());
        tokio::spawn(async move {
            signin::complete(&services, &call, "corp", Some(&key), &back)
                .await
                .is_ok()
        })
    });
    let mut won = 0;
    for answer in answers.collect::<Vec<_>>() {
        won += usize::from(answer.await.unwrap());
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn o4_an_answer_that_another_browser_asked_for_signs_nobody_in() {
    let stage = Stage::set().await;
    let to = stage.leaves("corp", &browser("attacker")).await;
    let says = Says::Claims(stage.claims("attacker", 60));
    let back = stage.world.idp.answers(&to, says.clone());
    let error = stage.comes_back("corp", &browser("victim"), &back).await;
    leaves_nothing(&stage, &error.unwrap_err(), "AUTH-011").await;
    let refused = &stage.record("signin.refused").await[0].event;
    assert_eq!(refused.detail["code"], "AUTH-011");
    // Nor does a browser without any session.
    let to = stage.leaves("corp", &browser("attacker")).await;
    let back = stage.world.idp.answers(&to, says);
    let call = stage.world.anonymous();
    let error = signin::complete(stage.s(), &call, "corp", None, &back).await;
    leaves_nothing(&stage, &error.unwrap_err(), "AUTH-011").await;
}

#[tokio::test]
async fn o4_another_browser_that_brings_the_answer_does_not_use_up_the_question() {
    let stage = Stage::set().await;
    let key = browser("right");
    let to = stage.leaves("corp", &key).await;
    let says = Says::Claims(stage.claims("ada", 60));
    let back = stage.world.idp.answers(&to, says);
    let error = stage.comes_back("corp", &browser("wrong"), &back).await;
    assert_eq!(error.unwrap_err().code, "AUTH-011");
    stage.comes_back("corp", &key, &back).await.unwrap();
    for again in [&key, &browser("wrong")] {
        let error = stage.comes_back("corp", again, &back).await;
        assert_eq!(error.unwrap_err().code, "AUTH-016");
    }
}

#[tokio::test]
async fn o6_o9_the_code_of_another_question_does_not_answer_this_one() {
    let stage = Stage::set().await;
    let key = browser("a");
    let (mine, theirs) = (
        stage.leaves("corp", &key).await,
        stage.leaves("corp", &browser("b")).await,
    );
    let says = Says::Claims(stage.claims("victim", 60));
    let stolen = stage.world.idp.answers(&theirs, says);
    let back = Returned {
        state: state_of(&mine),
        ..stolen
    };
    let error = stage.comes_back("corp", &key, &back).await.unwrap_err();
    // PKCE and nonce are the question's own; the verifier is looked at first.
    leaves_nothing(&stage, &error, "FAKE-004").await;
}

#[tokio::test]
async fn o8_a_code_counts_once_at_the_provider_too() {
    let stage = Stage::set().await;
    let key = browser("a");
    let to = stage.leaves("corp", &key).await;
    let back = stage
        .world
        .idp
        .answers(&to, Says::Claims(stage.claims("ada", 60)));
    stage.comes_back("corp", &key, &back).await.unwrap();
    let again = stage.leaves("corp", &key).await;
    let back = Returned {
        state: state_of(&again),
        ..back
    };
    let error = stage.comes_back("corp", &key, &back).await.unwrap_err();
    assert_eq!(error.code, "FAKE-002");
}

#[tokio::test]
async fn o11_an_answer_under_another_providers_address_is_refused() {
    let stage = Stage::set().await;
    let key = browser("a");
    let to = stage.leaves("corp", &key).await;
    let back = stage
        .world
        .idp
        .answers(&to, Says::Claims(stage.claims("ada", 60)));
    let error = stage.comes_back("other", &key, &back).await.unwrap_err();
    leaves_nothing(&stage, &error, "AUTH-012").await;
}

#[tokio::test]
async fn o11_a_code_of_one_provider_is_worth_nothing_at_another() {
    let stage = Stage::set().await;
    let key = browser("a");
    let (corp, other) = (
        stage.leaves("corp", &key).await,
        stage.leaves("other", &key).await,
    );
    let evil = stage
        .world
        .idp
        .answers(&other, Says::Claims(stage.claims("ada", 60)));
    let back = Returned {
        state: state_of(&corp),
        ..evil
    };
    let error = stage.comes_back("corp", &key, &back).await.unwrap_err();
    leaves_nothing(&stage, &error, "FAKE-003").await;
}

#[tokio::test]
async fn an_answer_after_ten_minutes_is_too_late() {
    let stage = Stage::set().await;
    let key = browser("a");
    let to = stage.leaves("corp", &key).await;
    let back = stage
        .world
        .idp
        .answers(&to, Says::Claims(stage.claims("ada", 60)));
    stage.forward(600);
    let error = stage.comes_back("corp", &key, &back).await.unwrap_err();
    leaves_nothing(&stage, &error, "AUTH-017").await;
}

#[tokio::test]
async fn o81_a_provider_that_is_switched_off_signs_nobody_in_not_even_who_is_under_way() {
    let stage = Stage::set().await;
    let key = browser("a");
    let to = stage.leaves("corp", &key).await;
    let back = stage
        .world
        .idp
        .answers(&to, Says::Claims(stage.claims("ada", 60)));
    stage.switch("corp", false).await;
    let error = stage.comes_back("corp", &key, &back).await.unwrap_err();
    leaves_nothing(&stage, &error, "AUTH-013").await;
    let call = stage.world.anonymous();
    let error = signin::begin(stage.s(), &call, "corp", key, "/", None).await;
    assert_eq!(error.unwrap_err().code, "AUTH-013");
    let ways = signin::ways(stage.s()).await.unwrap();
    assert_eq!(
        ways.iter().map(|way| way.slug.as_str()).collect::<Vec<_>>(),
        ["other"]
    );
}

#[tokio::test]
async fn w20_the_answer_to_a_sign_in_proves_no_presence() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let intent = stage.intent(&ada, "corp", Goal::Elevate).await.unwrap();
    // Signed in again at this moment, as fresh as can be, but asked as a sign-in.
    let key = stage.key(&ada);
    let to = stage.leaves("corp", &key).await;
    let back = stage
        .world
        .idp
        .answers(&to, Says::Claims(stage.claims("ada", 0)));
    let call = stage.call(&ada).await;
    let arrived = signin::complete(stage.s(), &call, "corp", Some(&key), &back).await;
    assert!(matches!(arrived, Ok(Arrived::SignedIn { .. })));
    assert!(stage.record("elevation.grant").await.is_empty());
    assert!(stage.record("reauth.").await.is_empty());
    // Nor does its code answer the question that asks for presence.
    let sign_in = stage.leaves("corp", &key).await;
    let asked = stage.leg(&ada, &intent).await;
    let back = stage
        .world
        .idp
        .answers(&sign_in, Says::Claims(stage.claims("ada", 0)));
    let crossed = Returned {
        state: state_of(&asked),
        ..back
    };
    stage.brings(&ada, "corp", &crossed).await.unwrap();
    assert!(!stage.any_is_fresh().await);
}

impl Stage {
    /// Whether any receipt is Fresh.
    async fn any_is_fresh(&self) -> bool {
        let filter = muster_storage::receipts::ReceiptFilter {
            verdict: Some(muster_domain::reauth::Verdict::Fresh),
            ..Default::default()
        };
        let page =
            muster_storage::receipts::list(self.s().db(), &filter, &Default::default()).await;
        !page.unwrap().rows.is_empty()
    }
}

#[tokio::test]
async fn the_provider_s_error_is_told_in_words_with_what_it_said() {
    let stage = Stage::set().await;
    let says = Says::Error("access_denied", Some("Not assigned"));
    let error = stage.signs_in("corp", says).await.unwrap_err();
    assert!(
        error.public.contains("cancelled at CORP") || error.public.contains("CORP was cancelled"),
        "{}",
        error.public
    );
    assert!(error.public.contains("“Not assigned”"));
    assert!(error.next.is_some());
    leaves_nothing(&stage, &error, "AUTH-020").await;
    for code in [
        "login_required",
        "consent_required",
        "invalid_scope",
        "server_error",
        "what_is_that",
    ] {
        let error = stage
            .signs_in("corp", Says::Error(code, None))
            .await
            .unwrap_err();
        assert!(
            error.public.contains("CORP") && !error.public.contains(code),
            "{code}"
        );
        assert!(error.next.is_some());
    }
}

#[tokio::test]
async fn an_answer_that_does_not_hold_is_refused_with_its_code() {
    let stage = Stage::set().await;
    let broken = Error::new("OIDC-011", Kind::Upstream, "The signature does not hold.");
    let error = stage
        .signs_in("corp", Says::Broken(broken))
        .await
        .unwrap_err();
    leaves_nothing(&stage, &error, "OIDC-011").await;
    assert!(stage.kept().await.is_empty());
}

#[tokio::test]
async fn a_provider_that_cannot_be_reached_leaves_no_question_behind() {
    let stage = Stage::set().await;
    let down = Error::new("OIDC-001", Kind::Upstream, "It does not answer.");
    stage.world.idp.goes_down(Some(down));
    let call = stage.world.anonymous();
    let error = signin::begin(stage.s(), &call, "corp", browser("a"), "/", None).await;
    assert_eq!(error.unwrap_err().code, "OIDC-001");
    stage.world.idp.goes_down(None);
    stage.leaves("corp", &browser("a")).await;
}

async fn completes(stage: &Stage, services: &Services, back: &Returned) -> Result<Arrived, Error> {
    let call = stage.world.anonymous();
    signin::complete(services, &call, "corp", Some(&browser("a")), back).await
}

#[tokio::test]
async fn a_disk_that_fills_up_on_the_way_leaves_nothing_half_written() {
    let rules = JitRules {
        managed_groups: vec!["*".to_owned()],
        create_groups: CreateGroups::Yes,
        ..JitRules::default()
    };
    let stage = Stage::with(rules).await;
    let to = stage.leaves("corp", &browser("a")).await;
    let mut claims = stage.claims("ada", 60);
    let groups: Vec<String> = (0..300)
        .map(|n| format!("{n} {}", "g".repeat(200)))
        .collect();
    claims["groups"] = json!(groups);
    let back = stage.world.idp.answers(&to, Says::Claims(claims));
    let full = stage.world.on_a_full_disk().await.unwrap();
    let error = completes(&stage, &full, &back).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    assert_eq!(stage.people().await, 0);
    let groups = muster_storage::groups::all(stage.s().db(), 1000)
        .await
        .unwrap();
    assert!(groups.is_empty());
    assert!(stage.kept().await.is_empty());
    let provider = stage.provider("corp").await.id;
    let linked = muster_storage::subjects::count_of_provider(stage.s().db(), provider).await;
    assert_eq!(linked.unwrap(), 0);
}

#[tokio::test]
async fn a_database_that_is_gone_signs_nobody_in() {
    let stage = Stage::set().await;
    let to = stage.leaves("corp", &browser("a")).await;
    let back = stage
        .world
        .idp
        .answers(&to, Says::Claims(stage.claims("ada", 60)));
    let other = stage.world.on_a_full_disk().await.unwrap();
    other.db().close().await.unwrap();
    let error = completes(&stage, &other, &back).await.unwrap_err();
    assert_eq!(error.kind, Kind::Unavailable);
    // The question was not used up: the answer counts when the database is back.
    completes(&stage, stage.s(), &back).await.unwrap();
}
