//! What the overview says of directories: what waits, what failed and what is old, however much happened since.

use chrono::TimeDelta;
use muster_domain::id::DirectoryId;
use muster_domain::record::{Attributes, ExternalId, UserRecord};
use muster_domain::role::Role;
use muster_domain::run::{Run, RunState, Wish};
use muster_domain::snapshot::Entry;
use muster_services::directories::{Choice, remove_plan, sweep_removed};
use muster_services::overview::{Attention, overview};
use muster_services::sync::runs;
use muster_storage::plans;
use muster_testing::TestWorld;

use super::{carried_out, declared, group, many, office, person, plan_of, ran, run_of, synced};

fn titled(number: usize, title: &str) -> Entry {
    let username = ("username".to_owned(), format!("u{number:05}"));
    let title = ("title".to_owned(), title.to_owned());
    Entry::User {
        record: UserRecord {
            external_id: ExternalId(format!("id-{number:05}")),
            attributes: Attributes::from([username, title]),
            active: true,
        },
        source: Default::default(),
        locators: Vec::new(),
    }
}

/// What it says of a directory.
async fn said(world: &TestWorld, of: &str) -> Vec<Attention> {
    let shown = overview(&world.services, &world.system()).await.unwrap();
    let of = |item: &Attention| item.text.contains(of);
    shown.attention.into_iter().filter(of).collect()
}

async fn texts(world: &TestWorld, of: &str) -> Vec<String> {
    said(world, of)
        .await
        .into_iter()
        .map(|item| item.text)
        .collect()
}

async fn about(world: &TestWorld, directory: DirectoryId, name: &str) -> Run {
    let id = runs::ask_for(&world.services, &world.system(), directory, name).await;
    assert!(runs::work(&world.services).await.unwrap());
    run_of(world, id.unwrap()).await
}

/// Brings the second up to date so often, alone; each time there is something to do.
async fn many_about_one(world: &TestWorld, directory: DirectoryId, times: usize) {
    for time in 1..=times {
        world.clock.forward(TimeDelta::seconds(1));
        let people = vec![person(1), titled(2, &format!("Title {time}"))];
        world.source.says(vec![people]);
        let run = about(world, directory, "u00002").await;
        assert_eq!((run.state, run.progress.planned), (RunState::Done, 1));
    }
}

on_both! {
    async fn the_last_reading_of_everybody_is_found_behind_any_number_of_readings_of_one(world) {
        let directory = office(&world).await;
        world.clock.forward(TimeDelta::days(30));
        world.source.says(vec![vec![person(1), person(2)]]);
        assert!(texts(&world, "not read as a whole").await[0].contains("30 days"));
        let _ = synced(&world, directory).await;
        many_about_one(&world, directory, 25).await;
        assert_eq!(texts(&world, "Office").await, Vec::<String>::new());
        let call = world.system();
        let measured = muster_services::measured::measured(&world.services, &call).await.unwrap();
        let office = measured.iter().find(|one| one.name == "Office").unwrap();
        assert_eq!((office.leavers, office.last.is_some()), (Some(0), true));
        assert!(call.at - office.confirmed_at.unwrap() < TimeDelta::minutes(5));
    }

    async fn a_sync_that_failed_is_told_until_another_one_does_not(world) {
        let directory = office(&world).await;
        world.source.says(vec![vec![person(1), person(2)]]);
        let _ = synced(&world, directory).await;
        world.source.says(vec![vec![titled(1, "Lead"), person(2)]]);
        let id = runs::ask(&world.services, &world.system(), directory, Wish::Sync).await.unwrap();
        let broken = muster_storage::directories::get(world.services.db(), directory).await.unwrap().unwrap();
        let with = |why: Option<&str>| {
            let mut changed = broken.clone();
            changed.settings.extend(why.map(|why| ("broken".to_owned(), why.to_owned())));
            changed
        };
        let saved = async |row: &muster_storage::directories::Directory| {
            let tx = world.services.db().begin().await.unwrap();
            muster_storage::directories::update(&tx, row).await.unwrap();
            tx.commit_quiet(muster_storage::Quiet::Counted).await.unwrap();
        };
        saved(&with(Some("It is broken."))).await;
        assert!(runs::work(&world.services).await.unwrap());
        assert_eq!(run_of(&world, id).await.state, RunState::Failed);
        saved(&broken).await;
        many_about_one(&world, directory, 25).await;
        let told = said(&world, "Office").await;
        assert_eq!(told.len(), 1);
        assert!(told[0].text.starts_with("The last run of Office failed."), "{}", told[0].text);
        assert_eq!(told[0].href, format!("/runs/{id}"));
        let _ = synced(&world, directory).await;
        assert_eq!(texts(&world, "Office").await, Vec::<String>::new());
    }

    async fn a_plan_that_waits_stays_in_sight_when_it_is_out_of_date_until_everybody_is_read_again(world) {
        let directory = declared(&world, "Office", &[("guard_people_count", "0"), ("guard_people_few", "0")]).await;
        world.source.says(many(20));
        let _ = synced(&world, directory).await;
        world.source.says(vec![(2..=20).map(person).collect(), group("all", 2..=20)]);
        let held = ran(&world, directory, Wish::Sync).await;
        assert_eq!(held.state, RunState::Held);
        let plan = plan_of(&world, &held).await;
        let fresh = texts(&world, "Office").await;
        assert_eq!(fresh.len(), 1);
        assert!(fresh[0].contains("is held: its plan would deactivate 1 person"), "{fresh:?}");
        assert!(!fresh[0].contains("out of date"));
        let mut people: Vec<Entry> = (2..=20).map(person).collect();
        people[0] = titled(2, "Lead");
        world.source.says(vec![people, group("all", 2..=20)]);
        assert_eq!(about(&world, directory, "u00002").await.state, RunState::Done);
        let stale = said(&world, "Office").await;
        assert_eq!(stale.len(), 1, "it waits still");
        assert!(stale[0].text.starts_with(&fresh[0]), "with its reason: {}", stale[0].text);
        assert!(stale[0].text.contains("out of date"), "{}", stale[0].text);
        assert_eq!(stale[0].href, format!("/plans/{}", plan.id));
        // The same is held again: one of both is told, and it is not out of date.
        let again = ran(&world, directory, Wish::Sync).await;
        let told = said(&world, "Office").await;
        assert_eq!((told.len(), told[0].href.clone()), (1, format!("/plans/{}", again.plan.unwrap())));
        assert!(!told[0].text.contains("out of date"));
        // What a comparison showed is over when everybody was read again.
        let _ = ran(&world, directory, Wish::Plan).await;
        let _ = carried_out(&world, again.plan.unwrap()).await;
        world.clock.forward(TimeDelta::seconds(1));
        let _ = synced(&world, directory).await;
        assert_eq!(texts(&world, "Office").await, Vec::<String>::new());
    }

    async fn taking_a_removal_back_is_in_sight_while_it_waits_and_when_it_failed(world) {
        let directory = office(&world).await;
        world.source.says(many(5));
        let _ = synced(&world, directory).await;
        let ann = world.persona("ann", &[Role::Superadmin]).await.unwrap();
        let ann = world.elevate(&ann).await.unwrap();
        let elevated = ann.call.elevated().unwrap();
        let services = &world.services;
        let plan = remove_plan(services, &ann.call, &elevated, directory, Choice::default()).await.unwrap();
        assert!(texts(&world, "Removing Office would").await[0].ends_with("It waits for you."));
        let removal = carried_out(&world, plan).await;
        assert_eq!(sweep_removed(services, &world.system()).await.unwrap(), 1);
        assert_eq!(texts(&world, "Office").await, Vec::<String>::new());
        let undo = runs::undo(services, &world.system(), removal.id).await.unwrap();
        let told = said(&world, "Office").await;
        assert_eq!(told.len(), 1);
        assert!(told[0].text.starts_with("Taking the removal of Office back would"), "{}", told[0].text);
        assert!(told[0].text.ends_with("It waits for you."));
        assert_eq!(told[0].href, format!("/plans/{undo}"));
        // Approved, and nobody works on it yet.
        let identity = plans::get(services.db(), undo).await.unwrap().unwrap().identity.unwrap();
        let run = runs::approve(services, &world.system(), undo, &identity).await.unwrap();
        let told = said(&world, "Office").await;
        assert_eq!((told.len(), told[0].href.clone()), (1, format!("/runs/{run}")));
        assert!(told[0].text.contains("was approved and is carried out"), "{}", told[0].text);
        runs::cancel(services, &world.system(), run).await.unwrap();
        assert!(texts(&world, "Office").await[0].ends_with("It waits for you."));
        let done = carried_out(&world, undo).await;
        assert_eq!((done.state, done.progress.failed), (RunState::Done, 0));
        assert_eq!(texts(&world, "Office").await, Vec::<String>::new());
    }
}
