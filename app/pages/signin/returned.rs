//! The one address that providers send people back to.

use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use muster_domain::id::{ReceiptId, SignInId};
use muster_domain::protocol::Returned;
use muster_domain::session::Entry;
use muster_domain::session::Proof;
use muster_services::elevation::Aim;
use muster_services::reauth::{Goal, Intent, Outcome};
use muster_services::signin::{self, Arrived};
use muster_services::visit::keys;
use muster_web::{Failure, Query};

use crate::pages::access::{confirm, elevate};
use crate::visit::{Answer, Visit};

/// The test reports this browser made, newest last.
pub(crate) const TESTS: &str = "tests";
/// Whom the last test of this browser showed.
pub(crate) const SEEN: &str = "seen";
/// The re-authentication under way.
pub(crate) const INTENT: &str = "reauth";

/// Takes what the browser brought and goes where it leads.
///
/// # Errors
/// For everything about the answer that does not hold.
pub async fn callback(
    visit: Visit,
    Path(slug): Path<String>,
    Query(returned): Query<Returned>,
) -> Answer {
    let browser = visit.browser.key();
    match signin::complete(
        &visit.services,
        &visit.call,
        &slug,
        browser.as_ref(),
        &returned,
    )
    .await?
    {
        Arrived::SignedIn {
            user,
            means,
            opened_by,
            return_to,
            sid,
        } => {
            let entry = Entry {
                means,
                opened_by,
                password: None,
            };
            visit.browser.signed_in(user.id, &entry).await?;
            learn(&visit, sid).await?;
            Ok(Redirect::to(&return_to).into_response())
        }
        Arrived::Tested { report, seen } => {
            let mut tests: Vec<SignInId> = visit.browser.kept(TESTS).await?.unwrap_or_default();
            tests.push(report);
            let tests = tests.split_off(tests.len().saturating_sub(10));
            visit.browser.keep(TESTS, tests).await?;
            if let Some(seen) = seen {
                visit.browser.keep(SEEN, seen).await?;
                crate::pages::setup::tried(&visit, &slug).await?;
            }
            Ok(Redirect::to(&format!("/signin/{slug}/test/{report}")).into_response())
        }
        Arrived::Reauth { outcome, sid } => {
            learn(&visit, sid).await?;
            reauthenticated(&visit, outcome).await
        }
    }
}

/// Remembers how the provider names the session there, beside the names it gave it before.
async fn learn(visit: &Visit, sid: Option<String>) -> Result<(), Failure> {
    if let Some(sid) = sid {
        let known: Option<serde_json::Value> = visit.browser.kept(keys::SID).await?;
        let all = keys::with_sid(known.as_ref(), sid);
        visit.browser.keep(keys::SID, all).await?;
    }
    Ok(())
}

async fn reauthenticated(visit: &Visit, outcome: Outcome) -> Result<Response, Failure> {
    match outcome {
        Outcome::Next(intent) => {
            let to = format!("/reauth/{}", intent.id);
            visit.browser.keep(INTENT, intent).await?;
            Ok(Redirect::to(&to).into_response())
        }
        Outcome::Probed(intent) => {
            visit.browser.take::<Intent>(INTENT).await?;
            Ok(Redirect::to(&intent.return_to).into_response())
        }
        Outcome::Judged {
            receipt,
            proof,
            intent,
        } => judged(visit, receipt, proof, &intent).await,
    }
}

async fn judged(
    visit: &Visit,
    receipt: ReceiptId,
    proof: Option<Proof>,
    intent: &Intent,
) -> Result<Response, Failure> {
    visit.browser.take::<Intent>(INTENT).await?;
    if intent.probe.is_some() {
        return Ok(Redirect::to(&intent.return_to).into_response());
    }
    let (Goal::Elevate, Some(proof)) = (intent.goal, proof) else {
        confirm::wait(visit, receipt, intent).await?;
        return Ok(Redirect::to(&format!("/receipts/{receipt}")).into_response());
    };
    let aim = Aim {
        action: intent.action.as_deref(),
        reason: intent.reason.as_deref(),
    };
    elevate::grant(visit, proof, aim).await?;
    elevate::granted(visit, &intent.return_to).await
}
