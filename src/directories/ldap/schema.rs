//! What servers call things.

use std::collections::BTreeMap;

use muster_domain::Error;

use super::settings::unusable;
use super::{groups, source};

/// Whose server it is, for defaults.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Vendor {
    /// Active Directory, and Samba as a domain controller.
    ActiveDirectory,
    /// OpenLDAP with the schema of RFC 2798 (inetOrgPerson) and RFC 2256 groups.
    OpenLdap,
    /// 389 Directory Server.
    Port389,
    /// FreeIPA.
    FreeIpa,
}

impl Vendor {
    /// All vendors: stable key, name, vendor.
    pub const ALL: [(&'static str, &'static str, Self); 4] = [
        (
            "active_directory",
            "Active Directory or Samba",
            Self::ActiveDirectory,
        ),
        ("openldap", "OpenLDAP", Self::OpenLdap),
        ("389", "389 Directory Server", Self::Port389),
        ("freeipa", "FreeIPA", Self::FreeIpa),
    ];

    /// What this vendor's servers call things.
    #[must_use]
    pub fn schema(self) -> Schema {
        let attributes = |username: &str| {
            let pairs = [
                ("username", username),
                ("display_name", "displayName"),
                ("given_name", "givenName"),
                ("family_name", "sn"),
                ("email", "mail"),
            ];
            pairs
                .into_iter()
                .map(|(ours, theirs)| (ours.to_owned(), theirs.to_owned()))
                .collect()
        };
        let plain = Schema {
            id: "entryUUID".to_owned(),
            users: "(objectClass=inetOrgPerson)".to_owned(),
            groups: "(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)(objectClass=posixGroup))".to_owned(),
            attributes: attributes("uid"),
            group_name: "cn".to_owned(),
            members: vec!["member".to_owned(), "uniqueMember".to_owned()],
            member_names: vec!["memberUid".to_owned()],
            extra: Vec::new(),
            until: None,
            mark: Mark::Csn,
        };
        match self {
            Self::OpenLdap => plain,
            Self::ActiveDirectory => Schema {
                id: "objectGUID".to_owned(),
                // Without computers and the accounts of trusts, whose names end in `$`.
                users: "(&(objectCategory=person)(objectClass=user)(sAMAccountType=805306368))"
                    .to_owned(),
                groups: "(objectClass=group)".to_owned(),
                attributes: attributes("sAMAccountName"),
                group_name: "cn".to_owned(),
                members: vec!["member".to_owned()],
                member_names: Vec::new(),
                extra: Vec::new(),
                until: None,
                mark: Mark::Usn,
            },
            Self::Port389 => Schema {
                id: "nsUniqueId".to_owned(),
                users: "(objectClass=person)".to_owned(),
                mark: Mark::Time,
                ..plain
            },
            Self::FreeIpa => Schema {
                id: "ipaUniqueID".to_owned(),
                users: "(&(objectClass=posixAccount)(objectClass=person))".to_owned(),
                groups: "(objectClass=ipaUserGroup)".to_owned(),
                members: vec!["member".to_owned()],
                member_names: Vec::new(),
                until: Some("krbPrincipalExpiration"),
                mark: Mark::Time,
                ..plain
            },
        }
    }
}

/// What a server calls things.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Schema {
    /// The attribute that holds the immutable id.
    pub id: String,
    /// Filter (RFC 4515) that finds people.
    pub users: String,
    /// Filter that finds groups.
    pub groups: String,
    /// Our attributes of people, and the server's attribute for each. Holds `username`.
    pub attributes: BTreeMap<String, String>,
    /// The server's attribute for a group's name.
    pub group_name: String,
    /// Attributes of groups that list members by DN.
    pub members: Vec<String>,
    /// Attributes of groups that list members by username (RFC 2307).
    pub member_names: Vec<String>,
    /// More of the server's attributes of people, which rules and mappings look at. Those that hold secrets are not asked
    /// for whatever stands here.
    pub extra: Vec<String>,
    /// The server's attribute that says, as GeneralizedTime, until when somebody may sign in. Active Directory has another
    /// way of writing it, which is always read (`accountExpires`).
    pub until: Option<&'static str>,
    /// By what changes are found.
    pub mark: Mark,
}

/// By what changes are found in a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark {
    /// `uSNChanged`, which one domain controller counts ([MS-ADTS] section 3.1.1.1.9).
    Usn,
    /// `entryCSN`, up to the `contextCSN` of the database (OpenLDAP with the overlay syncprov; without it, as by time).
    Csn,
    /// `modifyTimestamp` (RFC 4512 section 3.4.4).
    Time,
}

impl Schema {
    /// The server's attribute for the username.
    pub(crate) fn username(&self) -> &str {
        self.attributes.get("username").map_or("", String::as_str)
    }

    /// Whether its names are names of attributes, and of none that holds a secret.
    ///
    /// # Errors
    /// `LDAP-010`.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.username().is_empty() {
            return Err(unusable(
                "No attribute is named for the username.".to_owned(),
            ));
        }
        let lists = [&self.members, &self.member_names, &self.extra];
        let names = [&self.id, &self.group_name]
            .into_iter()
            .chain(self.attributes.values())
            .chain(lists.into_iter().flatten());
        for name in names {
            let shown = super::connect::shown(name);
            if !is_attribute(name) {
                return Err(
                    unusable(format!("“{shown}” is not the name of an attribute."))
                        .next("Write one attribute's name, for example mail or employeeNumber."),
                );
            }
            if source::is_secret(name) {
                return Err(
                    unusable(format!("“{shown}” holds a secret and is never read."))
                        .next("Take it out."),
                );
            }
        }
        Ok(())
    }

    /// Attributes that are asked for people.
    pub(crate) fn asked_of_people(&self) -> Vec<String> {
        let mut asked: Vec<String> = self.attributes.values().cloned().collect();
        let signs = [
            "cn",
            "userAccountControl",
            "nsAccountLock",
            "accountUnlockTime",
            "pwdAccountLockedTime",
            "objectSid",
            "primaryGroupID",
            "accountExpires",
        ];
        asked.extend(signs.into_iter().chain(self.until).map(str::to_owned));
        asked.extend(self.extra.iter().cloned());
        asked.push(self.id.clone());
        asked.retain(|name| !source::is_secret(name));
        asked.sort_by_key(|name| name.to_ascii_lowercase());
        asked.dedup_by_key(|name| name.to_ascii_lowercase());
        asked
    }

    /// Attributes that are asked for groups: of Active Directory, so many members at once, since one that was told to sends
    /// them all in one message otherwise.
    pub(crate) fn asked_of_groups(&self, members: u32) -> Vec<String> {
        let mut asked = vec![
            self.id.clone(),
            self.group_name.clone(),
            "objectSid".to_owned(),
        ];
        asked.extend(self.members.iter().map(|name| match self.mark {
            Mark::Usn => groups::range(name, 0, members),
            Mark::Csn | Mark::Time => name.clone(),
        }));
        asked.extend(self.member_names.iter().cloned());
        asked
    }
}

/// Whether this is the name of an attribute, with or without options (RFC 4512 section 2.5). An underscore is not allowed
/// there and found nevertheless.
pub(super) fn is_attribute(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ';' | '_');
    name.len() <= 200
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn l1_what_is_no_attribute_or_holds_a_secret_is_refused() {
        for (_, _, vendor) in Vendor::ALL {
            assert!(vendor.schema().check().is_ok());
        }
        for wrong in [
            "",
            "*",
            "+",
            "1.1 ",
            "cn)(uid=*",
            "cn=a",
            "é",
            ";x",
            "userPassword",
        ] {
            let extra = Schema {
                extra: vec![wrong.to_owned()],
                ..Vendor::OpenLdap.schema()
            };
            assert_eq!(extra.check().unwrap_err().code, "LDAP-010", "{wrong}");
            let mut mapped = Vendor::OpenLdap.schema();
            mapped
                .attributes
                .insert("username".to_owned(), wrong.to_owned());
            assert!(mapped.check().is_err(), "{wrong}");
        }
    }
}
