//! Servers that fail, lie or attack.

use std::time::Duration;

use muster_directories::{Ldap, LdapSettings, Security, Vendor};
use muster_domain::directory::{Directory as _, Probe};
use muster_domain::snapshot::{Completeness, Doubt, Snapshot};

use crate::script::{Asked, ber, schema, serve, serve_all, settings};
use crate::slapd::{Setup, Slapd, people};
use crate::{members, read, usernames};

fn doubts(snapshot: &Snapshot) -> Vec<Doubt> {
    match &snapshot.completeness {
        Completeness::Complete => Vec::new(),
        Completeness::Incomplete(doubts) => doubts.clone(),
    }
}

fn is_cut(snapshot: &Snapshot) -> bool {
    doubts(snapshot)
        .iter()
        .any(|doubt| matches!(doubt, Doubt::CutOff(_)))
}

/// Answers the search for people so, and that for groups with none.
async fn people_only(answer: impl Fn(&Asked) -> Vec<u8> + Send + Sync + 'static) -> Snapshot {
    let port = serve(move |asked| {
        if asked.holds("groups") {
            asked.done(0, None)
        } else {
            answer(asked)
        }
    })
    .await;
    read(settings(port)).await
}

#[tokio::test]
async fn l18_a_page_token_that_leads_in_a_circle_ends_the_reading() {
    let same =
        people_only(|asked| [asked.person("anna"), asked.done(0, Some(b"again"))].concat()).await;
    assert_eq!(usernames(&same), ["anna"]);
    assert_eq!(doubts(&same), [Doubt::CyclingToken]);
    let turns = people_only(|asked| {
        let (name, token) = if asked.searches.is_multiple_of(2) {
            ("anna", b"b")
        } else {
            ("ben", b"a")
        };
        [asked.person(name), asked.done(0, Some(token))].concat()
    })
    .await;
    assert_eq!(doubts(&turns), [Doubt::CyclingToken]);
    let empty = people_only(|asked| asked.done(0, Some(b"x"))).await;
    assert!(doubts(&empty).contains(&Doubt::CyclingToken));
}

#[tokio::test]
async fn a_token_that_stays_the_same_while_pages_go_on_is_no_circle() {
    let snapshot = people_only(|asked| {
        let last = asked.searches == 3;
        let token: &[u8] = if last { b"" } else { b"0" };
        [
            asked.person(&format!("u{}", asked.searches)),
            asked.done(0, Some(token)),
        ]
        .concat()
    })
    .await;
    assert_eq!(snapshot.completeness, Completeness::Complete);
    assert_eq!(usernames(&snapshot), ["u0", "u1", "u2", "u3"]);
}

#[tokio::test]
async fn l21_a_server_cut_in_the_middle_of_a_page_leaves_the_reading_incomplete() {
    let port = serve(|asked| match asked.searches {
        0 => [asked.person("anna"), asked.done(0, Some(b"1"))].concat(),
        _ => Vec::new(),
    })
    .await;
    let snapshot = read(settings(port)).await;
    assert_eq!(usernames(&snapshot), ["anna"]);
    assert!(is_cut(&snapshot), "{:?}", snapshot.completeness);
}

#[tokio::test]
async fn l21_a_real_server_that_is_killed_between_pages_leaves_the_reading_incomplete() {
    use async_trait::async_trait;
    use muster_domain::snapshot::{Entry, Gathered, Intake};

    struct Killing(Gathered, Option<Slapd>);
    #[async_trait]
    impl Intake for Killing {
        async fn page(&mut self, entries: Vec<Entry>) -> Result<(), muster_domain::Error> {
            drop(self.1.take());
            self.0.page(entries).await
        }
    }
    let Some(slapd) = Slapd::start(Setup::of(&people(40))) else {
        return;
    };
    let ldap = Ldap::new(slapd.settings()).unwrap();
    let mut intake = Killing(Gathered::default(), Some(slapd));
    let completeness = ldap.read(&mut intake).await;
    let snapshot = intake.0.finish(completeness);
    assert!(!snapshot.users.is_empty() && snapshot.users.len() < 40);
    assert!(is_cut(&snapshot));
}

#[tokio::test]
async fn a_silent_server_ends_the_reading() {
    let port = serve(|asked| [asked.person("anna"), b"\x30\x05\x02".to_vec()].concat()).await;
    let mut impatient = settings(port);
    impatient.limits.answer = Duration::from_millis(300);
    assert!(is_cut(&read(impatient).await));
}

#[tokio::test]
async fn l4_l26_junk_is_refused_with_its_reason_and_the_rest_goes_on() {
    let snapshot = people_only(|asked| {
        let long = vec![b'x'; 5000];
        let id = |name: &'static [u8]| ("entryUUID", vec![name]);
        let entry = |dn: &[u8], attributes: &[(&str, Vec<&[u8]>)]| {
            let attributes: Vec<(&str, &[&[u8]])> = attributes
                .iter()
                .map(|(name, values)| (*name, values.as_slice()))
                .collect();
            asked.entry(dn, &attributes)
        };
        [
            asked.person("anna"),
            entry(
                b"uid=b,dc=x",
                &[id(b"2"), ("uid", vec![b"b"]), ("sn", vec![b"\xff\xfe"])],
            ),
            entry(
                b"uid=c,dc=x",
                &[id(b"3"), ("uid", vec![b"c"]), ("mail", vec![&long])],
            ),
            entry(b"uid=d,dc=x", &[id(b"4"), ("sn", vec![b"no username"])]),
            entry(b"no name at all", &[id(b"5"), ("uid", vec![b"e"])]),
            entry(b"uid=f,dc=elsewhere", &[id(b"6"), ("uid", vec![b"f"])]),
            entry(
                b"uid=g,dc=x",
                &[
                    id(b"7"),
                    ("uid", vec![b"g"]),
                    ("userAccountControl", vec![b"x"]),
                ],
            ),
            asked.person("zoe"),
            asked.done(0, None),
        ]
        .concat()
    })
    .await;
    assert_eq!(usernames(&snapshot), ["anna", "zoe"]);
    assert_eq!(
        snapshot.completeness,
        Completeness::Complete,
        "each has its id: nobody is taken for gone"
    );
    let why: Vec<&str> = snapshot
        .refused
        .iter()
        .map(|record| record.why.as_str())
        .collect();
    assert_eq!(
        why,
        [
            "“sn” is not text.",
            "“mail” is 5000 bytes long; at most 4096 are accepted.",
            "“uid”, the username, is missing.",
            "Its distinguished name cannot be read.",
            "The server showed it although it is outside of the base.",
            "“userAccountControl” is not a number.",
        ]
    );
}

#[tokio::test]
async fn a_record_without_an_id_makes_the_reading_incomplete() {
    let snapshot = people_only(|asked| {
        let nameless = asked.entry(b"uid=b,dc=x", &[("uid", &[b"b"])]);
        let unreadable = asked.entry(b"\xff", &[("uid", &[b"b"])]);
        [
            asked.person("anna"),
            nameless,
            unreadable,
            asked.done(0, None),
        ]
        .concat()
    })
    .await;
    assert_eq!(usernames(&snapshot), ["anna"]);
    assert_eq!(doubts(&snapshot), [Doubt::WithoutId(2)]);
}

#[tokio::test]
async fn l15_what_would_end_this_process_ends_the_connection_instead() {
    type Attack = fn(&Asked) -> Vec<u8>;
    let attacks: [Attack; 7] = [
        |asked| {
            // Depth by depth, built from the outside: cheap to send, fatal to follow.
            let mut deep = [0x30, 0x84, 0x00, 0x0f, 0xff, 0xff].repeat(20_000);
            deep.truncate(60_000);
            [asked.person("anna"), deep].concat()
        },
        |asked| {
            [
                asked.person("anna"),
                vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff],
            ]
            .concat()
        },
        |asked| [asked.person("anna"), b"HTTP/1.1 200 OK\r\n\r\n".to_vec()].concat(),
        // Sound BER that is no LDAP: the library panics, in a task of its own.
        |asked| [asked.person("anna"), asked.message(&ber(0x7e, b""))].concat(),
        |asked| [asked.person("anna"), vec![0x30, 0x00]].concat(),
        |asked| [asked.person("anna"), ber(0x30, &ber(0x04, b"x"))].concat(),
        |asked| [asked.person("anna"), asked.message(&ber(0x65, b""))].concat(),
    ];
    for (number, attack) in attacks.into_iter().enumerate() {
        let port = serve(attack).await;
        let mut within = settings(port);
        within.limits.answer = Duration::from_secs(2);
        let snapshot = read(within).await;
        assert!(!snapshot.completeness.may_remove(), "attack {number}");
    }
}

#[tokio::test]
async fn l15_an_answer_without_end_is_cut() {
    let port = serve(|asked| {
        let person = asked.entry(
            b"uid=a,dc=x",
            &[
                ("entryUUID", &[b"1"]),
                ("uid", &[b"a"]),
                ("cn", &[&[b'x'; 4000]]),
            ],
        );
        person.repeat(300)
    })
    .await;
    let mut small = settings(port);
    small.limits.whole_answer = 1 << 20;
    let snapshot = read(small).await;
    let words = "an answer is longer than accepted".to_owned();
    assert!(
        doubts(&snapshot).contains(&Doubt::CutOff(words)),
        "{:?}",
        snapshot.completeness
    );
}

#[tokio::test]
async fn l8_what_is_sent_before_tls_begins_ends_the_connection() {
    let port = serve_all(|asked| [asked.tls(), asked.person("evil")].concat()).await;
    let settings = LdapSettings {
        security: Security::StartTls,
        ..settings(port)
    };
    let error = Ldap::new(settings)
        .unwrap()
        .probe(Probe::Connect)
        .await
        .outcome
        .unwrap_err();
    assert_eq!(error.code, "LDAP-003");
    assert!(
        error.public.contains("more than was asked"),
        "{}",
        error.public
    );
}

/// Groups of a server that sends members in parts of two.
async fn in_parts(part: impl Fn(&Asked, u64) -> Vec<u8> + Send + Sync + 'static) -> Snapshot {
    let port = serve(move |asked| {
        if asked.holds("people") {
            let people: Vec<u8> = (0..6)
                .flat_map(|n| asked.person(&format!("u{n}")))
                .collect();
            return [people, asked.done(0, None)].concat();
        }
        if asked.holds("groups") {
            let attributes: &[(&str, &[&[u8]])] = &[
                ("entryUUID", &[b"g"]),
                ("cn", &[b"big"]),
                ("member", &[]),
                ("member;range=0-1", &[b"uid=u0,dc=x", b"uid=u1,dc=x"]),
            ];
            return [asked.entry(b"cn=big,dc=x", attributes), asked.done(0, None)].concat();
        }
        let from = (2..6)
            .find(|from| asked.holds(&format!("member;range={from}-")))
            .unwrap_or(99);
        part(asked, from)
    })
    .await;
    read(settings(port)).await
}

fn range(asked: &Asked, name: &str, members: [&str; 2]) -> Vec<u8> {
    let members = members.map(str::as_bytes);
    [
        asked.entry(b"cn=big,dc=x", &[(name, &members)]),
        asked.done(0, None),
    ]
    .concat()
}

#[tokio::test]
async fn l17_members_that_come_in_parts_are_all_read() {
    let snapshot = in_parts(|asked, from| match from {
        2 => range(asked, "member;range=2-3", ["uid=u2,dc=x", "UID=U3, dc=x"]),
        _ => range(asked, "member;range=4-*", ["uid=u4,dc=x", "uid=u5,dc=x"]),
    })
    .await;
    assert_eq!(
        members(&snapshot, "big"),
        ["u0", "u1", "u2", "u3", "u4", "u5"]
    );
    assert!(snapshot.unread.is_empty());
    assert_eq!(snapshot.completeness, Completeness::Complete);
}

#[tokio::test]
async fn l17_a_group_whose_parts_do_not_end_well_loses_no_members() {
    type Part = fn(&Asked, u64) -> Vec<u8>;
    let parts: [Part; 4] = [
        // Vanished meanwhile.
        |asked, _| asked.done(32, None),
        |asked, _| asked.done(0, None),
        // Never gets on.
        |asked, _| range(asked, "member;range=0-1", ["uid=u0,dc=x", "uid=u1,dc=x"]),
        |asked, _| range(asked, "member;range=x", ["uid=u0,dc=x", "uid=u1,dc=x"]),
    ];
    for part in parts {
        let snapshot = in_parts(part).await;
        assert_eq!(snapshot.unread.len(), 1);
        assert_eq!(members(&snapshot, "big"), ["u0", "u1"]);
    }
}

#[tokio::test]
async fn l14_l25_active_directorys_ids_switches_and_primary_groups_are_understood() {
    let port = serve(|asked| {
        let sid = |number: u8| {
            [
                &[1, 2, 0, 0, 0, 0, 0, 5, 21, 0, 0, 0][..],
                &[number, 2, 0, 0],
            ]
            .concat()
        };
        if asked.holds("groups") {
            let group = asked.entry(
                b"CN=Domain Users,DC=x",
                &[
                    ("objectGUID", &[&[7; 16]]),
                    ("cn", &[b"Domain Users"]),
                    ("objectSid", &[&sid(1)]),
                ],
            );
            return [group, asked.done(0, None)].concat();
        }
        let person = |n: u8, flags: &[u8]| {
            let name = [b'a' + n];
            asked.entry(
                format!("CN=P{n},DC=x").as_bytes(),
                &[
                    ("objectGUID", &[&[n; 16]]),
                    ("sAMAccountName", &[&name]),
                    ("userAccountControl", &[flags]),
                    ("objectSid", &[&sid(9)]),
                    ("primaryGroupID", &[b"513"]),
                ],
            )
        };
        [
            person(1, b"512"),
            person(2, b"514"),
            person(3, b"66048"),
            asked.done(0, None),
        ]
        .concat()
    })
    .await;
    let settings = LdapSettings {
        schema: schema(Vendor::ActiveDirectory),
        ..settings(port)
    };
    let snapshot = read(settings).await;
    let active: Vec<bool> = snapshot.users.values().map(|user| user.active).collect();
    assert_eq!(active, [true, false, true]);
    let ids: Vec<&str> = snapshot.users.keys().map(|id| id.0.as_str()).collect();
    assert_eq!(ids[0], "01010101-0101-0101-0101-010101010101");
    assert_eq!(members(&snapshot, "Domain Users"), ["b", "c", "d"]);
}
