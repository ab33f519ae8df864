//! Why an account differs: the source, the mapping, or somebody here.

use muster_domain::change::{Action, Cause};
use muster_domain::id::DirectoryId;
use muster_domain::plan::Plan;
use muster_domain::record::{Attributes, ExternalId, SourceValues, UserRecord};
use muster_domain::snapshot::Entry;
use muster_services::sync::{Rules, planning};
use muster_storage::accounts;
use muster_testing::TestWorld;

use crate::door::Told;
use crate::{carried, declared, planned};

/// One person: what the source says, and what is made of it.
fn said(raw: &str, title: &str) -> Told {
    let attributes = Attributes::from([
        ("username".to_owned(), "anna".to_owned()),
        ("title".to_owned(), title.to_owned()),
    ]);
    Told::in_pages(vec![vec![Entry::User {
        record: UserRecord {
            external_id: ExternalId("1".to_owned()),
            attributes,
            active: true,
        },
        source: SourceValues::from([("title".to_owned(), vec![raw.to_owned()])]),
        locators: Vec::new(),
    }]])
}

async fn synced(world: &TestWorld, directory: DirectoryId, raw: &str, title: &str) -> Plan {
    let source = said(raw, title);
    let plan = planned(world, directory, &source, &Rules::default())
        .await
        .unwrap();
    carried(world, &plan).await;
    plan
}

async fn kept(world: &TestWorld, directory: DirectoryId) -> Option<String> {
    let db = world.services.db();
    let found = accounts::page_of_directory(db, directory, None, 10)
        .await
        .unwrap();
    found[0].raw.clone()
}

fn causes(plan: &Plan) -> Vec<Cause> {
    plan.steps
        .iter()
        .map(|step| step.change.cause.clone())
        .collect()
}

on_both! {
    async fn a_changed_mapping_is_told_from_a_changed_source(world) {
        let directory = declared(&world, "Office").await;
        let _ = synced(&world, directory, "clerk", "Clerk").await;
        assert!(kept(&world, directory).await.is_some(), "it is kept with a newcomer");
        let plan = synced(&world, directory, "clerk", "CLERK").await;
        assert_eq!(causes(&plan), [Cause::MappingChanged]);
        let plan = synced(&world, directory, "officer", "OFFICER").await;
        assert_eq!(causes(&plan), [Cause::ChangedAtSource]);
        let plan = synced(&world, directory, "officer", "Officer").await;
        assert_eq!(causes(&plan), [Cause::MappingChanged], "and again, by what was applied last");
    }

    async fn what_the_mapping_ignores_writes_nothing_and_what_was_undone_is_no_mapping(world) {
        let directory = declared(&world, "Office").await;
        let _ = synced(&world, directory, "clerk", "Clerk").await;
        let before = kept(&world, directory).await;
        let plan = synced(&world, directory, "clerk!", "Clerk").await;
        assert_eq!(causes(&plan), []);
        assert_eq!(kept(&world, directory).await, before, "an account that is as it should be is not written");
        let plan = synced(&world, directory, "officer", "Officer").await;
        let undo = plan.inverse(0).steps;
        let back: Vec<_> = undo.into_iter().map(|step| step.change).collect();
        assert!(matches!(back[..], [muster_domain::change::Change { action: Action::UpdateAccount { .. }, .. }]));
        let call = world.system();
        let tx = world.services.db().begin().await.unwrap();
        let events = muster_services::provisioning::apply(&world.services, &call, &tx, &back).await.unwrap();
        tx.commit(&events).await.unwrap();
        assert_eq!(kept(&world, directory).await, before);
        planning::confirm(&world.services, directory).await.unwrap();
        let again = planned(&world, directory, &said("officer", "Officer"), &Rules::default()).await.unwrap();
        assert_eq!(again.steps.len(), 1);
        assert_ne!(causes(&again), [Cause::MappingChanged]);
    }
}
