//! The session behind each request: who it belongs to, whether it is over, when it was last seen.
//!
//! Sessions end after 30 minutes without a request and 12 hours after signing in, whatever happens in between
//! (NIST SP 800-63B, section 4.2.3, AAL2), and at once when the person is deactivated (W5 to W7).

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::Error;
use muster_domain::id::ElevationId;
use muster_domain::session::SessionKey;
use muster_domain::throttle::ThrottlePolicy;
use muster_storage::sessions::{self, SignedIn};
use muster_storage::{
    Quiet, announcements, ceremonies, challenges, elevations, factors as factor_rows,
    outbox as outbox_rows, passages, password_links, permits, request_keys, test_links, throttle,
};
use serde_json::json;

pub use muster_storage::sessions::{key_of, keys};

use crate::factors::{CEREMONY, PENDING};
use crate::providers::request_key::RETIRED_LASTS;
use crate::{Call, Services, outbox, refusals};

/// How long a session lasts without a request.
pub const IDLE: TimeDelta = TimeDelta::minutes(30);
/// How long it lasts at most.
pub const LONGEST: TimeDelta = TimeDelta::hours(12);
/// A session seen so recently is not written down again.
const SEEN: TimeDelta = TimeDelta::minutes(1);

/// What a session's name stands for.
#[derive(Clone, Debug)]
pub enum Found {
    /// Nobody who is signed in.
    Nobody,
    /// A session that is over: idle or running for too long, or its person was deactivated.
    Over,
    /// A signed-in person.
    Person(Box<SignedIn>),
}

/// Finds out who is signed in under this name, with one question to the database at most. With `reads` the request
/// changes nothing: then what another process wrote may count up to a second later.
///
/// # Errors
/// When the database cannot answer.
pub async fn look_up(
    services: &Services,
    key: &SessionKey,
    now: DateTime<Utc>,
    reads: bool,
) -> Result<Found, Error> {
    let found = if reads {
        services.db().recently_signed_in(key, now).await?
    } else {
        sessions::load_signed_in(services.db(), key, now).await?
    };
    match found {
        Some(person) => admit(services, person, Sign::Use, now).await,
        None => Ok(Found::Nobody),
    }
}

/// What a request says about whoever sits there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sign {
    /// Somebody did something: it counts as use of the secure session.
    Use,
    /// A page may have asked by itself: the session was seen, and the secure session was not used.
    Seen,
}

/// Whether somebody's session still counts; notes that it was seen, and used.
///
/// # Errors
/// When the database cannot answer.
pub(crate) async fn admit(
    services: &Services,
    person: SignedIn,
    sign: Sign,
    now: DateTime<Utc>,
) -> Result<Found, Error> {
    if !person.user.is_active() || is_over(person.session.signed_in_at, person.last_seen_at, now) {
        return Ok(Found::Over);
    }
    let person = rested(services, person, now).await?;
    let seen = (now - person.last_seen_at >= SEEN).then(|| person.session.key.clone());
    let used = person.session.elevation.as_ref().filter(|elevation| {
        sign == Sign::Use && elevation.may_idle() && now - elevation.last_used_at() >= SEEN
    });
    let used = used.map(|elevation| elevation.to_row().id);
    if seen.is_some() || used.is_some() {
        note(services.clone(), seen, used, now);
    }
    Ok(Found::Person(Box::new(person)))
}

/// Ends a secure session that nobody used for as long as its policy allows; for good, before this visit counts as use.
/// One that has just run out too: what is left of its minute for forms would count again from this visit on.
async fn rested(
    services: &Services,
    mut person: SignedIn,
    now: DateTime<Utc>,
) -> Result<SignedIn, Error> {
    let idle = person
        .session
        .elevation
        .take_if(|elevation| elevation.is_idle(now));
    if let Some(elevation) = idle {
        let row = elevation.to_row();
        let tx = services.db().begin().await?;
        elevations::drop_one(&tx, row.id, now).await?;
        let mut event = Call::system("visit", now).event(
            "elevation.idle",
            &person.user.username,
            Some(row.id.0),
            json!({ "last_used_at": elevation.last_used_at() }),
        );
        event.actor.clone_from(&person.user.username);
        event.actor_id = Some(person.user.id.0);
        tx.commit(&[event]).await?;
    }
    Ok(person)
}

fn is_over(signed_in_at: DateTime<Utc>, last_seen_at: DateTime<Utc>, now: DateTime<Utc>) -> bool {
    now - last_seen_at > IDLE || now - signed_in_at > LONGEST
}

/// Writes down that the session was seen and the secure session used, while the request goes on.
fn note(
    services: Services,
    seen: Option<SessionKey>,
    used: Option<ElevationId>,
    now: DateTime<Utc>,
) {
    tokio::spawn(async move {
        if let Err(error) = touch(&services, seen, used, now).await {
            tracing::warn!(%error, "when a session was last seen could not be written down");
        }
    });
}

async fn touch(
    services: &Services,
    seen: Option<SessionKey>,
    used: Option<ElevationId>,
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let tx = services.db().begin().await?;
    if let Some(key) = seen {
        sessions::touch(&tx, &key, now).await?;
    }
    if let Some(id) = used {
        elevations::used(&tx, id, now).await?;
    }
    tx.commit_quiet(Quiet::LastSeen).await
}

/// Sweeps away what is over: sessions, questions to providers, test links, counted failures, keys that signed long ago,
/// second factors that were begun and never confirmed. Tells what of the refused sign-ins is not on record one by one.
///
/// # Errors
/// When the database cannot be written.
pub async fn sweep(services: &Services, now: DateTime<Utc>) -> Result<(), Error> {
    refusals::tell(services, now).await?;
    let counted = TimeDelta::seconds(i64::from(ThrottlePolicy::default().window_seconds));
    let tx = services.db().begin().await?;
    sessions::sweep(&tx, now).await?;
    passages::sweep(&tx, now).await?;
    challenges::sweep(&tx, now).await?;
    test_links::sweep(&tx, now).await?;
    throttle::sweep(&tx, now - counted).await?;
    announcements::sweep(&tx, now).await?;
    password_links::sweep(&tx, now).await?;
    factor_rows::sweep(&tx, now - PENDING).await?;
    ceremonies::sweep(&tx, now - CEREMONY).await?;
    permits::sweep(&tx, now).await?;
    request_keys::sweep(&tx, now - RETIRED_LASTS).await?;
    outbox_rows::sweep(&tx, now - outbox::SHOWN).await?;
    tx.commit_quiet(Quiet::Expired).await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn minutes(minutes: i64) -> DateTime<Utc> {
        DateTime::UNIX_EPOCH + TimeDelta::minutes(minutes)
    }

    #[test]
    fn w6_a_session_nobody_uses_ends() {
        assert!(!is_over(minutes(0), minutes(10), minutes(40)));
        assert!(is_over(minutes(0), minutes(10), minutes(41)));
    }

    #[test]
    fn w7_no_session_lasts_longer_than_half_a_day() {
        assert!(!is_over(minutes(0), minutes(719), minutes(720)));
        assert!(is_over(minutes(0), minutes(721), minutes(721)));
    }
}
