//! What stays when something goes: who did what is answered after a directory was removed, and of everybody who lost their
//! access; and what pages say of a source that was read without anything to do.

use chrono::TimeDelta;
use muster_domain::audit::AuditEvent;
use muster_domain::id::DirectoryId;
use muster_domain::membership::Member;
use muster_domain::plan::PlanState;
use muster_domain::role::Role;
use muster_domain::run::{Run, RunState, Wish};
use muster_domain::snapshot::Doubt;
use muster_services::directories::{Choice, list as rows_of, remove_plan, sweep_removed};
use muster_services::measured::measured;
use muster_services::sync::runs::{self, KEPT};
use muster_services::sync::views::{self, PlanFilter};
use muster_services::users::{Paging, detail};
use muster_storage::plans::RowFilter;
use muster_storage::{audit, directories, groups, removed_directories, users};
use muster_testing::TestWorld;

use super::{
    carried_out, declared, group, here, many, named, office, picture, plan_of, ran, run_of, sound,
    synced,
};

/// What is on record of actions that begin like this.
async fn told(world: &TestWorld, beginning: &str) -> Vec<AuditEvent> {
    let all = audit::after(world.services.db(), 0, 10_000).await.unwrap();
    let events = all.into_iter().map(|row| row.event);
    events
        .filter(|event| event.action.starts_with(beginning))
        .collect()
}

/// Removes a directory, as somebody does who is there.
pub(crate) async fn removed(world: &TestWorld, directory: DirectoryId) -> Run {
    let ann = world.persona("ann", &[Role::Superadmin]).await.unwrap();
    let ann = world.elevate(&ann).await.unwrap();
    let elevated = ann.call.elevated().unwrap();
    let (services, choice) = (&world.services, Choice::default());
    let plan = remove_plan(services, &ann.call, &elevated, directory, choice)
        .await
        .unwrap();
    let run = carried_out(world, plan).await;
    assert_eq!((run.state, run.progress.failed), (RunState::Done, 0));
    let swept = sweep_removed(services, &world.system()).await.unwrap();
    assert_eq!(swept, 1);
    run_of(world, run.id).await
}

on_both! {
    async fn a_removed_directory_is_named_by_its_runs_and_its_removal_is_taken_back(world) {
        let (services, call) = (&world.services, world.system());
        let directory = office(&world).await;
        world.source.says(many(5));
        let first = synced(&world, directory).await;
        let before = picture(&world, 5).await;
        let removal = removed(&world, directory).await;
        assert_ne!(picture(&world, 5).await, before);
        assert_eq!(directories::get(services.db(), directory).await.unwrap(), None);
        assert!(rows_of(services, &call).await.unwrap().iter().all(|row| row.directory.id != directory));
        let shown = runs::show(services, &call, removal.id).await.unwrap();
        assert_eq!((shown.directory.as_str(), shown.can_be_undone), ("Office (removed)", true));
        assert!(!shown.is_there, "no page leads there");
        let listed = views::run_list(services, &call, None, &Paging::default()).await.unwrap();
        assert_eq!(listed.rows.len(), 2);
        assert!(listed.rows.iter().all(|line| line.directory == "Office (removed)"));
        let listed = views::plan_list(services, &call, PlanFilter::default(), &Paging::default()).await.unwrap();
        assert!(listed.rows.iter().all(|line| line.directory == "Office (removed)"));
        let view = views::plan_view(services, &call, removal.plan.unwrap()).await.unwrap();
        assert_eq!((view.directory.name.as_str(), view.is_read), ("Office (removed)", false));
        let steps = runs::plan_rows(services, &call, view.plan.id, &RowFilter::default(), None, 100).await.unwrap();
        assert_eq!(steps.len() as u64, removal.progress.tried);
        assert!(!runs::show(services, &call, first.id).await.unwrap().can_be_undone);
        assert_eq!(runs::undo(services, &call, first.id).await.unwrap_err().code, "RUN-014");
        assert_eq!(runs::ask(services, &call, directory, Wish::Sync).await.unwrap_err().code, "WEB-404");
        let _ = office(&world).await;
        let undo = runs::undo(services, &call, removal.id).await.unwrap();
        assert_eq!(directories::get(services.db(), directory).await.unwrap(), None, "nothing before somebody approves");
        let undone = carried_out(&world, undo).await;
        assert_eq!((undone.state, undone.progress.failed), (RunState::Done, 0));
        assert_eq!(picture(&world, 5).await, before);
        assert_eq!(here(&world, directory).await, (5, 5));
        let back = directories::get(services.db(), directory).await.unwrap().unwrap();
        assert_eq!((back.name.as_str(), back.enabled), ("Office (2)", false));
        assert_eq!(told(&world, "directory.bring_back").await.len(), 1);
        assert_eq!(sweep_removed(services, &call).await.unwrap(), 0);
        assert!(runs::show(services, &call, first.id).await.unwrap().can_be_undone);
        sound(&world).await;
    }

    async fn a_removed_directory_is_forgotten_with_the_last_that_names_it(world) {
        let (services, call) = (&world.services, world.system());
        let directory = office(&world).await;
        world.source.says(many(3));
        let _ = synced(&world, directory).await;
        let waiting = ran(&world, directory, Wish::Plan).await;
        let removal = removed(&world, directory).await;
        assert_eq!(plan_of(&world, &waiting).await.state, PlanState::Discarded);
        runs::sweep(services, call.at + KEPT - TimeDelta::days(1)).await.unwrap();
        assert_eq!(run_of(&world, removal.id).await.id, removal.id);
        assert!(removed_directories::is_one(services.db(), directory).await.unwrap());
        runs::sweep(services, services.now() + KEPT + TimeDelta::days(1)).await.unwrap();
        assert!(runs::show(services, &call, removal.id).await.is_err());
        assert_eq!(directories::ever(services.db(), directory).await.unwrap(), None);
        assert_eq!(told(&world, "directory.remove").await.len(), 2, "its plan, and itself");
    }

    async fn whoever_is_kept_out_let_in_or_deleted_is_on_record_by_name(world) {
        let directory = declared(&world, "Office", &[]).await;
        world.source.says(many(4));
        let _ = synced(&world, directory).await;
        assert_eq!(told(&world, "user.").await, [], "their plan tells who came");
        world.source.says(many(3));
        let out = synced(&world, directory).await;
        let told_out = told(&world, "user.deactivate").await;
        assert_eq!(told_out.len(), 1);
        assert_eq!(told_out[0].target, "u00004");
        assert_eq!(told_out[0].request_id, out.id.to_string(), "by which run");
        world.source.says(many(4));
        let _ = synced(&world, directory).await;
        let told_in = told(&world, "user.reactivate").await;
        assert_eq!((told_in.len(), told_in[0].target.as_str()), (1, "u00004"));
        let other = declared(&world, "Annex", &[("leavers", "delete")]).await;
        world.source.says(vec![vec![named(8, "eight"), named(9, "nine")]]);
        let _ = synced(&world, other).await;
        world.source.says(vec![vec![named(8, "eight")]]);
        let _ = synced(&world, other).await;
        let told_gone = told(&world, "user.delete").await;
        assert_eq!((told_gone.len(), told_gone[0].target.as_str()), (1, "nine"));
        assert_eq!(told(&world, "user.").await.len(), 3);
        assert_eq!(told(&world, "group.").await, []);
        sound(&world).await;
    }

    async fn what_gives_or_takes_a_role_is_on_record_by_name(world) {
        let directory = office(&world).await;
        let mut pages = many(3);
        pages.push(group("admins", [2]));
        world.source.says(pages);
        let _ = synced(&world, directory).await;
        let admins = groups::by_name(world.services.db(), "admins").await.unwrap().unwrap();
        world.grant(Role::Auditor, Member::Group(admins.id)).await.unwrap();
        let before = told(&world, "group.").await.len();
        let removal = removed(&world, directory).await;
        let events = told(&world, "group.").await.split_off(before);
        let by = |action: &str| events.iter().filter(|event| event.action == action).collect::<Vec<_>>();
        let (added, ended) = (by("group.member.add"), by("group.member.remove"));
        assert_eq!((added.len(), ended.len()), (1, 1), "everybody else's memberships are told by the plan: {events:?}");
        for (event, origin) in [(added[0], "manual"), (ended[0], "directory")] {
            assert_eq!((event.target.as_str(), event.target_id), ("admins", Some(admins.id.0)));
            assert_eq!(event.detail["member"], "u00002");
            assert!(event.detail["origin"].as_str().unwrap().starts_with(origin), "{}", event.detail);
            assert_eq!(event.request_id, removal.id.to_string());
        }
        assert_eq!(by("group.unlink").len(), 1);
        assert_eq!(events.len(), 3);
    }

    async fn leavers_stay_leavers_until_somebody_carries_their_plan_out(world) {
        let (services, call) = (&world.services, world.system());
        let directory = office(&world).await;
        let leavers = async || {
            let all = measured(services, &call).await.unwrap();
            all.into_iter().find(|one| one.name == "Office").unwrap().leavers
        };
        assert_eq!(leavers().await, None);
        world.source.says(many(40));
        let _ = synced(&world, directory).await;
        assert_eq!(leavers().await, Some(0));
        world.source.says(many(20));
        let held = ran(&world, directory, Wish::Sync).await;
        assert_eq!((held.state, leavers().await), (RunState::Held, Some(20)));
        runs::discard(services, &call, held.plan.unwrap()).await.unwrap();
        assert_eq!(leavers().await, Some(20), "they are here still");
        world.source.doubts(Doubt::Empty);
        world.clock.forward(TimeDelta::minutes(1));
        let _ = ran(&world, directory, Wish::Sync).await;
        assert_eq!(leavers().await, Some(20), "the last whole reading counts");
        world.source.says(many(20));
        world.clock.forward(TimeDelta::minutes(1));
        let held = ran(&world, directory, Wish::Sync).await;
        let _ = carried_out(&world, held.plan.unwrap()).await;
        assert_eq!(leavers().await, Some(0));
    }

    async fn a_reading_confirms_everybody_also_where_nothing_changed(world) {
        let (services, call) = (&world.services, world.system());
        let directory = office(&world).await;
        world.source.says(many(2));
        let _ = synced(&world, directory).await;
        let first = services.now();
        world.clock.forward(TimeDelta::hours(5));
        let again = synced(&world, directory).await;
        assert_eq!(again.progress.planned, 0);
        let read_at = plan_of(&world, &again).await.created_at;
        assert!(read_at > first);
        let rows = rows_of(services, &call).await.unwrap();
        let row = rows.iter().find(|row| row.directory.id == directory).unwrap();
        assert_eq!(row.last_confirmed_at, Some(read_at));
        let user = users::by_username(services.db(), "u00001").await.unwrap().unwrap();
        let person = detail(services, &call, user.id).await.unwrap();
        assert_eq!(person.accounts[0].read_at, Some(read_at));
        assert!(person.accounts[0].last_confirmed_at <= first, "when it was taken over");
    }
}
