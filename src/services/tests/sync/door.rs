//! Plans through the door, from sources in memory: what goes, what is undone, what fails.

use async_trait::async_trait;
use muster_domain::Error;
use muster_domain::directory::{Directory, Finding, Probe};
use muster_domain::guard::{Guard, Limit};
use muster_domain::id::DirectoryId;
use muster_domain::membership::Member;
use muster_domain::plan::{Leavers, Plan, Reason};
use muster_domain::record::{Attributes, ExternalId, UserRecord};
use muster_domain::role::Role;
use muster_domain::snapshot::{Completeness, Doubt, Entry, Intake, Reference};
use muster_services::sync::{self, Rules};
use muster_services::users::{Fields, checked_fields, create};
use muster_storage::{accounts, groups, memberships, users};
use muster_testing::TestWorld;

use crate::{approved, carried, carried_out, declared, is_in, planned, taken_back};

/// A source that says what it was told.
pub(crate) struct Told {
    pub pages: Vec<Vec<Entry>>,
    pub completeness: Completeness,
}

impl Told {
    pub(crate) const fn in_pages(pages: Vec<Vec<Entry>>) -> Self {
        Self {
            pages,
            completeness: Completeness::Complete,
        }
    }
}

#[async_trait]
impl Directory for Told {
    async fn probe(&self, _: Probe) -> Finding {
        unreachable!("nobody tries it")
    }

    async fn person(&self, _: &str) -> Result<Option<UserRecord>, Error> {
        Ok(None)
    }

    async fn read(&self, intake: &mut dyn Intake) -> Completeness {
        for page in &self.pages {
            if let Err(error) = intake.page(page.clone()).await {
                let doubt = Doubt::CutOff(error.public.into_owned());
                return Completeness::Incomplete(vec![doubt]);
            }
        }
        self.completeness.clone()
    }
}

pub(crate) fn somebody(id: &str, username: &str) -> Entry {
    let attributes = Attributes::from([("username".to_owned(), username.to_owned())]);
    let record = UserRecord {
        external_id: ExternalId(id.to_owned()),
        attributes,
        active: true,
    };
    Entry::User {
        record,
        source: Default::default(),
        locators: Vec::new(),
    }
}

pub(crate) fn group(id: &str, name: &str, members: &[&str]) -> Vec<Entry> {
    let external_id = ExternalId(id.to_owned());
    let by_id = |id: &&str| Reference::Id(ExternalId((*id).to_owned()));
    vec![
        Entry::Group {
            external_id: external_id.clone(),
            name: name.to_owned(),
            locators: Vec::new(),
        },
        Entry::Members {
            group: Reference::Id(external_id),
            members: members.iter().map(by_id).collect(),
        },
    ]
}

fn told(parts: &[&[Entry]]) -> Told {
    Told::in_pages(vec![parts.concat()])
}

/// Every removal passes by itself.
pub(crate) fn rules(leavers: Leavers) -> Rules {
    let any = Limit {
        count: 1_000,
        percent: 100,
        few: 1_000,
    };
    let guard = Guard {
        people: any,
        memberships: any,
        groups: any,
    };
    Rules {
        leavers,
        guard,
        ..Rules::default()
    }
}

async fn synced(world: &TestWorld, directory: DirectoryId, source: &Told, rules: &Rules) -> Plan {
    let plan = planned(world, directory, source, rules).await.unwrap();
    carried(world, &plan).await;
    let again = planned(world, directory, source, rules).await.unwrap();
    assert_eq!(again.steps, [], "nothing is left to do");
    plan
}

/// Usernames and group names, with who is in what.
async fn picture(world: &TestWorld, names: &[&str], group_names: &[&str]) -> Vec<String> {
    let db = world.services.db();
    let mut seen = Vec::new();
    for name in names {
        if let Some(user) = users::by_username(db, name).await.unwrap() {
            let held = accounts::of_user(db, user.id).await.unwrap().len();
            let rows = memberships::of_members(db, &[Member::User(user.id)])
                .await
                .unwrap()
                .len();
            seen.push(format!("{} {} {held} {rows}", user.id, user.username));
        }
    }
    for name in group_names {
        if let Some(group) = groups::by_name(db, name).await.unwrap() {
            seen.push(format!("{} {} {:?}", group.id, group.name, group.directory));
        }
    }
    seen
}

#[tokio::test]
async fn deleted_people_and_groups_come_back_when_it_is_undone() {
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let rules = rules(Leavers::Delete);
    let all = told(&[
        &[
            somebody("1", "anna"),
            somebody("2", "ben"),
            somebody("3", "cem"),
        ],
        &group("g", "Staff", &["1", "2", "h"]),
        &group("h", "Lab", &["2"]),
    ]);
    let _ = synced(&world, directory, &all, &rules).await;
    let (names, group_names) = (["anna", "ben", "cem", "ada"], ["Staff", "Lab", "Team"]);
    let before = picture(&world, &names, &group_names).await;
    let fewer = told(&[
        &[somebody("1", "ada"), somebody("3", "cem")],
        &group("g", "Team", &["1"]),
    ]);
    let plan = synced(&world, directory, &fewer, &rules).await;
    assert_eq!(is_in(&world, "ben").await, None);
    assert!(
        groups::by_name(world.services.db(), "Lab")
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(taken_back(&world, &plan).await, []);
    assert_eq!(picture(&world, &names, &group_names).await, before);
    assert_eq!(
        planned(&world, directory, &all, &rules)
            .await
            .unwrap()
            .steps,
        [],
        "as it was"
    );
}

#[tokio::test]
async fn a_group_that_somebody_was_put_into_by_hand_stays_as_a_local_one() {
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let rules = rules(Leavers::Deactivate);
    let all = told(&[&[somebody("1", "anna")], &group("g", "Staff", &["1"])]);
    let _ = synced(&world, directory, &all, &rules).await;
    let staff = groups::by_name(world.services.db(), "Staff")
        .await
        .unwrap()
        .unwrap();
    let hand = world.user("grace").await.unwrap();
    let tx = world.services.db().begin().await.unwrap();
    let row = muster_domain::membership::Membership {
        group: staff.id,
        member: Member::User(hand),
        origin: muster_domain::membership::Origin::Manual,
    };
    memberships::add(&tx, &row, world.system().at)
        .await
        .unwrap();
    tx.commit_quiet(muster_storage::Quiet::Counted)
        .await
        .unwrap();
    let plan = synced(
        &world,
        directory,
        &told(&[&[somebody("1", "anna")], &group("o", "Other", &[])]),
        &rules,
    )
    .await;
    let local = groups::get(world.services.db(), staff.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(local.directory, None);
    assert_eq!(taken_back(&world, &plan).await, []);
    assert_eq!(
        groups::get(world.services.db(), staff.id)
            .await
            .unwrap()
            .unwrap()
            .directory,
        Some(directory)
    );
}

#[tokio::test]
async fn an_administrator_is_not_touched_by_a_source() {
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let rules = rules(Leavers::Delete);
    let all = told(&[
        &[somebody("1", "anna"), somebody("2", "ben")],
        &group("g", "Staff", &["1"]),
    ]);
    let _ = synced(&world, directory, &all, &rules).await;
    let anna = users::by_username(world.services.db(), "anna")
        .await
        .unwrap()
        .unwrap();
    world
        .grant(Role::Superadmin, Member::User(anna.id))
        .await
        .unwrap();
    let fewer = told(&[&[somebody("2", "ben")], &group("o", "Other", &[])]);
    let plan = synced(&world, directory, &fewer, &rules).await;
    assert_eq!(is_in(&world, "anna").await, Some(true));
    assert!(
        plan.refusals
            .iter()
            .any(|refusal| matches!(refusal.reason, Reason::Protected { .. }))
    );
}

#[tokio::test]
async fn one_step_that_fails_is_told_and_the_others_are_done() {
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let all = told(&[&[
        somebody("1", "anna"),
        somebody("2", "ben"),
        somebody("3", "cem"),
    ]]);
    let plan = planned(&world, directory, &all, &Rules::default())
        .await
        .unwrap();
    // Meanwhile somebody takes a name by hand.
    let fields: Fields = checked_fields("ben", "Ben", "").unwrap();
    create(&world.services, &world.system(), &fields, None)
        .await
        .unwrap();
    let failed = carried_out(&world, &plan).await;
    let codes: Vec<_> = failed.iter().map(|step| step.code.as_str()).collect();
    assert_eq!(codes, ["USR-001"]);
    assert_eq!(is_in(&world, "anna").await, Some(true));
    assert_eq!(is_in(&world, "cem").await, Some(true));
    let again = planned(&world, directory, &all, &Rules::default())
        .await
        .unwrap();
    assert_eq!(again.steps, []);
    assert!(matches!(
        again.refusals[..],
        [muster_domain::plan::Refusal {
            reason: Reason::NameTaken { .. },
            ..
        }]
    ));
}

#[tokio::test]
async fn names_passed_on_in_a_chain_are_free_when_they_are_taken() {
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let rules = Rules::default();
    let before = told(&[&[somebody("1", "a"), somebody("2", "b"), somebody("3", "c")]]);
    let _ = synced(&world, directory, &before, &rules).await;
    let after = told(&[&[
        somebody("1", "b"),
        somebody("2", "c"),
        somebody("3", "d"),
        somebody("4", "a"),
    ]]);
    let plan = synced(&world, directory, &after, &rules).await;
    assert_eq!(plan.refusals, []);
}

#[tokio::test]
async fn nobody_without_the_permission_plans_or_carries_out() {
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let auditor = world.persona("otto", &[Role::Auditor]).await.unwrap();
    let source = told(&[&[somebody("1", "anna")]]);
    let rules = Rules::default();
    let refused =
        sync::planning::measure::plan(&world.services, &auditor.call, directory, &source, &rules)
            .await
            .unwrap_err();
    assert_eq!(refused.code, "WEB-403");
    let plan = planned(&world, directory, &source, &rules).await.unwrap();
    let refused = approved(&world, &auditor.call, &plan, &plan.identity())
        .await
        .unwrap_err();
    assert_eq!(refused.code, "WEB-403");
    assert_eq!(is_in(&world, "anna").await, None);
}
