//! What a test sign-in showed: the claims, the times, and what Muster would make of the person.

use axum::extract::Path;
use http::StatusCode;
use leptos::prelude::*;
use muster_domain::evidence::StatedTime;
use muster_domain::id::SignInId;
use muster_domain::provider::Provider;
use muster_domain::role::Permission;
use muster_services::setup;
use muster_services::trial::{self, Kept, Report};

use super::returned::TESTS;
use crate::components::{
    Callout, Card, Glyph, KeyValue, KeyValues, LinkButton, Look, PostButton, Tone, When, Written,
};
use crate::visit::{Answer, Visit};

/// Shows a kept test report.
///
/// # Errors
/// When there is none, or it is neither this browser's own nor the caller may manage providers.
pub async fn show(visit: Visit, Path((slug, id)): Path<(String, SignInId)>) -> Answer {
    let own: Vec<SignInId> = visit.browser.kept(TESTS).await?.unwrap_or_default();
    let (provider, row, report) = trial::report(&visit.services, &visit.call, id, &own).await?;
    let now = visit.now();
    let manages = visit.call.can(Permission::ManageProviders);
    let can_link = visit.call.person().is_some()
        && own.contains(&id)
        && report.matches.is_none()
        && report.subject.is_some();
    let is_break_glass = visit
        .call
        .person()
        .is_some_and(|person| person.user.break_glass);
    let in_setup = manages && !setup::progress(&visit.services).await?.finished;
    let title = if report.held {
        format!("The test sign-in at {} works", provider.name)
    } else {
        format!("The test sign-in at {} did not work", provider.name)
    };
    let steps = if in_setup {
        crate::pages::setup::steps(crate::pages::setup::At::Trial)
    } else {
        Vec::new()
    };
    visit
        .wizard(StatusCode::OK, &title, "Nobody was signed in here, and no account was made.", steps, move || {
            let goes_on = in_setup && report.held;
            let next = goes_on.then(|| view! { <LinkButton href="/setup/arrival" look=Look::Primary icon=Glyph::Arrow>"Go on: how accounts arrive"</LinkButton> });
            let to_provider = if in_setup { format!("/setup/provider?take={slug}") } else { format!("/providers/{slug}") };
            let back = (manages && !goes_on).then(|| view! { <LinkButton href=to_provider>{format!("Back to {}", provider.name)}</LinkButton> });
            let calibrate = (manages && report.held).then(|| crate::pages::sources::calibration::link(&slug, Look::Plain));
            let look = if report.held { Look::Plain } else { Look::Primary };
            let again = manages.then(|| view! { <LinkButton href=format!("/signin/{slug}/test/start") look icon=Glyph::Refresh>"Test again"</LinkButton> });
            view! {
                <div class="stack">
                    {outcome(&report)}
                    {can_link.then(|| link(&provider, &slug, id, in_setup, is_break_glass))}
                    {facts(&report, now)}
                    {claims(&row)}
                    {crate::pages::sources::asked::card(&report.sent)}
                    <div class="actions">{next}{again}{calibrate}{back}</div>
                </div>
            }
            .into_any()
        })
        .await
}

fn outcome(report: &Report) -> AnyView {
    let title = match (&report.matches, &report.creates) {
        (Some(username), _) => format!("It matches the user “{username}”"),
        (_, Some(username)) => format!("It would create the user “{username}”"),
        _ => "Nobody would be signed in".to_owned(),
    };
    let tone = if report.held {
        Tone::Good
    } else {
        Tone::Danger
    };
    let told = report
        .told
        .iter()
        .map(|sentence| view! { <li>{sentence.clone()}</li> })
        .collect_view();
    let code = report
        .code
        .clone()
        .map(|code| view! { <p><code>{code}</code></p> });
    let next = report.next.clone().map(|next| view! { <p>{next}</p> });
    view! { <Callout tone title><ul class="told">{told}</ul>{next}{code}</Callout> }.into_any()
}

fn link(
    provider: &Provider,
    slug: &str,
    id: SignInId,
    in_setup: bool,
    is_break_glass: bool,
) -> AnyView {
    let caution = is_break_glass.then(|| {
        view! {
            <Callout tone=Tone::Caution title="This is a break-glass account">
                <p>"It is for the day on which every provider fails. Linked, whoever controls your identity at the provider can come in as it. Better make a user of your own for every day, and link that one."</p>
            </Callout>
        }
    });
    let fields = vec![(
        "return_to".to_owned(),
        if in_setup { "/setup/arrival" } else { "" }.to_owned(),
    )];
    let action = format!("/signin/{slug}/test/{id}/link");
    let text = format!(
        "Then you can sign in through {} as the user you are here, and no second user is created for you.",
        provider.name
    );
    view! {
        <Card title="Is this you?">
            <p>{text}</p>
            {caution}
            <div class="actions"><PostButton action fields icon=Glyph::Provider>"Link this identity to me"</PostButton></div>
        </Card>
    }
    .into_any()
}

fn facts(report: &Report, now: chrono::DateTime<chrono::Utc>) -> AnyView {
    let stated = match &report.stated {
        StatedTime::At(at) => {
            let at = *at;
            KeyValue::new(
                "Signed in there",
                view! { <When at now written=Written::Exact/> },
            )
        }
        StatedTime::Absent => KeyValue::new("Signed in there", "not stated"),
        StatedTime::Malformed(text) => {
            KeyValue::new("Signed in there", format!("{text}, which is no time"))
        }
    };
    let clock = report.clock_ahead_ms.map(|ms| {
        let tenths = ms.unsigned_abs() / 100;
        format!(
            "{}.{} s {}",
            tenths / 10,
            tenths % 10,
            if ms < 0 {
                "behind ours"
            } else {
                "ahead of ours"
            }
        )
    });
    let amr = (!report.amr.is_empty()).then(|| report.amr.join(", "));
    let items = vec![
        KeyValue::maybe("Issuer", report.issuer.clone()),
        KeyValue::maybe("Subject", report.subject.clone()),
        stated,
        KeyValue::maybe("Strength (acr)", report.acr.clone()),
        KeyValue::maybe("Methods (amr)", amr),
        KeyValue::maybe("Its clock", clock),
    ];
    view! { <Card title="What came back"><KeyValues items/></Card> }.into_any()
}

fn claims(row: &Kept) -> AnyView {
    let Some(claims) = &row.claims else {
        return ().into_any();
    };
    let items = claims
        .0
        .iter()
        .map(|(name, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            KeyValue::new(name.clone(), view! { <code class="claim">{text}</code> })
        })
        .collect::<Vec<_>>();
    view! { <Card title="Every claim"><KeyValues items/></Card> }.into_any()
}
