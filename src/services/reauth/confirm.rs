//! An answer that proves nothing either way, confirmed with a second factor: within five minutes, in the browser session
//! that asked, by the person who asked, where policy accepts it. A refuted answer is never confirmed.

use chrono::TimeDelta;
use muster_domain::factor::Enrolled;
use muster_domain::id::ReceiptId;
use muster_domain::session::{Proof, ProofKind, Unproven};
use muster_domain::{Error, Kind};
use muster_storage::{providers as rows, receipts};
use serde_json::json;

use super::kept::receipt;
use super::{Receipt, ReceiptPurpose};
use crate::factors::{self, Brought, Kinds, Purpose};
use crate::{Call, Services, policies};

/// How long an answer waits for its confirmation.
const LASTS: TimeDelta = TimeDelta::minutes(5);

/// Whether an answer can be confirmed by this call, and by what it would be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Confirmable {
    /// A second factor of the person's does it.
    Now(Takes),
    /// Policy would accept it, but the person has no second factor that counts for it.
    WithoutFactor,
    /// Policy does not accept it from this person.
    NotAccepted,
    /// It is of another kind, another session, or too long ago.
    No,
}

/// By what an answer can be confirmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Takes {
    /// By a code.
    pub code: bool,
    /// By a passkey.
    pub passkey: bool,
}

/// Whether an answer can be confirmed by this call.
///
/// # Errors
/// When nobody is signed in.
pub async fn confirmable(
    services: &Services,
    call: &Call,
    receipt: &Receipt,
) -> Result<Confirmable, Error> {
    if unproven(call, receipt)?.is_none() {
        return Ok(Confirmable::No);
    }
    let provider = match receipt.provider {
        Some(id) => rows::get(services.db(), id).await?,
        None => None,
    };
    let enabled = provider.is_some_and(|provider| provider.enabled);
    if !enabled {
        return Ok(Confirmable::No);
    }
    let person = call.signed_in()?;
    let (policy, enrolled) = policies::binding(services.db(), person).await?;
    if !policy.accepts(ProofKind::UnprovableAndPasskey, enrolled) {
        return Ok(Confirmable::NotAccepted);
    }
    let Kinds {
        enrolled, passkey, ..
    } = factors::kinds(services, person.user.id).await?;
    let code =
        enrolled == Enrolled::Yes && policy.accepts(ProofKind::UnprovableAndFactor, enrolled);
    Ok(if code || passkey {
        Confirmable::Now(Takes { code, passkey })
    } else {
        Confirmable::WithoutFactor
    })
}

/// Checks what the person brought, a code or the answer of a passkey, and makes proof of presence of an answer that alone
/// was none. Its receipt tells what confirmed it.
///
/// # Errors
/// `ELV-012` when the answer cannot be confirmed (any more), or not by this; as [`factors::check_brought`].
pub async fn confirm(
    services: &Services,
    call: &Call,
    id: ReceiptId,
    brought: impl Into<Brought<'_>>,
) -> Result<(Proof, Receipt), Error> {
    let (brought, mut receipt) = (brought.into(), receipt(services, call, id).await?);
    // Nothing is used up for an answer that cannot be confirmed.
    let takes = match (confirmable(services, call, &receipt).await?, brought) {
        (Confirmable::Now(takes), Brought::Code(_)) => takes.code,
        (Confirmable::Now(takes), Brought::Passkey(_)) => takes.passkey,
        _ => false,
    };
    if !takes {
        return Err(not_confirmable());
    }
    let unproven = unproven(call, &receipt)?.ok_or_else(not_confirmable)?;
    let user = &call.signed_in()?.user;
    let checked = factors::check_brought(services, call, user, Purpose::Confirm, brought).await?;
    let confirmed = checked.confirmed(call.at);
    let proof = unproven
        .with_factor(checked, call.at)
        .ok_or_else(not_confirmable)?
        .kept_as(id);
    let tx = services.db().begin().await?;
    receipts::confirm(&tx, id, &confirmed).await?;
    let detail = json!({"receipt": id, "by": confirmed.by, "factor": confirmed.name});
    tx.commit(&[call.event("reauth.confirm", &user.username, Some(id.0), detail)])
        .await?;
    receipt.confirmed = Some(confirmed);
    Ok((proof, receipt))
}

fn unproven(call: &Call, receipt: &Receipt) -> Result<Option<Unproven>, Error> {
    let person = call.signed_in()?;
    let own = receipt.user == person.user.id && receipt.session == person.session.key;
    // Who signed out at the provider meanwhile is not there any more, and an answer counts for one secure session.
    let waits = receipt.at <= call.at
        && call.at - receipt.at <= LASTS
        && receipt.signed_out_at.is_none()
        && receipt.earned.is_none();
    let Some(provider) = receipt
        .provider
        .filter(|_| own && waits && receipt.purpose == ReceiptPurpose::Elevation)
    else {
        return Ok(None);
    };
    Ok(Unproven::recall(
        receipt.verdict,
        &receipt.session,
        receipt.user,
        provider,
    ))
}

fn not_confirmable() -> Error {
    Error::new(
        "ELV-012",
        Kind::Conflict,
        "This answer cannot be confirmed with a second factor.",
    )
    .next("Start the secure session anew. Policy may ask for another way.")
}
