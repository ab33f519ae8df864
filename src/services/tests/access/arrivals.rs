//! Who comes to be at sign-in, who stays out, and who is not taken for somebody else.

use muster_domain::jit::{Create, CreateGroups, JitRules};
use muster_domain::membership::{Member, Origin};
use muster_domain::{Error, Kind};
use muster_services::signin::Arrived;
use muster_services::users;
use muster_storage::sign_ins::Outcome;
use muster_storage::{memberships, subjects};
use muster_testing::Says;
use serde_json::{Value, json};

use crate::stage::{CORP, Stage};

fn with_groups() -> JitRules {
    JitRules {
        managed_groups: vec!["eng*".to_owned()],
        default_groups: vec!["Everybody".to_owned()],
        create_groups: CreateGroups::Yes,
        ..JitRules::default()
    }
}

async fn arrives(stage: &Stage, claims: Value) -> Result<muster_domain::user::User, Error> {
    match stage.signs_in("corp", Says::Claims(claims)).await? {
        Arrived::SignedIn { user, .. } => Ok(*user),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn somebody_unknown_is_created_with_groups_that_say_what_put_them_there() {
    let stage = Stage::with(with_groups()).await;
    let mut claims = stage.claims("ada", 60);
    claims["groups"] = json!(["eng-core", "sales"]);
    claims["email"] = json!("ada@corp.example");
    let ada = arrives(&stage, claims).await.unwrap();
    let corp = stage.provider("corp").await.id;
    let rows = memberships::of_member(stage.s().db(), Member::User(ada.id))
        .await
        .unwrap();
    let mut found: Vec<_> = rows
        .into_iter()
        .map(|row| (row.group_name, row.membership.origin))
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(
        found,
        [
            ("Everybody".to_owned(), Origin::Default(corp)),
            ("eng-core".to_owned(), Origin::Claims(corp)),
        ]
    );
    let linked = subjects::of_user(stage.s().db(), ada.id).await.unwrap();
    assert_eq!(
        (linked[0].issuer.as_str(), linked[0].subject.as_str()),
        (CORP, "ada")
    );
    let kept = &stage.kept().await[0];
    assert_eq!((kept.outcome, kept.user), (Outcome::SignedIn, Some(ada.id)));
}

#[tokio::test]
async fn a_second_sign_in_that_says_the_same_changes_nothing() {
    let stage = Stage::with(with_groups()).await;
    let mut claims = stage.claims("ada", 60);
    claims["groups"] = json!(["eng-core"]);
    let first = arrives(&stage, claims.clone()).await.unwrap();
    let before = stage.record("").await.len();
    stage.forward(60);
    let again = arrives(&stage, claims.clone()).await.unwrap();
    assert_eq!(again.id, first.id);
    assert_eq!(again.updated_at, first.updated_at);
    let row = &stage.record("signin.provider").await[0].event;
    assert_eq!(row.detail["changes"], 0);
    assert_eq!(stage.record("").await.len(), before + 1);
    // And a group that is claimed no more is left, the default one is not.
    claims["groups"] = json!([]);
    arrives(&stage, claims).await.unwrap();
    let rows = memberships::of_member(stage.s().db(), Member::User(first.id))
        .await
        .unwrap();
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].group_name, "Everybody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_first_sign_ins_of_one_person_at_once_make_one_user() {
    let stage = std::sync::Arc::new(Stage::set().await);
    let claims = stage.claims("ada", 60);
    let tasks = (0..4).map(|n| {
        let (stage, claims) = (stage.clone(), claims.clone());
        tokio::spawn(async move {
            let key = crate::stage::browser(&n.to_string());
            let to = stage.leaves("corp", &key).await;
            let back = stage.world.idp.answers(&to, Says::Claims(claims));
            stage.comes_back("corp", &key, &back).await.unwrap();
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
    assert_eq!(stage.people().await, 1);
}

#[tokio::test]
async fn jit001_somebody_deactivated_stays_out_and_is_told_by_whom() {
    let stage = Stage::set().await;
    let ada = arrives(&stage, stage.claims("ada", 60)).await.unwrap();
    users::deactivate(stage.s(), &stage.world.system(), ada.id, "on leave")
        .await
        .unwrap();
    let error = arrives(&stage, stage.claims("ada", 0)).await.unwrap_err();
    assert_eq!((error.code, error.kind), ("JIT-001", Kind::Forbidden));
    assert!(
        error.public.contains("deactivated by test") && error.public.contains("on leave"),
        "{error}"
    );
    assert!(!stage.user("ada").await.unwrap().is_active());
    let refused = stage
        .kept()
        .await
        .into_iter()
        .filter(|kept| kept.outcome == Outcome::Refused);
    assert_eq!(refused.count(), 1);
}

#[tokio::test]
async fn o77_o78_a_username_that_is_taken_is_reported_and_takes_nothing_over() {
    let stage = Stage::set().await;
    let local = stage.world.user("ada").await.unwrap();
    for (name, code, kind) in [
        ("ada", "JIT-005", Kind::Conflict),
        ("ADA", "JIT-005", Kind::Conflict),
        ("ａｄａ", "JIT-005", Kind::Conflict),
        // With an invisible character it is no username at all.
        ("ad\u{200b}a", "JIT-007", Kind::Forbidden),
    ] {
        let mut claims = stage.claims("stranger", 60);
        claims["preferred_username"] = json!(name);
        let error = arrives(&stage, claims).await.unwrap_err();
        assert_eq!((error.code, error.kind), (code, kind), "{name}");
    }
    assert_eq!(stage.people().await, 1);
    assert!(
        subjects::of_user(stage.s().db(), local)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(stage.user("ada").await.unwrap().last_sign_in_at, None);
}

#[tokio::test]
async fn o77_a_known_person_cannot_rename_into_somebody_else() {
    let stage = Stage::set().await;
    let boss = stage.world.user("boss").await.unwrap();
    let eve = arrives(&stage, stage.claims("eve", 60)).await.unwrap();
    let mut claims = stage.claims("eve", 60);
    claims["preferred_username"] = json!("Boss");
    let again = arrives(&stage, claims).await.unwrap();
    assert_eq!((again.id, again.username.as_str()), (eve.id, "eve"));
    assert_eq!(stage.user("boss").await.unwrap().id, boss);
}

#[tokio::test]
async fn o73_the_same_verified_address_never_links() {
    let stage = Stage::set().await;
    let local = stage.world.user("boss").await.unwrap();
    let mut claims = stage.claims("stranger", 60);
    claims["email"] = json!("boss@example.com");
    claims["email_verified"] = json!(true);
    let stranger = arrives(&stage, claims).await.unwrap();
    assert_ne!(stranger.id, local);
    assert!(
        subjects::of_user(stage.s().db(), local)
            .await
            .unwrap()
            .is_empty()
    );
    let notes = stage.kept().await[0].notes.join(" ");
    assert!(
        notes.contains("boss") && notes.contains("proves nothing"),
        "{notes}"
    );
}

#[tokio::test]
async fn the_same_subject_at_another_issuer_or_provider_is_another_person() {
    let stage = Stage::set().await;
    let first = arrives(&stage, stage.claims("ada", 60)).await.unwrap();
    let mut claims = stage.claims("ada", 60);
    claims["iss"] = json!("https://evil.example");
    claims["preferred_username"] = json!("second");
    let second = arrives(&stage, claims.clone()).await.unwrap();
    claims["iss"] = json!("https://corp.example");
    claims["preferred_username"] = json!("third");
    let Arrived::SignedIn { user: third, .. } =
        stage.signs_in("other", Says::Claims(claims)).await.unwrap()
    else {
        panic!("nobody signed in");
    };
    assert!(first.id != second.id && first.id != third.id && second.id != third.id);
}

#[tokio::test]
async fn somebody_refused_leaves_a_record_and_the_claims_but_no_user_and_no_session() {
    let rules = JitRules {
        create: Create::Nobody,
        ..JitRules::default()
    };
    let stage = Stage::with(rules).await;
    let mut claims = stage.claims("ada", 60);
    claims["nonce"] = json!("once-only");
    let error = arrives(&stage, claims).await.unwrap_err();
    assert_eq!(error.code, "JIT-002");
    assert_eq!((stage.people().await, stage.sessions().await), (0, 0));
    let kept = &stage.kept().await[0];
    assert_eq!((kept.outcome, kept.user), (Outcome::Refused, None));
    let claims = kept.claims.as_ref().unwrap();
    assert_eq!(claims.text("sub"), Some("ada"));
    assert_eq!(claims.get("nonce"), None);
    assert!(kept.notes[0].contains("JIT-002"));
    let row = &stage.record("signin.refused").await[0].event;
    assert_eq!(
        (row.detail["code"].as_str(), row.target.as_str()),
        (Some("JIT-002"), "corp")
    );
}

#[tokio::test]
async fn o75_only_a_verified_address_of_the_right_domain_lets_in_where_that_is_the_rule() {
    let rules = JitRules {
        create: Create::OnlyDomains,
        ..JitRules::default()
    };
    let stage = Stage::with(rules.clone()).await;
    let mut corp = crate::stage::draft("corp");
    corp.domains = vec!["corp.example".to_owned()];
    stage.declare(&corp, rules).await;
    for (email, verified, code) in [
        (json!("ada@corp.example"), json!("false"), "JIT-003"),
        (json!("ada@corp.example"), json!(null), "JIT-003"),
        (json!("ada@evil.example"), json!(true), "JIT-004"),
        (json!("ada@corp.example.evil"), json!(true), "JIT-004"),
        (json!(null), json!(true), "JIT-003"),
    ] {
        let mut claims = stage.claims("ada", 60);
        claims["email"] = email.clone();
        claims["email_verified"] = verified;
        let error = arrives(&stage, claims).await.unwrap_err();
        assert_eq!(error.code, code, "{email}");
    }
    let mut claims = stage.claims("ada", 60);
    claims["email"] = json!("ada@CORP.example");
    claims["email_verified"] = json!(true);
    arrives(&stage, claims).await.unwrap();
}
