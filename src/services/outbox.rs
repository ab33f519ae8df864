//! The queue: messages leave in the background, one lease each, tried again with longer waits, given up when they are
//! too old. What people asked for at the sign-in page is looked at here too, so that its answer costs the same work
//! whoever exists.
//!
//! A message leaves at least once: a node that dies between the server's "taken" and its own note sends it again, under
//! the same message id.

use chrono::{DateTime, TimeDelta, Utc};
use muster_domain::id::UserId;
use muster_domain::mail::letters::About;
use muster_domain::mail::{Fate, Letter, Server, Undelivered, next_try};
use muster_domain::throttle::ThrottlePolicy;
use muster_domain::{Error, Kind};
use muster_storage::outbox::{self as rows, Waiting};
use muster_storage::{Quiet, users};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use crate::{Call, Services, mail, notices, reset};

/// How long a node keeps others from a message: longer than any conversation with a server takes.
const LEASE: TimeDelta = TimeDelta::minutes(2);
/// Messages looked at in one round.
const ROUND: u32 = 20;
/// How long it is shown that a message was given up.
pub(crate) const SHOWN: TimeDelta = TimeDelta::days(7);
/// Wrong passwords for one account within the window from which its owner is told: as many as one network is allowed.
const MANY: u32 = 6;
/// How often somebody is told of such at most.
const TOLD: TimeDelta = TimeDelta::hours(24);

/// What a round did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Worked {
    /// Messages that left.
    pub sent: u32,
    /// Messages that are tried again.
    pub again: u32,
    /// Messages that were given up.
    pub dropped: u32,
}

/// One round: wishes, warnings, messages.
///
/// # Errors
/// When the database cannot be used. What was done stays done, the rest waits for the next round. Wishes and warnings
/// that fail are in the log and keep no message waiting.
pub async fn work(services: &Services, now: DateTime<Utc>) -> Result<Worked, Error> {
    if let Err(error) = reset::settle(services, now).await {
        tracing::warn!(%error, "wishes for a new password could not be looked at");
    }
    if let Err(error) = warn(services, now).await {
        tracing::warn!(%error, "who is to be told of wrong passwords could not be looked at");
    }
    send(services, now).await
}

/// Tells people of many wrong passwords for their account. Here and not at the sign-in: there it would tell strangers
/// by the time it takes which accounts exist (W50).
async fn warn(services: &Services, now: DateTime<Utc>) -> Result<(), Error> {
    if !mail::is_configured(services.db()).await? {
        return Ok(());
    }
    let window = TimeDelta::seconds(i64::from(ThrottlePolicy::default().window_seconds));
    for (id, many) in rows::attempted(services.db(), now - window, MANY, now - TOLD).await? {
        if let Err(error) = warn_one(services, (id, many), now).await {
            tracing::warn!(%error, user = %id, "somebody could not be told of wrong passwords");
        }
    }
    Ok(())
}

async fn warn_one(
    services: &Services,
    (id, many): (UserId, u64),
    now: DateTime<Utc>,
) -> Result<(), Error> {
    let call = Call::system("job", now);
    let tx = services.db().begin().await?;
    let Some(user) = users::get(&tx, id).await? else {
        return tx.rollback().await;
    };
    if !rows::tell_of_attempts(&tx, id, now, now - TOLD).await? {
        return tx.rollback().await;
    }
    notices::tell(services, &call, &tx, &user, About::Attempts(many)).await?;
    let detail = json!({"attempts": many});
    tx.commit(&[call.event("signin.suspicious", &user.username, Some(id.0), detail)])
        .await
}

/// Tries every message that is due.
async fn send(services: &Services, now: DateTime<Utc>) -> Result<Worked, Error> {
    let mut worked = Worked::default();
    let due = rows::due(services.db(), now, ROUND).await?;
    if due.is_empty() {
        return Ok(worked);
    }
    let carrier = match mail::carrier(services).await {
        Ok(Some(carrier)) => Ok(carrier),
        Ok(None) => Err(mail::not_configured as fn() -> Error),
        Err(error) if error.code == mail::unopenable().code => Err(mail::unopenable as _),
        Err(error) => return Err(error),
    };
    for message in due {
        match send_one(services, &carrier, &message, now, &mut worked).await {
            Ok(false) => {}
            // The server has to recover first; the others wait for the next round.
            Ok(true) => break,
            Err(error) => {
                tracing::warn!(%error, id = %message.id, "a message could not be looked at");
            }
        }
    }
    Ok(worked)
}

/// The server and its password, or why there is none.
type Carrier = Result<(Server, Option<SecretString>), fn() -> Error>;

/// Tries one message. Whether the server is to blame that it did not leave.
async fn send_one(
    services: &Services,
    carrier: &Carrier,
    message: &Waiting,
    now: DateTime<Utc>,
    worked: &mut Worked,
) -> Result<bool, Error> {
    let lease = services.token();
    // Asked again for each: the messages before it took their time.
    let now = services.now().max(now);
    let tx = services.db().begin().await?;
    if !rows::lease(&tx, message.id, &lease, now, now + LEASE).await? {
        tx.rollback().await?;
        return Ok(false);
    }
    tx.commit_quiet(Quiet::Mail).await?;
    let ended = match carrier {
        _ if message.expires_at <= now => Err(too_old()),
        Err(why) => Err(Undelivered {
            error: why(),
            fate: Fate::Again,
        }),
        Ok((server, password)) => match opened(services, message) {
            Ok(letter) => services
                .postman()
                .deliver(server, password.as_ref(), &letter)
                .await
                .map(drop),
            Err(error) => Err(Undelivered {
                error,
                fate: Fate::Never,
            }),
        },
    };
    note(services, message, &lease, ended, worked).await
}

fn too_old() -> Undelivered {
    Undelivered {
        error: Error::new(
            "MAIL-021",
            Kind::Upstream,
            "The message became too old before a mail server took it.",
        ),
        fate: Fate::Never,
    }
}

fn opened(services: &Services, message: &Waiting) -> Result<Letter, Error> {
    let text = services
        .sealer()
        .open(&message.letter, mail::letter_place(message.id.0))?;
    serde_json::from_str(text.expose_secret()).map_err(|error| mail::unwritable().internal(error))
}

/// Writes down how a try ended. Whether the server is to blame.
async fn note(
    services: &Services,
    message: &Waiting,
    lease: &str,
    ended: Result<(), Undelivered>,
    worked: &mut Worked,
) -> Result<bool, Error> {
    let now = services.now();
    let tx = services.db().begin().await?;
    let Err(Undelivered { error, fate }) = ended else {
        worked.sent += u32::from(rows::sent(&tx, message.id, lease).await?);
        tx.commit_quiet(Quiet::Mail).await?;
        return Ok(false);
    };
    let words = format!("{}: {}", error.code, error.public);
    let next = match fate {
        Fate::Again => next_try(message.attempts.saturating_add(1), now, message.expires_at),
        Fate::Never => None,
    };
    match next {
        Some(next) => {
            worked.again += u32::from(rows::again(&tx, message.id, lease, next, &words).await?);
            tx.commit_quiet(Quiet::Mail).await?;
        }
        None if rows::drop_one(&tx, message.id, lease, now, &words).await? => {
            worked.dropped += 1;
            let detail = json!({"kind": message.kind, "user": message.user, "code": error.code, "why": error.public});
            let event = Call::system("job", now).event(
                "mail.dropped",
                &message.kind,
                Some(message.id.0),
                detail,
            );
            tx.commit(&[event]).await?;
        }
        None => tx.rollback().await?,
    }
    tracing::warn!(code = error.code, kind = %message.kind, "a message did not leave");
    Ok(fate == Fate::Again)
}
