use super::*;
use crate::record::Attributes;

fn id(n: u32) -> ExternalId {
    ExternalId(n.to_string())
}

fn user(n: u32, name: &str) -> Entry {
    let attributes = Attributes::from([("username".to_owned(), name.to_owned())]);
    let record = UserRecord {
        external_id: id(n),
        attributes,
        active: true,
    };
    Entry::User {
        record,
        source: Default::default(),
        locators: vec![format!("cn={name}")],
    }
}

fn group(n: u32, name: &str) -> Entry {
    Entry::Group {
        external_id: id(n),
        name: name.to_owned(),
        locators: vec![format!("cn={name}")],
    }
}

fn gathered(entries: Vec<Entry>) -> Snapshot {
    let mut gathered = Gathered::default();
    entries.into_iter().for_each(|entry| gathered.take(entry));
    gathered.finish(Completeness::Complete)
}

#[test]
fn members_find_each_other_in_any_order_and_in_parts() {
    let at = |name: &str| Reference::Locator(format!("cn={name}"));
    let snapshot = gathered(vec![
        Entry::Members {
            group: at("staff"),
            members: vec![at("anna"), at("lab"), at("elsewhere")],
        },
        user(1, "anna"),
        group(8, "lab"),
        group(9, "staff"),
        user(2, "ben"),
        Entry::Members {
            group: Reference::Id(id(9)),
            members: vec![Reference::Id(id(2)), at("anna")],
        },
        Entry::MembersUnread {
            group: at("lab"),
            why: "cut".to_owned(),
        },
    ]);
    assert_eq!(snapshot.completeness, Completeness::Complete);
    let staff = snapshot.groups.get(&id(9)).unwrap();
    assert_eq!(staff.members, [id(1), id(2), id(8)]);
    assert_eq!(snapshot.unread, BTreeSet::from([id(8)]));
    assert_eq!(snapshot.strangers, BTreeSet::from([id(9)]), "elsewhere");
}

#[test]
fn an_entry_that_moved_between_pages_is_one_and_two_of_one_id_are_refused() {
    let snapshot = gathered(vec![
        user(1, "anna"),
        user(1, "anna"),
        user(2, "ben"),
        user(2, "bert"),
    ]);
    assert_eq!(snapshot.users.keys().collect::<Vec<_>>(), [&id(1)]);
    let refused: Vec<_> = snapshot
        .refused
        .iter()
        .map(|record| record.external_id.clone())
        .collect();
    assert_eq!(refused, [Some(id(2))]);
    let snapshot = gathered(vec![user(1, "anna"), user(3, "cem"), group(3, "staff")]);
    assert!(snapshot.groups.is_empty());
    assert_eq!(snapshot.refused.len(), 1);
}

#[test]
fn a_record_without_an_id_and_an_empty_source_are_doubts() {
    let nameless = RefusedRecord {
        external_id: None,
        about: "cn=x".to_owned(),
        why: "No id.".to_owned(),
        locators: Vec::new(),
        off: false,
    };
    let snapshot = gathered(vec![user(1, "anna"), Entry::Refused(nameless)]);
    assert_eq!(
        snapshot.completeness,
        Completeness::Incomplete(vec![Doubt::WithoutId(1)])
    );
    assert!(!gathered(vec![group(1, "staff")]).completeness.may_remove());
}
