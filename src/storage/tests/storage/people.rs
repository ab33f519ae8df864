//! Users, accounts, groups, memberships, roles.

use std::collections::BTreeSet;

use muster_domain::id::{AccountId, AssignmentId, GroupId, UserId};
use muster_domain::listing::{At, Count, Direction};
use muster_domain::membership::{Member, Membership, Origin, effective};
use muster_domain::record::ExternalId;
use muster_domain::role::Role;
use muster_domain::user::{Deactivation, State};
use muster_storage::accounts::{self, Account};
use muster_storage::groups::{GroupFilter, GroupSort};
use muster_storage::roles::{self, Assignment};
use muster_storage::users::{GroupReach, UserFilter, UserSort};
use muster_storage::{
    Paging, counters, directories, groups, memberships, removed_directories, users,
};
use uuid::Uuid;

use crate::world::{at, directory, event, group, on_both, user};

fn searched(q: &str) -> UserFilter {
    UserFilter {
        q: Some(q.to_owned()),
        ..UserFilter::default()
    }
}

fn in_group(group: u128, member: Member) -> Membership {
    Membership {
        group: GroupId(Uuid::from_u128(group)),
        member,
        origin: Origin::Manual,
    }
}

fn member(number: u128) -> Member {
    Member::User(UserId(Uuid::from_u128(number)))
}

fn nested(number: u128) -> Member {
    Member::Group(GroupId(Uuid::from_u128(number)))
}

fn role(id: u128, role: Role, principal: Member) -> Assignment {
    Assignment {
        id: AssignmentId(Uuid::from_u128(id)),
        role,
        principal,
        scope: None,
        granted_by: "ada".to_owned(),
        granted_at: at(0),
    }
}

on_both! {
    async fn a_user_reads_back_as_written_and_counts_follow(world) {
        let mut ada = user(1, "Ada Lovelace");
        world.users(&[ada.clone(), user(2, "Bob")]).await;
        assert_eq!(users::get(&world.db, ada.id).await.unwrap(), Some(ada.clone()));
        assert_eq!(users::by_username(&world.db, " USER1 ").await.unwrap(), Some(ada.clone()));
        assert_eq!(users::by_email(&world.db, "User1@Example.org").await.unwrap(), [ada.clone()]);
        assert_eq!(users::get_many(&world.db, &[ada.id]).await.unwrap(), [ada.clone()]);

        let out = State::Deactivated(Deactivation { directory: None, by: "Bob".to_owned(), at: at(5), reason: None });
        ada.display_name = "Countess".to_owned();
        ada.email = None;
        ada.updated_at = at(5);
        let tx = world.tx().await;
        users::update(&tx, &ada).await.unwrap();
        users::set_state(&tx, ada.id, &out, at(5)).await.unwrap();
        users::touch_sign_in(&tx, ada.id, at(4)).await.unwrap();
        tx.commit(&[event("user.update")]).await.unwrap();
        ada.state = out;
        ada.last_sign_in_at = Some(at(4));
        assert_eq!(users::get(&world.db, ada.id).await.unwrap(), Some(ada.clone()));
        let counts = counters::users(&world.db).await.unwrap();
        assert_eq!((counts.active, counts.deactivated), (1, 1));

        let tx = world.tx().await;
        users::delete(&tx, ada.id).await.unwrap();
        assert_eq!(users::delete(&tx, ada.id).await.unwrap_err().code, "WEB-404");
        tx.commit(&[event("user.delete")]).await.unwrap();
        let counts = counters::users(&world.db).await.unwrap();
        assert_eq!((counts.active, counts.deactivated), (1, 0));
    }

    async fn a_taken_username_is_told_in_words_and_nothing_is_written(world) {
        world.users(&[user(1, "Ada")]).await;
        let mut second = user(2, "Other");
        second.username = "USER1".to_owned();
        let tx = world.tx().await;
        let error = users::insert(&tx, &second).await.unwrap_err();
        assert_eq!((error.code, error.kind.status()), ("USR-001", 409));
        assert!(!error.public.to_lowercase().contains("unique"));
        drop(tx);
        assert_eq!(counters::users(&world.db).await.unwrap().total(), 1);
    }

    async fn search_finds_parts_of_names_and_takes_wildcards_as_they_stand(world) {
        let mut percent = user(4, "100% Real_Name");
        percent.email = Some("odd\"quote@example.org".to_owned());
        world.users(&[user(1, "Ada Lovelace"), user(2, "Jürgen Größe"), user(3, "山田太郎 Yamada"), percent]).await;
        for (q, found) in [
            ("lovel", vec![1]), ("ACE", vec![1]), ("ürge", vec![2]), ("GRÖSSE", vec![2]), ("山田太", vec![3]),
            ("山", vec![3]), ("00%", vec![4]), ("0%r", vec![]), ("l_n", vec![4]), ("a_a", vec![]), ("dd\"q", vec![4]),
            ("ad", vec![1]), ("%", vec![]), ("_", vec![]), ("user3@ex", vec![3]), ("nothing", vec![]), ("a\"b*", vec![]),
            ("AND", vec![]), ("ada lovelace", vec![1]),
        ] {
            let ids = users::ids(&world.db, &searched(q), 10).await.unwrap();
            let ids: Vec<u128> = ids.iter().map(|id| id.0.as_u128()).collect();
            assert_eq!(ids, found, "{q}");
        }
        let tx = world.tx().await;
        let mut renamed = user(1, "Grace Hopper");
        renamed.updated_at = at(1);
        users::update(&tx, &renamed).await.unwrap();
        users::delete(&tx, UserId(Uuid::from_u128(2))).await.unwrap();
        tx.commit(&[event("user.update")]).await.unwrap();
        assert_eq!(users::count(&world.db, &searched("lovel")).await.unwrap(), Count::Exact(0));
        assert_eq!(users::count(&world.db, &searched("hopp")).await.unwrap(), Count::Exact(1));
        assert_eq!(users::count(&world.db, &searched("größe")).await.unwrap(), Count::Exact(0));
    }

    async fn a_search_that_finds_many_pages_like_one_that_finds_few(world) {
        // 400 of 500 match: SQLite walks the order; 5 match: it asks the trigram index.
        let people: Vec<_> = (1..=500_u128).map(|n| {
            user(n, &format!("{} {}", if n % 5 == 0 { "Other" } else { "Common Ünits" }, 1000 - n))
        }).collect();
        world.users(&people).await;
        for (q, total) in [("ünits", 400), ("ther 99", 2), ("COMMON", 400), ("mmon ünits 98", 8)] {
            let mut paging = Paging { rows: 50, ..Paging::<UserSort>::default() };
            let mut found = Vec::new();
            loop {
                let page = users::list(&world.db, &searched(q), &paging).await.unwrap();
                assert_eq!((page.total, page.before), (Count::Exact(total), found.len() as u64), "{q}");
                found.extend(page.rows.iter().map(|row| row.user.id));
                let Some(next) = page.next else { break };
                paging.position = found.len() as u64;
                paging.at = At::After(next);
            }
            assert_eq!(found, users::ids(&world.db, &searched(q), 1000).await.unwrap(), "{q}");
            assert_eq!(found.len() as u64, total);
        }
        let both = UserFilter { active: Some(true), ..searched("common") };
        assert_eq!(users::list(&world.db, &both, &Paging::default()).await.unwrap().total, Count::Exact(400));
    }

    async fn pages_in_every_order_and_both_directions_make_the_whole_list(world) {
        // Few names, times and addresses for many people: most rows tie.
        let people: Vec<_> = (1..=23_u128).map(|n| {
            let mut one = user(n, ["Same", "same ", "Zed", "Ärger"][usize::try_from(n * 7 % 4).unwrap()]);
            one.email = (n % 3 != 0).then(|| "shared@example.org".to_owned());
            one.created_at = at(i64::try_from(n % 2).unwrap());
            one.last_sign_in_at = (n % 5 == 0).then(|| at(9));
            one
        }).collect();
        world.users(&people).await;
        for sort in [UserSort::Name, UserSort::Username, UserSort::Email, UserSort::LastSignIn, UserSort::Created] {
            for direction in [Direction::Asc, Direction::Desc] {
                for rows in [1, 4, 23, 50] {
                    walk(&world.db, Paging { sort, direction, at: At::First, position: 0, rows }).await;
                }
            }
        }
    }

    async fn lists_filter_by_state_directory_group_and_role(world) {
        let mut glass = user(4, "Dora");
        glass.break_glass = true;
        world.users(&[user(1, "Ada"), user(2, "Bob"), user(3, "Cleo"), glass]).await;
        world.groups(&[group(10, "Outer"), group(11, "Inner")]).await;
        let tx = world.tx().await;
        for number in [20, 21] {
            directories::insert(&tx, &directory(number)).await.unwrap();
        }
        for (id, directory) in [(31_u128, 21_u128), (30, 20)] {
            accounts::upsert(&tx, &account(id, 1, directory)).await.unwrap();
        }
        let out = State::Deactivated(Deactivation { directory: None, by: "rule".to_owned(), at: at(1), reason: Some("left".to_owned()) });
        users::set_state(&tx, UserId(Uuid::from_u128(3)), &out, at(1)).await.unwrap();
        // A circle of groups must end.
        let edges = [in_group(10, nested(11)), in_group(11, nested(10)), in_group(11, member(2)), in_group(10, member(1))];
        memberships::add_many(&tx, &edges, at(1)).await.unwrap();
        roles::grant(&tx, &role(40, Role::Helpdesk, nested(10))).await.unwrap();
        roles::grant(&tx, &role(41, Role::Admin, member(3))).await.unwrap();
        tx.commit(&[event("test")]).await.unwrap();

        let outer = GroupId(Uuid::from_u128(10));
        let of = |filter: UserFilter| {
            let db = world.db.clone();
            async move {
                let page = users::list(&db, &filter, &Paging::default()).await.unwrap();
                let ids: Vec<u128> = page.rows.iter().map(|row| row.user.id.0.as_u128()).collect();
                assert_eq!(page.total, Count::Exact(ids.len() as u64));
                ids
            }
        };
        let any = UserFilter::default;
        assert_eq!(of(any()).await, [1, 2, 3, 4]);
        assert_eq!(of(UserFilter { active: Some(false), ..any() }).await, [3]);
        assert_eq!(of(UserFilter { break_glass: Some(true), ..any() }).await, [4]);
        assert_eq!(of(UserFilter { directory: Some(directory(21).id), ..any() }).await, [1]);
        assert_eq!(of(UserFilter { group: Some((outer, GroupReach::Direct)), ..any() }).await, [1]);
        assert_eq!(of(UserFilter { group: Some((outer, GroupReach::Effective)), ..any() }).await, [1, 2]);
        assert_eq!(of(UserFilter { role: Some(Role::Helpdesk), ..any() }).await, [1, 2]);
        assert_eq!(of(UserFilter { role: Some(Role::Admin), active: Some(true), ..any() }).await, [0_u128; 0]);

        let page = users::list(&world.db, &any(), &Paging::default()).await.unwrap();
        assert_eq!(page.rows[0].directories, ["Directory 20", "Directory 21"]);
        assert_eq!((page.rows[0].groups, page.rows[1].groups, page.rows[2].groups), (1, 1, 0));
        assert_eq!(roles::of_user(&world.db, UserId(Uuid::from_u128(2))).await.unwrap(), [Role::Helpdesk]);
        assert_eq!(roles::holders(&world.db, Role::Admin).await.unwrap(), []);
        assert_eq!(roles::holders(&world.db, Role::Helpdesk).await.unwrap().len(), 2);
        assert_eq!(roles::list(&world.db).await.unwrap().len(), 2);
        assert_eq!(memberships::effective_members(&world.db, outer).await.unwrap(), 2);
        let around = memberships::edges_around(&world.db, UserId(Uuid::from_u128(2))).await.unwrap();
        let reached: BTreeSet<_> = effective(&around, UserId(Uuid::from_u128(2))).iter().map(|e| e.of.0.as_u128()).collect();
        assert_eq!(reached, [10, 11].into());
    }

    async fn an_account_is_one_row_for_a_directory_and_an_external_id(world) {
        world.users(&[user(1, "Ada"), user(2, "Bob")]).await;
        let tx = world.tx().await;
        directories::insert(&tx, &directory(20)).await.unwrap();
        let mut first = account(30, 1, 20);
        accounts::upsert(&tx, &first).await.unwrap();
        first.attributes = [("email".to_owned(), "a@b".to_owned())].into();
        first.last_confirmed_at = at(9);
        let again = Account { id: AccountId(Uuid::from_u128(99)), first_seen_at: at(9), ..first.clone() };
        accounts::upsert(&tx, &again).await.unwrap();
        let stolen = Account { user: UserId(Uuid::from_u128(2)), ..first.clone() };
        assert_eq!(accounts::upsert(&tx, &stolen).await.unwrap_err().code, "DIR-002");
        assert_eq!(accounts::of_user(&tx, first.user).await.unwrap(), [first.clone()]);
        assert_eq!(accounts::by_external(&tx, first.directory, &first.external_id).await.unwrap(), Some(first.clone()));
        assert_eq!(accounts::count_of_directory(&tx, first.directory).await.unwrap(), 1);
        assert!(!removed_directories::remove(&tx, first.directory, at(9)).await.unwrap(), "somebody is of it");
    }

    async fn two_origins_are_two_memberships_and_one_ends_without_the_other(world) {
        world.users(&[user(1, "Ada")]).await;
        world.groups(&[group(10, "Staff"), group(11, "Nested")]).await;
        let by_hand = in_group(10, member(1));
        let by_claims = Membership { origin: Origin::Claims(crate::world::provider(5).id), ..by_hand };
        let tx = world.tx().await;
        assert!(memberships::add(&tx, &by_hand, at(1)).await.unwrap());
        assert!(memberships::add(&tx, &by_claims, at(2)).await.unwrap());
        assert!(!memberships::add(&tx, &by_hand, at(3)).await.unwrap());
        memberships::add(&tx, &in_group(10, nested(11)), at(3)).await.unwrap();
        let page = memberships::of_group(&tx, by_hand.group, &Paging::default()).await.unwrap();
        assert_eq!(page.total, Count::Exact(2));
        assert_eq!(page.rows[0].member, nested(11));
        assert_eq!(page.rows[1].origins, [by_hand.origin, by_claims.origin]);
        assert!(memberships::remove(&tx, &by_hand).await.unwrap());
        assert!(!memberships::remove(&tx, &by_hand).await.unwrap());
        let left = memberships::of_member(&tx, member(1)).await.unwrap();
        assert_eq!(left.iter().map(|row| row.membership).collect::<Vec<_>>(), [by_claims]);
        assert_eq!(left[0].group_name, "Staff");
        assert_eq!(memberships::group_edges(&tx).await.unwrap(), [in_group(10, nested(11))]);
        assert_eq!(memberships::remove_origin(&tx, by_claims.origin).await.unwrap(), 1);
        tx.commit(&[event("group.members")]).await.unwrap();
    }

    async fn many_memberships_come_and_go_together_each_by_its_origin_alone(world) {
        let people: Vec<u128> = (1..=500).collect();
        let users: Vec<_> = people.iter().map(|number| user(*number, &format!("P{number}"))).collect();
        world.users(&users).await;
        world.groups(&[group(10, "Staff"), group(11, "Nested")]).await;
        let mut all: Vec<Membership> = people.iter().map(|number| in_group(10, member(*number))).collect();
        all.push(in_group(10, nested(11)));
        let by_claims = Membership { origin: Origin::Claims(crate::world::provider(5).id), ..all[0] };
        let tx = world.tx().await;
        assert_eq!(memberships::add_many(&tx, &all, at(1)).await.unwrap(), 501);
        assert_eq!(memberships::add_many(&tx, &all, at(2)).await.unwrap(), 0);
        assert_eq!(memberships::add_many(&tx, &[by_claims], at(2)).await.unwrap(), 1);
        assert_eq!(memberships::remove_many(&tx, &all).await.unwrap(), 501);
        assert_eq!(memberships::remove_many(&tx, &all).await.unwrap(), 0);
        assert_eq!(memberships::in_group(&tx, by_claims.group).await.unwrap(), [by_claims]);
        let ids: Vec<_> = users.iter().map(|user| user.id).chain([user(999, "").id]).collect();
        assert_eq!(users::count_of(&tx, &ids).await.unwrap(), 500);
        assert_eq!(groups::count_of(&tx, &[group(11, "").id, group(12, "").id]).await.unwrap(), 1);
        tx.commit(&[event("group.members")]).await.unwrap();
    }

    async fn groups_are_listed_searched_and_removed_with_what_hangs_on_them(world) {
        world.users(&[user(1, "Ada")]).await;
        let mut staff = group(10, "Staff");
        staff.description = "All 100% of us".to_owned();
        world.groups(&[staff.clone(), group(11, "Admins")]).await;
        let tx = world.tx().await;
        memberships::add_many(&tx, &[in_group(10, member(1)), in_group(10, nested(11))], at(1)).await.unwrap();
        roles::grant(&tx, &role(40, Role::Auditor, nested(11))).await.unwrap();
        assert_eq!(groups::insert(&tx, &group(12, "ＳＴＡＦＦ")).await.unwrap_err().code, "GRP-001");
        drop(tx);
        let tx = world.tx().await;
        memberships::add_many(&tx, &[in_group(10, member(1)), in_group(10, nested(11))], at(1)).await.unwrap();
        roles::grant(&tx, &role(40, Role::Auditor, nested(11))).await.unwrap();
        directories::insert(&tx, &directory(20)).await.unwrap();
        groups::add_source(&tx, staff.id, directory(20).id, &ExternalId("g1".to_owned())).await.unwrap();
        tx.commit(&[event("test")]).await.unwrap();

        let page = groups::list(&world.db, &GroupFilter::default(), &Paging::<GroupSort>::default()).await.unwrap();
        let names: Vec<_> = page.rows.iter().map(|row| (row.group.name.as_str(), row.users, row.groups)).collect();
        assert_eq!(names, [("Admins", 0, 0), ("Staff", 1, 1)]);
        assert_eq!(page.total, Count::Exact(2));
        let found = GroupFilter { q: Some("100%".to_owned()), local: Some(true), ..GroupFilter::default() };
        let page = groups::list(&world.db, &found, &Paging::default()).await.unwrap();
        assert_eq!(page.rows[0].group, staff);
        assert_eq!(groups::by_source(&world.db, directory(20).id, &ExternalId("g1".to_owned())).await.unwrap(), Some(staff.id));
        assert_eq!(groups::by_name(&world.db, "staff").await.unwrap(), Some(staff.clone()));

        let tx = world.tx().await;
        groups::delete(&tx, group(11, "").id).await.unwrap();
        tx.commit(&[event("group.delete")]).await.unwrap();
        assert!(counters::verify(&world.db).await.unwrap().is_empty());
        assert_eq!(counters::groups(&world.db).await.unwrap(), 1);
        assert_eq!(roles::list(&world.db).await.unwrap(), []);
        assert_eq!(memberships::of_member(&world.db, nested(11)).await.unwrap(), []);
    }

    async fn of_many_who_withdraw_their_role_at_once_unless_they_are_the_last_one_is_left(world) {
        let people: Vec<u128> = (1..=8).collect();
        let users: Vec<_> = people.iter().map(|number| user(*number, &format!("P{number}"))).collect();
        world.users(&users).await;
        let tx = world.tx().await;
        for number in &people {
            roles::grant(&tx, &role(100 + number, Role::Superadmin, member(*number))).await.unwrap();
        }
        tx.commit(&[event("test")]).await.unwrap();
        let withdrawals = people.iter().map(|number| {
            let (db, id) = (world.db.clone(), AssignmentId(Uuid::from_u128(100 + number)));
            async move {
                let tx = db.begin().await.unwrap();
                roles::take_turns(&tx).await.unwrap();
                if roles::holders(&tx, Role::Superadmin).await.unwrap().len() > 1 {
                    roles::withdraw(&tx, id).await.unwrap();
                    tx.commit(&[event("role.withdraw")]).await.unwrap();
                }
            }
        });
        futures::future::join_all(withdrawals).await;
        let left = roles::holders(&world.db, Role::Superadmin).await.unwrap();
        assert_eq!(left.len(), 1);
    }
}

fn account(id: u128, user: u128, directory: u128) -> Account {
    Account {
        id: AccountId(Uuid::from_u128(id)),
        user: UserId(Uuid::from_u128(user)),
        directory: muster_domain::id::DirectoryId(Uuid::from_u128(directory)),
        external_id: ExternalId(format!("ext-{user}")),
        attributes: [("username".to_owned(), "ada".to_owned())].into(),
        active: true,
        first_seen_at: at(0),
        last_confirmed_at: at(0),
        raw: None,
    }
}

/// Walks from the first page to the last by `next`, back by `previous`, and compares with one great page.
async fn walk(db: &muster_storage::Db, first: Paging<UserSort>) {
    let filter = UserFilter::default();
    let ids = |page: &muster_domain::listing::Page<users::UserRow>| -> Vec<UserId> {
        page.rows.iter().map(|row| row.user.id).collect()
    };
    let whole = users::list(
        db,
        &filter,
        &Paging {
            rows: 1000,
            ..first.clone()
        },
    )
    .await
    .unwrap();
    let all = ids(&whole);
    assert_eq!(all.len(), 23);
    let mut paging = first.clone();
    let mut forward = Vec::new();
    loop {
        let page = users::list(db, &filter, &paging).await.unwrap();
        assert_eq!(page.before, forward.len() as u64, "{paging:?}");
        assert_eq!(page.previous.is_some(), page.before > 0);
        forward.extend(ids(&page));
        let Some(next) = page.next else { break };
        paging.position = page.before + page.rows.len() as u64;
        paging.at = At::After(next);
    }
    assert_eq!(forward, all, "{first:?}");
    let mut paging = Paging {
        at: At::Last,
        ..first.clone()
    };
    let mut backward: Vec<UserId> = Vec::new();
    loop {
        let page = users::list(db, &filter, &paging).await.unwrap();
        assert_eq!(
            page.before + page.rows.len() as u64,
            (all.len() - backward.len()) as u64,
            "{paging:?}"
        );
        backward.splice(0..0, ids(&page));
        let Some(previous) = page.previous else { break };
        paging.position = page.before;
        paging.at = At::Before(previous);
    }
    assert_eq!(backward, all, "{first:?}");
}
