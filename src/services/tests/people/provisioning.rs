//! The single door keeps counts, closures and people right, whatever comes through it.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::{DirectoryId, GroupId, ProviderId, UserId};
use muster_domain::membership::{Member, Membership, Origin};
use muster_domain::record::{Attributes, ExternalId};
use muster_domain::user::Deactivation;
use muster_services::provisioning::apply;
use muster_services::users::UserFilter;
use muster_storage::{counters, memberships, users};
use muster_testing::TestWorld;
use proptest::prelude::*;
use uuid::Uuid;

fn user(n: u8) -> UserId {
    UserId(Uuid::from_u128(1000 + u128::from(n)))
}

fn group(n: u8) -> GroupId {
    GroupId(Uuid::from_u128(2000 + u128::from(n)))
}

fn origin(n: u8) -> Origin {
    match n % 3 {
        0 => Origin::Manual,
        1 => Origin::Claims(ProviderId(Uuid::from_u128(7))),
        _ => Origin::Default(ProviderId(Uuid::from_u128(7))),
    }
}

#[derive(Clone, Debug)]
enum Step {
    User(u8),
    Group(u8),
    Out(u8),
    In(u8),
    Join(u8, u8, u8),
    Leave(u8, u8, u8),
    Nest(u8, u8),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        (0..6_u8).prop_map(Step::User),
        (0..4_u8).prop_map(Step::Group),
        (0..6_u8).prop_map(Step::Out),
        (0..6_u8).prop_map(Step::In),
        (0..4_u8, 0..6_u8, 0..3_u8).prop_map(|(g, u, o)| Step::Join(g, u, o)),
        (0..4_u8, 0..6_u8, 0..3_u8).prop_map(|(g, u, o)| Step::Leave(g, u, o)),
        (0..4_u8, 0..4_u8).prop_map(|(outer, inner)| Step::Nest(outer, inner)),
    ]
}

/// What should be here, kept by the simplest means.
#[derive(Default)]
struct Model {
    users: BTreeMap<UserId, bool>,
    groups: BTreeSet<GroupId>,
    rows: BTreeSet<Membership>,
}

impl Model {
    /// The change of a step, if the step makes sense now; and remembers what it should lead to.
    fn take(&mut self, step: &Step, directory: DirectoryId) -> Option<Action> {
        let by = Deactivation {
            directory: None,
            by: "test".to_owned(),
            at: chrono::DateTime::UNIX_EPOCH,
            reason: None,
        };
        match *step {
            Step::User(n) => self
                .users
                .insert(user(n), true)
                .is_none()
                .then(|| Action::CreateUser {
                    user: user(n),
                    directory,
                    external_id: ExternalId(n.to_string()),
                    attributes: Attributes::from([("username".to_owned(), format!("u{n}"))]),
                })
                .or_else(|| {
                    self.users.insert(user(n), true);
                    Some(Action::Reactivate { user: user(n) })
                }),
            Step::Group(n) => self.groups.insert(group(n)).then(|| Action::CreateGroup {
                group: group(n),
                name: format!("g{n}"),
                description: String::new(),
                directory: None,
            }),
            Step::Out(n) => self.users.get_mut(&user(n)).map(|active| {
                *active = false;
                Action::Deactivate { user: user(n), by }
            }),
            Step::In(n) => self.users.get_mut(&user(n)).map(|active| {
                *active = true;
                Action::Reactivate { user: user(n) }
            }),
            Step::Join(g, u, o) => self.both(g, u).then(|| {
                let row = Membership {
                    group: group(g),
                    member: Member::User(user(u)),
                    origin: origin(o),
                };
                self.rows.insert(row);
                Action::AddMember {
                    group: row.group,
                    member: row.member,
                    origin: row.origin,
                }
            }),
            Step::Leave(g, u, o) => self.both(g, u).then(|| {
                let row = Membership {
                    group: group(g),
                    member: Member::User(user(u)),
                    origin: origin(o),
                };
                self.rows.remove(&row);
                Action::RemoveMember {
                    group: row.group,
                    member: row.member,
                    origin: row.origin,
                }
            }),
            // By claims, so that circles come to be too: closures must end them.
            Step::Nest(outer, inner) => [outer, inner]
                .iter()
                .all(|g| self.groups.contains(&group(*g)))
                .then(|| {
                    let row = Membership {
                        group: group(outer),
                        member: Member::Group(group(inner)),
                        origin: origin(1),
                    };
                    self.rows.insert(row);
                    Action::AddMember {
                        group: row.group,
                        member: row.member,
                        origin: row.origin,
                    }
                }),
        }
    }

    fn both(&self, g: u8, u: u8) -> bool {
        self.groups.contains(&group(g)) && self.users.contains_key(&user(u))
    }
}

async fn holds(steps: Vec<Step>) {
    let world = TestWorld::new().await.unwrap();
    let (s, call) = (&world.services, world.system());
    world.user("first").await.unwrap();
    let listed = muster_storage::directories::list(s.db()).await.unwrap();
    let directory = listed.first().unwrap().id;
    let mut model = Model::default();
    let changes: Vec<Change> = steps
        .iter()
        .filter_map(|step| model.take(step, directory))
        .map(|action| Change::new(action, Cause::ByHand))
        .collect();
    let tx = s.db().begin().await.unwrap();
    let mut events = apply(s, &call, &tx, &changes).await.unwrap();
    events.push(call.event("test", "test", None, serde_json::json!({})));
    tx.commit(&events).await.unwrap();

    let counted = counters::users(s.db()).await.unwrap();
    let active = model.users.values().filter(|active| **active).count() as u64;
    assert_eq!(
        (counted.active, counted.total()),
        (active + 1, model.users.len() as u64 + 1)
    );
    let listed = users::count(
        s.db(),
        &UserFilter {
            active: Some(true),
            ..UserFilter::default()
        },
    )
    .await
    .unwrap();
    assert_eq!(listed.value(), counted.active);
    assert_eq!(
        counters::groups(s.db()).await.unwrap(),
        model.groups.len() as u64
    );
    let members: Vec<Member> = model
        .users
        .keys()
        .map(|id| Member::User(*id))
        .chain(model.groups.iter().map(|id| Member::Group(*id)))
        .collect();
    let rows: BTreeSet<Membership> = memberships::of_members(s.db(), &members)
        .await
        .unwrap()
        .into_iter()
        .collect();
    assert_eq!(rows, model.rows);
    let graph: muster_domain::membership::Graph = model.rows.iter().copied().collect();
    for id in &model.groups {
        let expected = graph
            .members_of(*id)
            .iter()
            .filter(|member| member.of.user().is_some())
            .count() as u64;
        assert_eq!(
            memberships::effective_members(s.db(), *id).await.unwrap(),
            expected
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn counts_and_memberships_are_what_the_changes_say(steps in prop::collection::vec(step(), 0..60)) {
        tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(holds(steps));
    }
}

#[tokio::test]
async fn a_taken_username_in_a_batch_leaves_nothing() {
    let world = TestWorld::new().await.unwrap();
    let (s, call) = (&world.services, world.system());
    world.user("anna").await.unwrap();
    let directory = muster_storage::directories::list(s.db()).await.unwrap()[0].id;
    let changes: Vec<Change> = ["berta", "ANNA"]
        .iter()
        .enumerate()
        .map(|(n, name)| {
            let attributes = Attributes::from([("username".to_owned(), (*name).to_owned())]);
            let external_id = ExternalId(n.to_string());
            Change::new(
                Action::CreateUser {
                    user: s.id(),
                    directory,
                    external_id,
                    attributes,
                },
                Cause::NewAtSource,
            )
        })
        .collect();
    let tx = s.db().begin().await.unwrap();
    let error = apply(s, &call, &tx, &changes).await.unwrap_err();
    assert_eq!(error.code, "USR-001");
    tx.rollback().await.unwrap();
    assert_eq!(counters::users(s.db()).await.unwrap().total(), 1);
}

#[tokio::test]
async fn a_change_that_changes_nothing_leaves_no_event() {
    let world = TestWorld::new().await.unwrap();
    let (s, call) = (&world.services, world.system());
    let id = world.user("anna").await.unwrap();
    let account = muster_storage::accounts::of_user(s.db(), id)
        .await
        .unwrap()
        .remove(0);
    let same = Action::UpdateAccount {
        user: id,
        directory: account.directory,
        external_id: account.external_id,
        attributes: account.attributes,
    };
    let tx = s.db().begin().await.unwrap();
    let changes = [
        Change::new(same, Cause::ChangedAtSource),
        Change::new(Action::Reactivate { user: id }, Cause::ByHand),
    ];
    assert!(apply(s, &call, &tx, &changes).await.unwrap().is_empty());
}
