//! An answer that proves nothing either way, confirmed with a second factor: within five minutes, in the browser session
//! that asked, by the person who asked, where policy accepts it. A refuted answer is never confirmed.

use chrono::TimeDelta;
use muster_domain::id::ReceiptId;
use muster_domain::session::{Proof, ProofKind, Unproven};
use muster_domain::{Error, Kind};
use muster_storage::providers as rows;

use super::kept::receipt;
use super::{Receipt, ReceiptPurpose};
use crate::{Call, Services, factors, policies};

/// How long an answer waits for its confirmation.
const LASTS: TimeDelta = TimeDelta::minutes(5);

/// Whether an answer can be confirmed by this call, and by what it would be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Confirmable {
    /// A code of the person's second factor does it.
    Now,
    /// Policy would accept it, but the person has no second factor.
    WithoutFactor,
    /// Policy does not accept it from this person.
    NotAccepted,
    /// It is of another kind, another session, or too long ago.
    No,
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
    let enabled = rows::get(services.db(), receipt.provider)
        .await?
        .is_some_and(|provider| provider.enabled);
    if !enabled {
        return Ok(Confirmable::No);
    }
    let (policy, enrolled) = policies::binding(services.db(), call.signed_in()?).await?;
    Ok(
        match (
            policy.accepts(ProofKind::UnprovableAndFactor, enrolled),
            enrolled,
        ) {
            (false, _) => Confirmable::NotAccepted,
            (true, muster_domain::factor::Enrolled::No) => Confirmable::WithoutFactor,
            (true, muster_domain::factor::Enrolled::Yes) => Confirmable::Now,
        },
    )
}

/// Checks the code and makes proof of presence of an answer that alone was none.
///
/// # Errors
/// `ELV-012` when the answer cannot be confirmed (any more); as [`factors::check`].
pub async fn confirm(
    services: &Services,
    call: &Call,
    id: ReceiptId,
    code: &str,
) -> Result<(Proof, Receipt), Error> {
    let receipt = receipt(services, call, id).await?;
    // Nothing is used up for an answer that cannot be confirmed.
    if confirmable(services, call, &receipt).await? != Confirmable::Now {
        return Err(not_confirmable());
    }
    let unproven = unproven(call, &receipt)?.ok_or_else(not_confirmable)?;
    let checked = factors::check(services, call, &call.signed_in()?.user, code).await?;
    let proof = unproven
        .with_factor(checked, call.at)
        .ok_or_else(not_confirmable)?;
    Ok((proof, receipt))
}

fn unproven(call: &Call, receipt: &Receipt) -> Result<Option<Unproven>, Error> {
    let person = call.signed_in()?;
    let own = receipt.user == person.user.id && receipt.session == person.session.key;
    let waits = receipt.at <= call.at && call.at - receipt.at <= LASTS;
    Ok(
        if own && waits && receipt.purpose == ReceiptPurpose::Elevation {
            Unproven::recall(
                receipt.verdict,
                &receipt.session,
                receipt.user,
                receipt.provider,
            )
        } else {
            None
        },
    )
}

fn not_confirmable() -> Error {
    Error::new(
        "ELV-012",
        Kind::Conflict,
        "This answer cannot be confirmed with a second factor.",
    )
    .next("Start the secure session anew. Policy may ask for another way.")
}
