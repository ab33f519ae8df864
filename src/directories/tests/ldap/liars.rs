//! Servers that answer in form and lie in substance.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ldap3::Mod;
use muster_directories::{Ldap, LdapSettings, Vendor};
use muster_domain::census::Present;
use muster_domain::directory::{Cursor, Directory as _};
use muster_domain::record::ExternalId;
use muster_domain::snapshot::{Completeness, Doubt};

use crate::script::{Asked, ber, schema, serve, settings};
use crate::slapd::{Setup, Slapd, group, named, people, person};
use crate::{Kept, begin, census, read, usernames};

fn doubts(completeness: Completeness) -> Vec<Doubt> {
    match completeness {
        Completeness::Complete => Vec::new(),
        Completeness::Incomplete(doubts) => doubts,
    }
}

fn present(id: &str) -> ExternalId {
    ExternalId(id.to_owned())
}

#[tokio::test]
async fn l14_two_who_bear_one_id_are_both_refused_and_count_as_there() {
    let port = serve(|asked| {
        let named = |name: &str, id: &[u8]| {
            let dn = format!("uid={name},dc=x");
            let says: &[(&str, &[&[u8]])] = &[("entryUUID", &[id]), ("uid", &[name.as_bytes()])];
            asked.entry(dn.as_bytes(), says)
        };
        if asked.holds("groups") {
            let says: &[(&str, &[&[u8]])] = &[("entryUUID", &[b"ID-3"]), ("cn", &[b"staff"])];
            return [asked.entry(b"cn=staff,dc=x", says), asked.done(0, None)].concat();
        }
        [
            named("anna", b"id-1"),
            named("ben", b"ID-1"),
            named("carl", b"id-2"),
            named("dora", b"id-3"),
            asked.done(0, None),
        ]
        .concat()
    })
    .await;
    let snapshot = read(settings(port)).await;
    assert_eq!(usernames(&snapshot), ["carl"]);
    assert!(snapshot.groups.is_empty(), "a group bears a person's id");
    let refused: HashSet<&str> = snapshot
        .refused
        .iter()
        .filter_map(|record| Some(record.external_id.as_ref()?.0.as_str()))
        .collect();
    assert_eq!(refused, HashSet::from(["id-1", "id-3"]));
    let (there, _) = census(settings(port)).await;
    for id in ["id-1", "id-2", "id-3"] {
        assert!(there.contains(&Present::Person(present(id))), "{id}");
    }
}

#[tokio::test]
async fn l7_a_server_that_refers_to_itself_is_asked_once() {
    let asked_before = Arc::new(AtomicUsize::new(0));
    let count = asked_before.clone();
    let port = serve(move |asked| {
        count.fetch_add(1, Ordering::Relaxed);
        let to_itself = ber(0x73, &ber(0x04, b"ldap://127.0.0.1:389/dc=x??sub"));
        if asked.holds("groups") {
            return asked.done(10, None);
        }
        let references = asked.message(&to_itself).repeat(500);
        [references, asked.person("anna"), asked.done(0, None)].concat()
    })
    .await;
    let snapshot = read(settings(port)).await;
    assert_eq!(usernames(&snapshot), ["anna"]);
    assert_eq!(doubts(snapshot.completeness), [Doubt::ReferredElsewhere]);
    assert_eq!(asked_before.load(Ordering::Relaxed), 2, "people and groups");
}

#[tokio::test]
async fn l11_l24_a_census_counts_whoever_is_there_and_doubts_what_bears_no_id() {
    let port = serve(|asked| {
        if asked.holds("groups") {
            return asked.done(0, None);
        }
        let outside = asked.entry(b"uid=b,dc=elsewhere", &[("entryUUID", &[b"outside"])]);
        let junk = asked.entry(b"\xff\xfe", &[("entryUUID", &[b"junk"])]);
        let nameless = asked.entry(b"uid=c,dc=x", &[("uid", &[b"c"])]);
        let wide = asked.entry(b"uid=d,dc=x", &[("entryUUID", &[b"a", b"b"])]);
        [
            asked.person("anna"),
            outside,
            junk,
            nameless,
            wide,
            asked.done(0, None),
        ]
        .concat()
    })
    .await;
    let (there, completeness) = census(settings(port)).await;
    assert!(there.contains(&Present::Person(present("anna"))));
    assert!(there.contains(&Present::Unusable(present("outside"))));
    assert_eq!(doubts(completeness), [Doubt::WithoutId(3)]);
}

#[tokio::test]
async fn l18_l19_l21_a_census_that_goes_in_circles_is_limited_or_cut_is_not_whole() {
    type Lie = fn(&Asked) -> Vec<u8>;
    let lies: [Lie; 4] = [
        |asked| [asked.person("anna"), asked.done(0, Some(b"again"))].concat(),
        |asked| [asked.person("anna"), asked.done(4, None)].concat(),
        |asked| match asked.searches {
            0 => [asked.person("anna"), asked.done(0, Some(b"1"))].concat(),
            _ => Vec::new(),
        },
        |asked| [asked.person("anna"), asked.done(50, None)].concat(),
    ];
    for (number, lie) in lies.into_iter().enumerate() {
        let port = serve(lie).await;
        let (there, completeness) = census(settings(port)).await;
        assert!(there.contains(&Present::Person(present("anna"))));
        assert!(!completeness.may_remove(), "lie {number}");
    }
}

/// A domain controller that has 5 changes at first and 6 then, and answers searches for people so.
async fn controller(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> LdapSettings {
    let port = serve(move |asked| {
        if asked.holds("highestCommittedUSN") {
            let says: &[(&str, &[&[u8]])] = &[
                (
                    "highestCommittedUSN",
                    &[if asked.searches == 0 { b"5" } else { b"6" }],
                ),
                ("dsServiceName", &[b"CN=NTDS Settings,DC=x"]),
                ("currentTime", &[b"20261122080000.0Z"]),
            ];
            return [asked.entry(b"", says), asked.done(0, None)].concat();
        }
        if asked.holds("invocationId") {
            let says: &[(&str, &[&[u8]])] = &[("invocationId", &[&[7; 16]])];
            let name = b"CN=NTDS Settings,DC=x";
            return [asked.entry(name, says), asked.done(0, None)].concat();
        }
        if asked.holds("groups") {
            return asked.done(0, None);
        }
        answer(asked)
    })
    .await;
    LdapSettings {
        schema: schema(Vendor::ActiveDirectory),
        ..settings(port)
    }
}

fn member_of_the_domain(asked: &Asked) -> Vec<u8> {
    let says: &[(&str, &[&[u8]])] = &[
        ("objectGUID", &[&[1; 16]]),
        ("sAMAccountName", &[b"anna"]),
        ("userAccountControl", &[b"512"]),
    ];
    asked.entry(b"CN=Anna,DC=x", says)
}

#[tokio::test]
async fn l21_changes_that_are_cut_in_the_middle_are_read_again_from_the_same_place() {
    let settings = controller(|asked| {
        let anna = member_of_the_domain(asked);
        match (
            asked.holds("uSNChanged"),
            asked.holds("1.2.840.113556.1.4.319"),
        ) {
            // Changes: a page, then nothing more.
            (true, true) => [anna, b"\x30\x05\x02".to_vec()].concat(),
            _ => [anna, asked.done(0, None)].concat(),
        }
    })
    .await;
    let mut impatient = settings;
    impatient.limits.answer = std::time::Duration::from_secs(3);
    let ldap = Ldap::new(impatient).unwrap();
    let (whole, cursor) = begin(&ldap).await;
    assert_eq!(usernames(&whole), ["anna"]);
    let mut kept = Kept::default();
    let (completeness, next) = ldap.read_changes(&cursor, &mut kept).await;
    assert_eq!(next, Some(cursor));
    let doubts = doubts(completeness);
    assert!(
        matches!(doubts[..], [Doubt::Partial, Doubt::CutOff(_)]),
        "{doubts:?}"
    );
    assert_eq!(kept.0.len(), 1, "what came is handed on");
}

#[tokio::test]
async fn l22_a_domain_controller_that_lies_about_itself_gives_no_cursor() {
    for (highest, service, id) in [
        (&b"-1"[..], &b"CN=NTDS Settings,DC=x"[..], &[7_u8; 16][..]),
        (
            b"99999999999999999999999",
            b"CN=NTDS Settings,DC=x",
            &[7; 16],
        ),
        (b"\xff", b"CN=NTDS Settings,DC=x", &[7; 16]),
        (b"5", b"", &[7; 16]),
        (b"5", b"CN=NTDS Settings,DC=x", &[7; 15]),
    ] {
        let port = serve(move |asked| {
            let says: &[(&str, &[&[u8]])] = &[
                ("highestCommittedUSN", &[highest]),
                ("dsServiceName", &[service]),
                ("invocationId", &[id]),
            ];
            let itself = asked.entry(b"", says);
            let is_person = asked.holds("people");
            let said = if is_person {
                member_of_the_domain(asked)
            } else {
                itself
            };
            let said = if asked.holds("groups") {
                Vec::new()
            } else {
                said
            };
            [said, asked.done(0, None)].concat()
        })
        .await;
        let settings = LdapSettings {
            schema: schema(Vendor::ActiveDirectory),
            ..settings(port)
        };
        let ldap = Ldap::new(settings).unwrap();
        let mut kept = Kept::default();
        let (completeness, cursor) = ldap.read_whole(&mut kept).await;
        assert_eq!(cursor, None, "{highest:?}");
        assert!(completeness.may_remove(), "all was read nevertheless");
        let since = Cursor("usn 0000000000000000 x 5 -".to_owned());
        assert_eq!(ldap.read_changes(&since, &mut kept).await.1, None);
    }
}

#[tokio::test]
async fn l15_more_changed_names_than_are_looked_up_call_for_a_whole_reading() {
    let entries = people(20) + &group("staff", &[person(1)]);
    let setup = Setup {
        more: "overlay syncprov",
        ..Setup::of(&entries)
    };
    let Some(slapd) = Slapd::start(setup) else {
        return;
    };
    let mut settings = slapd.settings();
    settings.limits.lookups = 1;
    let ldap = Ldap::new(settings).unwrap();
    let (_, cursor) = begin(&ldap).await;
    let mut admin = slapd.admin().await;
    let joined = person(2);
    let joins = vec![Mod::Add("member", HashSet::from([joined.as_str()]))];
    let changed = admin.modify(&named("staff"), joins).await.unwrap();
    changed.success().unwrap();
    let (completeness, next) = ldap.read_changes(&cursor, &mut Kept::default()).await;
    assert_eq!(next, None);
    assert!(!completeness.may_remove());
    let enough = Ldap::new(slapd.settings()).unwrap();
    let (_, next) = enough.read_changes(&cursor, &mut Kept::default()).await;
    assert!(next.is_some());
}
