//! Sources read through a mapping, from memory: who is filtered out, who is refused, what a changed mapping changes.

use async_trait::async_trait;
use muster_domain::Error;
use muster_domain::census::{Counted, Present};
use muster_domain::change::{Action, Cause};
use muster_domain::directory::{Cursor, Directory, Finding, Probe};
use muster_domain::id::DirectoryId;
use muster_domain::mapping::{Expected, Expression, How, Mapping, Rule, When};
use muster_domain::plan::{Plan, Reason};
use muster_domain::record::{Attributes, ExternalId, SourceValues, UserRecord};
use muster_domain::snapshot::{Completeness, Doubt, Entry, Gathered, Intake, Reference};
use muster_services::config;
use muster_services::sync::Rules;
use muster_services::sync::mapped::{MappedSource, Work};
use muster_storage::{Quiet, accounts, directories, mappings, users};
use muster_testing::TestWorld;

use crate::{carried, declared, is_in, planned};

/// A source that says what it was told, and knows changes.
#[derive(Clone)]
struct Told(Vec<Entry>);

#[async_trait]
impl Directory for Told {
    async fn probe(&self, _: Probe) -> Finding {
        unreachable!("nobody tries it")
    }

    async fn person(&self, username: &str) -> Result<Option<UserRecord>, Error> {
        let found = self.person_said(username).await?;
        Ok(found.map(|(record, _)| record))
    }

    async fn person_said(
        &self,
        username: &str,
    ) -> Result<Option<(UserRecord, SourceValues)>, Error> {
        Ok(self.0.iter().find_map(|entry| match entry {
            Entry::User { record, source, .. } if record.attributes["username"] == username => {
                Some((record.clone(), source.clone()))
            }
            _ => None,
        }))
    }

    async fn read(&self, intake: &mut dyn Intake) -> Completeness {
        intake.page(self.0.clone()).await.unwrap();
        Completeness::Complete
    }

    async fn read_whole(&self, intake: &mut dyn Intake) -> (Completeness, Option<Cursor>) {
        (self.read(intake).await, Some(Cursor("7".to_owned())))
    }

    async fn read_changes(
        &self,
        since: &Cursor,
        intake: &mut dyn Intake,
    ) -> (Completeness, Option<Cursor>) {
        assert_eq!(since.0, "7");
        let completeness = self.read(intake).await.doubting(Doubt::Partial);
        (completeness, Some(Cursor("8".to_owned())))
    }
}

fn somebody(id: &str, username: &str, said: &[(&str, &str)]) -> Entry {
    let source: SourceValues = said
        .iter()
        .map(|(name, value)| ((*name).to_owned(), vec![(*value).to_owned()]))
        .collect();
    Entry::User {
        record: UserRecord {
            external_id: ExternalId(id.to_owned()),
            attributes: Attributes::from([("username".to_owned(), username.to_owned())]),
            active: true,
        },
        source,
        locators: vec![format!("dn:{username}")],
    }
}

fn people() -> Vec<Entry> {
    vec![
        somebody("1", "anna", &[("department", "Lab"), ("desks", "2")]),
        somebody("2", "ben", &[("department", "Lab"), ("desks", "0")]),
        somebody("3", "cem", &[("department", "Temp"), ("desks", "1")]),
    ]
}

fn staff() -> Vec<Entry> {
    let group = Reference::Id(ExternalId("g".to_owned()));
    let members = ["anna", "ben", "cem"]
        .map(|name| Reference::Locator(format!("dn:{name}")))
        .to_vec();
    vec![
        Entry::Group {
            external_id: ExternalId("g".to_owned()),
            name: "Staff".to_owned(),
            locators: Vec::new(),
        },
        Entry::Members { group, members },
    ]
}

fn rule(attribute: &str, when: When, expression: &str) -> Rule {
    Rule {
        attribute: attribute.to_owned(),
        when,
        how: How::Expression(Expression(expression.to_owned())),
    }
}

fn mapping(filter: Option<&str>, rules: Vec<Rule>) -> Mapping {
    Mapping {
        filter: filter.map(|text| Expression(text.to_owned())),
        rules,
        ..Mapping::default()
    }
}

fn through(
    world: &TestWorld,
    directory: DirectoryId,
    mapping: &Mapping,
    told: Vec<Entry>,
) -> MappedSource {
    let work = Work::new(directory, mapping).unwrap();
    MappedSource::new(Box::new(Told(told)), work, world.services.db().clone())
}

async fn synced(
    world: &TestWorld,
    directory: DirectoryId,
    mapping: &Mapping,
    told: Vec<Entry>,
) -> Plan {
    let source = through(world, directory, mapping, told);
    let rules = Rules::default();
    let plan = planned(world, directory, &source, &rules).await.unwrap();
    carried(world, &plan).await;
    let again = planned(world, directory, &source, &rules).await.unwrap();
    assert_eq!(again.steps, [], "nothing is left to do");
    plan
}

#[tokio::test]
async fn a_record_that_divides_by_zero_is_refused_and_the_rest_goes_on() {
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let share = rule("share", When::Always, "string(100 / int(source.desks))");
    let plan = synced(&world, directory, &mapping(None, vec![share]), people()).await;
    assert_eq!(is_in(&world, "anna").await, Some(true));
    assert_eq!(is_in(&world, "ben").await, None);
    assert_eq!(is_in(&world, "cem").await, Some(true));
    let [refusal] = plan.refusals.as_slice() else {
        panic!("{:?}", plan.refusals)
    };
    let why = "The rule for “share” fails on it. It divides by zero.".to_owned();
    assert_eq!(refusal.reason, Reason::Unusable { why });
    assert_eq!(refusal.external_id, Some(ExternalId("2".to_owned())));
}

#[tokio::test]
async fn somebody_who_is_refused_by_a_rule_does_not_leave() {
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let _ = synced(&world, directory, &Mapping::default(), people()).await;
    let share = rule("share", When::Always, "string(100 / int(source.desks))");
    let plan = synced(&world, directory, &mapping(None, vec![share]), people()).await;
    assert_eq!(is_in(&world, "ben").await, Some(true));
    assert_eq!(plan.refusals.len(), 1);
}

/// The same who may not come in.
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

#[tokio::test]
async fn somebody_who_is_disabled_and_refused_by_a_rule_is_kept_out() {
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let all = |mails: [&[(&str, &str)]; 3]| {
        let names = [("1", "anna"), ("2", "ben"), ("3", "cem")];
        let people = names.iter().zip(mails);
        let mut people: Vec<Entry> = people
            .map(|((id, name), said)| somebody(id, name, said))
            .collect();
        let fine = [("mail", "d@example.org"), ("role", "staff")];
        people.push(somebody("4", "dora", &fine));
        people
    };
    let mail = [("mail", "x@example.org"), ("role", "staff")];
    let rules = || vec![rule("email", When::Always, "source.mail")];
    let _ = synced(&world, directory, &mapping(None, rules()), all([&mail; 3])).await;
    // Offboarding disables anna and clears her address; ben only loses his.
    let mut after = all([&[], &[], &mail]);
    after[0] = off(after[0].clone());
    let plan = synced(&world, directory, &mapping(None, rules()), after.clone()).await;
    assert_eq!(plan.refusals.len(), 2);
    assert_eq!(is_in(&world, "anna").await, Some(false));
    assert_eq!(is_in(&world, "ben").await, Some(true));
    // Where rules say who may come in, they do, whatever else fails; where they fail, too, the source does.
    let mut ruled = rules();
    ruled.push(rule("active", When::Always, "source.role == \"staff\""));
    let mut after = all([&[("role", "staff")], &[("role", "guest")], &[]]);
    after[2] = off(after[2].clone());
    let plan = synced(&world, directory, &mapping(None, ruled), after).await;
    assert_eq!(plan.refusals.len(), 3);
    assert_eq!(
        is_in(&world, "anna").await,
        Some(false),
        "nothing that is refused lets in"
    );
    assert_eq!(is_in(&world, "ben").await, Some(false));
    assert_eq!(is_in(&world, "cem").await, Some(false));
}

#[tokio::test]
async fn whom_a_filter_leaves_out_leaves_with_the_filters_words_as_the_cause() {
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let all = [people(), staff()].concat();
    let _ = synced(&world, directory, &Mapping::default(), all.clone()).await;
    let filter = "source.department != \"Temp\"";
    let plan = synced(&world, directory, &mapping(Some(filter), Vec::new()), all).await;
    assert_eq!(is_in(&world, "cem").await, Some(false));
    assert_eq!(is_in(&world, "anna").await, Some(true));
    let causes: Vec<&Cause> = plan
        .steps
        .iter()
        .filter(|step| matches!(step.change.action, Action::Deactivate { .. }))
        .map(|step| &step.change.cause)
        .collect();
    assert_eq!(causes, [&Cause::FilteredOut(filter.to_owned())]);
}

#[tokio::test]
async fn a_filter_that_leaves_everybody_out_waits_for_a_person() {
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let _ = synced(&world, directory, &Mapping::default(), people()).await;
    let source = through(
        &world,
        directory,
        &mapping(Some("false"), Vec::new()),
        people(),
    );
    let plan = planned(&world, directory, &source, &Rules::default())
        .await
        .unwrap();
    assert_eq!(plan.steps.len(), 3);
    assert!(matches!(
        plan.guarded,
        muster_domain::guard::Guarded::Held(_)
    ));
}

#[tokio::test]
async fn a_rule_on_create_leaves_what_is_here_as_it_is() {
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let room = |text: &str| {
        let rules = vec![rule("room", When::OnCreate, &format!("\"{text}\""))];
        mapping(None, rules)
    };
    let _ = synced(&world, directory, &room("one"), people()).await;
    let mut more = people();
    more.push(somebody("4", "dee", &[]));
    let _ = synced(&world, directory, &room("two"), more).await;
    let db = world.services.db();
    for (username, room) in [("anna", "one"), ("dee", "two")] {
        let user = users::by_username(db, username).await.unwrap().unwrap();
        let held = accounts::of_user(db, user.id).await.unwrap();
        assert_eq!(held[0].attributes["room"], room, "{username}");
    }
}

#[tokio::test]
async fn a_cursor_counts_for_the_mapping_alone_under_which_it_was_given() {
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let one = through(
        &world,
        directory,
        &mapping(Some("true"), Vec::new()),
        people(),
    );
    let (_, cursor) = one.read_whole(&mut Gathered::default()).await;
    let cursor = cursor.unwrap();
    let (_, next) = one.read_changes(&cursor, &mut Gathered::default()).await;
    assert!(next.is_some_and(|next| next != cursor));
    let other = through(
        &world,
        directory,
        &mapping(Some("1 == 1"), Vec::new()),
        people(),
    );
    for foreign in [cursor, Cursor("7".to_owned())] {
        let (completeness, next) = other.read_changes(&foreign, &mut Gathered::default()).await;
        assert!(!completeness.may_remove() && next.is_none());
    }
}

#[tokio::test]
async fn a_census_leaves_out_whom_the_filter_leaves_out() {
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let filter = mapping(Some("source.department == \"Lab\""), Vec::new());
    let source = through(&world, directory, &filter, people());
    let mut counted = Counted::default();
    assert!(source.read_ids(&mut counted).await.may_remove());
    let present: Vec<Present> = counted.present.into_iter().collect();
    let id = |text: &str| Present::Person(ExternalId(text.to_owned()));
    assert_eq!(present, [id("1"), id("2")]);
}

#[tokio::test]
async fn one_person_is_seen_through_the_mapping_too() {
    let world = TestWorld::new().await.unwrap();
    let directory = declared(&world, "Office").await;
    let rules = vec![rule(
        "email",
        When::Always,
        "source.department + \"@x.example\"",
    )];
    let filter = mapping(Some("source.desks != \"0\""), rules);
    let source = through(&world, directory, &filter, people());
    let anna = source.person("anna").await.unwrap().unwrap();
    assert_eq!(anna.attributes["email"], "Lab@x.example");
    assert_eq!(source.person("ben").await.unwrap_err().code, "MAP-005");
    assert_eq!(source.person("nobody").await.unwrap(), None);
}

const FILE: &str = r#"
[directories."Office"]
kind = "ldap"
bind_password = "env:READER"
[directories."Office".settings]
servers = "dc1.example.org"
bind_dn = "cn=reader,dc=example"
users_base = "dc=example"
[directories."Office".mapping]
filter = 'source.department != "Temp"'
[[directories."Office".mapping.rules]]
attribute = "email"
when = "if_empty"
expression = "source.mail.lower()"
[[directories."Office".mapping.rules]]
attribute = "username"
patterns = [{ attribute = "uid", regex = "x-(.+)", template = "$1" }]
[[directories."Office".mapping.tests]]
name = "the mail in small letters"
source = { mail = ["A@X"], department = ["Lab"] }
expected = { values = { email = "a@x" } }
"#;

async fn applied(world: &TestWorld, text: &str) -> Result<usize, Error> {
    let wanted = config::parse(text)?;
    let resolve = |_: &str| Ok(secrecy::SecretString::from("reader-pw"));
    let call = world.system();
    let done = config::apply(&world.services, &call, &wanted, &resolve).await?;
    Ok(done
        .iter()
        .filter(|one| !one.path.ends_with("bind_password"))
        .count())
}

#[tokio::test]
async fn a_configuration_file_declares_a_mapping_once_and_gives_it_back() {
    let world = TestWorld::new().await.unwrap();
    world.user("somebody").await.unwrap();
    assert!(applied(&world, FILE).await.unwrap() > 3);
    assert_eq!(applied(&world, FILE).await.unwrap(), 0);
    let text = config::export(&world.services, &world.system())
        .await
        .unwrap();
    assert_eq!(applied(&world, &text).await.unwrap(), 0);
    let wrong = FILE.replace("source.mail.lower()", "source.mail.nosuch()");
    let error = applied(&world, &wrong).await.unwrap_err();
    assert_eq!(error.code, "CFG-021");
    assert!(error.public.contains("nosuch"), "{}", error.public);
    let fails = FILE.replace("email = \"a@x\"", "email = \"b@x\"");
    let error = applied(&world, &fails).await.unwrap_err();
    assert_eq!(error.code, "CFG-021");
    assert!(
        error.public.contains("expected to be “b@x”"),
        "{}",
        error.public
    );
    // One that was saved although a test does not hold comes back as it was exported.
    let services = &world.services;
    let office = directories::by_name(services.db(), "Office")
        .await
        .unwrap()
        .unwrap();
    let kept = mappings::get(services.db(), office.id).await.unwrap();
    let mut knowingly = kept.mapping;
    knowingly.tests[0].expected = Expected::Refused;
    let tx = services.db().begin().await.unwrap();
    mappings::put(&tx, office.id, &knowingly, kept.revision, services.now())
        .await
        .unwrap();
    tx.commit_quiet(Quiet::Working).await.unwrap();
    let text = config::export(services, &world.system()).await.unwrap();
    assert_eq!(applied(&world, &text).await.unwrap(), 0, "{text}");
}
