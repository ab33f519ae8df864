//! A directory in shadow: nothing it says is carried out, it is set beside the active one, and takes its place by one plan.

mod back;
mod places;
mod standing;
mod trees;
mod unusual;

use std::collections::BTreeSet;

use muster_domain::change::{Action, Cause, Change};
use muster_domain::id::{DirectoryId, RunId};
use muster_domain::membership::{Member, Origin};
use muster_domain::plan::stored::Line;
use muster_domain::plan::{PlanState, Purpose, StoredPlan};
use muster_domain::record::{Attributes, ExternalId, UserRecord};
use muster_domain::role::Role;
use muster_domain::run::{Run, RunState, Wish};
use muster_domain::settings::Values;
use muster_domain::shadow::{Class, MatchKey, Of};
use muster_domain::snapshot::{Entry, Reference, RefusedRecord};
use muster_domain::user::User;
use muster_services::provisioning;
use muster_services::sync::shadowing::{self, Choice};
use muster_services::sync::{rules, runs, views};
use muster_storage::directories::{self, Directory};
use muster_storage::plans::{self, RowFilter};
use muster_storage::{accounts, groups, memberships, users};
use muster_testing::{FakeDirectory, TestWorld};

use trees::{new_tree, old_tree};

async fn declared(world: &TestWorld, name: &str, settings: &[(&str, &str)]) -> DirectoryId {
    let call = world.system();
    let mut values: Values = settings
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect();
    values.insert("voice".to_owned(), name.to_owned());
    let tx = world.services.db().begin().await.unwrap();
    let all = directories::list(&tx).await.unwrap();
    let directory = Directory {
        id: world.services.id(),
        name: name.to_owned(),
        kind: FakeDirectory::KIND.to_owned(),
        position: i64::try_from(all.len()).unwrap() + 100,
        enabled: true,
        settings: values,
        created_at: call.at,
        updated_at: call.at,
    };
    directories::insert(&tx, &directory).await.unwrap();
    let event = call.event("directory.create", name, None, serde_json::json!({}));
    tx.commit(&[event]).await.unwrap();
    directory.id
}

/// The old directory, active, and the new one, in shadow. Nothing is held by a guard but by the switch itself.
async fn two(world: &TestWorld, leavers: &str) -> (DirectoryId, DirectoryId) {
    let mut open = vec![("leavers", leavers)];
    for key in [
        "guard_people_count",
        "guard_people_few",
        "guard_memberships_count",
        "guard_memberships_few",
        "guard_groups_count",
        "guard_groups_few",
    ] {
        open.push((key, "1000"));
    }
    let old = declared(world, "Old", &open).await;
    open.push(("shadow", "on"));
    (old, declared(world, "New", &open).await)
}

fn person(id: &str, username: &str, email: &str, title: &str, active: bool) -> Entry {
    let mut attributes = Attributes::from([("username".to_owned(), username.to_owned())]);
    for (name, value) in [("email", email), ("title", title)] {
        if !value.is_empty() {
            attributes.insert(name.to_owned(), value.to_owned());
        }
    }
    Entry::User {
        record: UserRecord {
            external_id: ExternalId(id.to_owned()),
            attributes,
            active,
        },
        source: Default::default(),
        locators: Vec::new(),
    }
}

fn somebody(id: &str, username: &str) -> Entry {
    person(id, username, &format!("{username}@x.example"), "", true)
}

fn group(id: &str, name: &str, members: &[&str]) -> Vec<Entry> {
    let external_id = ExternalId(id.to_owned());
    let members = members.iter();
    let members = members.map(|id| Reference::Id(ExternalId((*id).to_owned())));
    vec![
        Entry::Group {
            external_id: external_id.clone(),
            name: name.to_owned(),
            locators: Vec::new(),
        },
        Entry::Members {
            group: Reference::Id(external_id),
            members: members.collect(),
        },
    ]
}

fn says(world: &TestWorld, name: &str, entries: Vec<Entry>) {
    let pages = entries.chunks(3).map(<[Entry]>::to_vec).collect();
    world.source.voice(name).says(pages);
}

async fn ran(world: &TestWorld, id: RunId) -> Run {
    let (services, call) = (&world.services, world.system());
    runs::carry(services, &call, id).await.unwrap();
    runs::show(services, &call, id).await.unwrap().run
}

async fn asked(world: &TestWorld, directory: DirectoryId, wish: Wish) -> Run {
    let (services, call) = (&world.services, world.system());
    let id = runs::ask(services, &call, directory, wish).await.unwrap();
    let run = ran(world, id).await;
    assert_eq!(run.state, RunState::Done, "{:?}", run.problem);
    run
}

async fn compared(
    world: &TestWorld,
    new: DirectoryId,
    old: DirectoryId,
    by: MatchKey,
) -> StoredPlan {
    let (services, call) = (&world.services, world.system());
    let choice = Choice { beside: old, by };
    let id = shadowing::set_beside(services, &call, new, choice)
        .await
        .unwrap();
    let run = ran(world, id).await;
    assert_eq!(run.state, RunState::Done, "{:?}", run.problem);
    let plan = plans::get(services.db(), run.plan.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (plan.purpose, plan.state),
        (Purpose::Shadow, PlanState::Held)
    );
    plan
}

async fn approved(world: &TestWorld, plan: &StoredPlan) -> Run {
    let (services, call) = (&world.services, world.system());
    let identity = plan.identity.clone().unwrap();
    let id = runs::approve(services, &call, plan.id, &identity)
        .await
        .unwrap();
    let run = ran(world, id).await;
    assert_eq!(run.state, RunState::Done, "{:?}", run.problem);
    let failed = runs::show(services, &call, id).await.unwrap().failed;
    assert_eq!(failed, [], "every step is done");
    run
}

async fn undone(world: &TestWorld, run: &Run) -> Run {
    let (services, call) = (&world.services, world.system());
    let plan = runs::undo(services, &call, run.id).await.unwrap();
    let plan = plans::get(services.db(), plan).await.unwrap().unwrap();
    approved(world, &plan).await
}

/// Rows of a plan in short: what, about whom, why.
async fn rows(world: &TestWorld, plan: &StoredPlan) -> BTreeSet<String> {
    let all = RowFilter::default();
    let rows = plans::rows(world.services.db(), plan.id, &all, None, 10_000);
    let rows = rows.await.unwrap().into_iter();
    rows.map(|row| match row.line {
        Line::Step(step) => {
            let kind = muster_domain::plan::stored::kind_of(&step.change.action);
            format!("{kind} {} ({})", step.subject, step.change.cause.word())
        }
        Line::Refusal(refusal) => format!("not {} ({})", refusal.subject, refusal.reason.word()),
    })
    .collect()
}

/// Everybody and every group, with whatever belongs to them; directories by their names. What a sync keeps in mind, when
/// something was last confirmed and which id an account has here is nobody's.
async fn picture(world: &TestWorld) -> BTreeSet<String> {
    let db = world.services.db();
    let mut seen = BTreeSet::new();
    let all = directories::list(db).await.unwrap();
    let named = |id: DirectoryId| all.iter().find(|one| one.id == id).unwrap().name.clone();
    for directory in &all {
        let shadow = rules::in_shadow(&directory.settings);
        seen.insert(format!("directory {} in shadow: {shadow}", directory.name));
        for account in accounts::page_of_directory(db, directory.id, None, 1_000)
            .await
            .unwrap()
        {
            let user: User = users::get(db, account.user).await.unwrap().unwrap();
            seen.insert(format!(
                "account {} of {} in {}: {:?}",
                account.external_id.0, user.id, directory.name, account.attributes
            ));
            seen.insert(format!(
                "user {} {} {:?} {:?}",
                user.id, user.username, user.email, user.state
            ));
        }
        for known in groups::page_of_directory(db, directory.id, None, 1_000)
            .await
            .unwrap()
        {
            seen.insert(format!(
                "group {} {} is {} in {}, of {:?}",
                known.group.id,
                known.group.name,
                known.external_id.0,
                directory.name,
                known.group.directory.map(named)
            ));
        }
    }
    for name in NAMES_OF_GROUPS {
        if let Some(group) = groups::by_name(db, name).await.unwrap() {
            for row in memberships::in_group(db, group.id).await.unwrap() {
                let origin = match row.origin {
                    Origin::Directory(id) => named(id),
                    other => other.key(),
                };
                seen.insert(format!("{:?} in {name} by {origin}", row.member));
            }
        }
    }
    seen
}

const NAMES_OF_GROUPS: [&str; 5] = ["Staff", "Lab", "Old only", "New only", "Admins"];

async fn user(world: &TestWorld, username: &str) -> User {
    let found = users::by_username(world.services.db(), username).await;
    found
        .unwrap()
        .unwrap_or_else(|| panic!("{username} is here"))
}

async fn directories_of(world: &TestWorld, username: &str) -> Vec<String> {
    let db = world.services.db();
    let all = directories::list(db).await.unwrap();
    let theirs = accounts::of_user(db, user(world, username).await.id)
        .await
        .unwrap();
    let name = |id| all.iter().find(|one| one.id == id).unwrap().name.clone();
    theirs
        .into_iter()
        .map(|account| name(account.directory))
        .collect()
}

on_both! {
    async fn nothing_of_a_directory_in_shadow_is_carried_out(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        let before = picture(&world).await;
        // By itself, before somebody chose whose place it shall take, and when it comes due by its schedule.
        let run = asked(&world, new, Wish::Sync).await;
        let plan = plans::get(world.services.db(), run.plan.unwrap()).await.unwrap().unwrap();
        assert_eq!((plan.purpose, plan.state), (Purpose::Drift, PlanState::Clear));
        assert!(plan.counts.all() > 0, "it says what it would do");
        let identity = plan.identity.clone().unwrap();
        let refused = runs::approve(&world.services, &world.system(), plan.id, &identity).await.unwrap_err();
        assert_eq!(refused.code, "SHD-001");
        let refused = runs::ask_for(&world.services, &world.system(), new, "ada").await.unwrap_err();
        assert_eq!(refused.code, "SHD-001", "nor about one person");
        let compared = compared(&world, new, old, MatchKey::Username).await;
        let run = asked(&world, new, Wish::Sync).await;
        let again = plans::get(world.services.db(), run.plan.unwrap()).await.unwrap().unwrap();
        assert_eq!((again.purpose, again.state), (Purpose::Shadow, PlanState::Held));
        assert_eq!(again.counts, compared.counts);
        assert_eq!(picture(&world).await, before);
        assert_eq!(run.progress.tried, 0);
        // One that was approved before the directory went into the shadow is not carried out behind it.
        let drift = asked(&world, old, Wish::Plan).await;
        let drift = plans::get(world.services.db(), drift.plan.unwrap()).await.unwrap().unwrap();
        let tx = world.services.db().begin().await.unwrap();
        let mut directory = directories::get(&tx, old).await.unwrap().unwrap();
        directory.settings.insert("shadow".to_owned(), "on".to_owned());
        directories::update(&tx, &directory).await.unwrap();
        tx.commit_quiet(muster_storage::Quiet::Working).await.unwrap();
        let refused = runs::approve(&world.services, &world.system(), drift.id, &drift.identity.clone().unwrap()).await;
        assert_eq!(refused.unwrap_err().code, "SHD-001");
    }

    async fn what_both_say_and_what_one_says_alone_stands_side_by_side(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        let root = user(&world, "root2").await;
        world.grant(Role::Superadmin, Member::User(root.id)).await.unwrap();
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let found = rows(&world, &plan).await;
        let wanted = [
            "switch_directory New (rule)",
            "move_account ada (handed_over)",
            "move_account ben (differs)",
            "move_account dora (handed_over)",
            "deactivate dora (disabled_at_source)",
            "deactivate cem (gone_from_source)",
            "create_user eve (new_at_source)",
            "not root2 (protected)",
            "unlink_group Staff (handed_over)",
            "link_group Staff (handed_over)",
            "unlink_group Lab (handed_over)",
            "link_group Lab (handed_over)",
            "create_group New only (new_at_source)",
            "link_group New only (new_at_source)",
            "delete_group Old only (gone_from_source)",
            "move_members Staff (handed_over)",
            "remove_member cem in Staff (gone_from_source)",
            "add_member eve in Staff (new_at_source)",
            "remove_member ada in Lab (gone_from_source)",
            "add_member ben in Lab (new_at_source)",
            "remove_member ben in Old only (gone_from_source)",
            "remove_member dora in Old only (gone_from_source)",
            "add_member ada in New only (new_at_source)",
        ];
        assert_eq!(found, wanted.iter().map(|row| (*row).to_owned()).collect());
        let seen = views::shadow(&world.services, &world.system(), new).await.unwrap();
        assert_eq!(seen.former(), "Old");
        assert_eq!(seen.counts[&(Of::People, Class::Same)], 2);
        assert_eq!(seen.counts[&(Of::People, Class::OnlyActive)], 1);
        assert_eq!(seen.counts[&(Of::Groups, Class::Same)], 2);
        assert_eq!(seen.counts[&(Of::Memberships, Class::OnlyActive)], 4);
        assert_eq!(seen.counts[&(Of::People, Class::LeftAlone)], 1);
    }

    async fn it_takes_the_place_of_the_other_and_everybody_stays_who_they_are(world) {
        let (old, new) = two(&world, "deactivate").await;
        let between = declared(&world, "Between", &[]).await;
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        let (ada, root) = (user(&world, "ada").await, user(&world, "root2").await);
        world.grant(Role::Superadmin, Member::User(root.id)).await.unwrap();
        // Who has accounts elsewhere keeps them, and a membership by hand stays.
        let lab = groups::by_name(world.services.db(), "Lab").await.unwrap().unwrap();
        let change = |action| Change::new(action, Cause::ByHand);
        let by_hand = [
            change(Action::UpdateAccount {
                user: ada.id, directory: between, external_id: ExternalId("b-ada".to_owned()),
                attributes: Attributes::from([("username".to_owned(), "ada".to_owned()), ("city".to_owned(), "Łódź".to_owned())]),
            }),
            change(Action::AddMember { group: lab.id, member: Member::User(ada.id), origin: Origin::Manual }),
        ];
        let tx = world.services.db().begin().await.unwrap();
        let events = provisioning::apply(&world.services, &world.system(), &tx, &by_hand).await.unwrap();
        tx.commit(&events).await.unwrap();
        let before = picture(&world).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        assert_eq!(picture(&world).await, before, "comparing changes nothing");
        let run = approved(&world, &plan).await;
        let (_, wrong) = runs::examine(&world.services).await.unwrap();
        assert_eq!(wrong, Vec::<String>::new());
        let after = picture(&world).await;
        assert_eq!(user(&world, "ada").await.id, ada.id);
        assert_eq!(directories_of(&world, "ada").await, ["New", "Between"]);
        assert_eq!(directories_of(&world, "root2").await, ["Old"], "protected people keep what they have");
        assert!(user(&world, "root2").await.is_active());
        assert!(!user(&world, "cem").await.is_active());
        assert!(!user(&world, "dora").await.is_active());
        assert!(after.contains(&format!("{:?} in Lab by manual", Member::User(ada.id))), "{after:#?}");
        assert!(after.contains(&format!("{:?} in Staff by New", Member::User(ada.id))));
        assert!(after.contains(&format!("{:?} in Staff by Old", Member::User(root.id))));
        assert!(after.contains("directory Old in shadow: true") && after.contains("directory New in shadow: false"));
        let order: Vec<String> = directories::list(world.services.db()).await.unwrap().into_iter().map(|one| one.name).collect();
        assert_eq!(order, ["New", "Old", "Between"], "it stands where the other stood");
        // From then on the new one is synced by itself, and nothing is left to do; the old one writes no more.
        let again = asked(&world, new, Wish::Sync).await;
        assert_eq!(again.progress.planned, 0);
        asked(&world, old, Wish::Sync).await;
        assert_eq!(picture(&world).await, after);
        let refused = runs::undo(&world.services, &world.system(), first_run(&world, old).await).await.unwrap_err();
        assert_eq!(refused.code, "SHD-001", "what the old one did is not taken back behind its successor");
        // All of it can be taken back, and done again.
        world.clock.forward(chrono::TimeDelta::minutes(1));
        let back = undone(&world, &run).await;
        assert_eq!(picture(&world).await, before);
        let quiet = asked(&world, old, Wish::Sync).await;
        assert_eq!(quiet.progress.planned, 0);
        assert_eq!(picture(&world).await, before);
        world.clock.forward(chrono::TimeDelta::minutes(1));
        undone(&world, &back).await;
        assert_eq!(picture(&world).await, after);
    }

    async fn whom_nobody_can_tell_is_left_alone_and_told(world) {
        let (old, new) = two(&world, "delete").await;
        let of = |id: &str, name: &str, email: &str| person(id, name, email, "", true);
        says(&world, "Old", vec![
            of("o1", "ada", "ada@x.example"), of("o2", "ben", "shared@x.example"), of("o3", "cem", "Shared@X.example"),
            of("o4", "dora", ""), of("o5", "eve", "eve@x.example"), of("o6", "finn", "finn@x.example"), of("o7", "gul", "gul@x.example"),
        ]);
        says(&world, "New", vec![
            // Another name, the same address.
            of("n1", "ada.l", "ADA@x.example"), of("n2", "ben", "shared@x.example"),
            of("n5", "eve", "eve@x.example"), of("n6", "eve2", "eve@X.example"), of("n7", "finn", ""),
        ]);
        asked(&world, old, Wish::Sync).await;
        let ada = user(&world, "ada").await.id;
        let plan = compared(&world, new, old, MatchKey::Email).await;
        let found = rows(&world, &plan).await;
        let wanted: BTreeSet<String> = [
            "switch_directory New (rule)", "move_account ada (differs)", "not ben (unclear)", "not cem (unclear)", "not dora (unclear)",
            "not eve (unusable)", "not finn (unclear)", "not n2 (unusable)", "not n6 (unusable)", "not n7 (unusable)",
            "delete_user gul (gone_from_source)",
        ].into_iter().map(str::to_owned).collect();
        assert_eq!(found, wanted);
        approved(&world, &plan).await;
        assert_eq!(user(&world, "ada.l").await.id, ada, "the person is called what the new directory calls them");
        for name in ["ben", "cem", "dora", "eve", "finn"] {
            assert!(user(&world, name).await.is_active());
            assert_eq!(directories_of(&world, name).await, ["Old"]);
        }
    }

    async fn a_source_that_cannot_be_told_apart_makes_nobody_leave(world) {
        let (old, new) = two(&world, "delete").await;
        says(&world, "Old", vec![somebody("o1", "ada"), somebody("o2", "ben")]);
        let junk = Entry::Refused(RefusedRecord {
            external_id: Some(ExternalId("n2".to_owned())), about: "cn=?".to_owned(), why: "Junk.".to_owned(), locators: Vec::new(),
            off: false,
        });
        says(&world, "New", vec![somebody("n1", "ada"), junk]);
        asked(&world, old, Wish::Sync).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        assert!(plan.holds.iter().any(|hold| hold.words().contains("nobody can tell")), "{:?}", plan.holds);
        approved(&world, &plan).await;
        assert!(user(&world, "ben").await.is_active());
        assert_eq!(directories_of(&world, "ada").await, ["New"]);
    }

    async fn a_comparison_is_out_of_date_once_the_other_side_changed(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "Old", old_tree());
        says(&world, "New", new_tree());
        asked(&world, old, Wish::Sync).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let mut more = old_tree();
        more.push(somebody("o-late", "late"));
        says(&world, "Old", more);
        asked(&world, old, Wish::Sync).await;
        let seen = views::shadow(&world.services, &world.system(), new).await.unwrap();
        assert!(seen.view.unwrap().is_stale);
        let refused = runs::approve(&world.services, &world.system(), plan.id, &plan.identity.clone().unwrap()).await;
        assert_eq!(refused.unwrap_err().code, "PLAN-002");
        // Somebody who gains a role after the comparison is not handed over by it.
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let ada = user(&world, "ada").await.id;
        world.grant(Role::Superadmin, Member::User(ada)).await.unwrap();
        let id = runs::approve(&world.services, &world.system(), plan.id, &plan.identity.clone().unwrap()).await.unwrap();
        let run = ran(&world, id).await;
        let failed = runs::show(&world.services, &world.system(), run.id).await.unwrap().failed;
        assert!(failed.iter().any(|one| one.code == "PLAN-005"), "{failed:?}");
        assert_eq!(directories_of(&world, "ada").await, ["Old"]);
        let seen = picture(&world).await;
        assert!(seen.contains(&format!("{:?} in Staff by Old", Member::User(ada))), "a membership goes only with its account: {seen:#?}");
        let ben = user(&world, "ben").await.id;
        assert!(seen.contains(&format!("{:?} in Staff by New", Member::User(ben))));
    }
}

async fn first_run(world: &TestWorld, directory: DirectoryId) -> RunId {
    let all = muster_storage::runs::list(world.services.db(), Some(directory), None, 100)
        .await
        .unwrap();
    let mut done = all.iter().filter(|run| run.progress.tried > 0);
    done.next_back().unwrap().id
}
