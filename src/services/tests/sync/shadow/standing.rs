//! Where a directory in shadow stands: what it states counts for nobody whom another one names, and whoever takes another
//! one's place gives it back.

use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::{DirectoryId, UserId};
use muster_domain::plan::{Identity, PlanState};
use muster_domain::record::{Attributes, ExternalId};
use muster_domain::role::Role;
use muster_domain::run::{RunState, Wish};
use muster_domain::shadow::MatchKey;
use muster_services::directories::{Against, Draft, Enabled, Step, save, set_enabled, shift};
use muster_services::sync::shadowing::{self, Choice};
use muster_services::sync::{runs, views};
use muster_services::{provisioning, users as people};
use muster_storage::{Quiet, directories, directory_states, plans, shadows};
use muster_testing::{Persona, TestWorld};
use sea_orm::Database;

use super::{
    approved, asked, compared, declared, new_tree, old_tree, person, picture, ran, says, somebody,
    two, undone, user,
};
use crate::both::somebody_waits;

async fn admin(world: &TestWorld) -> Persona {
    let sue = world.persona("sue", &[Role::Superadmin]).await.unwrap();
    world.elevate(&sue).await.unwrap()
}

async fn shadow(world: &TestWorld, who: &Persona, id: DirectoryId, value: &str) {
    let known = directories::get(world.services.db(), id).await.unwrap();
    let mut draft = Draft::of(&known.unwrap());
    draft.settings.insert("shadow".to_owned(), value.to_owned());
    let elevated = who.call.elevated().unwrap();
    save(&world.services, &who.call, &elevated, id, &draft)
        .await
        .unwrap();
}

/// Gives somebody an account with this address in a directory.
async fn given(world: &TestWorld, user: UserId, directory: DirectoryId, email: &str) {
    let attributes = [("username", "in-other"), ("email", email)];
    known_as(world, user, directory, "x-1", &attributes).await;
}

async fn known_as(
    world: &TestWorld,
    user: UserId,
    directory: DirectoryId,
    id: &str,
    attributes: &[(&str, &str)],
) {
    let attributes = attributes.iter();
    let attributes: Attributes = attributes
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    let change = Change::new(
        Action::UpdateAccount {
            user,
            directory,
            external_id: ExternalId(id.to_owned()),
            attributes,
        },
        Cause::ByHand,
    );
    let tx = world.services.db().begin().await.unwrap();
    let events = provisioning::apply(&world.services, &world.system(), &tx, &[change]).await;
    tx.commit(&events.unwrap()).await.unwrap();
}

async fn email(world: &TestWorld, id: UserId) -> String {
    let found = muster_storage::users::get(world.services.db(), id).await;
    found.unwrap().unwrap().email.unwrap_or_default()
}

async fn order(world: &TestWorld) -> Vec<String> {
    let all = directories::list(world.services.db()).await.unwrap();
    let ours = ["Old", "Between", "New"];
    let names = all.into_iter().map(|one| one.name);
    names.filter(|name| ours.contains(&name.as_str())).collect()
}

on_both! {
    async fn one_in_shadow_states_nothing_of_whoever_another_one_names(world) {
        let front = declared(&world, "Front", &[]).await;
        let behind = declared(&world, "Behind", &[]).await;
        says(&world, "Front", vec![somebody("f1", "ada"), somebody("f2", "ben")]);
        asked(&world, front, Wish::Sync).await;
        let (ada, ben) = (user(&world, "ada").await.id, user(&world, "ben").await.id);
        given(&world, ada, behind, "behind@x.example").await;
        known_as(&world, ben, behind, "x-2", &[("email", "nameless@x.example")]).await;
        assert_eq!(email(&world, ada).await, "ada@x.example");
        let sue = admin(&world).await;
        shadow(&world, &sue, front, "on").await;
        // Nobody is called otherwise by that alone: only once another one states something of them.
        assert_eq!(email(&world, ada).await, "ada@x.example");
        given(&world, ada, behind, "behind@x.example").await;
        known_as(&world, ben, behind, "x-2", &[("email", "nameless@x.example")]).await;
        assert_eq!(email(&world, ada).await, "behind@x.example");
        let named = muster_storage::users::get(world.services.db(), ben).await.unwrap().unwrap();
        assert_eq!((named.username.as_str(), named.email.as_deref()), ("ben", Some("nameless@x.example")), "whom no other one names");
        let shown = people::detail(&world.services, &sue.call, ada).await.unwrap();
        let row = shown.attributes.iter().find(|row| row.name == "email").unwrap();
        assert_eq!((row.from.as_str(), row.overruled.len()), ("Behind", 0));
        let in_shadow: Vec<bool> = shown.accounts.iter().map(|account| account.in_shadow).collect();
        assert_eq!(in_shadow, [true, false]);
        shadow(&world, &sue, front, "").await;
        given(&world, ada, behind, "behind@x.example").await;
        assert_eq!(email(&world, ada).await, "ada@x.example");
    }

    async fn whoever_stays_behind_is_who_the_others_say(world) {
        let (old, new) = two(&world, "keep").await;
        let other = declared(&world, "Other", &[]).await;
        says(&world, "Old", vec![somebody("o1", "ada"), somebody("o2", "bob")]);
        says(&world, "New", vec![somebody("n1", "ada")]);
        asked(&world, old, Wish::Sync).await;
        let (ada, bob) = (user(&world, "ada").await.id, user(&world, "bob").await.id);
        let says_other = async || {
            known_as(&world, bob, other, "x-1", &[("username", "bob"), ("email", "bob@other.example")]).await;
        };
        says_other().await;
        assert_eq!(email(&world, bob).await, "bob@x.example");
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let run = approved(&world, &plan).await;
        assert_eq!(email(&world, bob).await, "bob@x.example", "the plan leaves him alone");
        says_other().await;
        assert_eq!(email(&world, bob).await, "bob@other.example");
        assert_eq!(email(&world, ada).await, "ada@x.example");
        world.clock.forward(chrono::TimeDelta::minutes(1));
        undone(&world, &run).await;
        says_other().await;
        assert_eq!(email(&world, bob).await, "bob@x.example");
    }

    async fn one_that_stood_in_front_stays_there_when_its_switch_is_taken_back(world) {
        let (old, new) = two(&world, "deactivate").await;
        declared(&world, "Between", &[]).await;
        let sue = admin(&world).await;
        let elevated = sue.call.elevated().unwrap();
        for (id, place) in [(new, 1), (old, 99)] {
            shift(&world.services, &sue.call, Some(&elevated), id, Step::To(place), Against::Nothing).await.unwrap();
        }
        let before = ["New", "Between", "Old"];
        assert_eq!(order(&world).await, before);
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let run = approved(&world, &plan).await;
        assert_eq!(order(&world).await, before);
        world.clock.forward(chrono::TimeDelta::minutes(1));
        undone(&world, &run).await;
        assert_eq!(order(&world).await, before);
    }

    async fn taking_a_switch_back_puts_both_where_they_stood(world) {
        let (old, new) = two(&world, "deactivate").await;
        let between = declared(&world, "Between", &[]).await;
        let sue = admin(&world).await;
        let elevated = sue.call.elevated().unwrap();
        let to = async |id, place| {
            shift(&world.services, &sue.call, Some(&elevated), id, Step::To(place), Against::Nothing).await.unwrap();
        };
        to(old, 1).await;
        to(new, 99).await;
        assert_eq!(order(&world).await, ["Old", "Between", "New"]);
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        let ada = user(&world, "ada").await.id;
        given(&world, ada, between, "ada@between.example").await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let run = approved(&world, &plan).await;
        assert_eq!(order(&world).await, ["New", "Old", "Between"]);
        assert_eq!(email(&world, ada).await, "ada@x.example");
        world.clock.forward(chrono::TimeDelta::minutes(1));
        let run = undone(&world, &run).await;
        assert_eq!(order(&world).await, ["Old", "Between", "New"]);
        assert_eq!(email(&world, ada).await, "ada@x.example");
        world.clock.forward(chrono::TimeDelta::minutes(1));
        undone(&world, &run).await;
        assert_eq!(order(&world).await, ["New", "Old", "Between"]);
    }

    async fn while_a_switch_waits_no_sync_begins_and_nothing_else_is_chosen(world) {
        let (old, new) = two(&world, "deactivate").await;
        let other = declared(&world, "Other", &[]).await;
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let (services, call) = (&world.services, world.system());
        let identity = plan.identity.clone().unwrap();
        let id = runs::approve(services, &call, plan.id, &identity).await.unwrap();
        let refused = runs::ask(services, &call, old, Wish::Sync).await.unwrap_err();
        assert_eq!(refused.code, "SHD-005");
        let refused = runs::ask_for(services, &call, old, "ada").await.unwrap_err();
        assert_eq!(refused.code, "SHD-005");
        let choice = Choice { beside: other, by: MatchKey::Username };
        let refused = shadowing::set_beside(services, &call, new, choice).await.unwrap_err();
        assert_eq!(refused.code, "RUN-001");
        let kept = shadows::get(services.db(), new).await.unwrap().unwrap();
        assert_eq!(kept.beside, old, "nothing was chosen");
        let choice = Choice { beside: old, by: MatchKey::Email };
        // Whoever chose nevertheless is not overruled by what was approved before.
        let before = picture(&world).await;
        let tx = services.db().begin().await.unwrap();
        shadows::put(&tx, new, choice).await.unwrap();
        tx.commit_quiet(Quiet::Working).await.unwrap();
        let run = ran(&world, id).await;
        assert_eq!((run.state, run.progress.tried), (RunState::Failed, 0));
        assert!(run.problem.unwrap().contains("PLAN-002"));
        assert_eq!(picture(&world).await, before);
    }

    async fn one_that_was_taken_out_of_shadow_takes_nobodys_place(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        let sue = admin(&world).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let identity = plan.identity.clone().unwrap();
        let id = runs::approve(&world.services, &world.system(), plan.id, &identity).await.unwrap();
        shadow(&world, &sue, new, "").await;
        let before = picture(&world).await;
        let run = ran(&world, id).await;
        assert_eq!((run.state, run.progress.tried), (RunState::Failed, 0));
        assert!(run.problem.unwrap().contains("PLAN-002"));
        assert_eq!(picture(&world).await, before);
    }

    async fn one_that_was_switched_on_since_is_compared_again(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        let sue = admin(&world).await;
        let elevated = sue.call.elevated().unwrap();
        set_enabled(&world.services, &sue.call, &elevated, old, Enabled::No).await.unwrap();
        // Nobody signs in by it: whoever is left alone loses nothing.
        let plan = compared(&world, new, old, MatchKey::Username).await;
        set_enabled(&world.services, &sue.call, &elevated, old, Enabled::Yes).await.unwrap();
        let identity = plan.identity.clone().unwrap();
        let refused = runs::approve(&world.services, &world.system(), plan.id, &identity).await.unwrap_err();
        assert_eq!(refused.code, "PLAN-002");
    }

    async fn one_that_comes_is_a_way_in_for_whoever_stays(world) {
        let (old, new) = two(&world, "deactivate").await;
        let tx = world.services.db().begin().await.unwrap();
        for id in [old, new] {
            let mut directory = directories::get(&tx, id).await.unwrap().unwrap();
            directory.settings.insert("sign_in".to_owned(), "on".to_owned());
            directories::update(&tx, &directory).await.unwrap();
        }
        tx.commit_quiet(Quiet::Working).await.unwrap();
        let both = || vec![somebody("1", "ada"), person("2", "bob", "", "", true), person("3", "cem", "", "", true)];
        says(&world, "Old", both());
        says(&world, "New", both());
        asked(&world, old, Wish::Sync).await;
        // Nobody can tell who Bob and Cem are, who have no address. Bob is known to be of both.
        let bob = user(&world, "bob").await.id;
        known_as(&world, bob, new, "2", &[("username", "bob")]).await;
        let plan = compared(&world, new, old, MatchKey::Email).await;
        let lost = plan.holds.iter().find_map(|hold| match hold {
            muster_domain::guard::Hold::LoseSignIn { people, .. } => Some(*people),
            _ => None,
        });
        assert_eq!(lost, Some(1), "{:?}", plan.holds);
    }

    async fn a_plan_that_was_hashed_otherwise_is_out_of_date(world) {
        let office = declared(&world, "Office", &[]).await;
        says(&world, "Office", vec![somebody("1", "ada")]);
        let (services, call) = (&world.services, world.system());
        let former = Identity("0".repeat(64));
        let made = async || {
            let run = asked(&world, office, Wish::Plan).await;
            let mut plan = plans::get(services.db(), run.plan.unwrap()).await.unwrap().unwrap();
            assert!(plan.identity.as_ref().unwrap().is_of_now());
            plan.identity = Some(former.clone());
            plan
        };
        let plan = made().await;
        let tx = services.db().begin().await.unwrap();
        plans::update(&tx, &plan).await.unwrap();
        tx.commit_quiet(Quiet::Working).await.unwrap();
        assert!(views::plan_view(services, &call, plan.id).await.unwrap().is_stale);
        let refused = runs::approve(services, &call, plan.id, &former).await.unwrap_err();
        assert_eq!(refused.code, "PLAN-002");
        // One that was approved by then.
        let run = asked(&world, office, Wish::Plan).await;
        let mut plan = plans::get(services.db(), run.plan.unwrap()).await.unwrap().unwrap();
        let id = runs::approve(services, &call, plan.id, plan.identity.as_ref().unwrap()).await.unwrap();
        plan = plans::get(services.db(), plan.id).await.unwrap().unwrap();
        plan.identity = Some(former.clone());
        let tx = services.db().begin().await.unwrap();
        plans::update(&tx, &plan).await.unwrap();
        tx.commit_quiet(Quiet::Working).await.unwrap();
        let run = ran(&world, id).await;
        assert_eq!((run.state, run.progress.tried), (RunState::Failed, 0));
        assert!(run.problem.unwrap().contains("PLAN-002"));
        let plan = plans::get(services.db(), plan.id).await.unwrap().unwrap();
        assert_eq!(plan.state, PlanState::Discarded);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_changes_the_order_waits_with_no_row_in_hand_on_postgres() {
    crate::both::on_a_new_one(|url| async move {
        let world = TestWorld::over(&url).await.unwrap();
        let one = declared(&world, "One", &[]).await;
        let two = declared(&world, "Two", &[]).await;
        let database = Database::connect(&url).await.unwrap();
        let tx = world.services.db().begin().await.unwrap();
        for id in [one, two] {
            directory_states::ensure(&tx, id).await.unwrap();
        }
        tx.commit_quiet(Quiet::Working).await.unwrap();
        let tx = world.services.db().begin().await.unwrap();
        directory_states::lock(&tx, two).await.unwrap();
        let (services, call) = (world.services.clone(), world.system());
        let moves = tokio::spawn(async move {
            shift(&services, &call, None, one, Step::Down, Against::Nothing).await
        });
        somebody_waits(&database).await;
        let mut known = directories::get(&tx, two).await.unwrap().unwrap();
        known.name = "Second".to_owned();
        directories::update(&tx, &known).await.unwrap();
        tx.commit_quiet(Quiet::Working).await.unwrap();
        moves.await.unwrap().unwrap();
        let all = directories::list(world.services.db()).await.unwrap();
        let at = |id| all.iter().position(|known| known.id == id);
        assert!(at(two) < at(one), "the order is the new one");
        assert!(
            all.iter().any(|known| known.name == "Second"),
            "and the name"
        );
    })
    .await;
}
