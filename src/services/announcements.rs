//! Sign-outs that an identity provider announces behind the browser's back (OpenID Connect Back-Channel Logout 1.0):
//! the sessions they speak of end here, with their secure sessions.

use muster_domain::protocol::SignedOut;
use muster_domain::session::Means;
use muster_domain::{Error, Kind};
use muster_storage::{Quiet, announcements as rows, elevations, sessions};
use serde_json::json;

use crate::digest::sha256_hex;
use crate::refusals::{self, Concerns};
use crate::roundtrip::connection;
use crate::{Call, Services, providers};

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
    for (session, means, sid) in sessions::by_provider(&tx, provider.id).await? {
        if speaks_of(&told, &means, sid.as_deref()) {
            secure += elevations::drop_of_session(&tx, &session, call.at).await?;
            ended += u64::from(sessions::revoke(&tx, &session).await?);
        }
    }
    if ended == 0 {
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

/// Whether an announcement speaks of a session: what it names must fit, all of it. Of a session whose id at the
/// provider is not known, the subject decides.
fn speaks_of(told: &SignedOut, means: &Means, sid: Option<&str>) -> bool {
    let Means::Provider { subject, .. } = means else {
        return false;
    };
    let subject_fits = told.subject.as_ref().map(|named| named == subject);
    let session_fits = told
        .session
        .as_deref()
        .zip(sid)
        .map(|(named, known)| named == known);
    match (subject_fits, session_fits) {
        (Some(false), _) | (_, Some(false)) => false,
        (Some(true), _) | (None, Some(true)) => true,
        (None, None) => false,
    }
}
