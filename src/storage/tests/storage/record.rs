//! Transactions, the audit chain, migrations.

use muster_domain::listing::{At, Count, Direction};
use muster_storage::audit::{self, AuditFilter, Chain};
use muster_storage::{Db, Paging, counters, users};
use sea_orm::ConnectionTrait as _;
use uuid::Uuid;

use crate::world::{at, event, on_both, user};

on_both! {
    async fn a_change_that_says_nothing_is_not_saved(world) {
        let tx = world.tx().await;
        users::insert(&tx, &user(1, "Ada")).await.unwrap();
        let error = tx.commit(&[]).await.unwrap_err();
        assert_eq!(error.code, "DB-010");
        assert_eq!(users::get(&world.db, user(1, "").id).await.unwrap(), None);
        assert_eq!(counters::users(&world.db).await.unwrap().total(), 0);
        assert_eq!(audit::verify(&world.db).await.unwrap(), Chain::Intact(0));
        world.users(&[user(1, "Ada")]).await;
    }

    async fn a_dropped_transaction_leaves_nothing(world) {
        let tx = world.tx().await;
        users::insert(&tx, &user(1, "Ada")).await.unwrap();
        assert!(users::get(&tx, user(1, "").id).await.unwrap().is_some());
        drop(tx);
        assert_eq!(users::get(&world.db, user(1, "").id).await.unwrap(), None);
    }

    async fn the_chain_holds_under_concurrent_writers_and_shows_an_edited_row(world) {
        let writer = |n: i64| {
            let db = world.db.clone();
            async move {
                let tx = db.begin().await.unwrap();
                let mut told = event("user.update");
                told.at = at(n);
                tx.commit(&[told.clone(), told]).await.unwrap();
            }
        };
        futures::future::join_all((0..20).map(writer)).await;
        assert_eq!(audit::verify(&world.db).await.unwrap(), Chain::Intact(40));
        let newest = audit::tail(&world.db, &AuditFilter::default(), 3).await.unwrap();
        assert_eq!(newest.iter().map(|row| row.seq).collect::<Vec<_>>(), [40, 39, 38]);
        assert_eq!(newest[0].event.detail, event("").detail);

        let raw = world.raw().await;
        raw.execute_unprepared("UPDATE audit SET target = 'nobody' WHERE seq = 17").await.unwrap();
        assert!(matches!(audit::verify(&world.db).await.unwrap(), Chain::Broken { seq: 17, .. }));
        raw.execute_unprepared("UPDATE audit SET target = 'somebody', detail = '{\"b\":1.1}' WHERE seq = 17").await.unwrap();
        assert!(matches!(audit::verify(&world.db).await.unwrap(), Chain::Broken { seq: 17, .. }));
        raw.execute_unprepared("DELETE FROM audit WHERE seq >= 17").await.unwrap();
        assert!(matches!(audit::verify(&world.db).await.unwrap(), Chain::Broken { seq: 17, .. }));
    }

    async fn the_log_is_filtered_and_paged_newest_first(world) {
        for n in 0..7 {
            let tx = world.tx().await;
            let mut told = event(if n % 2 == 0 { "user.create" } else { "signin.refused" });
            told.at = at(n);
            told.target = format!("100%_{n}");
            told.actor_id = (n > 3).then(|| Uuid::from_u128(9));
            tx.commit(&[told]).await.unwrap();
        }
        let newest = Paging { sort: (), direction: Direction::Desc, at: At::First, position: 0, rows: 3 };
        let page = audit::list(&world.db, &AuditFilter::default(), &newest).await.unwrap();
        assert_eq!(page.rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [7, 6, 5]);
        assert_eq!(page.total, Count::Exact(7));
        let next = Paging { at: At::After(page.next.unwrap()), position: 3, ..newest.clone() };
        let page = audit::list(&world.db, &AuditFilter::default(), &next).await.unwrap();
        assert_eq!(page.rows.iter().map(|row| row.seq).collect::<Vec<_>>(), [4, 3, 2]);
        let found = |filter: AuditFilter| {
            let (db, newest) = (world.db.clone(), newest.clone());
            async move { audit::list(&db, &filter, &newest).await.unwrap().total.value() }
        };
        let any = AuditFilter::default;
        assert_eq!(found(AuditFilter { action: Some("user.".to_owned()), ..any() }).await, 4);
        assert_eq!(found(AuditFilter { actor_id: Some(Uuid::from_u128(9)), ..any() }).await, 3);
        assert_eq!(found(AuditFilter { target_id: Some(Uuid::from_u128(2)), ..any() }).await, 7);
        assert_eq!(found(AuditFilter { q: Some("0%_6".to_owned()), ..any() }).await, 1);
        assert_eq!(found(AuditFilter { from: Some(at(2)), until: Some(at(4)), ..any() }).await, 2);
    }

    async fn every_step_goes_down_and_up_again(world) {
        world.users(&[user(1, "Ada")]).await;
        world.db.migrate().await.unwrap();
        assert_eq!(counters::users(&world.db).await.unwrap().total(), 1);
        world.db.migrate_down().await.unwrap();
        assert!(users::get(&world.db, user(1, "").id).await.is_err());
        let again = Db::open(&world.url).await.unwrap();
        again.migrate().await.unwrap();
        assert_eq!(counters::users(&again).await.unwrap().total(), 0);
        again.ping().await.unwrap();
        again.close().await.unwrap();
    }
}
