//! Applications behind a proxy: who is let in, what ends it, and codes that count once.

use muster_domain::application::{Application, Origin, Target};
use muster_domain::jit::JitRules;
use muster_domain::membership::Member;
use muster_domain::role::Role;
use muster_services::applications::{self, Draft};
use muster_services::forward::{self, LetIn, Passage, Visitor, Wanted, Wish};
use muster_services::reauth::Goal;
use muster_services::roles::Declared;
use muster_services::{elevation, groups, roles, sessions, users};
use muster_testing::{Persona, Says};
use url::Url;

use crate::stage::Stage;

pub const SITE: &str = "https://grafana.example";
const FLOW: &str = "what-the-browser-keeps-at-the-application";

pub fn draft(roles: &[&str], groups: &[&str]) -> Draft {
    let all = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    Draft {
        name: "Grafana".to_owned(),
        address: SITE.to_owned(),
        everybody: roles.is_empty() && groups.is_empty(),
        roles: all(roles),
        groups: all(groups),
        elevated: vec!["/admin".to_owned()],
    }
}

pub async fn superadmin(stage: &Stage) -> Persona {
    let sue = stage.world.persona("sue", &[Role::Superadmin]).await;
    stage.world.elevate(&sue.unwrap()).await.unwrap()
}

pub async fn added(stage: &Stage, draft: &Draft) -> Application {
    let sue = superadmin(stage).await;
    let proven = sue.call.elevated().unwrap();
    applications::add(stage.s(), &sue.call, &proven, draft)
        .await
        .unwrap()
}

pub fn target(address: &str) -> Target {
    Target::new(address).unwrap()
}

fn origin(address: &str) -> Origin {
    target(address).origin
}

/// What the browser brings to this console after the first step.
pub async fn wish(stage: &Stage, to: &str) -> Wish {
    let url = forward::leave(stage.s(), &target(&format!("{SITE}{to}")), FLOW, false).await;
    let url = url.unwrap();
    let value = |name: &str| {
        url.query_pairs()
            .find(|(key, _)| key == name)
            .unwrap()
            .1
            .into_owned()
    };
    Wish {
        application: value("application").parse().unwrap(),
        flow: value("flow"),
        to: value("to"),
        elevated: String::new(),
    }
}

fn code_of(url: &Url) -> String {
    assert!(
        url.as_str()
            .starts_with("https://grafana.example/.muster/return?code="),
        "{url}"
    );
    url.query_pairs().next().unwrap().1.into_owned()
}

async fn code(stage: &Stage, persona: &Persona, to: &str) -> String {
    let call = stage.call(persona).await;
    let way = forward::enter(stage.s(), &call, &wish(stage, to).await).await;
    code_of(&way.unwrap().to)
}

async fn exchange(
    stage: &Stage,
    site: &str,
    code: &str,
    flow: &str,
) -> Result<LetIn, &'static str> {
    forward::let_in(stage.s(), &origin(site), code, flow, &Visitor::default())
        .await
        .map_err(|error| error.code)
}

pub async fn comes_in(stage: &Stage, persona: &Persona) -> String {
    let code = code(stage, persona, "/dash?x=1").await;
    let entered = exchange(stage, SITE, &code, FLOW).await;
    let Ok(LetIn { token, to }) = entered else {
        panic!("not let in");
    };
    assert_eq!(to, "/dash?x=1");
    token
}

/// `open`, `denied`, `ask`, `elevate`, or the code of a refusal.
pub async fn asks(stage: &Stage, address: &str, token: &str, elevated: bool) -> &'static str {
    let mut told = Vec::new();
    for reads in [true, false] {
        let wanted = Wanted {
            target: target(address),
            elevated,
            reads,
            by_hand: true,
        };
        let visitor = Visitor {
            address: Some([203, 0, 113, 9].into()),
            ..Visitor::default()
        };
        told.push(
            match forward::verify(stage.s(), &wanted, Some(token), &visitor).await {
                Ok(Passage::Open(_)) => "open",
                Ok(Passage::Denied(_)) => "denied",
                Ok(Passage::Ask(asking)) if asking.elevated => "elevate",
                Ok(Passage::Ask(_)) => "ask",
                Err(error) => error.code,
            },
        );
    }
    assert_eq!(told[0], told[1], "reading and writing");
    told[0]
}

async fn opens(stage: &Stage, token: &str) -> &'static str {
    asks(stage, &format!("{SITE}/dash"), token, false).await
}

#[tokio::test]
async fn who_may_enter_comes_in_and_the_application_learns_who_it_is() {
    let rules = JitRules {
        managed_groups: vec!["Operators".to_owned(), "Night shift".to_owned()],
        ..Default::default()
    };
    let stage = Stage::with(rules).await;
    let system = stage.world.system();
    for name in ["Operators", "Night shift", "Others"] {
        groups::create(stage.s(), &system, name, "").await.unwrap();
    }
    added(&stage, &draft(&[], &["operators"])).await;
    let mut claims = stage.claims("ada", 3600);
    claims["groups"] = serde_json::json!(["Operators", "Night shift"]);
    stage.signs_in("corp", Says::Claims(claims)).await.unwrap();
    let user = stage.user("ada").await.unwrap();
    let ada = stage.world.sign_in(user.id, "ada").await.unwrap();
    let token = comes_in(&stage, &ada).await;
    let wanted = Wanted {
        target: target(SITE),
        elevated: false,
        reads: true,
        by_hand: true,
    };
    let passage = forward::verify(stage.s(), &wanted, Some(&token), &Visitor::default()).await;
    let Ok(Passage::Open(entered)) = passage else {
        panic!("{passage:?}");
    };
    assert_eq!(entered.person.user.username, "ada");
    let names: Vec<_> = entered
        .groups
        .iter()
        .map(|(_, name)| name.as_str())
        .collect();
    assert_eq!(names, ["Night shift", "Operators"]);
    let event = &stage.record("application.enter").await[0].event;
    assert_eq!((event.actor.as_str(), event.target.as_str()), ("ada", SITE));

    // Another browser, in which the provider says no more that she is in the group.
    let mut claims = stage.claims("ada", 60);
    claims["groups"] = serde_json::json!([]);
    stage.signs_in("corp", Says::Claims(claims)).await.unwrap();
    assert_eq!(
        opens(&stage, &token).await,
        "denied",
        "w25: the group is lost"
    );
}

#[tokio::test]
async fn w25_w5_w4_losing_role_account_or_session_ends_the_way_in_at_once() {
    let stage = Stage::set().await;
    let application = added(&stage, &draft(&["admin"], &[])).await;
    let ada = stage.person("ada", &[]).await;
    let error = forward::enter(stage.s(), &ada.call, &wish(&stage, "/dash").await).await;
    assert_eq!(error.unwrap_err().code, "FWD-004");
    let grant = stage
        .world
        .grant(Role::Admin, Member::User(ada.id))
        .await
        .unwrap();
    let token = comes_in(&stage, &ada).await;
    assert_eq!(opens(&stage, &token).await, "open");
    assert_eq!(opens(&stage, "made up").await, "ask", "w44");

    let tx = stage.s().db().begin().await.unwrap();
    let call = stage.world.system();
    let event = roles::declare(stage.s(), &call, &tx, Declared::Withdraw(grant))
        .await
        .unwrap();
    tx.commit(&[event]).await.unwrap();
    assert_eq!(opens(&stage, &token).await, "denied");
    stage
        .world
        .grant(Role::Admin, Member::User(ada.id))
        .await
        .unwrap();
    assert_eq!(opens(&stage, &token).await, "open");

    users::deactivate(stage.s(), &call, ada.id, "left")
        .await
        .unwrap();
    assert_eq!(opens(&stage, &token).await, "ask");
    users::reactivate(stage.s(), &call, ada.id).await.unwrap();
    assert_eq!(
        opens(&stage, &token).await,
        "ask",
        "what was ended stays ended"
    );

    let ada = stage.world.sign_in(ada.id, "ada").await.unwrap();
    let token = comes_in(&stage, &ada).await;
    assert_eq!(opens(&stage, &token).await, "open");
    sessions::revoke(stage.s(), &ada.call, ada.id, &stage.key(&ada))
        .await
        .unwrap();
    assert_eq!(opens(&stage, &token).await, "ask");

    let ada = stage.world.sign_in(ada.id, "ada").await.unwrap();
    let token = comes_in(&stage, &ada).await;
    stage.forward(31 * 60);
    assert_eq!(opens(&stage, &token).await, "ask", "w6: nobody used it");
    let ada = stage.world.sign_in(ada.id, "ada").await.unwrap();
    let token = comes_in(&stage, &ada).await;
    let sue = stage
        .world
        .persona("sam", &[Role::Superadmin])
        .await
        .unwrap();
    let sue = stage.world.elevate(&sue).await.unwrap();
    let proven = sue.call.elevated().unwrap();
    applications::remove(stage.s(), &sue.call, &proven, application.id)
        .await
        .unwrap();
    assert_eq!(opens(&stage, &token).await, "FWD-003");
}

#[tokio::test]
async fn w17_w24_protected_pages_open_in_a_secure_session_alone() {
    let stage = Stage::set().await;
    added(&stage, &draft(&[], &[])).await;
    let ada = stage.person("ada", &[]).await;
    let token = comes_in(&stage, &ada).await;
    let admin = format!("{SITE}/admin/users");
    assert_eq!(asks(&stage, &admin, &token, false).await, "elevate");
    assert_eq!(
        asks(&stage, SITE, &token, true).await,
        "elevate",
        "the proxy demands it"
    );
    let inside = wish(&stage, "/;x%2fy/%61dmin").await;
    let error = forward::enter(stage.s(), &ada.call, &inside)
        .await
        .unwrap_err();
    assert_eq!(error.code, "ELV-001");
    assert_eq!(
        forward::action(stage.s(), &inside)
            .await
            .unwrap()
            .as_deref(),
        Some("open protected pages of Grafana")
    );

    let proof = stage.proves(&ada, Goal::Elevate).await.proof.unwrap();
    let (ada, _) = stage.grants(&ada, proof).await;
    assert_eq!(
        asks(&stage, &admin, &token, false).await,
        "open",
        "the way in follows the session to its new name"
    );
    assert_eq!(asks(&stage, SITE, &token, true).await, "open");
    forward::enter(stage.s(), &ada.call, &inside).await.unwrap();
    elevation::drop_now(stage.s(), &ada.call).await.unwrap();
    assert_eq!(asks(&stage, &admin, &token, false).await, "elevate");
    assert_eq!(opens(&stage, &token).await, "open");
}

#[tokio::test]
async fn w21_w22_a_code_counts_once_for_a_minute_here_and_in_this_browser() {
    let stage = Stage::set().await;
    added(&stage, &draft(&[], &[])).await;
    let sam = stage
        .world
        .persona("sam", &[Role::Superadmin])
        .await
        .unwrap();
    let sam = stage.world.elevate(&sam).await.unwrap();
    let other = Draft {
        address: "https://other.example".to_owned(),
        ..draft(&[], &[])
    };
    let proven = sam.call.elevated().unwrap();
    applications::add(stage.s(), &sam.call, &proven, &other)
        .await
        .unwrap();
    let ada = stage.person("ada", &[]).await;

    let used = code(&stage, &ada, "/").await;
    let token = exchange(&stage, SITE, &used, FLOW)
        .await
        .ok()
        .unwrap()
        .token;
    assert_eq!(
        exchange(&stage, SITE, &used, FLOW).await.err(),
        Some("FWD-005")
    );
    for (site, flow) in [
        (SITE, "another browser"),
        (SITE, ""),
        ("https://other.example", FLOW),
    ] {
        let code = code(&stage, &ada, "/").await;
        assert_eq!(
            exchange(&stage, site, &code, flow).await.err(),
            Some("FWD-005"),
            "{site} {flow}"
        );
        assert_eq!(
            exchange(&stage, SITE, &code, FLOW).await.err(),
            Some("FWD-005"),
            "used up"
        );
    }
    let late = code(&stage, &ada, "/").await;
    stage.forward(60);
    assert_eq!(
        exchange(&stage, SITE, &late, FLOW).await.err(),
        Some("FWD-005")
    );
    assert_eq!(
        asks(&stage, "https://other.example/", &token, false).await,
        "ask",
        "each origin has its own"
    );

    let orphan = code(&stage, &ada, "/").await;
    sessions::revoke(stage.s(), &ada.call, ada.id, &stage.key(&ada))
        .await
        .unwrap();
    assert_eq!(
        exchange(&stage, SITE, &orphan, FLOW).await.err(),
        Some("FWD-005")
    );
}
