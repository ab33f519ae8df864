//! What comes due by itself.

use chrono::TimeDelta;
use muster_domain::run::{RunState, Wish};
use muster_services::sync::runs;
use muster_storage::{directories, runs as rows};
use muster_testing::TestWorld;

use super::{asked, declared, here, many, sound};

on_both! {
    async fn what_is_due_is_asked_for_once_by_however_many_nodes(world) {
        let every = [("schedule", "*/15 * * * *"), ("schedule_zone", "Europe/Berlin")];
        let directory = declared(&world, "Office", &every).await;
        let _ = declared(&world, "By hand", &[]).await;
        world.source.says(many(5));
        let (services, other) = (&world.services, world.another_node().await.unwrap());
        assert_eq!(runs::ask_what_is_due(services).await.unwrap(), 0, "it is nine sharp");
        world.clock.forward(TimeDelta::minutes(14));
        assert_eq!(runs::ask_what_is_due(services).await.unwrap(), 0);
        world.clock.forward(TimeDelta::minutes(1));
        let (one, two) = tokio::join!(runs::ask_what_is_due(services), runs::ask_what_is_due(&other));
        assert_eq!(one.unwrap() + two.unwrap(), 1);
        assert!(runs::work(services).await.unwrap());
        assert_eq!(here(&world, directory).await, (5, 5));
        let [run] = rows::list(services.db(), None, None, 9).await.unwrap().try_into().unwrap();
        assert_eq!((run.state, run.started_by.as_str()), (RunState::Done, "schedule"));
        // However much was missed, once; and the next as if nothing was.
        world.clock.forward(TimeDelta::hours(50));
        assert_eq!(runs::ask_what_is_due(services).await.unwrap(), 1);
        assert!(runs::work(services).await.unwrap());
        assert_eq!(runs::ask_what_is_due(services).await.unwrap(), 0);
        world.clock.forward(TimeDelta::minutes(15));
        assert_eq!(runs::ask_what_is_due(services).await.unwrap(), 1);
        sound(&world).await;
    }

    async fn a_run_under_way_counts_and_a_directory_that_is_off_is_left_alone(world) {
        let directory = declared(&world, "Office", &[("schedule", "0 * * * *")]).await;
        let wrong = declared(&world, "Wrong", &[("schedule", "often")]).await;
        let services = &world.services;
        assert_eq!(runs::ask_what_is_due(services).await.unwrap(), 0);
        let run = asked(&world, directory, Wish::Plan).await;
        world.clock.forward(TimeDelta::hours(1));
        assert_eq!(runs::ask_what_is_due(services).await.unwrap(), 0, "one is under way");
        runs::cancel(services, &world.system(), run).await.unwrap();
        assert_eq!(runs::ask_what_is_due(services).await.unwrap(), 0, "it counted");
        let tx = services.db().begin().await.unwrap();
        let mut office = directories::get(&tx, directory).await.unwrap().unwrap();
        office.enabled = false;
        directories::update(&tx, &office).await.unwrap();
        tx.commit_quiet(muster_storage::Quiet::Counted).await.unwrap();
        world.clock.forward(TimeDelta::hours(5));
        assert_eq!(runs::ask_what_is_due(services).await.unwrap(), 0);
        let refused = runs::ask(services, &world.system(), directory, Wish::Sync).await.unwrap_err();
        assert_eq!(refused.code, "RUN-002");
        assert_ne!(wrong, directory);
        let tx = services.db().begin().await.unwrap();
        office.enabled = true;
        directories::update(&tx, &office).await.unwrap();
        tx.commit_quiet(muster_storage::Quiet::Counted).await.unwrap();
        assert_eq!(runs::ask_what_is_due(services).await.unwrap(), 0, "not for the time it was off");
        world.clock.forward(TimeDelta::hours(1));
        assert_eq!(runs::ask_what_is_due(services).await.unwrap(), 1);
    }
}
