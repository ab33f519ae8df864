//! Who came under protection after a plan was made: nothing of them changes, whatever the plan is for.

use muster_domain::membership::Member;
use muster_domain::record::{Attributes, ExternalId, UserRecord};
use muster_domain::role::Role;
use muster_domain::run::{RunState, Wish};
use muster_domain::snapshot::Entry;
use muster_services::directories::{Choice, Groups, People, remove_plan};
use muster_services::sync::runs;
use muster_storage::{accounts, directories, groups, memberships, plans, runs as rows, users};
use muster_testing::{Persona, TestWorld};

use super::{carried_out, group, here, many, office, ran, sound, synced};

async fn admin(world: &TestWorld) -> Persona {
    let ann = world.persona("ann", &[Role::Superadmin]).await.unwrap();
    world.elevate(&ann).await.unwrap()
}

async fn failures(world: &TestWorld, run: muster_domain::id::RunId) -> Vec<String> {
    let failed = rows::exceptions(world.services.db(), run, None, 99).await;
    failed.unwrap().into_iter().map(|one| one.code).collect()
}

fn titled(number: usize) -> Entry {
    let username = format!("u{number:05}");
    let title = ("title".to_owned(), "Manager".to_owned());
    Entry::User {
        record: UserRecord {
            external_id: ExternalId(format!("id-{number:05}")),
            attributes: Attributes::from([("username".to_owned(), username), title]),
            active: true,
        },
        source: Default::default(),
        locators: Vec::new(),
    }
}

on_both! {
    async fn whoever_gained_a_role_is_changed_by_no_plan_in_no_way(world) {
        let directory = office(&world).await;
        world.source.says(many(30));
        let _ = synced(&world, directory).await;
        let mut pages = many(30);
        pages[0][2] = titled(3);
        pages[0][3] = titled(4);
        pages.push(group("more", [3, 5]));
        world.source.says(pages);
        let compared = ran(&world, directory, Wish::Plan).await;
        let db = world.services.db();
        let risen = users::by_username(db, "u00003").await.unwrap().unwrap();
        world.grant(Role::Auditor, Member::User(risen.id)).await.unwrap();
        let done = carried_out(&world, compared.plan.unwrap()).await;
        assert_eq!(failures(&world, done.id).await, ["PLAN-005", "PLAN-005"], "their title, their group");
        let kept = accounts::of_user(db, risen.id).await.unwrap();
        assert!(!kept[0].attributes.contains_key("title"));
        let more = groups::by_name(db, "more").await.unwrap().unwrap();
        assert_eq!(memberships::in_group(db, more.id).await.unwrap().len(), 1);
        let other = users::by_username(db, "u00004").await.unwrap().unwrap();
        assert!(accounts::of_user(db, other.id).await.unwrap()[0].attributes.contains_key("title"));
        sound(&world).await;
    }

    async fn whoever_was_chosen_to_be_left_alone_is_left_alone_by_an_undo(world) {
        let directory = office(&world).await;
        world.source.says(many(30));
        let run = synced(&world, directory).await;
        let tx = world.services.db().begin().await.unwrap();
        let mut office = directories::get(&tx, directory).await.unwrap().unwrap();
        office.settings.insert("protected_users".to_owned(), "u00002*".to_owned());
        office.settings.insert("protected_groups".to_owned(), "all".to_owned());
        directories::update(&tx, &office).await.unwrap();
        tx.commit_quiet(muster_storage::Quiet::Counted).await.unwrap();
        let undo = runs::undo(&world.services, &world.system(), run.id).await.unwrap();
        let done = carried_out(&world, undo).await;
        assert!(failures(&world, done.id).await.iter().all(|code| code == "PLAN-005"));
        let db = world.services.db();
        assert!(users::by_username(db, "u00002").await.unwrap().is_some());
        assert!(groups::by_name(db, "all").await.unwrap().is_some());
        sound(&world).await;
    }

    async fn a_removal_that_waited_deletes_no_group_that_gives_a_role_by_now(world) {
        let directory = office(&world).await;
        let ann = admin(&world).await;
        world.source.says(many(30));
        let _ = synced(&world, directory).await;
        let services = &world.services;
        let choice = Choice { people: People::Keep, groups: Groups::Delete };
        let elevated = ann.call.elevated().unwrap();
        let plan = remove_plan(services, &ann.call, &elevated, directory, choice).await.unwrap();
        let all = groups::by_name(services.db(), "all").await.unwrap().unwrap();
        world.grant(Role::Superadmin, Member::Group(all.id)).await.unwrap();
        let done = carried_out(&world, plan).await;
        assert_eq!(done.state, RunState::Done);
        let failed = failures(&world, done.id).await;
        assert_eq!(failed.len(), 31, "30 members and the group");
        assert!(failed.iter().all(|code| code == "PLAN-005"), "{failed:?}");
        assert_eq!(here(&world, directory).await, (0, 30));
    }

    async fn a_removal_keeps_whom_somebody_chose_to_be_left_alone(world) {
        let directory = office(&world).await;
        let ann = admin(&world).await;
        world.source.says(many(30));
        let _ = synced(&world, directory).await;
        let services = &world.services;
        let tx = services.db().begin().await.unwrap();
        let mut chosen = directories::get(&tx, directory).await.unwrap().unwrap();
        for (key, value) in [("protected_users", "u00002"), ("protected_groups", "all")] {
            chosen.settings.insert(key.to_owned(), value.to_owned());
        }
        directories::update(&tx, &chosen).await.unwrap();
        tx.commit_quiet(muster_storage::Quiet::Counted).await.unwrap();
        let choice = Choice { people: People::Delete, groups: Groups::Delete };
        let elevated = ann.call.elevated().unwrap();
        let plan = remove_plan(services, &ann.call, &elevated, directory, choice).await.unwrap();
        let stored = plans::get(services.db(), plan).await.unwrap().unwrap();
        assert_eq!(stored.counts.of("delete_user"), 29);
        let _ = carried_out(&world, plan).await;
        let kept = users::by_username(services.db(), "u00002").await.unwrap().unwrap();
        assert!(kept.is_active());
        assert!(users::by_username(services.db(), "u00003").await.unwrap().is_none());
        assert!(groups::by_name(services.db(), "all").await.unwrap().is_some());
    }
}
