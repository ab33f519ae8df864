//! A database that is locked, full, gone or damaged: told in words, nothing half-written, no restart needed.

use std::time::Duration;

use muster_domain::Kind;
use muster_storage::audit::{self, Chain};
use muster_storage::{Db, OpenOptions, counters, users};
use sea_orm::{ConnectionTrait as _, Database};

use crate::world::{Folder, World, at, event, on_both, user};

fn impatient() -> OpenOptions {
    OpenOptions {
        acquire: Duration::from_millis(200),
        busy: Duration::from_millis(20),
        ..OpenOptions::default()
    }
}

on_both! {
    async fn a_writer_who_waits_too_long_is_told_so(world) {
        let db = Db::open_with(&world.url, impatient()).await.unwrap();
        let holders = if db.kind() == "SQLite" { 1 } else { 16 };
        let mut held = Vec::new();
        for _ in 0..holders {
            held.push(db.begin().await.unwrap());
        }
        let error = db.begin().await.unwrap_err();
        assert_eq!((error.code, error.kind), ("DB-005", Kind::Unavailable));
        drop(held);
        let tx = db.begin().await.unwrap();
        users::insert(&tx, &user(1, "Ada")).await.unwrap();
        tx.commit(&[event("user.create")]).await.unwrap();
    }
}

#[tokio::test]
async fn a_locked_database_is_told_in_words_and_serves_again_when_it_is_free() {
    let folder = Folder::new();
    let db = Db::open_with(&folder.url(), impatient()).await.unwrap();
    db.migrate().await.unwrap();
    let other = Database::connect(&folder.url()).await.unwrap();
    other.execute_unprepared("BEGIN IMMEDIATE").await.unwrap();
    let error = db.begin().await.unwrap_err();
    assert_eq!((error.code, error.kind), ("DB-001", Kind::Unavailable));
    assert!(error.public.contains("locked by another program"));
    assert_eq!(
        counters::users(&db).await.unwrap().total(),
        0,
        "reading goes on"
    );
    other.execute_unprepared("ROLLBACK").await.unwrap();
    let tx = db.begin().await.unwrap();
    users::insert(&tx, &user(1, "Ada")).await.unwrap();
    tx.commit(&[event("user.create")]).await.unwrap();
}

#[tokio::test]
async fn on_a_full_disk_nothing_is_half_written_and_room_is_enough_to_go_on() {
    let folder = Folder::new();
    let db = Db::open(&folder.url()).await.unwrap();
    db.migrate().await.unwrap();
    db.close().await.unwrap();
    let small = OpenOptions {
        max_pages: Some(160),
        ..impatient()
    };
    let db = Db::open_with(&folder.url(), small).await.unwrap();
    let many: Vec<_> = (1..=5000)
        .map(|n| user(n, "Somebody with a rather long name"))
        .collect();
    let tx = db.begin().await.unwrap();
    users::insert(&tx, &many[0]).await.unwrap();
    let error = users::insert_many(&tx, &many[1..]).await.unwrap_err();
    assert_eq!((error.code, error.kind), ("DB-002", Kind::Unavailable));
    assert!(error.public.contains("full") && !error.public.contains("INSERT"));
    drop(tx);
    assert_eq!(users::get(&db, many[0].id).await.unwrap(), None);
    assert_eq!(counters::users(&db).await.unwrap().total(), 0);
    assert_eq!(audit::verify(&db).await.unwrap(), Chain::Intact(0));
    let tx = db.begin().await.unwrap();
    users::insert(&tx, &many[0]).await.unwrap();
    tx.commit(&[event("user.create")]).await.unwrap();
    assert_eq!(counters::users(&db).await.unwrap().total(), 1);
}

#[tokio::test]
async fn a_file_that_is_no_database_and_an_unreachable_server_are_told_apart() {
    let folder = Folder::new();
    std::fs::write(folder.0.join("muster.db"), "this is a text, and long enough to be read as a header, surely it is not a database at all".repeat(9)).unwrap();
    assert_eq!(Db::open(&folder.url()).await.unwrap_err().code, "DB-006");
    let missing = format!("sqlite://{}/no/such/folder/muster.db", folder.0.display());
    assert_eq!(Db::open(&missing).await.unwrap_err().code, "DB-004");
    // Port 1 answers nobody.
    let gone = Db::open_with("postgres://nobody:secret@127.0.0.1:1/none", impatient())
        .await
        .unwrap_err();
    assert_eq!(gone.kind, Kind::Unavailable);
    assert!(!format!("{gone:?}").contains("secret"));
    for other in ["mysql://localhost/x", "", "sqlite::memory:"] {
        assert_eq!(Db::open(other).await.unwrap_err().code, "DB-009", "{other}");
    }
}

#[tokio::test]
async fn connections_cut_by_postgresql_are_replaced_without_a_restart() {
    async fn body(world: World) {
        world.users(&[user(1, "Ada")]).await;
        let raw = world.raw().await;
        raw.execute_unprepared(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        .await
        .unwrap();
        let mut answers = Vec::new();
        for _ in 0..20 {
            answers.push(counters::users(&world.db).await);
        }
        for error in answers.iter().filter_map(|answer| answer.as_ref().err()) {
            assert_eq!(error.kind, Kind::Unavailable, "{error:?}");
        }
        assert!(answers.last().unwrap().is_ok());
        let tx = world.tx().await;
        users::touch_sign_in(&tx, user(1, "").id, at(1))
            .await
            .unwrap();
        tx.commit(&[event("test")]).await.unwrap();
    }
    crate::world::on_postgres(body).await;
}
