//! Runs that are cut, stopped, taken over, and kept from the database: nothing twice, nothing lost.

use std::time::Duration;

use chrono::TimeDelta;
use muster_domain::plan::PlanState;
use muster_domain::run::{Run, RunState, Wish};
use muster_services::Services;
use muster_services::sync::runs::{self, Stop};
use muster_storage::{accounts, directory_states, plans, runs as rows};
use muster_testing::TestWorld;
use sea_orm::{ConnectionTrait as _, Database};

use super::{asked, carried_out, here, later, many, office, plan_of, run_of, sound, synced};

/// Waits until the run is where the question says.
pub(super) async fn until(services: &Services, what: impl Fn(&Run) -> bool) -> Run {
    loop {
        let run = rows::list(services.db(), None, None, 1)
            .await
            .unwrap()
            .remove(0);
        if what(&run) {
            return run;
        }
        assert!(run.ended_at.is_none(), "it was over before: {run:?}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Works on a run in the background, on this very node: whoever else wants to write takes turns with it.
pub(super) fn working_here(world: &TestWorld) -> tokio::task::JoinHandle<bool> {
    let services = world.services.clone();
    tokio::spawn(async move { runs::work(&services).await.unwrap() })
}

/// Works on a run in the background, on a node of its own.
pub(super) async fn working(world: &TestWorld) -> tokio::task::JoinHandle<bool> {
    let node = world.another_node().await.unwrap();
    tokio::spawn(async move { runs::work(&node).await.unwrap() })
}

on_both! {
    async fn r1_a_run_cut_while_it_is_carried_out_goes_on_behind_what_was_written(world) {
        let directory = office(&world).await;
        world.source.says(many(4000));
        let id = asked(&world, directory, Wish::Sync).await;
        let node = working(&world).await;
        let cut = until(&world.services, |run| run.progress.tried >= 400).await;
        node.abort();
        assert!(node.await.is_err(), "it was cut");
        let cut = run_of(&world, cut.id).await;
        assert_eq!(cut.state, RunState::Applying);
        assert!(cut.progress.tried < cut.progress.planned);
        assert!(!runs::work(&world.services).await.unwrap(), "its lease runs still");
        later(&world);
        let readings = world.source.readings();
        assert!(runs::work(&world.services).await.unwrap());
        let done = run_of(&world, id).await;
        assert_eq!((done.state, done.progress.tried, done.progress.failed), (RunState::Done, 8002, 0));
        assert_eq!(world.source.readings(), readings, "the source was not asked again");
        assert_eq!(here(&world, directory).await, (4000, 4000));
        sound(&world).await;
    }

    async fn r1_a_run_cut_while_its_plan_is_made_begins_anew(world) {
        let directory = office(&world).await;
        world.source.says(many(300));
        world.source.hangs_after(2);
        let id = asked(&world, directory, Wish::Sync).await;
        let node = working(&world).await;
        until(&world.services, |run| run.state == RunState::Planning).await;
        while !world.source.is_hanging() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        node.abort();
        assert!(node.await.is_err());
        assert!(!runs::work(&world.services).await.unwrap());
        later(&world);
        world.source.hangs_no_more();
        assert!(runs::work(&world.services).await.unwrap());
        assert_eq!(run_of(&world, id).await.state, RunState::Done);
        let all = plans::list(world.services.db(), None, None, None, 9).await.unwrap();
        assert_eq!(all.iter().map(|plan| plan.state).collect::<Vec<_>>(), [PlanState::Done]);
        assert_eq!(here(&world, directory).await, (300, 300));
        sound(&world).await;
    }

    async fn r18_r19_who_lost_the_lease_writes_nothing_more(world) {
        let directory = office(&world).await;
        world.source.says(many(300));
        world.source.hangs_after(2);
        let id = asked(&world, directory, Wish::Sync).await;
        let slow = working(&world).await;
        while !world.source.is_hanging() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        // A node whose clock is ahead takes over somebody who works still.
        later(&world);
        world.source.hangs_no_more();
        assert!(runs::work(&world.services).await.unwrap());
        let done = run_of(&world, id).await;
        assert_eq!(done.state, RunState::Done);
        world.source.goes_on();
        assert!(slow.await.unwrap(), "it ends by itself");
        assert_eq!(run_of(&world, id).await, done, "and wrote nothing into the run");
        let done_ones = plans::list(world.services.db(), None, Some(PlanState::Done), None, 9).await.unwrap();
        assert_eq!(done_ones.len(), 1);
        assert_eq!(here(&world, directory).await, (300, 300));
    }

    async fn r15_no_clock_that_jumps_keeps_a_run_from_its_end(world) {
        let directory = office(&world).await;
        world.source.says(many(4000));
        let id = asked(&world, directory, Wish::Sync).await;
        let node = working(&world).await;
        until(&world.services, |run| run.progress.tried >= 200).await;
        world.clock.forward(TimeDelta::hours(1));
        let cut = until(&world.services, |run| run.progress.tried >= 1_100).await;
        node.abort();
        assert!(node.await.is_err(), "it went on, and was cut");
        // Set back: the lease of whoever is gone seems to last for an hour.
        world.clock.forward(TimeDelta::hours(-1));
        assert!(runs::work(&world.services).await.unwrap(), "nobody waits for that");
        let done = run_of(&world, id).await;
        assert_eq!((done.state, done.progress.tried, done.progress.failed), (RunState::Done, 8002, 0));
        assert!(cut.progress.tried < 8002);
        assert_eq!(here(&world, directory).await, (4000, 4000));
        sound(&world).await;
    }

    async fn of_many_workers_one_takes_a_run(world) {
        let directory = office(&world).await;
        world.source.says(many(200));
        let _ = asked(&world, directory, Wish::Sync).await;
        let nodes = [
            world.another_node().await.unwrap(),
            world.another_node().await.unwrap(),
            world.another_node().await.unwrap(),
        ];
        let (one, two, three) = tokio::join!(runs::work(&nodes[0]), runs::work(&nodes[1]), runs::work(&nodes[2]));
        let took = [one, two, three].into_iter().filter(|took| *took.as_ref().unwrap()).count();
        assert_eq!((took, world.source.readings()), (1, 1));
        sound(&world).await;
    }

    async fn r2_who_is_told_to_stop_leaves_the_run_to_the_next_at_once(world) {
        let directory = office(&world).await;
        world.source.says(many(4000));
        let id = asked(&world, directory, Wish::Sync).await;
        let node = world.another_node().await.unwrap();
        let stop = Stop::default();
        let told = stop.clone();
        let working = tokio::spawn(async move { runs::work_until(&node, &told).await.unwrap() });
        until(&world.services, |run| run.progress.tried >= 200).await;
        stop.tell();
        assert!(working.await.unwrap());
        let left = run_of(&world, id).await;
        assert_eq!(left.state, RunState::Applying);
        assert!(runs::work(&world.services).await.unwrap(), "without waiting for a lease");
        assert_eq!(here(&world, directory).await, (4000, 4000));
        sound(&world).await;
    }

    async fn a_run_is_stopped_between_two_batches_and_what_it_did_is_taken_back(world) {
        let directory = office(&world).await;
        world.source.says(many(4000));
        let id = asked(&world, directory, Wish::Sync).await;
        let node = working_here(&world);
        until(&world.services, |run| run.progress.tried >= 400).await;
        runs::cancel(&world.services, &world.system(), id).await.unwrap();
        assert!(node.await.unwrap());
        let stopped = run_of(&world, id).await;
        assert_eq!((stopped.state, stopped.problem.as_deref()), (RunState::Cancelled, None));
        assert_eq!(stopped.progress.tried % 500, 0);
        let (accounts, _) = here(&world, directory).await;
        assert!(accounts >= 300 && stopped.progress.tried < 8002);
        assert_eq!(plan_of(&world, &stopped).await.state, PlanState::Done);
        sound(&world).await;
        let undo = runs::undo(&world.services, &world.system(), id).await.unwrap();
        let undone = carried_out(&world, undo).await;
        assert_eq!((undone.state, undone.progress.failed), (RunState::Done, 0));
        assert_eq!(here(&world, directory).await, (0, 0));
        let run = synced(&world, directory).await;
        assert_eq!(run.progress.failed, 0);
        assert_eq!(here(&world, directory).await, (4000, 4000));
        sound(&world).await;
    }

    async fn a_run_is_stopped_while_the_source_is_read(world) {
        let directory = office(&world).await;
        world.source.says(many(300));
        world.source.hangs_after(1);
        let id = asked(&world, directory, Wish::Sync).await;
        let node = working(&world).await;
        while !world.source.is_hanging() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        runs::cancel(&world.services, &world.system(), id).await.unwrap();
        world.source.goes_on();
        assert!(node.await.unwrap());
        let stopped = run_of(&world, id).await;
        assert_eq!((stopped.state, stopped.plan), (RunState::Cancelled, None));
        assert_eq!(plans::list(world.services.db(), None, None, None, 9).await.unwrap(), []);
        assert_eq!(here(&world, directory).await, (0, 0));
        sound(&world).await;
    }

    async fn the_lease_is_given_back_with_the_end_and_not_taken_by_who_asks(world) {
        let directory = office(&world).await;
        world.source.says(many(3));
        let _ = synced(&world, directory).await;
        let now = world.services.now();
        assert!(!directory_states::is_taken(world.services.db(), directory, now).await.unwrap());
        let tx = world.services.db().begin().await.unwrap();
        let until = now + chrono::TimeDelta::seconds(30);
        assert!(directory_states::take(&tx, directory, "a", now, until).await.unwrap());
        assert!(!directory_states::take(&tx, directory, "b", now, until).await.unwrap());
        assert!(!directory_states::renew(&tx, directory, "b", until).await.unwrap());
        assert!(directory_states::renew(&tx, directory, "a", until).await.unwrap());
        assert!(directory_states::take(&tx, directory, "b", until, until).await.unwrap(), "it ended");
        assert!(!directory_states::renew(&tx, directory, "a", until).await.unwrap());
        directory_states::release(&tx, directory, "a").await.unwrap();
        assert!(directory_states::renew(&tx, directory, "b", until).await.unwrap());
        tx.rollback().await.unwrap();
    }
}

/// Every connection to the database is cut again and again, as when its server is killed or changes places.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn r9_r11_connections_cut_within_transactions_lose_nothing_and_double_nothing() {
    crate::both::on_a_new_one(|url| async move {
        let world = TestWorld::over(&url).await.unwrap();
        let directory = office(&world).await;
        world.source.says(many(4000));
        let id = asked(&world, directory, Wish::Sync).await;
        let admin = Database::connect(&crate::both::server().unwrap())
            .await
            .unwrap();
        let (_, name) = url.rsplit_once('/').unwrap();
        let cut = format!(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
        );
        let cutting = tokio::spawn(async move {
            // At other moments of a batch each time.
            let mut many = 0;
            for pause in (0..12).map(|n| 40 + 13 * n) {
                tokio::time::sleep(Duration::from_millis(pause)).await;
                many += admin
                    .execute_unprepared(&cut)
                    .await
                    .unwrap()
                    .rows_affected();
            }
            many
        });
        let mut is_over = false;
        while !is_over {
            // What fails is left for the next round.
            let _ = runs::work(&world.services).await;
            later(&world);
            let run = rows::get(world.services.db(), id).await;
            is_over = matches!(run, Ok(Some(run)) if run.ended_at.is_some());
        }
        assert!(cutting.await.unwrap() > 0, "connections were cut");
        let run = run_of(&world, id).await;
        assert_eq!(
            (run.state, run.progress.failed),
            (RunState::Done, 0),
            "{:?}",
            run.problem
        );
        assert_eq!(run.progress.tried, 8002);
        assert_eq!(here(&world, directory).await, (4000, 4000));
        sound(&world).await;
    })
    .await;
}

#[tokio::test]
async fn r5_a_full_disk_leaves_the_run_for_later() {
    let world = TestWorld::new().await.unwrap();
    let directory = office(&world).await;
    world.source.says(many(900));
    let id = asked(&world, directory, Wish::Sync).await;
    let full = world.on_a_full_disk().await.unwrap();
    // Small changes have room in the file; the plan's rows do not.
    let error = runs::work(&full).await.unwrap_err();
    assert_eq!(error.code, "DB-002");
    assert!(run_of(&world, id).await.ended_at.is_none());
    later(&world);
    assert!(runs::work(&world.services).await.unwrap());
    assert_eq!(run_of(&world, id).await.state, RunState::Done);
    assert_eq!(
        accounts::count_of_directory(world.services.db(), directory)
            .await
            .unwrap(),
        900
    );
    sound(&world).await;
}
