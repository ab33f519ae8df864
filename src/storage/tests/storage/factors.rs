//! Second factors and recovery codes: each step and each code counts once.

use muster_domain::factor::{Enrolled, Factor, FactorKind, Permit};
use muster_domain::id::{CeremonyId, FactorId, UserId};
use muster_domain::opener::Openers;
use muster_domain::session::SessionKey;
use muster_storage::ceremonies::{self, Ceremony, Purpose};
use muster_storage::factors::{self, Keyed};
use muster_storage::{Quiet, permits, recovery_codes};
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
            opened_by: Openers::nobody(),
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
        factors::confirm(
            &tx,
            pending.factor.id,
            100,
            (None, &Openers::nobody()),
            at(50)
        )
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
        assert!(factors::confirm(&tx, two, 100, (None, &Openers::nobody()), at(9)).await.unwrap());
        assert!(!factors::confirm(&tx, two, 101, (None, &Openers::nobody()), at(9)).await.unwrap());
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
        recovery_codes::replace(&tx, ADA, &hashes("a"), &Openers::nobody(), at(0)).await.unwrap();
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
        recovery_codes::replace(&tx, ADA, &hashes("b"), &Openers::nobody(), at(2)).await.unwrap();
        tx.commit(&[event("factor.recovery.make")]).await.unwrap();
        assert!(!used(ADA, "a2").await && used(ADA, "b1").await);
        let tx = world.tx().await;
        recovery_codes::remove(&tx, ADA).await.unwrap();
        tx.commit(&[event("factor.remove")]).await.unwrap();
        assert_eq!(recovery_codes::left(&world.db, ADA).await.unwrap(), 0);
    }

    async fn a_passkey_counts_on_and_one_that_does_not_count_stays_at_nothing(world) {
        world.users(&[user(1, "Ada"), user(2, "Bob")]).await;
        let passkey = |number: u128, credential: &str| {
            let mut keyed = keyed(number, "Key");
            keyed.factor.kind = FactorKind::Passkey;
            keyed.factor.bound_to = Some("muster.example".to_owned());
            keyed.counter = Some(0);
            keyed.credential = Some(credential.to_owned());
            keyed
        };
        let tx = world.tx().await;
        factors::add(&tx, &passkey(6, "AAbb")).await.unwrap();
        // Ids are compared letter by letter.
        factors::add(&tx, &passkey(7, "aabb")).await.unwrap();
        tx.commit(&[event("factor.add")]).await.unwrap();
        let tx = world.tx().await;
        let taken = factors::add(&tx, &passkey(8, "AAbb")).await;
        assert_eq!(taken.unwrap_err().code, "DB-020");
        tx.rollback().await.unwrap();
        assert!(factors::knows(&world.db, "AAbb").await.unwrap());
        assert!(!factors::knows(&world.db, "AABB").await.unwrap());
        assert_eq!(factors::bound(&world.db, "muster.example").await.unwrap(), 2);
        assert_eq!(factors::enrolled(&world.db, ADA).await.unwrap(), Enrolled::Yes, "at once");
        let id = passkey(6, "").factor.id;
        let used = |count: u64| {
            let db = world.db.clone();
            async move {
                let tx = db.begin().await.unwrap();
                let used = factors::use_passkey(&tx, id, "k:again", count, at(60)).await.unwrap();
                tx.commit_quiet(Quiet::Counted).await.unwrap();
                used
            }
        };
        assert!(used(0).await && used(0).await);
        let (one, other) = tokio::join!(used(5), used(5));
        assert!(one != other);
        assert!(!used(4).await && !used(0).await);
        assert!(used(u64::from(u32::MAX)).await);
        let stored = factors::keyed(&world.db, ADA).await.unwrap();
        assert_eq!(stored[0].sealed, "k:again");
        assert_eq!(stored[0].factor.last_used_at, Some(at(60)));
        let tx = world.tx().await;
        assert!(factors::suspect(&tx, id, at(61)).await.unwrap());
        assert!(!factors::suspect(&tx, id, at(62)).await.unwrap());
        assert!(!factors::use_passkey(&tx, id, "x", u64::MAX, at(63)).await.unwrap());
        tx.commit(&[event("factor.suspected")]).await.unwrap();
        assert_eq!(factors::suspected(&world.db).await.unwrap(), 1);
    }

    async fn a_question_to_a_passkey_is_found_by_its_asker_and_used_up_once(world) {
        world.users(&[user(1, "Ada"), user(2, "Bob")]).await;
        let session = |name: &str| SessionKey(name.to_owned());
        let asked = |number: u128, key: &str, purpose| Ceremony {
            id: CeremonyId(Uuid::from_u128(number)),
            user: ADA,
            session: session(key),
            purpose,
            name: "Key".to_owned(),
            sealed: "k:state".to_owned(),
            begun_at: at(10),
        };
        let tx = world.tx().await;
        for one in [asked(1, "s", Purpose::Add), asked(2, "s", Purpose::Elevate), asked(3, "t", Purpose::Elevate), asked(4, "s", Purpose::Elevate)] {
            ceremonies::begin(&tx, &one).await.unwrap();
        }
        tx.commit_quiet(Quiet::SignInPending).await.unwrap();
        let (s, t) = (session("s"), session("t"));
        let found = async |number: u128, user, session, purpose, since| {
            let id = CeremonyId(Uuid::from_u128(number));
            ceremonies::find(&world.db, id, (user, session, purpose), at(since)).await.unwrap().is_some()
        };
        assert!(!found(2, ADA, &s, Purpose::Elevate, 0).await, "a later one took its place");
        assert!(found(1, ADA, &s, Purpose::Add, 0).await && found(3, ADA, &t, Purpose::Elevate, 0).await);
        assert!(found(4, ADA, &s, Purpose::Elevate, 9).await);
        assert!(!found(4, BOB, &s, Purpose::Elevate, 0).await);
        assert!(!found(4, ADA, &t, Purpose::Elevate, 0).await);
        assert!(!found(4, ADA, &s, Purpose::SignIn, 0).await);
        assert!(!found(4, ADA, &s, Purpose::Elevate, 10).await, "it is too old");
        let used = || {
            let db = world.db.clone();
            async move {
                let tx = db.begin().await.unwrap();
                let used = ceremonies::use_up(&tx, CeremonyId(Uuid::from_u128(4))).await.unwrap();
                tx.commit_quiet(Quiet::SignInPending).await.unwrap();
                used
            }
        };
        let (one, other) = tokio::join!(used(), used());
        assert!(one != other);
        let tx = world.tx().await;
        assert_eq!(ceremonies::sweep(&tx, at(9)).await.unwrap(), 0);
        assert_eq!(ceremonies::sweep(&tx, at(10)).await.unwrap(), 2);
    }

    async fn a_permit_counts_for_one_person_until_it_is_over_and_once(world) {
        world.users(&[user(1, "Ada"), user(2, "Bob")]).await;
        let permit = |user, by: &str, until| Permit { user, granted_by: by.to_owned(), opened_by: [BOB].into_iter().collect(), granted_at: at(0), expires_at: at(until) };
        let tx = world.tx().await;
        permits::grant(&tx, &permit(ADA, "eve", 5)).await.unwrap();
        permits::grant(&tx, &permit(ADA, "root", 10)).await.unwrap();
        permits::grant(&tx, &permit(BOB, "root", 5)).await.unwrap();
        tx.commit(&[event("factor.permit.grant")]).await.unwrap();
        assert_eq!(permits::of_user(&world.db, ADA, at(9)).await.unwrap(), Some(permit(ADA, "root", 10)));
        assert_eq!(permits::of_user(&world.db, ADA, at(10)).await.unwrap(), None);
        assert_eq!(permits::list(&world.db, at(4)).await.unwrap().len(), 2);
        assert_eq!(permits::list(&world.db, at(5)).await.unwrap(), [permit(ADA, "root", 10)]);
        let tx = world.tx().await;
        assert!(!permits::remove(&tx, BOB, at(5)).await.unwrap(), "it is over");
        assert!(permits::remove(&tx, ADA, at(5)).await.unwrap());
        assert!(!permits::remove(&tx, ADA, at(5)).await.unwrap());
        assert_eq!(permits::sweep(&tx, at(5)).await.unwrap(), 1);
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
