//! The form that declares an LDAP directory, and what it begins with for each vendor.

use muster_domain::directory::Preset;
use muster_domain::settings::{Field, Input, Need, Section, Shown, Values};

use super::Vendor;

/// What the form begins with for a vendor, and what is done there first: an account that may read and nothing else.
pub(super) fn preset((key, name, vendor): (&'static str, &'static str, Vendor)) -> Preset {
    let (note, steps) = match vendor {
        Vendor::ActiveDirectory => (
            "Windows domain controllers, and Samba as one.",
            vec![
                "Make an ordinary user for this console, such as muster, with a long password that does not expire. Being in Domain Users is enough to read people and groups: put it into no other group.",
                "Take “Deny log on locally” and “Deny log on through Remote Desktop Services” for it into your group policy: it signs in over LDAP alone.",
                "Enter it below as muster@example.org, and the domain controllers by the names that stand in their certificates.",
                "When your own certification authority signed these certificates, copy its certificate in PEM.",
            ],
        ),
        Vendor::OpenLdap => (
            "slapd, with people as inetOrgPerson.",
            vec![
                "Add an entry of its own for this console, such as cn=muster,ou=services,dc=example,dc=org, with a password.",
                "Let it read people and groups, but not userPassword; and let it read in pages without a limit: limits dn.exact=\"cn=muster,…\" size.prtotal=unlimited.",
            ],
        ),
        Vendor::Port389 => (
            "Red Hat Directory Server, 389 Directory Server.",
            vec![
                "Add an entry of its own for this console, and an access control that lets it read people and groups, but not userPassword.",
                "Raise its limits: nsSizeLimit and nsLookThroughLimit to -1 on its entry.",
            ],
        ),
        Vendor::FreeIpa => (
            "FreeIPA, Red Hat Identity Management.",
            vec![
                "Add a system account below cn=sysaccounts,cn=etc with a password: it can read people and groups and cannot sign in anywhere.",
                "People are below cn=users,cn=accounts, groups below cn=groups,cn=accounts. The authority's certificate is /etc/ipa/ca.crt.",
            ],
        ),
    };
    let values = Values::from([("vendor".to_owned(), key.to_owned())]);
    Preset {
        key,
        name,
        note,
        values,
        steps,
        usual: usual(vendor),
    }
}

/// What this vendor's servers are asked for where a field stays empty.
fn usual(vendor: Vendor) -> Values {
    let schema = vendor.schema();
    let mut usual = Values::from([
        ("users_filter".to_owned(), schema.users.clone()),
        ("groups_filter".to_owned(), schema.groups.clone()),
        ("id_attribute".to_owned(), schema.id.clone()),
        ("group_name_attribute".to_owned(), schema.group_name.clone()),
        ("members_attribute".to_owned(), schema.members.join(" ")),
        (
            "member_names_attribute".to_owned(),
            schema.member_names.join(" "),
        ),
    ]);
    for (ours, field, _) in ATTRIBUTES {
        if let Some(theirs) = schema.attributes.get(ours) {
            usual.insert(field.to_owned(), theirs.clone());
        }
    }
    let (servers, account, people, groups) = match vendor {
        Vendor::ActiveDirectory => (
            "dc1.example.org\ndc2.example.org",
            "muster@example.org",
            "OU=People,DC=example,DC=org",
            "OU=Groups,DC=example,DC=org",
        ),
        Vendor::OpenLdap | Vendor::Port389 => (
            "ldap1.example.org",
            "cn=muster,ou=services,dc=example,dc=org",
            "ou=people,dc=example,dc=org",
            "ou=groups,dc=example,dc=org",
        ),
        Vendor::FreeIpa => (
            "ipa1.example.org",
            "uid=muster,cn=sysaccounts,cn=etc,dc=example,dc=org",
            "cn=users,cn=accounts,dc=example,dc=org",
            "cn=groups,cn=accounts,dc=example,dc=org",
        ),
    };
    for (field, example) in [
        ("servers", servers),
        ("bind_dn", account),
        ("users_base", people),
        ("groups_base", groups),
    ] {
        usual.insert(field.to_owned(), example.to_owned());
    }
    usual.retain(|_, value| !value.is_empty());
    usual
}

/// What is known of people here, and its label in the form.
pub(super) const ATTRIBUTES: [(&str, &str, &str); 5] = [
    ("username", "username_attribute", "Username"),
    ("display_name", "display_name_attribute", "Display name"),
    ("given_name", "given_name_attribute", "Given name"),
    ("family_name", "family_name_attribute", "Family name"),
    ("email", "email_attribute", "E-mail address"),
];

const fn field(
    key: &'static str,
    label: &'static str,
    help: &'static str,
    input: Input,
    need: Need,
    default: &'static str,
) -> Field {
    Field {
        key,
        label,
        help,
        input,
        need,
        default,
    }
}

pub(super) fn server() -> Section {
    let vendors = Vendor::ALL
        .into_iter()
        .map(|(key, name, _)| (key, name))
        .collect();
    let ways = vec![
        ("ldaps", "LDAPS: encrypted from the start (port 636)"),
        (
            "starttls",
            "StartTLS: encrypted before anything is said (port 389)",
        ),
        ("plain", "Not encrypted: a server on this very machine only"),
    ];
    Section {
        title: "Server",
        help: "",
        shown: Shown::Open,
        fields: vec![
            field(
                "vendor",
                "System",
                "Decides what people and groups are called there, where nothing else is said below.",
                Input::Choice(vendors),
                Need::Required,
                "openldap",
            ),
            field(
                "servers",
                "Servers",
                "One a line, such as dc1.example.org. They are tried in this order. The name must be the one in the server's certificate.",
                Input::Lines,
                Need::Required,
                "",
            ),
            field(
                "security",
                "Connection",
                "",
                Input::Choice(ways),
                Need::Required,
                "ldaps",
            ),
            field(
                "ca",
                "Certification authority",
                "Its certificate in PEM, when the server's certificate is signed by your own. Empty: whom this machine trusts.",
                Input::Lines,
                Need::Optional,
                "",
            ),
        ],
    }
}

pub(super) fn reader() -> Section {
    Section {
        title: "Account to read with",
        help: "An account of its own that may read people and groups and nothing else.",
        shown: Shown::Open,
        fields: vec![
            field(
                "bind_dn",
                "Name",
                "Its distinguished name; Active Directory also takes muster@example.org. Empty: read without signing in.",
                Input::Text,
                Need::Optional,
                "",
            ),
            field(
                "bind_password",
                "Password",
                "",
                Input::Secret,
                Need::Optional,
                "",
            ),
        ],
    }
}

pub(super) fn places() -> Section {
    Section {
        title: "People and groups",
        help: "",
        shown: Shown::Open,
        fields: vec![
            field(
                "users_base",
                "People are below",
                "For example ou=people,dc=example,dc=org.",
                Input::Text,
                Need::Required,
                "",
            ),
            field(
                "users_filter",
                "Filter for people",
                "Empty: everybody whom this system calls a person.",
                Input::Text,
                Need::Optional,
                "",
            ),
            field(
                "groups_base",
                "Groups are below",
                "Empty: the same place.",
                Input::Text,
                Need::Optional,
                "",
            ),
            field(
                "groups_filter",
                "Filter for groups",
                "Empty: all groups. To take none: (!(objectClass=*)).",
                Input::Text,
                Need::Optional,
                "",
            ),
        ],
    }
}

pub(super) fn words() -> Section {
    let optional = |key, label, help| field(key, label, help, Input::Text, Need::Optional, "");
    let mut fields = vec![optional(
        "id_attribute",
        "Unchanging id",
        "What stays when somebody is renamed: objectGUID in Active Directory, entryUUID, nsUniqueId or ipaUniqueID elsewhere.",
    )];
    fields.extend(
        ATTRIBUTES
            .into_iter()
            .map(|(_, key, label)| optional(key, label, "")),
    );
    fields.extend([
        optional("group_name_attribute", "Name of a group", ""),
        optional(
            "members_attribute",
            "Members of a group",
            "Attributes that name members by their distinguished names, separated by spaces.",
        ),
        optional(
            "member_names_attribute",
            "Members by username",
            "Attributes that name members by username, such as memberUid.",
        ),
        optional(
            "extra_attributes",
            "More attributes of people",
            "What rules of the mapping look at, separated by spaces, such as department employeeType.",
        ),
        field(
            "page",
            "Entries a page",
            "Active Directory gives 1000 at most.",
            Input::Number { min: 10, max: 1000 },
            Need::Optional,
            "500",
        ),
    ]);
    Section {
        title: "What the server calls things",
        help: "Only where it differs from what this system usually calls it.",
        shown: Shown::Folded,
        fields,
    }
}
