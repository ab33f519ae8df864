//! A change of the address locks nobody out, and what would be refused is said before it is asked for.

use muster_domain::membership::Member;
use muster_domain::role::Role;
use muster_services::Knowingly::Yes;
use muster_services::providers::{self, Enabled};
use muster_services::users::{self, BulkAction, Selection};
use muster_services::{config, factors, groups, roles, site};
use muster_storage::{Quiet, recovery_codes};
use secrecy::SecretString;

use crate::factor::internal;
use crate::lockout::{code, provided};
use crate::passkey::{ORIGIN, adds, key, stage};
use crate::stage::Stage;

const ELSEWHERE: &str = "https://other.example.org";

async fn apply(stage: &Stage, text: &str) -> String {
    let wanted = config::parse(text).unwrap();
    let resolve = |_: &str| Ok(SecretString::from("x"));
    code(config::apply(stage.s(), &stage.world.system(), &wanted, &resolve).await)
}

async fn foretold(stage: &Stage, text: &str) -> Option<&'static str> {
    let wanted = config::parse(text).unwrap();
    let told = config::foretell(stage.s(), &stage.world.system(), &wanted).await;
    told.unwrap().map(|refused| refused.code)
}

#[tokio::test]
async fn the_address_does_not_move_away_from_the_only_second_factor_of_the_only_superadmin() {
    let stage = stage().await;
    let bob = internal(&stage, "bob", &[Role::Superadmin]).await;
    adds(&stage, &bob, &mut key(1), "Blue key").await.unwrap();
    // The recovery codes are used up.
    let tx = stage.s().db().begin().await.unwrap();
    recovery_codes::remove(&tx, bob.id).await.unwrap();
    tx.commit_quiet(Quiet::SessionData).await.unwrap();
    let (s, call) = (stage.s(), stage.call(&bob).await);
    let by = call.elevated().unwrap();
    for there in [ELSEWHERE, "http://127.0.0.1:3000"] {
        let refused = site::set(s, &call, &by, there).await.unwrap_err();
        assert_eq!(
            (refused.code, refused.fields[0].field.as_str()),
            ("LOCK-001", "url")
        );
        let file = format!("[site]\nurl = \"{there}\"\n");
        assert_eq!(foretold(&stage, &file).await, Some("LOCK-001"));
        assert_eq!(apply(&stage, &file).await, "LOCK-001");
    }
    let words = site::set(s, &call, &by, ELSEWHERE)
        .await
        .unwrap_err()
        .public;
    let says = "bob cannot sign in: no passkey of theirs answers to other.example.org";
    assert!(words.contains(says), "{words}");
    assert_eq!(site::url(s).await.unwrap().as_str(), format!("{ORIGIN}/"));
    assert!(stage.record("settings.url").await.is_empty());
    // The same host on another port is the same name to a passkey.
    site::set(s, &call, &by, &format!("{ORIGIN}:8443"))
        .await
        .unwrap();
    // With codes again, it may move.
    factors::make_codes(s, &call, &by).await.unwrap();
    assert_eq!(
        foretold(&stage, &format!("[site]\nurl = \"{ELSEWHERE}\"\n")).await,
        None
    );
    site::set(s, &call, &by, ELSEWHERE).await.unwrap();
}

#[tokio::test]
async fn the_address_does_not_move_while_only_a_provider_that_knows_the_old_one_lets_superadmins_in()
 {
    let stage = Stage::set().await;
    let sue = provided(&stage, "sue").await;
    let by = sue.call.elevated().unwrap();
    let s = stage.s();
    let refused = site::set(s, &sue.call, &by, ELSEWHERE).await.unwrap_err();
    assert_eq!(refused.code, "LOCK-001");
    assert!(refused.public.contains("CORP since it was last changed"));
    assert_eq!(site::stored(s).await.unwrap(), None);
    internal(&stage, "bob", &[Role::Superadmin]).await;
    site::set(s, &sue.call, &by, ELSEWHERE).await.unwrap();
}

#[tokio::test]
async fn pages_that_ask_say_what_would_be_refused_and_nothing_once_it_would_not() {
    let stage = Stage::set().await;
    let sue = provided(&stage, "sue").await;
    let (s, call) = (stage.s(), &sue.call);
    let corp = stage.provider("corp").await;
    let grant = muster_storage::roles::list(s.db()).await.unwrap()[0]
        .assignment
        .id;
    let off = "[providers.corp]\nname = \"CORP\"\nvendor = \"keycloak\"\nenabled = false\n[providers.corp.settings]\nissuer = \"https://corp.example\"\nclient_id = \"muster\"\n";
    let moved = off
        .replace("corp.example", "corp2.example")
        .replace("enabled = false\n", "");
    let never = "[policies.superadmin]\npassword = \"never\"\nprovider = \"fresh\"\n";
    let nobody = "[roles.superadmin]\nusers = [\"shell\"]\n";
    stage.world.user("shell").await.unwrap();
    let told = async || {
        let shut = providers::shuts_out(s, call, corp.id).await.unwrap();
        let detail = users::detail(s, call, sue.id).await.unwrap();
        let overview = roles::overview(s, call).await.unwrap();
        (
            shut.map(|refused| refused.code),
            detail.shuts_out.is_some(),
            overview
                .iter()
                .any(|role| role.shut_out.contains_key(&grant)),
        )
    };
    assert_eq!(told().await, (Some("LOCK-001"), true, true));
    let events = stage.record("").await.len();
    for file in [off, &moved, nobody] {
        assert_eq!(foretold(&stage, file).await, Some("LOCK-001"), "{file}");
        assert_eq!(apply(&stage, file).await, "LOCK-001");
    }
    assert_eq!(foretold(&stage, never).await, None, "she never used one");
    assert_eq!(
        stage.record("").await.len(),
        events,
        "looking changes nothing"
    );
    assert!(stage.provider("corp").await.enabled);
    // With somebody else who gets in, nothing is foretold, and nothing is refused.
    internal(&stage, "bob", &[Role::Superadmin]).await;
    assert_eq!(told().await, (None, false, false));
    assert_eq!(foretold(&stage, off).await, None);
    let by = call.elevated().unwrap();
    providers::set_enabled(s, call, &by, "corp", Enabled::No)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_plan_says_that_it_would_take_the_last_way_in_although_no_line_of_it_is_refused() {
    let stage = Stage::set().await;
    let bob = internal(&stage, "bob", &[Role::Superadmin]).await;
    let (s, by) = (stage.s(), bob.call.elevated().unwrap());
    stage
        .world
        .persona("shell", &[Role::Superadmin])
        .await
        .unwrap();
    let group = groups::create(s, &bob.call, "Owners", "").await.unwrap();
    stage
        .world
        .grant(Role::Superadmin, Member::Group(group))
        .await
        .unwrap();
    let member = Member::User(bob.id);
    groups::add_member(s, &bob.call, Some(&by), group, member, Yes)
        .await
        .unwrap();
    let call = stage.world.system();
    let selection = Selection::Ids(vec![bob.id]);
    let leave = BulkAction::RemoveFromGroup(group);
    let deactivate = BulkAction::Deactivate {
        reason: String::new(),
    };
    let shuts_out = async |action: &BulkAction| {
        let plan = users::plan_bulk(s, &call, &selection, action)
            .await
            .unwrap();
        assert!(plan.refused.is_empty(), "{action:?}");
        plan.shuts_out
    };
    // He holds the role directly too.
    assert_eq!(shuts_out(&leave).await, None);
    assert_eq!(
        groups::plan_delete(s, &call, group).await.unwrap().refused,
        None
    );
    let words = shuts_out(&deactivate).await.unwrap();
    assert!(words.contains("shell cannot sign in"), "{words}");
    let direct = muster_storage::roles::list(s.db()).await.unwrap();
    let direct = direct.iter().find(|row| row.assignment.principal == member);
    roles::withdraw(s, &bob.call, &by, direct.unwrap().assignment.id)
        .await
        .unwrap();
    assert!(shuts_out(&leave).await.is_some());
    let plan = groups::plan_delete(s, &call, group).await.unwrap();
    assert_eq!(plan.refused.unwrap().code, "LOCK-001");
}
