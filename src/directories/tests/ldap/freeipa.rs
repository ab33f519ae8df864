//! A tree as FreeIPA grows one, in a real 389 Directory Server with FreeIPA's names in its schema.

use std::collections::HashSet;
use std::fmt::Write as _;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use ldap3::Mod;
use muster_directories::{Ldap, LdapSettings, Vendor};
use muster_domain::snapshot::{Completeness, Gathered, Snapshot};

use crate::changes::{Standing, modify, set};
use crate::dirsrv::{BASE, Dirsrv};
use crate::{begin, changed, members, usernames};

fn user(name: &str) -> String {
    format!("uid={name},cn=users,cn=accounts,{BASE}")
}

fn group(name: &str) -> String {
    format!("cn={name},cn=groups,cn=accounts,{BASE}")
}

/// Four people, one of them preserved, groups within groups, and the tree that repeats them for old clients.
fn tree() -> String {
    let mut text = String::new();
    let containers = [
        ("accounts", String::new()),
        ("users", "cn=accounts,".to_owned()),
        ("groups", "cn=accounts,".to_owned()),
        ("compat", String::new()),
        ("users", "cn=compat,".to_owned()),
        ("groups", "cn=compat,".to_owned()),
        ("provisioning", String::new()),
        ("accounts", "cn=provisioning,".to_owned()),
        ("deleted users", "cn=accounts,cn=provisioning,".to_owned()),
    ];
    for (name, place) in containers {
        write!(
            text,
            "dn: cn={name},{place}{BASE}\nobjectClass: nsContainer\ncn: {name}\n\n"
        )
        .unwrap();
    }
    let person = |text: &mut String, dn: &str, n: u32, name: &str| {
        write!(
            text,
            "dn: {dn}\nobjectClass: inetOrgPerson\nobjectClass: posixAccount\nobjectClass: krbPrincipalAux\n\
             objectClass: ipaObject\nuid: {name}\ncn: {name}\nsn: {name}\ngivenName: {name}\nmail: {name}@example.test\n\
             uidNumber: {n}\ngidNumber: {n}\nhomeDirectory: /home/{name}\nipaUniqueID: 6ba7b810-9dad-11d1-80b4-00c04fd430c{n}\n\n"
        )
        .unwrap();
    };
    for (n, name) in (1..).zip(["ada", "ben", "cem"]) {
        person(&mut text, &user(name), n, name);
        write!(
            text,
            "dn: uid={name},cn=users,cn=compat,{BASE}\nobjectClass: account\nobjectClass: posixAccount\nuid: {name}\n\
             cn: {name}\nuidNumber: {n}\ngidNumber: {n}\nhomeDirectory: /home/{name}\n\n"
        )
        .unwrap();
    }
    let preserved = format!("uid=dora,cn=deleted users,cn=accounts,cn=provisioning,{BASE}");
    person(&mut text, &preserved, 4, "dora");
    for (n, name, inside) in [(7, "lab", user("ada")), (8, "staff", group("lab"))] {
        write!(
            text,
            "dn: {}\nobjectClass: ipaUserGroup\nobjectClass: ipaObject\ncn: {name}\nmember: {inside}\n\
             ipaUniqueID: 6ba7b810-9dad-11d1-80b4-00c04fd430c{n}\n\n\
             dn: cn={name},cn=groups,cn=compat,{BASE}\nobjectClass: posixGroup\ncn: {name}\ngidNumber: {n}\nmemberUid: ben\n\n",
            group(name)
        )
        .unwrap();
    }
    text
}

/// Behind everything that the server dates by a clock of its own.
fn now() -> DateTime<Utc> {
    "2050-01-01T00:00:00Z".parse().unwrap()
}

fn settings(server: &Dirsrv) -> LdapSettings {
    LdapSettings {
        users_base: format!("cn=accounts,{BASE}"),
        groups_base: format!("cn=accounts,{BASE}"),
        ..server.settings(Vendor::FreeIpa)
    }
}

fn at(settings: &LdapSettings, time: DateTime<Utc>) -> Ldap {
    let ldap = Ldap::new(settings.clone()).unwrap();
    ldap.with_clock(Arc::new(Standing(time)))
}

async fn read_at(settings: &LdapSettings, time: DateTime<Utc>) -> Snapshot {
    let mut gathered = Gathered::default();
    let said = muster_domain::directory::Directory::read(&at(settings, time), &mut gathered).await;
    gathered.finish(said)
}

fn active(snapshot: &Snapshot) -> Vec<&str> {
    let mut names: Vec<&str> = snapshot
        .users
        .values()
        .filter(|user| user.active)
        .map(|user| user.attributes["username"].as_str())
        .collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn l11_freeipa_accounts_are_read_once_and_neither_the_compat_tree_nor_preserved_people() {
    let Some(server) = Dirsrv::start(&tree()) else {
        return;
    };
    let now = now();
    let snapshot = read_at(&settings(&server), now).await;
    assert_eq!(snapshot.completeness, Completeness::Complete);
    assert_eq!(usernames(&snapshot), ["ada", "ben", "cem"]);
    let mut ids: Vec<&str> = snapshot.users.keys().map(|id| id.0.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids[0], "6ba7b810-9dad-11d1-80b4-00c04fd430c1");
    assert_eq!(snapshot.groups.len(), 2);
    assert_eq!(members(&snapshot, "lab"), ["ada"]);
    assert_eq!(members(&snapshot, "staff"), ["lab"]);
    // With a base so wide that the repeated tree lies in it, it is still no person's: only who is preserved comes along.
    let wide = server.settings(Vendor::FreeIpa);
    let snapshot = read_at(&wide, now).await;
    assert_eq!(usernames(&snapshot), ["ada", "ben", "cem", "dora"]);
    assert_eq!(snapshot.groups.len(), 2);
}

#[tokio::test]
async fn l25_freeipa_accounts_that_expired_or_are_locked_are_off_and_a_password_that_did_is_not() {
    let Some(server) = Dirsrv::start(&tree()) else {
        return;
    };
    let settings = settings(&server);
    let mut admin = server.admin().await;
    let until = |time: DateTime<Utc>| time.format("%Y%m%d%H%M%SZ").to_string();
    let now = now();
    let (soon, past) = (now + TimeDelta::hours(1), until(now - TimeDelta::days(1)));
    modify(
        &mut admin,
        &user("ada"),
        set("krbPrincipalExpiration", &until(soon)),
    )
    .await;
    modify(
        &mut admin,
        &user("ben"),
        set("krbPasswordExpiration", &past),
    )
    .await;
    modify(
        &mut admin,
        &user("cem"),
        set("krbPrincipalExpiration", &past),
    )
    .await;
    let (before, cursor) = begin(&at(&settings, now)).await;
    assert_eq!(active(&before), ["ada", "ben"]);
    // An hour later, nothing was written: who expired is among the changes nevertheless.
    let later = soon + TimeDelta::seconds(1);
    let (said, cursor) = changed(&at(&settings, later), &cursor).await;
    assert!(said.contains(&"ada, off".to_owned()), "{said:?}");
    let long_after = later + TimeDelta::days(1);
    let (said, _) = changed(&at(&settings, long_after), &cursor.unwrap()).await;
    assert!(!said.contains(&"ada".to_owned()), "{said:?}");
    assert_eq!(active(&read_at(&settings, later).await), ["ben"]);
    // Prolonged, and locked by an admin.
    let never = vec![Mod::Delete("krbPrincipalExpiration", HashSet::new())];
    modify(&mut admin, &user("cem"), never).await;
    modify(&mut admin, &user("ben"), set("nsAccountLock", "TRUE")).await;
    assert_eq!(active(&read_at(&settings, later).await), ["cem"]);
}
