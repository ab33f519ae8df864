//! Checking a code: one of the two places where a [`FactorChecked`] is made. The other is [`passkey`].
//!
//! Six digits are a code of an app, anything else can only be a recovery code. Every attempt counts as a failure before
//! it is compared, so that guesses sent at once are counted one after the other; six in 15 minutes are all there are.
//! Only who is signed in, or typed the right password, gets this far: a stranger can use nobody's attempts up.

use chrono::TimeDelta;
use muster_domain::factor::totp::{Code, DIGITS, Totp};
use muster_domain::factor::{Answered, Factor, FactorChecked, FactorKind, recovery};
use muster_domain::opener::Openers;
use muster_domain::throttle::ThrottlePolicy;
use muster_domain::user::User;
use muster_domain::{Error, Kind};
use muster_storage::factors::{self as rows, Keyed, place};
use muster_storage::{Quiet, recovery_codes, throttle};
use secrecy::ExposeSecret as _;
use serde_json::json;

use super::none_enrolled;
use crate::{Call, Services};

pub mod passkey;

/// Stands where passwords have a network: codes are counted per person, wherever they come from.
const EVERYWHERE: &str = "second factor";

/// Checks a code of this person's second factor and uses it up.
///
/// # Errors
/// `FAC-001` when it is none, `FAC-002` after too many, `FAC-003` when it was used before, `FAC-004` for somebody without
/// a second factor.
pub async fn check(
    services: &Services,
    call: &Call,
    user: &User,
    typed: &str,
) -> Result<FactorChecked, Error> {
    let keyed = rows::keyed(services.db(), user.id).await?;
    if keyed.is_empty() {
        return Err(none_enrolled());
    }
    admit(services, call, user).await?;
    let plain: String = typed
        .chars()
        .filter(|c| !c.is_whitespace())
        .take(200)
        .collect();
    let digits = plain.len() == DIGITS && plain.bytes().all(|byte| byte.is_ascii_digit());
    let found = if digits {
        by_app(services, call, user, &keyed, &plain).await
    } else {
        by_recovery(services, call, user, &plain).await
    };
    match found {
        Ok((by, name, opened_by)) => {
            let checked = FactorChecked::witness(user.id, by, opened_by);
            Ok(match name {
                Some(name) => checked.called(&name),
                None => checked,
            })
        }
        Err(error) => {
            refused(services, call, user, &error).await?;
            Err(error)
        }
    }
}

/// What was right, what its owner calls it, and who else may have it.
type Found = (Answered, Option<String>, Openers);

async fn by_app(
    services: &Services,
    call: &Call,
    user: &User,
    keyed: &[Keyed],
    typed: &str,
) -> Result<Found, Error> {
    let mut told = wrong();
    for one in keyed
        .iter()
        .filter(|one| one.factor.kind == FactorKind::Totp)
    {
        // One that cannot be opened any more must not keep the others from being used.
        let Ok(secret) = services.sealer().open(&one.sealed, place(one.factor.id)) else {
            tracing::warn!(factor = %one.factor.id, "the secret of a second factor cannot be opened");
            continue;
        };
        let Some(totp) = Totp::read(secret.expose_secret()) else {
            continue;
        };
        match totp.check(typed, call.at, one.counter) {
            Code::Right(step) => {
                let tx = services.db().begin().await?;
                // Of two that bring the same code at once, one is told that it was used.
                if rows::use_step(&tx, one.factor.id, step, call.at).await? {
                    throttle::clear(&tx, &key_of(user), EVERYWHERE).await?;
                    tx.commit_quiet(Quiet::Counted).await?;
                    let Factor {
                        name, opened_by, ..
                    } = one.factor.clone();
                    return Ok((Answered::Totp, Some(name), opened_by));
                }
                told = used();
            }
            Code::Used => told = used(),
            Code::Wrong => {}
        }
    }
    Err(told)
}

async fn by_recovery(
    services: &Services,
    call: &Call,
    user: &User,
    typed: &str,
) -> Result<Found, Error> {
    let hash = recovery::hash(user.id, typed).ok_or_else(wrong)?;
    let tx = services.db().begin().await?;
    if !recovery_codes::use_up(&tx, user.id, &hash, call.at).await? {
        tx.rollback().await?;
        return Err(wrong());
    }
    let left = recovery_codes::left(&tx, user.id).await?;
    let opened_by = recovery_codes::opened_by(&tx, user.id).await?;
    throttle::clear(&tx, &key_of(user), EVERYWHERE).await?;
    let detail = json!({"left": left});
    tx.commit(&[call.event(
        "factor.recovery.use",
        &user.username,
        Some(user.id.0),
        detail,
    )])
    .await?;
    Ok((Answered::Recovery, None, opened_by))
}

async fn admit(services: &Services, call: &Call, user: &User) -> Result<(), Error> {
    let policy = ThrottlePolicy::default();
    let since = call.at - TimeDelta::seconds(i64::from(policy.window_seconds));
    let tx = services.db().begin().await?;
    let before = throttle::failures(&tx, &key_of(user), EVERYWHERE, since).await?;
    if before.pair >= policy.per_pair {
        tx.rollback().await?;
        let error = too_many();
        refused(services, call, user, &error).await?;
        return Err(error);
    }
    throttle::record_failure(&tx, &key_of(user), EVERYWHERE, call.at).await?;
    tx.commit_quiet(Quiet::Counted).await
}

/// What strangers type as a name is counted under a network of theirs, never under [`EVERYWHERE`]: nobody reaches this.
fn key_of(user: &User) -> String {
    format!("second factor of {}", user.id)
}

async fn refused(
    services: &Services,
    call: &Call,
    user: &User,
    error: &Error,
) -> Result<(), Error> {
    let detail = json!({"code": error.code, "why": error.public});
    services
        .db()
        .begin()
        .await?
        .commit(&[call.event("factor.refused", &user.username, Some(user.id.0), detail)])
        .await
}

fn wrong() -> Error {
    let words = "This code does not fit.";
    Error::new("FAC-001", Kind::Invalid, words)
        .next("Type the newest code of your app, or a recovery code that was not used yet.")
        .field(
            "code",
            "This code does not fit. Type the newest one of your app, or a recovery code that was not used yet.",
        )
}

fn used() -> Error {
    Error::new("FAC-003", Kind::Invalid, "This code was used before.")
        .next("Wait for the next one: a code counts once.")
        .field(
            "code",
            "This code was used before. Wait for the next one: a code counts once.",
        )
}

fn too_many() -> Error {
    let words = "There were too many wrong codes.";
    Error::new("FAC-002", Kind::TooMany, words)
        .next("Wait 15 minutes.")
        .field("code", "There were too many wrong codes. Wait 15 minutes.")
}
