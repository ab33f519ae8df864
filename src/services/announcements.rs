//! Sign-outs that an identity provider announces behind the browser's back (OpenID Connect Back-Channel Logout 1.0):
//! the sessions they speak of end here, with their secure sessions, and so do secure sessions elsewhere that were proven
//! there.

use chrono::TimeDelta;
use muster_domain::id::ProviderId;
use muster_domain::protocol::SignedOut;
use muster_domain::session::Means;
use muster_domain::{Error, Kind};
use muster_storage::{Quiet, Tx, announcements as rows, elevations, receipts, sessions};
use serde_json::json;

use crate::digest::sha256_hex;
use crate::refusals::{self, Concerns};
use crate::roundtrip::connection;
use crate::{Call, Services, providers};

/// How long an answer can count for anything: longer than any secure session lasts, with its confirmation and its grace.
const COUNTED: TimeDelta = TimeDelta::hours(2);

/// Takes an announcement. Gives how many sessions ended; none is no error, they may be over already.
///
/// # Errors
/// With a stable code when anything about the token does not hold; `OIDC-063` when it was presented before.
pub async fn take(services: &Services, call: &Call, slug: &str, token: &str) -> Result<u64, Error> {
    match taken(services, call, slug, token).await {
        Err(error) if !matches!(error.kind, Kind::Unavailable | Kind::Internal) => {
            let target: String = slug.chars().filter(|c| !c.is_control()).take(60).collect();
            let detail = json!({"code": error.code, "why": error.public});
            let event = call.event("signout.refused", &target, None, detail);
            let kept = refusals::put(services, call, Concerns::of(call), event).await;
            Err(kept.err().unwrap_or(error))
        }
        done => done,
    }
}

async fn taken(services: &Services, call: &Call, slug: &str, token: &str) -> Result<u64, Error> {
    let provider = providers::find(services, slug).await?;
    let kind = services.kind(&provider.kind)?;
    let secret = providers::secret(services, provider.id).await?;
    let connection = connection(services, &provider, secret.as_ref()).await?;
    let told = kind.signed_out(&connection, token).await?;
    let tx = services.db().begin().await?;
    if !rows::once(&tx, provider.id, &sha256_hex(&told.id), told.ends_at).await? {
        tx.rollback().await?;
        return Err(Error::new(
            "OIDC-063",
            Kind::Invalid,
            "This sign-out was announced before.",
        ));
    }
    let (mut ended, mut secure) = (0_u64, 0_u64);
    for (session, means, sids) in sessions::by_provider(&tx, provider.id).await? {
        let Means::Provider { subject, .. } = means else {
            continue;
        };
        if speaks_of(&told, Some(&subject), &sids) {
            secure += elevations::drop_of_session(&tx, &session, call.at).await?;
            ended += u64::from(sessions::revoke(&tx, &session).await?);
        }
    }
    secure += proven_there(&tx, call, provider.id, &told).await?;
    if ended + secure == 0 {
        tx.commit_quiet(Quiet::Counted).await?;
        return Ok(0);
    }
    let detail = json!({
        "subject": told.subject, "sessions_ended": ended, "secure_sessions_ended": secure,
    });
    let event = call.event(
        "signout.announced",
        &provider.name,
        Some(provider.id.0),
        detail,
    );
    tx.commit(&[event]).await?;
    Ok(ended)
}

/// Ends the secure sessions that rest on an answer of the provider about whoever signed out, in whatever session they run:
/// one that came by a password goes on without. Answers that wait for a second factor wait no more.
async fn proven_there(
    tx: &Tx,
    call: &Call,
    provider: ProviderId,
    told: &SignedOut,
) -> Result<u64, Error> {
    let mut dropped = 0;
    for answer in receipts::answered_since(tx, provider, call.at - COUNTED).await? {
        let sids: Vec<String> = answer.sid.into_iter().collect();
        if !speaks_of(told, answer.subject.as_deref(), &sids) {
            continue;
        }
        receipts::sign_out(tx, answer.receipt, call.at).await?;
        if let Some(elevation) = answer.elevation {
            dropped += u64::from(elevations::drop_one(tx, elevation, call.at).await?);
        }
    }
    Ok(dropped)
}

/// Whether an announcement speaks of somebody who is known by this subject, and by these ids of sessions: what it names
/// must fit, all of it. Where no id is known, the subject decides.
fn speaks_of(told: &SignedOut, subject: Option<&str>, sids: &[String]) -> bool {
    let subject_fits = told.subject.as_deref().map(|named| subject == Some(named));
    let session_fits = told
        .session
        .as_ref()
        .filter(|_| !sids.is_empty())
        .map(|named| sids.contains(named));
    match (subject_fits, session_fits) {
        (Some(false), _) | (_, Some(false)) => false,
        (Some(true), _) | (None, Some(true)) => true,
        (None, None) => false,
    }
}
