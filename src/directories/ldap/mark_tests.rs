use secrecy::SecretString;

use super::*;
use crate::ldap::settings::{Bind, example};

fn settings() -> LdapSettings {
    let dn = "cn=a".to_owned();
    let password = SecretString::from("hunter2");
    LdapSettings {
        bind: Bind::Simple { dn, password },
        ..example()
    }
}

fn moment(text: &str) -> Moment {
    Moment::read(text).unwrap()
}

fn usn(server: &str, last: u64, time: &str) -> Place {
    Place::Usn {
        server: server.to_owned(),
        last,
        time: Moment::read(time),
    }
}

fn csn(stamps: &[&str]) -> Place {
    Place::Csn(super::stamps(stamps.iter().copied()).unwrap())
}

const A: &str = "7c9e6679-7425-40de-944b-e07fc1f90ae7";
const B: &str = "16fd2706-8baf-433b-82eb-8c7fada847da";
const EARLY: &str = "20261122080000.000001Z#000000#001#000000";
const LATE: &str = "20261122090000.000001Z#000000#001#000000";
const OTHER: &str = "20261122083000.000001Z#000000#002#000000";

#[test]
fn a_cursor_is_read_back_and_holds_no_secret() {
    for place in [
        usn(A, 42, "20261122080000.0Z"),
        usn(A, 42, ""),
        csn(&[EARLY, OTHER]),
        Place::Time {
            from: moment("20261122080000Z"),
            latest: moment("20261122080001Z"),
            seen: moment("16010101000000Z"),
        },
    ] {
        let cursor = place.write(&settings());
        assert_eq!(Place::read(&cursor, &settings()), Some(place));
        assert!(!cursor.0.contains("hunter2"));
        let longer = Cursor(format!("{} x", cursor.0));
        assert_eq!(Place::read(&longer, &settings()), None);
    }
    for junk in ["", "usn", "usn 0 0 0 0", "csn 0000000000000000", "\0"] {
        assert_eq!(Place::read(&Cursor(junk.to_owned()), &settings()), None);
    }
}

#[test]
fn a_cursor_counts_only_for_the_questions_it_was_given_for() {
    let cursor = csn(&[EARLY]).write(&settings());
    let mut others = [(); 5].map(|()| settings());
    others[0].users_base = "dc=another".to_owned();
    others[1].schema.users = "(uid=*)".to_owned();
    others[2].schema.extra.push("title".to_owned());
    others[3].schema.id = "nsUniqueId".to_owned();
    others[4].schema.until = Some("krbPrincipalExpiration");
    for other in others {
        assert_eq!(Place::read(&cursor, &other), None);
    }
}

fn among(filter: &str) -> Option<News> {
    Some(News::Among(filter.to_owned()))
}

#[test]
fn l23_numbers_of_another_server_or_of_an_older_state_say_nothing() {
    let known = usn(A, 100, "");
    assert_eq!(known.news(&usn(A, 250, "")), among("(uSNChanged>=101)"));
    assert_eq!(known.news(&known), Some(News::None));
    assert_eq!(known.news(&usn(B, 250, "")), None, "another server");
    assert_eq!(known.news(&usn(A, 99, "")), None, "set back");
    assert_eq!(known.news(&csn(&[EARLY])), None);
    let last = usn(A, u64::MAX, "");
    assert_eq!(last.news(&last), Some(News::None));
}

#[test]
fn l23_a_server_that_lacks_what_was_read_is_read_whole() {
    let known = csn(&[EARLY, OTHER]);
    let first = "(entryCSN>=20261122080000.000001Z#000000#001#000001)";
    assert_eq!(known.news(&csn(&[LATE, OTHER])), among(first));
    assert_eq!(known.news(&known), Some(News::None));
    assert_eq!(known.news(&csn(&[LATE])), None, "a writer is missing");
    assert_eq!(csn(&[LATE]).news(&csn(&[EARLY])), None, "set back");
}

#[test]
fn who_expires_meanwhile_is_asked_for_though_nothing_changed() {
    let (from, until) = ("20261122080000.0Z", "20261122090000.0Z");
    let expired = format!(
        "(&(accountExpires>={})(accountExpires<={}))",
        moment(from).0,
        moment(until).0
    );
    let known = usn(A, 1, from);
    assert_eq!(known.news(&usn(A, 1, until)), among(&expired));
    let both = format!("(|(uSNChanged>=2){expired})");
    assert_eq!(known.news(&usn(A, 7, until)), among(&both));
    // Where changes are dated, as far back as dates are asked for.
    let known = Place::next(None, Place::dated(moment(from)), None);
    let now = Place::dated(moment(until));
    let news = || "(x=1)".to_owned();
    let Place::Time { from, .. } = &known else {
        panic!("a time stays a time");
    };
    let expired = format!("(&(end>={})(end<=20261122090000Z))", from.written());
    assert!(from.written().as_str() < "20261122080000Z");
    assert_eq!(
        known.with_expired(news(), &now, Some("end")),
        format!("(|(x=1){expired})")
    );
    assert_eq!(known.with_expired(news(), &now, None), news());
    let counted = csn(&[EARLY]);
    assert_eq!(counted.with_expired(news(), &counted, Some("end")), news());
}

/// From where the next reading asks, after readings at these times here that saw these latest dates.
fn asked_from(readings: &[(&str, &str)]) -> String {
    let mut place = None;
    for (now, latest) in readings {
        let began = Place::dated(moment(now));
        place = Some(Place::next(place.as_ref(), began, Moment::read(latest)));
    }
    let Some(Place::Time { from, .. }) = place else {
        panic!("a time stays a time");
    };
    from.written()
}

#[test]
fn l22_no_clock_that_is_wrong_makes_a_change_be_skipped() {
    let latest = "20261122070000Z";
    // Whatever the clock here says, a date first seen just now is not settled.
    for now in ["20261122070001Z", "20261122090000Z", "20300101000000Z"] {
        assert_eq!(asked_from(&[(now, latest)]), "20261122065500Z", "{now}");
    }
    let behind = asked_from(&[("20261122060000Z", latest)]);
    assert_eq!(behind, "20261122055500Z", "a clock behind reads more again");
    // Settled, once so much time has gone by here without a later date.
    let quiet = [("20300101000000Z", latest), ("20300101000500Z", "")];
    assert_eq!(asked_from(&quiet), "20261122070001Z");
    let again = [("20300101000000Z", latest), ("20300101000500Z", latest)];
    assert_eq!(asked_from(&again), "20261122070001Z");
    let soon = [("20300101000000Z", latest), ("20300101000459Z", "")];
    assert_eq!(asked_from(&soon), "20261122065500Z");
    let newer = [
        ("20300101000000Z", latest),
        ("20300101000500Z", "20261122071000Z"),
    ];
    assert_eq!(asked_from(&newer), "20261122070500Z");
    assert_eq!(asked_from(&[("20261122080000Z", "")]), "16010101000000Z");
}

#[test]
fn what_was_read_already_is_passed_over() {
    let known = csn(&[EARLY, OTHER]);
    let raw = |stamp: &str| Raw {
        dn: String::new(),
        attributes: BTreeMap::from([("entrycsn".to_owned(), vec![stamp.as_bytes().to_vec()])]),
    };
    assert!(known.is_read(&raw(EARLY)));
    assert!(known.is_read(&raw(OTHER)));
    assert!(!known.is_read(&raw(LATE)));
    assert!(!known.is_read(&raw("junk")));
    assert!(!known.is_read(&Raw::default()));
    let third = "20200101000000.000001Z#000000#003#000000";
    assert!(!known.is_read(&raw(third)), "nobody knows that writer");
    for junk in [
        "",
        "#",
        "20261122080000.000001Z#0#1#0",
        "é#000000#001#000000",
    ] {
        assert_eq!(writer(junk), None, "{junk}");
    }
}
