//! Second factors and recovery codes: each step and each code counts once.

use muster_domain::factor::{Enrolled, Factor, FactorKind};
use muster_domain::id::{FactorId, UserId};
use muster_storage::factors::{self, Keyed};
use muster_storage::{Quiet, recovery_codes};
use uuid::Uuid;

use crate::world::{World, at, event, on_both, user};

const ADA: UserId = UserId(Uuid::from_u128(1));
const BOB: UserId = UserId(Uuid::from_u128(2));

fn keyed(number: u128, name: &str) -> Keyed {
    Keyed {
        factor: Factor {
            id: FactorId(Uuid::from_u128(number)),
            user: ADA,
            kind: FactorKind::Totp,
            name: name.to_owned(),
            created_at: at(i64::try_from(number).unwrap()),
            last_used_at: None,
            bound_to: None,
            suspected_at: None,
            permitted_by: None,
        },
        sealed: "k:sealed".to_owned(),
        counter: None,
        credential: None,
    }
}

/// Begun and confirmed with step 100.
async fn confirmed(world: &World, number: u128, name: &str) -> FactorId {
    let pending = keyed(number, name);
    let tx = world.tx().await;
    factors::begin(&tx, &pending).await.unwrap();
    assert!(
        factors::confirm(&tx, pending.factor.id, 100, None, at(50))
            .await
            .unwrap()
    );
    tx.commit(&[event("factor.add")]).await.unwrap();
    pending.factor.id
}

on_both! {
    async fn a_factor_counts_from_its_confirmation_and_a_second_begin_forgets_the_first(world) {
        world.users(&[user(1, "Ada"), user(2, "Bob")]).await;
        let tx = world.tx().await;
        for number in [1, 2] {
            factors::begin(&tx, &keyed(number, "Phone")).await.unwrap();
        }
        tx.commit(&[event("factor.begin")]).await.unwrap();
        let (one, two) = (FactorId(Uuid::from_u128(1)), FactorId(Uuid::from_u128(2)));
        assert_eq!(factors::pending(&world.db, ADA, one, at(0)).await.unwrap(), None);
        assert_eq!(factors::pending(&world.db, ADA, two, at(0)).await.unwrap(), Some(keyed(2, "Phone")));
        assert_eq!(factors::pending(&world.db, BOB, two, at(0)).await.unwrap(), None, "it is Ada's");
        assert_eq!(factors::pending(&world.db, ADA, two, at(2)).await.unwrap(), None, "it is too old");
        assert_eq!(factors::enrolled(&world.db, ADA).await.unwrap(), Enrolled::No);
        let tx = world.tx().await;
        assert!(!factors::use_step(&tx, two, 101, at(9)).await.unwrap(), "it does not count yet");
        assert!(factors::confirm(&tx, two, 100, None, at(9)).await.unwrap());
        assert!(!factors::confirm(&tx, two, 101, None, at(9)).await.unwrap());
        tx.commit(&[event("factor.add")]).await.unwrap();
        assert_eq!(factors::enrolled(&world.db, ADA).await.unwrap(), Enrolled::Yes);
        assert_eq!(factors::enrolled(&world.db, BOB).await.unwrap(), Enrolled::No);
        let mut stored = keyed(2, "Phone");
        stored.counter = Some(100);
        stored.factor.last_used_at = Some(at(9));
        assert_eq!(factors::keyed(&world.db, ADA).await.unwrap(), [stored.clone()]);
        assert!(!format!("{stored:?}").contains("sealed"));
    }

    async fn no_step_is_used_twice_not_even_at_the_same_moment(world) {
        world.users(&[user(1, "Ada")]).await;
        let id = confirmed(&world, 3, "Phone").await;
        let used = |step: u64| {
            let db = world.db.clone();
            async move {
                let tx = db.begin().await.unwrap();
                let used = factors::use_step(&tx, id, step, at(60)).await.unwrap();
                tx.commit_quiet(Quiet::Counted).await.unwrap();
                used
            }
        };
        assert!(!used(100).await, "the step it was confirmed with");
        assert!(!used(99).await);
        let (one, other) = tokio::join!(used(101), used(101));
        assert!(one != other);
        assert!(used(102).await);
        assert!(!used(101).await);
    }

    async fn a_factor_is_renamed_and_removed_by_its_owner_alone(world) {
        world.users(&[user(1, "Ada"), user(2, "Bob")]).await;
        let (phone, spare) = (confirmed(&world, 3, "Phone").await, confirmed(&world, 4, "Spare").await);
        let tx = world.tx().await;
        assert!(!factors::rename(&tx, BOB, phone, "Bob's").await.unwrap());
        assert!(factors::rename(&tx, ADA, phone, "Old phone").await.unwrap());
        assert!(!factors::remove(&tx, BOB, spare).await.unwrap());
        assert!(factors::remove(&tx, ADA, spare).await.unwrap());
        assert!(!factors::remove(&tx, ADA, spare).await.unwrap());
        tx.commit(&[event("factor.remove")]).await.unwrap();
        let names: Vec<String> = factors::of_user(&world.db, ADA).await.unwrap().into_iter().map(|factor| factor.name).collect();
        assert_eq!(names, ["Old phone"]);
    }

    async fn a_recovery_code_counts_once_and_new_ones_replace_the_old(world) {
        world.users(&[user(1, "Ada"), user(2, "Bob")]).await;
        let hashes = |letter: &str| (0..10).map(|n| format!("{letter}{n}")).collect::<Vec<_>>();
        let tx = world.tx().await;
        recovery_codes::replace(&tx, ADA, &hashes("a"), at(0)).await.unwrap();
        tx.commit(&[event("factor.recovery.make")]).await.unwrap();
        let used = |user: UserId, hash: &'static str| {
            let db = world.db.clone();
            async move {
                let tx = db.begin().await.unwrap();
                let used = recovery_codes::use_up(&tx, user, hash, at(1)).await.unwrap();
                tx.commit_quiet(Quiet::Counted).await.unwrap();
                used
            }
        };
        assert!(!used(BOB, "a1").await && !used(ADA, "b1").await);
        let (one, other) = tokio::join!(used(ADA, "a1"), used(ADA, "a1"));
        assert!(one != other);
        assert_eq!(recovery_codes::left(&world.db, ADA).await.unwrap(), 9);
        let tx = world.tx().await;
        recovery_codes::replace(&tx, ADA, &hashes("b"), at(2)).await.unwrap();
        tx.commit(&[event("factor.recovery.make")]).await.unwrap();
        assert!(!used(ADA, "a2").await && used(ADA, "b1").await);
        let tx = world.tx().await;
        recovery_codes::remove(&tx, ADA).await.unwrap();
        tx.commit(&[event("factor.remove")]).await.unwrap();
        assert_eq!(recovery_codes::left(&world.db, ADA).await.unwrap(), 0);
    }

    async fn what_was_never_confirmed_is_swept_away(world) {
        world.users(&[user(1, "Ada")]).await;
        let kept = confirmed(&world, 3, "Phone").await;
        let tx = world.tx().await;
        factors::begin(&tx, &keyed(5, "Spare")).await.unwrap();
        assert_eq!(factors::sweep(&tx, at(4)).await.unwrap(), 0);
        assert_eq!(factors::sweep(&tx, at(5)).await.unwrap(), 1);
        assert_eq!(factors::of_user(&tx, ADA).await.unwrap()[0].id, kept);
    }
}
