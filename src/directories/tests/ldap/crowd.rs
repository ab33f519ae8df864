//! A real slapd with many people, many members, and much going on.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use async_trait::async_trait;
use muster_directories::Ldap;
use muster_domain::Error;
use muster_domain::directory::Directory as _;
use muster_domain::snapshot::{Completeness, Doubt, Entry, Gathered, Intake};

use crate::slapd::{BASE, Setup, Slapd, group, named, people, person};
use crate::{Kept, census, members, presence, read, usernames};

const CROWD: u32 = 10_000;

/// Departments of a fiftieth each, areas of departments, the company of areas, a chain, a circle, and half of everybody.
fn groups() -> Vec<(String, Vec<String>)> {
    let department = |number: u32| format!("dept-{number:02}");
    let mut groups: Vec<(String, Vec<String>)> = (0..50)
        .map(|number| {
            let those = (1..=CROWD).filter(|person| person % 50 == number);
            (department(number), those.map(person).collect())
        })
        .collect();
    groups.extend((0..5).map(|area| {
        let those = (0..50).filter(|number| number % 5 == area);
        let those = those.map(|number| named(&department(number)));
        (format!("area-{area}"), those.collect())
    }));
    let areas = (0..5).map(|area| named(&format!("area-{area}")));
    groups.push(("company".to_owned(), areas.collect()));
    groups.push(("deep-10".to_owned(), vec![person(77)]));
    for depth in (1..10).rev() {
        let below = named(&format!("deep-{}", depth + 1));
        groups.push((format!("deep-{depth}"), vec![below]));
    }
    groups.push(("circle-a".to_owned(), vec![named("circle-b"), person(3)]));
    groups.push(("circle-b".to_owned(), vec![named("circle-a"), person(4)]));
    groups.push(("half".to_owned(), (1..=CROWD / 2).map(person).collect()));
    groups
}

#[tokio::test]
async fn l16_ten_thousand_people_and_their_nested_groups_are_read_and_member_alone_is_enough() {
    let entries = people(CROWD);
    let setup = Setup {
        more: "overlay memberof\nmemberof-dangling ignore",
        ..Setup::of(&entries)
    };
    let Some(slapd) = Slapd::start(setup) else {
        return;
    };
    let mut admin = slapd.admin().await;
    for (name, members) in groups() {
        let class = HashSet::from(["groupOfNames".to_owned()]);
        let says = vec![
            ("objectClass".to_owned(), class),
            ("cn".to_owned(), HashSet::from([name.clone()])),
            ("member".to_owned(), members.into_iter().collect()),
        ];
        let added = admin.add(&named(&name), says).await.unwrap();
        added.success().unwrap();
    }
    // The first of a circle came before the second, to which its memberOf therefore is unknown: said once more.
    let mut settings = slapd.settings();
    settings.limits.page = 500;
    settings.limits.group_page = 20;
    settings.schema.extra = vec!["memberOf".to_owned()];
    let mut kept = Kept::default();
    let ldap = Ldap::new(settings.clone()).unwrap();
    let completeness = ldap.read(&mut kept).await;
    assert_eq!(completeness, Completeness::Complete);
    let said = upwards(&kept.0);
    let mut gathered = Gathered::default();
    kept.0.into_iter().for_each(|entry| gathered.take(entry));
    let snapshot = gathered.finish(completeness);
    assert_eq!(snapshot.users.len(), CROWD as usize);
    assert_eq!(snapshot.groups.len(), groups().len());
    for (name, listed) in groups() {
        assert_eq!(members(&snapshot, &name).len(), listed.len(), "{name}");
    }
    // What a person is said to be in is what groups say of their members, no more.
    let mut downwards: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for known in snapshot.groups.values() {
        for member in known.members.iter().filter_map(|id| snapshot.users.get(id)) {
            let username = member.attributes["username"].as_str();
            let group = named(&known.name);
            downwards.entry(username).or_default().insert(group);
        }
    }
    for (username, groups) in &said {
        assert_eq!(groups, &downwards[username.as_str()], "{username}");
    }
    assert_eq!(said.len(), CROWD as usize);
    let (there, completeness) = census(settings).await;
    assert_eq!(completeness, Completeness::Complete);
    assert_eq!(there, presence(&snapshot));
}

/// The groups that each person is said to be in.
fn upwards(entries: &[Entry]) -> BTreeMap<String, BTreeSet<String>> {
    let said = entries.iter().filter_map(|entry| match entry {
        Entry::User { record, source, .. } => {
            let groups = source.get("memberof").into_iter().flatten().cloned();
            Some((record.attributes["username"].clone(), groups.collect()))
        }
        _ => None,
    });
    said.collect()
}

#[tokio::test]
async fn l17_a_group_of_fifty_thousand_is_read_whole_and_handed_on_in_parts() {
    let all: Vec<String> = (1..=50_000).map(person).collect();
    let entries = people(50) + &group("all", &all);
    let Some(slapd) = Slapd::start(Setup::of(&entries)) else {
        return;
    };
    let mut kept = Kept::default();
    let ldap = Ldap::new(slapd.settings()).unwrap();
    let completeness = ldap.read(&mut kept).await;
    let parts: Vec<usize> = kept
        .0
        .iter()
        .filter_map(|entry| match entry {
            Entry::Members { members, .. } => Some(members.len()),
            _ => None,
        })
        .collect();
    assert_eq!(parts.iter().sum::<usize>(), 50_000);
    assert!(parts.iter().all(|part| *part <= 1_000));
    let mut gathered = Gathered::default();
    kept.0.into_iter().for_each(|entry| gathered.take(entry));
    let snapshot = gathered.finish(completeness);
    assert_eq!(
        members(&snapshot, "all").len(),
        50,
        "the others are not here"
    );
    assert!(snapshot.completeness.may_remove());
    assert!(snapshot.unread.is_empty());
}

/// Does something when the first page has come.
struct Between<F> {
    gathered: Gathered,
    meanwhile: Option<F>,
}

#[async_trait]
impl<F: AsyncMeanwhile> Intake for Between<F> {
    async fn page(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        self.gathered.page(entries).await?;
        if let Some(meanwhile) = self.meanwhile.take() {
            meanwhile.go().await;
        }
        Ok(())
    }
}

#[async_trait]
trait AsyncMeanwhile: Send {
    async fn go(self);
}

struct Turmoil(ldap3::Ldap);

#[async_trait]
impl AsyncMeanwhile for Turmoil {
    async fn go(self) {
        let mut admin = self.0;
        // Far behind the pages that may have been read ahead.
        for number in 50..=55 {
            let gone = person(number);
            admin.delete(&gone).await.unwrap().success().unwrap();
        }
        let class = HashSet::from(["inetOrgPerson"]);
        let [uid, cn, sn] = [["new"], ["New"], ["New"]].map(HashSet::from);
        let says = vec![("objectClass", class), ("uid", uid), ("cn", cn), ("sn", sn)];
        let name = format!("uid=new,ou=people,{BASE}");
        admin.add(&name, says).await.unwrap().success().unwrap();
        for (number, new) in [(1, "uid=early"), (45, "uid=late")] {
            let old = person(number);
            let renamed = admin.modifydn(&old, new, true, None);
            renamed.await.unwrap().success().unwrap();
        }
    }
}

#[tokio::test]
async fn who_comes_goes_or_is_renamed_between_two_pages_disturbs_nobody_else() {
    let entries = people(60) + &group("all", &(1..=60).map(person).collect::<Vec<_>>());
    let Some(slapd) = Slapd::start(Setup::of(&entries)) else {
        return;
    };
    let before = read(slapd.settings()).await;
    let mut intake = Between {
        gathered: Gathered::default(),
        meanwhile: Some(Turmoil(slapd.admin().await)),
    };
    let ldap = Ldap::new(slapd.settings()).unwrap();
    let completeness = ldap.read(&mut intake).await;
    let during = intake.gathered.finish(completeness);
    assert_eq!(during.completeness, Completeness::Complete);
    let names: HashSet<&str> = usernames(&during).into_iter().collect();
    let lost: Vec<&str> = usernames(&before)
        .into_iter()
        .filter(|name| !names.contains(name))
        .collect();
    assert_eq!(
        lost,
        ["u045", "u050", "u051", "u052", "u053", "u054", "u055"],
        "the deleted, and who bears a new name"
    );
    assert!(names.contains("late") && names.contains("new"));
    // By their ids, all but the deleted are there.
    let gone = before
        .users
        .keys()
        .filter(|id| !during.users.contains_key(id));
    assert_eq!(gone.count(), 6);
    let after = read(slapd.settings()).await;
    assert_eq!(after.users.len(), 55);
    assert_eq!(after.completeness, Completeness::Complete);
}

/// Gives somebody another name, which the groups that list them follow.
struct Renaming(ldap3::Ldap);

#[async_trait]
impl AsyncMeanwhile for Renaming {
    async fn go(self) {
        let mut admin = self.0;
        let (old, group) = (person(1), named("all"));
        let renamed = admin.modifydn(&old, "uid=early", true, None);
        renamed.await.unwrap().success().unwrap();
        let gone = HashSet::from([person(3)]);
        let taken_out = vec![ldap3::Mod::Delete("member".to_owned(), gone)];
        let taken_out = admin.modify(&group, taken_out).await.unwrap();
        taken_out.success().unwrap();
        let name = format!("uid=early,ou=people,{BASE}");
        let mut follows = false;
        for _ in 0..600 {
            let listed = admin.compare(&group, "member", name.as_str());
            follows = listed.await.unwrap().equal().unwrap();
            if follows {
                break;
            }
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        assert!(follows, "the group does not follow");
    }
}

#[tokio::test]
async fn l13_whoever_is_renamed_after_they_were_read_is_still_in_their_groups_when_asked_again() {
    let all: Vec<String> = (1..=10).map(person).collect();
    let entries = people(10) + &group("all", &all) + &group("few", &[person(2)]);
    let setup = Setup {
        more: "overlay refint\nrefint_attributes member",
        ..Setup::of(&entries)
    };
    let Some(slapd) = Slapd::start(setup) else {
        return;
    };
    let mut intake = Between {
        gathered: Gathered::default(),
        meanwhile: Some(Renaming(slapd.admin().await)),
    };
    let ldap = Ldap::new(slapd.settings()).unwrap();
    let completeness = ldap.read(&mut intake).await;
    let during = intake.gathered.finish(completeness);
    assert_eq!(during.completeness, Completeness::Complete);
    let id = |name: &str| {
        let mut users = during.users.values();
        let found = users.find(|user| user.attributes["username"] == name);
        found.unwrap().external_id.clone()
    };
    let group = |name: &str| {
        let found = during.groups.values().find(|group| group.name == name);
        found.unwrap().external_id.clone()
    };
    assert!(
        !members(&during, "all").contains(&"u001"),
        "by her old name"
    );
    assert_eq!(during.strangers, BTreeSet::from([group("all")]));
    let who = [id("u001"), id("u003")];
    let still = ldap.still_in(&group("all"), &who).await.unwrap();
    assert_eq!(still, BTreeSet::from([id("u001")]), "u003 was taken out");
    let still = ldap.still_in(&group("few"), &who).await.unwrap();
    assert_eq!(still, BTreeSet::new());
    let nothing = ldap.still_in(&id("u001"), &who).await.unwrap_err();
    assert_eq!(nothing.code, "LDAP-006", "that is no group");
}

#[tokio::test]
async fn l19_a_server_that_gives_no_pages_and_stops_early_removes_nobody() {
    let entries = people(40);
    for more in [
        // Pages are refused altogether.
        "sizelimit size.soft=10 size.hard=10 size.prtotal=disabled",
        // A page may hold less than is asked for at once.
        "sizelimit size.soft=10 size.hard=20 size.pr=3 size.prtotal=unlimited",
        "sizelimit size.soft=10 size.hard=20 size.pr=unlimited size.prtotal=20",
    ] {
        let setup = Setup {
            more,
            ..Setup::of(&entries)
        };
        let Some(slapd) = Slapd::start(setup) else {
            return;
        };
        let snapshot = read(slapd.settings()).await;
        assert!(snapshot.users.len() < 40, "{more}");
        assert!(!snapshot.completeness.may_remove(), "{more}");
        let (_, completeness) = census(slapd.settings()).await;
        assert!(!completeness.may_remove(), "{more}");
        let Completeness::Incomplete(doubts) = snapshot.completeness else {
            panic!("{more}");
        };
        let is_named = doubts
            .iter()
            .any(|doubt| matches!(doubt, Doubt::SizeLimit | Doubt::Refused(_)));
        assert!(is_named, "{more}: {doubts:?}");
    }
}
