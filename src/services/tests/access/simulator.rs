//! A simulated sign-in says what the sign-in then does, and does nothing.

use muster_domain::Kind;
use muster_domain::jit::{Create, CreateGroups, JitRules};
use muster_domain::membership::Member;
use muster_domain::role::Role;
use muster_services::groups::create as make_group;
use muster_services::simulator::{self, Simulated, Whose};
use muster_services::users;
use muster_storage::groups;
use muster_testing::Says;
use serde_json::{Value, json};

use crate::stage::Stage;

fn with_groups() -> JitRules {
    JitRules {
        managed_groups: vec!["eng*".to_owned()],
        default_groups: vec!["Everybody".to_owned()],
        create_groups: CreateGroups::Yes,
        ..JitRules::default()
    }
}

async fn pasted(stage: &Stage, claims: &Value) -> Simulated {
    let text = claims.to_string();
    let call = stage.world.system();
    simulator::simulate(stage.s(), &call, "corp", Whose::Claims(&text))
        .await
        .unwrap()
}

async fn of(stage: &Stage, username: &str) -> Simulated {
    let call = stage.world.system();
    simulator::simulate(stage.s(), &call, "corp", Whose::Person(username))
        .await
        .unwrap()
}

#[tokio::test]
async fn somebody_unknown_is_told_what_the_sign_in_then_does_and_nothing_is_written() {
    let stage = Stage::with(with_groups()).await;
    let mut claims = stage.claims("ada", 60);
    claims["groups"] = json!(["eng-core", "sales"]);
    let record = stage.record("").await.len();
    let simulated = pasted(&stage, &claims).await;
    assert!(simulated.lets_in());
    assert_eq!(stage.people().await, 0);
    assert_eq!(stage.record("").await.len(), record);
    assert_eq!(stage.kept().await.len(), 0);
    let db = stage.s().db();
    assert_eq!(groups::by_name(db, "Everybody").await.unwrap(), None);
    stage.signs_in("corp", Says::Claims(claims)).await.unwrap();
    let kept = stage.kept().await;
    assert_eq!(simulated.decision.explain(), kept[0].notes);
    assert_eq!(
        simulated.admitted.map(|(user, _)| user.username).as_deref(),
        Some("ada")
    );
}

#[tokio::test]
async fn somebody_known_is_simulated_from_what_was_recorded_last() {
    let stage = Stage::with(with_groups()).await;
    let mut claims = stage.claims("ada", 60);
    claims["groups"] = json!(["eng-core"]);
    stage
        .signs_in("corp", Says::Claims(claims.clone()))
        .await
        .unwrap();
    let simulated = of(&stage, "ada").await;
    assert!(simulated.lets_in());
    assert!(simulated.recorded_at.is_some());
    assert_eq!(simulated.decision.changes, []);
    claims["groups"] = json!([]);
    claims["name"] = json!("Ada the Great");
    let changed = pasted(&stage, &claims).await;
    let told = changed.decision.explain().join(" ");
    assert!(told.contains("Leaves “eng-core”"), "{told}");
    assert!(told.contains("“Ada the Great”"), "{told}");
    assert_eq!(of(&stage, "ada").await.decision.changes, []);
}

#[tokio::test]
async fn who_would_stay_out_is_told_why_with_the_code() {
    let stage = Stage::set().await;
    let ada = stage.person("ada", &[]).await;
    let id = ada.call.signed_in().unwrap().user.id;
    users::deactivate(stage.s(), &stage.world.system(), id, "on leave")
        .await
        .unwrap();
    let simulated = of(&stage, "ada").await;
    assert!(!simulated.lets_in());
    let told = simulated.decision.explain().join(" ");
    assert!(told.contains("JIT-001"), "{told}");
    stage.switch("corp", false).await;
    let off = pasted(&stage, &stage.claims("bea", 60)).await;
    assert!(!off.lets_in());
    assert!(off.admitted.is_some(), "the rules would let her in");
    assert!(off.obstacle.is_some());
}

#[tokio::test]
async fn the_last_way_in_is_kept_as_at_the_sign_in() {
    let stage = Stage::with(with_groups()).await;
    let mut claims = stage.claims("ada", 60);
    claims["groups"] = json!(["eng-admins"]);
    stage
        .signs_in("corp", Says::Claims(claims.clone()))
        .await
        .unwrap();
    let db = stage.s().db();
    let admins = groups::by_name(db, "eng-admins").await.unwrap().unwrap();
    stage
        .world
        .grant(Role::Superadmin, Member::Group(admins.id))
        .await
        .unwrap();
    claims["groups"] = json!([]);
    let simulated = pasted(&stage, &claims).await;
    assert!(simulated.lets_in());
    let (kept, _) = simulated.kept.unwrap();
    assert_eq!(kept, ["eng-admins"]);
    let (_, roles) = simulated.admitted.unwrap();
    assert_eq!(roles, [Role::Superadmin]);
}

#[tokio::test]
async fn what_cannot_be_simulated_is_told_beside_the_field() {
    let stage = Stage::set().await;
    let call = stage.world.system();
    for (text, words) in [
        ("{", "no JSON object"),
        ("[]", "no JSON object"),
        ("{\"name\": \"x\"}", "“sub” is missing"),
    ] {
        let whose = Whose::Claims(text);
        let error = simulator::simulate(stage.s(), &call, "corp", whose)
            .await
            .unwrap_err();
        assert_eq!(error.fields[0].field, "claims");
        assert!(error.fields[0].message.contains(words), "{error:?}");
    }
    for username in ["", "nobody"] {
        let whose = Whose::Person(username);
        let error = simulator::simulate(stage.s(), &call, "corp", whose)
            .await
            .unwrap_err();
        assert_eq!(error.fields[0].field, "person");
    }
    let stranger = stage.person("bea", &[]).await;
    let call = stage.call(&stranger).await;
    let refused = simulator::simulate(stage.s(), &call, "corp", Whose::Claims("{}"))
        .await
        .unwrap_err();
    assert_eq!(refused.kind, Kind::Forbidden);
    let refused = simulator::replay(stage.s(), &call, "corp", &JitRules::default()).await;
    assert_eq!(refused.unwrap_err().kind, Kind::Forbidden);
}

#[tokio::test]
async fn other_rules_are_weighed_on_the_recorded_sign_ins() {
    let stage = Stage::with(with_groups()).await;
    for (subject, group) in [("ada", "eng-core"), ("bea", "sales")] {
        let mut claims = stage.claims(subject, 60);
        claims["groups"] = json!([group]);
        stage.signs_in("corp", Says::Claims(claims)).await.unwrap();
    }
    make_group(stage.s(), &stage.world.system(), "sales", "")
        .await
        .unwrap();
    let call = stage.world.system();
    let same = simulator::replay(stage.s(), &call, "corp", &with_groups())
        .await
        .unwrap();
    assert_eq!((same.people, same.different), (2, 0));
    let mut rules = with_groups();
    rules.managed_groups.push("sales".to_owned());
    let replay = simulator::replay(stage.s(), &call, "corp", &rules)
        .await
        .unwrap();
    assert_eq!((replay.people, replay.different), (2, 1));
    let [bea] = replay.shown.as_slice() else {
        panic!("{replay:?}")
    };
    assert_eq!(bea.username, "bea");
    assert!(bea.after.join(" ").contains("Joins “sales”"), "{bea:?}");
    let nobody = JitRules {
        create: Create::Nobody,
        ..with_groups()
    };
    let replay = simulator::replay(stage.s(), &call, "corp", &nobody)
        .await
        .unwrap();
    assert_eq!(replay.different, 0, "whoever is linked comes in still");
}

#[tokio::test]
async fn of_many_recorded_sign_ins_the_last_are_weighed_and_that_is_told() {
    let stage = Stage::set().await;
    let call = stage.world.system();
    for number in 0..200 {
        let claims = stage.claims(&format!("p{:02}", number % 20), 60);
        stage.signs_in("corp", Says::Claims(claims)).await.unwrap();
    }
    let rules = JitRules::default();
    let replay = simulator::replay(stage.s(), &call, "corp", &rules)
        .await
        .unwrap();
    assert_eq!((replay.people, replay.is_cut), (20, false));
    let claims = stage.claims("another", 60);
    stage.signs_in("corp", Says::Claims(claims)).await.unwrap();
    let replay = simulator::replay(stage.s(), &call, "corp", &rules)
        .await
        .unwrap();
    assert_eq!((replay.people, replay.is_cut), (21, true));
}
