//! What stops a run, and what does not: a directory that is switched off, somebody who wants it to stop, a change amid it;
//! who may ask for what.

use std::time::Duration;

use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::DirectoryId;
use muster_domain::plan::PlanState;
use muster_domain::record::{Attributes, ExternalId};
use muster_domain::role::Role;
use muster_domain::run::{RunState, Wish};
use muster_services::directories::{Enabled, set_enabled};
use muster_services::provisioning;
use muster_services::sync::runs::{self, Followed};
use muster_storage::{directories, directory_states, plans};
use muster_testing::{Persona, TestWorld};

use super::cuts::{until, working, working_here};
use super::{
    asked, carried_out, declared, here, many, office, plan_of, ran, run_of, sound, synced,
};

async fn admin(world: &TestWorld) -> Persona {
    let ann = world.persona("ann", &[Role::Superadmin]).await.unwrap();
    world.elevate(&ann).await.unwrap()
}

async fn switched(world: &TestWorld, ann: &Persona, id: DirectoryId, enabled: Enabled) {
    let elevated = ann.call.elevated().unwrap();
    set_enabled(&world.services, &ann.call, &elevated, id, enabled)
        .await
        .unwrap();
}

async fn hanging(world: &TestWorld) {
    while !world.source.is_hanging() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Somebody gets an account of this directory by other hands.
async fn somebody_changes(world: &TestWorld, directory: DirectoryId) {
    let services = &world.services;
    let user: muster_domain::id::UserId = services.id();
    let action = Action::CreateUser {
        user,
        directory,
        external_id: ExternalId(format!("hand-{user}")),
        attributes: Attributes::from([("username".to_owned(), format!("hand{user}"))]),
    };
    let tx = services.db().begin().await.unwrap();
    let change = [Change::new(action, Cause::ByHand)];
    let events = provisioning::apply(services, &world.system(), &tx, &change).await;
    tx.commit(&events.unwrap()).await.unwrap();
}

on_both! {
    async fn whoever_wants_a_plan_follows_no_run_that_carries_one_out(world) {
        let directory = office(&world).await;
        world.source.says(many(3));
        let (services, call) = (&world.services, world.system());
        let sync = asked(&world, directory, Wish::Sync).await;
        let refused = runs::ask_or_follow(services, &call, directory, Wish::Plan).await.unwrap_err();
        assert_eq!(refused.code, "RUN-001");
        assert!(refused.next.unwrap().contains(&sync.to_string()));
        let followed = runs::ask_or_follow(services, &call, directory, Wish::Sync).await.unwrap();
        assert_eq!(followed, (sync, Followed::Yes));
        assert_eq!(here(&world, directory).await, (0, 0), "nothing was carried out");
        runs::cancel(services, &call, sync).await.unwrap();
        let (plan, new) = runs::ask_or_follow(services, &call, directory, Wish::Plan).await.unwrap();
        assert_eq!(new, Followed::No);
        let again = runs::ask_or_follow(services, &call, directory, Wish::Plan).await.unwrap();
        assert_eq!(again, (plan, Followed::Yes));
        let refused = runs::ask_or_follow(services, &call, directory, Wish::Sync).await.unwrap_err();
        assert_eq!(refused.code, "RUN-001", "a plan is no sync");
        runs::carry(services, &call, plan).await.unwrap();
        let run = run_of(&world, plan).await;
        assert!(plan_of(&world, &run).await.waits());
        assert_eq!(here(&world, directory).await, (0, 0));
    }

    async fn a_directory_that_is_switched_off_stops_what_waits_and_what_runs(world) {
        let directory = office(&world).await;
        let ann = admin(&world).await;
        world.source.says(many(4000));
        let (services, call) = (&world.services, world.system());
        let queued = asked(&world, directory, Wish::Sync).await;
        switched(&world, &ann, directory, Enabled::No).await;
        assert_eq!(run_of(&world, queued).await.state, RunState::Cancelled);
        switched(&world, &ann, directory, Enabled::Yes).await;
        // While its source is waited for.
        world.source.hangs_after(1);
        let reading = asked(&world, directory, Wish::Sync).await;
        let node = working(&world).await;
        hanging(&world).await;
        switched(&world, &ann, directory, Enabled::No).await;
        assert!(node.await.unwrap());
        assert_eq!(run_of(&world, reading).await.state, RunState::Cancelled);
        assert_eq!(here(&world, directory).await, (0, 0));
        switched(&world, &ann, directory, Enabled::Yes).await;
        // While a plan waits for a person.
        world.source.goes_on();
        let compared = ran(&world, directory, Wish::Plan).await;
        let plan = plan_of(&world, &compared).await;
        switched(&world, &ann, directory, Enabled::No).await;
        let identity = plan.identity.unwrap();
        let refused = runs::approve(services, &call, plan.id, &identity).await.unwrap_err();
        assert_eq!(refused.code, "RUN-002");
        switched(&world, &ann, directory, Enabled::Yes).await;
        let refused = runs::approve(services, &call, plan.id, &identity).await.unwrap_err();
        assert_eq!(refused.code, "PLAN-002", "what it was made from is over");
        // While it is carried out.
        world.clock.forward(chrono::TimeDelta::seconds(1));
        world.source.says(many(4000));
        let applying = asked(&world, directory, Wish::Sync).await;
        let node = working_here(&world);
        let _ = until(services, |run| run.progress.tried >= 200).await;
        switched(&world, &ann, directory, Enabled::No).await;
        assert!(node.await.unwrap());
        let stopped = run_of(&world, applying).await;
        assert!(matches!(stopped.state, RunState::Cancelled | RunState::Failed), "{stopped:?}");
        assert!(stopped.progress.tried < stopped.progress.planned);
        assert_eq!(stopped.progress.failed, 0, "its steps did not fail: they were not tried");
        sound(&world).await;
        // What it did is taken back all the same: that a person wants.
        let undo = runs::undo(services, &call, applying).await.unwrap();
        assert_eq!(carried_out(&world, undo).await.state, RunState::Done);
        assert_eq!(here(&world, directory).await, (0, 0));
    }

    async fn a_batch_of_a_directory_that_is_off_is_not_written(world) {
        let directory = office(&world).await;
        world.source.says(many(900));
        let id = asked(&world, directory, Wish::Sync).await;
        let node = working_here(&world);
        let _ = until(&world.services, |run| run.progress.tried >= 200).await;
        // Nobody asks it to stop: the row alone says so.
        let tx = world.services.db().begin().await.unwrap();
        let mut office = directories::get(&tx, directory).await.unwrap().unwrap();
        office.enabled = false;
        directories::update(&tx, &office).await.unwrap();
        tx.commit_quiet(muster_storage::Quiet::Counted).await.unwrap();
        assert!(node.await.unwrap());
        let stopped = run_of(&world, id).await;
        assert_eq!((stopped.state, stopped.progress.failed), (RunState::Failed, 0));
        assert!(stopped.problem.unwrap().contains("RUN-002"));
        let run = directories::get(world.services.db(), directory).await.unwrap().unwrap();
        assert!(!run.enabled);
        sound(&world).await;
    }

    async fn a_stop_is_heard_while_an_answer_is_waited_for(world) {
        let directory = office(&world).await;
        world.source.says(many(300));
        world.source.hangs_after(1);
        let id = asked(&world, directory, Wish::Sync).await;
        let node = working(&world).await;
        hanging(&world).await;
        runs::cancel(&world.services, &world.system(), id).await.unwrap();
        // The source never answers.
        assert!(node.await.unwrap());
        let stopped = run_of(&world, id).await;
        assert_eq!((stopped.state, stopped.plan), (RunState::Cancelled, None));
        assert_eq!(plans::list(world.services.db(), None, None, None, 9).await.unwrap(), []);
        sound(&world).await;
    }

    async fn a_sync_that_meets_a_change_is_made_again(world) {
        let directory = office(&world).await;
        world.source.says(many(30));
        let _ = synced(&world, directory).await;
        world.source.says(many(29));
        world.source.hangs_after(1);
        let readings = world.source.readings();
        let id = asked(&world, directory, Wish::Sync).await;
        let node = working(&world).await;
        hanging(&world).await;
        somebody_changes(&world, directory).await;
        world.source.goes_on();
        assert!(node.await.unwrap());
        let run = run_of(&world, id).await;
        assert_eq!((run.state, run.problem.clone()), (RunState::Done, None));
        assert_eq!(world.source.readings(), readings + 2);
        assert_eq!(plan_of(&world, &run).await.counts.of("deactivate"), 2, "and knows of the change");
        let discarded = plans::list(world.services.db(), None, Some(PlanState::Discarded), None, 9).await.unwrap();
        assert_eq!(discarded.len(), 1);
        sound(&world).await;
    }

    async fn settings_that_change_while_a_plan_is_begun_are_those_it_is_carried_out_by(world) {
        let directory = declared(&world, "Office", &[("leavers", "deactivate")]).await;
        world.source.says(many(30));
        let _ = synced(&world, directory).await;
        world.source.says(many(28));
        let services = world.another_node().await.unwrap();
        world.source.when_it_opens(move || {
            let saved = async {
                let tx = services.db().begin().await.unwrap();
                let mut office = directories::get(&tx, directory).await.unwrap().unwrap();
                office.settings.insert("leavers".to_owned(), "keep".to_owned());
                directories::update(&tx, &office).await.unwrap();
                directory_states::changed(&tx, &[directory]).await.unwrap();
                tx.commit_quiet(muster_storage::Quiet::Counted).await.unwrap();
            };
            tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(saved));
        });
        let run = synced(&world, directory).await;
        assert_eq!(plan_of(&world, &run).await.counts.of("deactivate"), 0);
        let last = muster_storage::users::by_username(world.services.db(), "u00030").await.unwrap();
        assert!(last.unwrap().is_active());
        sound(&world).await;
    }

    async fn w43_nobody_approves_or_takes_back_without_proving_presence(world) {
        let directory = office(&world).await;
        world.source.says(many(5));
        let done = synced(&world, directory).await;
        world.source.says(many(6));
        let compared = ran(&world, directory, Wish::Plan).await;
        let plan = plan_of(&world, &compared).await;
        let (services, identity) = (&world.services, plan.identity.unwrap());
        let ann = world.persona("ann", &[Role::Superadmin]).await.unwrap();
        let refused = runs::approve(services, &ann.call, plan.id, &identity).await.unwrap_err();
        assert_eq!(refused.code, "ELV-001");
        let refused = runs::undo(services, &ann.call, done.id).await.unwrap_err();
        assert_eq!(refused.code, "ELV-001");
        assert_eq!(plans::list(services.db(), None, Some(PlanState::Held), None, 9).await.unwrap(), []);
        let ann = world.elevate(&ann).await.unwrap();
        assert!(runs::undo(services, &ann.call, done.id).await.is_ok());
        assert!(runs::approve(services, &ann.call, plan.id, &identity).await.is_ok());
    }
}
