//! A secret that was typed into a form which comes back, because something was tried with it or is wrong: it goes along
//! sealed, so that nobody has to type it again, and it is never shown. It counts for the same browser session alone, and
//! for an hour.

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Error;
use muster_storage::Place;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};
use zeroize::Zeroize;

use crate::{Call, Services};

/// How long a form may be open.
const LASTS: TimeDelta = TimeDelta::hours(1);

#[derive(Serialize, Deserialize)]
struct Typed {
    secret: String,
    session: String,
    until: DateTime<Utc>,
}

impl Drop for Typed {
    fn drop(&mut self) {
        self.secret.zeroize();
    }
}

const fn place(user: uuid::Uuid) -> Place<'static> {
    Place {
        table: "directories",
        column: "form",
        id: user,
    }
}

/// Seals what was typed, for the form that comes back.
///
/// # Errors
/// When nobody is signed in, or it cannot be sealed.
pub fn carry(services: &Services, call: &Call, secret: &SecretString) -> Result<String, Error> {
    let person = call.signed_in()?;
    let typed = Typed {
        secret: secret.expose_secret().to_owned(),
        session: person.session.key.0.clone(),
        until: call.at + LASTS,
    };
    let mut text = serde_json::to_string(&typed).unwrap_or_default();
    let sealed = services
        .sealer()
        .seal(&text, place(person.user.id.0), services.entropy());
    text.zeroize();
    sealed
}

/// Opens what [`carry`] sealed; none: it is somebody else's, too old, or none of ours, and has to be typed again.
#[must_use]
pub fn carried(services: &Services, call: &Call, sealed: &str) -> Option<SecretString> {
    let person = call.person()?;
    let text = services
        .sealer()
        .open(sealed, place(person.user.id.0))
        .ok()?;
    let typed: Typed = serde_json::from_str(text.expose_secret()).ok()?;
    let is_ours = typed.session == person.session.key.0 && call.at < typed.until;
    is_ours.then(|| SecretString::from(typed.secret.clone()))
}
