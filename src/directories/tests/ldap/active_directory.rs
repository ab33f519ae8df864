//! What a real domain controller says.

use std::collections::{BTreeMap, HashSet};

use muster_directories::{Bind, Ldap, LdapSettings, Security};
use muster_domain::directory::{Directory as _, Probe};
use muster_domain::record::ExternalId;
use muster_domain::snapshot::{Completeness, Entry, Gathered, Snapshot};

use crate::domain::{BASE, DISABLED, EXPIRED, PASSWORD, PEOPLE, group, person};
use crate::samba::Samba;
use crate::{Kept, members, read, usernames};

/// Ids by username.
pub fn ids(snapshot: &Snapshot) -> BTreeMap<&str, &ExternalId> {
    snapshot
        .users
        .iter()
        .map(|(id, user)| (user.attributes["username"].as_str(), id))
        .collect()
}

fn is_active(snapshot: &Snapshot, username: &str) -> bool {
    snapshot.users[ids(snapshot)[username]].active
}

#[tokio::test]
async fn l7_l14_l26_everybody_of_a_domain_is_read_and_no_machine_trust_contact_or_referral() {
    let Some(samba) = Samba::start() else { return };
    let snapshot = read(samba.settings()).await;
    // The root of a domain refers to its other parts.
    assert_eq!(snapshot.completeness, Completeness::Complete);
    assert!(snapshot.refused.is_empty(), "{:?}", snapshot.refused);
    let names = usernames(&snapshot);
    let numbered = names.iter().filter(|name| name.starts_with('u')).count();
    assert_eq!(numbered, PEOPLE as usize);
    assert!(names.contains(&"Administrator") && names.contains(&"reader"));
    assert!(names.iter().all(|name| !name.ends_with('$')), "{names:?}");
    let elsewhere = |user: &muster_domain::record::UserRecord| {
        user.attributes
            .get("email")
            .is_some_and(|mail| mail.contains("elsewhere"))
    };
    assert!(!snapshot.users.values().any(elsewhere), "a contact");
    let ids: HashSet<&str> = snapshot.users.keys().map(|id| id.0.as_str()).collect();
    assert!(ids.iter().all(|id| id.len() == 36 && id.contains('-')));
    assert_eq!(ids.len(), names.len());
    assert_eq!(
        snapshot,
        read(samba.settings()).await,
        "the same source says the same"
    );
}

#[tokio::test]
async fn l25_who_is_disabled_or_expired_is_not_active_and_never_means_never() {
    let Some(samba) = Samba::start() else { return };
    let snapshot = read(samba.settings()).await;
    let off: Vec<&str> = usernames(&snapshot)
        .into_iter()
        .filter(|name| !is_active(&snapshot, name))
        .collect();
    let (expired, disabled) = (format!("u{EXPIRED:04}"), format!("u{DISABLED:04}"));
    // The last two are of every domain.
    assert_eq!(off, ["Guest", "krbtgt", &expired, &disabled]);
    assert!(
        is_active(&snapshot, "u0006"),
        "the largest number means never"
    );
    assert!(is_active(&snapshot, "u0007"), "so does 0");
    let ldap = Ldap::new(samba.settings()).unwrap();
    let alone = ldap.person(&expired).await.unwrap().unwrap();
    assert!(!alone.active, "and so says the reading of one");
    // Nobody's address is short enough now: whoever is off is so all the same.
    let mut short = samba.settings();
    short.limits.value = 15;
    let refused = read(short).await.refused;
    let id = |name: &str| Some(ids(&snapshot)[name].clone());
    let off = |name: &str| {
        refused
            .iter()
            .find(|one| one.external_id == id(name))
            .unwrap()
            .off
    };
    assert!(off(&expired) && off(&disabled));
    assert!(!off("u0006") && !off("u0007"));
}

#[tokio::test]
async fn l13_who_is_renamed_and_moved_stays_the_same_person_in_the_same_groups() {
    let Some(samba) = Samba::start() else { return };
    let before = read(samba.settings()).await;
    let mut admin = samba.admin().await;
    let (old, below) = (person(1), format!("OU=Moved,{BASE}"));
    let moved = admin.modifydn(&old, "CN=Berg\\, Anna", true, Some(&below));
    moved.await.unwrap().success().unwrap();
    let name = format!("CN=Berg\\, Anna,OU=Moved,{BASE}");
    let renamed = vec![ldap3::Mod::Replace(
        "sAMAccountName",
        HashSet::from(["anna"]),
    )];
    let renamed = admin.modify(&name, renamed).await.unwrap();
    renamed.success().unwrap();
    let after = read(samba.settings()).await;
    assert_eq!(ids(&before)["u0001"], ids(&after)["anna"]);
    assert_eq!(before.users.len(), after.users.len());
    assert_eq!(members(&after, "inner"), ["anna", "u0002"]);
    assert!(members(&after, "big").contains(&"anna"));
}

#[tokio::test]
async fn l16_l17_groups_are_read_with_nested_circular_primary_and_very_many_members() {
    let Some(samba) = Samba::start() else { return };
    let snapshot = read(samba.settings()).await;
    assert_eq!(members(&snapshot, "inner"), ["u0001", "u0002"]);
    assert_eq!(members(&snapshot, "outer"), ["inner", "u0003"]);
    assert_eq!(members(&snapshot, "circle-a"), ["circle-b", "u0004"]);
    assert_eq!(members(&snapshot, "circle-b"), ["circle-a", "u0005"]);
    assert!(members(&snapshot, "empty").is_empty());
    assert_eq!(members(&snapshot, "big").len(), PEOPLE as usize);
    // Nobody is listed there: it is their primary group.
    let users = members(&snapshot, "Domain Users");
    assert!(users.len() > PEOPLE as usize && users.contains(&"u0001"));
    assert!(snapshot.unread.is_empty());
    // The same in parts of 100: 16 of them.
    let mut small = samba.settings();
    small.limits.members = 100;
    assert_eq!(read(small).await, snapshot);
}

#[tokio::test]
async fn l24_who_is_deleted_is_gone_and_no_tombstone_is_taken_for_a_person() {
    let Some(samba) = Samba::start() else { return };
    let mut admin = samba.admin().await;
    admin.delete(&person(2)).await.unwrap().success().unwrap();
    let snapshot = read(samba.settings()).await;
    assert_eq!(snapshot.completeness, Completeness::Complete);
    assert!(!usernames(&snapshot).contains(&"u0002"));
    let numbered = |name: &&str| name.starts_with('u');
    let left = usernames(&snapshot).into_iter().filter(numbered).count();
    assert_eq!(left, PEOPLE as usize - 1);
    assert_eq!(members(&snapshot, "inner"), ["u0001"]);
    // Whose name was freed is somebody else.
    let name = HashSet::from(["u0002"]);
    let class = HashSet::from(["user"]);
    let again = vec![("objectClass", class), ("sAMAccountName", name)];
    admin
        .add(&person(2), again)
        .await
        .unwrap()
        .success()
        .unwrap();
    let after = read(samba.settings()).await;
    let known: HashSet<&ExternalId> = snapshot.users.keys().collect();
    assert!(!known.contains(ids(&after)["u0002"]));
    assert_eq!(members(&after, "inner"), ["u0001"]);
}

#[tokio::test]
async fn l5_l8_a_domain_lets_nobody_in_without_encryption_and_says_why_not() {
    let Some(samba) = Samba::start() else { return };
    let refused = async |settings: LdapSettings| {
        let ldap = Ldap::new(settings).unwrap();
        ldap.probe(Probe::Bind).await.outcome.unwrap_err()
    };
    let plain = LdapSettings {
        servers: vec![(samba.host.clone(), 389)],
        security: Security::Plain,
        ..samba.settings()
    };
    let error = refused(plain.clone()).await;
    assert_eq!(error.code, "LDAP-004");
    assert!(error.public.contains("encrypted"), "{}", error.public);
    let start_tls = LdapSettings {
        security: Security::StartTls,
        ..plain
    };
    let ldap = Ldap::new(start_tls).unwrap();
    assert!(ldap.probe(Probe::Search).await.outcome.is_ok());
    for (who, password, why) in [
        ("u0001".to_owned(), "wrong", "password is wrong"),
        ("nobody".to_owned(), "wrong", "password is wrong"),
        (format!("u{EXPIRED:04}"), PASSWORD, "expired"),
        (format!("u{DISABLED:04}"), PASSWORD, "disabled"),
    ] {
        let bind = Bind::Simple {
            dn: format!("{who}@samdom.example.test"),
            password: password.into(),
        };
        let error = refused(LdapSettings {
            bind,
            ..samba.settings()
        })
        .await;
        assert_eq!(error.code, "LDAP-004", "{who}");
        assert!(error.public.contains(why), "{who}: {}", error.public);
    }
}

#[tokio::test]
async fn l3_l26_one_person_is_found_by_name_and_no_machine_is() {
    let Some(samba) = Samba::start() else { return };
    let ldap = Ldap::new(samba.settings()).unwrap();
    let found = ldap.person("U0042").await.unwrap().unwrap();
    assert_eq!(found.attributes["given_name"], "Zoë");
    for nobody in [
        "*",
        "u004*",
        "PC1$",
        "OTHER$",
        "u0042)(cn=*",
        "u0042@samdom.example.test",
    ] {
        assert_eq!(ldap.person(nobody).await.unwrap(), None, "{nobody}");
    }
}

#[tokio::test]
async fn what_was_said_before_mapping_is_kept_and_no_secret_is() {
    let Some(samba) = Samba::start() else { return };
    let mut settings = samba.settings();
    settings.schema.extra = ["memberOf", "objectClass", "logonHours", "thumbnailPhoto"]
        .map(str::to_owned)
        .to_vec();
    let mut kept = Kept::default();
    let completeness = Ldap::new(settings).unwrap().read(&mut kept).await;
    assert!(completeness.may_remove());
    let one = kept.0.iter().find_map(|entry| match entry {
        Entry::User { record, source, .. } if record.attributes["username"] == "u0001" => {
            Some(source)
        }
        _ => None,
    });
    let one = one.unwrap();
    assert_eq!(one["dn"], [person(1)]);
    let mut groups = one["memberof"].clone();
    groups.sort();
    assert_eq!(groups, [group("big"), group("inner")]);
    assert!(one["objectclass"].contains(&"user".to_owned()));
    assert!(one["objectsid"][0].starts_with("S-1-5-21-"));
    assert_eq!(one["objectguid"][0].len(), 36);
    let mut gathered = Gathered::default();
    kept.0.into_iter().for_each(|entry| gathered.take(entry));
    assert!(gathered.finish(completeness).refused.is_empty());
    let mut wrong = samba.settings();
    wrong.schema.extra = vec!["unicodePwd".to_owned()];
    assert_eq!(Ldap::new(wrong).unwrap_err().code, "LDAP-010");
}
