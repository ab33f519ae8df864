//! People, groups, roles, sessions and the record of them, on a real database.

#![expect(
    clippy::unwrap_used,
    reason = "what the tests share fails like the tests themselves"
)]

mod access;
mod bulk;
mod conferral;
mod demo;
mod escalation;
mod groups;
mod people;
mod providers;
mod provisioning;
mod record;

use muster_domain::role::Role;
use muster_testing::{Persona, TestWorld};

/// One person of each role, the superadmin and the admin also in a secure session.
struct Cast {
    world: TestWorld,
    superadmin: Persona,
    admin: Persona,
    helpdesk: Persona,
    auditor: Persona,
    nobody: Persona,
}

impl Cast {
    async fn gather() -> Self {
        let world = TestWorld::new().await.unwrap();
        let superadmin = world.persona("sue", &[Role::Superadmin]).await.unwrap();
        let admin = world.persona("adam", &[Role::Admin]).await.unwrap();
        Self {
            superadmin: world.elevate(&superadmin).await.unwrap(),
            admin: world.elevate(&admin).await.unwrap(),
            helpdesk: world.persona("helen", &[Role::Helpdesk]).await.unwrap(),
            auditor: world.persona("audrey", &[Role::Auditor]).await.unwrap(),
            nobody: world.persona("norma", &[]).await.unwrap(),
            world,
        }
    }
}
