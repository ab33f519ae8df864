//! The order of directories, changed by several at once, on both databases.

use muster_services::Knowingly;
use muster_services::directories::{Against, Step, list, order_mark, shift};
use muster_storage::directories;
use muster_testing::TestWorld;

use crate::declared;

on_both! {
    async fn of_several_who_change_the_order_at_once_one_does_and_the_others_are_told(world) {
        let mut ids = Vec::new();
        for name in ["A", "B", "C", "D"] {
            ids.push(declared(&world, name).await);
        }
        let call = world.system();
        let listed = list(&world.services, &call).await.unwrap();
        let order: Vec<_> = listed.iter().map(|row| row.directory.id).collect();
        let seen = order_mark(order.clone());
        let against = || Against::Seen(&seen, Knowingly::No);
        let nodes = [world.another_node().await.unwrap(), world.another_node().await.unwrap()];
        let (last, first) = (order[order.len() - 1], order[0]);
        let (one, two, three) = tokio::join!(
            shift(&world.services, &call, None, last, Step::To(1), against()),
            shift(&nodes[0], &call, None, first, Step::Down, against()),
            shift(&nodes[1], &call, None, order[1], Step::To(4), against()),
        );
        let outcomes = [one, two, three];
        let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(done, 1, "{outcomes:?}");
        for told in outcomes.into_iter().filter_map(Result::err) {
            // SQLite has one writer: whoever waits too long is told to try again.
            assert!(["DIR-011", "DB-022"].contains(&told.code), "{told:?}");
        }
        let after = directories::list(world.services.db()).await.unwrap();
        let places: Vec<i64> = after.iter().map(|directory| directory.position).collect();
        let wanted: Vec<i64> = (0..).take(after.len()).collect();
        assert_eq!(places, wanted, "every place is taken once");
        assert_ne!(order_mark(after.iter().map(|directory| directory.id)), seen);
    }

    async fn what_was_saved_of_a_directory_meanwhile_stays(world) {
        let (one, two) = (declared(&world, "A").await, declared(&world, "B").await);
        let call = world.system();
        let mut saved = directories::get(world.services.db(), two).await.unwrap().unwrap();
        saved.settings.insert("servers".to_owned(), "dc1.example.org".to_owned());
        let tx = world.services.db().begin().await.unwrap();
        directories::update(&tx, &saved).await.unwrap();
        tx.commit(&[call.event("directory.update", "B", Some(two.0), serde_json::json!({}))]).await.unwrap();
        shift(&world.services, &call, None, one, Step::To(99), Against::Nothing).await.unwrap();
        let after = directories::get(world.services.db(), two).await.unwrap().unwrap();
        assert_eq!(after.settings, saved.settings);
        let gone = shift(&world.services, &call, None, world.services.id(), Step::Up, Against::Nothing).await;
        assert_eq!(gone.unwrap_err().code, "WEB-404");
    }
}
