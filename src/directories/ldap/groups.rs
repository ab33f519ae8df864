//! Groups: from entries to records, and members in parts.
//!
//! Memberships are what groups say of their members (`member`, `uniqueMember`, `memberUid`), and the primary group that a
//! person of Active Directory names. What people are said to be in (`memberOf`) is not a second way to them: servers derive it
//! from the same members, leave out the primary group, on 389 Directory Server and FreeIPA count whoever is in a group of a
//! group as in both, so that a nested membership would be taken for a direct one, and it names groups whose own entry may
//! not be readable, under names that change. An account that may not read groups sees none, which waits for a person
//! (`Hold::NoGroups`) instead of emptying them. Rules and mappings may look at it: it is in the source's values when
//! [`Schema::extra`](super::Schema::extra) asks for it.

use ldap3::Scope;
use muster_domain::record::ExternalId;
use muster_domain::snapshot::{Doubt, Entry, Reference};

use super::connect::Connection;
use super::dn;
use super::entry::{Raw, Unusable};
use super::people::{by_dn, by_name, by_sid, by_username, refused};
use super::search::{Page, Question, Search, Then};
use super::settings::LdapSettings;

/// Parts of one group's members, at most: Active Directory sends 1 500 at a time.
const MOST_PARTS: u32 = 10_000;
/// Members handed on at once.
const CHUNK: usize = 1_000;

/// What finds every group.
pub(super) fn question(settings: &LdapSettings) -> Question {
    Question {
        base: settings.groups_base.clone(),
        scope: Scope::Subtree,
        filter: settings.schema.groups.clone(),
        attributes: settings.schema.asked_of_groups(settings.limits.members),
        page: settings.limits.group_page,
    }
}

/// A group whose members go on: where, and from which.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Rest {
    dn: String,
    group: Reference,
    attribute: String,
    from: u64,
}

/// What an entry says, and what of its members is still to be asked for. `base` is normalised.
pub(super) fn entries(raw: &Raw, settings: &LdapSettings, base: &str) -> (Vec<Entry>, Vec<Rest>) {
    let place = dn::normalised(&raw.dn);
    let mut locators: Vec<String> = place.iter().map(|dn| by_dn(dn)).collect();
    locators.extend(raw.sid().map(|sid| by_sid(&sid)));
    let id = raw.id(&settings.schema.id).map(ExternalId);
    match (id.clone(), head(raw, settings, place.as_deref(), base)) {
        (Ok(external_id), Ok(name)) => {
            let group = Reference::Id(external_id.clone());
            let mut entries = vec![Entry::Group {
                external_id,
                name,
                locators,
            }];
            let rest = members(raw, settings, &group, &mut entries);
            (entries, rest)
        }
        (Err(why), _) | (_, Err(why)) => (
            vec![refused(raw, id.ok(), locators, why, false)],
            Vec::new(),
        ),
    }
}

fn head(
    raw: &Raw,
    settings: &LdapSettings,
    place: Option<&str>,
    base: &str,
) -> Result<String, Unusable> {
    let place = place.ok_or("Its distinguished name cannot be read.")?;
    if !dn::is_within(place, base) {
        return Err("The server showed it although it is outside of the base.".to_owned());
    }
    let attribute = &settings.schema.group_name;
    let name = raw.text(attribute, settings.limits.value)?;
    Ok(name
        .ok_or_else(|| format!("“{attribute}”, the group's name, is missing."))?
        .trim()
        .to_owned())
}

fn members(
    raw: &Raw,
    settings: &LdapSettings,
    group: &Reference,
    entries: &mut Vec<Entry>,
) -> Vec<Rest> {
    let mut rest = Vec::new();
    for attribute in &settings.schema.members {
        hand_on(group, raw.all(attribute), pointed, entries);
        match part(raw, attribute) {
            Part::None => {}
            Part::Last(values) => hand_on(group, values, pointed, entries),
            Part::Until(values, until) => {
                hand_on(group, values, pointed, entries);
                let (dn, attribute) = (raw.dn.clone(), attribute.clone());
                rest.push(Rest {
                    dn,
                    group: group.clone(),
                    attribute,
                    from: until + 1,
                });
            }
        }
    }
    for attribute in &settings.schema.member_names {
        let named = |value: &str| Some(Reference::Locator(by_username(value)));
        hand_on(group, raw.all(attribute), named, entries);
    }
    rest
}

fn pointed(value: &str) -> Option<Reference> {
    by_name(value).map(Reference::Locator)
}

/// Hands values on as members. One that cannot be read points to nobody, but may be somebody: then none is removed.
fn hand_on(
    group: &Reference,
    values: &[Vec<u8>],
    read: impl Fn(&str) -> Option<Reference>,
    entries: &mut Vec<Entry>,
) {
    let mut is_whole = true;
    for chunk in values.chunks(CHUNK) {
        let mut members = Vec::with_capacity(chunk.len());
        for value in chunk.iter().filter(|value| !value.is_empty()) {
            match std::str::from_utf8(value).ok().and_then(&read) {
                Some(member) => members.push(member),
                None => is_whole = false,
            }
        }
        entries.push(Entry::Members {
            group: group.clone(),
            members,
        });
    }
    if !is_whole {
        let why = "A member's name cannot be read.".to_owned();
        entries.push(Entry::MembersUnread {
            group: group.clone(),
            why,
        });
    }
}

/// So many members from this one on, as a server that counts them is asked.
pub(super) fn range(attribute: &str, from: u64, members: u32) -> String {
    let last = from.saturating_add(u64::from(members.max(1)) - 1);
    format!("{attribute};range={from}-{last}")
}

/// A part of an attribute, as `member;range=0-1499` ([MS-ADTS] section 3.1.1.3.1.3.3).
#[derive(PartialEq, Eq, Debug)]
enum Part<'a> {
    None,
    /// Up to this one, and there is more.
    Until(&'a [Vec<u8>], u64),
    /// The last ones.
    Last(&'a [Vec<u8>]),
}

fn part<'a>(raw: &'a Raw, attribute: &str) -> Part<'a> {
    let prefix = format!("{};range=", attribute.to_ascii_lowercase());
    let ranged = raw
        .attributes
        .iter()
        .find_map(|(name, values)| Some((name.strip_prefix(&prefix)?, values)));
    match ranged.and_then(|(range, values)| Some((range.split_once('-')?.1, values))) {
        None => Part::None,
        Some(("*", values)) => Part::Last(values),
        Some((until, values)) => match until.parse() {
            Ok(until) => Part::Until(values, until),
            // A range that cannot be read is not the last.
            Err(_) => Part::Until(values, u64::MAX - 1),
        },
    }
}

/// The next part of a group's members; what is still to be asked for then.
pub(super) async fn more(
    connection: &mut Connection,
    settings: &LdapSettings,
    rest: &Rest,
    parts: u32,
) -> (Vec<Entry>, Option<Rest>) {
    let mut entries = Vec::new();
    let unread = |why: String| Entry::MembersUnread {
        group: rest.group.clone(),
        why,
    };
    if parts >= MOST_PARTS {
        return (
            vec![unread("Its members come in too many parts.".to_owned())],
            None,
        );
    }
    let question = Question {
        base: rest.dn.clone(),
        scope: Scope::Base,
        filter: "(objectClass=*)".to_owned(),
        attributes: vec![range(&rest.attribute, rest.from, settings.limits.members)],
        page: 1,
    };
    let Page {
        entries: found,
        then,
    } = Search::new(connection, settings, question).page().await;
    if let Then::Failed(doubt) = then {
        return (vec![unread(doubt.words())], None);
    }
    let Some(Ok(raw)) = found.first() else {
        return (
            vec![unread("It vanished while it was read.".to_owned())],
            None,
        );
    };
    match part(raw, &rest.attribute) {
        // A range that does not get on would never end; none at all is not an end.
        Part::Until(values, until) if until >= rest.from && until < u64::MAX - 1 => {
            hand_on(&rest.group, values, pointed, &mut entries);
            (
                entries,
                Some(Rest {
                    from: until + 1,
                    ..rest.clone()
                }),
            )
        }
        Part::Last(values) => {
            hand_on(&rest.group, values, pointed, &mut entries);
            (entries, None)
        }
        Part::Until(..) | Part::None => (
            vec![unread(
                "The server does not say where its members go on.".to_owned(),
            )],
            None,
        ),
    }
}

/// Whether a doubt is about the connection, so that nothing more can be asked.
pub(super) const fn is_cut(doubt: &Doubt) -> bool {
    matches!(doubt, Doubt::CutOff(_))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn raw(name: &str) -> Raw {
        Raw {
            dn: "cn=g".to_owned(),
            attributes: BTreeMap::from([(name.to_owned(), vec![b"cn=a".to_vec()])]),
        }
    }

    #[test]
    fn l17_ranges_are_read_and_one_that_cannot_be_is_never_the_last() {
        let value = &[b"cn=a".to_vec()][..];
        assert_eq!(
            part(&raw("member;range=0-1499"), "member"),
            Part::Until(value, 1499)
        );
        assert_eq!(
            part(&raw("member;range=1500-*"), "Member"),
            Part::Last(value)
        );
        assert_eq!(part(&raw("member"), "member"), Part::None);
        assert_eq!(
            part(&raw("member;range=0-x"), "member"),
            Part::Until(value, u64::MAX - 1)
        );
        assert_eq!(part(&raw("memberof;range=0-*"), "member"), Part::None);
    }

    #[test]
    fn a_member_that_cannot_be_read_keeps_all_the_others_in() {
        let group = Reference::Id(ExternalId("g".to_owned()));
        let mut entries = Vec::new();
        hand_on(
            &group,
            &[b"cn=a".to_vec(), b"\xff".to_vec()],
            pointed,
            &mut entries,
        );
        assert!(matches!(
            entries[..],
            [Entry::Members { .. }, Entry::MembersUnread { .. }]
        ));
    }
}
