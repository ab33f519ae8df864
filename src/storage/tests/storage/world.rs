//! A database of its own for each test, gone afterwards, and rows to put into it.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::audit::AuditEvent;
use muster_domain::id::{DirectoryId, GroupId, ProviderId, UserId};
use muster_domain::provider::Provider;
use muster_domain::user::{State, User};
use muster_domain::vendor::Vendor;
use muster_storage::directories::{self, Directory};
use muster_storage::groups::Group;
use muster_storage::{Db, Tx, providers};
use sea_orm::{ConnectionTrait as _, Database};
use uuid::Uuid;

/// An empty, migrated database.
pub(crate) struct World {
    pub db: Db,
    pub url: String,
}

/// A test on each database from one body that takes a [`World`].
macro_rules! on_both {
    ($(async fn $name:ident($world:ident) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn body($world: crate::world::World) $body

            #[tokio::test]
            async fn sqlite() {
                crate::world::on_sqlite(body).await;
            }

            #[tokio::test]
            async fn postgres() {
                crate::world::on_postgres(body).await;
            }
        }
    )+};
}
pub(crate) use on_both;

fn unique() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!(
        "muster_test_{}_{}",
        std::process::id(),
        NEXT.fetch_add(1, Ordering::Relaxed)
    )
}

/// A folder that is removed when the test ends, however it ends.
pub(crate) struct Folder(pub PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let path = std::env::temp_dir().join(unique());
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite://{}", self.0.join("muster.db").display())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) async fn on_sqlite<F: Future<Output = ()> + Send + 'static>(body: fn(World) -> F) {
    let folder = Folder::new();
    let url = folder.url();
    let db = Db::open(&url).await.unwrap();
    db.migrate().await.unwrap();
    body(World { db, url }).await;
}

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

pub(crate) async fn on_postgres<F: Future<Output = ()> + Send + 'static>(body: fn(World) -> F) {
    let Some(server) = server() else { return };
    let name = unique();
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
        body(World { db, url }).await;
    })
    .await;
    admin.execute_unprepared(&drop).await.unwrap();
    if let Err(panic) = ended {
        std::panic::resume_unwind(panic.into_panic());
    }
}

impl World {
    /// A transaction.
    pub(crate) async fn tx(&self) -> Tx {
        self.db.begin().await.unwrap()
    }

    /// A connection of its own, for what the crate does not let anyone do.
    pub(crate) async fn raw(&self) -> sea_orm::DatabaseConnection {
        Database::connect(&self.url).await.unwrap()
    }

    /// The directory and provider with these numbers.
    pub(crate) async fn provider(&self, number: u128) -> Provider {
        let provider = provider(number);
        let tx = self.tx().await;
        directories::insert(&tx, &directory(number)).await.unwrap();
        providers::insert(&tx, &provider, None).await.unwrap();
        tx.commit(&[event("idp.create")]).await.unwrap();
        provider
    }

    pub(crate) async fn users(&self, users: &[User]) {
        let tx = self.tx().await;
        muster_storage::users::insert_many(&tx, users)
            .await
            .unwrap();
        tx.commit(&[event("user.create")]).await.unwrap();
    }

    pub(crate) async fn groups(&self, groups: &[Group]) {
        let tx = self.tx().await;
        muster_storage::groups::insert_many(&tx, groups)
            .await
            .unwrap();
        tx.commit(&[event("group.create")]).await.unwrap();
    }
}

pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(1_700_000_000 + seconds)
}

pub(crate) fn event(action: &str) -> AuditEvent {
    AuditEvent {
        actor: "ada".to_owned(),
        actor_id: Some(Uuid::from_u128(1)),
        action: action.to_owned(),
        target: "somebody".to_owned(),
        target_id: Some(Uuid::from_u128(2)),
        detail: serde_json::json!({"b": 1.1, "a": {"z": [1, "ü"], "c": null}}),
        address: Some("192.0.2.1".to_owned()),
        request_id: "r1".to_owned(),
        at: at(0) + TimeDelta::nanoseconds(123_456),
    }
}

pub(crate) fn user(number: u128, name: &str) -> User {
    User {
        id: UserId(Uuid::from_u128(number)),
        username: format!("user{number}"),
        display_name: name.to_owned(),
        email: Some(format!("user{number}@example.org")),
        state: State::Active,
        break_glass: false,
        created_at: at(0),
        updated_at: at(0),
        last_sign_in_at: None,
    }
}

pub(crate) fn group(number: u128, name: &str) -> Group {
    Group {
        id: GroupId(Uuid::from_u128(number)),
        name: name.to_owned(),
        description: String::new(),
        directory: None,
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn directory(number: u128) -> Directory {
    Directory {
        id: DirectoryId(Uuid::from_u128(number)),
        name: format!("Directory {number}"),
        kind: "jit".to_owned(),
        position: i64::try_from(number).unwrap(),
        enabled: true,
        settings: [("key".to_owned(), "value".to_owned())].into(),
        created_at: at(0),
        updated_at: at(0),
    }
}

pub(crate) fn provider(number: u128) -> Provider {
    Provider {
        id: ProviderId(Uuid::from_u128(number)),
        slug: format!("idp-{number}"),
        name: format!("Provider {number}"),
        vendor: Vendor::AdFs,
        kind: "oidc".to_owned(),
        enabled: true,
        settings: [("issuer".to_owned(), "https://idp.example".to_owned())].into(),
        secret_is_set: false,
        directory: DirectoryId(Uuid::from_u128(number)),
        domains: vec!["example.org".to_owned()],
        jit: muster_domain::jit::JitRules::default(),
        calibration: muster_domain::calibration::Calibration::default(),
        created_at: at(0),
        updated_at: at(0),
    }
}
