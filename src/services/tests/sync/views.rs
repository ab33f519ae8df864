//! Plans as pages show them: every page, every filter, what became of each row, what differs where.

use std::collections::BTreeSet;

use muster_domain::change::{Action, Cause, Change};
use muster_domain::drift::Class;
use muster_domain::id::{DirectoryId, GroupId, PlanId, UserId};
use muster_domain::listing::{At, Count, Page};
use muster_domain::membership::{Member, Origin};
use muster_domain::plan::stored::{Line, Row};
use muster_domain::plan::{Counts, Identity, PlanState, Purpose, Step, StoredPlan};
use muster_domain::record::ExternalId;
use muster_domain::role::Role;
use muster_domain::run::RunState;
use muster_services::demo;
use muster_services::sync::runs;
use muster_services::sync::views::{self, Became, PlanFilter, PlanView, RowView, RowsAsked};
use muster_services::users::Paging;
use muster_storage::plans;
use muster_testing::TestWorld;
use uuid::Uuid;

use crate::declared;

/// The plan of the demo that was made for something.
async fn left(world: &TestWorld, purpose: Purpose) -> PlanView {
    let filter = PlanFilter {
        purpose: Some(purpose),
        ..PlanFilter::default()
    };
    let call = world.system();
    let page = views::plan_list(&world.services, &call, filter, &Paging::default())
        .await
        .unwrap();
    let id = page.rows.first().unwrap().plan.id;
    views::plan_view(&world.services, &call, id).await.unwrap()
}

async fn demo_of(world: &TestWorld) -> PlanView {
    let (services, call) = (&world.services, world.system());
    demo::fill(services, &call, 300).await.unwrap();
    demo::leave_plans(services, &call, 230).await.unwrap();
    left(world, Purpose::Sync).await
}

async fn rows(world: &TestWorld, view: &PlanView, asked: &RowsAsked, at: At) -> Page<RowView> {
    let paging = Paging::at(at, 0);
    views::rows(&world.services, &world.system(), view, asked, &paging)
        .await
        .unwrap()
}

fn step(subject: &str, action: Action, cause: Cause) -> Line {
    Line::Step(Step {
        change: Change::new(action, cause),
        subject: subject.to_owned(),
        undo: Vec::new(),
    })
}

fn update(user: u128, directory: DirectoryId) -> Action {
    Action::UpdateAccount {
        user: UserId(Uuid::from_u128(user)),
        directory,
        external_id: ExternalId(user.to_string()),
        attributes: [("username".to_owned(), user.to_string())].into(),
    }
}

on_both! {
    async fn a_plan_is_shown_page_by_page_and_every_filter_counts_what_it_shows(world) {
        let view = demo_of(&world).await;
        let counts = &view.plan.counts;
        let all = counts.all() + counts.refused();
        let everything = RowsAsked::default();
        let (mut seen, mut at) = (Vec::new(), At::First);
        loop {
            let page = rows(&world, &view, &everything, at).await;
            assert_eq!(page.total, Count::Exact(all));
            seen.extend(page.rows.iter().map(|row| row.row.position));
            assert!(page.rows.iter().all(|row| row.became.is_none()));
            let Some(next) = page.next else { break };
            at = At::After(next);
        }
        assert_eq!(seen.len() as u64, all);
        assert!(seen.is_sorted_by(|one, other| one < other));
        let (mut back, mut at) = (Vec::new(), At::Last);
        loop {
            let page = rows(&world, &view, &everything, at).await;
            back.splice(0..0, page.rows.iter().map(|row| row.row.position));
            let Some(previous) = page.previous else { break };
            at = At::Before(previous);
        }
        assert_eq!(back, seen);
        for (kind, causes) in &counts.steps {
            let asked = RowsAsked { kind: Some(kind.clone()), ..RowsAsked::default() };
            assert_eq!(rows(&world, &view, &asked, At::First).await.total, Count::Exact(counts.of(kind)));
            for (cause, count) in causes {
                let asked = RowsAsked { kind: Some(kind.clone()), cause: Some(cause.clone()), ..RowsAsked::default() };
                let page = rows(&world, &view, &asked, At::First).await;
                assert_eq!(page.total, Count::Exact(*count), "{kind} {cause}");
                assert_eq!(page.rows.len() as u64, (*count).min(50));
                let is_of = |row: &RowView| matches!(&row.row.line, Line::Step(step) if step.change.cause.word() == cause);
                assert!(page.rows.iter().all(is_of));
            }
        }
        let nothing = RowsAsked { kind: Some("delete_user".to_owned()), ..RowsAsked::default() };
        assert_eq!(rows(&world, &view, &nothing, At::First).await.total, Count::Exact(0));
        let first = rows(&world, &view, &everything, At::First).await;
        let whom = first.rows.iter().find_map(|row| row.whom.clone()).unwrap();
        assert!(whom.is_here);
        let asked = RowsAsked { whom: Some(whom.id), ..RowsAsked::default() };
        let about = rows(&world, &view, &asked, At::First).await;
        assert!(!about.rows.is_empty() && about.rows.iter().all(|row| row.whom.as_ref() == Some(&whom)));
        let asked = RowsAsked { q: Some("GUEST1".to_owned()), ..RowsAsked::default() };
        let found = rows(&world, &view, &asked, At::First).await;
        let names: BTreeSet<&str> = found.rows.iter().map(|row| match &row.row.line {
            Line::Refusal(refusal) => refusal.subject.as_str(),
            Line::Step(step) => step.subject.as_str(),
        }).collect();
        assert_eq!(names, BTreeSet::from(["guest1", "guest10", "guest11"]));
        assert_eq!(found.total, Count::Exact(3));
        let asked = RowsAsked { q: Some("%".to_owned()), ..RowsAsked::default() };
        assert_eq!(rows(&world, &view, &asked, At::First).await.total, Count::Exact(0));
    }

    async fn a_search_is_paged_to_and_fro_and_counts_what_it_finds(world) {
        let view = demo_of(&world).await;
        let subject = |row: &RowView| match &row.row.line {
            Line::Refusal(refusal) => refusal.subject.clone(),
            Line::Step(step) => step.subject.clone(),
        };
        let (mut all, mut at) = (Vec::new(), At::First);
        loop {
            let page = rows(&world, &view, &RowsAsked::default(), at).await;
            all.extend(page.rows.iter().map(|row| (row.row.position, subject(row).to_lowercase())));
            let Some(next) = page.next else { break };
            at = At::After(next);
        }
        for q in ["A", "e", "an", "zzyzx", "Project", "ø"] {
            let asked = RowsAsked { q: Some(q.to_owned()), ..RowsAsked::default() };
            let low = q.to_lowercase();
            let expected: Vec<i64> = all.iter().filter(|(_, name)| name.contains(&low)).map(|(position, _)| *position).collect();
            let (mut seen, mut at) = (Vec::new(), At::First);
            loop {
                let page = rows(&world, &view, &asked, at).await;
                assert_eq!(page.total, Count::Exact(expected.len() as u64), "{q}");
                seen.extend(page.rows.iter().map(|row| row.row.position));
                let Some(next) = page.next else { break };
                at = At::After(next);
            }
            assert_eq!(seen, expected, "{q}");
            let (mut back, mut at) = (Vec::new(), At::Last);
            loop {
                let page = rows(&world, &view, &asked, at).await;
                back.splice(0..0, page.rows.iter().map(|row| row.row.position));
                let Some(previous) = page.previous else { break };
                at = At::Before(previous);
            }
            assert_eq!(back, expected, "{q}");
        }
    }

    async fn what_differs_in_the_demo_on_both_sides_is_counted_when_it_is_left(world) {
        demo_of(&world).await;
        assert_eq!(left(&world, Purpose::Drift).await.plan.counts.both, Some(0));
    }

    async fn what_changed_on_both_sides_is_told_from_what_changed_on_one(world) {
        let (services, call) = (&world.services, world.system());
        let directory = declared(&world, "Company").await;
        let quits = Action::RemoveMember {
            group: GroupId(Uuid::from_u128(9)),
            member: Member::User(UserId(Uuid::from_u128(1))),
            origin: Origin::Directory(directory),
        };
        let lines = [
            step("anna in Staff", quits, Cause::DriftRepaired),
            step("anna", update(1, directory), Cause::ChangedAtSource),
            step("ben", update(2, directory), Cause::ChangedAtSource),
            step("cem", update(3, directory), Cause::DriftRepaired),
        ];
        let mut counts = Counts::default();
        for line in &lines {
            if let Line::Step(step) = line {
                counts.add(&step.change);
            }
        }
        let plan = StoredPlan {
            state: PlanState::Clear, counts, identity: Some(Identity("0".repeat(64))),
            ..StoredPlan::begun(services.id::<PlanId>(), directory, Purpose::Drift, "test", call.at)
        };
        let rows_of: Vec<Row> = (0..).zip(lines).map(|(position, line)| Row { position, line }).collect();
        let tx = services.db().begin().await.unwrap();
        plans::insert(&tx, &plan).await.unwrap();
        plans::insert_rows(&tx, plan.id, &rows_of).await.unwrap();
        // The same people in another plan are another matter.
        let other = StoredPlan { id: services.id::<PlanId>(), purpose: Purpose::WhatIf, ..plan.clone() };
        plans::insert(&tx, &other).await.unwrap();
        let of_ben = [Row { position: 0, line: step("ben", update(2, directory), Cause::DriftRepaired) }];
        plans::insert_rows(&tx, other.id, &of_ben).await.unwrap();
        tx.commit(&[call.event("test", "test", None, serde_json::json!({}))]).await.unwrap();
        let drift = views::drift(services, &call, directory).await.unwrap();
        assert_eq!(drift.both, Count::Exact(2));
        assert_eq!(drift.classes, [(Class::There, 2), (Class::Here, 2)].into());
        let mut view = drift.view.unwrap();
        assert_eq!(view.plan.id, plan.id);
        let of_both = RowsAsked { class: Some(Class::Both), ..RowsAsked::default() };
        let named = RowsAsked { q: Some("STAFF".to_owned()), ..of_both.clone() };
        let repaired = RowsAsked { cause: Some("drift_repaired".to_owned()), ..of_both.clone() };
        // Whether nobody counted them, they are few, or so many that they are near everywhere: they are the same.
        for known in [None, Some(2), Some(1_000)] {
            view.plan.counts.both = known;
            let positions = async |asked: &RowsAsked| {
                let page = rows(&world, &view, asked, At::First).await;
                page.rows.iter().map(|row| row.row.position).collect::<Vec<_>>()
            };
            assert_eq!(positions(&of_both).await, [0, 1], "{known:?}");
            assert_eq!(positions(&named).await, [0], "{known:?}");
            assert_eq!(positions(&repaired).await, [0], "{known:?}");
        }
        view.plan.counts.both = Some(0);
        assert_eq!(rows(&world, &view, &of_both, At::First).await.total, Count::Exact(0));
        view.plan.counts.both = None;
        let subjects = |class: Class| {
            let (world, view) = (&world, &view);
            async move {
                let asked = RowsAsked { class: Some(class), ..RowsAsked::default() };
                let page = rows(world, view, &asked, At::First).await;
                page.rows.iter().filter_map(|row| match &row.row.line {
                    Line::Step(step) => Some(step.subject.clone()),
                    Line::Refusal(_) => None,
                }).collect::<Vec<_>>()
            }
        };
        assert_eq!(subjects(Class::Both).await, ["anna in Staff", "anna"]);
        assert_eq!(subjects(Class::There).await, ["anna", "ben"]);
        assert_eq!(subjects(Class::Here).await, ["anna in Staff", "cem"]);
        assert!(subjects(Class::Orphan).await.is_empty());
        let of_anna = RowsAsked { whom: Some(Uuid::from_u128(1)), ..RowsAsked::default() };
        assert_eq!(rows(&world, &view, &of_anna, At::First).await.total, Count::Exact(2));
    }

    async fn the_plan_of_the_demo_is_carried_out_and_says_so_row_by_row(world) {
        let view = demo_of(&world).await;
        let (services, call) = (&world.services, world.system());
        let identity = view.plan.identity.clone().unwrap();
        let run = runs::approve(services, &call, view.plan.id, &identity).await.unwrap();
        assert!(runs::work(services).await.unwrap());
        let done = views::progress(services, &call, run).await.unwrap();
        assert_eq!((done.state, done.progress.failed), (RunState::Done, 0), "{:?}", done.problem);
        let view = left(&world, Purpose::Sync).await;
        assert_eq!((view.plan.state, view.is_stale), (PlanState::Done, false));
        let page = rows(&world, &view, &RowsAsked::default(), At::First).await;
        assert!(page.rows.iter().all(|row| row.became == Some(Became::Done)));
        let last = rows(&world, &view, &RowsAsked::default(), At::Last).await;
        assert_eq!(last.rows.last().unwrap().became, None, "what is not done has no outcome");
        assert!(left(&world, Purpose::Drift).await.is_stale);
        let failed = RowsAsked { failed: true, ..RowsAsked::default() };
        assert_eq!(rows(&world, &view, &failed, At::First).await.total, Count::Exact(0));
    }

    async fn w43_plans_runs_and_differences_are_for_whoever_may_see_directories(world) {
        let view = demo_of(&world).await;
        let helpdesk = world.persona("helen", &[Role::Helpdesk]).await.unwrap().call;
        let (services, directory) = (&world.services, view.plan.directory);
        let refused = [
            views::plan_list(services, &helpdesk, PlanFilter::default(), &Paging::default()).await.err(),
            views::run_list(services, &helpdesk, None, &Paging::default()).await.err(),
            views::plan_view(services, &helpdesk, view.plan.id).await.err(),
            views::rows(services, &helpdesk, &view, &RowsAsked::default(), &Paging::default()).await.err(),
            views::drift(services, &helpdesk, directory).await.err(),
            views::drifting(services, &helpdesk).await.err(),
            views::export(services, &helpdesk, &view, RowsAsked::default(), views::Format::Csv).err(),
            muster_services::measured::measured(services, &helpdesk).await.err(),
        ];
        for error in refused {
            assert_eq!(error.unwrap().code, "WEB-403");
        }
        let auditor = world.persona("audrey", &[Role::Auditor]).await.unwrap().call;
        assert!(views::drift(services, &auditor, directory).await.is_ok());
        let error = demo::leave_plans(services, &auditor, 1).await.unwrap_err();
        assert_eq!(error.code, "WEB-403");
    }

    async fn methods_are_measured_as_they_stand_here(world) {
        let view = demo_of(&world).await;
        let (services, call) = (&world.services, world.system());
        let measured = muster_services::measured::measured(services, &call).await.unwrap();
        let all: u64 = measured.iter().map(|one| one.accounts).sum();
        assert_eq!(all, 300);
        let company = measured.iter().find(|one| one.name == "Corporate").unwrap();
        let leave = view.plan.counts.of("deactivate");
        assert_eq!(company.leavers, Some(leave));
        assert_eq!(company.everybody, 300);
        let advice = muster_domain::methods::measured::advice(&measured, call.at);
        assert!(advice[0].starts_with(&format!("{leave} people whom Corporate")), "{advice:?}");
    }
}
