//! Runs that read a part of the source: what changed, who is there, one person.

use chrono::TimeDelta;
use muster_domain::id::{DirectoryId, RunId};
use muster_domain::plan::{PlanState, Purpose};
use muster_domain::reading::{Because, Reading, Told};
use muster_domain::record::{Attributes, ExternalId, UserRecord};
use muster_domain::run::{Run, RunState, Wish};
use muster_domain::snapshot::{Doubt, Entry};
use muster_services::sync::runs;
use muster_storage::{directories, readings, users};
use muster_testing::TestWorld;

use super::{
    asked, carried_out, declared, group, here, named, person, plan_of, ran, run_of, synced,
};

fn told(run: &Run) -> Told {
    run.progress.told.unwrap()
}

fn off(number: usize) -> Entry {
    match person(number) {
        Entry::User { record, source, .. } => Entry::User {
            record: UserRecord {
                active: false,
                ..record
            },
            source,
            locators: Vec::new(),
        },
        other => other,
    }
}

fn titled(number: usize, title: &str) -> Entry {
    let attributes = Attributes::from([
        ("username".to_owned(), format!("u{number:05}")),
        ("title".to_owned(), title.to_owned()),
    ]);
    Entry::User {
        record: UserRecord {
            external_id: ExternalId(format!("id-{number:05}")),
            attributes,
            active: true,
        },
        source: Default::default(),
        locators: Vec::new(),
    }
}

/// A directory whose source tells changes, read once.
async fn office(world: &TestWorld, settings: &[(&str, &str)]) -> DirectoryId {
    let directory = declared(world, "Office", settings).await;
    world.source.tells_changes();
    world.source.says(vec![crowd(), group("all", 1..=20)]);
    let first = synced(world, directory).await;
    assert_eq!(told(&first), Told::whole(Because::NoStart));
    assert_eq!(here(world, directory).await, (20, 20));
    directory
}

fn crowd() -> Vec<Entry> {
    (1..=20).map(person).collect()
}

async fn is_in(world: &TestWorld, username: &str) -> bool {
    let found = users::by_username(world.services.db(), username).await;
    found.unwrap().unwrap().is_active()
}

async fn about(world: &TestWorld, directory: DirectoryId, name: &str) -> Run {
    let call = world.system();
    let id: RunId = runs::ask_for(&world.services, &call, directory, name)
        .await
        .unwrap();
    assert!(runs::work(&world.services).await.unwrap());
    run_of(world, id).await
}

on_both! {
    async fn between_two_whole_readings_only_what_changed_is_read(world) {
        let directory = office(&world, &[]).await;
        let readings = world.source.readings();
        world.clock.forward(TimeDelta::minutes(5));
        let nothing = synced(&world, directory).await;
        assert_eq!(told(&nothing).reading, Reading::Changes);
        assert_eq!((nothing.progress.read, nothing.progress.planned), (0, 0));
        // One changed, one came and one left the group; the group's other members are not read.
        let mut people = crowd();
        people[2] = titled(3, "Lead");
        people.push(person(21));
        world.source.says(vec![people.clone(), group("all", (1..=19).chain([21]))]);
        let some = synced(&world, directory).await;
        assert_eq!(told(&some).reading, Reading::Changes);
        assert!(told(&some).words().starts_with("Read what changed since 20"), "{}", told(&some).words());
        assert_eq!((some.progress.read, some.progress.planned), (3, 4), "two people and the group");
        assert_eq!(here(&world, directory).await, (21, 20));
        assert_eq!(world.source.readings(), readings, "never whole");
        // Who was there is known still, although nobody came: whoever changes now is no stranger.
        for title in ["Chief", "Head"] {
            people[2] = titled(3, title);
            world.source.says(vec![people.clone(), group("all", (1..=19).chain([21]))]);
            let after = synced(&world, directory).await;
            assert_eq!((told(&after).reading, after.progress.planned), (Reading::Changes, 1));
        }
    }

    async fn a_census_finds_who_is_gone_and_the_whole_reading_behind_it_takes_them_out(world) {
        let directory = office(&world, &[]).await;
        let mut people = crowd();
        people.remove(4);
        let members = (1..=20).filter(|number| *number != 5);
        world.source.says(vec![people.clone(), group("all", members.clone())]);
        let changes = synced(&world, directory).await;
        assert_eq!(told(&changes).reading, Reading::Changes);
        assert!(is_in(&world, "u00005").await, "nobody goes by changes");
        world.clock.forward(TimeDelta::hours(6));
        let gone = synced(&world, directory).await;
        assert_eq!(told(&gone), Told::whole(Because::OthersAreThere));
        assert!(!is_in(&world, "u00005").await);
        // Who left stays known here; the next census is not surprised.
        world.clock.forward(TimeDelta::hours(6));
        let quiet = synced(&world, directory).await;
        assert_eq!((told(&quiet).reading, quiet.progress.planned), (Reading::Census, 0));
        // Many at once wait for a person, as ever, and the reading counts for nothing until then.
        world.source.says(vec![people[..10].to_vec(), group("all", [])]);
        world.clock.forward(TimeDelta::hours(6));
        for _ in 0..2 {
            let held = ran(&world, directory, Wish::Sync).await;
            assert_eq!((held.state, told(&held)), (RunState::Held, Told::whole(Because::OthersAreThere)));
        }
        assert!(is_in(&world, "u00015").await);
        let waits = ran(&world, directory, Wish::Sync).await;
        let done = carried_out(&world, waits.plan.unwrap()).await;
        assert_eq!((done.state, done.progress.failed), (RunState::Done, 0));
        assert!(!is_in(&world, "u00015").await);
    }

    async fn a_census_that_may_lack_somebody_removes_nobody(world) {
        let directory = office(&world, &[]).await;
        for doubt in [Doubt::SizeLimit, Doubt::CutOff("gone".to_owned()), Doubt::WithoutId(1)] {
            world.source.doubts_its_census(Some(doubt));
            world.clock.forward(TimeDelta::hours(6));
            let run = synced(&world, directory).await;
            assert_eq!((told(&run), run.progress.planned), (Told::whole(Because::OthersAreThere), 0));
        }
        world.source.doubts_its_census(None);
        world.source.says(vec![]);
        world.clock.forward(TimeDelta::hours(6));
        let run = ran(&world, directory, Wish::Sync).await;
        assert_eq!(run.state, RunState::Held);
        assert!(is_in(&world, "u00001").await);
    }

    async fn whatever_decides_what_a_reading_means_makes_everything_due(world) {
        let directory = office(&world, &[]).await;
        let db = world.services.db();
        let why = |run: &Run| told(run).because;
        assert_eq!(why(&synced(&world, directory).await), None);
        let mut row = directories::get(db, directory).await.unwrap().unwrap();
        row.settings.insert("leavers".to_owned(), "keep".to_owned());
        let tx = db.begin().await.unwrap();
        directories::update(&tx, &row).await.unwrap();
        tx.commit(&[world.system().event("directory.update", "Office", None, serde_json::json!({}))]).await.unwrap();
        assert_eq!(why(&synced(&world, directory).await), Some(Because::OtherTerms));
        assert_eq!(why(&synced(&world, directory).await), None);
        // Another directory in the order decides whose name counts.
        declared(&world, "Branch", &[]).await;
        assert_eq!(why(&synced(&world, directory).await), Some(Because::OtherTerms));
        // Another server, or one that was restored.
        world.source.forgets();
        world.source.says(vec![crowd(), group("all", 1..=20)]);
        let rows = readings::get(db, directory).await.unwrap().unwrap();
        let tx = db.begin().await.unwrap();
        let junk = readings::Kept { cursor: muster_domain::directory::Cursor("junk".to_owned()), ..rows };
        readings::keep(&tx, directory, &junk, None).await.unwrap();
        tx.commit_quiet(muster_storage::Quiet::Working).await.unwrap();
        assert_eq!(why(&synced(&world, directory).await), Some(Because::CannotTell));
        world.clock.forward(TimeDelta::hours(24));
        assert_eq!(why(&synced(&world, directory).await), Some(Because::Due));
        // What was taken back is not among the changes.
        let mut people = crowd();
        people[0] = titled(1, "Lead");
        world.source.says(vec![people, group("all", 1..=20)]);
        let run = synced(&world, directory).await;
        assert_eq!((why(&run), run.progress.planned), (None, 1));
        let undo = runs::undo(&world.services, &world.system(), run.id).await.unwrap();
        carried_out(&world, undo).await;
        let again = synced(&world, directory).await;
        assert_eq!((why(&again), again.progress.planned), (Some(Because::NoStart), 1));
        // To look at everybody is to look at everybody.
        let look = ran(&world, directory, Wish::Plan).await;
        assert_eq!((why(&look), plan_of(&world, &look).await.purpose), (Some(Because::Asked), Purpose::Drift));
        assert_eq!(why(&synced(&world, directory).await), None, "and nothing is forgotten by it");
    }

    async fn who_was_kept_out_over_there_comes_into_the_groups_that_did_not_change(world) {
        let directory = declared(&world, "Office", &[]).await;
        world.source.tells_changes();
        let mut people = crowd();
        people[6] = off(7);
        world.source.says(vec![people.clone(), group("all", 1..=20)]);
        synced(&world, directory).await;
        assert_eq!(here(&world, directory).await, (19, 19));
        people[6] = person(7);
        world.source.says(vec![people, group("all", 1..=20)]);
        let run = synced(&world, directory).await;
        assert_eq!(told(&run), Told::whole(Because::CameBack));
        assert_eq!(here(&world, directory).await, (20, 20));
    }

    async fn a_name_that_was_refused_is_given_when_it_gets_free(world) {
        let directory = declared(&world, "Office", &[]).await;
        world.source.tells_changes();
        world.source.says(vec![vec![named(1, "anna"), named(2, "ben")]]);
        synced(&world, directory).await;
        world.source.says(vec![vec![named(1, "anna"), named(2, "ben"), named(3, "anna")]]);
        let run = synced(&world, directory).await;
        assert_eq!((told(&run).reading, run.progress.planned), (Reading::Changes, 0));
        // Only the first changes; the third gets what it wanted all along.
        world.source.says(vec![vec![named(1, "otto"), named(2, "ben"), named(3, "anna")]]);
        let run = synced(&world, directory).await;
        assert_eq!((told(&run), run.progress.planned), (Told::whole(Because::Unsettled), 2));
        assert!(is_in(&world, "anna").await && is_in(&world, "otto").await);
    }

    async fn a_reading_of_changes_that_was_cut_is_held_and_read_again(world) {
        let directory = office(&world, &[]).await;
        let people: Vec<Entry> = (1..=20).map(|number| titled(number, "Lead")).collect();
        world.source.says(vec![people.clone(), group("all", 1..=10)]);
        world.source.doubts(Doubt::CutOff("gone".to_owned()));
        let cut = ran(&world, directory, Wish::Sync).await;
        assert_eq!((cut.state, told(&cut).reading), (RunState::Held, Reading::Changes));
        assert_eq!(here(&world, directory).await, (20, 20));
        world.source.says(vec![people, group("all", 1..=10)]);
        let whole = synced(&world, directory).await;
        assert_eq!((told(&whole).reading, whole.progress.planned), (Reading::Changes, 30));
        assert_eq!(here(&world, directory).await, (20, 10));
    }

    async fn a_plan_that_waits_is_not_put_away_by_a_reading_of_a_part(world) {
        let directory = office(&world, &[("guard_people_count", "0"), ("guard_people_few", "0")]).await;
        world.source.says(vec![crowd()[1..].to_vec(), group("all", 2..=20)]);
        world.clock.forward(TimeDelta::hours(24));
        let held = ran(&world, directory, Wish::Sync).await;
        assert_eq!(held.state, RunState::Held);
        let one = about(&world, directory, "u00002").await;
        assert_eq!((one.state, told(&one).reading), (RunState::Done, Reading::Person), "{:?}", one.problem);
        assert_eq!(plan_of(&world, &held).await.state, PlanState::Held);
    }

    async fn one_person_is_brought_up_to_date_and_nobody_goes_by_it(world) {
        let directory = office(&world, &[("guard_people_few", "10")]).await;
        let mut people = crowd();
        people[1] = titled(2, "Lead");
        people[2] = off(3);
        people[3] = titled(4, "Lead");
        people.remove(4);
        people.push(person(21));
        world.source.says(vec![people, group("all", 1..=21)]);
        let run = about(&world, directory, " u00002 ").await;
        assert_eq!((run.state, run.progress.planned, run.person.as_deref()), (RunState::Done, 1, Some("u00002")));
        assert!(told(&run).words().contains("Who is in which group is left"));
        let run = about(&world, directory, "u00003").await;
        assert_eq!((run.state, is_in(&world, "u00003").await), (RunState::Done, false));
        // What it did can be taken back like everything else.
        let undo = runs::undo(&world.services, &world.system(), run.id).await.unwrap();
        carried_out(&world, undo).await;
        assert!(is_in(&world, "u00003").await);
        let absent = about(&world, directory, "u00005").await;
        assert_eq!(absent.state, RunState::Failed);
        assert!(absent.problem.unwrap().contains("RUN-011"));
        assert!(is_in(&world, "u00005").await, "who is absent stays");
        let came = about(&world, directory, "u00021").await;
        assert_eq!((came.state, here(&world, directory).await), (RunState::Done, (21, 20)));
        // Groups that list them did not change since: everything is read.
        let all = synced(&world, directory).await;
        assert_eq!(told(&all), Told::whole(Because::NoStart));
        assert_eq!(here(&world, directory).await, (21, 20));
    }

    async fn a_name_that_nobody_can_bear_is_refused_at_once(world) {
        let directory = office(&world, &[]).await;
        for name in ["", "  ", "a\nb", &"x".repeat(300)] {
            let error = runs::ask_for(&world.services, &world.system(), directory, name).await.unwrap_err();
            assert_eq!((error.code, error.fields.len()), ("RUN-012", 1));
        }
        let error = runs::ask_for(&world.services, &world.anonymous(), directory, "u00001").await.unwrap_err();
        assert_eq!(error.kind.status(), 401);
        let id = asked(&world, directory, Wish::Sync).await;
        let error = runs::ask_for(&world.services, &world.system(), directory, "u00001").await.unwrap_err();
        assert_eq!(error.code, "RUN-001");
        assert!(runs::work(&world.services).await.unwrap());
        assert_eq!(run_of(&world, id).await.state, RunState::Done);
    }
}
