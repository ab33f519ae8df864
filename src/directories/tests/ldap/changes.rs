//! What changed since: read from real servers by what they count, and by date where they count nothing.

use std::collections::HashSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use ldap3::Mod;
use muster_directories::{Ldap, Mark};
use muster_domain::clock::Clock;
use muster_domain::directory::{Cursor, Directory as _};
use muster_domain::snapshot::{Completeness, Doubt, Gathered};

use crate::samba::Samba;
use crate::slapd::{self, Setup, Slapd, named, people};
use crate::{Kept, active_directory, begin, census, changed, domain, presence, read};

/// What OpenLDAP needs to say up to where everything is in.
const COUNTED: &str = "overlay syncprov";

pub(crate) fn set<'a>(attribute: &'a str, value: &'a str) -> Vec<Mod<&'a str>> {
    vec![Mod::Replace(attribute, HashSet::from([value]))]
}

pub(crate) async fn modify(admin: &mut ldap3::Ldap, name: &str, what: Vec<Mod<&str>>) {
    admin.modify(name, what).await.unwrap().success().unwrap();
}

#[tokio::test]
async fn l24_active_directory_says_what_changed_and_never_who_is_gone() {
    let Some(samba) = Samba::start() else { return };
    let ldap = Ldap::new(samba.settings()).unwrap();
    // Who signs in for the first time changes by that.
    let mut admin = samba.admin().await;
    let (before, cursor) = begin(&ldap).await;
    let (nothing, cursor) = changed(&ldap, &cursor).await;
    assert!(nothing.is_empty(), "{nothing:?}");
    modify(
        &mut admin,
        &domain::person(7),
        set("mail", "new@example.test"),
    )
    .await;
    modify(
        &mut admin,
        &domain::person(20),
        set("userAccountControl", "546"),
    )
    .await;
    let (said, cursor) = changed(&ldap, &cursor.unwrap()).await;
    // Each with the group that is theirs without listing them.
    assert_eq!(said, ["1 members", "1 members", "u0007", "u0020, off"]);
    // A group that changed has all its members, though none of them changed.
    let joined = domain::person(30);
    let joins = vec![Mod::Add("member", HashSet::from([joined.as_str()]))];
    modify(&mut admin, &domain::group("outer"), joins).await;
    let (said, cursor) = changed(&ldap, &cursor.unwrap()).await;
    // Whose primary group it is, is not among them.
    assert_eq!(said, ["3 members", "group outer", "unread"]);
    // Renamed: whoever points to them does not change.
    let renamed = domain::person(2);
    let renamed = admin.modifydn(&renamed, "CN=Otto", true, None);
    renamed.await.unwrap().success().unwrap();
    let (said, cursor) = changed(&ldap, &cursor.unwrap()).await;
    assert_eq!(said, ["1 members", "u0002"]);
    // Gone is not said; a census shows it.
    let gone = domain::person(3);
    admin.delete(&gone).await.unwrap().success().unwrap();
    let (said, _) = changed(&ldap, &cursor.unwrap()).await;
    assert!(said.is_empty(), "{said:?}");
    let (there, completeness) = census(samba.settings()).await;
    assert_eq!(completeness, Completeness::Complete);
    let missing: Vec<_> = presence(&before).difference(&there).cloned().collect();
    let id = active_directory::ids(&before)["u0003"].clone();
    assert_eq!(missing, [muster_domain::census::Present::Person(id)]);
}

#[tokio::test]
async fn who_expires_without_any_change_is_among_the_changes() {
    let Some(samba) = Samba::start() else { return };
    let ldap = Ldap::new(samba.settings()).unwrap();
    let (_, cursor) = begin(&ldap).await;
    // As if the last reading had been in 2011: the account that ended in 2012 did so since then.
    let (start, _) = cursor.0.rsplit_once(' ').unwrap();
    let earlier = Cursor(format!("{start} 20110101000000Z"));
    let (said, _) = changed(&ldap, &earlier).await;
    assert_eq!(said, ["1 members", "u0008, off"]);
}

#[tokio::test]
async fn l23_another_domain_controller_or_a_restored_one_is_read_whole() {
    let Some(samba) = Samba::start() else { return };
    let ldap = Ldap::new(samba.settings()).unwrap();
    let (_, cursor) = begin(&ldap).await;
    let words: Vec<&str> = cursor.0.split(' ').collect();
    let (server, last) = (words[2], words[3].parse::<u64>().unwrap());
    let another = cursor
        .0
        .replace(server, "7c9e6679-7425-40de-944b-e07fc1f90ae7");
    let ahead = cursor.0.replace(words[3], &(last + 1000).to_string());
    for wrong in [another, ahead, String::new(), "junk".to_owned()] {
        let mut kept = Kept::default();
        let (completeness, next) = ldap.read_changes(&Cursor(wrong), &mut kept).await;
        assert!(kept.0.is_empty());
        assert_eq!(next, None, "a whole reading is due");
        assert!(!completeness.may_remove());
    }
    let mut narrower = samba.settings();
    narrower.users_base = format!("OU=People,{}", domain::BASE);
    let narrower = Ldap::new(narrower).unwrap();
    let (_, next) = narrower.read_changes(&cursor, &mut Kept::default()).await;
    assert_eq!(next, None, "it was given for other questions");
}

#[tokio::test]
async fn l24_openldap_says_what_changed_and_never_who_is_gone() {
    let entries = people(40)
        + &slapd::group("staff", &[slapd::person(1), named("lab")])
        + &slapd::group("lab", &[slapd::person(2)])
        + &format!(
            "dn: cn=unix,ou=groups,{}\nobjectClass: posixGroup\ncn: unix\ngidNumber: 7\nmemberUid: u005\n\n",
            slapd::BASE
        );
    let setup = Setup {
        more: COUNTED,
        ..Setup::of(&entries)
    };
    let Some(slapd) = Slapd::start(setup) else {
        return;
    };
    let ldap = Ldap::new(slapd.settings()).unwrap();
    let (before, cursor) = begin(&ldap).await;
    let (nothing, cursor) = changed(&ldap, &cursor).await;
    assert!(nothing.is_empty(), "{nothing:?}");
    let mut admin = slapd.admin().await;
    modify(
        &mut admin,
        &slapd::person(3),
        set("mail", "new@example.test"),
    )
    .await;
    let (joined, away) = (slapd::person(9), "uid=gone,dc=example,dc=test");
    let joins = vec![Mod::Add("member", HashSet::from([joined.as_str(), away]))];
    modify(&mut admin, &named("staff"), joins).await;
    let unix = format!("cn=unix,ou=groups,{}", slapd::BASE);
    let joins = vec![Mod::Add("memberUid", HashSet::from(["u006", "nobody"]))];
    modify(&mut admin, &unix, joins).await;
    let (said, cursor) = changed(&ldap, &cursor.unwrap()).await;
    assert_eq!(
        said,
        [
            "2 members",
            "3 members",
            "group staff",
            "group unix",
            "u003",
            "unread",
            "unread"
        ],
        "who points outside points to nobody, and may be somebody"
    );
    let gone = slapd::person(4);
    admin.delete(&gone).await.unwrap().success().unwrap();
    let (said, cursor) = changed(&ldap, &cursor.unwrap()).await;
    assert!(said.is_empty(), "{said:?}");
    let (there, completeness) = census(slapd.settings()).await;
    assert_eq!(completeness, Completeness::Complete);
    assert_eq!(presence(&before).difference(&there).count(), 1);
    assert_eq!(there.difference(&presence(&before)).count(), 0);
    let (nothing, _) = changed(&ldap, &cursor.unwrap()).await;
    assert!(nothing.is_empty(), "{nothing:?}");
}

#[tokio::test]
async fn l23_an_openldap_restored_from_a_backup_is_read_whole() {
    let setup = Setup {
        more: COUNTED,
        ..Setup::of("")
    };
    let Some(slapd) = Slapd::start(setup) else {
        return;
    };
    let ldap = Ldap::new(slapd.settings()).unwrap();
    let (_, cursor) = begin(&ldap).await;
    assert!(cursor.0.starts_with("csn "), "{cursor:?}");
    // As if it had known a change of later, or a second server.
    let year = cursor.0.split(' ').nth(2).unwrap().get(..4).unwrap();
    let later = cursor.0.replace(&format!(" {year}"), " 2099");
    let second = format!("{} 20200101000000.000000Z#000000#007#000000", cursor.0);
    for wrong in [later, second] {
        let (_, next) = ldap
            .read_changes(&Cursor(wrong), &mut Kept::default())
            .await;
        assert_eq!(next, None);
    }
}

/// A clock that stands.
pub(crate) struct Standing(pub DateTime<Utc>);

impl Clock for Standing {
    fn now(&self) -> DateTime<Utc> {
        self.0
    }
}

/// People who all changed at a time long ago, and one at a time to come.
fn dated(count: u32) -> String {
    let long_ago = people(count).replace("\n\n", "\nmodifyTimestamp: 20200101000000Z\n\n");
    let (rest, last) = long_ago.trim_end().rsplit_once("\n\n").unwrap();
    format!("{rest}\n\n{}\n\n", last.replace("2020", "2099"))
}

#[tokio::test]
async fn l22_changes_by_date_are_found_whatever_the_clock_here_shows() {
    for here in [
        "2020-01-01T00:00:01Z",
        "2026-01-01T00:00:00Z",
        "2050-01-01T00:00:00Z",
    ] {
        let Some(slapd) = Slapd::start(Setup::of(&dated(10))) else {
            return;
        };
        let here: DateTime<Utc> = here.parse().unwrap();
        let at = |seconds| {
            let clock = Standing(here + TimeDelta::seconds(seconds));
            let ldap = Ldap::new(slapd.settings()).unwrap();
            ldap.with_clock(Arc::new(clock))
        };
        let (_, first) = begin(&at(0)).await;
        assert!(first.0.starts_with("time "), "{first:?}");
        let (said, second) = changed(&at(400), &first).await;
        assert_eq!(said.len(), 10, "{here}: {said:?}");
        let (said, third) = changed(&at(800), second.as_ref().unwrap()).await;
        assert_eq!(said, ["u010"], "settled; a date to come is always new");
        let mut admin = slapd.admin().await;
        let new = set("mail", "new@example.test");
        modify(&mut admin, &slapd::person(5), new).await;
        for since in [first, second.unwrap(), third.unwrap()] {
            let (said, _) = changed(&at(1200), &since).await;
            assert!(said.contains(&"u005".to_owned()), "{here}: {said:?}");
        }
    }
}

#[tokio::test]
async fn a_server_that_counts_nothing_gives_no_cursor_without_a_clock() {
    let Some(slapd) = Slapd::start(Setup::of(&people(2))) else {
        return;
    };
    let mut gathered = Gathered::default();
    for mark in [Mark::Csn, Mark::Time, Mark::Usn] {
        let mut settings = slapd.settings();
        settings.schema.mark = mark;
        let ldap = Ldap::new(settings).unwrap();
        let (completeness, cursor) = ldap.read_whole(&mut gathered).await;
        assert_eq!((completeness, cursor), (Completeness::Complete, None));
    }
}

#[tokio::test]
async fn a_reading_of_changes_that_fails_is_tried_again_from_the_same_place() {
    let setup = Setup {
        more: COUNTED,
        ..Setup::of("")
    };
    let Some(slapd) = Slapd::start(setup) else {
        return;
    };
    let ldap = Ldap::new(slapd.settings()).unwrap();
    let (_, cursor) = begin(&ldap).await;
    drop(slapd);
    let (completeness, next) = ldap.read_changes(&cursor, &mut Kept::default()).await;
    assert_eq!(next, Some(cursor));
    let Completeness::Incomplete(doubts) = completeness else {
        panic!("nothing was read");
    };
    assert!(
        matches!(doubts[..], [Doubt::Partial, Doubt::Refused(_)]),
        "{doubts:?}"
    );
}

#[tokio::test]
async fn l20_a_census_that_sees_nobody_removes_nobody() {
    let Some(slapd) = Slapd::start(Setup::of(&people(3))) else {
        return;
    };
    let mut blind = slapd.settings();
    blind.schema.users = "(objectClass=account)".to_owned();
    let (there, completeness) = census(blind).await;
    assert!(there.is_empty());
    assert_eq!(completeness, Completeness::Incomplete(vec![Doubt::Empty]));
    let (there, completeness) = census(slapd.settings()).await;
    assert_eq!(there, presence(&read(slapd.settings()).await));
    assert!(completeness.may_remove());
    let settings = slapd.settings();
    drop(slapd);
    assert!(!census(settings).await.1.may_remove());
}
