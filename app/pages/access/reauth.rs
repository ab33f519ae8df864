//! Re-authenticate with SSO: out to the provider in one or two legs.

use axum::extract::Path;
use axum::response::{IntoResponse, Redirect};
use leptos::prelude::*;
use muster_domain::{Error, Kind};
use muster_services::elevation;
use muster_services::reauth::{self, Goal, Intent, Leg, Seen};
use muster_web::Form;
use serde::Deserialize;
use uuid::Uuid;

use super::elevate;
use crate::pages::signin::returned::{INTENT, SEEN};
use crate::pages::signin::test::leads_to_test;
use crate::visit::{Answer, Visit};

/// What the button sends.
#[derive(Deserialize)]
pub struct Sent {
    provider: String,
    goal: Goal,
    #[serde(default)]
    return_to: String,
}

/// Remembers what is wanted and leads to the first leg.
///
/// # Errors
/// When the person is not known at the provider, or may not test it.
pub async fn begin(visit: Visit, Form(sent): Form<Sent>) -> Answer {
    let reason = match sent.goal {
        Goal::Elevate => {
            let door = elevation::door(&visit.services, &visit.call).await?;
            match elevation::reason(&door, &elevate::given(&visit).await?) {
                Ok(reason) => reason,
                // The door asks for it first.
                Err(_) => return Ok(Redirect::to(&elevate::door(&sent.return_to)).into_response()),
            }
        }
        Goal::Test => None,
    };
    let seen: Option<Seen> = visit.browser.kept(SEEN).await?;
    let action = elevate::action(&visit, &sent.return_to).await?;
    let begun = reauth::begin(
        &visit.services,
        &visit.call,
        &sent.provider,
        sent.goal,
        seen.as_ref(),
        &sent.return_to,
        action.as_deref().filter(|_| sent.goal == Goal::Elevate),
    )
    .await;
    let mut intent = match begun {
        Ok(intent) => intent,
        // Nobody is known there yet: a test sign-in comes first.
        Err(error) if error.code == "ELV-005" => {
            return leads_to_test(&visit, &sent.provider).await;
        }
        Err(error) => return Err(error.into()),
    };
    intent.reason = reason;
    let to = format!("/reauth/{}", intent.id);
    visit.browser.keep(INTENT, intent).await?;
    Ok(Redirect::to(&to).into_response())
}

/// Goes to the provider; or waits a moment where times could not be told apart yet.
///
/// # Errors
/// When nothing is under way, or the provider cannot be asked.
pub async fn go(visit: Visit, Path(id): Path<Uuid>) -> Answer {
    let intent: Option<Intent> = visit.browser.kept(INTENT).await?;
    let Some(intent) = intent.filter(|intent| intent.id == id) else {
        return Err(Error::new(
            "ELV-011",
            Kind::NotFound,
            "This re-authentication is no longer under way.",
        )
        .next("Begin it again.")
        .into());
    };
    match reauth::next(&visit.services, &visit.call, &intent).await? {
        Leg::To(url) => Ok(muster_web::leave::to(&url, &intent.slug)),
        Leg::Wait(seconds) => {
            let to = format!("/reauth/{id}");
            let href = to.clone();
            Ok(visit.passing("One moment", seconds, &to, move || {
                view! {
                    <p>"You signed in only a moment ago. We wait two seconds, so that the old sign-in and a new one can be told apart."</p>
                    <p><a href=href>"Go on"</a></p>
                }
                .into_any()
            }))
        }
    }
}
