//! From a real slapd to rows, and again.

use std::collections::HashSet;

use chrono::TimeDelta;
use ldap3::Mod;
use muster_directories::{Bind, Ldap};
use muster_domain::change::{Action, Cause};
use muster_domain::guard::Guarded;
use muster_domain::membership::Member;
use muster_domain::plan::PlanState;
use muster_domain::reading::{Because, Reading, Told};
use muster_services::directories;
use muster_services::sync::{Rules, runs};
use muster_storage::{groups, memberships, users};
use muster_testing::TestWorld;

use crate::declaring::{admin, draft, synced};
use crate::slapd::{Setup, Slapd, group, named, people, person};
use crate::{approved, carried, declared, is_in, kept, planned};

/// 300 people; everybody in `all`, which is in `company`, which is in itself by a circle.
fn entries() -> String {
    let all: Vec<String> = (1..=300).map(person).collect();
    people(300)
        + &group("all", &all)
        + &group("company", &[named("all"), named("circle")])
        + &group("circle", &[named("company"), person(7)])
}

#[tokio::test]
async fn people_and_nested_groups_come_once_and_then_nothing_is_to_be_done() {
    let entries = entries();
    let Some(slapd) = Slapd::start(Setup::of(&entries)) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let source = Ldap::new(slapd.settings()).unwrap();
    let plan = planned(&world, directory, &source, &Rules::default())
        .await
        .unwrap();
    assert_eq!(plan.guarded, Guarded::Clear);
    assert_eq!(plan.refusals, []);
    // 300 people, 3 groups with their links, 300 + 2 + 2 memberships.
    assert_eq!(plan.steps.len(), 300 + 6 + 304);
    carried(&world, &plan).await;
    let company = groups::by_name(world.services.db(), "company")
        .await
        .unwrap()
        .unwrap();
    let inside = memberships::effective_members(world.services.db(), company.id)
        .await
        .unwrap();
    assert_eq!(inside, 300);
    let again = planned(&world, directory, &source, &Rules::default())
        .await
        .unwrap();
    assert_eq!(again.steps, []);
    assert_eq!(again.base_revision, 1);
}

#[tokio::test]
async fn l13_a_rename_is_no_leaving_and_who_is_removed_is_kept_out() {
    let entries = entries();
    let Some(slapd) = Slapd::start(Setup::of(&entries)) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let source = Ldap::new(slapd.settings()).unwrap();
    let rules = Rules::default();
    carried(
        &world,
        &planned(&world, directory, &source, &rules).await.unwrap(),
    )
    .await;
    let before = users::by_username(world.services.db(), "u005")
        .await
        .unwrap()
        .unwrap();
    let groups_before = memberships::of_members(world.services.db(), &[Member::User(before.id)])
        .await
        .unwrap();

    let mut admin = slapd.admin().await;
    admin
        .modifydn(&person(5), "uid=anna", true, None)
        .await
        .unwrap()
        .success()
        .unwrap();
    let old_name = person(5);
    let new_name = "uid=anna,ou=people,dc=example,dc=test";
    let changes = vec![
        Mod::Delete("member", HashSet::from([old_name.as_str()])),
        Mod::Add("member", HashSet::from([new_name])),
    ];
    admin
        .modify(&named("all"), changes)
        .await
        .unwrap()
        .success()
        .unwrap();
    admin.delete(&person(9)).await.unwrap().success().unwrap();

    let plan = planned(&world, directory, &source, &rules).await.unwrap();
    let told: Vec<_> = plan
        .steps
        .iter()
        .map(|step| (step.subject.as_str(), &step.change.cause))
        .collect();
    assert_eq!(
        told,
        [
            ("u009 in all", &Cause::GoneFromSource),
            ("u009", &Cause::GoneFromSource),
            ("u005", &Cause::ChangedAtSource),
        ]
    );
    carried(&world, &plan).await;
    let after = users::by_username(world.services.db(), "anna")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(after.id, before.id);
    assert_eq!(
        memberships::of_members(world.services.db(), &[Member::User(after.id)])
            .await
            .unwrap(),
        groups_before
    );
    assert_eq!(is_in(&world, "u009").await, Some(false));
    assert_eq!(
        planned(&world, directory, &source, &rules)
            .await
            .unwrap()
            .steps,
        []
    );
}

#[tokio::test]
async fn l20_an_answer_that_shows_nobody_is_held_and_changes_nothing() {
    let entries = people(30);
    let Some(slapd) = Slapd::start(Setup::of(&entries)) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let rules = Rules::default();
    let source = Ldap::new(slapd.settings()).unwrap();
    carried(
        &world,
        &planned(&world, directory, &source, &rules).await.unwrap(),
    )
    .await;
    // The account loses its right to read: the server answers, and shows nobody.
    let mut blind = slapd.settings();
    blind.bind = Bind::Simple {
        dn: person(1),
        password: "pw-1".into(),
    };
    let plan = planned(&world, directory, &Ldap::new(blind).unwrap(), &rules)
        .await
        .unwrap();
    assert!(matches!(plan.guarded, Guarded::Held(_)));
    assert_eq!(plan.steps, []);
    assert_eq!(kept(&world, &plan).await.state, PlanState::Held);
    // The server is gone altogether.
    let down = slapd.settings();
    drop(slapd);
    let plan = planned(&world, directory, &Ldap::new(down).unwrap(), &rules)
        .await
        .unwrap();
    assert!(matches!(plan.guarded, Guarded::Held(_)));
    assert_eq!(is_in(&world, "u001").await, Some(true));
}

#[tokio::test]
async fn many_who_leave_wait_for_an_approval_of_exactly_this_plan() {
    let entries = people(30);
    let Some(slapd) = Slapd::start(Setup::of(&entries)) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let rules = Rules::default();
    let source = Ldap::new(slapd.settings()).unwrap();
    carried(
        &world,
        &planned(&world, directory, &source, &rules).await.unwrap(),
    )
    .await;
    let mut admin = slapd.admin().await;
    for n in 1..=10 {
        admin.delete(&person(n)).await.unwrap().success().unwrap();
    }
    let plan = planned(&world, directory, &source, &rules).await.unwrap();
    let all_deactivate = plan
        .steps
        .iter()
        .all(|step| matches!(step.change.action, Action::Deactivate { .. }));
    assert!(all_deactivate && plan.steps.len() == 10);
    assert_eq!(kept(&world, &plan).await.state, PlanState::Held);
    let call = world.system();
    let mut other = plan.clone();
    other.steps.pop();
    let refused = approved(&world, &call, &plan, &other.identity()).await;
    assert_eq!(refused.unwrap_err().code, "PLAN-001");
    assert_eq!(is_in(&world, "u001").await, Some(true));
    // Two approve at once: for one it is carried out, the other is told so.
    let seen = plan.identity();
    let (first, second) = tokio::join!(
        approved(&world, &call, &plan, &seen),
        approved(&world, &call, &plan, &seen),
    );
    let (run, told) = match (first, second) {
        (Ok(run), Err(error)) | (Err(error), Ok(run)) => (run, error),
        both => panic!("one of two: {both:?}"),
    };
    assert_eq!(told.code, "RUN-006");
    runs::carry(&world.services, &call, run).await.unwrap();
    assert_eq!(is_in(&world, "u001").await, Some(false));
}

#[tokio::test]
async fn l24_a_real_server_is_read_by_what_changed_until_a_census_finds_somebody_missing() {
    let entries = entries();
    let setup = Setup {
        more: "overlay syncprov",
        ..Setup::of(&entries)
    };
    let Some(slapd) = Slapd::start(setup) else {
        return;
    };
    let world = TestWorld::new().await.unwrap();
    let ann = admin(&world).await;
    let elevated = ann.call.elevated().unwrap();
    let services = &world.services;
    let settings = draft(&slapd, &[]);
    let id = directories::add(services, &ann.call, &elevated, &settings)
        .await
        .unwrap();
    let newest = async || {
        let rows = muster_storage::runs::list(services.db(), None, None, 1).await;
        let run = rows.unwrap().remove(0);
        (run.progress.told.unwrap(), run.progress.planned)
    };
    synced(&world, &ann, id).await;
    assert_eq!(
        newest().await,
        (Told::whole(Because::NoStart), 300 + 6 + 304)
    );
    world.clock.forward(TimeDelta::minutes(10));
    synced(&world, &ann, id).await;
    let (told, planned) = newest().await;
    assert_eq!((told.reading, planned), (Reading::Changes, 0));
    world.clock.forward(TimeDelta::minutes(10));
    let mut there = slapd.admin().await;
    let changed = vec![Mod::Replace("mail", HashSet::from(["new@example.test"]))];
    let done = there.modify(&person(3), changed).await.unwrap();
    done.success().unwrap();
    let leaves = person(4);
    let leaves = vec![Mod::Delete("member", HashSet::from([leaves.as_str()]))];
    let done = there.modify(&named("all"), leaves).await.unwrap();
    done.success().unwrap();
    synced(&world, &ann, id).await;
    let (told, planned) = newest().await;
    assert_eq!((told.reading, planned), (Reading::Changes, 2));
    world.clock.forward(TimeDelta::minutes(10));
    let gone = person(9);
    let leaves = vec![Mod::Delete("member", HashSet::from([gone.as_str()]))];
    let done = there.modify(&named("all"), leaves).await.unwrap();
    done.success().unwrap();
    there.delete(&gone).await.unwrap().success().unwrap();
    synced(&world, &ann, id).await;
    assert_eq!(newest().await.0.reading, Reading::Changes);
    assert_eq!(is_in(&world, "u009").await, Some(true));
    world.clock.forward(TimeDelta::hours(6));
    synced(&world, &ann, id).await;
    assert_eq!(newest().await.0, Told::whole(Because::OthersAreThere));
    assert_eq!(is_in(&world, "u009").await, Some(false));
    world.clock.forward(TimeDelta::hours(6));
    synced(&world, &ann, id).await;
    let (told, planned) = newest().await;
    assert_eq!((told.reading, planned), (Reading::Census, 0));
}
