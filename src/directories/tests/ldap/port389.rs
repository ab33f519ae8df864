//! What a real 389 Directory Server says.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use ldap3::{Ldap as Handle, Mod, Scope, SearchEntry};
use muster_directories::{Ldap, Vendor};
use muster_domain::census::Present;
use muster_domain::directory::{Directory as _, Probe, Vouched};
use muster_domain::record::ExternalId;
use muster_domain::snapshot::{Completeness, Doubt, Snapshot};

use crate::changes::{Standing, modify, set};
use crate::dirsrv::{BASE, Dirsrv, READER, group, named, people, person};
use crate::reading::while_some_vanish;
use crate::{begin, census, changed, members, presence, read, usernames};

const VENDOR: Vendor = Vendor::Port389;

/// Whose id this is.
fn id_of(snapshot: &Snapshot, username: &str) -> ExternalId {
    let known = snapshot.users.iter();
    let mut found = known.filter(|(_, user)| user.attributes["username"] == username);
    found.next().expect("somebody").0.clone()
}

fn is_active(snapshot: &Snapshot, username: &str) -> bool {
    snapshot.users[&id_of(snapshot, username)].active
}

async fn member_of(admin: &mut Handle, name: &str) -> Vec<String> {
    let found = admin.search(name, Scope::Base, "(objectClass=*)", vec!["memberOf"]);
    let (mut entries, _) = found.await.unwrap().success().unwrap();
    let entry = SearchEntry::construct(entries.pop().unwrap());
    let mut groups = entry.attrs.get("memberOf").cloned().unwrap_or_default();
    groups.sort();
    groups
}

/// When an entry or one below it was written last, as the server dates it.
async fn latest(admin: &mut Handle, name: &str) -> String {
    let asked = vec!["modifyTimestamp"];
    let found = admin.search(name, Scope::Subtree, "(objectClass=*)", asked);
    let (entries, _) = found.await.unwrap().success().unwrap();
    let stamps = entries.into_iter().flat_map(|entry| {
        SearchEntry::construct(entry)
            .attrs
            .remove("modifyTimestamp")
    });
    stamps.flatten().max().expect("a date")
}

#[tokio::test]
async fn l13_l16_port389_people_keep_their_id_and_their_nested_circular_groups_over_a_rename() {
    let entries = people(40)
        + &group("lab", &[person(2), person(3)])
        + &group("staff", &[person(1), named("lab"), person(40)]);
    let Some(server) = Dirsrv::start(&entries) else {
        return;
    };
    let before = read(server.settings(VENDOR)).await;
    assert_eq!(before.completeness, Completeness::Complete);
    assert_eq!(before.users.len(), 40, "the reader is no person");
    assert_eq!(members(&before, "staff"), ["lab", "u001", "u040"]);
    assert_eq!(
        before.users[&id_of(&before, "u004")].attributes["family_name"],
        "Ünal4"
    );
    // In the vendor's own form: four groups of eight digits.
    let id = id_of(&before, "u002");
    let groups: Vec<usize> = id.0.split('-').map(str::len).collect();
    assert_eq!(groups, [8, 8, 8, 8], "{id:?}");
    // A circle, which its plugin for memberOf follows; renamed, and moved elsewhere below the base.
    let mut admin = server.admin().await;
    let (staff, lab, joined) = (named("staff"), named("lab"), person(5));
    let joins = vec![Mod::Add("member", HashSet::from([joined.as_str()]))];
    modify(&mut admin, &lab, joins).await;
    assert_eq!(
        member_of(&mut admin, &joined).await,
        [lab.clone(), staff.clone()]
    );
    let circle = vec![Mod::Add("member", HashSet::from([staff.as_str()]))];
    modify(&mut admin, &lab, circle).await;
    let second = person(2);
    let renamed = admin.modifydn(&second, "uid=anna", true, Some(BASE));
    renamed.await.unwrap().success().unwrap();
    let after = read(server.settings(VENDOR)).await;
    assert_eq!(after.completeness, Completeness::Complete);
    assert_eq!(id_of(&after, "anna"), id);
    assert_eq!(
        presence(&after),
        presence(&before),
        "nobody left, nobody came"
    );
    assert_eq!(members(&after, "lab"), ["anna", "staff", "u003", "u005"]);
    assert_eq!(members(&after, "staff"), ["lab", "u001", "u040"]);
    assert_eq!(
        after,
        read(server.settings(VENDOR)).await,
        "the same source says the same"
    );
}

#[tokio::test]
async fn port389_entries_that_vanish_between_pages_take_nobody_with_them() {
    let Some(server) = Dirsrv::start(&people(40)) else {
        return;
    };
    let settings = server.settings(VENDOR);
    let snapshot = while_some_vanish(settings.clone(), server.admin().await, person).await;
    assert_eq!(snapshot.completeness, Completeness::Complete);
    let names: Vec<String> = (1..=37).map(|n| format!("u{n:03}")).collect();
    assert_eq!(usernames(&snapshot), names);
    assert_eq!(read(settings).await.users.len(), 36);
}

#[tokio::test]
async fn l25_port389_says_who_is_inactive_by_the_entry_by_a_role_or_until_an_admin_unlocks_it() {
    let Some(server) = Dirsrv::start(&(people(7) + ROLES)) else {
        return;
    };
    let mut admin = server.admin().await;
    modify(&mut admin, &person(1), set("nsAccountLock", "true")).await;
    let disabled = format!("cn=nsManagedDisabledRole,{BASE}");
    modify(&mut admin, &person(2), set("nsRoleDN", &disabled)).await;
    // After too many wrong passwords: until an administrator acts, and for a while.
    modify(
        &mut admin,
        &person(3),
        set("accountUnlockTime", "19700101000000Z"),
    )
    .await;
    modify(
        &mut admin,
        &person(4),
        set("accountUnlockTime", "20990101000000Z"),
    )
    .await;
    // A password that expired is somebody's who may set another one.
    modify(
        &mut admin,
        &person(5),
        set("passwordExpirationTime", "20200101000000Z"),
    )
    .await;
    modify(&mut admin, &person(6), set("nsAccountLock", "false")).await;
    let snapshot = read(server.settings(VENDOR)).await;
    let active: Vec<bool> = (1..=7)
        .map(|n| is_active(&snapshot, &format!("u{n:03}")))
        .collect();
    assert_eq!(active, [false, false, false, true, true, true, true]);
    // What the server itself makes of the first two and the others.
    let ldap = Ldap::new(server.settings(VENDOR)).unwrap();
    for (n, wanted) in [
        (1, Vouched::No),
        (2, Vouched::No),
        (6, Vouched::Yes),
        (7, Vouched::Yes),
    ] {
        let id = id_of(&snapshot, &format!("u{n:03}"));
        let password = format!("pw-{n}").into();
        assert_eq!(
            ldap.authenticate(&id, &password).await.unwrap(),
            wanted,
            "{n}"
        );
    }
    assert!(server.bound(&person(1), "pw-1").await.is_err());
    // Whoever is let in again is.
    modify(
        &mut admin,
        &person(1),
        vec![Mod::Delete("nsAccountLock", HashSet::new())],
    )
    .await;
    assert!(is_active(&read(server.settings(VENDOR)).await, "u001"));
}

/// How the vendor's `dsidm … role lock` keeps whoever is in a role out.
const ROLES: &str = "dn: cn=nsManagedDisabledRole,dc=example,dc=test\nobjectClass: LDAPsubentry\n\
objectClass: nsRoleDefinition\nobjectClass: nsSimpleRoleDefinition\nobjectClass: nsManagedRoleDefinition\n\
cn: nsManagedDisabledRole\n\n\
dn: cn=nsDisabledRole,dc=example,dc=test\nobjectClass: LDAPsubentry\nobjectClass: nsRoleDefinition\n\
objectClass: nsComplexRoleDefinition\nobjectClass: nsNestedRoleDefinition\ncn: nsDisabledRole\n\
nsRoleDN: cn=nsManagedDisabledRole,dc=example,dc=test\n\n\
dn: cn=nsAccountInactivationTmp,dc=example,dc=test\nobjectClass: nsContainer\ncn: nsAccountInactivationTmp\n\n\
dn: cn=\"cn=nsDisabledRole,dc=example,dc=test\",cn=nsAccountInactivationTmp,dc=example,dc=test\n\
objectClass: extensibleObject\nobjectClass: costemplate\nobjectClass: LDAPsubentry\n\
cn: cn=nsDisabledRole,dc=example,dc=test\ncosPriority: 1\nnsAccountLock: true\n\n\
dn: cn=nsAccountInactivation_cos,dc=example,dc=test\nobjectClass: LDAPsubentry\nobjectClass: cosSuperDefinition\n\
objectClass: cosClassicDefinition\ncn: nsAccountInactivation_cos\n\
cosTemplateDN: cn=nsAccountInactivationTmp,dc=example,dc=test\ncosSpecifier: nsRole\n\
cosAttribute: nsAccountLock operational\n\n";

#[tokio::test]
async fn l22_l24_port389_says_what_changed_by_date_and_a_census_who_is_gone() {
    let entries = people(12) + &group("staff", &[person(1), person(2)]);
    let Some(server) = Dirsrv::start(&entries) else {
        return;
    };
    let mut admin = server.admin().await;
    // Years ahead of the server's clock.
    let here: DateTime<Utc> = "2050-01-01T00:00:00Z".parse().unwrap();
    let at = |seconds| {
        let clock = Standing(here + TimeDelta::seconds(seconds));
        let ldap = Ldap::new(server.settings(VENDOR)).unwrap();
        ldap.with_clock(Arc::new(clock))
    };
    let (before, first) = begin(&at(60)).await;
    assert!(first.0.starts_with("time "), "{first:?}");
    // Everything was loaded within the time that clocks may differ by: said again until that is over.
    let (_, second) = changed(&at(500), &first).await;
    let (settled, third) = changed(&at(900), second.as_ref().unwrap()).await;
    assert_eq!(settled, Vec::<String>::new());
    // Dates are whole seconds: until what changes now bears another one than what was read.
    let loaded = latest(&mut admin, BASE).await;
    while latest(&mut admin, &person(3)).await <= loaded {
        modify(&mut admin, &person(3), set("mail", "new@example.test")).await;
    }
    let joined = person(9);
    let joins = vec![Mod::Add("member", HashSet::from([joined.as_str()]))];
    modify(&mut admin, &named("staff"), joins).await;
    let gone = person(4);
    admin.delete(&gone).await.unwrap().success().unwrap();
    let (said, fourth) = changed(&at(1300), third.as_ref().unwrap()).await;
    // Who joined bears a new memberOf, which its plugin wrote.
    assert_eq!(said, ["3 members", "group staff", "u003", "u009"]);
    assert!(fourth.is_some());
    // Who is gone is not said, and nobody is removed for it; a census shows it.
    let (there, completeness) = census(server.settings(VENDOR)).await;
    assert_eq!(completeness, Completeness::Complete);
    let missing: Vec<_> = presence(&before).difference(&there).cloned().collect();
    assert_eq!(missing, [Present::Person(id_of(&before, "u004"))]);
}

#[tokio::test]
async fn l3_l19_port389_is_read_in_pages_beyond_its_limit_and_a_limit_of_pages_removes_nobody() {
    let Some(server) = Dirsrv::start(&people(2_100)) else {
        return;
    };
    // It gives 2 000 to a search, and any number to one in pages.
    let mut settings = server.settings(VENDOR);
    settings.limits.page = 500;
    let all = read(settings.clone()).await;
    assert_eq!(
        (all.users.len(), &all.completeness),
        (2_100, &Completeness::Complete)
    );
    let ldap = Ldap::new(settings.clone()).unwrap();
    let found = ldap.person("u2042").await.unwrap().unwrap();
    assert_eq!(found.attributes["email"], "u2042@example.test");
    for name in ["*", "u20*", "u2042)(uid=*", ""] {
        assert_eq!(ldap.person(name).await.unwrap(), None, "{name:?}");
    }
    let bound = ldap.probe(Probe::Bind).await.outcome.unwrap();
    assert!(bound.ends_with(&format!("lets {READER} in.")), "{bound}");
    let seen = ldap.probe(Probe::Search).await.outcome.unwrap();
    assert!(seen.contains("people"), "{seen}");
    // An admin limits how long a page may be, and at how many entries a search in pages may look.
    let mut admin = server.admin().await;
    for (limit, most) in [
        ("nsPagedSizeLimit", "300"),
        ("nsPagedLookThroughLimit", "700"),
    ] {
        modify(&mut admin, READER, set(limit, most)).await;
        let some = read(settings.clone()).await;
        assert!(some.users.len() < 2_100, "{limit}");
        let Completeness::Incomplete(doubts) = &some.completeness else {
            panic!("{limit} was reached");
        };
        assert!(doubts.contains(&Doubt::SizeLimit), "{limit}: {doubts:?}");
        let (there, completeness) = census(settings.clone()).await;
        assert!(there.len() < 2_100 && !completeness.may_remove(), "{limit}");
        modify(&mut admin, READER, vec![Mod::Delete(limit, HashSet::new())]).await;
    }
    assert_eq!(usernames(&all).first(), Some(&"u001"));
}
