//! What a source says badly: records that are refused and off, no groups at all, new names halfway through, names that are
//! protected. And against whom is measured what goes.

use std::collections::BTreeSet;
use std::sync::Mutex;

use async_trait::async_trait;
use chrono::TimeDelta;
use muster_domain::change::{Action, Cause};
use muster_domain::directory::{Directory, Finding, Probe};
use muster_domain::guard::{Guarded, Hold, Kind};
use muster_domain::plan::{Leavers, Plan, Reason};
use muster_domain::record::{Attributes, ExternalId, UserRecord};
use muster_domain::snapshot::{Completeness, Entry, Intake, Reference, RefusedRecord};
use muster_domain::{Error, Kind as ErrorKind};
use muster_services::sync::Rules;
use muster_testing::TestWorld;

use crate::door::{Told, group, rules, somebody};
use crate::{carried, declared, is_in, planned};

fn id(text: &str) -> ExternalId {
    ExternalId(text.to_owned())
}

fn refused(text: &str, off: bool) -> Entry {
    Entry::Refused(RefusedRecord {
        external_id: Some(id(text)),
        about: text.to_owned(),
        why: "Its name is too long.".to_owned(),
        locators: vec![format!("uid={text}")],
        off,
    })
}

fn off(entry: Entry) -> Entry {
    match entry {
        Entry::User {
            mut record,
            source,
            locators,
        } => {
            record.active = false;
            Entry::User {
                record,
                source,
                locators,
            }
        }
        other => other,
    }
}

fn told(parts: &[&[Entry]]) -> Told {
    Told::in_pages(vec![parts.concat()])
}

/// What is done, in short: the cause and whom it is about.
fn done(plan: &Plan) -> Vec<(Cause, &str)> {
    let steps = plan.steps.iter();
    steps
        .map(|step| (step.change.cause.clone(), step.subject.as_str()))
        .collect()
}

on_both! {
    async fn whoever_is_off_at_the_source_is_kept_out_though_their_record_is_refused(world) {
        let directory = declared(&world, "Office").await;
        let rules = Rules::default();
        let staff = group("g", "Staff", &["1", "2", "3", "4"]);
        let people: Vec<Entry> = [("1", "anna"), ("2", "ben"), ("3", "cem"), ("4", "dora"), ("5", "eve")]
            .map(|(id, name)| somebody(id, name)).to_vec();
        let plan = planned(&world, directory, &told(&[&people, &staff]), &rules).await.unwrap();
        carried(&world, &plan).await;
        let after = told(&[
            // Off and unusable.
            &[refused("1", true)],
            // Unusable, and nobody can tell.
            &[refused("2", false)],
            // Read again on a later page, where it says something else: off by both, and by one of them.
            &[off(somebody("3", "cem")), off(somebody("3", "cem2"))],
            &[somebody("4", "dora"), off(somebody("4", "dora")), somebody("5", "eve")],
            &staff,
        ]);
        let plan = planned(&world, directory, &after, &rules).await.unwrap();
        let mut done = done(&plan);
        done.sort_by_key(|(_, subject)| *subject);
        assert_eq!(done, [(Cause::DisabledAtSource, "anna"), (Cause::DisabledAtSource, "cem")]);
        assert_eq!(plan.refusals.len(), 4);
        carried(&world, &plan).await;
        assert_eq!(is_in(&world, "anna").await, Some(false));
        assert_eq!(is_in(&world, "ben").await, Some(true));
        let again = planned(&world, directory, &after, &rules).await.unwrap();
        assert_eq!(again.steps, [], "nothing is left to do");
    }

    async fn what_goes_is_measured_against_those_who_are_active(world) {
        let directory = declared(&world, "Office").await;
        let people: Vec<Entry> = (0..220).map(|n| somebody(&format!("p{n:03}"), &format!("user{n}"))).collect();
        let any = rules(Leavers::Deactivate);
        let plan = planned(&world, directory, &told(&[&people]), &any).await.unwrap();
        carried(&world, &plan).await;
        let (left, _) = people.split_at(20);
        let plan = planned(&world, directory, &told(&[left]), &any).await.unwrap();
        assert_eq!(plan.steps.len(), 200);
        carried(&world, &plan).await;
        world.clock.forward(TimeDelta::days(2));
        // 19 of 20, and 8.6 % of all who were ever here.
        let (one, _) = people.split_at(1);
        let plan = planned(&world, directory, &told(&[one]), &Rules::default()).await.unwrap();
        assert_eq!(plan.steps.len(), 19);
        let hold = Hold::TooMany { kind: Kind::People, now: 19, lately: 0, of: 20 };
        assert_eq!(plan.guarded, Guarded::Held(vec![hold]));
    }

    async fn a_source_that_shows_no_group_at_all_empties_none_before_a_person_looked(world) {
        let directory = declared(&world, "Office").await;
        let rules = Rules::default();
        let people = [somebody("1", "anna"), somebody("2", "ben")];
        let all = told(&[&people, &group("g", "Staff", &["1", "2"])]);
        let plan = planned(&world, directory, &all, &rules).await.unwrap();
        carried(&world, &plan).await;
        let plan = planned(&world, directory, &told(&[&people]), &rules).await.unwrap();
        assert_eq!(plan.steps.len(), 3, "few enough to pass otherwise");
        assert_eq!(plan.guarded, Guarded::Held(vec![Hold::NoGroups { here: 1 }]));
        // What shows a group shows groups: another one, one that is left out, one that cannot be used.
        let words = "group.name != 'Staff'".to_owned();
        let filtered = Entry::Filtered { external_id: id("g"), words, locators: Vec::new() };
        for shown in [group("h", "Lab", &[]), vec![filtered], vec![refused("g", false)]] {
            let plan = planned(&world, directory, &told(&[&people, &shown]), &rules).await.unwrap();
            assert_eq!(plan.guarded, Guarded::Clear, "{shown:?}");
        }
    }

    async fn a_source_gives_nobody_a_protected_name_and_whoever_was_to_get_one_can_still_be_touched(world) {
        let directory = declared(&world, "Office").await;
        let before = told(&[&[somebody("1", "anna"), somebody("2", "ben")], &group("g", "Staff", &["1"])]);
        let rules = Rules {
            protected_users: vec!["svc-*".to_owned()],
            protected_groups: vec!["Kept*".to_owned()],
            ..Rules::default()
        };
        let plan = planned(&world, directory, &before, &rules).await.unwrap();
        carried(&world, &plan).await;
        let after = told(&[
            &[somebody("1", "SVC-anna"), off(somebody("2", "svc-ben")), somebody("3", "svc-mail")],
            &group("g", "kept one", &["1"]),
            &group("h", "Kept two", &["1"]),
        ]);
        let plan = planned(&world, directory, &after, &rules).await.unwrap();
        assert_eq!(done(&plan), [(Cause::DisabledAtSource, "ben")]);
        let names: BTreeSet<&str> = plan.refusals.iter().map(|refusal| match &refusal.reason {
            Reason::NameProtected { name } => name.as_str(),
            other => panic!("{other:?}"),
        }).collect();
        assert_eq!(names, BTreeSet::from(["SVC-anna", "svc-ben", "svc-mail", "kept one", "Kept two"]));
        carried(&world, &plan).await;
        // Under the name she tried to get she would be out of reach.
        let gone = told(&[&[somebody("2", "ben")], &group("g", "Staff", &[])]);
        let plan = planned(&world, directory, &gone, &rules).await.unwrap();
        carried(&world, &plan).await;
        assert_eq!(is_in(&world, "anna").await, Some(false));
        assert_eq!(is_in(&world, "svc-mail").await, None);
    }
}

/// A source in which somebody got a new name after they were read and before their groups were.
struct Renamed {
    told: Told,
    still: Result<BTreeSet<ExternalId>, Error>,
    asked: Mutex<Vec<(ExternalId, BTreeSet<ExternalId>)>>,
}

#[async_trait]
impl Directory for Renamed {
    async fn probe(&self, probe: Probe) -> Finding {
        self.told.probe(probe).await
    }

    async fn person(&self, _: &str) -> Result<Option<UserRecord>, Error> {
        Ok(None)
    }

    async fn read(&self, intake: &mut dyn Intake) -> Completeness {
        self.told.read(intake).await
    }

    async fn still_in(
        &self,
        group: &ExternalId,
        who: &[ExternalId],
    ) -> Result<BTreeSet<ExternalId>, Error> {
        let asked = (group.clone(), who.iter().cloned().collect());
        self.asked.lock().unwrap().push(asked);
        self.still.clone()
    }
}

fn at(text: &str, username: &str, place: &str) -> Entry {
    Entry::User {
        record: UserRecord {
            external_id: id(text),
            attributes: Attributes::from([("username".to_owned(), username.to_owned())]),
            active: true,
        },
        source: Default::default(),
        locators: vec![place.to_owned()],
    }
}

fn listing(places: &[&str]) -> Vec<Entry> {
    let mut entries = group("g", "Staff", &[]);
    entries.push(Entry::Members {
        group: Reference::Id(id("g")),
        members: places
            .iter()
            .map(|place| Reference::Locator((*place).to_owned()))
            .collect(),
    });
    entries
}

on_both! {
    async fn whoever_is_renamed_while_everything_is_read_stays_in_their_groups(world) {
        let directory = declared(&world, "Office").await;
        let rules = Rules::default();
        let people = [at("1", "anna", "cn=anna"), at("2", "ben", "cn=ben"), at("3", "cem", "cn=cem")];
        let all = told(&[&people, &listing(&["cn=anna", "cn=ben", "cn=cem"])]);
        let plan = planned(&world, directory, &all, &rules).await.unwrap();
        carried(&world, &plan).await;
        // Anna was renamed, and cem was taken out.
        let said = || told(&[&people, &listing(&["cn=annika", "cn=ben"])]);
        let renamed = |still| Renamed { told: said(), still, asked: Mutex::default() };
        let silent = renamed(Err(Error::new("LDAP-006", ErrorKind::Upstream, "It does not answer.")));
        let plan = planned(&world, directory, &silent, &rules).await.unwrap();
        assert_eq!(plan.steps, [], "nobody leaves while nobody can say who they are");
        let answers = renamed(Ok(BTreeSet::from([id("1")])));
        let plan = planned(&world, directory, &answers, &rules).await.unwrap();
        assert_eq!(done(&plan), [(Cause::GoneFromSource, "cem in Staff")]);
        let who = (id("g"), BTreeSet::from([id("1"), id("3")]));
        assert_eq!(*answers.asked.lock().unwrap(), [who.clone(), who], "once for each way to make a plan");
        carried(&world, &plan).await;
        let again = planned(&world, directory, &answers, &rules).await.unwrap();
        assert_eq!(again.steps, []);
        // Where nobody seems to have left, nobody is asked, whoever else is listed.
        let asked = answers.asked.lock().unwrap().len();
        let unchanged = Renamed {
            told: told(&[&people, &listing(&["cn=anna", "cn=ben", "cn=printer"])]),
            ..renamed(Ok(BTreeSet::new()))
        };
        let plan = planned(&world, directory, &unchanged, &rules).await.unwrap();
        assert_eq!(plan.steps, []);
        assert_eq!(unchanged.asked.lock().unwrap().len(), 0);
        assert_eq!(asked, 4);
        // A source whose names say nothing of the kind is taken at its word.
        let plan = planned(&world, directory, &said(), &rules).await.unwrap();
        assert!(matches!(plan.steps[..], [ref step] if matches!(step.change.action, Action::RemoveMember { .. })));
    }
}
