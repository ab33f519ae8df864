//! People: from entries to records.

use chrono::{DateTime, Utc};
use ldap3::Scope;
use muster_domain::record::{Attributes, ExternalId, SourceValues, UserRecord};
use muster_domain::snapshot::{Entry, Reference, RefusedRecord};
use muster_domain::{Error, Kind, name};

use super::connect::{self, shown};
use super::entry::{Raw, Unusable};
use super::search::{Question, Search, Then};
use super::settings::LdapSettings;
use super::source::Kept;
use super::standing::{self, Moment};
use super::{dn, filter, root};

/// How others in a reading point to an entry.
pub(super) fn by_dn(normalised: &str) -> String {
    format!("dn:{normalised}")
}

/// The same for a name as the server writes it. None: it is no name.
pub(super) fn by_name(dn: &str) -> Option<String> {
    dn::normalised_behind("dn:", dn)
}

/// How a group's list of usernames points to a person.
pub(super) fn by_username(username: &str) -> String {
    format!("uid:{}", name::key(username))
}

/// How a primary group is pointed to.
pub(super) fn by_sid(sid: &str) -> String {
    format!("sid:{sid}")
}

/// What finds everybody.
pub(super) fn question(settings: &LdapSettings) -> Question {
    Question {
        base: settings.users_base.clone(),
        scope: Scope::Subtree,
        filter: settings.schema.users.clone(),
        attributes: settings.schema.asked_of_people(),
        page: settings.limits.page,
    }
}

/// Reads people's entries.
pub(super) struct People<'a> {
    settings: &'a LdapSettings,
    /// Normalised.
    base: String,
    kept: Kept,
    /// The server's time, if it tells.
    now: Option<Moment>,
}

impl<'a> People<'a> {
    /// People of this directory at this time.
    pub(super) fn new(settings: &'a LdapSettings, now: Option<Moment>) -> Self {
        Self {
            settings,
            base: dn::normalised(&settings.users_base).unwrap_or_default(),
            kept: Kept::of(&settings.schema),
            now,
        }
    }

    /// What an entry says.
    pub(super) fn entries(&self, raw: &Raw) -> Vec<Entry> {
        let id = raw.id(&self.settings.schema.id).map(ExternalId);
        let place = dn::normalised(&raw.dn);
        let known = id
            .clone()
            .and_then(|id| self.known(raw, id, place.as_deref()));
        let mut locators: Vec<String> = place.iter().map(|dn| by_dn(dn)).collect();
        let (record, source) = match known {
            Err(why) => {
                // Whoever is off is so whatever else is wrong with their entry.
                let off = self.is_off(raw).is_ok_and(|off| off);
                return vec![refused(raw, id.ok(), locators, why, off)];
            }
            Ok(known) => known,
        };
        if !self.settings.schema.member_names.is_empty() {
            let username = record.attributes.get("username");
            locators.extend(username.map(|username| by_username(username)));
        }
        let mut entries = primary_group(raw, &record);
        entries.push(Entry::User {
            record,
            source,
            locators,
        });
        entries
    }

    fn is_off(&self, raw: &Raw) -> Result<bool, Unusable> {
        let schema = &self.settings.schema;
        standing::is_off(raw, schema.until, self.now, schema.mark)
    }

    /// `place` is the normalised name of the entry.
    fn known(
        &self,
        raw: &Raw,
        id: ExternalId,
        place: Option<&str>,
    ) -> Result<(UserRecord, SourceValues), Unusable> {
        let record = self.record(raw, id, place)?;
        Ok((record, self.kept.values(raw, self.settings.limits.value)?))
    }

    fn record(
        &self,
        raw: &Raw,
        external_id: ExternalId,
        place: Option<&str>,
    ) -> Result<UserRecord, Unusable> {
        let (schema, longest) = (&self.settings.schema, self.settings.limits.value);
        let place = place.ok_or("Its distinguished name cannot be read.")?;
        if !dn::is_within(place, &self.base) {
            return Err("The server showed it although it is outside of the base.".to_owned());
        }
        let mut attributes = Attributes::new();
        for (ours, theirs) in &schema.attributes {
            if let Some(value) = raw.text(theirs, longest)? {
                attributes.insert(ours.clone(), value.trim().to_owned());
            }
        }
        if !attributes.contains_key("username") {
            let theirs = schema.username();
            return Err(format!("“{theirs}”, the username, is missing."));
        }
        if !attributes.contains_key("display_name")
            && let Some(name) = raw.text("cn", longest)?
        {
            attributes.insert("display_name".to_owned(), name.trim().to_owned());
        }
        Ok(UserRecord {
            external_id,
            attributes,
            active: !self.is_off(raw)?,
        })
    }
}

pub(super) fn refused(
    raw: &Raw,
    external_id: Option<ExternalId>,
    locators: Vec<String>,
    why: Unusable,
    off: bool,
) -> Entry {
    Entry::Refused(RefusedRecord {
        external_id,
        about: shown(&raw.dn),
        why,
        locators,
        off,
    })
}

/// The group that Active Directory does not list among anybody's members: the person's domain and a number.
fn primary_group(raw: &Raw, record: &UserRecord) -> Vec<Entry> {
    let group = raw.sid().and_then(|sid| {
        let (domain, _) = sid.rsplit_once('-')?;
        let number: u32 = raw.text("primaryGroupID", 10).ok()??.parse().ok()?;
        Some(format!("{domain}-{number}"))
    });
    group
        .map(|sid| Entry::Members {
            group: Reference::Locator(by_sid(&sid)),
            members: vec![Reference::Id(record.external_id.clone())],
        })
        .into_iter()
        .collect()
}

/// What is said of the one person of this username.
pub(super) async fn said(
    settings: &LdapSettings,
    clock: Option<DateTime<Utc>>,
    username: &str,
) -> Result<Option<Entry>, Error> {
    let found = found(settings, clock, username).await?;
    // Their own entry is the last.
    Ok(found.and_then(|(raw, now)| People::new(settings, now).entries(&raw).pop()))
}

/// The one person of this username.
pub(super) async fn one(
    settings: &LdapSettings,
    clock: Option<DateTime<Utc>>,
    username: &str,
) -> Result<Option<(UserRecord, SourceValues)>, Error> {
    let Some((raw, now)) = found(settings, clock, username).await? else {
        return Ok(None);
    };
    let id = raw.id(&settings.schema.id).map_err(unusable)?;
    People::new(settings, now)
        .known(&raw, ExternalId(id), dn::normalised(&raw.dn).as_deref())
        .map(Some)
        .map_err(unusable)
}

fn unusable(why: Unusable) -> Error {
    Error::new("LDAP-009", Kind::Upstream, why)
}

/// The one entry of this username, and the server's time.
async fn found(
    settings: &LdapSettings,
    clock: Option<DateTime<Utc>>,
    username: &str,
) -> Result<Option<(Raw, Option<Moment>)>, Error> {
    let filter = filter::exactly(&settings.schema.users, settings.schema.username(), username);
    let mut connection = connect::open(settings).await?;
    let now = root::time(&mut connection, settings, clock).await;
    // Two are enough to know that the name does not name one.
    let question = Question {
        filter,
        page: 2,
        ..question(settings)
    };
    let page = Search::new(&mut connection, settings, question)
        .page()
        .await;
    if let Then::Failed(doubt) = &page.then {
        return Err(Error::new("LDAP-006", Kind::Upstream, doubt.words()));
    }
    let mut found = page.entries.into_iter();
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(_), Some(_)) => Err(Error::new(
            "LDAP-008",
            Kind::Conflict,
            format!("Several people bear the username {}.", shown(username)),
        )
        .next("Narrow the filter for people, or choose another attribute for the username.")),
        (Some(entry), None) => Ok(Some((entry.map_err(unusable)?, now))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::groups;
    use super::super::schema::Vendor;
    use super::super::settings::example;
    use super::*;

    fn hostile() -> impl Strategy<Value = Raw> {
        let name = prop_oneof![
            Just("objectguid"),
            Just("entryuuid"),
            Just("uid"),
            Just("samaccountname"),
            Just("cn"),
            Just("objectsid"),
            Just("primarygroupid"),
            Just("useraccountcontrol"),
            Just("accountexpires"),
            Just("member"),
            Just("member;range=0-1"),
            Just("member;range=x"),
            Just("memberuid"),
        ];
        let value = prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..20),
            "[a-z0-9=,\\\\-]{0,20}".prop_map(String::into_bytes),
        ];
        let values = proptest::collection::vec(value, 0..4);
        let attributes =
            proptest::collection::btree_map(name.prop_map(str::to_owned), values, 0..8);
        let dn = prop_oneof![Just("uid=a,dc=example".to_owned()), "\\PC{0,20}"];
        (dn, attributes).prop_map(|(dn, attributes)| Raw { dn, attributes })
    }

    #[test]
    fn l25_whoever_is_disabled_is_off_whatever_else_is_wrong_with_their_entry() {
        let settings = LdapSettings {
            schema: Vendor::ActiveDirectory.schema(),
            ..example()
        };
        let entry = |signs: &[(&str, &str)]| {
            let common = [("objectguid", "0123456789abcdef"), ("samaccountname", "a")];
            let all = common.iter().chain(signs);
            let attributes = all
                .map(|(name, value)| ((*name).to_owned(), vec![value.as_bytes().to_vec()]))
                .collect();
            let raw = Raw {
                dn: format!("CN=a,{}", settings.users_base),
                attributes,
            };
            let people = People::new(&settings, Moment::read("20261122080000Z"));
            people.entries(&raw).pop().unwrap()
        };
        let long = "x".repeat(settings.limits.value + 1);
        let refused = |signs: &[(&str, &str)]| match entry(signs) {
            Entry::Refused(record) => (record.external_id.is_some(), record.off),
            other => panic!("{other:?}"),
        };
        let flags = |flags| ("useraccountcontrol", flags);
        assert_eq!(
            refused(&[flags("514"), ("displayname", &long)]),
            (true, true)
        );
        assert_eq!(
            refused(&[flags("512"), ("displayname", &long)]),
            (true, false)
        );
        let expired = ("accountexpires", "130000000000000000");
        assert_eq!(
            refused(&[flags("512"), expired, ("mail", &long)]),
            (true, true)
        );
        // Nobody can tell: neither in nor out.
        assert_eq!(refused(&[expired]), (true, false));
        assert_eq!(refused(&[flags("junk")]), (true, false));
        assert!(matches!(entry(&[flags("512")]), Entry::User { .. }));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn l4_l26_whatever_an_entry_holds_it_is_told_once_or_refused_with_its_reason(
            raw in hostile(),
            vendor in prop_oneof![Just(Vendor::OpenLdap), Just(Vendor::ActiveDirectory)],
        ) {
            let settings = LdapSettings { schema: vendor.schema(), ..example() };
            let people = People::new(&settings, Moment::read("20261122080000Z")).entries(&raw);
            let (groups, _) = groups::entries(&raw, &settings, "");
            let is_head = |entry: &&Entry| !matches!(
                entry,
                Entry::Members { .. } | Entry::MembersUnread { .. }
            );
            for told in [people, groups] {
                prop_assert_eq!(told.iter().filter(is_head).count(), 1);
                for entry in told {
                    match entry {
                        Entry::Refused(record) => prop_assert!(!record.why.is_empty()),
                        Entry::User { record, source, .. } => {
                            let texts = source.into_values().flatten();
                            let mut texts = texts.chain(record.attributes.into_values());
                            prop_assert!(texts.all(|text| !text.contains('\0')));
                        }
                        _ => {}
                    }
                }
            }
        }
    }
}
