//! The order of directories, changed by several at once, on both databases.

use muster_domain::change::{Action, Cause, Change};
use muster_domain::plan::{Leavers, Plan};
use muster_domain::record::{Attributes, ExternalId};
use muster_services::directories::{Against, Step, list, order_mark, shift};
use muster_services::{Knowingly, provisioning};
use muster_storage::{Quiet, directories, users};
use muster_testing::TestWorld;

use crate::door::{Told, rules, somebody};
use crate::{carried, declared, planned};

on_both! {
    async fn of_several_who_change_the_order_at_once_one_does_and_the_others_are_told(world) {
        let mut ids = Vec::new();
        for name in ["A", "B", "C", "D"] {
            ids.push(declared(&world, name).await);
        }
        let call = world.system();
        let listed = list(&world.services, &call).await.unwrap();
        let order: Vec<_> = listed.iter().map(|row| row.directory.id).collect();
        let seen = order_mark(order.clone());
        let against = || Against::Seen(&seen, Knowingly::No);
        let nodes = [world.another_node().await.unwrap(), world.another_node().await.unwrap()];
        let (last, first) = (order[order.len() - 1], order[0]);
        let (one, two, three) = tokio::join!(
            shift(&world.services, &call, None, last, Step::To(1), against()),
            shift(&nodes[0], &call, None, first, Step::Down, against()),
            shift(&nodes[1], &call, None, order[1], Step::To(4), against()),
        );
        let outcomes = [one, two, three];
        let done = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
        assert_eq!(done, 1, "{outcomes:?}");
        for told in outcomes.into_iter().filter_map(Result::err) {
            // SQLite has one writer: whoever waits too long is told to try again.
            assert!(["DIR-011", "DB-022"].contains(&told.code), "{told:?}");
        }
        let after = directories::list(world.services.db()).await.unwrap();
        let places: Vec<i64> = after.iter().map(|directory| directory.position).collect();
        let wanted: Vec<i64> = (0..).take(after.len()).collect();
        assert_eq!(places, wanted, "every place is taken once");
        assert_ne!(order_mark(after.iter().map(|directory| directory.id)), seen);
    }

    async fn what_was_saved_of_a_directory_meanwhile_stays(world) {
        let (one, two) = (declared(&world, "A").await, declared(&world, "B").await);
        let call = world.system();
        let mut saved = directories::get(world.services.db(), two).await.unwrap().unwrap();
        saved.settings.insert("servers".to_owned(), "dc1.example.org".to_owned());
        let tx = world.services.db().begin().await.unwrap();
        directories::update(&tx, &saved).await.unwrap();
        tx.commit(&[call.event("directory.update", "B", Some(two.0), serde_json::json!({}))]).await.unwrap();
        shift(&world.services, &call, None, one, Step::To(99), Against::Nothing).await.unwrap();
        let after = directories::get(world.services.db(), two).await.unwrap().unwrap();
        assert_eq!(after.settings, saved.settings);
        let gone = shift(&world.services, &call, None, world.services.id(), Step::Up, Against::Nothing).await;
        assert_eq!(gone.unwrap_err().code, "WEB-404");
    }

    async fn one_in_shadow_leads_nobody(world) {
        let (front, behind) = (declared(&world, "A").await, declared(&world, "B").await);
        let rules = rules(Leavers::Deactivate);
        let both = Told::in_pages(vec![vec![somebody("1", "anna"), somebody("2", "ben")]]);
        let plan = planned(&world, behind, &both, &rules).await.unwrap();
        carried(&world, &plan).await;
        let anna = users::by_username(world.services.db(), "anna").await.unwrap().unwrap();
        let change = Change::new(Action::UpdateAccount {
            user: anna.id,
            directory: front,
            external_id: ExternalId("a".to_owned()),
            attributes: Attributes::from([("username".to_owned(), "anna".to_owned())]),
        }, Cause::ByHand);
        let tx = world.services.db().begin().await.unwrap();
        let events = provisioning::apply(&world.services, &world.system(), &tx, &[change]).await.unwrap();
        tx.commit(&events).await.unwrap();
        let fewer = Told::in_pages(vec![vec![somebody("2", "ben")]]);
        let deactivates = |plan: &Plan| {
            plan.steps.iter().any(|step| matches!(step.change.action, Action::Deactivate { .. }))
        };
        let plan = planned(&world, behind, &fewer, &rules).await.unwrap();
        assert!(!deactivates(&plan), "the first of the order leads her: {plan:?}");
        let mut known = directories::get(world.services.db(), front).await.unwrap().unwrap();
        known.settings.insert("shadow".to_owned(), "on".to_owned());
        let tx = world.services.db().begin().await.unwrap();
        directories::update(&tx, &known).await.unwrap();
        tx.commit_quiet(Quiet::Working).await.unwrap();
        let plan = planned(&world, behind, &fewer, &rules).await.unwrap();
        assert!(deactivates(&plan), "nobody else does: {plan:?}");
    }
}
