//! Calibration of a provider: three probes in plain words, what each showed, and what counts now.

use axum::extract::Path;
use axum::response::{IntoResponse, Redirect};
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::calibration::{Probe, Said};
use muster_domain::id::ProbeId;
use muster_domain::reauth::ReauthPolicy;
use muster_domain::return_to::ReturnTo;
use muster_domain::role::Permission;
use muster_domain::{Error, Kind};
use muster_services::calibration;
use muster_services::providers::request_key;
use muster_services::reauth::Seen;
use muster_services::{setup, site};
use muster_web::{Form, Tone as Flashed};
use serde::Deserialize;

use super::calibration_cards::{counts, history, how, probes, standing, vendor};
use crate::components::{Columns, Crumb, Glyph, LinkButton, Look, Page};
use crate::pages::signin::returned::{INTENT, SEEN};
use crate::pages::signin::test::leads_to_test;
use crate::visit::{Answer, Visit};

/// Shows it.
///
/// # Errors
/// Without permission, or when there is no such provider.
pub async fn show(visit: Visit, Path(slug): Path<String>) -> Answer {
    let desk = calibration::desk(&visit.services, &visit.call, &slug).await?;
    let manages = visit.call.can(Permission::ManageProviders);
    let in_setup = manages && !setup::progress(&visit.services).await?.finished;
    let keys = site::join(
        &site::url(&visit.services).await?,
        &format!("signin/{slug}/keys"),
    )?
    .to_string();
    let signing = request_key::told(&visit.services, &visit.call, &desk.provider).await?;
    let (now, me) = (visit.now(), visit.call.user().map(|user| user.id));
    visit
        .console_with(StatusCode::OK, "Calibration", "/providers", move || {
            let name = desk.provider.name.clone();
            let on = in_setup.then(|| view! { <LinkButton href="/setup/proof" icon=Glyph::Arrow>"Go on with setup"</LinkButton> });
            let test = manages.then(|| view! { <LinkButton href=format!("/signin/{slug}/test/start") icon=Glyph::Simulate>"Test sign-in"</LinkButton> });
            let actions = view! { {test}{on} }.into_any();
            let crumbs = vec![Crumb::new("/providers", "Identity providers"), Crumb::new(format!("/providers/{slug}"), name.clone())];
            let usual = ReauthPolicy::default().skew();
            let left = view! { <div class="stack">{standing(&desk, manages, now)}{probes(&desk, me.filter(|_| manages), now)}</div> }.into_any();
            let right = view! { <div class="stack">{counts(&desk, usual, now)}{how(&desk, signing.map(|told| (keys, told)), manages, now)}{vendor(&desk)}</div> }.into_any();
            view! {
                <Page title=format!("Calibration of {name}") purpose="Three short probes show what its word is worth when it says that somebody signed in again." crumbs actions>
                    <div class="stack">
                        <Columns left right/>
                        {history(&desk, now)}
                    </div>
                </Page>
            }
            .into_any()
        })
        .await
}

/// Which probe is wanted.
#[derive(Deserialize)]
pub struct Wanted {
    #[serde(default)]
    probe: String,
}

/// Begins a probe and goes to the provider.
///
/// # Errors
/// Without permission, or when there is no such probe or provider.
pub async fn begin(visit: Visit, Path(slug): Path<String>, Form(wanted): Form<Wanted>) -> Answer {
    let Some(probe) = Probe::from_key(&wanted.probe) else {
        return Err(
            Error::new("CAL-003", Kind::Invalid, "There is no such probe.")
                .next("Choose one of the three on the page.")
                .into(),
        );
    };
    let seen: Option<Seen> = visit.browser.kept(SEEN).await?;
    let here = page_of(&slug);
    match calibration::begin(
        &visit.services,
        &visit.call,
        &slug,
        probe,
        seen.as_ref(),
        &here,
    )
    .await
    {
        Ok(intent) => {
            let to = format!("/reauth/{}", intent.id);
            visit.browser.keep(INTENT, intent).await?;
            Ok(Redirect::to(&to).into_response())
        }
        // Nobody is known there yet: a test sign-in comes first.
        Err(error) if error.code == "ELV-005" => leads_to_test(&visit, &slug).await,
        Err(error) => Err(error.into()),
    }
}

fn page_of(slug: &str) -> String {
    ReturnTo::new(&format!("/providers/{slug}/calibration"))
        .as_str()
        .to_owned()
}

/// What the person says.
#[derive(Deserialize)]
pub struct Statement {
    said: Said,
}

/// Keeps what the person who made a probe says happened at the provider.
///
/// # Errors
/// Without permission, when somebody else made the probe, or when it was said before.
pub async fn say(
    visit: Visit,
    Path((slug, id)): Path<(String, ProbeId)>,
    Form(statement): Form<Statement>,
) -> Answer {
    let found = calibration::say(&visit.services, &visit.call, &slug, id, statement.said).await?;
    let (words, tone) = if found.refutes() {
        (found.sentence(), Flashed::Caution)
    } else {
        (
            "Kept with the probe. What you say can speak against a provider, never for it.",
            Flashed::Good,
        )
    };
    visit.browser.flash(words, tone).await?;
    Ok(Redirect::to(&page_of(&slug)).into_response())
}

/// Forgets what was learnt and begins anew.
///
/// # Errors
/// Without permission or presence.
pub async fn anew(visit: Visit, Path(slug): Path<String>) -> Answer {
    let elevated = visit.call.elevated()?;
    calibration::begin_anew(&visit.services, &visit.call, &elevated, &slug).await?;
    visit
        .done(
            &page_of(&slug),
            "What was learnt is forgotten. The probes stay on record; make the control again.",
        )
        .await
}

/// Replaces the key that requests are signed with.
///
/// # Errors
/// Without permission or presence, or where requests are not signed.
pub async fn rotate_key(visit: Visit, Path(slug): Path<String>) -> Answer {
    let elevated = visit.call.elevated()?;
    request_key::rotate(&visit.services, &visit.call, &elevated, &slug).await?;
    visit
        .done(
            &page_of(&slug),
            "A new key is published. It signs in five minutes, when the provider has read it; the old one stays published for a day.",
        )
        .await
}

/// The button that leads here.
pub(crate) fn link(slug: &str, look: Look) -> AnyView {
    let href = format!("/providers/{slug}/calibration");
    view! { <LinkButton href look icon=Glyph::Search>"Calibrate step by step"</LinkButton> }
        .into_any()
}
