//! What another mapping would change, as a run: cut, stopped, in the way of a sync and kept waiting by one.

use muster_domain::id::{DirectoryId, RunId};
use muster_domain::mapping::{Expression, Mapping};
use muster_domain::plan::{PlanState, Purpose};
use muster_domain::run::{Run, RunState, Wish};
use muster_services::mapping;
use muster_services::sync::runs;
use muster_storage::{directory_states, plans, runs as rows};
use muster_testing::TestWorld;

use super::{asked, declared, here, later, many, office, plan_of, ran, run_of, sound, synced};

/// A mapping that lets in whoever is not this one.
fn without(username: &str) -> Mapping {
    Mapping {
        filter: Some(Expression(format!("record.username != \"{username}\""))),
        ..Mapping::default()
    }
}

async fn tried(world: &TestWorld, directory: DirectoryId, mapping: &Mapping) -> RunId {
    mapping::impact(&world.services, &world.system(), directory, mapping, 0)
        .await
        .unwrap()
}

async fn shown(world: &TestWorld, directory: DirectoryId) -> Run {
    let id = tried(world, directory, &without("u00002")).await;
    assert!(runs::work(&world.services).await.unwrap());
    run_of(world, id).await
}

/// Waits until a reading hangs.
async fn hangs(world: &TestWorld) {
    while !world.source.is_hanging() {
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

async fn what_ifs(world: &TestWorld, directory: DirectoryId) -> usize {
    plans::upkeep::of_purpose(world.services.db(), directory, Purpose::WhatIf)
        .await
        .unwrap()
        .len()
}

on_both! {
    async fn it_is_a_run_that_changes_nothing_and_its_plan_is_carried_out_by_nobody(world) {
        let directory = office(&world).await;
        world.source.says(many(50));
        synced(&world, directory).await;
        let revision = directory_states::revision(world.services.db(), directory).await.unwrap();
        let run = shown(&world, directory).await;
        assert_eq!((run.state, run.wish), (RunState::Done, Wish::WhatIf), "{:?}", run.problem);
        assert!(run.progress.read > 0);
        let plan = plan_of(&world, &run).await;
        assert_eq!((plan.purpose, plan.state), (Purpose::WhatIf, PlanState::Discarded));
        assert_eq!(plan.counts.of("deactivate"), 1, "{:?}", plan.counts);
        let error = runs::approve(&world.services, &world.system(), plan.id, &plan.identity.unwrap()).await;
        assert_eq!(error.unwrap_err().code, "RUN-007");
        assert_eq!(here(&world, directory).await, (50, 50));
        let after = directory_states::revision(world.services.db(), directory).await.unwrap();
        assert_eq!(after, revision, "plans that were made before hold still");
        let kept = mapping::tried(&world.services, &world.system(), directory, run.id).await.unwrap();
        assert_eq!(kept.unwrap().mapping, without("u00002"));
        sound(&world).await;
    }

    async fn of_several_answers_the_newest_is_kept(world) {
        let directory = office(&world).await;
        world.source.says(many(20));
        let first = shown(&world, directory).await;
        let second = shown(&world, directory).await;
        assert_eq!(what_ifs(&world, directory).await, 1);
        assert!(run_of(&world, first.id).await.plan.is_none() && second.plan.is_some());
        let kept = mapping::tried(&world.services, &world.system(), directory, first.id).await.unwrap();
        assert_eq!(kept, None, "what others tried may hold somebody's data");
        sound(&world).await;
    }

    async fn one_that_was_cut_is_made_anew_through_the_same_mapping(world) {
        let directory = office(&world).await;
        world.source.says(many(300));
        synced(&world, directory).await;
        world.source.hangs_after(2);
        let id = tried(&world, directory, &without("u00007")).await;
        let node = world.another_node().await.unwrap();
        let node = tokio::spawn(async move { runs::work(&node).await });
        hangs(&world).await;
        node.abort();
        assert!(node.await.is_err());
        later(&world);
        world.source.hangs_no_more();
        assert!(runs::work(&world.services).await.unwrap());
        let run = run_of(&world, id).await;
        assert_eq!(run.state, RunState::Done, "{:?}", run.problem);
        assert_eq!(plan_of(&world, &run).await.counts.of("deactivate"), 1);
        assert_eq!(what_ifs(&world, directory).await, 1);
        sound(&world).await;
    }

    async fn a_sync_takes_its_place_while_it_waits_and_while_it_is_made(world) {
        let directory = office(&world).await;
        world.source.says(many(300));
        let waits = tried(&world, directory, &without("u00001")).await;
        synced(&world, directory).await;
        let run = run_of(&world, waits).await;
        assert_eq!(run.state, RunState::Cancelled);
        assert!(run.problem.unwrap().contains("comes first"));
        world.source.hangs_after(2);
        let made = tried(&world, directory, &without("u00001")).await;
        let node = world.another_node().await.unwrap();
        let node = tokio::spawn(async move { runs::work(&node).await });
        hangs(&world).await;
        let sync = asked(&world, directory, Wish::Sync).await;
        world.source.goes_on();
        assert!(node.await.unwrap().unwrap());
        let over = run_of(&world, made).await;
        assert_eq!((over.state, over.plan), (RunState::Cancelled, None));
        assert!(over.ended_at.is_some());
        assert_eq!(what_ifs(&world, directory).await, 0);
        while rows::open_of(world.services.db(), directory).await.unwrap().is_some() {
            runs::work(&world.services).await.unwrap();
        }
        assert_eq!(run_of(&world, sync).await.state, RunState::Done);
        sound(&world).await;
    }

    async fn whoever_asks_while_a_run_is_under_way_is_told_which(world) {
        let directory = office(&world).await;
        let sync = asked(&world, directory, Wish::Sync).await;
        let (services, call) = (&world.services, world.system());
        let error = mapping::impact(services, &call, directory, &without("x"), 0).await.unwrap_err();
        assert_eq!(error.code, "RUN-001");
        let next = error.next.unwrap();
        assert!(next.contains("a sync") && next.contains(&sync.to_string()), "{next}");
        runs::cancel(services, &call, sync).await.unwrap();
        let first = tried(&world, directory, &without("x")).await;
        for again in [
            mapping::impact(services, &call, directory, &without("y"), 0).await,
            runs::ask(services, &call, directory, Wish::Plan).await,
        ] {
            let error = again.unwrap_err();
            assert_eq!(error.code, "RUN-001");
            assert!(error.next.unwrap().contains(&first.to_string()));
        }
        sound(&world).await;
    }

    async fn a_stopped_one_leaves_no_plan(world) {
        let directory = office(&world).await;
        world.source.says(many(300));
        world.source.hangs_after(2);
        let id = tried(&world, directory, &without("x")).await;
        let node = world.another_node().await.unwrap();
        let node = tokio::spawn(async move { runs::work(&node).await });
        hangs(&world).await;
        runs::cancel(&world.services, &world.system(), id).await.unwrap();
        world.source.goes_on();
        assert!(node.await.unwrap().unwrap());
        let run = run_of(&world, id).await;
        assert_eq!((run.state, run.plan), (RunState::Cancelled, None));
        assert_eq!(what_ifs(&world, directory).await, 0);
        sound(&world).await;
    }

    async fn what_it_is_to_try_is_checked_before_it_is_asked(world) {
        let directory = office(&world).await;
        let (services, call) = (&world.services, world.system());
        let wrong = Mapping { filter: Some(Expression("nosuch(".to_owned())), ..Mapping::default() };
        let error = mapping::impact(services, &call, directory, &wrong, 0).await.unwrap_err();
        assert_eq!(error.code, "MAP-001");
        assert_eq!(runs::ask(services, &call, directory, Wish::WhatIf).await.unwrap_err().code, "RUN-013");
        assert_eq!(rows::open(services.db()).await.unwrap(), []);
        let broken = declared(&world, "Broken", &[("broken", "It does not open.")]).await;
        let run = {
            let id = tried(&world, broken, &without("x")).await;
            assert!(runs::work(services).await.unwrap());
            run_of(&world, id).await
        };
        assert_eq!(run.state, RunState::Failed);
        assert_eq!(ran(&world, directory, Wish::Plan).await.state, RunState::Done);
        sound(&world).await;
    }
}
