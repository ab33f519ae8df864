//! How an LDAP directory is declared: the form, and from its values the settings.
//!
//! What is left empty is what the vendor's servers usually call it; what was typed is checked here, each problem beside
//! its field.

use std::collections::BTreeSet;
use std::sync::Arc;

use muster_domain::clock::Clock;
use muster_domain::directory::{Directory, DirectoryKind, Preset};
use muster_domain::error::FieldError;
use muster_domain::settings::{SettingsSchema, Values};
use muster_domain::{Error, Kind};
use secrecy::{ExposeSecret as _, SecretString};

use super::settings::is_this_machine;
use super::source::is_secret;
use super::{Bind, Ldap, LdapSettings, Limits, Roots, Schema, Security, Vendor, dn, schema};

mod form;

use form::{ATTRIBUTES, places, preset, reader, server, words};

/// Directories that speak LDAP. Without a clock, those that date their changes tell none.
#[derive(Clone, Default)]
pub struct LdapKind {
    clock: Option<Arc<dyn Clock>>,
}

impl LdapKind {
    /// With a clock.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { clock: Some(clock) }
    }

    fn opened(&self, settings: LdapSettings) -> Result<Box<dyn Directory>, Error> {
        let ldap = Ldap::new(settings)?;
        Ok(Box::new(match &self.clock {
            Some(clock) => ldap.with_clock(clock.clone()),
            None => ldap,
        }))
    }
}

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

    fn seldom(&self) -> &'static [&'static str] {
        &["ca", "users_filter", "groups_filter"]
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
        self.opened(read(settings, secret)?)
    }

    fn open_asking(
        &self,
        settings: &Values,
        secret: Option<&SecretString>,
        asked: &BTreeSet<String>,
    ) -> Result<Box<dyn Directory>, Error> {
        let mut settings = read(settings, secret)?;
        let names = asked.iter().filter(|name| schema::is_attribute(name));
        settings.schema.extra.extend(names.cloned());
        self.opened(settings)
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
        if let Some(extra) = self.attributes("extra_attributes") {
            schema.extra = extra;
        }
        schema
    }

    fn attribute(&mut self, field: &str) -> Option<String> {
        let typed = self.get(field).to_owned();
        if typed.is_empty() {
            return None;
        }
        if !is_attribute(&typed) {
            self.wrong(
                field,
                "Write the name of one attribute, such as mail; none that holds a secret.",
            );
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
                "Write names of attributes, separated by spaces, such as member uniqueMember; none that holds a secret.",
            );
        }
        Some(typed)
    }
}

/// Whether an attribute may be asked for.
fn is_attribute(name: &str) -> bool {
    super::schema::is_attribute(name) && !is_secret(name)
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

#[cfg(test)]
mod tests;
