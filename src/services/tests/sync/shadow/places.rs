//! Two directories that change places: neither is taken away meanwhile, one of them is in front at every moment, and where
//! they cannot change places nobody changes hands.

use chrono::TimeDelta;
use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::{DirectoryId, UserId};
use muster_domain::plan::{PlanState, StoredPlan};
use muster_domain::record::{Attributes, ExternalId};
use muster_domain::role::Role;
use muster_domain::run::{Run, RunState, Wish};
use muster_domain::shadow::MatchKey;
use muster_services::directories::{
    Choice as Removal, Draft, Enabled, remove_plan, save, set_enabled, sweep_removed,
};
use muster_services::provisioning;
use muster_services::sync::{rules, runs};
use muster_storage::{Quiet, Tx, directories, directory_states, plans, removed_directories};
use muster_testing::{Persona, TestWorld};
use sea_orm::Database;

use crate::both::somebody_waits;

use super::{
    approved, asked, compared, declared, first_run, new_tree, old_tree, picture, ran, says,
    somebody, two, user,
};

async fn admin(world: &TestWorld) -> Persona {
    let sue = world.persona("sue", &[Role::Superadmin]).await.unwrap();
    world.elevate(&sue).await.unwrap()
}

/// Switches a directory's shadow on or off in its settings.
async fn put(
    world: &TestWorld,
    who: &Persona,
    id: DirectoryId,
    shadow: &str,
) -> Result<(), muster_domain::Error> {
    let known = directories::get(world.services.db(), id).await.unwrap();
    let mut draft = Draft::of(&known.unwrap());
    draft
        .settings
        .insert("shadow".to_owned(), shadow.to_owned());
    let elevated = who.call.elevated().unwrap();
    save(&world.services, &who.call, &elevated, id, &draft).await
}

/// Approves a plan; nobody works on its run yet.
async fn waiting(world: &TestWorld, plan: &StoredPlan) -> muster_domain::id::RunId {
    let (services, call) = (&world.services, world.system());
    let identity = plan.identity.clone().unwrap();
    runs::approve(services, &call, plan.id, &identity)
        .await
        .unwrap()
}

/// Approves what takes a run back; nobody works on it yet.
async fn back(world: &TestWorld, run: &Run) -> (StoredPlan, muster_domain::id::RunId) {
    let (services, call) = (&world.services, world.system());
    let plan = runs::undo(services, &call, run.id).await.unwrap();
    let plan = plans::get(services.db(), plan).await.unwrap().unwrap();
    let id = waiting(world, &plan).await;
    (plan, id)
}

async fn first_of(world: &TestWorld, plan: &StoredPlan) -> Action {
    let steps = plans::steps(world.services.db(), plan.id, None, 1).await;
    steps.unwrap().remove(0).1.change.action
}

async fn in_shadow(world: &TestWorld, id: DirectoryId) -> bool {
    let found = directories::get(world.services.db(), id).await.unwrap();
    rules::in_shadow(&found.unwrap().settings)
}

async fn by_hand(world: &TestWorld, actions: Vec<Action>) {
    let changes = actions.into_iter();
    let changes: Vec<Change> = changes
        .map(|action| Change::new(action, Cause::ByHand))
        .collect();
    let tx = world.services.db().begin().await.unwrap();
    let events = provisioning::apply(&world.services, &world.system(), &tx, &changes).await;
    tx.commit(&events.unwrap()).await.unwrap();
}

fn account(user: UserId, directory: DirectoryId, id: &str, username: &str) -> Action {
    Action::UpdateAccount {
        user,
        directory,
        external_id: ExternalId(id.to_owned()),
        attributes: Attributes::from([("username".to_owned(), username.to_owned())]),
    }
}

/// That a run ended without anybody who changed hands.
async fn moved_nobody(world: &TestWorld, run: &Run) {
    assert_eq!(run.state, RunState::Failed);
    let (services, call) = (&world.services, world.system());
    let failed = runs::show(services, &call, run.id).await.unwrap().failed;
    assert_eq!(
        failed.len(),
        1,
        "the first step, and no other was tried: {failed:?}"
    );
    assert_eq!((run.progress.tried, run.progress.failed), (1, 1));
    let refused = runs::undo(services, &call, run.id).await.unwrap_err();
    assert_eq!(refused.code, "RUN-008");
    let (_, wrong) = runs::examine(services).await.unwrap();
    assert_eq!(wrong, Vec::<String>::new());
}

on_both! {
    async fn neither_is_taken_away_while_they_change_places(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        let sue = admin(&world).await;
        let elevated = sue.call.elevated().unwrap();
        let services = &world.services;
        let off = async |id| set_enabled(services, &sue.call, &elevated, id, Enabled::No).await;
        let remove = async |id| remove_plan(services, &sue.call, &elevated, id, Removal::default()).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let id = waiting(&world, &plan).await;
        let before = picture(&world).await;
        for code in [off(old).await.unwrap_err().code, remove(old).await.unwrap_err().code, put(&world, &sue, old, "on").await.unwrap_err().code] {
            assert_eq!(code, "SHD-005");
        }
        let told = off(old).await.unwrap_err().next.unwrap();
        assert!(told.contains(&id.to_string()), "{told}");
        assert_eq!(remove(new).await.unwrap_err().code, "DIR-009");
        assert_eq!(picture(&world).await, before);
        assert!(directories::get(services.db(), old).await.unwrap().unwrap().enabled);
        let run = ran(&world, id).await;
        assert_eq!((run.state, run.progress.failed), (RunState::Done, 0));
        // The same on the way back.
        let (_, id) = back(&world, &run).await;
        assert_eq!(off(old).await.unwrap_err().code, "SHD-005");
        assert_eq!(remove(old).await.unwrap_err().code, "SHD-005");
        assert_eq!(put(&world, &sue, old, "").await.unwrap_err().code, "SHD-005");
        let run = ran(&world, id).await;
        assert_eq!((run.state, run.progress.failed), (RunState::Done, 0));
        // Then it may.
        off(old).await.unwrap();
        remove(old).await.unwrap();
    }

    async fn a_directory_whose_removal_is_done_stays_until_places_are_changed(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "New", vec![somebody("n1", "ada"), somebody("n2", "ben")]);
        let sue = admin(&world).await;
        let elevated = sue.call.elevated().unwrap();
        let (services, call) = (&world.services, world.system());
        by_hand(&world, vec![account(user(&world, "sue").await.id, old, "o-sue", "sue")]).await;
        let removal = remove_plan(services, &sue.call, &elevated, old, Removal::default()).await.unwrap();
        let removal = plans::get(services.db(), removal).await.unwrap().unwrap();
        approved(&world, &removal).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let id = waiting(&world, &plan).await;
        assert_eq!(sweep_removed(services, &call).await.unwrap(), 0);
        let run = ran(&world, id).await;
        assert_eq!((run.state, run.progress.failed), (RunState::Done, 0));
        assert_eq!(sweep_removed(services, &call).await.unwrap(), 1);
    }

    async fn where_one_is_gone_nothing_is_changed(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "New", vec![somebody("n1", "ada")]);
        let gone = async |id| {
            let tx = world.services.db().begin().await.unwrap();
            assert!(removed_directories::remove(&tx, id, world.system().at).await.unwrap());
            tx.commit_quiet(Quiet::Working).await.unwrap();
        };
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let id = waiting(&world, &plan).await;
        let before = directory_states::revision(world.services.db(), new).await.unwrap();
        gone(old).await;
        let run = ran(&world, id).await;
        assert_eq!((run.state, run.progress.tried), (RunState::Failed, 0));
        assert!(run.problem.as_ref().unwrap().contains("SHD-006"), "{:?}", run.problem);
        assert!(in_shadow(&world, new).await);
        assert_eq!(directory_states::revision(world.services.db(), new).await.unwrap(), before);
        assert!(muster_storage::users::by_username(world.services.db(), "ada").await.unwrap().is_none());
        let refused = runs::approve(&world.services, &world.system(), plan.id, &plan.identity.clone().unwrap()).await;
        assert_eq!(refused.unwrap_err().code, "SHD-006");
    }

    async fn they_change_places_before_anybody_changes_hands(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        let before = picture(&world).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        assert!(matches!(first_of(&world, &plan).await, Action::SwitchDirectory { to, .. } if to == new));
        let run = approved(&world, &plan).await;
        let after = picture(&world).await;
        world.clock.forward(TimeDelta::minutes(1));
        let (plan, id) = back(&world, &run).await;
        assert!(matches!(first_of(&world, &plan).await, Action::SwitchDirectory { to, .. } if to == old));
        assert_eq!(plan.counts.of("switch_directory"), 1);
        let run = ran(&world, id).await;
        assert_eq!(picture(&world).await, before);
        world.clock.forward(TimeDelta::minutes(1));
        let (plan, id) = back(&world, &run).await;
        assert!(matches!(first_of(&world, &plan).await, Action::SwitchDirectory { to, .. } if to == new));
        ran(&world, id).await;
        assert_eq!(picture(&world).await, after);
    }

    async fn where_they_cannot_change_places_nobody_changes_hands(world) {
        let (old, new) = two(&world, "deactivate").await;
        let between = declared(&world, "Between", &[]).await;
        let tx = world.services.db().begin().await.unwrap();
        for (place, id) in (200..).zip([old, between, new]) {
            directories::set_position(&tx, id, place, world.system().at).await.unwrap();
        }
        tx.commit_quiet(Quiet::Working).await.unwrap();
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        // Xan would be called as Ada is, if the new one stood before the one between.
        let xan = world.services.id();
        let name = Attributes::from([("username".to_owned(), "xan".to_owned())]);
        by_hand(&world, vec![
            Action::CreateUser { user: xan, directory: between, external_id: ExternalId("b-xan".to_owned()), attributes: name },
            account(xan, new, "n-xan", "ada"),
        ]).await;
        let before = picture(&world).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        assert!(plan.counts.of("move_account") > 0, "{:?}", plan.counts);
        let run = ran(&world, waiting(&world, &plan).await).await;
        moved_nobody(&world, &run).await;
        assert_eq!(picture(&world).await, before);
        let order = directories::list(world.services.db()).await.unwrap().into_iter().map(|one| one.id);
        let order: Vec<DirectoryId> = order.filter(|one| [old, between, new].contains(one)).collect();
        assert_eq!(order, [old, between, new]);
    }

    async fn where_they_cannot_change_back_nobody_changes_hands(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let run = approved(&world, &plan).await;
        // Eve would be called as Ada is, if the old one stood first again.
        by_hand(&world, vec![account(user(&world, "eve").await.id, old, "o-eve", "ada")]).await;
        let before = picture(&world).await;
        let (plan, id) = back(&world, &run).await;
        assert!(plan.counts.of("move_account") > 0, "{:?}", plan.counts);
        let run = ran(&world, id).await;
        moved_nobody(&world, &run).await;
        assert_eq!(picture(&world).await, before);
        assert!(in_shadow(&world, old).await && !in_shadow(&world, new).await);
    }

    async fn nor_is_a_way_back_left_half_way(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let run = approved(&world, &plan).await;
        let (services, call) = (&world.services, world.system());
        let shown = runs::show(services, &call, run.id).await.unwrap();
        assert!(shown.changes_places);
        let first = first_run(&world, old).await;
        assert!(!runs::show(services, &call, first).await.unwrap().changes_places);
        let (plan, id) = back(&world, &run).await;
        assert!(runs::show(services, &call, id).await.unwrap().changes_places);
        runs::cancel(services, &call, id).await.unwrap();
        let id = waiting(&world, &plan).await;
        let tx = services.db().begin().await.unwrap();
        let mut begun = muster_storage::runs::get(&tx, id).await.unwrap().unwrap();
        begun.state = RunState::Applying;
        muster_storage::runs::update(&tx, &begun).await.unwrap();
        tx.commit_quiet(Quiet::Working).await.unwrap();
        assert_eq!(runs::cancel(services, &call, id).await.unwrap_err().code, "SHD-003");
    }

    async fn whoever_stands_behind_one_that_goes_into_the_shadow_is_looked_at_again(world) {
        let front = declared(&world, "Front", &[]).await;
        let behind = declared(&world, "Behind", &[]).await;
        let apart = declared(&world, "Apart", &[]).await;
        says(&world, "Front", vec![somebody("f1", "ada")]);
        says(&world, "Behind", vec![somebody("b2", "ben")]);
        says(&world, "Apart", vec![somebody("a3", "cem")]);
        for id in [front, behind, apart] {
            asked(&world, id, Wish::Sync).await;
        }
        by_hand(&world, vec![account(user(&world, "ada").await.id, behind, "b1", "ada")]).await;
        let sue = admin(&world).await;
        for shadow in ["on", ""] {
            let mut made = Vec::new();
            for (name, entry) in [("Behind", somebody("b-more", "more")), ("Apart", somebody("a-more", "else"))] {
                let id = if name == "Behind" { behind } else { apart };
                says(&world, name, vec![entry]);
                let run = asked(&world, id, Wish::Plan).await;
                made.push(plans::get(world.services.db(), run.plan.unwrap()).await.unwrap().unwrap());
            }
            let [theirs, others] = &made[..] else { unreachable!("two plans") };
            assert!(theirs.counts.all() > 0 && theirs.state != PlanState::Done);
            put(&world, &sue, front, shadow).await.unwrap();
            let identity = theirs.identity.clone().unwrap();
            let refused = runs::approve(&world.services, &world.system(), theirs.id, &identity).await;
            assert_eq!(refused.unwrap_err().code, "PLAN-002");
            let now = directory_states::revision(world.services.db(), apart).await.unwrap();
            assert_eq!(others.base_revision, now, "nobody of it is of the other one");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_states_of_two_directories_are_locked_in_one_order_on_postgres() {
    crate::both::on_a_new_one(|url| async move {
        let world = TestWorld::over(&url).await.unwrap();
        let mut ids = [
            declared(&world, "One", &[]).await,
            declared(&world, "Two", &[]).await,
        ];
        ids.sort();
        // The one that comes, of which the run is, is the last by its id.
        let [old, new] = ids;
        let tx = world.services.db().begin().await.unwrap();
        let mut known = directories::get(&tx, new).await.unwrap().unwrap();
        let (key, value) = ("shadow".to_owned(), "on".to_owned());
        known.settings.insert(key, value);
        directories::update(&tx, &known).await.unwrap();
        tx.commit_quiet(Quiet::Working).await.unwrap();
        for name in ["One", "Two"] {
            says(&world, name, vec![somebody("1", "ada")]);
        }
        asked(&world, old, Wish::Sync).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let database = Database::connect(&url).await.unwrap();
        let (services, call) = (world.services.clone(), world.system());
        let held = async || {
            let tx = world.services.db().begin().await.unwrap();
            directory_states::lock(&tx, old).await.unwrap();
            tx
        };
        let both = async |tx: Tx| {
            somebody_waits(&database).await;
            directory_states::lock(&tx, new).await.unwrap();
            tx.rollback().await.unwrap();
        };
        let tx = held().await;
        let asks = tokio::spawn(async move {
            let identity = plan.identity.clone().unwrap();
            runs::approve(&services, &call, plan.id, &identity).await
        });
        both(tx).await;
        let id = asks.await.unwrap().unwrap();
        let tx = held().await;
        let (services, call) = (world.services.clone(), world.system());
        let works = tokio::spawn(async move { runs::carry(&services, &call, id).await });
        both(tx).await;
        works.await.unwrap().unwrap();
        let run = runs::show(&world.services, &world.system(), id).await;
        let run = run.unwrap().run;
        assert_eq!((run.state, run.progress.failed), (RunState::Done, 0));
    })
    .await;
}
