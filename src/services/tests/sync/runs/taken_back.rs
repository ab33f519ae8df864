//! What is taken back, and what is not: nobody gets by an undo, or by a run that was cut, what somebody took away since.

use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::{DirectoryId, GroupId, PlanId, RunId, UserId};
use muster_domain::membership::{Member, Origin};
use muster_domain::plan::PlanState;
use muster_domain::record::{Attributes, ExternalId};
use muster_domain::run::{RunState, Wish};
use muster_domain::user::State;
use muster_services::sync::runs;
use muster_services::users::{deactivate, reactivate};
use muster_services::{groups as group_services, provisioning};
use muster_storage::{accounts, groups, memberships, plans, runs as rows, users};
use muster_testing::TestWorld;

use super::cuts::{until, working};
use super::{
    asked, carried_out, declared, group, here, later, many, named, office, person, plan_of, ran,
    run_of, sound, synced,
};

async fn id_of(world: &TestWorld, username: &str) -> UserId {
    users::by_username(world.services.db(), username)
        .await
        .unwrap()
        .unwrap()
        .id
}

/// Who keeps somebody out; none: they may come in.
async fn kept_out_by(world: &TestWorld, username: &str) -> Option<String> {
    let known = users::by_username(world.services.db(), username).await;
    match known.unwrap().unwrap().state {
        State::Active => None,
        State::Deactivated(by) => Some(by.by),
    }
}

async fn by_hand(world: &TestWorld, action: Action) {
    let tx = world.services.db().begin().await.unwrap();
    let change = Change::new(action, Cause::ByHand);
    let call = world.system();
    let events = provisioning::apply(&world.services, &call, &tx, &[change])
        .await
        .unwrap();
    tx.commit(&events).await.unwrap();
}

/// Somebody lets them in and takes that back.
async fn in_and_out_by_hand(world: &TestWorld, username: &str) {
    let (services, call) = (&world.services, world.system());
    let id = id_of(world, username).await;
    if kept_out_by(world, username).await.is_some() {
        reactivate(services, &call, id).await.unwrap();
    }
    deactivate(services, &call, id, "Left in anger")
        .await
        .unwrap();
}

async fn undone(world: &TestWorld, run: RunId) -> (PlanId, u64) {
    let (services, call) = (&world.services, world.system());
    let plan = runs::undo(services, &call, run).await.unwrap();
    let stored = plans::get(services.db(), plan).await.unwrap().unwrap();
    let left = stored.counts.refusals.get("changed_since").copied();
    (plan, left.unwrap_or_default())
}

async fn rows_of(world: &TestWorld, run: RunId) -> Vec<rows::Exception> {
    rows::exceptions(world.services.db(), run, None, 99)
        .await
        .unwrap()
}

/// The newest run of a directory.
async fn rows_of_run(world: &TestWorld, directory: DirectoryId) -> RunId {
    let all = rows::list(world.services.db(), Some(directory), None, 1).await;
    all.unwrap().remove(0).id
}

async fn groups_of(world: &TestWorld, username: &str) -> usize {
    let member = [Member::User(id_of(world, username).await)];
    let rows = memberships::of_members(world.services.db(), &member).await;
    rows.unwrap().len()
}

async fn lab(world: &TestWorld) -> GroupId {
    let (services, call) = (&world.services, world.system());
    group_services::create(services, &call, "Lab", "")
        .await
        .unwrap()
}

fn by_this(group: GroupId, user: UserId, origin: Origin) -> (Action, Action) {
    let member = Member::User(user);
    let add = Action::AddMember {
        group,
        member,
        origin,
    };
    let remove = Action::RemoveMember {
        group,
        member,
        origin,
    };
    (add, remove)
}

/// How the steps of a run failed.
async fn failures(world: &TestWorld, run: RunId) -> Vec<String> {
    let failed = rows::exceptions(world.services.db(), run, None, 99).await;
    failed.unwrap().into_iter().map(|one| one.code).collect()
}

fn another_account(user: UserId, directory: DirectoryId) -> Action {
    Action::UpdateAccount {
        user,
        directory,
        external_id: ExternalId(format!("lab-{user}")),
        attributes: Attributes::from([("username".to_owned(), "elsewhere".to_owned())]),
    }
}

on_both! {
    async fn an_undo_lets_nobody_in_whom_somebody_kept_out_since(world) {
        let directory = office(&world).await;
        world.source.says(many(30));
        let _ = synced(&world, directory).await;
        world.source.says(many(28));
        let run = synced(&world, directory).await;
        assert_eq!(kept_out_by(&world, "u00030").await.as_deref(), Some("Office"));
        in_and_out_by_hand(&world, "u00030").await;
        let (plan, left) = undone(&world, run.id).await;
        assert_eq!(left, 1);
        let done = carried_out(&world, plan).await;
        assert_eq!((done.state, done.progress.failed), (RunState::Done, 0));
        assert_eq!(kept_out_by(&world, "u00029").await, None);
        assert_eq!(kept_out_by(&world, "u00030").await.as_deref(), Some("test"));
        sound(&world).await;
    }

    async fn a_run_that_was_cut_goes_on_with_what_it_finds_and_takes_no_act_of_others_for_its_own(world) {
        let directory = office(&world).await;
        world.source.says(many(4000));
        let _ = synced(&world, directory).await;
        world.source.says(many(700));
        let held = ran(&world, directory, Wish::Sync).await;
        let plan = plan_of(&world, &held).await;
        let call = world.system();
        world.clock.forward(chrono::TimeDelta::seconds(1));
        let id = runs::approve(&world.services, &call, plan.id, &plan.identity.unwrap()).await.unwrap();
        let node = working(&world).await;
        let _ = until(&world.services, |run| run.progress.tried >= 200).await;
        node.abort();
        assert!(node.await.is_err(), "it was cut");
        // What it was about to do somebody does by hand.
        assert_eq!(kept_out_by(&world, "u04000").await, None);
        in_and_out_by_hand(&world, "u04000").await;
        later(&world);
        assert!(runs::work(&world.services).await.unwrap());
        let done = run_of(&world, id).await;
        assert_eq!((done.state, done.progress.failed), (RunState::Done, 1), "{:?}", done.problem);
        assert_eq!(failures(&world, id).await, ["PLAN-006"]);
        sound(&world).await;
        // They come back, but for that one; and another one is sent away for good while it is carried out.
        let (plan, left) = undone(&world, id).await;
        assert_eq!(left, 0);
        let undo = plans::get(world.services.db(), plan).await.unwrap().unwrap();
        world.clock.forward(chrono::TimeDelta::seconds(1));
        let id = runs::approve(&world.services, &call, plan, &undo.identity.unwrap()).await.unwrap();
        let node = working(&world).await;
        let _ = until(&world.services, |run| run.progress.tried >= 200).await;
        node.abort();
        assert!(node.await.is_err(), "it was cut");
        // The last comes first: of those who come back this one is the last.
        assert_eq!(kept_out_by(&world, "u00701").await.as_deref(), Some("Office"));
        in_and_out_by_hand(&world, "u00701").await;
        later(&world);
        assert!(runs::work(&world.services).await.unwrap());
        assert_eq!(failures(&world, id).await, ["PLAN-006"]);
        assert_eq!(kept_out_by(&world, "u00701").await.as_deref(), Some("test"));
        assert_eq!(kept_out_by(&world, "u04000").await.as_deref(), Some("test"));
        assert_eq!(kept_out_by(&world, "u01499").await, None);
        sound(&world).await;
    }

    async fn nobody_comes_back_into_a_group_that_they_were_taken_out_of(world) {
        let directory = declared(&world, "Office", &[("leavers", "delete")]).await;
        world.source.says(many(30));
        let _ = synced(&world, directory).await;
        let (user, lab) = (id_of(&world, "u00030").await, lab(&world).await);
        let (add, remove) = by_this(lab, user, Origin::Manual);
        by_hand(&world, add).await;
        world.source.says(many(29));
        let compared = ran(&world, directory, Wish::Plan).await;
        by_hand(&world, remove).await;
        let done = carried_out(&world, compared.plan.unwrap()).await;
        assert_eq!(failures(&world, done.id).await, ["PLAN-006"]);
        assert!(failures(&world, done.id).await.len() < 2 && done.state == RunState::Done);
        // The next sync knows better.
        let gone = synced(&world, directory).await;
        assert_eq!(users::get(world.services.db(), user).await.unwrap(), None);
        let (plan, left) = undone(&world, gone.id).await;
        let back = carried_out(&world, plan).await;
        assert_eq!((left, back.progress.failed), (0, 0));
        assert!(groups::get(world.services.db(), lab).await.unwrap().is_some());
        assert_eq!(groups_of(&world, "u00030").await, 0, "the first run had taken them out of all");
        sound(&world).await;
    }

    async fn a_membership_that_was_ended_again_since_stays_ended(world) {
        let directory = office(&world).await;
        let pages = |without: &[usize]| {
            let mut pages = many(30);
            let _ = pages.pop();
            pages.push(group("all", (1..=30).filter(|one| !without.contains(one))));
            pages
        };
        world.source.says(pages(&[]));
        let _ = synced(&world, directory).await;
        world.source.says(pages(&[8, 9]));
        let first = synced(&world, directory).await;
        world.source.says(pages(&[]));
        let _ = synced(&world, directory).await;
        // One is taken out by hand, one by the source, one stays.
        let all = groups::by_name(world.services.db(), "all").await.unwrap().unwrap().id;
        let (_, remove) = by_this(all, id_of(&world, "u00008").await, Origin::Directory(directory));
        by_hand(&world, remove).await;
        world.source.says(pages(&[8, 9]));
        let _ = synced(&world, directory).await;
        let (plan, left) = undone(&world, first.id).await;
        assert_eq!(left, 2);
        let done = carried_out(&world, plan).await;
        assert_eq!(done.progress.failed, 0);
        assert_eq!((groups_of(&world, "u00008").await, groups_of(&world, "u00009").await), (0, 0));
        sound(&world).await;
    }

    async fn whoever_has_something_of_their_own_is_not_deleted_by_an_undo(world) {
        let directory = office(&world).await;
        world.source.says(many(30));
        let run = synced(&world, directory).await;
        let other = declared(&world, "Lab", &[]).await;
        let (five, six, seven) = (
            id_of(&world, "u00005").await,
            id_of(&world, "u00006").await,
            id_of(&world, "u00007").await,
        );
        by_hand(&world, another_account(five, other)).await;
        let (add, _) = by_this(lab(&world).await, seven, Origin::Manual);
        by_hand(&world, add).await;
        let (plan, left) = undone(&world, run.id).await;
        assert_eq!(left, 0);
        // Meanwhile somebody gets a password: no plan is out of date by that.
        let tx = world.services.db().begin().await.unwrap();
        let (nobody, at) = (muster_domain::opener::Openers::nobody(), world.system().at);
        muster_storage::credentials::set_password(&tx, six, "phc", None, &nobody, at).await.unwrap();
        tx.commit_quiet(muster_storage::Quiet::Counted).await.unwrap();
        let done = carried_out(&world, plan).await;
        assert_eq!(failures(&world, done.id).await, ["PLAN-006"]);
        let db = world.services.db();
        let left: Vec<_> = accounts::of_user(db, five).await.unwrap();
        assert_eq!(left.iter().map(|account| account.directory).collect::<Vec<_>>(), [other]);
        assert!(users::get(db, six).await.unwrap().unwrap().is_active(), "it is told, and stays");
        assert!(!users::get(db, seven).await.unwrap().unwrap().is_active(), "kept out, not deleted");
        assert_eq!(groups_of(&world, "u00007").await, 1);
        assert!(users::by_username(db, "u00008").await.unwrap().is_none());
        sound(&world).await;
    }

    async fn whoever_was_deleted_does_not_come_back_where_somebody_has_their_name_by_now(world) {
        let directory = declared(&world, "Office", &[("leavers", "delete")]).await;
        world.source.says(many(30));
        let _ = synced(&world, directory).await;
        world.source.says(many(27));
        let run = synced(&world, directory).await;
        // Two are made anew under their names, one before the plan and one after it.
        let anew = world.user("U00030").await.unwrap();
        let (plan, left) = undone(&world, run.id).await;
        assert_eq!(left, 2, "they, and their membership that had ended before");
        let stored = plans::get(world.services.db(), plan).await.unwrap().unwrap();
        assert_eq!((stored.counts.of("create_user"), stored.counts.of("add_member")), (2, 2));
        let rows = plans::rows(world.services.db(), plan, &plans::RowFilter::default(), None, 99).await.unwrap();
        let told = format!("{rows:?}");
        assert!(told.contains("Somebody else is called u00030 now."), "{told}");
        let later = world.user("u00029").await.unwrap();
        let done = carried_out(&world, plan).await;
        assert_eq!((done.state, done.progress.failed), (RunState::Done, 2));
        let failed = rows_of(&world, done.id).await;
        assert_eq!(failed[0].code, "PLAN-006");
        assert!(failed[0].words.contains("Somebody else is called u00029 now."), "{failed:?}");
        assert!(kept_out_by(&world, "u00028").await.is_none(), "who comes back is as they were");
        assert_eq!(groups_of(&world, "u00028").await, 1);
        for (username, user) in [("u00029", later), ("u00030", anew)] {
            assert_eq!((id_of(&world, username).await, groups_of(&world, username).await), (user, 0));
        }
        sound(&world).await;
    }

    async fn a_name_that_the_run_itself_gave_to_another_comes_back_with_whoever_had_it(world) {
        let directory = declared(&world, "Office", &[("leavers", "delete")]).await;
        world.source.says(vec![vec![named(1, "anna"), named(2, "ben")]]);
        let _ = synced(&world, directory).await;
        let anna = id_of(&world, "anna").await;
        world.source.says(vec![vec![named(2, "anna")]]);
        let run = synced(&world, directory).await;
        assert_ne!(id_of(&world, "anna").await, anna);
        let (plan, left) = undone(&world, run.id).await;
        assert_eq!(left, 0);
        let done = carried_out(&world, plan).await;
        assert_eq!((done.state, done.progress.failed), (RunState::Done, 0));
        assert_eq!(id_of(&world, "anna").await, anna);
        assert!(kept_out_by(&world, "ben").await.is_none());
        sound(&world).await;
    }

    async fn a_group_that_somebody_untied_since_is_not_untied_once_more(world) {
        let directory = office(&world).await;
        world.source.says(many(5));
        let _ = synced(&world, directory).await;
        let all = groups::by_name(world.services.db(), "all").await.unwrap().unwrap().id;
        let lab = lab(&world).await;
        let external_id = ExternalId("group-all".to_owned());
        let first = rows_of_run(&world, directory).await;
        by_hand(&world, Action::UnlinkGroup { group: all, directory, external_id: external_id.clone() }).await;
        by_hand(&world, Action::LinkGroup { group: lab, directory, external_id: external_id.clone() }).await;
        let (plan, left) = undone(&world, first).await;
        assert!(left >= 1);
        let stored = plans::get(world.services.db(), plan).await.unwrap().unwrap();
        assert_eq!(stored.counts.of("unlink_group"), 0);
        let _ = carried_out(&world, plan).await;
        assert_eq!(groups::by_source(world.services.db(), directory, &external_id).await.unwrap(), Some(lab));
    }

    async fn whether_a_run_is_taken_back_is_told_through_every_undo_of_an_undo(world) {
        let directory = office(&world).await;
        world.source.says(vec![vec![person(1), person(2)]]);
        let first = synced(&world, directory).await;
        let (services, call) = (&world.services, world.system());
        let mut last = first.id;
        for done in [0, 2, 0] {
            let (plan, left) = undone(&world, last).await;
            assert_eq!(left, 0);
            last = carried_out(&world, plan).await.id;
            assert_eq!(here(&world, directory).await.0, done);
        }
        // Taken back, done again, and taken back again by taking that back.
        assert!(!runs::show(services, &call, first.id).await.unwrap().can_be_undone);
        assert_eq!(runs::undo(services, &call, first.id).await.unwrap_err().code, "RUN-009");
        let (plan, _) = undone(&world, last).await;
        let _ = carried_out(&world, plan).await;
        assert_eq!(here(&world, directory).await.0, 2);
        assert!(runs::show(services, &call, first.id).await.unwrap().can_be_undone);
        let again = runs::undo(services, &call, first.id).await.unwrap();
        assert_eq!(plans::get(services.db(), again).await.unwrap().unwrap().state, PlanState::Held);
        let run = asked(&world, directory, Wish::Plan).await;
        runs::cancel(services, &call, run).await.unwrap();
    }
}
