//! An installation on each database.

use muster_storage::Db;
use muster_testing::TestWorld;
use sea_orm::{ConnectionTrait as _, Database};

/// A test on each database from one body that takes a [`TestWorld`].
macro_rules! on_both {
    ($(async fn $name:ident($world:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn body($world: muster_testing::TestWorld) $body

            #[tokio::test]
            async fn sqlite() {
                body(muster_testing::TestWorld::new().await.unwrap()).await;
            }

            #[tokio::test]
            async fn postgres() {
                crate::worlds::on_postgres(body).await;
            }
        }
    )+};
}
pub(crate) use on_both;

#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment where PostgreSQL is"
)]
fn server() -> Option<String> {
    let server = std::env::var("MUSTER_TEST_POSTGRES_URL").ok();
    let must = std::env::var("CI").is_ok_and(|value| value == "true");
    assert!(
        server.is_some() || !must,
        "MUSTER_TEST_POSTGRES_URL must name a PostgreSQL server when CI=true"
    );
    server
}

pub(crate) async fn on_postgres<F: Future<Output = ()> + Send + 'static>(
    body: impl FnOnce(TestWorld) -> F + Send + 'static,
) {
    use std::sync::atomic::{AtomicU32, Ordering};
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
    let url = format!("{base}/{name}");
    let ended = tokio::spawn(async move {
        let db = Db::open(&url).await.unwrap();
        db.migrate().await.unwrap();
        body(TestWorld::over(db).unwrap()).await;
    })
    .await;
    admin.execute_unprepared(&drop).await.unwrap();
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic.into_panic());
    }
}
