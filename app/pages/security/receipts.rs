//! The receipt of a re-authentication: what is proven, by what, and what to do about it.

use axum::extract::Path;
use axum::response::IntoResponse;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use leptos::prelude::*;
use muster_domain::calibration::Worth;
use muster_domain::id::ReceiptId;
use muster_domain::provider::Provider;
use muster_domain::reauth::{Verdict, words_between};
use muster_domain::role::Permission;
use muster_services::reauth::{Receipt, ReceiptPurpose, Told};
use muster_services::{providers, reauth, setup};

use super::receipt_own;
use crate::components::{
    Card, Columns, Crumb, Evidence, Finding, Glyph, Inset, LinkButton, Look, Moment, Page,
    PostButton, Row, Rows, Source, Standing, Timeline, Tone, VerdictCard, Window,
};
use crate::pages::access::confirm::{self, Waits};
use crate::visit::{Answer, Visit};

/// Shows a receipt.
///
/// # Errors
/// When there is none, or it is somebody else's.
pub async fn show(visit: Visit, Path(id): Path<ReceiptId>) -> Answer {
    let receipt = reauth::receipt(&visit.services, &visit.call, id).await?;
    let told = reauth::told(&receipt);
    let Some(id) = receipt.provider else {
        return receipt_own::show(&visit, receipt).await;
    };
    let provider = providers::of_receipt(&visit.services, &visit.call, id).await?;
    let name = told
        .as_ref()
        .map_or_else(|| "The provider".to_owned(), |told| told.provider.clone());
    let may_test = visit.call.can(Permission::ManageProviders) && provider.is_some();
    let elevated = visit.is_elevated();
    let can = confirm::confirmable(&visit, &receipt).await?;
    let in_setup = may_test
        && receipt.purpose == ReceiptPurpose::Test
        && !setup::progress(&visit.services).await?.finished;
    let sees_activity = visit.call.can(Permission::ViewActivity);
    visit
        .console("Re-authenticate with SSO", "/providers", move || {
            body(
                &receipt,
                told,
                provider,
                &name,
                Standpoint {
                    may_test,
                    elevated,
                    in_setup,
                    sees_activity,
                    can,
                },
            )
        })
        .await
}

/// From where a receipt is looked at.
struct Standpoint {
    may_test: bool,
    elevated: bool,
    in_setup: bool,
    sees_activity: bool,
    can: Waits,
}

fn body(
    receipt: &Receipt,
    told: Option<Told>,
    provider: Option<Provider>,
    name: &str,
    from: Standpoint,
) -> AnyView {
    let Standpoint {
        may_test,
        elevated,
        in_setup,
        sees_activity,
        can,
    } = from;
    let confirm = confirm::card(receipt, can);
    let purpose = match receipt.purpose {
        ReceiptPurpose::Test => {
            "Tests whether this identity provider really makes a person sign in again, and whether it says so truthfully."
        }
        ReceiptPurpose::Elevation => {
            "A secure session was asked for. This is what the identity provider proved."
        }
    };
    let again = provider.as_ref().filter(|_| may_test || receipt.purpose == ReceiptPurpose::Elevation).map(|provider| {
        let goal = if receipt.purpose == ReceiptPurpose::Test { "test" } else { "elevate" };
        let fields = vec![("provider".to_owned(), provider.slug.clone()), ("goal".to_owned(), goal.to_owned())];
        view! { <PostButton action="/reauth" fields look=Look::Primary icon=Glyph::Refresh>"Re-authenticate again"</PostButton> }
    });
    let on = in_setup.then(|| view! { <LinkButton href="/setup/proof" icon=Glyph::Arrow>"Go on with setup"</LinkButton> });
    let kept = receipt_own::kept(receipt, sees_activity);
    let actions = view! { {kept}{again}{on} }.into_any();
    let crumbs = provider.as_ref().filter(|_| may_test).map(|provider| {
        vec![
            Crumb::new("/providers", "Identity providers"),
            Crumb::new(
                format!("/providers/{}", provider.slug),
                provider.name.clone(),
            ),
        ]
    });
    let rows = evidence(receipt);
    let sent = crate::pages::sources::asked::card(&receipt.sent);
    let left = view! { <div class="stack"><Card title="Evidence" inset=Inset::Flush>{rows}</Card>{sent}</div> }.into_any();
    let right = view! { <div class="stack">{what_to_do(receipt, provider.as_ref(), name, elevated)}{calibration(told.as_ref())}</div> }.into_any();
    let (said, happened) = (
        verdict(receipt, name),
        timeline(receipt, told.as_ref(), name),
    );
    view! {
        <Page title="Re-authenticate with SSO" purpose crumbs=crumbs.unwrap_or_default() actions>
            <div class="stack">
                {said}
                {confirm}
                <Card title="What happened">{happened}</Card>
                <Columns left right/>
            </div>
        </Page>
    }
    .into_any()
}

fn verdict(receipt: &Receipt, name: &str) -> AnyView {
    let standing = Standing::from(receipt.verdict);
    let figure = figure(receipt);
    let why = receipt
        .reasons
        .iter()
        .map(|reason| view! { <p>{reason.clone()}</p> })
        .collect_view();
    let follows = consequence(receipt);
    view! {
        <VerdictCard standing word=receipt.verdict.label() sentence=sentence(receipt.verdict, name) figure=figure>
            {why}
            <p>{follows}</p>
        </VerdictCard>
    }
    .into_any()
}

/// How far the stated sign-in lies from the question, in the judge's own words.
fn distance(receipt: &Receipt) -> Option<String> {
    let stated = receipt.stated_at?;
    let told = receipt
        .rows
        .iter()
        .filter(|row| row.claim == "Signed in")
        .map(|row| &row.proves)
        .find(|proves| proves.contains(" we asked"));
    Some(
        told.cloned()
            .unwrap_or_else(|| words_between(receipt.asked_at, stated)),
    )
}

/// The one number that decides, where a number decides: not for another person.
fn figure(receipt: &Receipt) -> Option<String> {
    distance(receipt)
        .filter(|_| receipt.verdict != Verdict::WrongUser)
        .filter(|words| words.starts_with(|c: char| c.is_ascii_digit()))
}

/// The verdict in one plain sentence.
fn sentence(verdict: Verdict, name: &str) -> String {
    match verdict {
        Verdict::Fresh => format!("{name} did make you sign in again."),
        Verdict::Stale => format!("{name} did not make you sign in again."),
        Verdict::Unprovable => format!("{name} cannot prove that you signed in again."),
        Verdict::WrongUser => format!("Somebody else signed in at {name}."),
        Verdict::WeakContext => format!("{name} did not state that you signed in strongly enough."),
        Verdict::Malformed => format!("The answer from {name} does not hold."),
        Verdict::Cancelled => format!("Nobody signed in again at {name}."),
    }
}

fn consequence(receipt: &Receipt) -> &'static str {
    match (receipt.purpose, receipt.verdict) {
        (ReceiptPurpose::Test, Verdict::Fresh) => {
            "In earnest, this would have started a secure session."
        }
        (ReceiptPurpose::Test, _) => "In earnest, no secure session would have started.",
        (ReceiptPurpose::Elevation, _) if receipt.signed_out_at.is_some() => {
            "The provider announced a sign-out since: nothing rests on this answer any more."
        }
        (ReceiptPurpose::Elevation, Verdict::Fresh) => "A secure session was started.",
        (ReceiptPurpose::Elevation, _) if receipt.confirmed.is_some() => {
            "Confirmed by a second factor, it started a secure session."
        }
        (ReceiptPurpose::Elevation, _) => "No secure session was started.",
    }
}

fn timeline(receipt: &Receipt, told: Option<&Told>, name: &str) -> AnyView {
    let mut moments = vec![
        Moment::new(receipt.asked_at, "We asked", Source::Ours),
        Moment::new(receipt.back_at, "Came back", Source::Ours),
    ];
    if let Some(stated) = receipt.stated_at {
        let source = if receipt.verdict == Verdict::Fresh {
            Source::StatedInside
        } else {
            Source::StatedOutside
        };
        // Times of sign-in are whole seconds: one of the very second we asked in did not lie before it.
        let same_second = (stated - receipt.asked_at).num_seconds() == 0;
        let drawn = if same_second {
            stated.max(receipt.asked_at)
        } else {
            stated
        };
        moments.push(Moment::new(drawn, "Signed in there, it says", source));
    } else if let Some(before) = told.and_then(|told| told.signed_in) {
        moments.push(Moment::new(
            before,
            "Signed in there before",
            Source::StatedOutside,
        ));
    }
    let description = match receipt.stated_at {
        Some(stated) => format!(
            "{name} states a sign-in {}. The answer came back {} s after the question.",
            distance(receipt).unwrap_or_else(|| words_between(receipt.asked_at, stated)),
            (receipt.back_at - receipt.asked_at).num_seconds()
        ),
        None => format!(
            "{name} states no sign-in. The answer came back {} s after the question.",
            (receipt.back_at - receipt.asked_at).num_seconds()
        ),
    };
    let window = Window {
        asked: receipt.asked_at,
        answered: receipt.back_at,
    };
    view! { <Timeline id="reauth" description moments window/> }.into_any()
}

fn evidence(receipt: &Receipt) -> AnyView {
    let mut findings: Vec<Finding> = receipt.rows.iter().map(Finding::from).collect();
    let millis = (receipt.back_at - receipt.asked_at).num_milliseconds();
    let fast = millis < 2000 && receipt.verdict != Verdict::Fresh;
    findings.push(Finding {
        claim: "Round trip".to_owned(),
        sent: None,
        received: Some(format!("{}.{} s", millis / 1000, millis % 1000 / 100)),
        proves: if fast {
            "Too fast to type a password: a hint, no proof"
        } else {
            "A hint, no proof"
        }
        .to_owned(),
        tone: if fast { Tone::Caution } else { Tone::Neutral },
    });
    if let Some(confirmed) = &receipt.confirmed {
        let after = (confirmed.at - receipt.back_at).num_seconds();
        findings.push(Finding {
            claim: "Second factor".to_owned(),
            sent: None,
            received: Some(format!("{}, {after} s after the answer", confirmed.words())),
            proves: "The person was there, where the answer proved nothing".to_owned(),
            tone: Tone::Good,
        });
    }
    view! { <Evidence findings/> }.into_any()
}

fn calibration(told: Option<&Told>) -> AnyView {
    let Some(told) = told else {
        return ().into_any();
    };
    let (tone, title) = match told.worth {
        Worth::Informative => (Tone::Good, "Its time stamps carry information"),
        Worth::Uninformative => (Tone::Danger, "Its time stamps are worth nothing"),
        Worth::Silent => (Tone::Caution, "It states no time"),
        Worth::Unknown => (Tone::Caution, "Not known yet"),
    };
    let seen = if told.seen.is_empty() {
        "No control without force has told anything yet.".to_owned()
    } else {
        told.seen.clone()
    };
    view! { <Card title="Control, without force" inset=Inset::Flush><Rows><Row title tone>{seen}</Row></Rows></Card> }.into_any()
}

fn what_to_do(
    receipt: &Receipt,
    provider: Option<&Provider>,
    name: &str,
    elevated: bool,
) -> AnyView {
    let (title, text) = match receipt.verdict {
        Verdict::Fresh if elevated && receipt.purpose == ReceiptPurpose::Elevation => ("The secure session runs", "Go on with what you were doing.".to_owned()),
        Verdict::Fresh => ("Nothing to do", format!("Administrators who sign in through {name} can start secure sessions.")),
        Verdict::Stale => ("Have it ask again", format!("{name} sent the browser straight back. Change its settings so that it obeys a forced sign-in, then test again.")),
        Verdict::Unprovable => ("Have it state the truth", format!("Without a time that can be believed, {name} alone cannot start secure sessions. A second factor confirms its answers where policy accepts that; a password of an internal account still can.")),
        Verdict::WrongUser => ("Sign in as yourself", "Use the same account at the provider as in this session, then try again.".to_owned()),
        Verdict::WeakContext => ("Sign in more strongly", "Use the stronger method at the provider, or change the required acr value in this provider's settings.".to_owned()),
        Verdict::Malformed => ("Look at the reason", "The code beside the reason is explained in the documentation. If it happens again, somebody may be tampering with the answers.".to_owned()),
        Verdict::Cancelled => ("Try again when it suits", "Nothing was changed.".to_owned()),
    };
    let calibrate = provider
        .filter(|_| receipt.purpose == ReceiptPurpose::Test)
        .map(|provider| {
            let href = format!("/providers/{}/calibration", provider.slug);
            view! { <Row title="Calibration" href>"What its tests showed so far, and the probes that are left."</Row> }
        });
    let settings_help = matches!(
        receipt.verdict,
        Verdict::Stale | Verdict::Unprovable | Verdict::WeakContext | Verdict::Malformed
    );
    let advice = provider.filter(|_| settings_help).map(|provider| {
        let advice = provider.vendor.reauth_advice();
        let steps = advice
            .steps
            .iter()
            .map(|step| view! { <li>{*step}</li> })
            .collect_view();
        view! { <Row title=provider.vendor.place()><ol class="advice">{steps}</ol></Row> }
    });
    view! { <Card title="What to do" inset=Inset::Flush><Rows><Row title>{text}</Row>{calibrate}{advice}</Rows></Card> }.into_any()
}

/// Downloads a receipt as JSON.
///
/// # Errors
/// When there is none, or it is somebody else's.
pub async fn download(visit: Visit, Path(id): Path<ReceiptId>) -> Answer {
    let receipt = reauth::receipt(&visit.services, &visit.call, id).await?;
    let document = muster_services::receipts::document(&receipt);
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (
            CONTENT_DISPOSITION,
            format!("attachment; filename=\"receipt-{}.json\"", receipt.id),
        ),
    ];
    Ok((headers, format!("{document:#}\n")).into_response())
}
