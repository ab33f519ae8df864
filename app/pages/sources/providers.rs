//! The list of identity providers.

use leptos::prelude::*;
use muster_domain::calibration::Worth;
use muster_domain::provider::Provider;
use muster_domain::role::Permission;
use muster_services::providers;

use crate::components::{
    Card, Chip, Column, Empty, Glyph, Inset, LinkButton, Look, Page, Table, TableRow, Tone, Who,
};
use crate::visit::{Answer, Visit};

/// Lists them.
///
/// # Errors
/// Without permission.
pub async fn list(visit: Visit) -> Answer {
    let all = providers::list(&visit.services, &visit.call).await?;
    let manages = visit.call.can(Permission::ManageProviders);
    visit
        .console("Identity providers", "/providers", move || {
            let connect = move || manages.then(|| view! { <LinkButton href="/providers/new" look=Look::Primary icon=Glyph::Plus>"Connect provider"</LinkButton> }.into_any());
            let content = if all.is_empty() {
                let action = connect().unwrap_or_else(|| ().into_any());
                view! {
                    <Card><Empty icon=Glyph::Provider title="No identity provider yet" action>
                        "Connect the one your company signs in with. Nothing changes for anyone until you say so."
                    </Empty></Card>
                }
                .into_any()
            } else {
                table(all)
            };
            let actions = connect().unwrap_or_else(|| ().into_any());
            view! {
                <Page title="Identity providers" purpose="Where people prove who they are, and what each of them can prove." actions>{content}</Page>
            }
            .into_any()
        })
        .await
}

fn table(all: Vec<Provider>) -> AnyView {
    let columns = ["Provider", "Sign-in", "Time stamps", "E-mail domains"]
        .map(Column::new)
        .into();
    let rows = all
        .into_iter()
        .map(|provider| {
            let href = format!("/providers/{}", provider.slug);
            let issuer = provider.setting("issuer").unwrap_or_default().to_owned();
            let domains = if provider.domains.is_empty() {
                "–".to_owned()
            } else {
                provider.domains.join(", ")
            };
            TableRow::new(vec![
                view! { <Who name=provider.name.clone() note=issuer/> }.into_any(),
                state(&provider),
                worth(provider.calibration.standing()),
                view! { <span class="muted">{domains}</span> }.into_any(),
            ])
            .to(href)
        })
        .collect();
    view! { <Card inset=Inset::Flush><Table caption="Identity providers" columns rows/></Card> }
        .into_any()
}

/// Whether people can sign in through it, as a chip.
pub(crate) fn state(provider: &Provider) -> AnyView {
    if provider.enabled {
        view! { <Chip tone=Tone::Good icon=Glyph::Check>"On"</Chip> }.into_any()
    } else {
        view! { <Chip tone=Tone::Neutral icon=Glyph::Cross>"Off"</Chip> }.into_any()
    }
}

/// What its time stamps are worth, as a chip.
pub(crate) fn worth(worth: Worth) -> AnyView {
    let (tone, glyph, words) = match worth {
        Worth::Informative => (Tone::Good, Glyph::Check, "Carry information"),
        Worth::Uninformative => (Tone::Danger, Glyph::Cross, "Worth nothing"),
        Worth::Silent => (Tone::Caution, Glyph::Warning, "Not stated"),
        Worth::Unknown => (Tone::Neutral, Glyph::Question, "Not tested yet"),
    };
    view! { <Chip tone icon=glyph>{words}</Chip> }.into_any()
}
