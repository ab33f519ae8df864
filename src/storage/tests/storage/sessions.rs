//! Browser sessions: the store, the lists, and the one question every request asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use chrono::{DateTime, Utc};
use muster_domain::Clock;
use muster_domain::credential::Imprint;
use muster_domain::id::{AssignmentId, ElevationId, GroupId, ProviderId, UserId};
use muster_domain::listing::{At, Count, Direction};
use muster_domain::membership::{Member, Membership, Origin};
use muster_domain::opener::Openers;
use muster_domain::role::Role;
use muster_domain::session::{Elevation, Means, ProofKind, SessionKey, StoredElevation};
use muster_storage::roles::{self, Assignment};
use muster_storage::sessions::{self, key_of, keys};
use muster_storage::{Paging, Quiet, SeaOrmSessionStore, credentials, elevations, memberships};
use sea_orm::ConnectionTrait as _;
use time::OffsetDateTime;
use tower_sessions::session::{Id, Record};
use tower_sessions::session_store::{ExpiredDeletion as _, SessionStore as _};
use uuid::Uuid;

use crate::world::{World, at, event, group, on_both, user};

pub(crate) struct Watch(AtomicI64);

impl Clock for Watch {
    fn now(&self) -> DateTime<Utc> {
        at(self.0.load(Ordering::Relaxed))
    }
}

pub(crate) fn store(world: &World) -> (SeaOrmSessionStore, Arc<Watch>) {
    let watch = Arc::new(Watch(AtomicI64::new(0)));
    (
        SeaOrmSessionStore::new(world.db.clone(), watch.clone()),
        watch,
    )
}

fn record(number: i128, ends: i64) -> Record {
    Record {
        id: Id(number),
        data: std::collections::HashMap::default(),
        expiry_date: OffsetDateTime::from_unix_timestamp(at(ends).timestamp()).unwrap(),
    }
}

pub(crate) fn signed_in(number: i128, user: u128) -> Record {
    let mut record = record(number, 3600);
    let means = serde_json::to_value(Means::Password).unwrap();
    for (key, value) in [
        (keys::USER, serde_json::json!(Uuid::from_u128(user))),
        (
            keys::SIGNED_IN_AT,
            serde_json::json!(at(0).timestamp_millis()),
        ),
        (keys::MEANS, means),
        (keys::ADDRESS, serde_json::json!("192.0.2.7")),
        (keys::USER_AGENT, serde_json::json!("Browser")),
    ] {
        record.data.insert(key.to_owned(), value);
    }
    record
}

fn key(record: &Record) -> SessionKey {
    key_of(&record.id.to_string())
}

on_both! {
    async fn a_session_is_kept_under_the_hash_of_its_id(world) {
        let (store, watch) = store(&world);
        let mut first = signed_in(1, 1);
        store.create(&mut first).await.unwrap();
        assert_eq!(store.load(&first.id).await.unwrap(), Some(first.clone()));
        assert_eq!(store.load(&Id(2)).await.unwrap(), None);
        let raw = world.raw().await;
        let rows = raw.query_all_raw(sea_orm::Statement::from_string(raw.get_database_backend(), "SELECT id_hash, data FROM sessions")).await.unwrap();
        let (name, data): (String, String) = (rows[0].try_get_by_index(0).unwrap(), rows[0].try_get_by_index(1).unwrap());
        assert_eq!(SessionKey(name.clone()), key(&first));
        assert!(!name.contains(&first.id.to_string()) && !data.contains(&first.id.to_string()));

        let mut collides = record(1, 60);
        store.create(&mut collides).await.unwrap();
        assert_ne!(collides.id, first.id);
        assert_eq!(store.load(&first.id).await.unwrap(), Some(first.clone()));

        first.data.insert("flash".to_owned(), serde_json::json!("Saved"));
        store.save(&first).await.unwrap();
        assert_eq!(store.load(&first.id).await.unwrap(), Some(first.clone()));
        watch.0.store(61, Ordering::Relaxed);
        assert_eq!(store.load(&collides.id).await.unwrap(), None);
        store.delete_expired().await.unwrap();
        watch.0.store(0, Ordering::Relaxed);
        assert_eq!(store.load(&collides.id).await.unwrap(), None);
        store.delete(&first.id).await.unwrap();
        assert_eq!(store.load(&first.id).await.unwrap(), None);
    }

    async fn a_late_save_does_not_bring_an_ended_session_back(world) {
        let (store, _) = store(&world);
        let mut open = signed_in(1, 1);
        store.create(&mut open).await.unwrap();
        let tx = world.tx().await;
        assert!(sessions::revoke(&tx, &key(&open)).await.unwrap());
        tx.commit(&[event("session.end")]).await.unwrap();
        store.save(&open).await.unwrap();
        assert_eq!(store.load(&open.id).await.unwrap(), None);
    }

    async fn nobody_signs_in_by_a_password_that_was_replaced_since_it_was_compared(world) {
        let (store, _) = store(&world);
        world.users(&[user(1, "Ada")]).await;
        let ada = UserId(Uuid::from_u128(1));
        let set = async |phc: &str| {
            let tx = world.tx().await;
            credentials::set_password(&tx, ada, phc, None, &Openers::nobody(), at(0)).await.unwrap();
            tx.commit(&[event("test")]).await.unwrap();
        };
        let by = |number, phc: &str| {
            let mut open = signed_in(number, 1);
            open.data.insert(keys::CHECKED.to_owned(), serde_json::json!(Imprint::of(phc)));
            open
        };
        set("one").await;
        let mut open = by(1, "one");
        store.create(&mut open).await.unwrap();
        let kept = store.load(&open.id).await.unwrap().unwrap();
        assert!(!kept.data.contains_key(keys::CHECKED));
        assert_eq!(sessions::came_by(&world.db, &key(&open)).await.unwrap(), Some(Imprint::of("one")));
        set("two").await;
        let mut anew = by(2, "one");
        store.create(&mut anew).await.unwrap();
        assert_eq!(store.load(&anew.id).await.unwrap(), None);
        store.save(&kept).await.unwrap();
        assert_eq!(store.load(&open.id).await.unwrap(), Some(kept), "only signing in compares");
        let mut turning = by(1, "one");
        turning.data.insert(keys::NEXT.to_owned(), serde_json::json!(Id(3).to_string()));
        store.save(&turning).await.unwrap();
        for id in [1, 2, 3] {
            assert_eq!(store.load(&Id(id)).await.unwrap(), None);
        }
    }

    async fn w3_a_session_takes_another_id_in_one_step_and_not_once_it_was_ended(world) {
        let (store, _) = store(&world);
        let mut open = signed_in(1, 1);
        store.create(&mut open).await.unwrap();
        let turned = Record { id: Id(2), ..open.clone() };
        let mut turning = open.clone();
        turning.data.insert(keys::NEXT.to_owned(), serde_json::json!(turned.id.to_string()));
        store.save(&turning).await.unwrap();
        assert_eq!(store.load(&open.id).await.unwrap(), None);
        assert_eq!(store.load(&turned.id).await.unwrap(), Some(turned.clone()));

        let tx = world.tx().await;
        assert_eq!(sessions::revoke_of_user(&tx, UserId(Uuid::from_u128(1)), None).await.unwrap(), 1);
        tx.commit(&[event("session.end")]).await.unwrap();
        let mut late = turned.clone();
        late.data.insert(keys::NEXT.to_owned(), serde_json::json!(Id(3).to_string()));
        store.save(&late).await.unwrap();
        for id in [1, 2, 3] {
            assert_eq!(store.load(&Id(id)).await.unwrap(), None);
        }
    }

    async fn sessions_are_found_by_the_provider_they_came_through(world) {
        let (store, _) = store(&world);
        let [this, other] = [5, 6].map(|number| ProviderId(Uuid::from_u128(number)));
        let through = |provider: ProviderId, subject: &str| Means::Provider {
            provider,
            issuer: "https://idp.example".to_owned(),
            subject: subject.to_owned(),
            stated: None,
        };
        let mut password = signed_in(1, 1);
        store.create(&mut password).await.unwrap();
        let mut keys_of_this = Vec::new();
        // The last one only bears the name of the provider as its subject.
        for (number, means) in [(2, through(this, "a")), (3, through(this, "b")), (4, through(other, &this.to_string()))] {
            let mut record = signed_in(number, 1);
            record.data.insert(keys::MEANS.to_owned(), serde_json::to_value(&means).unwrap());
            store.create(&mut record).await.unwrap();
            if number < 4 {
                keys_of_this.push(key(&record));
            }
        }
        let mut found = sessions::of_provider(&world.db, this).await.unwrap();
        found.sort_by(|a, b| a.0.cmp(&b.0));
        keys_of_this.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(found, keys_of_this);
    }

    async fn one_question_tells_session_user_roles_and_secure_session(world) {
        let (store, _) = store(&world);
        world.users(&[user(1, "Ada"), user(2, "Bob")]).await;
        world.groups(&[group(10, "Inner"), group(11, "Outer")]).await;
        let mut open = signed_in(1, 1);
        store.create(&mut open).await.unwrap();
        let mut anonymous = record(3, 3600);
        store.create(&mut anonymous).await.unwrap();
        let found = sessions::load_signed_in(&world.db, &key(&open), at(1)).await.unwrap().unwrap();
        assert_eq!((found.user, found.roles, found.session.elevation), (user(1, "Ada"), vec![], None));
        assert_eq!(found.session.means, Means::Password);

        let tx = world.tx().await;
        let in_group = |group: u128, member| Membership { group: GroupId(Uuid::from_u128(group)), member, origin: Origin::Manual };
        let inner = Member::Group(GroupId(Uuid::from_u128(10)));
        memberships::add_many(&tx, &[in_group(10, Member::User(user(1, "").id)), in_group(11, inner)], at(0)).await.unwrap();
        let outer = Member::Group(GroupId(Uuid::from_u128(11)));
        for (n, role, principal) in [(1_u128, Role::Admin, outer), (2, Role::Auditor, Member::User(user(1, "").id)), (3, Role::Admin, inner), (4, Role::Superadmin, Member::User(user(2, "").id))] {
            let grant = Assignment { id: AssignmentId(Uuid::from_u128(n)), role, principal, scope: None, granted_by: String::new(), granted_at: at(0) };
            roles::grant(&tx, &grant).await.unwrap();
        }
        let scoped = Assignment { id: AssignmentId(Uuid::from_u128(5)), role: Role::Superadmin, principal: inner, scope: Some("wiki".to_owned()), granted_by: String::new(), granted_at: at(0) };
        roles::grant(&tx, &scoped).await.unwrap();
        for (n, whose, ends) in [(1_u128, 1, 300), (2, 1, 600), (3, 2, 900)] {
            let elevation = Elevation::recall(StoredElevation {
                id: ElevationId(Uuid::from_u128(n)), session: key(&open), user: UserId(Uuid::from_u128(whose)),
                kind: ProofKind::Password, provider: None, granted_at: at(0), ends_at: at(ends),
                idle_seconds: Some(120), network: Some("192.0.2.1".to_owned()), opened_by: [user(2, "").id].into_iter().collect(), used_at: Some(at(0)),
            });
            elevations::insert(&tx, &elevation).await.unwrap();
        }
        tx.commit(&[event("test")]).await.unwrap();
        let found = sessions::load_signed_in(&world.db, &key(&open), at(1)).await.unwrap().unwrap();
        assert_eq!(found.roles, [Role::Auditor, Role::Admin]);
        assert_eq!(found.session.elevated(at(1)).unwrap().ends_at(), at(600));
        let row = found.session.elevated(at(1)).unwrap().elevation().to_row();
        assert_eq!(row.opened_by, [user(2, "").id].into_iter().collect());
        assert_eq!((row.idle_seconds, row.network.as_deref(), row.used_at), (Some(120), Some("192.0.2.1"), Some(at(0))));
        let tx = world.tx().await;
        elevations::used(&tx, row.id, at(60)).await.unwrap();
        tx.commit(&[event("test")]).await.unwrap();
        let used = sessions::load_signed_in(&world.db, &key(&open), at(61)).await.unwrap().unwrap();
        assert_eq!(used.session.elevation.unwrap().last_used_at(), at(60));
        let later = sessions::load_signed_in(&world.db, &key(&open), at(700)).await.unwrap().unwrap();
        assert!(later.session.elevated(at(700)).is_none());
        assert_eq!(elevations::list_running(&world.db, at(1)).await.unwrap().len(), 2);

        for nobody in [SessionKey(open.id.to_string()), key(&anonymous), SessionKey("' OR 1=1 --".to_owned()), SessionKey(String::new())] {
            assert_eq!(sessions::load_signed_in(&world.db, &nobody, at(1)).await.unwrap(), None);
        }
        assert_eq!(sessions::load_signed_in(&world.db, &key(&open), at(3600)).await.unwrap(), None);
    }

    async fn w8_a_page_may_go_by_what_was_read_a_moment_ago_until_anything_is_written(world) {
        let (store, _) = store(&world);
        world.users(&[user(1, "Ada")]).await;
        let mut open = signed_in(1, 1);
        store.create(&mut open).await.unwrap();
        let (db, key) = (&world.db, key(&open));
        let read = db.recently_signed_in(&key, at(1)).await.unwrap();
        assert_eq!(read.as_ref().unwrap().user, user(1, "Ada"));
        assert_eq!(db.recently_signed_in(&key, at(1)).await.unwrap(), read);
        assert_eq!(db.recently_signed_in(&key, at(3600)).await.unwrap(), None, "it is over");

        let tx = world.tx().await;
        sessions::revoke(&tx, &key).await.unwrap();
        tx.commit_quiet(Quiet::SessionData).await.unwrap();
        assert_eq!(db.recently_signed_in(&key, at(1)).await.unwrap(), None, "ended at once");
        assert_eq!(db.recently_signed_in(&SessionKey("nobody".to_owned()), at(1)).await.unwrap(), None);
    }

    async fn sessions_are_listed_page_by_page_and_ended(world) {
        let (store, watch) = store(&world);
        world.users(&[user(1, "Ada"), user(2, "Bob")]).await;
        let mut open = Vec::new();
        for n in 1..=7 {
            watch.0.store(i64::from(n > 4), Ordering::Relaxed);
            let mut one = signed_in(n, if n == 7 { 2 } else { 1 });
            store.create(&mut one).await.unwrap();
            open.push(one);
        }
        let mut paging = Paging { sort: (), direction: Direction::Desc, at: At::First, position: 0, rows: 2 };
        let mut seen = std::collections::HashSet::new();
        loop {
            let page = sessions::list(&world.db, None, at(2), &paging).await.unwrap();
            assert_eq!(page.total, Count::Exact(7));
            seen.extend(page.rows.iter().map(|row| row.key.clone()));
            let Some(next) = page.next else { break };
            paging.at = At::After(next);
        }
        assert_eq!(seen.len(), 7);
        let bob = sessions::list(&world.db, Some(user(2, "").id), at(2), &Paging::default()).await.unwrap();
        assert_eq!((bob.rows[0].display_name.as_str(), bob.rows[0].address.as_deref()), ("Bob", Some("192.0.2.7")));

        let tx = world.tx().await;
        sessions::touch(&tx, &key(&open[0]), at(9)).await.unwrap();
        assert_eq!(sessions::revoke_of_user(&tx, user(1, "").id, Some(&key(&open[0]))).await.unwrap(), 5);
        tx.commit(&[event("session.end")]).await.unwrap();
        let left = sessions::list(&world.db, Some(user(1, "").id), at(2), &Paging::default()).await.unwrap();
        assert_eq!(left.rows.len(), 1);
        assert_eq!(left.rows[0].last_seen_at, at(9));
        let tx = world.tx().await;
        assert_eq!(sessions::revoke_of_user(&tx, user(1, "").id, None).await.unwrap(), 1);
    }
}
