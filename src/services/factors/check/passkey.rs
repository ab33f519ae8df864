//! Asking for a passkey and checking its answer: one of the two places where a
//! [`FactorChecked`] is made.
//!
//! An answer counts once, for the question it answers: in the browser session that asked, by the person who was asked,
//! for the purpose it was asked for, within five minutes, made at the public address, by a passkey that verified its
//! user. Passkeys that count their uses must count on; one that does not is taken for a copy, refused, and accepted
//! no more until its owner or an admin removes it.

use chrono::TimeDelta;
use muster_domain::factor::{Answered, Factor, FactorChecked, FactorKind};
use muster_domain::id::{CeremonyId, UserId};
use muster_domain::session::{Proof, SessionKey};
use muster_domain::user::User;
use muster_domain::{Error, Kind};
use muster_storage::ceremonies::Purpose;
use muster_storage::factors::{self as rows, Keyed, place};
use muster_storage::{Quiet, credentials, elevations, throttle};
use secrecy::ExposeSecret as _;
use serde_json::json;
use webauthn_rs::prelude::{
    AuthenticationResult, Passkey, PasskeyAuthentication, PublicKeyCredential, WebauthnError,
};

use super::{EVERYWHERE, admit, key_of, refused};
use crate::factors::party::{self, party};
use crate::factors::passkey::{Asked, credential_of, keep, opened, read, take, written};
use crate::{Call, Services};

/// How long a question waits for its answer.
pub(crate) const LASTS: TimeDelta = TimeDelta::minutes(5);

/// Asks for one of a person's passkeys. None: they have none that could answer here.
///
/// # Errors
/// When the question cannot be kept.
pub async fn ask(
    services: &Services,
    call: &Call,
    user: UserId,
    session: &SessionKey,
    purpose: Purpose,
) -> Result<Option<Asked>, Error> {
    let Some(name) = party::name(services).await? else {
        return Ok(None);
    };
    let keyed = rows::keyed(services.db(), user).await?;
    let usable: Vec<Passkey> = keyed
        .iter()
        .filter(|one| one.factor.kind == FactorKind::Passkey && one.factor.answers_to(Some(&name)))
        .filter_map(|one| unsealed(services, one))
        .collect();
    if usable.is_empty() {
        return Ok(None);
    }
    let (question, state) = party(services)
        .await?
        .webauthn
        .start_passkey_authentication(&usable)
        .map_err(|error| unreadable().internal(error))?;
    let asker = (user, session, purpose);
    let asked = keep(services, call, asker, "", (&question, &state)).await?;
    Ok(Some(asked))
}

/// One that cannot be opened any more must not keep the others from being used.
fn unsealed(services: &Services, keyed: &Keyed) -> Option<Passkey> {
    let opened = services
        .sealer()
        .open(&keyed.sealed, place(keyed.factor.id));
    let passkey = opened
        .ok()
        .and_then(|text| serde_json::from_str(text.expose_secret()).ok());
    if passkey.is_none() {
        tracing::warn!(factor = %keyed.factor.id, "a passkey cannot be opened");
    }
    passkey
}

/// An answer of a passkey, as a form brings it.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The browser session that brings it.
    pub session: &'a SessionKey,
    /// The question it answers.
    pub ceremony: CeremonyId,
    /// The answer, as JSON.
    pub answer: &'a str,
}

/// Checks the answer of this person's passkey and uses the question up.
///
/// # Errors
/// `FAC-010` when no such question waits here, `FAC-002` after too many attempts, `FAC-011` to `FAC-017` when the answer
/// does not hold.
pub async fn check(
    services: &Services,
    call: &Call,
    user: &User,
    purpose: Purpose,
    given: Given<'_>,
) -> Result<FactorChecked, Error> {
    admit(services, call, user).await?;
    match answered(services, call, user, purpose, given).await {
        Ok(Factor {
            name, opened_by, ..
        }) => Ok(FactorChecked::witness(user.id, Answered::Passkey, opened_by).called(&name)),
        Err(error) => {
            refused(services, call, user, &error).await?;
            Err(error)
        }
    }
}

/// Gives the passkey that answered.
async fn answered(
    services: &Services,
    call: &Call,
    user: &User,
    purpose: Purpose,
    given: Given<'_>,
) -> Result<Factor, Error> {
    let asker = (user.id, given.session, purpose);
    let ceremony = take(services, call, given.ceremony, asker).await?;
    let state: PasskeyAuthentication = opened(services.sealer(), &ceremony)?;
    let answer: PublicKeyCredential = read(given.answer)?;
    let keyed = rows::keyed(services.db(), user.id).await?;
    let credential = credential_of(&answer.raw_id.as_slice().into());
    let used = keyed
        .iter()
        .find(|one| one.credential.as_deref() == Some(credential.as_str()))
        .ok_or_else(unknown)?;
    // Whom the passkey was made for, where it says so.
    let handle = answer.get_user_unique_id();
    if handle.is_some_and(|handle| handle != user.id.0.as_bytes().as_slice()) {
        return Err(unknown());
    }
    if used.factor.suspected_at.is_some() {
        return Err(copied());
    }
    let checked = party(services)
        .await?
        .webauthn
        .finish_passkey_authentication(&answer, &state);
    match checked {
        Ok(result) if result.user_verified() => {
            write_down(services, call, user, used, &result).await
        }
        Ok(_) => Err(not_verified()),
        Err(WebauthnError::CredentialPossibleCompromise) => {
            suspect(services, call, user, used).await
        }
        Err(error) => Err(refusal(&error)),
    }
}

async fn write_down(
    services: &Services,
    call: &Call,
    user: &User,
    used: &Keyed,
    result: &AuthenticationResult,
) -> Result<Factor, Error> {
    let mut passkey = unsealed(services, used).ok_or_else(unknown)?;
    passkey.update_credential(result);
    let id = used.factor.id;
    let sealed = services
        .sealer()
        .seal(&written(&passkey)?, place(id), services.entropy())?;
    let count = u64::from(result.counter());
    let tx = services.db().begin().await?;
    if !rows::use_passkey(&tx, id, &sealed, count, call.at).await? {
        tx.rollback().await?;
        // Another answer of the same passkey with this number or a later one came in since the question was asked.
        return suspect(services, call, user, used).await;
    }
    throttle::clear(&tx, &key_of(user), EVERYWHERE).await?;
    tx.commit_quiet(Quiet::Counted).await?;
    Ok(used.factor.clone())
}

/// There may be a copy: what it earned ends, and it earns nothing any more.
async fn suspect(
    services: &Services,
    call: &Call,
    user: &User,
    used: &Keyed,
) -> Result<Factor, Error> {
    let tx = services.db().begin().await?;
    rows::suspect(&tx, used.factor.id, call.at).await?;
    elevations::drop_of_user(&tx, user.id, call.at).await?;
    let detail = json!({"factor": used.factor.id, "name": used.factor.name});
    tx.commit(&[call.event("factor.suspected", &user.username, Some(user.id.0), detail)])
        .await?;
    tracing::warn!(factor = %used.factor.id, "a passkey did not count on: there may be a copy of it");
    Err(copied())
}

/// Proves presence by a passkey alone, which counts for accounts with a password here ([`muster_domain::policy`]).
///
/// # Errors
/// `ELV-008` for somebody without a password here; as [`check`].
pub async fn prove(
    services: &Services,
    call: &Call,
    ceremony: CeremonyId,
    answer: &str,
) -> Result<Proof, Error> {
    let person = call.signed_in()?;
    let password = credentials::password(services.db(), person.user.id).await?;
    if password.is_none() {
        return Err(Error::new(
            "ELV-008",
            Kind::Invalid,
            "A passkey alone counts for accounts with a password here, and yours has none.",
        )
        .next("Prove presence at your identity provider; the passkey can confirm its answer.")
        .field(
            "answer",
            "A passkey alone counts for accounts with a password here, and yours has none.",
        ));
    }
    let given = Given {
        session: &person.session.key,
        ceremony,
        answer,
    };
    let checked = check(services, call, &person.user, Purpose::Elevate, given).await?;
    Proof::passkey(&person.session, &checked, call.at).ok_or_else(unknown)
}

/// What the reason of the library is here.
pub(crate) fn refusal(error: &WebauthnError) -> Error {
    use WebauthnError as W;
    let told = match error {
        W::MismatchedChallenge | W::InvalidClientDataType => refuse(
            "FAC-014",
            "This is the answer to another question.",
            "Press the button again: an answer counts once, for the page that asked.",
        ),
        W::InvalidRPOrigin | W::InvalidRPIDHash | W::CredentialCrossOrigin => refuse(
            "FAC-013",
            "This answer was made at another address.",
            "Open Muster at its public address. If a link led you elsewhere, tell your administrators.",
        ),
        W::UserNotVerified | W::UserNotPresent => not_verified(),
        W::CredentialNotFound => unknown(),
        W::CredentialPossibleCompromise => copied(),
        W::ParseBase64Failure(_)
        | W::ParseCBORFailure(_)
        | W::ParseJSONFailure(_)
        | W::ParseNOMFailure
        | W::ParseInsufficientBytesAvailable => unreadable(),
        _ => refuse(
            "FAC-017",
            "The answer of this passkey does not hold.",
            "Try again, or use another of your second factors.",
        ),
    };
    told.internal(error.to_string())
}

fn refuse(code: &'static str, words: &'static str, next: &'static str) -> Error {
    Error::new(code, Kind::Invalid, words)
        .next(next)
        .field("answer", format!("{words} {next}"))
}

/// No such question waits here.
pub(crate) fn over() -> Error {
    refuse(
        "FAC-010",
        "This page does not wait for a passkey any more.",
        "Press the button again: it waits five minutes, and an answer counts once.",
    )
}

/// What came is no answer.
pub(crate) fn unreadable() -> Error {
    refuse(
        "FAC-011",
        "The browser's answer cannot be read.",
        "Try again, or use another of your second factors.",
    )
}

fn not_verified() -> Error {
    refuse(
        "FAC-012",
        "The passkey did not check that it is you.",
        "Use one with a PIN, a finger or a face.",
    )
}

fn unknown() -> Error {
    refuse(
        "FAC-015",
        "This passkey is not one of yours here.",
        "Use one that is listed under Your account.",
    )
}

fn copied() -> Error {
    refuse(
        "FAC-016",
        "There may be a copy of this passkey, so it is not accepted any more.",
        "Use another of your second factors, then remove it and tell your administrators.",
    )
}
