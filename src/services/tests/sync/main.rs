//! A directory's accounts, brought here from a real slapd through the one door.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "what the tests share fails like the tests themselves"
)]

#[expect(
    dead_code,
    reason = "certificates of the past are for the tests of directories"
)]
#[path = "../../../directories/tests/ldap/certificates.rs"]
mod certificates;
#[macro_use]
mod both;
mod by_file;
mod causes;
mod declaring;
mod door;
mod doubts;
mod drift;
mod interleaved;
mod mapped;
mod order;
mod paged;
mod random;
mod runs;
mod shadow;
#[path = "../../../directories/tests/ldap/slapd.rs"]
mod slapd;
mod views;
mod vouching;
mod whole;

use muster_domain::Error;
use muster_domain::guard::Guarded;
use muster_domain::id::{DirectoryId, RunId};
use muster_domain::plan::{Identity, Plan, StoredPlan};
use muster_domain::run::RunState;
use muster_domain::settings::Values;
use muster_services::Call;
use muster_services::sync::{self, Rules};
use muster_storage::directories::{self, Directory};
use muster_storage::runs::{Exception, exceptions};
use muster_storage::users;
use muster_testing::TestWorld;

/// A directory behind all others.
async fn declared(world: &TestWorld, name: &str) -> DirectoryId {
    let services = &world.services;
    let tx = services.db().begin().await.unwrap();
    let call = world.system();
    let directory = Directory {
        id: services.id(),
        name: name.to_owned(),
        kind: "ldap".to_owned(),
        position: 100,
        enabled: true,
        settings: Values::new(),
        created_at: call.at,
        updated_at: call.at,
    };
    directories::insert(&tx, &directory).await.unwrap();
    tx.commit(&[call.event(
        "directory.create",
        name,
        Some(directory.id.0),
        serde_json::json!({}),
    )])
    .await
    .unwrap();
    directory.id
}

/// Carries out a plan that nobody has to look at, every step of it.
async fn carried(world: &TestWorld, plan: &Plan) {
    assert_eq!(plan.guarded, Guarded::Clear);
    assert_eq!(carried_out(world, plan).await, []);
}

/// The plan as it is stored.
async fn kept(world: &TestWorld, plan: &Plan) -> StoredPlan {
    let (services, call) = (&world.services, world.system());
    sync::runs::by_identity(services, &call, plan.directory, &plan.identity())
        .await
        .unwrap()
}

/// Approves a plan of which this was seen, by whoever calls.
async fn approved(
    world: &TestWorld,
    call: &Call,
    plan: &Plan,
    seen: &Identity,
) -> Result<RunId, Error> {
    sync::runs::approve(&world.services, call, kept(world, plan).await.id, seen).await
}

/// Carries out what a plan holds, approved; gives the steps that failed.
async fn carried_out(world: &TestWorld, plan: &Plan) -> Vec<Exception> {
    let run = approved(world, &world.system(), plan, &plan.identity()).await;
    ended(world, run.unwrap()).await
}

/// Takes back what carrying out a plan did; gives the steps that failed.
async fn taken_back(world: &TestWorld, plan: &Plan) -> Vec<Exception> {
    let (services, call) = (&world.services, world.system());
    let done = kept(world, plan).await.id;
    let done = sync::views::plan_view(services, &call, done)
        .await
        .unwrap()
        .runs;
    let inverse = sync::runs::undo(services, &call, done[0].id).await.unwrap();
    let seen = sync::views::plan_view(services, &call, inverse)
        .await
        .unwrap();
    let seen = seen.plan.identity.unwrap();
    let run = sync::runs::approve(services, &call, inverse, &seen).await;
    ended(world, run.unwrap()).await
}

/// Works on a run to its end; gives the steps that failed.
async fn ended(world: &TestWorld, run: RunId) -> Vec<Exception> {
    let (services, call) = (&world.services, world.system());
    sync::runs::carry(services, &call, run).await.unwrap();
    let run = sync::runs::show(services, &call, run).await.unwrap().run;
    assert_eq!((run.state, run.problem), (RunState::Done, None));
    exceptions(services.db(), run.id, None, 1_000)
        .await
        .unwrap()
}

/// Whether somebody of this username may come in; none: there is nobody.
async fn is_in(world: &TestWorld, username: &str) -> Option<bool> {
    let user = users::by_username(world.services.db(), username)
        .await
        .unwrap();
    user.map(|user| user.is_active())
}

/// The plan as it is stored, which is the one that is made in memory.
async fn planned(
    world: &TestWorld,
    id: DirectoryId,
    source: &dyn muster_domain::directory::Directory,
    rules: &Rules,
) -> Result<Plan, Error> {
    paged::both(world, id, source, rules).await
}
