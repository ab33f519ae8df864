//! Plans made page by page: the same as in memory, and nothing is written where nothing is to be done.

use std::collections::BTreeMap;

use async_trait::async_trait;
use muster_domain::change::Action;
use muster_domain::directory::Directory;
use muster_domain::guard::Guarded;
use muster_domain::id::DirectoryId;
use muster_domain::plan::stored::Line;
use muster_domain::plan::{Plan, PlanState, Purpose, Reason, StoredPlan};
use muster_domain::record::ExternalId;
use muster_domain::run::Progress;
use muster_domain::snapshot::{Completeness, Doubt, Entry, Reference};
use muster_domain::{Error, Kind};
use muster_services::sync::Rules;
use muster_services::sync::planning::{self, Watch, measure};
use muster_storage::plans::{self, RowFilter};
use muster_storage::{accounts, groups, memberships, users};
use muster_testing::TestWorld;

use crate::door::{Told, group, rules, somebody};
use crate::{carried, declared, planned};
use muster_domain::plan::Leavers;

/// Looks on.
#[derive(Default)]
pub(crate) struct Watched {
    /// After so many calls it stops the making.
    pub until: Option<usize>,
    pub seen: Vec<Progress>,
}

#[async_trait]
impl Watch for Watched {
    async fn went_on(&mut self, progress: &Progress) -> Result<(), Error> {
        self.seen.push(progress.clone());
        if self.until.is_some_and(|until| self.seen.len() > until) {
            return Err(Error::new("TEST-003", Kind::Conflict, "It was stopped."));
        }
        Ok(())
    }
}

pub(crate) async fn stored(
    world: &TestWorld,
    id: DirectoryId,
    source: &dyn Directory,
    rules: &Rules,
    watch: &mut Watched,
) -> Result<StoredPlan, Error> {
    let (services, call) = (&world.services, world.system());
    let purpose = Purpose::Sync;
    planning::look(services, &call, id, source, rules, purpose, watch).await
}

/// A stored plan as one in memory.
pub(crate) async fn unpacked(world: &TestWorld, stored: &StoredPlan) -> Plan {
    let all = RowFilter::default();
    let rows = plans::rows(world.services.db(), stored.id, &all, None, 1 << 40);
    let (mut steps, mut refusals) = (Vec::new(), Vec::new());
    for row in rows.await.unwrap() {
        match row.line {
            Line::Step(step) => steps.push(step),
            Line::Refusal(refusal) => refusals.push(refusal),
        }
    }
    Plan {
        directory: stored.directory,
        base_revision: stored.base_revision,
        steps,
        refusals,
        guarded: match stored.state {
            PlanState::Clear => Guarded::Clear,
            _ => Guarded::Held(stored.holds.clone()),
        },
    }
}

/// Makes the plan both ways and compares: the same steps up to the ids of what is new, the same refusals, the same guard.
pub(crate) async fn both(
    world: &TestWorld,
    id: DirectoryId,
    source: &dyn Directory,
    rules: &Rules,
) -> Result<Plan, Error> {
    let (services, call) = (&world.services, world.system());
    let wanted = measure::plan(services, &call, id, source, rules).await?;
    let kept = stored(world, id, source, rules, &mut Watched::default()).await?;
    let made = unpacked(world, &kept).await;
    assert_eq!(told(&made), told(&wanted));
    assert_eq!(made.guarded, wanted.guarded);
    assert_eq!(made.base_revision, wanted.base_revision);
    assert_eq!(kept.identity, Some(made.identity()));
    let counted = made.steps.len() + made.refusals.len();
    assert_eq!(
        kept.counts.all() + kept.counts.refused(),
        u64::try_from(counted).unwrap()
    );
    Ok(made)
}

/// Every step and refusal as text, in no order, with what is new named by its id at the source.
fn told(plan: &Plan) -> BTreeMap<String, u32> {
    let mut fresh: BTreeMap<String, String> = BTreeMap::new();
    for step in &plan.steps {
        match &step.change.action {
            Action::CreateUser {
                user, external_id, ..
            } => {
                fresh.insert(user.to_string(), external_id.0.clone());
            }
            Action::LinkGroup {
                group, external_id, ..
            } => {
                fresh.insert(group.to_string(), external_id.0.clone());
            }
            _ => {}
        }
    }
    let steps = plan
        .steps
        .iter()
        .map(|step| serde_json::to_string(step).unwrap());
    let refusals = plan
        .refusals
        .iter()
        .map(|refusal| serde_json::to_string(refusal).unwrap());
    let mut told = BTreeMap::new();
    for mut text in steps.chain(refusals) {
        for (id, name) in &fresh {
            text = text.replace(id, name);
        }
        *told.entry(text).or_default() += 1;
    }
    told
}

/// Everything of a directory that a sync could write.
pub(crate) async fn everything(world: &TestWorld, id: DirectoryId) -> Vec<String> {
    let db = world.services.db();
    let mut seen = Vec::new();
    for known in accounts::known_page(db, id, None, 100_000).await.unwrap() {
        let user = muster_domain::id::UserId(known.user);
        let person = users::get(db, user).await.unwrap();
        let theirs = accounts::of_user(db, user).await.unwrap();
        seen.push(format!("{known:?} {person:?} {theirs:?}"));
    }
    for known in groups::page_of_directory(db, id, None, 100_000)
        .await
        .unwrap()
    {
        let mut inside = memberships::in_group(db, known.group.id).await.unwrap();
        inside.sort();
        seen.push(format!("{known:?} {inside:?}"));
    }
    seen
}

fn by_locator(group: &str, members: &[&str]) -> Entry {
    let members = members.iter();
    Entry::Members {
        group: Reference::Id(ExternalId(group.to_owned())),
        members: members
            .map(|name| Reference::Locator((*name).to_owned()))
            .collect(),
    }
}

fn at(entry: Entry, locator: &str) -> Entry {
    match entry {
        Entry::User { record, source, .. } => Entry::User {
            record,
            source,
            locators: vec![locator.to_owned()],
        },
        other => other,
    }
}

fn pages(pages: &[&[Entry]]) -> Told {
    Told::in_pages(pages.iter().map(|page| page.to_vec()).collect())
}

on_both! {
    async fn the_second_plan_of_an_unchanged_source_is_empty_and_writes_no_row(world) {
        let directory = declared(&world, "Office").await;
        let mut people: Vec<Entry> = (0..700).map(|n| somebody(&format!("p{n}"), &format!("user{n}"))).collect();
        let ids: Vec<String> = (0..700).map(|n| format!("p{n}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        people.extend(group("g", "Staff", &ids));
        people.extend(group("h", "Lab", &["p1", "p2", "g"]));
        let source = Told::in_pages(people.chunks(100).map(<[Entry]>::to_vec).collect());
        let plan = planned(&world, directory, &source, &Rules::default()).await.unwrap();
        assert_eq!(plan.steps.len(), 700 + 4 + 703);
        carried(&world, &plan).await;
        planning::confirm(&world.services, directory).await.unwrap();
        let before = everything(&world, directory).await;
        let mut watch = Watched::default();
        let again = stored(&world, directory, &source, &Rules::default(), &mut watch).await.unwrap();
        assert_eq!(again.state, PlanState::Clear);
        assert_eq!((again.counts.all(), again.counts.refused()), (0, 0));
        assert!(plans::rows(world.services.db(), again.id, &RowFilter::default(), None, 1).await.unwrap().is_empty());
        assert_eq!(everything(&world, directory).await, before);
        // Every account and group is known without a look.
        let known = accounts::known_page(world.services.db(), directory, None, 1_000).await.unwrap();
        assert!(known.iter().all(|account| account.digest.as_ref().is_some_and(|digest| digest.len() == 32)));
        assert_eq!(watch.seen.last().unwrap().read, 702);
        assert!(watch.seen.len() > 8, "it is told of each page");
    }

    async fn without_the_end_of_a_run_the_next_plan_keeps_in_mind_what_it_saw(world) {
        let directory = declared(&world, "Office").await;
        let mut all = vec![somebody("1", "anna"), somebody("2", "ben")];
        all.extend(group("g", "Staff", &["1", "2"]));
        let source = Told::in_pages(vec![all]);
        let plan = planned(&world, directory, &source, &Rules::default()).await.unwrap();
        carried(&world, &plan).await;
        let tx = world.services.db().begin().await.unwrap();
        let known = accounts::known_page(&tx, directory, None, 10).await.unwrap();
        let people: Vec<_> = known.into_iter().map(|account| muster_domain::id::UserId(account.user)).collect();
        accounts::mark(&tx, &people, None, "~0123456789abcdef~").await.unwrap();
        tx.commit_quiet(muster_storage::Quiet::Working).await.unwrap();
        let _ = planned(&world, directory, &source, &Rules::default()).await.unwrap();
        let known = accounts::known_page(world.services.db(), directory, None, 10).await.unwrap();
        assert!(known.iter().all(|account| account.digest.as_ref().is_some_and(|digest| digest.len() == 32)));
        let known = groups::page_of_directory(world.services.db(), directory, None, 10).await.unwrap();
        assert!(known.iter().all(|group| group.digest.is_some()));
    }

    async fn a_making_that_is_stopped_leaves_no_plan_behind(world) {
        let directory = declared(&world, "Office").await;
        let people: Vec<Entry> = (0..2_500).map(|n| somebody(&format!("p{n}"), &format!("user{n}"))).collect();
        let source = Told::in_pages(people.chunks(500).map(<[Entry]>::to_vec).collect());
        for until in [0, 2, 4] {
            let mut watch = Watched { until: Some(until), ..Watched::default() };
            let stopped = stored(&world, directory, &source, &Rules::default(), &mut watch).await.unwrap_err();
            assert_eq!(stopped.code, "TEST-003");
            assert_eq!(watch.seen.len(), until + 1, "it stops at once");
            let left = plans::list(world.services.db(), Some(directory), None, None, 10).await.unwrap();
            assert_eq!(left, []);
        }
    }

    async fn a_record_that_shows_twice_with_a_difference_is_refused_and_nobody_leaves(world) {
        let directory = declared(&world, "Office").await;
        let rules = rules(Leavers::Delete);
        let first = pages(&[&[somebody("1", "anna"), somebody("2", "ben")]]);
        let plan = planned(&world, directory, &first, &rules).await.unwrap();
        carried(&world, &plan).await;
        // Both were decided about before it showed: one changed her name, one is new.
        let moved = pages(&[
            &[somebody("1", "annika"), somebody("2", "ben"), somebody("3", "cem")],
            &[somebody("1", "anna"), somebody("2", "ben"), somebody("3", "cem2")],
        ]);
        let plan = planned(&world, directory, &moved, &rules).await.unwrap();
        assert_eq!(plan.steps, []);
        assert_eq!(plan.refusals.len(), 2);
        assert!(plan.refusals.iter().all(|refusal| matches!(refusal.reason, Reason::Unusable { .. })));
    }

    async fn of_two_who_bear_one_locator_the_one_read_last_is_meant(world) {
        let directory = declared(&world, "Office").await;
        // One left and another was made under the same name while the source was read.
        let mut page = vec![at(somebody("2", "ben"), "uid=x")];
        page.extend(group("g", "Staff", &[]));
        page.push(by_locator("g", &["uid=x", "uid=nobody", "uid=x"]));
        let source = Told::in_pages(vec![vec![at(somebody("1", "anna"), "uid=x")], page]);
        let plan = planned(&world, directory, &source, &Rules::default()).await.unwrap();
        let joins: Vec<&str> = plan.steps.iter().filter(|step| matches!(step.change.action, Action::AddMember { .. }))
            .map(|step| step.subject.as_str()).collect();
        assert_eq!(joins, ["ben in Staff"]);
    }

    async fn a_group_of_fifty_thousand_pointers_comes_whole(world) {
        let directory = declared(&world, "Office").await;
        let mut all: Vec<Entry> = (0..600).map(|n| somebody(&format!("p{n}"), &format!("user{n}"))).collect();
        let ids: Vec<String> = (0..50_000).map(|n| format!("p{n}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        all.extend(group("g", "Everybody", &ids));
        let source = Told::in_pages(vec![all]);
        let plan = planned(&world, directory, &source, &Rules::default()).await.unwrap();
        assert_eq!(plan.steps.len(), 600 + 2 + 600);
    }

    async fn a_reading_that_was_cut_removes_nobody_and_is_held(world) {
        let directory = declared(&world, "Office").await;
        let rules = rules(Leavers::Delete);
        let mut all = vec![somebody("1", "anna"), somebody("2", "ben")];
        all.extend(group("g", "Staff", &["1", "2"]));
        let plan = planned(&world, directory, &Told::in_pages(vec![all]), &rules).await.unwrap();
        carried(&world, &plan).await;
        let mut cut = pages(&[&[somebody("2", "ben"), somebody("3", "cem")]]);
        cut.completeness = Completeness::Incomplete(vec![Doubt::CutOff("gone".to_owned())]);
        let plan = planned(&world, directory, &cut, &rules).await.unwrap();
        assert!(matches!(plan.guarded, Guarded::Held(_)));
        assert_eq!(plan.steps.len(), 1);
        let whole = pages(&[&[somebody("2", "ben"), somebody("3", "cem")]]);
        let plan = planned(&world, directory, &whole, &rules).await.unwrap();
        assert_eq!(plan.steps.len(), 5, "two memberships, anna, the group, and cem");
    }
}
