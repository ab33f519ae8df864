//! Whether a password is somebody's: asked by a bind as them, on a connection that does nothing else.
//!
//! Who is meant is found by the id that their account here was made from, so a renamed entry is still theirs and another one
//! that took the name is not. No password reaches a server before its certificate was checked, none is empty (RFC 4513
//! section 5.1.2: that succeeds as nobody), and a referral leads nowhere.

use muster_domain::directory::Vouched;
use muster_domain::record::ExternalId;
use muster_domain::{Error, Kind};
use secrecy::{ExposeSecret as _, SecretString};
use uuid::Uuid;

use super::connect::{self, Connection};
use super::search::{Question, Search, Then};
use super::settings::LdapSettings;
use super::{dn, filter};

/// Asks for one person. See [`muster_domain::directory::Directory::authenticate`].
pub(super) async fn vouch(
    settings: &LdapSettings,
    who: &ExternalId,
    password: &SecretString,
) -> Result<Vouched, Error> {
    if password.expose_secret().is_empty() {
        return Ok(Vouched::No);
    }
    let mut reader = connect::open(settings).await?;
    let Some(name) = name_of(settings, &mut reader, who).await? else {
        return Ok(Vouched::No);
    };
    drop(reader);
    let connection = connect::connect(settings).await?;
    bound(settings, connection, &name, password).await
}

/// The distinguished name of whoever has this id now, if one has.
async fn name_of(
    settings: &LdapSettings,
    reader: &mut Connection,
    who: &ExternalId,
) -> Result<Option<String>, Error> {
    let id = &settings.schema.id;
    let question = Question {
        base: settings.users_base.clone(),
        scope: ldap3::Scope::Subtree,
        filter: with_id(&settings.schema.users, id, &who.0),
        attributes: vec![id.clone()],
        page: 2,
    };
    let page = Search::new(reader, settings, question).page().await;
    if let Then::Failed(doubt) = &page.then {
        return Err(Error::new("LDAP-006", Kind::Upstream, doubt.words()));
    }
    let mut found = page.entries.into_iter().flatten();
    let (Some(entry), None) = (found.next(), found.next()) else {
        return Ok(None);
    };
    let base = dn::normalised(&settings.users_base).unwrap_or_default();
    let is_theirs = entry.id(id).is_ok_and(|id| id == who.0)
        && dn::normalised(&entry.dn)
            .is_some_and(|place| !place.is_empty() && dn::is_within(&place, &base));
    Ok(is_theirs.then_some(entry.dn))
}

/// The people with this id among those that `filter` finds. A GUID of Active Directory stands in a filter as its 16 bytes.
fn with_id(filter: &str, attribute: &str, id: &str) -> String {
    format!("(&{filter}{})", is_id(attribute, id))
}

/// That an entry has this id.
pub(super) fn is_id(attribute: &str, id: &str) -> String {
    let guid = attribute
        .eq_ignore_ascii_case("objectGUID")
        .then(|| Uuid::parse_str(id).ok())
        .flatten();
    match guid {
        Some(guid) => {
            let bytes: String = guid
                .to_bytes_le()
                .iter()
                .map(|byte| format!("\\{byte:02x}"))
                .collect();
            format!("({attribute}={bytes})")
        }
        None => format!("({attribute}={})", filter::escaped(id)),
    }
}

async fn bound(
    settings: &LdapSettings,
    mut connection: Connection,
    name: &str,
    password: &SecretString,
) -> Result<Vouched, Error> {
    let asked = "whether the password is right";
    let result = connection
        .binds(name, password, settings.limits, asked)
        .await?;
    judged(result.rc, &result.text).ok_or_else(|| {
        let (server, code) = (&connection.server, result.rc);
        Error::new(
            "LDAP-007",
            Kind::Unavailable,
            format!("{server} did not answer {asked}: it answered {code}."),
        )
    })
}

/// What the result of a bind means (RFC 4511 section 4.1.9); none: it says nothing about the password. A referral is among
/// those: it is not followed, since whoever is referred to would be told the password.
fn judged(code: u32, text: &str) -> Option<Vouched> {
    // Active Directory tells these only to who gave the right password: expired, must be changed ([MS-ERREF] 532, 773).
    let expired = ["data 532", "data 773"];
    match code {
        0 => Some(Vouched::Yes),
        49 if expired.iter().any(|sign| text.contains(sign)) => Some(Vouched::Expired),
        // Constraint violation, no such object, inappropriate authentication, invalid credentials, insufficient access
        // rights, unwilling to perform.
        19 | 32 | 48 | 49 | 50 | 53 => Some(Vouched::No),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l6_l7_a_bind_says_yes_by_success_alone_and_a_referral_says_nothing() {
        assert_eq!(judged(0, ""), Some(Vouched::Yes));
        let ad = |data| {
            format!(
                "80090308: LdapErr: DSID-0C090439, comment: AcceptSecurityContext error, data {data}, v4563"
            )
        };
        assert_eq!(judged(49, &ad("52e")), Some(Vouched::No));
        assert_eq!(judged(49, &ad("533")), Some(Vouched::No));
        assert_eq!(judged(49, &ad("775")), Some(Vouched::No));
        assert_eq!(judged(49, &ad("532")), Some(Vouched::Expired));
        assert_eq!(judged(49, &ad("773")), Some(Vouched::Expired));
        for code in [1, 2, 3, 8, 10, 13, 14, 51, 52, 80] {
            assert_eq!(judged(code, ""), None, "{code}");
        }
    }

    #[test]
    fn l1_an_id_stands_in_a_filter_as_itself_and_nothing_else() {
        assert_eq!(
            with_id("(uid=*)", "entryUUID", "a*)(b"),
            "(&(uid=*)(entryUUID=a\\2a\\29\\28b))"
        );
        let guid = "03020100-0504-0706-0809-0a0b0c0d0e0f";
        assert_eq!(
            with_id("(uid=*)", "objectGUID", guid),
            "(&(uid=*)(objectGUID=\\00\\01\\02\\03\\04\\05\\06\\07\\08\\09\\0a\\0b\\0c\\0d\\0e\\0f))"
        );
        assert!(ldap3::parse_filter(with_id("(uid=*)", "objectGUID", guid)).is_ok());
        assert!(with_id("(uid=*)", "objectGUID", "*").contains("\\2a"));
    }
}
