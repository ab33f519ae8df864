//! Whoever was left alone, and is so no more: the next sync looks at everybody again, although nothing changed at the source.

use std::time::Duration;

use chrono::TimeDelta;
use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::{DirectoryId, GroupId, UserId};
use muster_domain::membership::{Member, Origin};
use muster_domain::reading::{Because, Reading, Told};
use muster_domain::record::{Attributes, ExternalId, UserRecord};
use muster_domain::role::Role;
use muster_domain::run::{Run, Wish};
use muster_domain::snapshot::Entry;
use muster_services::sync::runs;
use muster_services::users::{self, BreakGlass};
use muster_services::{provisioning, roles};
use muster_storage::directories::Directory;
use muster_storage::{accounts, directories, memberships, users as people};
use muster_testing::{Persona, TestWorld};
use secrecy::SecretString;

use super::{asked, declared, group, here, person, run_of, synced};

fn told(run: &Run) -> Told {
    run.progress.told.unwrap()
}

fn titled(number: usize, active: bool) -> Entry {
    let username = ("username".to_owned(), format!("u{number:05}"));
    let title = ("title".to_owned(), "Lead".to_owned());
    Entry::User {
        record: UserRecord {
            external_id: ExternalId(format!("id-{number:05}")),
            attributes: Attributes::from([username, title]),
            active,
        },
        source: Default::default(),
        locators: Vec::new(),
    }
}

/// Twenty people, of whom one changed.
fn crowd(third: Entry) -> Vec<Vec<Entry>> {
    let mut people: Vec<Entry> = (1..=20).map(person).collect();
    people[2] = third;
    vec![people, group("all", 1..=20)]
}

/// A directory whose source tells changes, read once.
async fn office(world: &TestWorld) -> DirectoryId {
    let directory = declared(world, "Office", &[]).await;
    world.source.tells_changes();
    world.source.says(crowd(person(3)));
    let _ = synced(world, directory).await;
    assert_eq!(here(world, directory).await, (20, 20));
    directory
}

async fn third(world: &TestWorld) -> UserId {
    let found = people::by_username(world.services.db(), "u00003").await;
    found.unwrap().unwrap().id
}

async fn title(world: &TestWorld, directory: DirectoryId) -> Option<String> {
    let id = ExternalId("id-00003".to_owned());
    let account = accounts::by_external(world.services.db(), directory, &id).await;
    account.unwrap().unwrap().attributes.get("title").cloned()
}

async fn admin(world: &TestWorld) -> Persona {
    let ann = world.persona("ann", &[Role::Superadmin]).await.unwrap();
    world.elevate(&ann).await.unwrap()
}

/// The source says something else of the third, who is left alone.
async fn is_left_alone(world: &TestWorld, directory: DirectoryId) {
    world.source.says(crowd(titled(3, true)));
    let run = synced(world, directory).await;
    assert_eq!(
        (told(&run).reading, run.progress.planned),
        (Reading::Changes, 0)
    );
    assert_eq!(title(world, directory).await, None);
    let quiet = synced(world, directory).await;
    assert_eq!(told(&quiet).reading, Reading::Changes);
}

/// Nothing changes at the source, and the next sync finds them.
async fn is_followed(world: &TestWorld, directory: DirectoryId) {
    let run = synced(world, directory).await;
    assert_eq!(
        (told(&run), run.progress.planned),
        (Told::whole(Because::NoStart), 1)
    );
    assert_eq!(title(world, directory).await.as_deref(), Some("Lead"));
    let quiet = synced(world, directory).await;
    assert_eq!(
        (told(&quiet).reading, quiet.progress.planned),
        (Reading::Changes, 0)
    );
}

async fn by_hand(world: &TestWorld, action: Action) {
    let tx = world.services.db().begin().await.unwrap();
    let change = Change::new(action, Cause::ByHand);
    let events = provisioning::apply(&world.services, &world.system(), &tx, &[change]).await;
    tx.commit(&events.unwrap()).await.unwrap();
}

async fn local_group(world: &TestWorld, name: &str) -> GroupId {
    let group: GroupId = world.services.id();
    let create = Action::CreateGroup {
        group,
        name: name.to_owned(),
        description: String::new(),
        directory: None,
    };
    by_hand(world, create).await;
    group
}

on_both! {
    async fn a_role_that_is_withdrawn_protects_nobody_any_more(world) {
        let ann = admin(&world).await;
        let directory = office(&world).await;
        let grant = world.grant(Role::Auditor, Member::User(third(&world).await)).await.unwrap();
        is_left_alone(&world, directory).await;
        let elevated = ann.call.elevated().unwrap();
        roles::withdraw(&world.services, &ann.call, &elevated, grant).await.unwrap();
        is_followed(&world, directory).await;
    }

    async fn a_role_that_goes_with_a_membership_protects_nobody_any_more(world) {
        let directory = office(&world).await;
        let group = local_group(&world, "Auditors").await;
        world.grant(Role::Auditor, Member::Group(group)).await.unwrap();
        let (member, origin) = (Member::User(third(&world).await), Origin::Manual);
        by_hand(&world, Action::AddMember { group, member, origin }).await;
        is_left_alone(&world, directory).await;
        by_hand(&world, Action::RemoveMember { group, member, origin }).await;
        is_followed(&world, directory).await;
    }

    async fn a_group_that_gives_no_role_any_more_follows_its_source(world) {
        let ann = admin(&world).await;
        let directory = office(&world).await;
        let all = muster_storage::groups::by_name(world.services.db(), "all").await.unwrap().unwrap().id;
        let grant = world.grant(Role::Auditor, Member::Group(all)).await.unwrap();
        let mut pages = crowd(person(3));
        pages[1] = group("all", 1..=19);
        world.source.says(pages);
        let run = synced(&world, directory).await;
        assert_eq!((run.progress.planned, here(&world, directory).await), (0, (20, 20)));
        let elevated = ann.call.elevated().unwrap();
        roles::withdraw(&world.services, &ann.call, &elevated, grant).await.unwrap();
        let run = synced(&world, directory).await;
        assert_eq!((told(&run), run.progress.planned), (Told::whole(Because::NoStart), 1));
        let inside = memberships::in_group(world.services.db(), all).await.unwrap();
        assert_eq!(inside.len(), 19);
    }

    async fn who_is_no_break_glass_account_any_more_follows_the_source(world) {
        let ann = admin(&world).await;
        let directory = office(&world).await;
        let id = third(&world).await;
        for name in ["ann", "u00003"] {
            let mut user = people::by_username(world.services.db(), name).await.unwrap().unwrap();
            user.break_glass = true;
            let tx = world.services.db().begin().await.unwrap();
            people::update(&tx, &user).await.unwrap();
            tx.commit_quiet(muster_storage::Quiet::Counted).await.unwrap();
        }
        let password = SecretString::from("violet harbor tickles 42 lanterns");
        users::set_local_password(&world.services, &world.system(), None, ann.id, &password).await.unwrap();
        is_left_alone(&world, directory).await;
        let ann = world.sign_in(ann.id, "ann").await.unwrap();
        let ann = world.elevate(&ann).await.unwrap();
        let elevated = ann.call.elevated().unwrap();
        users::set_break_glass(&world.services, &ann.call, &elevated, id, BreakGlass::No).await.unwrap();
        is_followed(&world, directory).await;
    }

    async fn who_has_no_account_in_front_any_more_is_kept_out_by_the_next(world) {
        let call = world.system();
        let front = Directory {
            id: world.services.id(),
            name: "Front".to_owned(),
            kind: "jit".to_owned(),
            position: 50,
            enabled: true,
            settings: Default::default(),
            created_at: call.at,
            updated_at: call.at,
        };
        let tx = world.services.db().begin().await.unwrap();
        directories::insert(&tx, &front).await.unwrap();
        tx.commit_quiet(muster_storage::Quiet::Counted).await.unwrap();
        let directory = office(&world).await;
        let (user, external_id) = (third(&world).await, ExternalId("front-3".to_owned()));
        let attributes = Attributes::from([("username".to_owned(), "u00003".to_owned())]);
        by_hand(&world, Action::UpdateAccount {
            user, directory: front.id, external_id: external_id.clone(), attributes,
        }).await;
        world.source.says(crowd(titled(3, false)));
        let run = synced(&world, directory).await;
        assert_eq!(told(&run).reading, Reading::Changes);
        let is_in = async || people::get(world.services.db(), user).await.unwrap().unwrap().is_active();
        assert!(is_in().await, "the first in the order decides");
        let quiet = synced(&world, directory).await;
        assert_eq!((told(&quiet).reading, quiet.progress.planned), (Reading::Changes, 0));
        by_hand(&world, Action::RemoveAccount { user, directory: front.id, external_id }).await;
        let run = synced(&world, directory).await;
        assert_eq!((told(&run), run.progress.planned), (Told::whole(Because::NoStart), 1));
        assert!(!is_in().await);
    }

    async fn a_role_that_is_withdrawn_while_a_sync_is_at_work_is_not_missed(world) {
        let ann = admin(&world).await;
        let directory = office(&world).await;
        let grant = world.grant(Role::Auditor, Member::User(third(&world).await)).await.unwrap();
        is_left_alone(&world, directory).await;
        // Everything is due, and nothing is to be done; who is protected was found out before.
        world.clock.forward(TimeDelta::hours(24));
        world.source.hangs_after(1);
        let id = asked(&world, directory, Wish::Sync).await;
        let services = world.services.clone();
        let work = tokio::spawn(async move { runs::work(&services).await.unwrap() });
        while !world.source.is_hanging() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let ann = world.sign_in(ann.id, "ann").await.unwrap();
        let ann = world.elevate(&ann).await.unwrap();
        let elevated = ann.call.elevated().unwrap();
        roles::withdraw(&world.services, &ann.call, &elevated, grant).await.unwrap();
        world.source.goes_on();
        assert!(work.await.unwrap());
        assert_eq!(run_of(&world, id).await.progress.planned, 0);
        let run = synced(&world, directory).await;
        assert_eq!((told(&run).reading, run.progress.planned), (Reading::Whole, 1));
        assert_eq!(title(&world, directory).await.as_deref(), Some("Lead"));
    }
}
