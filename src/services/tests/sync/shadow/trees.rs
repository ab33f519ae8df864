//! Random trees on both sides: whatever they say, after the switch nothing is left to do, and it can be taken back.

use muster_domain::id::UserId;
use muster_domain::membership::Member;
use muster_domain::record::ExternalId;
use muster_domain::role::Role;
use muster_domain::run::Wish;
use muster_domain::shadow::MatchKey;
use muster_domain::snapshot::{Entry, RefusedRecord};
use muster_services::sync::runs;
use muster_storage::{accounts, groups, plans};
use muster_testing::TestWorld;

use super::{
    NAMES_OF_GROUPS, approved, asked, compared, group, person, picture, rows, says, somebody, two,
    undone,
};
use crate::random::Dice;

pub(super) fn old_tree() -> Vec<Entry> {
    let mut entries = vec![
        somebody("o-ada", "ada"),
        person("o-ben", "ben", "ben@x.example", "Clerk", true),
        somebody("o-cem", "cem"),
        somebody("o-dora", "dora"),
        somebody("o-root", "root2"),
    ];
    entries.extend(group(
        "o-staff",
        "Staff",
        &["o-ada", "o-ben", "o-cem", "o-root"],
    ));
    entries.extend(group("o-lab", "Lab", &["o-ada"]));
    entries.extend(group("o-only", "Old only", &["o-ben", "o-dora"]));
    entries
}

pub(super) fn new_tree() -> Vec<Entry> {
    let mut entries = vec![
        somebody("n-1", "ada"),
        person("n-2", "ben", "ben@x.example", "Officer", true),
        person("n-3", "dora", "dora@x.example", "", false),
        somebody("n-4", "eve"),
        somebody("n-5", "root2"),
    ];
    entries.extend(group("n-staff", "Staff", &["n-1", "n-2", "n-4", "n-5"]));
    entries.extend(group("n-lab", "Lab", &["n-2"]));
    entries.extend(group("n-only", "New only", &["n-1"]));
    entries
}

/// A tree: people of ten names, some without an address or with somebody else's, and groups of them.
fn tree(dice: &mut Dice, side: &str) -> Vec<Entry> {
    let mut entries = Vec::new();
    for n in 0..10 {
        if dice.is(75) {
            let email = match dice.roll(12) {
                0 => String::new(),
                1 => format!("u{}@x.example", dice.roll(10)),
                _ => format!("u{n}@x.example"),
            };
            let title = ["", "Clerk", "Officer"][usize::try_from(dice.roll(3)).unwrap()];
            entries.push(person(
                &format!("{side}{n}"),
                &format!("u{n}"),
                &email,
                title,
                dice.is(85),
            ));
        }
    }
    for name in NAMES_OF_GROUPS {
        if dice.is(70) {
            let mut members = Vec::new();
            for n in 0..10 {
                if dice.is(40) {
                    members.push(format!("{side}{n}"));
                }
            }
            if dice.is(30) {
                members.push(format!("{side}-Staff"));
            }
            let members: Vec<&str> = members.iter().map(String::as_str).collect();
            entries.extend(group(&format!("{side}-{name}"), name, &members));
        }
    }
    if dice.is(8) {
        entries.push(Entry::Refused(RefusedRecord {
            external_id: Some(ExternalId(format!("{side}-junk"))),
            about: "junk".to_owned(),
            why: "Junk.".to_owned(),
            locators: Vec::new(),
            off: false,
        }));
    }
    entries
}

async fn lives(world: TestWorld, seed: u64) {
    let mut dice = Dice(seed);
    println!("seed {seed}");
    let leavers = ["deactivate", "delete", "keep", "leave_groups"];
    let leavers = leavers[usize::try_from(dice.roll(4)).unwrap()];
    let (old, new) = two(&world, leavers).await;
    says(&world, "Old", tree(&mut dice, "o"));
    says(&world, "New", tree(&mut dice, "n"));
    asked(&world, old, Wish::Sync).await;
    let db = world.services.db();
    let known = accounts::known_page(db, old, None, 100).await.unwrap();
    if let Some(one) = known.get(usize::try_from(dice.roll(10)).unwrap()) {
        let user = UserId(one.user);
        world
            .grant(Role::Auditor, Member::User(user))
            .await
            .unwrap();
    }
    if let Some(group) = groups::by_name(db, "Admins")
        .await
        .unwrap()
        .filter(|_| dice.is(50))
    {
        world
            .grant(Role::Auditor, Member::Group(group.id))
            .await
            .unwrap();
    }
    let by = MatchKey::ALL[usize::try_from(dice.roll(2)).unwrap()];
    let before = picture(&world).await;
    let plan = compared(&world, new, old, by).await;
    assert_eq!(picture(&world).await, before, "comparing changes nothing");
    let run = approved(&world, &plan).await;
    let after = picture(&world).await;
    let again = asked(&world, new, Wish::Plan).await;
    let left = plans::get(db, again.plan.unwrap()).await.unwrap().unwrap();
    // Who was left alone, though read under a name that nobody here has, comes as new: nobody can tell who it is later either.
    let told = rows(&world, &plan).await;
    if by == MatchKey::Email && told.iter().any(|row| row.starts_with("not ")) {
        let left = rows(&world, &left).await;
        let steps = left.iter().filter(|row| !row.starts_with("not "));
        for step in steps {
            let comes = step.starts_with("create_user ") || step.starts_with("add_member ");
            assert!(comes, "{step} of {left:?}, after {told:?}");
        }
    } else {
        assert_eq!(
            left.counts.all(),
            0,
            "nothing is left to do: {:?}",
            rows(&world, &left).await
        );
        asked(&world, new, Wish::Sync).await;
    }
    asked(&world, old, Wish::Sync).await;
    assert_eq!(
        picture(&world).await,
        after,
        "one sync of each changes nothing"
    );
    undone(&world, &run).await;
    assert_eq!(
        picture(&world).await,
        before,
        "what was switched is as before"
    );
    let (_, wrong) = runs::examine(&world.services).await.unwrap();
    assert_eq!(wrong, Vec::<String>::new());
}

#[tokio::test]
async fn after_a_switch_nothing_is_left_to_do_and_it_can_be_taken_back() {
    for seed in 0..40 {
        lives(TestWorld::new().await.unwrap(), seed).await;
    }
}

#[tokio::test]
async fn after_a_switch_nothing_is_left_to_do_and_it_can_be_taken_back_on_postgres() {
    for seed in 1_000..1_005 {
        crate::both::on_a_new_one(move |url| async move {
            lives(TestWorld::over(&url).await.unwrap(), seed).await;
        })
        .await;
    }
}
