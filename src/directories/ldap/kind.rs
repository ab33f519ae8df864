//! How an LDAP directory is declared: the form, and from its values the settings.
//!
//! What is left empty is what the vendor's servers usually call it; what was typed is checked here, each problem beside
//! its field.

use muster_domain::directory::{Directory, DirectoryKind, Preset};
use muster_domain::error::FieldError;
use muster_domain::settings::{Field, Input, Need, Section, SettingsSchema, Shown, Values};
use muster_domain::{Error, Kind};
use secrecy::{ExposeSecret as _, SecretString};

use super::settings::is_this_machine;
use super::{Bind, Ldap, LdapSettings, Limits, Roots, Schema, Security, Vendor, dn};

/// Directories that speak LDAP.
#[derive(Clone, Copy, Debug, Default)]
pub struct LdapKind;

impl DirectoryKind for LdapKind {
    fn key(&self) -> &'static str {
        "ldap"
    }

    fn name(&self) -> &'static str {
        "LDAP or Active Directory"
    }

    fn presets(&self) -> Vec<Preset> {
        Vendor::ALL.into_iter().map(preset).collect()
    }

    fn schema(&self) -> SettingsSchema {
        SettingsSchema {
            sections: vec![server(), reader(), places(), words()],
        }
    }

    fn secret_is_for(&self) -> Option<&'static [&'static str]> {
        Some(&["servers", "security", "ca", "bind_dn"])
    }

    fn answers_by(&self) -> Option<&'static [&'static str]> {
        Some(&[
            "vendor",
            "servers",
            "security",
            "ca",
            "bind_dn",
            "users_base",
            "users_filter",
            "id_attribute",
            "username_attribute",
        ])
    }

    fn open(
        &self,
        settings: &Values,
        secret: Option<&SecretString>,
    ) -> Result<Box<dyn Directory>, Error> {
        Ok(Box::new(Ldap::new(read(settings, secret)?)?))
    }
}

/// What the form begins with for a vendor, and what is done there first: an account that may read and nothing else.
fn preset((key, name, vendor): (&'static str, &'static str, Vendor)) -> Preset {
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
    }
}

/// Settings from the values of the form.
///
/// # Errors
/// `LDAP-010` with a message beside every field that cannot be used.
fn read(values: &Values, secret: Option<&SecretString>) -> Result<LdapSettings, Error> {
    let mut typed = Typed {
        values,
        problems: Vec::new(),
    };
    let vendor = vendor_of(typed.get("vendor"));
    let security = match typed.get("security") {
        "starttls" => Security::StartTls,
        "plain" => Security::Plain,
        _ => Security::Ldaps,
    };
    let servers = typed.servers(security);
    let roots = typed.roots();
    let bind = typed.bind(secret);
    let users_base = typed.base("users_base");
    let groups_base = match typed.get("groups_base") {
        "" => users_base.clone(),
        _ => typed.base("groups_base"),
    };
    let schema = typed.schema(vendor.schema());
    let page = typed.get("page").parse().unwrap_or(Limits::default().page);
    if !typed.problems.is_empty() {
        let mut error = Error::new(
            "LDAP-010",
            Kind::Invalid,
            "These settings cannot be used as they are.",
        );
        error.fields = typed.problems;
        return Err(error.next("Correct the marked fields."));
    }
    Ok(LdapSettings {
        servers,
        security,
        roots,
        bind,
        users_base,
        groups_base,
        schema,
        limits: Limits {
            page,
            ..Limits::default()
        },
    })
}

/// The vendor of this key; OpenLDAP's words, which are the standard's, for one that is not known.
fn vendor_of(key: &str) -> Vendor {
    Vendor::ALL
        .into_iter()
        .find(|(known, ..)| *known == key)
        .map_or(Vendor::OpenLdap, |(_, _, vendor)| vendor)
}

/// What was typed, and what is wrong with it.
struct Typed<'a> {
    values: &'a Values,
    problems: Vec<FieldError>,
}

impl Typed<'_> {
    fn get(&self, key: &str) -> &str {
        self.values.get(key).map_or("", |value| value.trim())
    }

    fn wrong(&mut self, field: &str, message: impl Into<String>) {
        self.problems.push(FieldError {
            field: field.to_owned(),
            message: message.into(),
        });
    }

    fn servers(&mut self, security: Security) -> Vec<(String, u16)> {
        let mut servers = Vec::new();
        let lines: Vec<String> = self
            .get("servers")
            .lines()
            .map(|line| line.trim().to_owned())
            .filter(|line| !line.is_empty())
            .collect();
        for line in &lines {
            match server_of(line, security) {
                Ok((host, _)) if security == Security::Plain && !is_this_machine(&host) => {
                    self.wrong(
                        "servers",
                        format!("The connection to {host} would not be encrypted: everybody on the way could read the password and change the answers. Choose LDAPS or StartTLS."),
                    );
                }
                Ok(server) => servers.push(server),
                Err(message) => self.wrong("servers", message),
            }
        }
        if lines.is_empty() {
            self.wrong(
                "servers",
                "Enter at least one server, such as dc1.example.org.",
            );
        }
        servers
    }

    fn roots(&mut self) -> Roots {
        let pem = self.get("ca").to_owned();
        if pem.is_empty() {
            return Roots::System;
        }
        match native_tls::Certificate::stack_from_pem(pem.as_bytes()) {
            Ok(found) if !found.is_empty() => {}
            _ => self.wrong(
                "ca",
                "This is no certificate in PEM. It begins with -----BEGIN CERTIFICATE-----.",
            ),
        }
        Roots::Own(pem)
    }

    fn bind(&mut self, secret: Option<&SecretString>) -> Bind {
        let dn = self.get("bind_dn").to_owned();
        let password = secret.filter(|secret| !secret.expose_secret().is_empty());
        match (dn.is_empty(), password) {
            (true, None) => Bind::Anonymous,
            (false, Some(password)) => Bind::Simple {
                dn,
                password: password.clone(),
            },
            // RFC 4513 section 5.1.2: a bind with a name and no password succeeds as nobody.
            (false, None) => {
                self.wrong(
                    "bind_password",
                    "Enter the password of the account to read with.",
                );
                Bind::Anonymous
            }
            (true, Some(_)) => {
                self.wrong(
                    "bind_dn",
                    "Enter the name of the account that the password belongs to.",
                );
                Bind::Anonymous
            }
        }
    }

    fn base(&mut self, field: &str) -> String {
        let base = self.get(field).to_owned();
        if dn::normalised(&base).is_none() {
            self.wrong(field, "Write it like ou=people,dc=example,dc=org.");
        }
        base
    }

    fn schema(&mut self, mut schema: Schema) -> Schema {
        for (field, filter) in [
            ("users_filter", &mut schema.users),
            ("groups_filter", &mut schema.groups),
        ] {
            let typed = self.get(field).to_owned();
            if typed.is_empty() {
                continue;
            }
            if ldap3::parse_filter(&typed).is_err() {
                self.wrong(
                    field,
                    "This is not a filter. Write it as in RFC 4515, for example (objectClass=person).",
                );
            }
            *filter = typed;
        }
        if let Some(id) = self.attribute("id_attribute") {
            schema.id = id;
        }
        if let Some(name) = self.attribute("group_name_attribute") {
            schema.group_name = name;
        }
        for (ours, ..) in ATTRIBUTES {
            if let Some(theirs) = self.attribute(&format!("{ours}_attribute")) {
                schema.attributes.insert(ours.to_owned(), theirs);
            }
        }
        if let Some(members) = self.attributes("members_attribute") {
            schema.members = members;
        }
        if let Some(names) = self.attributes("member_names_attribute") {
            schema.member_names = names;
        }
        schema
    }

    fn attribute(&mut self, field: &str) -> Option<String> {
        let typed = self.get(field).to_owned();
        if typed.is_empty() {
            return None;
        }
        if !is_attribute(&typed) {
            self.wrong(field, "Write the name of one attribute, such as mail.");
        }
        Some(typed)
    }

    fn attributes(&mut self, field: &str) -> Option<Vec<String>> {
        let typed: Vec<String> = self
            .get(field)
            .split([' ', ','])
            .filter(|name| !name.is_empty())
            .map(str::to_owned)
            .collect();
        if typed.is_empty() {
            return None;
        }
        if !typed.iter().all(|name| is_attribute(name)) {
            self.wrong(
                field,
                "Write names of attributes, separated by spaces, such as member uniqueMember.",
            );
        }
        Some(typed)
    }
}

/// An attribute's name (RFC 4512 section 2.5): a word or an object identifier. Options behind a semicolon are not taken.
fn is_attribute(name: &str) -> bool {
    name.len() <= 100
        && name.starts_with(|c: char| c.is_ascii_alphanumeric())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.'))
}

/// A server as people write it: an address, or a name with or without a port.
fn server_of(line: &str, security: Security) -> Result<(String, u16), String> {
    let scheme = match security {
        Security::Ldaps => "ldaps",
        Security::StartTls | Security::Plain => "ldap",
    };
    if line.contains("://") {
        if !line.starts_with(&format!("{scheme}://")) {
            let other = match security {
                Security::Ldaps => "This begins with ldap://. Choose StartTLS, or write ldaps://.",
                Security::StartTls | Security::Plain => {
                    "This does not begin with ldap://. Choose LDAPS, or write ldap://."
                }
            };
            return Err(other.to_owned());
        }
        return LdapSettings::server(line).map_err(|error| words_of(&error));
    }
    LdapSettings::server(&format!("{scheme}://{line}")).map_err(|error| words_of(&error))
}

fn words_of(error: &Error) -> String {
    match &error.next {
        Some(next) => format!("{} {next}", error.public),
        None => error.public.to_string(),
    }
}

/// What is known of people here, and its label in the form.
const ATTRIBUTES: [(&str, &str, &str); 5] = [
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

fn server() -> Section {
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

fn reader() -> Section {
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

fn places() -> Section {
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

fn words() -> Section {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn good(more: &[(&str, &str)]) -> Values {
        let mut all = values(&[
            ("vendor", "openldap"),
            (
                "servers",
                "dc1.example.org\n\n ldaps://dc2.example.org:1636 ",
            ),
            ("security", "ldaps"),
            ("bind_dn", "cn=reader,dc=example"),
            ("users_base", "dc=example"),
        ]);
        all.extend(values(more));
        all
    }

    fn fields(values: &Values) -> Vec<String> {
        let secret = SecretString::from("pw");
        let error = read(values, Some(&secret)).unwrap_err();
        assert_eq!(error.code, "LDAP-010");
        error.fields.into_iter().map(|field| field.field).collect()
    }

    #[test]
    fn what_is_left_empty_is_what_the_vendor_calls_it() {
        let secret = SecretString::from("pw");
        let found = read(&good(&[("vendor", "active_directory")]), Some(&secret)).unwrap();
        assert_eq!(found.schema, Vendor::ActiveDirectory.schema());
        assert_eq!(found.groups_base, "dc=example");
        assert_eq!(
            found.servers,
            [
                ("dc1.example.org".to_owned(), 636),
                ("dc2.example.org".to_owned(), 1636)
            ]
        );
        let more = [
            ("email_attribute", "proxyAddress"),
            ("members_attribute", "member, x-member"),
            ("users_filter", "(uid=*)"),
            ("page", "100"),
        ];
        let found = read(&good(&more), Some(&secret)).unwrap();
        assert_eq!(found.schema.attributes["email"], "proxyAddress");
        assert_eq!(found.schema.members, ["member", "x-member"]);
        assert_eq!(found.schema.users, "(uid=*)");
        assert_eq!(found.limits.page, 100);
    }

    #[test]
    fn servers_are_taken_as_people_write_them() {
        let port = |line, security| server_of(line, security).map(|(_, port)| port);
        assert_eq!(port("dc1", Security::Ldaps), Ok(636));
        assert_eq!(port("dc1", Security::StartTls), Ok(389));
        assert_eq!(port("dc1:3269", Security::Ldaps), Ok(3269));
        assert_eq!(port("[::1]:1389", Security::Plain), Ok(1389));
        assert_eq!(port("[::1]", Security::Plain), Ok(389));
        for (line, security) in [
            ("ldap://dc1", Security::Ldaps),
            ("ldaps://dc1", Security::StartTls),
            ("http://dc1", Security::Ldaps),
            ("dc1/x", Security::Ldaps),
            ("a b", Security::Ldaps),
            ("", Security::Ldaps),
        ] {
            assert!(server_of(line, security).is_err(), "{line}");
        }
    }

    #[test]
    fn every_problem_stands_beside_its_field() {
        let wrong = good(&[
            ("servers", "http://x"),
            ("ca", "junk"),
            ("users_base", "people"),
            ("users_filter", "(uid=*"),
            ("email_attribute", "mail;lang-en"),
        ]);
        assert_eq!(
            fields(&wrong),
            [
                "servers",
                "ca",
                "users_base",
                "users_filter",
                "email_attribute"
            ]
        );
        assert_eq!(fields(&good(&[("bind_dn", "")])), ["bind_dn"]);
        assert_eq!(fields(&good(&[("servers", " \n")])), ["servers"]);
    }

    #[test]
    fn l5_l8_no_password_travels_in_the_open_and_none_is_empty() {
        assert_eq!(
            fields(&good(&[("security", "plain"), ("servers", "dc1")])),
            ["servers"]
        );
        let secret = SecretString::from("");
        for given in [None, Some(&secret)] {
            let error = read(&good(&[]), given).unwrap_err();
            assert_eq!(error.fields[0].field, "bind_password");
        }
    }

    #[test]
    fn the_form_fills_itself_with_defaults_that_hold() {
        let mut sent = good(&[]);
        sent.insert("bind_password".to_owned(), "pw".to_owned());
        let checked = LdapKind.schema().check(&sent, &[]).unwrap();
        let secret = SecretString::from("pw");
        assert!(LdapKind.open(&checked, Some(&secret)).is_ok());
        let known: Vec<_> = LdapKind.schema().fields().map(|field| field.key).collect();
        for key in LdapKind
            .secret_is_for()
            .into_iter()
            .chain(LdapKind.answers_by())
            .flatten()
        {
            assert!(known.contains(key), "{key}");
        }
    }
}
