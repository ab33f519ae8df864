//! What the plan of a directory is made from, page by page, and the state that it stands in.

use muster_domain::id::{AccountId, DirectoryId, GroupId, UserId};
use muster_domain::mapping::{Expression, Mapping};
use muster_domain::membership::{Member, Membership, Origin};
use muster_domain::record::ExternalId;
use muster_storage::accounts::{self, Account};
use muster_storage::directories::Directory;
use muster_storage::{
    directories, directory_states, groups, mappings, memberships, removed_directories, users,
};
use uuid::Uuid;

use crate::world::{at, directory, event, group, on_both, user};

fn account(number: u128, directory: DirectoryId, external_id: &str) -> Account {
    Account {
        id: AccountId(Uuid::from_u128(1000 * number + directory.0.as_u128())),
        user: UserId(Uuid::from_u128(number)),
        directory,
        external_id: ExternalId(external_id.to_owned()),
        attributes: [("username".to_owned(), format!("user{number}"))].into(),
        active: true,
        first_seen_at: at(1),
        last_confirmed_at: at(1),
        raw: None,
    }
}

on_both! {
    async fn a_directorys_accounts_come_in_pages_by_their_ids_byte_by_byte(world) {
        world.users(&[user(1, "Ada"), user(2, "Bob"), user(3, "Cem")]).await;
        let (ours, other) = (directory(20), directory(21));
        let tx = world.tx().await;
        directories::insert(&tx, &ours).await.unwrap();
        directories::insert(&tx, &other).await.unwrap();
        // Upper case comes before lower case in both databases, whatever their language.
        let rows = [account(1, ours.id, "b"), account(2, ours.id, "B"), account(3, ours.id, "a-1"), account(1, other.id, "a")];
        accounts::insert_many(&tx, &rows).await.unwrap();
        tx.commit(&[event("test")]).await.unwrap();
        let mut seen = Vec::new();
        let mut after: Option<ExternalId> = None;
        loop {
            let page = accounts::page_of_directory(&world.db, ours.id, after.as_ref(), 2).await.unwrap();
            let Some(last) = page.last() else { break };
            after = Some(last.external_id.clone());
            seen.extend(page.into_iter().map(|account| account.external_id.0));
        }
        assert_eq!(seen, ["B", "a-1", "b"]);
        let of_ada = accounts::of_users(&world.db, &[UserId(Uuid::from_u128(1)), UserId(Uuid::from_u128(9))]).await.unwrap();
        assert_eq!(of_ada.len(), 2);
        let keys = ["user1".to_owned(), "nobody".to_owned()];
        assert_eq!(users::by_keys(&world.db, &keys).await.unwrap(), [user(1, "Ada")]);
    }

    async fn a_directorys_groups_say_who_else_knows_them_and_are_forgotten_one_by_one(world) {
        world.users(&[user(1, "Ada")]).await;
        world.groups(&[group(10, "Staff"), group(11, "Lab")]).await;
        let (ours, other) = (directory(20), directory(21));
        let id = |text: &str| ExternalId(text.to_owned());
        let (staff, lab) = (GroupId(Uuid::from_u128(10)), GroupId(Uuid::from_u128(11)));
        let tx = world.tx().await;
        directories::insert(&tx, &ours).await.unwrap();
        directories::insert(&tx, &other).await.unwrap();
        groups::add_source(&tx, staff, ours.id, &id("s")).await.unwrap();
        groups::add_source(&tx, staff, other.id, &id("s")).await.unwrap();
        groups::add_source(&tx, lab, ours.id, &id("l")).await.unwrap();
        let row = Membership { group: staff, member: Member::Group(lab), origin: Origin::Directory(ours.id) };
        memberships::add(&tx, &row, at(1)).await.unwrap();
        assert_eq!(memberships::in_group(&tx, staff).await.unwrap(), [row]);
        assert!(!memberships::is_empty(&tx, staff).await.unwrap());
        assert!(memberships::is_empty(&tx, lab).await.unwrap());
        let page = groups::page_of_directory(&tx, ours.id, None, 10).await.unwrap();
        let told: Vec<_> = page.iter().map(|known| (known.external_id.0.as_str(), known.group.id, known.elsewhere)).collect();
        assert_eq!(told, [("l", lab, false), ("s", staff, true)]);
        let rest = groups::page_of_directory(&tx, ours.id, Some(&id("l")), 10).await.unwrap();
        assert_eq!(rest.len(), 1);
        assert!(!groups::remove_source(&tx, lab, ours.id, &id("s")).await.unwrap());
        assert!(groups::remove_source(&tx, staff, ours.id, &id("s")).await.unwrap());
        assert_eq!(groups::by_source(&tx, other.id, &id("s")).await.unwrap(), Some(staff));
        assert_eq!(groups::by_source(&tx, ours.id, &id("s")).await.unwrap(), None);
        tx.commit(&[event("test")]).await.unwrap();
    }

    async fn of_two_who_go_on_from_one_state_at_once_one_is_told_no(world) {
        let tx = world.tx().await;
        directories::insert(&tx, &directory(20)).await.unwrap();
        tx.commit(&[event("test")]).await.unwrap();
        let id = directory(20).id;
        assert_eq!(directory_states::revision(&world.db, id).await.unwrap(), 0);
        let tries = (0..4).map(|_| {
            let db = world.db.clone();
            async move {
                let tx = db.begin().await.unwrap();
                let went_on = directory_states::advance(&tx, id, 0).await.unwrap();
                tx.commit(&[event("test")]).await.unwrap();
                went_on
            }
        });
        let went_on = futures::future::join_all(tries).await;
        assert_eq!(went_on.into_iter().filter(|yes| *yes).count(), 1);
        assert_eq!(directory_states::revision(&world.db, id).await.unwrap(), 1);
    }

    async fn of_two_who_save_a_mapping_at_once_one_is_told_no_and_it_goes_with_its_directory(world) {
        world.users(&[user(1, "Ada")]).await;
        let ours = directory(20);
        let tx = world.tx().await;
        directories::insert(&tx, &ours).await.unwrap();
        accounts::insert_many(&tx, &[account(1, ours.id, "a")]).await.unwrap();
        tx.commit(&[event("test")]).await.unwrap();
        assert_eq!(mappings::get(&world.db, ours.id).await.unwrap(), mappings::Kept::default());
        let filter = |text: &str| Mapping { filter: Some(Expression(text.to_owned())), ..Mapping::default() };
        let tx = world.tx().await;
        assert!(mappings::put(&tx, ours.id, &filter("true"), 0, at(1)).await.unwrap());
        assert!(!mappings::put(&tx, ours.id, &filter("false"), 0, at(1)).await.unwrap());
        assert!(mappings::put(&tx, ours.id, &filter("1 == 1"), 1, at(2)).await.unwrap());
        assert!(!mappings::put(&tx, ours.id, &filter("false"), 1, at(2)).await.unwrap());
        tx.commit(&[event("test")]).await.unwrap();
        let kept = mappings::get(&world.db, ours.id).await.unwrap();
        assert_eq!((kept.mapping, kept.revision), (filter("1 == 1"), 2));
        let ids = [ExternalId("a".to_owned()), ExternalId("b".to_owned())];
        let ids: Vec<&ExternalId> = ids.iter().collect();
        let known = mappings::known(&world.db, ours.id, &ids).await.unwrap();
        assert_eq!(known.len(), 1);
        assert_eq!(known[ids[0]]["username"], "user1");
        let other = directory(21);
        let tx = world.tx().await;
        directories::insert(&tx, &other).await.unwrap();
        mappings::put(&tx, other.id, &filter("true"), 0, at(1)).await.unwrap();
        tx.commit(&[event("test")]).await.unwrap();
        let tx = world.tx().await;
        assert!(removed_directories::remove(&tx, other.id, at(3)).await.unwrap());
        tx.commit(&[event("test")]).await.unwrap();
        let tx = world.tx().await;
        assert_eq!(removed_directories::forget_before(&tx, at(3)).await.unwrap(), 0, "not yet");
        assert_eq!(removed_directories::forget_before(&tx, at(4)).await.unwrap(), 1);
        tx.commit(&[event("test")]).await.unwrap();
        assert_eq!(mappings::get(&world.db, other.id).await.unwrap().revision, 0);
    }

    async fn nothing_is_written_onto_a_directory_that_is_being_removed(world) {
        let ours = directory(20);
        let tx = world.tx().await;
        directories::insert(&tx, &ours).await.unwrap();
        tx.commit(&[event("test")]).await.unwrap();
        // Somebody read it and saves it; meanwhile it is removed. On PostgreSQL the second waits for the first.
        let (db, renamed) = (world.db.clone(), Directory { name: "Renamed".to_owned(), ..ours.clone() });
        let tx = world.tx().await;
        assert!(removed_directories::remove(&tx, ours.id, at(5)).await.unwrap());
        let saves = tokio::spawn(async move {
            let tx = db.begin().await.unwrap();
            let saved = directories::update(&tx, &renamed).await;
            directories::set_position(&tx, renamed.id, 7, at(6)).await.unwrap();
            directories::set_secret(&tx, renamed.id, Some("sealed".to_owned())).await.unwrap();
            tx.commit(&[event("test")]).await.unwrap();
            saved
        });
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        tx.commit(&[event("test")]).await.unwrap();
        assert_eq!(saves.await.unwrap().unwrap_err().code, "WEB-404");
        let ever = directories::ever(&world.db, ours.id).await.unwrap().unwrap();
        assert_eq!((ever.name, ever.position, ever.enabled), (ours.name.clone(), ours.position, false));
        assert_eq!(directories::secret(&world.db, ours.id).await.unwrap(), None);
        let nobodys = format!("REMOVED {}", ours.id);
        assert_eq!(directories::by_name(&world.db, &nobodys).await.unwrap(), None);
        assert_eq!(directories::by_name(&world.db, "Renamed").await.unwrap(), None);
        // Its name is free.
        let tx = world.tx().await;
        directories::insert(&tx, &Directory { id: directory(21).id, ..ours }).await.unwrap();
        tx.commit(&[event("test")]).await.unwrap();
    }

    async fn a_removed_directory_is_in_no_list_and_in_nobodys_way_and_can_be_brought_back(world) {
        let ours = directory(20);
        let tx = world.tx().await;
        directories::insert(&tx, &ours).await.unwrap();
        directories::set_secret(&tx, ours.id, Some("sealed".to_owned())).await.unwrap();
        tx.commit(&[event("test")]).await.unwrap();
        let tx = world.tx().await;
        assert!(removed_directories::remove(&tx, ours.id, at(5)).await.unwrap());
        assert!(!removed_directories::remove(&tx, ours.id, at(6)).await.unwrap(), "once");
        tx.commit(&[event("test")]).await.unwrap();
        let db = &world.db;
        assert_eq!(directories::list(db).await.unwrap(), []);
        assert_eq!(directories::get(db, ours.id).await.unwrap(), None);
        assert_eq!(directories::by_name(db, &ours.name).await.unwrap(), None);
        assert_eq!(directories::secret(db, ours.id).await.unwrap(), None);
        assert!(removed_directories::is_one(db, ours.id).await.unwrap());
        assert_eq!(removed_directories::names(db).await.unwrap(), [(ours.id, ours.name.clone())].into());
        let ever = directories::ever(db, ours.id).await.unwrap().unwrap();
        assert_eq!((ever.name.as_str(), ever.enabled), (ours.name.as_str(), false));
        let other = Directory { id: directory(21).id, ..ours.clone() };
        let tx = world.tx().await;
        directories::insert(&tx, &other).await.unwrap();
        tx.commit(&[event("test")]).await.unwrap();
        let tx = world.tx().await;
        let taken = removed_directories::bring_back(&tx, ours.id, &ours.name, at(7)).await.unwrap_err();
        assert_eq!(taken.code, "DIR-001");
        tx.rollback().await.unwrap();
        let tx = world.tx().await;
        removed_directories::bring_back(&tx, ours.id, "Office again", at(7)).await.unwrap();
        tx.commit(&[event("test")]).await.unwrap();
        assert_eq!(directories::list(db).await.unwrap().len(), 2);
        let back = directories::by_name(db, "OFFICE again").await.unwrap().unwrap();
        assert_eq!((back.id, back.enabled), (ours.id, false));
    }
}
