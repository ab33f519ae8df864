//! An installation on each database: SQLite always, PostgreSQL when `MUSTER_TEST_POSTGRES_URL` names a server on which
//! databases may be made. With `CI=true` the variable must be set.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use muster_testing::TestWorld;
use sea_orm::{ConnectionTrait as _, Database, DatabaseBackend, DatabaseConnection, Statement};

/// A test on each database from one body that takes a [`TestWorld`].
macro_rules! on_both {
    ($(async fn $name:ident($world:ident) $body:block)+) => {$(
        mod $name {
            #[allow(unused_imports, reason = "not every test needs everything that its neighbours do")]
            use super::*;

            async fn body($world: TestWorld) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                body(TestWorld::new().await.unwrap()).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                crate::both::on_postgres(body).await;
            }
        }
    )+};
}

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment where PostgreSQL is"
)]
pub(crate) fn server() -> Option<String> {
    let server = std::env::var("MUSTER_TEST_POSTGRES_URL").ok();
    let must = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(
        server.is_some() || !must,
        "MUSTER_TEST_POSTGRES_URL must name a PostgreSQL server when CI=true"
    );
    server
}

/// A new database for a while; gone afterwards, however that ends.
pub(crate) async fn on_a_new_one<F: Future<Output = ()> + Send + 'static>(
    body: impl FnOnce(String) -> F,
) {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let Some(server) = server() else { return };
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let name = format!("muster_sync_{}_{number}", std::process::id());
    let admin = Database::connect(&server).await.unwrap();
    let drop = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
    admin.execute_unprepared(&drop).await.unwrap();
    admin
        .execute_unprepared(&format!("CREATE DATABASE {name}"))
        .await
        .unwrap();
    let (base, _) = server.rsplit_once('/').unwrap();
    let ended = tokio::spawn(body(format!("{base}/{name}"))).await;
    admin.execute_unprepared(&drop).await.unwrap();
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic.into_panic());
    }
}

pub(crate) async fn on_postgres<F: Future<Output = ()> + Send + 'static>(body: fn(TestWorld) -> F) {
    on_a_new_one(move |url| async move {
        body(TestWorld::over(&url).await.unwrap()).await;
    })
    .await;
}

/// Waits until a transaction of this database waits for a lock of another one.
pub(crate) async fn somebody_waits(database: &DatabaseConnection) {
    let sql = "SELECT 1 AS one FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'";
    for _ in 0..6_000 {
        let waits = Statement::from_string(DatabaseBackend::Postgres, sql);
        if database.query_one_raw(waits).await.unwrap().is_some() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("nobody waits for a lock");
}
