//! Runs from a wish to their outcome, on both databases: carried out, cut anywhere, taken over, approved, undone.

mod approvals;
mod cuts;
pub(crate) mod kept;
mod outcomes;
mod overviews;
mod parts;
mod protected;
mod schedules;
mod switched;
mod taken_back;
mod unprotected;
mod what_ifs;

use chrono::TimeDelta;
use muster_domain::id::{DirectoryId, PlanId, RunId};
use muster_domain::membership::Member;
use muster_domain::plan::StoredPlan;
use muster_domain::record::{Attributes, ExternalId, UserRecord};
use muster_domain::run::{Run, RunState, Wish};
use muster_domain::settings::Values;
use muster_domain::snapshot::{Entry, Reference};
use muster_services::sync::runs;
use muster_storage::directories::{self, Directory};
use muster_storage::{accounts, groups, memberships, plans, users};
use muster_testing::{FakeDirectory, TestWorld};

/// A directory that says what the world's source says.
async fn office(world: &TestWorld) -> DirectoryId {
    declared(world, "Office", &[]).await
}

pub(crate) async fn declared(
    world: &TestWorld,
    name: &str,
    settings: &[(&str, &str)],
) -> DirectoryId {
    let call = world.system();
    let settings: Values = settings
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    let directory = Directory {
        id: world.services.id(),
        name: name.to_owned(),
        kind: FakeDirectory::KIND.to_owned(),
        position: 100,
        enabled: true,
        settings,
        created_at: call.at,
        updated_at: call.at,
    };
    let tx = world.services.db().begin().await.unwrap();
    directories::insert(&tx, &directory).await.unwrap();
    let event = call.event("directory.create", name, None, serde_json::json!({}));
    tx.commit(&[event]).await.unwrap();
    directory.id
}

fn person(number: usize) -> Entry {
    named(number, &format!("u{number:05}"))
}

fn named(number: usize, username: &str) -> Entry {
    let attributes = Attributes::from([("username".to_owned(), username.to_owned())]);
    Entry::User {
        record: UserRecord {
            external_id: ExternalId(format!("id-{number:05}")),
            attributes,
            active: true,
        },
        source: Default::default(),
        locators: Vec::new(),
    }
}

fn group(name: &str, members: impl IntoIterator<Item = usize>) -> Vec<Entry> {
    let external_id = ExternalId(format!("group-{name}"));
    let by_id = |number| Reference::Id(ExternalId(format!("id-{number:05}")));
    vec![
        Entry::Group {
            external_id: external_id.clone(),
            name: name.to_owned(),
            locators: Vec::new(),
        },
        Entry::Members {
            group: Reference::Id(external_id),
            members: members.into_iter().map(by_id).collect(),
        },
    ]
}

/// So many people in pages of 100, all of them in `all`.
fn many(people: usize) -> Vec<Vec<Entry>> {
    let numbers: Vec<usize> = (1..=people).collect();
    let mut pages: Vec<Vec<Entry>> = numbers
        .chunks(100)
        .map(|some| some.iter().copied().map(person).collect())
        .collect();
    pages.push(group("all", 1..=people));
    pages
}

async fn asked(world: &TestWorld, directory: DirectoryId, wish: Wish) -> RunId {
    runs::ask(&world.services, &world.system(), directory, wish)
        .await
        .unwrap()
}

/// Asks and works until the run is over.
pub(crate) async fn ran(world: &TestWorld, directory: DirectoryId, wish: Wish) -> Run {
    let id = asked(world, directory, wish).await;
    assert!(runs::work(&world.services).await.unwrap());
    run_of(world, id).await
}

async fn synced(world: &TestWorld, directory: DirectoryId) -> Run {
    let run = ran(world, directory, Wish::Sync).await;
    assert_eq!(run.state, RunState::Done, "{:?}", run.problem);
    run
}

async fn run_of(world: &TestWorld, id: RunId) -> Run {
    let call = world.system();
    runs::show(&world.services, &call, id).await.unwrap().run
}

async fn plan_of(world: &TestWorld, run: &Run) -> StoredPlan {
    let id: PlanId = run.plan.unwrap();
    plans::get(world.services.db(), id).await.unwrap().unwrap()
}

/// Approves a plan as it stands and carries it out.
pub(crate) async fn carried_out(world: &TestWorld, plan: PlanId) -> Run {
    let stored = plans::get(world.services.db(), plan)
        .await
        .unwrap()
        .unwrap();
    let call = world.system();
    let run = runs::approve(&world.services, &call, plan, &stored.identity.unwrap())
        .await
        .unwrap();
    runs::carry(&world.services, &call, run).await.unwrap();
    run_of(world, run).await
}

/// How many accounts a directory has here, and how many are in `all`.
async fn here(world: &TestWorld, directory: DirectoryId) -> (u64, usize) {
    let db = world.services.db();
    let accounts = accounts::count_of_directory(db, directory).await.unwrap();
    let inside = match groups::by_name(db, "all").await.unwrap() {
        Some(all) => memberships::in_group(db, all.id).await.unwrap().len(),
        None => 0,
    };
    (accounts, inside)
}

async fn sound(world: &TestWorld) {
    let (_, wrong) = runs::examine(&world.services).await.unwrap();
    assert_eq!(wrong, Vec::<String>::new());
}

/// Whoever worked is gone: their lease ends.
fn later(world: &TestWorld) {
    world.clock.forward(TimeDelta::seconds(31));
}

/// Everybody's username, state, accounts and memberships, in order.
async fn picture(world: &TestWorld, people: usize) -> Vec<String> {
    let db = world.services.db();
    let mut seen = Vec::new();
    for number in 1..=people {
        if let Some(user) = users::by_username(db, &format!("u{number:05}"))
            .await
            .unwrap()
        {
            let held = accounts::of_user(db, user.id).await.unwrap().len();
            let member = [Member::User(user.id)];
            let rows = memberships::of_members(db, &member).await.unwrap().len();
            let active = user.is_active();
            seen.push(format!(
                "{} {} {active} {held} {rows}",
                user.id, user.username
            ));
        }
    }
    seen
}
