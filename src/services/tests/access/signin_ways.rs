//! The ways to a provider and back: whom it leads where, with which hint, and out again.

use muster_services::signin::{self, Arrived};
use muster_services::{Call, Who};
use muster_testing::Says;

use crate::stage::{Stage, browser, draft};

#[tokio::test]
async fn o51_where_to_go_afterwards_is_a_path_of_this_console() {
    let stage = Stage::set().await;
    for (wanted, kept) in [
        ("/groups?q=a", "/groups?q=a"),
        ("https://evil.example/", "/"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("javascript:alert(1)", "/"),
    ] {
        let key = browser("a");
        let call = stage.world.anonymous();
        let to = signin::begin(stage.s(), &call, "corp", key.clone(), wanted, None).await;
        let says = Says::Claims(stage.claims("ada", 60));
        let back = stage.world.idp.answers(&to.unwrap(), says);
        match stage.comes_back("corp", &key, &back).await.unwrap() {
            Arrived::SignedIn { return_to, .. } => assert_eq!(return_to, kept),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_hint_reaches_the_provider_only_if_it_can_be_a_name() {
    let stage = Stage::set().await;
    let call = stage.world.anonymous();
    let long = "x".repeat(255);
    for hint in [" ada@corp.example ", "", "a\nb", &long] {
        signin::begin(stage.s(), &call, "corp", browser("a"), "/", Some(hint))
            .await
            .unwrap();
    }
    let hints: Vec<_> = stage
        .world
        .idp
        .asked()
        .into_iter()
        .map(|asked| asked.login_hint)
        .collect();
    assert_eq!(
        hints,
        [Some("ada@corp.example".to_owned()), None, None, None]
    );
}

#[tokio::test]
async fn an_address_leads_to_the_provider_of_its_domain_if_that_is_on() {
    let stage = Stage::set().await;
    let mut corp = draft("corp");
    corp.domains = vec!["corp.example".to_owned()];
    stage
        .declare(&corp, muster_domain::jit::JitRules::default())
        .await;
    let way = signin::route(stage.s(), " Ada@CORP.example ")
        .await
        .unwrap();
    assert_eq!(way.unwrap().slug, "corp");
    for none in ["ada", "ada@evil.example", "ada@sub.corp.example", "@", ""] {
        assert_eq!(
            signin::route(stage.s(), none).await.unwrap(),
            None,
            "{none}"
        );
    }
    stage.switch("corp", false).await;
    assert_eq!(
        signin::route(stage.s(), "ada@corp.example").await.unwrap(),
        None
    );
}

#[tokio::test]
async fn signing_out_goes_on_record_and_ends_the_session_at_the_provider_too() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let (to, name) = signin::sign_out_at_provider(stage.s(), &ada.call)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(name, "CORP");
    assert!(to.as_str().contains("signedout"));
    signin::signed_out(stage.s(), &ada.call).await.unwrap();
    assert_eq!(stage.record("signout").await[0].event.actor, "ada");
    let by_password = stage.world.persona("pat", &[]).await.unwrap();
    let none = signin::sign_out_at_provider(stage.s(), &by_password.call)
        .await
        .unwrap();
    assert_eq!(none, None);
    let nobody = Call {
        who: Who::Anonymous,
        ..ada.call.clone()
    };
    assert_eq!(
        signin::signed_out(stage.s(), &nobody)
            .await
            .unwrap_err()
            .code,
        "WEB-401"
    );
}
