//! What a real slapd says.

use async_trait::async_trait;
use muster_directories::{Bind, Ldap, LdapSettings};
use muster_domain::Error;
use muster_domain::directory::{Directory as _, Probe};
use muster_domain::snapshot::{Completeness, Doubt, Entry, Gathered, Intake, Snapshot};

use crate::slapd::{BASE, Setup, Slapd, group, named, people, person};
use crate::{members, read, usernames};

#[tokio::test]
async fn people_and_nested_groups_are_read_page_by_page() {
    let entries = people(40)
        + &group(
            "staff",
            &[
                person(1),
                named("lab"),
                "uid=gone,dc=example,dc=test".to_owned(),
            ],
        )
        + &group(
            "lab",
            &[person(2), named("staff"), person(3).to_uppercase()],
        )
        + &group("all", &(1..=40).map(person).collect::<Vec<_>>())
        + &format!(
            "dn: cn=unix,ou=groups,{BASE}\nobjectClass: posixGroup\ncn: unix\ngidNumber: 7\nmemberUid: u005\n\n"
        );
    let Some(slapd) = Slapd::start(Setup::of(&entries)) else {
        return;
    };
    let snapshot = read(slapd.settings()).await;
    assert_eq!(snapshot.completeness, Completeness::Complete);
    assert_eq!(snapshot.users.len(), 40);
    assert_eq!(members(&snapshot, "staff"), ["lab", "u001"]);
    assert_eq!(members(&snapshot, "lab"), ["staff", "u002", "u003"]);
    assert_eq!(members(&snapshot, "all").len(), 40);
    assert_eq!(members(&snapshot, "unix"), ["u005"]);
    let one = snapshot
        .users
        .values()
        .find(|user| user.attributes["username"] == "u004")
        .unwrap();
    assert_eq!(one.attributes["family_name"], "Ünal4");
    assert_eq!(
        one.attributes["display_name"], "Person 4",
        "the common name where no display name is"
    );
    assert!(one.active);
    assert_eq!(
        snapshot,
        read(slapd.settings()).await,
        "the same source says the same"
    );
}

/// Takes people out of the directory as soon as a page of them has come.
struct Vanishing {
    admin: ldap3::Ldap,
    names: Vec<String>,
    kept: Gathered,
}

#[async_trait]
impl Intake for Vanishing {
    async fn page(&mut self, entries: Vec<Entry>) -> Result<(), Error> {
        for name in self.names.drain(..) {
            let gone = self.admin.delete(&name).await.unwrap();
            gone.success().unwrap();
        }
        self.kept.page(entries).await
    }
}

/// What is read of 40 people, 7 to a page, while one of the first page and three of the last go.
pub(crate) async fn while_some_vanish(
    settings: LdapSettings,
    admin: ldap3::Ldap,
    name: fn(u32) -> String,
) -> Snapshot {
    let mut vanishing = Vanishing {
        admin,
        names: [2, 38, 39, 40].map(name).to_vec(),
        kept: Gathered::default(),
    };
    let said = Ldap::new(settings).unwrap().read(&mut vanishing).await;
    vanishing.kept.finish(said)
}

#[tokio::test]
async fn entries_that_vanish_between_pages_are_gone_and_take_nobody_with_them() {
    let everybody: Vec<String> = (1..=40).map(person).collect();
    let Some(slapd) = Slapd::start(Setup::of(&(people(40) + &group("all", &everybody)))) else {
        return;
    };
    let snapshot = while_some_vanish(slapd.settings(), slapd.admin().await, person).await;
    assert_eq!(snapshot.completeness, Completeness::Complete);
    let names: Vec<String> = (1..=37).map(|n| format!("u{n:03}")).collect();
    assert_eq!(usernames(&snapshot), names);
    assert_eq!(
        members(&snapshot, "all"),
        names,
        "who is named and not there is nobody"
    );
    assert_eq!(read(slapd.settings()).await.users.len(), 36);
}

#[tokio::test]
async fn l13_a_renamed_entry_keeps_its_id() {
    let Some(slapd) = Slapd::start(Setup::of(&(people(2) + &group("staff", &[person(1)])))) else {
        return;
    };
    let before = read(slapd.settings()).await;
    let mut admin = slapd.admin().await;
    admin
        .modifydn(&person(1), "uid=anna", true, None)
        .await
        .unwrap()
        .success()
        .unwrap();
    let after = read(slapd.settings()).await;
    assert_eq!(usernames(&after), ["anna", "u002"]);
    assert_eq!(
        before.users.keys().collect::<Vec<_>>(),
        after.users.keys().collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn l19_a_size_limit_makes_the_reading_incomplete() {
    let entries = people(40);
    let setup = Setup {
        more: "sizelimit size.pr=5 size.prtotal=20",
        ..Setup::of(&entries)
    };
    let Some(slapd) = Slapd::start(setup) else {
        return;
    };
    let mut settings = slapd.settings();
    settings.limits.page = 5;
    let snapshot = read(settings).await;
    assert!(!snapshot.users.is_empty());
    assert!(snapshot.users.len() < 40);
    assert!(
        matches!(&snapshot.completeness, Completeness::Incomplete(doubts) if doubts.contains(&Doubt::SizeLimit))
    );
}

#[tokio::test]
async fn a_page_cap_makes_the_reading_incomplete() {
    let Some(slapd) = Slapd::start(Setup::of(&people(40))) else {
        return;
    };
    let mut settings = slapd.settings();
    settings.limits.pages = 2;
    let snapshot = read(settings).await;
    assert_eq!(snapshot.users.len(), 14);
    assert_eq!(
        snapshot.completeness,
        Completeness::Incomplete(vec![Doubt::PageCap(2)])
    );
}

#[tokio::test]
async fn l7_referrals_are_not_followed_and_break_nothing() {
    let referral = format!(
        "dn: ou=away,{BASE}\nobjectClass: referral\nobjectClass: extensibleObject\nou: away\nref: ldap://127.0.0.1:1/dc=evil\n\n"
    );
    let Some(slapd) = Slapd::start(Setup::of(&(people(3) + &referral))) else {
        return;
    };
    let snapshot = read(slapd.settings()).await;
    assert_eq!(snapshot.completeness, Completeness::Complete);
    assert_eq!(usernames(&snapshot), ["u001", "u002", "u003"]);
    let mut elsewhere = slapd.settings();
    elsewhere.users_base = "dc=elsewhere".to_owned();
    let snapshot = read(elsewhere).await;
    assert!(
        matches!(&snapshot.completeness, Completeness::Incomplete(doubts) if doubts.contains(&Doubt::ReferredElsewhere))
    );
}

#[tokio::test]
async fn l20_an_account_that_may_not_read_sees_nobody_and_that_removes_nobody() {
    let Some(slapd) = Slapd::start(Setup::of(&people(3))) else {
        return;
    };
    let mut settings = slapd.settings();
    settings.bind = Bind::Simple {
        dn: person(1),
        password: "pw-1".into(),
    };
    let snapshot = read(settings.clone()).await;
    assert!(snapshot.users.is_empty());
    assert!(!snapshot.completeness.may_remove());
    let finding = Ldap::new(settings).unwrap().probe(Probe::Search).await;
    assert_eq!(finding.outcome.unwrap_err().code, "LDAP-006");
}

#[tokio::test]
async fn l25_who_is_locked_for_good_is_not_active() {
    let locked = people(1) + "\n";
    let locked = locked.replace(
        "userPassword: pw-1\n",
        "userPassword: pw-1\npwdAccountLockedTime: 000001010000Z\n",
    );
    let Some(slapd) = Slapd::start(Setup::of(&locked)) else {
        return;
    };
    let snapshot = read(slapd.settings()).await;
    assert!(!snapshot.users.values().next().unwrap().active);
}

#[tokio::test]
async fn l1_l3_one_person_is_found_by_the_very_name_and_by_no_pattern() {
    let Some(slapd) = Slapd::start(Setup::of(&people(3))) else {
        return;
    };
    let ldap = Ldap::new(slapd.settings()).unwrap();
    let found = ldap.person("u002").await.unwrap().unwrap();
    assert_eq!(found.attributes["email"], "u002@example.test");
    for name in [
        "*",
        "u00*",
        "u002)(uid=*",
        "nobody",
        "",
        "u002\0",
        "\\75002",
    ] {
        assert_eq!(ldap.person(name).await.unwrap(), None, "{name:?}");
    }
    let mut loose = slapd.settings();
    loose
        .schema
        .attributes
        .insert("username".to_owned(), "givenName".to_owned());
    let several = Ldap::new(loose).unwrap().person("Zoë").await.unwrap_err();
    assert_eq!(several.code, "LDAP-008");
}

#[tokio::test]
async fn l25_one_person_whose_record_cannot_be_used_is_off_all_the_same() {
    let lock = "userPassword: pw-1\npwdAccountLockedTime: 000001010000Z\n";
    let locked = (people(2) + "\n").replace("userPassword: pw-1\n", lock);
    let Some(slapd) = Slapd::start(Setup::of(&locked)) else {
        return;
    };
    // Nobody's address is short enough.
    let mut short = slapd.settings();
    short.limits.value = 15;
    let ldap = Ldap::new(short).unwrap();
    for (name, is_off) in [("u001", true), ("u002", false)] {
        assert_eq!(ldap.person(name).await.unwrap_err().code, "LDAP-009");
        let entry = ldap.person_entry(name).await.unwrap();
        let Some(Entry::Refused(record)) = entry else {
            panic!("{entry:?}")
        };
        assert_eq!(
            (record.off, record.external_id.is_some()),
            (is_off, true),
            "{name}"
        );
    }
    let usable = Ldap::new(slapd.settings()).unwrap();
    let Some(Entry::User { record, .. }) = usable.person_entry("u001").await.unwrap() else {
        panic!("it can be used")
    };
    assert!(!record.active);
    assert_eq!(usable.person_entry("nobody").await.unwrap(), None);
}

#[tokio::test]
async fn each_probe_says_what_it_saw() {
    let Some(slapd) = Slapd::start(Setup::of(&(people(3) + &group("staff", &[person(1)])))) else {
        return;
    };
    let ldap = Ldap::new(slapd.settings()).unwrap();
    let mut said = Vec::new();
    for probe in [Probe::Connect, Probe::Bind, Probe::Search] {
        said.push(ldap.probe(probe).await.outcome.unwrap());
    }
    let server = format!("127.0.0.1:{}", slapd.ldaps);
    assert_eq!(
        said,
        [
            format!("{server} answers over LDAPS, and its certificate is trusted."),
            format!("{server} lets cn=reader,{BASE} in."),
            "The account sees 3 people and 1 groups.".to_owned(),
        ]
    );
}
