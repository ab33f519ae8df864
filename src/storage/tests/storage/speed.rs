//! Figures at 10 000 users, by hand: `cargo nextest run -p muster-storage --release --run-ignored only speed`.

use std::time::{Duration, Instant};

use muster_domain::listing::{At, PAGE};
use muster_storage::users::{self, UserFilter, UserSort};
use muster_storage::{Db, Paging};

use crate::world::{World, user};

async fn took(db: &Db, filter: &UserFilter, at: At) -> Duration {
    let paging = Paging {
        sort: UserSort::Name,
        at,
        rows: PAGE,
        ..Paging::default()
    };
    users::list(db, filter, &paging).await.unwrap();
    let began = Instant::now();
    for _ in 0..200 {
        users::list(db, filter, &paging).await.unwrap();
    }
    began.elapsed() / 200
}

async fn body(world: World) {
    let people: Vec<_> = (1..=10_000_u128)
        .map(|n| user(n, &format!("Person {} of {}", n * 7919 % 10_007, n % 97)))
        .collect();
    let began = Instant::now();
    world.users(&people).await;
    let inserted = began.elapsed();
    let all = UserFilter::default();
    let of = |q: &str| UserFilter {
        q: Some(q.to_owned()),
        ..UserFilter::default()
    };
    let first = took(&world.db, &all, At::First).await;
    let last = took(&world.db, &all, At::Last).await;
    let rare = took(&world.db, &of("son 4711"), At::First).await;
    let common = took(&world.db, &of("person"), At::First).await;
    let short = took(&world.db, &of("pe"), At::First).await;
    println!(
        "{}: insert {inserted:?}, first {first:?}, last {last:?}, rare {rare:?}, common {common:?}, short {short:?}",
        world.db.kind()
    );
    // Generous for a debug build; the bench holds the real limits.
    assert!(common < Duration::from_millis(100), "{common:?}");
    assert!(
        last < first * 2 + Duration::from_millis(5),
        "{first:?} {last:?}"
    );
}

#[tokio::test]
#[ignore = "a measurement; run it by hand"]
async fn sqlite() {
    crate::world::on_sqlite(body).await;
}

#[tokio::test]
#[ignore = "a measurement; run it by hand"]
async fn postgres() {
    crate::world::on_postgres(body).await;
}
