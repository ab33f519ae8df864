//! People: from entries to records.

use ldap3::Scope;
use muster_domain::record::{Attributes, ExternalId, UserRecord};
use muster_domain::snapshot::{Entry, Reference, RefusedRecord};
use muster_domain::{Error, Kind, name};

use super::connect::{self, shown};
use super::entry::{Raw, Unusable};
use super::search::{Question, Search, Then};
use super::settings::LdapSettings;
use super::{dn, filter};

/// ACCOUNTDISABLE ([MS-ADTS] section 2.2.16).
const ACCOUNT_DISABLED: u32 = 2;
/// Locked for good, by a person (draft-behera-ldap-password-policy section 5.3.3).
const LOCKED_FOR_GOOD: &str = "000001010000Z";

/// How others in a reading point to an entry.
pub(super) fn by_dn(normalised: &str) -> String {
    format!("dn:{normalised}")
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

/// What an entry says. `base` is normalised.
pub(super) fn entries(raw: &Raw, settings: &LdapSettings, base: &str) -> Vec<Entry> {
    let dn = dn::normalised(&raw.dn);
    let id = raw.id(&settings.schema.id).map(ExternalId);
    let known = id.clone().and_then(|id| record(raw, settings, base, id));
    let mut locators: Vec<String> = dn.iter().map(|dn| by_dn(dn)).collect();
    match known {
        Err(why) => vec![refused(raw, id.ok(), locators, why)],
        Ok(record) => {
            let username = record.attributes.get("username").map(String::as_str);
            locators.extend(
                username
                    .filter(|_| !settings.schema.member_names.is_empty())
                    .map(by_username),
            );
            let mut entries = primary_group(raw, &record);
            entries.push(Entry::User {
                record,
                source: Default::default(),
                locators,
            });
            entries
        }
    }
}

pub(super) fn refused(
    raw: &Raw,
    external_id: Option<ExternalId>,
    locators: Vec<String>,
    why: Unusable,
) -> Entry {
    Entry::Refused(RefusedRecord {
        external_id,
        about: shown(&raw.dn),
        why,
        locators,
    })
}

fn record(
    raw: &Raw,
    settings: &LdapSettings,
    base: &str,
    external_id: ExternalId,
) -> Result<UserRecord, Unusable> {
    let place = dn::normalised(&raw.dn).ok_or("Its distinguished name cannot be read.")?;
    if !dn::is_within(&place, base) {
        return Err("The server showed it although it is outside of the base.".to_owned());
    }
    let mut attributes = Attributes::new();
    for (ours, theirs) in &settings.schema.attributes {
        if let Some(value) = raw.text(theirs, settings.limits.value)? {
            attributes.insert(ours.clone(), value.trim().to_owned());
        }
    }
    if !attributes.contains_key("username") {
        let theirs = settings
            .schema
            .attributes
            .get("username")
            .map(String::as_str)
            .unwrap_or_default();
        return Err(format!("“{theirs}”, the username, is missing."));
    }
    if !attributes.contains_key("display_name")
        && let Some(name) = raw.text("cn", settings.limits.value)?
    {
        attributes.insert("display_name".to_owned(), name.trim().to_owned());
    }
    Ok(UserRecord {
        external_id,
        attributes,
        active: !is_off(raw)?,
    })
}

/// Whether the server keeps the person out. A sign that cannot be read keeps the record out instead.
fn is_off(raw: &Raw) -> Result<bool, Unusable> {
    if let Some(flags) = raw.text("userAccountControl", 20)? {
        let flags: i64 = flags
            .parse()
            .map_err(|_| "“userAccountControl” is not a number.")?;
        return Ok(flags & i64::from(ACCOUNT_DISABLED) != 0);
    }
    if let Some(lock) = raw.text("nsAccountLock", 10)? {
        return Ok(lock.eq_ignore_ascii_case("true"));
    }
    Ok(raw.text("pwdAccountLockedTime", 40)? == Some(LOCKED_FOR_GOOD))
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

/// The one person of this username.
pub(super) async fn one(
    settings: &LdapSettings,
    username: &str,
) -> Result<Option<UserRecord>, Error> {
    let attribute = settings
        .schema
        .attributes
        .get("username")
        .map(String::as_str)
        .unwrap_or_default();
    let filter = filter::exactly(&settings.schema.users, attribute, username);
    let mut connection = connect::open(settings).await?;
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
        (Some(entry), None) => {
            let base = dn::normalised(&settings.users_base).unwrap_or_default();
            let unusable = |why: Unusable| Error::new("LDAP-009", Kind::Upstream, why);
            let raw = entry.map_err(unusable)?;
            let id = raw.id(&settings.schema.id).map_err(unusable)?;
            record(&raw, settings, &base, ExternalId(id))
                .map(Some)
                .map_err(unusable)
        }
    }
}
