//! Messages that wait, wishes for a new password, passwords that must be changed.

use muster_domain::id::{LetterId, UserId, WishId};
use muster_storage::outbox::{self, Queue, Waiting};
use muster_storage::password_links::{self, PasswordLink, Purpose};
use muster_storage::reset_wishes::{self, Wish};
use muster_storage::{Quiet, forced_changes, throttle};
use uuid::Uuid;

use crate::world::{World, at, on_both, user};

const ADA: UserId = UserId(Uuid::from_u128(1));
const BOB: UserId = UserId(Uuid::from_u128(2));

fn message(number: u128, user: Option<UserId>) -> Waiting {
    Waiting {
        id: LetterId(Uuid::from_u128(number)),
        kind: "reset".to_owned(),
        user,
        letter: "sealed".to_owned(),
        created_at: at(0),
        expires_at: at(1800),
        attempts: 0,
    }
}

async fn keep(world: &World, messages: &[Waiting]) {
    let tx = world.tx().await;
    for message in messages {
        outbox::insert(&tx, message).await.unwrap();
    }
    tx.commit_quiet(Quiet::Mail).await.unwrap();
}

async fn lease(world: &World, number: u128, who: &str, now: i64, until: i64) -> bool {
    let tx = world.tx().await;
    let id = LetterId(Uuid::from_u128(number));
    let taken = outbox::lease(&tx, id, who, at(now), at(until))
        .await
        .unwrap();
    tx.commit_quiet(Quiet::Mail).await.unwrap();
    taken
}

on_both! {
    async fn a_message_is_leased_to_one_until_its_lease_ends(world) {
        world.users(&[user(1, "Ada")]).await;
        keep(&world, &[message(7, Some(ADA)), message(8, None)]).await;
        assert_eq!(outbox::due(&world.db, at(0), 9).await.unwrap(), [message(7, Some(ADA)), message(8, None)]);
        assert!(lease(&world, 7, "one", 0, 120).await);
        assert!(!lease(&world, 7, "two", 0, 120).await);
        let due = outbox::due(&world.db, at(0), 9).await.unwrap();
        assert_eq!(due.iter().map(|one| one.id.0.as_u128()).collect::<Vec<_>>(), [8]);
        assert!(lease(&world, 7, "two", 120, 240).await);
        let tx = world.tx().await;
        let id = LetterId(Uuid::from_u128(7));
        assert!(!outbox::sent(&tx, id, "one").await.unwrap());
        assert!(!outbox::again(&tx, id, "one", at(300), "why").await.unwrap());
        assert!(!outbox::drop_one(&tx, id, "one", at(300), "why").await.unwrap());
        assert!(outbox::again(&tx, id, "two", at(300), "MAIL-016: later").await.unwrap());
        tx.commit_quiet(Quiet::Mail).await.unwrap();
        let due = outbox::due(&world.db, at(299), 9).await.unwrap();
        assert_eq!(due.len(), 1);
        let due = outbox::due(&world.db, at(300), 9).await.unwrap();
        assert_eq!((due.len(), due[1].attempts), (2, 2));
        let queue = outbox::queue(&world.db).await.unwrap();
        assert_eq!(queue, Queue { waiting: 2, oldest: Some(at(0)), last_error: Some("MAIL-016: later".to_owned()), ..Queue::default() });
    }

    async fn of_two_nodes_one_gets_the_lease(world) {
        keep(&world, &[message(7, None)]).await;
        let (one, two) = tokio::join!(lease(&world, 7, "one", 0, 120), lease(&world, 7, "two", 0, 120));
        assert!(one != two);
    }

    async fn what_is_given_up_is_forgotten_but_for_the_reason(world) {
        keep(&world, &[message(7, None)]).await;
        assert!(lease(&world, 7, "one", 0, 120).await);
        let tx = world.tx().await;
        assert!(outbox::drop_one(&tx, LetterId(Uuid::from_u128(7)), "one", at(5), "MAIL-015: no").await.unwrap());
        tx.commit_quiet(Quiet::Mail).await.unwrap();
        assert_eq!(outbox::due(&world.db, at(9999), 9).await.unwrap(), []);
        assert!(!lease(&world, 7, "two", 9999, 10_000).await);
        let queue = outbox::queue(&world.db).await.unwrap();
        assert_eq!(queue, Queue { dropped: 1, dropped_error: Some("MAIL-015: no".to_owned()), ..Queue::default() });
        let tx = world.tx().await;
        assert_eq!(outbox::sweep(&tx, at(5)).await.unwrap(), 0);
        assert_eq!(outbox::sweep(&tx, at(6)).await.unwrap(), 1);
        tx.commit_quiet(Quiet::Expired).await.unwrap();
        assert_eq!(outbox::queue(&world.db).await.unwrap(), Queue::default());
    }

    async fn what_waits_for_a_person_goes_with_them_or_with_a_newer_one(world) {
        world.users(&[user(1, "Ada"), user(2, "Bob")]).await;
        keep(&world, &[message(7, Some(ADA)), message(8, Some(BOB))]).await;
        let tx = world.tx().await;
        assert_eq!(outbox::take_back(&tx, ADA, "link").await.unwrap(), 0);
        assert_eq!(outbox::take_back(&tx, ADA, "reset").await.unwrap(), 1);
        muster_storage::users::delete(&tx, BOB).await.unwrap();
        tx.commit_quiet(Quiet::Mail).await.unwrap();
        assert_eq!(outbox::queue(&world.db).await.unwrap(), Queue::default());
    }

    async fn many_wrong_passwords_are_told_to_an_account_once(world) {
        world.users(&[user(1, "Ada")]).await;
        let name = muster_domain::name::key(&user(1, "Ada").username);
        let tx = world.tx().await;
        for (nth, key) in [name.as_str(), "nobody"].into_iter().enumerate() {
            for times in 0..6_i64 {
                throttle::record_failure(&tx, key, &format!("192.0.2.{nth}"), at(times * 20)).await.unwrap();
            }
        }
        tx.commit_quiet(Quiet::Counted).await.unwrap();
        let attempted = async |many: u32| outbox::attempted(&world.db, at(0), many, at(-100)).await.unwrap();
        assert_eq!(attempted(6).await, [(ADA, 6)]);
        assert_eq!(attempted(7).await, []);
        let tell = async |now: i64, told: i64| {
            let tx = world.tx().await;
            let first = outbox::tell_of_attempts(&tx, ADA, at(now), at(told)).await.unwrap();
            tx.commit_quiet(Quiet::Counted).await.unwrap();
            first
        };
        assert!(tell(100, 0).await);
        assert!(!tell(101, 1).await);
        assert_eq!(outbox::attempted(&world.db, at(0), 6, at(50)).await.unwrap(), []);
        assert_eq!(outbox::attempted(&world.db, at(0), 6, at(101)).await.unwrap(), [(ADA, 6)]);
        assert!(tell(300, 200).await);
    }

    async fn a_wish_is_taken_once(world) {
        let wish = |number: u128, seconds: i64| Wish {
            id: WishId(Uuid::from_u128(number)),
            typed: "sealed".to_owned(),
            address: (number == 1).then(|| "192.0.2.1".to_owned()),
            created_at: at(seconds),
        };
        let tx = world.tx().await;
        for wish in [wish(1, 9), wish(2, 3)] {
            reset_wishes::insert(&tx, &wish).await.unwrap();
        }
        tx.commit_quiet(Quiet::Mail).await.unwrap();
        assert_eq!(reset_wishes::newest(&world.db, 9).await.unwrap(), [wish(1, 9), wish(2, 3)]);
        assert_eq!(reset_wishes::newest(&world.db, 1).await.unwrap(), [wish(1, 9)]);
        let tx = world.tx().await;
        assert_eq!(reset_wishes::forget(&tx, at(9)).await.unwrap(), 1);
        tx.commit_quiet(Quiet::Mail).await.unwrap();
        assert_eq!(reset_wishes::newest(&world.db, 9).await.unwrap(), [wish(1, 9)]);
        let take = async || {
            let tx = world.tx().await;
            let taken = reset_wishes::take(&tx, WishId(Uuid::from_u128(1))).await.unwrap();
            tx.commit_quiet(Quiet::Mail).await.unwrap();
            taken
        };
        let (one, two) = tokio::join!(take(), take());
        assert!(one != two);
    }

    async fn a_change_is_wanted_until_it_is_made(world) {
        world.users(&[user(1, "Ada")]).await;
        let tx = world.tx().await;
        forced_changes::want(&tx, ADA, "root", at(1)).await.unwrap();
        forced_changes::want(&tx, ADA, "adam", at(2)).await.unwrap();
        tx.commit_quiet(Quiet::Mail).await.unwrap();
        let forced = forced_changes::of_user(&world.db, ADA).await.unwrap().unwrap();
        assert_eq!((forced.since, forced.wanted_by.as_str()), (at(2), "adam"));
        assert_eq!(forced_changes::of_user(&world.db, BOB).await.unwrap(), None);
        let tx = world.tx().await;
        assert!(forced_changes::done(&tx, ADA).await.unwrap());
        assert!(!forced_changes::done(&tx, ADA).await.unwrap());
        tx.commit_quiet(Quiet::Mail).await.unwrap();
    }

    async fn links_that_choose_a_password_go_and_the_shells_stays(world) {
        world.users(&[user(1, "Ada")]).await;
        let tx = world.tx().await;
        for (token, purpose) in [("a", Purpose::Reset), ("b", Purpose::Handed), ("c", Purpose::Recovery)] {
            let link = PasswordLink {
                token_hash: token.to_owned(),
                user: ADA,
                purpose,
                detail: serde_json::json!({}),
                created_at: at(0),
                expires_at: at(900),
            };
            password_links::replace(&tx, &link).await.unwrap();
        }
        assert_eq!(password_links::remove_choosing(&tx, ADA).await.unwrap(), 2);
        tx.commit_quiet(Quiet::Mail).await.unwrap();
        let found = async |token: &str| password_links::find(&world.db, token, at(1)).await.unwrap().is_some();
        assert_eq!((found("a").await, found("b").await, found("c").await), (false, false, true));
    }
}
