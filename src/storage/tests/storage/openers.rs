//! Who opened a way in: every kind of way, and names from before that become ids.

use muster_domain::factor::{Factor, FactorKind, Permit};
use muster_domain::id::{FactorId, UserId};
use muster_domain::opener::Openers;
use muster_migrations::Migrator;
use muster_storage::factors::Keyed;
use muster_storage::opened::{self, What};
use muster_storage::sessions::{self, key_of, keys};
use muster_storage::subjects::{self, Subject};
use muster_storage::{credentials, factors, permits, recovery_codes, users};
use sea_orm::Database;
use sea_orm_migration::MigratorTrait as _;
use tower_sessions::SessionStore as _;
use uuid::Uuid;

use crate::sessions::{signed_in, store};
use crate::world::{World, at, event, on_both, user};

const ADA: UserId = UserId(Uuid::from_u128(1));
const ADAM: UserId = UserId(Uuid::from_u128(2));
const BOB: UserId = UserId(Uuid::from_u128(3));
const EVE: UserId = UserId(Uuid::from_u128(4));

fn by(all: &[UserId]) -> Openers {
    all.iter().copied().collect()
}

fn app(number: u128, user: UserId, permitted_by: Option<&str>, opened_by: Openers) -> Keyed {
    Keyed {
        factor: Factor {
            id: FactorId(Uuid::from_u128(number)),
            user,
            kind: FactorKind::Totp,
            name: "Phone".to_owned(),
            created_at: at(0),
            last_used_at: None,
            bound_to: None,
            suspected_at: None,
            permitted_by: permitted_by.map(str::to_owned),
            opened_by,
        },
        sealed: "k:sealed".to_owned(),
        counter: None,
        credential: None,
    }
}

fn identity(world: Uuid, user: UserId, linked_by: &str, opened_by: Openers) -> Subject {
    Subject {
        provider: muster_domain::id::ProviderId(world),
        issuer: "https://idp.example".to_owned(),
        subject: user.to_string(),
        user,
        linked_at: at(0),
        linked_by: linked_by.to_owned(),
        opened_by,
        last_used_at: None,
    }
}

async fn found(world: &World, users: &[UserId], now: i64) -> Vec<(UserId, What, Openers)> {
    let all = opened::of_users(&world.db, users, at(now)).await.unwrap();
    let mut all: Vec<_> = all
        .into_iter()
        .map(|one| (one.user, one.what, one.opened_by))
        .collect();
    all.sort();
    all
}

on_both! {
    async fn every_kind_of_way_in_tells_who_else_could_use_it_while_it_counts(world) {
        world.users(&[user(1, "Ada"), user(2, "Adam"), user(3, "Bob")]).await;
        let provider = world.provider(5).await.id.0;
        let (store, _) = store(&world);
        let mut session = signed_in(1, 1);
        session.data.insert(keys::OPENED_BY.to_owned(), serde_json::to_value(by(&[ADAM, BOB])).unwrap());
        store.create(&mut session).await.unwrap();
        let key = key_of(&session.id.to_string());
        let tx = world.tx().await;
        credentials::set_password(&tx, ADA, "$argon2id$", Some("user2"), &by(&[ADAM]), at(1)).await.unwrap();
        subjects::link(&tx, &identity(provider, ADA, "user1", by(&[ADAM]))).await.unwrap();
        let pending = app(1, ADA, None, by(&[ADAM]));
        factors::begin(&tx, &pending).await.unwrap();
        recovery_codes::replace(&tx, ADA, &["one".to_owned(), "two".to_owned()], &by(&[BOB]), at(1)).await.unwrap();
        permits::grant(&tx, &Permit { user: ADA, granted_by: "user2".to_owned(), opened_by: by(&[ADAM]), granted_at: at(0), expires_at: at(9) }).await.unwrap();
        tx.commit(&[event("test")]).await.unwrap();
        let all = [
            (ADA, What::Password, by(&[ADAM])),
            (ADA, What::Identity, by(&[ADAM])),
            (ADA, What::Codes, by(&[BOB])),
            (ADA, What::Permit, by(&[ADAM])),
            (ADA, What::Session, by(&[ADAM, BOB])),
        ];
        assert_eq!(found(&world, &[ADA, BOB], 5).await, all, "what is begun counts for nothing yet");
        assert_eq!(found(&world, &[BOB], 5).await, []);
        assert_eq!(recovery_codes::opened_by(&world.db, ADA).await.unwrap(), by(&[BOB]));
        let known = sessions::load_signed_in(&world.db, &key, at(5)).await.unwrap().unwrap();
        assert_eq!(known.session.opened_by, by(&[ADAM, BOB]));
        // The permit is over, codes are used, the session ends; the factor counts.
        let tx = world.tx().await;
        for code in ["one", "two"] {
            assert!(recovery_codes::use_up(&tx, ADA, code, at(6)).await.unwrap());
        }
        assert!(factors::confirm(&tx, pending.factor.id, 100, (None, &by(&[ADAM, BOB])), at(6)).await.unwrap());
        sessions::revoke(&tx, &key).await.unwrap();
        credentials::remove_password(&tx, ADA).await.unwrap();
        tx.commit(&[event("test")]).await.unwrap();
        let rest = [(ADA, What::Identity, by(&[ADAM])), (ADA, What::Factor, by(&[ADAM, BOB]))];
        assert_eq!(found(&world, &[ADA], 9).await, rest);
    }

    async fn an_address_keeps_who_entered_it_and_a_password_that_it_came_by_mail(world) {
        let mut ada = user(1, "Ada");
        world.users(&[ada.clone(), user(2, "Adam"), user(3, "Bob")]).await;
        let of = async |whose| users::email_opened_by(&world.db, whose).await.unwrap();
        assert!(of(ADA).await.is_nobody() && of(EVE).await.is_nobody());
        let tx = world.tx().await;
        users::set_email_opened_by(&tx, ADA, &by(&[ADAM, BOB])).await.unwrap();
        assert_eq!(users::set_email_opened_by(&tx, EVE, &by(&[BOB])).await.unwrap_err().code, "WEB-404");
        ada.display_name = "Ada L.".to_owned();
        users::update(&tx, &ada).await.unwrap();
        credentials::set_password(&tx, ADA, "$argon2id$", None, &by(&[ADAM]), at(1)).await.unwrap();
        credentials::set_mailed(&tx, ADA).await.unwrap();
        credentials::set_password(&tx, BOB, "$argon2id$", None, &by(&[ADAM]), at(1)).await.unwrap();
        tx.commit(&[event("test")]).await.unwrap();
        assert_eq!((of(ADA).await, of(BOB).await), (by(&[ADAM, BOB]), Openers::nobody()), "no other change touches it");
        let both = [(ADA, What::MailedPassword, by(&[ADAM])), (BOB, What::Password, by(&[ADAM]))];
        assert_eq!(found(&world, &[ADA, BOB], 5).await, both);
        // Another password is another matter.
        let tx = world.tx().await;
        credentials::set_password(&tx, ADA, "$argon2id$", None, &by(&[BOB]), at(2)).await.unwrap();
        users::set_email_opened_by(&tx, ADA, &Openers::nobody()).await.unwrap();
        tx.commit(&[event("test")]).await.unwrap();
        assert_eq!(found(&world, &[ADA], 5).await, [(ADA, What::Password, by(&[BOB]))]);
        assert!(of(ADA).await.is_nobody());
    }

    async fn names_from_before_become_ids_and_whoever_is_gone_is_not_forgotten(world) {
        world.users(&[user(1, "Ada"), user(2, "Adam"), user(3, "Bob"), user(4, "Eve")]).await;
        let provider = world.provider(5).await.id.0;
        let (store, _) = store(&world);
        for (number, whose) in [(1, 1), (2, 3)] {
            store.create(&mut signed_in(number, whose)).await.unwrap();
        }
        let nobody = Openers::nobody();
        let tx = world.tx().await;
        for (whose, set_by) in [(ADA, "user2"), (BOB, "cli"), (EVE, "somebody renamed")] {
            credentials::set_password(&tx, whose, "$argon2id$", Some(set_by), &nobody, at(1)).await.unwrap();
        }
        subjects::link(&tx, &identity(provider, ADA, "user2", nobody.clone())).await.unwrap();
        subjects::link(&tx, &identity(provider, BOB, "user3", nobody.clone())).await.unwrap();
        factors::begin(&tx, &app(1, ADAM, None, nobody.clone())).await.unwrap();
        factors::confirm(&tx, FactorId(Uuid::from_u128(1)), 1, (Some("user3"), &nobody), at(2)).await.unwrap();
        recovery_codes::replace(&tx, ADAM, &["one".to_owned()], &nobody, at(2)).await.unwrap();
        tx.commit(&[event("test")]).await.unwrap();
        let steps = Migrator::migrations();
        let here = steps.iter().position(|step| step.name() == "m0012_openers").unwrap();
        let back = u32::try_from(steps.len() - here).unwrap();
        let raw = Database::connect(&world.url).await.unwrap();
        Migrator::down(&raw, Some(back)).await.unwrap();
        Migrator::up(&raw, None).await.unwrap();
        raw.close().await.unwrap();
        let gone = UserId(Uuid::nil());
        let wanted = [
            (ADA, What::Password, by(&[ADAM])),
            (ADA, What::Identity, by(&[ADAM])),
            (ADAM, What::Factor, by(&[BOB])),
            (ADAM, What::Codes, by(&[BOB])),
            (EVE, What::Password, by(&[gone])),
        ];
        assert_eq!(found(&world, &[ADA, ADAM, BOB, EVE], 5).await, wanted);
        // Nobody noted by which way Ada's session came; Bob has no way that another opened.
        let of = async |whose| sessions::count_of_users(&world.db, &[whose], at(5)).await.unwrap();
        assert_eq!((of(ADA).await, of(BOB).await), (vec![], vec![(BOB, 1)]));
    }
}
