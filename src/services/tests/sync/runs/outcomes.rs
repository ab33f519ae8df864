//! What a run leaves: rows, steps that fail, what is on record, what can be taken back, what is kept.

use muster_domain::plan::{PlanState, Purpose};
use muster_domain::role::Role;
use muster_domain::run::{RunState, Wish};
use muster_domain::snapshot::Doubt;
use muster_services::sync::runs::{self, KEPT, SHOWN};
use muster_services::sync::views;
use muster_services::users::{Fields, Paging, checked_fields, create};
use muster_storage::plans::RowFilter;
use muster_storage::{audit, plans, runs as rows, users};
use muster_testing::TestWorld;

use super::{
    asked, carried_out, declared, group, here, many, named, office, person, picture, plan_of, ran,
    run_of, sound, synced,
};

/// Actions on record that begin like this, with their details.
async fn on_record(world: &TestWorld, beginning: &str) -> Vec<(String, serde_json::Value)> {
    let all = audit::after(world.services.db(), 0, 10_000).await.unwrap();
    all.into_iter()
        .map(|row| (row.event.action, row.event.detail))
        .filter(|(action, _)| action.starts_with(beginning))
        .collect()
}

on_both! {
    async fn a_wish_ends_as_people_groups_and_memberships(world) {
        let directory = office(&world).await;
        world.source.says(many(450));
        let run = synced(&world, directory).await;
        assert_eq!(here(&world, directory).await, (450, 450));
        let plan = plan_of(&world, &run).await;
        assert_eq!((plan.state, plan.purpose), (PlanState::Done, Purpose::Sync));
        // 450 people, a group with its link, 450 memberships.
        assert_eq!((run.progress.planned, run.progress.tried, run.progress.failed), (902, 902, 0));
        let batches = on_record(&world, "directory.sync.applied").await;
        assert_eq!(batches.len(), 2, "one event for each 500 people or groups, and one for memberships");
        let digests: Vec<_> = batches.iter().map(|(_, detail)| detail["sha256"].as_str().unwrap().len()).collect();
        assert_eq!(digests, [64; 2]);
        assert_eq!(on_record(&world, "user.create").await.len(), 0);
        sound(&world).await;
        let events = on_record(&world, "").await.len();
        let again = synced(&world, directory).await;
        assert_eq!(again.progress.planned, 0);
        assert_eq!(on_record(&world, "").await.len(), events + 1, "that it was asked for, and no more");
        let filter = RowFilter { kind: Some("create_user".to_owned()), ..RowFilter::default() };
        let shown = runs::plan_rows(&world.services, &world.system(), plan.id, &filter, None, 7).await.unwrap();
        assert_eq!(shown.len(), 7);
    }

    async fn a_plan_alone_changes_nothing_and_can_be_carried_out_later(world) {
        let directory = office(&world).await;
        world.source.says(many(30));
        let run = ran(&world, directory, Wish::Plan).await;
        assert_eq!((run.state, here(&world, directory).await), (RunState::Done, (0, 0)));
        let plan = plan_of(&world, &run).await;
        assert_eq!((plan.state, plan.purpose), (PlanState::Clear, Purpose::Drift));
        let applied = carried_out(&world, plan.id).await;
        assert_eq!((applied.state, here(&world, directory).await), (RunState::Done, (30, 30)));
        sound(&world).await;
    }

    async fn steps_that_fail_are_told_and_the_others_are_done(world) {
        let directory = office(&world).await;
        world.source.says(many(300));
        let run = ran(&world, directory, Wish::Plan).await;
        let plan = plan_of(&world, &run).await;
        for taken in ["u00007", "u00150", "u00151"] {
            let fields: Fields = checked_fields(taken, "By hand", "").unwrap();
            create(&world.services, &world.system(), &fields, None).await.unwrap();
        }
        let applied = carried_out(&world, plan.id).await;
        assert_eq!((applied.state, applied.progress.tried), (RunState::Done, 602));
        // Three people, and their memberships: whoever is not here is in no group.
        assert_eq!(applied.progress.failed, 6);
        assert_eq!(here(&world, directory).await, (297, 297));
        let shown = runs::show(&world.services, &world.system(), applied.id).await.unwrap();
        assert_eq!(shown.failed.len(), 6);
        assert_eq!(shown.failed[0].code, "USR-001");
        let filter = RowFilter { q: Some("U00150".to_owned()), ..RowFilter::default() };
        let lines = runs::plan_rows(&world.services, &world.system(), plan.id, &filter, None, 10).await.unwrap();
        assert!(lines.iter().any(|(_, failed)| failed.as_ref().is_some_and(|one| one.code == "USR-001")));
        assert_eq!(on_record(&world, "directory.sync.failed").await.len(), 6);
        sound(&world).await;
    }

    async fn what_a_run_did_is_taken_back_and_done_again(world) {
        let directory = office(&world).await;
        world.source.says(many(250));
        let _ = synced(&world, directory).await;
        let before = picture(&world, 255).await;
        let mut pages = many(250);
        pages[0][3] = named(4, "u00255");
        pages[1].truncate(99);
        let _ = pages.pop();
        pages.push(group("all", 5..=250));
        world.source.says(pages);
        let changed = synced(&world, directory).await;
        let after = picture(&world, 255).await;
        assert_ne!(before, after);
        let call = world.system();
        let undo = runs::undo(&world.services, &call, changed.id).await.unwrap();
        let stored = plans::get(world.services.db(), undo).await.unwrap().unwrap();
        assert_eq!((stored.state, stored.purpose, stored.inverse_of), (PlanState::Held, Purpose::Undo, changed.plan));
        assert_eq!(picture(&world, 255).await, after, "nothing before somebody approves");
        let undone = carried_out(&world, undo).await;
        assert_eq!((undone.state, undone.progress.failed), (RunState::Done, 0));
        assert_eq!(picture(&world, 255).await, before);
        let twice = runs::undo(&world.services, &call, changed.id).await.unwrap_err();
        assert_eq!(twice.code, "RUN-009");
        let redo = runs::undo(&world.services, &call, undone.id).await.unwrap();
        let redone = carried_out(&world, redo).await;
        assert_eq!(redone.progress.failed, 0);
        assert_eq!(picture(&world, 255).await, after);
        let shown = runs::show(&world.services, &call, changed.id).await.unwrap();
        assert!(shown.can_be_undone);
        sound(&world).await;
    }

    async fn a_run_that_cannot_begin_says_why_and_leaves_no_plan(world) {
        let directory = declared(&world, "Broken", &[("broken", "The settings contradict themselves.")]).await;
        let run = ran(&world, directory, Wish::Sync).await;
        assert_eq!((run.state, run.plan), (RunState::Failed, None));
        assert!(run.problem.unwrap().contains("TEST-003"));
        assert_eq!(plans::list(world.services.db(), None, None, None, 9).await.unwrap(), []);
        let nothing = runs::undo(&world.services, &world.system(), run.id).await.unwrap_err();
        assert_eq!(nothing.code, "RUN-008");
        sound(&world).await;
    }

    async fn what_was_removed_in_a_day_counts_against_the_next_run(world) {
        let directory = office(&world).await;
        world.source.says(many(100));
        let _ = synced(&world, directory).await;
        // A tenth of a hundred may go in a day.
        for left in [96, 92] {
            world.clock.forward(chrono::TimeDelta::hours(1));
            world.source.says(many(left));
            let _ = synced(&world, directory).await;
        }
        world.clock.forward(chrono::TimeDelta::hours(1));
        world.source.says(many(88));
        let held = ran(&world, directory, Wish::Sync).await;
        assert_eq!(held.state, RunState::Held);
        let plan = plan_of(&world, &held).await;
        assert!(plan.holds[0].words().contains("after 8 lately"), "{:?}", plan.holds);
        // Somebody looked: what they let go counts no more.
        let _ = carried_out(&world, plan.id).await;
        world.source.says(many(87));
        let next = ran(&world, directory, Wish::Sync).await;
        let plan = plan_of(&world, &next).await;
        assert!(plan.holds.first().is_none_or(|hold| hold.words().contains("after 8 lately")), "{:?}", plan.holds);
        world.clock.forward(chrono::TimeDelta::hours(25));
        let _ = synced(&world, directory).await;
        sound(&world).await;
    }

    async fn runs_and_plans_are_kept_as_long_as_they_say(world) {
        let directory = office(&world).await;
        world.source.says(many(20));
        let first = synced(&world, directory).await;
        let idle = synced(&world, directory).await;
        world.source.says(many(19));
        world.source.doubts(Doubt::SizeLimit);
        let held = ran(&world, directory, Wish::Sync).await;
        let again = ran(&world, directory, Wish::Sync).await;
        assert_eq!((held.state, again.state), (RunState::Held, RunState::Held));
        assert_eq!(plan_of(&world, &held).await.state, PlanState::Discarded, "a newer one stands for it");
        let db = world.services.db();
        world.clock.forward(SHOWN + chrono::TimeDelta::days(1));
        let _ = runs::sweep(&world.services, world.services.now()).await.unwrap();
        assert!(plans::get(db, first.plan.unwrap()).await.unwrap().is_some());
        assert!(plans::get(db, idle.plan.unwrap()).await.unwrap().is_none());
        assert!(rows::get(db, idle.id).await.unwrap().is_some(), "the run stays");
        world.clock.forward(KEPT);
        let _ = runs::sweep(&world.services, world.services.now()).await.unwrap();
        assert_eq!(rows::list(db, None, None, 9).await.unwrap(), []);
        assert_eq!(plans::list(db, None, None, None, 9).await.unwrap(), []);
        assert_eq!(here(&world, directory).await, (20, 20));
    }

    async fn nobody_without_the_permission_runs_anything(world) {
        let directory = office(&world).await;
        world.source.says(vec![vec![person(1)]]);
        let auditor = world.persona("otto", &[Role::Auditor]).await.unwrap();
        let (services, call) = (&world.services, &auditor.call);
        let run = asked(&world, directory, Wish::Plan).await;
        runs::carry(services, &world.system(), run).await.unwrap();
        let plan = plan_of(&world, &run_of(&world, run).await).await;
        let identity = plan.identity.clone().unwrap();
        let codes = [
            runs::ask(services, call, directory, Wish::Sync).await.unwrap_err().code,
            runs::approve(services, call, plan.id, &identity).await.unwrap_err().code,
            runs::discard(services, call, plan.id).await.unwrap_err().code,
            runs::undo(services, call, run).await.unwrap_err().code,
            runs::cancel(services, call, run).await.unwrap_err().code,
            runs::carry(services, call, run).await.unwrap_err().code,
        ];
        assert_eq!(codes, ["WEB-403"; 6]);
        let all = Paging::default();
        assert!(views::run_list(services, call, None, &all).await.is_ok());
        let stranger = world.persona("stan", &[]).await.unwrap();
        assert_eq!(views::run_list(services, &stranger.call, None, &all).await.unwrap_err().code, "WEB-403");
        assert_eq!(views::plan_view(services, &stranger.call, plan.id).await.unwrap_err().code, "WEB-403");
        assert!(users::by_username(services.db(), "u00001").await.unwrap().is_none());
    }
}
