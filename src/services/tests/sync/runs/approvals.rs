//! Exactly the plan that was seen, by one of two, and never one that is out of date.

use muster_domain::membership::Member;
use muster_domain::plan::{Identity, PlanState};
use muster_domain::role::Role;
use muster_domain::run::{RunState, Wish};
use muster_domain::snapshot::Doubt;
use muster_services::sync::runs;
use muster_services::sync::views::{self, PlanFilter};
use muster_services::users::Paging;
use muster_storage::{Quiet, directory_states, drafts, plans};
use muster_testing::TestWorld;

use super::{asked, carried_out, here, many, office, plan_of, ran, run_of, sound, synced};

on_both! {
    async fn an_incomplete_reading_is_held_and_removes_nothing(world) {
        let directory = office(&world).await;
        world.source.says(many(30));
        let _ = synced(&world, directory).await;
        world.source.says(many(10));
        world.source.doubts(Doubt::CutOff("the line".to_owned()));
        let held = ran(&world, directory, Wish::Sync).await;
        assert_eq!(held.state, RunState::Held);
        let plan = plan_of(&world, &held).await;
        assert_eq!((plan.state, plan.counts.all()), (PlanState::Held, 0));
        assert!(plan.holds[0].words().contains("Nothing is removed on its word"));
        assert_eq!(here(&world, directory).await, (30, 30));
        let (services, call) = (&world.services, world.system());
        let line = || async {
            let listed = views::run_list(services, &call, None, &Paging::default()).await.unwrap();
            let line = listed.rows.into_iter().find(|line| line.run.id == held.id).unwrap();
            let of = line.held.unwrap();
            (of.plan.state, of.plan.knows_nothing(), of.is_stale)
        };
        assert_eq!(line().await, (PlanState::Held, true, false));
        let tx = services.db().begin().await.unwrap();
        directory_states::changed(&tx, &[directory]).await.unwrap();
        tx.commit_quiet(Quiet::Working).await.unwrap();
        assert_eq!(line().await, (PlanState::Held, true, true));
        let plans = views::plan_list(services, &call, PlanFilter::default(), &Paging::default()).await.unwrap();
        let stale: Vec<_> = plans.rows.iter().filter(|line| line.is_stale).map(|line| line.plan.id).collect();
        assert_eq!(stale, [plan.id]);
        runs::discard(services, &call, plan.id).await.unwrap();
        assert_eq!(line().await, (PlanState::Discarded, true, false));
        sound(&world).await;
    }

    async fn a_held_plan_is_carried_out_with_an_approval_of_exactly_it(world) {
        let directory = office(&world).await;
        world.source.says(many(60));
        let _ = synced(&world, directory).await;
        world.source.says(many(20));
        let held = ran(&world, directory, Wish::Sync).await;
        let plan = plan_of(&world, &held).await;
        assert_eq!((held.state, plan.state), (RunState::Held, PlanState::Held));
        let call = world.system();
        let other = Identity("0".repeat(64));
        let refused = runs::approve(&world.services, &call, plan.id, &other).await.unwrap_err();
        assert_eq!(refused.code, "PLAN-001");
        let applied = carried_out(&world, plan.id).await;
        assert_eq!(applied.state, RunState::Done);
        let after = plan_of(&world, &applied).await;
        assert_eq!((after.state, after.approved_by.as_deref()), (PlanState::Done, Some("test")));
        let twice = runs::approve(&world.services, &call, plan.id, &plan.identity.unwrap()).await.unwrap_err();
        assert_eq!(twice.code, "RUN-006");
        assert!(twice.next.unwrap().contains("test approved it"));
        sound(&world).await;
    }

    async fn whoever_came_under_protection_after_the_plan_was_made_is_left_alone(world) {
        let directory = office(&world).await;
        world.source.says(many(60));
        let _ = synced(&world, directory).await;
        world.source.says(many(50));
        let held = ran(&world, directory, Wish::Sync).await;
        let plan = plan_of(&world, &held).await;
        let db = world.services.db();
        let risen = muster_storage::users::by_username(db, "u00055").await.unwrap().unwrap();
        world.grant(Role::Superadmin, Member::User(risen.id)).await.unwrap();
        let done = carried_out(&world, plan.id).await;
        assert_eq!((done.state, done.progress.failed), (RunState::Done, 2), "their group, their state");
        let failed = muster_storage::runs::exceptions(db, done.id, None, 9).await.unwrap();
        assert_eq!(failed[0].code, "PLAN-005");
        assert!(failed[0].words.contains("u00055 came under protection"), "{failed:?}");
        let is_active = async |name: &str| {
            muster_storage::users::by_username(db, name).await.unwrap().unwrap().is_active()
        };
        assert!(is_active("u00055").await && !is_active("u00054").await && !is_active("u00056").await);
        sound(&world).await;
    }

    async fn a_group_that_came_to_give_a_role_is_filled_by_no_plan_that_waited(world) {
        let directory = office(&world).await;
        world.source.says(many(30));
        let _ = synced(&world, directory).await;
        world.source.says(many(31));
        let held = ran(&world, directory, Wish::Plan).await;
        let plan = plan_of(&world, &held).await;
        let db = world.services.db();
        let all = muster_storage::groups::by_name(db, "all").await.unwrap().unwrap();
        world.grant(Role::Admin, Member::Group(all.id)).await.unwrap();
        let done = carried_out(&world, plan.id).await;
        assert_eq!((done.state, done.progress.tried, done.progress.failed), (RunState::Done, 2, 1));
        let failed = muster_storage::runs::exceptions(db, done.id, None, 9).await.unwrap();
        assert_eq!(failed[0].code, "PLAN-005");
        assert_eq!(here(&world, directory).await, (31, 30));
        sound(&world).await;
    }

    async fn of_two_admins_who_approve_at_once_one_is_told_of_the_other(world) {
        let directory = office(&world).await;
        world.source.says(many(50));
        let run = ran(&world, directory, Wish::Plan).await;
        let plan = plan_of(&world, &run).await;
        let identity = plan.identity.clone().unwrap();
        let ada = world.persona("ada", &[Role::Superadmin]).await.unwrap();
        let bob = world.persona("bob", &[Role::Superadmin]).await.unwrap();
        let (ada, bob) = (world.elevate(&ada).await.unwrap(), world.elevate(&bob).await.unwrap());
        let other = world.another_node().await.unwrap();
        let (first, second) = tokio::join!(
            runs::approve(&world.services, &ada.call, plan.id, &identity),
            runs::approve(&other, &bob.call, plan.id, &identity),
        );
        let (won, told) = match (first, second) {
            (Ok(run), Err(error)) | (Err(error), Ok(run)) => (run, error),
            both => panic!("one of two: {both:?}"),
        };
        assert_eq!(told.code, "RUN-006");
        let by = plans::get(world.services.db(), plan.id).await.unwrap().unwrap().approved_by.unwrap();
        assert!(told.next.unwrap().contains(&by));
        runs::carry(&world.services, &world.system(), won).await.unwrap();
        assert_eq!(here(&world, directory).await, (50, 50));
        sound(&world).await;
    }

    async fn a_plan_that_is_out_of_date_is_refused_whoever_approves_it(world) {
        let directory = office(&world).await;
        world.source.says(many(10));
        let run = ran(&world, directory, Wish::Plan).await;
        let plan = plan_of(&world, &run).await;
        let _ = synced(&world, directory).await;
        let call = world.system();
        let identity = plan.identity.unwrap();
        let refused = runs::approve(&world.services, &call, plan.id, &identity).await.unwrap_err();
        assert_eq!(refused.code, "PLAN-002");
        assert!(views::plan_view(&world.services, &call, plan.id).await.unwrap().is_stale);
        // Between the approval and the run's turn.
        let run = ran(&world, directory, Wish::Plan).await;
        let mut plan = plan_of(&world, &run).await;
        world.source.says(many(11));
        let run = ran(&world, directory, Wish::Plan).await;
        assert_eq!(plans::get(world.services.db(), plan.id).await.unwrap().unwrap().state, PlanState::Discarded);
        plan = plan_of(&world, &run).await;
        let run = runs::approve(&world.services, &call, plan.id, &plan.identity.unwrap()).await.unwrap();
        let tx = world.services.db().begin().await.unwrap();
        assert!(directory_states::advance(&tx, directory, plan.base_revision).await.unwrap());
        tx.commit_quiet(muster_storage::Quiet::Counted).await.unwrap();
        runs::carry(&world.services, &call, run).await.unwrap();
        let failed = run_of(&world, run).await;
        assert_eq!(failed.state, RunState::Failed);
        assert!(failed.problem.unwrap().contains("PLAN-002"));
        assert_eq!(here(&world, directory).await, (10, 10));
        sound(&world).await;
    }

    async fn rows_that_were_changed_behind_an_approval_are_not_carried_out(world) {
        let directory = office(&world).await;
        world.source.says(many(10));
        let run = ran(&world, directory, Wish::Plan).await;
        let plan = plan_of(&world, &run).await;
        let call = world.system();
        let run = runs::approve(&world.services, &call, plan.id, &plan.identity.unwrap()).await.unwrap();
        let first = plans::steps(world.services.db(), plan.id, None, 1).await.unwrap()[0].0;
        let tx = world.services.db().begin().await.unwrap();
        drafts::take_out(&tx, plan.id, &[first]).await.unwrap();
        tx.commit_quiet(muster_storage::Quiet::Counted).await.unwrap();
        runs::carry(&world.services, &call, run).await.unwrap();
        let failed = run_of(&world, run).await;
        assert_eq!((failed.state, failed.progress.tried), (RunState::Failed, 0));
        assert!(failed.problem.unwrap().contains("PLAN-001"));
        assert_eq!(here(&world, directory).await, (0, 0));
    }

    async fn one_run_of_a_directory_is_open_at_a_time(world) {
        let directory = office(&world).await;
        let run = asked(&world, directory, Wish::Sync).await;
        let (services, call) = (&world.services, world.system());
        let refused = runs::ask(services, &call, directory, Wish::Plan).await.unwrap_err();
        assert_eq!(refused.code, "RUN-001");
        assert!(refused.next.unwrap().contains(&run.to_string()));
        assert_eq!(runs::open_run(services, &call, directory).await.unwrap(), Some(run));
        runs::cancel(services, &call, run).await.unwrap();
        assert_eq!(run_of(&world, run).await.state, RunState::Cancelled);
        assert!(!runs::work(services).await.unwrap());
        let over = runs::cancel(services, &call, run).await.unwrap_err();
        assert_eq!(over.code, "RUN-010");
        let other = world.another_node().await.unwrap();
        let (one, two) = tokio::join!(
            runs::ask(services, &call, directory, Wish::Sync),
            runs::ask(&other, &call, directory, Wish::Sync),
        );
        assert_eq!(usize::from(one.is_ok()) + usize::from(two.is_ok()), 1);
        sound(&world).await;
    }

    async fn a_plan_that_was_put_away_is_carried_out_no_more(world) {
        let directory = office(&world).await;
        world.source.says(many(3));
        let run = ran(&world, directory, Wish::Plan).await;
        let plan = plan_of(&world, &run).await;
        let (services, call) = (&world.services, world.system());
        runs::discard(services, &call, plan.id).await.unwrap();
        let refused = runs::approve(services, &call, plan.id, &plan.identity.unwrap()).await.unwrap_err();
        assert_eq!(refused.code, "RUN-007");
        assert_eq!(runs::discard(services, &call, plan.id).await.unwrap_err().code, "RUN-007");
    }
}
