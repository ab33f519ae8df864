//! Through which server messages leave: stored once, the password sealed and never shown, tried with a test message.

use chrono::{DateTime, Utc};
use muster_domain::error::FieldError;
use muster_domain::mail::letters::{self, About, Circumstances};
use muster_domain::mail::{Delivered, Letter, Server, Undelivered};
use muster_domain::role::Permission;
use muster_domain::session::ElevatedSession;
use muster_domain::{Error, Kind, name};
use muster_storage::{Place, Reader, Tx, outbox as rows, settings};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{Call, Services, guard, site};

pub use rows::Queue;

const KEY: &str = "mail.server";
/// Longest accepted password, in bytes.
const LONGEST_PASSWORD: usize = 1024;

/// As it is stored: the password sealed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stored {
    server: Server,
    password: Option<String>,
}

/// What the settings page shows.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The server; none: no messages are sent.
    pub server: Option<Server>,
    /// Whether a password is stored for it.
    pub has_password: bool,
    /// What waits, and what was given up lately.
    pub queue: Queue,
}

/// How mail is set up, and what waits.
///
/// # Errors
/// Without permission.
pub async fn show(services: &Services, call: &Call) -> Result<Shown, Error> {
    call.may(Permission::ViewSettings)?;
    let stored = stored(services.db()).await?;
    Ok(Shown {
        has_password: stored
            .as_ref()
            .is_some_and(|stored| stored.password.is_some()),
        server: stored.map(|stored| stored.server),
        queue: rows::queue(services.db()).await?,
    })
}

async fn stored(reader: &impl Reader) -> Result<Option<Stored>, Error> {
    settings::get(reader, KEY).await
}

/// Whether messages are sent at all.
///
/// # Errors
/// When the database cannot be read.
pub async fn leaves(services: &Services) -> Result<bool, Error> {
    is_configured(services.db()).await
}

pub(crate) async fn is_configured(reader: &impl Reader) -> Result<bool, Error> {
    Ok(stored(reader).await?.is_some())
}

/// The server, without its password, for the configuration as a file.
pub(crate) async fn server(reader: &impl Reader) -> Result<Option<Server>, Error> {
    Ok(stored(reader).await?.map(|stored| stored.server))
}

fn place() -> Place<'static> {
    Place {
        table: "settings",
        column: KEY,
        id: uuid::Uuid::nil(),
    }
}

/// The server and its password, opened for one conversation; `MAIL-022` where it does not open.
pub(crate) async fn carrier(
    services: &Services,
) -> Result<Option<(Server, Option<SecretString>)>, Error> {
    let Some(stored) = stored(services.db()).await? else {
        return Ok(None);
    };
    let password = stored
        .password
        .map(|sealed| services.sealer().open(&sealed, place()))
        .transpose()
        .map_err(|error| unopenable().internal(error))?;
    Ok(Some((stored.server, password)))
}

/// Sets the server. Without a new password the stored one stays, if it is for the same place.
///
/// # Errors
/// Without permission or presence; with messages beside the fields of [`Server::check`] and `password`.
pub async fn save(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    typed: Server,
    password: Option<&SecretString>,
) -> Result<(), Error> {
    call.may(Permission::ManageSettings)?;
    guard::present(call, Some(elevated))?;
    let before = stored(services.db()).await?;
    let after = fitted(services, before.as_ref(), typed, password)?;
    let tx = services.db().begin().await?;
    settings::set(&tx, KEY, &after).await?;
    let detail = json!({
        "before": before.as_ref().map(told), "after": told(&after), "password_replaced": password.is_some(),
        "elevation": elevated.id(),
    });
    tx.commit(&[call.event("settings.mail", &after.server.host, None, detail)])
        .await
}

/// Sets the server as a file says it. The file's password, where it names one, is read anew each time.
pub(crate) async fn declare(
    services: &Services,
    call: &Call,
    wanted: Server,
    password: Option<&SecretString>,
) -> Result<(), Error> {
    let before = stored(services.db()).await?;
    let after = fitted(services, before.as_ref(), wanted, password)?;
    let same = before
        .as_ref()
        .is_some_and(|before| before.server == after.server);
    if same && password.is_none() {
        return Ok(());
    }
    let tx = services.db().begin().await?;
    settings::set(&tx, KEY, &after).await?;
    let detail =
        json!({"after": told(&after), "password_replaced": password.is_some(), "by": "file"});
    tx.commit(&[call.event("settings.mail", &after.server.host, None, detail)])
        .await
}

/// What goes on record: where to, not the password, not the whole certificate.
fn told(stored: &Stored) -> serde_json::Value {
    let server = &stored.server;
    json!({
        "host": server.host, "port": server.port, "encryption": server.encryption, "own_ca": server.ca.is_some(),
        "username": server.username, "sender": server.sender,
    })
}

fn fitted(
    services: &Services,
    before: Option<&Stored>,
    typed: Server,
    password: Option<&SecretString>,
) -> Result<Stored, Error> {
    let server = typed.check().map_err(Error::form)?;
    let refuse = |field: &str, words: &str| Err(Error::form(Vec::new()).field(field, words));
    services
        .postman()
        .examine(&server)
        .map_err(|field: FieldError| Error::form(vec![field]))?;
    if server.username.is_none() {
        return match password {
            Some(_) => refuse(
                "username",
                "Enter the user name that the password belongs to.",
            ),
            None => Ok(Stored {
                server,
                password: None,
            }),
        };
    }
    let sealed = match password.map(ExposeSecret::expose_secret) {
        Some(typed) if typed.len() > LONGEST_PASSWORD || typed.chars().any(char::is_control) => {
            return refuse("password", "Use at most 1024 characters.");
        }
        Some(typed) => Some(services.sealer().seal(typed, place(), services.entropy())?),
        None => before
            .filter(|before| before.server.is_same_place(&server))
            .and_then(|before| before.password.clone()),
    };
    match sealed {
        Some(sealed) => Ok(Stored {
            server,
            password: Some(sealed),
        }),
        None if before.is_some_and(|before| before.password.is_some()) => refuse(
            "password",
            "Enter the password again: it is given to no other server, user name or protection than the one it was entered for.",
        ),
        None => refuse(
            "password",
            "Enter the password of this user name, or leave both empty.",
        ),
    }
}

/// Sends no messages any more. What waits is given up when it is too old.
///
/// # Errors
/// Without permission or presence; `MAIL-001` when none were sent anyway.
pub async fn remove(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
) -> Result<(), Error> {
    call.may(Permission::ManageSettings)?;
    guard::present(call, Some(elevated))?;
    let tx = services.db().begin().await?;
    if !settings::remove(&tx, KEY).await? {
        return Err(not_configured());
    }
    tx.commit(&[call.event(
        "settings.mail.remove",
        "mail",
        None,
        json!({"elevation": elevated.id()}),
    )])
    .await
}

/// The password was sealed under another key, or its row was changed.
pub(crate) fn unopenable() -> Error {
    Error::new(
        "MAIL-022",
        Kind::Internal,
        "The stored password of the mail server cannot be opened, so no message can be sent.",
    )
    .next("Enter it again under Settings → Mail, or start Muster with the key it was sealed under.")
}

pub(crate) fn not_configured() -> Error {
    Error::new(
        "MAIL-001",
        Kind::Conflict,
        "No mail server is entered, so no message can be sent.",
    )
    .next("Enter one under Settings → Mail and save it.")
}

/// Sends a test message now, past the queue, and tells what the server answered.
///
/// # Errors
/// Without permission or presence; with a message beside the field `to`; `MAIL-001` without a server; otherwise the
/// `MAIL-…` code of what went wrong.
pub async fn test(
    services: &Services,
    call: &Call,
    elevated: &ElevatedSession<'_>,
    to: &str,
) -> Result<Delivered, Error> {
    call.may(Permission::ManageSettings)?;
    guard::present(call, Some(elevated))?;
    let person = call.signed_in()?;
    let to = name::check_email(to)
        .map_err(|field| Error::form(Vec::new()).field("to", field.message))?;
    let (server, password) = carrier(services).await?.ok_or_else(not_configured)?;
    let base = site::url(services).await?;
    let told = circumstances(base.as_str(), &person.user.username, call);
    let letter = written(
        services.id(),
        &to,
        &person.user.display_name,
        &About::Test,
        &told,
    );
    let ended = services
        .postman()
        .deliver(&server, password.as_ref(), &letter)
        .await
        .map_err(|Undelivered { error, .. }| error);
    let detail = match &ended {
        Ok(delivered) => {
            json!({"answer": delivered.code, "tls": delivered.tls, "elevation": elevated.id()})
        }
        Err(error) => json!({"code": error.code, "elevation": elevated.id()}),
    };
    let tx = services.db().begin().await?;
    tx.commit(&[call.event("mail.test", &to, None, detail)])
        .await?;
    ended
}

pub(crate) fn circumstances<'a>(
    site: &'a str,
    username: &'a str,
    call: &Call,
) -> Circumstances<'a> {
    Circumstances {
        site,
        username,
        at: call.at,
        from: call.address.map(|address| address.to_string()),
    }
}

pub(crate) fn written(
    id: uuid::Uuid,
    to: &str,
    to_name: &str,
    about: &About,
    told: &Circumstances<'_>,
) -> Letter {
    let (subject, text) = letters::write(about, to_name, told);
    Letter {
        id,
        to: to.to_owned(),
        to_name: letters::line(to_name),
        subject,
        text,
        at: told.at,
    }
}

/// Queues a message, in the transaction of what it is about. Nothing is queued while no server is entered.
pub(crate) async fn post(
    services: &Services,
    tx: &Tx,
    to: (&muster_domain::user::User, &str),
    about: &About,
    told: &Circumstances<'_>,
    until: DateTime<Utc>,
) -> Result<(), Error> {
    if !is_configured(tx).await? {
        return Ok(());
    }
    let (user, address) = to;
    let id: muster_domain::id::LetterId = services.id();
    let letter = written(id.0, address, &user.display_name, about, told);
    let text = serde_json::to_string(&letter).map_err(|error| unwritable().internal(error))?;
    let letter = services
        .sealer()
        .seal(&text, letter_place(id.0), services.entropy())?;
    let message = rows::Waiting {
        id,
        kind: about.kind().to_owned(),
        user: Some(user.id),
        letter,
        created_at: told.at,
        expires_at: until,
        attempts: 0,
    };
    rows::insert(tx, &message).await
}

pub(crate) const fn letter_place(id: uuid::Uuid) -> Place<'static> {
    Place {
        table: "outbox",
        column: "letter",
        id,
    }
}

pub(crate) fn unwritable() -> Error {
    Error::new(
        "MAIL-020",
        Kind::Internal,
        "This message could not be kept or read back.",
    )
}
