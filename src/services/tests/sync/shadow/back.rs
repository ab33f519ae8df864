//! A switch that cannot be taken back any more is made the other way round: the one that was in front before is compared
//! with the one that is, and takes its place again. Meanwhile the new one went on.

use std::collections::BTreeSet;

use muster_domain::membership::Member;
use muster_domain::run::Wish;
use muster_domain::shadow::MatchKey;
use muster_domain::snapshot::Entry;
use muster_services::sync::runs;
use muster_storage::plans;
use muster_testing::TestWorld;

use super::{
    approved, asked, compared, directories_of, group, new_tree, old_tree, picture, rows, says,
    somebody, two, undone, user,
};
use crate::runs::kept::removed;

/// The new tree, some time later: Zoe came, and is in a group of everybody with Ada; Fay came to the group of both.
fn later() -> Vec<Entry> {
    let mut entries = new_tree();
    entries.retain(|entry| !is_group(entry, "n-staff"));
    entries.extend([somebody("n-6", "zoe"), somebody("n-7", "fay")]);
    entries.extend(group(
        "n-staff",
        "Staff",
        &["n-1", "n-2", "n-4", "n-5", "n-7"],
    ));
    entries.extend(group("n-more", "Admins", &["n-1", "n-6"]));
    entries
}

fn is_group(entry: &Entry, id: &str) -> bool {
    use muster_domain::snapshot::Reference;
    match entry {
        Entry::Group { external_id, .. } => external_id.0 == id,
        Entry::Members {
            group: Reference::Id(of),
            ..
        } => of.0 == id,
        _ => false,
    }
}

/// Old, then New by a switch, which went on for a while.
async fn switched(world: &TestWorld, leavers: &str) -> (super::DirectoryId, super::DirectoryId) {
    let (old, new) = two(world, leavers).await;
    says(world, "Old", old_tree());
    says(world, "New", new_tree());
    asked(world, old, Wish::Sync).await;
    let plan = compared(world, new, old, MatchKey::Username).await;
    let run = approved(world, &plan).await;
    world.clock.forward(chrono::TimeDelta::minutes(1));
    says(world, "New", later());
    asked(world, new, Wish::Sync).await;
    let refused = runs::undo(&world.services, &world.system(), run.id)
        .await
        .unwrap_err();
    assert_eq!(refused.code, "SHD-004", "it told to compare instead");
    world.clock.forward(chrono::TimeDelta::minutes(1));
    (old, new)
}

fn of<'a>(seen: &'a BTreeSet<String>, part: &str) -> Vec<&'a String> {
    seen.iter().filter(|row| row.contains(part)).collect()
}

on_both! {
    async fn whoever_the_old_one_knows_keeps_their_account_and_the_rest_follows_its_leavers(world) {
        let (old, new) = switched(&world, "deactivate").await;
        let ids: Vec<_> = {
            let mut all = Vec::new();
            for name in ["ada", "ben", "cem", "dora", "root2"] {
                all.push((name, user(&world, name).await.id));
            }
            all
        };
        let before = user(&world, "zoe").await;
        assert!(before.is_active());
        let plan = compared(&world, old, new, MatchKey::Username).await;
        approved(&world, &plan).await;
        let seen = picture(&world).await;
        assert!(seen.contains("directory Old in shadow: false") && seen.contains("directory New in shadow: true"));
        for (name, id) in ids {
            let is = user(&world, name).await;
            assert_eq!(is.id, id, "{name} is who they were");
            assert_eq!(directories_of(&world, name).await, ["Old"], "{name}");
        }
        for name in ["ada", "ben", "cem", "root2"] {
            assert!(user(&world, name).await.is_active(), "{name} may come in again");
        }
        for name in ["eve", "zoe", "fay"] {
            assert!(!user(&world, name).await.is_active(), "{name} is gone by the word of the old one");
            let id = user(&world, name).await.id;
            assert_eq!(of(&seen, &format!("{:?} in", Member::User(id))), Vec::<&String>::new());
        }
        assert_eq!(of(&seen, " by New"), Vec::<&String>::new(), "nothing that the new one made is left");
        assert_eq!(of(&seen, "is n-"), Vec::<&String>::new(), "no group is of the new one");
        let ada = user(&world, "ada").await.id;
        for name in ["Staff", "Lab"] {
            assert!(seen.contains(&format!("{:?} in {name} by Old", Member::User(ada))), "{seen:#?}");
        }
        // Nothing is left to do, and what the new one says is compared alone.
        let again = asked(&world, old, Wish::Sync).await;
        let left = plans::get(world.services.db(), again.plan.unwrap()).await.unwrap().unwrap();
        assert_eq!(left.counts.all(), 0, "{:#?}", rows(&world, &left).await);
        asked(&world, new, Wish::Sync).await;
        assert_eq!(picture(&world).await, seen);
        let (_, wrong) = runs::examine(&world.services).await.unwrap();
        assert_eq!(wrong, Vec::<String>::new());
    }

    async fn whoever_the_new_one_alone_knows_is_deleted_where_the_old_one_deletes(world) {
        let (old, new) = switched(&world, "delete").await;
        let plan = compared(&world, old, new, MatchKey::Username).await;
        approved(&world, &plan).await;
        let db = world.services.db();
        for name in ["eve", "zoe", "fay"] {
            assert!(muster_storage::users::by_username(db, name).await.unwrap().is_none(), "{name}");
        }
        for name in ["ada", "ben", "cem", "dora"] {
            assert_eq!(directories_of(&world, name).await, ["Old"], "{name}");
        }
        let seen = picture(&world).await;
        assert_eq!(of(&seen, " by New"), Vec::<&String>::new());
        let again = asked(&world, old, Wish::Sync).await;
        let left = plans::get(db, again.plan.unwrap()).await.unwrap().unwrap();
        assert_eq!(left.counts.all(), 0, "{:#?}", rows(&world, &left).await);
    }

    async fn whoever_the_new_one_alone_knows_stays_where_the_old_one_keeps_leavers(world) {
        let (old, new) = switched(&world, "keep").await;
        let plan = compared(&world, old, new, MatchKey::Username).await;
        approved(&world, &plan).await;
        for name in ["eve", "zoe", "fay"] {
            assert!(user(&world, name).await.is_active(), "{name}");
            assert_eq!(directories_of(&world, name).await, ["New"], "{name}");
        }
        for name in ["ada", "ben", "cem", "dora"] {
            assert_eq!(directories_of(&world, name).await, ["Old"], "{name}");
        }
        let again = asked(&world, old, Wish::Sync).await;
        let left = plans::get(world.services.db(), again.plan.unwrap()).await.unwrap().unwrap();
        assert_eq!(left.counts.all(), 0, "{:#?}", rows(&world, &left).await);
    }

    async fn what_an_undone_switch_gave_back_is_missed_by_nobody_once_its_directory_is_removed(world) {
        let (old, new) = two(&world, "deactivate").await;
        says(&world, "Old", old_tree());
        // The new one lists fewer in a group: those leave it by the switch, and are back in it by its undoing.
        let mut fewer = new_tree();
        fewer.retain(|entry| !is_group(entry, "n-staff"));
        fewer.extend(group("n-staff", "Staff", &["n-1"]));
        says(&world, "New", fewer);
        asked(&world, old, Wish::Sync).await;
        let plan = compared(&world, new, old, MatchKey::Username).await;
        let run = approved(&world, &plan).await;
        world.clock.forward(chrono::TimeDelta::minutes(1));
        undone(&world, &run).await;
        world.clock.forward(chrono::TimeDelta::minutes(1));
        removed(&world, old).await;
        let (_, wrong) = runs::examine(&world.services).await.unwrap();
        assert_eq!(wrong, Vec::<String>::new());
    }
}
