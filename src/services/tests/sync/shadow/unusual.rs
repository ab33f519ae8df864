//! What goes otherwise than usual when directories change places.

use chrono::TimeDelta;
use muster_domain::calibration::Calibration;
use muster_domain::change::{Action, Cause, Change};
use muster_domain::guard::Hold;
use muster_domain::jit::JitRules;
use muster_domain::membership::Member;
use muster_domain::opener::Openers;
use muster_domain::plan::{PlanState, Purpose, StoredPlan};
use muster_domain::provider::Provider;
use muster_domain::record::{Attributes, ExternalId};
use muster_domain::role::Role;
use muster_domain::run::{RunState, Wish};
use muster_domain::shadow::MatchKey;
use muster_domain::sign_in::{ProvidedPasswords, SignInPolicy};
use muster_domain::snapshot::{Doubt, Entry, Reference};
use muster_domain::vendor::Vendor;
use muster_services::overview::overview;
use muster_services::sync::runs;
use muster_services::{provisioning, sign_in_policy};
use muster_storage::shadows::{self, Choice};
use muster_storage::subjects::{self, Subject};
use muster_storage::{Quiet, credentials, directories, plans, providers};
use muster_testing::TestWorld;

use super::{
    approved, asked, compared, declared, group, new_tree, old_tree, person, picture, rows, says,
    somebody, two, user,
};

on_both! {
    async fn whoever_stays_is_told_that_nobody_signs_in_by_the_old_one_any_more(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        let root = user(&world, "root2").await;
        world.grant(Role::Superadmin, Member::User(root.id)).await.unwrap();
        let loses = |hold: &Hold| matches!(hold, Hold::LoseSignIn { .. });
        let plan = compared(&world, new, old, MatchKey::Username).await;
        assert!(!plan.holds.iter().any(loses), "nobody signs in by it: {:?}", plan.holds);
        let tx = world.services.db().begin().await.unwrap();
        let mut directory = directories::get(&tx, old).await.unwrap().unwrap();
        directory.settings.insert("sign_in".to_owned(), "on".to_owned());
        directories::update(&tx, &directory).await.unwrap();
        tx.commit_quiet(Quiet::Working).await.unwrap();
        let sign_in = async |value: &str| {
            let tx = world.services.db().begin().await.unwrap();
            let mut directory = directories::get(&tx, new).await.unwrap().unwrap();
            directory.settings.insert("sign_in".to_owned(), value.to_owned());
            directories::update(&tx, &directory).await.unwrap();
            tx.commit_quiet(Quiet::Working).await.unwrap();
        };
        // Ada and Ben are handed over to one by which nobody signs in; Dora is, and may not come in there.
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let told = Hold::LoseSignIn { directory: "Old".to_owned(), people: 3, protected: vec!["root2".to_owned()] };
        assert!(plan.holds.contains(&told), "{:?}", plan.holds);
        sign_in("on").await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let told = Hold::LoseSignIn { directory: "Old".to_owned(), people: 1, protected: vec!["root2".to_owned()] };
        assert!(plan.holds.contains(&told), "{:?}", plan.holds);
        assert!(told.words().contains("Protected among them: root2"), "{}", told.words());
    }

    async fn whoever_has_another_way_in_loses_none(world) {
        let (old, new) = two(&world, "deactivate").await;
        let tx = world.services.db().begin().await.unwrap();
        let mut directory = directories::get(&tx, old).await.unwrap().unwrap();
        directory.settings.insert("sign_in".to_owned(), "on".to_owned());
        directories::update(&tx, &directory).await.unwrap();
        tx.commit_quiet(Quiet::Working).await.unwrap();
        let other = declared(&world, "Other", &[("sign_in", "on")]).await;
        let off = declared(&world, "Off", &[("sign_in", "on"), ("shadow", "on")]).await;
        // Nobody can tell who they are: they have no address.
        let names = ["pia", "ida", "ula", "oda", "nia", "off"];
        let people = names.map(|name| person(&format!("o-{name}"), name, "", "", name != "off"));
        says(&world, "Old", people.to_vec());
        says(&world, "New", vec![somebody("n1", "ada")]);
        asked(&world, old, Wish::Sync).await;
        let at = world.system().at;
        let nobody = Openers::nobody;
        let provider = |slug: &str, enabled| Provider {
            id: world.services.id(),
            slug: slug.to_owned(),
            name: slug.to_owned(),
            vendor: Vendor::Keycloak,
            kind: "oidc".to_owned(),
            enabled,
            settings: [("issuer".to_owned(), "https://idp.x.example".to_owned())].into(),
            secret_is_set: false,
            directory: other,
            domains: Vec::new(),
            jit: JitRules::default(),
            calibration: Calibration::default(),
            created_at: at,
            updated_at: at,
        };
        let identity = async |name: &str, provider| Subject {
            provider,
            issuer: "https://idp.x.example".to_owned(),
            subject: name.to_owned(),
            user: user(&world, name).await.id,
            linked_at: at,
            linked_by: "sue".to_owned(),
            opened_by: nobody(),
            last_used_at: None,
        };
        let (on, shut) = (provider("corp", true), provider("shut", false));
        let [ida, ula] = [identity("ida", on.id).await, identity("ula", shut.id).await];
        let (pia, oda, nia) = (user(&world, "pia").await.id, user(&world, "oda").await.id, user(&world, "nia").await.id);
        let account = |user, directory, id: &str| Change::new(Action::UpdateAccount {
            user, directory, external_id: ExternalId(id.to_owned()), attributes: Attributes::default(),
        }, Cause::ByHand);
        let tx = world.services.db().begin().await.unwrap();
        for one in [&on, &shut] {
            providers::insert(&tx, one, None).await.unwrap();
        }
        for one in [&ida, &ula] {
            subjects::link(&tx, one).await.unwrap();
        }
        credentials::set_password(&tx, pia, "phc", None, &nobody(), at).await.unwrap();
        let changes = [account(oda, other, "x-oda"), account(nia, off, "x-nia")];
        provisioning::apply(&world.services, &world.system(), &tx, &changes).await.unwrap();
        tx.commit_quiet(Quiet::Counted).await.unwrap();
        let lost = |plan: &StoredPlan| {
            let mut all = plan.holds.iter();
            all.find_map(|hold| match hold { Hold::LoseSignIn { people, .. } => Some(*people), _ => None })
        };
        // Ula's provider is off, nobody signs in by the one in shadow, and Pia's password does not count.
        let plan = compared(&world, new, old, MatchKey::Email).await;
        assert_eq!(lost(&plan), Some(3), "{:?}", plan.holds);
        let sue = world.persona("sue", &[Role::Superadmin]).await.unwrap();
        let sue = world.elevate(&sue).await.unwrap();
        let policy = SignInPolicy { provided: ProvidedPasswords::Allowed, ..SignInPolicy::default() };
        let elevated = sue.call.elevated().unwrap();
        sign_in_policy::set(&world.services, &sue.call, &elevated, policy).await.unwrap();
        let plan = compared(&world, new, old, MatchKey::Email).await;
        assert_eq!(lost(&plan), Some(2), "{:?}", plan.holds);
        let tx = world.services.db().begin().await.unwrap();
        for one in [user(&world, "ula").await.id, nia] {
            credentials::set_password(&tx, one, "phc", None, &nobody(), at).await.unwrap();
        }
        tx.commit_quiet(Quiet::Counted).await.unwrap();
        let plan = compared(&world, new, old, MatchKey::Email).await;
        assert_eq!(lost(&plan), None, "{:?}", plan.holds);
    }

    async fn one_that_is_compared_is_not_told_to_be_unread(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "Old", old_tree());
        let mut entries = new_tree();
        // Who nobody can tell was read nevertheless.
        entries.push(person("n-nameless", "", "x@x.example", "", true));
        says(&world, "New", entries.clone());
        asked(&world, old, Wish::Sync).await;
        let told = async || {
            let shown = overview(&world.services, &world.system()).await.unwrap().attention;
            let mut texts = shown.into_iter().map(|item| item.text);
            texts.find(|text| text.starts_with("New was not read as a whole"))
        };
        world.clock.forward(TimeDelta::days(30));
        assert!(told().await.unwrap().contains("30 days"));
        // Half of it is not the whole.
        world.source.voice("New").doubts(Doubt::SizeLimit);
        compared(&world, new, old, MatchKey::Username).await;
        assert!(told().await.is_some());
        says(&world, "New", entries);
        let plan = compared(&world, new, old, MatchKey::Username).await;
        assert!(plan.holds.iter().any(|hold| hold.words().contains("nobody can tell")), "{:?}", plan.holds);
        assert_eq!(told().await, None);
        world.clock.forward(TimeDelta::days(30));
        assert!(told().await.unwrap().contains("30 days"));
        asked(&world, new, Wish::Sync).await;
        assert_eq!(told().await, None);
    }

    async fn of_comparisons_that_nobody_carried_out_two_are_kept(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        compared(&world, new, old, MatchKey::Username).await;
        for _ in 0..4 {
            asked(&world, new, Wish::Sync).await;
        }
        let kept = plans::upkeep::of_purpose(world.services.db(), new, Purpose::Shadow).await.unwrap();
        let of = |state| kept.iter().filter(|plan| plan.state == state).count();
        assert_eq!((of(PlanState::Held), of(PlanState::Discarded), kept.len()), (1, 1, 2));
    }

    async fn a_switch_is_not_left_half_way(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let (services, call) = (&world.services, world.system());
        let identity = plan.identity.clone().unwrap();
        // Before it began it may be stopped, and nothing is changed.
        let before = picture(&world).await;
        let id = runs::approve(services, &call, plan.id, &identity).await.unwrap();
        runs::cancel(services, &call, id).await.unwrap();
        assert_eq!(picture(&world).await, before);
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let id = runs::approve(services, &call, plan.id, &plan.identity.clone().unwrap()).await.unwrap();
        let tx = services.db().begin().await.unwrap();
        let mut run = muster_storage::runs::get(&tx, id).await.unwrap().unwrap();
        run.state = RunState::Applying;
        muster_storage::runs::update(&tx, &run).await.unwrap();
        tx.commit_quiet(Quiet::Working).await.unwrap();
        let refused = runs::cancel(services, &call, id).await.unwrap_err();
        assert_eq!(refused.code, "SHD-003");
    }

    async fn whoever_is_listed_under_another_name_stays_in_a_group_that_changes_hands(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "Old", old_tree());
        let mut entries = new_tree();
        // Ada was moved while everything was read: the group lists her by a name that nobody bears.
        for entry in &mut entries {
            if let Entry::Members { members, .. } = entry {
                for one in members.iter_mut().filter(|one| matches!(one, Reference::Id(id) if id.0 == "n-1")) {
                    *one = Reference::Locator("cn=ada,ou=moved".to_owned());
                }
            }
        }
        entries.push(somebody("n-late", "late"));
        says(&world, "New", entries);
        world.source.voice("New").lists("n-staff", &["n-1"]);
        asked(&world, old, Wish::Sync).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let found = rows(&world, &plan).await;
        assert!(!found.contains("remove_member ada in Staff (gone_from_source)"), "{found:#?}");
        assert!(found.contains("remove_member cem in Staff (gone_from_source)"), "{found:#?}");
        approved(&world, &plan).await;
        let ada = user(&world, "ada").await.id;
        let seen = picture(&world).await;
        assert!(seen.iter().any(|row| row.starts_with(&format!("{:?} in Staff by", Member::User(ada)))), "{seen:#?}");
    }

    async fn who_may_be_anybody_over_there_lets_nobody_leave(world) {
        let (old, new) = two(&world, "delete").await;
        says(&world, "Old", vec![somebody("o1", "ada"), somebody("o2", "ben")]);
        // Ada over there, without the address by which people are matched, and under another name.
        says(&world, "New", vec![person("n1", "a.lind", "", "", true), somebody("n2", "ben")]);
        asked(&world, old, Wish::Sync).await;
        let plan = compared(&world, new, old, MatchKey::Email).await;
        let found = rows(&world, &plan).await;
        assert!(!found.iter().any(|row| row.starts_with("delete_user") || row.starts_with("deactivate")), "{found:#?}");
        assert!(plan.holds.iter().any(|hold| hold.words().contains("nobody can tell")), "{:?}", plan.holds);
        approved(&world, &plan).await;
        assert!(user(&world, "ada").await.is_active());
    }

    async fn whoever_stays_gets_nothing_of_the_new_directory(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "Old", vec![somebody("o1", "ada"), somebody("o5", "eve")]);
        let mut entries = vec![
            somebody("n1", "ada"), person("n5", "eve", "eve@x.example", "", true), person("n6", "eve2", "eve@x.example", "", true),
        ];
        entries.extend(group("n-only", "New only", &["n1", "n5", "n6"]));
        says(&world, "New", entries);
        asked(&world, old, Wish::Sync).await;
        let plan = compared(&world, new, old, MatchKey::Email).await;
        let found = rows(&world, &plan).await;
        assert!(found.iter().any(|row| row.starts_with("add_member ada in New only")), "{found:#?}");
        assert!(!found.iter().any(|row| row.starts_with("add_member eve")), "{found:#?}");
    }

    async fn a_switch_is_taken_back_only_while_nothing_else_was_carried_out(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let run = approved(&world, &plan).await;
        let (services, call) = (&world.services, world.system());
        let waits = runs::undo(services, &call, run.id).await.unwrap();
        world.clock.forward(TimeDelta::minutes(1));
        let mut entries = new_tree();
        entries.push(somebody("n-more", "more"));
        says(&world, "New", entries);
        asked(&world, new, Wish::Sync).await;
        let before = picture(&world).await;
        assert_eq!(runs::undo(services, &call, run.id).await.unwrap_err().code, "SHD-004");
        let waits = plans::get(services.db(), waits).await.unwrap().unwrap();
        let identity = waits.identity.clone().unwrap();
        let refused = runs::approve(services, &call, waits.id, &identity).await.unwrap_err();
        assert!(matches!(refused.code, "PLAN-002" | "SHD-004"), "{refused:?}");
        assert_eq!(picture(&world).await, before);
    }

    async fn a_comparison_counts_beside_the_directory_that_was_chosen_alone(world) {
        let (old, new) = two(&world, "deactivate").await;
        let other = declared(&world, "Other", &[]).await;
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let (services, call) = (&world.services, world.system());
        let tx = services.db().begin().await.unwrap();
        shadows::put(&tx, new, Choice { beside: other, by: MatchKey::Username }).await.unwrap();
        tx.commit_quiet(Quiet::Working).await.unwrap();
        let refused = runs::approve(services, &call, plan.id, &plan.identity.clone().unwrap()).await.unwrap_err();
        assert_eq!(refused.code, "PLAN-002");
    }

    async fn a_switch_is_not_taken_back_into_a_directory_that_was_removed(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "Old", vec![somebody("o1", "ada"), somebody("o2", "ben")]);
        says(&world, "New", vec![somebody("n1", "ada"), somebody("n2", "ben")]);
        asked(&world, old, Wish::Sync).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let run = approved(&world, &plan).await;
        let (services, call) = (&world.services, world.system());
        let waits = runs::undo(services, &call, run.id).await.unwrap();
        let waits = plans::get(services.db(), waits).await.unwrap().unwrap();
        let tx = services.db().begin().await.unwrap();
        assert!(muster_storage::removed_directories::remove(&tx, old, call.at).await.unwrap());
        tx.commit_quiet(Quiet::Working).await.unwrap();
        let refused = runs::approve(services, &call, waits.id, &waits.identity.clone().unwrap()).await.unwrap_err();
        assert_eq!(refused.code, "SHD-004");
        assert_eq!(runs::undo(services, &call, run.id).await.unwrap_err().code, "SHD-004");
        let people = muster_storage::accounts::known_page(services.db(), new, None, 100).await.unwrap();
        assert_eq!(people.len(), 2);
    }
}
