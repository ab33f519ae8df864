//! What must hold when a sync came to its end: here is what is there, and every step was done once.

use std::collections::{BTreeMap, BTreeSet};

use muster_domain::membership::Member;
use muster_domain::run::RunState;
use muster_storage::{Db, accounts, audit, directories, groups, memberships, runs, users};

use crate::tree::{TEAMS, Tree};

/// The people and memberships here are those of the tree.
pub(crate) async fn here_is_what_is_there(db: &Db, tree: &Tree) {
    let office = directories::by_name(db, "Office").await.unwrap().unwrap();
    let shown = tree.shown();
    let mut present = BTreeMap::new();
    let mut after = None;
    loop {
        let page = accounts::page_of_directory(db, office.id, after.as_ref(), 500)
            .await
            .unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.external_id.clone());
        let ids: Vec<_> = page.iter().map(|account| account.user).collect();
        let known: BTreeMap<_, _> = users::get_many(db, &ids)
            .await
            .unwrap()
            .into_iter()
            .map(|user| (user.id, user))
            .collect();
        for account in page {
            let user = &known[&account.user];
            let number: u32 = user.username[1..].parse().unwrap();
            assert_eq!(user.is_active(), tree.shows(number), "{}", user.username);
            if tree.shows(number) {
                assert_eq!(user.email.as_deref(), Some(tree.mail(number).as_str()));
                let twice = present.insert(number, user.id);
                assert_eq!(twice, None, "{} is here twice", user.username);
            }
        }
    }
    let here: BTreeSet<u32> = present.keys().copied().collect();
    assert_eq!(here, shown, "everybody of the tree is here");
    for team in 0..TEAMS {
        let found = groups::by_name(db, &format!("team{team}"))
            .await
            .unwrap()
            .unwrap();
        let rows = memberships::in_group(db, found.id).await.unwrap();
        let inside: BTreeSet<Member> = rows.iter().map(|row| row.member).collect();
        assert_eq!(inside.len(), rows.len());
        let wanted: BTreeSet<Member> = present
            .iter()
            .filter(|(number, _)| **number % TEAMS == team)
            .map(|(_, user)| Member::User(*user))
            .collect();
        assert_eq!(inside, wanted, "team{team}");
    }
    let company = groups::by_name(db, "company").await.unwrap().unwrap();
    let teams = memberships::in_group(db, company.id).await.unwrap();
    assert_eq!(teams.len(), usize::try_from(TEAMS).unwrap());
}

/// What went on record of every plan: batch behind batch, none twice, as many steps as were planned. Gives how many.
pub(crate) async fn every_step_was_done_once(db: &Db) -> u64 {
    let mut batches: BTreeMap<String, Vec<(i64, i64, u64)>> = BTreeMap::new();
    let mut seq = 0;
    loop {
        let some = audit::after(db, seq, 1_000).await.unwrap();
        let Some(last) = some.last() else { break };
        seq = last.seq;
        for row in some {
            assert_ne!(
                row.event.action, "directory.sync.failed",
                "{}",
                row.event.detail
            );
            if row.event.action != "directory.sync.applied" {
                continue;
            }
            let detail = &row.event.detail;
            let steps: u64 = detail["counts"]
                .as_object()
                .unwrap()
                .values()
                .flat_map(|causes| causes.as_object().unwrap().values())
                .map(|many| many.as_u64().unwrap())
                .sum();
            let run = detail["run"].as_str().unwrap().to_owned();
            batches.entry(run).or_default().push((
                detail["from"].as_i64().unwrap(),
                detail["to"].as_i64().unwrap(),
                steps,
            ));
        }
    }
    let mut all = 0;
    for run in runs::list(db, None, None, 100_000).await.unwrap() {
        assert_eq!(run.state, RunState::Done, "{:?}", run.problem);
        assert_eq!(
            (run.progress.failed, run.progress.tried),
            (0, run.progress.planned)
        );
        let told = batches.remove(&run.id.to_string()).unwrap_or_default();
        for pair in told.windows(2) {
            assert!(pair[0].1 < pair[1].0, "{pair:?} of run {} overlap", run.id);
        }
        let steps: u64 = told.iter().map(|(_, _, steps)| steps).sum();
        assert_eq!(steps, run.progress.planned, "run {}", run.id);
        all += steps;
    }
    assert!(batches.is_empty());
    all
}
