//! The mail server, as the file says it. Without the table `mail` everything about mail stays as it is.

use muster_domain::error::FieldError;
use muster_domain::mail::{Encryption, Server};
use muster_domain::{Error, Kind};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::differences::{compare_all, flatten};
use super::{Config, Difference};
use crate::{Call, Services, mail};

/// The table `mail`: the words of [`Server`], and where the password is read from.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailConfig {
    /// The server's name or address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    #[serde(default)]
    pub encryption: Encryption,
    /// Certificate of an authority of one's own, as PEM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ca: Option<String>,
    /// Who signs in there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// Where the password is read from: `env:NAME` or `file:PATH`. Absent: the stored one stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
    /// The address messages come from.
    pub sender: String,
    /// The name beside it.
    pub sender_name: String,
}

impl MailConfig {
    fn of(server: Server) -> Self {
        Self {
            host: server.host,
            port: server.port,
            encryption: server.encryption,
            ca: server.ca,
            username: server.username,
            password: None,
            sender: server.sender,
            sender_name: server.sender_name,
        }
    }

    fn server(&self) -> Server {
        let Self {
            host,
            port,
            encryption,
            ca,
            username,
            password: _,
            sender,
            sender_name,
        } = self.clone();
        Server {
            host,
            port,
            encryption,
            ca,
            username,
            sender,
            sender_name,
        }
    }
}

/// The mail server of this installation.
pub(super) async fn here(services: &Services) -> Result<Option<MailConfig>, Error> {
    let server = mail::server(services.db()).await?;
    Ok(server.map(MailConfig::of))
}

/// The server as it will be stored.
pub(super) fn check(wanted: &Config) -> Result<Option<Server>, Error> {
    let Some(wanted) = &wanted.mail else {
        return Ok(None);
    };
    wanted
        .server()
        .check()
        .map(Some)
        .map_err(|fields| wrong(&fields))
}

fn wrong(fields: &[FieldError]) -> Error {
    let words: Vec<String> = fields
        .iter()
        .map(|field| format!("mail.{}: {}", field.field, field.message))
        .collect();
    Error::new("CFG-019", Kind::Invalid, words.join(" "))
        .next("Correct what it names. Nothing about mail was changed.")
}

pub(super) fn diff(
    here: &Config,
    wanted: &Config,
    into: &mut Vec<Difference>,
) -> Result<(), Error> {
    let Some(server) = check(wanted)? else {
        return Ok(());
    };
    let held = here.mail.as_ref().map(flatten);
    compare_all("mail", &held.unwrap_or_default(), &flatten(&server), into);
    if let Some(reference) = wanted.mail.as_ref().and_then(|mail| mail.password.as_ref()) {
        into.push(Difference {
            path: "mail.password".to_owned(),
            here: None,
            wanted: Some(format!("read from {reference}")),
        });
    }
    Ok(())
}

/// Reads the password that the file names.
pub(super) fn secret(
    wanted: &Config,
    resolve: &(dyn Fn(&str) -> Result<SecretString, Error> + Sync),
) -> Result<Option<SecretString>, Error> {
    let reference = wanted.mail.as_ref().and_then(|mail| mail.password.as_ref());
    reference.map(|reference| resolve(reference)).transpose()
}

pub(super) async fn apply(
    services: &Services,
    call: &Call,
    wanted: &Config,
    password: Option<&SecretString>,
) -> Result<(), Error> {
    match check(wanted)? {
        Some(server) => mail::declare(services, call, server, password)
            .await
            .map_err(|error| match error.fields.as_slice() {
                [] => error,
                fields => wrong(fields),
            }),
        None => Ok(()),
    }
}
