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
mod declaring;
mod door;
mod drift;
mod mapped;
mod order;
mod paged;
mod random;
mod runs;
#[path = "../../../directories/tests/ldap/slapd.rs"]
mod slapd;
mod views;
mod vouching;
mod whole;

use muster_domain::Error;
use muster_domain::id::DirectoryId;
use muster_domain::plan::Plan;
use muster_domain::settings::Values;
use muster_services::sync::{self, Outcome, Rules};
use muster_storage::directories::{self, Directory};
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

/// Carries a plan out, every step of it.
async fn carried(world: &TestWorld, plan: &Plan) {
    let outcomes = sync::apply(&world.services, &world.system(), plan, None)
        .await
        .unwrap();
    let failed = outcomes.iter().find(|outcome| **outcome != Outcome::Done);
    assert_eq!(failed, None);
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
