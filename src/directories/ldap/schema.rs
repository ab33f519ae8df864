//! What servers call things.

use std::collections::BTreeMap;

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
            },
            Self::Port389 => Schema {
                id: "nsUniqueId".to_owned(),
                users: "(objectClass=person)".to_owned(),
                ..plain
            },
            Self::FreeIpa => Schema {
                id: "ipaUniqueID".to_owned(),
                users: "(&(objectClass=posixAccount)(objectClass=person))".to_owned(),
                groups: "(objectClass=ipaUserGroup)".to_owned(),
                members: vec!["member".to_owned()],
                member_names: Vec::new(),
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
}

impl Schema {
    /// Attributes that are asked for people.
    pub(crate) fn asked_of_people(&self) -> Vec<String> {
        let mut asked: Vec<String> = self.attributes.values().cloned().collect();
        let signs = [
            "cn",
            "userAccountControl",
            "nsAccountLock",
            "pwdAccountLockedTime",
            "objectSid",
            "primaryGroupID",
        ];
        asked.extend(signs.map(str::to_owned));
        asked.push(self.id.clone());
        asked.sort_by_key(|name| name.to_ascii_lowercase());
        asked.dedup_by_key(|name| name.to_ascii_lowercase());
        asked
    }

    /// Attributes that are asked for groups.
    pub(crate) fn asked_of_groups(&self) -> Vec<String> {
        let mut asked = vec![
            self.id.clone(),
            self.group_name.clone(),
            "objectSid".to_owned(),
        ];
        asked.extend(self.members.iter().chain(&self.member_names).cloned());
        asked
    }
}
