//! What changes here by other hands is seen by the next plan, and makes plans made before out of date.

use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::{DirectoryId, UserId};
use muster_domain::membership::{Member, Origin};
use muster_domain::plan::Plan;
use muster_domain::record::{Attributes, ExternalId};
use muster_domain::snapshot::Entry;
use muster_domain::user::Deactivation;
use muster_services::directories::{Against, Step, shift};
use muster_services::provisioning;
use muster_services::sync::Rules;
use muster_services::sync::planning;
use muster_storage::{accounts, directory_states, groups, users};
use muster_testing::TestWorld;

use crate::door::{Told, group, somebody};
use crate::paged::{Watched, stored};
use crate::{approved, carried, declared, planned};

fn said() -> Told {
    let mut all: Vec<Entry> = vec![somebody("1", "anna"), somebody("2", "ben")];
    all.extend(group("g", "Staff", &["1", "2"]));
    Told::in_pages(vec![all])
}

/// A directory that was synced, with everything kept in mind.
async fn settled(world: &TestWorld) -> DirectoryId {
    let directory = declared(world, "Office").await;
    let plan = planned(world, directory, &said(), &Rules::default())
        .await
        .unwrap();
    carried(world, &plan).await;
    planning::confirm(&world.services, directory).await.unwrap();
    directory
}

async fn by_hand(world: &TestWorld, action: Action) {
    let (services, call) = (&world.services, world.system());
    let tx = services.db().begin().await.unwrap();
    let change = Change::new(action, Cause::ByHand);
    let events = provisioning::apply(services, &call, &tx, &[change])
        .await
        .unwrap();
    tx.commit(&events).await.unwrap();
}

async fn anna(world: &TestWorld) -> UserId {
    users::by_username(world.services.db(), "anna")
        .await
        .unwrap()
        .unwrap()
        .id
}

/// What is kept with the account of `id`.
async fn kept(world: &TestWorld, directory: DirectoryId, id: &str) -> String {
    let known = accounts::known_page(world.services.db(), directory, None, 10)
        .await
        .unwrap();
    let found = known.into_iter().find(|known| known.external_id.0 == id);
    found.unwrap().digest.unwrap_or_default()
}

async fn kept_of_the_group(world: &TestWorld, directory: DirectoryId) -> String {
    let known = groups::page_of_directory(world.services.db(), directory, None, 10)
        .await
        .unwrap();
    known.into_iter().next().unwrap().digest.unwrap_or_default()
}

fn causes(plan: &Plan) -> Vec<(&str, &Cause)> {
    plan.steps
        .iter()
        .map(|step| (step.subject.as_str(), &step.change.cause))
        .collect()
}

fn gone(by: &str) -> Deactivation {
    Deactivation {
        by: by.to_owned(),
        directory: None,
        at: chrono::DateTime::UNIX_EPOCH,
        reason: None,
    }
}

fn named(username: &str) -> Attributes {
    Attributes::from([("username".to_owned(), username.to_owned())])
}

on_both! {
    async fn an_attribute_that_was_changed_here_is_put_back_and_the_cause_says_so(world) {
        let directory = settled(&world).await;
        let mut attributes = named("anna");
        attributes.insert("email".to_owned(), "elsewhere@example.com".to_owned());
        let user = anna(&world).await;
        let external_id = ExternalId("1".to_owned());
        by_hand(&world, Action::UpdateAccount { user, directory, external_id, attributes }).await;
        assert!(kept(&world, directory, "1").await.starts_with('~'));
        assert!(!kept(&world, directory, "2").await.starts_with('~'), "of others nothing is doubted");
        let plan = planned(&world, directory, &said(), &Rules::default()).await.unwrap();
        assert_eq!(causes(&plan), [("anna", &Cause::DriftRepaired)]);
        carried(&world, &plan).await;
        assert!(!kept(&world, directory, "1").await.starts_with('~'));
        let again = planned(&world, directory, &said(), &Rules::default()).await.unwrap();
        assert_eq!(again.steps, []);
    }

    async fn who_is_let_in_or_kept_out_by_hand_is_looked_at_again(world) {
        let directory = settled(&world).await;
        let user = anna(&world).await;
        by_hand(&world, Action::Deactivate { user, by: gone("ada") }).await;
        let first = kept(&world, directory, "1").await;
        assert!(first.starts_with('~'));
        // Who was kept out by hand stays out, unless the terms say otherwise.
        let plan = planned(&world, directory, &said(), &Rules::default()).await.unwrap();
        assert_eq!(plan.steps, []);
        let rules = Rules { revival: muster_domain::plan::Revival::Everybody, ..Rules::default() };
        let plan = planned(&world, directory, &said(), &rules).await.unwrap();
        assert_eq!(causes(&plan), [("anna", &Cause::BackAtSource)]);
        by_hand(&world, Action::Reactivate { user }).await;
        assert_ne!(kept(&world, directory, "1").await, first, "every mark is another one");
        let plan = planned(&world, directory, &said(), &rules).await.unwrap();
        assert_eq!(plan.steps, []);
        assert_eq!(kept(&world, directory, "1").await.len(), 32, "seen and kept in mind again");
    }

    async fn a_membership_that_was_ended_here_comes_back_and_a_name_is_put_back(world) {
        let directory = settled(&world).await;
        let staff = groups::by_name(world.services.db(), "Staff").await.unwrap().unwrap().id;
        assert_eq!(kept_of_the_group(&world, directory).await.len(), 32);
        let member = Member::User(anna(&world).await);
        let origin = Origin::Directory(directory);
        by_hand(&world, Action::RemoveMember { group: staff, member, origin }).await;
        assert!(kept_of_the_group(&world, directory).await.starts_with('~'));
        let plan = planned(&world, directory, &said(), &Rules::default()).await.unwrap();
        assert_eq!(causes(&plan), [("anna in Staff", &Cause::NewAtSource)]);
        carried(&world, &plan).await;
        planning::confirm(&world.services, directory).await.unwrap();
        by_hand(&world, Action::RenameGroup { group: staff, name: "Crew".to_owned() }).await;
        let plan = planned(&world, directory, &said(), &Rules::default()).await.unwrap();
        assert_eq!(causes(&plan), [("Crew", &Cause::ChangedAtSource)]);
    }

    async fn the_order_of_directories_and_accounts_elsewhere_make_people_looked_at_again(world) {
        let directory = settled(&world).await;
        let other = declared(&world, "Lab").await;
        let user = anna(&world).await;
        by_hand(&world, Action::UpdateAccount {
            user,
            directory: other,
            external_id: ExternalId("9".to_owned()),
            attributes: named("anna.l"),
        }).await;
        assert!(kept(&world, directory, "1").await.starts_with('~'));
        let _ = planned(&world, directory, &said(), &Rules::default()).await.unwrap();
        let before = kept(&world, directory, "1").await;
        let revision = directory_states::revision(world.services.db(), directory).await.unwrap();
        // Both are declared at one place; moving puts one before the other.
        let second = other.max(directory);
        let moved = shift(&world.services, &world.system(), None, second, Step::Up, Against::Nothing).await;
        moved.unwrap();
        assert_ne!(kept(&world, directory, "1").await, before);
        let after = directory_states::revision(world.services.db(), directory).await.unwrap();
        assert!(after > revision);
        let _ = planned(&world, directory, &said(), &Rules::default()).await.unwrap();
    }

    async fn what_other_hands_change_makes_a_plan_out_of_date_and_the_runs_own_steps_do_not(world) {
        let directory = settled(&world).await;
        let revision = directory_states::revision(world.services.db(), directory).await.unwrap();
        assert_eq!(revision, 1, "one run, however many steps");
        let mut more = said();
        more.pages.push(vec![somebody("3", "cem")]);
        let plan = planned(&world, directory, &more, &Rules::default()).await.unwrap();
        let user = anna(&world).await;
        by_hand(&world, Action::Deactivate { user, by: gone("ada") }).await;
        let stale = approved(&world, &world.system(), &plan, &plan.identity()).await.unwrap_err();
        assert_eq!(stale.code, "PLAN-002");
        // Somebody whom the directory does not know concerns none of its plans.
        let plan = planned(&world, directory, &more, &Rules::default()).await.unwrap();
        let stranger = world.user("grace").await.unwrap();
        by_hand(&world, Action::Deactivate { user: stranger, by: gone("ada") }).await;
        carried(&world, &plan).await;
    }

    async fn nobody_keeps_in_mind_what_changed_after_they_looked(world) {
        let directory = settled(&world).await;
        let db = world.services.db();
        let looked = kept(&world, directory, "1").await;
        let user = anna(&world).await;
        by_hand(&world, Action::Deactivate { user, by: gone("ada") }).await;
        let doubted = kept(&world, directory, "1").await;
        let tx = db.begin().await.unwrap();
        let id = ExternalId("1".to_owned());
        accounts::remember_if(&tx, directory, &id, Some(&looked), &looked).await.unwrap();
        tx.commit_quiet(muster_storage::Quiet::Working).await.unwrap();
        assert_eq!(kept(&world, directory, "1").await, doubted);
        let _ = stored(&world, directory, &said(), &Rules::default(), &mut Watched::default()).await.unwrap();
    }
}
